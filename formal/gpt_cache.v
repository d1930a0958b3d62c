(** GPT-2 and GPT-1 go on from kept keys and values, `past` in src/pellucid/layers/attention.py and
    src/pellucid/models/gpt/wiring.py, as the whole text goes. Without dropout. *)

From Pellucid Require Import vector linear embedding position layer_norm dropout softmax.
From Pellucid Require Import scaled_dot_product multi_head attention feed_forward residual block.
From Pellucid Require Import stack gpt rows causality cache.

(** Attention of n new rows behind P earlier ones, of which keys and values alone are known. *)
Definition attention_on (H d : nat) (may_look : mask) (P n : nat) (past : Past) (x : matrix)
    (p : attention_params) : matrix :=
  multi_head H (P + n) d (fun i => may_look (P + i)%nat) (fun _ => ones) ones
    (heads_of H d 0 x p) (after P (fst past) (heads_of H d 1 x p))
    (after P (snd past) (heads_of H d 2 x p)) (attn_c_proj p).

Definition attention_made (H d : nat) (x : matrix) (p : attention_params) : Past :=
  (heads_of H d 1 x p, heads_of H d 2 x p).

(** Attention from kept keys and values is the whole text's attention, at the new places: for any
    mask. *)
Theorem attention_on_is_attention H d may_look P n past x y p :
  continues (H * d) P n x y -> past_kept H d P past (attention_made H d y p) ->
  continues (H * d) P n (attention_on H d may_look P n past x p)
    (attention H (P + n) d may_look (fun _ => ones) ones y p).
Proof.
  intros Exy [Kk Kv]. apply multi_head_continues.
  - intros i Hi. apply heads_of_row, Exy, Hi.
  - apply after_kept; [exact Kk |]. intros i Hi. apply heads_of_row, Exy, Hi.
  - apply after_kept; [exact Kv |]. intros i Hi. apply heads_of_row, Exy, Hi.
Qed.

Section GPT.

Context (H d F V L : nat) (eps : R) (a : activation).

Let C : nat := (H * d)%nat.

(** What a block is told for a text of T tokens, without dropout. *)
Definition plain (T : nat) : setting :=
  Build_setting H T d F causal eps a (fun _ => ones) ones ones.

Definition plain_mlp (x : matrix) (p : feed_forward_params) : matrix := feed_forward C F a ones x p.

