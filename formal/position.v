(** Learned positions: src/pellucid/layers/position.py. *)

From Pellucid Require Import vector.

(** out[t] = x[t] + weight[start + t] *)
Definition position (start : nat) (x weight : matrix) : matrix :=
  fun t c => x t c + weight (start + t)%nat c.

(** dx = dout;  dweight[r] = dout[r - start] where start ≤ r < start + T, else 0 *)
Definition position_dweight (T start : nat) (dout : matrix) : matrix :=
  fun r c => if (start <=? r)%nat && (r <? start + T)%nat then dout (r - start)%nat c else 0.

(** For all sizes, wherever the text starts: the backward of positions is its derivative, by its input
    and its table. *)
Theorem position_backward T maxT C start (x weight : R -> matrix) :
  smooth (Matrix T C) x -> smooth (Matrix maxT C) weight -> (start + T <= maxT)%nat ->
  smooth (Matrix T C) (fun s => position start (x s) (weight s)) /\
  forall dout : matrix,
    slope (Matrix T C) dout (fun s => position start (x s) (weight s))
    = slope (Matrix T C) dout x
      + slope (Matrix maxT C) (position_dweight T start dout) weight.
Proof.
  intros Sx Sw Room. apply smooth_der in Sx, Sw.
  set (dw := velocity (Matrix maxT C) weight) in *. set (dx := velocity (Matrix T C) x) in *.
  assert (D : der (Matrix T C) (fun s => position start (x s) (weight s))
    (fun t c => dx t c + dw (start + t)%nat c)).
  { intros t Ht c Hc. apply d_plus; [apply (Sx t Ht c Hc) |].
    apply (Sw (start + t)%nat ltac:(lia) c Hc). }
  destruct (der_out _ _ _ D) as [Sy Hy]. split; [exact Sy |]. intros dout. rewrite Hy.
  unfold slope. fold dw dx. simpl.
  transitivity (sum T (fun t => sum C (fun c => dout t c * dx t c))
    + sum T (fun t => sum C (fun c => dout t c * dw (start + t)%nat c))).
  - rewrite <- sum_plus. apply sum_ext. intros t _. rewrite <- sum_plus.
    apply sum_ext. intros c _. ring.
  - f_equal. replace maxT with (start + T + (maxT - (start + T)))%nat by lia.
    rewrite !sum_app. unfold position_dweight.
    rewrite (sum_none start), (sum_none (maxT - (start + T))).
    + rewrite Rplus_0_l, Rplus_0_r. apply sum_ext. intros t Ht. apply sum_ext. intros c _.
      destruct (Nat.leb_spec start (start + t)); [| lia].
      destruct (Nat.ltb_spec (start + t) (start + T)); [| lia].
      simpl. replace (start + t - start)%nat with t by lia. reflexivity.
    + intros r _. apply sum_none. intros c _.
      destruct (Nat.ltb_spec (start + T + r) (start + T)); [lia |]. rewrite andb_false_r. ring.
    + intros r Hr. apply sum_none. intros c _.
      destruct (Nat.leb_spec start r); [lia |]. simpl. ring.
Qed.
