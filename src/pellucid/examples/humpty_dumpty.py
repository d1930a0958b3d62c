"""Humpty Dumpty: a network memorizes a sentence, one character after the other."""

from functools import cache
from tempfile import TemporaryDirectory
from typing import NamedTuple

import torch
from torch import Tensor

from pellucid.checkpoint import load, save
from pellucid.examples.demonstration import Demonstration, Shown
from pellucid.examples.toolbox import apart, axes, exact, numbered
from pellucid.layers import linear, softmax
from pellucid.models import NextToken, NextTokenConfig, slide, windows_of
from pellucid.optim import adam
from pellucid.tape import Tape
from pellucid.text import Characters
from pellucid.tree import flatten
from pellucid.walkthrough import Part, Step, Walkthrough, labelled

TITLE = "Humpty Dumpty"
ABOUT = "From 'humpty dumpt' to the whole sentence: one number a character, then a learned vector."

SENTENCE = "humpty dumpty sat on a wall"
OTHER = "humpty dumpty had a great fall"
ALPHABET = Characters(" abcdefghijklmnopqrstuvwxyz")  # so that a = 1, b = 2 …, and a space is 0
WINDOW, SMALLER = 12, 8
HIDDEN = 32
RATE = 0.01
STEPS = 200
SHOWN = (0, 10, 20, 50, 100, 200)
EARLY = 20
"""After so many steps networks with new and with reused vectors are compared."""
SEEDS = range(5)
SMALL = 0.1
"""The deviation of new vectors in that comparison: near 0, as embeddings usually begin."""
SEEN = "␣" + ALPHABET.alphabet[1:]


class Trained(NamedTuple):
    """A network after its training, and the loss before each step and after the last."""

    model: NextToken
    losses: list[float]


def _walkthrough() -> Walkthrough:
    tape = Tape()
    numbers = _numbers(tape)
    vectors, model = _vectors(tape)
    parts = numbered(numbers, vectors, _reused(tape, model))
    window = list(_seen(SENTENCE[:WINDOW]))
    steps = [f"step {step}" for step in SHOWN]
    names = axes(([""], window), "numbers.windows", "numbers.inputs", "vectors.windows")
    for form in ("numbers", "vectors"):
        names |= axes(([""], SEEN), f"{form}.probs")
        names |= axes((list(SEEN),), f"{form}.before")
        names |= axes((steps,), f"{form}.curve")
    names |= axes((["h"], SEEN), "one_hot")
    names |= axes((STARTS, ["fixed", "trained on"]), "compared")
    return Walkthrough(TITLE, ABOUT, tape, parts, labelled(names))


def _seen(text: str) -> str:
    """The text with its spaces visible."""
    return text.replace(" ", "␣")


def _train(model: NextToken, text: str, steps: int, *, fixed: bool = False) -> Trained:
    """Adam on all windows of the text at once; with `fixed`, the table stays as it is."""
    windows, targets = windows_of(ALPHABET.encode(text), model.config.window)
    state, losses = None, []
    for _ in range(steps):
        loss, grads = model.loss_and_grads(windows, targets)
        params, state = adam(model.params, grads, state, learning_rate=RATE)
        if fixed:
            params["wte"] = model.params["wte"]
        model = model.with_params(params)
        losses.append(float(loss))
    return Trained(model, [*losses, float(model.loss(windows, targets))])


def _recited(model: NextToken, text: str) -> str:
    """What the network writes from the first window on, as much as the text has."""
    begin = ALPHABET.encode(text[: model.config.window])
    return text[: len(begin)] + ALPHABET.decode(slide(model, begin, steps=len(text) - len(begin)))


def _learn(tape: Tape, config: NextTokenConfig) -> NextToken:
    """Train on the sentence; the first window's way through it goes on the tape."""
    new = NextToken.init(config, dtype=torch.float64)
    model, losses = _train(new, SENTENCE, STEPS)
    first, wanted = (part[:1] for part in windows_of(ALPHABET.encode(SENTENCE), WINDOW))
    before, _ = softmax(new.forward(first)[0])
    model.loss(first, wanted, tape)
    tape.given({"before": before, "curve": exact([losses[step] for step in SHOWN])})
    return model


