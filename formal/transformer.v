(** The transformer of Vaswani et al., encoder and decoder: src/pellucid/models/transformer/halves.py
    and src/pellucid/models/transformer/wiring.py. *)

From Pellucid Require Import vector linear embedding position layer_norm dropout scale softmax.
From Pellucid Require Import scaled_dot_product multi_head attention cross_attention feed_forward.
From Pellucid Require Import residual block decoder_block stack cross_entropy smooth_cross_entropy gpt.

(** What is fixed has slope 0. *)
Lemma constant_is_smooth E (a : point E) : smooth E (fun _ => a).
Proof.
  induction E as [| n E IH | E IHE F IHF]; simpl.
  - exists 0. apply d_const.
  - intros i _. apply IH.
  - split; [apply IHE | apply IHF].
Qed.

Lemma slope_constant E g (a : point E) : slope E g (fun _ => a) = 0.
Proof.
  unfold slope. induction E as [| n E IH | E IHE F IHF]; simpl.
  - rewrite Derive_const. ring.
  - apply sum_none. intros i _. apply (IH (g i) (a i)).
  - rewrite (IHE (fst g) (fst a)), (IHF (snd g) (snd a)). ring.
Qed.

(** ids -> embedding · √C -> + fixed table of positions -> dropout *)
Definition placed (factor : R) (positions noise : matrix) (ids : nat -> nat) (wte : matrix)
    : matrix :=
  dropout noise (position 0 (scale factor (embedding ids wte)) positions).

Definition placed_dwte (T : nat) (factor : R) (noise : matrix) (ids : nat -> nat) (dout : matrix)
    : matrix :=
  embedding_dweight T ids (scale_dx factor (dropout_dx noise dout)).

(** For all sizes and whatever table of positions: the backward of a half's beginning is its
    derivative; the table is fixed, and its gradient goes nowhere. *)
Theorem placed_backward T V C factor positions noise ids (wte : R -> matrix) :
  smooth (Matrix V C) wte -> (forall t, (t < T)%nat -> (ids t < V)%nat) ->
  smooth (Matrix T C) (fun s => placed factor positions noise ids (wte s)) /\
  forall dout : matrix,
    slope (Matrix T C) dout (fun s => placed factor positions noise ids (wte s))
    = slope (Matrix V C) (placed_dwte T factor noise ids dout) wte.
Proof.
  intros Sw Ids.
  destruct (embedding_backward T V C ids wte Sw Ids) as [Se He].
  destruct (scale_backward T C factor _ Se) as [Ss Hs].
  destruct (position_backward T T C 0 _ (fun _ => positions) Ss
    (constant_is_smooth (Matrix T C) positions) ltac:(lia)) as [Sp Hp].
  destruct (dropout_backward T C noise _ Sp) as [Sd Hd].
  split; [exact Sd |]. intros dout. etransitivity; [exact (Hd dout) |].
  rewrite Hp, slope_constant, Rplus_0_r, Hs, He. reflexivity.
Qed.

(** The head and the smoothed loss in one. *)
Definition linear_smooth_loss (n smoothing : R) (T C V : nat) (y : targets) (x weight : matrix) : R :=
  smooth_loss_over n smoothing T V y (unembedding C x weight).

Lemma linear_smooth_loss_backward n smoothing T C V y (x weight : R -> matrix) :
  smooth (Matrix T C) x -> smooth (Matrix V C) weight -> in_vocabulary T V y ->
  smooth Scalar (fun s => linear_smooth_loss n smoothing T C V y (x s) (weight s)) /\
  forall dloss : R,
    let dlogits := smooth_loss_over_dlogits n smoothing V y
      (unembedding C (x 0) (weight 0)) dloss in
    slope Scalar dloss (fun s => linear_smooth_loss n smoothing T C V y (x s) (weight s))
    = slope (Matrix T C) (unembedding_dx V (weight 0) dlogits) x
      + slope (Matrix V C) (unembedding_dweight T (x 0) dlogits) weight.
Proof.
  intros Sx Sw Hy.
  destruct (unembedding_backward T C V x weight Sx Sw) as [Sl Hl].
  destruct (smooth_loss_over_backward n smoothing T V y _ Sl Hy) as [Sc Hc].
  split; [exact Sc |]. intros dloss dlogits. unfold linear_smooth_loss. rewrite Hc. apply Hl.
