(** Self-attention as in Llama's family: src/pellucid/layers/grouped_attention.py. G heads of keys and
    values serve [group] heads of queries each; queries and keys are normed and turned, or not. *)

From Pellucid Require Import vector linear rms_norm rotary scaled_dot_product multi_head repeat_heads.

(** What is done to n heads of T rows before they are compared: a function with its parameters and a
    backward that is its derivative. *)
Record preparation (n T d : nat) (P : space) : Type := {
  prepare : heads -> point P -> heads;
  prepare_dx : heads -> point P -> heads -> heads;
  prepare_dparams : heads -> point P -> heads -> point P;
  prepare_domain : heads -> point P -> Prop;
  prepare_right : forall (x : R -> heads) (p : R -> point P),
    smooth (Heads n T d) x -> smooth P p -> prepare_domain (x 0) (p 0) ->
    smooth (Heads n T d) (fun s => prepare (x s) (p s)) /\
    forall dout : heads,
      slope (Heads n T d) dout (fun s => prepare (x s) (p s))
      = slope (Heads n T d) (prepare_dx (x 0) (p 0) dout) x
        + slope P (prepare_dparams (x 0) (p 0) dout) p
}.

Arguments prepare {n T d P}.
Arguments prepare_dx {n T d P}.
Arguments prepare_dparams {n T d P}.
Arguments prepare_domain {n T d P}.
Arguments prepare_right {n T d P}.

(** Nothing. *)
Lemma as_they_are_backward n T d (x : R -> heads) (p : R -> point (Vector 0)) :
  smooth (Heads n T d) x -> smooth (Vector 0) p -> True ->
  smooth (Heads n T d) (fun s => x s) /\
  forall dout : heads,
    slope (Heads n T d) dout (fun s => x s)
    = slope (Heads n T d) dout x + slope (Vector 0) (zero (Vector 0)) p.
Proof.
  intros Sx _ _. split; [exact Sx |]. intros dout. rewrite slope_zero. symmetry. apply Rplus_0_r.
Qed.

Definition as_they_are (n T d : nat) : preparation n T d (Vector 0) :=
  Build_preparation n T d (Vector 0) (fun x _ => x) (fun _ _ dout => dout)
    (fun _ _ _ => zero (Vector 0)) (fun _ _ => True) (as_they_are_backward n T d).

(** Each head turned by the positions. *)
Lemma turned_backward n T half cos sin (x : R -> heads) (p : R -> point (Vector 0)) :
  smooth (Heads n T (half + half)) x -> smooth (Vector 0) p -> True ->
  smooth (Heads n T (half + half)) (fun s h => rotary half cos sin (x s h)) /\
  forall dout : heads,
    slope (Heads n T (half + half)) dout (fun s h => rotary half cos sin (x s h))
    = slope (Heads n T (half + half)) (fun h => rotary_dx half cos sin (dout h)) x
      + slope (Vector 0) (zero (Vector 0)) p.
Proof.
  intros Sx _ _.
  assert (B : forall h, (h < n)%nat -> _) by
    (intros h Hh; exact (rotary_backward T half cos sin (fun s => x s h) (Sx h Hh))).
  split; [intros h Hh; apply (B h Hh) |]. intros dout. rewrite slope_zero, Rplus_0_r.
  rewrite !(slope_vec n). apply sum_ext. intros h Hh. apply (B h Hh).
Qed.

Definition turned (n T half : nat) (cos sin : matrix) : preparation n T (half + half) (Vector 0) :=
  Build_preparation n T (half + half) (Vector 0) (fun x _ h => rotary half cos sin (x h))
    (fun _ _ dout h => rotary_dx half cos sin (dout h)) (fun _ _ _ => zero (Vector 0))
    (fun _ _ => True) (turned_backward n T half cos sin).

(** Each row of each head brought to mean square 1, with one gain for all heads. *)
Definition heads_dweight (n T d : nat) (eps : R) (x dout : heads) : vector :=
  fun i => sum n (fun h => rms_norm_dweight T d eps (x h) (dout h) i).

