(** A stack, blocks one after another: src/pellucid/layers/stack.py. *)

From Pellucid Require Import vector residual.

Section Stack.

Context {T C : nat} {P : space} (block : nat -> module T C P).

(** The stream after the first L blocks. *)
Fixpoint stack (L : nat) (x : matrix) (h : nat -> point P) : matrix :=
  match L with
  | O => x
  | S l => run (block l) (stack l x h) (h l)
  end.

(** Backward from the last block to the first. *)
Fixpoint stack_dx (L : nat) (x : matrix) (h : nat -> point P) (dout : matrix) : matrix :=
  match L with
  | O => dout
  | S l => stack_dx l x h (run_dx (block l) (stack l x h) (h l) dout)
  end.

Fixpoint stack_dparams (L : nat) (x : matrix) (h : nat -> point P) (dout : matrix)
    : nat -> point P :=
  match L with
  | O => fun _ => zero P
  | S l => fun i =>
      if Nat.eqb i l then run_dparams (block l) (stack l x h) (h l) dout
      else stack_dparams l x h (run_dx (block l) (stack l x h) (h l) dout) i
  end.

Fixpoint stack_domain (L : nat) (x : matrix) (h : nat -> point P) : Prop :=
  match L with
  | O => True
  | S l => stack_domain l x h /\ domain (block l) (stack l x h) (h l)
  end.

(** For every number L of blocks: where each block's backward is its derivative, so is the stack's. *)
Theorem stack_backward L (x : R -> matrix) (h : R -> nat -> point P) :
  smooth (Matrix T C) x -> smooth (Vec L P) h -> stack_domain L (x 0) (h 0) ->
  smooth (Matrix T C) (fun s => stack L (x s) (h s)) /\
  forall dout : matrix,
    slope (Matrix T C) dout (fun s => stack L (x s) (h s))
    = slope (Matrix T C) (stack_dx L (x 0) (h 0) dout) x
      + slope (Vec L P) (stack_dparams L (x 0) (h 0) dout) h.
Proof.
  intros Sx. induction L as [| l IH]; intros Sh D.
  - split; [exact Sx |]. intros dout. rewrite (slope_vec 0). symmetry. apply Rplus_0_r.
  - destruct D as [D Db].
    destruct (IH (fun i Hi => Sh i (Nat.lt_lt_succ_r _ _ Hi)) D) as [Ss Hs].
    destruct (right (block l) _ _ Ss (Sh l (Nat.lt_succ_diag_r l)) Db) as [Sy Hy].
    split; [exact Sy |]. intros dout. etransitivity; [exact (Hy dout) |].
    rewrite Hs, !slope_vec. simpl stack_dx. simpl sum. rewrite Nat.eqb_refl, Rplus_assoc.
    f_equal. f_equal. apply sum_ext. intros i Hi. simpl stack_dparams.
    destruct (Nat.eqb_spec i l); [lia | reflexivity].
Qed.

Lemma stack_always L x h :
  (forall l x p, domain (block l) x p) -> stack_domain L x h.
Proof. intros A. induction L as [| l IH]; simpl; [exact I | split; [exact IH | apply A]]. Qed.

End Stack.

Definition stack_module {T C P} (block : nat -> module T C P) (L : nat) : module T C (Vec L P) :=
  Build_module T C (Vec L P) (stack block L) (stack_dx block L) (stack_dparams block L)
    (stack_domain block L) (stack_backward block L).

(** Where there is no last norm: out = x, without parameters. *)
Lemma nothing_backward T C (x : R -> matrix) (p : R -> point (Vector 0)) :
  smooth (Matrix T C) x -> smooth (Vector 0) p -> True ->
  smooth (Matrix T C) (fun s => x s) /\
  forall dout : matrix,
    slope (Matrix T C) dout (fun s => x s)
    = slope (Matrix T C) dout x + slope (Vector 0) (zero (Vector 0)) p.
Proof. intros Sx _ _. split; [exact Sx |]. intros dout. rewrite slope_zero. symmetry. apply Rplus_0_r. Qed.

Definition nothing (T C : nat) : module T C (Vector 0) :=
  Build_module T C (Vector 0) (fun x _ => x) (fun _ _ dout => dout)
    (fun _ _ _ => zero (Vector 0)) (fun _ _ => True) (nothing_backward T C).
