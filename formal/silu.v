(** SiLU, a number times its own sigmoid: src/pellucid/layers/silu.py. *)

From Pellucid Require Import vector.

(** sigma = 1 / (1 + exp(-x)) *)
Definition sigma (x : R) : R := 1 / (1 + exp (- x)).

(** out = x · sigma *)
Definition silu (x : R) : R := x * sigma x.

(** dsigma = x · dout;  dx = sigma · dout + sigma · (1 - sigma) · dsigma *)
Definition silu_dx (x dout : R) : R :=
  let dsigma := x * dout in
  sigma x * dout + sigma x * (1 - sigma x) * dsigma.

(** SiLU's backward is its derivative: for every real x. *)
Theorem silu_backward x : backward_at silu silu_dx x.
Proof.
  exists (sigma x + sigma x * (1 - sigma x) * x).
  split; [| intros dout; unfold silu_dx; ring].
  assert (P := exp_pos (- x)). unfold silu, sigma. auto_derive; [lra | field; lra].
Qed.
