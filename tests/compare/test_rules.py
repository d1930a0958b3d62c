"""Rules: what they say, what is wrong with one, and that a file of them is read."""

import contextlib
import json
import re
import string
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pellucid.compare import Mine, read_rules
from pellucid.compare.naming import forms, plain
from pellucid.compare.translate import translate
from pellucid.errors import CheckpointError, ConfigError, PellucidError, TraceError
from pellucid.models import GPT
from pellucid.models.vocabularies.rule import (
    NameRule,
    TheirTensor,
    parse_rule,
    rule_lines,
    rules,
)
from tests.port.models import CONFIG

BLANK = GPT.without_weights(CONFIG)
C, H, D, T = 12, 3, 4, 6


def found(tensors: dict[str, torch.Tensor], *lines: str) -> Mine:
    return Mine(tensors, BLANK, [parse_rule(line) for line in lines]).of_run(torch.zeros(2, T))


def test_a_rule_holds_for_every_layer_and_for_gradients():
    up = torch.arange(4 * C * C).reshape(4 * C, C).double()
    dump = {f"b{i + 1}/up/w{end}": i + up for i in range(2) for end in ("", ".grad")}
    mine = found(dump, "b{i+1}/up/w.T -> h.{i}.mlp.c_fc.weight")
    assert set(mine) == {f"{d}h.{i}.mlp.c_fc.weight" for d in ("", "d") for i in range(2)}
    assert torch.equal(mine["dh.1.mlp.c_fc.weight"], 1 + up.T)
    assert torch.equal(mine["h.0.mlp.c_fc.weight"], up.T)


@pytest.mark.parametrize("form", ["d{}", "{}.grad", "{}_grad", "grads.{}", "grads/{}", "d_{}"])
def test_a_gradient_may_be_named_in_many_ways(form: str):
    mine = found({form.format("my.q"): torch.ones(2, H, T, D)}, "my.q -> h.1.attn.q")
    assert list(mine) == ["dh.1.attn.q"]


def test_what_an_update_makes_follows_a_rule_too():
    dump = {
        f"{before}table{after}": torch.ones(11, C)
        for before in ("", "step.3.")
        for after in (".new", ".m")
    }
    mine = found(dump, "table -> wte.weight")
    assert set(mine) == {"wte.weight.new", "wte.weight.m", "step.3.wte.weight.new"} | {
        "step.3.wte.weight.m"
    }


def test_several_are_joined_along_the_output_axis():
    parts = [torch.randn(C, C).double() for _ in range(3)]
    dump = {f"l.0.{letter}": part for letter, part in zip("qkv", parts, strict=True)}
    rule = "l.{i}.q.T, l.{i}.k, l.{i}.v.T -> h.{i}.attn.c_attn.weight"
    joined = found(dump, rule)["h.0.attn.c_attn.weight"]
    assert torch.equal(joined, torch.cat([parts[0].T, parts[1], parts[2].T], 1))
    heads = {
        f"l.0.{letter}": part.reshape(C, H, D).transpose(0, 1)
        for letter, part in zip("qkv", parts, strict=True)
    }
    again = found(heads, rule.replace(".T", ""))["h.0.attn.c_attn.weight"]
    assert torch.equal(again, torch.cat(parts, 1))
    biases = {
        f"l.0.{letter}b": part[0].reshape(H, D) for letter, part in zip("qkv", parts, strict=True)
    }
    bias = found(biases, "l.{i}.qb, l.{i}.kb, l.{i}.vb -> h.{i}.attn.c_attn.bias")
    assert torch.equal(bias["h.0.attn.c_attn.bias"], torch.cat([part[0] for part in parts]))


def test_one_is_cut_into_several():
    whole = torch.randn(2, T, 3 * C).double()
    mine = found({"l0.qkv": whole}, "l{i}.qkv -> h.{i}.attn.q, h.{i}.attn.k, h.{i}.attn.v")
    for place, letter in enumerate("qkv"):
        part = whole[..., place * C : (place + 1) * C].reshape(2, T, H, D).transpose(1, 2)
        assert torch.equal(mine[f"h.0.attn.{letter}"], part)
    with pytest.raises(TraceError, match=r"l0.qkv must have the shape .* and it has \(2, 6, 37\)"):
        found({"l0.qkv": torch.ones(2, T, 37)}, "l{i}.qkv -> h.{i}.attn.q, h.{i}.attn.k")[
            "h.0.attn.q"
        ]


