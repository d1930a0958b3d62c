(** Going on from keys and values that were kept: `past` in src/pellucid/layers/attention.py and
    src/pellucid/models/gpt/wiring.py gives what the whole text gives. Of GPT-2, without dropout. *)

From Pellucid Require Import vector linear embedding position layer_norm dropout softmax.
From Pellucid Require Import scaled_dot_product multi_head attention feed_forward residual block.
From Pellucid Require Import stack gpt causality.

(** The kept rows, then the new ones. *)
Definition after (P : nat) (past new : heads) : heads :=
  fun h s k => if (s <? P)%nat then past h s k else new h (s - P)%nat k.

(** Attention of n new rows behind P earlier ones, of which keys and values alone are known. *)
Definition attention_extend (H P n d : nat) (past_k past_v : heads) (x : matrix)
    (p : attention_params) : matrix :=
  multi_head H (P + n) d (fun i s => causal (P + i)%nat s) (fun _ => ones) ones
    (heads_of H d 0 x p) (after P past_k (heads_of H d 1 x p)) (after P past_v (heads_of H d 2 x p))
    (attn_c_proj p).

(** Rows from place P on of one stream are the rows of another. *)
Definition continues (C P n : nat) (x whole : matrix) : Prop :=
  forall i c, (i < n)%nat -> (c < C)%nat -> x i c = whole (P + i)%nat c.

Lemma linear_of_row m x x' t t' p j :
  (forall i, (i < m)%nat -> x t i = x' t' i) -> linear_of m x p t j = linear_of m x' p t' j.
Proof.
  intros E. unfold linear_of, linear, linear_map. f_equal. apply sum_ext. intros i Hi.
  rewrite (E i Hi). reflexivity.
Qed.

Lemma after_is P n H d i past x whole p h s k :
  continues (H * d) P n x whole -> (s < P + n)%nat ->
  (forall u, (u < P)%nat -> past h u k = heads_of H d i whole p h u k) ->
  after P past (heads_of H d i x p) h s k = heads_of H d i whole p h s k.
Proof.
  intros E Hs Kept. unfold after. destruct (Nat.ltb_spec s P) as [L | L]; [apply Kept, L |].
  unfold heads_of, split_heads, qkv. apply linear_of_row. intros c Hc.
  rewrite (E (s - P)%nat c) by (assumption || lia). f_equal. lia.
Qed.

