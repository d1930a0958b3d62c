(** Layers that make each row of their output from one row of their input, wherever it stands:
    linear maps, norms, activations, and attention once its keys and values are there. Of
    src/pellucid/layers/linear.py, layer_norm.py, rms_norm.py, rotary.py, feed_forward.py,
    gated_feed_forward.py and multi_head.py, as src/pellucid/layers/attention.py and
    src/pellucid/layers/grouped_attention.py go on from kept rows. *)

From Pellucid Require Import vector linear embedding layer_norm rms_norm dropout softmax rotary.
From Pellucid Require Import scaled_dot_product multi_head attention repeat_heads grouped_attention.
From Pellucid Require Import feed_forward gated_feed_forward residual block.

(** Two rows are the same in their first n places. *)
Definition same_row (n : nat) (a b : vector) : Prop := forall i, (i < n)%nat -> a i = b i.

Lemma same_row_refl n a : same_row n a a.
Proof. intros i _. reflexivity. Qed.

Lemma linear_of_row m x x' p t t' j :
  same_row m (x t) (x' t') -> linear_of m x p t j = linear_of m x' p t' j.
Proof.
  intros E. unfold linear_of, linear, linear_map. f_equal. apply sum_ext. intros i Hi.
  rewrite (E i Hi). reflexivity.
Qed.

Lemma unembedding_row C x x' weight t t' v :
  same_row C (x t) (x' t') -> unembedding C x weight t v = unembedding C x' weight t' v.
Proof. intros E. unfold unembedding. apply sum_ext. intros c Hc. f_equal. apply E, Hc. Qed.

Lemma layer_norm_of_row C eps x x' p t t' :
  same_row C (x t) (x' t') -> same_row C (layer_norm_of C eps x p t) (layer_norm_of C eps x' p t').
Proof.
  intros A c Hc. unfold layer_norm_of, layer_norm, xhat, rstd, variance, mean.
  assert (E : same_row C (centered C (x t)) (centered C (x' t'))).
  { intros i Hi. unfold centered, mean. rewrite (A i Hi), (sum_ext C (x t) (x' t')) by exact A.
    reflexivity. }
  rewrite (E c Hc),
    (sum_ext C (fun i => centered C (x t) i ^ 2) (fun i => centered C (x' t') i ^ 2))
    by (intros i Hi; rewrite E by exact Hi; reflexivity). reflexivity.
Qed.

Lemma rms_norm_row C eps x x' w t t' :
  same_row C (x t) (x' t') -> same_row C (rms_norm C eps x w t) (rms_norm C eps x' w t').
Proof.
  intros E c Hc. unfold rms_norm, rms_xhat, rms_rstd, mean.
  rewrite (E c Hc), (sum_ext C (fun j => x t j ^ 2) (fun j => x' t' j ^ 2))
    by (intros j Hj; rewrite (E j Hj); reflexivity). reflexivity.
Qed.

(** Turning reads the row of the tables too. *)
Lemma rotary_row half cos cos' sin sin' x x' t t' :
  same_row half (cos t) (cos' t') -> same_row half (sin t) (sin' t') ->
  same_row (half + half) (x t) (x' t') ->
  same_row (half + half) (rotary half cos sin x t) (rotary half cos' sin' x' t').
Proof.
  intros Ec Es E k Hk. unfold rotary.
  destruct (Nat.ltb_spec k half); rewrite !E, Ec, Es by lia; reflexivity.
Qed.

