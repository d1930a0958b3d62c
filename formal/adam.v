(** AdamW: src/pellucid/optim/adam.py. One weight by itself. *)

From Pellucid Require Import vector.

(** m = β₁ m_before + (1 - β₁) dweight, from 0, over gradients g 1, g 2, … *)
Fixpoint moment (beta : R) (g : nat -> R) (t : nat) : R :=
  match t with
  | O => 0
  | S k => beta * moment beta g k + (1 - beta) * g (S k)
  end.

(** v = β₂ v_before + (1 - β₂) dweight² *)
Definition second_moment (beta : R) (g : nat -> R) (t : nat) : R :=
  moment beta (fun k => g k ^ 2) t.

(** m_hat = m / (1 - β₁ᵗ);  v_hat = v / (1 - β₂ᵗ) *)
Definition corrected (beta : R) (m : R) (t : nat) : R := m / (1 - beta ^ t).

(** update = -η m_hat / (√v_hat + ε) - η λ weight *)
Definition update (rate beta1 beta2 eps decay weight : R) (g : nat -> R) (t : nat) : R :=
  - rate * corrected beta1 (moment beta1 g t) t
    / (sqrt (corrected beta2 (second_moment beta2 g t) t) + eps)
  - rate * decay * weight.

Lemma moment_of_constant beta c t : moment beta (fun _ => c) t = (1 - beta ^ t) * c.
Proof. induction t as [| t IH]; simpl; [| rewrite IH]; ring. Qed.

Lemma correction_is_possible beta t : 0 <= beta < 1 -> (0 < t)%nat -> 0 < 1 - beta ^ t.
Proof.
  intros [P L] Ht. assert (beta ^ t < 1); [| lra].
  destruct t as [| t]; [lia |]. clear Ht. induction t as [| t IH]; [simpl; lra |].
  simpl in *. assert (0 <= beta * beta ^ t) by (apply Rmult_le_pos; [lra | apply pow_le; lra]).
  nra.
Qed.

(** The corrected moment of a gradient that stays the same is that gradient, at every step. *)
Theorem bias_correction beta c t :
  0 <= beta < 1 -> (0 < t)%nat -> corrected beta (moment beta (fun _ => c) t) t = c.
Proof.
  intros B Ht. unfold corrected. rewrite moment_of_constant. field.
  apply Rgt_not_eq, correction_is_possible; assumption.
Qed.

(** The moment is a weighted sum of all gradients, … *)
Theorem moment_is_weighted_sum beta g t :
  moment beta g t = sum t (fun k => (1 - beta) * beta ^ (t - 1 - k) * g (S k)).
Proof.
  induction t as [| t IH]; [reflexivity |].
  transitivity (beta * moment beta g t + (1 - beta) * g (S t)); [reflexivity |].
  transitivity (sum t (fun k => (1 - beta) * beta ^ (S t - 1 - k) * g (S k))
    + (1 - beta) * beta ^ (S t - 1 - t) * g (S t)); [| reflexivity].
  replace (S t - 1 - t)%nat with 0%nat by lia. rewrite IH, <- sum_scal. f_equal; [| simpl; ring].
  apply sum_ext. intros k Hk. replace (S t - 1 - k)%nat with (S (t - 1 - k)) by lia. simpl. ring.
Qed.

(** … whose weights, after the correction, sum to 1: a mean that leans to the latest. *)
Theorem corrected_weights_sum_to_1 beta t :
  0 <= beta < 1 -> (0 < t)%nat ->
  sum t (fun k => (1 - beta) * beta ^ (t - 1 - k)) / (1 - beta ^ t) = 1.
Proof.
  intros B Ht. assert (E := bias_correction beta 1 t B Ht).
  unfold corrected in E. rewrite moment_is_weighted_sum in E.
  rewrite (sum_ext t _ (fun k => (1 - beta) * beta ^ (t - 1 - k) * 1)) by (intros; ring). exact E.
Qed.

(** So the step of a gradient that stays the same, without decay and with ε at 0, is the learning
    rate in the direction against it, at every step. *)
Theorem step_of_constant_gradient rate beta1 beta2 weight c t :
  0 <= beta1 < 1 -> 0 <= beta2 < 1 -> (0 < t)%nat -> c <> 0 ->
  update rate beta1 beta2 0 0 weight (fun _ => c) t = - rate * (c / Rabs c).
Proof.
  intros B1 B2 Ht Nz. unfold update, second_moment.
  rewrite !bias_correction by assumption.
  replace (c ^ 2) with (Rsqr c) by (unfold Rsqr; ring). rewrite sqrt_Rsqr_abs.
  field. apply Rabs_no_R0, Nz.
Qed.
