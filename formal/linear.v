(** The linear map, weight (in, out): src/pellucid/layers/linear.py. *)

From Pellucid Require Import vector.

(** out = x weight, where there is no bias *)
Definition linear_map (m : nat) (x weight : matrix) : matrix :=
  fun t j => sum m (fun i => x t i * weight i j).

(** out = x weight + bias *)
Definition linear (m : nat) (x weight : matrix) (bias : vector) : matrix :=
  fun t j => linear_map m x weight t j + bias j.

(** dweight = xᵀ dout *)
Definition linear_dweight (T : nat) (x dout : matrix) : matrix :=
  fun i j => sum T (fun t => x t i * dout t j).

(** dbias = Σₜ dout *)
Definition linear_dbias (T : nat) (dout : matrix) : vector := fun j => sum T (fun t => dout t j).

(** dx = dout weightᵀ *)
Definition linear_dx (n : nat) (weight dout : matrix) : matrix :=
  fun t i => sum n (fun j => dout t j * weight i j).

(** For every number of rows T and all widths m and n, and all real inputs: the backward of a linear
    map without a bias is its derivative, by its input and its weight. *)
Theorem linear_map_backward T m n (x weight : R -> matrix) :
  smooth (Matrix T m) x -> smooth (Matrix m n) weight ->
  smooth (Matrix T n) (fun s => linear_map m (x s) (weight s)) /\
  forall dout : matrix,
    slope (Matrix T n) dout (fun s => linear_map m (x s) (weight s))
    = slope (Matrix T m) (linear_dx n (weight 0) dout) x
      + slope (Matrix m n) (linear_dweight T (x 0) dout) weight.
Proof.
  intros Sx Sw. apply smooth_der in Sx, Sw.
  set (dx := velocity (Matrix T m) x) in *. set (dw := velocity (Matrix m n) weight) in *.
  assert (D : der (Matrix T n) (fun s => linear_map m (x s) (weight s))
    (fun t j => sum m (fun i => dx t i * weight 0 i j + x 0 t i * dw i j))).
  { intros t Ht j Hj. apply (d_sum m (fun s i => x s t i * weight s i j)). intros i Hi.
    apply d_mult; [apply (Sx t Ht i Hi) | apply (Sw i Hi j Hj)]. }
  destruct (der_out _ _ _ D) as [Sy Hy]. split; [exact Sy |]. intros dout. rewrite Hy.
  unfold slope. fold dx dw. unfold linear_dx, linear_dweight. simpl.
  transitivity (sum T (fun t => sum n (fun j => sum m (fun i => dout t j * weight 0 i j * dx t i)))
    + sum T (fun t => sum n (fun j => sum m (fun i => x 0 t i * dout t j * dw i j)))).
  - rewrite <- sum_plus. apply sum_ext. intros t _. rewrite <- sum_plus.
    apply sum_ext. intros j _. rewrite <- sum_scal, <- sum_plus.
    apply sum_ext. intros i _. ring.
  - f_equal.
    + apply sum_ext. intros t _. rewrite sum_swap. apply sum_ext. intros i _. apply sum_scal_r.
    + setoid_rewrite sum_swap at 2. rewrite sum_swap. apply sum_ext. intros i _.
      rewrite sum_swap. apply sum_ext. intros j _. apply sum_scal_r.
Qed.

(** A shift that all rows share: out = x + bias. *)
Lemma shift_backward T n (x : R -> matrix) (bias : R -> vector) :
  smooth (Matrix T n) x -> smooth (Vector n) bias ->
  smooth (Matrix T n) (fun s t i => x s t i + bias s i) /\
  forall dout : matrix,
    slope (Matrix T n) dout (fun s t i => x s t i + bias s i)
    = slope (Matrix T n) dout x + slope (Vector n) (fun i => sum T (fun t => dout t i)) bias.
Proof.
  intros Sx Sb. apply smooth_der in Sx, Sb.
  assert (D : der (Matrix T n) (fun s t i => x s t i + bias s i)
    (fun t i => velocity (Matrix T n) x t i + velocity (Vector n) bias i)).
  { intros t Ht i Hi. apply d_plus; [apply (Sx t Ht i Hi) | apply (Sb i Hi)]. }
  destruct (der_out _ _ _ D) as [Sy Hy]. split; [exact Sy |]. intros dout. rewrite Hy, slope_sum.
  unfold slope. simpl. rewrite <- sum_plus. apply sum_ext. intros t _. rewrite <- sum_plus.
  apply sum_ext. intros i _. ring.