(** And dropout that of the noise. *)
Lemma dropout_row n noise noise' x x' t t' :
  same_row n (noise t) (noise' t') -> same_row n (x t) (x' t') ->
  same_row n (dropout noise x t) (dropout noise' x' t').
Proof. intros En E c Hc. unfold dropout. rewrite (E c Hc), (En c Hc). reflexivity. Qed.

Lemma activate_row a F x x' t t' :
  same_row F (x t) (x' t') -> same_row F (activate a x t) (activate a x' t').
Proof. intros E c Hc. unfold activate. rewrite (E c Hc). reflexivity. Qed.

Lemma plus_row T T' C x x' y y' t t' :
  same_row C (x t) (x' t') -> same_row C (y t) (y' t') ->
  same_row C (plus T C x y t) (plus T' C x' y' t').
Proof. intros A B c Hc. unfold plus. simpl. rewrite (A c Hc), (B c Hc). reflexivity. Qed.

Lemma feed_forward_row C F a noise noise' x x' p t t' :
  same_row C (noise t) (noise' t') -> same_row C (x t) (x' t') ->
  same_row C (feed_forward C F a noise x p t) (feed_forward C F a noise' x' p t').
Proof.
  intros En E. apply dropout_row; [exact En |]. intros c _. apply linear_of_row, activate_row.
  intros f _. apply linear_of_row, E.
Qed.

Lemma gated_feed_forward_row C F a noise noise' x x' p t t' :
  same_row C (noise t) (noise' t') -> same_row C (x t) (x' t') ->
  same_row C (gated_feed_forward C F a noise x p t) (gated_feed_forward C F a noise' x' p t').
Proof.
  intros En E. apply dropout_row; [exact En |]. intros c _. apply linear_of_row. intros f Hf.
  unfold gated, times. f_equal.
  - apply (activate_row a F); [| exact Hf]. intros g _. apply linear_of_row, E.
  - apply linear_of_row, E.
Qed.

(** A query reads its own row of queries, of the mask and of the noise, and the keys and values that
    there are. *)
Lemma attend_ext n d may_look may_look' noise noise' q q' k k' v v' t t' c :
  may_look t = may_look' t' -> noise t = noise' t' -> same_row d (q t) (q' t') ->
  (forall s, (s < n)%nat -> same_row d (k s) (k' s)) ->
  (forall s, (s < n)%nat -> v s c = v' s c) ->
  attend n d may_look noise q k v t c = attend n d may_look' noise' q' k' v' t' c.
Proof.
  intros Hm Hn Hq Hk Hv. unfold attend, linear_map, kept, dropout, att. rewrite Hm, Hn.
  apply sum_ext. intros s Hs.
  rewrite (Hv s Hs). f_equal. f_equal. apply masked_softmax_ext; [| exact Hs].
  intros i Hi _. unfold scores, unembedding. f_equal. apply sum_ext. intros j Hj.
  rewrite (Hq j Hj), (Hk i Hi j Hj). reflexivity.
Qed.

(** N heads of width d are the same in a row. *)
Definition same_heads (N d : nat) (x x' : heads) (t t' : nat) : Prop :=
  forall h, (h < N)%nat -> same_row d (x h t) (x' h t').

Lemma multi_head_row H n d C may_look may_look' attn_noise attn_noise' resid_noise resid_noise'
    q q' k k' v v' p t t' :
  may_look t = may_look' t' -> (forall h, attn_noise h t = attn_noise' h t') ->
  same_row C (resid_noise t) (resid_noise' t') -> same_heads H d q q' t t' ->
  (forall s, (s < n)%nat -> same_heads H d k k' s s) ->
  (forall s, (s < n)%nat -> same_heads H d v v' s s) ->
  same_row C (multi_head H n d may_look attn_noise resid_noise q k v p t)
             (multi_head H n d may_look' attn_noise' resid_noise' q' k' v' p t').
Proof.
  intros Em Ea Er Eq Ek Ev. apply dropout_row; [exact Er |]. intros c _.
  apply (linear_of_row (H * d)). intros j Hj. unfold merged, merge_heads, scaled_dot_product.
  assert (Hd : (0 < d)%nat) by (destruct d; lia).
  assert (Hh : (j / d < H)%nat) by (apply Nat.div_lt_upper_bound; lia).
  assert (Hm : (j mod d < d)%nat) by (apply Nat.mod_upper_bound; lia).
  apply attend_ext; [exact Em | apply Ea | apply Eq, Hh | |].
  - intros s Hs. apply Ek; assumption.
  - intros s Hs. apply Ev; assumption.
Qed.

Lemma heads_of_row H d i x x' p t t' :
  same_row (H * d) (x t) (x' t') -> same_heads H d (heads_of H d i x p) (heads_of H d i x' p) t t'.
Proof. intros E h _ k _. apply linear_of_row, E. Qed.

Lemma split_linear_row N C d x x' p t t' :
  same_row C (x t) (x' t') ->
  same_heads N d (split_heads d (linear_of C x p)) (split_heads d (linear_of C x' p)) t t'.
Proof. intros E h _ k _. apply linear_of_row, E. Qed.

Lemma repeat_heads_row G group d x x' t t' :
  same_heads G d x x' t t' ->
  same_heads (G * group) d (repeat_heads group x) (repeat_heads group x') t t'.
Proof.
  intros E h Hh. apply E. destruct group; [lia |]. apply Nat.div_lt_upper_bound; lia.
Qed.

(** What is done to queries and keys before they are compared, of every length and from every start:
    it works place by place if a row comes out the same wherever it stands, as long as its place in
    the text is the same. *)
Definition preparations (N d : nat) (P : space) : Type := nat -> forall T : nat, preparation N T d P.

Definition by_place {N d P} (f : preparations N d P) : Prop :=
  forall start start' n n' t t' x x' w,
    (start + t = start' + t')%nat -> same_heads N d x x' t t' ->
    same_heads N d (prepare (f start n) x w) (prepare (f start' n') x' w) t t'.

(** Turning works place by place, with tables that begin where the text goes on; … *)
Theorem turned_by_place N half frequencies :
  by_place (fun start n =>
    turned N n half (cosines start frequencies) (sines start frequencies)).
Proof.
  intros start start' n n' t t' x x' w Same E h Hh. simpl.
  apply rotary_row; [| | apply E, Hh]; intros i _; unfold cosines, sines, angles;
    rewrite Same; reflexivity.
Qed.

(** … norming each head's rows; … *)
Theorem normed_by_place N d eps : by_place (fun _ n => normed N n d eps).
Proof.
  intros start start' n n' t t' x x' w _ E h Hh. apply rms_norm_row, E, Hh.
Qed.

(** … leaving them as they are; … *)
Theorem as_they_are_by_place N d : by_place (fun _ n => as_they_are N n d).
Proof. intros start start' n n' t t' x x' w _ E. exact E. Qed.

(** … and one after another of what does. *)
Theorem prepared_twice_by_place {N d P Q} (f : preparations N d P) (g : preparations N d Q) :
  by_place f -> by_place g -> by_place (fun start n => prepared_twice (f start n) (g start n)).
Proof.
  intros Bf Bg start start' n n' t t' x x' w Same E. apply Bg; [exact Same |].
  apply Bf; assumption.
Qed.
