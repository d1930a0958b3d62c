(** The loss with label smoothing: src/pellucid/layers/smooth_cross_entropy.py. *)

From Pellucid Require Import vector softmax cross_entropy.

(** leads[t] = logits[t, targets[t]] - mean(logits[t]) where there is a target, else 0 *)
Definition leads (V : nat) (y : targets) (logits : matrix) : vector :=
  fun t => match y t with Some v => logits t v - mean V (logits t) | None => 0 end.

(** lead = Σ leads / N;  loss = sharp + ε · lead *)
Definition smooth_loss_over (N smoothing : R) (T V : nat) (y : targets) (logits : matrix) : R :=
  loss_over N T V y logits + smoothing * (sum T (leads V y logits) / N).

(** dlogits = dsharp + dloss · ε · (one_hot(target) - 1 / V) / N; 0 where skipped *)
Definition smooth_loss_over_dlogits (N smoothing : R) (V : nat) (y : targets) (logits : matrix)
    (dloss : R) : matrix :=
  fun t j => loss_over_dlogits N V y logits dloss t j
    + match y t with
      | Some v => dloss * smoothing * (one_hot v j - 1 / INR V) / N
      | None => 0
      end.

Definition smooth_cross_entropy (smoothing : R) (T V : nat) (y : targets) (logits : matrix) : R :=
  smooth_loss_over (sum T (counted y)) smoothing T V y logits.

Definition smooth_cross_entropy_dlogits (smoothing : R) (T V : nat) (y : targets) (logits : matrix)
    (dloss : R) : matrix :=
  smooth_loss_over_dlogits (sum T (counted y)) smoothing V y logits dloss.

(** What it is said to be: (1-ε) times the cross-entropy, plus ε times the mean of -log P over all
    tokens alike, over the positions that are counted. *)
Theorem smoothing_shares_certainty V v x :
  (0 < V)%nat ->
  forall smoothing, - log_probs V x v + smoothing * (x v - mean V x)
    = (1 - smoothing) * - log_probs V x v + smoothing * mean V (fun j => - log_probs V x j).
Proof.
  intros HV smoothing. assert (Nz : INR V <> 0) by (apply not_0_INR; lia).
  unfold mean. rewrite sum_opp. unfold log_probs. rewrite sum_minus, sum_const. field. exact Nz.
Qed.

(** For every number of positions T, vocabulary V, smoothing and N: the backward of the smoothed loss
    is its derivative, whichever positions are skipped. *)
Theorem smooth_loss_over_backward N smoothing T V y (logits : R -> matrix) :
  smooth (Matrix T V) logits -> in_vocabulary T V y ->
  smooth Scalar (fun s => smooth_loss_over N smoothing T V y (logits s)) /\
  forall dloss : R,
    slope Scalar dloss (fun s => smooth_loss_over N smoothing T V y (logits s))
    = slope (Matrix T V) (smooth_loss_over_dlogits N smoothing V y (logits 0) dloss) logits.
Proof.
  intros Sx Hy. destruct (loss_over_backward N T V y logits Sx Hy) as [Ss Hs].
  apply smooth_der in Sx. set (dx := velocity (Matrix T V) logits) in *.
  set (d := fun t => match y t with Some v => dx t v - mean V (dx t) | None => 0 end).
  assert (D : is_derive (fun s => smoothing * (sum T (leads V y (logits s)) / N)) 0
    (smoothing * (sum T d / N))).
  { apply d_scal, (d_over N (fun s => sum T (leads V y (logits s)))).
    apply (d_sum T (fun s t => leads V y (logits s) t)). intros t Ht. unfold leads, d.
    destruct (y t) as [v |] eqn:Ev; [| apply d_const].
    apply (d_minus (fun s => logits s t v)); [apply (Sx t Ht v (Hy t v Ht Ev)) |].
    unfold mean. apply (d_over (INR V) (fun s => sum V (logits s t))).
    apply (d_sum V (fun s j => logits s t j)), (Sx t Ht). }
  assert (D' : der Scalar (fun s => smooth_loss_over N smoothing T V y (logits s))
    (velocity Scalar (fun s => loss_over N T V y (logits s)) + smoothing * (sum T d / N))).
  { apply (d_plus (fun s => loss_over N T V y (logits s))); [apply Derive_correct, Ss | exact D]. }
  destruct (der_out _ _ _ D') as [Sl Hl]. split; [exact Sl |]. intros dloss. rewrite Hl.
  transitivity (slope (Matrix T V) (loss_over_dlogits N V y (logits 0) dloss) logits
    + dloss * (smoothing * (sum T d / N))).
  - rewrite <- Hs. unfold slope. simpl. ring.
  - etransitivity; [| symmetry; exact (slope_add (Matrix T V)
      (loss_over_dlogits N V y (logits 0) dloss)
      (fun t j => match y t with
        | Some v => dloss * smoothing * (one_hot v j - 1 / INR V) / N | None => 0 end) logits)].
    f_equal. unfold slope. fold dx. simpl.
    replace (dloss * (smoothing * (sum T d / N))) with (dloss * smoothing / N * sum T d)
      by (unfold Rdiv; ring).
    rewrite <- sum_scal. apply sum_ext. intros t Ht. unfold d.
    destruct (y t) as [v |] eqn:Ev.
    + symmetry. transitivity (sum V (fun j =>
        dloss * smoothing / N * (if Nat.eqb j v then dx t j else 0)
        - dloss * smoothing / N * / INR V * dx t j)).
      * apply sum_ext. intros j _. unfold one_hot. destruct (Nat.eqb j v); unfold Rdiv; ring.
      * rewrite sum_minus, !sum_scal, sum_at by exact (Hy t v Ht Ev). unfold mean, Rdiv. ring.
    + transitivity 0; [ring |]. symmetry. apply sum_none. intros; ring.
Qed.

(** The same of the mean over the counted positions. *)
Theorem smooth_cross_entropy_backward smoothing T V y (logits : R -> matrix) :
  smooth (Matrix T V) logits -> in_vocabulary T V y ->
  smooth Scalar (fun s => smooth_cross_entropy smoothing T V y (logits s)) /\
  forall dloss : R,
    slope Scalar dloss (fun s => smooth_cross_entropy smoothing T V y (logits s))
    = slope (Matrix T V) (smooth_cross_entropy_dlogits smoothing T V y (logits 0) dloss) logits.
Proof. apply smooth_loss_over_backward. Qed.
