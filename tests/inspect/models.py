"""Models of every kind that look back only, all that their configurations can choose."""

from pellucid.models import GPT, CausalModel, Llama
from tests.models.examples import MODELS, random_params, tiny
from tests.models.llama_examples import LLAMAS

GPTS = MODELS | {
    "untied": tiny(tied=False),
    "pre, no ln_f": tiny(final_norm=False),
    "post": tiny(norm="post"),
    "post, lora": tiny(norm="post", lora_rank=2),
    "deep": tiny(n_layer=3, n_head=4, n_embd=8),
}
EVERY: dict[str, CausalModel] = {
    **{f"gpt: {label}": GPT(one, random_params(one)) for label, one in GPTS.items()},
    **{f"llama: {label}": Llama(one, random_params(one)) for label, one in LLAMAS.items()},
}
