(** The transformer's decoder goes on from kept keys and values, `past` in
    src/pellucid/layers/decoder_block.py and src/pellucid/models/transformer/halves.py, as the whole
    text goes, and at t it does not see what is after t: for any memory, with padding hidden in either
    text. Without dropout. *)

From Pellucid Require Import vector linear embedding position layer_norm dropout scale softmax.
From Pellucid Require Import scaled_dot_product multi_head attention cross_attention feed_forward.
From Pellucid Require Import residual block decoder_block stack gpt transformer rows causality.
From Pellucid Require Import cache gpt_cache.

(** The memory's keys and values may be made once and kept: the memory itself is not read again. *)
Theorem memory_is_read_once H S d may_look attn_noise resid_noise x memory p :
  cross_attention H S d may_look attn_noise resid_noise x memory p
  = multi_head H S d may_look attn_noise resid_noise (cross_q H d x p)
      (cross_kv H d 0 memory p) (cross_kv H d 1 memory p) (cross_c_proj p).
Proof. reflexivity. Qed.

(** Each row of cross-attention is made from that row, if the mask is the same for all. *)
Lemma cross_attention_row H S d (seen : nat -> bool) attn_noise attn_noise' resid_noise resid_noise'
    memory p x x' t t' :
  (forall h, attn_noise h t = attn_noise' h t') ->
  same_row (H * d) (resid_noise t) (resid_noise' t') -> same_row (H * d) (x t) (x' t') ->
  same_row (H * d)
    (cross_attention H S d (fun _ => seen) attn_noise resid_noise x memory p t)
    (cross_attention H S d (fun _ => seen) attn_noise' resid_noise' x' memory p t').
Proof.
  intros Ea Er Ex. apply multi_head_row; try assumption; try reflexivity.
  - apply split_linear_row, Ex.
  - intros s _ h _. apply same_row_refl.
  - intros s _ h _. apply same_row_refl.
Qed.

Section Decoder.

Context (H S d F V L : nat) (eps : R) (a : activation).

(** Which positions of the text may be looked at, where they are not later, and which of the memory:
    those that are not padding. *)
Context (seen memory_seen : nat -> bool).

Let C : nat := (H * d)%nat.

Definition text_mask : mask := fun t s => causal t s && seen s.
Definition memory_mask : mask := fun _ => memory_seen.

Lemma text_mask_looks_back : looks_back text_mask.
Proof. intros t s E. apply andb_prop in E. apply causal_looks_back, E. Qed.

Definition dec_setting (T : nat) : setting :=
  Build_setting H T d F text_mask eps a (fun _ => ones) ones ones.

Definition plain_cross (x m : matrix) (p : point (CrossAttention H d)) : matrix :=
  cross_attention H S d memory_mask (fun _ => ones) ones x m p.

Let params : Type := point (WithMemory H S d F).

Let ln_1 (p : params) : norm_params := fst (fst (fst p)).
Let attn (p : params) : attention_params := snd (fst (fst p)).
Let ln_2 (p : params) : norm_params := fst (snd (fst p)).
Let cross (p : params) : point (CrossAttention H d) := fst (snd (snd (fst p))).
Let read (p : params) : matrix := snd (snd (snd (fst p))).
Let ln_3 (p : params) : norm_params := fst (snd p).
Let mlp (p : params) : feed_forward_params := snd (snd p).

(** What comes after self-attention, pre-norm and post-norm. *)
Definition pre_rest (T : nat) (x attended : matrix) (p : params) : matrix :=
  let resid_mid := plus T C x attended in
  let resid_cross := plus T C resid_mid
    (plain_cross (layer_norm_of C eps resid_mid (ln_2 p)) (read p) (cross p)) in
  plus T C resid_cross
    (feed_forward C F a ones (layer_norm_of C eps resid_cross (ln_3 p)) (mlp p)).

Definition post_rest (T : nat) (x attended : matrix) (p : params) : matrix :=
  let resid_mid := layer_norm_of C eps (plus T C x attended) (ln_1 p) in
  let resid_cross := layer_norm_of C eps
    (plus T C resid_mid (plain_cross resid_mid (read p) (cross p))) (ln_2 p) in
  layer_norm_of C eps
    (plus T C resid_cross (feed_forward C F a ones resid_cross (mlp p))) (ln_3 p).

Lemma pre_rest_row T T' x x' y y' p t t' :
  same_row C (x t) (x' t') -> same_row C (y t) (y' t') ->
  same_row C (pre_rest T x y p t) (pre_rest T' x' y' p t').
Proof.
  intros Ex Ey. assert (M := plus_row T T' C x x' y y' t t' Ex Ey).
  assert (K := plus_row T T' C _ _ _ _ t t' M
    (cross_attention_row H S d memory_seen (fun _ => ones) (fun _ => ones) ones ones (read p) (cross p)
      _ _ t t' (fun _ => eq_refl) (same_row_refl _ _)
      (layer_norm_of_row C eps _ _ (ln_2 p) t t' M))).
  apply (plus_row T T' C); [exact K |].
  apply feed_forward_row; [apply same_row_refl | apply layer_norm_of_row, K].
Qed.

Lemma post_rest_row T T' x x' y y' p t t' :
  same_row C (x t) (x' t') -> same_row C (y t) (y' t') ->
  same_row C (post_rest T x y p t) (post_rest T' x' y' p t').
Proof.
  intros Ex Ey.
  assert (M := layer_norm_of_row C eps _ _ (ln_1 p) t t' (plus_row T T' C x x' y y' t t' Ex Ey)).
  assert (K := layer_norm_of_row C eps _ _ (ln_2 p) t t' (plus_row T T' C _ _ _ _ t t' M
    (cross_attention_row H S d memory_seen (fun _ => ones) (fun _ => ones) ones ones (read p) (cross p)
      _ _ t t' (fun _ => eq_refl) (same_row_refl _ _) M))).
  apply layer_norm_of_row, (plus_row T T' C); [exact K |].
  apply feed_forward_row; [apply same_row_refl | exact K].
Qed.

(** The decoder's blocks, for a text of T positions. *)
Definition pre_decoder_of (T : nat) : module T C (WithMemory H S d F) :=
  pre_decoder_block (dec_setting T) S memory_mask (fun _ => ones) ones.

Definition post_decoder_of (T : nat) : module T C (WithMemory H S d F) :=
  post_decoder_block (dec_setting T) S memory_mask (fun _ => ones) ones.

Let attention_of (T : nat) (x : matrix) (p : params) : matrix :=
  attention H T d text_mask (fun _ => ones) ones x (attn p).

Lemma pre_decoder_is T x p :
  run (pre_decoder_of T) x p = pre_rest T x (attention_of T (layer_norm_of C eps x (ln_1 p)) p) p.
Proof. reflexivity. Qed.

Lemma post_decoder_is T x p : run (post_decoder_of T) x p = post_rest T x (attention_of T x p) p.
Proof. reflexivity. Qed.

(** A pre-norm decoder block at position t reads the stream up to t. *)
Theorem pre_decoder_looks_back T T' : same_past (pre_decoder_of T) (pre_decoder_of T').
Proof.
  intros t x x' p Ht Ht' A u Hu. rewrite !pre_decoder_is. apply pre_rest_row; [apply A, Hu |].
  apply (attention_agree H d T T' text_mask (fun _ => ones) ones t); try assumption;
    [apply text_mask_looks_back |]. intros w Hw. apply layer_norm_of_row, A, Hw.
Qed.

(** And so does a post-norm one. *)
Theorem post_decoder_looks_back T T' : same_past (post_decoder_of T) (post_decoder_of T').
Proof.
  intros t x x' p Ht Ht' A u Hu. rewrite !post_decoder_is. apply post_rest_row; [apply A, Hu |].
  apply (attention_agree H d T T' text_mask (fun _ => ones) ones t); try assumption.
  apply text_mask_looks_back.
Qed.

(** Both can go on: keys and values of self-attention are kept. *)
Definition pre_decoder_made (x : matrix) (p : params) : Past :=
  attention_made H d (layer_norm_of C eps x (ln_1 p)) (attn p).

Definition pre_decoder_on (P n : nat) (past : Past) (x : matrix) (p : params) : matrix :=
  pre_rest n x (attention_on H d text_mask P n past (layer_norm_of C eps x (ln_1 p)) (attn p)) p.

Definition post_decoder_made (x : matrix) (p : params) : Past := attention_made H d x (attn p).

Definition post_decoder_on (P n : nat) (past : Past) (x : matrix) (p : params) : matrix :=
  post_rest n x (attention_on H d text_mask P n past x (attn p)) p.

Lemma pre_decoder_made_by_place (P P' n n' : nat) t t' x x' p :
  (P + t = P' + t')%nat -> same_row C (x t) (x' t') ->
  same_heads H d (fst (pre_decoder_made x p)) (fst (pre_decoder_made x' p)) t t'
  /\ same_heads H d (snd (pre_decoder_made x p)) (snd (pre_decoder_made x' p)) t t'.
Proof. intros _ Ex. split; apply heads_of_row, layer_norm_of_row, Ex. Qed.

Lemma post_decoder_made_by_place (P P' n n' : nat) t t' x x' p :
  (P + t = P' + t')%nat -> same_row C (x t) (x' t') ->
  same_heads H d (fst (post_decoder_made x p)) (fst (post_decoder_made x' p)) t t'
  /\ same_heads H d (snd (post_decoder_made x p)) (snd (post_decoder_made x' p)) t t'.
Proof. intros _ Ex. split; apply heads_of_row, Ex. Qed.

Lemma pre_decoder_on_is_block P n past x y (p : params) :
  continues C P n x y -> past_kept H d P past (pre_decoder_made y p) ->
  continues C P n (pre_decoder_on P n past x p) (run (pre_decoder_of (P + n)) y p).
Proof.
  intros Exy K i Hi. rewrite pre_decoder_is. apply pre_rest_row; [apply Exy, Hi |].
  exact (attention_on_is_attention H d text_mask P n past (layer_norm_of C eps x (ln_1 p))
    (layer_norm_of C eps y (ln_1 p)) (attn p)
    (fun i Hi => layer_norm_of_row C eps x y (ln_1 p) i (P + i) (Exy i Hi)) K i Hi).
Qed.

Lemma post_decoder_on_is_block P n past x y (p : params) :
  continues C P n x y -> past_kept H d P past (post_decoder_made y p) ->
  continues C P n (post_decoder_on P n past x p) (run (post_decoder_of (P + n)) y p).
Proof.
  intros Exy K i Hi. rewrite post_decoder_is. apply post_rest_row; [apply Exy, Hi |].
  exact (attention_on_is_attention H d text_mask P n past x y (attn p) Exy K i Hi).
Qed.

Definition pre_decoder_resumable : resumable C H d (WithMemory H S d F) :=
  Build_resumable C H d (WithMemory H S d F) pre_decoder_of (fun _ _ => pre_decoder_made)
    pre_decoder_on pre_decoder_made_by_place pre_decoder_on_is_block pre_decoder_looks_back.

Definition post_decoder_resumable : resumable C H d (WithMemory H S d F) :=
  Build_resumable C H d (WithMemory H S d F) post_decoder_of (fun _ _ => post_decoder_made)
    post_decoder_on post_decoder_made_by_place post_decoder_on_is_block post_decoder_looks_back.

(** New tokens stand at P, P + 1, … of the fixed table of positions. *)
Definition placed_on (factor : R) (positions : matrix) (P : nat) (tokens : nat -> nat)
    (wte : matrix) : matrix :=
  dropout ones (position P (scale factor (embedding tokens wte)) positions).

Lemma placed_continues factor positions P n tokens wte :
  continues C P n (placed_on factor positions P (fun u => tokens (P + u)%nat) wte)
    (placed factor positions ones tokens wte).
Proof. intros i Hi c Hc. reflexivity. Qed.

Context (factor : R) (positions wte memory : matrix) (h : nat -> point (OwnDecoder H d F)).

Let beside : nat -> params := fun l => put_memory H S d F memory (h l).

(** The decoder's logits: [transformer.decoded] of this memory, under the table. *)
Definition pre_decoder_logits (T : nat) (tokens : nat -> nat) (w : point (Norm C)) : matrix :=
  unembedding C (run (layer_norm_module T C eps)
    (stack (fun _ => pre_decoder_of T) L (placed factor positions ones tokens wte) beside) w) wte.

Definition post_decoder_logits (T : nat) (tokens : nat -> nat) : matrix :=
  unembedding C
    (stack (fun _ => post_decoder_of T) L (placed factor positions ones tokens wte) beside) wte.

Lemma placed_agree tokens tokens' t :
  (forall u, (u <= t)%nat -> tokens u = tokens' u) ->
  agree C t (placed factor positions ones tokens wte) (placed factor positions ones tokens' wte).
Proof.
  intros Same u Hu c _. unfold placed, dropout, position, scale, embedding. rewrite (Same u Hu).
  reflexivity.
Qed.

(** The logits at t do not depend on any token after t, nor on how many there are: pre-norm, … *)
Theorem pre_decoder_is_causal T T' tokens tokens' w t :
  (t < T)%nat -> (t < T')%nat -> (forall u, (u <= t)%nat -> tokens u = tokens' u) ->
  agree V t (pre_decoder_logits T tokens w) (pre_decoder_logits T' tokens' w).
Proof.
  intros Ht Ht' Same u Hu v _. apply unembedding_row, layer_norm_of_row.
  apply (stack_past (fun _ => pre_decoder_of T) (fun _ => pre_decoder_of T') L t); try assumption.
  - intros _. apply pre_decoder_looks_back.
  - apply placed_agree, Same.
Qed.

(** … and post-norm. *)
Theorem post_decoder_is_causal T T' tokens tokens' t :
  (t < T)%nat -> (t < T')%nat -> (forall u, (u <= t)%nat -> tokens u = tokens' u) ->
  agree V t (post_decoder_logits T tokens) (post_decoder_logits T' tokens').
Proof.
  intros Ht Ht' Same u Hu v _. apply unembedding_row.
  apply (stack_past (fun _ => post_decoder_of T) (fun _ => post_decoder_of T') L t); try assumption.
  - intros _. apply post_decoder_looks_back.
  - apply placed_agree, Same.
Qed.

(** Passed piece by piece, pieces of any lengths, each from what was kept of those before, a pre-norm
    decoder has the logits of the whole text, whatever the memory is. *)
Theorem pre_decoder_piece_by_piece lengths none tokens w j T :
  let P := begins lengths j in
  let from i := placed_on factor positions (begins lengths i)
    (fun u => tokens (begins lengths i + u)%nat) wte in
  (P + lengths j <= T)%nat ->
  continues V P (lengths j)
    (logits_on (fun _ => pre_decoder_resumable) L (fun T => layer_norm_module T C eps) P (lengths j)
      (kept_after (fun _ => pre_decoder_resumable) lengths none from beside j)
      (from j) beside w wte)
    (pre_decoder_logits T tokens w).
Proof.
  exact (piece_by_piece (fun _ => pre_decoder_resumable) L (fun T => layer_norm_module T C eps)
    (fun T T' => layer_norm_of_row C eps) V lengths none _ _ beside w wte j T
    (fun i => placed_continues factor positions _ _ tokens wte)).
Qed.

(** And so has a post-norm one, as in the paper. *)
Theorem post_decoder_piece_by_piece lengths none tokens j T :
  let P := begins lengths j in
  let from i := placed_on factor positions (begins lengths i)
    (fun u => tokens (begins lengths i + u)%nat) wte in
  (P + lengths j <= T)%nat ->
  continues V P (lengths j)
    (logits_on (fun _ => post_decoder_resumable) L (fun T => nothing T C) P (lengths j)
      (kept_after (fun _ => post_decoder_resumable) lengths none from beside j)
      (from j) beside (zero (Vector 0)) wte)
    (post_decoder_logits T tokens).
Proof.
  exact (piece_by_piece (fun _ => post_decoder_resumable) L (fun T => nothing T C)
    (fun T T' x x' w t t' E => E) V lengths none _ _ beside _ wte j T
    (fun i => placed_continues factor positions _ _ tokens wte)).
Qed.

End Decoder.
