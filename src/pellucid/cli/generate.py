"""`pellucid generate`: write on from a prompt."""

import sys
from enum import StrEnum
from typing import Annotated

from typer import Option

from pellucid.cli.options import variant
from pellucid.cli.options.model import (
    DEVICE,
    MODEL,
    MODEL_DTYPE,
    MODEL_TOKENIZER,
    QUANTIZE,
    SPECIAL,
    Dtype,
    PackedForm,
    opening,
)
from pellucid.cli.options.sampling import (
    BEAM,
    EARLY_STOPPING,
    GREEDY,
    LENGTH_PENALTY,
    MAX_NEW_TOKENS,
    NUM_SAMPLES,
    SEED,
    TEMPERATURE,
    TOP_K,
    TOP_P,
    WHY,
    seed_of,
)
from pellucid.cli.options.text import not_empty
from pellucid.cli.quantizing import packed_model
from pellucid.cli.screen import console
from pellucid.errors import ConfigError
from pellucid.shipped import WRITER


class TopPOf(StrEnum):
    """What the p of top-p is a part of: the probability of all tokens, or of the top-k's."""

    ALL = "all"
    TOP_K = "top-k"


def generate(
    model: Annotated[str, MODEL] = WRITER,
    prompt: Annotated[
        str | None, Option(help="The text to continue; by default a new line.")
    ] = None,
    max_new_tokens: Annotated[int, MAX_NEW_TOKENS] = 200,
    temperature: Annotated[float, TEMPERATURE] = 1.0,
    top_k: Annotated[int | None, TOP_K] = None,
    top_p: Annotated[float | None, TOP_P] = None,
    top_p_of: Annotated[
        TopPOf,
        Option(
            help="What p is a part of: the probability of all tokens, or of the top-k that are "
            "left, as transformers does."
        ),
    ] = TopPOf.ALL,
    seed: Annotated[int, variant(SEED, "that draw tokens.")] = 1337,
    num_samples: Annotated[int, NUM_SAMPLES] = 1,
    greedy: Annotated[bool, GREEDY] = False,
    beam: Annotated[int | None, variant(BEAM, default="none: tokens are drawn")] = None,
    length_penalty: Annotated[float, LENGTH_PENALTY] = 1.0,
    early_stopping: Annotated[bool, EARLY_STOPPING] = True,
    why: Annotated[bool, WHY] = False,
    quantize: Annotated[PackedForm | None, QUANTIZE] = None,
    past: Annotated[bool, Option("--past/--no-past", help="Use a KV cache.")] = True,
    lookup: Annotated[
        int,
        Option(
            min=0,
            metavar="N",
            help="Guess up to N tokens a step from what followed the same words earlier, and check "
            "them in one pass: faster where a text repeats itself, and the same text in float32.",
        ),
    ] = 0,
    tokenizer_name: Annotated[str | None, MODEL_TOKENIZER] = None,
    special: Annotated[bool, SPECIAL] = False,
    dtype: Annotated[Dtype | None, MODEL_DTYPE] = None,
    device: Annotated[str, DEVICE] = "cpu",
) -> None:
    """Continue a prompt, token by token."""
    from pellucid.checkpoint import read_chat_template
    from pellucid.generate import Sampling, go_on
    from pellucid.terminal.draws import write_text
    from pellucid.terminal.hypotheses import found_lines
    from pellucid.text import beginning

    start_seed = seed_of(seed)
    sampling = Sampling(temperature, top_k, top_p, greedy, top_p_of.value)
    if num_samples < 1:
        raise ConfigError(f"--num-samples must be at least 1, not {num_samples}")
    if greedy and beam is None and (sampling != Sampling(greedy=True) or num_samples > 1):
        raise ConfigError(
            "--greedy draws nothing and finds one text: leave out --temperature, --top-k, --top-p, "
            "--top-p-of and --num-samples, or --greedy"
        )
    if top_p_of is TopPOf.TOP_K and (top_k is None or top_p is None):
        raise ConfigError(
            "--top-p-of top-k says how two filters go together: give --top-k and --top-p, or leave "
            "it out"
        )
    if beam is None and (length_penalty != 1.0 or not early_stopping):
        raise ConfigError(
            "--length-penalty and --no-early-stopping are a beam's: add --beam 4, or leave them out"
        )
    if beam is not None and (sampling != Sampling() or num_samples > 1 or lookup):
        raise ConfigError(
            "a beam draws nothing and finds one text: leave out --temperature, --top-k, "
            "--top-p, --greedy, --num-samples and --lookup, or --beam"
        )
    how = opening(model, tokenizer_name, dtype, device, special=special)
    with packed_model(model, quantize, **how) as (gpt, tokenizer):
        template = read_chat_template(model)
        stops = template.stops(tokenizer) if template else frozenset[int]()
        start = beginning(tokenizer) if prompt is None else not_empty(prompt)
        if beam is not None:
            found = go_on(
                gpt,
                tokenizer,
                tokenizer.prompt(start),
                width=beam,
                alpha=length_penalty,
                max_new_tokens=max_new_tokens,
                early=early_stopping,
            )
            for line in found_lines(tokenizer, start, found, why=why):
                console().print(line, soft_wrap=True)
            return
        for number in range(num_samples):
            if number:
                sys.stdout.write("\n" + "─" * 12 + "\n")
            write_text(
                console(),
                gpt,
                tokenizer,
                start,
                max_new_tokens=max_new_tokens,
                sampling=sampling,
                seed=(start_seed + number) % (1 << 63),
                keep_past=past,
                lookup=lookup,
                why=why,
                stops=stops,
            )
