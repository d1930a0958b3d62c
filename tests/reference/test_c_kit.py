"""The kit builds, its sample passes, and compare reads what it dumps; the header is the run's."""

import re
import shlex
import subprocess
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from random import Random

import pytest
import torch
from typer.testing import CliRunner

from pellucid.checkpoint import open_tensors
from pellucid.checkpoint.dumps import append_dump
from pellucid.cli import app
from pellucid.compare import Mine, compare
from pellucid.models import GPT
from pellucid.reference import Pack, open_pack, write_pack
from pellucid.reference.c_kit import KIT
from pellucid.tape import Tape
from pellucid.tree import flatten, unflatten
from tests.models.llama_examples import LLAMAS
from tests.port.building import built, ran, sanitizers, tool
from tests.reference.kits import gpt, kit_of, llama, run_of

SOURCE = Path(str(files("pellucid.reference") / "kit"))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kit_of(run_of(gpt()), tmp_path_factory.mktemp("kits") / "gpt")


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory, place: Path) -> Path:
    """The sample's program, which reads all that it needs to know when it runs."""
    at = tmp_path_factory.mktemp("built")
    sources = (place / "main.c", place / "pellucid.c")
    return built(at / "main", *sources, flags=sanitizers(), include=place)


def judged(pack: Pack, file: Path) -> int:
    """How many tensors of a dump were judged, where none differs."""
    found = compare(pack, Mine.open(file, pack.blank, None, pack))
    assert found.agrees, found.findings
    assert found.translation.unknown == ()
    return len(found.first.verdicts)


def test_every_tensor_of_the_run_is_in_the_dump_to_the_bit(place: Path):
    pack, tape, run = open_pack(place), Tape(), run_of(gpt())
    run.model.loss_and_grads(run.tokens, run.targets, tape)
    for name in tape:
        found = pack.tensor(name, "float32")
        assert torch.equal(found.to(tape[name].dtype), tape[name]), name
    assert isinstance(pack.model(), GPT)
    found = compare(pack, Mine.open(place, pack.blank))
    assert found.agrees
    assert found.missing == []


def test_the_sample_builds_without_a_warning_passes_and_its_dump_agrees(sample: Path, place: Path):
    said = ran(str(sample), at=place)
    names = re.findall(r"^(\w+)\.\w+ +\S+ *$", said, re.MULTILINE)
    assert set(names) == {
        *("layer_norm", "linear", "gelu_tanh", "scaled_dot_product", "cross_entropy")
    }
    assert "19 of 19 tensors are right" in said
    assert judged(open_pack(place), place / "mine.bin") >= 18


@pytest.mark.parametrize("kind", LLAMAS)
def test_it_passes_on_llama_s_family_in_a_batch_with_targets_that_are_none(
    kind: str, tmp_path: Path
):
    place = kit_of(run_of(llama(kind), batched=True), tmp_path / "llama")
    # The program is built for each: the names in the run are the header's.
    sources = (place / "main.c", place / "pellucid.c")
    said = ran(str(built(tmp_path / "main", *sources, include=place)), at=place)
    assert "rms_norm.dweight" in said
    assert ("rotary.dx" in said) == (kind != "no block with positions")
    assert not re.search("WRONG", said)
    assert judged(open_pack(place), place / "mine.bin") >= 13


def test_make_is_one_word(place: Path):
    tool("cc")
    assert "19 of 19 tensors are right" in ran(tool("make"), at=place)


def test_the_sample_notices_a_mistake_and_so_does_compare(tmp_path: Path, place: Path):
    text, right = (place / "main.c").read_text(), "second += dxhat * xhat / (float)n;"
    assert text.count(right) == 1
    (tmp_path / "main.c").write_text(text.replace(right, "second += dxhat / (float)n;"))
    sources = (tmp_path / "main.c", place / "pellucid.c")
    said = ran(str(built(tmp_path / "main", *sources, include=place)), at=place, code=1)
    assert re.search(r"layer_norm\.dx +\S+ WRONG", said)
    pack = open_pack(place)
    first, *_ = compare(pack, Mine.open(place / "mine.bin", pack.blank, None, pack)).findings
    assert first.fault.name == "dh.0.ln_1.x"


