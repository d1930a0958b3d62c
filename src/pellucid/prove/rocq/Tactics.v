From Coq Require Import Reals Lra.
From Interval Require Export Tactic.
From Run Require Export Prelude.
Local Open Scope R_scope.

(* Each enclosure as two inequalities. *)
Ltac opened :=
  repeat match goal with H : _ ?x |- _ => match type of x with R => red in H; red in H end end;
  red; red.

(* The goal by a tactic, or else an error that names it. *)
Ltac proved how :=
  intros;
  lazymatch goal with
  | |- ?enclosure _ =>
      opened; first [solve [how tt] | fail 1 "not shown to hold for its equation:" enclosure]
  end.

(* By interval arithmetic. *)
Ltac enclosed bits := proved ltac:(fun _ => rewrite ?tanh_by_exp; interval with bits).

(* The larger of two numbers that are known to lie between fractions. *)
Ltac larger_of_two := proved ltac:(fun _ => unfold Rmax; destruct (Rle_dec _ _); lra).

(* A comparison that the enclosures of its operands decide. *)
Ltac decided := proved ltac:(fun _ => unfold above, sign; repeat destruct (Rlt_dec _ _); lra).
