"""What the parts of a PyTorch module are called here, and whether it is as large as the model."""

from torch import nn

from pellucid.compare.mine import INTEGERS, Mine
from pellucid.compare.sizes import wrong_sizes
from pellucid.compare.translate import NameMap, NameTranslation, layer_of, translate
from pellucid.errors import ConfigError
from pellucid.models import CausalModel

GRAD = ".grad"


def translated(module: nn.Module, model: CausalModel, names: NameMap | None) -> NameTranslation:
    """What modules put out, parameters, and the gradients of both, by our names.

    Raises `ConfigError` where no name of a layer is known.
    """
    params = dict(module.named_parameters())
    parts = [name for name, _ in module.named_modules() if name] + list(params)
    there = [name for name in parts if name not in INTEGERS or name in (names or {})]
    there += [name + GRAD for name in there] + ["loss"]

    def shape(name: str) -> tuple[int, ...]:
        weight = params.get(name.removesuffix(GRAD))
        return () if weight is None else tuple(weight.shape)  # of what a module puts out, unknown

    found = translate(there, model, names, shape)
    if "logits" not in found.found:
        found = translate([*there, "logits", "dlogits"], model, names, shape)
    if not names and all(layer_of(name) < 0 for name in found.found):
        some = ", ".join(parts[:3]) or "none at all"
        raise ConfigError(
            f"a watched module must have names that Pellucid knows, and those of "
            f"{type(module).__name__} are {some}: give `names` with ours, as in "
            "{'blocks.0.norm': 'h.0.ln_1.out'}"
        )
    return found


def wrong_module(
    module: nn.Module, model: CausalModel, translation: NameTranslation, *, whole: bool
) -> tuple[str, ...]:
    """In which layers and sizes the module is not the model's, in words.

    It has fewer layers only where its names are the `whole` module's, and no choice of somebody's.
    """
    params = dict(module.named_parameters())
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
