(** Llama: its trunk, its tied head and its loss: src/pellucid/models/llama/wiring.py and
    src/pellucid/models/causal_wiring.py. *)

From Pellucid Require Import vector linear embedding dropout rms_norm rotary silu gelu softmax.
From Pellucid Require Import scaled_dot_product grouped_attention feed_forward residual.
From Pellucid Require Import gated_block stack cross_entropy gpt.

Section Llama.

Context {T C : nat} {P N : space} (V L : nat).
Context (block : nat -> module T C P) (last : module T C N) (drop_noise : matrix).

(** The parameters: (wte, (h, ln_f)). *)
Definition Llama : space := Prod (Matrix V C) (Prod (Vec L P) N).

Let params : Type := (matrix * ((nat -> point P) * point N))%type.

(** tokens -> embedding -> dropout -> blocks 0 to L-1 -> ln_f: no vector of a position is added. *)
Definition llama_embedded (tokens : nat -> nat) (p : params) : matrix :=
  dropout drop_noise (embedding tokens (fst p)).

Definition llama_passed (tokens : nat -> nat) (p : params) : matrix :=
  stack block L (llama_embedded tokens p) (fst (snd p)).

Definition llama_trunk (tokens : nat -> nat) (p : params) : matrix :=
  run last (llama_passed tokens p) (snd (snd p)).

Definition llama_loss (n : R) (tokens : nat -> nat) (y : targets) (p : params) : R :=
  linear_cross_entropy n T C V y (llama_trunk tokens p) (fst p).

Definition llama_dpassed (tokens : nat -> nat) (p : params) (dout : matrix) : matrix :=
  run_dx last (llama_passed tokens p) (snd (snd p)) dout.

Definition llama_trunk_grads (tokens : nat -> nat) (p : params) (dout : matrix) : params :=
  (embedding_dweight T tokens (dropout_dx drop_noise
     (stack_dx block L (llama_embedded tokens p) (fst (snd p)) (llama_dpassed tokens p dout))),
   (stack_dparams block L (llama_embedded tokens p) (fst (snd p)) (llama_dpassed tokens p dout),
    run_dparams last (llama_passed tokens p) (snd (snd p)) dout)).

Definition llama_grads (n : R) (tokens : nat -> nat) (y : targets) (p : params) (dloss : R)
    : params :=
  let dlogits := loss_over_dlogits n V y (unembedding C (llama_trunk tokens p) (fst p)) dloss in
  let grads := llama_trunk_grads tokens p (unembedding_dx V (fst p) dlogits) in
  (add (Matrix V C) (fst grads) (unembedding_dweight T (llama_trunk tokens p) dlogits), snd grads).

Definition llama_domain (tokens : nat -> nat) (p : params) : Prop :=
  stack_domain block L (llama_embedded tokens p) (fst (snd p))
  /\ domain last (llama_passed tokens p) (snd (snd p)).

(** For all sizes: the backward of the trunk is its derivative, by all its parameters. *)
Theorem llama_trunk_backward tokens (p : R -> params) :
  smooth Llama p -> (forall t, (t < T)%nat -> (tokens t < V)%nat) -> llama_domain tokens (p 0) ->
  smooth (Matrix T C) (fun s => llama_trunk tokens (p s)) /\
  forall dout : matrix,
    slope (Matrix T C) dout (fun s => llama_trunk tokens (p s))
    = slope Llama (llama_trunk_grads tokens (p 0) dout) p.
Proof.
  intros [Swte [Sh Sln]] Ids [Dh Dln].
  destruct (embedding_backward T V C tokens _ Swte Ids) as [Se He].
  destruct (dropout_backward T C drop_noise _ Se) as [Sd Hd].
  destruct (stack_backward block L _ _ Sd Sh Dh) as [Ss Hs].
  destruct (right last _ _ Ss Sln Dln) as [Sy Hy].
  split; [exact Sy |]. intros dout. etransitivity; [exact (Hy dout) |].
  rewrite Hs, Hd, He. unfold Llama. rewrite !slope_prod, !Rplus_assoc. reflexivity.