Lemma normed_backward n T d eps (x : R -> heads) (weight : R -> vector) :
  smooth (Heads n T d) x -> smooth (Vector d) weight ->
  (forall h t, (h < n)%nat -> (t < T)%nat -> 0 < mean d (fun i => x 0 h t i ^ 2) + eps) ->
  smooth (Heads n T d) (fun s h => rms_norm d eps (x s h) (weight s)) /\
  forall dout : heads,
    slope (Heads n T d) dout (fun s h => rms_norm d eps (x s h) (weight s))
    = slope (Heads n T d) (fun h => rms_norm_dx d eps (x 0 h) (weight 0) (dout h)) x
      + slope (Vector d) (heads_dweight n T d eps (x 0) dout) weight.
Proof.
  intros Sx Sw D.
  assert (B : forall h, (h < n)%nat -> _) by
    (intros h Hh; exact (rms_norm_backward T d eps (fun s => x s h) weight (Sx h Hh) Sw
      (fun t Ht => D h t Hh Ht))).
  split; [intros h Hh; apply (B h Hh) |]. intros dout. unfold heads_dweight.
  rewrite (slope_sum n d (fun h => rms_norm_dweight T d eps (x 0 h) (dout h))).
  rewrite !(slope_vec n), <- sum_plus. apply sum_ext. intros h Hh. apply (B h Hh).
Qed.

Definition normed (n T d : nat) (eps : R) : preparation n T d (Vector d) :=
  Build_preparation n T d (Vector d) (fun x w h => rms_norm d eps (x h) w)
    (fun x w dout h => rms_norm_dx d eps (x h) w (dout h))
    (fun x _ dout => heads_dweight n T d eps x dout)
    (fun x _ => forall h t, (h < n)%nat -> (t < T)%nat -> 0 < mean d (fun i => x h t i ^ 2) + eps)
    (normed_backward n T d eps).

(** One preparation after another: normed, then turned, as in Qwen3. *)
Section Both.

Context {n T d : nat} {P Q : space} (first : preparation n T d P) (second : preparation n T d Q).

Let params : Type := (point P * point Q)%type.

Lemma prepared_twice_backward (x : R -> heads) (p : R -> params) :
  smooth (Heads n T d) x -> smooth (Prod P Q) p ->
  prepare_domain first (x 0) (fst (p 0))
    /\ prepare_domain second (prepare first (x 0) (fst (p 0))) (snd (p 0)) ->
  smooth (Heads n T d) (fun s => prepare second (prepare first (x s) (fst (p s))) (snd (p s))) /\
  forall dout : heads,
    slope (Heads n T d) dout
      (fun s => prepare second (prepare first (x s) (fst (p s))) (snd (p s)))
    = slope (Heads n T d) (prepare_dx first (x 0) (fst (p 0))
        (prepare_dx second (prepare first (x 0) (fst (p 0))) (snd (p 0)) dout)) x
      + slope (Prod P Q)
          (prepare_dparams first (x 0) (fst (p 0))
             (prepare_dx second (prepare first (x 0) (fst (p 0))) (snd (p 0)) dout),
           prepare_dparams second (prepare first (x 0) (fst (p 0))) (snd (p 0)) dout) p.
Proof.
  intros Sx [S1 S2] [D1 D2].
  destruct (prepare_right first x _ Sx S1 D1) as [Sm Hm].
  destruct (prepare_right second _ _ Sm S2 D2) as [Sy Hy].
  split; [exact Sy |]. intros dout. etransitivity; [exact (Hy dout) |].
  rewrite Hm, slope_prod, Rplus_assoc. reflexivity.
Qed.

Definition prepared_twice : preparation n T d (Prod P Q) :=
  Build_preparation n T d (Prod P Q)
    (fun x (p : params) => prepare second (prepare first x (fst p)) (snd p))
    (fun x (p : params) dout => prepare_dx first x (fst p)
       (prepare_dx second (prepare first x (fst p)) (snd p) dout))
    (fun x (p : params) dout =>
       (prepare_dparams first x (fst p) (prepare_dx second (prepare first x (fst p)) (snd p) dout),
        prepare_dparams second (prepare first x (fst p)) (snd p) dout))
    (fun x (p : params) => prepare_domain first x (fst p)
       /\ prepare_domain second (prepare first x (fst p)) (snd p))
    prepared_twice_backward.

