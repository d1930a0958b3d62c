"""What lessons know beside their runs: counts, verdicts and shares, computed when asked for."""

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from pellucid.checkpoint import open_model
from pellucid.layers import IGNORE, softmax
from pellucid.lessons.run import Run, text_trace
from pellucid.models import CausalModel
from pellucid.shipped import SHIPPED_MODEL
from pellucid.tape import Tape, select
from pellucid.walkthrough import Walkthrough, gpt_walkthrough, labelled

Facts = Mapping[str, object]

Known = Callable[[Run], Facts]
"""What makes a lesson's facts from its run."""

STORY = "Once upon a time there was a"
"""What the trained model reads."""

WORDS = ("cats", "dogs and cats")
"""What its tokenizer cuts up."""

NUDGE = 1e-3
"""How far a weight is moved to see what the loss does."""


def number(run: Run, expression: str) -> float:
    """A number of a run by its name and index."""
    return float(select(run.tape, expression))


def of_network(run: Run) -> Facts:
    """Which class wins for the second input, the flower, with ReLU and biases: 0 or 1."""
    outputs = run.tape.value("bent.output.out")
    return {"winner": int(outputs[1].argmax()), "lead": float(outputs[0, 0] - outputs[0, 1])}


def of_training(run: Run) -> Facts:
    """Where a weight goes whose gradient is this one: 0 for up, 1 for down."""
    slope = number(run, "dnetwork.output.weight[1,0]")
    return {"direction": 0 if slope < 0 else 1}


def of_letters(run: Run) -> Facts:
    """How many numbers go in and come out, and the share of the right letter."""
    tape = run.tape
    target = int(tape.value("numbers.targets")[0])
    return {
        "next_window": 1,
        "right": float(tape.value("numbers.probs")[0, target]),
        "outputs": tape.value("numbers.logits").shape[-1],
        "window": tape.value("numbers.windows").shape[-1],
    }


def of_embeddings(run: Run) -> Facts:
    """How many numbers stand for a letter, and how many go in."""
    tape = run.tape
    return {
        "window": tape.value("vectors.windows").shape[-1],
        "letters": tape.value("vectors.wte.weight").shape[0],
        "width": tape.value("vectors.wte.weight").shape[-1],
        "inputs": tape.value("vectors.inputs").shape[-1],
        "window_and_width": tape.value("vectors.windows").shape[-1]
        + tape.value("vectors.wte.weight").shape[-1],
    }


def of_softmax(run: Run) -> Facts:
    """What the shares of a row come to."""
    return {"sum": round(number(run, "sums[0]"))}


def of_positions(run: Run) -> Facts:
    """What is wrong with the position itself: its choice; and how long its vector gets."""
    return {"naive": 0, "longest": number(run, "itself_length[3]")}


def of_translation(run: Run) -> Facts:
    """How many positions have a target."""
    targets = run.tape.value("targets")
    counted = int((targets != IGNORE).sum())
    return {"counted": counted, "read": targets.numel(), "german": targets.numel() - counted}


def of_transformer(run: Run) -> Facts:
    """How long source and target are."""
    return {
        "source": run.tape.value("source").numel(),
        "target": run.tape.value("tokens").numel(),
        "width": run.tape.value("enc.embed.out").shape[-1],
    }


def of_heads(run: Run) -> Facts:
    """How many heads there are, and how wide one is."""
    heads, _, width = run.tape.value("h.0.attn.q").shape
    return {"heads": heads, "width": width, "channels": heads * width}


def of_proof(run: Run) -> Facts:
    """A slope by two losses, and whether a ball leaves a digit open."""
    up, down = number(run, "up"), number(run, "down")
    known = abs(number(run, "dlogits[0,1]"))
    low, high = (round(known + off, 5) for off in (-1e-5, 1e-5))
    return {
        "slope": (up - down) / (2 * NUDGE),
        "one_sided": (up - down) / NUDGE,
        "nudge": NUDGE,
        "low": low,
        "high": high,
        "digits": 0 if round(low, 3) == round(high, 3) else 1,
        "ulp": math.ulp(number(run, "loss")),
    }


def proof_run() -> Run:
    """The step of "AI rocks", and its loss with one weight a little larger and a little smaller."""
    from pellucid.examples import Example, find_example  # noqa: PLC0415 (one lesson's own)

    example = find_example("ai_rocks")
    assert isinstance(example, Example)
    trace = example.record(example.update)
    tokens, targets = trace.tape.value("tokens"), trace.tape.value("targets")
    trace.tape.given(
        {
            "up": _nudged(example.model, NUDGE, tokens, targets),
            "down": _nudged(example.model, -NUDGE, tokens, targets),
        }
    )
    return Run(example.walkthrough(example.update).of(trace.tape))


