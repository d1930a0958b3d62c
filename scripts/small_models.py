"""Makes a small task's model, which ships under the task's name: trained, proved, described.

    python scripts/small_models.py addition-113
    python scripts/small_models.py addition-113 --check

The work directory keeps the weights that a training ended with, how it went, and what was proved of
these weights; what is there is not made again. With --check nothing is written: the model and the
card in the package must be what the work gives.
"""

import argparse
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from shipping import check, keep

from pellucid.checkpoint import load, save
from pellucid.layers import IGNORE
from pellucid.models import CausalModel
from pellucid.models.model import counted
from pellucid.numbers import at_least, at_most
from pellucid.prove import Margin, ProvedAnswers, hashes_of, prove_answers
from pellucid.shipped import DESCRIBED, shipped_place
from pellucid.tasks import TASKS, Task, find_task, right
from pellucid.train import Recipe, compiled_step
from pellucid.tree import map_leaves

EVERY = 50
"""After so many steps the answers are looked at."""

ROWS = 10
"""About so many of them stand in the card."""

COUNTED = (
    "Answers and leads are those of the weights rounded to bfloat16, on the whole domain; an "
    "answer behind a beginning that several texts share counts for each."
)
"""What the table of a training counts."""

PATIENCE = 4
"""So many times the steps of a training are made at most, until all answers are right."""


def train(task: Task, work: Path) -> None:
    """Train until every answer is right by the weights as they ship, and far enough ahead."""
    how, began = task.training, time.perf_counter()
    settings: dict[str, Any] = {"weight_decay": how.weight_decay, "betas": how.betas}
    recipe = Recipe(learning_rate=how.learning_rate, grad_clip=1.0, **settings)
    step = compiled_step(task.model, recipe)
    generator, questions = torch.Generator().manual_seed(how.seed), task.questions()
    rows = []
    for number in range(1, PATIENCE * how.steps + 1):
        loss = float(step(*how.batch(generator), learning_rate=how.rate(number)))
        if number % EVERY and number != how.steps:
            continue
        count, lead = right(rounded(step.model), questions)
        rows.append({"step": number, "loss": loss, "right": count, "lead": lead})
        print(json.dumps(rows[-1]), flush=True)
        if number >= how.steps and lead >= how.margin:
            break
    else:
        sys.exit(f"{task.name}: not every answer is right after {number:,} steps")
    work.mkdir(parents=True, exist_ok=True)
    save(step.model.to(dtype=torch.bfloat16), work)
    task.tokenizer.save(work / "tokenizer.json")
    log = {"seconds": time.perf_counter() - began, "rows": rows}
    (work / "log.json").write_text(json.dumps(log), encoding="utf-8")


def rounded(model: CausalModel) -> CausalModel:
    """The model by weights in bfloat16, computed with in float32, as a shipped one is."""
    params = map_leaves(lambda weight: weight.to(torch.bfloat16).float(), model.params)
    return model.with_params(params)


def prove(task: Task, model: CausalModel, work: Path) -> ProvedAnswers:
    """All answers by balls, where that is not yet done for these very weights."""
    file = work / "proof.json"
    found = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    if found.get("hashes") == hashes_of(model):
        return ProvedAnswers(**found | {"smallest": Margin(**found["smallest"]), "failures": ()})
    proved = prove_answers(model, *task.questions())
    if not proved.proved:
        sys.exit(f"{task.name}: {proved.failures[0]} is not proved")
    fields = asdict(proved) | {"smallest": proved.smallest._asdict()}
    file.write_text(json.dumps(fields), encoding="utf-8")
    return proved


