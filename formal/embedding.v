(** Token embedding and its transpose, the unembedding: src/pellucid/layers/embedding.py. *)

From Pellucid Require Import vector linear.

(** out[t] = weight[tokens[t]] *)
Definition embedding (tokens : nat -> nat) (weight : matrix) : matrix := fun t => weight (tokens t).

(** dweight[v] = Σₜ dout[t] where tokens[t] = v *)
Definition embedding_dweight (T : nat) (tokens : nat -> nat) (dout : matrix) : matrix :=
  fun v c => sum T (fun t => if Nat.eqb (tokens t) v then dout t c else 0).

(** For every length T, vocabulary V and width C, and all tokens of the vocabulary: the backward of
    an embedding is its derivative by the table. *)
Theorem embedding_backward T V C tokens (weight : R -> matrix) :
  smooth (Matrix V C) weight -> (forall t, (t < T)%nat -> (tokens t < V)%nat) ->
  smooth (Matrix T C) (fun s => embedding tokens (weight s)) /\
  forall dout : matrix,
    slope (Matrix T C) dout (fun s => embedding tokens (weight s))
    = slope (Matrix V C) (embedding_dweight T tokens dout) weight.
Proof.
  intros Sw Ht. split; [intros t Lt; exact (Sw (tokens t) (Ht t Lt)) |]. intros dout.
  unfold slope, embedding, embedding_dweight. simpl.
  transitivity (sum T (fun t => sum V (fun v =>
    if Nat.eqb v (tokens t) then sum C (fun c => dout t c * Derive (fun s => weight s v c) 0) else 0))).
  - apply sum_ext. intros t Lt. symmetry. apply (sum_at V (tokens t)), Ht, Lt.
  - rewrite sum_swap. apply sum_ext. intros v _.
    transitivity (sum C (fun c => sum T (fun t =>
      (if Nat.eqb (tokens t) v then dout t c else 0) * Derive (fun s => weight s v c) 0))).
    + rewrite sum_swap. apply sum_ext. intros t _. rewrite (Nat.eqb_sym v).
      destruct (Nat.eqb (tokens t) v); [reflexivity |].
      symmetry. apply sum_none. intros; ring.
    + apply sum_ext. intros c _. apply sum_scal_r.
Qed.

(** The same as one_hot(tokens) times the table, without the zeros. *)
Theorem embedding_is_one_hot_product V tokens weight t c :
  (tokens t < V)%nat ->
  embedding tokens weight t c
  = sum V (fun v => (if Nat.eqb v (tokens t) then 1 else 0) * weight v c).
Proof.
  intros H. unfold embedding. rewrite <- (sum_at V (tokens t) (fun v => weight v c) H).
  apply sum_ext. intros v _. destruct (Nat.eqb v (tokens t)); ring.
Qed.

(** out = x weightᵀ *)
Definition unembedding (C : nat) (x weight : matrix) : matrix :=
  fun t v => sum C (fun c => x t c * weight v c).

(** dx = dout weight *)
Definition unembedding_dx (V : nat) (weight dout : matrix) : matrix :=
  fun t c => sum V (fun v => dout t v * weight v c).

(** dweight = doutᵀ x *)
Definition unembedding_dweight (T : nat) (x dout : matrix) : matrix :=
  fun v c => sum T (fun t => dout t v * x t c).

(** For all sizes: the backward of the unembedding is its derivative, by its input and its table. *)
Theorem unembedding_backward T C V (x weight : R -> matrix) :
  smooth (Matrix T C) x -> smooth (Matrix V C) weight ->
  smooth (Matrix T V) (fun s => unembedding C (x s) (weight s)) /\
  forall dout : matrix,
    slope (Matrix T V) dout (fun s => unembedding C (x s) (weight s))
    = slope (Matrix T C) (unembedding_dx V (weight 0) dout) x
      + slope (Matrix V C) (unembedding_dweight T (x 0) dout) weight.
Proof.
  intros Sx Sw. apply smooth_der in Sx, Sw.
  set (dx := velocity (Matrix T C) x) in *. set (dw := velocity (Matrix V C) weight) in *.
  assert (D : der (Matrix T V) (fun s => unembedding C (x s) (weight s))
    (fun t v => sum C (fun c => dx t c * weight 0 v c + x 0 t c * dw v c))).
  { intros t Ht v Hv. apply (d_sum C (fun s c => x s t c * weight s v c)). intros c Hc.
    apply d_mult; [apply (Sx t Ht c Hc) | apply (Sw v Hv c Hc)]. }
  destruct (der_out _ _ _ D) as [Sy Hy]. split; [exact Sy |]. intros dout. rewrite Hy.
  unfold slope. fold dx dw. unfold unembedding_dx, unembedding_dweight. simpl.
  transitivity (sum T (fun t => sum V (fun v => sum C (fun c => dout t v * weight 0 v c * dx t c)))
    + sum T (fun t => sum V (fun v => sum C (fun c => dout t v * x 0 t c * dw v c)))).
  - rewrite <- sum_plus. apply sum_ext. intros t _. rewrite <- sum_plus.
    apply sum_ext. intros v _. rewrite <- sum_scal, <- sum_plus.
    apply sum_ext. intros c _. ring.
  - f_equal.
    + apply sum_ext. intros t _. rewrite sum_swap. apply sum_ext. intros c _. apply sum_scal_r.
    + rewrite sum_swap. apply sum_ext. intros v _.
      rewrite sum_swap. apply sum_ext. intros c _. apply sum_scal_r.
Qed.
