(** One transformer block, its norms before or after: src/pellucid/layers/block.py. *)

From Pellucid Require Import vector linear layer_norm scaled_dot_product multi_head attention.
From Pellucid Require Import feed_forward residual.

(** The parameters of a layer norm: its gain and its shift. *)
Definition Norm (C : nat) : space := Prod (Vector C) (Vector C).
Definition norm_params : Type := (vector * vector)%type.

Definition layer_norm_of (C : nat) (eps : R) (x : matrix) (p : norm_params) : matrix :=
  layer_norm C eps x (fst p) (snd p).

Definition layer_norm_dx_of (C : nat) (eps : R) (x : matrix) (p : norm_params) (dout : matrix)
    : matrix :=
  layer_norm_dx C eps x (fst p) dout.

Definition layer_norm_dparams (T C : nat) (eps : R) (x : matrix) (p : norm_params) (dout : matrix)
    : norm_params :=
  (layer_norm_dweight T C eps x dout, layer_norm_dbias T dout).

Lemma layer_norm_of_backward T C eps (x : R -> matrix) (p : R -> norm_params) :
  smooth (Matrix T C) x -> smooth (Norm C) p -> can_normalize T C eps (x 0) ->
  smooth (Matrix T C) (fun s => layer_norm_of C eps (x s) (p s)) /\
  forall dout : matrix,
    slope (Matrix T C) dout (fun s => layer_norm_of C eps (x s) (p s))
    = slope (Matrix T C) (layer_norm_dx_of C eps (x 0) (p 0) dout) x
      + slope (Norm C) (layer_norm_dparams T C eps (x 0) (p 0) dout) p.
Proof.
  intros Sx [Sw Sb] D.
  destruct (layer_norm_backward T C eps x _ _ Sx Sw Sb D) as [Sy Hy]. split; [exact Sy |].
  intros dout. etransitivity; [exact (Hy dout) |]. unfold Norm.
  rewrite slope_prod, Rplus_assoc. reflexivity.
Qed.

(** The parts of a block as modules. *)
Definition layer_norm_module (T C : nat) (eps : R) : module T C (Norm C) :=
  Build_module T C (Norm C) (layer_norm_of C eps) (layer_norm_dx_of C eps)
    (layer_norm_dparams T C eps) (fun x _ => can_normalize T C eps x)
    (layer_norm_of_backward T C eps).

Definition attention_module (H T d : nat) (may_look : mask) (attn_noise : heads)
    (resid_noise : matrix) : module T (H * d) (Attention (H * d)) :=
  Build_module T (H * d) (Attention (H * d)) (attention H T d may_look attn_noise resid_noise)
    (attention_dx H T d may_look attn_noise resid_noise)
    (attention_dparams H T d may_look attn_noise resid_noise) (fun _ _ => all_look T T may_look)
    (attention_backward H T d may_look attn_noise resid_noise).

Definition feed_forward_module (T C F : nat) (a : activation) (noise : matrix)
    : module T C (FeedForward C F) :=
  Build_module T C (FeedForward C F) (feed_forward C F a noise) (feed_forward_dx C F a noise)
    (feed_forward_dparams T C a noise) (fun x p => bends a T F (inner C x p))
    (feed_forward_backward T C F a noise).

(** The parameters of a block: ((ln_1, attn), (ln_2, mlp)). *)
Definition Block (C F : nat) : space :=
  Prod (Prod (Norm C) (Attention C)) (Prod (Norm C) (FeedForward C F)).
Definition block_params : Type :=
  ((norm_params * attention_params) * (norm_params * feed_forward_params))%type.

