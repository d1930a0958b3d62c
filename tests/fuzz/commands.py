"""Text commands: any text, any value of their options."""

from collections.abc import Sequence

from hypothesis import strategies as st

from tests.fuzz import originals
from tests.fuzz.loading import Changed, written
from tests.fuzz.mutation import ESCAPES
from tests.fuzz.target import Target

MARKS = [
    "<|endoftext|>",
    "<SEP>",
    "<PAD>",
    "<EOS>",
    "\ufeff",
    "\x1b[31m",
    "\udcff",
    "\u202e",
    ESCAPES,
]
TEXTS = (
    st.text(max_size=24)
    | st.lists(st.sampled_from([*MARKS, "the ", "a", "é", "\n", "😀"]), max_size=6).map("".join)
    | st.sampled_from(["In the beginning", "ai_rocks", "leaf_or_flower", "a" * 300])
)
"""What a user may write or paste; with lone surrogates, as a terminal gives broken bytes."""

WORDS = st.sampled_from(
    ["", "0", "1", "-1", "2", "1e9", "nan", "inf", "1000000000000", "x", "\x1b"]
)
FRACTIONS = WORDS | st.floats().map(str)
NAMES = st.sampled_from(
    [
        *("loss", "logits", "h.0.attn.att", "h.0.attn.att[0]", "h.0.attn.att[0,1,0]", "wte.weight"),
        *(
            "dwte.weight[1,2]",
            "h.0.ln_1.out[-1]",
            "h.0.attn.att[9,9,9]",
            "h.9.out",
            "wte.weight[0:2]",
        ),
        *(
            "wte.weight.update[0,1]",
            "tokens",
            "att[",
            "[]",
            "h.0.attn.att[1e9]",
            "dloss",
            "\x1b[2J",
        ),
    ]
) | st.text(max_size=12)
OUTPUTS = st.sampled_from(
    ["o.html", "o.md", "o.json", "o.tex", "o.csv", "o.svg", "o.xyz", "o", ".", "no/where.md", ""]
)
TOKENIZERS = st.sampled_from(
    [
        "gpt2",
        "english-1M",
        "chars",
        "words",
        "bpe:300",
        "bpe:-1",
        "bpe:1000000000",
        "bpe:x",
        "model",
    ]
)

FLAG = st.just(None)
"""An option without a value."""

Value = str | tuple[str, str] | None
Options = dict[str, st.SearchStrategy[Value]]


@st.composite
def arguments(
    draw: st.DrawFn, command: str, positional: Sequence[st.SearchStrategy[str]], options: Options
) -> list[str]:
    """A command, its arguments, and up to three of its options."""
    said = [command]
    for name in draw(st.lists(st.sampled_from(sorted(options)), max_size=3)):
        value = draw(options[name])
        if isinstance(value, tuple):
            said += [name, *value]
        else:
            said += [name] if value is None else [f"{name}={value}"]
    return [*said, "--", *(draw(one) for one in positional)] if positional else said


def of_model(
    command: str, *positional: st.SearchStrategy[str], **options: st.SearchStrategy[Value]
) -> Target:
    """A command that runs a small model."""
    named = {f"--{name.replace('_', '-')}": values for name, values in options.items()}

    def inputs() -> st.SearchStrategy[Changed]:
        model = {f"model/{name}": content for name, content in originals.native().items()}
        drawn = arguments(command, positional, named)
        return drawn.map(lambda said: (model, [said[0], "--model", "model", *said[1:]]))

    return Target(command, inputs, written)


def of_text(
    command: str, *positional: st.SearchStrategy[str], **options: st.SearchStrategy[Value]
) -> Target:
    """A command that needs no model."""
    named = {f"--{name.replace('_', '-')}": values for name, values in options.items()}

    def inputs() -> st.SearchStrategy[Changed]:
        model = {f"model/{name}": content for name, content in originals.native().items()}
        return arguments(command, positional, named).map(lambda said: (model, said))

    return Target(command, inputs, written)


def of_file(command: str, *rest: str) -> Target:
    """A command that reads a text from a file, of any bytes."""
    contents = st.binary(max_size=200) | (
        st.tuples(TEXTS, st.integers(1, 40)).map(
            lambda both: (
                (both[0] * both[1]).encode("utf-8", "surrogateescape")
                if not any("\ud800" <= character < "\udc80" for character in both[0])
                else b"\xed\xa0\x80"
            )
        )
    )

    def inputs() -> st.SearchStrategy[Changed]:
        model = {f"model/{name}": content for name, content in originals.native().items()}
        return contents.map(lambda text: (model | {"text.txt": text}, [command, "text.txt", *rest]))

    return Target(f"{command} a file", inputs, written)


