(** Layer normalization: src/pellucid/layers/layer_norm.py. *)

From Pellucid Require Import vector linear rms_norm.

Definition centered (n : nat) (x : vector) : vector := fun i => x i - mean n x.

(** variance = Σ (x - mean)² / C *)
Definition variance (n : nat) (x : vector) : R := mean n (fun i => centered n x i ^ 2).

(** rstd = 1 / √(variance + ε) *)
Definition rstd (n : nat) (eps : R) (x : vector) : R := / sqrt (variance n x + eps).

(** xhat = (x - mean) · rstd *)
Definition xhat (n : nat) (eps : R) (x : vector) : vector := fun i => centered n x i * rstd n eps x.

(** out = xhat · weight + bias *)
Definition layer_norm (n : nat) (eps : R) (x : matrix) (weight bias : vector) : matrix :=
  fun t i => xhat n eps (x t) i * weight i + bias i.

(** dweight = Σₜ dout · xhat *)
Definition layer_norm_dweight (T n : nat) (eps : R) (x dout : matrix) : vector :=
  fun i => sum T (fun t => dout t i * xhat n eps (x t) i).

(** dbias = Σₜ dout *)
Definition layer_norm_dbias (T : nat) (dout : matrix) : vector := fun i => sum T (fun t => dout t i).

(** dxhat = dout · weight;  dx = rstd · (dxhat - mean(dxhat) - xhat · mean(dxhat · xhat)) *)
Definition layer_norm_dx (n : nat) (eps : R) (x : matrix) (weight : vector) (dout : matrix) : matrix :=
  fun t =>
    let xhat := xhat n eps (x t) in
    let dxhat := fun i => dout t i * weight i in
    fun i => rstd n eps (x t)
      * (dxhat i - mean n dxhat - xhat i * mean n (fun k => dxhat k * xhat k)).

