(** The feed-forward network of Llama's family: src/pellucid/layers/gated_feed_forward.py. *)

From Pellucid Require Import vector linear dropout feed_forward.

(** The parameters: two maps up, of which one lets the other through, and one down. A map without a
    bias is one whose bias is 0 and stays so. *)
Definition GatedFeedForward (C F : nat) : space :=
  Prod (Prod (Linear C F) (Linear C F)) (Linear F C).
Definition gated_params : Type := ((linear_params * linear_params) * linear_params)%type.
Definition gate_proj (p : gated_params) : linear_params := fst (fst p).
Definition up_proj (p : gated_params) : linear_params := snd (fst p).
Definition down_proj (p : gated_params) : linear_params := snd p.

Definition times (a b : matrix) : matrix := fun t i => a t i * b t i.

(** For all sizes: the backward of a product of two matrices, place by place, is its derivative. *)
Lemma times_backward T n (a b : R -> matrix) :
  smooth (Matrix T n) a -> smooth (Matrix T n) b ->
  smooth (Matrix T n) (fun s => times (a s) (b s)) /\
  forall dout : matrix,
    slope (Matrix T n) dout (fun s => times (a s) (b s))
    = slope (Matrix T n) (times dout (b 0)) a + slope (Matrix T n) (times dout (a 0)) b.
Proof.
  intros Sa Sb. apply smooth_der in Sa, Sb.
  assert (D : der (Matrix T n) (fun s => times (a s) (b s))
    (fun t i => velocity (Matrix T n) a t i * b 0 t i + a 0 t i * velocity (Matrix T n) b t i)).
  { intros t Ht i Hi. apply d_mult; [apply (Sa t Ht i Hi) | apply (Sb t Ht i Hi)]. }
  destruct (der_out _ _ _ D) as [Sy Hy]. split; [exact Sy |]. intros dout. rewrite Hy.
  unfold slope, times. simpl. rewrite <- sum_plus. apply sum_ext. intros t _.
  rewrite <- sum_plus. apply sum_ext. intros i _. ring.
Qed.

(** opened = act(x W_g);  up = x W_u;  gated = opened · up;  out = (gated W') · noise *)
Definition gate (C : nat) (x : matrix) (p : gated_params) : matrix :=
  linear_of C x (gate_proj p).
Definition up (C : nat) (x : matrix) (p : gated_params) : matrix :=
  linear_of C x (up_proj p).

Definition gated (C : nat) (a : activation) (x : matrix) (p : gated_params) : matrix :=
  times (activate a (gate C x p)) (up C x p).

Definition gated_feed_forward (C F : nat) (a : activation) (noise x : matrix) (p : gated_params)
    : matrix :=
  dropout noise (linear_of F (gated C a x p) (down_proj p)).

(** dopened = dgated · up;  dup = dgated · opened *)
Definition dgated (C : nat) (noise : matrix) (p : gated_params) (dout : matrix) : matrix :=
  linear_dx_of C (down_proj p) (dropout_dx noise dout).

Definition dgate (C : nat) (a : activation) (noise x : matrix) (p : gated_params) (dout : matrix)
    : matrix :=
  activate_dx a (gate C x p) (times (dgated C noise p dout) (up C x p)).

Definition dup (C : nat) (a : activation) (noise x : matrix) (p : gated_params) (dout : matrix)
    : matrix :=
  times (dgated C noise p dout) (activate a (gate C x p)).

(** dx = dgate_proj.x + dup_proj.x *)
Definition gated_feed_forward_dx (T C F : nat) (a : activation) (noise x : matrix)
    (p : gated_params) (dout : matrix) : matrix :=
  add (Matrix T C) (linear_dx_of F (gate_proj p) (dgate C a noise x p dout))
    (linear_dx_of F (up_proj p) (dup C a noise x p dout)).

Definition gated_feed_forward_dparams (T C : nat) (a : activation) (noise x : matrix)
    (p : gated_params) (dout : matrix) : gated_params :=
  ((linear_dparams T x (dgate C a noise x p dout),
    linear_dparams T x (dup C a noise x p dout)),
   linear_dparams T (gated C a x p) (dropout_dx noise dout)).

Lemma regroup_gated a wg b wu wp : a + wg + (b + wu) + wp = a + b + (wg + wu + wp).
Proof. ring. Qed.

(** For all sizes T, C and F, whatever the noise: the backward of the gated feed-forward network is
    its derivative, by its input and all its parameters, where its activation has a derivative. *)
Theorem gated_feed_forward_backward T C F a noise (x : R -> matrix) (p : R -> gated_params) :
  smooth (Matrix T C) x -> smooth (GatedFeedForward C F) p -> bends a T F (gate C (x 0) (p 0)) ->
  smooth (Matrix T C) (fun s => gated_feed_forward C F a noise (x s) (p s)) /\
  forall dout : matrix,
    slope (Matrix T C) dout (fun s => gated_feed_forward C F a noise (x s) (p s))
    = slope (Matrix T C) (gated_feed_forward_dx T C F a noise (x 0) (p 0) dout) x
      + slope (GatedFeedForward C F) (gated_feed_forward_dparams T C a noise (x 0) (p 0) dout) p.
Proof.
  intros Sx [[Sg Su] Sp] B.
  destruct (linear_of_backward T C F x _ Sx Sg) as [Si Hi].
  destruct (activate_backward a T F _ Si B) as [Sb Hb].
  destruct (linear_of_backward T C F x _ Sx Su) as [Sv Hv].
  destruct (times_backward T F _ _ Sb Sv) as [St Ht].
  destruct (linear_of_backward T F C _ _ St Sp) as [Sl Hl].
  destruct (dropout_backward T C noise _ Sl) as [Sd Hd].
  split; [exact Sd |]. intros dout.
  etransitivity; [exact (Hd dout) |]. rewrite Hl, Ht, Hb, Hi, Hv.
  unfold GatedFeedForward, gated_feed_forward_dx. rewrite !slope_prod, slope_add.
  exact (regroup_gated _ _ _ _ _).
Qed.
