(** The residual connection, with its norm before or after: src/pellucid/layers/residual.py. *)

From Pellucid Require Import vector.

(** out = x + branch *)
Definition plus (T n : nat) (x branch : matrix) : matrix := add (Matrix T n) x branch.

(** For all sizes: a sum hands its gradient to both terms. *)
Theorem plus_backward T n (x branch : R -> matrix) :
  smooth (Matrix T n) x -> smooth (Matrix T n) branch ->
  smooth (Matrix T n) (fun s => plus T n (x s) (branch s)) /\
  forall dout : matrix,
    slope (Matrix T n) dout (fun s => plus T n (x s) (branch s))
    = slope (Matrix T n) dout x + slope (Matrix T n) dout branch.
Proof.
  intros Sa Sb. apply smooth_der in Sa, Sb.
  assert (D : der (Matrix T n) (fun s => plus T n (x s) (branch s))
    (fun t i => velocity (Matrix T n) x t i + velocity (Matrix T n) branch t i)).
  { intros t Ht i Hi. apply d_plus; [apply (Sa t Ht i Hi) | apply (Sb t Ht i Hi)]. }
  destruct (der_out _ _ _ D) as [Sy Hy]. split; [exact Sy |]. intros dout. rewrite Hy.
  unfold slope. simpl. rewrite <- sum_plus. apply sum_ext. intros t _.
  rewrite <- sum_plus. apply sum_ext. intros i _. ring.
Qed.

(** What a residual connection is made of: a norm and a part, each with its parameters, and each a
    function with a backward that is its derivative along every curve in its domain. *)
Record module (T C : nat) (P : space) : Type := {
  run : matrix -> point P -> matrix;
  run_dx : matrix -> point P -> matrix -> matrix;
  run_dparams : matrix -> point P -> matrix -> point P;
  domain : matrix -> point P -> Prop;
  right : forall (x : R -> matrix) (p : R -> point P),
    smooth (Matrix T C) x -> smooth P p -> domain (x 0) (p 0) ->
    smooth (Matrix T C) (fun s => run (x s) (p s)) /\
    forall dout : matrix,
      slope (Matrix T C) dout (fun s => run (x s) (p s))
      = slope (Matrix T C) (run_dx (x 0) (p 0) dout) x
        + slope P (run_dparams (x 0) (p 0) dout) p
}.

Arguments run {T C P}.
Arguments run_dx {T C P}.
Arguments run_dparams {T C P}.
Arguments domain {T C P}.
Arguments right {T C P}.

(** So each number of a module's backward is a partial derivative: of the number of its output at b, by
    the number of its input or of its parameters at a. Blocks and all their parts are modules. *)
Corollary module_jacobian {T C P} (m : module T C P) (x : matrix) (p : point P) a b :
  domain m x p -> inside (Prod (Matrix T C) P) a -> inside (Matrix T C) b ->
  is_derive
    (fun s => let moved := line (Prod (Matrix T C) P) (x, p) (one_at _ a) s in
       at_place (Matrix T C) b (run m (fst moved) (snd moved))) 0
    (at_place (Prod (Matrix T C) P) a
       (run_dx m x p (one_at (Matrix T C) b), run_dparams m x p (one_at (Matrix T C) b))).
