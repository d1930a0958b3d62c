(** Llama's family goes on from kept keys and values, `past` in src/pellucid/layers/grouped_attention.py
    and src/pellucid/models/llama/wiring.py, as the whole text goes: keys are kept as they were turned,
    a head for each group, and new rows are turned from their own places on. Without dropout. *)

From Pellucid Require Import vector linear embedding dropout softmax rms_norm rotary.
From Pellucid Require Import scaled_dot_product multi_head repeat_heads grouped_attention.
From Pellucid Require Import feed_forward gated_feed_forward residual gated_block stack llama.
From Pellucid Require Import rows causality cache.

Lemma repeat_heads_kept G group d P past whole :
  heads_kept G d P past whole ->
  heads_kept (G * group) d P (repeat_heads group past) (repeat_heads group whole).
Proof. intros K u Hu. apply repeat_heads_row, K, Hu. Qed.

Section GroupedAttention.

Context (G group d C : nat) (may_look : mask) {PQ PK : space}.
Context (of_q : preparations (G * group) d PQ) (of_k : preparations G d PK).
Context (q_by_place : by_place of_q) (k_by_place : by_place of_k).

Let params : Type := point (GroupedAttention G group d C (PQ := PQ) (PK := PK)).

(** The keys and values of n rows from place P on, as they are kept: a head for each group. *)
Definition grouped_made (P n : nat) (x : matrix) (p : params) : Past :=
  (prepare (of_k P n) (k_heads d C x p) (of_k_params p), v_heads d C x p).

(** Grouped attention of n new rows behind P earlier ones, of which keys and values alone are known. *)
Definition grouped_attention_on (P n : nat) (past : Past) (x : matrix) (p : params) : matrix :=
  let new := grouped_made P n x p in
  multi_head (G * group) (P + n) d (fun i => may_look (P + i)%nat) (fun _ => ones) ones
    (prepare (of_q P n) (q_heads d C x p) (of_q_params p))
    (repeat_heads group (after P (fst past) (fst new)))
    (repeat_heads group (after P (snd past) (snd new))) (grouped_c_proj p).