Qed.

Section Transformer.

Context {S T C : nat} {PE NE PD PM ND : space} (V Le Ld : nat).
Context (enc_block : nat -> module S C PE) (enc_last : module S C NE).
Context (dec_block : nat -> module T C PM) (dec_last : module T C ND).
Context (factor : R) (positions enc_noise dec_noise : matrix).

(** How a decoder block's parameters are put beside the memory, and taken from it again. *)
Context (put : matrix -> point PD -> point PM) (own : point PM -> point PD).
Context (of_memory : point PM -> matrix).
Context (put_smooth : forall (m : R -> matrix) (q : R -> point PD),
  smooth (Matrix S C) m -> smooth PD q -> smooth PM (fun s => put (m s) (q s))).
Context (put_slope : forall (m : R -> matrix) (q : R -> point PD) (g : point PM),
  slope PM g (fun s => put (m s) (q s)) = slope PD (own g) q + slope (Matrix S C) (of_memory g) m).

(** The parameters: (wte, ((enc.h, enc.ln_f), (dec.h, dec.ln_f))), the table tied. *)
Definition Transformer : space :=
  Prod (Matrix V C) (Prod (Prod (Vec Le PE) NE) (Prod (Vec Ld PD) ND)).

Let params : Type :=
  (matrix * (((nat -> point PE) * point NE) * ((nat -> point PD) * point ND)))%type.

Let wte (p : params) : matrix := fst p.
Let enc_h (p : params) := fst (fst (snd p)).
Let enc_ln (p : params) := snd (fst (snd p)).
Let dec_h (p : params) := fst (snd (snd p)).
Let dec_ln (p : params) := snd (snd (snd p)).

(** source -> embedding -> encoder blocks -> memory *)
Definition enc_placed (source : nat -> nat) (p : params) : matrix :=
  placed factor positions enc_noise source (wte p).
Definition enc_passed (source : nat -> nat) (p : params) : matrix :=
  stack enc_block Le (enc_placed source p) (enc_h p).
Definition memory (source : nat -> nat) (p : params) : matrix :=
  run enc_last (enc_passed source p) (enc_ln p).

(** tokens -> embedding -> decoder blocks, each of which reads the memory -> what the head reads *)
Definition dec_placed (tokens : nat -> nat) (p : params) : matrix :=
  placed factor positions dec_noise tokens (wte p).
Definition beside (source : nat -> nat) (p : params) : nat -> point PM :=
  fun l => put (memory source p) (dec_h p l).
Definition dec_passed (source tokens : nat -> nat) (p : params) : matrix :=
  stack dec_block Ld (dec_placed tokens p) (beside source p).
Definition decoded (source tokens : nat -> nat) (p : params) : matrix :=
  run dec_last (dec_passed source tokens p) (dec_ln p).

Definition transformer_loss (n smoothing : R) (source tokens : nat -> nat) (y : targets) (p : params)
    : R :=
  linear_smooth_loss n smoothing T C V y (decoded source tokens p) (wte p).

(** Backward: the decoder first, … *)
Definition dec_dpassed (source tokens : nat -> nat) (p : params) (dout : matrix) : matrix :=
  run_dx dec_last (dec_passed source tokens p) (dec_ln p) dout.
Definition dec_dbeside (source tokens : nat -> nat) (p : params) (dout : matrix) : nat -> point PM :=
  stack_dparams dec_block Ld (dec_placed tokens p) (beside source p)
    (dec_dpassed source tokens p dout).
Definition dec_dplaced (source tokens : nat -> nat) (p : params) (dout : matrix) : matrix :=
  stack_dx dec_block Ld (dec_placed tokens p) (beside source p) (dec_dpassed source tokens p dout).

(** … each block of which hands the memory a gradient, and they add up; … *)
Definition dmemory (source tokens : nat -> nat) (p : params) (dout : matrix) : matrix :=
  fun s c => sum Ld (fun l => of_memory (dec_dbeside source tokens p dout l) s c).

(** … then the encoder. *)
Definition enc_dpassed (source : nat -> nat) (p : params) (dmem : matrix) : matrix :=
  run_dx enc_last (enc_passed source p) (enc_ln p) dmem.
Definition enc_dplaced (source : nat -> nat) (p : params) (dmem : matrix) : matrix :=
  stack_dx enc_block Le (enc_placed source p) (enc_h p) (enc_dpassed source p dmem).

(** A table that serves both embeddings and the head has the three gradients added up. *)
Definition transformer_grads (n smoothing : R) (source tokens : nat -> nat) (y : targets)
    (p : params) (dloss : R) : params :=
  let dlogits := smooth_loss_over_dlogits n smoothing V y
    (unembedding C (decoded source tokens p) (wte p)) dloss in
  let dout := unembedding_dx V (wte p) dlogits in
  let dmem := dmemory source tokens p dout in
  let read := placed_dwte S factor enc_noise source (enc_dplaced source p dmem) in
  let written := placed_dwte T factor dec_noise tokens (dec_dplaced source tokens p dout) in
  let scored := unembedding_dweight T (decoded source tokens p) dlogits in
  (add (Matrix V C) (add (Matrix V C) read written) scored,
   ((stack_dparams enc_block Le (enc_placed source p) (enc_h p) (enc_dpassed source p dmem),
     run_dparams enc_last (enc_passed source p) (enc_ln p) dmem),
    (fun l => own (dec_dbeside source tokens p dout l),
     run_dparams dec_last (dec_passed source tokens p) (dec_ln p) dout))).

Definition transformer_domain (source tokens : nat -> nat) (p : params) : Prop :=
  (stack_domain enc_block Le (enc_placed source p) (enc_h p)
   /\ domain enc_last (enc_passed source p) (enc_ln p))
  /\ (stack_domain dec_block Ld (dec_placed tokens p) (beside source p)
      /\ domain dec_last (dec_passed source tokens p) (dec_ln p)).

Lemma slope_sum_matrix L m n (g : nat -> matrix) x :
  slope (Matrix m n) (fun t i => sum L (fun l => g l t i)) x
  = sum L (fun l => slope (Matrix m n) (g l) x).
Proof.
  rewrite slope_vec. etransitivity; [| exact (sum_swap m L _)].
  apply sum_ext. intros t _. exact (slope_sum L n (fun l => g l t) (fun s => x s t)).
Qed.

Lemma slope_beside (m : R -> matrix) (q : R -> nat -> point PD) (g : nat -> point PM) :
  slope (Vec Ld PM) g (fun s l => put (m s) (q s l))
  = slope (Vec Ld PD) (fun l => own (g l)) q
    + slope (Matrix S C) (fun t c => sum Ld (fun l => of_memory (g l) t c)) m.
Proof.
  rewrite slope_sum_matrix, !(slope_vec Ld), <- sum_plus. apply sum_ext. intros l _.
  exact (put_slope m (fun s => q s l) (g l)).
Qed.

Lemma regroup_transformer written q read eh el dl scored :
  written + (q + (read + eh + el)) + dl + scored
  = read + written + scored + (eh + el + (q + dl)).
Proof. ring. Qed.

(** For all sizes and depths: the gradient of the transformer is the derivative of its loss, by every
    parameter of encoder and decoder and by the table with all its three uses. *)
Theorem transformer_backward n smoothing source tokens y (p : R -> params) :
  smooth Transformer p ->
  (forall t, (t < S)%nat -> (source t < V)%nat) -> (forall t, (t < T)%nat -> (tokens t < V)%nat) ->
  in_vocabulary T V y -> transformer_domain source tokens (p 0) ->
  smooth Scalar (fun s => transformer_loss n smoothing source tokens y (p s)) /\
  forall dloss : R,
    slope Scalar dloss (fun s => transformer_loss n smoothing source tokens y (p s))
    = slope Transformer (transformer_grads n smoothing source tokens y (p 0) dloss) p.
Proof.
  intros [Swte [[Seh Sel] [Sdh Sdl]]] Src Ids Hy [[De Del] [Dd Ddl]].
  destruct (placed_backward S V C factor positions enc_noise source _ Swte Src) as [S1 H1].
  destruct (stack_backward enc_block Le _ _ S1 Seh De) as [S2 H2].
  destruct (right enc_last _ _ S2 Sel Del) as [Sm Hm].
  destruct (placed_backward T V C factor positions dec_noise tokens _ Swte Ids) as [S3 H3].
  assert (Sb : smooth (Vec Ld PM) (fun s => beside source (p s))).
  { intros l Hl. exact (put_smooth _ _ Sm (Sdh l Hl)). }
  destruct (stack_backward dec_block Ld _ _ S3 Sb Dd) as [S4 H4].
  destruct (right dec_last _ _ S4 Sdl Ddl) as [S5 H5].
  destruct (linear_smooth_loss_backward n smoothing T C V y _ _ S5 Swte Hy) as [Sl Hl].
  split; [exact Sl |]. intros dloss. etransitivity; [exact (Hl dloss) |].
  set (dlogits := smooth_loss_over_dlogits n smoothing V y
    (unembedding C (decoded source tokens (p 0)) (wte (p 0))) dloss).
  set (dout := unembedding_dx V (wte (p 0)) dlogits).
  assert (B := slope_beside (fun s => memory source (p s)) (fun s => dec_h (p s))
    (dec_dbeside source tokens (p 0) dout)).
  assert (D : slope (Matrix T C) dout (fun s => decoded source tokens (p s)) = _) by exact (H5 dout).
  rewrite H4, H3 in D.
  assert (M : slope (Matrix S C) (dmemory source tokens (p 0) dout)
    (fun s => memory source (p s)) = _) by exact (Hm _).
  rewrite H2, H1 in M.
  etransitivity; [exact (f_equal2 Rplus D eq_refl) |].
  etransitivity; [exact (f_equal2 Rplus (f_equal2 Rplus (f_equal2 Rplus eq_refl
    (eq_trans B (f_equal2 Rplus eq_refl M))) eq_refl) eq_refl) |].
  etransitivity; [exact (regroup_transformer _ _ _ _ _ _ _) |].
  unfold Transformer. rewrite !slope_prod. f_equal.
  symmetry. etransitivity; [exact (slope_add (Matrix V C) _ _ _) |]. f_equal.
  exact (slope_add (Matrix V C) _ _ _).
Qed.

(** Each number of the gradient is the partial derivative of the loss by its parameter. *)
Corollary transformer_gradient_holds_partial_derivatives n smoothing source tokens y (p : params)
    (a : place Transformer) :
  inside Transformer a ->
  (forall t, (t < S)%nat -> (source t < V)%nat) -> (forall t, (t < T)%nat -> (tokens t < V)%nat) ->
  in_vocabulary T V y -> transformer_domain source tokens p ->
  is_derive (fun s => transformer_loss n smoothing source tokens y
      (line Transformer p (one_at Transformer a) s)) 0
    (at_place Transformer a (transformer_grads n smoothing source tokens y p 1)).
Proof.
  intros W Src Ids Hy D. assert (E := line_at_0 Transformer p (one_at Transformer a)).
  assert (Dp := line_der Transformer p (one_at Transformer a)).
  assert (D' : transformer_domain source tokens (line Transformer p (one_at Transformer a) 0))
    by (rewrite E; exact D).
  destruct (transformer_backward n smoothing source tokens y _ (der_smooth _ _ _ Dp) Src Ids Hy D')
    as [Sl Hl].
  assert (G := Hl 1). rewrite (der_slope _ _ _ Dp), E, (dot_one_at Transformer a _ W) in G.
  rewrite <- G. apply (d_eq _ _ _ (Derive_correct _ _ Sl)). unfold slope. simpl. ring.
Qed.

End Transformer.

(** * With the blocks of the paper *)

Section Blocks.

Context (H S T d F V Le Ld : nat) (eps : R) (a : activation).
Context (enc_mask dec_mask memory_mask : mask) (positions enc_noise dec_noise : matrix).
Context (enc_attn_noise dec_attn_noise cross_attn_noise : nat -> heads).
Context (enc_resid_noise enc_mlp_noise dec_resid_noise dec_mlp_noise cross_resid_noise : nat -> matrix).

Let C : nat := (H * d)%nat.

Definition enc_told (l : nat) : setting :=
  Build_setting H S d F enc_mask eps a (enc_attn_noise l) (enc_resid_noise l) (enc_mlp_noise l).
Definition dec_told (l : nat) : setting :=
  Build_setting H T d F dec_mask eps a (dec_attn_noise l) (dec_resid_noise l) (dec_mlp_noise l).

(** A decoder block's own parameters, and the same beside the memory. *)
Definition OwnDecoder : space :=
  Prod (Prod (Prod (Norm C) (Attention C)) (Prod (Norm C) (CrossAttention H d)))
       (Prod (Norm C) (FeedForward C F)).
Definition WithMemory : space :=
  Prod (Prod (Prod (Norm C) (Attention C)) (Prod (Norm C) (Cross H S d)))
       (Prod (Norm C) (FeedForward C F)).

Definition put_memory (m : matrix) (q : point OwnDecoder) : point WithMemory :=
  ((fst (fst q), (fst (snd (fst q)), (snd (snd (fst q)), m))), snd q).
Definition own_part (g : point WithMemory) : point OwnDecoder :=
  ((fst (fst g), (fst (snd (fst g)), fst (snd (snd (fst g))))), snd g).
Definition memory_part (g : point WithMemory) : matrix := snd (snd (snd (fst g))).

Lemma put_memory_smooth (m : R -> matrix) (q : R -> point OwnDecoder) :
  smooth (Matrix S C) m -> smooth OwnDecoder q ->
  smooth WithMemory (fun s => put_memory (m s) (q s)).
Proof.
  intros Sm [[S1 [S2 S3]] S4].
  exact (conj (conj S1 (conj S2 (conj S3 Sm))) S4).
Qed.

Lemma put_memory_slope (m : R -> matrix) (q : R -> point OwnDecoder) (g : point WithMemory) :
  slope WithMemory g (fun s => put_memory (m s) (q s))
  = slope OwnDecoder (own_part g) q + slope (Matrix S C) (memory_part g) m.
Proof.
  unfold WithMemory, OwnDecoder, Cross.
  rewrite (slope_prod (Prod (Prod (Norm C) (Attention C)) _) (Prod (Norm C) (FeedForward C F))).
  rewrite (slope_prod (Prod (Prod (Norm C) (Attention C)) (Prod (Norm C) (CrossAttention H d)))).
  rewrite (slope_prod (Prod (Norm C) (Attention C)) (Prod (Norm C) (Prod _ _))).
  rewrite (slope_prod (Prod (Norm C) (Attention C)) (Prod (Norm C) (CrossAttention H d))).
  rewrite (slope_prod (Norm C) (Prod (CrossAttention H d) _)).
  rewrite (slope_prod (Norm C) (CrossAttention H d)).
  rewrite (slope_prod (CrossAttention H d) (Matrix S C)).
  match goal with |- ?u + (?v + (?w + ?m)) + ?z = _ =>
    transitivity (u + (v + w) + z + m); [ring | reflexivity] end.
Qed.

(** Post-norm blocks and no last norms, as in the paper; pre-norm blocks and last norms. *)
Definition post_encoder (l : nat) : module S C (Block C F) := post_block (enc_told l).
Definition post_decoder (l : nat) : module T C WithMemory :=
  post_decoder_block (dec_told l) S memory_mask (cross_attn_noise l) (cross_resid_noise l).
Definition pre_encoder (l : nat) : module S C (Block C F) := pre_block (enc_told l).
Definition pre_decoder (l : nat) : module T C WithMemory :=
  pre_decoder_block (dec_told l) S memory_mask (cross_attn_noise l) (cross_resid_noise l).

Definition PostTransformer : space :=
  Transformer (C := C) (PE := Block C F) (NE := Vector 0) (PD := OwnDecoder) (ND := Vector 0) V Le Ld.

Definition PreTransformer : space :=
  Transformer (C := C) (PE := Block C F) (NE := Norm C) (PD := OwnDecoder) (ND := Norm C) V Le Ld.

(** The transformer of the paper, post-norm, with label smoothing: for every number of blocks, heads
    and positions, all widths, masks and noises, its gradient is the derivative of its loss along
    every curve of its parameters, wherever it is defined. *)
Theorem post_transformer_backward n smoothing source tokens y (p : R -> point PostTransformer) :
  smooth PostTransformer p ->
  (forall t, (t < S)%nat -> (source t < V)%nat) -> (forall t, (t < T)%nat -> (tokens t < V)%nat) ->
  in_vocabulary T V y ->
  transformer_domain Le Ld post_encoder (nothing S C) post_decoder (nothing T C)
    (sqrt (INR C)) positions enc_noise dec_noise put_memory source tokens (p 0) ->
  smooth Scalar (fun s => transformer_loss V Le Ld post_encoder (nothing S C) post_decoder
    (nothing T C) (sqrt (INR C)) positions enc_noise dec_noise put_memory
    n smoothing source tokens y (p s)) /\
  forall dloss : R,
    slope Scalar dloss (fun s => transformer_loss V Le Ld post_encoder (nothing S C) post_decoder
      (nothing T C) (sqrt (INR C)) positions enc_noise dec_noise put_memory
      n smoothing source tokens y (p s))
    = slope PostTransformer (transformer_grads V Le Ld post_encoder (nothing S C) post_decoder
        (nothing T C) (sqrt (INR C)) positions enc_noise dec_noise put_memory own_part memory_part
        n smoothing source tokens y (p 0) dloss) p.
Proof.
  exact (transformer_backward V Le Ld post_encoder (nothing S C) post_decoder (nothing T C)
    (sqrt (INR C)) positions enc_noise dec_noise put_memory own_part memory_part
    put_memory_smooth put_memory_slope n smoothing source tokens y p).
Qed.

(** The same with pre-norm blocks and last norms. *)
Theorem pre_transformer_backward n smoothing source tokens y (p : R -> point PreTransformer) :
  let last := fun length => layer_norm_module length C eps in
  smooth PreTransformer p ->
  (forall t, (t < S)%nat -> (source t < V)%nat) -> (forall t, (t < T)%nat -> (tokens t < V)%nat) ->
  in_vocabulary T V y ->
  transformer_domain Le Ld pre_encoder (last S) pre_decoder (last T)
    (sqrt (INR C)) positions enc_noise dec_noise put_memory source tokens (p 0) ->
  smooth Scalar (fun s => transformer_loss V Le Ld pre_encoder (last S) pre_decoder
    (last T) (sqrt (INR C)) positions enc_noise dec_noise put_memory
    n smoothing source tokens y (p s)) /\
  forall dloss : R,
    slope Scalar dloss (fun s => transformer_loss V Le Ld pre_encoder (last S) pre_decoder
      (last T) (sqrt (INR C)) positions enc_noise dec_noise put_memory
      n smoothing source tokens y (p s))
    = slope PreTransformer (transformer_grads V Le Ld pre_encoder (last S) pre_decoder
        (last T) (sqrt (INR C)) positions enc_noise dec_noise put_memory own_part memory_part
        n smoothing source tokens y (p 0) dloss) p.
Proof.
  intros last.
  exact (transformer_backward V Le Ld pre_encoder (last S) pre_decoder (last T)
    (sqrt (INR C)) positions enc_noise dec_noise put_memory own_part memory_part
    put_memory_smooth put_memory_slope n smoothing source tokens y p).
Qed.

(** Both are defined at all real parameters if ε is positive, each position may look at one at least,
    in its own half and in the memory, and the activation has a derivative everywhere. With ReLU, as in
    the paper, wherever no inner value is exactly 0 (`rectifier_bends`). *)
Definition transformer_fits : Prop :=
  0 < eps /\ all_look S S enc_mask /\ all_look T T dec_mask /\ all_look T S memory_mask
  /\ forall x, backward_at (bend a) (bend_dx a) x.

(** Post-norm. *)
Theorem post_transformer_always source tokens p :
  transformer_fits ->
  transformer_domain Le Ld post_encoder (nothing S C) post_decoder (nothing T C)
    (sqrt (INR C)) positions enc_noise dec_noise put_memory source tokens p.
Proof.
  intros [E [Me [Md [Mm A]]]]. split; (split; [apply stack_always; intros l x q | exact I]).
  - exact (post_block_always (enc_told l) x q (conj E (conj Me A))).
  - exact (post_decoder_block_always (dec_told l) S memory_mask (cross_attn_noise l)
      (cross_resid_noise l) x q (conj E (conj Md A)) Mm).
Qed.

(** Pre-norm. *)
Theorem pre_transformer_always source tokens p :
  transformer_fits ->
  transformer_domain Le Ld pre_encoder (layer_norm_module S C eps) pre_decoder
    (layer_norm_module T C eps) (sqrt (INR C)) positions enc_noise dec_noise put_memory
    source tokens p.
Proof.
  intros [E [Me [Md [Mm A]]]].
  split; (split; [apply stack_always; intros l x q | apply can_always_normalize, E]).
  - exact (pre_block_always (enc_told l) x q (conj E (conj Me A))).
  - exact (pre_decoder_block_always (dec_told l) S memory_mask (cross_attn_noise l)
      (cross_resid_noise l) x q (conj E (conj Md A)) Mm).
Qed.

End Blocks.
