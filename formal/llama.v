(** Llama: its trunk, its tied head and its loss: src/pellucid/models/llama/wiring.py and
    src/pellucid/models/causal_wiring.py. *)

From Pellucid Require Import vector linear embedding dropout rms_norm rotary silu softmax.
From Pellucid Require Import scaled_dot_product grouped_attention feed_forward residual.
From Pellucid Require Import gated_block stack cross_entropy gpt.

Section Llama.

Context {T C : nat} {P N : space} (V L : nat).
Context (block : nat -> module T C P) (last : module T C N) (drop_noise : matrix).

(** The parameters: (wte, (h, ln_f)). *)
Definition Llama : space := Prod (Matrix V C) (Prod (Vec L P) N).

Let params : Type := (matrix * ((nat -> point P) * point N))%type.

(** tokens -> embedding -> dropout -> blocks 0 to L-1 -> ln_f: no vector of a position is added. *)
Definition llama_embedded (tokens : nat -> nat) (p : params) : matrix :=
  dropout drop_noise (embedding tokens (fst p)).

Definition llama_passed (tokens : nat -> nat) (p : params) : matrix :=
  stack block L (llama_embedded tokens p) (fst (snd p)).

Definition llama_trunk (tokens : nat -> nat) (p : params) : matrix :=
  run last (llama_passed tokens p) (snd (snd p)).

Definition llama_loss (n : R) (tokens : nat -> nat) (y : targets) (p : params) : R :=
  linear_cross_entropy n T C V y (llama_trunk tokens p) (fst p).

Definition llama_dpassed (tokens : nat -> nat) (p : params) (dout : matrix) : matrix :=
  run_dx last (llama_passed tokens p) (snd (snd p)) dout.

Definition llama_trunk_grads (tokens : nat -> nat) (p : params) (dout : matrix) : params :=
  (embedding_dweight T tokens (dropout_dx drop_noise
     (stack_dx block L (llama_embedded tokens p) (fst (snd p)) (llama_dpassed tokens p dout))),
   (stack_dparams block L (llama_embedded tokens p) (fst (snd p)) (llama_dpassed tokens p dout),
    run_dparams last (llama_passed tokens p) (snd (snd p)) dout)).

Definition llama_grads (n : R) (tokens : nat -> nat) (y : targets) (p : params) (dloss : R)
    : params :=
  let dlogits := loss_over_dlogits n V y (unembedding C (llama_trunk tokens p) (fst p)) dloss in
  let grads := llama_trunk_grads tokens p (unembedding_dx V (fst p) dlogits) in
  (add (Matrix V C) (fst grads) (unembedding_dweight T (llama_trunk tokens p) dlogits), snd grads).

Definition llama_domain (tokens : nat -> nat) (p : params) : Prop :=
  stack_domain block L (llama_embedded tokens p) (fst (snd p))
  /\ domain last (llama_passed tokens p) (snd (snd p)).

(** For all sizes: the backward of the trunk is its derivative, by all its parameters. *)
Theorem llama_trunk_backward tokens (p : R -> params) :
  smooth Llama p -> (forall t, (t < T)%nat -> (tokens t < V)%nat) -> llama_domain tokens (p 0) ->
  smooth (Matrix T C) (fun s => llama_trunk tokens (p s)) /\
  forall dout : matrix,
    slope (Matrix T C) dout (fun s => llama_trunk tokens (p s))
    = slope Llama (llama_trunk_grads tokens (p 0) dout) p.
Proof.
  intros [Swte [Sh Sln]] Ids [Dh Dln].
  destruct (embedding_backward T V C tokens _ Swte Ids) as [Se He].
  destruct (dropout_backward T C drop_noise _ Se) as [Sd Hd].
  destruct (stack_backward block L _ _ Sd Sh Dh) as [Ss Hs].
  destruct (right last _ _ Ss Sln Dln) as [Sy Hy].
  split; [exact Sy |]. intros dout. etransitivity; [exact (Hy dout) |].
  rewrite Hs, Hd, He. unfold Llama. rewrite !slope_prod, !Rplus_assoc. reflexivity.
Qed.

