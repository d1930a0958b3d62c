(** Vectors, curves, and what it means that one function is another's backward.

    A vector of width n is a function from numbers to reals of which only the places below n count;
    a matrix is a function of row and column. A layer is judged along curves: its inputs and its
    parameters are functions of a real s, differentiable at 0, and nothing else is said of them.
    [slope E g x] is the derivative at 0 of the sum of all products g * x(s), place by place. A
    backward function is right if for every such curve and every gradient dout

      slope out dout (forward along the curve) = slope in (backward dout) (the curve itself).  *)

From Coq Require Export Reals Lra Lia Arith Bool Setoid Morphisms FunctionalExtensionality.
From Coquelicot Require Export Coquelicot.
Open Scope R_scope.

(** * Finite sums *)

Fixpoint sum (n : nat) (f : nat -> R) : R :=
  match n with
  | O => 0
  | S k => sum k f + f k
  end.

Definition mean (n : nat) (f : nat -> R) : R := sum n f / INR n.

(** Sums of terms that are equal place by place are equal. *)
Lemma sum_ext n f g : (forall i, (i < n)%nat -> f i = g i) -> sum n f = sum n g.
Proof.
  induction n as [| n IH]; simpl; intros H; [reflexivity |].
  rewrite IH by (intros; apply H; lia). rewrite (H n) by lia. reflexivity.
Qed.

#[global] Instance sum_proper n : Proper (pointwise_relation nat eq ==> eq) (sum n).
Proof. intros f g H. apply sum_ext. intros i _. apply H. Qed.

Lemma sum_zero n : sum n (fun _ => 0) = 0.
Proof. induction n as [| n IH]; simpl; [| rewrite IH]; ring. Qed.

Lemma sum_none n f : (forall i, (i < n)%nat -> f i = 0) -> sum n f = 0.
Proof. intros H. rewrite <- (sum_zero n). apply sum_ext, H. Qed.

Lemma sum_plus n f g : sum n (fun i => f i + g i) = sum n f + sum n g.
Proof. induction n as [| n IH]; simpl; [| rewrite IH]; ring. Qed.

Lemma sum_minus n f g : sum n (fun i => f i - g i) = sum n f - sum n g.
Proof. induction n as [| n IH]; simpl; [| rewrite IH]; ring. Qed.

Lemma sum_opp n f : sum n (fun i => - f i) = - sum n f.
Proof. induction n as [| n IH]; simpl; [| rewrite IH]; ring. Qed.

Lemma sum_scal n a f : sum n (fun i => a * f i) = a * sum n f.
Proof. induction n as [| n IH]; simpl; [| rewrite IH]; ring. Qed.

Lemma sum_scal_r n a f : sum n (fun i => f i * a) = sum n f * a.
Proof. induction n as [| n IH]; simpl; [| rewrite IH]; ring. Qed.

Lemma sum_div n a f : sum n (fun i => f i / a) = sum n f / a.
Proof. unfold Rdiv. apply sum_scal_r. Qed.

Lemma sum_const n a : sum n (fun _ => a) = INR n * a.
Proof. induction n as [| n IH]; [simpl | rewrite S_INR; simpl sum; rewrite IH]; ring. Qed.

(** The order of two sums does not matter. *)
Lemma sum_swap m n f :
  sum m (fun i => sum n (fun j => f i j)) = sum n (fun j => sum m (fun i => f i j)).
Proof.
  induction m as [| m IH]; simpl; [symmetry; apply sum_zero |].
  rewrite IH, <- sum_plus. reflexivity.
Qed.

(** Of a sum in which one place alone counts, that place is left. *)
Lemma sum_at n j f : (j < n)%nat -> sum n (fun i => if Nat.eqb i j then f i else 0) = f j.
Proof.
  induction n as [| n IH]; intros H; [lia |]. simpl.
  destruct (Nat.eq_dec j n) as [-> | ne].
  - rewrite Nat.eqb_refl, sum_none; [ring |].
    intros i Hi. destruct (Nat.eqb_spec i n); [lia | reflexivity].
  - rewrite IH by lia. destruct (Nat.eqb_spec n j); [lia | ring].
Qed.

Lemma sum_at' n j f : (j < n)%nat -> sum n (fun i => if Nat.eqb j i then f i else 0) = f j.
Proof.
  intros H. rewrite <- (sum_at n j f H). apply sum_ext. intros i _. rewrite Nat.eqb_sym. reflexivity.