Qed.

(** For all sizes: Llama's gradient is the derivative of its loss, by every parameter. *)
Theorem llama_backward n tokens y (p : R -> params) :
  smooth Llama p -> (forall t, (t < T)%nat -> (tokens t < V)%nat) -> in_vocabulary T V y ->
  llama_domain tokens (p 0) ->
  smooth Scalar (fun s => llama_loss n tokens y (p s)) /\
  forall dloss : R,
    slope Scalar dloss (fun s => llama_loss n tokens y (p s))
    = slope Llama (llama_grads n tokens y (p 0) dloss) p.
Proof.
  intros Sp Ids Hy D.
  destruct (llama_trunk_backward tokens p Sp Ids D) as [St Ht].
  destruct Sp as [Swte [Sh Sln]].
  destruct (linear_cross_entropy_backward n T C V y _ _ St Swte Hy) as [Sl Hl].
  split; [exact Sl |]. intros dloss. etransitivity; [exact (Hl dloss) |].
  rewrite Ht. unfold Llama. rewrite !slope_prod.
  match goal with |- _ = ?a + _ =>
    assert (Twice : a = _) by exact (slope_add (Matrix V C) _ _ _); rewrite Twice
  end.
  rewrite !Rplus_assoc. f_equal.
  match goal with |- _ = ?u + _ => rewrite (Rplus_comm u) end.
  rewrite !Rplus_assoc. reflexivity.
Qed.

(** The same with a head of its own: its table has only the head's use, wte only the lookup's. *)
Theorem llama_untied_backward n tokens y (p : R -> params) (lm_head : R -> matrix) :
  smooth Llama p -> smooth (Matrix V C) lm_head ->
  (forall t, (t < T)%nat -> (tokens t < V)%nat) -> in_vocabulary T V y ->
  llama_domain tokens (p 0) ->
  smooth Scalar (fun s => linear_cross_entropy n T C V y (llama_trunk tokens (p s)) (lm_head s)) /\
  forall dloss : R,
    let dlogits :=
      loss_over_dlogits n V y (unembedding C (llama_trunk tokens (p 0)) (lm_head 0)) dloss in
    slope Scalar dloss
      (fun s => linear_cross_entropy n T C V y (llama_trunk tokens (p s)) (lm_head s))
    = slope Llama (llama_trunk_grads tokens (p 0) (unembedding_dx V (lm_head 0) dlogits)) p
      + slope (Matrix V C) (unembedding_dweight T (llama_trunk tokens (p 0)) dlogits) lm_head.
Proof.
  intros Sp Sw Ids Hy D.
  destruct (llama_trunk_backward tokens p Sp Ids D) as [St Ht].
  destruct (linear_cross_entropy_backward n T C V y _ _ St Sw Hy) as [Sl Hl].
  split; [exact Sl |]. intros dloss dlogits. etransitivity; [exact (Hl dloss) |].
  rewrite Ht. reflexivity.
Qed.

(** At all parameters where it is defined and in every direction. *)
Corollary llama_gradient_in_any_direction n tokens y (p dp : params) :
  (forall t, (t < T)%nat -> (tokens t < V)%nat) -> in_vocabulary T V y ->
  llama_domain tokens p ->
  is_derive (fun s => llama_loss n tokens y (line Llama p dp s)) 0
    (dot Llama (llama_grads n tokens y p 1) dp).
Proof.
  intros Ids Hy D. assert (E := line_at_0 Llama p dp). assert (Dp := line_der Llama p dp).
  assert (D' : llama_domain tokens (line Llama p dp 0)) by (rewrite E; exact D).
  destruct (llama_backward n tokens y (line Llama p dp) (der_smooth _ _ _ Dp) Ids Hy D')
    as [Sl Hl].
  assert (G := Hl 1). rewrite (der_slope _ _ _ Dp), E in G. rewrite <- G.
  apply (d_eq _ _ _ (Derive_correct _ _ Sl)). unfold slope. simpl. ring.
Qed.

(** The same with a head of its own. *)
Definition Untied : space := Prod Llama (Matrix V C).

Definition untied_loss (n : R) (tokens : nat -> nat) (y : targets) (p : params * matrix) : R :=
  linear_cross_entropy n T C V y (llama_trunk tokens (fst p)) (snd p).

Definition untied_grads (n : R) (tokens : nat -> nat) (y : targets) (p : params * matrix)
    (dloss : R) : params * matrix :=
  let logits := unembedding C (llama_trunk tokens (fst p)) (snd p) in
  let dlogits := loss_over_dlogits n V y logits dloss in
  (llama_trunk_grads tokens (fst p) (unembedding_dx V (snd p) dlogits),
   unembedding_dweight T (llama_trunk tokens (fst p)) dlogits).

(** With a head of its own too, the gradient holds in every direction. *)
Corollary llama_untied_gradient_in_any_direction n tokens y (p dp : params * matrix) :
  (forall t, (t < T)%nat -> (tokens t < V)%nat) -> in_vocabulary T V y ->
  llama_domain tokens (fst p) ->
  is_derive (fun s => untied_loss n tokens y (line Untied p dp s)) 0
    (dot Untied (untied_grads n tokens y p 1) dp).
Proof.
  intros Ids Hy D. assert (E := line_at_0 Untied p dp). assert (Dp := line_der Untied p dp).
  destruct (der_smooth _ _ _ Dp) as [S1 S2].
  assert (D' : llama_domain tokens (fst (line Untied p dp 0))) by (rewrite E; exact D).
  destruct (llama_untied_backward n tokens y _ _ S1 S2 Ids Hy D') as [Sl Hl].
  assert (G : slope Untied (untied_grads n tokens y (line Untied p dp 0) 1) (line Untied p dp)
    = slope Scalar 1 (fun s => untied_loss n tokens y (line Untied p dp s))).
  { unfold Untied. rewrite slope_prod. symmetry. exact (Hl 1). }
  rewrite (der_slope _ _ _ Dp), E in G. rewrite G.
  exact (d_eq _ _ _ (Derive_correct _ _ Sl) (eq_sym (Rmult_1_l _))).
Qed.

(** And each of its numbers is a partial derivative. *)
Corollary llama_untied_gradient_holds_partial_derivatives n tokens y (p : params * matrix)
    (a : place Untied) :
  inside Untied a -> (forall t, (t < T)%nat -> (tokens t < V)%nat) -> in_vocabulary T V y ->
  llama_domain tokens (fst p) ->
  is_derive (fun s => untied_loss n tokens y (line Untied p (one_at Untied a) s)) 0
    (at_place Untied a (untied_grads n tokens y p 1)).
Proof.
  intros W Ids Hy D. rewrite <- (dot_one_at Untied a _ W).
  apply llama_untied_gradient_in_any_direction; assumption.
Qed.

(** Each number of the gradient is the partial derivative of the loss by its parameter. *)
Corollary llama_gradient_holds_partial_derivatives n tokens y (p : params) (a : place Llama) :
  inside Llama a -> (forall t, (t < T)%nat -> (tokens t < V)%nat) -> in_vocabulary T V y ->
  llama_domain tokens p ->
  is_derive (fun s => llama_loss n tokens y (line Llama p (one_at Llama a) s)) 0
    (at_place Llama a (llama_grads n tokens y p 1)).
Proof.
  intros W Ids Hy D. rewrite <- (dot_one_at Llama a _ W).
  apply llama_gradient_in_any_direction; assumption.
Qed.

End Llama.

Definition swish : activation := Build_activation silu silu_dx.

(** What a model of Llama's family is, beside its parameters and its number of layers: [LlamaConfig]
    of src/pellucid/models/llama/config.py. *)
Record llama_config : Type := {
  n_kv_head : nat;  (* G, heads of keys and values *)
  shared_by : nat;  (* heads of queries to each of them *)
  half_head : nat;  (* d/2: heads have an even width *)
  n_embd : nat;  (* C *)
  n_inner : nat;  (* F *)
  rms_eps : R;
  gate_act : activation;
  frequencies : vector;
  rotated : nat -> bool;  (* the blocks that turn queries and keys: all, but in SmolLM3 *)
  window : option nat;  (* how many positions, its own among them, one looks at: Mistral's *)
  windowed_from : nat;  (* the first block with a window: Qwen2's *)
  qk_norm : bool  (* whether each head's queries and keys are normed: Qwen3's *)
}.

Definition head_size (c : llama_config) : nat := (half_head c + half_head c)%nat.

Definition mask_of (c : llama_config) (l : nat) : mask :=
  match window c with
  | Some w => if (windowed_from c <=? l)%nat then windowed w else causal
  | None => causal
  end.

(** N heads of queries or of keys, normed or not, … *)
Definition Gain (c : llama_config) : space := if qk_norm c then Vector (head_size c) else Vector 0.

Definition norm_of (c : llama_config) (N T : nat) : preparation N T (head_size c) (Gain c) :=
  if qk_norm c as with_norm
    return preparation N T (head_size c) (if with_norm then Vector (head_size c) else Vector 0)
  then normed N T (head_size c) (rms_eps c) else as_they_are N T (head_size c).

(** … then turned by their positions, from start on, or not. *)
Definition turn_of (c : llama_config) (l N start T : nat)
    : preparation N T (head_size c) (Vector 0) :=
  if rotated c l
  then turned N T (half_head c) (cosines start (frequencies c)) (sines start (frequencies c))
  else as_they_are N T (head_size c).

Definition Prepared (c : llama_config) : space := Prod (Gain c) (Vector 0).

Definition prepared (c : llama_config) (l N start T : nat)
    : preparation N T (head_size c) (Prepared c) :=
  prepared_twice (norm_of c N T) (turn_of c l N start T).

Lemma prepared_always c l N start T x w :
  0 < rms_eps c -> prepare_domain (prepared c l N start T) x w.
Proof.
  intros E. split.
  - revert w. unfold prepared, Prepared, norm_of, Gain. destruct (qk_norm c); intros w; [| exact I].
    intros h t _ _. apply eps_is_enough, E.
  - unfold turn_of. destruct (rotated c l); exact I.
Qed.

(** Where each block's mask lets a position look: at itself at least, if no window is empty. *)
Definition window_fits (c : llama_config) : Prop := window c <> Some O.

Lemma mask_of_looks c l T : window_fits c -> all_look T T (mask_of c l).
Proof.
  unfold window_fits, mask_of. intros W. destruct (window c) as [w |]; [| apply causal_looks].
  destruct (windowed_from c <=? l)%nat; [| apply causal_looks].
  apply windowed_looks. destruct w; [contradiction | lia].
Qed.

(** A window with room for the whole text hides no more than the causal mask: there the code has no
    mask of its own for it. *)
Theorem wide_window_is_causal w t s : (t < w)%nat -> windowed w t s = causal t s.
Proof.
  intros H. unfold windowed, causal. destruct (Nat.leb_spec s t); [| reflexivity].
  apply Nat.ltb_lt. lia.
Qed.

Section Model.

Context (c : llama_config) (T V L : nat).
Context (drop_noise : matrix) (attn_noise : nat -> heads) (resid_noise mlp_noise : nat -> matrix).

Definition LlamaBlock : space :=
  GatedBlock (n_kv_head c) (shared_by c) (head_size c) (n_embd c) (n_inner c)
    (PQ := Prepared c) (PK := Prepared c).

Definition llama_block (l : nat) : module T (n_embd c) LlamaBlock :=
  gated_block (n_kv_head c) (shared_by c) T (head_size c) (n_embd c) (n_inner c) (mask_of c l)
    (rms_eps c) (gate_act c) (attn_noise l) (resid_noise l) (mlp_noise l)
    (prepared c l (n_kv_head c * shared_by c) 0 T) (prepared c l (n_kv_head c) 0 T).

Definition llama_ln_f : module T (n_embd c) (Vector (n_embd c)) :=
  rms_norm_module T (n_embd c) (rms_eps c).

Definition LlamaParams : space :=
  Llama (C := n_embd c) (P := LlamaBlock) (N := Vector (n_embd c)) V L.
Definition UntiedParams : space :=
  Untied (C := n_embd c) (P := LlamaBlock) (N := Vector (n_embd c)) V L.

(** ε is positive, no window empty, and the activation has a derivative everywhere. *)
Definition llama_fits : Prop :=
  0 < rms_eps c /\ window_fits c
  /\ forall x, backward_at (bend (gate_act c)) (bend_dx (gate_act c)) x.

Lemma llama_always tokens p :
  llama_fits -> llama_domain L llama_block llama_ln_f drop_noise tokens p.
Proof.
  intros [E [W A]]. split.
  - apply stack_always. intros l x q.
    refine (gated_block_always (n_kv_head c) (shared_by c) T (head_size c) (n_embd c) (n_inner c)
      (mask_of c l) (rms_eps c) (gate_act c) (attn_noise l) (resid_noise l) (mlp_noise l)
      (prepared c l (n_kv_head c * shared_by c) 0 T) (prepared c l (n_kv_head c) 0 T) x q
      E (mask_of_looks c l T W) A _ _); intros; apply prepared_always, E.
  - intros t Ht. apply eps_is_enough, E.
Qed.

(** Of Llama's whole family (Llama, Mistral with its window, Qwen2, Qwen3 with norms of queries and
    keys, SmolLM3 without positions in some blocks), with a tied head: for every number of layers,
    groups, heads and positions, all widths, every vocabulary and every noise, at all real
    parameters and in every direction, the derivative of its loss is what its gradient says. *)
Theorem llama_gradient n tokens y (p dp : point LlamaParams) :
  llama_fits -> (forall t, (t < T)%nat -> (tokens t < V)%nat) -> in_vocabulary T V y ->
  is_derive
    (fun s =>
      llama_loss V L llama_block llama_ln_f drop_noise n tokens y (line LlamaParams p dp s)) 0
    (dot LlamaParams (llama_grads V L llama_block llama_ln_f drop_noise n tokens y p 1) dp).
Proof. intros F Ids Hy. apply llama_gradient_in_any_direction; auto using llama_always. Qed.

(** And with a head of its own. *)
Theorem llama_untied_gradient n tokens y (p dp : point UntiedParams) :
  llama_fits -> (forall t, (t < T)%nat -> (tokens t < V)%nat) -> in_vocabulary T V y ->
  is_derive
    (fun s =>
      untied_loss V L llama_block llama_ln_f drop_noise n tokens y (line UntiedParams p dp s)) 0
    (dot UntiedParams (untied_grads V L llama_block llama_ln_f drop_noise n tokens y p 1) dp).
Proof. intros F Ids Hy. apply llama_untied_gradient_in_any_direction; auto using llama_always. Qed.

End Model.

(** The gates' activations all have a derivative everywhere: SiLU, and either GELU. *)
Theorem gates_bend x :
  backward_at (bend swish) (bend_dx swish) x
  /\ backward_at (bend tanh_gelu) (bend_dx tanh_gelu) x
  /\ backward_at (bend erf_gelu) (bend_dx erf_gelu) x.
Proof.
  split; [apply silu_backward | split; [apply gelu_tanh_backward | apply gelu_erf_backward]].
Qed.
