(** The softmax: src/pellucid/layers/softmax.py.

    Every place of a row is visible or hidden. The layer by itself hides none; attention's mask hides
    some, and a score of -oo, which is no real number, is a term that the sums do not have. *)

From Pellucid Require Import vector.

Definition exps (visible : nat -> bool) (x : vector) : vector :=
  fun j => if visible j then exp (x j) else 0.

(** out = exp(x) / Σ exp(x), over the visible places; 0 at the others *)
Definition masked_softmax (n : nat) (visible : nat -> bool) (x : vector) : vector :=
  fun j => exps visible x j / sum n (exps visible x).

Definition all_visible : nat -> bool := fun _ => true.

Definition softmax (n : nat) (x : vector) : vector := masked_softmax n all_visible x.

(** dx = out · (dout - Σ dout · out) *)
Definition softmax_dx (n : nat) (out dout : vector) : vector :=
  fun j => out j * (dout j - sum n (fun k => dout k * out k)).

Definition some_visible (n : nat) (visible : nat -> bool) : Prop :=
  exists j, (j < n)%nat /\ visible j = true.

Lemma exps_sum_pos n visible x : some_visible n visible -> 0 < sum n (exps visible x).
Proof.
  intros [j [Hj V]]. apply (sum_pos _ _ j); [| exact Hj |].
  - intros i _. unfold exps. destruct (visible i); [left; apply exp_pos | lra].
  - unfold exps. rewrite V. apply exp_pos.
Qed.

Lemma all_are_visible n : (0 < n)%nat -> some_visible n all_visible.
Proof. intros H. exists 0%nat. split; [exact H | reflexivity]. Qed.

(** A row of softmax sums to 1. *)
Theorem masked_softmax_sums_to_1 n visible x :
  some_visible n visible -> sum n (masked_softmax n visible x) = 1.
Proof.
  intros V. unfold masked_softmax. rewrite sum_div. field.
  apply Rgt_not_eq, exps_sum_pos, V.
Qed.

(** The same where no place is hidden. *)
Theorem softmax_sums_to_1 n x : (0 < n)%nat -> sum n (softmax n x) = 1.
Proof. intros H. apply masked_softmax_sums_to_1, all_are_visible, H. Qed.

(** Softmax lies above 0 where a place is visible. *)
Theorem masked_softmax_pos n visible x j :
  some_visible n visible -> visible j = true -> 0 < masked_softmax n visible x j.
Proof.
  intros V Hj. unfold masked_softmax, exps at 1. rewrite Hj.
  apply Rdiv_lt_0_compat; [apply exp_pos | apply exps_sum_pos, V].
Qed.

(** A hidden place gets 0. *)
Theorem masked_softmax_hidden n visible x j :
  visible j = false -> masked_softmax n visible x j = 0.
Proof. intros Hj. unfold masked_softmax, exps at 1. rewrite Hj. unfold Rdiv. ring. Qed.

