(* The error function, and how it is enclosed:
     erf x = 2/√π · (exp(-x²) · (x + 2x³/3 + 4x⁵/(3·5) + …) + rest),
   where |rest| is no more than the first term that is left out.
   Source: Abramowitz and Stegun 1964, 7.1.6. *)
From Coq Require Import Reals Lra Lia ZArith.
From Coquelicot Require Import Coquelicot.
From Run Require Import Tactics.
Local Open Scope R_scope.

Definition erf (x : R) : R := 2 / sqrt PI * RInt (fun t => exp (- t ^ 2)) 0 x.

Lemma is_derive_integral x :
  is_derive (fun x => RInt (fun t => exp (- t ^ 2)) 0 x) x (exp (- x ^ 2)).
Proof.
  assert (C : forall t, continuous (fun t => exp (- t ^ 2)) t).
  { intros t. apply (ex_derive_continuous (V := R_NormedModule)). auto_derive. exact I. }
  apply (is_derive_RInt (fun t => exp (- t ^ 2)) (fun x => RInt (fun t => exp (- t ^ 2)) 0 x) 0).
  - apply filter_forall. intros y. apply (RInt_correct (V := R_CompleteNormedModule)).
    apply (ex_RInt_continuous (V := R_CompleteNormedModule)). intros; apply C.
  - apply C.
Qed.

Lemma is_derive_erf x : is_derive erf x (2 / sqrt PI * exp (- x ^ 2)).
Proof. apply is_derive_scal, is_derive_integral. Qed.

(* x · 2x²/3 · 2x²/5 · …, with n factors. *)
Fixpoint term (n : nat) (x : R) : R :=
  match n with
  | O => x
  | S m => term m x * (2 * x ^ 2 / IZR (2 * Z.of_nat m + 3))
  end.

Fixpoint terms (n : nat) (x : R) : R :=
  match n with
  | O => term 0 x
  | S m => terms m x + term (S m) x
  end.

Lemma odd_positive m : 0 < IZR (2 * Z.of_nat m + 3).
Proof. apply IZR_lt. lia. Qed.

Lemma is_derive_term n x : is_derive (term (S n)) x (2 * x * term n x).
Proof.
  induction n as [|n IH].
  - simpl. auto_derive; [exact I | field].
  - pose proof (odd_positive n) as Hn. pose proof (odd_positive (S n)) as Hs.
    change (term (S (S n))) with
      (fun x => term (S n) x * (2 * x ^ 2 / IZR (2 * Z.of_nat (S n) + 3))).
    change (term (S n) x) with (term n x * (2 * x ^ 2 / IZR (2 * Z.of_nat n + 3))).
    assert (E : IZR (2 * Z.of_nat (S n) + 3) = IZR (2 * Z.of_nat n + 3) + 2)
      by (rewrite <- plus_IZR; f_equal; lia).
    rewrite E in *. set (odd := IZR (2 * Z.of_nat n + 3)) in *.
    replace (2 * x * (term n x * (2 * x ^ 2 / odd))) with
      (2 * x * term n x * (2 * x ^ 2 / (odd + 2))
       + (term n x * (2 * x ^ 2 / odd)) * (4 * x / (odd + 2))) by (field; lra).
    apply (is_derive_mult (term (S n)) (fun x => 2 * x ^ 2 / (odd + 2)));
      [exact IH | | intros; apply Rmult_comm].
    auto_derive; [exact I | field; lra].
Qed.

Lemma is_derive_terms n x : is_derive (terms (S n)) x (1 + 2 * x * terms n x).
Proof.
  induction n as [|n IH].
  - apply (is_derive_plus (term 0) (term 1)); [| apply is_derive_term].
    apply (is_derive_id x).
  - change (terms (S (S n))) with (fun x => terms (S n) x + term (S (S n)) x).
    change (terms (S n) x) with (terms n x + term (S n) x) at 1.
    replace (1 + 2 * x * (terms n x + term (S n) x)) with
      ((1 + 2 * x * terms n x) + 2 * x * term (S n) x) by ring.
    apply (is_derive_plus (terms (S n)) (term (S (S n)))); [exact IH | apply is_derive_term].
Qed.

Lemma even_term n x : 0 <= x * term n x.
Proof.
  induction n as [|n IH]; [simpl; nra |].
  change (term (S n) x) with (term n x * (2 * x ^ 2 / IZR (2 * Z.of_nat n + 3))).
  rewrite <- Rmult_assoc. apply Rmult_le_pos; [exact IH |].
  apply Rdiv_le_0_compat; [nra | apply odd_positive].
Qed.

