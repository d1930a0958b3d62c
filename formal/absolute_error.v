(** The simplest loss: src/pellucid/layers/absolute_error.py. *)

From Pellucid Require Import vector.

(** errors = x - wanted;  losses = Σ |errors|;  loss = mean(losses) *)
Definition absolute_error (T n : nat) (wanted x : matrix) : R :=
  mean T (fun t => sum n (fun j => Rabs (x t j - wanted t j))).

(** dx = dloss · sign(errors) / T *)
Definition absolute_error_dx (T : nat) (wanted x : matrix) (dloss : R) : matrix :=
  fun t j => dloss * sign (x t j - wanted t j) / INR T.

(** For all sizes, where no output is exactly what was wanted: the backward of the absolute error is
    its derivative. *)
Theorem absolute_error_backward T n wanted (x : R -> matrix) :
  smooth (Matrix T n) x ->
  (forall t j, (t < T)%nat -> (j < n)%nat -> x 0 t j - wanted t j <> 0) ->
  smooth Scalar (fun s => absolute_error T n wanted (x s)) /\
  forall dloss : R,
    slope Scalar dloss (fun s => absolute_error T n wanted (x s))
    = slope (Matrix T n) (absolute_error_dx T wanted (x 0) dloss) x.
Proof.
  intros Sx Nz. apply smooth_der in Sx. set (dx := velocity (Matrix T n) x) in *.
  assert (D : der Scalar (fun s => absolute_error T n wanted (x s))
    (mean T (fun t => sum n (fun j => sign (x 0 t j - wanted t j) * dx t j)))).
  { unfold absolute_error, mean.
    apply (d_over (INR T) (fun s => sum T (fun t => sum n (fun j => Rabs (x s t j - wanted t j))))).
    apply (d_sum T (fun s t => sum n (fun j => Rabs (x s t j - wanted t j)))). intros t Ht.
    apply (d_sum n (fun s j => Rabs (x s t j - wanted t j))). intros j Hj.
    apply (is_derive_Rabs (fun s => x s t j - wanted t j)); [| apply Nz; assumption].
    eapply d_eq; [apply d_minus; [apply (Sx t Ht j Hj) | apply d_const] | cbv beta; ring]. }
  destruct (der_out _ _ _ D) as [Sl Hl]. split; [exact Sl |]. intros dloss. rewrite Hl.
  unfold slope. fold dx. unfold absolute_error_dx, mean. simpl.
  unfold Rdiv. rewrite <- sum_scal_r, <- sum_scal. apply sum_ext. intros t _.
  rewrite <- sum_scal_r, <- sum_scal. apply sum_ext. intros j _. ring.
Qed.
