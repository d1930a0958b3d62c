"""Dumps under the names of other programs, as each of them has them, lead to our tensors."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from pellucid.compare import Mine
from pellucid.models import GPT, VOCABULARIES, Llama
from pellucid.models.vocabularies.rule import parse_rule
from pellucid.tape import Tape
from tests.port.models import CONFIG, LLAMA_CONFIG, N_HEAD, llama_of, model_of, small

H, D, C = N_HEAD, 4, 12
Dump = dict[str, Tensor]


def tape_of(kind: str) -> Tape:
    config = CONFIG if kind == "gpt" else LLAMA_CONFIG
    params, tokens, targets = small(config=config)
    model = (model_of if kind == "gpt" else llama_of)(params, torch.float64)
    batch = torch.tensor(np.stack([tokens, targets])), torch.tensor(np.stack([targets, tokens]))
    made = Tape()
    model.loss_and_grads(*batch, made)
    return made


@pytest.fixture(scope="module")
def gpt() -> Tape:
    return tape_of("gpt")


@pytest.fixture(scope="module")
def llama() -> Tape:
    return tape_of("llama")


def modules(tape: Tape, names: dict[str, str], layers: int = 2) -> Dump:
    """What modules put out, by their names with @ for a number, and the gradients by them."""
    found = {}
    for theirs, ours in names.items():
        for i in range(layers if "@" in theirs else 1):
            name = ours.replace("@", str(i))
            found[theirs.replace("@", str(i))] = tape[name]
            if f"d{name}" in tape:
                found[theirs.replace("@", str(i)) + ".grad"] = tape[f"d{name}"]
    return found


def side_by_side(heads: Tensor) -> Tensor:
    """(B, H, T, d) as a map puts it out: (B, T, H·d)."""
    batch, count, length, width = heads.shape
    return torch.stack([heads[:, h] for h in range(count)], 2).reshape(batch, length, count * width)


def linear(tape: Tape, d: str, ours: str) -> dict[str, Tensor]:
    """A map's parameters, or their gradients, as nn.Linear has them."""
    return {"weight": tape[f"{d}{ours}.weight"].T, "bias": tape[f"{d}{ours}.bias"]}


def as_linear(tape: Tape, model: str, block: str) -> Dump:
    """The parameters of a nanoGPT, and their gradients, under a model's and a block's name."""
    found = {}
    for d, end in (("", ""), ("d", ".grad")):
        for table in ("wte", "wpe"):
            found[f"{model}{table}.weight{end}"] = tape[f"{d}{table}.weight"]
        for kind in ("weight", "bias"):
            found[f"{model}ln_f.{kind}{end}"] = tape[f"{d}ln_f.{kind}"]
            for i in range(2):
                for norm in ("ln_1", "ln_2"):
                    found[f"{block}{i}.{norm}.{kind}{end}"] = tape[f"{d}h.{i}.{norm}.{kind}"]
                for name in ("attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"):
                    own = linear(tape, d, f"h.{i}.{name}")
                    found[f"{block}{i}.{name}.{kind}{end}"] = own[kind]
    return found


MODULES = {
    "transformer.h.@": "h.@.resid_post",
    "transformer.h.@.ln_1": "h.@.ln_1.out",
    "transformer.h.@.attn.c_attn": "h.@.attn.c_attn.out",
    "transformer.h.@.mlp.c_fc": "h.@.mlp.c_fc.out",
    "transformer.ln_f": "ln_f.out",
    "lm_head": "logits",
}


def nanogpt(tape: Tape) -> Dump:
    masks = {f"transformer.h.{i}.attn.bias": torch.ones(1, 1, 10, 10) for i in range(2)}
    gelu = modules(tape, {"transformer.h.@.mlp.gelu": "h.@.mlp.act.out"})
    return masks | gelu | modules(tape, MODULES) | as_linear(tape, "transformer.", "transformer.h.")


def compiled(tape: Tape) -> Dump:
    return {f"_orig_mod.module.{name}": value for name, value in nanogpt(tape).items()}


def mlx(tape: Tape) -> Dump:
    return as_linear(tape, "model.", "model.h.")


def hugging_face(tape: Tape) -> Dump:
    found = as_linear(tape, "transformer.", "transformer.h.")
    maps = ("c_attn.weight", "c_proj.weight", "c_fc.weight")
    return modules(tape, MODULES) | {
        name: value.T if name.removesuffix(".grad").endswith(maps) else value
        for name, value in found.items()
    }