@pytest.mark.parametrize("model", ["gpt", "llama"])
def test_rust_reads_checks_and_dumps(model: str, place: Path, tmp_path: Path):
    if model == "llama":
        place = kit_of(run_of(llama()), tmp_path / "llama")
    out = tmp_path / "reader"
    ran(tool("rustc"), "-D", "warnings", "-o", str(out), "pellucid.rs", at=place)
    assert re.fullmatch(r"(layer|rms)_norm\.out \S+ right\n", ran(str(out), at=place))
    assert judged(open_pack(place), place / "mine.bin") == 1


@pytest.mark.parametrize("model", ["gpt", "llama"])
def test_javascript_reads_checks_and_dumps(model: str, place: Path, tmp_path: Path):
    if model == "llama":
        place = kit_of(run_of(llama()), tmp_path / "llama")
    said = ran(tool("node"), "pellucid.js", at=place)
    assert re.fullmatch(r"(layer|rms)_norm\.out \S+ right\n", said)
    assert judged(open_pack(place), place / "mine.bin") == 1


def test_the_reader_in_c_refuses_what_is_not_whole_in_one_line(sample: Path, tmp_path: Path):
    for content, said in (
        (None, "vectors.bin cannot be opened"),
        (b"", "must begin with the line pellucid-dump 1"),
        (b"pellucid-dump 1\nx float9 1\n", "has no line of a tensor where one must be"),
        (b"pellucid-dump 1\nx float32 9e9\n", "has no line of a tensor where one must be"),
        (b"pellucid-dump 1\nx float32" + b" 9" * 9 + b"\n", "has no line of a tensor"),
        (b"pellucid-dump 1\nx float32 99999999999 9999999999\n", "has no line of a tensor"),
        (b"pellucid-dump 1\nlayer_norm.x float32 3\n0000", "ends within layer_norm.x"),
        (b"pellucid-dump 1\nlayer_norm.x float32 1\n0000", "has no layer_norm.weight"),
        (
            b"pellucid-dump 1\nlayer_norm.x float32 1\n0000layer_norm.weight int32 1\n0000",
            "layer_norm.weight is of int32 in vectors.bin, and float32 is asked for",
        ),
        (
            b"pellucid-dump 1\nlayer_norm.x float32 1\n0000layer_norm.weight float32 9\n0000",
            "vectors.bin ends within layer_norm.weight",
        ),
        (
            b"pellucid-dump 1\nx uint8 576460752303423487\n",
            "vectors.bin ends within x",
        ),
    ):
        if content is not None:
            (tmp_path / "vectors.bin").write_bytes(content)
        came = ran(str(sample), at=tmp_path, code=2)
        assert came.startswith("pellucid: ")
        assert len(came.splitlines()) == 1
        assert said in came


PROBE = """
#include <math.h>
#include <string.h>
#include "pellucid.h"

int main(int words, char **word) {
    const float right[3] = {1, -2, INFINITY}, off[3] = {1, -2.5f, INFINITY};
    const float lost[3] = {1, NAN, INFINITY};
    if (pellucid_apart(right, right, 3) != 0) return 3;
    if (pellucid_apart(lost, lost, 3) != 0) return 4;
    if (pellucid_apart(off, right, 2) != 0.25) return 5;
    if (pellucid_apart(lost, right, 2) < 1e299 || pellucid_apart(right, lost, 2) < 1e299) return 6;
    const double fine[2] = {1e-300, 2};
    const uint8_t mask[2] = {1, 0};
    const int32_t id = -7;
    FILE *dump = pellucid_dump_begin("probe.bin");
    pellucid_dump_as(dump, "fine", "float64", fine, SHAPE(1, 2));
    pellucid_dump_as(dump, "mask", "uint8", mask, SHAPE(2));
    pellucid_dump_as(dump, "id", "int32", &id, 0, NULL);
    pellucid_dump(dump, "none", right, SHAPE(0, 3));
    pellucid_dump_end(dump);
    pellucid_file file = pellucid_open("probe.bin");
    if (file.count != 4 || pellucid_find(&file, "fine")->shape[1] != 2) return 7;
    if (pellucid_find(&file, "fin") || pellucid_find(&file, "none")->count != 0) return 8;
    if (memcmp(pellucid_doubles(&file, "fine", 2), fine, sizeof fine) != 0) return 9;
    if (memcmp(pellucid_bytes(&file, "mask", -1), mask, sizeof mask) != 0) return 10;
    if (pellucid_ints(&file, "id", 1)[0] != id || !pellucid_floats(&file, "none", 0)) return 11;
    if (words > 2) { /* read all that there is in the file that is named */
        pellucid_file all = pellucid_open(word[2]);
        for (int i = 0; i < all.count; i++)
            if (strcmp(all.tensors[i].dtype, "float32") == 0)
                pellucid_floats(&all, all.tensors[i].name, -1);
        printf("%d\\n", all.count);
        pellucid_close(&all);
    }
    if (words > 1 && strcmp(word[1], "count") == 0) pellucid_ints(&file, "id", 2);
    if (words > 1 && strcmp(word[1], "dtype") == 0)
        pellucid_dump_as(stderr, "id", "int", &id, 0, NULL);
    pellucid_close(&file);
    return 0;
}
"""