def _nudged(model: CausalModel, by: float, tokens: Tensor, targets: Tensor) -> Tensor:
    weight = model.params["wte"]["weight"].clone()
    weight[1, 2] += by
    params = model.params | {"wte": {"weight": weight}}
    return model.with_params(params).loss(tokens, targets)


def subwords_run() -> Run:
    """The trained model's tokenizer on two texts: how many tokens, and which."""
    _, tokenizer = open_model(SHIPPED_MODEL)
    tape = Tape()
    facts: dict[str, object] = {"size": tokenizer.vocab_size}
    told: dict[str, object] = facts | {"why": 0}
    for key, text in zip(("one", "several"), WORDS, strict=True):
        tokens = tokenizer.encode(text)
        tape.given({key: torch.tensor(tokens)})
        pieces = " | ".join(tokenizer.decode([token]) for token in tokens)
        told |= {f"{key}_text": text, f"{key}_pieces": pieces, f"{key}_count": len(tokens)}
        told |= {f"{key}_letters": len(text)}
    return Run(Walkthrough("Sub-words", "", tape, ()), told)


TOP = 4
"""So many next tokens stand in the lesson on sampling."""

COOL = 0.5
"""Its temperature."""

ANY = "sea"
"""A word to end a text with, so that what stands before it is read too."""

READ = 4
"""So many tokens of the story have been read there."""


def sampling_run() -> Run:
    """The trained model's likeliest next tokens, their chances, and those at a temperature."""
    trace = text_trace(STORY)
    tokens = trace.tape.value("tokens")[:READ]
    best = trace.tape.value("logits")[READ - 1].topk(TOP)
    scores = best.values.round(decimals=2)
    tape = Tape()
    tape.given({"scores": scores})
    softmax(scores, tape=tape.at("warm"))
    cooler = scores / COOL
    tape.given({"cooler": cooler})
    softmax(cooler, tape=tape.at("cool"))
    two = scores[: TOP // 2]
    tape.given({"kept": two})
    softmax(two, tape=tape.at("top_k"))
    pieces = [trace.piece(int(token)) for token in tokens]
    told: dict[str, object] = {"text": "".join(pieces), "temperature": COOL, "top": TOP}
    told |= {f"token_{at}": trace.piece(int(token)) for at, token in enumerate(best.indices)}
    told |= {"k": TOP // 2, **_continued(str(told["text"]), str(told["token_0"]))}
    known = [str(told[f"token_{at}"]) for at in range(TOP)]
    axes = dict.fromkeys(("scores", "cooler", "warm.out", "cool.out"), (known,))
    labels = labelled(axes | {"kept": (known[: TOP // 2],), "top_k.out": (known[: TOP // 2],)})
    return Run(Walkthrough("Sampling", "", tape, (), labels), told)


def _continued(text: str, token: str) -> Facts:
    """The chances of a token and of the likeliest one after it, as the question has them."""
    trace = text_trace(f"{text}{token} {ANY}")
    logits = trace.tape.value("logits")
    after = logits[READ].softmax(-1).topk(1)
    first = int(trace.tape.value("tokens")[READ])
    one = round(float(logits[READ - 1].softmax(-1)[first]), 3)
    two = round(float(after.values[0]), 3)
    told: dict[str, object] = {
        "chance_1": one,
        "chance_2": two,
        "both": one * two,
        "added": one + two,
    }
    return told | {"first": token, "second": trace.piece(int(after.indices[0]))}


def inside_run() -> Run:
    """The trained model reads a story."""
    trace = text_trace(STORY)
    walkthrough = gpt_walkthrough(trace, SHIPPED_MODEL, STORY)
    last = trace.tape.value("logits")[-1].softmax(-1)
    best = last.topk(1)
    att = trace.tape.value("h.1.attn.att")
    told: dict[str, object] = {
        "text": STORY,
        "rest": round(1 - round(float(att[3, -1, 0]), 2), 2),
        "most": round(float(att[3, -1, 0]), 2),
        "first": trace.piece(int(trace.tape.value("tokens")[0])),
        "next": trace.piece(int(best.indices[0])),
        "share": float(best.values[0]),
        "layers": trace.model.config.n_layer,
        "heads": att.shape[0],
        "queries": att.shape[1],
        "furthest": int(att[2, -1].argmax()),
        "reader": trace.piece(int(trace.tape.value("tokens")[-1])),
    }
    return Run(walkthrough, told)