Qed.

Lemma sum_app m n f : sum (m + n) f = sum m f + sum n (fun i => f (m + i)%nat).
Proof.
  induction n as [| n IH]; [rewrite Nat.add_0_r; simpl; ring |].
  rewrite Nat.add_succ_r. simpl. rewrite IH. ring.
Qed.

(** A sum over H runs of d places each is a sum of sums. *)
Lemma sum_runs H d f : sum (H * d) f = sum H (fun h => sum d (fun k => f (h * d + k)%nat)).
Proof.
  induction H as [| H IH]; [reflexivity |].
  rewrite Nat.mul_succ_l, sum_app, IH. reflexivity.
Qed.

Lemma sum_nonneg n f : (forall i, (i < n)%nat -> 0 <= f i) -> 0 <= sum n f.
Proof.
  induction n as [| n IH]; simpl; intros H; [lra |].
  assert (0 <= f n) by (apply H; lia).
  assert (0 <= sum n f) by (apply IH; intros; apply H; lia). lra.
Qed.

(** A sum of terms that are not negative, one of them positive, is positive. *)
Lemma sum_pos n f j :
  (forall i, (i < n)%nat -> 0 <= f i) -> (j < n)%nat -> 0 < f j -> 0 < sum n f.
Proof.
  induction n as [| n IH]; simpl; intros H L P; [lia |].
  destruct (Nat.eq_dec j n) as [-> | ne].
  - assert (0 <= sum n f) by (apply sum_nonneg; intros; apply H; lia). lra.
  - assert (0 < sum n f) by (apply IH; [intros; apply H | | assumption]; lia).
    assert (0 <= f n) by (apply H; lia). lra.
Qed.

(** * Derivatives at 0 of sums, products and quotients *)

Lemma d_eq (f : R -> R) (a b : R) : is_derive f 0 a -> a = b -> is_derive f 0 b.
Proof. intros H <-. exact H. Qed.

Lemma d_eq_at (f : R -> R) (x a b : R) : is_derive f x a -> a = b -> is_derive f x b.
Proof. intros H <-. exact H. Qed.

Lemma d_const (a : R) : is_derive (fun _ => a) 0 0.
Proof. apply (is_derive_const (K := R_AbsRing) (V := R_NormedModule)). Qed.

Lemma d_id : is_derive (fun s : R => s) 0 1.
Proof. apply (is_derive_id (K := R_AbsRing)). Qed.

Lemma d_plus (f g : R -> R) (a b : R) :
  is_derive f 0 a -> is_derive g 0 b -> is_derive (fun s : R => f s + g s) 0 (a + b).
Proof. apply (is_derive_plus (V := R_NormedModule)). Qed.

Lemma d_minus (f g : R -> R) (a b : R) :
  is_derive f 0 a -> is_derive g 0 b -> is_derive (fun s : R => f s - g s) 0 (a - b).
Proof. apply (is_derive_minus (V := R_NormedModule)). Qed.

Lemma d_opp (f : R -> R) (a : R) : is_derive f 0 a -> is_derive (fun s : R => - f s) 0 (- a).
Proof. apply (is_derive_opp (V := R_NormedModule)). Qed.

Lemma d_mult (f g : R -> R) (a b : R) :
  is_derive f 0 a -> is_derive g 0 b ->
  is_derive (fun s : R => f s * g s) 0 (a * g 0 + f 0 * b).
Proof. intros Hf Hg. apply (is_derive_mult f g 0 a b Hf Hg). intros; apply Rmult_comm. Qed.

(** The chain rule: a function of a curve. *)
Lemma d_comp (F f : R -> R) (a b : R) :
  is_derive F (f 0) b -> is_derive f 0 a -> is_derive (fun s : R => F (f s)) 0 (a * b).
Proof. intros HF Hf. apply (is_derive_comp (V := R_NormedModule) F f 0 b a HF Hf). Qed.

Lemma d_inv (f : R -> R) (a : R) : is_derive f 0 a -> f 0 <> 0 -> is_derive (fun s : R => / f s) 0 (- a / (f 0) ^ 2).
Proof. intros Hf Nz. apply (is_derive_inv f 0 a Hf Nz). Qed.

