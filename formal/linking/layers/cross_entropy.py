"""The mean loss with skipped targets, alone and with the head."""

from collections.abc import Iterator

from linking.fixed import given, table
from linking.writing import ALWAYS, Stage, Writing
from pellucid.layers import IGNORE
from pellucid.numbers.term_array import TermArray

TARGETS = table(["Some 1%nat", "None", "Some 0%nat"])
COUNT = f"(sum 3 (counted {TARGETS}))"


def targets() -> TermArray:
    """A token, a position that is skipped, and another token."""
    return given([1, IGNORE, 0])


def losses(V: int, y: str, logits: str) -> list[Stage]:
    """The lines of the cross-entropy up to its losses."""
    shift = (
        f"rewrite <- (log_probs_shift {V} ({logits} {{0}}) {{shift}}) by lia; "
        f"cbv beta iota zeta delta [log_probs {ALWAYS}]; same"
    )
    return [
        Stage("log_probs", f"log_probs {V} ({logits} {{0}}) {{1}}", by=shift),
        Stage(
            "probs",
            f"softmax {V} ({logits} {{0}}) {{1}}",
            by="rewrite exp_log_probs by lia; reflexivity",
        ),
        Stage("losses", f"losses {V} {y} {logits}", "losses"),
    ]


def theorems() -> Iterator[str]:
    """Three positions, the second skipped; alone, and with the head."""
    y = TARGETS
    w = Writing("cross_entropy_code")
    told = {"gradient": ("dloss",), "out": "loss"}
    w.pair("cross_entropy", w.input("logits", 3, 3), targets(), **told, back=("dlogits",))
    yield w.theorem(
        "The mean loss of the targets 1, none, 0.",
        *losses(3, y, "logits"),
        Stage("loss", f"cross_entropy 3 3 {y} logits", "cross_entropy loss_over counted"),
        Stage(
            "dlogits",
            f"cross_entropy_dlogits 3 3 {y} logits dloss",
            "cross_entropy_dlogits loss_over_dlogits counted one_hot",
        ),
    )
    w = Writing("linear_cross_entropy_code")
    x, weight = w.input("x", 3, 2), w.input("weight", 3, 2)
    w.pair("linear_cross_entropy", x, targets(), weight=weight, **told, back=("lm_head.dx",))
    logits = "(unembedding 2 x weight)"
    dlogits = f"(loss_over_dlogits {COUNT} 3 {y} {logits} dloss)"
    yield w.theorem(
        "The same with the head.",
        Stage("logits", logits, "unembedding"),
        *losses(3, y, logits),
        Stage(
            "loss",
            f"linear_cross_entropy {COUNT} 3 2 3 {y} x weight",
            "linear_cross_entropy loss_over counted",
        ),
        Stage("dlogits", dlogits, "loss_over_dlogits counted one_hot"),
        Stage("lm_head.dweight", f"unembedding_dweight 3 x {dlogits}", "unembedding_dweight"),
        Stage("lm_head.dx", f"unembedding_dx 3 weight {dlogits}", "unembedding_dx"),
    )
