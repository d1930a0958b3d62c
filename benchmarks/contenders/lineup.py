"""Who takes part in which work: the peers' modules, and their variants.

In a variant, "oneDNN" stands for float32 products by oneDNN's kernels of bfloat16 parts
(`torch.backends.mkldnn.matmul.fp32_precision = "bf16"`), and "heap" for a process that keeps the
memory it frees, as Pellucid's commands make their own do.
"""

PEERS = {
    "pellucid": "contenders.own",
    "nanoGPT": "contenders.nano_gpt",
    "transformers": "contenders.hugging_face",
    "llama.cpp": "contenders.llama",
    "CTranslate2": "contenders.ctranslate",
    "ONNX Runtime": "contenders.onnx_runtime",
}
"""The module of each peer; the first is the one that the others are compared with."""
PRECISIONS = ("float32", "bfloat16", "int8", "int4")
GENERATING = ("prefill", "decode", "batch")

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


def lineup(work: str, precision: str) -> list[tuple[str, str]]:
    """The peers, each with one of its variants, that do this work at this precision."""
    variants = (_TRAINING if work == "train" else _GENERATING).get(precision, {})
    if work == "prefill":
        variants = variants | _READING.get(precision, {})
    return [(peer, variant) for peer in PEERS for variant in variants.get(peer, ())]
