"""An experiment as Python: the public calls that make the same run."""

from collections.abc import Iterator

from pellucid.examples import Example, find_example
from pellucid.models import LanguageModel
from pellucid.walkthrough import PARAMETERS
from pellucid.web.session.experiment import Action, Patch, Set, Steer, Update
from pellucid.web.session.library import Library
from pellucid.web.session.runs import ExperimentRun, traced

_IMPORTS = {
    "intervene(": "from pellucid import Intervention, Tape, intervene",
    "token_direction(": "from pellucid.inspect import token_direction",
    "stream_direction(": "from pellucid.inspect import stream_direction",
    "find_example(": "from pellucid.examples import find_example",
    "open_model(": "from pellucid.checkpoint import open_model",
    "kinds=(Transformer,)": "from pellucid.models import Transformer",
    "record_batch(": "from pellucid.train import record_batch, updated",
    "flatten(": "from pellucid.tree import flatten, unflatten",
}
"""The imports that a source needs."""


def python(run: ExperimentRun, library: Library) -> str:
    """The source; `trace` in it is the run, and its tape has every number of the page."""
    traced(run)
    experiment = run.experiment
    lines = [
        *_subject(run, library),
        "params, interventions, state = model.params, [], None",
        "",
    ]
    optimizer = ""
    for number, action in enumerate(experiment.actions, start=1):
        lines += [f"# {number}", *_action(run, action, optimizer), ""]
        if not isinstance(action, Set | Patch | Steer):
            optimizer = action.update.optimizer
    last = experiment.next
    state = "state" if optimizer in {"", last.optimizer} else "None"
    lines += [
        "model = intervene(model.with_params(params), interventions)",
        f"update = {_settings(last)}",
        f"trace = record_batch(model, batch, tokenizer, update=update, state={state})",
        'print("loss", float(trace.tape["loss"]))' if "loss" in run.tape else "",
    ]
    source = "\n".join(lines) + "\n"
    imports = sorted(line for used, line in _IMPORTS.items() if used in source)
    return "\n".join(["# A run of Pellucid's page, made again.", "", *imports, "", source])


def _subject(run: ExperimentRun, library: Library) -> Iterator[str]:
    experiment, names = run.experiment, [*traced(run).model.inputs, "targets"]
    match experiment.kind:
        case "example":
            made = "" if isinstance(find_example(experiment.name), Example) else ".shown()"
            yield f"example = find_example({experiment.name!r}){made}"
            yield "model, tokenizer = example.model, example.tokenizer"
        case "model" if path := library.path(experiment.name):
            model = traced(run).model
            own = isinstance(model, LanguageModel)
            kinds = "" if own else f", kinds=({type(model).__name__},)"
            yield f"model, tokenizer = open_model({path!r}{kinds})"
        case kind:
            which = "that was given" if kind == "model" else "that was trained on the page"
            yield f"# the model {which}: save it as a checkpoint first"
            yield 'model, tokenizer = open_model("model")'
    for name, read in zip(names, run.subject.batch, strict=True):
        said = run.subject.source if name == "source" else "" if name == "targets" else run.text
        yield f"{name} = {list(read)}" + (f"  # {said!r}" if said else "")
    yield f"batch = {', '.join(names)}"
    yield ""


def _action(run: ExperimentRun, action: Action, optimizer: str) -> Iterator[str]:
    match action:
        case Set(name, index, value) if name.endswith(PARAMETERS):
            yield "leaves = dict(flatten(params))"
            yield f"leaves[{name!r}] = leaves[{name!r}].clone()"
            yield f"leaves[{name!r}][{_place(index)}] = {value!r}"
            yield "params = unflatten(leaves)"
        case Set(name, index, value):
            yield f"interventions.append(Intervention({name!r}, {value!r}, {index!r}))"
        case Steer(name, strength, text, against, first, second):
            yield "steered = model.with_params(params)"
            if text is None:
                yield f"direction = token_direction(steered, {first}, {second})"
            else:
                yield "direction = stream_direction("
                yield f"    steered, {name!r}, tokenizer.prompt({text!r}),"
                yield f"    tokenizer.prompt({against!r}),"
                yield ")"
            added = f"{strength!r} * direction"
            yield f"interventions.append(Intervention({name!r}, {added}, add=True))"
        case Patch(name, index, text, source):
            read = run.subject.source if source is None else source
            said = f"{text!r}, {read!r}" if read else repr(text)
            yield "other = Tape()"
            yield f"read = model.read(tokenizer, {said})"
            yield "model.with_params(params).forward(*read[:-1], other)"
            patch = f"other[{name!r}][{_place(index)}]"
            yield f"interventions.append(Intervention({name!r}, {patch}, {index!r}))"
        case _:
            if optimizer not in {"", action.update.optimizer}:
                yield "state = None  # another optimizer begins anew"
            yield f"for _ in range({action.count}):"
            yield "    now = intervene(model.with_params(params), interventions)"
            yield "    loss, grads = now.loss_and_grads(*batch)"
            yield f"    params, state = updated(params, grads, state, {_settings(action.update)})"


def _place(index: tuple[int, ...]) -> str:
    return ", ".join(map(str, index)) or "..."


def _settings(update: Update) -> str:
    return (
        f'{{"optimizer": {update.optimizer!r}, "learning_rate": {update.learning_rate!r}, '
        f'"weight_decay": {update.weight_decay!r}}}'
    )