def test_layers_in_one_tensor_are_taken_apart():
    stack = torch.randn(2, 4 * C, C).double()
    mine = found(
        {"blocks/up": stack, "blocks/up.grad": stack}, "blocks.up[{i}].T -> h.{i}.mlp.c_fc.weight"
    )
    assert torch.equal(mine["h.1.mlp.c_fc.weight"], stack[1].T)
    assert torch.equal(mine["dh.0.mlp.c_fc.weight"], stack[0].T)


def test_a_star_is_any_text():
    dump = {
        "gpt.h.1.ln_1.out": torch.ones(1),
        "gpt.wte.weight.grad": torch.ones(1),
        "gpt.zz": torch.ones(1),
    }
    mine = found(dump, "gpt.* -> *")
    assert set(mine) == {"h.1.ln_1.out", "dwte.weight"}
    assert [one.name for one in mine.translation.unknown] == ["gpt.zz"]
    assert set(found({"b.1.n": torch.ones(1)}, "b.*.n -> h.*.ln_1.out")) == {"h.1.ln_1.out"}


def test_what_is_left_out_is_not_asked_about():
    dump = {"loss": torch.ones(()), "a.mask": torch.ones(1), "tmp": torch.ones(1)}
    assert found(dump, "*.mask -> -", "tmp -> -").translation.unknown == ()


@pytest.mark.parametrize(
    "name",
    ["h.0.attn.q", "h.0.attn.att", "h.1.ln_1.out", "h.0.attn.merged", "h.0.ln_1.mean", "losses"],
)
def test_axes_in_another_order_are_known_by_their_sizes(name: str):
    texts = 2
    shapes: dict[str, list[tuple[int, ...]]] = {
        "h.0.attn.q": [
            *((texts, H, T, D), (texts, T, H, D), (texts * T, H * D), (texts, T, C)),
            (texts * H, T, D),
        ],
        "h.0.attn.att": [(texts, H, T, T), (texts * H, T, T)],
        "h.1.ln_1.out": [(texts, T, C), (texts * T, C), (T, texts, C)],
        "h.0.attn.merged": [(texts, T, C), (texts * T, C), (texts, T, H, D), (texts, H, T, D)],
        "h.0.ln_1.mean": [(texts, T, 1), (texts, T), (texts * T,), (texts * T, 1)],
        "losses": [(texts, T), (texts * T,)],
    }
    right = torch.randn(shapes[name][0]).double()
    rows = {
        (texts, T, H, D): lambda x: x.movedim(1, 2) if x.dim() == 4 else x.unflatten(-1, (H, D)),
        (texts, H, T, D): lambda x: x if x.dim() == 4 else x.unflatten(-1, (H, D)).movedim(2, 1),
        (texts * T, H * D): lambda x: (x.movedim(1, 2) if x.dim() == 4 else x).reshape(-1, C),
        (texts, T, C): lambda x: x.movedim(1, 2).reshape(texts, T, C) if x.dim() == 4 else x,
        (T, texts, C): lambda x: x.transpose(0, 1),
    }
    for shape in shapes[name]:
        theirs = rows.get(shape, lambda x, s=shape: x.reshape(s))(right)
        assert tuple(theirs.shape) == shape
        mine = found({"x": theirs[None]}, f"x -> {name}")[name]
        assert torch.equal(mine.reshape(right.shape), right), shape


def test_sizes_that_fit_nothing_stay_as_they_are():
    for shape in ((2, T, H, D + 1), (5, C), (2, T, 2 * C)):
        theirs = torch.randn(shape)
        assert torch.equal(found({"x": theirs}, "x -> h.0.attn.q")["h.0.attn.q"], theirs)


@pytest.mark.parametrize("name", ["h.0.attn.q", "h.0.attn.merged"])
def test_axes_that_fit_in_two_ways_stay_as_they_are(name: str):
    config = replace(CONFIG, n_head=T, n_embd=2 * T)
    theirs = torch.randn(2, T, T, 2)  # heads or positions first: nothing tells
    mine = Mine({name: theirs}, GPT.without_weights(config)).of_run(torch.zeros(2, T))
    assert torch.equal(mine[name], theirs)


