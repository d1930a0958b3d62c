(** A linear map with LoRA's pair beside it: src/pellucid/layers/lora.py. *)

From Pellucid Require Import vector linear residual.

(** base = x W + b;  out = base + (x A) B *)
Definition lora_linear (m r n : nat) (x weight : matrix) (bias : vector) (lora_a lora_b : matrix)
    : matrix :=
  fun t j => linear m x weight bias t j + linear_map r (linear_map m x lora_a) lora_b t j.

(** dlow = dout Bᵀ;  dx = dout Wᵀ + dlow Aᵀ *)
Definition lora_dx (r n : nat) (weight lora_a lora_b dout : matrix) : matrix :=
  fun t i => linear_dx n weight dout t i + linear_dx r lora_a (linear_dx n lora_b dout) t i.

(** dlora_b = lowᵀ dout;  dlora_a = xᵀ dlow *)
Definition lora_dlora_b (T m : nat) (x lora_a dout : matrix) : matrix :=
  linear_dweight T (linear_map m x lora_a) dout.
Definition lora_dlora_a (T n : nat) (x lora_b dout : matrix) : matrix :=
  linear_dweight T x (linear_dx n lora_b dout).

(** For all widths m and n and every rank r: the backward of a linear map with LoRA's pair is its
    derivative, by its input, weight, bias and both matrices. *)
Theorem lora_linear_backward T m r n (x weight : R -> matrix) (bias : R -> vector)
    (lora_a lora_b : R -> matrix) :
  smooth (Matrix T m) x -> smooth (Matrix m n) weight -> smooth (Vector n) bias ->
  smooth (Matrix m r) lora_a -> smooth (Matrix r n) lora_b ->
  smooth (Matrix T n)
    (fun s => lora_linear m r n (x s) (weight s) (bias s) (lora_a s) (lora_b s)) /\
  forall dout : matrix,
    slope (Matrix T n) dout
      (fun s => lora_linear m r n (x s) (weight s) (bias s) (lora_a s) (lora_b s))
    = slope (Matrix T m) (lora_dx r n (weight 0) (lora_a 0) (lora_b 0) dout) x
      + slope (Matrix m n) (linear_dweight T (x 0) dout) weight
      + slope (Vector n) (linear_dbias T dout) bias
      + slope (Matrix m r) (lora_dlora_a T n (x 0) (lora_b 0) dout) lora_a
      + slope (Matrix r n) (lora_dlora_b T m (x 0) (lora_a 0) dout) lora_b.
Proof.
  intros Sx Sw Sb Sa Sl.
  destruct (linear_backward T m n x weight bias Sx Sw Sb) as [Sy Hy].
  destruct (linear_map_backward T m r x lora_a Sx Sa) as [S1 H1].
  destruct (linear_map_backward T r n _ lora_b S1 Sl) as [S2 H2].
  destruct (plus_backward T n _ _ Sy S2) as [S3 H3].
  split; [exact S3 |]. intros dout. etransitivity; [exact (H3 dout) |].
  rewrite Hy, H2, H1.
  assert (E : slope (Matrix T m) (lora_dx r n (weight 0) (lora_a 0) (lora_b 0) dout) x = _)
    by exact (slope_add (Matrix T m) _ _ _).
  rewrite E. unfold lora_dlora_a, lora_dlora_b. ring.
Qed.

(** At the start, where lora_b is 0, the pair changes nothing. *)
Theorem lora_starts_at_the_map m r n x weight bias lora_a t j :
  lora_linear m r n x weight bias lora_a (fun _ _ => 0) t j = linear m x weight bias t j.
Proof.
  unfold lora_linear, linear_map at 1.
  rewrite sum_none by (intros; ring). ring.
Qed.

(** The pair can be merged: a map with it is the map whose weight is W + A B. So what is proved of
    forwards with any weights, as causality and going on from a cache, holds with LoRA too. *)
Theorem lora_can_be_merged m r n x weight bias lora_a lora_b t j :
  lora_linear m r n x weight bias lora_a lora_b t j
  = linear m x (fun i k => weight i k + linear_map r lora_a lora_b i k) bias t j.
Proof.
  unfold lora_linear, linear. rewrite two_linear_maps_are_one, Rplus_assoc, (Rplus_comm (bias j)),
    <- Rplus_assoc. f_equal. symmetry.
  transitivity (sum m (fun i => x t i * weight i j + x t i * linear_map r lora_a lora_b i j)).
  - apply sum_ext. intros i _. ring.
  - exact (sum_plus m _ _).
Qed.
