(** The loss: src/pellucid/layers/cross_entropy.py. A target of None is IGNORE, a position skipped. *)

From Pellucid Require Import vector linear embedding softmax.

Definition targets := nat -> option nat.

(** 1 where a position has a target, 0 where it is skipped *)
Definition counted (y : targets) (t : nat) : R := match y t with Some _ => 1 | None => 0 end.

(** Every target that is given stands for a token of the vocabulary. *)
Definition in_vocabulary (T V : nat) (y : targets) : Prop :=
  forall t v, (t < T)%nat -> y t = Some v -> (v < V)%nat.

Definition one_hot (v j : nat) : R := if Nat.eqb j v then 1 else 0.

(** log probs = x - log Σ exp(x) *)
Definition log_probs (V : nat) (x : vector) : vector :=
  fun j => x j - ln (sum V (fun i => exp (x i))).

(** losses[t] = -log probs[t, targets[t]] where there is a target, else 0 *)
Definition losses (V : nat) (y : targets) (logits : matrix) : vector :=
  fun t => match y t with Some v => - log_probs V (logits t) v | None => 0 end.

(** The losses' sum divided by N, which is the number of counted positions: of this text alone, or of
    all texts of a batch. *)
Definition loss_over (N : R) (T V : nat) (y : targets) (logits : matrix) : R :=
  sum T (losses V y logits) / N.

(** dlogits = dloss · (probs - one_hot(target)) / N; 0 where skipped *)
Definition loss_over_dlogits (N : R) (V : nat) (y : targets) (logits : matrix) (dloss : R) : matrix :=
  fun t j => match y t with
  | Some v => dloss * (softmax V (logits t) j - one_hot v j) / N
  | None => 0
  end.

(** loss = Σ losses / Σ (targets ≥ 0) *)
Definition cross_entropy (T V : nat) (y : targets) (logits : matrix) : R :=
  loss_over (sum T (counted y)) T V y logits.

(** dlogits = dloss · (probs - one_hot(target)) / number of targets; 0 where skipped *)
Definition cross_entropy_dlogits (T V : nat) (y : targets) (logits : matrix) (dloss : R) : matrix :=
  loss_over_dlogits (sum T (counted y)) V y logits dloss.

(** What the code exponentiates is the softmax: exp(log probs) = probs. *)
Theorem exp_log_probs V x j : (0 < V)%nat -> exp (log_probs V x j) = softmax V x j.
Proof.
  intros HV. assert (P := exps_sum_pos V all_visible x (all_are_visible V HV)).
  unfold log_probs, Rminus. rewrite exp_plus, exp_Ropp, exp_ln by exact P. reflexivity.
Qed.

