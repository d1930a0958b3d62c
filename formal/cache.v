(** Going on from keys and values that were kept, `past` in src/pellucid/layers/stack.py, gives what the
    whole text gives: of every stack of blocks that can go on. gpt_cache.v and llama_cache.v show that
    those of src/pellucid/layers/block.py and src/pellucid/layers/gated_block.py can. Without
    dropout. *)

From Pellucid Require Import vector embedding dropout softmax scaled_dot_product multi_head.
From Pellucid Require Import residual stack rows causality.

(** The kept rows, then the new ones. *)
Definition after (P : nat) (past new : heads) : heads :=
  fun h s k => if (s <? P)%nat then past h s k else new h (s - P)%nat k.

(** n rows of a stream are those of another from its place P on. *)
Definition continues (C P n : nat) (x whole : matrix) : Prop :=
  forall i, (i < n)%nat -> same_row C (x i) (whole (P + i)%nat).

(** The same of the rows of N heads, and of the first P rows of heads that were kept. *)
Definition heads_continue (N d P n : nat) (x whole : heads) : Prop :=
  forall i, (i < n)%nat -> same_heads N d x whole i (P + i).

Definition heads_kept (N d P : nat) (past whole : heads) : Prop :=
  forall u, (u < P)%nat -> same_heads N d past whole u u.

Lemma after_kept N d P n past new whole :
  heads_kept N d P past whole -> heads_continue N d P n new whole ->
  heads_kept N d (P + n) (after P past new) whole.
Proof.
  intros K E u Hu h Hh k Hk. unfold after. destruct (Nat.ltb_spec u P) as [L | L].
  - apply K; assumption.
  - rewrite (E (u - P)%nat) by (assumption || lia). f_equal. lia.
Qed.

(** New queries behind P earlier places see what they would see in the whole text: their row of the
    mask is that of their place. *)