(** Shifting a row changes nothing: the code subtracts the row's maximum, m, from every place. *)
Theorem masked_softmax_shift n visible x m j :
  some_visible n visible ->
  masked_softmax n visible (fun i => x i - m) j = masked_softmax n visible x j.
Proof.
  intros V. unfold masked_softmax.
  assert (E : forall i, exps visible (fun i => x i - m) i = exps visible x i * exp (- m)).
  { intros i. unfold exps. destruct (visible i); [| ring].
    unfold Rminus. apply exp_plus. }
  rewrite E, (sum_ext n _ _ (fun i _ => E i)), sum_scal_r. field.
  split; apply Rgt_not_eq; [apply exps_sum_pos, V | apply exp_pos].
Qed.

(** The same where no place is hidden: for every width and every shift. *)
Theorem softmax_shift n x m j : (0 < n)%nat -> softmax n (fun i => x i - m) j = softmax n x j.
Proof. intros H. apply masked_softmax_shift, all_are_visible, H. Qed.

(** What is hidden does not count: softmax reads visible places only. *)
Lemma masked_softmax_ext n visible x y j :
  (forall i, (i < n)%nat -> visible i = true -> x i = y i) -> (j < n)%nat ->
  masked_softmax n visible x j = masked_softmax n visible y j.
Proof.
  intros H Hj.
  assert (E : forall i, (i < n)%nat -> exps visible x i = exps visible y i).
  { intros i Hi. unfold exps. destruct (visible i) eqn:V; [rewrite H |]; auto. }
  unfold masked_softmax. rewrite (E j Hj), (sum_ext n _ _ E). reflexivity.
Qed.

Lemma softmax_der n visible (x : R -> vector) (dx : vector) j :
  der (Vector n) x dx -> some_visible n visible -> (j < n)%nat ->
  is_derive (fun s => masked_softmax n visible (x s) j) 0
    (masked_softmax n visible (x 0) j
     * (dx j - sum n (fun k => masked_softmax n visible (x 0) k * dx k))).
Proof.
  intros Dx V Hj.
  assert (P := exps_sum_pos n visible (x 0) V).
  assert (DE : forall i, (i < n)%nat ->
    is_derive (fun s => exps visible (x s) i) 0 (exps visible (x 0) i * dx i)).
  { intros i Hi. unfold exps. destruct (visible i).
    - eapply d_eq; [apply d_exp, (Dx i Hi) | cbv beta; ring].
    - eapply d_eq; [apply d_const | cbv beta; ring]. }
  unfold masked_softmax. eapply d_eq.
  - apply (d_div (fun s => exps visible (x s) j) (fun s => sum n (exps visible (x s)))).
    + apply DE, Hj.
    + apply (d_sum n (fun s i => exps visible (x s) i)). exact DE.
    + apply Rgt_not_eq, P.
  - cbv beta. set (e := exps visible (x 0)) in *. set (Z := sum n e) in *.
    rewrite (sum_ext n (fun k => e k / Z * dx k) (fun k => e k * dx k / Z))
      by (intros; unfold Rdiv; ring).
    rewrite sum_div. field. apply Rgt_not_eq, P.
Qed.

(** For every width n and every set of visible places that is not empty: softmax's backward is its
    derivative, for one row. *)
Theorem masked_softmax_backward n visible (x : R -> vector) :
  smooth (Vector n) x -> some_visible n visible ->
  smooth (Vector n) (fun s => masked_softmax n visible (x s)) /\
  forall dout : vector,
    slope (Vector n) dout (fun s => masked_softmax n visible (x s))
    = slope (Vector n) (softmax_dx n (masked_softmax n visible (x 0)) dout) x.
Proof.
  intros Sx V. apply smooth_der in Sx. set (dx := velocity (Vector n) x) in *.
  set (p := masked_softmax n visible (x 0)).
  assert (D : der (Vector n) (fun s => masked_softmax n visible (x s))
    (fun j => p j * (dx j - sum n (fun k => p k * dx k)))).
  { intros j Hj. apply softmax_der; assumption. }
  destruct (der_out _ _ _ D) as [Sy Hy]. split; [exact Sy |]. intros dout. rewrite Hy.
  unfold slope. fold dx. unfold softmax_dx. simpl.
  rewrite (sum_ext n _ (fun j => dout j * p j * dx j - dout j * p j * sum n (fun k => p k * dx k)))
    by (intros; ring).
  rewrite sum_minus, sum_scal_r.
  rewrite (sum_ext n (fun i => _ * (_ - _) * _)
    (fun i => dout i * p i * dx i - p i * dx i * sum n (fun k => dout k * p k)))
    by (intros; ring).
  rewrite sum_minus, sum_scal_r. ring.
Qed.

(** For every number of rows T and every width n: softmax's backward is its derivative. *)
Theorem softmax_backward T n (x : R -> matrix) :
  smooth (Matrix T n) x -> (0 < n)%nat ->
  smooth (Matrix T n) (fun s t => softmax n (x s t)) /\
  forall dout : matrix,
    slope (Matrix T n) dout (fun s t => softmax n (x s t))
    = slope (Matrix T n) (fun t => softmax_dx n (softmax n (x 0 t)) (dout t)) x.
Proof.
  intros Sx Hn.
  assert (B : forall t, (t < T)%nat -> _) by
    (intros t Ht; exact (masked_softmax_backward n all_visible (fun s => x s t) (Sx t Ht)
                           (all_are_visible n Hn))).
  split.
  - intros t Ht. apply (B t Ht).
  - intros dout. rewrite !slope_vec. apply sum_ext. intros t Ht. apply (B t Ht).
Qed.