End Both.

Lemma regroup a wq pq b wk pk c wv cp :
  a + wq + pq + (b + wk + pk) + (c + wv) + cp = a + b + c + (wq + wk + (wv + cp) + (pq + pk)).
Proof. ring. Qed.

Section GroupedAttention.

Context (G group T d C : nat) (may_look : mask) (attn_noise : heads) (resid_noise : matrix).
Context {PQ PK : space} (of_q : preparation (G * group) T d PQ) (of_k : preparation G T d PK).

Let H : nat := (G * group)%nat.

(** The parameters: (((q_proj, k_proj), (v_proj, c_proj)), (q's, k's preparation)). A map without a
    bias is one whose bias is 0 and stays so. *)
Definition GroupedAttention : space :=
  Prod (Prod (Prod (Linear C (H * d)) (Linear C (G * d)))
             (Prod (Linear C (G * d)) (Linear (H * d) C)))
       (Prod PQ PK).

Let params : Type :=
  (((linear_params * linear_params) * (linear_params * linear_params)) * (point PQ * point PK))%type.

Definition q_proj (p : params) : linear_params := fst (fst (fst p)).
Definition k_proj (p : params) : linear_params := snd (fst (fst p)).
Definition v_proj (p : params) : linear_params := fst (snd (fst p)).
Definition grouped_c_proj (p : params) : linear_params := snd (snd (fst p)).
Definition of_q_params (p : params) : point PQ := fst (snd p).
Definition of_k_params (p : params) : point PK := snd (snd p).

(** q_heads = heads(x W_q), and so on *)
Definition q_heads (x : matrix) (p : params) : heads := split_heads d (linear_of C x (q_proj p)).
Definition k_heads (x : matrix) (p : params) : heads := split_heads d (linear_of C x (k_proj p)).
Definition v_heads (x : matrix) (p : params) : heads := split_heads d (linear_of C x (v_proj p)).

(** q, k and v as attention has them: normed and turned, keys and values repeated for each group *)
Definition q_of (x : matrix) (p : params) : heads := prepare of_q (q_heads x p) (of_q_params p).
Definition k_of (x : matrix) (p : params) : heads :=
  repeat_heads group (prepare of_k (k_heads x p) (of_k_params p)).
Definition v_of (x : matrix) (p : params) : heads := repeat_heads group (v_heads x p).

Definition grouped_attention (x : matrix) (p : params) : matrix :=
  multi_head H T d may_look attn_noise resid_noise
    (q_of x p) (k_of x p) (v_of x p) (grouped_c_proj p).

(** Backward: the gradients of q, k and v as attention hands them back, … *)
Definition grouped_dz (p : params) (dout : matrix) : heads :=
  multi_head_dz C d resid_noise (grouped_c_proj p) dout.
Definition grouped_dq (x : matrix) (p : params) (dout : matrix) : heads :=
  scaled_dot_product_dq T d may_look attn_noise (q_of x p) (k_of x p) (v_of x p)
    (grouped_dz p dout).
Definition grouped_dk (x : matrix) (p : params) (dout : matrix) : heads :=
  repeat_heads_dx group (scaled_dot_product_dk T T d may_look attn_noise
    (q_of x p) (k_of x p) (v_of x p) (grouped_dz p dout)).
Definition grouped_dv (x : matrix) (p : params) (dout : matrix) : heads :=
  repeat_heads_dx group (scaled_dot_product_dv T T d may_look attn_noise
    (q_of x p) (k_of x p) (grouped_dz p dout)).

(** … and of the rows that the three maps made. *)
Definition dq_rows (x : matrix) (p : params) (dout : matrix) : matrix :=
  merge_heads d (prepare_dx of_q (q_heads x p) (of_q_params p) (grouped_dq x p dout)).