def _count(model: NextToken) -> int:
    """How many numbers are trained."""
    return sum(leaf.numel() for leaf in flatten(model.params).values())


def _learning(tape: Tape, path: str, model: NextToken) -> tuple[Step, Step, Step]:
    """What both forms show: the training, the first character, and the sentence."""
    curve, before, after = (tape[f"{path}.{name}"] for name in ("curve", "before", "probs"))
    recited = _recited(model, SENTENCE)
    windows, _ = windows_of(ALPHABET.encode(recited), WINDOW)
    best, tokens = softmax(model.forward(windows))[0].max(-1)
    tape.at(path).given({"best": best})
    next_ = int(tape[f"{path}.targets"])
    guess = int(after[0].argmax())
    return (
        Step(
            f"{len(windows)} windows, {STEPS} steps of Adam",
            ("loss = mean of -log p(next character)",),
            (f"{path}.curve",),
            says=f"The loss goes from {float(curve[0]):.4f} to {float(curve[-1]):.4f} nats. To "
            f"guess among {len(SEEN)} characters by chance is {float(exact(len(SEEN)).log()):.4f}.",
        ),
        Step(
            f"What follows '{SENTENCE[:WINDOW]}'?",
            ("probs = softmax(logits): one output for each character",),
            (f"{path}.before", f"{path}.probs"),
            says=f"Before the training '{SEEN[next_]}' had {float(before[next_]):.4f}; now the "
            f"likeliest is '{SEEN[guess]}' with {float(after[0, guess]):.4f}.",
        ),
        Step(
            "The window slides",
            ("drop the oldest character, append the new one, again",),
            lines=tuple(
                f"{_seen(recited[start : start + WINDOW])} → {SEEN[int(token)]}  {float(p):.4f}"
                for start, (p, token) in enumerate(zip(best, tokens, strict=True))
            ),
            says=f"From '{SENTENCE[:WINDOW]}' the network writes: '{recited}'.",
        ),
    )


def _numbers(tape: Tape) -> Part:
    config = NextTokenConfig(len(SEEN), WINDOW, None, HIDDEN)
    model = _learn(tape.at("numbers"), config)
    return Part(
        "Each character as one number",
        (
            Step(
                "a = 1, b = 2 … z = 26, and a space is 0",
                (f"inputs = number / {len(SEEN)}, so that all lie between 0 and 1",),
                ("numbers.windows", "numbers.inputs"),
                says=f"The network has {config.inputs} inputs, one for each place of the window, "
                f"{config.hidden} hidden nodes with ReLU, and {config.vocab_size} outputs, one for "
                f"each character: {_count(model):,} weights.",
            ),
            *_learning(tape, "numbers", model),
        ),
    )


def _by_vectors() -> NextTokenConfig:
    """The network whose characters are learned vectors."""
    return NextTokenConfig(len(SEEN), WINDOW, hidden=HIDDEN)


def _vectors(tape: Tape) -> tuple[Part, NextToken]:
    config = _by_vectors()
    model = _learn(tape.at("vectors"), config)
    table = tape["vectors.wte.weight"]
    windows = tape["vectors.windows"]
    one_hot = torch.nn.functional.one_hot(windows[0], len(SEEN)).double()  # (W, V)
    product, _ = linear(one_hot, weight=table, tape=tape.at("product"))  # (W, C)
    tape.given({"one_hot": one_hot[:1], "product_h": product[:1]})
    looked_up = tape["vectors.wte.out"][0]
    tape.given({"looked_up_h": looked_up[:1]})
    part = Part(
        "Each character as a learned vector",
        (
            Step(
                f"{config.width} numbers a character, trained like the weights",
                ("inputs = the vectors of the window's characters, side by side",),
                ("vectors.wte.weight", "vectors.inputs"),
                says=f"{WINDOW} characters of {config.width} numbers are {config.inputs} inputs. A "
                "number like 8 for h says that h lies between g and i, which has nothing to do "
                "with spelling; a vector can say whatever helps.",
            ),
            Step(
                "To look up is to multiply by a one-hot row",
                ("wte.weight[8] = (0, …, 1 in place 8, …, 0) · wte.weight",),
                ("one_hot", "product_h", "looked_up_h"),
                says="A row of zeros with a single 1 picks one row of the table. For all "
                f"{WINDOW} characters of the window the two ways differ by "
                f"{apart(product, looked_up)}. So a table is a linear map, and learns as one.",
            ),
            *_learning(tape, "vectors", model),
        ),
    )
    return part, model


