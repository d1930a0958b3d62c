"""llama.cpp by llama-cpp-python's bindings of its C interface."""

import ctypes
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np

from contenders.gguf_file import be_silent, quantize
from contenders.task import SMOLLM2, Task

PACKAGES = ("llama-cpp-python",)


def prepare(task: Task) -> bool:
    """Write the weights in float32, and have them, or a file as it came, quantized by llama.cpp."""
    if task.gguf.exists():
        return False
    whole = task.file("Q4_1.gguf" if task.model == SMOLLM2 else "float32.gguf")
    if not whole.exists():
        # Not at the top: a process that only reads files has no need of them, and of their memory.
        from pellucid.checkpoint import export_gguf, load  # noqa: PLC0415
        from pellucid.text import load_tokenizer  # noqa: PLC0415

        export_gguf(load(task.common), load_tokenizer(task.common), whole, form="F32")
    if not task.gguf.exists():
        quantize(whole, task.gguf, task.precision, task.threads)
    return True


class Engine:
    """A model file and one context: texts of equal lengths, side by side."""

    def __init__(
        self, file: Path, *, threads: int, batch: int, length: int, prompt: int, flash: bool
    ) -> None:
        be_silent()
        llama_cpp.llama_backend_init()
        self.model = llama_cpp.llama_model_load_from_file(
            os.fsencode(file), llama_cpp.llama_model_default_params()
        )
        params = llama_cpp.llama_context_default_params()
        # A multiple of 256 a text, to which it would be rounded up otherwise.
        params.n_ctx = batch * -(-length // 256) * 256
        params.n_batch = params.n_ubatch = max(512, batch * prompt)
        params.n_seq_max = batch
        params.n_threads = params.n_threads_batch = threads
        kinds = (llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED, llama_cpp.LLAMA_FLASH_ATTN_TYPE_ENABLED)
        params.flash_attn_type = kinds[flash]
        self.context = llama_cpp.llama_init_from_model(self.model, params)
        if not self.model or not self.context:
            raise RuntimeError(f"llama.cpp could not load {file.name}")
        vocabulary = llama_cpp.llama_model_get_vocab(self.model)
        self.vocab_size = llama_cpp.llama_vocab_n_tokens(vocabulary)
        self.batch = llama_cpp.llama_batch_init(params.n_batch, 0, batch)

    def clear(self) -> None:
        """Forget what was read."""
        memory = llama_cpp.llama_get_memory(self.context)
        llama_cpp.llama_memory_clear(memory, True)  # noqa: FBT003 - a C function

    def read(
        self, texts: Sequence[Sequence[int]], start: int, *, every: bool = False
    ) -> np.ndarray:
        """The logits (B, V) after the texts' tokens, which begin at `start`.

        With `every`, those after each token, (B·T, V).
        """
        entries = [
            (token, start + place, row, every or place == len(text) - 1)
            for row, text in enumerate(texts)
            for place, token in enumerate(text)
        ]
        for i, (token, place, row, wanted) in enumerate(entries):
            self.batch.token[i], self.batch.pos[i], self.batch.logits[i] = token, place, wanted
            self.batch.n_seq_id[i], self.batch.seq_id[i][0] = 1, row
        self.batch.n_tokens = len(entries)
        if failed := llama_cpp.llama_decode(self.context, self.batch):
            raise RuntimeError(f"llama_decode gave {failed}")
        count = sum(wanted for *_, wanted in entries)
        pointer = llama_cpp.llama_get_logits(self.context)
        address = ctypes.cast(pointer, ctypes.POINTER(ctypes.c_float))
        return np.ctypeslib.as_array(address, shape=(count, self.vocab_size))


class Generation:
    """A prompt in one batch, and greedy tokens after it."""

    def __init__(self, task: Task) -> None:
        shape = task.shape
        self.texts, self.new = task.texts(), shape.new
        self.engine = Engine(
            task.gguf,
            threads=task.threads,
            batch=shape.batch,
            length=shape.length + shape.new,
            prompt=shape.length,
            flash="flash" in task.variant,
        )

    def check(self) -> list[float]:
        """The logits after the first text's prompt."""
        self.engine.clear()
        numbers: list[float] = self.engine.read(self.texts, 0)[0].tolist()
        return numbers

    def measure(self) -> dict[str, Any]:
        """The prompt's seconds where nothing follows; else of what follows, and the tokens."""
        self.engine.clear()
        began = time.perf_counter()
        tokens = self.engine.read(self.texts, 0).argmax(-1)
        read = time.perf_counter()
        if not self.new:
            return {"seconds": read - began}
        start, made = len(self.texts[0]), [int(tokens[0])]
        for place in range(start, start + self.new):
            tokens = self.engine.read([[int(token)] for token in tokens], place).argmax(-1)
            made.append(int(tokens[0]))
        return {"seconds": time.perf_counter() - read, "prompt": read - began, "tokens": made}


open_contender = Generation