WRONG = [
    ("a.b h.0.attn.q", "must have one ->"),
    ("a -> b -> c", "must have one ->"),
    (" -> loss", "must have a name of yours on each side"),
    ("a, -> loss", "must have a name of yours"),
    ("a -> ", "must have a name of ours"),
    ("a.{j} -> h.{j}.attn.q", "no braces but"),
    ("a.{i -> h.{i}.attn.q", "no braces but"),
    ("a -> h.{i}.attn.q", "must have {i} in all its names or in none"),
    ("a.{i} -> loss", "must have {i} in all its names or in none"),
    ("a.*.* -> *", "must have one * in a name"),
    ("a.{i}.* -> h.{i}.*", "must have one * in a name"),
    ("a.* -> loss", "must have * in all its names or in none"),
    ("a, b -> h.0.attn.q, h.0.attn.k", "must join several of yours"),
    ("a -> wte.weight.T", "must have our names as they are"),
    ("a, b -> -", "must have one name of yours alone"),
    ("a.T -> -", "must have one name of yours alone"),
    ("a[{i}], b -> h.{i}.attn.q", "behind all of yours or none"),
    ("a.{i}[{i}] -> h.{i}.attn.q", "in [{i}] alone"),
    ("a -> loss, loss", "must have each of our names once"),
]


@pytest.mark.parametrize(("line", "said"), WRONG)
def test_what_is_no_rule_is_one_line_with_its_place(line: str, said: str, tmp_path: Path):
    file = tmp_path / "rules.txt"
    file.write_text(f"# mine\n\nx -> loss  # right\n{line}\n")
    with pytest.raises(ConfigError) as raised:
        read_rules([str(file)])
    message = str(raised.value)
    assert "\n" not in message
    assert message.startswith(f"line 4 of {file} must")
    assert said in message
    assert ": " in message.partition(said)[2]


def test_the_remedies_that_are_offered_are_rules():
    for _, said in WRONG:
        assert said
    example = parse_rule("blocks.{i}.up.weight.T -> h.{i}.mlp.c_fc.weight")
    assert example.theirs == (TheirTensor("blocks.{i}.up.weight", turned=True),)
    parse_rule("wq.{i} -> h.{i}.attn.q")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["nine -> loss"], "a rule must name tensors that are there, and 'nine' is not"),
        (["mine -> los"], "must lead to names of docs/names.md, and 'los' is none of this model's"),
        (["mine -> h.2.attn.q"], "'h.2.attn.q' is none"),
        (["mine.{i} -> h.{i}.attn.qq"], "'h.0.attn.qq' is none of this model's"),
        (["mine, more -> h.0.attn.q"], "and 'more' is not (near it: mine)"),
        (["mine -> loss", "mi* -> *", "other -> loss"], "loss comes of 'mine -> loss' and of 'oth"),
    ],
)
def test_rules_that_find_nothing_or_lead_nowhere_are_told(lines: list[str], said: str):
    tensors = {"mine": torch.ones(()), "other": torch.ones(())}
    with pytest.raises(TraceError) as raised:
        found(tensors, *lines)
    assert said in str(raised.value)


def test_of_a_file_s_rules_some_may_find_nothing(tmp_path: Path):
    file = tmp_path / "rules.txt"
    file.write_text("mine -> loss\nother.{i}.q -> h.{i}.attn.q\n")
    translation = translate(["mine"], BLANK, read_rules([str(file)]))
    assert set(translation.found) == {"loss"}
    (note,) = translation.notes
    assert note.startswith(f"line 2 of {file} must name tensors that are there, and 'other.0.q'")
    with pytest.raises(TraceError, match="must name tensors that are there"):
        translate(["mine"], BLANK, read_rules(["other.{i}.q -> h.{i}.attn.q"]))


def test_rules_come_from_text_from_json_and_from_the_command_line(tmp_path: Path):
    text, table = tmp_path / "rules.txt", tmp_path / "map.json"
    text.write_text("\ufeffa.{i} -> h.{i}.attn.q  # queries\r\n", encoding="utf-8")
    table.write_text(json.dumps({"b": "loss", "c.{i}.T": "h.{i}.mlp.c_fc.weight"}))
    given = read_rules([str(text), str(table), "d.#1 -> logits"])
    assert [str(one) for one in given] == [
        "a.{i} -> h.{i}.attn.q",
        "b -> loss",
        "c.{i}.T -> h.{i}.mlp.c_fc.weight",
        "d.#1 -> logits",
    ]


