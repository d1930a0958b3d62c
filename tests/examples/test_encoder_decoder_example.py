"""Two layers each, and padding: what the example claims, held against runs without padding."""

import torch

from pellucid.examples.encoder_decoder import SEED, config
from pellucid.examples.where_do_you_live import PAIRS, WORDS, trained
from pellucid.models import Transformer
from pellucid.text.parallel_rows import parallel_row
from tests.examples.walkthroughs import walkthrough_of

TAPE = walkthrough_of("encoder_decoder").tape


def test_padding_is_seen_by_nobody_in_any_layer():
    assert TAPE["may_look"].tolist() == [[1, 1, 1, 1, 1, 0], [1, 1, 1, 1, 1, 1]]
    for name in ("enc.h.0.attn", "enc.h.1.attn", "dec.h.0.cross", "dec.h.1.cross"):
        att = TAPE[f"{name}.att"][0]
        assert not att[..., -1].any(), name
        torch.testing.assert_close(att.sum(-1), torch.ones_like(att.sum(-1)))


def test_each_row_of_the_batch_is_what_it_is_alone():
    model, _ = trained(Transformer.init(config(), seed=SEED, dtype=torch.float64), "transformer")
    for row, pair in enumerate((PAIRS[0], PAIRS[3])):
        source, tokens, _ = parallel_row(WORDS, pair, "transformer")
        alone = model.forward(source, tokens)
        torch.testing.assert_close(TAPE["logits"][row], alone, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(TAPE["alone_losses"], TAPE["losses"][0], rtol=1e-9, atol=1e-9)


def test_the_gradient_of_the_memory_is_a_sum_over_layers_and_0_at_padding():
    by_layer = [TAPE[f"ddec.h.{layer}.cross.c_kv.x"] for layer in (0, 1)]
    torch.testing.assert_close(TAPE["denc.h.1.resid_post"], by_layer[0] + by_layer[1])
    assert all(bool(one.any()) for one in by_layer)
    assert not TAPE["denc.embed.out"][0, -1].any()
    assert TAPE["denc.embed.out"][1, -1].any()


def test_the_words_say_what_the_run_shows():
    said = " ".join(s.says for p in walkthrough_of("encoder_decoder").parts for s in p.steps)
    assert "6 of 6 are as they were taught." in said
    assert "memory of its 5 tokens differs by 0." in said
    assert "At <PAD> the gradient is 0:" in said
