"""Event files: what TensorBoard reads is what was added."""

from pathlib import Path

import pytest

from pellucid.errors import ConfigError
from pellucid.train import events
from pellucid.train.events import EventFile, available
from tests.train.run_logs import real_rows

needed = pytest.mark.skipif(not available(), reason="event files are TensorBoard's, an extra")


def read(directory: Path) -> dict[str, list[tuple[int, float]]]:
    """Every curve as TensorBoard sees it: steps and values."""
    from tensorboard.backend.event_processing.event_accumulator import SCALARS, EventAccumulator

    events = EventAccumulator(str(directory), size_guidance={SCALARS: 0}).Reload()
    return {
        tag: [(event.step, event.value) for event in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }


@needed
def test_every_figure_is_a_curve(tmp_path: Path):
    rows = real_rows()
    file = EventFile(tmp_path / "new")
    for row in rows:
        file.add(row)
    file.close()
    curves = read(tmp_path / "new")
    wanted = {
        tag: [(row["iteration"], row[key]) for row in rows if key in row]
        for key, tag in [
            ("loss", "loss/train"),
            ("validation_loss", "loss/validation"),
            ("learning_rate", "learning_rate"),
            ("grad_norm", "grad_norm"),
        ]
    }
    for layer in ("wte", "wpe", "h.0", "h.1", "ln_f"):
        for figure in ("weight_norm", "grad_norm", "update_ratio"):
            wanted[f"layers/{layer}/{figure}"] = [
                (row["iteration"], row["layers"][layer][figure]) for row in rows[9::10]
            ]
    assert set(curves) == set(wanted)
    for tag, points in wanted.items():
        assert [step for step, _ in curves[tag]] == [step for step, _ in points]
        assert [value for _, value in curves[tag]] == pytest.approx(
            [value for _, value in points], rel=1e-6
        )


@needed
def test_a_training_that_goes_on_drops_what_it_went_back_behind(tmp_path: Path):
    for after, last, loss in ((0, 6, 1.0), (4, 8, 2.0)):
        file = EventFile(tmp_path, after=after)
        for iteration in range(after + 1, last + 1):
            file.add({"iteration": iteration, "loss": loss})
        file.close()
    points = [(step, 1.0 if step <= 4 else 2.0) for step in range(1, 9)]
    assert read(tmp_path) == {"loss/train": points}


@needed
def test_null_is_left_out(tmp_path: Path):
    file = EventFile(tmp_path)
    layers = {"wte": {"weight_norm": None, "grad_norm": 2}}
    file.add({"iteration": 1, "loss": None, "grad_norm": 1.0, "layers": layers})
    file.close()
    assert read(tmp_path) == {"grad_norm": [(1, 1.0)], "layers/wte/grad_norm": [(1, 2.0)]}


@needed
def test_a_place_that_is_no_directory_is_one_line(tmp_path: Path):
    (tmp_path / "file").write_text("text")
    with pytest.raises(ConfigError, match=r"must be a directory that event files can be written"):
        EventFile(tmp_path / "file")


def test_without_tensorboard_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(events, "find_spec", lambda name: None)
    assert not available()
    with pytest.raises(ConfigError, match=r"pip install 'pellucid\[tensorboard\]'$"):
        EventFile(tmp_path / "new")
    assert list(tmp_path.iterdir()) == []
