"""`pellucid reference` and `pellucid compare`: a text to a pack, a dump to a verdict."""

import json
import re
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from pellucid.cli.screen import WIDTH
from tests.cli.conftest import Command
from tests.cli.dumps import dumped
from tests.compare.scrambled import scrambled
from tests.port.models import small


def test_a_port_that_is_right_agrees(pellucid: Command, packed: Path, tmp_path: Path):
    ended = pellucid("compare", dumped(tmp_path), packed)
    assert (ended.code, ended.err) == (0, "")
    assert "agrees: no tensor is off by more than rounding can bring it" in ended.out


def test_a_mistake_is_said_drawn_and_written(pellucid: Command, packed: Path, tmp_path: Path):
    file, picture = tmp_path / "found.json", tmp_path / "where.svg"
    mine = dumped(tmp_path, "no_scale", "adam_l2")
    ended = pellucid("compare", mine, packed, "-o", file, "--picture", picture)
    assert (ended.code, ended.err) == (1, "")
    lines = ended.out.splitlines()
    assert max(map(len, lines[1:])) <= WIDTH
    for said in (
        "1. h.0.attn.scores is not what scaled_dot_product makes of your own numbers",
        "because scores are not divided by √d",
        "ours, layers/scaled_dot_product.py:  products = q @ k.mT / math.sqrt(q.shape[-1])",
        "yours, as it seems:  products = q @ k.mT",
        "no_scale              makes your numbers",
        "2. wte.weight.m is not what adamw_rule makes of your own numbers",
        "because weight decay is added to the gradient (Adam with L2), not to the update (AdamW)",
        "as consequences",
    ):
        assert said in ended.out, said
    content = json.loads(file.read_text(encoding="utf-8"))
    assert content["agrees"] is False
    first, second = content["findings"]
    assert (first["tensor"], first["named"]) == ("h.0.attn.scores", ["no_scale"])
    assert second["named"] == ["adam_l2"]
    assert first["everywhere"]
    assert [one["mistakes"] for one in first["tried"] if one["reproduces"]] == [["no_scale"]]
    assert {"mistakes", "reproduces", "leaves", "times_allowed"} == set(first["tried"][0])
    assert "h.0.attn.z" in content["consequences"]
    assert "h.0.attn.scores: at" in picture.read_text(encoding="utf-8")


def test_a_mistake_that_nobody_knows_is_located(pellucid: Command, packed: Path, tmp_path: Path):
    with np.load(dumped(tmp_path)) as arrays:
        tensors = {name: torch.from_numpy(arrays[name]) for name in arrays.files}
    tensors["h.1.attn.z"] = tensors["h.1.attn.z"] * 1.01
    save_file(tensors, tmp_path / "mine.safetensors")
    ended = pellucid("compare", tmp_path / "mine.safetensors", packed)
    assert ended.code == 1
    assert "1. h.1.attn.z is not what scaled_dot_product" in ended.out
    assert "known mistakes makes these numbers; what each leaves of the distance" in ended.out
    assert "scale_by_d" in ended.out


def test_llm_c_s_state_is_compared_with_the_pack_it_came_with(pellucid: Command, tmp_path: Path):
    ended = pellucid("reference", "Hello there, world.", "-o", tmp_path / "pack", "--llm-c")
    assert ended.code == 0
    state, model = (
        tmp_path / "pack" / name for name in ("gpt2_124M_debug_state.bin", "gpt2_124M.bin")
    )
    ended = pellucid("compare", state, tmp_path / "pack")
    assert ended.code == 0
    assert "agrees" in ended.out
    again = pellucid(
        *("reference", "--model", model, "--tokens", state, "-o", tmp_path / "again"),
        *("--dtype", "float32", "--names", "logits", "--steps", "2"),
    )
    assert again.code == 0
    assert pellucid("compare", state, tmp_path / "again").code == 0


