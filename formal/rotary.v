(** Rotary positions: src/pellucid/layers/rotary.py. Channel i and channel half + i turn together. *)

From Pellucid Require Import vector.

(** out = [first · cos - second · sin, second · cos + first · sin] *)
Definition rotary (half : nat) (cos sin x : matrix) : matrix :=
  fun t i =>
    if (i <? half)%nat then x t i * cos t i - x t (half + i)%nat * sin t i
    else x t i * cos t (i - half)%nat + x t (i - half)%nat * sin t (i - half)%nat.

(** dx = [dfirst · cos + dsecond · sin, dsecond · cos - dfirst · sin] *)
Definition rotary_dx (half : nat) (cos sin dout : matrix) : matrix :=
  fun t i =>
    if (i <? half)%nat then dout t i * cos t i + dout t (half + i)%nat * sin t i
    else dout t i * cos t (i - half)%nat - dout t (i - half)%nat * sin t (i - half)%nat.

Lemma rotary_first half cos sin x t i : (i < half)%nat ->
  rotary half cos sin x t i = x t i * cos t i - x t (half + i)%nat * sin t i.
Proof. intros H. unfold rotary. destruct (Nat.ltb_spec i half); [reflexivity | lia]. Qed.

Lemma rotary_second half cos sin x t i :
  rotary half cos sin x t (half + i) = x t (half + i)%nat * cos t i + x t i * sin t i.
Proof.
  unfold rotary. destruct (Nat.ltb_spec (half + i) half); [lia |].
  replace (half + i - half)%nat with i by lia. reflexivity.
Qed.

Lemma rotary_dx_first half cos sin g t i : (i < half)%nat ->
  rotary_dx half cos sin g t i = g t i * cos t i + g t (half + i)%nat * sin t i.
Proof. intros H. unfold rotary_dx. destruct (Nat.ltb_spec i half); [reflexivity | lia]. Qed.

Lemma rotary_dx_second half cos sin g t i :
  rotary_dx half cos sin g t (half + i) = g t (half + i)%nat * cos t i - g t i * sin t i.
Proof.
  unfold rotary_dx. destruct (Nat.ltb_spec (half + i) half); [lia |].
  replace (half + i - half)%nat with i by lia. reflexivity.
Qed.

(** For every number of positions T and every even width, whatever the tables cos and sin: the
    backward of rotary positions is their derivative. *)
Theorem rotary_backward T half cos sin (x : R -> matrix) :
  smooth (Matrix T (half + half)) x ->
  smooth (Matrix T (half + half)) (fun s => rotary half cos sin (x s)) /\
  forall dout : matrix,
    slope (Matrix T (half + half)) dout (fun s => rotary half cos sin (x s))
    = slope (Matrix T (half + half)) (rotary_dx half cos sin dout) x.
Proof.
  intros Sx. apply smooth_der in Sx. set (dx := velocity (Matrix T (half + half)) x) in *.
  assert (D : der (Matrix T (half + half)) (fun s => rotary half cos sin (x s))
    (rotary half cos sin dx)).
  { intros t Ht i Hi. unfold rotary. destruct (Nat.ltb_spec i half).
    - apply d_minus;
        (eapply d_eq; [apply d_mult; [apply (Sx t Ht); lia | apply d_const] | cbv beta; ring]).
    - apply d_plus;
        (eapply d_eq; [apply d_mult; [apply (Sx t Ht); lia | apply d_const] | cbv beta; ring]). }
  destruct (der_out _ _ _ D) as [Sy Hy]. split; [exact Sy |]. intros dout. rewrite Hy.
  unfold slope. fold dx. simpl. apply sum_ext. intros t _. rewrite !sum_app, <- !sum_plus.
  apply sum_ext. intros i Hi.
  rewrite rotary_first, rotary_second, rotary_dx_first, rotary_dx_second by exact Hi. ring.
Qed.

(** The tables: cosines and sines of angles[t, i] = (start + t) · frequencies[i]. *)
Definition angles (start : nat) (frequencies : vector) : matrix :=
  fun t i => INR (start + t) * frequencies i.
Definition cosines (start : nat) (frequencies : vector) : matrix :=
  fun t i => cos (angles start frequencies t i).
Definition sines (start : nat) (frequencies : vector) : matrix :=
  fun t i => sin (angles start frequencies t i).

Lemma angles_on start frequencies t u i :
  angles start frequencies (t + u) i = angles start frequencies t i + INR u * frequencies i.
Proof. unfold angles. rewrite !plus_INR. ring. Qed.

(** A query at t times a key at s depends on the distance between the two alone: both moved by u
    positions have the same product, for every width, all frequencies and from any start. *)
Theorem rotary_tells_distance half start frequencies (q k : vector) t s u :
  let turn x t :=
    rotary half (cosines start frequencies) (sines start frequencies) (fun _ => x) t in
  sum (half + half) (fun i => turn q (t + u)%nat i * turn k (s + u)%nat i)
  = sum (half + half) (fun i => turn q t i * turn k s i).
Proof.
  intros turn. unfold turn. rewrite !sum_app, <- !sum_plus. apply sum_ext. intros i Hi.
  cbv beta. rewrite !rotary_second, !rotary_first by exact Hi. unfold cosines, sines. cbv beta.
  rewrite !angles_on, !cos_plus, !sin_plus.
  set (a := angles start frequencies t i). set (b := angles start frequencies s i).
  set (c := INR u * frequencies i).
  assert (E : cos c * cos c = 1 - sin c * sin c).
  { assert (P := sin2_cos2 c). unfold Rsqr in P. lra. }
  transitivity ((cos c * cos c + sin c * sin c) *
    ((q i * cos a - q (half + i)%nat * sin a) * (k i * cos b - k (half + i)%nat * sin b)
     + (q (half + i)%nat * cos a + q i * sin a) * (k (half + i)%nat * cos b + k i * sin b))).
  - ring.
  - rewrite E. ring.
Qed.

(** Turning changes no length: for every width and all frequencies. *)
Theorem rotary_keeps_length half start frequencies x t :
  sum (half + half)
    (fun i => rotary half (cosines start frequencies) (sines start frequencies) x t i ^ 2)
  = sum (half + half) (fun i => x t i ^ 2).
Proof.
  rewrite !sum_app, <- !sum_plus. apply sum_ext. intros i Hi.
  rewrite rotary_first, rotary_second by exact Hi. unfold cosines, sines.
  set (a := angles start frequencies t i).
  assert (E : cos a * cos a = 1 - sin a * sin a).
  { assert (P := sin2_cos2 a). unfold Rsqr in P. lra. }
  transitivity ((cos a * cos a + sin a * sin a) * (x t i ^ 2 + x t (half + i)%nat ^ 2)).
  - ring.
  - rewrite E. ring.
Qed.
