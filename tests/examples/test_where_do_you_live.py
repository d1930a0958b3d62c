"""The two translators of the source documents, small: what they write, and what the walk shows."""

import pytest
import torch

from pellucid.documents.build import document, value
from pellucid.examples.where_do_you_live import PAIRS, WORDS
from pellucid.layers import IGNORE
from pellucid.terminal.text import Walk
from pellucid.walkthrough import Walkthrough, describe
from tests.examples.walkthroughs import walkthrough_of

NAMES = ("translation_by_gpt", "where_do_you_live")


@pytest.fixture(scope="module")
def walkthroughs() -> dict[str, Walkthrough]:
    return {name: walkthrough_of(name) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_every_sentence_is_translated_as_it_was_taught(
    name: str, walkthroughs: dict[str, Walkthrough]
):
    training = walkthroughs[name].parts[0]
    written = training.steps[-1]
    assert [line.split("→")[1].strip() for line in written.lines] == [p.target for p in PAIRS]
    assert written.lines[0].split() == ["Wo", "wohnst", "du?", "→", "Where", "do", "you", "live?"]
    assert written.says.startswith(f"{len(PAIRS)} of {len(PAIRS)} ")


@pytest.mark.parametrize("name", NAMES)
def test_the_loss_falls(name: str, walkthroughs: dict[str, Walkthrough]):
    (line,) = walkthroughs[name].parts[0].steps[0].lines
    losses = [float(part.split(":")[1]) for part in line.split("   ")]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.1 < 3 < losses[0]


@pytest.mark.parametrize("name", NAMES)
def test_what_the_steps_show_is_on_the_tape_labelled_and_described(
    name: str, walkthroughs: dict[str, Walkthrough]
):
    walkthrough = walkthroughs[name]
    shown = {n for part in walkthrough.parts for step in part.steps for n in step.names}
    on_tape = {n for n in shown if n in walkthrough.tape}
    assert len(on_tape) > 80
    for name in on_tape:
        assert describe(name) is not None, name
        labels = walkthrough.labels(name)
        sizes = walkthrough.tape[name].shape
        assert all(
            label is None or len(label) == size
            for label, size in zip(labels, sizes, strict=len(labels) > 0)
        ), name
    gradients = {
        n for n in walkthrough.tape if n.startswith("d") and n.endswith((".weight", ".bias"))
    }
    parameters = {n for n in gradients if n[1:] in walkthrough.tape}
    assert {n for n in parameters if "position" not in n} <= on_tape | {
        n for n in parameters if n.startswith(("dwte", "dlm_head", "denc.embed", "ddec.embed"))
    }
    made = document(walkthrough)
    assert list(Walk(made).part(made.parts[-1]))


def test_the_encoder_sees_all_and_the_decoder_only_what_is_before(
    walkthroughs: dict[str, Walkthrough],
):
    tape = walkthroughs["where_do_you_live"].tape
    assert bool((tape["enc.h.0.attn.att"] > 0).all())
    ahead = torch.ones(6, 6, dtype=torch.bool).triu(1)
    assert bool((tape["dec.h.0.attn.att"][:, ahead] == 0).all())
    cross = tape["dec.h.0.cross.att"]
    assert cross.shape == (2, 6, 5)
    torch.testing.assert_close(cross.sum(-1), torch.ones_like(cross.sum(-1)))


def test_the_gpt_learns_nothing_of_the_german(walkthroughs: dict[str, Walkthrough]):
    tape = walkthroughs["translation_by_gpt"].tape
    german = WORDS.encode("Wo wohnst du ?")
    assert tape["tokens"][: len(german) + 1].tolist() == [*german, *WORDS.encode("<SEP>")]
    assert tape["targets"][: len(german)].tolist() == [IGNORE] * len(german)
    assert bool((tape["dlogits"][: len(german)] == 0).all())


def test_a_value_of_the_walk_is_shown_with_both_texts(walkthroughs: dict[str, Walkthrough]):
    walkthrough = walkthroughs["where_do_you_live"]
    shown = Walk(document(walkthrough)).show(value(walkthrough, "dec.h.0.cross.att"))
    text = "\n".join(str(line) for line in shown)
    assert "wohnst" in text
    assert "live" in text
