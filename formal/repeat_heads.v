(** Heads that are shared: src/pellucid/layers/repeat_heads.py. *)

From Pellucid Require Import vector.

(** out[h] = x[h // group] *)
Definition repeat_heads (group : nat) (x : heads) : heads := fun h => x (h / group)%nat.

(** dx[g] = Σ dout[h] over the heads of the group *)
Definition repeat_heads_dx (group : nat) (dout : heads) : heads :=
  fun g t k => sum group (fun j => dout (g * group + j)%nat t k).

(** For every number of groups G, of heads in each, and all other sizes: the backward of repeating
    heads is its derivative. *)
Theorem repeat_heads_backward G group n d (x : R -> heads) :
  smooth (Heads G n d) x ->
  smooth (Heads (G * group) n d) (fun s => repeat_heads group (x s)) /\
  forall dout : heads,
    slope (Heads (G * group) n d) dout (fun s => repeat_heads group (x s))
    = slope (Heads G n d) (repeat_heads_dx group dout) x.
Proof.
  intros Sx. split.
  - intros h Hh. destruct group as [| group]; [lia |].
    exact (Sx (h / S group)%nat ltac:(apply Nat.div_lt_upper_bound; lia)).
  - intros dout. unfold slope, repeat_heads, repeat_heads_dx. simpl. rewrite sum_runs.
    apply sum_ext. intros g Hg.
    transitivity (sum group (fun j => sum n (fun t => sum d (fun k =>
      dout (g * group + j)%nat t k * Derive (fun s => x s g t k) 0)))).
    + apply sum_ext. intros j Hj. rewrite Nat.div_add_l, Nat.div_small, Nat.add_0_r by lia.
      reflexivity.
    + rewrite sum_swap. apply sum_ext. intros t _. rewrite sum_swap. apply sum_ext. intros k _.
      apply sum_scal_r.
Qed.
