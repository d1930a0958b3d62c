"""A GPT-2's run of any sizes as other programs dump it."""

import torch
from torch import Tensor

from pellucid.models import GPTConfig
from pellucid.tape import Tape

Dump = dict[str, Tensor]
MAPS = ("attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj")


def hugging_face(tape: Tape, config: GPTConfig) -> Dump:
    names = [f"{table}.weight" for table in ("wte", "wpe", "ln_f")] + ["ln_f.bias"]
    found = {"transformer.ln_f": tape["ln_f.out"], "lm_head": tape["logits"]}
    for i in range(config.n_layer):
        modules = ("ln_1", "ln_2", *MAPS)
        names += [f"h.{i}.{name}.{kind}" for name in modules for kind in ("weight", "bias")]
        for name in (*modules, "mlp.act"):
            found[f"transformer.h.{i}.{name}"] = tape[f"h.{i}.{name}.out"]
        found[f"attentions.{i}"] = tape[f"h.{i}.attn.att"]
    found |= {f"transformer.{name}": tape[name] for name in names}
    return found | {f"transformer.{name}.grad": tape[f"d{name}"] for name in names}


def nanogpt(tape: Tape, config: GPTConfig) -> Dump:
    found = hugging_face(tape, config)
    ends = tuple(f"{name}.weight{end}" for name in MAPS for end in ("", ".grad"))
    return {name: value.mT if name.endswith(ends) else value for name, value in found.items()}


def transformer_lens(tape: Tape, config: GPTConfig) -> Dump:
    heads, width = config.n_head, config.n_embd
    found = {"embed.W_E": tape["wte.weight"], "pos_embed.W_pos": tape["wpe.weight"]}
    found |= {"unembed.W_U": tape["wte.weight"].T, "hook_embed": tape["embed.out"]}
    for i in range(config.n_layer):
        b, h = f"blocks.{i}", f"h.{i}"
        parts = tape[f"{h}.attn.c_attn.weight"].chunk(3, -1)
        for letter, part in zip("QKV", parts, strict=True):
            found[f"{b}.attn.W_{letter}"] = part.reshape(width, heads, -1).transpose(0, 1)
        found[f"{b}.attn.W_O"] = tape[f"{h}.attn.c_proj.weight"].reshape(heads, -1, width)
        for letter in "qkvz":
            found[f"{b}.attn.hook_{letter}"] = tape[f"{h}.attn.{letter}"].transpose(-3, -2)
        found[f"{b}.attn.hook_pattern"] = tape[f"{h}.attn.att"]
        found[f"{b}.mlp.hook_pre"] = tape[f"{h}.mlp.c_fc.out"]
        found[f"{b}.mlp.W_in"] = tape[f"{h}.mlp.c_fc.weight"]
        found[f"{b}.hook_resid_post"] = tape[f"{h}.resid_post"]
        found[f"{b}.ln1.w"] = tape[f"{h}.ln_1.weight"]
    return found


def llm_c(tape: Tape, config: GPTConfig) -> Dump:
    def layers(name: str, d: str = "") -> Tensor:
        return torch.stack([tape[f"{d}h.{i}.{name}"] for i in range(config.n_layer)])

    more = 128 - config.vocab_size
    table = torch.nn.functional.pad(tape["wte.weight"], (0, 0, 0, more))
    found = {"wte": table, "wpe": tape["wpe.weight"]}
    for d in ("", "d"):
        for short, ours in zip(("qkv", "attproj", "fc", "fcproj"), MAPS, strict=True):
            found[f"{d}{short}w"] = layers(f"{ours}.weight", d).mT
            found[f"{d}{short}b"] = layers(f"{ours}.bias", d)
    for short, ours in (
        *(("qkv", "attn.c_attn.out"), ("att", "attn.att"), ("fch", "mlp.c_fc.out")),
        *(("atty", "attn.merged"), ("residual3", "resid_post")),
    ):
        found[short] = layers(ours)
    for name in ("logits", "probs"):
        found[name] = torch.nn.functional.pad(tape[name], (0, more))
    return found | {"encoded": tape["wpe.out"], "lnf": tape["ln_f.out"]}
