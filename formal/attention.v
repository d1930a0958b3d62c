(** Multi-head self-attention, as in GPT-2: src/pellucid/layers/attention.py. *)

From Pellucid Require Import vector linear scaled_dot_product multi_head.

(** The parameters: one map to q, k and v side by side, and one back. *)
Definition Attention (C : nat) : space := Prod (Linear C (3 * C)) (Linear C C).
Definition attention_params : Type := (linear_params * linear_params)%type.
Definition c_attn (p : attention_params) : linear_params := fst p.
Definition attn_c_proj (p : attention_params) : linear_params := snd p.

(** Three matrices side by side, and each by its number: 0 for q, 1 for k, 2 for v. *)
Definition three (a b c : matrix) : heads :=
  fun i => match i with O => a | S O => b | _ => c end.

(** q, k, v = split(x W + b), head by head *)
Definition qkv (H d : nat) (x : matrix) (p : attention_params) : matrix :=
  linear_of (H * d) x (c_attn p).

Definition heads_of (H d i : nat) (x : matrix) (p : attention_params) : heads :=
  split_heads d (split_heads (H * d) (qkv H d x p) i).

(** out = multi_head(q, k, v) *)
Definition attention (H T d : nat) (may_look : mask) (attn_noise : heads) (resid_noise : matrix)
    (x : matrix) (p : attention_params) : matrix :=
  multi_head H T d may_look attn_noise resid_noise
    (heads_of H d 0 x p) (heads_of H d 1 x p) (heads_of H d 2 x p) (attn_c_proj p).

(** dqkv = [concat(dq) concat(dk) concat(dv)] *)
Definition attention_dqkv (H T d : nat) (may_look : mask) (attn_noise : heads)
    (resid_noise : matrix) (x : matrix) (p : attention_params) (dout : matrix) : matrix :=
  let q := heads_of H d 0 x p in
  let k := heads_of H d 1 x p in
  let v := heads_of H d 2 x p in
  let dz := multi_head_dz (H * d) d resid_noise (attn_c_proj p) dout in
  merge_heads (H * d) (three
    (merge_heads d (scaled_dot_product_dq T d may_look attn_noise q k v dz))
    (merge_heads d (scaled_dot_product_dk T T d may_look attn_noise q k v dz))
    (merge_heads d (scaled_dot_product_dv T T d may_look attn_noise q k dz))).

Definition attention_dx (H T d : nat) (may_look : mask) (attn_noise : heads) (resid_noise : matrix)
    (x : matrix) (p : attention_params) (dout : matrix) : matrix :=
  linear_dx_of (3 * (H * d)) (c_attn p)
    (attention_dqkv H T d may_look attn_noise resid_noise x p dout).

Definition attention_dparams (H T d : nat) (may_look : mask) (attn_noise : heads)
    (resid_noise : matrix) (x : matrix) (p : attention_params) (dout : matrix) : attention_params :=
  (linear_dparams T x (attention_dqkv H T d may_look attn_noise resid_noise x p dout),
   multi_head_dc_proj T T d may_look attn_noise resid_noise
     (heads_of H d 0 x p) (heads_of H d 1 x p) (heads_of H d 2 x p) dout).

(** For every number of heads H, positions T and head width d, whatever the mask and the noises: the
    backward of self-attention is its derivative, by its input and all its parameters. *)
Theorem attention_backward H T d may_look attn_noise resid_noise
    (x : R -> matrix) (p : R -> attention_params) :
  smooth (Matrix T (H * d)) x -> smooth (Attention (H * d)) p -> all_look T T may_look ->
  smooth (Matrix T (H * d))
    (fun s => attention H T d may_look attn_noise resid_noise (x s) (p s)) /\
  forall dout : matrix,
    slope (Matrix T (H * d)) dout
      (fun s => attention H T d may_look attn_noise resid_noise (x s) (p s))
    = slope (Matrix T (H * d))
        (attention_dx H T d may_look attn_noise resid_noise (x 0) (p 0) dout) x
      + slope (Attention (H * d))
          (attention_dparams H T d may_look attn_noise resid_noise (x 0) (p 0) dout) p.
Proof.
  intros Sx [Sa Sp] L.
  destruct (linear_of_backward T (H * d) (3 * (H * d)) x _ Sx Sa) as [Sl Hl].
  destruct (split_heads_backward 3 T (H * d) _ Sl) as [S3 H3].
  destruct (split_heads_backward H T d _ (S3 0%nat ltac:(lia))) as [Sq Hq].
  destruct (split_heads_backward H T d _ (S3 1%nat ltac:(lia))) as [Sk Hk].
  destruct (split_heads_backward H T d _ (S3 2%nat ltac:(lia))) as [Sv Hv].
  destruct (multi_head_backward H T T d (H * d) may_look attn_noise resid_noise _ _ _ _
              Sq Sk Sv Sp L) as [Sm Hm].
  split; [exact Sm |]. intros dout. etransitivity; [exact (Hm dout) |].
  rewrite Hq, Hk, Hv. unfold Attention. rewrite slope_prod, <- Rplus_assoc. f_equal.
  unfold attention_dparams, attention_dx. simpl fst.
  etransitivity; [| exact (Hl _)].
  etransitivity; [| exact (H3 _)]. rewrite (slope_vec 3). simpl sum. simpl three.
  rewrite Rplus_0_l. reflexivity.
Qed.