Lemma increasing (f f' : R -> R) :
  (forall x, is_derive f x (f' x)) -> (forall x, 0 <= f' x) -> forall x y, x <= y -> f x <= f y.
Proof.
  intros Hd Hp x y Hxy.
  destruct (MVT_gen f x y f') as (c & _ & Hc).
  - intros; apply Hd.
  - intros z _. apply continuity_pt_filterlim, (ex_derive_continuous f). exists (f' z). apply Hd.
  - specialize (Hp c). nra.
Qed.

Lemma erf_increasing x y : x <= y -> erf x <= erf y.
Proof.
  apply (increasing erf _ is_derive_erf). intros z.
  apply Rmult_le_pos; [| left; apply exp_pos].
  apply Rdiv_le_0_compat; [lra | apply sqrt_lt_R0, PI_RGT_0].
Qed.


(* erf without 2/√π, less the terms with exp(-x²). *)
Definition tail (n : nat) (x : R) : R :=
  RInt (fun t => exp (- t ^ 2)) 0 x - exp (- x ^ 2) * terms n x.

Lemma is_derive_tail n x : is_derive (tail (S n)) x (2 * (x * term (S n) x) * exp (- x ^ 2)).
Proof.
  unfold tail.
  replace (2 * (x * term (S n) x) * exp (- x ^ 2)) with
    (exp (- x ^ 2) - ((- 2 * x * exp (- x ^ 2)) * terms (S n) x
       + exp (- x ^ 2) * (1 + 2 * x * terms n x)))
    by (change (terms (S n) x) with (terms n x + term (S n) x); ring).
  apply (is_derive_minus (fun x => RInt (fun t => exp (- t ^ 2)) 0 x)
    (fun x => exp (- x ^ 2) * terms (S n) x)); [apply is_derive_integral |].
  apply (is_derive_mult (fun x => exp (- x ^ 2)) (terms (S n)));
    [| apply is_derive_terms | intros; apply Rmult_comm].
  auto_derive; [exact I | simpl; match goal with |- ?a = ?b => change (@eq R a b) end; ring].
Qed.

Lemma at_0 n : terms n 0 = 0 /\ term n 0 = 0.
Proof.
  induction n as [|n [IH J]]; [split; reflexivity |].
  assert (E : term (S n) 0 = 0).
  { change (term (S n) 0) with (term n 0 * (2 * 0 ^ 2 / IZR (2 * Z.of_nat n + 3))).
    rewrite J. ring. }
  split; [| exact E]. change (terms (S n) 0) with (terms n 0 + term (S n) 0).
  rewrite IH, E. ring.
Qed.

(* What is left out is no more than the next term. *)
Lemma tail_small n x : Rabs (tail (S n) x) <= Rabs (term (S (S n)) x).
Proof.
  assert (Z : tail (S n) 0 = 0 /\ term (S (S n)) 0 = 0).
  { split; [| apply (at_0 (S (S n)))]. unfold tail. destruct (at_0 (S n)) as [E _]. rewrite E.
    rewrite (RInt_point (V := R_CompleteNormedModule)). unfold zero; simpl. ring. }
  assert (D := increasing _ _ (is_derive_tail n)).
  assert (E := increasing (fun x => term (S (S n)) x - tail (S n) x) _
    (fun x => is_derive_minus _ _ x _ _ (is_derive_term (S n) x) (is_derive_tail n x))).
  assert (P : forall y, 0 <= y * term (S n) y /\ 0 < exp (- y ^ 2) <= 1).
  { intros y. split; [apply even_term |]. split; [apply exp_pos |].
    rewrite <- exp_0. destruct (Req_dec y 0) as [-> | N].
    - right. f_equal. ring.
    - left. apply exp_increasing. assert (0 < y ^ 2) by (apply pow2_gt_0; exact N). lra. }
  assert (D' : forall y, 0 <= 2 * (y * term (S n) y) * exp (- y ^ 2)).
  { intros y. destruct (P y). apply Rmult_le_pos; lra. }
  assert (E' : forall y, 0 <= minus (2 * y * term (S n) y)
    (2 * (y * term (S n) y) * exp (- y ^ 2))).
  { intros y. destruct (P y) as [Q1 Q2].
    change (0 <= 2 * y * term (S n) y - 2 * (y * term (S n) y) * exp (- y ^ 2)).
    assert (0 <= y * term (S n) y * (1 - exp (- y ^ 2))) by (apply Rmult_le_pos; lra). lra. }
  specialize (D D'). specialize (E E'). destruct Z as [Z1 Z2]. cbv beta in E.
  destruct (Rle_dec 0 x) as [H | H].
  - specialize (D 0 x H). specialize (E 0 x H). rewrite !Rabs_right; lra.
  - assert (H' : x <= 0) by lra. specialize (D x 0 H'). specialize (E x 0 H').
    rewrite !Rabs_left1; lra.
Qed.

(* The terms, nested: x · nested n 3 (2 x²), where k is the first odd number. *)
Fixpoint nested (n : nat) (k : Z) (y : R) : R :=
  match n with O => 1 | S m => 1 + y / IZR k * nested m (k + 2) y end.

(* The product of n odd numbers from k on. *)
Fixpoint odds (n : nat) (k : Z) : Z :=
  match n with O => 1 | S m => k * odds m (k + 2) end.

Lemma odds_positive n k : (0 < k)%Z -> 0 < IZR (odds n k).
Proof.
  revert k. induction n as [|n IH]; intros k H; [simpl; lra |].
  cbn [odds]. rewrite mult_IZR. apply Rmult_lt_0_compat; [apply IZR_lt, H | apply IH; lia].
Qed.

Lemma odds_term m n x :
  term n x * ((2 * x ^ 2) ^ m / IZR (odds m (2 * Z.of_nat n + 3))) = term (n + m) x.
Proof.
  revert n. induction m as [|m IH]; intros n.
  - rewrite Nat.add_0_r. simpl. field.
  - replace (n + S m)%nat with (S n + m)%nat by lia. rewrite <- IH.
    replace (2 * Z.of_nat (S n) + 3)%Z with (2 * Z.of_nat n + 3 + 2)%Z by lia.
    cbn [odds term]. rewrite mult_IZR, <- tech_pow_Rmult.
    pose proof (odd_positive n). pose proof (odds_positive m (2 * Z.of_nat n + 3 + 2) ltac:(lia)).
    set (o := IZR (2 * Z.of_nat n + 3)) in *. set (p := IZR (odds _ _)) in *.
    set (q := (2 * x ^ 2) ^ m). field. lra.
Qed.

Lemma nested_terms m n x :
  terms n x + term n x * (nested m (2 * Z.of_nat n + 3) (2 * x ^ 2) - 1) = terms (n + m) x.
Proof.
  revert n. induction m as [|m IH]; intros n.
  - rewrite Nat.add_0_r. cbn [nested]. ring.
  - replace (n + S m)%nat with (S n + m)%nat by lia. rewrite <- IH.
    replace (2 * Z.of_nat (S n) + 3)%Z with (2 * Z.of_nat n + 3 + 2)%Z by lia.
    cbn [nested term terms]. ring.
Qed.

(* The terms up to n, as Interval works them out, and more than what is left out. *)
Definition series (n : nat) (x : R) : R :=
  2 / sqrt PI * exp (- x ^ 2) * (x * nested n 3 (2 * x ^ 2)).

Definition error (n : nat) (x : R) : R := 2 * Rabs (x * ((2 * x ^ 2) ^ S n / IZR (odds (S n) 3))).

Lemma scale_bounds : 0 < 2 / sqrt PI <= 2.
Proof. split; interval with (i_prec 53). Qed.

Theorem erf_series n x : Rabs (erf x - series (S n) x) <= error (S n) x.
Proof.
  pose proof (nested_terms (S n) 0 x) as E. pose proof (odds_term (S (S n)) 0 x) as F.
  change (terms 0 x) with x in E. change (term 0 x) with x in E, F.
  change (0 + S n)%nat with (S n) in E. change (0 + S (S n))%nat with (S (S n)) in F.
  change (2 * Z.of_nat 0 + 3)%Z with 3%Z in E, F.
  unfold error. rewrite F.
  replace (erf x - series (S n) x) with (2 / sqrt PI * tail (S n) x).
  - rewrite Rabs_mult. pose proof scale_bounds. rewrite (Rabs_right (2 / sqrt PI)) by lra.
    apply Rmult_le_compat; [lra | apply Rabs_pos | lra | apply tail_small].
  - unfold series, tail, erf. rewrite <- E. ring.
Qed.

(* erf between two numbers that x is between. *)
Lemma erf_between n a b low high x :
  a <= x <= b ->
  low <= series (S n) a - error (S n) a -> series (S n) b + error (S n) b <= high ->
  low <= erf x <= high.
Proof.
  intros [A B] L H.
  pose proof (erf_increasing a x A). pose proof (erf_increasing x b B).
  pose proof (erf_series n a) as SA. pose proof (erf_series n b) as SB.
  apply Rabs_le_between in SA. apply Rabs_le_between in SB. lra.
Qed.

(* erf of a number within an enclosure, by n terms. *)
Ltac erf_enclosed n bits :=
  proved ltac:(fun _ =>
    match goal with
    | H : ?a <= ?x <= ?b |- ?low <= erf ?x <= ?high =>
        apply (erf_between n a b low high x H);
        cbv [series error nested odds Z.add Z.mul Pos.mul Pos.add Pos.add_carry Pos.succ];
        interval with bits
    end).
