"""From GPT-2's block to Llama's, one change at a time, on AI rocks."""

from collections.abc import Mapping, Sequence

import torch

from pellucid.examples.demonstration import Demonstration
from pellucid.examples.keys_and_gates import gating, shared_keys
from pellucid.examples.mixed_block import (
    BASE,
    EPS,
    GATED,
    GPT_2,
    GROUPED,
    HEADS,
    RMS,
    Stage,
    record_stage,
    side_by_side,
)
from pellucid.examples.model_example import load_example
from pellucid.examples.norms_and_positions import APART, norms, rotation
from pellucid.examples.toolbox import apart, axes, numbered
from pellucid.models import Llama, LlamaConfig
from pellucid.tape import Tape
from pellucid.tree import Tree
from pellucid.walkthrough import Labels, Part, Step, Walkthrough, labelled

TITLE = "From GPT-2 to Llama"
ABOUT = (
    "AI rocks once more, one change at a time: RMS norm for layer norm, rotation for learned "
    "positions, one head of keys for two, SwiGLU for GELU. After the last, the block is Llama's."
)

WORDS = ["AI", "rocks"]
VOCABULARY = [*WORDS, "<EOS>"]


def _walkthrough() -> Walkthrough:
    tape, stages = Tape(), _stages()
    rocks = load_example("ai_rocks")
    tokens = torch.tensor(rocks.tokenizer.encode(rocks.text))
    tape.given({"tokens": tokens[:-1], "targets": tokens[1:]})
    for stage in stages.values():
        record_stage(stage, tape.value("tokens"), tape.value("targets"), tape)
    gpt2, rms, turned, shared, gated, llama = stages.values()
    parts = numbered(
        _start(tape, gpt2),
        norms(tape, gpt2, rms),
        rotation(tape, rms, turned),
        shared_keys(tape, turned, shared),
        gating(tape, shared, gated, WORDS),
        _end(tape, stages, llama),
    )
    return Walkthrough(TITLE, ABOUT, tape, parts, labelled(_labels(tape)))


def _stages() -> Mapping[str, Stage]:
    """Each model from the one before it; a weight stays what it is as long as it has a place."""
    params = load_example("ai_rocks").model.params
    outside: Tree = {"wte": params["wte"]}
    block: Tree = dict(params["h"]["0"])
    stages = [Stage("gpt2", "AI rocks", GPT_2, outside | {"wpe": params["wpe"]} | block)]

    block |= {norm: {"weight": block[norm]["weight"]} for norm in ("ln_1", "ln_2")}
    stages.append(Stage("rms", "RMS norm", RMS, outside | {"wpe": params["wpe"]} | block))

    block["attn"] = _own_maps(block["attn"])
    stages.append(Stage("turned", "rotation", GROUPED, outside | block))

    keys = {name: _mean_of_heads(block["attn"][name]) for name in ("k_proj", "v_proj")}
    block["attn"] = block["attn"] | keys
    stages.append(Stage("shared", "shared keys", GROUPED, outside | block))

    block["mlp"] = _gates(block["mlp"])
    stages.append(Stage("gated", "SwiGLU", GATED, outside | block))

    for part in ("attn", "mlp"):
        block[part] = {name: {"weight": own["weight"]} for name, own in block[part].items()}
    last = {"weight": torch.ones_like(block["ln_1"]["weight"])}
    stages.append(Stage("llama", "Llama", GATED, outside | block | {"ln_f": last}))
    return {stage.path: stage for stage in stages}


def _own_maps(attn: Tree) -> Tree:
    """Attention's parameters, with a map each to queries, keys and values in place of one."""
    parts = {name: value.chunk(3, -1) for name, value in attn["c_attn"].items()}
    maps = {
        f"{letter}_proj": {name: chunks[place].clone() for name, chunks in parts.items()}
        for place, letter in enumerate("qkv")
    }
    return maps | {"c_proj": attn["c_proj"]}


def _mean_of_heads(proj: Tree) -> Tree:
    """A map to one head, the mean of the maps to several."""
    return {name: value.unflatten(-1, (HEADS, -1)).mean(-2) for name, value in proj.items()}