(** Shifting a row changes no log-probability: the code subtracts the row's maximum, m. *)
Theorem log_probs_shift V x m j :
  (0 < V)%nat -> log_probs V (fun i => x i - m) j = log_probs V x j.
Proof.
  intros HV. assert (P := exps_sum_pos V all_visible x (all_are_visible V HV)).
  unfold log_probs.
  rewrite (sum_ext V (fun i => exp (x i - m)) (fun i => exp (x i) * exp (- m)))
    by (intros; unfold Rminus; apply exp_plus).
  rewrite sum_scal_r, ln_mult, ln_exp; [ring | exact P | apply exp_pos].
Qed.

(** The derivative of log Σ exp is the softmax: for every width. *)
Lemma log_probs_der V (x : R -> vector) (dx : vector) j :
  der (Vector V) x dx -> (j < V)%nat ->
  is_derive (fun s => log_probs V (x s) j) 0
    (dx j - sum V (fun k => softmax V (x 0) k * dx k)).
Proof.
  intros Dx Hj. assert (HV : (0 < V)%nat) by lia.
  assert (P := exps_sum_pos V all_visible (x 0) (all_are_visible V HV)).
  unfold log_probs. apply d_minus; [apply Dx, Hj |]. eapply d_eq.
  - apply (d_ln (fun s => sum V (fun i => exp (x s i)))); [| exact P].
    apply (d_sum V (fun s i => exp (x s i))). intros i Hi. apply d_exp, (Dx i Hi).
  - rewrite <- sum_div. apply sum_ext. intros i _.
    unfold softmax, masked_softmax, exps, all_visible, Rdiv. ring.
Qed.

(** For every number of positions T, every vocabulary V and every N: the backward of the cross-entropy
    is its derivative, whichever positions are skipped. *)
Theorem loss_over_backward N T V y (logits : R -> matrix) :
  smooth (Matrix T V) logits -> in_vocabulary T V y ->
  smooth Scalar (fun s => loss_over N T V y (logits s)) /\
  forall dloss : R,
    slope Scalar dloss (fun s => loss_over N T V y (logits s))
    = slope (Matrix T V) (loss_over_dlogits N V y (logits 0) dloss) logits.
Proof.
  intros Sx Hy. apply smooth_der in Sx. set (dx := velocity (Matrix T V) logits) in *.
  set (d := fun t => match y t with
    | Some v => - (dx t v - sum V (fun k => softmax V (logits 0 t) k * dx t k))
    | None => 0 end).
  assert (D : der Scalar (fun s => loss_over N T V y (logits s)) (sum T d / N)).
  { unfold loss_over. apply (d_over N (fun s => sum T (losses V y (logits s)))).
    apply (d_sum T (fun s t => losses V y (logits s) t)). intros t Ht. unfold losses, d.
    destruct (y t) as [v |] eqn:Ev; [| apply d_const].
    apply d_opp. apply (log_probs_der V (fun s => logits s t)); [| exact (Hy t v Ht Ev)].
    exact (Sx t Ht). }
  destruct (der_out _ _ _ D) as [Sl Hl]. split; [exact Sl |]. intros dloss. rewrite Hl.
  unfold slope. fold dx. unfold loss_over_dlogits. simpl.
  unfold Rdiv. rewrite <- sum_scal_r, <- sum_scal. apply sum_ext. intros t Ht. unfold d.
  destruct (y t) as [v |] eqn:Ev.
  - symmetry. transitivity (sum V (fun i => dloss / N * (softmax V (logits 0 t) i * dx t i)
      - dloss / N * (if Nat.eqb i v then dx t i else 0))).
    + apply sum_ext. intros i _. unfold one_hot. destruct (Nat.eqb i v); unfold Rdiv; ring.
    + rewrite sum_minus, !sum_scal, sum_at by exact (Hy t v Ht Ev). unfold Rdiv. ring.
  - transitivity 0; [ring |]. symmetry. apply sum_none. intros; ring.
Qed.

(** The same of the mean over the counted positions. *)
Theorem cross_entropy_backward T V y (logits : R -> matrix) :
  smooth (Matrix T V) logits -> in_vocabulary T V y ->
  smooth Scalar (fun s => cross_entropy T V y (logits s)) /\
  forall dloss : R,
    slope Scalar dloss (fun s => cross_entropy T V y (logits s))
    = slope (Matrix T V) (cross_entropy_dlogits T V y (logits 0) dloss) logits.
Proof. apply loss_over_backward. Qed.

(** The head and the loss in one: cross_entropy(x weightᵀ, targets). *)
Definition linear_cross_entropy (N : R) (T C V : nat) (y : targets) (x weight : matrix) : R :=
  loss_over N T V y (unembedding C x weight).

(** For all sizes: the loss's gradient by what the head reads and by the head's table. *)
Theorem linear_cross_entropy_backward N T C V y (x weight : R -> matrix) :
  smooth (Matrix T C) x -> smooth (Matrix V C) weight -> in_vocabulary T V y ->
  smooth Scalar (fun s => linear_cross_entropy N T C V y (x s) (weight s)) /\
  forall dloss : R,
    let dlogits := loss_over_dlogits N V y (unembedding C (x 0) (weight 0)) dloss in
    slope Scalar dloss (fun s => linear_cross_entropy N T C V y (x s) (weight s))
    = slope (Matrix T C) (unembedding_dx V (weight 0) dlogits) x
      + slope (Matrix V C) (unembedding_dweight T (x 0) dlogits) weight.
Proof.
  intros Sx Sw Hy.
  destruct (unembedding_backward T C V x weight Sx Sw) as [Sl Hl].
  destruct (loss_over_backward N T V y _ Sl Hy) as [Sc Hc].
  split; [exact Sc |]. intros dloss dlogits. unfold linear_cross_entropy. rewrite Hc. apply Hl.
Qed.