Definition dk_rows (x : matrix) (p : params) (dout : matrix) : matrix :=
  merge_heads d (prepare_dx of_k (k_heads x p) (of_k_params p) (grouped_dk x p dout)).
Definition dv_rows (x : matrix) (p : params) (dout : matrix) : matrix :=
  merge_heads d (grouped_dv x p dout).

(** dx = dq_proj.x + dk_proj.x + dv_proj.x *)
Definition grouped_attention_dx (x : matrix) (p : params) (dout : matrix) : matrix :=
  add (Matrix T C)
    (add (Matrix T C) (linear_dx_of (H * d) (q_proj p) (dq_rows x p dout))
                      (linear_dx_of (G * d) (k_proj p) (dk_rows x p dout)))
    (linear_dx_of (G * d) (v_proj p) (dv_rows x p dout)).

Definition grouped_attention_dparams (x : matrix) (p : params) (dout : matrix) : params :=
  (((linear_dparams T x (dq_rows x p dout), linear_dparams T x (dk_rows x p dout)),
    (linear_dparams T x (dv_rows x p dout),
     multi_head_dc_proj T T d may_look attn_noise resid_noise
       (q_of x p) (k_of x p) (v_of x p) dout)),
   (prepare_dparams of_q (q_heads x p) (of_q_params p) (grouped_dq x p dout),
    prepare_dparams of_k (k_heads x p) (of_k_params p) (grouped_dk x p dout))).

Definition grouped_domain (x : matrix) (p : params) : Prop :=
  all_look T T may_look /\ prepare_domain of_q (q_heads x p) (of_q_params p)
  /\ prepare_domain of_k (k_heads x p) (of_k_params p).

(** For every number of groups and of heads in each, all positions and widths, whatever the mask and
    the noises: the backward of grouped attention is its derivative, by its input and all parameters,
    where that of its preparations is. *)
Theorem grouped_attention_backward (x : R -> matrix) (p : R -> params) :
  smooth (Matrix T C) x -> smooth GroupedAttention p -> grouped_domain (x 0) (p 0) ->
  smooth (Matrix T C) (fun s => grouped_attention (x s) (p s)) /\
  forall dout : matrix,
    slope (Matrix T C) dout (fun s => grouped_attention (x s) (p s))
    = slope (Matrix T C) (grouped_attention_dx (x 0) (p 0) dout) x
      + slope GroupedAttention (grouped_attention_dparams (x 0) (p 0) dout) p.
Proof.
  intros Sx [[[Sq Sk] [Sv Sc]] [Spq Spk]] [L [Dq Dk]].
  destruct (linear_of_backward T C (H * d) x _ Sx Sq) as [Sql Hql].
  destruct (linear_of_backward T C (G * d) x _ Sx Sk) as [Skl Hkl].
  destruct (linear_of_backward T C (G * d) x _ Sx Sv) as [Svl Hvl].
  destruct (split_heads_backward H T d _ Sql) as [Sqh Hqh].
  destruct (split_heads_backward G T d _ Skl) as [Skh Hkh].
  destruct (split_heads_backward G T d _ Svl) as [Svh Hvh].
  destruct (prepare_right of_q _ _ Sqh Spq Dq) as [Sqp Hqp].
  destruct (prepare_right of_k _ _ Skh Spk Dk) as [Skp Hkp].
  destruct (repeat_heads_backward G group T d _ Skp) as [Skr Hkr].
  destruct (repeat_heads_backward G group T d _ Svh) as [Svr Hvr].
  destruct (multi_head_backward H T T d C may_look attn_noise resid_noise _ _ _ _
              Sqp Skr Svr Sc L) as [Sm Hm].
  split; [exact Sm |]. intros dout. etransitivity; [exact (Hm dout) |].
  rewrite Hqp, Hqh, Hql, Hkr, Hkp, Hkh, Hkl, Hvr, Hvh, Hvl.
  unfold grouped_attention_dx. rewrite !slope_add. unfold GroupedAttention. rewrite !slope_prod.
  exact (regroup _ _ _ _ _ _ _ _ _).
Qed.

End GroupedAttention.
