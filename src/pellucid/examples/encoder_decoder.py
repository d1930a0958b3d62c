"""An encoder-decoder of two layers each, and a batch of two sources, the shorter one padded."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import torch
from torch import Tensor

from pellucid.examples.demonstration import Demonstration
from pellucid.examples.toolbox import apart, axes, normal, numbered
from pellucid.examples.where_do_you_live import PAIRS, SIZES, WORDS, shown, trained, training
from pellucid.models import Transformer, TransformerConfig
from pellucid.tape import Tape
from pellucid.text.parallel import BOS, PAD
from pellucid.text.parallel_corpus import ParallelCorpus
from pellucid.text.parallel_rows import parallel_row, special
from pellucid.walkthrough import Labels, Part, Step, Walkthrough, labelled

TITLE = "Two layers each, and padding"
ABOUT = (
    "The original Transformer with two layers in the encoder and two in the decoder. It reads two "
    "sentences at once, one of them shorter: what fills its row up is seen by nobody."
)

LAYERS = 2
SEED = 1
TOGETHER = (PAIRS[0], PAIRS[3])
"""The first has the shorter source."""
WRITES = "do"
"""The word of the shorter pair whose look at the source is told."""


def config() -> TransformerConfig:
    """Two layers each, where `where_do_you_live` has one."""
    marks: dict[str, Any] = {"pad": special(WORDS, PAD), "bos": special(WORDS, BOS)}
    return TransformerConfig(n_encoder=LAYERS, n_decoder=LAYERS, **SIZES, **marks)


def batch() -> tuple[Tensor, Tensor, Tensor]:
    """Sources (2, S), tokens and targets (2, T) of both pairs, the shorter source filled up."""
    corpus = ParallelCorpus.from_pairs(
        TOGETHER, TOGETHER, WORDS, form="transformer", block_size=SIZES["block_size"]
    )
    ((source, tokens, targets),) = corpus.validation_batches(1000)
    return source, tokens, targets


@cache
def _trained() -> tuple[Transformer, list[float]]:
    return trained(Transformer.init(config(), seed=SEED, dtype=torch.float64), "transformer")


def _walkthrough() -> Walkthrough:
    model, losses = _trained()
    tape = Tape()
    source, tokens, targets = batch()
    model.loss_and_grads(source, tokens, targets, tape)
    read, written = _pieces(source[0]), _pieces(tokens[0])
    parts = numbered(
        training(model, losses, "Below: two of them at once, in one more step."),
        _padding(tape, model),
        _layers(tape, written, read),
    )
    wanted = _pieces(targets[0])
    rows = [f"row {place}" for place in range(len(TOGETHER))]
    names: dict[str, Sequence[Labels]] = {"source": (rows, None), "may_look": (rows, None)}
    names |= axes((read, read), "row_scores", "row_att")
    names |= axes((written, read), *(f"cross_{layer}" for layer in range(LAYERS)))
    names |= axes((rows, wanted), "losses") | axes((wanted,), "alone_losses")
    return Walkthrough(TITLE, ABOUT, tape, parts, labelled(names))


def _pieces(ids: Tensor) -> list[str]:
    return [WORDS.piece(token).decode() for token in ids.tolist()]


def _padding(tape: Tape, model: Transformer) -> Part:
    source = tape["source"]
    padded = int((source == special(WORDS, PAD)).sum())
    tape.given(
        {
            "may_look": tape["enc.mask"][:, 0, 0].double(),
            "row_scores": tape["enc.h.0.attn.scores"][0, 0],
            "row_att": tape["enc.h.0.attn.att"][0, 0],
        }
    )
    att = tape["row_att"]
    return Part(
        "Two sources of different length",
        (
            Step(
                "One batch, a row for each sentence",
                names=("source",),
                lines=tuple(
                    f"row {place}   {'  '.join(_pieces(row))}" for place, row in enumerate(source)
                ),
                says=f"A batch is a table, so its rows must be of one length, {source.shape[-1]}. "
                f"The shorter one is filled up with {PAD}, {padded} of it here.",
            ),
            Step(
                "The padding mask",
                ("mask: 1 at a token, 0 at padding",),
                ("may_look",),
                says="It says which places may be looked at, and is the same for every place that "
                "looks, every head and every layer.",
            ),
            Step(
                "Nobody looks at padding",
                ("scores = q kᵀ / √d where mask, else -∞",),
                ("row_scores", "row_att"),
                says="The first head of the first layer, reading row 0. A score of -∞ is 0 after "
                f"softmax: the column of {PAD} has {float(att[:, -1].max()):g} everywhere, and "
                f"each row still sums to {float(att.sum(-1).mean()):g}. The row of {PAD} is "
                "computed like any other; nobody reads what comes of it.",
            ),
            _same(tape, model),
            _unmasked(tape, model),
        ),
    )


def _same(tape: Tape, model: Transformer) -> Step:
    """The shorter source without padding, and with other numbers in the padding's place."""
    source, tokens, targets = parallel_row(WORDS, TOGETHER[0], "transformer")
    alone = Tape()
    model.loss(source, tokens, targets, alone)
    tape.given({"alone_losses": alone["losses"]})
    length = len(source)
    memory = tape["dec.memory"][0, :length]
    table = model.params["wte"]["weight"].clone()
    table[special(WORDS, PAD)] = normal(table.shape[-1], seed=SEED)
    other = model.with_params(model.params | {"wte": {"weight": table}}).encode(tape["source"])
    return Step(
        "Padding changes nothing",
        names=("losses", "alone_losses"),
        says=f"Read alone, without padding, the shorter sentence has the same memory, to within "
        f"{apart(memory, alone['dec.memory'])}, the same logits, to within "
        f"{apart(tape['logits'][0], alone['logits'])}, and the same losses, its row of the "
        f"table above. With other numbers for {PAD} the memory of its {length} tokens differs by "
        f"{apart(memory, other[0, :length])}.",
    )


