"""One whole step of an encoder-decoder as a lesson: two texts, their loss, every gradient."""

from collections.abc import Callable, Iterator, Sequence

from pellucid.models import Transformer, TransformerConfig
from pellucid.tape import Tape
from pellucid.text.pair_corpus import pair_row
from pellucid.text.pairs import TextPair
from pellucid.text.tokenizer import Tokenizer
from pellucid.walkthrough.names import describe
from pellucid.walkthrough.steps import Shown, attention, feed_forward, layer_norm, under, undo
from pellucid.walkthrough.walkthrough import Labels, Part, Step, Walkthrough

CROSS_BACKWARD = (
    "as self-attention's, but the keys and values hand their gradient to the memory:",
    "dmemory = Σ over the decoder's layers of d[k v] Wᵀ",
)


def transformer_walkthrough(
    model: Transformer, tokenizer: Tokenizer, pair: TextPair, title: str, about: str
) -> Walkthrough:
    """Record the step that learns to write the target of a pair, and the way through it."""
    source, tokens, targets = pair_row(tokenizer, pair, "transformer")
    tape = Tape()
    model.loss_and_grads(source, tokens, targets, tape)

    def pieces(ids: Sequence[int]) -> tuple[str, ...]:
        return tuple(tokenizer.piece(token).decode("utf-8", errors="replace") for token in ids)

    read, written, wanted = pieces(source), pieces(tokens), pieces(targets)
    lines = (
        "the encoder reads   " + "  ".join(read),
        "the decoder reads   " + "  ".join(written),
        "it is to predict    " + "  ".join(wanted),
    )
    encoder = [Step("Two texts", lines=lines), *_encoder_steps(model.config)]
    decoder = _decoder_steps(model.config)
    forward = [
        step._replace(number=number) for number, step in enumerate([*encoder, *decoder], start=1)
    ]
    backward = tuple(_undone(step, model.config) for step in reversed(forward) if step.kind)
    parts = (
        Part("Encoder: from the source to the memory", tuple(forward[: len(encoder)])),
        Part("Decoder: from the tokens and the memory to the loss", tuple(forward[len(encoder) :])),
        Part("Backward: the gradient of the loss, step by step in reverse", backward),
    )
    return Walkthrough(title, about, tape, parts, _labels(tape, read, written))


def _encoder_steps(config: TransformerConfig) -> Iterator[Step]:
    yield from _embedding_steps("enc", "source")
    for layer in range(config.n_encoder):
        block = f"enc.h.{layer}"
        yield _step("Self-attention of the source", attention(f"{block}.attn", "at padding"))
        yield from _add_and_norm(block, "sum_1 = resid_pre + attn's out", 1)
        yield _step("Feed-forward", feed_forward(f"{block}.mlp", config.activation), kind="mlp")
        yield from _add_and_norm(block, "sum_2 = resid_mid + mlp's out", 2)
    if config.final_norm:
        yield _step("Final layer norm", layer_norm("enc.ln_f"), kind="layer_norm")


def _decoder_steps(config: TransformerConfig) -> Iterator[Step]:
    yield from _embedding_steps("dec", "tokens")
    for layer in range(config.n_decoder):
        block = f"dec.h.{layer}"
        yield _step("Masked self-attention of the target", attention(f"{block}.attn"))
        yield from _add_and_norm(block, "sum_1 = resid_pre + attn's out", 1)
        yield _step("Cross-attention to the memory", _cross_attention(f"{block}.cross"), "cross")
        yield from _add_and_norm(block, "sum_2 = resid_mid + cross's out", 2)
        yield _step("Feed-forward", feed_forward(f"{block}.mlp", config.activation), kind="mlp")
        yield from _add_and_norm(block, "sum_3 = resid_cross + mlp's out", 3)
    if config.final_norm:
        yield _step("Final layer norm", layer_norm("dec.ln_f"), kind="layer_norm")
    table = "wte.weight" if config.tied else "lm_head.weight"
    yield _step(
        "Logit projection", ((f"logits = x {table}ᵀ",), ("lm_head.weight", "logits")), "logits"
    )
    softmax = ("probs[t, j] = exp(logits[t, j]) / Σᵢ exp(logits[t, i])",)
    yield _step("Softmax", (softmax, ("probs",)), "softmax")
    loss = ("losses[t] = -log probs[t, targets[t]],   loss = their mean, in nats",)
    yield Step("Loss", loss, ("losses", "loss"))


