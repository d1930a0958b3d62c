(** The theorems say something: at simple parameters the gradients of src/pellucid/models/gpt/wiring.py
    and src/pellucid/models/llama/wiring.py are numbers that one can name, and none of what a theorem
    asks for is asked in vain. *)

From Pellucid Require Import vector linear embedding layer_norm rms_norm softmax dropout.
From Pellucid Require Import scaled_dot_product multi_head grouped_attention feed_forward.
From Pellucid Require Import gated_feed_forward residual block gated_block stack cross_entropy.
From Pellucid Require Import gpt llama.

(** One position that holds token 0 and is to tell token 0, of a vocabulary of two. *)
Definition one_token : nat -> nat := fun _ => 0%nat.
Definition one_target : targets := fun _ => Some 0%nat.

Lemma one_target_is_a_token : in_vocabulary 1 2 one_target.
Proof. intros t v _ E. injection E as <-. lia. Qed.

(** If the logits are (0, r s), the loss rises by r/2 for what s rises, at s = 0. *)
Lemma loss_of_two r (logits : R -> matrix) :
  (forall s, logits s 0%nat 0%nat = 0) -> (forall s, logits s 0%nat 1%nat = r * s) ->
  is_derive (fun s => loss_over 1 1 2 one_target (logits s)) 0 (r / 2).
Proof.
  intros E0 E1. apply (is_derive_ext (fun s => ln (1 + exp (r * s)))).
  - intros s. unfold loss_over, losses, log_probs, one_target. simpl. rewrite E0, E1, exp_0.
    rewrite !Rplus_0_l. unfold Rdiv. rewrite Rinv_1, Rmult_1_r. rewrite Rminus_0_l, Ropp_involutive.
    reflexivity.
  - auto_derive; [assert (P := exp_pos (r * 0)); lra |]. rewrite Rmult_0_r, exp_0. field.
Qed.

Section GPT2.

Context (H d F L : nat) (eps : R) (table : matrix) (h : nat -> block_params).

(** GPT-2 whose last norm gives 1 everywhere and whose embedding is 0: whatever its blocks are. *)
Definition plain_gpt2 : point (GPT2 H d F 2 1 L) :=
  ((fun _ _ => 0, table), (h, (fun _ => 0, fun _ => 1))).

(** The first number of the row of the token that is not there: only the head has a use for it. *)
Definition unseen : place (GPT2 H d F 2 1 L) := inl (inl (1%nat, (0%nat, tt))).

(** For any number of layers, any sizes and whatever the blocks hold, its gradient is 1/2. *)
Theorem gpt2_gradient_is_a_half drop_noise attn_noise resid_noise mlp_noise :
  (0 < H * d)%nat -> 0 < eps ->
  at_place _ unseen (gpt2_grads H 1 d F 2 L eps tanh_gelu drop_noise attn_noise resid_noise mlp_noise
    1 one_token one_target plain_gpt2 1) = 1 / 2.
Proof.
  intros C E.
  assert (W : inside (GPT2 H d F 2 1 L) unseen) by (simpl; lia).
  rewrite <- (dot_one_at _ unseen _ W).
  rewrite <- (is_derive_unique _ _ _ (gpt2_gradient_with_tanh_gelu H 1 d F 2 1 L eps drop_noise
    attn_noise resid_noise mlp_noise 1 one_token one_target plain_gpt2 (one_at _ unseen) E
    (conj (fun t (_ : (t < 1)%nat) => Nat.lt_0_2) (Nat.le_refl 1)) one_target_is_a_token)).
  apply is_derive_unique.
  apply (loss_of_two 1 (fun s => gpt_logits L (gpt2_block H 1 d F eps tanh_gelu attn_noise
    resid_noise mlp_noise) (ln_f_module H 1 d eps) drop_noise one_token
    (line (GPT2 H d F 2 1 L) plain_gpt2 (one_at _ unseen) s))); intros s;
    unfold gpt_logits, unembedding, trunk; simpl; unfold layer_norm_of, layer_norm; simpl.
  - apply sum_none. intros c Hc. ring.
  - rewrite (sum_ext _ _ (fun c => if Nat.eqb c 0 then s else 0)).
    + rewrite (sum_at (H * d) 0 (fun _ => s) C). ring.
    + intros c Hc. destruct (Nat.eqb c 0); ring.
Qed.

End GPT2.

(** A line in no direction stays where it is. *)
Lemma line_nowhere E p s : line E p (zero E) s = p.
Proof.
  induction E as [| n E IH | E IHE F IHF]; simpl.
  - ring.
  - apply functional_extensionality. intros i. apply IH.
  - rewrite IHE, IHF. symmetry. apply surjective_pairing.
Qed.

Definition nought : linear_params := (fun _ _ => 0, fun _ => 0).

Lemma linear_of_nought m x t j : linear_of m x nought t j = 0.
Proof.
  unfold linear_of, linear, linear_map. simpl. rewrite sum_none; [ring | intros; ring].
Qed.

Lemma silent_attention G group T d C may_look attn_noise resid_noise PQ PK
    (of_q : preparation (G * group) T d PQ) (of_k : preparation G T d PK) x p t j :
  grouped_c_proj p = nought ->
  grouped_attention G group T d C may_look attn_noise resid_noise of_q of_k x p t j = 0.
Proof.
  intros Z. unfold grouped_attention, multi_head, dropout. rewrite Z, linear_of_nought. ring.
Qed.

Lemma silent_mlp C F a noise x p t j :
  down_proj p = nought -> gated_feed_forward C F a noise x p t j = 0.
Proof. intros Z. unfold gated_feed_forward, dropout. rewrite Z, linear_of_nought. ring. Qed.

Section Llama.

