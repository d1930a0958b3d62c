(** How two ways to write a number are seen to be the same, in what formal/link.py writes. *)

From Pellucid Require Import vector.

(** What stands in a denominator here: sums of exponentials, and numbers. *)
Ltac not_zero :=
  repeat split; repeat match goal with |- context [exp ?a] =>
    lazymatch goal with
    | H : 0 < exp a |- _ => fail
    | _ => assert (0 < exp a) by apply exp_pos
    end end;
  try lra.

Ltac alike := lazymatch goal with |- ?a = ?a => reflexivity end.

Ltac same :=
  solve [ alike | ring | unfold Rdiv; ring | field; not_zero
        | unfold Rdiv; progress f_equal; same ].

(** The root of a number of places, which was unfolded to ones. *)
Ltac roots := try replace (sqrt (1 + 1)) with (sqrt 2) by (f_equal; lra).

(** The masks: where a query may look. *)
Definition one_of_two (t s : nat) : bool := Nat.leb s t.
Definition two_of_three (t s : nat) : bool := Nat.leb s (S t).

(** A choice by the sign of a number. *)
Ltac by_sign :=
  repeat match goal with |- context [if ?d then _ else _] => destruct d end; same.
