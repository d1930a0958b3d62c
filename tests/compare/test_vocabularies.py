"""Other programs' names and layouts lead to our tensors."""

import numpy as np
import pytest
import torch

from pellucid.compare.translate import translate
from pellucid.errors import TraceError
from pellucid.models import GPT, VOCABULARIES
from pellucid.models.vocabularies.row import LEFT_OUT, TensorSource
from pellucid.tape import Tape
from pellucid.walkthrough import names
from tests.port.models import CONFIG, N_HEAD, model_of, small

H, D, C = N_HEAD, 4, 12
BLANK = GPT.without_weights(CONFIG)


@pytest.fixture(scope="module")
def tape() -> Tape:
    params, tokens, targets = small()
    made = Tape()
    model = model_of(params, torch.float64)
    batch = torch.tensor(np.stack([tokens, targets])), torch.tensor(np.stack([targets, tokens]))
    model.loss_and_grads(*batch, made)
    return made


def read(dump: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    translation = translate(list(dump), BLANK)
    assert translation.unknown == ()
    return {name: source.read(dump) for name, source in translation.found.items()}


def test_our_own_names_are_themselves(tape: Tape):
    dump = {name: tape[name] for name in tape}
    more = {"wte.weight.m", "h.1.ln_1.bias.v_hat", "step.10.wte.weight.new", "step.losses"}
    found = translate([*dump, *more], BLANK)
    assert set(found.found) == set(dump) | more
    assert all(torch.equal(read(dump)[name], dump[name]) for name in dump)


def transformer_lens(tape: Tape) -> dict[str, torch.Tensor]:
    """Our tape as TransformerLens 4.3's bridge has it, as its own runs of a tied GPT-2 do."""
    theirs = {"embed.W_E": tape["wte.weight"], "pos_embed.W_pos": tape["wpe.weight"]}
    theirs |= {"unembed.W_U": tape["wte.weight"].T, "hook_embed": tape["embed.out"]}
    theirs |= {"embed.W_E.grad": tape["dwte.weight"], "hook_unembed": tape["logits"]}
    for i in range(2):
        b, h = f"blocks.{i}", f"h.{i}"
        qkv = tape[f"{h}.attn.c_attn.weight"].view(C, 3, H, D)
        bias = tape[f"{h}.attn.c_attn.bias"].view(3, H, D)
        for place, letter in enumerate("QKV"):
            theirs[f"{b}.attn.W_{letter}"] = torch.einsum("chd->hcd", qkv[:, place])
            theirs[f"{b}.attn.b_{letter}"] = bias[place]
        theirs[f"{b}.attn.W_O"] = tape[f"{h}.attn.c_proj.weight"].view(H, D, C)
        theirs[f"{b}.attn.b_O"] = tape[f"{h}.attn.c_proj.bias"]
        for letter in "qkvz":
            theirs[f"{b}.attn.hook_{letter}"] = torch.einsum(
                "bhtd->bthd", tape[f"{h}.attn.{letter}"]
            )
            theirs[f"{b}.attn.hook_{letter}.grad"] = torch.einsum(
                "bhtd->bthd", tape[f"d{h}.attn.{letter}"]
            )
        theirs[f"{b}.attn.hook_pattern"] = tape[f"{h}.attn.att"]
        theirs[f"{b}.attn.hook_attn_scores"] = tape[f"{h}.attn.scores"]
        for norm in ("1", "2"):
            variance = tape[f"{h}.ln_{norm}.variance"]
            theirs[f"{b}.ln{norm}.hook_scale"] = (variance + 1e-5).sqrt()
            theirs[f"{b}.ln{norm}.hook_normalized"] = tape[f"{h}.ln_{norm}.xhat"]
            theirs[f"{b}.ln{norm}.hook_out"] = tape[f"{h}.ln_{norm}.out"]
            theirs[f"{b}.ln{norm}.w"] = tape[f"{h}.ln_{norm}.weight"]
            theirs[f"{b}.ln{norm}.b"] = tape[f"{h}.ln_{norm}.bias"]
        for their, our in (
            ("hook_resid_pre", "resid_pre"),
            ("hook_attn_out", "attn.c_proj.out"),
            ("hook_resid_mid", "resid_mid"),
            ("mlp.W_in", "mlp.c_fc.weight"),
            ("mlp.b_in", "mlp.c_fc.bias"),
            ("mlp.hook_pre", "mlp.c_fc.out"),
            ("mlp.hook_post", "mlp.act.out"),
            ("mlp.W_out", "mlp.c_proj.weight"),
            ("mlp.b_out", "mlp.c_proj.bias"),
            ("hook_mlp_out", "mlp.c_proj.out"),
            ("hook_resid_post", "resid_post"),
        ):
            theirs[f"{b}.{their}"] = tape[f"{h}.{our}"]
    theirs["ln_final.hook_scale"] = 1 / tape["ln_f.rstd"]
    theirs["ln_final.hook_normalized"] = tape["ln_f.xhat"]
    return theirs


def test_transformer_lens_s_layout_is_turned_into_ours(tape: Tape):
    found = read(transformer_lens(tape))
    assert {"h.1.attn.c_attn.weight", "dh.0.attn.z", "ln_f.rstd", "lm_head.weight"} <= set(found)
    assert {"h.0.ln_1.xhat", "h.0.ln_1.out", "ln_f.xhat", "logits", "dwte.weight"} <= set(found)
    for name, value in found.items():
        expected = tape["wte.weight" if name == "lm_head.weight" else name]
        torch.testing.assert_close(value, expected, rtol=1e-12, atol=0)


def test_the_hooks_of_a_bridge_that_mean_the_same_are_taken_once(tape: Tape):
    one = {"blocks.1.mlp.hook_out": tape["h.1.mlp.c_proj.out"]}
    one |= {"blocks.1.mlp.out.hook_in": tape["h.1.mlp.act.out"]}
    one |= {"blocks.1.attn.k.hook_out": tape["h.1.attn.k"].transpose(-3, -2)}
    found = translate(list(one), BLANK)
    assert set(found.found) == {"h.1.mlp.act.out", "h.1.mlp.c_proj.out", "h.1.attn.k"}
    assert found.unknown == found.twice == ()
    again = ["blocks.1.hook_mlp_out", "blocks.1.mlp.hook_post", "blocks.1.mlp.hook_in.grad"]
    both = translate([*one, *again], BLANK)
    assert both.found["h.1.mlp.c_proj.out"].names == ("blocks.1.hook_mlp_out",)
    assert both.found["h.1.mlp.act.out"].names == ("blocks.1.mlp.hook_post",)
    twice = {"blocks.1.mlp.hook_out", "blocks.1.mlp.out.hook_in", "blocks.1.mlp.hook_in.grad"}
    assert set(both.twice) == twice
    inside = {"blocks.0.attn.q.hook_out": torch.zeros(2, 6, C)}  # heads still side by side
    assert read(inside)["h.0.attn.q"].shape == (2, 6, C)
    known = translate(["blocks.0.ln1.hook_scale.grad", "hook_embed"], BLANK)  # and not judged
    assert (known.unknown, set(known.found)) == ((), {"embed.out"})


def test_the_last_of_hugging_face_s_hidden_states_is_what_the_final_norm_puts_out():
    found = translate([f"hidden_states.{i}" for i in range(4)], BLANK)
    assert {name: source.names for name, source in found.found.items()} == {
        "h.0.resid_pre": ("hidden_states.0",),
        "h.1.resid_pre": ("hidden_states.1",),
        "ln_f.out": ("hidden_states.2",),
    }
    assert [one.name for one in found.unknown] == ["hidden_states.3"]


def llm_c(tape: Tape) -> dict[str, torch.Tensor]:
    """Our tape as llm.c's structs have it: layers stacked, weights (out, in), scores padded."""

    def layers(name: str, d: str = "") -> torch.Tensor:
        return torch.stack([tape[f"{d}h.{i}.{name}"] for i in range(2)])

    theirs = {}
    for d in ("", "d"):
        padding = torch.full((117, C), 9.0, dtype=torch.float64)
        theirs[f"{d}wte"] = torch.cat([tape[f"{d}wte.weight"], padding])
        theirs[f"{d}wpe"] = tape[f"{d}wpe.weight"]
        maps = {"qkv": "attn.c_attn", "attproj": "attn.c_proj", "fc": "mlp.c_fc"}
        for short, our in (maps | {"fcproj": "mlp.c_proj"}).items():
            theirs[f"{d}{short}w"] = layers(f"{our}.weight", d).mT
            theirs[f"{d}{short}b"] = layers(f"{our}.bias", d)
        for norm in "12":
            theirs[f"{d}ln{norm}w"] = layers(f"ln_{norm}.weight", d)
            theirs[f"{d}ln{norm}b"] = layers(f"ln_{norm}.bias", d)
        theirs[f"{d}lnfw"], theirs[f"{d}lnfb"] = tape[f"{d}ln_f.weight"], tape[f"{d}ln_f.bias"]
    for norm in "12":
        theirs[f"ln{norm}"] = layers(f"ln_{norm}.out")
        theirs[f"ln{norm}_mean"] = layers(f"ln_{norm}.mean")[..., 0]
        theirs[f"ln{norm}_rstd"] = layers(f"ln_{norm}.rstd")[..., 0]
    theirs |= {"lnf": tape["ln_f.out"], "lnf_mean": tape["ln_f.mean"][..., 0]}
    theirs |= {"encoded": tape["wpe.out"], "lnf_rstd": tape["ln_f.rstd"][..., 0]}
    for short, our in (
        ("qkv", "attn.c_attn.out"),
        ("atty", "attn.merged"),
        ("att", "attn.att"),
        ("attproj", "attn.c_proj.out"),
        ("residual2", "resid_mid"),
        ("fch", "mlp.c_fc.out"),
        ("fch_gelu", "mlp.act.out"),
        ("fcproj", "mlp.c_proj.out"),
        ("residual3", "resid_post"),
    ):
        theirs[short] = layers(our)
    theirs["preatt"] = layers("attn.scores").nan_to_num(neginf=0.0)  # not written where hidden
    padding = torch.zeros(2, 6, 117, dtype=torch.float64)
    for name in ("logits", "probs"):
        theirs[name] = torch.cat([tape[name], padding], -1)
    return theirs | {"losses": tape["losses"], "mean_loss": tape["loss"]}


def test_llm_c_s_layout_is_turned_into_ours(tape: Tape):
    found = read(llm_c(tape))
    assert {"h.1.attn.scores", "dh.0.attn.c_attn.weight", "probs", "loss"} <= set(found)
    assert len(found) == 96
    for name, value in found.items():
        assert torch.equal(value, tape[name]), name


def test_every_vocabulary_leads_to_names_that_there_are():
    ours = {row.pattern for row in names()}
    for rows in (rows for own in VOCABULARIES.values() for rows in own.values()):
        assert {row.ours.replace("{i}", "i") for row in rows} <= {*ours, LEFT_OUT}
        for layer in range(2):
            assert all("{" not in name for row in rows for name in row.names(layer, 2))


def test_a_map_comes_first_and_its_mistakes_are_told():
    found = translate(["mine", "loss"], BLANK, {"mine": "h.1.attn.att"})
    assert {name: source.names for name, source in found.found.items()} == {
        "h.1.attn.att": ("mine",),
        "loss": ("loss",),
    }
    with pytest.raises(TraceError, match=r"'mien' is not \(near it: mine\)"):
        translate(["mine"], BLANK, {"mien": "loss"})
    for ours in ("h.0.attn.atl", "h.2.attn.att", "dh.0.att"):
        with pytest.raises(TraceError, match="is none of this model's"):
            translate(["mine"], BLANK, {"mine": ours})


def test_what_is_not_understood_is_told_with_what_is_near():
    theirs = ["h.0.attn.att", "h.2.attn.att", "blocks.0.attn.hook_patern", "zzz"]
    found = translate(theirs, BLANK)
    assert set(found.found) == {"h.0.attn.att"}
    unknown = {one.name: one.near for one in found.unknown}
    assert set(unknown) == {"h.2.attn.att", "blocks.0.attn.hook_patern", "zzz"}
    assert "blocks.0.attn.hook_pattern" in unknown["blocks.0.attn.hook_patern"]
    assert unknown["zzz"] == ()


def test_a_tensor_under_two_names_is_taken_once():
    theirs = ["h.0.ln_1.out", "transformer.h.0.ln_1", "transformer.h.0.attn.c_attn.weight.grad"]
    found = translate(theirs, BLANK)
    assert found.found["h.0.ln_1.out"].names == ("h.0.ln_1.out",)
    assert found.twice == ("transformer.h.0.ln_1",)
    assert "dh.0.attn.c_attn.weight" in found.found


def test_a_tensor_that_has_not_the_shape_of_its_name_is_one_line():
    source = TensorSource(("attn",), lambda theirs, _: theirs[1], None)  # type: ignore[arg-type]
    assert source.read({"attn": torch.tensor([3.0, 7.0])}) == 7.0
    with pytest.raises(TraceError, match=r"attn must have the shape .*, and it has \(\):"):
        source.read({"attn": torch.tensor(3.0)})
