From Coq Require Import Reals Lra.
Local Open Scope R_scope.

(* x lies from low to high, both divided by a whole number. *)
Definition within (low high below x : R) : Prop := low / below <= x <= high / below.

Lemma exactly : forall x below, within x x below (x / below).
Proof. intros. split; apply Rle_refl. Qed.

(* Whether x is the larger, as 1 or 0; and the sign of x, as 1, 0 or -1. *)
Definition above (x y : R) : R := if Rlt_dec y x then 1 else 0.
Definition sign (x : R) : R := if Rlt_dec 0 x then 1 else if Rlt_dec x 0 then -1 else 0.

Lemma tanh_by_exp : forall x, tanh x = 1 - 2 / (exp (2 * x) + 1).
Proof.
  intro x. unfold tanh, sinh, cosh. pose proof (exp_pos x).
  replace (2 * x) with (x + x) by ring. rewrite exp_plus, exp_Ropp. field. split; nra.
Qed.
