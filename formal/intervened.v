(** Numbers that are set by hand: src/pellucid/layers/intervened.py. *)

From Pellucid Require Import vector.

(** out = value where it was set by hand, else x *)
Definition intervened (by_hand : nat -> nat -> bool) (value x : matrix) : matrix :=
  fun t i => if by_hand t i then value t i else x t i.

(** dx = 0 where it was set by hand, else dout *)
Definition intervened_dx (by_hand : nat -> nat -> bool) (dout : matrix) : matrix :=
  fun t i => if by_hand t i then 0 else dout t i.

(** For all sizes, wherever and to whatever numbers are set: the backward is the derivative. *)
Theorem intervened_backward T n by_hand value (x : R -> matrix) :
  smooth (Matrix T n) x ->
  smooth (Matrix T n) (fun s => intervened by_hand value (x s)) /\
  forall dout : matrix,
    slope (Matrix T n) dout (fun s => intervened by_hand value (x s))
    = slope (Matrix T n) (intervened_dx by_hand dout) x.
Proof.
  intros Sx. apply smooth_der in Sx. set (dx := velocity (Matrix T n) x) in *.
  assert (D : der (Matrix T n) (fun s => intervened by_hand value (x s))
    (fun t i => if by_hand t i then 0 else dx t i)).
  { intros t Ht i Hi. unfold intervened. destruct (by_hand t i).
    - apply d_const.
    - apply (Sx t Ht i Hi). }
  destruct (der_out _ _ _ D) as [Sy Hy]. split; [exact Sy |]. intros dout. rewrite Hy.
  unfold slope. fold dx. unfold intervened_dx. simpl.
  apply sum_ext. intros t _. apply sum_ext. intros i _. destruct (by_hand t i); ring.
Qed.