DIGITS = st.sampled_from(["1", "4", "17", "0", "18", "x"])
OPTIMIZERS = st.sampled_from(["sgd", "momentum", "adam", "adamw", "Adam", "adamx", ""])
RATES = st.sampled_from(["0.1", "1e-3", "1e30", "nan", "0", "-1", "inf"])

RANGES = st.sampled_from(["4-5", "2,4", "1-99", "5-4", "0", "-", "x", "", "9" * 30])

TARGETS = [
    of_text("tokenize", TEXTS, tokenizer=TOKENIZERS, merges=FLAG),
    of_model(
        "walk",
        TEXTS,
        show=NAMES,
        layers=WORDS,
        digits=DIGITS,
        by_hand=DIGITS,
        optimizer=OPTIMIZERS,
        learning_rate=RATES,
        shapes=FLAG,
        no_update=FLAG,
        full=FLAG,
        steps=RANGES,
        step=DIGITS,
        backward=FLAG,
        out=OUTPUTS,
        worksheet=FLAG,
        exercises=FLAG,
        blanks=FRACTIONS,
        dtype=st.sampled_from(["float64", "float32", "bfloat16", "int8"]),
    ),
    of_model(
        "explain",
        NAMES,
        TEXTS,
        depth=WORDS,
        terms=WORDS,
        optimizer=OPTIMIZERS,
        digits=DIGITS,
        by_hand=DIGITS,
        python=FLAG,
    ),
    of_model(
        "prove",
        TEXTS,
        until=st.sampled_from(["forward", "gradients", "update", "x"]),
        bits=st.sampled_from(["64", "128", "1", "0", "-1", "100000000000"]),
        digits=DIGITS,
        no_check_gradients=FLAG,
        out=OUTPUTS,
    ),
    of_model(
        "reach",
        TEXTS,
        **{"from": TEXTS | WORDS, "to": TEXTS | WORDS},
        contrast=st.tuples(TEXTS | WORDS, TEXTS | WORDS),
        patch=st.tuples(TEXTS | WORDS, TEXTS | WORDS),
        at=TEXTS | WORDS,
        top=WORDS,
        out=OUTPUTS,
    ),
    of_model(
        "generate",
        prompt=TEXTS,
        max_new_tokens=st.sampled_from(["0", "1", "3", "15", "40", "-1", "x"]),
        temperature=FRACTIONS,
        top_k=WORDS,
        top_p=FRACTIONS,
        seed=WORDS,
        greedy=FLAG,
        beam=st.sampled_from(["1", "2", "3", "0", "-1", "x"]),
        length_penalty=FRACTIONS,
        why=FLAG,
        no_past=FLAG,
        lookup=st.sampled_from(["0", "1", "3", "-1"]),
        num_samples=st.sampled_from(["0", "1", "2"]),
        quantize=st.sampled_from(["int8", "int4", "bfloat16", "stored", "int2"]),
    ),
    of_model(
        "reference",
        TEXTS,
        out=OUTPUTS,
        names=NAMES,
        slices=WORDS,
        layers=WORDS,
        llm_c=FLAG,
        size=st.sampled_from(["1MB", "400KB", "1", "0", "x", "1e9GB"]),
        recipe=st.sampled_from(["nanogpt", "llm.c", "x"]),
        betas=st.sampled_from(["0.9,0.95", "0.9", "1,1", "a,b", ""]),
        eps=FRACTIONS,
        clip=FRACTIONS,
        decay=st.sampled_from(["matrices", "all", "x"]),
        warmup=WORDS,
        total=WORDS,
        floor=FRACTIONS,
        decode=st.sampled_from(["0", "1", "3", "-1", "x"]),
        temperature=FRACTIONS,
        top_k=WORDS,
        top_p=FRACTIONS,
        to=st.sampled_from(["c", "c", "safetensors", "rust", ""]),
        dtype=st.sampled_from(["float64", "float32", "bfloat16", "float16"]),
    ),
    Target(
        "walk an example",
        lambda: arguments(
            "walk",
            [TEXTS | st.sampled_from(["airocks", "AI_ROCKS", "ai rocks", "ai_rocks_d2", "leaf"])],
            {"--show": NAMES, "--digits": DIGITS, "--shapes": FLAG, "--by-hand": DIGITS},
        ).map(lambda said: ({}, said)),
        written,
    ),
    of_file("evaluate", "--model", "model"),
    of_file("prepare", "--tokenizer", "bpe:300", "--out", "data"),
]
