(** RMS normalization: src/pellucid/layers/rms_norm.py. *)

From Pellucid Require Import vector.

(** rstd = 1 / √(mean(x²) + ε) *)
Definition rms_rstd (n : nat) (eps : R) (x : vector) : R :=
  / sqrt (mean n (fun i => x i ^ 2) + eps).

(** xhat = x · rstd *)
Definition rms_xhat (n : nat) (eps : R) (x : vector) : vector := fun i => x i * rms_rstd n eps x.

(** out = xhat · weight *)
Definition rms_norm (n : nat) (eps : R) (x : matrix) (weight : vector) : matrix :=
  fun t i => rms_xhat n eps (x t) i * weight i.

(** dweight = Σₜ dout · xhat *)
Definition rms_norm_dweight (T n : nat) (eps : R) (x dout : matrix) : vector :=
  fun i => sum T (fun t => dout t i * rms_xhat n eps (x t) i).

(** dxhat = dout · weight;  dx = rstd · (dxhat - xhat · mean(dxhat · xhat)) *)
Definition rms_norm_dx (n : nat) (eps : R) (x : matrix) (weight : vector) (dout : matrix) : matrix :=
  fun t =>
    let xhat := rms_xhat n eps (x t) in
    let dxhat := fun i => dout t i * weight i in
    fun i => rms_rstd n eps (x t) * (dxhat i - xhat i * mean n (fun k => dxhat k * xhat k)).

(** Where ε is positive a row can be normalized, whatever it holds. *)
Lemma mean_square_nonneg n x : 0 <= mean n (fun i => x i ^ 2).
Proof.
  unfold mean. destruct n as [| n]; [simpl; unfold Rdiv; lra |].
  apply Rmult_le_pos; [apply sum_nonneg; intros; apply pow2_ge_0 |].
  left. apply Rinv_0_lt_compat, lt_0_INR. lia.
Qed.

Lemma eps_is_enough n eps x : 0 < eps -> 0 < mean n (fun i => x i ^ 2) + eps.
Proof. intros H. assert (P := mean_square_nonneg n x). lra. Qed.

Lemma rms_xhat_der n eps (x : R -> vector) (dx : vector) j :
  der (Vector n) x dx -> 0 < mean n (fun i => x 0 i ^ 2) + eps -> (j < n)%nat ->
  is_derive (fun s => rms_xhat n eps (x s) j) 0
    (rms_rstd n eps (x 0)
     * (dx j - rms_xhat n eps (x 0) j * mean n (fun k => rms_xhat n eps (x 0) k * dx k))).
Proof.
  intros Dx P Hj. assert (Nn : INR n <> 0) by (apply not_0_INR; lia).
  assert (Sq : 0 < sqrt (mean n (fun i => x 0 i ^ 2) + eps)) by (apply sqrt_lt_R0, P).
  unfold rms_xhat, rms_rstd. eapply d_eq.
  - apply (d_mult (fun s => x s j) (fun s => / sqrt (mean n (fun i => x s i ^ 2) + eps)));
      [apply Dx, Hj |].
    apply (d_inv (fun s => sqrt (mean n (fun i => x s i ^ 2) + eps))); [| lra].
    apply (d_sqrt (fun s => mean n (fun i => x s i ^ 2) + eps)); [| exact P].
    apply (d_plus (fun s => mean n (fun i => x s i ^ 2))); [| apply d_const].
    unfold mean. apply (d_over (INR n) (fun s => sum n (fun i => x s i ^ 2))).
    apply (d_sum n (fun s i => x s i ^ 2) (fun i => 2 * (x 0 i * dx i))). intros i Hi.
    eapply d_eq.
    + apply (d_mult (fun s => x s i) (fun s => x s i * 1)); [apply (Dx i Hi) |].
      apply d_mult; [apply (Dx i Hi) | apply d_const].
    + cbv beta. ring.
  - cbv beta. set (q := mean n (fun i => x 0 i ^ 2) + eps) in *.
    rewrite sum_scal. unfold mean.
    rewrite (sum_ext n (fun k => x 0 k * / sqrt q * dx k) (fun k => / sqrt q * (x 0 k * dx k)))
      by (intros; ring).
    rewrite sum_scal. field. split; lra.
Qed.

(** For every width n: what a normalized row asks of the row it was made from. *)
Lemma rms_xhat_backward n eps (x : R -> vector) :
  smooth (Vector n) x -> 0 < mean n (fun i => x 0 i ^ 2) + eps ->
  smooth (Vector n) (fun s => rms_xhat n eps (x s)) /\
  forall g : vector,
    slope (Vector n) g (fun s => rms_xhat n eps (x s))
    = slope (Vector n) (fun i => rms_rstd n eps (x 0)
        * (g i - rms_xhat n eps (x 0) i * mean n (fun k => g k * rms_xhat n eps (x 0) k))) x.
