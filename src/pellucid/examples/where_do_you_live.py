"""Two tiny translators, trained in the walk itself on six sentences: the paper's, and a GPT."""

from functools import cache
from typing import Any, TypeVar

import torch

from pellucid.examples.demonstration import Demonstration, Shown
from pellucid.generate import translate
from pellucid.models import GPT, GPTConfig, Transformer, TransformerConfig
from pellucid.optim import adam
from pellucid.text import Words
from pellucid.text.parallel import ParallelText
from pellucid.text.parallel_corpus import ParallelCorpus
from pellucid.text.parallel_rows import Form, parallel_row, special
from pellucid.train import record_step
from pellucid.walkthrough import Part, Step, Walkthrough, gpt_walkthrough, transformer_walkthrough

PAIRS = (
    ParallelText("Wo wohnst du?", "Where do you live?"),
    ParallelText("Wo wohnt er?", "Where does he live?"),
    ParallelText("Woher kommst du?", "Where do you come from?"),
    ParallelText("Ich wohne in Berlin.", "I live in Berlin."),
    ParallelText("Er wohnt in Berlin.", "He lives in Berlin."),
    ParallelText("Ich komme aus Berlin.", "I come from Berlin."),
)
MARKS = "<PAD> <BOS> <EOS> <SEP>"
WORDS = Words.from_text(" ".join((MARKS, *(t for pair in PAIRS for t in pair))), special=True)
SIZES: dict[str, Any] = {
    "vocab_size": WORDS.vocab_size,
    "block_size": 16,
    "n_head": 2,
    "n_embd": 8,
    "n_inner": 16,
}
STEPS = 60
LEARNING_RATE = 0.02
BELOW = "Below: the first of them, in one more step, with the weights as they now are."

M = TypeVar("M", GPT, Transformer)


def trained(model: M, form: Form) -> tuple[M, list[float]]:
    """The model after some steps of Adam on all pairs at once, and its loss before each."""
    corpus = ParallelCorpus.from_pairs(PAIRS, PAIRS, WORDS, form=form, block_size=16)
    batch: Any
    (batch,) = corpus.validation_batches(1000)
    losses, state = [], None
    for _ in range(STEPS):
        loss, grads = model.loss_and_grads(*batch)
        losses.append(float(loss))
        params, state = adam(model.params, grads, state, learning_rate=LEARNING_RATE)
        model = model.with_params(params)
    return model, losses


def training(model: GPT | Transformer, losses: list[float], below: str = BELOW) -> Part:
    """What the training did: the loss as it fell, and what is written for each source now."""
    sources = [pair.source for pair in PAIRS]
    found = translate(model, WORDS, sources, width=1, max_new_tokens=8)
    shown = [*range(0, STEPS, 15), STEPS - 1]
    fall = "   ".join(f"step {place}: {losses[place]:.4f}" for place in shown)
    right = sum(text.text == pair.target for text, pair in zip(found, PAIRS, strict=True))
    steps = (
        Step("Its loss, as Adam goes on", lines=(fall,)),
        Step(
            "What it writes then, greedily",
            lines=tuple(
                f"{pair.source:<24} → {text.text}" for pair, text in zip(PAIRS, found, strict=True)
            ),
            says=f"{right} of {len(PAIRS)} are as they were taught. {below}",
        ),
    )
    return Part(f"A training of {STEPS} steps on {len(PAIRS)} pairs", steps)


@cache
def _transformer() -> tuple[Transformer, list[float]]:
    marks: Any = {"pad": special(WORDS, "<PAD>"), "bos": special(WORDS, "<BOS>")}
    config = TransformerConfig(n_encoder=1, n_decoder=1, **SIZES, **marks)
    return trained(Transformer.init(config, seed=1, dtype=torch.float64), "transformer")


@cache
def _gpt() -> tuple[GPT, list[float]]:
    return trained(GPT.init(GPTConfig(n_layer=1, **SIZES), seed=1, dtype=torch.float64), "gpt")


def shown(model: Transformer) -> Shown:
    """The translator with the first of the pairs, to its end."""
    source, target = PAIRS[0]
    return Shown(model, WORDS, f"{target} <EOS>", source)


def _by_transformer() -> Walkthrough:
    model, losses = _transformer()
    walkthrough = transformer_walkthrough(
        model, WORDS, PAIRS[0], TRANSFORMER.title, TRANSFORMER.about
    )
    return walkthrough.led_by(training(model, losses))


def _by_gpt() -> Walkthrough:
    model, losses = _gpt()
    tokens, targets = parallel_row(WORDS, PAIRS[0], "gpt")
    walkthrough = gpt_walkthrough(
        record_step(model, tokens, WORDS, update=None, targets=targets),
        GPT_WITH_SEP.title,
        GPT_WITH_SEP.about,
    )
    return walkthrough.led_by(training(model, losses))


TRANSFORMER = Demonstration(
    "Where do you live?",
    "'Wo wohnst du?' by the original Transformer: the encoder reads the German once, the decoder "
    "writes the English word by word and looks at what the encoder made. One layer each, width 8, "
    "two heads.",
    _by_transformer,
    lambda: shown(_transformer()[0]),
)
GPT_WITH_SEP = Demonstration(
    "Where do you live? by a GPT",
    "'Wo wohnst du?' by a GPT: it reads German, <SEP>, English in one row, and learns to go on "
    "after <SEP>. One block, width 8, two heads.",
    _by_gpt,
    lambda: Shown(_gpt()[0], WORDS, " <SEP> ".join(PAIRS[0]) + " <EOS>"),
)
