(** One block of a decoder that reads a memory: src/pellucid/layers/decoder_block.py. *)

From Pellucid Require Import vector linear layer_norm scaled_dot_product multi_head attention.
From Pellucid Require Import cross_attention feed_forward residual block.

(** Cross-attention as a part of a residual connection: the memory is held with its parameters. *)
Definition Cross (H S d : nat) : space := Prod (CrossAttention H d) (Matrix S (H * d)).

Lemma cross_of_backward H T S d may_look attn_noise resid_noise
    (x : R -> matrix) (p : R -> point (Cross H S d)) :
  smooth (Matrix T (H * d)) x -> smooth (Cross H S d) p -> all_look T S may_look ->
  smooth (Matrix T (H * d))
    (fun s => cross_attention H S d may_look attn_noise resid_noise (x s) (snd (p s)) (fst (p s))) /\
  forall dout : matrix,
    slope (Matrix T (H * d)) dout
      (fun s => cross_attention H S d may_look attn_noise resid_noise (x s) (snd (p s)) (fst (p s)))
    = slope (Matrix T (H * d)) (cross_attention_dx H S d may_look attn_noise resid_noise
        (x 0) (snd (p 0)) (fst (p 0)) dout) x
      + slope (Cross H S d)
          (cross_attention_dparams H T S d may_look attn_noise resid_noise
             (x 0) (snd (p 0)) (fst (p 0)) dout,
           cross_attention_dmemory H T S d may_look attn_noise resid_noise
             (x 0) (snd (p 0)) (fst (p 0)) dout) p.
Proof.
  intros Sx [Sp Sm] L.
  destruct (cross_attention_backward H T S d may_look attn_noise resid_noise x _ _ Sx Sm Sp L)
    as [Sy Hy].
  split; [exact Sy |]. intros dout. etransitivity; [exact (Hy dout) |].
  unfold Cross. rewrite slope_prod, Rplus_assoc. f_equal. apply Rplus_comm.
Qed.

Definition cross_module (H T S d : nat) (may_look : mask) (attn_noise : heads)
    (resid_noise : matrix) : module T (H * d) (Cross H S d) :=
  Build_module T (H * d) (Cross H S d)
    (fun x p => cross_attention H S d may_look attn_noise resid_noise x (snd p) (fst p))
    (fun x p dout => cross_attention_dx H S d may_look attn_noise resid_noise
      x (snd p) (fst p) dout)
    (fun x p dout =>
      (cross_attention_dparams H T S d may_look attn_noise resid_noise x (snd p) (fst p) dout,
       cross_attention_dmemory H T S d may_look attn_noise resid_noise x (snd p) (fst p) dout))
    (fun _ _ => all_look T S may_look)
    (cross_of_backward H T S d may_look attn_noise resid_noise).

Section DecoderBlock.

Context (b : setting) (S : nat) (memory_mask : mask) (cross_attn_noise : heads).
Context (cross_resid_noise : matrix).

(** The parameters: (((ln_1, attn), (ln_2, (cross, memory))), (ln_3, mlp)). *)
Definition DecoderBlock : space :=
  Prod (Prod (Prod (Norm (width b)) (Attention (width b)))
             (Prod (Norm (width b)) (Cross (n_head b) S (head_width b))))
       (Prod (Norm (width b)) (FeedForward (width b) (inner_width b))).

Definition cross_of : module (length b) (width b) (Cross (n_head b) S (head_width b)) :=
  cross_module (n_head b) (length b) S (head_width b) memory_mask cross_attn_noise
    cross_resid_noise.

(** resid_mid = resid_pre + attn(ln_1(resid_pre));
    resid_cross = resid_mid + cross(ln_2(resid_mid), memory);
    resid_post = resid_cross + mlp(ln_3(resid_cross)) *)
Definition pre_decoder_block : module (length b) (width b) DecoderBlock :=
  then_module (then_module (pre_module (ln_of b) (attn_of b)) (pre_module (ln_of b) cross_of))
    (pre_module (ln_of b) (mlp_of b)).

(** resid_mid = ln_1(resid_pre + attn(resid_pre));
    resid_cross = ln_2(resid_mid + cross(resid_mid, memory));
    resid_post = ln_3(resid_cross + mlp(resid_cross)) *)
Definition post_decoder_block : module (length b) (width b) DecoderBlock :=
  then_module (then_module (post_module (ln_of b) (attn_of b)) (post_module (ln_of b) cross_of))
    (post_module (ln_of b) (mlp_of b)).

(** For all sizes, masks and noises: the backward of a pre-norm decoder block is its derivative, by
    the stream, the memory and all its parameters. *)
Theorem pre_decoder_block_backward (x : R -> matrix) (p : R -> point DecoderBlock) :
  smooth (Matrix (length b) (width b)) x -> smooth DecoderBlock p ->
  domain pre_decoder_block (x 0) (p 0) ->
  smooth (Matrix (length b) (width b)) (fun s => run pre_decoder_block (x s) (p s)) /\
  forall dout : matrix,
    slope (Matrix (length b) (width b)) dout (fun s => run pre_decoder_block (x s) (p s))
    = slope (Matrix (length b) (width b)) (run_dx pre_decoder_block (x 0) (p 0) dout) x
      + slope DecoderBlock (run_dparams pre_decoder_block (x 0) (p 0) dout) p.
Proof. apply (right pre_decoder_block). Qed.

(** The same of a post-norm decoder block. *)
Theorem post_decoder_block_backward (x : R -> matrix) (p : R -> point DecoderBlock) :
  smooth (Matrix (length b) (width b)) x -> smooth DecoderBlock p ->
  domain post_decoder_block (x 0) (p 0) ->
  smooth (Matrix (length b) (width b)) (fun s => run post_decoder_block (x s) (p s)) /\
  forall dout : matrix,
    slope (Matrix (length b) (width b)) dout (fun s => run post_decoder_block (x s) (p s))
    = slope (Matrix (length b) (width b)) (run_dx post_decoder_block (x 0) (p 0) dout) x
      + slope DecoderBlock (run_dparams post_decoder_block (x 0) (p 0) dout) p.
Proof. apply (right post_decoder_block). Qed.

(** Both are defined everywhere if ε is positive, each position may look at one at least, of its own
    half and of the memory, and the activation has a derivative everywhere. *)
Theorem pre_decoder_block_always x p :
  always b -> all_look (length b) S memory_mask -> domain pre_decoder_block x p.
Proof.
  intros [E [L A]] M. repeat split; simpl; try apply can_always_normalize; try assumption.
  intros t i _ _. apply A.
Qed.

(** The same of a post-norm decoder block. *)
Theorem post_decoder_block_always x p :
  always b -> all_look (length b) S memory_mask -> domain post_decoder_block x p.
Proof.
  intros [E [L A]] M. repeat split; simpl; try apply can_always_normalize; try assumption.
  intros t i _ _. apply A.
Qed.

End DecoderBlock.
