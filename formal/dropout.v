(** Dropout, multiplication by noise that was drawn beforehand: src/pellucid/layers/dropout.py. Where
    there is no noise, the noise is 1 everywhere. *)

From Pellucid Require Import vector.

Definition ones : matrix := fun _ _ => 1.

(** out = x · noise *)
Definition dropout (noise x : matrix) : matrix := fun t i => x t i * noise t i.

(** dx = dout · noise *)
Definition dropout_dx (noise dout : matrix) : matrix := fun t i => dout t i * noise t i.

(** For all sizes and whatever noise was drawn: the backward of dropout is its derivative. *)
Theorem dropout_backward T n noise (x : R -> matrix) :
  smooth (Matrix T n) x ->
  smooth (Matrix T n) (fun s => dropout noise (x s)) /\
  forall dout : matrix,
    slope (Matrix T n) dout (fun s => dropout noise (x s))
    = slope (Matrix T n) (dropout_dx noise dout) x.
Proof.
  intros Sx. apply smooth_der in Sx. set (dx := velocity (Matrix T n) x) in *.
  assert (D : der (Matrix T n) (fun s => dropout noise (x s)) (fun t i => noise t i * dx t i)).
  { intros t Ht i Hi. unfold dropout.
    eapply d_eq; [apply d_mult; [apply (Sx t Ht i Hi) | apply d_const] | cbv beta; ring]. }
  destruct (der_out _ _ _ D) as [Sy Hy]. split; [exact Sy |]. intros dout. rewrite Hy.
  unfold slope. fold dx. unfold dropout_dx. simpl.
  apply sum_ext. intros t _. apply sum_ext. intros i _. ring.
Qed.

(** Dropout without noise does nothing. *)
Theorem dropout_by_ones x t i : dropout ones x t i = x t i.
Proof. unfold dropout, ones. ring. Qed.
