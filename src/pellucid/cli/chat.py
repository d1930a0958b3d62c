"""`pellucid chat`: talk to a model, turn by turn."""

from typing import Annotated

from typer import Option

from pellucid.cli.options import variant
from pellucid.cli.options.model import (
    DEVICE,
    MODEL,
    MODEL_DTYPE,
    MODEL_TOKENIZER,
    QUANTIZE,
    Dtype,
    PackedForm,
    opening,
)
from pellucid.cli.options.sampling import (
    GREEDY,
    MAX_NEW_TOKENS,
    SEED,
    TEMPERATURE,
    TOP_K,
    TOP_P,
    seed_of,
)
from pellucid.cli.quantizing import packed_model
from pellucid.cli.screen import console
from pellucid.errors import ConfigError


def chat(
    model: Annotated[str, MODEL],
    system: Annotated[
        str | None, Option(help="What the model is told before all.", metavar="TEXT")
    ] = None,
    show_tokens: Annotated[
        bool, Option("--show-tokens", help="Show the tokens that the model reads and writes.")
    ] = False,
    max_new_tokens: Annotated[int, variant(MAX_NEW_TOKENS, "In one answer.")] = 512,
    temperature: Annotated[float, TEMPERATURE] = 1.0,
    top_k: Annotated[int | None, TOP_K] = None,
    top_p: Annotated[float | None, TOP_P] = None,
    seed: Annotated[int, variant(SEED, "that draw tokens.")] = 1337,
    greedy: Annotated[bool, GREEDY] = False,
    quantize: Annotated[PackedForm | None, QUANTIZE] = None,
    tokenizer_name: Annotated[str | None, MODEL_TOKENIZER] = None,
    dtype: Annotated[Dtype | None, MODEL_DTYPE] = None,
    device: Annotated[str, DEVICE] = "cpu",
) -> None:
    """Talk to a model, a line a turn: Ctrl-C stops an answer, Ctrl-D ends."""
    from pellucid.checkpoint import read_chat_template
    from pellucid.generate import Sampling
    from pellucid.models import CausalModel
    from pellucid.terminal.chat import Partner, said, talk

    start, sampling = seed_of(seed), Sampling(temperature, top_k, top_p, greedy)
    if greedy and sampling != Sampling(greedy=True):
        raise ConfigError(
            "--greedy draws nothing: leave out --temperature, --top-k and --top-p, or --greedy"
        )
    how = opening(model, tokenizer_name, dtype, device) | {"kinds": (CausalModel,)}
    with packed_model(model, quantize, **how) as (partner, tokenizer):
        template = read_chat_template(model)
        if template is None:
            raise ConfigError(
                f"a model must have a chat template to be talked to, and {model} has none: "
                "pellucid generate --prompt goes on from a text, or give another --model"
            )
        screen = console()
        talk(
            screen,
            Partner(partner, tokenizer, template),
            said(screen),
            system=system,
            sampling=sampling,
            seed=start,
            max_new_tokens=max_new_tokens,
            show_tokens=show_tokens,
        )
