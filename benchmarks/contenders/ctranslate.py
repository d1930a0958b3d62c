"""CTranslate2: its converter on the common weights, and generation with its own loop."""

import json
import time
from typing import Any

import ctranslate2
import numpy as np

from contenders.task import Task

PACKAGES = ("ctranslate2",)
KINDS = {"float32": "float32", "int8": "int8"}


def prepare(task: Task) -> bool:
    """Convert, once for each precision."""
    place = task.file(f"ctranslate2-{task.precision}")
    if place.exists():
        return False
    converter = ctranslate2.converters.TransformersConverter(str(task.common))
    kind = None if task.precision == "float32" else KINDS[task.precision]
    converter.convert(str(place), quantization=kind)
    return True


class Generation:
    """The prompt without its last token in one call, then token by token; all in its own loop."""

    def __init__(self, task: Task) -> None:
        self.generator = ctranslate2.Generator(
            str(task.file(f"ctranslate2-{task.precision}")),
            device="cpu",
            compute_type=KINDS[task.precision],
            inter_threads=1,
            intra_threads=task.threads,
        )
        ids = json.loads((task.common / "vocab.json").read_text())
        pieces = {number: piece for piece, number in ids.items()}
        self.prompt = [[pieces[token] for token in text] for text in task.texts()]
        self.new = task.shape.new

    def run(self, new: int, **more: Any) -> Any:
        """Greedy tokens, so many, whatever they are."""
        return self.generator.generate_batch(
            self.prompt,
            max_length=new,
            **{"min_length": new, "beam_size": 1, "sampling_topk": 1} | more,
            include_prompt_in_result=False,
        )

    def check(self) -> list[float]:
        """The logits after the first text's prompt."""
        found = self.run(1, min_length=0, return_logits_vocab=True)[0].logits[0][0]
        numbers: list[float] = np.array(found, dtype=np.float32).ravel().tolist()
        return numbers

    def measure(self) -> dict[str, float]:
        """From the first token, whose time is the prompt's, to the last."""
        began = time.perf_counter()
        if not self.new:
            self.run(1)
            return {"seconds": time.perf_counter() - began}
        times: list[float] = []

        def note(step: Any) -> bool:
            if step.batch_id == 0:
                times.append(time.perf_counter())
            return False

        self.run(self.new + 1, callback=note)
        if len(times) != self.new + 1:
            raise RuntimeError(f"{len(times)} steps were told of, not {self.new + 1}")
        return {"seconds": times[-1] - times[0], "prompt": times[0] - began}


open_contender = Generation
