"""A beam's way through the sampling example: what each round keeps, and what greedy misses."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from pellucid.examples.humpty_dumpty import ALPHABET
from pellucid.examples.toolbox import table
from pellucid.generate import beam_search
from pellucid.layers import softmax
from pellucid.models import NextToken, NextTokenConfig, windows_of
from pellucid.tape import Tape
from pellucid.walkthrough import Part, Step

PROMPT = "humpty du"
CONFIG = NextTokenConfig(ALPHABET.vocab_size, 5, 4, 5)
"""Windows of five characters, vectors of four, five hidden nodes."""
WIDTH = 2
LENGTH = 4
BRANCHES = 3
"""So many continuations of each text stand in a beam's table."""


class BeamRound(NamedTuple):
    """One round of a beam: the texts so far, their log-probabilities, and their logits (K, V)."""

    texts: tuple[str, ...]
    sums: tuple[float, ...]
    logits: Tensor


class BeamCourse(NamedTuple):
    """What a beam of some width wrote: its rounds, and the texts at its end with their sums."""

    rounds: list[BeamRound]
    texts: tuple[str, ...]
    sums: tuple[float, ...]


def searched(model: NextToken, width: int, tape: Tape) -> BeamCourse:
    """A beam's way from the prompt on, as `beam_search` takes it; each round goes on the tape."""
    ids = [ALPHABET.encode(PROMPT)]
    rounds: list[BeamRound] = []

    def look(sums: tuple[float, ...]) -> Tensor:
        windows = torch.tensor([text[-CONFIG.window :] for text in ids])
        logits = model.forward(windows, tape.at(f"round{len(rounds) + 1}"))
        rounds.append(BeamRound(tuple(map(ALPHABET.decode, ids)), sums, logits))
        softmax(logits, tape=tape.at(f"round{len(rounds)}.softmax"))
        return logits

    def advance(tokens: Tensor, rows: Tensor) -> Tensor:
        last = rounds[-1]
        logs = last.logits.log_softmax(-1)
        pairs = list(zip(rows.tolist(), tokens.tolist(), strict=True))
        ids[:] = [[*ids[row], token] for row, token in pairs]
        return look(tuple(last.sums[row] + float(logs[row, token]) for row, token in pairs))

    (best,) = beam_search(
        look((0.0,)), advance, width=width, alpha=0.0, end=-1, max_new_tokens=LENGTH
    )
    texts = tuple(PROMPT + ALPHABET.decode(one.tokens) for one in best)
    return BeamCourse(rounds, texts, tuple(one.log_prob for one in best))


def beams(tape: Tape, model: NextToken) -> Part:
    """The rounds of two beams, and their text beside the greedy one."""
    greedy, found = searched(model, 1, Tape()), searched(model, WIDTH, tape)
    steps = [_round(number, found) for number in range(len(found.rounds))]
    return Part("Two beams", (*steps, _compared(tape, model, greedy, found)))


def _round(number: int, found: BeamCourse) -> Step:
    """What could follow the texts that are left, and which two go on."""
    one = found.rounds[number]
    later = found.rounds[number + 1].texts if number + 1 < LENGTH else found.texts
    rows = []
    for text, before, logs in zip(one.texts, one.sums, one.logits.log_softmax(-1), strict=True):
        values, tokens = logs.topk(BRANCHES)
        for log, token in zip(values.tolist(), tokens.tolist(), strict=True):
            after = text + ALPHABET.decode([token])
            rows.append((after, before, log, before + log, "kept" if after in later else ""))
    rows.sort(key=lambda row: -row[3])
    lines = table(
        ("", "so far", "log p", "sum", ""),
        [
            (f"…{seen(text[len(PROMPT) - 2 :])}", f"{so:.4f}", f"{log:.4f}", f"{both:.4f}", mark)
            for text, so, log, both, mark in rows
        ],
    )
    which = " and ".join(f"'{text}'" for text in later)
    more = (
        "A beam keeps more than one text: here the two whose sum of log-probabilities is largest. "
        if number == 0
        else ""
    )
    return Step(
        f"Round {number + 1}",
        ("sum = so far + log p(next character)",) if number == 0 else (),
        lines=lines,
        says=f"{more}{which} go on.",
    )


def _compared(tape: Tape, model: NextToken, greedy: BeamCourse, found: BeamCourse) -> Step:
    """The greedy text and the beam's: each character's loss, and their sums."""
    rows = []
    for name, one in (("greedy", greedy), ("beam", found)):
        ids = ALPHABET.encode(one.texts[0])
        begin = len(PROMPT) - CONFIG.window
        windows, targets = windows_of(ids[begin:], CONFIG.window)
        model.loss(windows, targets, tape.at(name))
        losses = tape[f"{name}.losses"]
        tape.given({f"{name}_sum": -losses.sum()})
        written = one.texts[0][len(PROMPT) :]
        each = [
            f"{seen(letter)} {-loss:.4f}"
            for letter, loss in zip(written, losses.tolist(), strict=True)
        ]
        rows.append((name, *each, f"{-float(losses.sum()):.4f}"))
    sums = [float(tape[f"{name}_sum"]) for name in ("greedy", "beam")]
    begun = [-float(tape[f"{name}.losses"][0]) for name in ("greedy", "beam")]
    rest = [float(tape[f"{name}.losses"][1:].sum()) for name in ("greedy", "beam")]
    return Step(
        "The greedy choice loses",
        ("greedy_sum = -Σ greedy.losses,   beam_sum = -Σ beam.losses",),
        ("greedy.losses", "greedy_sum", "beam.losses", "beam_sum"),
        table(("", *(f"{place + 1}." for place in range(LENGTH)), "sum"), rows),
        says=f"The greedy text begins better, {begun[0]:.4f} to {begun[1]:.4f}; then it "
        f"loses {rest[0]:.4f}, and the other only {rest[1]:.4f}: after 'dum' the network knows how "
        f"to go on. In all '{found.texts[0]}' has {sums[1]:.4f} and '{greedy.texts[0]}' "
        f"{sums[0]:.4f}, so it is {math.exp(sums[1] - sums[0]):.2f} times as likely. Chances "
        "multiply, so their logarithms add up; a loss is one with its sign turned.",
    )


def seen(text: str) -> str:
    """The text with its spaces visible."""
    return text.replace(" ", "␣")