(** Attention from kept keys and values is the whole text's attention, at the new positions. *)
Theorem attention_extend_is_attention H P n d past_k past_v x whole p :
  continues (H * d) P n x whole ->
  (forall h u k, (u < P)%nat -> past_k h u k = heads_of H d 1 whole p h u k) ->
  (forall h u k, (u < P)%nat -> past_v h u k = heads_of H d 2 whole p h u k) ->
  continues (H * d) P n (attention_extend H P n d past_k past_v x p)
    (attention H (P + n) d causal (fun _ => ones) ones whole p).
Proof.
  intros E Kk Kv i c Hi Hc. unfold attention_extend, attention, multi_head, dropout. f_equal.
  apply linear_of_row. intros j Hj. unfold merged, merge_heads, scaled_dot_product.
  apply attend_ext; try reflexivity.
  - intros k Hk. unfold heads_of, split_heads, qkv. apply linear_of_row. intros r Hr.
    apply E; assumption.
  - intros s k Hs Hk. apply after_is with (n := n); [exact E | exact Hs |]. intros u. apply Kk.
  - intros s Hs. apply after_is with (n := n); [exact E | exact Hs |]. intros u. apply Kv.
Qed.

Section GPT2.

Context (H d F V L : nat) (eps : R) (a : activation).

Let C : nat := (H * d)%nat.

(** Without dropout. *)
Definition plain_block (T l : nat) : module T C (Block C F) :=
  gpt2_block H T d F eps a (fun _ _ => ones) (fun _ => ones) (fun _ => ones) l.

Let params : Type :=
  ((matrix * matrix) * ((nat -> block_params) * norm_params))%type.

Definition plain_logits (T : nat) (tokens : nat -> nat) (p : params) : matrix :=
  gpt_logits L (plain_block T) (ln_f_module H T d eps) ones tokens p.

Definition plain_embedded (tokens : nat -> nat) (p : params) : matrix :=
  embedded (P := Block C F) (N := Norm C) ones tokens p.

(** The stream into block l, of a text of T tokens. *)
Definition stream (T : nat) (tokens : nat -> nat) (p : params) (l : nat) : matrix :=
  stack (plain_block T) l (plain_embedded tokens p) (fst (snd p)).

(** The keys (i = 1) or values (i = 2) that block l makes of a stream. *)
Definition made (i : nat) (x : matrix) (p : block_params) : heads :=
  heads_of H d i (layer_norm_of C eps x (fst (fst p))) (snd (fst p)).

(** One block, from what is kept. *)
Definition block_extend (P n : nat) (past_k past_v : heads) (x : matrix) (p : block_params)
    : matrix :=
  let resid_mid := plus n C x (attention_extend H P n d past_k past_v
    (layer_norm_of C eps x (fst (fst p))) (snd (fst p))) in
  plus n C resid_mid (feed_forward C F a ones
    (layer_norm_of C eps resid_mid (fst (snd p))) (snd (snd p))).

(** All blocks. *)
Fixpoint stack_extend (P n : nat) (past_k past_v : nat -> heads) (l : nat) (x : matrix)
    (h : nat -> block_params) : matrix :=
  match l with
  | O => x
  | S k => block_extend P n (past_k k) (past_v k) (stack_extend P n past_k past_v k x h) (h k)
  end.

(** The new tokens stand at P, P + 1, … *)
Definition embedded_extend (P : nat) (tokens : nat -> nat) (p : params) : matrix :=
  dropout ones (position P (embedding tokens (fst (fst p))) (snd (fst p))).

Definition stream_extend (P n : nat) (past_k past_v : nat -> heads) (tokens : nat -> nat)
    (p : params) (l : nat) : matrix :=
  stack_extend P n past_k past_v l (embedded_extend P tokens p) (fst (snd p)).

Definition logits_extend (P n : nat) (past_k past_v : nat -> heads) (tokens : nat -> nat)
    (p : params) : matrix :=
  unembedding C (layer_norm_of C eps (stream_extend P n past_k past_v tokens p L) (snd (snd p)))
    (fst (fst p)).

(** What is kept are the keys and values of the first P positions of a text of T tokens. *)
Definition kept_of (P T : nat) (past_k past_v : nat -> heads) (tokens : nat -> nat) (p : params)
    : Prop :=
  forall l h u k, (l < L)%nat -> (u < P)%nat ->
    past_k l h u k = made 1 (stream T tokens p l) (fst (snd p) l) h u k /\
    past_v l h u k = made 2 (stream T tokens p l) (fst (snd p) l) h u k.

Lemma layer_norm_continues P n x whole p :
  continues C P n x whole ->
  continues C P n (layer_norm_of C eps x p) (layer_norm_of C eps whole p).
Proof.
  intros E i c Hi Hc.
  assert (A : agree C i (fun u => if Nat.eqb u i then x i else fun _ => 0)
                        (fun u => if Nat.eqb u i then whole (P + i)%nat else fun _ => 0)).
  { intros u r Hu Hr. destruct (Nat.eqb u i); [apply E; assumption | reflexivity]. }
  assert (B := layer_norm_of_agree C eps i _ _ p A i c (Nat.le_refl i) Hc).
  unfold layer_norm_of, layer_norm in *. rewrite !Nat.eqb_refl in B. exact B.
Qed.

Lemma block_extend_is_block P n past_k past_v x whole (p : block_params) l :
  continues C P n x whole ->
  (forall h u k, (u < P)%nat -> past_k h u k = made 1 whole p h u k) ->
  (forall h u k, (u < P)%nat -> past_v h u k = made 2 whole p h u k) ->
  continues C P n (block_extend P n past_k past_v x p) (run (plain_block (P + n) l) whole p).
Proof.
  intros E Kk Kv.
  assert (M : continues C P n
    (plus n C x (attention_extend H P n d past_k past_v
      (layer_norm_of C eps x (fst (fst p))) (snd (fst p))))
    (plus (P + n) C whole (attention H (P + n) d causal (fun _ => ones) ones
      (layer_norm_of C eps whole (fst (fst p))) (snd (fst p))))).
  { assert (A := attention_extend_is_attention H P n d past_k past_v _ _ (snd (fst p))
      (layer_norm_continues P n x whole (fst (fst p)) E) Kk Kv).
    intros i c Hi Hc. unfold plus. simpl. rewrite (E i c Hi Hc), (A i c Hi Hc). reflexivity. }
  assert (N := layer_norm_continues P n _ _ (fst (snd p)) M).
  intros i c Hi Hc. unfold block_extend. simpl.
  assert (G : feed_forward C F a ones (layer_norm_of C eps (plus n C x
      (attention_extend H P n d past_k past_v (layer_norm_of C eps x (fst (fst p))) (snd (fst p))))
      (fst (snd p))) (snd (snd p)) i c
    = feed_forward C F a ones (layer_norm_of C eps (plus (P + n) C whole
      (attention H (P + n) d causal (fun _ => ones) ones
        (layer_norm_of C eps whole (fst (fst p))) (snd (fst p)))) (fst (snd p))) (snd (snd p))
        (P + i)%nat c).
  { unfold feed_forward, dropout, ones. f_equal. apply linear_of_row. intros f Hf.
    unfold activate, inner. f_equal. apply linear_of_row. intros r Hr. apply N; assumption. }
  exact (f_equal2 Rplus (M i c Hi Hc) G).
Qed.

Lemma stream_extend_is_stream P n past_k past_v tokens (p : params) l :
  kept_of P (P + n) past_k past_v tokens p -> (l <= L)%nat ->
  continues C P n (stream_extend P n past_k past_v (fun i => tokens (P + i)%nat) p l)
    (stream (P + n) tokens p l).
Proof.
  intros K Hl. induction l as [| l IH].
  - intros i c Hi Hc. reflexivity.
  - apply block_extend_is_block.
    + apply IH. lia.
    + intros h u k Hu. apply (K l h u k); lia.
    + intros h u k Hu. apply (K l h u k); lia.
Qed.

(** The logits of new tokens from kept keys and values are those of the whole text at their places:
    for every number kept and new, and all sizes. *)
Theorem logits_from_cache P n past_k past_v tokens (p : params) :
  kept_of P (P + n) past_k past_v tokens p ->
  continues V P n (logits_extend P n past_k past_v (fun i => tokens (P + i)%nat) p)
    (plain_logits (P + n) tokens p).
Proof.
  intros K i v Hi Hv. unfold logits_extend, plain_logits, gpt_logits, unembedding.
  apply sum_ext. intros c Hc. f_equal.
  exact (layer_norm_continues P n _ _ (snd (snd p))
    (stream_extend_is_stream P n past_k past_v tokens p L K (Nat.le_refl L)) i c Hi Hc).
Qed.

(** And what is kept after them is again what the whole text would have kept. *)
Theorem cache_goes_on P n past_k past_v tokens (p : params) :
  kept_of P (P + n) past_k past_v tokens p ->
  let x := stream_extend P n past_k past_v (fun i => tokens (P + i)%nat) p in
  kept_of (P + n) (P + n)
    (fun l => after P (past_k l) (made 1 (x l) (fst (snd p) l)))
    (fun l => after P (past_v l) (made 2 (x l) (fst (snd p) l))) tokens p.
Proof.
  intros K x l h u k Hl Hu.
  assert (E := layer_norm_continues P n _ _ (fst (fst (fst (snd p) l)))
    (stream_extend_is_stream P n past_k past_v tokens p l K (Nat.lt_le_incl _ _ Hl))).
  split; apply (after_is P n H d); try assumption; intros w Hw; apply (K l h w k Hl Hw).
Qed.

(** A run of any text keeps its own keys and values. *)
Theorem a_run_fills_the_cache T tokens (p : params) :
  kept_of T T (fun l => made 1 (stream T tokens p l) (fst (snd p) l))
    (fun l => made 2 (stream T tokens p l) (fst (snd p) l)) tokens p.
Proof. intros l h u k _ _. split; reflexivity. Qed.

(** What is kept of a text's first P positions serves every text that begins with the same P tokens,
    however long it is. *)
Theorem cache_serves_longer_texts P T T' past_k past_v tokens tokens' (p : params) :
  (P <= T)%nat -> (P <= T')%nat -> (forall u, (u < P)%nat -> tokens u = tokens' u) ->
  kept_of P T past_k past_v tokens p -> kept_of P T' past_k past_v tokens' p.
Proof.
  intros Lt Lt' Same K l h u k Hl Hu. destruct (K l h u k Hl Hu) as [Kk Kv].
  assert (E : agree C u (plain_embedded tokens p) (plain_embedded tokens' p)).
  { apply dropout_agree. intros w c Hw _. unfold position, embedding.
    rewrite (Same w) by lia. reflexivity. }
  assert (S : agree C u (stream T tokens p l) (stream T' tokens' p l)).
  { apply (stack_past (plain_block T) (plain_block T')); try assumption; try lia.
    intros l' t x x' q L1 L2 A.
    exact (pre_block_past (told H T d F eps a (fun _ _ => ones) (fun _ => ones) (fun _ => ones) l')
      T' causal_looks_back t x x' q L1 L2 A). }
  assert (N := layer_norm_of_agree C eps u _ _ (fst (fst (fst (snd p) l))) S).
  split.
  - rewrite Kk. apply (heads_of_agree H d 1 u); [exact N | lia].
  - rewrite Kv. apply (heads_of_agree H d 2 u); [exact N | lia].
Qed.

End GPT2.
