"""What lessons know beside their runs: counts, verdicts and shares, computed when asked for."""

import math
from collections.abc import Callable, Mapping

from torch import Tensor

from pellucid.checkpoint import open_model
from pellucid.examples.encoder_decoder import WRITES
from pellucid.examples.humpty_dumpty import SEEN
from pellucid.examples.optimizers import DECAY, RATE
from pellucid.examples.sampling import POINT, TEMPERATURES, TOP_K, TOP_P
from pellucid.examples.tokenizers import UNSEEN, cut, encoded, learnt
from pellucid.examples.tokenizers import WORDS as SMALL
from pellucid.examples.two_beams import PROMPT
from pellucid.layers import IGNORE
from pellucid.lessons.run import Run, example_run, text_trace
from pellucid.models import CausalModel
from pellucid.optim import MU
from pellucid.shipped import SHIPPED_MODEL
from pellucid.tape import Tape, select
from pellucid.walkthrough import gpt_walkthrough

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
    """The example's merges, and the trained model's tokenizer on two texts."""
    run = example_run("tokenizers")
    _, tokenizer = open_model(SHIPPED_MODEL)
    told: dict[str, object] = {"size": tokenizer.vocab_size, "why": 0, "cut": 0}
    told["model"] = SHIPPED_MODEL
    for key, text in zip(("one", "several"), WORDS, strict=True):
        tokens = tokenizer.encode(text)
        pieces = " | ".join(tokenizer.decode([token]) for token in tokens)
        told |= {f"{key}_text": text, f"{key}_pieces": pieces, f"{key}_count": len(tokens)}
        told |= {f"{key}_letters": len(text)}
    rounds = list(learnt(Tape()))
    first, merges = rounds[0], [(one.left, one.right) for one in rounds]
    pieces_after = [len(cut(word, first.left, first.right)) for word in first.words]
    told |= {
        "words": " ".join(SMALL),
        "left": first.left,
        "right": first.right,
        "pair": first.times,
        "pair_words": sum(word == SMALL[0] for word in SMALL),
        "letters": sum(map(len, SMALL)),
        "after": sum(pieces_after),
        "merges": len(merges),
        "cats": " + ".join(encoded("cats", merges)),
        "unseen": UNSEEN,
    }
    return Run(run.walkthrough, told)


def of_sampling(run: Run) -> Facts:
    """The best characters, how many top-p keeps, where a draw falls, and which text wins."""
    tape = run.tape
    best = [SEEN[token] for token in tape.value("best").tolist()]
    chances = tape.value("plain.out")[0, tape.value("best")]
    losses = {name: tape.value(f"{name}.losses") for name in ("greedy", "beam")}
    first = {f"{name}_first": math.exp(-float(one[0])) for name, one in losses.items()}
    second = {f"{name}_second": math.exp(-float(one[1])) for name, one in losses.items()}
    shown = {name: round(chance, 3) for name, chance in (first | second).items()}
    return shown | {
        "prompt": PROMPT,
        "temperature": TEMPERATURES["cool"],
        "warm": float(tape.value("top_k.out")[1]),
        "k": TOP_K,
        "p": TOP_P,
        "kept": tape.value("kept_p").numel(),
        "point": POINT,
        "drawn": int((chances.cumsum(0) <= POINT).sum()),
        "both": shown["beam_first"] * shown["beam_second"],
        "added": shown["beam_first"] + shown["beam_second"],
        "greedy_chance": math.exp(float(tape.value("greedy_sum"))),
        "beam_chance": math.exp(float(tape.value("beam_sum"))),
        "winner": int(tape.value("beam_sum") > tape.value("greedy_sum")),
        **{f"best_{place}": letter for place, letter in enumerate(best)},
    }


def of_optimizers(run: Run) -> Facts:
    """The settings, and who moved the flat weight least."""
    flat = run.tape.value("by_size")
    return {
        "rate": RATE,
        "decay": DECAY,
        "mu": MU,
        "steps": len(flat) - 1,
        "slowest": int((flat[-1] - flat[0]).abs().argmin()),
    }


def of_padding(run: Run) -> Facts:
    """How long the two sources are, and how a word of the decoder looks at the shorter one."""
    looks = run.tape.value("may_look")
    first, second = (int(row.sum()) for row in looks)
    row = run.tape.value("cross_1")[_labels(run, "cross_1", 0).index(WRITES)]
    most, read = int(row.argmax()), _labels(run, "cross_1", 1)
    others = [round(float(share), 2) for share in row[:first]]
    del others[most]
    return {
        "shorter": first,
        "longer": second,
        "padded": second - first,
        "hidden": 0,
        "changed": 2,
        "writes": WRITES,
        "word": read[most],
        "shares": ", ".join(f"{share:.2f}" for share in others),
        "others": sum(others),
        "seen": 1 - sum(others),
    }


def _labels(run: Run, name: str, axis: int) -> list[str]:
    return list(run.walkthrough.labels(name)[axis] or ())


def inside_run() -> Run:
    """The trained model reads a story."""
    trace = text_trace(STORY)
    walkthrough = gpt_walkthrough(trace, SHIPPED_MODEL, STORY)
    last = trace.tape.value("logits")[-1].softmax(-1)
    best = last.topk(1)
    att = trace.tape.value("h.1.attn.att")
    told: dict[str, object] = {
        "text": STORY,
        "read": "".join(map(trace.piece, trace.tape.value("tokens").tolist())),
        "rest": round(1 - round(float(att[3, -1, 0]), 2), 2),
        "most": round(float(att[3, -1, 0]), 2),
        "first": trace.piece(int(trace.tape.value("tokens")[0])),
        "next": trace.piece(int(best.indices[0])),
        "share": float(best.values[0]),
        "model": SHIPPED_MODEL,
        "layers": trace.model.config.n_layer,
        "heads": att.shape[0],
        "queries": att.shape[1],
        "furthest": int(att[2, -1].argmax()),
        "reader": trace.piece(int(trace.tape.value("tokens")[-1])),
    }
    return Run(walkthrough, told)