def card(task: Task, directory: Path, found: ProvedAnswers, log: dict[str, Any]) -> str:
    """The model card, every figure of it from the model or its training."""
    model = load(directory, dtype=torch.float32)
    assert isinstance(model, CausalModel)
    files = [directory / name for name in ("config.json", "model.safetensors", "tokenizer.json")]
    size = sum(path.stat().st_size for path in files)
    what = (
        f"A {str(model).removeprefix('a ').rpartition(',')[0]}; a vocabulary of "
        f"{task.tokenizer.vocab_size} tokens, weights in bfloat16, {size / 1e3:,.0f} kB in all. It "
        f"does one thing: {task.says} It is right on its whole domain, {task.domain}, and that is "
        "proved."
    )
    data = (
        f"The data follow from a rule, and no text was used: {task.domain}. It was trained on "
        f"{task.training.says}. The weights are under Pellucid's licence, "
        f"{DESCRIBED[task.name].licence}."
    )
    paragraphs = [
        *(f"# {task.name}", what, "## Data and licence", data),
        *("## How it was made", made(task, log["rows"][-1]["step"], log["seconds"])),
        course(task, log["rows"]),
        COUNTED,
        *("## How well it does it", how_well(task, model, found)),
        *("## What was found in its weights", listed(task.found_says(task.found(model)))),
        *("## What it cannot do", f"{task.cannot} The proof says nothing of other texts."),
    ]
    return "\n\n".join(paragraphs) + "\n"


def made(task: Task, steps: int, seconds: float) -> str:
    """How it was trained."""
    how = task.training
    falls = f", which falls to a twentieth over the last {how.falls:.0%}" if how.falls else ""
    took = f"{counted(steps, 'step')} in {counted(max(1, round(seconds / 60)), 'minute')}"
    return (
        f"In a checkout: `python scripts/small_models.py {task.name}`. AdamW at a rate of "
        f"{how.learning_rate:g}{falls}, weight decay {how.weight_decay:g}, betas {how.betas[0]:g} "
        f"and {how.betas[1]:g}, {took} on one core (`OMP_NUM_THREADS=1`). The same seed gives the "
        "same weights on the same machine; another processor rounds otherwise."
    )


def course(task: Task, rows: list[dict[str, Any]]) -> str:
    """The training as a table."""
    asked = _asked(task)
    shown = rows[:: max(1, len(rows) // ROWS)]
    shown += [] if shown[-1] is rows[-1] else [rows[-1]]
    return "\n".join(
        [
            *("| step | loss | answers right | smallest lead |", "|--:|--:|--:|--:|"),
            *(
                f"| {row['step']:,} | {row['loss']:.2e} | {row['right']:,} of {asked:,} "
                f"| {row['lead']:.2f} |"
                for row in shown
            ),
        ]
    )


def how_well(task: Task, model: CausalModel, found: ProvedAnswers) -> str:
    """All answers, measured and proved."""
    (count, lead), asked, close = right(model, task.questions()), _asked(task), found.smallest
    if count < asked:
        sys.exit(f"{task.name}: {asked - count:,} answers are wrong in float32")
    text = task.tokenizer.decode(close.tokens)
    measured = (
        f"in float32 all {asked:,} answers are right; the smallest lead of a right logit is "
        f"{lead:.4f}"
    )
    proved = (
        f"in real numbers, by balls, all {found.questions:,} questions are proved to be answered "
        f"rightly (`pellucid prove --all {task.name}`); the smallest lead is "
        f"{at_least(close.lead, 6)} or more, of `{text}`; its ball has radius "
        f"{at_most(close.radius)}, and no ball of a lead has more than {at_most(found.widest)}"
    )
    return listed([measured, proved])


def listed(lines: list[str]) -> str:
    """The lines as a list."""
    return "\n".join(f"- {line}" for line in lines)


def _asked(task: Task) -> int:
    return int((task.questions().answers != IGNORE).sum())


def main() -> None:
    """Make it, or check it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("name", choices=[*TASKS])
    options.add_argument("--work", type=Path, help="build/small/NAME where not given")
    options.add_argument("--check", action="store_true")
    given = options.parse_args()
    task = find_task(given.name)
    work = given.work or Path("build/small") / task.name
    if not (work / "log.json").exists():
        train(task, work)
    log = json.loads((work / "log.json").read_text(encoding="utf-8"))
    place = shipped_place(task.name)
    model = load(work)
    assert isinstance(model, CausalModel)
    text = card(task, work, prove(task, model, work), log)
    if given.check:
        check(model, text, place)
    keep(model, task.tokenizer, text, place)


if __name__ == "__main__":
    main()