Qed.

(** For all sizes and all real inputs: the backward of a linear map is its derivative, by its input,
    its weight and its bias. *)
Theorem linear_backward T m n (x weight : R -> matrix) (bias : R -> vector) :
  smooth (Matrix T m) x -> smooth (Matrix m n) weight -> smooth (Vector n) bias ->
  smooth (Matrix T n) (fun s => linear m (x s) (weight s) (bias s)) /\
  forall dout : matrix,
    slope (Matrix T n) dout (fun s => linear m (x s) (weight s) (bias s))
    = slope (Matrix T m) (linear_dx n (weight 0) dout) x
      + slope (Matrix m n) (linear_dweight T (x 0) dout) weight
      + slope (Vector n) (linear_dbias T dout) bias.
Proof.
  intros Sx Sw Sb. destruct (linear_map_backward T m n x weight Sx Sw) as [Sp Hp].
  destruct (shift_backward T n _ bias Sp Sb) as [Sy Hy]. split; [exact Sy |].
  intros dout. unfold linear. rewrite Hy, Hp. reflexivity.
Qed.

(** The parameters of a linear map, as composite layers hold them: weight and bias. *)
Definition Linear (m n : nat) : space := Prod (Matrix m n) (Vector n).
Definition linear_params : Type := (matrix * vector)%type.

Definition linear_of (m : nat) (x : matrix) (p : linear_params) : matrix :=
  linear m x (fst p) (snd p).

Definition linear_dx_of (n : nat) (p : linear_params) (dout : matrix) : matrix :=
  linear_dx n (fst p) dout.

Definition linear_dparams (T : nat) (x dout : matrix) : linear_params :=
  (linear_dweight T x dout, linear_dbias T dout).

(** The same with weight and bias held together. *)
Theorem linear_of_backward T m n (x : R -> matrix) (p : R -> linear_params) :
  smooth (Matrix T m) x -> smooth (Linear m n) p ->
  smooth (Matrix T n) (fun s => linear_of m (x s) (p s)) /\
  forall dout : matrix,
    slope (Matrix T n) dout (fun s => linear_of m (x s) (p s))
    = slope (Matrix T m) (linear_dx_of n (p 0) dout) x
      + slope (Linear m n) (linear_dparams T (x 0) dout) p.
Proof.
  intros Sx [Sw Sb].
  destruct (linear_backward T m n x _ _ Sx Sw Sb) as [Sy Hy]. split; [exact Sy |].
  intros dout. etransitivity; [exact (Hy dout) |]. unfold Linear. rewrite slope_prod.
  unfold linear_dx_of, linear_dparams. simpl fst. simpl snd. ring.
Qed.

(** A map whose bias is 0 is one without a bias. *)
Theorem linear_with_bias_0 m x w t j : linear m x w (fun _ => 0) t j = linear_map m x w t j.
Proof. unfold linear. ring. Qed.

(** Two linear maps, one after the other, are one: (x W) W' = x (W W'). *)
Theorem two_linear_maps_are_one m n x w w' t j :
  linear_map n (linear_map m x w) w' t j = linear_map m x (linear_map n w w') t j.
Proof.
  unfold linear_map.
  transitivity (sum n (fun k => sum m (fun i => x t i * w i k * w' k j))).
  - apply sum_ext. intros k _. symmetry. apply sum_scal_r.
  - rewrite sum_swap. apply sum_ext. intros i _. rewrite <- sum_scal.
    apply sum_ext. intros k _. ring.
Qed.

(** With biases too: the second map's weight acts on the first one's bias. *)
Theorem two_linear_maps_with_bias_are_one m n x w b w' b' t j :
  linear n (linear m x w b) w' b' t j
  = linear m x (linear_map n w w') (fun j => sum n (fun k => b k * w' k j) + b' j) t j.
Proof.
  unfold linear at 1 3. rewrite <- two_linear_maps_are_one.
  unfold linear, linear_map at 1 3.
  rewrite (sum_ext n _ (fun k => linear_map m x w t k * w' k j + b k * w' k j))
    by (intros; ring).
  rewrite sum_plus. ring.
Qed.