def _embedding_steps(stack: str, ids: str) -> Iterator[Step]:
    formulas = (f"embed.out[t] = weight[{ids}[t]],   scale.out = embed.out · √C",)
    names = ("wte.weight", f"{stack}.wte.weight", *under(stack, "embed.out", "scale.out"))
    yield Step("Embedding lookup, times √C", formulas, names, kind="embedding")
    positions = (
        "rows[t, 2i] = sin(t / 10000^(2i/C)),   rows[t, 2i+1] = cos(the same)",
        "position.out = scale.out + rows",
    )
    names = under(stack, "position.rows", "position.out")
    yield Step("Positions: sinusoids", positions, names, kind="position")


def _add_and_norm(block: str, formula: str, number: int) -> Iterator[Step]:
    yield _step("Residual connection", ((formula,), under(block, f"sum_{number}")), "residual")
    yield _step(f"Layer norm {number}", layer_norm(f"{block}.ln_{number}"), kind="layer_norm")


def _cross_attention(path: str) -> Shown:
    formulas = (
        "q = x W + b from the target,   [k v] = memory W' + b' from the source, cut into heads",
        "scores = q kᵀ / √d, -∞ at padding,   att = softmax(scores),   z = att v",
        "out = concat(z) W'' + b''",
    )
    names = under(path, "c_q.weight", "c_q.bias", "c_kv.weight", "c_kv.bias", "q", "k", "v")
    names += under(path, "scores", "att", "z", "merged")
    return formulas, names + under(path, "c_proj.weight", "c_proj.bias", "c_proj.out")


def _step(title: str, shown: Shown, kind: str = "attention") -> Step:
    formulas, names = shown
    return Step(title, formulas, names, kind=kind)


def _undone(step: Step, config: TransformerConfig) -> Step:
    """The step with the gradients' formulas and names in place of the values'."""
    match step.kind:
        case "cross":
            names = ["d" + name for name in reversed(step.names)]
            return step._replace(formulas=CROSS_BACKWARD, names=(*names, "ddec.memory"))
        case "embedding" | "position":
            stack = step.names[-1].partition(".")[0]
            last = step.kind == "embedding" and stack == "enc" and config.tied
            formulas = {
                "embedding": (
                    "dscale.out = dposition.out,   dembed.out = √C dscale.out",
                    "dembed.weight[v] = Σ dembed.out[t] over the t of token v",
                ),
                "position": ("the rows are fixed: their gradient changes nothing",),
            }[step.kind]
            if last:
                formulas += ("one table, three uses: dwte.weight is the sum of its gradients",)
            names = [f"d{stack}.position.out"]
            if step.kind == "embedding":
                names = [f"d{stack}.embed.out", f"d{stack}.embed.weight"]
            return step._replace(formulas=formulas, names=(*names, *["dwte.weight"] * last))
        case _:
            return undo(step, pre=False, tied=config.tied)


def _labels(
    tape: Tape, read: Sequence[str], written: Sequence[str]
) -> Callable[[str], Sequence[Labels]]:
    """The labels of each axis, by the table of names: of the source, or of the target."""
    by_letter: dict[str, Labels] = {"T": written, "S": written, "N": read}

    def labels(name: str) -> Sequence[Labels]:
        row = describe(name)
        shape = row.shape if row else ()
        return [by_letter.get(letter) for letter in shape] if len(shape) == tape[name].dim() else []

    return labels
