"""A whole step of an encoder-decoder as a walkthrough: two texts, their loss, every gradient."""

from collections.abc import Callable, Sequence

from pellucid.models import Transformer
from pellucid.tape import Tape
from pellucid.text.parallel import ParallelText
from pellucid.text.parallel_rows import parallel_row
from pellucid.text.tokenizer import Tokenizer
from pellucid.walkthrough.names import describe
from pellucid.walkthrough.steps import Steps
from pellucid.walkthrough.telling import told
from pellucid.walkthrough.walkthrough import Labels, Part, Step, Walkthrough, with_warning


def transformer_walkthrough(
    model: Transformer, tokenizer: Tokenizer, pair: ParallelText, title: str, about: str
) -> Walkthrough:
    """Record the step that learns to write the target of a pair, and the way through it."""
    source, tokens, targets = parallel_row(tokenizer, pair, "transformer")
    tape = Tape()
    model.loss_and_grads(source, tokens, targets, tape)

    def pieces(ids: Sequence[int]) -> tuple[str, ...]:
        return tuple(tokenizer.piece(token).decode("utf-8", errors="replace") for token in ids)

    read, written, wanted = pieces(source), pieces(tokens), pieces(targets)
    texts = (
        "the encoder reads   " + "  ".join(read),
        "the decoder reads   " + "  ".join(written),
        "it is to predict    " + "  ".join(wanted),
    )
    steps = Steps(tape, first=2)
    forward = steps.forward()
    encoder = [step for step in forward if step.names[-1].startswith("enc.")]
    decoder = [step for step in forward if step not in encoder]
    parts = (
        Part(
            "Encoder: from the source to the memory",
            (Step("Two texts", lines=texts, number=1), *encoder),
            "forward",
        ),
        Part("Decoder: from the tokens and the memory to the loss", tuple(decoder), "forward"),
        Part(
            "Backward: the gradient of the loss, step by step in reverse",
            tuple(steps.backward()),
            "backward",
        ),
    )
    labels = _labels(tape, read, written)
    words = told(parts, tape, labels, lambda token: pieces([token])[0])
    return Walkthrough(title, with_warning(about, tape), tape, words, labels)


def _labels(
    tape: Tape, read: Sequence[str], written: Sequence[str]
) -> Callable[[str], Sequence[Labels]]:
    """The labels of each axis, by the table of names: of the source, or of the target."""
    by_letter: dict[str, Labels] = {"T": written, "S": written, "N": read}

    def labels(name: str) -> Sequence[Labels]:
        row = describe(name, tape)
        shape = row.shape if row else ()
        return (
            [by_letter.get(letter) for letter in shape]
            if len(shape) == tape.value(name).dim()
            else []
        )

    return labels
