(** Multi-head attention from queries, keys and values: src/pellucid/layers/multi_head.py. *)

From Pellucid Require Import vector linear dropout scaled_dot_product.

(** Each head takes its own run of d channels. *)
Definition split_heads (d : nat) (x : matrix) : heads := fun h t k => x t (h * d + k)%nat.

(** The heads side by side again. *)
Definition merge_heads (d : nat) (z : heads) : matrix := fun t c => z (c / d)%nat t (c mod d)%nat.

Lemma merge_at d z t h k : (k < d)%nat -> merge_heads d z t (h * d + k)%nat = z h t k.
Proof.
  intros Hk. unfold merge_heads.
  rewrite Nat.div_add_l, Nat.div_small, Nat.add_0_r by lia.
  rewrite Nat.add_comm, Nat.mod_add, Nat.mod_small by lia. reflexivity.
Qed.

(** Merging undoes splitting: for every number of heads and every width. *)
Theorem merge_of_split d x t c : (0 < d)%nat -> merge_heads d (split_heads d x) t c = x t c.
Proof.
  intros Hd. unfold merge_heads, split_heads. f_equal.
  rewrite Nat.mul_comm. symmetry. apply Nat.div_mod. lia.
Qed.

(** Splitting undoes merging. *)
Theorem split_of_merge d z h t k :
  (k < d)%nat -> split_heads d (merge_heads d z) h t k = z h t k.
Proof. apply merge_at. Qed.

Lemma heads_sum H T d (f : nat -> nat -> R) :
  sum T (fun t => sum (H * d) (f t))
  = sum H (fun h => sum T (fun t => sum d (fun k => f t (h * d + k)%nat))).
Proof.
  transitivity (sum T (fun t => sum H (fun h => sum d (fun k => f t (h * d + k)%nat)))).
  - apply sum_ext. intros t _. apply sum_runs.
  - apply sum_swap.
Qed.

(** For all sizes: the backward of splitting into heads is merging. *)
Theorem split_heads_backward H T d (x : R -> matrix) :
  smooth (Matrix T (H * d)) x ->
  smooth (Heads H T d) (fun s => split_heads d (x s)) /\
  forall g : heads,
    slope (Heads H T d) g (fun s => split_heads d (x s))
    = slope (Matrix T (H * d)) (merge_heads d g) x.
Proof.
  intros Sx. split.
  - intros h Hh t Ht k Hk. apply (Sx t Ht). nia.
  - intros g. unfold slope. simpl. rewrite heads_sum.
    apply sum_ext. intros h Hh. apply sum_ext. intros t Ht. apply sum_ext. intros k Hk.
    rewrite merge_at by exact Hk. reflexivity.
Qed.

(** For all sizes: the backward of merging heads is splitting. *)
Theorem merge_heads_backward H T d (z : R -> heads) :
  smooth (Heads H T d) z ->
  smooth (Matrix T (H * d)) (fun s => merge_heads d (z s)) /\
  forall g : matrix,
    slope (Matrix T (H * d)) g (fun s => merge_heads d (z s))
    = slope (Heads H T d) (split_heads d g) z.
Proof.
  intros Sz. assert (Sm : smooth (Matrix T (H * d)) (fun s => merge_heads d (z s))).
  { intros t Ht c Hc. destruct d as [| d]; [lia |]. apply (Sz (c / S d)%nat).
    - apply Nat.div_lt_upper_bound; lia.
    - exact Ht.
    - apply Nat.mod_upper_bound. lia. }
  split; [exact Sm |]. intros g. unfold slope. simpl. rewrite heads_sum.
  apply sum_ext. intros h Hh. apply sum_ext. intros t Ht. apply sum_ext. intros k Hk.
  unfold split_heads. f_equal. apply Derive_ext. intros s. apply merge_at, Hk.
Qed.

(** merged = concat(z);  out = (merged W + b) · noise *)
Definition merged (S d : nat) (may_look : mask) (attn_noise q k v : heads) : matrix :=
  merge_heads d (scaled_dot_product S d may_look attn_noise q k v).

Definition multi_head (H S d : nat) (may_look : mask) (attn_noise : heads) (resid_noise : matrix)
    (q k v : heads) (c_proj : linear_params) : matrix :=
  dropout resid_noise (linear_of (H * d) (merged S d may_look attn_noise q k v) c_proj).

(** dz = heads(dmerged) *)
Definition multi_head_dz (C d : nat) (resid_noise : matrix) (c_proj : linear_params) (dout : matrix)
    : heads :=
  split_heads d (linear_dx_of C c_proj (dropout_dx resid_noise dout)).

Definition multi_head_dc_proj (T S d : nat) (may_look : mask) (attn_noise : heads)
    (resid_noise : matrix) (q k v : heads) (dout : matrix) : linear_params :=
  linear_dparams T (merged S d may_look attn_noise q k v) (dropout_dx resid_noise dout).

(** For every number of heads H, queries T and keys S, all widths d and C, whatever the mask and the
    noises: the backward of multi-head attention is its derivative, by queries, keys, values and the
    map behind them. *)
Theorem multi_head_backward H T S d C may_look attn_noise resid_noise
    (q k v : R -> heads) (c_proj : R -> linear_params) :
  smooth (Heads H T d) q -> smooth (Heads H S d) k -> smooth (Heads H S d) v ->
  smooth (Linear (H * d) C) c_proj -> all_look T S may_look ->
  smooth (Matrix T C)
    (fun s => multi_head H S d may_look attn_noise resid_noise (q s) (k s) (v s) (c_proj s)) /\
  forall dout : matrix,
    let dz := multi_head_dz C d resid_noise (c_proj 0) dout in
    slope (Matrix T C) dout
      (fun s => multi_head H S d may_look attn_noise resid_noise (q s) (k s) (v s) (c_proj s))
    = slope (Heads H T d) (scaled_dot_product_dq S d may_look attn_noise (q 0) (k 0) (v 0) dz) q
      + slope (Heads H S d) (scaled_dot_product_dk T S d may_look attn_noise (q 0) (k 0) (v 0) dz) k
      + slope (Heads H S d) (scaled_dot_product_dv T S d may_look attn_noise (q 0) (k 0) dz) v
      + slope (Linear (H * d) C)
          (multi_head_dc_proj T S d may_look attn_noise resid_noise (q 0) (k 0) (v 0) dout) c_proj.
Proof.
  intros Sq Sk Sv Sp L.
  destruct (scaled_dot_product_backward H T S d may_look attn_noise q k v Sq Sk Sv L) as [Sz Hz].
  destruct (merge_heads_backward H T d _ Sz) as [Sm Hm].
  destruct (linear_of_backward T (H * d) C _ c_proj Sm Sp) as [Sl Hl].
  destruct (dropout_backward T C resid_noise _ Sl) as [Sd Hd].
  split; [exact Sd |]. intros dout dz.
  etransitivity; [exact (Hd dout) |]. rewrite Hl, Hm, Hz. reflexivity.
Qed.
