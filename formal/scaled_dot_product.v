(** Scaled dot-product attention: src/pellucid/layers/scaled_dot_product.py.

    T queries look at S keys; mask t s says whether query t may look at key s. Each query may look at
    one key at least: of a row that is all hidden the code makes no number. *)

From Pellucid Require Import vector linear embedding softmax scale dropout.

Definition mask := nat -> nat -> bool.

Definition all_look (T S : nat) (may_look : mask) : Prop :=
  forall t, (t < T)%nat -> some_visible S (may_look t).

(** scores = q kᵀ / √d *)
Definition scores (d : nat) (q k : matrix) : matrix :=
  fun t s => / sqrt (INR d) * unembedding d q k t s.

(** att = softmax(scores) *)
Definition att (S d : nat) (may_look : mask) (q k : matrix) : matrix :=
  fun t => masked_softmax S (may_look t) (scores d q k t).

(** kept = att · noise *)
Definition kept (S d : nat) (may_look : mask) (noise q k : matrix) : matrix :=
  dropout noise (att S d may_look q k).

(** z = kept v *)
Definition attend (S d : nat) (may_look : mask) (noise q k v : matrix) : matrix :=
  linear_map S (kept S d may_look noise q k) v.

(** dv = keptᵀ dz *)
Definition attend_dv (T S d : nat) (may_look : mask) (noise q k dz : matrix) : matrix :=
  linear_dweight T (kept S d may_look noise q k) dz.

(** dkept = dz vᵀ;  datt = dkept · noise;  dscores = att · (datt - Σ datt · att) *)
Definition attend_dscores (S d : nat) (may_look : mask) (noise q k v dz : matrix) : matrix :=
  let dkept := linear_dx d v dz in
  let datt := dropout_dx noise dkept in
  fun t => softmax_dx S (att S d may_look q k t) (datt t).

(** dq = dscores k / √d *)
Definition attend_dq (S d : nat) (may_look : mask) (noise q k v dz : matrix) : matrix :=
  unembedding_dx S k (scale_dx (/ sqrt (INR d)) (attend_dscores S d may_look noise q k v dz)).

(** dk = dscoresᵀ q / √d *)
Definition attend_dk (T S d : nat) (may_look : mask) (noise q k v dz : matrix) : matrix :=
  unembedding_dweight T q (scale_dx (/ sqrt (INR d)) (attend_dscores S d may_look noise q k v dz)).

(** A row of attention sums to 1. *)
Theorem att_sums_to_1 T S d may_look q k t :
  all_look T S may_look -> (t < T)%nat -> sum S (att S d may_look q k t) = 1.
Proof. intros L Ht. apply masked_softmax_sums_to_1, L, Ht. Qed.

(** What may not be looked at gets no attention. *)
Theorem hidden_gets_no_attention S d may_look q k t s :
  may_look t s = false -> att S d may_look q k t s = 0.
Proof. apply masked_softmax_hidden. Qed.

(** A hidden score has no gradient: the backward needs no mask. *)
Theorem hidden_gets_no_gradient S d may_look noise q k v dz t s :
  may_look t s = false -> attend_dscores S d may_look noise q k v dz t s = 0.
Proof.
  intros H. unfold attend_dscores, softmax_dx. rewrite hidden_gets_no_attention by exact H. ring.
Qed.

(** For every number of queries T and keys S and every width d, whatever the mask and the noise: the
    backward of one head is its derivative, by queries, keys and values. *)
Theorem attend_backward T S d may_look noise (q k v : R -> matrix) :
  smooth (Matrix T d) q -> smooth (Matrix S d) k -> smooth (Matrix S d) v ->
  all_look T S may_look ->
  smooth (Matrix T d) (fun s => attend S d may_look noise (q s) (k s) (v s)) /\
  forall dz : matrix,
    slope (Matrix T d) dz (fun s => attend S d may_look noise (q s) (k s) (v s))
    = slope (Matrix T d) (attend_dq S d may_look noise (q 0) (k 0) (v 0) dz) q
      + slope (Matrix S d) (attend_dk T S d may_look noise (q 0) (k 0) (v 0) dz) k
      + slope (Matrix S d) (attend_dv T S d may_look noise (q 0) (k 0) dz) v.
Proof.
  intros Sq Sk Sv L.
  destruct (unembedding_backward T d S q k Sq Sk) as [Sp Hp].
  destruct (scale_backward T S (/ sqrt (INR d)) _ Sp) as [Ss Hs].
  assert (B : forall t, (t < T)%nat -> _) by
    (intros t Ht; exact (masked_softmax_backward S (may_look t)
      (fun s => scores d (q s) (k s) t) (Ss t Ht) (L t Ht))).
  assert (Sa : smooth (Matrix T S) (fun s => att S d may_look (q s) (k s))).
  { intros t Ht. apply (B t Ht). }
  destruct (dropout_backward T S noise _ Sa) as [Sd Hd].
  destruct (linear_map_backward T S d _ v Sd Sv) as [Sz Hz].
  split; [exact Sz |]. intros dz. etransitivity; [exact (Hz dz) |]. unfold attend_dv. f_equal.
  rewrite Hd. unfold attend_dq, attend_dk. rewrite <- Hp.
  etransitivity; [| exact (Hs _)].
  rewrite !slope_vec. apply sum_ext. intros t Ht. apply (B t Ht).
Qed.

(** All heads, each by itself. *)
Definition scaled_dot_product (S d : nat) (may_look : mask) (noise q k v : heads) : heads :=
  fun h => attend S d may_look (noise h) (q h) (k h) (v h).

Definition scaled_dot_product_dq (S d : nat) (may_look : mask) (noise q k v dz : heads) : heads :=
  fun h => attend_dq S d may_look (noise h) (q h) (k h) (v h) (dz h).

Definition scaled_dot_product_dk (T S d : nat) (may_look : mask) (noise q k v dz : heads) : heads :=
  fun h => attend_dk T S d may_look (noise h) (q h) (k h) (v h) (dz h).

Definition scaled_dot_product_dv (T S d : nat) (may_look : mask) (noise q k dz : heads) : heads :=
  fun h => attend_dv T S d may_look (noise h) (q h) (k h) (dz h).

(** The same for every number H of heads. *)
Theorem scaled_dot_product_backward H T S d may_look noise (q k v : R -> heads) :
  smooth (Heads H T d) q -> smooth (Heads H S d) k -> smooth (Heads H S d) v ->
  all_look T S may_look ->
  smooth (Heads H T d) (fun s => scaled_dot_product S d may_look noise (q s) (k s) (v s)) /\
  forall dz : heads,
    slope (Heads H T d) dz (fun s => scaled_dot_product S d may_look noise (q s) (k s) (v s))
    = slope (Heads H T d) (scaled_dot_product_dq S d may_look noise (q 0) (k 0) (v 0) dz) q
      + slope (Heads H S d) (scaled_dot_product_dk T S d may_look noise (q 0) (k 0) (v 0) dz) k
      + slope (Heads H S d) (scaled_dot_product_dv T S d may_look noise (q 0) (k 0) dz) v.
Proof.
  intros Sq Sk Sv L.
  assert (B : forall h, (h < H)%nat -> _) by
    (intros h Hh; exact (attend_backward T S d may_look (noise h) (fun s => q s h) (fun s => k s h)
      (fun s => v s h) (Sq h Hh) (Sk h Hh) (Sv h Hh) L)).
  split; [intros h Hh; apply (B h Hh) |]. intros dz.
  rewrite !(slope_vec H), <- !sum_plus. apply sum_ext. intros h Hh. apply (B h Hh).
Qed.
