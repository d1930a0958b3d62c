(** One block of Llama's family: src/pellucid/layers/gated_block.py. *)

From Pellucid Require Import vector linear rms_norm scaled_dot_product grouped_attention.
From Pellucid Require Import feed_forward gated_feed_forward residual.

(** The parts of the block as modules. *)
Definition rms_norm_module (T C : nat) (eps : R) : module T C (Vector C) :=
  Build_module T C (Vector C) (rms_norm C eps) (rms_norm_dx C eps)
    (fun x _ dout => rms_norm_dweight T C eps x dout)
    (fun x _ => forall t, (t < T)%nat -> 0 < mean C (fun i => x t i ^ 2) + eps)
    (rms_norm_backward T C eps).

Definition grouped_attention_module (G group T d C : nat) (may_look : mask) (attn_noise : heads)
    (resid_noise : matrix) {PQ PK : space} (of_q : preparation (G * group) T d PQ)
    (of_k : preparation G T d PK)
    : module T C (GroupedAttention G group d C (PQ := PQ) (PK := PK)) :=
  Build_module T C (GroupedAttention G group d C)
    (grouped_attention G group T d C may_look attn_noise resid_noise of_q of_k)
    (grouped_attention_dx G group T d C may_look attn_noise resid_noise of_q of_k)
    (grouped_attention_dparams G group T d C may_look attn_noise resid_noise of_q of_k)
    (grouped_domain G group T d C may_look of_q of_k)
    (grouped_attention_backward G group T d C may_look attn_noise resid_noise of_q of_k).

Definition gated_feed_forward_module (T C F : nat) (a : activation) (noise : matrix)
    : module T C (GatedFeedForward C F) :=
  Build_module T C (GatedFeedForward C F) (gated_feed_forward C F a noise)
    (gated_feed_forward_dx T C F a noise) (gated_feed_forward_dparams T C a noise)
    (fun x p => bends a T F (gate C x p)) (gated_feed_forward_backward T C F a noise).

Section GatedBlock.

Context (G group T d C F : nat) (may_look : mask) (eps : R) (a : activation).
Context (attn_noise : heads) (resid_noise mlp_noise : matrix).
Context {PQ PK : space} (of_q : preparation (G * group) T d PQ) (of_k : preparation G T d PK).

(** The parameters: ((ln_1, attn), (ln_2, mlp)). *)
Definition GatedBlock : space :=
  Prod (Prod (Vector C) (GroupedAttention G group d C (PQ := PQ) (PK := PK)))
       (Prod (Vector C) (GatedFeedForward C F)).

(** resid_mid = resid_pre + attn(ln_1(resid_pre));  resid_post = resid_mid + mlp(ln_2(resid_mid)) *)
Definition gated_block : module T C GatedBlock :=
  then_module
    (pre_module (rms_norm_module T C eps)
      (grouped_attention_module G group T d C may_look attn_noise resid_noise of_q of_k))
    (pre_module (rms_norm_module T C eps) (gated_feed_forward_module T C F a mlp_noise)).

(** For all sizes, masks and noises: the backward of Llama's block is its derivative, by the residual
    stream that it reads and by all its parameters. *)
Theorem gated_block_backward (x : R -> matrix) (p : R -> point GatedBlock) :
  smooth (Matrix T C) x -> smooth GatedBlock p -> domain gated_block (x 0) (p 0) ->
  smooth (Matrix T C) (fun s => run gated_block (x s) (p s)) /\
  forall dout : matrix,
    slope (Matrix T C) dout (fun s => run gated_block (x s) (p s))
    = slope (Matrix T C) (run_dx gated_block (x 0) (p 0) dout) x
      + slope GatedBlock (run_dparams gated_block (x 0) (p 0) dout) p.
Proof. apply (right gated_block). Qed.

(** It is defined everywhere if ε is positive, each position may look at one at least, and activation
    and preparations have a derivative everywhere. *)
Theorem gated_block_always x p :
  0 < eps -> all_look T T may_look ->
  (forall x, backward_at (bend a) (bend_dx a) x) ->
  (forall q w, prepare_domain of_q q w) -> (forall k w, prepare_domain of_k k w) ->
  domain gated_block x p.
Proof.
  intros E L A Q K. split; split; simpl; try (intros t Ht; apply eps_is_enough, E).
  - repeat split; [exact L | apply Q | apply K].
  - intros t i _ _. apply A.
Qed.

End GatedBlock.