Proof.
  intros D Ha Hb.
  apply (backward_is_the_transposed_jacobian (Prod (Matrix T C) P) (Matrix T C)
    (fun q : matrix * point P => run m (fst q) (snd q)) (x, p)
    (fun dout => (run_dx m x p dout, run_dparams m x p dout))); try assumption.
  intros q [Sx Sp] E.
  assert (D' : domain m (fst (q 0)) (snd (q 0))) by (rewrite E; exact D).
  destruct (right m _ _ Sx Sp D') as [Sy Hy]. split; [exact Sy |]. intros dout.
  rewrite slope_prod. etransitivity; [exact (Hy dout) |]. rewrite E. reflexivity.
Qed.

Section Connection.

Context {T C : nat} {N P : space} (norm : module T C N) (part : module T C P).

Let params : Type := (point N * point P)%type.

(** pre: out = x + part(ln(x)) *)
Definition pre (x : matrix) (p : params) : matrix :=
  plus T C x (run part (run norm x (fst p)) (snd p)).

(** dx = dout + dln.x *)
Definition pre_dx (x : matrix) (p : params) (dout : matrix) : matrix :=
  add (Matrix T C) dout
    (run_dx norm x (fst p) (run_dx part (run norm x (fst p)) (snd p) dout)).

Definition pre_dparams (x : matrix) (p : params) (dout : matrix) : params :=
  (run_dparams norm x (fst p) (run_dx part (run norm x (fst p)) (snd p) dout),
   run_dparams part (run norm x (fst p)) (snd p) dout).

Definition pre_domain (x : matrix) (p : params) : Prop :=
  domain norm x (fst p) /\ domain part (run norm x (fst p)) (snd p).

(** Where the norm's and the part's backward are right, so is the pre-norm connection's. *)
Theorem pre_backward (x : R -> matrix) (p : R -> params) :
  smooth (Matrix T C) x -> smooth (Prod N P) p -> pre_domain (x 0) (p 0) ->
  smooth (Matrix T C) (fun s => pre (x s) (p s)) /\
  forall dout : matrix,
    slope (Matrix T C) dout (fun s => pre (x s) (p s))
    = slope (Matrix T C) (pre_dx (x 0) (p 0) dout) x
      + slope (Prod N P) (pre_dparams (x 0) (p 0) dout) p.
Proof.
  intros Sx [Sn Sp] [Dn Dp].
  destruct (right norm x _ Sx Sn Dn) as [S1 H1].
  destruct (right part _ _ S1 Sp Dp) as [S2 H2].
  destruct (plus_backward T C x _ Sx S2) as [S3 H3].
  split; [exact S3 |]. intros dout. etransitivity; [exact (H3 dout) |].
  rewrite H2, H1, slope_prod. unfold pre_dx. rewrite slope_add.
  rewrite !Rplus_assoc. reflexivity.
Qed.

(** post: sum = x + part(x);  out = ln(sum) *)
Definition post_sum (x : matrix) (p : params) : matrix := plus T C x (run part x (snd p)).

Definition post (x : matrix) (p : params) : matrix := run norm (post_sum x p) (fst p).

(** dx = dsum + dpart.x *)
Definition post_dx (x : matrix) (p : params) (dout : matrix) : matrix :=
  let dsum := run_dx norm (post_sum x p) (fst p) dout in
  add (Matrix T C) dsum (run_dx part x (snd p) dsum).

Definition post_dparams (x : matrix) (p : params) (dout : matrix) : params :=
  (run_dparams norm (post_sum x p) (fst p) dout,
   run_dparams part x (snd p) (run_dx norm (post_sum x p) (fst p) dout)).

Definition post_domain (x : matrix) (p : params) : Prop :=
  domain part x (snd p) /\ domain norm (post_sum x p) (fst p).

(** Where the norm's and the part's backward are right, so is the post-norm connection's. *)
Theorem post_backward (x : R -> matrix) (p : R -> params) :
  smooth (Matrix T C) x -> smooth (Prod N P) p -> post_domain (x 0) (p 0) ->
  smooth (Matrix T C) (fun s => post (x s) (p s)) /\
  forall dout : matrix,
    slope (Matrix T C) dout (fun s => post (x s) (p s))
    = slope (Matrix T C) (post_dx (x 0) (p 0) dout) x
      + slope (Prod N P) (post_dparams (x 0) (p 0) dout) p.
Proof.
  intros Sx [Sn Sp] [Dp Dn].
  destruct (right part x _ Sx Sp Dp) as [S1 H1].
  destruct (plus_backward T C x _ Sx S1) as [S2 H2].
  destruct (right norm _ _ S2 Sn Dn) as [S3 H3].
  split; [exact S3 |]. intros dout. etransitivity; [exact (H3 dout) |].
  unfold post_sum. rewrite H2, H1, slope_prod. unfold post_dx. rewrite slope_add.
  rewrite !Rplus_assoc. f_equal. f_equal. apply Rplus_comm.
Qed.

End Connection.

(** Both connections are modules again, so that what is built of them is judged the same way. *)
Definition pre_module {T C N P} (norm : module T C N) (part : module T C P)
    : module T C (Prod N P) :=
  Build_module T C (Prod N P) (pre norm part) (pre_dx norm part) (pre_dparams norm part)
    (pre_domain norm part) (pre_backward norm part).

Definition post_module {T C N P} (norm : module T C N) (part : module T C P)
    : module T C (Prod N P) :=
  Build_module T C (Prod N P) (post norm part) (post_dx norm part) (post_dparams norm part)
    (post_domain norm part) (post_backward norm part).

(** One module after another. *)
Section Sequence.

Context {T C : nat} {P Q : space} (first : module T C P) (second : module T C Q).

Let params : Type := (point P * point Q)%type.

Definition both (x : matrix) (p : params) : matrix := run second (run first x (fst p)) (snd p).

Definition both_dx (x : matrix) (p : params) (dout : matrix) : matrix :=
  run_dx first x (fst p) (run_dx second (run first x (fst p)) (snd p) dout).

Definition both_dparams (x : matrix) (p : params) (dout : matrix) : params :=
  (run_dparams first x (fst p) (run_dx second (run first x (fst p)) (snd p) dout),
   run_dparams second (run first x (fst p)) (snd p) dout).

Definition both_domain (x : matrix) (p : params) : Prop :=
  domain first x (fst p) /\ domain second (run first x (fst p)) (snd p).

(** Backward goes through the second first. *)
Theorem both_backward (x : R -> matrix) (p : R -> params) :
  smooth (Matrix T C) x -> smooth (Prod P Q) p -> both_domain (x 0) (p 0) ->
  smooth (Matrix T C) (fun s => both (x s) (p s)) /\
  forall dout : matrix,
    slope (Matrix T C) dout (fun s => both (x s) (p s))
    = slope (Matrix T C) (both_dx (x 0) (p 0) dout) x
      + slope (Prod P Q) (both_dparams (x 0) (p 0) dout) p.
Proof.
  intros Sx [S1 S2] [D1 D2].
  destruct (right first x _ Sx S1 D1) as [Sm Hm].
  destruct (right second _ _ Sm S2 D2) as [Sy Hy].
  split; [exact Sy |]. intros dout. etransitivity; [exact (Hy dout) |].
  rewrite Hm, slope_prod, Rplus_assoc. reflexivity.
Qed.

End Sequence.

Definition then_module {T C P Q} (first : module T C P) (second : module T C Q)
    : module T C (Prod P Q) :=
  Build_module T C (Prod P Q) (both first second) (both_dx first second)
    (both_dparams first second) (both_domain first second) (both_backward first second).