def test_guessed_names_are_shown_written_and_compared(
    pellucid: Command, packed: Path, tmp_path: Path
):
    with np.load(dumped(tmp_path, "gelu_erf")) as arrays:
        np.savez(tmp_path / "mine.npz", **{k: v.numpy() for k, v in scrambled(arrays).items()})
    mine, rules = tmp_path / "mine.npz", tmp_path / "rules.txt"
    nothing = pellucid("compare", mine, packed)
    assert (nothing.code, "let --guess find some" in nothing.err) == (3, True)
    ended = pellucid("compare", mine, packed, "--guess-to", rules)
    assert (ended.code, ended.err) == (1, "")
    assert "net.layer{i+1}.up.w.T -> h.{i}.mlp.c_fc.weight" in " ".join(ended.out.split())
    assert "1. h.0.mlp.act.out is not what gelu_tanh makes" in ended.out
    again = pellucid("compare", mine, packed, "--map", rules)
    assert again.code == 1
    assert ended.out.endswith(again.out)
    seen = pellucid("compare", mine, packed, "--guess", "--map", rules)
    assert seen.out == f"nothing to guess: every name is known\n{again.out}"
    some = pellucid("compare", mine, packed, "--map", "nll -> loss")
    assert "--guess pairs them by shapes and numbers" in some.out


def test_a_map_and_a_dtype_are_taken(pellucid: Command, packed: Path, tmp_path: Path):
    with np.load(dumped(tmp_path)) as arrays:
        np.savez(tmp_path / "own.npz", table=arrays["h.0.attn.att"], what=arrays["loss"])
    (tmp_path / "map.json").write_text(json.dumps({"table": "h.0.attn.att"}))
    ended = pellucid("compare", tmp_path / "own.npz", packed, "--map", tmp_path / "map.json")
    assert ended.code == 0
    assert "names not understood, left out: what" in ended.out
    (tmp_path / "map.json").write_text(json.dumps({"table": "h.0.attn.atl"}))
    refused = pellucid("compare", tmp_path / "own.npz", packed, "--map", tmp_path / "map.json")
    assert "near it: h.0.attn.att" in refused.refused()


def test_wrong_sizes_are_a_difference_with_a_name(pellucid: Command, packed: Path, tmp_path: Path):
    wrong = {"h.0.attn.att": np.ones((4, 6, 6)), "h.1.attn.att": np.ones((4, 6, 6))}
    np.savez(tmp_path / "heads.npz", **wrong)
    ended = pellucid("compare", tmp_path / "heads.npz", packed)
    assert ended.code == 1
    assert "heads of the attention: yours has 4, the pack 3" in ended.out
    assert "no tensor was judged" in ended.out


def test_mistakes_of_the_user_s_are_one_line(pellucid: Command, packed: Path, tmp_path: Path):
    mine = dumped(tmp_path)
    (tmp_path / "cut.npz").write_bytes(mine.read_bytes()[:5000])
    np.savez(tmp_path / "shape.npz", **{"h.0.attn.att": np.ones((3, 5, 5))})
    (tmp_path / "map.json").write_text('{"a": 1}')
    for words, said in (
        (("compare", tmp_path / "cut.npz", packed), "must be an .npz of NumPy's"),
        (("compare", tmp_path / "shape.npz", packed), "must have the shape (3, 6, 6)"),
        (("compare", tmp_path / "none.npz", packed), "a folder that is there"),
        (("compare", mine, tmp_path), "manifest.json must be a file"),
        (("compare", mine, packed, "--map", tmp_path / "map.json"), "a name for each name"),
        (("compare", mine, packed, "--picture", "a.gif"), "a picture is drawn to"),
        (("reference", "A text.", "-o", packed), "must be a new or an empty directory"),
        (("reference", "-o", tmp_path / "p"), "give one of the two"),
        (("reference", "text", "--tokens", mine, "-o", tmp_path / "p"), "give one of the two"),
        (("reference", "--tokens", tmp_path / "map.json", "-o", tmp_path / "p"), "a list of at"),
        (("reference", "a", "-o", tmp_path / "p"), "two tokens"),
        (("reference", "Hello there", "-o", tmp_path / "p", "--layers", "9"), "--layers must be"),
        (("reference", "Hello there", "-o", tmp_path / "p", "--optimizer", "x"), "must be one of"),
    ):
        assert said in pellucid(*words).refused(), words
    assert not (tmp_path / "p").exists()


