"""`pellucid train`: a text in, a model out."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from pellucid.cli.keep import keep_best
from pellucid.cli.options import DeviceOption, Dtype, MixedOption, console, device_of, dtype_of
from pellucid.files import make_room


def train(
    text: Annotated[Path, Argument(help="A UTF-8 text to train on.")],
    out: Annotated[Path, Option(help="Directory for the checkpoint.")],
    tokenizer: Annotated[
        str, Option(help="chars, words, bpe:N (learnt from the text), gpt2, or a file.")
    ] = "chars",
    n_layer: Annotated[int, Option(help="Blocks.")] = 4,
    n_head: Annotated[int, Option(help="Heads in each block.")] = 4,
    n_embd: Annotated[int, Option(help="Width of the residual stream.")] = 128,
    block_size: Annotated[int, Option(help="Context, in tokens.")] = 128,
    batch_size: Annotated[int, Option(help="Windows in a batch.")] = 16,
    max_iters: Annotated[int, Option(help="Iterations.")] = 3500,
    learning_rate: Annotated[float, Option(help="The highest, after the warm-up.")] = 3e-3,
    warmup_iters: Annotated[int, Option(help="Iterations of warm-up.")] = 100,
    weight_decay: Annotated[float, Option(help="AdamW's, for the matrices.")] = 0.1,
    grad_clip: Annotated[float, Option(help="Highest global norm of the gradient.")] = 1.0,
    dropout: Annotated[float, Option(help="Part of the activations that is dropped.")] = 0.0,
    eval_interval: Annotated[int, Option(help="Iterations between evaluations.")] = 500,
    seed: Annotated[int, Option(help="Of the weights, the batches and the samples.")] = 1337,
    dtype: Annotated[Dtype, Option(help="Of the weights and all arithmetic.")] = Dtype.FLOAT32,
    mixed: MixedOption = False,
    device: DeviceOption = "cpu",
    overwrite: Annotated[
        bool, Option("--overwrite", help="Replace a checkpoint in --out.")
    ] = False,
    num_samples: Annotated[int, Option(min=0, help="Samples to print at the end.")] = 2,
) -> None:
    """Train a GPT on a text; the best checkpoint by validation loss is kept in --out."""
    import torch

    from pellucid.generate import Sampling
    from pellucid.models import GPT, GPTConfig
    from pellucid.report.draws import write_text
    from pellucid.text import beginning, choose_tokenizer
    from pellucid.text.corpus import Corpus, read_text
    from pellucid.train import Recipe
    from pellucid.train import train as training

    recipe = Recipe(
        max_iters=max_iters,
        batch_size=batch_size,
        learning_rate=learning_rate,
        warmup_iters=warmup_iters,
        weight_decay=weight_decay,
        grad_clip=grad_clip,
        dropout=dropout,
        eval_interval=eval_interval,
        mixed=mixed,
        seed=seed,
    )
    content = read_text(text)
    pieces = choose_tokenizer(tokenizer, content)
    config = GPTConfig(
        vocab_size=pieces.vocab_size,
        block_size=block_size,
        n_layer=n_layer,
        n_head=n_head,
        n_embd=n_embd,
    )
    corpus = Corpus.from_text(content, pieces, block_size)
    place = device_of(device)
    make_room(out, overwrite=overwrite)
    model = GPT.init(config, seed=seed, dtype=dtype_of(dtype) or torch.float32, device=place)
    screen = console()
    screen.print(str(model))
    screen.print(
        f"{len(corpus.training):,} tokens to train on, {len(corpus.validation):,} to validate; "
        f"{pieces.kind}, {pieces.vocab_size:,} ids"
    )
    model = keep_best(screen, training(model, corpus, recipe), pieces, out, total=max_iters)
    for number in range(num_samples):
        screen.print(f"\n[dim]sample {number + 1}[/]")
        write_text(
            screen,
            model,
            pieces,
            beginning(pieces),
            max_new_tokens=300,
            sampling=Sampling(),
            seed=seed + number,
        )
