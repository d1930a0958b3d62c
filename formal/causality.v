(** What a position cannot see: everything after it. About the causal mask of
    src/pellucid/layers/scaled_dot_product.py, src/pellucid/models/gpt/wiring.py and
    src/pellucid/models/llama/wiring.py. *)

From Pellucid Require Import vector linear embedding position layer_norm dropout softmax.
From Pellucid Require Import scaled_dot_product multi_head attention feed_forward residual block.
From Pellucid Require Import rms_norm rotary repeat_heads grouped_attention gated_feed_forward.
From Pellucid Require Import gated_block stack gpt llama.

(** Two streams of width C agree up to position t. *)
Definition agree (C t : nat) (x x' : matrix) : Prop :=
  forall u c, (u <= t)%nat -> (c < C)%nat -> x u c = x' u c.

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

(** It reads its own query, its own row of the mask and the noise, and the keys and values there are. *)
Lemma attend_ext n d may_look may_look' noise noise' q q' k k' v v' t t' c :
  may_look t = may_look' t' -> noise t = noise' t' ->
  (forall i, (i < d)%nat -> q t i = q' t' i) ->
  (forall s i, (s < n)%nat -> (i < d)%nat -> k s i = k' s i) ->
  (forall s, (s < n)%nat -> v s c = v' s c) ->
  attend n d may_look noise q k v t c = attend n d may_look' noise' q' k' v' t' c.
Proof.
  intros Hm Hn Hq Hk Hv. unfold attend, linear_map, kept, dropout, att. rewrite Hm, Hn.
  apply sum_ext. intros s Hs.
  rewrite (Hv s Hs). f_equal. f_equal. apply masked_softmax_ext; [| exact Hs].
  intros i Hi _. unfold scores, unembedding. f_equal. apply sum_ext. intros j Hj.
  rewrite (Hq j Hj), (Hk i j Hi Hj). reflexivity.
Qed.

(** Layers that work row by row keep agreement, whatever their widths. *)
Lemma linear_of_agree m n t x x' p :
  agree m t x x' -> agree n t (linear_of m x p) (linear_of m x' p).
Proof.
  intros A u c Hu _. unfold linear_of, linear, linear_map. f_equal. apply sum_ext. intros i Hi.
  rewrite (A u i Hu Hi). reflexivity.
Qed.

Lemma layer_norm_of_agree C eps t x x' p :
  agree C t x x' -> agree C t (layer_norm_of C eps x p) (layer_norm_of C eps x' p).
Proof.
  intros A u c Hu Hc. unfold layer_norm_of, layer_norm, xhat, rstd, variance, mean.
  assert (E : forall i, (i < C)%nat -> centered C (x u) i = centered C (x' u) i).
  { intros i Hi. unfold centered, mean. rewrite (A u i Hu Hi).
    rewrite (sum_ext C (x u) (x' u)) by (intros j Hj; apply A; assumption). reflexivity. }
  rewrite (E c Hc), (sum_ext C (fun i => centered C (x u) i ^ 2) (fun i => centered C (x' u) i ^ 2))
    by (intros i Hi; rewrite E by exact Hi; reflexivity). reflexivity.
Qed.

Lemma dropout_agree C t noise x x' :
  agree C t x x' -> agree C t (dropout noise x) (dropout noise x').
Proof. intros A u c Hu Hc. unfold dropout. rewrite (A u c Hu Hc). reflexivity. Qed.

Lemma activate_agree a F t x x' : agree F t x x' -> agree F t (activate a x) (activate a x').
Proof. intros A u c Hu Hc. unfold activate. rewrite (A u c Hu Hc). reflexivity. Qed.

Lemma feed_forward_agree C F a noise t x x' p :
  agree C t x x' -> agree C t (feed_forward C F a noise x p) (feed_forward C F a noise x' p).
Proof.
  intros A. apply dropout_agree, linear_of_agree, activate_agree, linear_of_agree, A.
Qed.

Lemma plus_agree T T' C t x x' y y' :
  agree C t x x' -> agree C t y y' -> agree C t (plus T C x y) (plus T' C x' y').
Proof.
  intros A B u c Hu Hc. unfold plus. simpl. rewrite (A u c Hu Hc), (B u c Hu Hc). reflexivity.
Qed.

Lemma heads_of_agree H d i t x x' p h k s :
  agree (H * d) t x x' -> (s <= t)%nat -> heads_of H d i x p h s k = heads_of H d i x' p h s k.
Proof.
  intros A Hs. unfold heads_of, split_heads, qkv.
  apply (linear_of_agree (H * d) (S (i * (H * d) + (h * d + k))) t x x' (c_attn p) A s); lia.
Qed.

(** Self-attention at position t reads its input up to t, and does not know how long the text is. *)
Theorem attention_agree H d T T' may_look attn_noise resid_noise t x x' p :
  looks_back may_look -> (t < T)%nat -> (t < T')%nat -> agree (H * d) t x x' ->
  agree (H * d) t (attention H T d may_look attn_noise resid_noise x p)
                  (attention H T' d may_look attn_noise resid_noise x' p).
Proof.
  intros B Ht Ht' A. apply dropout_agree, linear_of_agree.
  intros u c Hu Hc. unfold merged, merge_heads, scaled_dot_product.
  rewrite (attend_cut T), (attend_cut T') by (assumption || lia).
  apply attend_ext; try reflexivity; intros;
    apply (heads_of_agree H d _ t); try assumption; lia.
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
  looks_back (may_look b) ->
  forall t x x' (p : block_params), (t < length b)%nat -> (t < T)%nat -> agree (width b) t x x' ->
    agree (width b) t (run (pre_block b) x p) (run (pre_block (with_length b T)) x' p).
Proof.
  intros B t x x' p Ht Ht' A. rewrite !pre_block_is. simpl.
  assert (M := plus_agree (length b) T (width b) t _ _ _ _ A
    (attention_agree (n_head b) (head_width b) (length b) T (may_look b) (attn_noise b)
      (resid_noise b) t _ _ (snd (fst p)) B Ht Ht'
      (layer_norm_of_agree (width b) (eps b) t x x' (fst (fst p)) A))).
  apply (plus_agree (length b) T (width b)); [exact M |].
  apply feed_forward_agree, layer_norm_of_agree, M.
Qed.

(** And so does a post-norm block. *)
Theorem post_block_past b T :
  looks_back (may_look b) ->
  forall t x x' (p : block_params), (t < length b)%nat -> (t < T)%nat -> agree (width b) t x x' ->
    agree (width b) t (run (post_block b) x p) (run (post_block (with_length b T)) x' p).
Proof.
  intros B t x x' p Ht Ht' A. rewrite !post_block_is. simpl.
  assert (M := layer_norm_of_agree (width b) (eps b) t _ _ (fst (fst p))
    (plus_agree (length b) T (width b) t _ _ _ _ A
      (attention_agree (n_head b) (head_width b) (length b) T (may_look b) (attn_noise b)
        (resid_noise b) t x x' (snd (fst p)) B Ht Ht' A))).
  apply layer_norm_of_agree, (plus_agree (length b) T (width b)); [exact M |].
  apply feed_forward_agree, M.
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
  { apply dropout_agree. intros u c Hu _. unfold position, embedding.
    rewrite (Same u Hu). reflexivity. }
  assert (S := stack_past block block' L t _ _ (fst (snd p)) B Ht Ht' E).
  assert (O := Bl t _ _ (snd (snd p)) Ht Ht' S).
  intros u v Hu Hv. unfold gpt_logits, unembedding. apply sum_ext. intros c Hc. f_equal.
  exact (O u c Hu Hc).
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
  - intros l t' x x' q L1 L2 A.
    exact (pre_block_past (told H T d F eps a attn_noise resid_noise mlp_noise l) T'
      causal_looks_back t' x x' q L1 L2 A).
  - intros t' x x' q _ _ A. apply layer_norm_of_agree, A.
Qed.

(** * Llama *)

(** Heads of width d agree up to position t. *)
Definition heads_agree (n d t : nat) (x x' : heads) : Prop :=
  forall h u k, (h < n)%nat -> (u <= t)%nat -> (k < d)%nat -> x h u k = x' h u k.

(** Two preparations that are the same but for the length, where they work position by position. *)
Definition same_preparation {n T T' d P} (f : preparation n T d P) (f' : preparation n T' d P)
    : Prop :=
  forall t x x' w, heads_agree n d t x x' -> heads_agree n d t (prepare f x w) (prepare f' x' w).

Lemma rms_xhat_ext C eps x x' i :
  (forall j, (j < C)%nat -> x j = x' j) -> (i < C)%nat -> rms_xhat C eps x i = rms_xhat C eps x' i.
Proof.
  intros E Hi. unfold rms_xhat, rms_rstd, mean.
  rewrite (E i Hi), (sum_ext C (fun j => x j ^ 2) (fun j => x' j ^ 2))
    by (intros j Hj; rewrite (E j Hj); reflexivity).
  reflexivity.
Qed.

Lemma rms_norm_agree C eps t x x' w :
  agree C t x x' -> agree C t (rms_norm C eps x w) (rms_norm C eps x' w).
Proof.
  intros A u c Hu Hc. unfold rms_norm. f_equal. apply rms_xhat_ext; [| exact Hc].
  intros j Hj. apply A; assumption.
Qed.

(** Turning works position by position. *)
Theorem turned_by_position n T T' half cos sin :
  same_preparation (turned n T half cos sin) (turned n T' half cos sin).
Proof.
  intros t x x' w A h u k Hh Hu Hk. simpl. unfold rotary.
  destruct (Nat.ltb_spec k half); rewrite !(A h u) by (assumption || lia); reflexivity.
Qed.

(** And so does norming each head's rows. *)
Theorem normed_by_position n T T' d eps :
  same_preparation (normed n T d eps) (normed n T' d eps).
Proof.
  intros t x x' w A h u k Hh Hu Hk. simpl. unfold rms_norm. f_equal.
  apply rms_xhat_ext; [| exact Hk]. intros j Hj. apply A; assumption.
Qed.

Lemma multi_head_agree H d C T T' may_look attn_noise resid_noise t q q' k k' v v' p :
  looks_back may_look -> (t < T)%nat -> (t < T')%nat ->
  heads_agree H d t q q' -> heads_agree H d t k k' -> heads_agree H d t v v' ->
  agree C t (multi_head H T d may_look attn_noise resid_noise q k v p)
            (multi_head H T' d may_look attn_noise resid_noise q' k' v' p).
Proof.
  intros B Ht Ht' Aq Ak Av. apply dropout_agree, (linear_of_agree (H * d)).
  intros u c Hu Hc. unfold merged, merge_heads, scaled_dot_product.
  assert (Hd : (0 < d)%nat) by (destruct d; lia).
  assert (Hh : (c / d < H)%nat) by (apply Nat.div_lt_upper_bound; lia).
  assert (Hm : (c mod d < d)%nat) by (apply Nat.mod_upper_bound; lia).
  rewrite (attend_cut T), (attend_cut T') by (assumption || lia).
  apply attend_ext; try reflexivity; intros.
  - apply Aq; assumption.
  - apply Ak; try assumption. lia.
  - apply Av; try assumption. lia.
Qed.

Lemma split_linear_agree n C d t x x' p :
  agree C t x x' ->
  heads_agree n d t (split_heads d (linear_of C x p)) (split_heads d (linear_of C x' p)).
Proof.
  intros A h u k Hh Hu Hk. unfold split_heads.
  apply (linear_of_agree C (S (h * d + k)) t x x' p A u); lia.
Qed.

Lemma repeat_heads_agree G group d t x x' :
  heads_agree G d t x x' ->
  heads_agree (G * group) d t (repeat_heads group x) (repeat_heads group x').
Proof.
  intros A h u k Hh Hu Hk. unfold repeat_heads. apply A; try assumption.
  destruct group; [lia |]. apply Nat.div_lt_upper_bound; lia.
Qed.

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
  - apply Eq, split_linear_agree, A.
  - apply repeat_heads_agree, Ek, split_linear_agree, A.
  - apply repeat_heads_agree, split_linear_agree, A.
Qed.

Lemma gated_feed_forward_agree C F a noise t x x' p :
  agree C t x x' ->
  agree C t (gated_feed_forward C F a noise x p) (gated_feed_forward C F a noise x' p).
Proof.
  intros A. apply dropout_agree, (linear_of_agree F). intros u c Hu Hc. unfold gated, times.
  f_equal.
  - apply (activate_agree a F t); try assumption. apply (linear_of_agree C F t), A.
  - apply (linear_of_agree C F t x x'); assumption.
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
  assert (M := plus_agree T T' C t _ _ _ _ A
    (grouped_attention_agree G group d C T T' may_look attn_noise resid_noise PQ PK
      of_q of_k of_q' of_k' t _ _ (snd (fst p)) B Ht Ht' Eq Ek
      (rms_norm_agree C eps t x x' (fst (fst p)) A))).
  apply (plus_agree T T' C); [exact M |].
  apply gated_feed_forward_agree, rms_norm_agree, M.
Qed.

(** Of Llama: what the head reads at t does not depend on any token after t, nor on how many there
    are; so neither do its logits. *)
Theorem llama_is_causal G group half C F V L eps frequencies drop_noise attn_noise resid_noise
    mlp_noise T T' tokens tokens' p t :
  (t < T)%nat -> (t < T')%nat -> (forall u, (u <= t)%nat -> tokens u = tokens' u) ->
  forall v, (v < V)%nat ->
  unembedding C (llama_trunk L
    (llama_block G group T half C F eps frequencies attn_noise resid_noise mlp_noise)
    (rms_norm_module T C eps) drop_noise tokens p) (fst p) t v
  = unembedding C (llama_trunk L
    (llama_block G group T' half C F eps frequencies attn_noise resid_noise mlp_noise)
    (rms_norm_module T' C eps) drop_noise tokens' p) (fst p) t v.
Proof.
  intros Ht Ht' Same v Hv.
  assert (E : agree C t (dropout drop_noise (embedding tokens (fst p)))
                        (dropout drop_noise (embedding tokens' (fst p)))).
  { apply dropout_agree. intros u c Hu _. unfold embedding. rewrite (Same u Hu). reflexivity. }
  assert (S := stack_past
    (llama_block G group T half C F eps frequencies attn_noise resid_noise mlp_noise)
    (llama_block G group T' half C F eps frequencies attn_noise resid_noise mlp_noise)
    L t _ _ (fst (snd p))
    (fun l => gated_block_past G group (half + half) C F causal eps swish (attn_noise l)
      (resid_noise l) (mlp_noise l) T T' _ _ _ _ _ _ causal_looks_back
      (turned_by_position _ T T' half _ _) (turned_by_position _ T T' half _ _)) Ht Ht' E).
  assert (N := rms_norm_agree C eps t _ _ (snd (snd p)) S).
  unfold unembedding. apply sum_ext. intros c Hc. f_equal. exact (N t c (Nat.le_refl t) Hc).
Qed.