def test_an_exported_model_of_llm_c_s_walks(pellucid: Command, tmp_path: Path):
    assert pellucid("export", "gpt2-tiny", tmp_path / "out", "--format", "llm.c").code == 0
    ended = pellucid("tokenize", "Hello world")
    assert ended.code == 0
    model = tmp_path / "out" / "model.bin"
    ended = pellucid("walk", "Hello there world", "--model", model, "--no-update", "--shapes")
    assert ended.code == 0
    assert "h.1.attn.att" in ended.out


def test_what_was_not_judged_is_said_and_can_be_required(
    pellucid: Command, packed: Path, tmp_path: Path
):
    with np.load(dumped(tmp_path)) as arrays:
        every = {name: arrays[name] for name in arrays.files}
    few = tmp_path / "few.npz"
    np.savez(few, **{name: every[name] for name in ("tokens", "logits", "h.0.attn.att")})
    file = tmp_path / "found.json"
    ended = pellucid("compare", few, packed, "-o", file)
    assert ended.code == 0
    said = " ".join(ended.out.split())
    assert re.search(r" 2 of the pack's \d{3} tensors judged; not there: 28 parameters, \d", said)
    assert json.loads(file.read_text(encoding="utf-8"))["judged"] == 2
    right = ("--require", "logits", "--require", "h.0.attn.a*")
    assert pellucid("compare", few, packed, *right).code == 0
    for pattern, missing in (("lm_head.out", ""), ("h.*.attn.att", "h.1.attn.att"), ("*", "wte")):
        ended = pellucid("compare", few, packed, "--require", pattern)
        assert ended.code == (3 if missing else 0), pattern  # lm_head.out is the logits
        assert (f"required, and not judged: {missing}" in ended.out) == bool(missing)
        assert ("agrees:" in ended.out) != bool(missing)
    refused = pellucid("compare", few, packed, "--require", "h.7.*").refused()
    assert "'h.7.*' matches none" in refused


def test_tokens_and_parameters_alone_agree_with_nothing(
    pellucid: Command, packed: Path, tmp_path: Path
):
    params, tokens, targets = small()
    for name, tensors in (("a", {}), ("b", {"targets": targets}), ("c", params)):
        np.savez(tmp_path / f"{name}.npz", tokens=tokens, **tensors)
        refused = pellucid("compare", tmp_path / f"{name}.npz", packed)
        assert refused.code == 3
        assert "at least one tensor that the step makes must be there" in refused.err
    np.savez(tmp_path / "names.npz", nothing=np.ones(1))
    refused = pellucid("compare", tmp_path / "names.npz", packed)
    assert refused.code == 3
    assert "must have a name that Pellucid knows" in refused.err


def test_what_is_no_number_of_the_step_is_one_line(pellucid: Command, packed: Path, tmp_path: Path):
    _, tokens, _ = small()
    logits = np.ones((6, 11))
    for tensors, said in (
        ({"tokens": tokens + 0.9, "logits": logits}, "tokens must be whole numbers"),
        ({"probs": logits.astype(np.int64)}, "probs must be of float64"),
    ):
        np.savez(tmp_path / "odd.npz", **tensors)
        assert said in pellucid("compare", tmp_path / "odd.npz", packed).refused()
    np.savez(tmp_path / "ids.npz", tokens=tokens + 0.5, targets=tokens)
    words = ("reference", "--tokens", tmp_path / "ids.npz", "-o", tmp_path / "p")
    assert "tokens must be whole numbers" in pellucid(*words).refused()


def test_the_dtype_that_fits_is_proposed_and_agrees(
    pellucid: Command, packed: Path, tmp_path: Path
):
    with np.load(dumped(tmp_path)) as arrays:
        finer = {n: a.astype(np.float64) if a.dtype == np.float32 else a for n, a in arrays.items()}
    np.savez(tmp_path / "finer.npz", **finer)
    ended = pellucid("compare", tmp_path / "finer.npz", packed)
    assert ended.code == 1
    assert "say so by --dtype float32" in " ".join(ended.out.split())
    assert "2. " not in ended.out
    assert pellucid("compare", tmp_path / "finer.npz", packed, "--dtype", "float32").code == 0
