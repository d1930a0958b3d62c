(** One number for two classes: src/pellucid/layers/binary_logits.py. *)

From Pellucid Require Import vector softmax silu.

(** out = (x, 0) *)
Definition binary_logits (x : matrix) : matrix :=
  fun t i => match i with O => x t 0%nat | _ => 0 end.

(** dx[t, i] = dout[t, i] *)
Definition binary_logits_dx (dout : matrix) : matrix := fun t i => dout t i.

(** For every number of rows: the backward of binary logits is their derivative. *)
Theorem binary_logits_backward T (x : R -> matrix) :
  smooth (Matrix T 1) x ->
  smooth (Matrix T 2) (fun s => binary_logits (x s)) /\
  forall dout : matrix,
    slope (Matrix T 2) dout (fun s => binary_logits (x s))
    = slope (Matrix T 1) (binary_logits_dx dout) x.
Proof.
  intros Sx. apply smooth_der in Sx. set (dx := velocity (Matrix T 1) x) in *.
  assert (D : der (Matrix T 2) (fun s => binary_logits (x s))
    (fun t i => match i with O => dx t 0%nat | _ => 0 end)).
  { intros t Ht i Hi. unfold binary_logits. destruct i as [| i]; [| apply d_const].
    apply (Sx t Ht 0%nat). lia. }
  destruct (der_out _ _ _ D) as [Sy Hy]. split; [exact Sy |]. intros dout. rewrite Hy.
  unfold slope. fold dx. unfold binary_logits_dx. simpl. apply sum_ext. intros t _. ring.
Qed.

(** The logistic function is softmax's two-way case: softmax(x, 0) = (σ(x), σ(-x)). *)
Theorem softmax_of_two_is_logistic x t :
  softmax 2 (binary_logits x t) 0%nat = sigma (x t 0%nat) /\
  softmax 2 (binary_logits x t) 1%nat = sigma (- x t 0%nat).
Proof.
  unfold softmax, masked_softmax, exps, all_visible, binary_logits, sigma. simpl.
  rewrite exp_0, Ropp_involutive, exp_Ropp.
  assert (P := exp_pos (x t 0%nat)). split; field; lra.
Qed.
