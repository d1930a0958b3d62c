"""The page's answers on a Llama: its heads of keys serve several, and nothing assumes a GPT."""

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from pellucid.checkpoint import load, save
from pellucid.models import Llama
from pellucid.text import Characters
from pellucid.web import Library, SessionApi
from tests.models.llama_examples import tiny
from tests.web.examples import answer, changed, roles_of, setting, stepping

TEXT = "the girl and a boy"
LETTERS = Characters.from_text(TEXT)
CONFIG = tiny(
    vocab_size=LETTERS.vocab_size, block_size=32, n_head=6, n_kv_head=2, n_embd=12, qk_norm=True
)
LLAMA: dict[str, Any] = {"subject": {"model": "llama"}, "text": TEXT}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SessionApi]:
    folder = tmp_path_factory.mktemp("llama")
    save(Llama.init(CONFIG, seed=3), folder)
    LETTERS.save(folder)
    made = SessionApi(Library({"llama": str(folder)}))
    yield made
    made.close()


def nodes(outline: list[Any]) -> list[Any]:
    return [one for node in outline for one in (node, *nodes(node["children"]))]


def attention(api: SessionApi) -> Any:
    outline = answer(api, "open", experiment=LLAMA)["outline"]
    return next(node for node in nodes(outline) if node["kind"] == "attention")


def test_the_outline_has_the_drawing_s_kinds(api: SessionApi):
    outline = answer(api, "open", experiment=LLAMA)["outline"]
    assert [node["kind"] for node in outline] == [
        *("tokens", "embedding", "position", "block", "block"),
        *("norm", "unembedding", "unembedding", "loss"),
    ]
    parts = outline[3]["children"]
    assert [part["kind"] for part in parts] == ["norm", "attention", "sum", "norm", "mlp", "sum"]
    assert [part["id"] for part in parts] == [
        *("h.0.ln_1", "h.0.attn", "h.0.resid_mid", "h.0.ln_2", "h.0.mlp", "h.0.resid_post"),
    ]


def test_tensors_say_what_they_are_for(api: SessionApi):
    roles = roles_of(answer(api, "open", experiment=LLAMA)["outline"])
    named = ("attn.q_heads", "attn.k_rope.out", "attn.v", "attn.scores", "mlp.gated")
    assert [roles[f"h.1.{name}"] for name in named] == [
        *("query", "key", "value", "attention", "hidden")
    ]


def test_a_head_has_its_queries_and_the_keys_that_it_shares(api: SessionApi):
    heads = attention(api)["children"]
    assert [head["head"] for head in heads] == [0, 1, 2, 3, 4, 5]
    lead = {one["name"].rpartition("attn.")[2]: one["lead"] for one in heads[4]["tensors"]}
    assert lead["q_heads"] == lead["q_norm.out"] == lead["att"] == lead["k"] == lead["z"] == [4]
    assert lead["k_heads"] == lead["k_norm.out"] == lead["k_rope.out"] == lead["v_heads"] == [1]
    said = "Its keys and values are those of key-value head 1, shared with heads 3 and 5."
    assert heads[4]["says"] == said


def test_a_head_s_keys_are_the_ones_it_is_compared_with(api: SessionApi):
    def numbers(name: str, lead: int) -> Any:
        return answer(api, "tensor", experiment=LLAMA, name=name, lead=[lead])["values"]

    for head, shared in ((1, 0), (3, 1)):
        assert numbers("h.0.attn.k", head) == numbers("h.0.attn.k_rope.out", shared)
        assert numbers("h.0.attn.v", head) == numbers("h.0.attn.v_heads", shared)


def test_a_head_without_attention_adds_nothing_and_its_group_goes_on(api: SessionApi):
    ablated = changed(LLAMA, setting("h.0.attn.att", [4], 0.0))
    merged = answer(api, "tensor", experiment=ablated, name="h.0.attn.merged", columns=[0, 12])
    rows = torch.tensor(merged["values"])
    assert not rows[:, 8:10].any()
    assert bool(rows[:, 10:12].any())
    assert answer(api, "effect", experiment=ablated)["kl"] > 0


@pytest.mark.parametrize(
    "name",
    [
        "h.1.attn.k_rope.out[1,3,0]",
        "dh.0.attn.k_heads[0,2,1]",
        "h.0.mlp.gated[1,2]",
        "rope.sin[3,0]",
    ],
)
def test_numbers_of_a_llama_are_explained(api: SessionApi, name: str):
    found = answer(api, "why", experiment=LLAMA, name=name)
    assert found["equation"]
    assert found["steps"]
    assert found["meaning"]


def test_layers_and_drawn_tokens_have_their_lens(api: SessionApi):
    layers = answer(api, "lens", experiment=LLAMA, position=-1, top=1)["layers"]
    last = answer(api, "predictions", experiment=LLAMA, position=-1, top=1)["rows"][0]
    assert layers[-1]["rows"][0]["id"] == last["id"]
    assert layers[-1]["rows"][0]["probability"] == pytest.approx(last["probability"], rel=1e-6)
    *events, end = answer(api, "generate", experiment=LLAMA, count=3, sampling={})
    assert [len(event["lens"]) for event in events] == [3, 3, 3]
    assert end["done"]["text"].startswith(TEXT)


def test_steps_lower_its_loss_and_its_checkpoint_is_a_llama(api: SessionApi, tmp_path: Path):
    stepped = changed(LLAMA, stepping("adamw", 5))
    history = answer(api, "open", experiment=stepped)["history"]
    assert history[-1] < history[0]
    made = answer(api, "checkpoint", experiment=stepped)
    file = api.download(made["download"].rpartition("/")[2])
    assert file is not None
    with zipfile.ZipFile(file) as archive:
        archive.extractall(tmp_path)
    (folder,) = tmp_path.iterdir()
    assert load(folder).config == CONFIG


def test_a_llama_is_trained_further(api: SessionApi):
    settings = {"iterations": 4, "from": LLAMA}
    *events, end = answer(api, "train", text=TEXT * 30, settings=settings)
    assert events[-1]["iteration"] == 4
    trained = {"subject": end["done"]["subject"], "text": TEXT}
    assert "a Llama of" in answer(api, "open", experiment=trained)["about"]


def test_the_python_of_a_llama_makes_its_run(api: SessionApi, capsys: Any):
    edited = changed(LLAMA, setting("h.1.attn.k_norm.out", [1, 2], 0.5), stepping("sgd", 2))
    source = answer(api, "python", experiment=edited)["python"]
    exec(source, {})
    loss = answer(api, "open", experiment=edited)["loss"]
    assert float(capsys.readouterr().out.split()[-1]) == pytest.approx(loss, rel=1e-6)
