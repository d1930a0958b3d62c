"""ONNX Runtime on the graph of `onnx_graph`, its buffers of keys and values written in place."""

import time
from typing import Any

import numpy as np
import onnxruntime

from contenders.task import Contender, Task

PACKAGES = ("onnxruntime", "onnx")
KINDS = {"": "float32", "dynamic": "dynamic", "8 bits": "nbits8", "4 bits": "nbits4"}


def prepare(task: Task) -> bool:
    """Write the graph, once for each kind of weights."""
    path = task.file(f"{KINDS[task.variant]}.onnx")
    if path.exists():
        return False
    # Not at the top: a process that only reads the graph has no need of them, and of their memory.
    from contenders.onnx_graph import write_onnx  # noqa: PLC0415
    from pellucid.checkpoint import load  # noqa: PLC0415

    write_onnx(load(task.common), str(path), KINDS[task.variant])
    return True


class Generation:
    """A prompt, and greedy tokens after it, in one session."""

    def __init__(self, task: Task) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = task.threads
        options.inter_op_num_threads = 1
        path = str(task.file(f"{KINDS[task.variant]}.onnx"))
        self.session = onnxruntime.InferenceSession(
            path, options, providers=["CPUExecutionProvider"]
        )
        batch, length, self.new = task.shape
        self.prompt = np.array(task.texts(), dtype=np.int64)
        inputs = self.session.get_inputs()
        buffers = [one for one in inputs if one.name.startswith(("key", "value"))]
        heads, size = buffers[0].shape[1], buffers[0].shape[3]
        room = (batch, heads, length + self.new, size)
        self.past = {
            one.name: onnxruntime.OrtValue.ortvalue_from_numpy(np.zeros(room, np.float32))
            for one in buffers
        }
        self.outputs = [one.name for one in self.session.get_outputs()]

    def read(self, tokens: np.ndarray, start: int) -> np.ndarray:
        """The last logits (B, V) of tokens (B, T) that begin at `start`."""
        batch, length = tokens.shape
        total = start + length
        binding = self.session.io_binding()
        given: dict[str, Any] = {
            "tokens": tokens,
            "places": np.arange(start, total, dtype=np.int64),
            "seqlens_k": np.full(batch, total - 1, np.int32),
            "total": np.array(total, np.int32),
        }
        for name, values in given.items():
            binding.bind_cpu_input(name, values)
        binding.bind_output(self.outputs[0])
        for output, (name, buffer) in zip(self.outputs[1:], self.past.items(), strict=True):
            binding.bind_ortvalue_input(name, buffer)
            binding.bind_ortvalue_output(output, buffer)
        self.session.run_with_iobinding(binding)
        logits: np.ndarray = binding.get_outputs()[0].numpy()
        return logits

    def check(self) -> list[float]:
        """The logits after the first text's prompt."""
        numbers: list[float] = self.read(self.prompt, 0)[0].tolist()
        return numbers

    def measure(self) -> dict[str, float]:
        """The prompt's seconds where nothing follows; else those of what follows."""
        began = time.perf_counter()
        token = self.read(self.prompt, 0).argmax(-1)[:, None]
        read = time.perf_counter()
        if not self.new:
            return {"seconds": read - began}
        start = self.prompt.shape[1]
        for place in range(start, start + self.new):
            token = self.read(token, place).argmax(-1)[:, None]
        return {"seconds": time.perf_counter() - read, "prompt": read - began}


def open_contender(task: Task) -> Contender:
    """The session of the variant's graph."""
    return Generation(task)
