"""Names and layouts of a Llama in other programs lead to our tensors, and their runs agree."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import pellucid
from pellucid.compare import Comparison, Mine, compare
from pellucid.compare.translate import translate
from pellucid.models import VOCABULARIES, Llama
from pellucid.models.llama.gguf import in_pairs
from pellucid.reference import Pack, ReferenceRun, open_pack, write_pack
from pellucid.tape import Tape
from tests.port.models import LLAMA_CONFIG, llama_of, small

UPDATE = {"optimizer": "adamw", "learning_rate": 1e-3, "weight_decay": 0.1}
BLANK = Llama.without_weights(LLAMA_CONFIG)
H, G, D, C = 4, 2, 6, 12


def batch() -> tuple[Tensor, Tensor]:
    _, tokens, targets = small()
    return torch.tensor(np.stack([tokens, targets])), torch.tensor(np.stack([targets, tokens]))


@pytest.fixture(scope="module")
def tape() -> Tape:
    made, params = Tape(), small(config=LLAMA_CONFIG)[0]
    llama_of(params, torch.float64).loss_and_grads(*batch(), made)
    return made


def heads(rows: Tensor, count: int) -> Tensor:
    """A map (C, H·d) as TransformerLens has it: (H, C, d)."""
    return rows.unflatten(1, (count, D)).transpose(0, 1)


def transformer_lens(tape: Tape) -> dict[str, Tensor]:
    theirs = {"embed.W_E": tape["wte.weight"], "hook_embed": tape["embed.out"]}
    for i in range(2):
        b, h = f"blocks.{i}", f"h.{i}"
        theirs[f"{b}.attn.W_Q"] = heads(tape[f"{h}.attn.q_proj.weight"], H)
        keys = heads(tape[f"{h}.attn.k_proj.weight"], G)
        theirs[f"{b}.attn.W_K"] = keys.repeat_interleave(2, 0) if i else keys
        theirs[f"{b}.attn.W_V"] = heads(tape[f"{h}.attn.v_proj.weight"], G)
        theirs[f"{b}.attn.W_O"] = tape[f"{h}.attn.c_proj.weight"].unflatten(0, (H, D))
        up = tape[f"{h}.mlp.up_proj.weight"]
        theirs[f"{b}.mlp.W_in"] = up.mT if i else up  # as a module has it, or as it is used
        theirs[f"{b}.mlp.W_gate"] = tape[f"{h}.mlp.gate_proj.weight"]
        theirs[f"{b}.mlp.W_out"] = tape[f"{h}.mlp.c_proj.weight"]
        for c in "qkv":
            theirs[f"{b}.attn.hook_{c}"] = tape[f"{h}.attn.{c}_heads"].transpose(-3, -2)
        for c in "qk":
            theirs[f"{b}.attn.hook_rot_{c}"] = tape[f"{h}.attn.{c}_rope.out"].transpose(-3, -2)
            theirs[f"{b}.attn.{c}_norm.w"] = tape[f"{h}.attn.{c}_norm.weight"]
        theirs[f"{b}.attn.hook_z"] = tape[f"{h}.attn.z"].transpose(-3, -2)
        theirs[f"{b}.attn.hook_pattern"] = tape[f"{h}.attn.att"]
        theirs[f"{b}.mlp.hook_pre"] = tape[f"{h}.mlp.gate_proj.out"]
        theirs[f"{b}.mlp.hook_pre_linear"] = tape[f"{h}.mlp.up_proj.out"]
        theirs[f"{b}.mlp.hook_post"] = tape[f"{h}.mlp.gated"]
        theirs[f"{b}.ln1.hook_scale"] = 1 / tape[f"{h}.ln_1.rstd"]
        theirs[f"{b}.ln2.w"] = tape[f"{h}.ln_2.weight"]
        for place in ("pre", "mid", "post"):
            theirs[f"{b}.hook_resid_{place}"] = tape[f"{h}.resid_{place}"]
    return theirs


def test_transformer_lens_s_layout_is_turned_into_ours(tape: Tape):
    dump = transformer_lens(tape)
    found = translate(list(dump), BLANK)
    assert found.unknown == ()
    assert len(found.found) == len(dump)
    for name, source in found.found.items():
        torch.testing.assert_close(source.read(dump), tape[name], rtol=1e-12, atol=0)


def gguf(tape: Tape, *, paired: bool) -> dict[str, Tensor]:
    def turned(name: str, count: int) -> Tensor:
        rows = tape[name].mT
        return in_pairs(rows, count) if paired else rows

    theirs = {"token_embd.weight": tape["wte.weight"], "output_norm.weight": tape["ln_f.weight"]}
    for i in range(2):
        b, h = f"blk.{i}", f"h.{i}"
        theirs[f"{b}.attn_q.weight"] = turned(f"{h}.attn.q_proj.weight", H)
        theirs[f"{b}.attn_k.weight"] = turned(f"{h}.attn.k_proj.weight", G)
        theirs[f"{b}.attn_v.weight"] = tape[f"{h}.attn.v_proj.weight"].mT
        theirs[f"{b}.attn_output.weight"] = tape[f"{h}.attn.c_proj.weight"].mT
        theirs[f"{b}.ffn_gate.weight"] = tape[f"{h}.mlp.gate_proj.weight"].mT
        theirs[f"{b}.ffn_norm.weight"] = tape[f"{h}.ln_2.weight"]
    return theirs


@pytest.mark.parametrize("paired", [True, False])
def test_rows_in_pairs_are_another_layout_and_said_to_be(paired: bool):
    choices = {"qk_norm": False} if paired else {}
    config = LLAMA_CONFIG if not paired else Llama.Config(**(LLAMA_CONFIG.to_dict() | choices))
    params = {n: torch.tensor(v) for n, v in small(config=config)[0].items()}
    made = Tape()
    made.given(params)
    dump = gguf(made, paired=paired)
    found = translate(list(dump), Llama.without_weights(config))
    assert found.unknown == ()
    for name, source in found.found.items():
        assert torch.equal(source.read(dump), params[name]), name
    assert len(found.layouts) == paired
    assert not paired or "read in halves" in found.layouts[0]


def test_a_gguf_is_read_by_its_own_names(tmp_path: Path):
    gguf_package = pytest.importorskip("gguf", reason="it writes the file")
    config = Llama.Config(**(LLAMA_CONFIG.to_dict() | {"qk_norm": False}))
    params = {n: torch.tensor(v).float() for n, v in small(config=config)[0].items()}
    made = Tape()
    made.given(params)
    writer = gguf_package.GGUFWriter(str(tmp_path / "mine.gguf"), "llama")
    for name, value in gguf(made, paired=True).items():
        writer.add_tensor(name, value.contiguous().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    mine = Mine.open(tmp_path / "mine.gguf", Llama.without_weights(config))
    assert len(mine) == 14
    for name in mine:
        assert torch.equal(mine[name], params[name]), name


def test_every_parameter_has_its_name_in_each_vocabulary_of_files():
    for program in ("Hugging Face", "GGUF"):
        ours = {row.our_name(0) for row in VOCABULARIES["llama"][program]}
        config = Llama.Config(n_layer=1, qkv_bias=True, out_bias=True, mlp_bias=True, tied=False)
        assert set(config.parameter_shapes()) <= ours, program


# -- transformers ---------------------------------------------------------------------------------


def theirs_of(kind: str) -> Any:
    transformers = pytest.importorskip("transformers", reason="the judge is transformers' Llama")
    names = {"llama": "Llama", "qwen2": "Qwen2", "qwen3": "Qwen3", "mistral": "Mistral"}
    more = {"head_dim": 6} if kind in {"qwen3", "mistral"} else {}
    config = getattr(transformers, f"{names[kind]}Config")(
        vocab_size=61,
        max_position_embeddings=32,
        hidden_size=24,
        intermediate_size=20,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        attn_implementation="eager",
        bos_token_id=None,
        eos_token_id=None,
        **({"sliding_window": 4} if kind == "mistral" else {}),
        **more,
    )
    torch.manual_seed(1)
    model = getattr(transformers, f"{names[kind]}ForCausalLM")(config)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    return model


def hooked(model: Any, tokens: Tensor, targets: Tensor) -> dict[str, Tensor]:
    """Everything that hooks, outputs and gradients of transformers' model give."""
    outputs: dict[str, Tensor] = {}
    for name, module in model.named_modules():

        def keep(_: object, __: object, out: object, name: str = name) -> None:
            tensor = out[0] if isinstance(out, tuple) else out
            if name and isinstance(tensor, Tensor) and tensor.requires_grad:
                tensor.retain_grad()
                outputs[name] = tensor

        module.register_forward_hook(keep)
    found = model(tokens, output_attentions=True)
    for layer, attention in enumerate(found.attentions):
        attention.retain_grad()
        outputs[f"attentions.{layer}"] = attention
    loss = torch.nn.functional.cross_entropy(found.logits.flatten(0, 1), targets.flatten())
    loss.backward()
    values = outputs | dict(model.named_parameters())
    tensors = {name: value.detach() for name, value in values.items()} | {"loss": loss.detach()}
    return tensors | {f"{n}.grad": v.grad for n, v in values.items() if v.grad is not None}


