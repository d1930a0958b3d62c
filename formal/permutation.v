(** What attention knows of order without positions: nothing. About src/pellucid/layers/attention.py
    and src/pellucid/layers/block.py. *)

From Pellucid Require Import vector linear layer_norm dropout softmax scaled_dot_product multi_head.
From Pellucid Require Import attention feed_forward residual block stack.

(** pi moves the places below T to one another, and back undoes it. *)
Definition permutes (T : nat) (pi back : nat -> nat) : Prop :=
  forall i, (i < T)%nat ->
    (pi i < T)%nat /\ (back i < T)%nat /\ back (pi i) = i /\ pi (back i) = i.

(** The order of its terms does not matter to a sum. *)
Lemma sum_permute T pi back f : permutes T pi back -> sum T (fun i => f (pi i)) = sum T f.
Proof.
  intros Pm.
  transitivity (sum T (fun i => sum T (fun u => if Nat.eqb u (pi i) then f u else 0))).
  - apply sum_ext. intros i Hi. symmetry. apply (sum_at T (pi i) f), Pm, Hi.
  - rewrite sum_swap. apply sum_ext. intros u Hu.
    destruct (Pm u Hu) as [_ [Hb [_ E]]].
    transitivity (sum T (fun i => if Nat.eqb i (back u) then f u else 0));
      [| apply (sum_at T (back u) (fun _ => f u) Hb)].
    apply sum_ext. intros i Hi.
    destruct (Pm i Hi) as [_ [_ [E' _]]].
    destruct (Nat.eqb_spec u (pi i)) as [M | N]; destruct (Nat.eqb_spec i (back u)) as [M' | N'].
    + reflexivity.
    + exfalso. apply N'. rewrite M. symmetry. exact E'.
    + exfalso. apply N. rewrite M'. symmetry. exact E.
    + reflexivity.
Qed.

(** One head, with queries, keys, values, mask and noise all moved alike, gathers the same values at
    the places that they were moved to: for every number of positions and every width. *)
Theorem attend_permutes T d may_look noise q k v pi back t c :
  permutes T pi back ->
  attend T d (fun t s => may_look (pi t) (pi s)) (fun t s => noise (pi t) (pi s))
    (fun t => q (pi t)) (fun t => k (pi t)) (fun t => v (pi t)) t c
  = attend T d may_look noise q k v (pi t) c.
Proof.
  intros Pm. unfold attend, linear_map, kept, dropout, att, masked_softmax.
  set (e := exps (may_look (pi t)) (scores d q k (pi t))).
  assert (Z : sum T (exps (fun s => may_look (pi t) (pi s))
      (scores d (fun t => q (pi t)) (fun t => k (pi t)) t)) = sum T e).
  { rewrite <- (sum_permute T pi back e Pm). reflexivity. }
  rewrite Z.
  rewrite <- (sum_permute T pi back (fun s => e s / sum T e * noise (pi t) s * v s c) Pm).
  reflexivity.
Qed.

(** Self-attention of moved rows is self-attention's rows, moved. *)
Theorem attention_permutes H T d may_look attn_noise resid_noise x p pi back :
  permutes T pi back ->
  attention H T d (fun t s => may_look (pi t) (pi s)) (fun h t s => attn_noise h (pi t) (pi s))
    (fun t => resid_noise (pi t)) (fun t => x (pi t)) p
  = fun t => attention H T d may_look attn_noise resid_noise x p (pi t).
Proof.
  intros Pm. apply functional_extensionality. intros t. apply functional_extensionality. intros c.
  unfold attention, multi_head, dropout, linear_of, linear, linear_map. f_equal. f_equal.
  apply sum_ext. intros i _. f_equal. unfold merged, merge_heads, scaled_dot_product.
  apply (attend_permutes T d may_look (attn_noise (i / d)%nat) (heads_of H d 0 x p (i / d)%nat)
    (heads_of H d 1 x p (i / d)%nat) (heads_of H d 2 x p (i / d)%nat) pi back t), Pm.
Qed.

(** A block whose every position may look at all, and without dropout. *)
Definition open_setting (H T d F : nat) (eps : R) (a : activation) : setting :=
  Build_setting H T d F (fun _ _ => true) eps a (fun _ => ones) ones ones.

Lemma open_attention_permutes H T d x p pi back :
  permutes T pi back ->
  attention H T d (fun _ _ => true) (fun _ => ones) ones (fun t => x (pi t)) p
  = fun t => attention H T d (fun _ _ => true) (fun _ => ones) ones x p (pi t).
Proof. exact (attention_permutes H T d (fun _ _ => true) (fun _ => ones) ones x p pi back). Qed.

(** A pre-norm block of moved rows is the block's rows, moved. *)
Theorem pre_block_permutes H T d F eps a x (p : block_params) pi back :
  permutes T pi back ->
  run (pre_block (open_setting H T d F eps a)) (fun t => x (pi t)) p
  = fun t => run (pre_block (open_setting H T d F eps a)) x p (pi t).
Proof.
  intros Pm. rewrite !pre_block_is. simpl.
  assert (E := open_attention_permutes H T d (layer_norm_of (H * d) eps x (fst (fst p)))
    (snd (fst p)) pi back Pm).
  unfold width. simpl. unfold plus. simpl.
  change (layer_norm_of (H * d) eps (fun t => x (pi t)) (fst (fst p)))
    with (fun t => layer_norm_of (H * d) eps x (fst (fst p)) (pi t)).
  rewrite E. reflexivity.
Qed.

(** So a stack of any number of blocks, without positions, does not know in which order the rows
    came. *)
Theorem stack_permutes H T d F eps a L x h pi back :
  permutes T pi back ->
  stack (fun _ => pre_block (open_setting H T d F eps a)) L (fun t => x (pi t)) h
  = fun t => stack (fun _ => pre_block (open_setting H T d F eps a)) L x h (pi t).
Proof.
  intros Pm. induction L as [| l IH]; [reflexivity |].
  set (B := pre_block (open_setting H T d F eps a)) in *.
  exact (eq_trans (f_equal (fun y => run B y (h l)) IH)
    (pre_block_permutes H T d F eps a (stack (fun _ => B) l x h) (h l) pi back Pm)).
Qed.