def test_every_function_of_the_reader_and_dumper_does_what_it_says(tmp_path: Path):
    (tmp_path / "probe.c").write_text(PROBE)
    sources = (tmp_path / "probe.c", SOURCE / "pellucid.c")
    probe = str(built(tmp_path / "probe", *sources, flags=sanitizers(), include=SOURCE))
    assert ran(probe, at=tmp_path) == ""
    said = ran(probe, "count", at=tmp_path, code=2)
    assert said == "pellucid: id has 1 numbers in probe.bin, and 2 are asked for\n"
    said = ran(probe, "dtype", at=tmp_path, code=2)
    assert said == "pellucid: id is of int, which a dump cannot have\n"
    found = open_tensors(tmp_path / "probe.bin")
    assert found["fine"].tolist() == [[1e-300, 2.0]]
    assert found["none"].shape == (0, 3)


def test_whatever_a_dump_is_damaged_to_the_reader_in_c_reads_it_or_refuses(tmp_path: Path):
    (tmp_path / "probe.c").write_text(PROBE)
    sources = (tmp_path / "probe.c", SOURCE / "pellucid.c")
    probe = str(built(tmp_path / "probe", *sources, flags=sanitizers(), include=SOURCE))
    append_dump(tmp_path / "whole.bin", {f"h.{i}.x": torch.ones(2, i) for i in range(4)})
    whole, random = (tmp_path / "whole.bin").read_bytes(), Random(0)
    assert ran(probe, "all", "whole.bin", at=tmp_path) == "4\n"
    ends = set()
    for _ in range(60):
        content = bytearray(whole)
        for _ in range(random.randint(1, 4)):
            at = random.randrange(len(content))
            some = random.choice([b"9", b" ", b"\n", b"\0", b"\xff", b"999999999 "])
            content[at : at + random.randint(0, 2)] = some
        (tmp_path / "damaged.bin").write_bytes(content[: random.randint(0, 2 * len(content))])
        ended = subprocess.run(
            [probe, "all", "damaged.bin"], cwd=tmp_path, capture_output=True, check=False
        )
        ends.add(ended.returncode)
        assert ended.returncode in {0, 2}, ended.stderr
        assert len(ended.stderr.splitlines()) == (ended.returncode == 2)
    assert ends == {0, 2}


def test_the_header_is_one_of_c_plus_plus_too(tmp_path: Path):
    (tmp_path / "port.cpp").write_text('#include "pellucid.h"\nint main() { return 0; }\n')
    where = ("-I", str(SOURCE), "-Wall", "-Wextra", "-Werror", "-o", "port")
    ran(tool("c++", "g++", "clang++"), *where, "port.cpp", at=tmp_path)


def test_the_reader_and_dumper_in_c_are_under_two_hundred_lines():
    assert len((SOURCE / "pellucid.c").read_text(encoding="utf-8").splitlines()) < 200
    assert {file.name for file in SOURCE.iterdir()} == set(KIT)


def test_the_header_says_what_the_run_was(place: Path):
    header, pack = (place / "pellucid_pack.h").read_text(), open_pack(place)
    for line in (
        '#define PELLUCID_ARCHITECTURE "gpt"',
        "#define PELLUCID_N_LAYER 2",
        "#define PELLUCID_N_INNER 48",
        "#define PELLUCID_EPS 1e-05",
        "#define PELLUCID_T 6",
        "static const int pellucid_tokens[] = {1, 4, 2, 9, 0, 4};",
        '#define PELLUCID_UPDATE_OPTIMIZER "adamw"',
        "#define PELLUCID_UPDATE_BETAS2 0.999",
        "#define PELLUCID_UPDATE_EPS 1e-08",
        "#define PELLUCID_UPDATE_WEIGHT_DECAY 0.1",
        "#define PELLUCID_STEPS 2",
    ):
        assert line in header.splitlines()
    content = (place / "float32.bin").read_bytes()
    rows = re.findall(r'^    \{"(.+)", "float32", (\d), \{(.*)\}, (\d+)\},$', header, re.MULTILINE)
    assert len(rows) > 250
    for name, axes, sizes, offset in rows:
        values = pack.tensor(name, "float32")
        shape = [int(size) for size in sizes.split(", ")][: int(axes)]
        assert shape == list(values.shape)
        raw = content[int(offset) :][: values.numel() * 4]
        assert raw == values.contiguous().numpy().tobytes(), name
    assert "h.1.resid_pre" in {name for name, *_ in rows}  # a second name