Lemma grouped_made_by_place P P' n n' t t' x x' p :
  (P + t = P' + t')%nat -> same_row C (x t) (x' t') ->
  same_heads G d (fst (grouped_made P n x p)) (fst (grouped_made P' n' x' p)) t t'
  /\ same_heads G d (snd (grouped_made P n x p)) (snd (grouped_made P' n' x' p)) t t'.
Proof.
  intros Same Ex. split; [apply k_by_place; [exact Same |] |]; apply split_linear_row, Ex.
Qed.

(** Grouped attention from kept keys and values is the whole text's, at the new places: for any mask
    and whatever is done to queries and keys, place by place. *)
Theorem grouped_attention_on_is_attention P n past x y p :
  continues C P n x y -> past_kept G d P past (grouped_made 0 (P + n) y p) ->
  continues C P n (grouped_attention_on P n past x p)
    (grouped_attention G group (P + n) d C may_look (fun _ => ones) ones
      (of_q O (P + n)%nat) (of_k O (P + n)%nat) y p).
Proof.
  intros Exy [Kk Kv].
  assert (M : forall i, (i < n)%nat -> _)
    by (intros i Hi; exact (grouped_made_by_place P 0 n (P + n) i (P + i) x y p eq_refl (Exy i Hi))).
  apply multi_head_continues.
  - intros i Hi. apply q_by_place; [reflexivity | apply split_linear_row, Exy, Hi].
  - apply repeat_heads_kept, after_kept; [exact Kk |]. intros i Hi. apply M, Hi.
  - apply repeat_heads_kept, after_kept; [exact Kv |]. intros i Hi. apply M, Hi.
Qed.

(** The block around it. *)
Context (F : nat) (eps : R) (a : activation).

Let block_params : Type := point (GatedBlock G group d C F (PQ := PQ) (PK := PK)).

Definition plain_gated_block (T : nat)
    : module T C (GatedBlock G group d C F (PQ := PQ) (PK := PK)) :=
  gated_block G group T d C F may_look eps a (fun _ => ones) ones ones (of_q O T) (of_k O T).

Definition gated_made (P n : nat) (x : matrix) (p : block_params) : Past :=
  grouped_made P n (rms_norm C eps x (fst (fst p))) (snd (fst p)).

Definition gated_on (P n : nat) (past : Past) (x : matrix) (p : block_params) : matrix :=
  let resid_mid := plus n C x
    (grouped_attention_on P n past (rms_norm C eps x (fst (fst p))) (snd (fst p))) in
  plus n C resid_mid
    (gated_feed_forward C F a ones (rms_norm C eps resid_mid (fst (snd p))) (snd (snd p))).

Lemma gated_made_by_place P P' n n' t t' x x' p :
  (P + t = P' + t')%nat -> same_row C (x t) (x' t') ->
  same_heads G d (fst (gated_made P n x p)) (fst (gated_made P' n' x' p)) t t'
  /\ same_heads G d (snd (gated_made P n x p)) (snd (gated_made P' n' x' p)) t t'.
Proof. intros Same Ex. apply grouped_made_by_place; [exact Same | apply rms_norm_row, Ex]. Qed.

Lemma gated_on_is_block P n past x y p :
  continues C P n x y -> past_kept G d P past (gated_made 0 (P + n) y p) ->
  continues C P n (gated_on P n past x p) (run (plain_gated_block (P + n)) y p).
Proof.
  intros Exy K i Hi.
  assert (A := grouped_attention_on_is_attention P n past (rms_norm C eps x (fst (fst p)))
    (rms_norm C eps y (fst (fst p))) (snd (fst p))
    (fun i Hi => rms_norm_row C eps x y (fst (fst p)) i (P + i) (Exy i Hi)) K i Hi).
  assert (M := plus_row n (P + n) C x y _ _ i (P + i) (Exy i Hi) A).
  apply (plus_row n (P + n) C); [exact M |].
  apply gated_feed_forward_row; [apply same_row_refl | apply rms_norm_row, M].
Qed.

Context (back : looks_back may_look).

Lemma plain_gated_block_looks_back T T' :
  same_past (plain_gated_block T) (plain_gated_block T').
Proof.
  apply gated_block_past; [exact back | |]; apply by_place_same; assumption.
Qed.

Definition gated_resumable : resumable C G d (GatedBlock G group d C F (PQ := PQ) (PK := PK)) :=
  Build_resumable C G d (GatedBlock G group d C F) plain_gated_block gated_made gated_on
    gated_made_by_place gated_on_is_block plain_gated_block_looks_back.

End GroupedAttention.

Section Llama.

Context (c : llama_config) (V L : nat).

Let params : Type :=
  (matrix * ((nat -> point (LlamaBlock c)) * point (Vector (n_embd c))))%type.

(** Block l of a model of Llama's family, with its window or without, its positions or without, its
    norms of queries and keys or without. *)
Definition llama_resumable (l : nat)
    : resumable (n_embd c) (n_kv_head c) (head_size c) (LlamaBlock c) :=
  gated_resumable (n_kv_head c) (shared_by c) (head_size c) (n_embd c) (mask_of c l)
    (prepared c l (n_kv_head c * shared_by c)) (prepared c l (n_kv_head c))
    (prepared_by_place c l (n_kv_head c * shared_by c)) (prepared_by_place c l (n_kv_head c))
    (n_inner c) (rms_eps c) (gate_act c) (mask_of_looks_back c l).

(** The logits of a whole text, under a table [head]: the embedding's, [fst p], or another. *)
Definition llama_logits (T : nat) (tokens : nat -> nat) (p : params) (head : matrix) : matrix :=
  unembedding (n_embd c) (llama_trunk L
    (llama_block c T (fun _ _ => ones) (fun _ => ones) (fun _ => ones))
    (llama_ln_f c T) ones tokens p) head.

(** Tokens have no vector of their place: where they stand, only the blocks know. *)
Definition llama_plain (tokens : nat -> nat) (p : params) : matrix := llama_embedded ones tokens p.

(** Those of n new tokens from what is kept of P earlier ones, … *)
Definition llama_logits_on (P n : nat) (past : nat -> Past) (tokens : nat -> nat) (p : params)
    (head : matrix) : matrix :=
  logits_on llama_resumable L (llama_ln_f c) P n past (llama_plain tokens p) (fst (snd p))
    (snd (snd p)) head.

(** … that is the keys and values of the first P places of a text of T tokens. *)
Definition llama_kept_of (P T : nat) (past : nat -> Past) (tokens : nat -> nat) (p : params)
    : Prop :=
  kept_of llama_resumable L P T past (llama_plain tokens p) (fst (snd p)).

(** And what is kept after j pieces of a text, passed one after another. *)
Definition llama_kept_after (lengths : nat -> nat) (none : nat -> Past) (tokens : nat -> nat)
    (p : params) : nat -> nat -> Past :=
  kept_after llama_resumable lengths none
    (fun i => llama_plain (fun u => tokens (begins lengths i + u)%nat) p) (fst (snd p)).

Lemma llama_plain_continues P n tokens p :
  continues (n_embd c) P n (llama_plain (fun i => tokens (P + i)%nat) p) (llama_plain tokens p).
Proof. intros i Hi k Hk. reflexivity. Qed.

Lemma llama_ln_f_row T T' x x' w t t' :
  same_row (n_embd c) (x t) (x' t') ->
  same_row (n_embd c) (run (llama_ln_f c T) x w t) (run (llama_ln_f c T') x' w t').
Proof. apply rms_norm_row. Qed.

(** The logits of new tokens from kept keys and values are those of the whole text at their places:
    for every model of Llama's family, all sizes, numbers kept and numbers new. *)
Theorem llama_goes_on P n past tokens p head :
  llama_kept_of P (P + n) past tokens p ->
  continues V P n (llama_logits_on P n past (fun i => tokens (P + i)%nat) p head)
    (llama_logits (P + n) tokens p head).
Proof.
  exact (goes_on_as_the_whole llama_resumable L (llama_ln_f c) llama_ln_f_row V P n past _ _
    (fst (snd p)) (snd (snd p)) head (llama_plain_continues P n tokens p)).
Qed.

(** Passed piece by piece, pieces of any lengths, each from what was kept of those before, such a model
    has the logits of the whole text, however long that is. *)
Theorem llama_piece_by_piece lengths none tokens p head j T :
  let P := begins lengths j in
  (P + lengths j <= T)%nat ->
  continues V P (lengths j)
    (llama_logits_on P (lengths j) (llama_kept_after lengths none tokens p j)
      (fun u => tokens (P + u)%nat) p head)
    (llama_logits T tokens p head).
Proof.
  exact (piece_by_piece llama_resumable L (llama_ln_f c) llama_ln_f_row V lengths none _ _
    (fst (snd p)) (snd (snd p)) head j T (fun i => llama_plain_continues _ _ tokens p)).
Qed.

End Llama.
