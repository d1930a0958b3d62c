(* What the theorem rests on: all axioms, with those that it takes from libraries. *)
From Run Require Import Run.

Print Assumptions run.