Proof.
  intros Sx P. apply smooth_der in Sx. set (dx := velocity (Vector n) x) in *.
  set (h := rms_xhat n eps (x 0)). set (r := rms_rstd n eps (x 0)).
  assert (D : der (Vector n) (fun s => rms_xhat n eps (x s))
    (fun j => r * (dx j - h j * mean n (fun k => h k * dx k)))).
  { intros j Hj. apply rms_xhat_der; assumption. }
  destruct (der_out _ _ _ D) as [Sy Hy]. split; [exact Sy |]. intros g. rewrite Hy.
  unfold slope. fold dx. simpl. unfold mean.
  set (A := sum n (fun k => h k * dx k)). set (B := sum n (fun k => g k * h k)).
  transitivity (r * sum n (fun i => g i * dx i) - r * B * A / INR n).
  - rewrite (sum_ext n _ (fun i => r * (g i * dx i) - r * (A / INR n) * (g i * h i)))
      by (intros; ring).
    rewrite sum_minus, !sum_scal. fold B. unfold Rdiv. ring.
  - rewrite (sum_ext n (fun i => r * (g i - h i * (B / INR n)) * dx i)
      (fun i => r * (g i * dx i) - r * (B / INR n) * (h i * dx i))) by (intros; ring).
    rewrite sum_minus, !sum_scal. fold A. unfold Rdiv. ring.
Qed.

(** A gain that all rows share: out = xhat · weight. *)
Lemma gain_backward T n (xhat : R -> matrix) (weight : R -> vector) :
  smooth (Matrix T n) xhat -> smooth (Vector n) weight ->
  smooth (Matrix T n) (fun s t i => xhat s t i * weight s i) /\
  forall dout : matrix,
    slope (Matrix T n) dout (fun s t i => xhat s t i * weight s i)
    = slope (Matrix T n) (fun t i => dout t i * weight 0 i) xhat
      + slope (Vector n) (fun i => sum T (fun t => dout t i * xhat 0 t i)) weight.
Proof.
  intros Sx Sw. apply smooth_der in Sx, Sw.
  set (dx := velocity (Matrix T n) xhat) in *. set (dw := velocity (Vector n) weight) in *.
  assert (D : der (Matrix T n) (fun s t i => xhat s t i * weight s i)
    (fun t i => dx t i * weight 0 i + xhat 0 t i * dw i)).
  { intros t Ht i Hi. apply d_mult; [apply (Sx t Ht i Hi) | apply (Sw i Hi)]. }
  destruct (der_out _ _ _ D) as [Sy Hy]. split; [exact Sy |]. intros dout. rewrite Hy.
  unfold slope. fold dx dw. simpl.
  transitivity (sum T (fun t => sum n (fun i => dout t i * weight 0 i * dx t i))
    + sum T (fun t => sum n (fun i => dout t i * xhat 0 t i * dw i))).
  - rewrite <- sum_plus. apply sum_ext. intros t _. rewrite <- sum_plus.
    apply sum_ext. intros i _. ring.
  - f_equal. rewrite sum_swap. apply sum_ext. intros i _. apply sum_scal_r.
Qed.

(** For every number of rows T and every width n, wherever mean(x²) + ε is positive: the backward of
    RMS norm is its derivative, by its input and its gain. *)
Theorem rms_norm_backward T n eps (x : R -> matrix) (weight : R -> vector) :
  smooth (Matrix T n) x -> smooth (Vector n) weight ->
  (forall t, (t < T)%nat -> 0 < mean n (fun i => x 0 t i ^ 2) + eps) ->
  smooth (Matrix T n) (fun s => rms_norm n eps (x s) (weight s)) /\
  forall dout : matrix,
    slope (Matrix T n) dout (fun s => rms_norm n eps (x s) (weight s))
    = slope (Matrix T n) (rms_norm_dx n eps (x 0) (weight 0) dout) x
      + slope (Vector n) (rms_norm_dweight T n eps (x 0) dout) weight.
Proof.
  intros Sx Sw P.
  assert (B : forall t, (t < T)%nat -> _) by
    (intros t Ht; exact (rms_xhat_backward n eps (fun s => x s t) (Sx t Ht) (P t Ht))).
  assert (Sh : smooth (Matrix T n) (fun s t => rms_xhat n eps (x s t))).
  { intros t Ht. apply (B t Ht). }
  destruct (gain_backward T n _ weight Sh Sw) as [Sy Hy]. split; [exact Sy |].
  intros dout. unfold rms_norm. rewrite Hy. f_equal.
  rewrite !slope_vec. apply sum_ext. intros t Ht. apply (B t Ht).
Qed.