def _gates(mlp: Tree) -> Tree:
    """The inner units in pairs: of each the first is the gate, the second is what it lets through.

    What a pair hands on goes where the first unit's value went.
    """
    inner = mlp["c_fc"]
    return {
        "gate_proj": {name: value[..., 0::2].clone() for name, value in inner.items()},
        "up_proj": {name: value[..., 1::2].clone() for name, value in inner.items()},
        "c_proj": mlp["c_proj"] | {"weight": mlp["c_proj"]["weight"][0::2].clone()},
    }


def _start(tape: Tape, gpt2: Stage) -> Part:
    loss = float(tape["gpt2.loss"])
    return Part(
        "Where we start",
        (
            Step(
                "The block of GPT-2",
                (
                    "resid_mid = wpe.out + attn.c_proj.out",
                    "resid_post = resid_mid + mlp.c_proj.out",
                ),
                ("gpt2.embed.out", "gpt2.wpe.out", "gpt2.attn.att", "gpt2.probs", "gpt2.loss"),
                says=f"This is ai_rocks, with its {gpt2.size} weights and its loss of {loss:.6f}. "
                "Four of its parts will now be replaced, one after the other. The weights that "
                "have a place in the new form stay as they are, and none is trained. So the loss "
                "tells that the numbers move, and not which form is the better one.",
            ),
        ),
    )


def _end(tape: Tape, stages: Mapping[str, Stage], llama: Stage) -> Part:
    """What little is left, the model that it comes to, and all stages side by side."""
    attn, mlp = llama.params["attn"], llama.params["mlp"]
    width = llama.params["wte"]["weight"].shape[-1]
    config = LlamaConfig(
        vocab_size=len(VOCABULARY),
        block_size=len(WORDS),
        n_layer=1,
        n_head=HEADS,
        n_kv_head=llama.keys,
        n_embd=width,
        n_inner=mlp["gate_proj"]["weight"].shape[-1],
        eps=EPS,
        rope_base=BASE,
    )
    block = {"ln_1": llama.params["ln_1"], "attn": attn, "ln_2": llama.params["ln_2"], "mlp": mlp}
    params = {"wte": llama.params["wte"], "h": {"0": block}, "ln_f": llama.params["ln_f"]}
    logits = Llama(config, params).forward(tape.value("tokens"))
    tape.given({"model": logits})
    biases = stages["gated"].size - llama.size + width
    return Part(
        "What is left",
        (
            Step(
                "No biases, and one more norm",
                ("llama.logits = llama.ln_f.out llama.wte.weightᵀ",),
                ("llama.resid_post", "llama.ln_f.out", "llama.logits"),
                says=f"Llama's maps have no biases: {biases} numbers less. Before the head stands "
                "one more RMS norm, as GPT-2 has a layer norm there, which ai_rocks leaves out. "
                "Its gain here is 1.",
            ),
            Step(
                "This is Llama",
                ("model = llama.logits",),
                ("model",),
                says="The model Llama of this package, given these weights and nothing else, makes "
                f"logits that differ by {apart(logits, tape['llama.logits'])}. From here "
                "llama_by_hand goes on, with a text of three words and every gradient.",
            ),
            Step(
                "All the stages, one below the other",
                lines=side_by_side(tape, *stages.values()),
                says="The probabilities and the loss are a matter of training. The first two "
                "columns are not.",
            ),
        ),
    )


def _labels(tape: Tape) -> Mapping[str, Sequence[Labels]]:
    """The words along the axes of what is shown, by its shape and the last words of its name."""
    parameters = {"wte.weight": (VOCABULARY, None), "wpe.weight": (["0", "1"], None)}
    by_last = {"scores": (WORDS, WORDS), "att": (WORDS, WORDS)}
    by_last |= {"logits": (WORDS, VOCABULARY), "probs": (WORDS, VOCABULARY)}
    found: dict[str, Sequence[Labels]] = {}
    for name in tape:
        last, value = name.rpartition(".")[2], tape.value(name)
        given = next((own for own in parameters if name.endswith(f".{own}")), None)
        if given is not None:
            found[name] = parameters[given]
        elif value.dim() >= 2 and value.shape[-2] == len(WORDS) and last != "weight":
            own = by_last.get(last, (WORDS, None))
            found[name] = (*([None] * (value.dim() - 2)), *own)
    found["distances.scores"] = ([f"{count} apart" for count in range(APART)], WORDS[:1])
    return found | axes((WORDS, VOCABULARY), "model")


GPT2_TO_LLAMA = Demonstration(TITLE, ABOUT, _walkthrough)
