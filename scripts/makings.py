"""How each English model that ships is made, and what its card says that no file does."""

from dataclasses import dataclass

from english.sources import TEXTS


@dataclass(frozen=True)
class Making:
    """How one model is made, and what its card says that no file does."""

    texts: dict[str, str]
    """By name: what it is."""
    vocabulary: str
    train: str
    architecture: str
    licence: str
    cannot: str
    script: str
    """The commands that call this script, as the card has them."""
    modern: dict[str, str] | None = None
    """Texts of which nothing is trained on; they were named before the training."""
    beside: str | None = None
    """The shipped model that is measured on the same texts."""
    prompts: tuple[str, ...] = ()
    """Written before the training; the card has what the model adds to each."""


MAKINGS = {
    "english-1M": Making(
        texts={
            "shakespeare": (
                '40,000 lines of Shakespeare\'s plays ("tiny shakespeare"), public domain'
            ),
            "bible-kjv": "the King James Bible, public domain",
            "austen": "six novels of Jane Austen, public domain",
        },
        vocabulary="bpe:2048",
        train=(
            "--n-layer 4 --n-head 4 --n-embd 128 --block-size 256 --batch-size 16 "
            "--max-iters 4000 --learning-rate 5e-3 --warmup-iters 100 --min-lr-ratio 0.02 "
            "--eval-interval 250 --mixed --num-samples 0 --seed 1337"
        ),
        architecture="GPT-2's architecture with tied embeddings",
        licence=(
            "The texts are in the public domain, and the weights are under Pellucid's licence, "
            "Apache-2.0."
        ),
        cannot=(
            "It writes sentences in the manner of its three sources, and knows nothing else: no "
            "fact can be asked of it, it invents words, and a sentence seldom belongs to the one "
            "before. Of today's English it knows little."
        ),
        script="with the texts in a folder (`python scripts/shipped_model.py english-1M FOLDER`)",
    ),
    "english-4M": Making(
        texts={
            name: f"{text.what}: {text.licence}"
            for name, text in TEXTS.items()
            if not text.held_out
        },
        vocabulary="bpe:4096",
        train=(
            "--architecture llama --n-layer 4 --n-head 8 --n-kv-head 4 --n-embd 256 "
            "--block-size 256 --batch-size 16 --max-iters 4500 --learning-rate 1.5e-3 "
            "--warmup-iters 100 --min-lr-ratio 0.02 --eval-interval 500 --save-interval 100 "
            "--mixed --compile --num-samples 0 --seed 1337"
        ),
        architecture=(
            "Llama's architecture (RMS norms, rotary positions, gated feed-forward networks, "
            "shared keys and values) with tied embeddings"
        ),
        licence=(
            "Each licence allows a model that has learnt from the text to be passed on; no text is "
            "part of the package. The weights are under Pellucid's licence, Apache-2.0."
        ),
        cannot=(
            "Its phrases are English; a whole sentence often is not, and seldom makes sense or is "
            "true: no fact can be asked of it. It loses its subject within a few sentences, turns "
            "without a word from one of its sources' manners into another's, and can neither "
            "answer nor follow an instruction. Of talk and of stories of today it has read next to "
            "nothing."
        ),
        script=(
            "with a network once (`python scripts/collect_english.py FOLDER`, then "
            "`python scripts/shipped_model.py english-4M FOLDER`)"
        ),
        modern={name: text.what for name, text in TEXTS.items() if text.held_out},
        beside="english-1M",
        prompts=(
            "The old man opened the door and",
            "My fellow Americans, tonight",
            '"Where have you been?" she asked.',
            "It is easy to see why",
            "In the morning the children",
            "The function returns",
            "dog (noun):",
            "He did not want to go home, because",
            "The country's economy",
            "Once upon a time there was",
        ),
    ),
}
