"""The path: all lessons in their order, from adding and multiplying to a proof.

The order is that of a first course: a network, what it reads, attention, a whole model, how it
learns, what it writes. A lesson is one entry here and its words in `words/lessons.en.toml`.
"""

from collections.abc import Mapping
from functools import partial

from pellucid.errors import ConfigError, did_you_mean
from pellucid.lessons import facts, heads, tasks
from pellucid.lessons.lesson import Ask, Lesson
from pellucid.lessons.run import example_run
from pellucid.tasks import ADDITION, BRACKETS, COPYING, INDUCTION


def _of_example(name: str, example: str, *asks: Ask, known: facts.Known = lambda _: {}) -> Lesson:
    """A lesson about a worked example."""
    run = partial(example_run, example)
    return Lesson(name, run, f"pellucid walk {example}", asks, known)


PATH: tuple[Lesson, ...] = (
    _of_example(
        "sums",
        "leaf_or_flower",
        Ask("node", "plain.hidden.0.out[0,1]", 2),
        Ask("bias", "biased.hidden.0.out[0,0]", 2),
        Ask("output", "plain.output.out[0,0]", 2),
    ),
    _of_example(
        "network",
        "leaf_or_flower",
        Ask("relu", "bent.output.out[0,1]", 3, own=("bent.hidden.0.act.out",)),
        Ask("winner", fact="winner"),
        Ask("collapse", "one.weight[0,0]", 4, read=True),
        known=facts.of_network,
    ),
    _of_example(
        "training",
        "leaf_or_flower_training",
        Ask("loss", "difference.loss", 1),
        Ask("standardized", "network.standardize.out[0,0]", 2),
        Ask("gradient", "dnetwork.output.weight[1,0]", 3),
        Ask("direction", fact="direction"),
        known=facts.of_training,
    ),
    _of_example(
        "letters",
        "humpty_dumpty",
        Ask("code", "numbers.inputs[0,1]", 3),
        Ask("outputs", fact="outputs"),
        Ask("next_window", fact="next_window"),
        known=facts.of_letters,
    ),
    _of_example(
        "embeddings",
        "humpty_dumpty",
        Ask("inputs", fact="inputs", slips={"added": "window_and_width"}),
        Ask("one_hot", "product_h[0,1]", 2, read=True),
        Ask("table", "vectors.wte.weight", shape=True),
        known=facts.of_embeddings,
    ),
    Lesson(
        "subwords",
        facts.subwords_run,
        "pellucid walk tokenizers",
        (
            Ask("pair", fact="pair", slips={"longer_words": "pair_words"}),
            Ask("merged", fact="after", slips={"not_merged": "letters"}),
            Ask("cut", fact="cut"),
            Ask("count", fact="several_count", slips={"letters": "several_letters"}),
            Ask("why", fact="why"),
        ),
    ),
    _of_example(
        "attention",
        "self_attention",
        Ask("score", "scores.out[0,1]", 3),
        Ask("mixed", "mixed.out[0,0]", 2),
        Ask("scaled", "scaled.scores[0,0]", 3),
    ),
    _of_example(
        "softmax",
        "softmax",
        Ask("share", "softmax.out[1,0]", 3),
        Ask("large", "stable.out[0,1]", 3),
        Ask("sum", fact="sum"),
        known=facts.of_softmax,
    ),
    _of_example(
        "norm",
        "layer_norm_residual",
        Ask("variance", "ln.variance[0,0]", 1),
        Ask("normed", "ln.out[0,7]", 1),
        Ask("residual", "h.0.resid_mid[0,1]", 3, example="ai_rocks"),
        Ask("dropout", "inverted.train.out[0,0]", 2, example="dropout"),
    ),
    _of_example(
        "heads",
        "hello_world",
        Ask("shape", "h.0.attn.att", shape=True),
        Ask("look", "h.0.attn.att[0,1,0]", 1),
        Ask("width", fact="width"),
        known=facts.of_heads,
    ),
    _of_example(
        "positions",
        "positions",
        Ask("learned", "wpe.out[1,0]", 3),
        Ask("wave", "paired[1,0]", 3, read=True),
        Ask("naive", fact="naive"),
        known=facts.of_positions,
    ),
    _of_example(
        "gpt",
        "ai_rocks",
        Ask("embedded", "wpe.out[1,0]", 2),
        Ask("look", "h.0.attn.att[0,1,0]", 2),
        Ask("gathered", "h.0.attn.z[0,1,0]", 2),
        Ask("logit", "logits[1,0]", 2),
    ),
    _of_example(
        "learning",
        "ai_rocks",
        Ask("loss", "losses[0]", 2),
        Ask("mean", "loss", 2, own=("losses",)),
        Ask("dlogit", "dlogits[0,1]", 3),
        Ask("tied", "dwte.weight[0,0]", 3),
        Ask("step", "wte.weight.new[0,0]", 4),
    ),
    _of_example(
        "optimizers",
        "optimizers",
        Ask("sgd", "sgd.1.output.weight.new[0,0]", 3, own=("sgd.1.output.weight.update",)),
        Ask("momentum", "momentum.2.output.weight.m[0,0]", 3),
        Ask("adam", "adam.1.output.weight.new[1,0]", 2, own=("adam.1.output.weight.update",)),
        Ask("adamw", "adamw.1.output.weight.update[1,0]", 2),
        Ask("slowest", fact="slowest", given=("by_size",)),
        known=facts.of_optimizers,
    ),
    _of_example(
        "sampling",
        "sampling",
        Ask("drawn", fact="drawn", given=("temperatures[1,:]",)),
        Ask("top_k", "top_k.out[1]", 2),
        Ask("both", "both.out[1]", 2, slips={"without_temperature": "warm"}),
        Ask("top_p", fact="kept", given=("temperatures[1,:]",)),
        Ask("beam", fact="both", decimals=3, slips={"added": "added"}),
        Ask("winner", fact="winner"),
        known=facts.of_sampling,
    ),
    _of_example(
        "translation",
        "translation_by_gpt",
        Ask("mask", "h.0.attn.att", shape=True),
        Ask("loss", "losses[5]", 3, given=("probs[5,9]",)),
        Ask("counted", fact="counted", slips={"over_all": "read"}),
        known=facts.of_translation,
    ),
    _of_example(
        "transformer",
        "where_do_you_live",
        Ask("scaled", "enc.scale.out[0,0]", 2),
        Ask("placed", "enc.position.out[0,1]", 2),
        Ask("cross", "dec.h.0.cross.att", shape=True),
        known=facts.of_transformer,
    ),
    _of_example(
        "padding",
        "encoder_decoder",
        Ask("padded", fact="padded"),
        Ask("mask", "may_look", shape=True),
        Ask("hidden", fact="hidden"),
        Ask("changed", fact="changed"),
        Ask("seen", fact="seen", decimals=2, slips={"the_share": "others"}),
        known=facts.of_padding,
    ),
    _of_example(
        "llama",
        "llama_by_hand",
        Ask("rms", "h.0.ln_1.out[0,0]", 2),
        Ask("angle", "rope.cos[1,0]", 3),
        Ask("turned", "h.0.attn.q_rope.out[0,1,0]", 2),
        Ask("gate", "h.0.mlp.gated[0,0]", 2, own=("h.0.mlp.act.out",)),
    ),
    Lesson(
        "inside",
        facts.inside_run,
        "pellucid reach 'Once upon a time there was'",
        (
            Ask("seen", fact="furthest", given=("h.1.attn.att[2,7,:]",)),
            Ask("rest", fact="rest", decimals=2, slips={"the_share": "most"}),
            Ask("shape", "h.1.attn.att", shape=True),
        ),
    ),
    Lesson(
        "proving",
        facts.proof_run,
        "pellucid prove ai_rocks",
        (
            Ask("slope", fact="slope", decimals=3, slips={"one_sided": "one_sided"}),
            Ask("digits", fact="digits"),
        ),
        facts.of_proof,
    ),
    Lesson(
        "copying",
        heads.copying_run,
        f"pellucid walk '{heads.COPIED}' --model {COPYING.name}",
        (
            Ask("looks", fact="looked_at", given=("h.0.attn.att[0,5,:]",)),
            Ask("place", fact="placed"),
            Ask("shape", "h.0.attn.att", shape=True),
            Ask("guess", fact="guess", decimals=2),
        ),
    ),
    Lesson(
        "induction",
        heads.induction_run,
        f"pellucid walk '{heads.REPEATED}' --model {INDUCTION.name}",
        (
            Ask("follows", fact="answer"),
            Ask("before", fact="before", given=("h.0.attn.att[0,3,:]",)),
            Ask("found", fact="looked_at", given=("h.1.attn.att[0,5,:]",)),
            Ask("side", fact="side"),
        ),
    ),
    Lesson(
        "clock",
        tasks.clock_run,
        f"pellucid walk '{tasks.SUM}' --model {ADDITION.name}",
        (
            Ask("remainder", fact="remainder", slips={"not_reduced": "sum"}),
            Ask("turn", fact="turn", slips={"whole_turns": "turns"}),
            Ask("shape", "h.0.mlp.act.out", shape=True),
            Ask("circles", fact="circles"),
        ),
    ),
    Lesson(
        "brackets",
        tasks.brackets_run,
        f"pellucid walk '{tasks.OPEN}' --model {BRACKETS.name}",
        (
            Ask("mean", fact="share_open", slips={"not_shared": "open"}),
            Ask("even", fact="even_share", given=("h.0.attn.att[0,3,:]",)),
            Ask("shape", "h.1.attn.att", shape=True),
            Ask("ends", fact="ends"),
        ),
    ),
)
"""All lessons, in their order."""


def names() -> list[str]:
    """The lessons' names, in their order."""
    return [lesson.name for lesson in PATH]


def find_lesson(name: str) -> Lesson:
    """The lesson of a name, or of a number counted from 1; `ConfigError` where there is none."""
    if name.isascii() and name.isdecimal() and 1 <= int(name) <= len(PATH):
        return PATH[int(name) - 1]
    titles: Mapping[str, str] = {lesson.title: lesson.name for lesson in PATH}
    found = titles.get(name, name.replace("-", "_"))
    if found not in names():
        raise ConfigError(
            f"a lesson must be a number from 1 to {len(PATH)} or one of {', '.join(names())}, and "
            f"{name!r} is not{did_you_mean(name, names(), titles)}: pellucid learn lists them"
        )
    return PATH[names().index(found)]
