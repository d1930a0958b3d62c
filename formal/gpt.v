(** GPT: its trunk, its tied head and its loss: src/pellucid/models/gpt/wiring.py and
    src/pellucid/models/causal_wiring.py. *)

From Pellucid Require Import vector linear embedding position layer_norm dropout softmax gelu relu.
From Pellucid Require Import scaled_dot_product feed_forward residual block stack cross_entropy.

Section GPT.

(** Any blocks, all alike in their parameters, and any last norm: pre-norm blocks and ln_f make a
    GPT-2, post-norm blocks and [nothing] a GPT-1. *)
Context {T C : nat} {P N : space} (V maxT L : nat).
Context (block : nat -> module T C P) (last : module T C N) (drop_noise : matrix).

(** The parameters: ((wte, wpe), (h, ln_f)). *)
Definition GPT : space := Prod (Prod (Matrix V C) (Matrix maxT C)) (Prod (Vec L P) N).

Let params : Type := ((matrix * matrix) * ((nat -> point P) * point N))%type.

Let wte (p : params) : matrix := fst (fst p).
Let wpe (p : params) : matrix := snd (fst p).
Let h (p : params) : nat -> point P := fst (snd p).
Let ln_f (p : params) : point N := snd (snd p).

(** tokens -> embedding -> + position -> dropout *)
Definition embedded (tokens : nat -> nat) (p : params) : matrix :=
  dropout drop_noise (position 0 (embedding tokens (wte p)) (wpe p)).

(** -> blocks 0 to L-1 -> the last norm *)
Definition passed (tokens : nat -> nat) (p : params) : matrix :=
  stack block L (embedded tokens p) (h p).

Definition trunk (tokens : nat -> nat) (p : params) : matrix :=
  run last (passed tokens p) (ln_f p).

(** The head's weight is the token embedding's own table. *)
Definition gpt_logits (tokens : nat -> nat) (p : params) : matrix :=
  unembedding C (trunk tokens p) (wte p).

(** The loss over n, the number of positions with a target: [sum T (counted y)] of a single text. *)
Definition gpt_loss (n : R) (tokens : nat -> nat) (y : targets) (p : params) : R :=
  loss_over n T V y (gpt_logits tokens p).

