(** The feed-forward network of a block: src/pellucid/layers/feed_forward.py. *)

From Pellucid Require Import vector linear dropout.

(** The parameters: a map up and a map down. *)
Definition FeedForward (C F : nat) : space := Prod (Linear C F) (Linear F C).
Definition feed_forward_params : Type := (linear_params * linear_params)%type.
Definition c_fc (p : feed_forward_params) : linear_params := fst p.
Definition mlp_c_proj (p : feed_forward_params) : linear_params := snd p.

(** An activation: the function, and its backward from x and dout. *)
Record activation : Type := { bend : R -> R; bend_dx : R -> R -> R }.

Definition activate (a : activation) (x : matrix) : matrix := fun t i => bend a (x t i).

Definition activate_dx (a : activation) (x dout : matrix) : matrix :=
  fun t i => bend_dx a (x t i) (dout t i).

(** The activation's backward is its derivative wherever this matrix has it act. *)
Definition bends (a : activation) (T F : nat) (x : matrix) : Prop :=
  forall t i, (t < T)%nat -> (i < F)%nat -> backward_at (bend a) (bend_dx a) (x t i).

(** For all sizes: an activation's backward, place by place, is its derivative, where it has one. *)
Theorem activate_backward a T F (x : R -> matrix) :
  smooth (Matrix T F) x -> bends a T F (x 0) ->
  smooth (Matrix T F) (fun s => activate a (x s)) /\
  forall dout : matrix,
    slope (Matrix T F) dout (fun s => activate a (x s))
    = slope (Matrix T F) (activate_dx a (x 0) dout) x.
Proof. apply elementwise. Qed.

(** out = (activation(x W + b) W' + b') · noise *)
Definition inner (C : nat) (x : matrix) (p : feed_forward_params) : matrix := linear_of C x (c_fc p).

Definition feed_forward (C F : nat) (a : activation) (noise x : matrix) (p : feed_forward_params)
    : matrix :=
  dropout noise (linear_of F (activate a (inner C x p)) (mlp_c_proj p)).

Definition feed_forward_dinner (C : nat) (a : activation) (noise x : matrix)
    (p : feed_forward_params) (dout : matrix) : matrix :=
  activate_dx a (inner C x p) (linear_dx_of C (mlp_c_proj p) (dropout_dx noise dout)).

Definition feed_forward_dx (C F : nat) (a : activation) (noise x : matrix)
    (p : feed_forward_params) (dout : matrix) : matrix :=
  linear_dx_of F (c_fc p) (feed_forward_dinner C a noise x p dout).

Definition feed_forward_dparams (T C : nat) (a : activation) (noise x : matrix)
    (p : feed_forward_params) (dout : matrix) : feed_forward_params :=
  (linear_dparams T x (feed_forward_dinner C a noise x p dout),
   linear_dparams T (activate a (inner C x p)) (dropout_dx noise dout)).

(** For all sizes T, C and F, whatever the noise: the backward of the feed-forward network is its
    derivative, by its input and all its parameters, where its activation has a derivative. *)
Theorem feed_forward_backward T C F a noise (x : R -> matrix) (p : R -> feed_forward_params) :
  smooth (Matrix T C) x -> smooth (FeedForward C F) p -> bends a T F (inner C (x 0) (p 0)) ->
  smooth (Matrix T C) (fun s => feed_forward C F a noise (x s) (p s)) /\
  forall dout : matrix,
    slope (Matrix T C) dout (fun s => feed_forward C F a noise (x s) (p s))
    = slope (Matrix T C) (feed_forward_dx C F a noise (x 0) (p 0) dout) x
      + slope (FeedForward C F) (feed_forward_dparams T C a noise (x 0) (p 0) dout) p.
Proof.
  intros Sx [Sf Sp] B.
  destruct (linear_of_backward T C F x _ Sx Sf) as [Si Hi].
  destruct (activate_backward a T F _ Si B) as [Sb Hb].
  destruct (linear_of_backward T F C _ _ Sb Sp) as [Sl Hl].
  destruct (dropout_backward T C noise _ Sl) as [Sd Hd].
  split; [exact Sd |]. intros dout.
  etransitivity; [exact (Hd dout) |]. rewrite Hl, Hb, Hi.
  unfold FeedForward. rewrite slope_prod, Rplus_assoc. reflexivity.
Qed.

(** Without an activation between them the two maps would be one. *)
Theorem feed_forward_without_activation C F x p t j :
  linear_of F (linear_of C x (c_fc p)) (mlp_c_proj p) t j
  = linear C x (linear_map F (fst (c_fc p)) (fst (mlp_c_proj p)))
      (fun j => sum F (fun k => snd (c_fc p) k * fst (mlp_c_proj p) k j) + snd (mlp_c_proj p) j) t j.
Proof. apply two_linear_maps_with_bias_are_one. Qed.
