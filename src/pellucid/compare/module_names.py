"""What the parts of a PyTorch module are called here, and whether it is as large as the model."""

from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple, Self

from torch import nn

from pellucid.compare.mine import INTEGERS, Mine
from pellucid.compare.sizes import wrong_sizes
from pellucid.compare.translate import NameMap, NameTranslation, layer_of, translate
from pellucid.errors import ConfigError
from pellucid.models import CausalModel

GRAD = ".grad"


class ModuleParts(NamedTuple):
    """A module's parts by their paths, each by one, and what they are here."""

    modules: Mapping[str, nn.Module]
    params: Mapping[str, nn.Parameter]
    translation: NameTranslation

    @classmethod
    def of(cls, module: nn.Module, model: CausalModel, names: NameMap | None) -> Self:
        """What modules put out, parameters, and the gradients of both, by our names.

        A module that stands in several places has the name of the first that is known. Raises
        `ConfigError` where no name of a layer is known.
        """
        everywhere = dict(_paths(module))
        params = dict(module.named_parameters())
        known = _used(_translated(everywhere, params, model, names))
        chosen: dict[int, str] = {}
        for path, part in everywhere.items():
            first = chosen.setdefault(id(part), path)
            if first not in known and path in known:
                chosen[id(part)] = path
        modules = {path: everywhere[path] for path in chosen.values()}
        found = _translated(modules, params, model, names)
        if not names and all(layer_of(name) < 0 for name in found.found):
            some = ", ".join([*modules, *params][:3]) or "none at all"
            raise ConfigError(
                f"a watched module must have names that Pellucid knows, and those of "
                f"{type(module).__name__} are {some}: give `names` with ours, as in "
                "{'blocks.0.norm': 'h.0.ln_1.out'}"
            )
        return cls(modules, params, found)


def _paths(
    module: nn.Module, prefix: str = "", above: frozenset[int] = frozenset()
) -> Iterator[tuple[str, nn.Module]]:
    """Every path to a module inside; none leads through a module twice."""
    inside = above | {id(module)}
    for name, part in module.named_children():
        if id(part) not in inside:
            yield f"{prefix}{name}", part
            yield from _paths(part, f"{prefix}{name}.", inside)


def _translated(
    modules: Collection[str],
    params: Mapping[str, nn.Parameter],
    model: CausalModel,
    names: NameMap | None,
) -> NameTranslation:
    parts = [*modules, *params]
    there = [name for name in parts if name not in INTEGERS or name in (names or {})]
    there += [name + GRAD for name in there] + ["loss"]

    def shape(name: str) -> tuple[int, ...]:
        weight = params.get(name.removesuffix(GRAD))
        return () if weight is None else tuple(weight.shape)  # of what a module puts out, unknown

    found = translate(there, model, names, shape)
    if "logits" in found.found:
        return found
    return translate([*there, "logits", "dlogits"], model, names, shape)


def _used(translation: NameTranslation) -> set[str]:
    return {name for source in translation.found.values() for name in source.names}


def wrong_module(parts: ModuleParts, model: CausalModel, *, whole: bool) -> tuple[str, ...]:
    """In which layers and sizes the module is not the model's, in words.

    It has fewer layers only where its names are the `whole` module's, and no choice of somebody's.
    """
    params, translation = parts.params, parts.translation
    own = {
        ours: source
        for ours, source in translation.found.items()
        if all(name in params for name in source.names)
    }
    mine = Mine.translated(params, model, translation._replace(found=own))
    said = list(wrong_sizes(model, model.config.parameter_shapes(), mine))
    layers = 1 + max(map(layer_of, translation.found))
    if whole and layers < model.config.n_layer:
        said.append(f"yours has {layers} layers, the pack {model.config.n_layer}")
    return tuple(said)
