(** The rectified linear unit: src/pellucid/layers/relu.py. *)

From Pellucid Require Import vector.

(** out = max(x, 0) *)
Definition relu (x : R) : R := Rmax x 0.

(** dx = dout · (x > 0) *)
Definition relu_dx (x dout : R) : R := if Rlt_dec 0 x then dout else 0.

(** ReLU's backward is its derivative wherever x is not 0. At 0 ReLU has no derivative. *)
Theorem relu_backward x : x <> 0 -> backward_at relu relu_dx x.
Proof.
  intros Nz. destruct (Rlt_dec 0 x) as [P | N].
  - exists 1. split; [| intros dout; unfold relu_dx; destruct (Rlt_dec 0 x); [ring | contradiction]].
    apply (is_derive_ext_loc (fun x => x)); [| apply (is_derive_id (K := R_AbsRing))].
    apply (locally_open (fun y => 0 < y)); [apply open_gt | | exact P].
    intros y Hy. symmetry. unfold relu. apply Rmax_left. lra.
  - exists 0. split; [| intros dout; unfold relu_dx; destruct (Rlt_dec 0 x); [contradiction | ring]].
    apply (is_derive_ext_loc (fun _ => 0));
      [| apply (is_derive_const (K := R_AbsRing) (V := R_NormedModule))].
    apply (locally_open (fun y => y < 0)); [apply open_lt | | lra].
    intros y Hy. symmetry. unfold relu. apply Rmax_right. lra.
Qed.

(** At 0 there is no derivative, so no backward could be right there. *)
Theorem relu_has_no_derivative_at_0 : ~ ex_derive relu 0.
Proof.
  intros [d Hd]. apply is_derive_Reals in Hd.
  destruct (Hd (/ 2)) as [[delta P] H]; [lra |]. simpl in H.
  assert (Right := H (delta / 2)). assert (Left := H (- (delta / 2))).
  rewrite Rabs_right in Right by lra. rewrite Rabs_left in Left by lra.
  unfold relu in Right, Left. rewrite Rplus_0_l, Rmax_left, Rmax_left in Right by lra.
  rewrite Rplus_0_l, Rmax_right, Rmax_left in Left by lra.
  replace ((delta / 2 - 0) / (delta / 2) - d) with (1 - d) in Right by (field; lra).
  replace ((0 - 0) / - (delta / 2) - d) with (- d) in Left by (field; lra).
  assert (R := Right ltac:(lra) ltac:(lra)). assert (L := Left ltac:(lra) ltac:(lra)).
  apply Rabs_def2 in R, L. lra.
Qed.
