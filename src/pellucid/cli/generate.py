"""`pellucid generate`: write on from a prompt."""

import sys
from typing import Annotated

from typer import Option

from pellucid.cli.options import (
    MODEL,
    SHIPPED_MODEL,
    DeviceOption,
    DtypeOption,
    QuantizeOption,
    TokenizerOption,
    console,
    device_of,
    dtype_of,
    not_empty,
    packed_model,
    seed_of,
)
from pellucid.errors import ConfigError


def generate(
    model: Annotated[str, MODEL] = SHIPPED_MODEL,
    prompt: Annotated[str | None, Option(help="Text to go on from; by default a new line.")] = None,
    max_new_tokens: Annotated[int, Option(help="How many tokens to add.")] = 200,
    temperature: Annotated[float, Option(help="Divides the logits: below 1 bolder.")] = 1.0,
    top_k: Annotated[int | None, Option(help="Draw among the k most likely only.")] = None,
    top_p: Annotated[
        float | None, Option(help="Draw among the fewest tokens that reach probability p.")
    ] = None,
    seed: Annotated[int, Option(help="Of the random numbers.")] = 1337,
    num_samples: Annotated[int, Option(min=1, help="How many texts.")] = 1,
    greedy: Annotated[bool, Option("--greedy", help="Always the most likely token.")] = False,
    beam: Annotated[
        int | None,
        Option(min=1, help="Draw nothing: the likeliest text that a beam finds."),
    ] = None,
    length_penalty: Annotated[float, Option(help="Of the beam; favours long texts.")] = 1.0,
    why: Annotated[
        bool, Option("--why", help="Show each draw, or all that the beam found.")
    ] = False,
    quantize: QuantizeOption = None,
    past: Annotated[bool, Option("--past/--no-past", help="Keep keys and values.")] = True,
    lookup: Annotated[
        int,
        Option(
            min=0,
            metavar="N",
            help="Guess up to N tokens a step from what followed the same words before, and check "
            "them in one pass: the same text, sooner where it repeats itself.",
        ),
    ] = 0,
    tokenizer: TokenizerOption = None,
    dtype: DtypeOption = None,
    device: DeviceOption = "cpu",
) -> None:
    """Write on from a prompt, token by token."""
    from pellucid.checkpoint import open_model
    from pellucid.generate import Sampling, go_on
    from pellucid.terminal.draws import write_text
    from pellucid.terminal.hypotheses import found_lines
    from pellucid.text import beginning

    start_seed = seed_of(seed)
    sampling = Sampling(temperature, top_k, top_p, greedy)
    gpt, pieces = open_model(
        model, tokenizer=tokenizer, dtype=dtype_of(dtype), device=device_of(device)
    )
    gpt = packed_model(gpt, quantize)
    start = beginning(pieces) if prompt is None else not_empty(prompt)
    if beam is not None:
        if sampling != Sampling() or num_samples > 1 or lookup:
            raise ConfigError(
                "a beam draws nothing and finds one text: leave out --temperature, --top-k, "
                "--top-p, --greedy, --num-samples and --lookup, or --beam"
            )
        found = go_on(
            gpt,
            pieces,
            pieces.encode(start),
            width=beam,
            alpha=length_penalty,
            max_new_tokens=max_new_tokens,
        )
        for line in found_lines(pieces, start, found, why=why):
            console().print(line, soft_wrap=True)
        return
    for number in range(num_samples):
        if number:
            sys.stdout.write("\n" + "─" * 12 + "\n")
        write_text(
            console(),
            gpt,
            pieces,
            start,
            max_new_tokens=max_new_tokens,
            sampling=sampling,
            seed=(start_seed + number) % (1 << 63),
            keep_past=past,
            lookup=lookup,
            why=why,
        )
