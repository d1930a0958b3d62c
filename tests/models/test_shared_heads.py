"""A model's heads, shared by processes."""

import pytest

from pellucid.errors import ConfigError
from pellucid.models import GPTConfig, LlamaConfig, TransformerConfig


def test_each_process_has_whole_heads_of_the_same_size():
    gpt = GPTConfig(n_head=12).shared(3)
    assert gpt.n_head == 4
    llama = LlamaConfig(n_head=9, n_kv_head=3, n_embd=576).shared(3)
    assert (llama.n_head, llama.n_kv_head, llama.head) == (3, 1, 64)
    assert TransformerConfig(vocab_size=3, n_head=8).shared(4).n_head == 2


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (GPTConfig(n_head=12), "the heads must be a multiple of the 5 processes"),
        (LlamaConfig(n_head=10, n_kv_head=2, n_embd=40), "the heads of keys must be a multiple"),
        (TransformerConfig(vocab_size=3, n_head=8), "there are 8: take fewer"),
    ],
)
def test_heads_that_cannot_be_dealt_out_are_refused(
    config: GPTConfig | LlamaConfig | TransformerConfig, said: str
):
    with pytest.raises(ConfigError, match=said):
        config.shared(5)
