(** What a position cannot see: everything after it. About the causal mask of
    src/pellucid/layers/scaled_dot_product.py, src/pellucid/models/gpt/wiring.py and
    src/pellucid/models/llama/wiring.py. *)

From Pellucid Require Import vector linear embedding position layer_norm dropout softmax.
From Pellucid Require Import scaled_dot_product multi_head attention feed_forward residual block.
From Pellucid Require Import rms_norm rotary repeat_heads grouped_attention gated_feed_forward.
From Pellucid Require Import gated_block stack gpt llama rows.

(** Two streams of width C agree up to position t. *)
Definition agree (C t : nat) (x x' : matrix) : Prop :=
  forall u, (u <= t)%nat -> same_row C (x u) (x' u).

(** A mask that hides the future: the causal one, and that of a window. *)
Definition looks_back (may_look : mask) : Prop := forall t s, may_look t s = true -> (s <= t)%nat.

(** The causal mask hides the future. *)
Theorem causal_looks_back : looks_back causal.
Proof. intros t s H. apply Nat.leb_le, H. Qed.

(** So does that of a window. *)
Theorem windowed_looks_back window : looks_back (windowed window).
Proof. intros t s H. apply andb_prop in H. apply Nat.leb_le, H. Qed.

(** A sum whose terms after place t are 0 ends there. *)
Lemma sum_cut n t f :
  (t < n)%nat -> (forall i, (t < i)%nat -> f i = 0) -> sum n f = sum (S t) f.
Proof.
  intros Ht Z. replace n with (S t + (n - S t))%nat by lia. rewrite sum_app.
  rewrite (sum_none (n - S t)); [ring |]. intros i _. apply Z. lia.
Qed.

(** A query that looks back gathers the same, however many keys there are after it. *)
Lemma attend_cut n d may_look noise q k v t c :
  looks_back may_look -> (t < n)%nat ->
  attend n d may_look noise q k v t c = attend (S t) d may_look noise q k v t c.
Proof.
  intros B Ht.
  assert (Z : forall s, (t < s)%nat -> exps (may_look t) (scores d q k t) s = 0).
  { intros s Hs. unfold exps. destruct (may_look t s) eqn:E; [| reflexivity].
    specialize (B t s E). lia. }
  unfold attend, linear_map, kept, dropout, att, masked_softmax.
  rewrite (sum_cut n t (exps (may_look t) (scores d q k t)) Ht Z). apply sum_cut; [exact Ht |].
  intros s Hs. rewrite (Z s Hs). unfold Rdiv. ring.
Qed.

(** A query reads only those keys and values that its mask lets it see, … *)
Theorem hidden_is_not_read n d may_look noise q k k' v v' t c :
  (forall s, may_look t s = true -> same_row d (k s) (k' s) /\ v s c = v' s c) ->
  attend n d may_look noise q k v t c = attend n d may_look noise q k' v' t c.
Proof.
  intros E. unfold attend, linear_map, kept, dropout, att. apply sum_ext. intros s Hs.
  destruct (may_look t s) eqn:Vs.
  - rewrite (proj2 (E s Vs)). f_equal. f_equal. apply masked_softmax_ext; [| exact Hs].
    intros i _ Vi. unfold scores. f_equal. unfold unembedding. apply sum_ext. intros j Hj.
    rewrite (proj1 (E i Vi) j Hj). reflexivity.
  - unfold masked_softmax, exps. rewrite Vs. unfold Rdiv. ring.
Qed.

(** … so with a window none that stands a window or more before it. *)
Corollary window_forgets n d w noise q k k' v v' t c :
  (forall s, (t < s + w)%nat -> same_row d (k s) (k' s) /\ v s c = v' s c) ->
  attend n d (windowed w) noise q k v t c = attend n d (windowed w) noise q k' v' t c.
Proof.
  intros E. apply hidden_is_not_read. intros s Vs. apply E.
  apply andb_prop in Vs. apply Nat.ltb_lt, Vs.
Qed.

Lemma dropout_agree C t noise x x' :
  agree C t x x' -> agree C t (dropout noise x) (dropout noise x').
Proof. intros A u Hu. apply dropout_row; [apply same_row_refl | apply A, Hu]. Qed.

(** Heads of width d agree up to position t. *)
Definition heads_agree (n d t : nat) (x x' : heads) : Prop :=
  forall u, (u <= t)%nat -> same_heads n d x x' u u.

(** Multi-head attention of a position reads queries, keys and values up to there. *)
Lemma multi_head_agree H d C T T' may_look attn_noise resid_noise t q q' k k' v v' p :
  looks_back may_look -> (t < T)%nat -> (t < T')%nat ->
  heads_agree H d t q q' -> heads_agree H d t k k' -> heads_agree H d t v v' ->
  agree C t (multi_head H T d may_look attn_noise resid_noise q k v p)
            (multi_head H T' d may_look attn_noise resid_noise q' k' v' p).
Proof.
  intros B Ht Ht' Aq Ak Av u Hu.
  assert (Cut : forall S q k v, (u < S)%nat -> same_row C
    (multi_head H S d may_look attn_noise resid_noise q k v p u)
    (multi_head H (Datatypes.S u) d may_look attn_noise resid_noise q k v p u)).
  { intros S q0 k0 v0 L. apply dropout_row; [apply same_row_refl |]. intros c _.
    apply (linear_of_row (H * d)). intros j _. unfold merged, merge_heads, scaled_dot_product.
    apply attend_cut; assumption. }
  intros c Hc. rewrite (Cut T), (Cut T') by (assumption || lia).
  apply (multi_head_row H (S u) d C may_look may_look attn_noise attn_noise resid_noise resid_noise);
    try reflexivity; try exact Hc; try apply same_row_refl; [apply Aq, Hu | |];
    intros s Hs; [apply Ak | apply Av]; lia.
Qed.

(** Self-attention at position t reads its input up to t, and does not know how long the text is. *)
Theorem attention_agree H d T T' may_look attn_noise resid_noise t x x' p :
  looks_back may_look -> (t < T)%nat -> (t < T')%nat -> agree (H * d) t x x' ->
  agree (H * d) t (attention H T d may_look attn_noise resid_noise x p)
                  (attention H T' d may_look attn_noise resid_noise x' p).
Proof.
  intros B Ht Ht' A. apply multi_head_agree; try assumption; intros u Hu; apply heads_of_row, A, Hu.
Qed.

(** Two modules that are the same but for the length, where they look back. *)
Definition same_past {T T' C P} (m : module T C P) (m' : module T' C P) : Prop :=
  forall t x x' p, (t < T)%nat -> (t < T')%nat -> agree C t x x' ->
    agree C t (run m x p) (run m' x' p).

(** A setting for another length. *)
Definition with_length (b : setting) (T : nat) : setting :=
  Build_setting (n_head b) T (head_width b) (inner_width b) (may_look b) (eps b) (act b)
    (attn_noise b) (resid_noise b) (mlp_noise b).

(** A pre-norm block at position t reads the stream up to t. *)
Theorem pre_block_past b T :
  looks_back (may_look b) -> same_past (pre_block b) (pre_block (with_length b T)).
Proof.
  intros B t x x' p Ht Ht' A. rewrite !pre_block_is. simpl.
  assert (At := attention_agree (n_head b) (head_width b) (length b) T (may_look b) (attn_noise b)
    (resid_noise b) t _ _ (snd (fst p)) B Ht Ht'
    (fun u Hu => layer_norm_of_row (width b) (eps b) x x' (fst (fst p)) u u (A u Hu))).
  intros u Hu.
  assert (M := plus_row (length b) T (width b) x x' _ _ u u (A u Hu) (At u Hu)).
  apply plus_row; [exact M |]. apply feed_forward_row; [apply same_row_refl |].
  apply layer_norm_of_row, M.
Qed.

(** And so does a post-norm block. *)
Theorem post_block_past b T :
  looks_back (may_look b) -> same_past (post_block b) (post_block (with_length b T)).
Proof.
  intros B t x x' p Ht Ht' A. rewrite !post_block_is. simpl. intros u Hu.
  assert (At := attention_agree (n_head b) (head_width b) (length b) T (may_look b) (attn_noise b)
    (resid_noise b) t x x' (snd (fst p)) B Ht Ht' A u Hu).
  assert (M := layer_norm_of_row (width b) (eps b) _ _ (fst (fst p)) u u
    (plus_row (length b) T (width b) x x' _ _ u u (A u Hu) At)).
  apply layer_norm_of_row, plus_row; [exact M |].
  apply feed_forward_row; [apply same_row_refl | exact M].
Qed.

(** A stack of any number of blocks that look back looks back. *)
Theorem stack_past {T T' C P} (block : nat -> module T C P) (block' : nat -> module T' C P) L
    t x x' h :
  (forall l, same_past (block l) (block' l)) -> (t < T)%nat -> (t < T')%nat ->
  agree C t x x' -> agree C t (stack block L x h) (stack block' L x' h).
Proof.
  intros B Ht Ht' A. induction L as [| l IH]; [exact A |]. apply B; assumption.
Qed.

(** Two texts that have the same tokens up to t, whatever follows and however long they are, have the
    same logits at t: for every model whose blocks and last norm look back. *)
Theorem logits_look_back {T T' C P N} (V L : nat)
    (block : nat -> module T C P) (last : module T C N)
    (block' : nat -> module T' C P) (last' : module T' C N)
    drop_noise tokens tokens' (p : (matrix * matrix) * ((nat -> point P) * point N)) t :
  (forall l, same_past (block l) (block' l)) -> same_past last last' ->
  (t < T)%nat -> (t < T')%nat -> (forall u, (u <= t)%nat -> tokens u = tokens' u) ->
  agree V t (gpt_logits L block last drop_noise tokens p)
            (gpt_logits L block' last' drop_noise tokens' p).
Proof.
  intros B Bl Ht Ht' Same.
  assert (E : agree C t (embedded drop_noise tokens p) (embedded drop_noise tokens' p)).
  { apply dropout_agree. intros u Hu c _. unfold position, embedding.
    rewrite (Same u Hu). reflexivity. }
  assert (S := stack_past block block' L t _ _ (fst (snd p)) B Ht Ht' E).
  assert (O := Bl t _ _ (snd (snd p)) Ht Ht' S).
  intros u Hu v _. apply unembedding_row, O, Hu.
Qed.

(** Of GPT-2: the logits at t do not depend on any token after t, nor on how many there are. *)
Theorem gpt2_is_causal H d F V L eps a drop_noise attn_noise resid_noise mlp_noise T T'
    tokens tokens' p t :
  (t < T)%nat -> (t < T')%nat -> (forall u, (u <= t)%nat -> tokens u = tokens' u) ->
  forall v, (v < V)%nat ->
  gpt_logits L (gpt2_block H T d F eps a attn_noise resid_noise mlp_noise)
    (ln_f_module H T d eps) drop_noise tokens p t v
  = gpt_logits L (gpt2_block H T' d F eps a attn_noise resid_noise mlp_noise)
    (ln_f_module H T' d eps) drop_noise tokens' p t v.
Proof.
  intros Ht Ht' Same v Hv.
  apply (logits_look_back V L (gpt2_block H T d F eps a attn_noise resid_noise mlp_noise)
    (ln_f_module H T d eps) (gpt2_block H T' d F eps a attn_noise resid_noise mlp_noise)
    (ln_f_module H T' d eps) drop_noise tokens tokens' p t); try assumption; [| | lia].
  - intros l. exact (pre_block_past (told H T d F eps a attn_noise resid_noise mlp_noise l) T'
      causal_looks_back).
  - intros t' x x' q _ _ A u Hu. apply layer_norm_of_row, A, Hu.
Qed.

(** * Llama *)

(** Two preparations that are the same but for the length, where they work position by position. *)
Definition same_preparation {n T T' d P} (f : preparation n T d P) (f' : preparation n T' d P)
    : Prop :=
  forall t x x' w, heads_agree n d t x x' -> heads_agree n d t (prepare f x w) (prepare f' x' w).

(** What works place by place is such: it comes out the same for texts of any length. *)
Theorem by_place_same {n d P} (f : preparations n d P) T T' :
  by_place f -> same_preparation (f O T) (f O T').
Proof. intros B t x x' w A u Hu. apply B; [reflexivity | apply A, Hu]. Qed.

(** Grouped attention at position t reads its input up to t, and does not know how long the text is. *)
Theorem grouped_attention_agree G group d C T T' may_look attn_noise resid_noise PQ PK
    (of_q : preparation (G * group) T d PQ) (of_k : preparation G T d PK)
    (of_q' : preparation (G * group) T' d PQ) (of_k' : preparation G T' d PK) t x x' p :
  looks_back may_look -> (t < T)%nat -> (t < T')%nat ->
  same_preparation of_q of_q' -> same_preparation of_k of_k' -> agree C t x x' ->
  agree C t (grouped_attention G group T d C may_look attn_noise resid_noise of_q of_k x p)
            (grouped_attention G group T' d C may_look attn_noise resid_noise of_q' of_k' x' p).
Proof.
  intros B Ht Ht' Eq Ek A. apply multi_head_agree; try assumption.
  - apply Eq. intros u Hu. apply split_linear_row, A, Hu.
  - intros u Hu. apply repeat_heads_row. revert u Hu. apply Ek. intros u Hu.
    apply split_linear_row, A, Hu.
  - intros u Hu. apply repeat_heads_row, split_linear_row, A, Hu.
Qed.

(** Llama's block at position t reads the stream up to t. *)
Theorem gated_block_past G group d C F may_look eps a attn_noise resid_noise mlp_noise T T' PQ PK
    (of_q : preparation (G * group) T d PQ) (of_k : preparation G T d PK)
    (of_q' : preparation (G * group) T' d PQ) (of_k' : preparation G T' d PK) :
  looks_back may_look -> same_preparation of_q of_q' -> same_preparation of_k of_k' ->
  same_past
    (gated_block G group T d C F may_look eps a attn_noise resid_noise mlp_noise of_q of_k)
    (gated_block G group T' d C F may_look eps a attn_noise resid_noise mlp_noise of_q' of_k').
Proof.
  intros B Eq Ek t x x' p Ht Ht' A.
  assert (At := grouped_attention_agree G group d C T T' may_look attn_noise resid_noise PQ PK
      of_q of_k of_q' of_k' t _ _ (snd (fst p)) B Ht Ht' Eq Ek
      (fun u Hu => rms_norm_row C eps x x' (fst (fst p)) u u (A u Hu))).
  intros u Hu.
  assert (M := plus_row T T' C x x' _ _ u u (A u Hu) (At u Hu)).
  apply (plus_row T T' C); [exact M |].
  apply gated_feed_forward_row; [apply same_row_refl | apply rms_norm_row, M].
Qed.

(** What a model of Llama's family does to queries and keys works place by place: norms, turns, both
    or neither. *)
Theorem prepared_by_place c l N : by_place (prepared c l N).
Proof.
  apply (prepared_twice_by_place (fun _ T => norm_of c N T) (turn_of c l N)).
  - unfold norm_of, Gain. destruct (qk_norm c); [apply normed_by_place | apply as_they_are_by_place].
  - unfold turn_of. destruct (rotated c l); [apply turned_by_place | apply as_they_are_by_place].
Qed.

(** And its masks look back, with a window or without. *)
Theorem mask_of_looks_back c l : looks_back (mask_of c l).
Proof.
  unfold mask_of. destruct (window c); [| exact causal_looks_back].
  destruct (windowed_from c <=? l)%nat; [apply windowed_looks_back | exact causal_looks_back].
Qed.

(** Of Llama's family: what the head reads at t does not depend on any token after t, nor on how many
    there are; so neither do its logits, whether its table is the embedding's or its own. *)
Theorem llama_is_causal c L V drop_noise attn_noise resid_noise mlp_noise T T' tokens tokens' p
    (head : matrix) t :
  (t < T)%nat -> (t < T')%nat -> (forall u, (u <= t)%nat -> tokens u = tokens' u) ->
  agree V t
    (unembedding (n_embd c) (llama_trunk L (llama_block c T attn_noise resid_noise mlp_noise)
      (llama_ln_f c T) drop_noise tokens p) head)
    (unembedding (n_embd c) (llama_trunk L (llama_block c T' attn_noise resid_noise mlp_noise)
      (llama_ln_f c T') drop_noise tokens' p) head).
Proof.
  intros Ht Ht' Same u Hu v _.
  assert (E : agree (n_embd c) t (llama_embedded drop_noise tokens p)
                                 (llama_embedded drop_noise tokens' p)).
  { apply dropout_agree. intros w Hw k _. unfold embedding. rewrite (Same w Hw). reflexivity. }
  apply unembedding_row, rms_norm_row.
  apply (stack_past (llama_block c T attn_noise resid_noise mlp_noise)
    (llama_block c T' attn_noise resid_noise mlp_noise) L t _ _ (fst (snd p))); try assumption.
  intros l. apply gated_block_past; [apply mask_of_looks_back | |];
    apply (by_place_same (prepared c l _)), prepared_by_place.
Qed.
