(** Standardization of columns: src/pellucid/layers/standardize.py. *)

From Pellucid Require Import vector.

(** out = (x - mean) / std *)
Definition standardize (mean std : vector) (x : matrix) : matrix :=
  fun t i => (x t i - mean i) / std i.

(** dx = dout / std *)
Definition standardize_dx (std : vector) (dout : matrix) : matrix := fun t i => dout t i / std i.

(** For all sizes and all constants: the backward of standardization is its derivative. *)
Theorem standardize_backward T n mean std (x : R -> matrix) :
  smooth (Matrix T n) x ->
  smooth (Matrix T n) (fun s => standardize mean std (x s)) /\
  forall dout : matrix,
    slope (Matrix T n) dout (fun s => standardize mean std (x s))
    = slope (Matrix T n) (standardize_dx std dout) x.
Proof.
  intros Sx. apply smooth_der in Sx. set (dx := velocity (Matrix T n) x) in *.
  assert (D : der (Matrix T n) (fun s => standardize mean std (x s)) (fun t i => dx t i / std i)).
  { intros t Ht i Hi. apply (d_over (std i) (fun s => x s t i - mean i)).
    eapply d_eq; [apply d_minus; [apply (Sx t Ht i Hi) | apply d_const] | cbv beta; ring]. }
  destruct (der_out _ _ _ D) as [Sy Hy]. split; [exact Sy |]. intros dout. rewrite Hy.
  unfold slope. fold dx. unfold standardize_dx, Rdiv. simpl.
  apply sum_ext. intros t _. apply sum_ext. intros i _. ring.
Qed.