(** What a block is told beside its parameters: sizes, mask, ε, activation, and dropout's noises. *)
Record setting : Type := {
  n_head : nat;
  length : nat;
  head_width : nat;
  inner_width : nat;
  may_look : mask;
  eps : R;
  act : activation;
  attn_noise : heads;
  resid_noise : matrix;
  mlp_noise : matrix
}.

Definition width (b : setting) : nat := (n_head b * head_width b)%nat.

Definition ln_of (b : setting) : module (length b) (width b) (Norm (width b)) :=
  layer_norm_module (length b) (width b) (eps b).

Definition attn_of (b : setting) : module (length b) (width b) (Attention (width b)) :=
  attention_module (n_head b) (length b) (head_width b) (may_look b) (attn_noise b) (resid_noise b).

Definition mlp_of (b : setting)
    : module (length b) (width b) (FeedForward (width b) (inner_width b)) :=
  feed_forward_module (length b) (width b) (inner_width b) (act b) (mlp_noise b).

(** resid_mid = resid_pre + attn(ln_1(resid_pre));  resid_post = resid_mid + mlp(ln_2(resid_mid)) *)
Definition pre_block (b : setting) : module (length b) (width b) (Block (width b) (inner_width b)) :=
  then_module (pre_module (ln_of b) (attn_of b)) (pre_module (ln_of b) (mlp_of b)).

(** resid_mid = ln_1(resid_pre + attn(resid_pre));  resid_post = ln_2(resid_mid + mlp(resid_mid)) *)
Definition post_block (b : setting)
    : module (length b) (width b) (Block (width b) (inner_width b)) :=
  then_module (post_module (ln_of b) (attn_of b)) (post_module (ln_of b) (mlp_of b)).

(** What a pre-norm block is, written out. *)
Theorem pre_block_is b x (p : block_params) :
  let resid_mid := plus (length b) (width b) x
    (attention (n_head b) (length b) (head_width b) (may_look b) (attn_noise b) (resid_noise b)
      (layer_norm_of (width b) (eps b) x (fst (fst p))) (snd (fst p))) in
  run (pre_block b) x p
  = plus (length b) (width b) resid_mid
      (feed_forward (width b) (inner_width b) (act b) (mlp_noise b)
        (layer_norm_of (width b) (eps b) resid_mid (fst (snd p))) (snd (snd p))).
Proof. reflexivity. Qed.

(** What a post-norm block is, written out. *)
Theorem post_block_is b x (p : block_params) :
  let resid_mid := layer_norm_of (width b) (eps b) (plus (length b) (width b) x
    (attention (n_head b) (length b) (head_width b) (may_look b) (attn_noise b) (resid_noise b)
      x (snd (fst p)))) (fst (fst p)) in
  run (post_block b) x p
  = layer_norm_of (width b) (eps b) (plus (length b) (width b) resid_mid
      (feed_forward (width b) (inner_width b) (act b) (mlp_noise b) resid_mid (snd (snd p))))
      (fst (snd p)).
Proof. reflexivity. Qed.

(** A block is defined everywhere if ε is positive, each position may look at one at least, and the
    activation has a derivative everywhere. *)
Definition always (b : setting) : Prop :=
  0 < eps b /\ all_look (length b) (length b) (may_look b) /\
  forall x, backward_at (bend (act b)) (bend_dx (act b)) x.

(** Then a pre-norm block is defined for every stream and all parameters. *)
Theorem pre_block_always b x p : always b -> domain (pre_block b) x p.
Proof.
  intros [E [L A]]. split; split; simpl; try apply can_always_normalize; try assumption.
  intros t i _ _. apply A.
Qed.

(** And so is a post-norm block. *)
Theorem post_block_always b x p : always b -> domain (post_block b) x p.
Proof.
  intros [E [L A]]. split; split; simpl; try apply can_always_normalize; try assumption.
  intros t i _ _. apply A.
Qed.

(** For all sizes, masks and noises: the backward of a pre-norm block is its derivative, by the
    residual stream that it reads and by all its parameters. *)
Theorem pre_block_backward b (x : R -> matrix) (p : R -> block_params) :
  smooth (Matrix (length b) (width b)) x -> smooth (Block (width b) (inner_width b)) p ->
  domain (pre_block b) (x 0) (p 0) ->
  smooth (Matrix (length b) (width b)) (fun s => run (pre_block b) (x s) (p s)) /\
  forall dout : matrix,
    slope (Matrix (length b) (width b)) dout (fun s => run (pre_block b) (x s) (p s))
    = slope (Matrix (length b) (width b)) (run_dx (pre_block b) (x 0) (p 0) dout) x
      + slope (Block (width b) (inner_width b)) (run_dparams (pre_block b) (x 0) (p 0) dout) p.
Proof. apply (right (pre_block b)). Qed.

(** The same of a post-norm block. *)
Theorem post_block_backward b (x : R -> matrix) (p : R -> block_params) :
  smooth (Matrix (length b) (width b)) x -> smooth (Block (width b) (inner_width b)) p ->
  domain (post_block b) (x 0) (p 0) ->
  smooth (Matrix (length b) (width b)) (fun s => run (post_block b) (x s) (p s)) /\
  forall dout : matrix,
    slope (Matrix (length b) (width b)) dout (fun s => run (post_block b) (x s) (p s))
    = slope (Matrix (length b) (width b)) (run_dx (post_block b) (x 0) (p 0) dout) x
      + slope (Block (width b) (inner_width b)) (run_dparams (post_block b) (x 0) (p 0) dout) p.
Proof. apply (right (post_block b)). Qed.