def thirds(tape: Tape, name: str) -> list[Tensor]:
    return list(tape[name].chunk(3, -1))


def apart(tape: Tape, names: dict[str, str], *, gradients: bool = True) -> Dump:
    """Parameters by their names with @, queries, keys and values apart where the name has a ?."""
    found = {}
    for d, end in (("", ""), ("d", ".grad")) if gradients else (("", ""),):
        for theirs, ours in names.items():
            for i in range(2 if "@" in theirs else 1):
                name, value = theirs.replace("@", str(i)), tape[d + ours.replace("@", str(i))]
                if "?" not in name:
                    turned = value.dim() == 2 and ".ln_" not in ours and "w" + "te" not in ours
                    turned = turned and "wpe" not in ours
                    found[name + end] = value.T if turned else value
                    continue
                own = thirds(tape, d + ours.replace("@", str(i)))
                words = name[name.index("?") + 1 :].split("!")
                for word, part in zip(words[0].split("/"), own, strict=True):
                    plain = name[: name.index("?")] + word + words[1]
                    found[plain + end] = part.T if value.dim() == 2 else part.flatten()
    return found


def mingpt(tape: Tape) -> Dump:
    found = apart(
        tape,
        {
            "tok_emb.weight": "wte.weight",
            "blocks.@.ln1.weight": "h.@.ln_1.weight",
            "blocks.@.ln1.bias": "h.@.ln_1.bias",
            "blocks.@.attn.?query/key/value!.weight": "h.@.attn.c_attn.weight",
            "blocks.@.attn.?query/key/value!.bias": "h.@.attn.c_attn.bias",
            "blocks.@.attn.proj.weight": "h.@.attn.c_proj.weight",
            "blocks.@.mlp.0.weight": "h.@.mlp.c_fc.weight",
            "blocks.@.mlp.0.bias": "h.@.mlp.c_fc.bias",
            "blocks.@.mlp.2.weight": "h.@.mlp.c_proj.weight",
        },
    )
    found |= {"pos_emb": tape["wpe.weight"][None], "pos_emb.grad": tape["dwpe.weight"][None]}
    found |= {f"blocks.{i}.attn.mask": torch.ones(1, 1, 10, 10) for i in range(2)}
    for i in range(2):
        for word in ("query", "key", "value"):
            found[f"blocks.{i}.attn.{word}"] = side_by_side(tape[f"h.{i}.attn.{word[0]}"])
    names = {"tok_emb": "embed.out", "blocks.@.mlp.1": "h.@.mlp.act.out", "head": "logits"}
    names |= {"blocks.@.attn.attn_drop": "h.@.attn.att", "blocks.@": "h.@.resid_post"}
    return found | modules(tape, names)


def from_scratch(tape: Tape) -> Dump:
    found = apart(
        tape,
        {
            "tok_emb.weight": "wte.weight",
            "pos_emb.weight": "wpe.weight",
            "trf_blocks.@.norm1.scale": "h.@.ln_1.weight",
            "trf_blocks.@.norm1.shift": "h.@.ln_1.bias",
            "trf_blocks.@.att.?W_query/W_key/W_value!.weight": "h.@.attn.c_attn.weight",
            "trf_blocks.@.att.?W_query/W_key/W_value!.bias": "h.@.attn.c_attn.bias",
            "trf_blocks.@.att.out_proj.weight": "h.@.attn.c_proj.weight",
            "trf_blocks.@.att.out_proj.bias": "h.@.attn.c_proj.bias",
            "trf_blocks.@.norm2.scale": "h.@.ln_2.weight",
            "trf_blocks.@.ff.layers.0.weight": "h.@.mlp.c_fc.weight",
            "trf_blocks.@.ff.layers.2.weight": "h.@.mlp.c_proj.weight",
            "trf_blocks.@.ff.layers.2.bias": "h.@.mlp.c_proj.bias",
            "final_norm.scale": "ln_f.weight",
            "final_norm.shift": "ln_f.bias",
        },
    )
    found |= {f"trf_blocks.{i}.att.mask": torch.ones(10, 10) for i in range(2)}
    found["trf_blocks"] = tape["h.1.resid_post"]
    for i in range(2):
        for word, letter in (("query", "q"), ("key", "k"), ("value", "v")):
            theirs = f"trf_blocks.{i}.att.W_{word}"
            found[theirs] = side_by_side(tape[f"h.{i}.attn.{letter}"])
            found[f"{theirs}.grad"] = side_by_side(tape[f"dh.{i}.attn.{letter}"])
    names = {"tok_emb": "embed.out", "pos_emb": "wpe.rows", "drop_emb": "wpe.out"}
    names |= {"trf_blocks.@.norm1": "h.@.ln_1.out", "trf_blocks.@.ff.layers.1": "h.@.mlp.act.out"}
    names |= {"trf_blocks.@.att": "h.@.attn.c_proj.out", "out_head": "logits"}
    return found | modules(tape, names)