def _unmasked(tape: Tape, model: Transformer) -> Step:
    source, tokens, targets = tape["source"], tape["tokens"], tape["targets"]
    blind = Transformer(replace(model.config, pad=None), model.params)
    length = int(tape["may_look"][0].sum())
    memory = blind.encode(source)[0, :length]
    before = float(tape["losses"][0].mean())
    after = float(blind.loss(source[:1], tokens[:1], targets[:1]))
    return Step(
        "Without the mask it would",
        says=f"Then {PAD} is a word like others: the memory of the shorter sentence moves by up to "
        f"{apart(memory, tape['dec.memory'][0, :length])}, and its loss goes from {before:.4f} to "
        f"{after:.4f}. What one sentence means would depend on which other one came with it.",
    )


def _layers(tape: Tape, written: Sequence[str], read: Sequence[str]) -> Part:
    place = written.index(WRITES)
    looks = []
    for layer in range(LAYERS):
        att = tape[f"dec.h.{layer}.cross.att"][0, 0]
        tape.given({f"cross_{layer}": att})
        share, most = att[place].max(-1)
        looks.append(f"in layer {layer} {share:.0%} at '{read[int(most)]}'")
    memory = tape["dec.memory"]
    back = tape["denc.h.1.resid_post"]
    each = [float(tape[f"ddec.h.{layer}.cross.c_kv.x"].norm()) for layer in range(LAYERS)]
    return Part(
        "Two layers each",
        (
            Step(
                "Each layer reads what the one before has made",
                names=("enc.h.0.resid_post", "enc.h.1.resid_pre", "enc.h.1.resid_post"),
                says="The second layer of the encoder begins with what the first one ends with: "
                f"they differ by {apart(tape['enc.h.0.resid_post'], tape['enc.h.1.resid_pre'])}. "
                "Both have weights of their own. What the last one makes is the memory, "
                f"{memory.shape[1]} rows of {memory.shape[2]} numbers for each sentence.",
            ),
            Step(
                "Both layers of the decoder look at the same memory",
                names=tuple(f"cross_{layer}" for layer in range(LAYERS)),
                says="The encoder runs once. Each layer of the decoder makes keys and values of "
                "the memory with weights of its own, and looks in its own way. The first head at "
                f"'{WRITES}' looks {' and '.join(looks)}. Again nobody looks at {PAD}.",
            ),
            Step(
                "On the way back the two add up",
                ("denc.h.1.resid_post = ddec.h.0.cross.c_kv.x + ddec.h.1.cross.c_kv.x",),
                (
                    "ddec.h.0.cross.c_kv.x",
                    "ddec.h.1.cross.c_kv.x",
                    "denc.h.1.resid_post",
                ),
                says="The memory is read by both layers, so its gradient has a term from each: "
                f"their lengths are {each[0]:.4f} and {each[1]:.4f}, their sum's "
                f"{float(back.norm()):.4f}. At {PAD} the gradient is "
                f"{float(back[0, -1].abs().max()):g}: what nobody sees, nobody asks to change.",
            ),
        ),
    )


ENCODER_DECODER = Demonstration(TITLE, ABOUT, _walkthrough, lambda: shown(_trained()[0]))