(** Backward: from the last norm's output to all parameters of the trunk. *)
Definition trunk_dpassed (tokens : nat -> nat) (p : params) (dout : matrix) : matrix :=
  run_dx last (passed tokens p) (ln_f p) dout.

Definition trunk_dplaced (tokens : nat -> nat) (p : params) (dout : matrix) : matrix :=
  dropout_dx drop_noise
    (stack_dx block L (embedded tokens p) (h p) (trunk_dpassed tokens p dout)).

Definition trunk_grads (tokens : nat -> nat) (p : params) (dout : matrix) : params :=
  ((embedding_dweight T tokens (trunk_dplaced tokens p dout),
    position_dweight T 0 (trunk_dplaced tokens p dout)),
   (stack_dparams block L (embedded tokens p) (h p) (trunk_dpassed tokens p dout),
    run_dparams last (passed tokens p) (ln_f p) dout)).

(** A tied head uses the table a second time: both uses add up. *)
Definition gpt_grads (n : R) (tokens : nat -> nat) (y : targets) (p : params) (dloss : R) : params :=
  let dlogits := loss_over_dlogits n V y (gpt_logits tokens p) dloss in
  let dx := unembedding_dx V (wte p) dlogits in
  let scored := unembedding_dweight T (trunk tokens p) dlogits in
  let grads := trunk_grads tokens p dx in
  ((add (Matrix V C) (fst (fst grads)) scored, snd (fst grads)), snd grads).

(** What the loss is defined for: ids of the vocabulary, room for the text, and whatever blocks and
    the last norm ask. *)
Definition text_fits (tokens : nat -> nat) : Prop :=
  (forall t, (t < T)%nat -> (tokens t < V)%nat) /\ (T <= maxT)%nat.

Definition trunk_domain (tokens : nat -> nat) (p : params) : Prop :=
  stack_domain block L (embedded tokens p) (h p) /\ domain last (passed tokens p) (ln_f p).

(** For all sizes: the backward of the trunk is its derivative, by all its parameters. *)
Theorem trunk_backward tokens (p : R -> params) :
  smooth GPT p -> text_fits tokens -> trunk_domain tokens (p 0) ->
  smooth (Matrix T C) (fun s => trunk tokens (p s)) /\
  forall dout : matrix,
    slope (Matrix T C) dout (fun s => trunk tokens (p s))
    = slope GPT (trunk_grads tokens (p 0) dout) p.
Proof.
  intros [[Swte Swpe] [Sh Sln]] [Ids Room] [Dh Dln].
  destruct (embedding_backward T V C tokens _ Swte Ids) as [Se He].
  destruct (position_backward T maxT C 0 _ _ Se Swpe Room) as [Sp Hp].
  destruct (dropout_backward T C drop_noise _ Sp) as [Sd Hd].
  destruct (stack_backward block L _ _ Sd Sh Dh) as [Ss Hs].
  destruct (right last _ _ Ss Sln Dln) as [Sy Hy].
  split; [exact Sy |]. intros dout. etransitivity; [exact (Hy dout) |].
  rewrite Hs, Hd, Hp, He. unfold GPT. rewrite !slope_prod, !Rplus_assoc. reflexivity.
Qed.

(** For all sizes: GPT's gradient is the derivative of its loss, by every parameter, the tied table
    with both its uses. *)
Theorem gpt_backward n tokens y (p : R -> params) :
  smooth GPT p -> text_fits tokens -> in_vocabulary T V y -> trunk_domain tokens (p 0) ->
  smooth Scalar (fun s => gpt_loss n tokens y (p s)) /\
  forall dloss : R,
    slope Scalar dloss (fun s => gpt_loss n tokens y (p s))
    = slope GPT (gpt_grads n tokens y (p 0) dloss) p.
Proof.
  intros Sp Fits Hy D.
  destruct (trunk_backward tokens p Sp Fits D) as [St Ht].
  destruct Sp as [[Swte Swpe] [Sh Sln]].
  destruct (linear_cross_entropy_backward n T C V y _ _ St Swte Hy) as [Sl Hl].
  split; [exact Sl |]. intros dloss. etransitivity; [exact (Hl dloss) |].
  rewrite Ht. unfold GPT. rewrite !slope_prod.
  match goal with |- _ = ?a + _ + _ =>
    assert (Twice : a = _) by exact (slope_add (Matrix V C) _ _ _); rewrite Twice
  end.
  rewrite !Rplus_assoc. f_equal.
  match goal with |- _ = ?u + _ => rewrite (Rplus_comm u) end.
  rewrite !Rplus_assoc. reflexivity.
Qed.

(** The same with a head of its own: its table has only the head's use, wte only the lookup's. *)
Theorem gpt_untied_backward n tokens y (p : R -> params) (lm_head : R -> matrix) :
  smooth GPT p -> smooth (Matrix V C) lm_head -> text_fits tokens -> in_vocabulary T V y ->
  trunk_domain tokens (p 0) ->
  smooth Scalar (fun s => linear_cross_entropy n T C V y (trunk tokens (p s)) (lm_head s)) /\
  forall dloss : R,
    let dlogits :=
      loss_over_dlogits n V y (unembedding C (trunk tokens (p 0)) (lm_head 0)) dloss in
    slope Scalar dloss
      (fun s => linear_cross_entropy n T C V y (trunk tokens (p s)) (lm_head s))
    = slope GPT (trunk_grads tokens (p 0) (unembedding_dx V (lm_head 0) dlogits)) p
      + slope (Matrix V C) (unembedding_dweight T (trunk tokens (p 0)) dlogits) lm_head.
Proof.
  intros Sp Sw Fits Hy D.
  destruct (trunk_backward tokens p Sp Fits D) as [St Ht].
  destruct (linear_cross_entropy_backward n T C V y _ _ St Sw Hy) as [Sl Hl].
  split; [exact Sl |]. intros dloss dlogits. etransitivity; [exact (Hl dloss) |].
  rewrite Ht. reflexivity.
Qed.

(** In the words of a first course: along any curve of parameters the derivative of the loss at 0 is
    the sum, over all parameters, of gradient times the parameter's own derivative. *)
Corollary gpt_gradient_is_the_derivative n tokens y (p : R -> params) (dp : params) :
  der GPT p dp -> text_fits tokens -> in_vocabulary T V y -> trunk_domain tokens (p 0) ->
  is_derive (fun s => gpt_loss n tokens y (p s)) 0 (dot GPT (gpt_grads n tokens y (p 0) 1) dp).
Proof.
  intros Dp Fits Hy D. assert (Sp := der_smooth GPT p dp Dp).
  destruct (gpt_backward n tokens y p Sp Fits Hy D) as [Sl Hl].
  rewrite <- (der_slope GPT p dp Dp), <- Hl.
  apply (d_eq _ _ _ (Derive_correct _ _ Sl)). unfold slope. simpl. ring.
Qed.

(** And along the straight line from parameters p in any direction dp. *)
Corollary gpt_gradient_in_any_direction n tokens y (p dp : params) :
  text_fits tokens -> in_vocabulary T V y -> trunk_domain tokens p ->
  is_derive (fun s => gpt_loss n tokens y (line GPT p dp s)) 0
    (dot GPT (gpt_grads n tokens y p 1) dp).
Proof.
  intros Fits Hy D. assert (E := line_at_0 GPT p dp).
  assert (G := gpt_gradient_is_the_derivative n tokens y (line GPT p dp) dp (line_der GPT p dp)
                 Fits Hy).
  rewrite E in G. exact (G D).
Qed.

(** Each number of the gradient is the partial derivative of the loss by its parameter: move this one
    parameter alone, and the loss changes at that rate. *)
Corollary gpt_gradient_holds_partial_derivatives n tokens y (p : params) (a : place GPT) :
  inside GPT a -> text_fits tokens -> in_vocabulary T V y -> trunk_domain tokens p ->
  is_derive (fun s => gpt_loss n tokens y (line GPT p (one_at GPT a) s)) 0
    (at_place GPT a (gpt_grads n tokens y p 1)).
Proof.
  intros W Fits Hy D. rewrite <- (dot_one_at GPT a _ W).
  apply gpt_gradient_in_any_direction; assumption.
Qed.

(** A batch of B texts: the losses of all add up, over the number of counted positions in all. *)
Definition batch_loss (n : R) (B : nat) (tokens : nat -> nat -> nat) (y : nat -> targets)
    (p : params) : R :=
  sum B (fun b => gpt_loss n (tokens b) (y b) p).

(** For every number of texts: the gradients of all texts add up to the derivative of their loss. *)
Theorem batch_backward n B tokens y (p : R -> params) (dp : params) :
  der GPT p dp ->
  (forall b, (b < B)%nat -> text_fits (tokens b)) ->
  (forall b, (b < B)%nat -> in_vocabulary T V (y b)) ->
  (forall b, (b < B)%nat -> trunk_domain (tokens b) (p 0)) ->
  is_derive (fun s => batch_loss n B tokens y (p s)) 0
    (sum B (fun b => dot GPT (gpt_grads n (tokens b) (y b) (p 0) 1) dp)).
Proof.
  intros Dp Fits Hy D. apply (d_sum B (fun s b => gpt_loss n (tokens b) (y b) (p s))).
  intros b Hb. apply gpt_gradient_is_the_derivative; auto.
Qed.

End GPT.

(** Every position may look at itself and at those before it. *)
Definition causal : mask := fun t s => (s <=? t)%nat.

(** So each position has one to look at, whatever the length. *)
Theorem causal_looks T : all_look T T causal.
Proof. intros t Ht. exists t. split; [exact Ht |]. apply Nat.leb_refl. Qed.

(** With a window a position looks at so many positions at most, its own among them. *)
Definition windowed (window : nat) : mask := fun t s => (s <=? t)%nat && (t <? s + window)%nat.

(** So each position has one to look at, whatever the length, if the window is not empty. *)
Theorem windowed_looks T window : (0 < window)%nat -> all_look T T (windowed window).
Proof.
  intros W t Ht. exists t. split; [exact Ht |]. unfold windowed. rewrite Nat.leb_refl. simpl.
  apply Nat.ltb_lt. lia.
Qed.

Section Models.

Context (H T d F V maxT L : nat) (eps : R) (a : activation).
Context (drop_noise : matrix) (attn_noise : nat -> heads) (resid_noise mlp_noise : nat -> matrix).

Definition told (l : nat) : setting :=
  Build_setting H T d F causal eps a (attn_noise l) (resid_noise l) (mlp_noise l).

(** GPT-2: pre-norm blocks and ln_f. *)
Definition gpt2_block (l : nat) : module T (H * d) (Block (H * d) F) := pre_block (told l).
Definition ln_f_module : module T (H * d) (Norm (H * d)) := layer_norm_module T (H * d) eps.

Definition GPT2 : space := GPT (C := H * d) (P := Block (H * d) F) (N := Norm (H * d)) V maxT L.
Definition gpt2_loss := gpt_loss V L gpt2_block ln_f_module drop_noise.
Definition gpt2_grads := gpt_grads V L gpt2_block ln_f_module drop_noise.

(** GPT-1: post-norm blocks, and no last norm. *)
Definition gpt1_block (l : nat) : module T (H * d) (Block (H * d) F) := post_block (told l).

Definition GPT1 : space := GPT (C := H * d) (P := Block (H * d) F) (N := Vector 0) V maxT L.
Definition gpt1_loss := gpt_loss V L gpt1_block (nothing T (H * d)) drop_noise.
Definition gpt1_grads := gpt_grads V L gpt1_block (nothing T (H * d)) drop_noise.

(** For every number of layers L, heads H, positions T, all widths d and F, every vocabulary V, every
    noise, ε > 0, and an activation with a derivative everywhere (either GELU): at all real parameters
    and in every direction, the derivative of GPT-2's loss is what its gradient says. *)
Theorem gpt2_gradient n tokens y (p dp : point GPT2) :
  0 < eps -> (forall x, backward_at (bend a) (bend_dx a) x) ->
  text_fits (T := T) V maxT tokens -> in_vocabulary T V y ->
  is_derive (fun s => gpt2_loss n tokens y (line GPT2 p dp s)) 0
    (dot GPT2 (gpt2_grads n tokens y p 1) dp).
Proof.
  intros E A Fits Hy. apply gpt_gradient_in_any_direction; try assumption. split.
  - apply stack_always. intros l x q. apply (pre_block_always (told l)).
    split; [exact E | split; [apply causal_looks | exact A]].
  - apply can_always_normalize, E.
Qed.

(** The same of GPT-1's. *)
Theorem gpt1_gradient n tokens y (p dp : point GPT1) :
  0 < eps -> (forall x, backward_at (bend a) (bend_dx a) x) ->
  text_fits (T := T) V maxT tokens -> in_vocabulary T V y ->
  is_derive (fun s => gpt1_loss n tokens y (line GPT1 p dp s)) 0
    (dot GPT1 (gpt1_grads n tokens y p 1) dp).
Proof.
  intros E A Fits Hy. apply gpt_gradient_in_any_direction; try assumption. split.
  - apply stack_always. intros l x q. apply (post_block_always (told l)).
    split; [exact E | split; [apply causal_looks | exact A]].
  - exact I.
Qed.

End Models.

Definition tanh_gelu : activation := Build_activation gelu_tanh gelu_tanh_dx.
Definition erf_gelu : activation := Build_activation gelu_erf gelu_erf_dx.
Definition rectifier : activation := Build_activation relu relu_dx.

(** GPT-2 as it was released, with tanh GELU. *)
Theorem gpt2_gradient_with_tanh_gelu H T d F V maxT L eps drop_noise attn_noise resid_noise mlp_noise
    n tokens y (p dp : point (GPT2 H d F V maxT L)) :
  0 < eps -> text_fits (T := T) V maxT tokens -> in_vocabulary T V y ->
  is_derive
    (fun s => gpt2_loss H T d F V L eps tanh_gelu drop_noise attn_noise resid_noise mlp_noise
                n tokens y (line (GPT2 H d F V maxT L) p dp s)) 0
    (dot (GPT2 H d F V maxT L)
      (gpt2_grads H T d F V L eps tanh_gelu drop_noise attn_noise resid_noise mlp_noise
        n tokens y p 1) dp).
Proof. intros E. apply gpt2_gradient; [exact E | exact gelu_tanh_backward]. Qed.

(** With erf GELU. *)
Theorem gpt2_gradient_with_erf_gelu H T d F V maxT L eps drop_noise attn_noise resid_noise mlp_noise
    n tokens y (p dp : point (GPT2 H d F V maxT L)) :
  0 < eps -> text_fits (T := T) V maxT tokens -> in_vocabulary T V y ->
  is_derive
    (fun s => gpt2_loss H T d F V L eps erf_gelu drop_noise attn_noise resid_noise mlp_noise
                n tokens y (line (GPT2 H d F V maxT L) p dp s)) 0
    (dot (GPT2 H d F V maxT L)
      (gpt2_grads H T d F V L eps erf_gelu drop_noise attn_noise resid_noise mlp_noise
        n tokens y p 1) dp).
Proof. intros E. apply gpt2_gradient; [exact E | exact gelu_erf_backward]. Qed.

(** With ReLU, wherever no inner value is exactly 0: this is what a block then asks. *)
Theorem rectifier_bends T F x :
  (forall t i, (t < T)%nat -> (i < F)%nat -> x t i <> 0) -> bends rectifier T F x.
Proof. intros Nz t i Ht Hi. apply relu_backward, Nz; assumption. Qed.
