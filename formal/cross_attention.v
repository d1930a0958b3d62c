(** Multi-head cross-attention: src/pellucid/layers/cross_attention.py. *)

From Pellucid Require Import vector linear scaled_dot_product multi_head attention.

Section CrossAttention.

Context (H T S d : nat) (may_look : mask) (attn_noise : heads) (resid_noise : matrix).

Let C : nat := (H * d)%nat.

(** The parameters: ((c_q, c_kv), c_proj). *)
Definition CrossAttention : space := Prod (Prod (Linear C C) (Linear C (2 * C))) (Linear C C).

Let params : Type := ((linear_params * linear_params) * linear_params)%type.

Definition c_q (p : params) : linear_params := fst (fst p).
Definition c_kv (p : params) : linear_params := snd (fst p).
Definition cross_c_proj (p : params) : linear_params := snd p.

(** q = heads(x W + b);  k, v = heads(memory W'' + b'') *)
Definition cross_q (x : matrix) (p : params) : heads := split_heads d (linear_of C x (c_q p)).
Definition cross_kv (i : nat) (memory : matrix) (p : params) : heads :=
  split_heads d (split_heads C (linear_of C memory (c_kv p)) i).

(** out = multi_head(q, k, v) *)
Definition cross_attention (x memory : matrix) (p : params) : matrix :=
  multi_head H S d may_look attn_noise resid_noise
    (cross_q x p) (cross_kv 0 memory p) (cross_kv 1 memory p) (cross_c_proj p).

Definition cross_dz (p : params) (dout : matrix) : heads :=
  multi_head_dz C d resid_noise (cross_c_proj p) dout.

(** dqueries = concat(dq) *)
Definition cross_dqueries (x memory : matrix) (p : params) (dout : matrix) : matrix :=
  merge_heads d (scaled_dot_product_dq S d may_look attn_noise
    (cross_q x p) (cross_kv 0 memory p) (cross_kv 1 memory p) (cross_dz p dout)).

(** dkv = [concat(dk) concat(dv)] *)
Definition cross_dkv (x memory : matrix) (p : params) (dout : matrix) : matrix :=
  merge_heads C (fun i => merge_heads d (match i with
    | O => scaled_dot_product_dk T S d may_look attn_noise
        (cross_q x p) (cross_kv 0 memory p) (cross_kv 1 memory p) (cross_dz p dout)
    | _ => scaled_dot_product_dv T S d may_look attn_noise
        (cross_q x p) (cross_kv 0 memory p) (cross_dz p dout)
    end)).

Definition cross_attention_dx (x memory : matrix) (p : params) (dout : matrix) : matrix :=
  linear_dx_of C (c_q p) (cross_dqueries x memory p dout).

Definition cross_attention_dmemory (x memory : matrix) (p : params) (dout : matrix) : matrix :=
  linear_dx_of (2 * C) (c_kv p) (cross_dkv x memory p dout).

Definition cross_attention_dparams (x memory : matrix) (p : params) (dout : matrix) : params :=
  ((linear_dparams T x (cross_dqueries x memory p dout),
    linear_dparams S memory (cross_dkv x memory p dout)),
   multi_head_dc_proj T S d may_look attn_noise resid_noise
     (cross_q x p) (cross_kv 0 memory p) (cross_kv 1 memory p) dout).

Lemma regroup_cross a wq b wkv c : a + wq + (b + wkv) + c = a + b + (wq + wkv + c).
Proof. ring. Qed.

(** For every number of heads, positions T and places S of the memory and every head width, whatever
    the mask and the noises: the backward of cross-attention is its derivative, by its input, the
    memory and all its parameters. *)
Theorem cross_attention_backward (x memory : R -> matrix) (p : R -> params) :
  smooth (Matrix T C) x -> smooth (Matrix S C) memory -> smooth CrossAttention p ->
  all_look T S may_look ->
  smooth (Matrix T C) (fun s => cross_attention (x s) (memory s) (p s)) /\
  forall dout : matrix,
    slope (Matrix T C) dout (fun s => cross_attention (x s) (memory s) (p s))
    = slope (Matrix T C) (cross_attention_dx (x 0) (memory 0) (p 0) dout) x
      + slope (Matrix S C) (cross_attention_dmemory (x 0) (memory 0) (p 0) dout) memory
      + slope CrossAttention (cross_attention_dparams (x 0) (memory 0) (p 0) dout) p.
Proof.
  intros Sx Sm [[Sq Skv] Sp] L.
  destruct (linear_of_backward T C C x _ Sx Sq) as [Sql Hql].
  destruct (split_heads_backward H T d _ Sql) as [Sqh Hqh].
  destruct (linear_of_backward S C (2 * C) memory _ Sm Skv) as [Sl Hl].
  destruct (split_heads_backward 2 S C _ Sl) as [S2 H2].
  destruct (split_heads_backward H S d _ (S2 0%nat ltac:(lia))) as [Sk Hk].
  destruct (split_heads_backward H S d _ (S2 1%nat ltac:(lia))) as [Sv Hv].
  destruct (multi_head_backward H T S d C may_look attn_noise resid_noise _ _ _ _
              Sqh Sk Sv Sp L) as [Sy Hy].
  split; [exact Sy |]. intros dout. etransitivity; [exact (Hy dout) |].
  rewrite Hqh, Hql, Hk, Hv. unfold CrossAttention. rewrite !slope_prod.
  etransitivity; [| exact (regroup_cross _ _ _ _ _)]. f_equal.
  rewrite Rplus_assoc. apply (f_equal2 Rplus eq_refl).
  etransitivity; [| exact (Hl _)]. etransitivity; [| exact (H2 _)].
  rewrite (slope_vec 2). simpl sum. rewrite Rplus_0_l. reflexivity.
Qed.

End CrossAttention.
