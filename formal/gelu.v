(** The Gaussian error linear unit, with tanh and with erf: src/pellucid/layers/gelu.py. *)

From Pellucid Require Import vector.

(** inner = k · (x + c x³);  out = ½ x · (1 + tanh(inner)). The code's k and c are floats near √(2/π)
    and 0.044715; the theorem holds whatever they are. *)
Definition gelu_inner (k c x : R) : R := k * (x + c * x * x ^ 2).

Definition gelu_tanh_of (k c x : R) : R := / 2 * x * (1 + tanh (gelu_inner k c x)).

(** dtanh = ½ x · dout;  dinner = dtanh · (1 - tanh²);
    dx = ½ (1 + tanh) · dout + k · (1 + 3 c x²) · dinner *)
Definition gelu_tanh_of_dx (k c x dout : R) : R :=
  let tanh := tanh (gelu_inner k c x) in
  let dtanh := / 2 * x * dout in
  let dinner := dtanh * (1 - tanh ^ 2) in
  / 2 * (1 + tanh) * dout + k * (1 + 3 * c * x ^ 2) * dinner.

Definition gelu_tanh : R -> R := gelu_tanh_of (sqrt (2 / PI)) (44715 / 1000000).

Definition gelu_tanh_dx : R -> R -> R := gelu_tanh_of_dx (sqrt (2 / PI)) (44715 / 1000000).

Lemma cosh_pos x : 0 < cosh x.
Proof. unfold cosh. assert (H := exp_pos x). assert (H' := exp_pos (- x)). lra. Qed.

(** The product rule for ½ x · (1 + h(x)), which either form of GELU is. *)
Lemma half_product h x d :
  is_derive h x d -> is_derive (fun x : R => / 2 * x * (1 + h x)) x (/ 2 * (1 + h x) + / 2 * x * d).
Proof.
  intros Hd. auto_derive; [exists d; exact Hd |].
  change (Derive (fun x => h x) x) with (Derive h x). rewrite (is_derive_unique _ _ _ Hd). ring.
Qed.

(** tanh' = 1 - tanh² *)
Lemma is_derive_tanh x : is_derive tanh x (1 - tanh x ^ 2).
Proof.
  assert (P := cosh_pos x). unfold tanh.
  assert (Hs : is_derive sinh x (cosh x)) by (apply is_derive_Reals, derivable_pt_lim_sinh).
  assert (Hc : is_derive cosh x (sinh x)) by (apply is_derive_Reals, derivable_pt_lim_cosh).
  replace (1 - (sinh x / cosh x) ^ 2) with ((cosh x * cosh x - sinh x * sinh x) / cosh x ^ 2)
    by (field; lra).
  apply (is_derive_div sinh cosh x _ _ Hs Hc). lra.
Qed.

(** Tanh GELU's backward is its derivative: for every real x and all constants k and c. *)
Theorem gelu_tanh_of_backward k c x :
  backward_at (gelu_tanh_of k c) (gelu_tanh_of_dx k c) x.
Proof.
  exists (/ 2 * (1 + tanh (gelu_inner k c x))
     + k * (1 + 3 * c * x ^ 2) * (/ 2 * x * (1 - tanh (gelu_inner k c x) ^ 2))).
  split; [| intros dout; unfold gelu_tanh_of_dx; ring].
  assert (Ht : is_derive (fun x => tanh (gelu_inner k c x)) x
    (k * (1 + 3 * c * x ^ 2) * (1 - tanh (gelu_inner k c x) ^ 2))).
  { apply (is_derive_comp tanh (gelu_inner k c) x); [apply is_derive_tanh |].
    unfold gelu_inner. auto_derive; [exact I | ring]. }
  apply (d_eq_at _ _ _ _ (half_product (fun x => tanh (gelu_inner k c x)) x _ Ht)). ring.
Qed.

(** With √(2/π) and 0.044715 itself: for every real x. *)
Theorem gelu_tanh_backward x : backward_at gelu_tanh gelu_tanh_dx x.
Proof. apply gelu_tanh_of_backward. Qed.

(** erf x = 2/√π ∫₀ˣ exp(-t²) dt *)
Definition erf (x : R) : R := 2 / sqrt PI * RInt (fun t => exp (- t ^ 2)) 0 x.

(** phi = ½ (1 + erf(x / √2));  out = x · phi *)
Definition gelu_phi (x : R) : R := / 2 * (1 + erf (x / sqrt 2)).

Definition gelu_erf (x : R) : R := x * gelu_phi x.

(** dphi = x · dout;  dx = phi · dout + exp(-½ x²) / √(2 π) · dphi *)
Definition gelu_erf_dx (x dout : R) : R :=
  let dphi := x * dout in
  let density := exp (- / 2 * x ^ 2) / sqrt (2 * PI) in
  gelu_phi x * dout + density * dphi.

(** By the fundamental theorem of calculus, erf' = 2/√π exp(-x²). *)
Lemma is_derive_erf x : is_derive erf x (2 / sqrt PI * exp (- x ^ 2)).
Proof.
  assert (C : forall t, continuous (fun t => exp (- t ^ 2)) t).
  { intros t. apply (ex_derive_continuous (V := R_NormedModule)). auto_derive. exact I. }
  unfold erf. apply is_derive_scal.
  apply (is_derive_RInt (fun t => exp (- t ^ 2)) (fun x => RInt (fun t => exp (- t ^ 2)) 0 x) 0).
  - apply filter_forall. intros y. apply (RInt_correct (V := R_CompleteNormedModule)).
    apply (ex_RInt_continuous (V := R_CompleteNormedModule)). intros; apply C.
  - apply C.
Qed.

(** Erf GELU's backward is its derivative: for every real x. *)
Theorem gelu_erf_backward x : backward_at gelu_erf gelu_erf_dx x.
Proof.
  exists (gelu_phi x + exp (- / 2 * x ^ 2) / sqrt (2 * PI) * x).
  split; [| intros dout; unfold gelu_erf_dx; ring].
  assert (P2 : 0 < sqrt 2) by (apply sqrt_lt_R0; lra).
  assert (PP : 0 < sqrt PI) by (apply sqrt_lt_R0, PI_RGT_0).
  assert (He : is_derive (fun x => erf (x / sqrt 2)) x
    (/ sqrt 2 * (2 / sqrt PI * exp (- (x / sqrt 2) ^ 2)))).
  { apply (is_derive_comp erf (fun x => x / sqrt 2) x); [apply is_derive_erf |].
    auto_derive; [exact I | field; lra]. }
  apply (is_derive_ext (fun x => / 2 * x * (1 + erf (x / sqrt 2))));
    [intros y; unfold gelu_erf, gelu_phi; match goal with |- ?a = ?b => change (@eq R a b) end; ring |].
  apply (d_eq_at _ _ _ _ (half_product (fun x => erf (x / sqrt 2)) x _ He)). unfold gelu_phi.
  assert (E : (x / sqrt 2) ^ 2 = / 2 * x ^ 2).
  { unfold Rdiv. rewrite Rpow_mult_distr, pow_inv, pow2_sqrt by lra. ring. }
  rewrite E, sqrt_mult by (try lra; left; apply PI_RGT_0).
  replace (- / 2 * x ^ 2) with (- (/ 2 * x ^ 2)) by ring.
  assert (S2 : sqrt 2 * sqrt 2 = 2) by (apply sqrt_def; lra).
  set (r := sqrt 2) in *. set (e := exp _) in *. set (p := sqrt PI) in *.
  replace (/ r * (2 / p * e)) with (2 * (e / (r * p))) by (field; lra). field. lra.
Qed.
