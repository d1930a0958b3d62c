"""llm.c: the members of its structs, in which all layers of a kind are one tensor.

Weights are (L, out, in), activations (L, B, T, …), and what has a number for each token of the
vocabulary has some more, as padding. `preatt` is not written where a key is hidden, which here is
-∞; nor are gradients by the norms' means and rstd.
Source: karpathy/llm.c, train_gpt2.c: ParameterTensors and ActivationTensors.
"""

import math

from torch import Tensor

from pellucid.layers import causal_mask
from pellucid.models.vocabularies.row import Layout, VocabularyRow, VocabularySizes


def _one_layer(theirs: Tensor, sizes: VocabularySizes) -> Tensor:
    return theirs[sizes.layer]


def _turned(theirs: Tensor, sizes: VocabularySizes) -> Tensor:
    return theirs[sizes.layer].mT  # (out, in) -> (in, out)


def _column(theirs: Tensor, sizes: VocabularySizes) -> Tensor:
    return theirs[sizes.layer].unsqueeze(-1)  # (B, T) -> (B, T, 1)


def _last_column(theirs: Tensor, _: VocabularySizes) -> Tensor:
    return theirs.unsqueeze(-1)


def _rows(theirs: Tensor, sizes: VocabularySizes) -> Tensor:
    return theirs[: sizes.config.vocab_size]


def _hidden(theirs: Tensor, sizes: VocabularySizes) -> Tensor:
    own = theirs[sizes.layer]
    mask = causal_mask(own.shape[-2], own.shape[-1], own.device)
    return own.masked_fill(mask.logical_not(), -math.inf)


def _layers(
    name: str, ours: str, layout: Layout = _one_layer, *, graded: bool = True
) -> VocabularyRow:
    return VocabularyRow((name,), f"h.{{i}}.{ours}", layout, stacked=True, graded=graded)


LLM_C = (
    VocabularyRow(("wte",), "wte.weight", _rows),
    VocabularyRow(("wpe",), "wpe.weight"),
    *(
        row
        for number in "12"
        for row in (
            _layers(f"ln{number}w", f"ln_{number}.weight"),
            _layers(f"ln{number}b", f"ln_{number}.bias"),
            _layers(f"ln{number}", f"ln_{number}.out"),
            _layers(f"ln{number}_mean", f"ln_{number}.mean", _column, graded=False),
            _layers(f"ln{number}_rstd", f"ln_{number}.rstd", _column, graded=False),
        )
    ),
    *(
        row
        for short, ours in (
            ("qkv", "attn.c_attn"),
            ("attproj", "attn.c_proj"),
            ("fc", "mlp.c_fc"),
            ("fcproj", "mlp.c_proj"),
        )
        for row in (
            _layers(f"{short}w", f"{ours}.weight", _turned),
            _layers(f"{short}b", f"{ours}.bias"),
        )
    ),
    VocabularyRow(("lnfw",), "ln_f.weight"),
    VocabularyRow(("lnfb",), "ln_f.bias"),
    VocabularyRow(("encoded",), "wpe.out"),
    _layers("qkv", "attn.c_attn.out"),
    _layers("atty", "attn.merged"),
    _layers("preatt", "attn.scores", _hidden, graded=False),
    _layers("att", "attn.att"),
    _layers("attproj", "attn.c_proj.out"),
    _layers("residual2", "resid_mid"),
    _layers("fch", "mlp.c_fc.out"),
    _layers("fch_gelu", "mlp.act.out"),
    _layers("fcproj", "mlp.c_proj.out"),
    _layers("residual3", "resid_post"),
    VocabularyRow(("lnf",), "ln_f.out"),
    VocabularyRow(("lnf_mean",), "ln_f.mean", _last_column, graded=False),
    VocabularyRow(("lnf_rstd",), "ln_f.rstd", _last_column, graded=False),
    VocabularyRow(("mean_loss",), "loss"),
)