def test_files_that_are_none_are_one_line(tmp_path: Path):
    wrong = tmp_path / "rules"
    for content in (b"", b"# nothing\n", b"\xff\xfe\x00", b"{", b"[1]", b'{"a": 1}', b"\0" * 9):
        wrong.write_bytes(content)
        with pytest.raises(PellucidError) as raised:
            read_rules([str(wrong)])
        assert "\n" not in str(raised.value)
    with pytest.raises(CheckpointError, match=r"--map must be a rule with -> in it or a file"):
        read_rules([str(tmp_path / "none.txt")])
    with pytest.raises(CheckpointError, match="must be a rule"):
        read_rules([str(tmp_path)])


NAMES = st.text(string.ascii_letters + string.digits + "._/:#@", min_size=1, max_size=12).filter(
    lambda name: not name.endswith(".T") and "->" not in name
)
NUMBERED = st.builds(lambda a, n, b: a + n + b, NAMES, st.sampled_from(["{i}", "{i+1}"]), NAMES)


@st.composite
def name_rules(draw: st.DrawFn) -> NameRule:
    kind = draw(st.sampled_from(["plain", "numbered", "stacked"]))
    names = NUMBERED.filter(lambda name: not name.endswith(".T")) if kind == "numbered" else NAMES
    ours = NUMBERED if kind != "plain" else NAMES
    cut = draw(st.booleans())
    tensors = st.builds(TheirTensor, names, st.just(kind == "stacked"), st.booleans())
    left = draw(st.lists(tensors, min_size=1, max_size=1 if cut else 4))
    right = draw(st.lists(ours, min_size=1, max_size=3 if cut else 1, unique=True))
    return NameRule(tuple(left), tuple(right))


@given(name_rules())
def test_a_rule_written_and_read_is_the_same(rule: NameRule):
    assert parse_rule(str(rule)) == rule
    assert parse_rule(f"   {str(rule).replace(', ', ' ,').replace('->', '  ->  ')} ") == rule


@given(st.text(max_size=60))
def test_any_line_is_a_rule_or_one_line_of_what_it_lacks(line: str):
    with contextlib.suppress(ConfigError):
        rule = parse_rule(line)
        assert parse_rule(str(rule)) == rule
        assert all(row.ours for row in rule.rows(["a.b", "b"]))


def test_a_vocabulary_is_a_text_of_rules():
    first, second = rules("# two\n a.{i}.T -> h.{i}.mlp.c_fc.weight\n\n b -> loss # a loss")
    assert (first.theirs, first.ours) == (("a.{i}",), "h.{i}.mlp.c_fc.weight")
    assert first.names(3, 9) == ("a.3",)
    assert second.ours == "loss"


def test_plain_names_and_forms():
    assert plain("params/h/0/ln_1/scale") == "h.0.ln_1.scale"
    assert plain("['h'][0][\"ln_1\"]['scale']") == "h.0.ln_1.scale"
    assert plain("_orig_mod.module.module.lm_head.weight") == "lm_head.weight"
    assert plain("intermediates/h_0/attn/__call__/0") == "h_0.attn"
    assert plain("module.") == "module"
    assert ("d{}", "w") in list(forms("grads.params.w"))
    assert ("step.2.{}.new", "w") in list(forms("step.2.w.new"))


def test_the_rules_of_the_documents_are_rules_and_lead_to_ours():
    page = Path(__file__).parents[2] / "docs" / "compare.md"
    (block,) = re.findall(r"```rules\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    own = [parse_rule(line) for _, line in rule_lines(block)]
    assert len(own) >= 7
    names = [re.sub(r"\{i.*?\}", "1", name) for rule in own for name in rule.names]
    dump = {name.replace("*", "ln_f.out"): torch.ones(2, 3) for name in names}
    translation = translate(list(dump), BLANK, own)
    assert translation.unknown == ()
    assert {"h.1.mlp.c_fc.weight", "h.0.ln_1.out", "h.1.attn.v", "ln_f.out"} <= set(
        translation.found
    )