def test_a_selection_and_other_dtypes_have_the_kit_too(tmp_path: Path):
    run = run_of(llama("Llama 3.1 scaling"))
    write_pack(run, tmp_path / "both", dtypes=[torch.float64, torch.bfloat16], to_c=True)
    pack = open_pack(tmp_path / "both")
    header = (tmp_path / "both" / "pellucid_pack.h").read_text()
    assert '#define PELLUCID_FILE "float64.bin"' in header
    assert "#define PELLUCID_ROPE_SCALING_FACTOR 8.0" in header
    assert pack.tensor("logits", "bfloat16").dtype == torch.bfloat16
    assert pack.tensor("rope.angles", "bfloat16").dtype == torch.float64
    assert pack.model().config == run.model.config


def test_what_the_page_says_of_the_kit_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    page = (Path(__file__).parents[2] / "docs" / "reference-pack.md").read_text(encoding="utf-8")
    section = page[page.index("## For C, Rust") : page.index("## Dumps")]
    monkeypatch.chdir(tmp_path)
    (commands,) = re.findall(r"^```sh\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
    for line in commands.splitlines():
        program, *words = shlex.split(line, comments=True)
        if program == "pellucid":
            ended = CliRunner().invoke(app, words)
            assert ended.exit_code == 0, ended.output
        else:
            tool("cc")
            ran(tool(program), *words, at=tmp_path)
    (code,) = re.findall(r"^```c\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
    (tmp_path / "port.c").write_text(code)
    sources = (tmp_path / "port.c", tmp_path / "kit" / "pellucid.c")
    program = built(tmp_path / "port", *sources, include=tmp_path / "kit")
    ran(str(program), at=tmp_path / "kit")
    assert judged(open_pack(tmp_path / "kit"), tmp_path / "kit" / "mine.bin") == 1


def test_the_command_writes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    words = ["reference", "a b c", "--to", "c", "-o", "pack", "--steps", "1"]
    assert CliRunner().invoke(app, words).exit_code == 0
    assert {file.name for file in (tmp_path / "pack").iterdir()} == {
        *("manifest.json", "float32.bin", "vectors.bin", "pellucid_pack.h", *KIT)
    }
    ended = CliRunner().invoke(app, [*words[:-3], "cut", "--size", "1MB"])
    assert "leave out --size" in str(ended.exception)
    assert not (tmp_path / "cut").exists()
    for own in ("pack", "pack/float32.bin", "pack/../pack"):
        ended = CliRunner().invoke(app, ["compare", own, "pack"])
        assert ended.exit_code == 0, ended.output
        assert f"{own} is the pack's own: this says nothing" in ended.output
    (tmp_path / "copy.bin").write_bytes((tmp_path / "pack" / "float32.bin").read_bytes())
    ended = CliRunner().invoke(app, ["compare", "copy.bin", "pack"])
    assert "agrees" in ended.output
    assert "own" not in ended.output


def test_parameters_that_a_port_may_leave_out_unnoticed_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    run = run_of(gpt())
    assert run.idle() == []
    params = flatten(run.model.params)
    params["h.0.ln_1.bias"] = torch.zeros(12)
    params["h.1.ln_2.weight"] = torch.ones(12)
    params["ln_f.bias"] = torch.full((12,), 0.5)
    idle = replace(run, model=run.model.with_params(unflatten(params))).idle()
    assert idle == ["h.0.ln_1.bias", "h.1.ln_2.weight"]
    said = CliRunner().invoke(app, ["reference", "a b", "--steps", "1", "-o", "pack"]).output
    assert "18 of its parameters are all 0 or all 1, such as h.0.ln_1.weight: a port" in said