def flax(tape: Tape, block: str = "h_", *, out_in: bool = False, model: str = "params/") -> Dump:
    found = {}
    for d, top in (("", model), ("d", model.replace("params", "grads"))):
        for table in ("wte", "wpe"):
            found[f"{top}{table}/embedding"] = tape[f"{d}{table}.weight"]
        for leaf, kind in (("scale", "weight"), ("bias", "bias")):
            found[f"{top}ln_f/{leaf}"] = tape[f"{d}ln_f.{kind}"]
            for i in range(2):
                for norm in ("ln_1", "ln_2"):
                    found[f"{top}{block}{i}/{norm}/{leaf}"] = tape[f"{d}h.{i}.{norm}.{kind}"]
        for i in range(2):
            for name in ("attn/c_attn", "attn/c_proj", "mlp/c_fc", "mlp/c_proj"):
                ours, theirs = f"{d}h.{i}.{name.replace('/', '.')}", f"{top}{block}{i}/{name}"
                kernel = tape[f"{ours}.weight"]
                found[f"{theirs}/kernel"] = kernel.T if out_in else kernel
                found[f"{theirs}/bias"] = tape[f"{ours}.bias"]
    return found


def flax_gpt2(tape: Tape) -> Dump:
    return flax(tape, "h/", out_in=True, model="params/transformer/")


def flax_keys(tape: Tape) -> Dump:
    """As `jax.tree_util.keystr` writes paths."""
    return {
        "".join(f"['{part}']" for part in name.split("/")): value
        for name, value in flax(tape).items()
    }


def picogpt(tape: Tape, model: str = "", block: str = "blocks/@") -> Dump:
    found = {f"{model}wte": tape["wte.weight"], f"{model}wpe": tape["wpe.weight"]}
    for name in ("ln_f", *(f"h.{i}.{norm}" for i in range(2) for norm in ("ln_1", "ln_2"))):
        theirs = name if name == "ln_f" else f"{block.replace('@', name[2])}/{name[4:]}"
        found[f"{model}{theirs}/g"] = tape[f"{name}.weight"]
        found[f"{model}{theirs}/b"] = tape[f"{name}.bias"]
    for i in range(2):
        for name in ("attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"):
            theirs = f"{model}{block.replace('@', str(i))}/{name.replace('.', '/')}"
            found[f"{theirs}/w"] = tape[f"h.{i}.{name}.weight"][None]
            found[f"{theirs}/b"] = tape[f"h.{i}.{name}.bias"]
    return found


def openai(tape: Tape) -> Dump:
    return picogpt(tape, "model/", "h@")


def gguf(tape: Tape) -> Dump:
    found = {"token_embd.weight": tape["wte.weight"], "position_embd.weight": tape["wpe.weight"]}
    words = {"attn_qkv": "attn.c_attn", "attn_output": "attn.c_proj"}
    words |= {"ffn_up": "mlp.c_fc", "ffn_down": "mlp.c_proj"}
    for kind in ("weight", "bias"):
        found[f"output_norm.{kind}"] = tape[f"ln_f.{kind}"]
        for i in range(2):
            found[f"blk.{i}.attn_norm.{kind}"] = tape[f"h.{i}.ln_1.{kind}"]
            found[f"blk.{i}.ffn_norm.{kind}"] = tape[f"h.{i}.ln_2.{kind}"]
            for theirs, ours in words.items():
                found[f"blk.{i}.{theirs}.{kind}"] = linear(tape, "", f"h.{i}.{ours}")[kind]
    return found


GPTS: dict[str, Callable[[Tape], Dump]] = {
    "nanoGPT": nanogpt,
    "nanoGPT, compiled": compiled,
    "MLX": mlx,
    "Hugging Face": hugging_face,
    "minGPT": mingpt,
    "LLMs-from-scratch": from_scratch,
    "Flax": flax,
    "Flax, keystr": flax_keys,
    "Flax, nnx": lambda tape: flax(tape, "h/"),
    "FlaxGPT2": flax_gpt2,
    "picoGPT": picogpt,
    "OpenAI": openai,
    "GGUF": gguf,
}


