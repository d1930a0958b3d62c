"""Who takes part in which work: the peers' modules, and their variants.

In a variant, "oneDNN" stands for float32 products by oneDNN's kernels of bfloat16 parts
(`torch.backends.mkldnn.matmul.fp32_precision = "bf16"`), and "heap" for a process that keeps the
memory it frees, as Pellucid's commands make their own do.
"""

from contenders.task import GPT2, LLAMA, SMOLLM2

PEERS = {
    "pellucid": "contenders.own",
    "nanoGPT": "contenders.nano_gpt",
    "transformers": "contenders.hugging_face",
    "llama.cpp": "contenders.llama",
    "CTranslate2": "contenders.ctranslate",
    "ONNX Runtime": "contenders.onnx_runtime",
    "litgpt": "contenders.lit_gpt",
}
"""The module of each peer; the first is the one that the others are compared with."""
PRECISIONS = ("float32", "bfloat16", "int8", "int4", "Q8_0", "Q4_1")

Variants = dict[str, tuple[str, ...]]
_TRAINING: dict[str, Variants] = {
    "float32": {
        "pellucid": ("FAST", "FAST, oneDNN", "compiled", "compiled, oneDNN"),
        "nanoGPT": ("eager", "compiled", "compiled, oneDNN", "compiled, oneDNN, heap"),
        "transformers": ("eager",),
    },
    "bfloat16": {
        "pellucid": ("FAST", "compiled"),
        "nanoGPT": ("eager", "compiled", "compiled, heap"),
        "transformers": ("eager",),
    },
}
_GENERATING: dict[str, Variants] = {
    "float32": {
        "pellucid": ("FAST", "packed"),
        "transformers": ("eager",),
        "llama.cpp": ("F32", "F32, flash"),
        "CTranslate2": ("",),
        "ONNX Runtime": ("",),
    },
    "bfloat16": {
        "pellucid": ("FAST", "packed"),
        "transformers": ("eager",),
        "llama.cpp": ("BF16", "BF16, flash"),
    },
    "int8": {
        "pellucid": ("packed",),
        "llama.cpp": ("Q8_0", "Q8_0, flash"),
        "CTranslate2": ("",),
        "ONNX Runtime": ("dynamic", "8 bits"),
    },
    "int4": {
        "pellucid": ("packed",),
        "llama.cpp": ("Q4_0", "Q4_0, flash"),
        "ONNX Runtime": ("4 bits",),
    },
}
# nanoGPT keeps no keys and values: it reads prompts, and is not asked to go on.
_READING: dict[str, Variants] = {
    "float32": {"nanoGPT": ("compiled", "compiled, oneDNN")},
    "bfloat16": {"nanoGPT": ("eager", "compiled")},
}
# Both read the very same file: as it came, or as llama.cpp quantized it once more.
_FILE: dict[str, Variants] = {
    precision: {"pellucid": ("packed",), "llama.cpp": ("", "flash")}
    for precision in ("Q8_0", "Q4_1")
}
_TRAINING_LLAMA: dict[str, Variants] = {
    precision: {
        "pellucid": (f"compiled{how}",),
        "transformers": (f"compiled{how}, heap",),
        "litgpt": (f"compiled{how}, heap",),
    }
    for precision, how in (("float32", ", oneDNN"), ("bfloat16", ""))
}


def lineup(model: str, work: str, precision: str) -> list[tuple[str, str]]:
    """The peers, each with one of its variants, that do this work on this model at this precision.

    >>> lineup("smollm2-135m", "decode", "Q4_1")
    [('pellucid', 'packed'), ('llama.cpp', ''), ('llama.cpp', 'flash')]
    """
    tables = {
        GPT2: _TRAINING if work == "train" else _GENERATING,
        SMOLLM2: {} if work == "train" else _FILE,
        LLAMA: _TRAINING_LLAMA if work == "train" else {},
    }
    variants = tables[model].get(precision, {})
    if model == GPT2 and work == "prefill":
        variants = variants | _READING.get(precision, {})
    return [(peer, variant) for peer in PEERS for variant in variants.get(peer, ())]
