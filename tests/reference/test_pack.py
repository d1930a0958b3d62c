"""A pack holds the run as it was, cut as was asked, and is refused where it is not whole."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pellucid.checkpoint import load, open_tensors, save
from pellucid.checkpoint.llm_c import read_state
from pellucid.compare import Mine, compare
from pellucid.errors import CheckpointError, ConfigError, WriteError
from pellucid.models import GPT, merged, with_lora
from pellucid.optim import adamw, decay_groups
from pellucid.reference import Pack, ReferenceRun, Selection, open_pack, write_pack
from pellucid.tape import Tape
from pellucid.tree import flatten, unflatten
from tests.models.llama_examples import LLAMAS, drawn
from tests.port import gpt2 as port
from tests.port.models import CONFIG, N_HEAD, model_of, small

READER = Path(__file__).parents[2] / "docs" / "read_pack.py"
UPDATE = {"optimizer": "adamw", "learning_rate": 1e-3, "weight_decay": 0.1}


def run_of(
    source: str = "", update: dict[str, object] | None = None, steps: int = 10
) -> ReferenceRun:
    params, tokens, targets = small()
    model = model_of(params, torch.float32)
    return ReferenceRun(
        model, source, torch.from_numpy(tokens), torch.from_numpy(targets), update or UPDATE, steps
    )


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    place = tmp_path_factory.mktemp("packs") / "whole"
    write_pack(run_of(), place, text="anything")
    return open_pack(place)


def test_every_value_of_the_tape_is_in_it_to_the_bit(pack: Pack):
    run = run_of()
    for name in ("float32", "float64"):
        tape = Tape()
        run.model.to(dtype=getattr(torch, name)).loss_and_grads(run.tokens, run.targets, tape)
        for value in tape:
            assert torch.equal(pack.tensor(value, name), tape[value]), value
    order = [name for name in pack.rows if name in tape]
    assert order == list(tape)


def test_moments_weights_and_losses_are_those_of_ten_steps(pack: Pack):
    run = run_of()
    params, state, losses = run.model.to(dtype=torch.float64).params, None, []
    for step in range(1, 11):
        loss, grads = run.model.with_params(params).loss_and_grads(run.tokens, run.targets)
        losses.append(float(loss))
        decay = decay_groups(params, 0.1)
        params, state = adamw(params, grads, state, learning_rate=1e-3, weight_decay=decay)
        if step in {1, 10}:
            prefix = "" if step == 1 else "step.10."
            for name, weight in flatten(params).items():
                assert torch.equal(pack.tensor(f"{prefix}{name}.new", "float64"), weight)
                for moment in ("m", "v"):
                    kept = pack.tensor(f"{prefix}{name}.{moment}", "float64")
                    assert torch.equal(kept, flatten(state[moment])[name])
    assert pack.manifest["losses"]["float64"] == losses
    assert pack.tensor("step.losses", "float64").tolist() == losses


def test_large_parameters_moved_in_pieces_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pack: Pack
):
    monkeypatch.setattr("pellucid.reference.run.PIECE", 40)
    monkeypatch.setattr("pellucid.reference.shards.SHARD", 5_000)
    write_pack(run_of(), tmp_path / "pieces")
    pieces = open_pack(tmp_path / "pieces")
    assert len(list(pieces.place.glob("float32-*"))) > 10
    for name, row in pack.rows.items():
        assert torch.equal(pieces.tensor(name, "float32"), pack.tensor(name, "float32")), row


def test_numpy_s_port_comes_to_the_same_losses(pack: Pack):
    params, tokens, targets = small()
    found = port.run(params, tokens, targets, n_head=N_HEAD, dtype=np.float64)
    np.testing.assert_allclose(found["step.losses"], pack.manifest["losses"]["float64"], rtol=1e-12)


def test_of_a_model_with_lora_the_pairs_alone_move(tmp_path: Path):
    plain = run_of(steps=2)
    generator = torch.Generator().manual_seed(0)
    flat = flatten(with_lora(plain.model, 2).params)
    for name in (name for name in flat if name.endswith("lora_b")):
        flat[name] = 0.3 * torch.randn(flat[name].shape, generator=generator)
    model = GPT(with_lora(plain.model, 2).config, unflatten(flat))
    run = replace(plain, model=model)
    write_pack(run, tmp_path / "pack", text=None, llm_c=True)
    pack, tape = open_pack(tmp_path / "pack"), Tape()
    model.to(dtype=torch.float64).loss_and_grads(run.tokens, run.targets, tape)
    assert all(torch.equal(pack.tensor(name, "float64"), tape[name]) for name in tape)
    assert pack.model().config == model.config
    moved = {name.removesuffix(".new") for name in pack.rows if name.endswith(".new")}
    pairs = {name for name in flatten(model.params) if "lora" in name}
    assert moved == pairs | {f"step.2.{name}" for name in pairs}

    # llm.c has no pairs: its files are of the weights with the products in them.
    whole = merged(model)
    assert load(tmp_path / "pack" / "gpt2_124M.bin").config == whole.config
    state = read_state(tmp_path / "pack" / "gpt2_124M_debug_state.bin", whole.config)
    assert torch.equal(state["logits"][0], whole.forward(run.tokens))
    assert torch.allclose(state["logits"][0], model.forward(run.tokens), atol=1e-5)


def test_every_optimizer_has_its_moments(tmp_path: Path):
    for optimizer, moments in (("sgd", set()), ("momentum", {"m"}), ("adam", {"m", "v"})):
        run = run_of(update={"optimizer": optimizer, "learning_rate": 0.1}, steps=1)
        write_pack(run, tmp_path / optimizer, dtypes=[torch.float64])
        rows = open_pack(tmp_path / optimizer).rows
        names = {name.rsplit(".", 1)[1] for name in rows if name.startswith("wte.weight.")}
        assert names >= moments | {"new"}


def test_the_manifest_says_what_made_each_value(pack: Pack):
    row = pack.rows["h.0.attn.att"]
    assert row["made_by"]["function"] == "scaled_dot_product"
    assert row["made_by"]["at"] == "h.0.attn"
    assert row["made_by"]["from"]["q"] == "h.0.attn.q"
    assert (row["part"], row["shape"]) == ("forward", [3, 6, 6])
    assert pack.rows["h.1.resid_pre"]["same_as"] == "h.0.resid_post"
    parts = [row["part"] for row in pack.rows.values()]
    assert list(dict.fromkeys(parts)) == ["given", "forward", "backward", "update"]
    assert all(row["meaning"] for name, row in pack.rows.items() if name != "step.losses")


def test_the_reader_in_the_documents_reads_it(pack: Pack):
    def read(*words: str) -> list[str]:
        run = [sys.executable, str(READER), str(pack.place), *words]
        return subprocess.run(run, capture_output=True, text=True, check=True).stdout.splitlines()

    assert len(read()) == len(pack.rows) + 1
    for dtype in ("float32", "float64"):
        for name in ("h.0.attn.scores", "loss", "dwte.weight", "h.1.resid_pre", "mask", "tokens"):
            heading, *lines = read(name, dtype)
            expected = pack.tensor(name, dtype)
            assert heading == f"{name} {list(expected.shape)}"
            numbers = [float(word) for line in lines for word in line.split()]
            torch.testing.assert_close(
                torch.tensor(numbers), expected.flatten().float(), rtol=1e-6, atol=1e-9
            )
    assert len(READER.read_text(encoding="utf-8").splitlines()) <= 60


def test_a_selection_keeps_names_layers_and_the_first_of_each_axis(tmp_path: Path):
    wanted = Selection(names=("h.*.attn.*", "dh.*.ln_1.*", "*.m"), layers=(1,), first=4)
    write_pack(run_of(steps=2), tmp_path / "cut", dtypes=[torch.float32], wanted=wanted)
    cut = open_pack(tmp_path / "cut")
    assert {"h.1.attn.q", "dh.1.ln_1.x", "wte.weight.m", "step.2.h.1.ln_1.bias.m"} <= set(cut.rows)
    assert {"tokens", "targets", "loss", "step.losses"} <= set(cut.rows)
    assert not {"h.0.attn.q", "h.1.mlp.act.out", "dlogits", "wte.weight.v"} & set(cut.rows)
    row = cut.rows["h.1.attn.att"]
    assert (row["shape"], row["kept"]) == ([3, 6, 6], [3, 4, 4])
    tape = Tape()
    run = run_of()
    run.model.loss_and_grads(run.tokens, run.targets, tape)
    assert torch.equal(cut.tensor("h.1.attn.att", "float32"), tape["h.1.attn.att"][:, :4, :4])


def test_a_second_name_alone_is_stored_under_it(tmp_path: Path):
    wanted = Selection(names=("h.1.resid_pre",))
    write_pack(run_of(steps=1), tmp_path / "one", dtypes=[torch.float32], wanted=wanted)
    one = open_pack(tmp_path / "one")
    assert "same_as" not in one.rows["h.1.resid_pre"]
    assert one.tensor("h.1.resid_pre", "float32").shape == (6, 12)


def test_the_model_comes_from_the_pack_or_by_its_name(tmp_path: Path, pack: Pack):
    assert isinstance(pack.model(), GPT)
    run = run_of(source=str(tmp_path / "model"))
    save(run.model, tmp_path / "model")
    write_pack(run, tmp_path / "small", wanted=Selection(names=("logits",)))
    again = open_pack(tmp_path / "small").model()
    assert torch.equal(again.params["wte"]["weight"], run.model.params["wte"]["weight"])
    other = model_of(small(seed=5)[0], torch.float32)
    save(other, tmp_path / "model")
    with pytest.raises(CheckpointError, match="another by now"):
        open_pack(tmp_path / "small").model()


def test_what_is_not_whole_is_refused_in_one_line(tmp_path: Path):
    place = tmp_path / "pack"
    write_pack(run_of(steps=1), place, dtypes=[torch.float32])
    file, text = place / "float32-00001.safetensors", (place / "manifest.json").read_text()
    whole = file.read_bytes()
    file.write_bytes(whole[:-100])
    with pytest.raises(CheckpointError, match=r"float32-00001\.safetensors must be .*whole"):
        open_pack(place).tensor("loss", "float32")
    file.unlink()
    with pytest.raises(CheckpointError, match=r"float32-00001\.safetensors is missing"):
        open_pack(place)
    for broken, said in (
        ("{}", "must be a reference pack's"),
        (json.dumps(json.loads(text) | {"tensors": 3}), "tensors must be a list"),
        (json.dumps(json.loads(text) | {"model": {}}), "model must be an object"),
        (text[:-30], "must be JSON"),
    ):
        (place / "manifest.json").write_text(broken)
        with pytest.raises(CheckpointError, match=said) as raised:
            open_pack(place)
        assert "\n" not in str(raised.value)
    with pytest.raises(CheckpointError, match="must be a file that can be read"):
        open_pack(tmp_path)


def test_a_pack_in_bfloat16_has_what_is_computed_in_more(tmp_path: Path):
    write_pack(run_of(steps=1), tmp_path / "pack", dtypes=[torch.bfloat16])
    pack = open_pack(tmp_path / "pack")
    assert pack.tensor("logits", "bfloat16").dtype == torch.bfloat16
    assert pack.tensor("probs", "bfloat16").dtype == torch.float32


@pytest.mark.parametrize(("n_head", "length"), [(1, 6), (1, 1), (3, 1)])
def test_a_run_of_one_head_or_one_position_is_written(tmp_path: Path, n_head: int, length: int):
    params, tokens, targets = small()
    config = replace(CONFIG, n_head=n_head)
    weights = {name: torch.tensor(value).float() for name, value in params.items()}
    batch = torch.tensor(tokens[:length]), torch.tensor(targets[:length])
    run = ReferenceRun(GPT(config, unflatten(weights)), "", *batch, UPDATE, steps=1)
    write_pack(run, tmp_path / "pack")
    pack = open_pack(tmp_path / "pack")
    for name in ("float32", "float64"):
        tape = run.first_step(getattr(torch, name))
        assert all(torch.equal(pack.tensor(value, name), tape[value]) for value in tape)


def test_a_pack_asks_no_network_for_its_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def asked(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("pellucid.checkpoint.hub.download", asked)
    write_pack(run_of("someone/gpt2", steps=1), tmp_path / "p", wanted=Selection(names=("logits",)))
    with pytest.raises(CheckpointError, match="'someone/gpt2' be a path here, and neither is"):
        open_pack(tmp_path / "p").model()
    write_pack(run_of("someone/gpt2", steps=1), tmp_path / "whole")  # the remedy
    assert isinstance(open_pack(tmp_path / "whole").model(), GPT)


def test_nothing_is_left_where_it_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a").touch()
    with pytest.raises(ConfigError, match="must be a new or an empty directory"):
        write_pack(run_of(steps=1), tmp_path / "full")

    def no_room(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pellucid.reference.uncached.os.write", no_room)
    with pytest.raises(WriteError, match=r"new must be a directory .* No space left on device"):
        write_pack(run_of(steps=1), tmp_path / "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["full"]
    for steps, first in ((0, None), (1, 0)):
        with pytest.raises(ConfigError, match="must be at least 1, not 0"):
            _ = run_of(steps=steps), Selection(first=first)


@pytest.mark.thinned(4)
@pytest.mark.parametrize("kind", LLAMAS)
def test_a_pack_of_llama_s_family_says_which_and_agrees_with_itself(kind: str, tmp_path: Path):
    model = drawn(LLAMAS[kind]).to(dtype=torch.float32)
    tokens, targets = torch.tensor([1, 2, 0, 5, 3]), torch.tensor([2, 0, 5, 3, 4])
    write_pack(ReferenceRun(model, "", tokens, targets, UPDATE, steps=2), tmp_path / "pack")
    pack = open_pack(tmp_path / "pack")
    assert pack.manifest["model"]["architecture"] == "llama"
    assert pack.model().config == model.config
    assert pack.tensor("rope.angles", "float32").dtype == torch.float64  # as it ran
    found = compare(pack, Mine.open(pack.place, pack.blank))
    assert found.agrees
    assert found.missing == []


def test_what_only_a_gpt_has_is_refused_in_one_line_for_another(tmp_path: Path):
    tokens, targets = torch.tensor([1, 2]), torch.tensor([2, 3])
    run = ReferenceRun(drawn(LLAMAS["untied"]), "", tokens, targets, UPDATE, steps=1)
    with pytest.raises(CheckpointError, match=r"llm\.c has GPT-2 alone"):
        write_pack(run, tmp_path / "pack", llm_c=True)
    assert list(tmp_path.iterdir()) == []
    write_pack(run_of(steps=1), tmp_path / "gpt", llm_c=True)
    with pytest.raises(CheckpointError, match="which has a GPT-2's tensors and"):
        open_tensors(tmp_path / "gpt" / "gpt2_124M_debug_state.bin", run.model.config)