def packed(model: Any, place: Path, dtype: torch.dtype) -> tuple[Pack, dict[str, Tensor]]:
    model = model.to(dtype)
    model.save_pretrained(place / "model")
    ids = torch.randint(61, (2, 11))
    tokens, targets = ids[:, :-1], ids[:, 1:].contiguous()
    run = ReferenceRun(pellucid.load(place / "model"), "", tokens, targets, UPDATE, steps=1)
    write_pack(run, place / "pack", dtypes=[dtype, torch.float64])
    return open_pack(place / "pack"), hooked(model, tokens, targets)


def compared(pack: Pack, tensors: dict[str, Tensor]) -> Comparison:
    return compare(pack, Mine(tensors, pack.blank, None))


@pytest.mark.thinned
@pytest.mark.parametrize("kind", ["llama", "qwen2", "qwen3", "mistral"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_transformers_agrees_by_its_own_names(kind: str, dtype: torch.dtype, tmp_path: Path):
    pack, tensors = packed(theirs_of(kind), tmp_path, dtype)
    found = compared(pack, tensors)
    assert found.translation.unknown == ()
    assert found.findings == ()
    assert found.agrees
    assert len(found.beside) >= 60
    if dtype == torch.float32:  # and it is not that everything agrees
        wrong = tensors | {"model.layers.1.mlp.act_fn": tensors["model.layers.1.mlp.act_fn"] + 0.05}
        assert compared(pack, wrong).findings[0].fault.name == "h.1.mlp.act.out"


def test_a_float64_of_transformers_is_told_to_be_float32_inside(tmp_path: Path):
    """Its norms, softmax and rotations go through float32 whatever the dtype."""
    pack, tensors = packed(theirs_of("llama"), tmp_path, torch.float64)
    (finding,) = compared(pack, tensors).findings
    assert (finding.fault.name, finding.fitting) == ("h.0.ln_1.out", torch.float32)