Lemma multi_head_continues H d C P n may_look q q' k k' v v' p :
  heads_continue H d P n q q' -> heads_kept H d (P + n) k k' -> heads_kept H d (P + n) v v' ->
  continues C P n
    (multi_head H (P + n) d (fun i => may_look (P + i)%nat) (fun _ => ones) ones q k v p)
    (multi_head H (P + n) d may_look (fun _ => ones) ones q' k' v' p).
Proof.
  intros Eq Ek Ev i Hi.
  apply multi_head_row; try reflexivity; [apply same_row_refl | apply Eq, Hi | exact Ek | exact Ev].
Qed.

(** What a block keeps: keys and values. *)
Definition Past : Type := (heads * heads)%type.

Definition past_kept (N d P : nat) (past whole : Past) : Prop :=
  heads_kept N d P (fst past) (fst whole) /\ heads_kept N d P (snd past) (snd whole).

(** A block that can go on: the whole block, for a text of any length; the keys and values that it
    makes of n rows from place P on; and the block of n rows from place P on, told what was kept of
    the places before. It makes each row of keys and values from that row of the stream, wherever it
    stands; it goes on as the whole; and the whole looks back. *)
Record resumable (C N d : nat) (E : space) : Type := {
  whole : forall T, module T C E;
  made : nat -> nat -> matrix -> point E -> Past;
  resume : nat -> nat -> Past -> matrix -> point E -> matrix;
  made_by_place : forall P P' n n' t t' x x' p,
    (P + t = P' + t')%nat -> same_row C (x t) (x' t') ->
    same_heads N d (fst (made P n x p)) (fst (made P' n' x' p)) t t'
    /\ same_heads N d (snd (made P n x p)) (snd (made P' n' x' p)) t t';
  resume_is_whole : forall P n past x y p,
    continues C P n x y -> past_kept N d P past (made 0 (P + n) y p) ->
    continues C P n (resume P n past x p) (run (whole (P + n)) y p);
  whole_looks_back : forall T T', same_past (whole T) (whole T')
}.

Arguments whole {C N d E}.
Arguments made {C N d E}.
Arguments resume {C N d E}.
Arguments made_by_place {C N d E}.
Arguments resume_is_whole {C N d E}.
Arguments whole_looks_back {C N d E}.

Section GoingOn.

Context {C N d : nat} {E M : space} (block : nat -> resumable C N d E) (L : nat).

(** The last norm, or none, makes each row from that row. *)
Context (last : forall T, module T C M).
Context (last_row : forall T T' x x' w t t',
  same_row C (x t) (x' t') -> same_row C (run (last T) x w t) (run (last T') x' w t')).

(** The stream into block l, of a text of T places whose stream into block 0 is y. *)
Definition stream (T : nat) (y : matrix) (h : nat -> point E) (l : nat) : matrix :=
  stack (fun l => whole (block l) T) l y h.

(** The same of n new rows x from place P on, from what is kept. *)
Fixpoint stream_on (P n : nat) (past : nat -> Past) (x : matrix) (h : nat -> point E) (l : nat)
    : matrix :=
  match l with
  | O => x
  | S k => resume (block k) P n (past k) (stream_on P n past x h k) (h k)
  end.

(** What is kept afterwards: what was kept before, then the new keys and values. *)
Definition kept_on (P n : nat) (past : nat -> Past) (x : matrix) (h : nat -> point E)
    : nat -> Past :=
  fun l => let new := made (block l) P n (stream_on P n past x h l) (h l) in
    (after P (fst (past l)) (fst new), after P (snd (past l)) (snd new)).

(** In every block the keys and values of the first P places of a text of T places are kept. *)
Definition kept_of (P T : nat) (past : nat -> Past) (y : matrix) (h : nat -> point E) : Prop :=
  forall l, (l < L)%nat -> past_kept N d P (past l) (made (block l) 0 T (stream T y h l) (h l)).

(** The logits under a table [head]: of the whole text, and of new rows. *)
Definition logits (T : nat) (y : matrix) (h : nat -> point E) (w : point M) (head : matrix)
    : matrix :=
  unembedding C (run (last T) (stream T y h L) w) head.

Definition logits_on (P n : nat) (past : nat -> Past) (x : matrix) (h : nat -> point E)
    (w : point M) (head : matrix) : matrix :=
  unembedding C (run (last n) (stream_on P n past x h L) w) head.

(** A stack goes on as each of its blocks does. *)
Lemma stream_goes_on P n past x y h l :
  continues C P n x y -> kept_of P (P + n) past y h -> (l <= L)%nat ->
  continues C P n (stream_on P n past x h l) (stream (P + n) y h l).
Proof.
  intros Exy K Hl. induction l as [| l IH]; [exact Exy |].
  apply resume_is_whole; [apply IH; lia | apply K, Hl].
Qed.

(** The logits of new rows from what is kept are those of the whole text at their places. *)
Theorem goes_on_as_the_whole V P n past x y h w head :
  continues C P n x y -> kept_of P (P + n) past y h ->
  continues V P n (logits_on P n past x h w head) (logits (P + n) y h w head).
Proof.
  intros Exy K i Hi v _. apply unembedding_row, last_row.
  exact (stream_goes_on P n past x y h L Exy K (Nat.le_refl L) i Hi).
Qed.

(** And what is kept after them is what the whole text would have kept. *)
Theorem keeps_as_the_whole P n past x y h :
  continues C P n x y -> kept_of P (P + n) past y h ->
  kept_of (P + n) (P + n) (kept_on P n past x h) y h.
Proof.
  intros Exy K l Hl. destruct (K l Hl) as [Kk Kv].
  assert (S := stream_goes_on P n past x y h l Exy K (Nat.lt_le_incl _ _ Hl)).
  split; apply (after_kept N d P n); try assumption; intros i Hi;
    apply (made_by_place (block l) P 0 n (P + n) i (P + i) _ _ (h l) eq_refl (S i Hi)).
Qed.

(** A run of any text keeps its own keys and values. *)
Theorem a_run_keeps_its_own T y h :
  kept_of T T (fun l => made (block l) 0 T (stream T y h l) (h l)) y h.
Proof. intros l _. split; intros u _ i _ k _; reflexivity. Qed.

Lemma streams_agree T T' t y y' h l :
  (t < T)%nat -> (t < T')%nat -> agree C t y y' -> agree C t (stream T y h l) (stream T' y' h l).
Proof.
  intros Ht Ht' A. apply stack_past; try assumption. intros k. apply whole_looks_back.
Qed.

(** What is kept of the first P places serves every text that begins with the same P rows, however
    long it is. *)
Theorem what_is_kept_serves P T T' past y y' h :
  (P <= T)%nat -> (P <= T')%nat -> (forall u, (u < P)%nat -> same_row C (y u) (y' u)) ->
  kept_of P T past y h -> kept_of P T' past y' h.
Proof.
  intros Lt Lt' Same K l Hl. destruct (K l Hl) as [Kk Kv].
  assert (B : forall u, (u < P)%nat -> _) by (intros u Hu;
    exact (made_by_place (block l) 0 0 T T' u u _ _ (h l) eq_refl
      (streams_agree T T' u y y' h l ltac:(lia) ltac:(lia)
        (fun w Hw => Same w ltac:(lia)) u (Nat.le_refl u)))).
  split; intros u Hu i Hi k Hk.
  - rewrite (Kk u Hu i Hi k Hk). apply B; assumption.
  - rewrite (Kv u Hu i Hi k Hk). apply B; assumption.
Qed.

(** A text cut into pieces of any lengths: piece j begins where those before it end. *)
Fixpoint begins (lengths : nat -> nat) (j : nat) : nat :=
  match j with
  | O => O
  | S k => (begins lengths k + lengths k)%nat
  end.

(** What is kept after j pieces, passed one after another; before the first, whatever it is. *)
Fixpoint kept_after (lengths : nat -> nat) (nothing : nat -> Past) (x : nat -> matrix)
    (h : nat -> point E) (j : nat) : nat -> Past :=
  match j with
  | O => nothing
  | S k => kept_on (begins lengths k) (lengths k) (kept_after lengths nothing x h k) (x k) h
  end.

Lemma kept_piece_by_piece lengths nothing x y h j T :
  (forall i, continues C (begins lengths i) (lengths i) (x i) y) -> (begins lengths j <= T)%nat ->
  kept_of (begins lengths j) T (kept_after lengths nothing x h j) y h.
Proof.
  intros Exy. revert T. induction j as [| j IH]; intros T HT.
  - intros l _. split; intros u Hu; simpl in Hu; lia.
  - apply (what_is_kept_serves _ (begins lengths (S j)) T _ y y); try lia;
      [intros u _; apply same_row_refl |].
    apply keeps_as_the_whole; [apply Exy | apply IH; simpl; lia].
Qed.

(** Piece by piece is all at once: pass a text in pieces of any lengths, token by token or a long
    prompt and then token by token, each from what was kept of those before; the logits are the whole
    text's, however long that is. *)
Theorem piece_by_piece V lengths nothing x y h w head j T :
  (forall i, continues C (begins lengths i) (lengths i) (x i) y) ->
  (begins lengths j + lengths j <= T)%nat ->
  continues V (begins lengths j) (lengths j)
    (logits_on (begins lengths j) (lengths j) (kept_after lengths nothing x h j) (x j) h w head)
    (logits T y h w head).
Proof.
  intros Exy HT i Hi v Hv.
  rewrite (goes_on_as_the_whole V _ _ _ (x j) y h w head (Exy j)
    (kept_piece_by_piece lengths nothing x y h j _ Exy (Nat.le_add_r _ _)) i Hi v Hv).
  apply unembedding_row, last_row.
  apply (streams_agree _ T (begins lengths j + i)); try lia. intros u _. apply same_row_refl.
Qed.

End GoingOn.