def check(dump: Dump, tape: Tape, model: GPT | Llama, least: int) -> Mine:
    mine = Mine(dump, model).of_run(torch.zeros(2, 6))
    assert mine.translation.unknown == ()
    assert len(mine) >= least
    for name in mine:
        torch.testing.assert_close(
            mine[name].reshape(tape[name].shape), tape[name], rtol=1e-12, atol=0, msg=name
        )
    return mine


@pytest.mark.parametrize("program", GPTS)
def test_a_gpt_s_dump_is_turned_into_ours(program: str, gpt: Tape):
    dump = GPTS[program](gpt)
    mine = check(dump, gpt, GPT.without_weights(CONFIG), 28)
    left = set(dump) - {name for one in mine.translation.found.values() for name in one.names}
    assert all("mask" in name or name.endswith(("attn.bias", "blocks")) for name in left)
    assert mine.translation.notes == ()
    assert {"h.1.attn.c_proj.weight", "h.0.mlp.c_fc.weight", "wpe.weight"} <= set(mine)


def halves_in_pairs(rows: Tensor, heads: int) -> Tensor:
    """The last axis from halves to pairs, head by head."""
    own = rows.reshape(*rows.shape[:-1], heads, 2, -1)
    return torch.stack([own[..., 0, :], own[..., 1, :]], -1).reshape(rows.shape)


def meta(tape: Tape) -> Dump:
    found = {"tok_embeddings.weight": tape["wte.weight"], "norm.weight": tape["ln_f.weight"]}
    for i in range(2):
        layer, h = f"layers.{i}", f"h.{i}"
        for letter, heads in (("q", 4), ("k", 2)):
            for kind, end in (("weight", ".weight"), ("out", "")):
                own = tape[f"{h}.attn.{letter}_proj.{kind}"]
                own = halves_in_pairs(own, heads)
                found[f"{layer}.attention.w{letter}{end}"] = own.T if end else own
        found[f"{layer}.attention.wv.weight"] = tape[f"{h}.attn.v_proj.weight"].T
        found[f"{layer}.attention.wo.weight"] = tape[f"{h}.attn.c_proj.weight"].T
        for word, ours in (("1", "gate_proj"), ("2", "c_proj"), ("3", "up_proj")):
            found[f"{layer}.feed_forward.w{word}.weight"] = tape[f"{h}.mlp.{ours}.weight"].T
            found[f"{layer}.feed_forward.w{word}.weight.grad"] = tape[f"d{h}.mlp.{ours}.weight"].T
        found[f"{layer}.attention_norm.weight"] = tape[f"{h}.ln_1.weight"]
        found[f"{layer}.ffn_norm.weight"] = tape[f"{h}.ln_2.weight"]
    return found | modules(
        tape,
        {
            "layers.@": "h.@.resid_post",
            "layers.@.attention": "h.@.attn.c_proj.out",
            "layers.@.feed_forward.dropout": "h.@.mlp.c_proj.out",
            "dropout": "embed.out",
            "layers.@.feed_forward.w1": "h.@.mlp.gate_proj.out",
            "output": "logits",
        },
    )


def litgpt(tape: Tape) -> Dump:
    found = {"transformer.wte.weight": tape["wte.weight"]}
    for i in range(2):
        layer, h = f"transformer.h.{i}", f"h.{i}"
        for d, end in (("", ""), ("d", ".grad")):
            rows = [tape[f"{d}{h}.attn.{letter}_proj.weight"].T for letter in "qkv"]
            found[f"{layer}.attn.qkv.weight{end}"] = torch.cat(rows, 0)
        found[f"{layer}.attn.qkv"] = torch.cat([tape[f"{h}.attn.{n}_proj.out"] for n in "qkv"], -1)
        found[f"{layer}.attn.proj.weight"] = tape[f"{h}.attn.c_proj.weight"].T
        found[f"{layer}.attn.norm_q.weight"] = tape[f"{h}.attn.q_norm.weight"]
        found[f"{layer}.norm_2.weight"] = tape[f"{h}.ln_2.weight"]
        for word, ours in (("fc_1", "gate_proj"), ("fc_2", "up_proj"), ("proj", "c_proj")):
            found[f"{layer}.mlp.{word}.weight"] = tape[f"{h}.mlp.{ours}.weight"].T
    return found | modules(tape, {"transformer.h.@.mlp": "h.@.mlp.c_proj.out", "lm_head": "logits"})