(** GPT-2's block: pre-norm. *)
Definition pre_made (x : matrix) (p : block_params) : Past :=
  attention_made H d (layer_norm_of C eps x (fst (fst p))) (snd (fst p)).

Definition pre_on (P n : nat) (past : Past) (x : matrix) (p : block_params) : matrix :=
  let resid_mid := plus n C x
    (attention_on H d causal P n past (layer_norm_of C eps x (fst (fst p))) (snd (fst p))) in
  plus n C resid_mid (plain_mlp (layer_norm_of C eps resid_mid (fst (snd p))) (snd (snd p))).

Lemma pre_made_by_place (P P' n n' : nat) t t' x x' p :
  (P + t = P' + t')%nat -> same_row C (x t) (x' t') ->
  same_heads H d (fst (pre_made x p)) (fst (pre_made x' p)) t t'
  /\ same_heads H d (snd (pre_made x p)) (snd (pre_made x' p)) t t'.
Proof. intros _ Ex. split; apply heads_of_row, layer_norm_of_row, Ex. Qed.

Lemma pre_on_is_block P n past x y (p : block_params) :
  continues C P n x y -> past_kept H d P past (pre_made y p) ->
  continues C P n (pre_on P n past x p) (run (pre_block (plain (P + n))) y p).
Proof.
  intros Exy K i Hi.
  assert (A := attention_on_is_attention H d causal P n past (layer_norm_of C eps x (fst (fst p)))
    (layer_norm_of C eps y (fst (fst p))) (snd (fst p))
    (fun i Hi => layer_norm_of_row C eps x y (fst (fst p)) i (P + i) (Exy i Hi)) K i Hi).
  assert (M := plus_row n (P + n) C x y _ _ i (P + i) (Exy i Hi) A).
  apply (plus_row n (P + n) C); [exact M |].
  apply feed_forward_row; [apply same_row_refl | apply layer_norm_of_row, M].
Qed.

Definition pre_resumable : resumable C H d (Block C F) :=
  Build_resumable C H d (Block C F) (fun T => pre_block (plain T)) (fun _ _ => pre_made) pre_on
    pre_made_by_place pre_on_is_block
    (fun T T' => pre_block_past (plain T) T' causal_looks_back).

(** GPT-1's block: post-norm. *)
Definition post_made (x : matrix) (p : block_params) : Past := attention_made H d x (snd (fst p)).

Definition post_on (P n : nat) (past : Past) (x : matrix) (p : block_params) : matrix :=
  let resid_mid := layer_norm_of C eps
    (plus n C x (attention_on H d causal P n past x (snd (fst p)))) (fst (fst p)) in
  layer_norm_of C eps (plus n C resid_mid (plain_mlp resid_mid (snd (snd p)))) (fst (snd p)).

Lemma post_made_by_place (P P' n n' : nat) t t' x x' p :
  (P + t = P' + t')%nat -> same_row C (x t) (x' t') ->
  same_heads H d (fst (post_made x p)) (fst (post_made x' p)) t t'
  /\ same_heads H d (snd (post_made x p)) (snd (post_made x' p)) t t'.
Proof. intros _ Ex. split; apply heads_of_row, Ex. Qed.

Lemma post_on_is_block P n past x y (p : block_params) :
  continues C P n x y -> past_kept H d P past (post_made y p) ->
  continues C P n (post_on P n past x p) (run (post_block (plain (P + n))) y p).
Proof.
  intros Exy K i Hi.
  assert (A := attention_on_is_attention H d causal P n past x y (snd (fst p)) Exy K i Hi).
  assert (M := layer_norm_of_row C eps _ _ (fst (fst p)) i (P + i)
    (plus_row n (P + n) C x y _ _ i (P + i) (Exy i Hi) A)).
  apply layer_norm_of_row, (plus_row n (P + n) C); [exact M |].
  apply feed_forward_row; [apply same_row_refl | exact M].
Qed.

Definition post_resumable : resumable C H d (Block C F) :=
  Build_resumable C H d (Block C F) (fun T => post_block (plain T)) (fun _ _ => post_made) post_on
    post_made_by_place post_on_is_block
    (fun T T' => post_block_past (plain T) T' causal_looks_back).

(** n new tokens stand at P, P + 1, … *)
Definition embedded_on (P : nat) (tokens : nat -> nat) (tables : matrix * matrix) : matrix :=
  dropout ones (position P (embedding tokens (fst tables)) (snd tables)).

Lemma embedded_continues P n tokens tables :
  continues C P n (embedded_on P (fun i => tokens (P + i)%nat) tables)
    (embedded_on 0 tokens tables).
Proof. intros i Hi c Hc. reflexivity. Qed.

Let params (N : space) : Type := ((matrix * matrix) * ((nat -> block_params) * point N))%type.

(** GPT-2's logits of a whole text, under a table [head]; with the embedding's own, [fst (fst p)], it
    is [gpt_logits]. *)
Definition gpt2_logits (T : nat) (tokens : nat -> nat) (p : params (Norm C)) (head : matrix)
    : matrix :=
  unembedding C (trunk L
    (gpt2_block H T d F eps a (fun _ _ => ones) (fun _ => ones) (fun _ => ones))
    (ln_f_module H T d eps) ones tokens p) head.

(** Those of n new tokens from what is kept of P earlier ones, … *)
Definition gpt2_logits_on (P n : nat) (past : nat -> Past) (tokens : nat -> nat)
    (p : params (Norm C)) (head : matrix) : matrix :=
  logits_on (fun _ => pre_resumable) L (fun T => ln_f_module H T d eps) P n past
    (embedded_on P tokens (fst p)) (fst (snd p)) (snd (snd p)) head.

(** … that is the keys and values of the first P places of a text of T tokens. *)
Definition gpt2_kept_of (P T : nat) (past : nat -> Past) (tokens : nat -> nat)
    (p : params (Norm C)) : Prop :=
  kept_of (fun _ => pre_resumable) L P T past (embedded_on 0 tokens (fst p)) (fst (snd p)).

(** And what is kept after j pieces of a text, passed one after another. *)
Definition gpt2_kept_after (lengths : nat -> nat) (none : nat -> Past) (tokens : nat -> nat)
    (p : params (Norm C)) : nat -> nat -> Past :=
  kept_after (fun _ => pre_resumable) lengths none
    (fun i => embedded_on (begins lengths i) (fun u => tokens (begins lengths i + u)%nat) (fst p))
    (fst (snd p)).

Lemma ln_f_row T T' x x' w t t' :
  same_row C (x t) (x' t') ->
  same_row C (run (ln_f_module H T d eps) x w t) (run (ln_f_module H T' d eps) x' w t').
Proof. apply layer_norm_of_row. Qed.

(** GPT-2's logits of new tokens from kept keys and values are those of the whole text at their
    places: for all sizes, numbers kept and numbers new. *)
Theorem gpt2_goes_on P n past tokens p head :
  gpt2_kept_of P (P + n) past tokens p ->
  continues V P n (gpt2_logits_on P n past (fun i => tokens (P + i)%nat) p head)
    (gpt2_logits (P + n) tokens p head).
Proof.
  exact (goes_on_as_the_whole (fun _ => pre_resumable) L (fun T => ln_f_module H T d eps) ln_f_row
    V P n past _ _ (fst (snd p)) (snd (snd p)) head (embedded_continues P n tokens (fst p))).
Qed.

(** GPT-2 passed piece by piece, pieces of any lengths, each from what was kept of those before, has
    the logits of the whole text, however long that is. *)
Theorem gpt2_piece_by_piece lengths none tokens p head j T :
  let P := begins lengths j in
  (P + lengths j <= T)%nat ->
  continues V P (lengths j)
    (gpt2_logits_on P (lengths j) (gpt2_kept_after lengths none tokens p j)
      (fun u => tokens (P + u)%nat) p head)
    (gpt2_logits T tokens p head).
Proof.
  exact (piece_by_piece (fun _ => pre_resumable) L (fun T => ln_f_module H T d eps) ln_f_row
    V lengths none _ _ (fst (snd p)) (snd (snd p)) head j T
    (fun i => embedded_continues _ _ tokens (fst p))).
Qed.

(** GPT-1: post-norm blocks, and no last norm. *)
Definition gpt1_logits (T : nat) (tokens : nat -> nat) (p : params (Vector 0)) (head : matrix)
    : matrix :=
  unembedding C (trunk L
    (gpt1_block H T d F eps a (fun _ _ => ones) (fun _ => ones) (fun _ => ones))
    (nothing T C) ones tokens p) head.

Definition gpt1_logits_on (P n : nat) (past : nat -> Past) (tokens : nat -> nat)
    (p : params (Vector 0)) (head : matrix) : matrix :=
  logits_on (fun _ => post_resumable) L (fun T => nothing T C) P n past
    (embedded_on P tokens (fst p)) (fst (snd p)) (snd (snd p)) head.

Definition gpt1_kept_after (lengths : nat -> nat) (none : nat -> Past) (tokens : nat -> nat)
    (p : params (Vector 0)) : nat -> nat -> Past :=
  kept_after (fun _ => post_resumable) lengths none
    (fun i => embedded_on (begins lengths i) (fun u => tokens (begins lengths i + u)%nat) (fst p))
    (fst (snd p)).

(** The same of GPT-1. *)
Theorem gpt1_piece_by_piece lengths none tokens p head j T :
  let P := begins lengths j in
  (P + lengths j <= T)%nat ->
  continues V P (lengths j)
    (gpt1_logits_on P (lengths j) (gpt1_kept_after lengths none tokens p j)
      (fun u => tokens (P + u)%nat) p head)
    (gpt1_logits T tokens p head).
Proof.
  exact (piece_by_piece (fun _ => post_resumable) L (fun T => nothing T C)
    (fun T T' x x' w t t' E => E) V lengths none _ _ (fst (snd p)) (snd (snd p)) head j T
    (fun i => embedded_continues _ _ tokens (fst p))).
Qed.

End GPT.