(** For all sizes: Llama's gradient is the derivative of its loss, by every parameter. *)
Theorem llama_backward n tokens y (p : R -> params) :
  smooth Llama p -> (forall t, (t < T)%nat -> (tokens t < V)%nat) -> in_vocabulary T V y ->
  llama_domain tokens (p 0) ->
  smooth Scalar (fun s => llama_loss n tokens y (p s)) /\
  forall dloss : R,
    slope Scalar dloss (fun s => llama_loss n tokens y (p s))
    = slope Llama (llama_grads n tokens y (p 0) dloss) p.
Proof.
  intros Sp Ids Hy D.
  destruct (llama_trunk_backward tokens p Sp Ids D) as [St Ht].
  destruct Sp as [Swte [Sh Sln]].
  destruct (linear_cross_entropy_backward n T C V y _ _ St Swte Hy) as [Sl Hl].
  split; [exact Sl |]. intros dloss. etransitivity; [exact (Hl dloss) |].
  rewrite Ht. unfold Llama. rewrite !slope_prod.
  match goal with |- _ = ?a + _ =>
    assert (Twice : a = _) by exact (slope_add (Matrix V C) _ _ _); rewrite Twice
  end.
  rewrite !Rplus_assoc. f_equal.
  match goal with |- _ = ?u + _ => rewrite (Rplus_comm u) end.
  rewrite !Rplus_assoc. reflexivity.
Qed.

(** The same with a head of its own: its table has only the head's use, wte only the lookup's. *)
Theorem llama_untied_backward n tokens y (p : R -> params) (lm_head : R -> matrix) :
  smooth Llama p -> smooth (Matrix V C) lm_head ->
  (forall t, (t < T)%nat -> (tokens t < V)%nat) -> in_vocabulary T V y ->
  llama_domain tokens (p 0) ->
  smooth Scalar (fun s => linear_cross_entropy n T C V y (llama_trunk tokens (p s)) (lm_head s)) /\
  forall dloss : R,
    let dlogits :=
      loss_over_dlogits n V y (unembedding C (llama_trunk tokens (p 0)) (lm_head 0)) dloss in
    slope Scalar dloss
      (fun s => linear_cross_entropy n T C V y (llama_trunk tokens (p s)) (lm_head s))
    = slope Llama (llama_trunk_grads tokens (p 0) (unembedding_dx V (lm_head 0) dlogits)) p
      + slope (Matrix V C) (unembedding_dweight T (llama_trunk tokens (p 0)) dlogits) lm_head.
Proof.
  intros Sp Sw Ids Hy D.
  destruct (llama_trunk_backward tokens p Sp Ids D) as [St Ht].
  destruct (linear_cross_entropy_backward n T C V y _ _ St Sw Hy) as [Sl Hl].
  split; [exact Sl |]. intros dloss dlogits. etransitivity; [exact (Hl dloss) |].
  rewrite Ht. reflexivity.
Qed.

(** At all parameters where it is defined and in every direction. *)
Corollary llama_gradient_in_any_direction n tokens y (p dp : params) :
  (forall t, (t < T)%nat -> (tokens t < V)%nat) -> in_vocabulary T V y ->
  llama_domain tokens p ->
  is_derive (fun s => llama_loss n tokens y (line Llama p dp s)) 0
    (dot Llama (llama_grads n tokens y p 1) dp).
Proof.
  intros Ids Hy D. assert (E := line_at_0 Llama p dp). assert (Dp := line_der Llama p dp).
  assert (D' : llama_domain tokens (line Llama p dp 0)) by (rewrite E; exact D).
  destruct (llama_backward n tokens y (line Llama p dp) (der_smooth _ _ _ Dp) Ids Hy D')
    as [Sl Hl].
  assert (G := Hl 1). rewrite (der_slope _ _ _ Dp), E in G. rewrite <- G.
  apply (d_eq _ _ _ (Derive_correct _ _ Sl)). unfold slope. simpl. ring.
Qed.

(** Each number of the gradient is the partial derivative of the loss by its parameter. *)
Corollary llama_gradient_holds_partial_derivatives n tokens y (p : params) (a : place Llama) :
  inside Llama a -> (forall t, (t < T)%nat -> (tokens t < V)%nat) -> in_vocabulary T V y ->
  llama_domain tokens p ->
  is_derive (fun s => llama_loss n tokens y (line Llama p (one_at Llama a) s)) 0
    (at_place Llama a (llama_grads n tokens y p 1)).
Proof.
  intros W Ids Hy D. rewrite <- (dot_one_at Llama a _ W).
  apply llama_gradient_in_any_direction; assumption.
Qed.

End Llama.

Definition swish : activation := Build_activation silu silu_dx.

Section Model.

Context (G group T half C F V L : nat) (eps : R) (frequencies : vector).
Context (drop_noise : matrix) (attn_noise : nat -> heads) (resid_noise mlp_noise : nat -> matrix).

Let d : nat := (half + half)%nat.

(** Queries and keys turned by their positions, SiLU in the gates, RMS norms. *)
Definition rotated (n : nat) : preparation n T d (Vector 0) :=
  turned n T half (cosines frequencies) (sines frequencies).

Definition LlamaBlock : space := GatedBlock G group d C F (PQ := Vector 0) (PK := Vector 0).

Definition llama_block (l : nat) : module T C LlamaBlock :=
  gated_block G group T d C F causal eps swish (attn_noise l) (resid_noise l) (mlp_noise l)
    (rotated (G * group)) (rotated G).

Definition Llama2 : space := Llama (C := C) (P := LlamaBlock) (N := Vector C) V L.
Definition llama2_loss := llama_loss V L llama_block (rms_norm_module T C eps) drop_noise.
Definition llama2_grads := llama_grads V L llama_block (rms_norm_module T C eps) drop_noise.

Lemma llama_block_always l x p : 0 < eps -> domain (llama_block l) x p.
Proof.
  intros E. unfold llama_block.
  refine (gated_block_always G group T d C F causal eps swish (attn_noise l) (resid_noise l)
    (mlp_noise l) (rotated (G * group)) (rotated G) x p E (causal_looks T) silu_backward _ _).
  - intros q w. exact I.
  - intros k w. exact I.
Qed.

(** Llama with a tied head: for every number of layers, groups, heads and positions, all widths, every
    vocabulary, every noise and ε > 0, at all real parameters and in every direction, the derivative
    of its loss is what its gradient says. Heads have an even width. *)
Theorem llama_gradient n tokens y (p dp : point Llama2) :
  0 < eps -> (forall t, (t < T)%nat -> (tokens t < V)%nat) -> in_vocabulary T V y ->
  is_derive (fun s => llama2_loss n tokens y (line Llama2 p dp s)) 0
    (dot Llama2 (llama2_grads n tokens y p 1) dp).
Proof.
  intros E Ids Hy. apply llama_gradient_in_any_direction; try assumption. split.
  - apply stack_always. intros l x q. apply llama_block_always, E.
  - intros t Ht. apply eps_is_enough, E.
Qed.

End Model.