def from_scratch_llama(tape: Tape) -> Dump:
    found = {"tok_emb.weight": tape["wte.weight"], "final_norm.weight": tape["ln_f.weight"]}
    for i in range(2):
        layer, h = f"trf_blocks.{i}", f"h.{i}"
        for word, letter in (("query", "q"), ("key", "k"), ("value", "v")):
            found[f"{layer}.att.W_{word}.weight"] = tape[f"{h}.attn.{letter}_proj.weight"].T
            found[f"{layer}.att.W_{word}"] = tape[f"{h}.attn.{letter}_proj.out"]
        found[f"{layer}.att.q_norm.scale"] = tape[f"{h}.attn.q_norm.weight"]
        found[f"{layer}.att.out_proj.weight"] = tape[f"{h}.attn.c_proj.weight"].T
        for word, ours in (("fc1", "gate_proj"), ("fc2", "up_proj"), ("fc3", "c_proj")):
            found[f"{layer}.ff.{word}.weight"] = tape[f"{h}.mlp.{ours}.weight"].T
            found[f"{layer}.ff.{word}"] = tape[f"{h}.mlp.{ours}.out"]
        found[f"{layer}.norm1.weight"] = tape[f"{h}.ln_1.weight"]
    return found


def flax_llama(tape: Tape) -> Dump:
    found = {"model/embed_tokens/embedding": tape["wte.weight"]}
    found |= {"model/norm/weight": tape["ln_f.weight"]}
    for i in range(2):
        layer, h = f"model/layers/{i}", f"h.{i}"
        for letter in "qkv":
            own = tape[f"{h}.attn.{letter}_proj.weight"]
            found[f"{layer}/self_attn/{letter}_proj/kernel"] = own
        found[f"{layer}/self_attn/o_proj/kernel"] = tape[f"{h}.attn.c_proj.weight"]
        for word, ours in (("gate", "gate"), ("up", "up"), ("down", "c")):
            found[f"{layer}/mlp/{word}_proj/kernel"] = tape[f"{h}.mlp.{ours}_proj.weight"]
        found[f"{layer}/input_layernorm/weight"] = tape[f"{h}.ln_1.weight"]
    return {f"params/{name}": value for name, value in found.items()}


LLAMAS: dict[str, Callable[[Tape], Dump]] = {
    "Meta": meta,
    "LitGPT": litgpt,
    "LLMs-from-scratch": from_scratch_llama,
    "Flax": flax_llama,
}


@pytest.mark.parametrize("program", LLAMAS)
def test_a_llama_s_dump_is_turned_into_ours(program: str, llama: Tape):
    mine = check(LLAMAS[program](llama), llama, Llama.without_weights(LLAMA_CONFIG), 18)
    assert {"h.1.attn.k_proj.weight", "h.0.mlp.up_proj.weight"} <= set(mine)
    pairs = [said for said in mine.translation.layouts if "in pairs" in said]
    assert len(pairs) == (program == "Meta")


def test_every_program_is_tried_here_or_has_a_test_of_its_own():
    tried = {name.partition(",")[0] for name in (*GPTS, *LLAMAS)}
    own = {"TransformerLens", "llm.c", "Hugging Face", "GGUF"}
    assert {name for known in VOCABULARIES.values() for name in known} == tried | own


def test_a_square_weight_is_read_as_the_other_weights_are(gpt: Tape):
    blank, name = GPT.without_weights(CONFIG), "transformer.h.0.attn.c_proj.weight"
    square = gpt["h.0.attn.c_proj.weight"]
    for turned in (False, True):
        dump = (nanogpt if turned else hugging_face)(gpt)
        found = Mine(dump, blank)["h.0.attn.c_proj.weight"]
        assert torch.equal(found, square)
    alone = Mine({name: square}, blank)
    assert torch.equal(alone["h.0.attn.c_proj.weight"], square)
    (note,) = alone.translation.notes
    assert note.startswith(f"{name} may be laid out as in Hugging Face or in nanoGPT")
    rule = note.rpartition("--map ")[2].strip("'")
    assert rule == f"{name}.T -> h.0.attn.c_proj.weight"
    other = Mine({name: square.T}, blank, [parse_rule(rule)])
    assert torch.equal(other["h.0.attn.c_proj.weight"], square)
    assert other.translation.notes == ()
