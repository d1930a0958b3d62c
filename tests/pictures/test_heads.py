"""The picture of all heads: each table as it is, layer by layer, and the first heads framed."""

from pathlib import Path
from typing import Any

import pytest
import torch

from pellucid.errors import ConfigError
from pellucid.inspect import Contrast, contrast, reach
from pellucid.models import Llama, LlamaConfig
from pellucid.pictures import heads
from pellucid.text import Words
from tests.models.examples import random_params

pytest.importorskip("matplotlib", reason="pictures are drawn by Matplotlib, an extra")

TEXT = "a girl has a will and all will belong to"
WORDS = Words.from_text(f"{TEXT} her his boy")


def model_of(depth: int, count: int) -> Llama:
    config = LlamaConfig(
        vocab_size=WORDS.vocab_size, block_size=20, n_layer=depth, n_head=count, n_kv_head=1,
        n_embd=8, n_inner=6, head_size=2,
    )  # fmt: skip
    return Llama(config, random_params(config))


def found_by(depth: int = 3, count: int = 2, swap: tuple[str, str] | None = None) -> Contrast:
    return contrast(model_of(depth, count), WORDS, TEXT, (" her", " his"), swap=swap)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Draws, and returns the figure laid out instead of writing a file."""

    def draw(maps: list[heads.HeadMap], **how: Any) -> Any:
        kept: list[Any] = []
        monkeypatch.setattr(heads, "save_figure", lambda figure, path: kept.append(figure))
        heads.draw_heads(maps, Path("a.svg"), **how)
        kept[0].draw_without_rendering()
        return kept[0]

    return draw


def tables(figure: Any) -> list[Any]:
    """The axes that have a table, without the bars of their colours."""
    return [axes for axes in figure.axes if axes.images]


def test_three_tables_are_drawn_as_they_are(drawn: Any):
    found = found_by(swap=("girl", "boy"))
    assert found.patching is not None
    figure = drawn(heads.contrast_maps(found, "girl"), outlined=found.ranked[:2])
    attention, direct, patch = tables(figure)
    cells = [torch.tensor(axes.images[0].get_array().filled(torch.nan)) for axes in tables(figure)]
    for (layer, head), look in found.looks.items():
        assert float(cells[0][layer, head]) == pytest.approx(look.weight, abs=1e-7)
    assert torch.equal(cells[1][:, :2], found.attribution.heads)
    assert bool(cells[1][:, 2].isnan().all())
    assert torch.equal(cells[1][:, 3], found.attribution.feed_forwards)
    assert torch.equal(cells[2], found.patching.changes)
    assert [label.get_text() for label in direct.get_xticklabels()] == ["0", "1", "ffn"]
    for axes in (attention, direct, patch):
        assert not axes.yaxis_inverted(), "layer 0 is at the bottom"
        frames = [(patch.get_x() + 0.5, patch.get_y() + 0.5) for patch in axes.patches]
        assert frames == [(head, layer) for layer, head in found.ranked[:2]]
    titles = [axes.get_title() for axes in tables(figure)]
    assert titles == [
        "attention of 'to'\nat 'girl'",
        "direct terms:\n+ to ' her', − to ' his'",
        "patched, 'boy' for 'girl':\nwhat changes",
    ]


def test_signs_are_colours_around_0_and_attention_begins_at_0(drawn: Any):
    found = found_by(swap=("girl", "boy"))
    figure = drawn(heads.contrast_maps(found, "girl"))
    limits = [axes.images[0].get_clim() for axes in tables(figure)]
    assert limits[0][0] == 0
    for least, most in limits[1:]:
        assert least == -most
    largest = max(found.attribution.heads.abs().max(), found.attribution.feed_forwards.abs().max())
    assert limits[1][1] == float(largest)


def test_without_a_swap_there_is_no_third_and_of_a_reach_only_the_first(drawn: Any):
    assert len(tables(drawn(heads.contrast_maps(found_by(), None)))) == 2
    looking = reach(model_of(2, 3), WORDS, TEXT)
    (axes,) = tables(drawn([heads.reach_map(looking, None)]))
    assert axes.get_title() == "attention of 'to'\nat one place at most"
    assert axes.images[0].get_array().shape == (2, 3)


@pytest.mark.parametrize(("depth", "count"), [(1, 1), (40, 25)])
def test_small_and_large_models_are_drawn(drawn: Any, depth: int, count: int):
    figure = drawn([heads.HeadMap("a", torch.zeros(depth, count), beside=torch.zeros(depth))])
    (axes,) = tables(figure)
    assert len(axes.get_yticks()) <= 2 * heads.EVERY
    assert len(axes.get_xticks()) <= heads.EVERY + 1
    assert axes.images[0].get_clim() == (-1, 1)


def test_a_file_of_another_kind_is_one_line_and_a_file_is_written(tmp_path: Path):
    found = found_by()
    with pytest.raises(ConfigError, match=r"\.svg"):
        heads.draw_heads(heads.contrast_maps(found, None), tmp_path / "a.txt")
    for ending in (".svg", ".png", ".pdf"):
        heads.draw_heads(heads.contrast_maps(found, None), tmp_path / f"a{ending}")
        assert (tmp_path / f"a{ending}").stat().st_size > 1000