Context (c : llama_config) (L : nat) (h : nat -> point (LlamaBlock c)).
Context (attn_noise : nat -> heads) (resid_noise mlp_noise : nat -> matrix).

(** Blocks that write nothing into the stream: their last maps are 0. *)
Definition silent : Prop := forall l,
  grouped_c_proj (PQ := Prepared c) (PK := Prepared c) (snd (fst (h l))) = nought
  /\ down_proj (snd (snd (h l))) = nought.

Lemma silent_stack T x :
  silent -> stack (llama_block c T attn_noise resid_noise mlp_noise) L x h = x.
Proof.
  intros Z. induction L as [| l IH]; [reflexivity |]. simpl. rewrite IH.
  apply functional_extensionality. intros t. apply functional_extensionality. intros j.
  destruct (Z l) as [Za Zm]. unfold pre, plus. simpl.
  match goal with |- _ + ?attn + ?mlp = _ =>
    assert (Ea : attn = 0) by exact (silent_attention _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ Za);
    assert (Em : mlp = 0) by exact (silent_mlp _ _ _ _ _ _ _ _ Zm)
  end.
  rewrite Ea, Em. ring.
Qed.

(** A Llama of such blocks whose embedding and last gain are 1 and whose own head is 0. *)
Definition plain_llama : point (UntiedParams c 2 L) :=
  ((fun _ _ => 1, (h, fun _ => 1)), fun _ _ => 0).

Definition unseen_by_llama : place (UntiedParams c 2 L) := inr (1%nat, (0%nat, tt)).

(** For every configuration of the family and any number of layers the gradient by the head's first
    number for the token that is not there is half a normalized 1: 1 / (2 √(1 + ε)). *)
Theorem llama_gradient_is_half_a_normalized_1 :
  silent -> (0 < n_embd c)%nat -> llama_fits c ->
  at_place _ unseen_by_llama
    (untied_grads 2 L (llama_block c 1 attn_noise resid_noise mlp_noise) (llama_ln_f c 1) ones
      1 one_token one_target plain_llama 1) = / sqrt (1 + rms_eps c) / 2.
Proof.
  intros Z C E.
  assert (W : inside (UntiedParams c 2 L) unseen_by_llama) by (simpl; lia).
  rewrite <- (dot_one_at _ unseen_by_llama _ W).
  rewrite <- (is_derive_unique _ _ _ (llama_untied_gradient c 1 2 L ones attn_noise resid_noise
    mlp_noise 1 one_token one_target plain_llama (one_at _ unseen_by_llama) E
    (fun t (_ : (t < 1)%nat) => Nat.lt_0_2) one_target_is_a_token)).
  apply is_derive_unique.
  set (out := fun t => llama_trunk L (llama_block c 1 attn_noise resid_noise mlp_noise)
    (llama_ln_f c 1) ones one_token (fst plain_llama) t).
  assert (Out : forall j, out 0%nat j = / sqrt (1 + rms_eps c)).
  { intros j. unfold out, llama_trunk, llama_passed. simpl fst. simpl snd.
    rewrite silent_stack by exact Z. simpl. unfold rms_norm, rms_xhat, rms_rstd, mean.
    unfold llama_embedded, embedding, dropout, ones.
    rewrite (sum_ext _ _ (fun _ => 1)) by (intros; simpl; ring). rewrite sum_const.
    replace (INR (n_embd c) * 1 / INR (n_embd c)) with 1 by (field; apply not_0_INR; lia).
    simpl. ring. }
  apply (is_derive_ext (fun s => loss_over 1 1 2 one_target (unembedding (n_embd c) out
    (line (Matrix 2 (n_embd c)) (fun _ _ => 0) (snd (one_at _ unseen_by_llama)) s)))).
  - intros s.
    assert (Along : line (UntiedParams c 2 L) plain_llama (one_at _ unseen_by_llama) s
      = (fst plain_llama,
         line (Matrix 2 (n_embd c)) (fun _ _ => 0) (snd (one_at _ unseen_by_llama)) s)).
    { apply injective_projections; [exact (line_nowhere (LlamaParams c 2 L) _ s) | reflexivity]. }
    rewrite Along. reflexivity.
  - apply loss_of_two; intros s; unfold unembedding; simpl.
    + apply sum_none. intros j Hj. ring.
    + rewrite (sum_ext _ _ (fun j => if Nat.eqb j 0 then / sqrt (1 + rms_eps c) * s else 0)).
      * exact (sum_at (n_embd c) 0 (fun _ => / sqrt (1 + rms_eps c) * s) C).
      * intros j Hj. rewrite Out. destruct (Nat.eqb j 0); ring.
Qed.

End Llama.

(** Small models of the family: with a window of two, with norms of queries and keys, and with no
    positions in every other block. *)
Definition small (w : option nat) (norms : bool) (turns : nat -> bool) : llama_config :=
  Build_llama_config 1 2 1 4 6 (1 / 100) swish (fun _ => 1) turns w 0 norms.

(** All are as the theorems ask, … *)
Theorem small_models_fit w norms turns : w <> Some 0%nat -> llama_fits (small w norms turns).
Proof.
  intros W. split; [simpl; lra | split; [exact W | intros x; apply gates_bend]].
Qed.

(** … and may be silent. *)
Theorem nought_is_silent c : silent c (fun _ => zero (LlamaBlock c)).
Proof. intros l. split; reflexivity. Qed.

(** Their window does hide something: position 2 sees position 1, and no longer position 0. *)
Theorem small_window_hides norms turns l :
  mask_of (small (Some 2%nat) norms turns) l 2%nat 1%nat = true
  /\ mask_of (small (Some 2%nat) norms turns) l 2%nat 0%nat = false
  /\ mask_of (small None norms turns) l 2%nat 0%nat = true.
Proof. repeat split. Qed.
