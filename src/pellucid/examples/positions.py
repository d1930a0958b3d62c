"""Positions: learned vectors, two naive codes that fail, and the sinusoids."""

import torch
from torch import Tensor

from pellucid.examples.demonstration import Demonstration
from pellucid.examples.toolbox import axes, exact, normal, numbered
from pellucid.layers import embedding, position, position_backward, sinusoids
from pellucid.tape import Tape
from pellucid.walkthrough import Part, Step, Walkthrough, labelled

TITLE = "Positions"
ABOUT = "How a vector can say where its word stands: learned, two naive ways, and with sines."

WORDS = ["humpty", "dumpty", "sat"]
WIDTH = 8
PLACES = [1, 10, 100, 1000]
LENGTHS = [3, 4, 10, 100]
STARTS = [0, 10, 100, 900]
STEP = 3
MANY = 1000


def _walkthrough() -> Walkthrough:
    tape = Tape()
    parts = numbered(_learned(tape), _itself(tape), _shares(tape), _sines(tape), _distance(tape))
    places = [f"p = {place}" for place in PLACES]
    texts = [f"of {length}" for length in LENGTHS]
    starts = [f"p = {start}" for start in STARTS]
    rows = [f"p = {place}" for place in range(5)]
    names = (
        axes((WORDS, None), "embed.out", "wpe.out", "wpe.rows")
        | axes((places,), "itself_length", "itself_alike", "sines_alike")
        | axes((texts,), "share_first", "share_gap")
        | axes((rows, None), "paired", "own")
        | axes((["paired", "own"], starts), "dots")
        | axes((["1", "2", "3", "4"], None), "wpe.weight", "dwpe.weight")
    )
    return Walkthrough(TITLE, ABOUT, tape, parts, labelled(names))


def _alike(words: Tensor) -> Tensor:
    """The cosine of the angle between the first two words: 1 where they point the same way."""
    return torch.cosine_similarity(words[..., 0, :], words[..., 1, :], dim=-1)


def _learned(tape: Tape) -> Part:
    table, weight = normal(len(WORDS), WIDTH, seed=1), 0.1 * normal(4, WIDTH, seed=2)
    tape.given({"wte.weight": table, "wpe.weight": weight})
    tokens = torch.arange(len(WORDS))
    vectors, _ = embedding(tokens, weight=table, tape=tape.at("embed"))
    out, cache = position(vectors, weight=weight, tape=tape.at("wpe"))
    position_backward(torch.ones_like(out), cache, tape=tape.at("wpe"))
    return Part(
        "Learned",
        (
            Step(
                "One more embedding, of the numbers of the positions",
                ("wpe.out[t] = embed.out[t] + wpe.weight[t]",),
                ("wpe.weight", "embed.out", "wpe.out", "dwpe.weight"),
                says="The table is trained like any other. What it costs is seen where each sum "
                f"has a gradient of 1: {len(WORDS)} words reach {len(WORDS)} rows, and a position "
                "that no text reaches has a gradient of 0 and learns nothing. GPT-2 learns its "
                "positions so.",
            ),
        ),
    )


def _itself(tape: Tape) -> Part:
    words = tape["embed.out"]
    length = float(words.norm(dim=-1).mean())
    vectors = exact(PLACES)[:, None].expand(-1, WIDTH)  # (P, d)
    lengths = vectors.norm(dim=-1)
    alike = _alike(words + vectors[:, None])
    tape.given({"itself_length": lengths, "itself_alike": alike})
    return Part(
        "Naive: the position itself, p in every place",
        (
            Step(
                "It drowns the word",
                ("vector of p = [p, p, …, p],   alike = cosine of humpty + p and dumpty + p",),
                ("itself_length", "itself_alike"),
                says=f"A word's vector here is about {length:.2g} long, and that of position "
                f"{PLACES[-1]} is {float(lengths[-1]):.4g}. Without a position humpty and dumpty "
                f"are alike by {float(_alike(words)):.4f}; at position {PLACES[-1]} by "
                f"{float(alike[-1]):.6f}: what tells the words apart is lost beside p.",
            ),
        ),
    )