Lemma d_div (f g : R -> R) (a b : R) :
  is_derive f 0 a -> is_derive g 0 b -> g 0 <> 0 ->
  is_derive (fun s : R => f s / g s) 0 ((a * g 0 - f 0 * b) / (g 0) ^ 2).
Proof. intros Hf Hg Nz. apply (is_derive_div f g 0 a b Hf Hg Nz). Qed.

Lemma d_scal (c : R) (f : R -> R) (a : R) : is_derive f 0 a -> is_derive (fun s : R => c * f s) 0 (c * a).
Proof. intros H. eapply d_eq; [apply d_mult; [apply d_const | exact H] | cbv beta; ring]. Qed.

Lemma d_over (c : R) (f : R -> R) (a : R) : is_derive f 0 a -> is_derive (fun s : R => f s / c) 0 (a / c).
Proof.
  intros H. unfold Rdiv. eapply d_eq; [apply d_mult; [exact H | apply d_const] | cbv beta; ring].
Qed.

Lemma d_exp (f : R -> R) (a : R) : is_derive f 0 a -> is_derive (fun s : R => exp (f s)) 0 (a * exp (f 0)).
Proof. intros H. apply (d_comp exp); [apply is_derive_exp | exact H]. Qed.

Lemma d_ln (f : R -> R) (a : R) : is_derive f 0 a -> 0 < f 0 -> is_derive (fun s : R => ln (f s)) 0 (a / f 0).
Proof. intros H P. apply (d_comp ln); [apply is_derive_ln, P | exact H]. Qed.

Lemma d_sqrt (f : R -> R) (a : R) :
  is_derive f 0 a -> 0 < f 0 -> is_derive (fun s : R => sqrt (f s)) 0 (a / (2 * sqrt (f 0))).
Proof. intros H P. apply (is_derive_sqrt f 0 a H P). Qed.

Lemma d_sum n (f : R -> nat -> R) (a : nat -> R) :
  (forall i, (i < n)%nat -> is_derive (fun s => f s i) 0 (a i)) ->
  is_derive (fun s => sum n (f s)) 0 (sum n a).
Proof.
  induction n as [| n IH]; simpl; intros H; [apply d_const |].
  apply d_plus; [apply IH; intros; apply H | apply H]; lia.
Qed.

(** * Spaces: scalars, rows of a space, and pairs of two *)

Inductive space : Type :=
  | Scalar
  | Vec (n : nat) (E : space)
  | Prod (E F : space).

Fixpoint point (E : space) : Type :=
  match E with
  | Scalar => R
  | Vec _ E => nat -> point E
  | Prod E F => (point E * point F)%type
  end.

Notation Vector n := (Vec n Scalar).
Notation Matrix m n := (Vec m (Vec n Scalar)).
Notation Heads h m n := (Vec h (Vec m (Vec n Scalar))).
Notation vector := (nat -> R).
Notation matrix := (nat -> nat -> R).
Notation heads := (nat -> nat -> nat -> R).

(** A curve has derivative d at 0: each of its places has. *)
Fixpoint der (E : space) : (R -> point E) -> point E -> Prop :=
  match E with
  | Scalar => fun c d => is_derive c 0 d
  | Vec n E => fun c d => forall i, (i < n)%nat -> der E (fun s => c s i) (d i)
  | Prod E F => fun c d => der E (fun s => fst (c s)) (fst d) /\ der F (fun s => snd (c s)) (snd d)
  end.

(** A curve is differentiable at 0: each of its places is. *)
Fixpoint smooth (E : space) : (R -> point E) -> Prop :=
  match E with
  | Scalar => fun c => ex_derive c 0
  | Vec n E => fun c => forall i, (i < n)%nat -> smooth E (fun s => c s i)
  | Prod E F => fun c => smooth E (fun s => fst (c s)) /\ smooth F (fun s => snd (c s))
  end.