(** What a layer norm is defined for: each row's variance plus ε is positive. With ε > 0 all are. *)
Definition can_normalize (T n : nat) (eps : R) (x : matrix) : Prop :=
  forall t, (t < T)%nat -> 0 < variance n (x t) + eps.

Lemma can_always_normalize T n eps x : 0 < eps -> can_normalize T n eps x.
Proof. intros H t _. apply (eps_is_enough n eps (centered n (x t))), H. Qed.

(** Layer norm is RMS norm of the centred row. *)
Theorem xhat_is_rms_xhat n eps x : xhat n eps x = rms_xhat n eps (centered n x).
Proof. reflexivity. Qed.

Lemma sum_centered n x : (0 < n)%nat -> sum n (centered n x) = 0.
Proof.
  intros H. unfold centered. rewrite sum_minus, sum_const. unfold mean. field. apply not_0_INR. lia.
Qed.

(** A normalized row has mean 0. *)
Theorem mean_xhat n eps x : mean n (xhat n eps x) = 0.
Proof.
  unfold mean. destruct n as [| n]; [unfold Rdiv; simpl; ring |].
  unfold xhat. rewrite sum_scal_r, sum_centered by lia. unfold Rdiv. ring.
Qed.

Lemma centered_backward n (x : R -> vector) :
  smooth (Vector n) x ->
  smooth (Vector n) (fun s => centered n (x s)) /\
  forall g : vector,
    slope (Vector n) g (fun s => centered n (x s)) = slope (Vector n) (fun i => g i - mean n g) x.
Proof.
  intros Sx. apply smooth_der in Sx. set (dx := velocity (Vector n) x) in *.
  assert (D : der (Vector n) (fun s => centered n (x s)) (fun i => dx i - mean n dx)).
  { intros i Hi. apply (d_minus (fun s => x s i)); [apply Sx, Hi |].
    unfold mean. apply (d_over (INR n) (fun s => sum n (x s))). apply d_sum, Sx. }
  destruct (der_out _ _ _ D) as [Sy Hy]. split; [exact Sy |]. intros g. rewrite Hy.
  unfold slope. fold dx. simpl. unfold mean.
  rewrite (sum_ext n _ (fun i => g i * dx i - g i * (sum n dx / INR n))) by (intros; ring).
  rewrite (sum_ext n (fun i => (g i - _) * dx i)
    (fun i => g i * dx i - sum n g / INR n * dx i)) by (intros; ring).
  rewrite !sum_minus, sum_scal, sum_scal_r. unfold Rdiv. ring.
Qed.

(** For every width n: what a normalized row asks of the row it was made from. *)
Lemma xhat_backward n eps (x : R -> vector) :
  smooth (Vector n) x -> 0 < variance n (x 0) + eps ->
  smooth (Vector n) (fun s => xhat n eps (x s)) /\
  forall g : vector,
    slope (Vector n) g (fun s => xhat n eps (x s))
    = slope (Vector n) (fun i => rstd n eps (x 0)
        * (g i - mean n g - xhat n eps (x 0) i * mean n (fun k => g k * xhat n eps (x 0) k))) x.
Proof.
  intros Sx P. destruct (centered_backward n x Sx) as [Sc Hc].
  destruct (rms_xhat_backward n eps (fun s => centered n (x s)) Sc P) as [Sh Hh].
  split; [exact Sh |]. intros g.
  transitivity (slope (Vector n) g (fun s => rms_xhat n eps (centered n (x s)))); [reflexivity |].
  rewrite Hh, Hc. apply slope_ext_vector. intros i Hi.
  rewrite <- xhat_is_rms_xhat. change (rms_rstd n eps (centered n (x 0))) with (rstd n eps (x 0)).
  set (h := xhat n eps (x 0)). set (r := rstd n eps (x 0)).
  set (m := mean n (fun k => g k * h k)).
  assert (E : mean n (fun i => r * (g i - h i * m)) = r * mean n g).
  { unfold mean. rewrite sum_scal, sum_minus, sum_scal_r.
    assert (Z := mean_xhat n eps (x 0)). fold h in Z. unfold mean in Z.
    unfold Rdiv in *. rewrite Rmult_minus_distr_l, Rmult_minus_distr_r.
    replace (r * (sum n h * m) * / INR n) with (r * m * (sum n h * / INR n)) by ring.
    rewrite Z. ring. }
  rewrite E. ring.
Qed.

(** For every number of rows T and every width n, wherever variance + ε is positive: the backward of
    layer norm is its derivative, by its input, its gain and its shift. *)
Theorem layer_norm_backward T n eps (x : R -> matrix) (weight bias : R -> vector) :
  smooth (Matrix T n) x -> smooth (Vector n) weight -> smooth (Vector n) bias ->
  can_normalize T n eps (x 0) ->
  smooth (Matrix T n) (fun s => layer_norm n eps (x s) (weight s) (bias s)) /\
  forall dout : matrix,
    slope (Matrix T n) dout (fun s => layer_norm n eps (x s) (weight s) (bias s))
    = slope (Matrix T n) (layer_norm_dx n eps (x 0) (weight 0) dout) x
      + slope (Vector n) (layer_norm_dweight T n eps (x 0) dout) weight
      + slope (Vector n) (layer_norm_dbias T dout) bias.
Proof.
  intros Sx Sw Sb P.
  assert (B : forall t, (t < T)%nat -> _) by
    (intros t Ht; exact (xhat_backward n eps (fun s => x s t) (Sx t Ht) (P t Ht))).
  assert (Sh : smooth (Matrix T n) (fun s t => xhat n eps (x s t))).
  { intros t Ht. apply (B t Ht). }
  destruct (gain_backward T n _ weight Sh Sw) as [Sg Hg].
  destruct (shift_backward T n _ bias Sg Sb) as [Sy Hy]. split; [exact Sy |].
  intros dout. unfold layer_norm. rewrite Hy, Hg. f_equal. f_equal.
  rewrite !slope_vec. apply sum_ext. intros t Ht. apply (B t Ht).
Qed.

(** * At width 2, where layer norm leaves almost nothing of its input *)

Definition two (a b : R) : vector := fun i => match i with O => a | _ => b end.

Lemma centered_two a b i : (i < 2)%nat ->
  centered 2 (two a b) i = two ((a - b) / 2) (- ((a - b) / 2)) i.
Proof.
  intros Hi. unfold centered, mean, two. simpl.
  destruct i as [| [| i]]; [| | lia]; field.
Qed.

Lemma variance_two a b : variance 2 (two a b) = ((a - b) / 2) ^ 2.
Proof.
  unfold variance, mean.
  rewrite (sum_ext 2 _ (fun i => two ((a - b) / 2) (- ((a - b) / 2)) i ^ 2))
    by (intros i Hi; rewrite centered_two by exact Hi; reflexivity).
  unfold two. simpl. field.
Qed.

(** The first of two normalized numbers is half their difference over √(its square + ε), and the
    second is its opposite. *)
Theorem xhat_of_two eps a b :
  let half := (a - b) / 2 in
  xhat 2 eps (two a b) 0%nat = half / sqrt (half ^ 2 + eps) /\
  xhat 2 eps (two a b) 1%nat = - (half / sqrt (half ^ 2 + eps)).
Proof.
  intros half. unfold xhat, rstd. rewrite variance_two, !centered_two by lia.
  fold half. unfold two, Rdiv. split; ring.
Qed.

(** What it asks of the first of its two inputs: a multiple of ε. *)
Theorem layer_norm_dx_of_two eps a b weight dout :
  let half := (a - b) / 2 in
  0 < half ^ 2 + eps ->
  layer_norm_dx 2 eps (fun _ => two a b) weight dout 0%nat 0%nat
  = (dout 0%nat 0%nat * weight 0%nat - dout 0%nat 1%nat * weight 1%nat) / 2
    * (eps / ((half ^ 2 + eps) * sqrt (half ^ 2 + eps))).
Proof.
  intros half P. destruct (xhat_of_two eps a b) as [E0 E1]. fold half in E0, E1.
  unfold layer_norm_dx, mean. simpl sum. rewrite E0, E1. unfold rstd. rewrite variance_two.
  fold half. assert (Sp : 0 < sqrt (half ^ 2 + eps)) by (apply sqrt_lt_R0, P).
  assert (Sq : sqrt (half ^ 2 + eps) * sqrt (half ^ 2 + eps) = half ^ 2 + eps)
    by (apply sqrt_def; lra).
  set (r := sqrt (half ^ 2 + eps)) in *. rewrite <- Sq. simpl INR.
  replace eps with (r * r - half ^ 2) by lra. field. lra.
Qed.

(** And of the second the opposite, as of any row in whose numbers only the differences count. *)
Theorem layer_norm_dx_of_two_is_opposite eps a b weight dout :
  0 < ((a - b) / 2) ^ 2 + eps ->
  layer_norm_dx 2 eps (fun _ => two a b) weight dout 0%nat 1%nat
  = - layer_norm_dx 2 eps (fun _ => two a b) weight dout 0%nat 0%nat.
Proof.
  intros P. destruct (xhat_of_two eps a b) as [E0 E1].
  unfold layer_norm_dx, mean. simpl sum. rewrite E0, E1. simpl INR. field.
  apply Rgt_not_eq, sqrt_lt_R0, P.
Qed.

Lemma near_0 (f : R -> R) l :
  continuous f 0 -> f 0 = l -> filterlim f (at_right 0) (locally l).
Proof.
  intros C <- P HP. destruct (C P HP) as [e He]. exists e. intros y By _. apply He, By.
Qed.

Lemma half_square_pos a b : a <> b -> 0 < ((a - b) / 2) ^ 2.
Proof. intros Ne. apply pow2_gt_0. lra. Qed.

(** As ε → 0 two different numbers become 1 and -1, whatever they were: the larger one becomes 1. *)
Theorem layer_norm_of_two_in_the_limit a b :
  b < a ->
  filterlim (fun eps => xhat 2 eps (two a b) 0%nat) (at_right 0) (locally 1) /\
  filterlim (fun eps => xhat 2 eps (two a b) 1%nat) (at_right 0) (locally (-1)).
Proof.
  intros L. assert (P := half_square_pos a b ltac:(lra)).
  assert (D : ex_derive (fun eps => (a - b) / 2 / sqrt (((a - b) / 2) ^ 2 + eps)) 0).
  { auto_derive. rewrite Rplus_0_r. repeat split; [exact P | ].
    apply Rgt_not_eq, sqrt_lt_R0, P. }
  assert (E : (a - b) / 2 / sqrt (((a - b) / 2) ^ 2 + 0) = 1).
  { rewrite Rplus_0_r, <- Rsqr_pow2, sqrt_Rsqr by lra. field. lra. }
  split.
  - apply near_0.
    + apply (continuous_ext (fun eps => (a - b) / 2 / sqrt (((a - b) / 2) ^ 2 + eps))).
      * intros eps. symmetry. apply xhat_of_two.
      * apply (ex_derive_continuous (V := R_NormedModule)), D.
    + rewrite (proj1 (xhat_of_two 0 a b)). exact E.
  - apply near_0.
    + apply (continuous_ext (fun eps => - ((a - b) / 2 / sqrt (((a - b) / 2) ^ 2 + eps)))).
      * intros eps. symmetry. apply xhat_of_two.
      * apply (continuous_opp (V := R_NormedModule)).
        apply (ex_derive_continuous (V := R_NormedModule)), D.
    + rewrite (proj2 (xhat_of_two 0 a b)), E. reflexivity.
Qed.

Lemma first_of_two_does_not_learn a b weight dout :
  a <> b ->
  filterlim (fun eps => layer_norm_dx 2 eps (fun _ => two a b) weight dout 0%nat 0%nat)
    (at_right 0) (locally 0).
Proof.
  intros Ne. assert (P := half_square_pos a b Ne).
  set (h := ((a - b) / 2) ^ 2) in *.
  set (c := (dout 0%nat 0%nat * weight 0%nat - dout 0%nat 1%nat * weight 1%nat) / 2).
  apply (filterlim_ext_loc (fun eps => c * (eps / ((h + eps) * sqrt (h + eps))))).
  - exists (mkposreal 1 Rlt_0_1). intros eps _ He. symmetry. apply layer_norm_dx_of_two.
    fold h. lra.
  - apply near_0.
    + apply (ex_derive_continuous (V := R_NormedModule)). auto_derive. rewrite Rplus_0_r.
      repeat split; [exact P |]. apply Rgt_not_eq, Rmult_lt_0_compat; [exact P |].
      apply sqrt_lt_R0, P.
    + unfold Rdiv. ring.
Qed.

(** And as ε → 0 the gradient by both its inputs vanishes: nothing before a layer norm of width 2
    learns. *)
Theorem layer_norm_of_two_does_not_learn a b weight dout i :
  a <> b -> (i < 2)%nat ->
  filterlim (fun eps => layer_norm_dx 2 eps (fun _ => two a b) weight dout 0%nat i)
    (at_right 0) (locally 0).
Proof.
  intros Ne Hi. assert (F := first_of_two_does_not_learn a b weight dout Ne).
  destruct i as [| [| i]]; [exact F | | lia].
  apply (filterlim_ext_loc
    (fun eps => - layer_norm_dx 2 eps (fun _ => two a b) weight dout 0%nat 0%nat)).
  - exists (mkposreal 1 Rlt_0_1). intros eps _ He. symmetry.
    apply layer_norm_dx_of_two_is_opposite. assert (P := half_square_pos a b Ne). lra.
  - assert (G := filterlim_comp _ _ _ _ _ _ _ _ F (filterlim_opp (V := R_NormedModule) 0)).
    unfold opp in G. simpl in G. rewrite Ropp_0 in G. exact G.
Qed.