def _shares(tape: Tape) -> Part:
    first = 1 / exact(LENGTHS)
    gap = WIDTH**0.5 / exact(LENGTHS)
    tape.given({"share_first": first, "share_gap": gap})
    return Part(
        "Naive: p / max p",
        (
            Step(
                "The same position, another vector",
                ("vector of p = [p/n, …, p/n] in a text of n words",),
                ("share_first", "share_gap"),
                says=f"Nothing grows beyond 1, but the first word has {float(first[0]):.4f} in a "
                f"text of {LENGTHS[0]} words and {float(first[1]):.4f} in one of {LENGTHS[1]}: a "
                "single word more changes the vectors of all. And neighbours, who stand "
                f"{float(gap[0]):.4f} apart in the short text, are only {float(gap[-1]):.4f} apart "
                f"in one of {LENGTHS[-1]}: what 'next to' means depends on the text.",
            ),
        ),
    )


def _sines(tape: Tape) -> Part:
    words = tape["embed.out"]
    both = {
        name: sinusoids(MANY + 1, WIDTH, paired=paired, dtype=words.dtype, device=words.device)
        for name, paired in (("paired", True), ("own", False))
    }
    tape.given({f"{name}_table": table for name, table in both.items()})
    tape.given({"paired": both["paired"][:5], "own": both["own"][:5]})
    table = both["paired"]
    lengths = table.norm(dim=-1)
    gaps = torch.cdist(table, table).fill_diagonal_(torch.inf)
    alike = _alike(words + table[PLACES][:, None])
    tape.given({"sines_length": lengths, "sines_alike": alike})
    least, most = (float(bound) for bound in lengths.aminmax())
    return Part(
        "Sinusoids",
        (
            Step(
                "Waves of different lengths, as in the original Transformer",
                ("sin(p / 10000^(2i/d)) in channel 2i, cos of the same in channel 2i + 1",),
                ("paired",),
                says="The sine and cosine of a pair say where the hand of one clock stands; each "
                "pair's clock goes more slowly than the one before.",
            ),
            Step(
                "Or each channel with a frequency of its own",
                ("sᵢ(p) = sin(p / 10000^(i/d)) for even i, cos of the same for odd i",),
                ("own",),
                says="A simpler way to write it, which one meets too.",
            ),
            Step(
                "Nothing grows, and no position comes twice",
                ("alike = cosine of humpty + PE[p] and dumpty + PE[p]",),
                ("sines_alike",),
                says=f"Up to position {MANY} no number exceeds {float(table.abs().max()):g} and "
                f"every vector is from {least:.4f} to {most:.4f} long, √(d/2). The two nearest "
                f"positions' vectors are {float(gaps.min()):.4f} apart. Humpty and dumpty stay "
                f"apart: alike by {float(alike.max()):.4f} at most.",
            ),
        ),
    )


def _distance(tape: Tape) -> Part:
    tables = [tape["paired_table"], tape["own_table"]]
    ahead = [start + STEP for start in STARTS]
    dots = torch.stack([(table[STARTS] * table[ahead]).sum(-1) for table in tables])
    tape.given({"dots": dots})
    spreads = [float(row.max() - row.min()) for row in dots]
    return Part(
        "What the pairing is good for",
        (
            Step(
                f"Two positions {STEP} apart",
                ("PE[p] · PE[p + k] = Σ over frequencies f of cos(k f), without p",),
                ("dots",),
                says="In pairs, the product depends on the distance alone, wherever in the text "
                f"the two stand: it varies by {spreads[0]:.2g}. With a frequency for each channel "
                f"it varies by {spreads[1]:.2g}. Attention compares by products, so the pairs let "
                "it see how far apart two words are.",
            ),
        ),
    )


POSITIONS = Demonstration(TITLE, ABOUT, _walkthrough)