(** The derivatives of a curve's places at 0. *)
Fixpoint velocity (E : space) : (R -> point E) -> point E :=
  match E with
  | Scalar => fun c => Derive c 0
  | Vec n E => fun c i => velocity E (fun s => c s i)
  | Prod E F => fun c => (velocity E (fun s => fst (c s)), velocity F (fun s => snd (c s)))
  end.

(** The sum of all products, place by place. *)
Fixpoint dot (E : space) : point E -> point E -> R :=
  match E with
  | Scalar => fun a b => a * b
  | Vec n E => fun a b => sum n (fun i => dot E (a i) (b i))
  | Prod E F => fun a b => dot E (fst a) (fst b) + dot F (snd a) (snd b)
  end.

Fixpoint add (E : space) : point E -> point E -> point E :=
  match E with
  | Scalar => fun a b => a + b
  | Vec n E => fun a b i => add E (a i) (b i)
  | Prod E F => fun a b => (add E (fst a) (fst b), add F (snd a) (snd b))
  end.

Fixpoint zero (E : space) : point E :=
  match E with
  | Scalar => 0
  | Vec n E => fun _ => zero E
  | Prod E F => (zero E, zero F)
  end.

Definition slope (E : space) (g : point E) (x : R -> point E) : R := dot E g (velocity E x).

(** A differentiable curve has its velocity as derivative. *)
Lemma smooth_der E c : smooth E c -> der E c (velocity E c).
Proof.
  induction E as [| n E IH | E IHE F IHF]; simpl; intros H.
  - apply Derive_correct, H.
  - intros i Hi. apply IH, H, Hi.
  - destruct H as [HE HF]. split; [apply IHE, HE | apply IHF, HF].
Qed.

Lemma der_smooth E c d : der E c d -> smooth E c.
Proof.
  induction E as [| n E IH | E IHE F IHF]; simpl; intros H.
  - exists d. exact H.
  - intros i Hi. exact (IH _ _ (H i Hi)).
  - destruct H as [HE HF]. split; [exact (IHE _ _ HE) | exact (IHF _ _ HF)].
Qed.

(** [slope E g x] is a sum over the derivatives of x's places, whichever way they are known. *)
Lemma der_slope E c d : der E c d -> forall g, slope E g c = dot E g d.
Proof.
  unfold slope. induction E as [| n E IH | E IHE F IHF]; simpl; intros H g.
  - rewrite (is_derive_unique _ _ _ H). reflexivity.
  - apply sum_ext. intros i Hi. apply IH, H, Hi.
  - destruct H as [HE HF]. f_equal; [apply IHE, HE | apply IHF, HF].
Qed.

Lemma der_out E c d : der E c d -> smooth E c /\ forall g, slope E g c = dot E g d.
Proof. split; [eapply der_smooth; eassumption | apply der_slope; assumption]. Qed.

(** What the name says: [slope E g x] is the derivative at 0 of the sum of all g * x(s). *)
Theorem slope_is_derivative E g x :
  smooth E x -> is_derive (fun s => dot E g (x s)) 0 (slope E g x).
Proof.
  unfold slope. induction E as [| n E IH | E IHE F IHF]; simpl; intros H.
  - apply d_scal, Derive_correct, H.
  - apply (d_sum n (fun s i => dot E (g i) (x s i))). intros i Hi. apply (IH (g i)), H, Hi.
  - destruct H as [HE HF].
    apply (d_plus (fun s => dot E (fst g) (fst (x s)))); [apply IHE, HE | apply IHF, HF].
Qed.

Lemma dot_add E a b d : dot E (add E a b) d = dot E a d + dot E b d.
Proof.
  induction E as [| n E IH | E IHE F IHF]; simpl.
  - ring.
  - rewrite <- sum_plus. apply sum_ext. intros i _. apply IH.
  - rewrite IHE, IHF. ring.
Qed.

Lemma dot_zero E d : dot E (zero E) d = 0.
Proof.
  induction E as [| n E IH | E IHE F IHF]; simpl.
  - ring.
  - apply sum_none. intros i _. apply IH.
  - rewrite IHE, IHF. ring.
Qed.

(** What reads a curve twice gets the sum of two gradients. *)
Lemma slope_add E a b x : slope E (add E a b) x = slope E a x + slope E b x.
Proof. apply dot_add. Qed.

Lemma slope_zero E x : slope E (zero E) x = 0.
Proof. apply dot_zero. Qed.

Lemma slope_vec n E g x : slope (Vec n E) g x = sum n (fun i => slope E (g i) (fun s => x s i)).
Proof. reflexivity. Qed.

Lemma slope_prod E F g x :
  slope (Prod E F) g x
  = slope E (fst g) (fun s => fst (x s)) + slope F (snd g) (fun s => snd (x s)).
Proof. reflexivity. Qed.

(** A sum of gradients over rows, as of a gain that all rows share. *)
Lemma slope_sum T n (g : matrix) x :
  slope (Vector n) (fun i => sum T (fun t => g t i)) x = sum T (fun t => slope (Vector n) (g t) x).
Proof.
  unfold slope. simpl. rewrite sum_swap. apply sum_ext. intros i _. rewrite sum_scal_r. reflexivity.
Qed.

(** Gradients that agree in all places have the same slope. *)
Lemma slope_ext_matrix T n (g h : matrix) x :
  (forall t i, (t < T)%nat -> (i < n)%nat -> g t i = h t i) ->
  slope (Matrix T n) g x = slope (Matrix T n) h x.
Proof.
  intros H. unfold slope. simpl. apply sum_ext. intros t Ht. apply sum_ext. intros i Hi.
  rewrite H; auto.
Qed.

Lemma slope_ext_vector n (g h : vector) x :
  (forall i, (i < n)%nat -> g i = h i) -> slope (Vector n) g x = slope (Vector n) h x.
Proof. intros H. unfold slope. simpl. apply sum_ext. intros i Hi. rewrite H; auto. Qed.

(** The straight line from x in the direction d, place by place. *)
Fixpoint line (E : space) : point E -> point E -> R -> point E :=
  match E with
  | Scalar => fun x d s => x + s * d
  | Vec n E => fun x d s i => line E (x i) (d i) s
  | Prod E F => fun x d s => (line E (fst x) (fst d) s, line F (snd x) (snd d) s)
  end.

Lemma line_der E x d : der E (line E x d) d.
Proof.
  induction E as [| n E IH | E IHE F IHF]; simpl.
  - auto_derive; [exact I | ring].
  - intros i _. apply (IH (x i) (d i)).
  - split; [apply (IHE (fst x) (fst d)) | apply (IHF (snd x) (snd d))].
Qed.

Lemma line_at_0 E x d : line E x d 0 = x.
Proof.
  induction E as [| n E IH | E IHE F IHF]; simpl.
  - ring.
  - apply functional_extensionality. intros i. apply IH.
  - rewrite IHE, IHF. symmetry. apply surjective_pairing.
Qed.

(** The place of one number: an index for each vector on the way, a side for each pair. *)
Fixpoint place (E : space) : Type :=
  match E with
  | Scalar => unit
  | Vec _ E => (nat * place E)%type
  | Prod E F => (place E + place F)%type
  end.

Fixpoint inside (E : space) : place E -> Prop :=
  match E with
  | Scalar => fun _ => True
  | Vec n E => fun a => (fst a < n)%nat /\ inside E (snd a)
  | Prod E F => fun a => match a with inl b => inside E b | inr b => inside F b end
  end.

(** The number that stands there. *)
Fixpoint at_place (E : space) : place E -> point E -> R :=
  match E with
  | Scalar => fun _ x => x
  | Vec n E => fun a x => at_place E (snd a) (x (fst a))
  | Prod E F => fun a x => match a with inl b => at_place E b (fst x) | inr b => at_place F b (snd x) end
  end.

(** 1 there and 0 everywhere else. *)
Fixpoint one_at (E : space) : place E -> point E :=
  match E with
  | Scalar => fun _ => 1
  | Vec n E => fun a i => if Nat.eqb i (fst a) then one_at E (snd a) else zero E
  | Prod E F => fun a => match a with
      | inl b => (one_at E b, zero F)
      | inr b => (zero E, one_at F b)
      end
  end.

Lemma dot_zero_r E g : dot E g (zero E) = 0.
Proof.
  induction E as [| n E IH | E IHE F IHF]; simpl.
  - ring.
  - apply sum_none. intros i _. apply IH.
  - rewrite IHE, IHF. ring.
Qed.

Lemma dot_one_at E a g : inside E a -> dot E g (one_at E a) = at_place E a g.
Proof.
  induction E as [| n E IH | E IHE F IHF]; simpl.
  - intros _. ring.
  - intros [Ha Hb]. rewrite <- (IH (snd a) (g (fst a)) Hb).
    rewrite <- (sum_at n (fst a) (fun i => dot E (g i) (one_at E (snd a))) Ha).
    apply sum_ext. intros i _. destruct (Nat.eqb i (fst a)); [reflexivity | apply dot_zero_r].
  - destruct a as [b | b]; simpl; intros Hb.
    + rewrite (IHE b _ Hb), dot_zero_r. ring.
    + rewrite (IHF b _ Hb), dot_zero_r. ring.
Qed.

(** No other gradient would do: two that have the same slope along every curve through p are the same,
    number by number. So of a function there is one backward at most. *)
Theorem gradient_is_unique E (p g h : point E) :
  (forall x, smooth E x -> x 0 = p -> slope E g x = slope E h x) ->
  forall a, inside E a -> at_place E a g = at_place E a h.
Proof.
  intros Same a W. assert (D := line_der E p (one_at E a)).
  assert (G := Same _ (der_smooth _ _ _ D) (line_at_0 E p (one_at E a))).
  rewrite !(der_slope _ _ _ D), !(dot_one_at E a _ W) in G. exact G.
Qed.

Lemma dot_comm E a b : dot E a b = dot E b a.
Proof.
  induction E as [| n E IH | E IHE F IHF]; simpl.
  - ring.
  - apply sum_ext. intros i _. apply IH.
  - rewrite IHE, IHF. reflexivity.
Qed.

(** What every theorem about a backward says of a function f at p, in the words of calculus: move one
    number of p alone, at place a; each number of f(p), at place b, then has a derivative, and the
    backward of a gradient that is 1 there and 0 elsewhere has it at place a. The backward is the
    transposed Jacobian, number by number. *)
Theorem backward_is_the_transposed_jacobian E F (f : point E -> point F) (p : point E)
    (back : point F -> point E) :
  (forall x, smooth E x -> x 0 = p ->
    smooth F (fun s => f (x s)) /\
    forall dout, slope F dout (fun s => f (x s)) = slope E (back dout) x) ->
  forall a b, inside E a -> inside F b ->
    is_derive (fun s => at_place F b (f (line E p (one_at E a) s))) 0
      (at_place E a (back (one_at F b))).
Proof.
  intros B a b Ha Hb. assert (D := line_der E p (one_at E a)).
  destruct (B _ (der_smooth _ _ _ D) (line_at_0 E p (one_at E a))) as [Sf Hf].
  rewrite <- (dot_one_at E a _ Ha), <- (der_slope _ _ _ D), <- Hf.
  apply (is_derive_ext (fun s => dot F (one_at F b) (f (line E p (one_at E a) s)))).
  - intros s. rewrite dot_comm. apply dot_one_at, Hb.
  - apply (slope_is_derivative F (one_at F b)), Sf.
Qed.

(** A function of one number has, at x, the backward f_dx: its derivative times dout. *)
Definition backward_at (f : R -> R) (f_dx : R -> R -> R) (x : R) : Prop :=
  exists d : R, is_derive f x d /\ forall dout, f_dx x dout = dout * d.

(** Such a function, applied to each place of a matrix. *)
Lemma elementwise T n f f_dx (x : R -> matrix) :
  smooth (Matrix T n) x ->
  (forall t i, (t < T)%nat -> (i < n)%nat -> backward_at f f_dx (x 0 t i)) ->
  smooth (Matrix T n) (fun s t i => f (x s t i)) /\
  forall dout : matrix,
    slope (Matrix T n) dout (fun s t i => f (x s t i))
    = slope (Matrix T n) (fun t i => f_dx (x 0 t i) (dout t i)) x.
Proof.
  intros Sx Hf. apply smooth_der in Sx.
  assert (D : der (Matrix T n) (fun s t i => f (x s t i))
                  (fun t i => velocity (Matrix T n) x t i * f_dx (x 0 t i) 1)).
  { intros t Ht i Hi. destruct (Hf t i Ht Hi) as [d [Hd Eq]]. rewrite Eq, Rmult_1_l.
    apply (d_comp f (fun s => x s t i)); [exact Hd | apply (Sx t Ht i Hi)]. }
  destruct (der_out _ _ _ D) as [Sy Hy]. split; [exact Sy |]. intros dout. rewrite Hy.
  unfold slope. simpl. apply sum_ext. intros t Ht. apply sum_ext. intros i Hi.
  destruct (Hf t i Ht Hi) as [d [_ Eq]]. rewrite !Eq. ring.
Qed.