STARTS = ("random, small", "reused", "random, large")


def _reused(tape: Tape, model: NextToken) -> Part:
    with TemporaryDirectory() as directory:
        save(model, directory)
        table = load(directory).params["wte"]["weight"]
    tape.given({"loaded": table})
    compared = exact(
        [[_early(start, table, fixed=fixed) for fixed in (True, False)] for start in STARTS]
    )
    tape.given({"compared": compared})
    trained, losses = _train(_beginning(table, 0), OTHER, STEPS, fixed=True)
    kept = trained.params["wte"]["weight"]
    new, used, size = compared.tolist()
    return Part(
        "The embedding, used again",
        (
            Step(
                "Saved, loaded, and kept in a new network",
                (f"'{OTHER}', with a window of {SMALLER}",),
                ("loaded",),
                says=f"The table was saved with its network and loaded: it differs by "
                f"{apart(table, model.params['wte']['weight'])}. A network with another window, "
                f"whose {_count(trained) - kept.numel():,} weights are new, learns another "
                f"sentence on it, while the table's {kept.numel()} numbers stay: they differ by "
                f"{apart(kept, table)} afterwards. Its loss goes from {losses[0]:.4f} to "
                f"{losses[-1]:.4f}, and it writes: '{_recited(trained, OTHER)}'.",
            ),
            Step(
                f"What is gained: the loss after {EARLY} steps",
                (f"mean over {len(SEEDS)} networks for each",),
                ("compared",),
                says=f"New vectors that begin small leave a loss of {new[0]:.4f} where they are "
                f"fixed and {new[1]:.4f} where they are trained; the reused ones {used[0]:.4f} and "
                f"{used[1]:.4f}. Most of that is their size: random vectors as large reach "
                f"{size[0]:.4f} and {size[1]:.4f}. A sentence so short teaches a table to keep "
                "characters apart and little more; what they have in common takes more text, and "
                "then a table is worth carrying on.",
            ),
        ),
    )


def _beginning(table: Tensor, seed: int) -> NextToken:
    """A new network with the smaller window, and this table."""
    config = NextTokenConfig(len(SEEN), SMALLER, hidden=HIDDEN)
    new = NextToken.init(config, seed=100 + seed, dtype=torch.float64)
    return new.with_params(new.params | {"wte": {"weight": table}})


def _early(start: str, reused: Tensor, *, fixed: bool) -> float:
    """The loss after a few steps of networks that begin with such a table, on average."""
    losses = []
    for seed in SEEDS:
        noise = NextToken.init(NextTokenConfig(len(SEEN)), seed=200 + seed, dtype=reused.dtype)
        drawn = noise.params["wte"]["weight"]
        tables = dict(
            zip(STARTS, (SMALL * drawn, reused, drawn / drawn.std() * reused.std()), strict=True)
        )
        losses.append(_train(_beginning(tables[start], seed), OTHER, EARLY, fixed=fixed).losses[-1])
    return sum(losses) / len(losses)


@cache
def _shown() -> Shown:
    new = NextToken.init(_by_vectors(), dtype=torch.float64)
    return Shown(_train(new, SENTENCE, STEPS).model, ALPHABET, SENTENCE)


HUMPTY_DUMPTY = Demonstration(TITLE, ABOUT, _walkthrough, _shown)
