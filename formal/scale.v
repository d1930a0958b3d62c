(** Scaling by a constant: src/pellucid/layers/scale.py. *)

From Pellucid Require Import vector.

(** out = factor · x *)
Definition scale (factor : R) (x : matrix) : matrix := fun t i => factor * x t i.

(** dx = factor · dout *)
Definition scale_dx (factor : R) (dout : matrix) : matrix := fun t i => factor * dout t i.

(** For all sizes and every factor: the backward of scaling is its derivative. *)
Theorem scale_backward T n factor (x : R -> matrix) :
  smooth (Matrix T n) x ->
  smooth (Matrix T n) (fun s => scale factor (x s)) /\
  forall dout : matrix,
    slope (Matrix T n) dout (fun s => scale factor (x s))
    = slope (Matrix T n) (scale_dx factor dout) x.
Proof.
  intros Sx. apply smooth_der in Sx. set (dx := velocity (Matrix T n) x) in *.
  assert (D : der (Matrix T n) (fun s => scale factor (x s)) (fun t i => factor * dx t i)).
  { intros t Ht i Hi. apply d_scal, (Sx t Ht i Hi). }
  destruct (der_out _ _ _ D) as [Sy Hy]. split; [exact Sy |]. intros dout. rewrite Hy.
  unfold slope. fold dx. simpl. unfold scale_dx.
  apply sum_ext. intros t _. apply sum_ext. intros i _. ring.
Qed.
