"""Distribute: the same forward, backward and update, spread over processes and machines.

A layout says how the parameters are held and who computes what; the models' own code runs inside
it. The losses and the parameters are those of one process, up to the order of the sums:

    with open_layout("sharded", device="cuda") as layout:  # under torchrun
        params = layout.place(model.params)
        model = model.with_params(params)
        loss, grads = layout.loss_and_grads(model, batch, ops=FAST, noise=None)
        grads, norm = layout.clip(grads, 1.0)
        rule = layout.rule(adamw_rule)
        params, state = adamw(params, grads, state, learning_rate=1e-3, rule=rule)
        whole = layout.full(params)  # to save or to evaluate

`ALONE` is the layout of a single process, and needs nothing of this.
"""

from pellucid.distribute.environment import number_in
from pellucid.distribute.layout import ALONE, Layout
from pellucid.distribute.open import KINDS, Kind, open_layout

__all__ = ["ALONE", "KINDS", "Kind", "Layout", "number_in", "open_layout"]
