"""A PyTorch module inside a `with`: its hooks, and what they give to the step beside it."""

import threading
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, Self

import torch
from torch import Tensor, nn

from pellucid.compare.finding import Finding
from pellucid.compare.judge import Verdict
from pellucid.compare.live import LiveStep
from pellucid.compare.module_call import ModuleCall, first_tensor, reshaped, returned
from pellucid.compare.module_names import GRAD, ModuleParts, wrong_module
from pellucid.compare.translate import NameMap, layer_of
from pellucid.compare.wording import finding_lines
from pellucid.errors import DifferenceError, TooLittleError, TraceError
from pellucid.models import CausalModel
from pellucid.reference import Pack

UNKNOWN = ("loss", "losses")
"""What is not judged where nobody has said what the targets are."""


class ModuleWatch:
    """A module that is watched inside a `with`: see `watch`.

    `findings` has what differs, in data-flow order, and `verdicts` every tensor that was judged, by
    its name here; `str` is all findings in words.
    """

    def __init__(
        self,
        module: nn.Module,
        model: CausalModel,
        pack: Pack | None,
        *,
        names: NameMap | None,
        targets: Any,
        dtype: torch.dtype | None,
        collect: bool,
    ) -> None:
        self._module, self._model, self._pack = module, model, pack
        self._targets, self._dtype, self._collect = targets, dtype, collect
        self._parts = ModuleParts.of(module, model, names)
        self._translation = self._parts.translation
        self._paths = {id(part): path for path, part in self._parts.modules.items()}
        found = self._translation.found
        self._wanted = {name for source in found.values() for name in source.names}
        self._layers = {
            name: layer_of(ours)
            for ours, source in found.items()
            for name in source.names
            if ours.startswith("d")
        }
        if said := wrong_module(self._parts, model, whole=not names):
            raise DifferenceError(map(self._of_reference, said))
        self._handles: list[Any] = []
        self._start()

    def _start(self) -> None:
        self._thread = threading.get_ident()
        self._step: LiveStep | None = None
        self._said: tuple[str, ...] = ()
        self._called: set[str] = set()
        self._targets_known = self._returned = self._backward = self._told = False

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What differs; unless all are collected, what was known when the first was raised."""
        return self._step.findings if self._step else ()

    @property
    def verdicts(self) -> Mapping[str, Verdict]:
        """Every tensor that was judged, by its name here."""
        return self._step.verdicts if self._step else {}

    def __str__(self) -> str:
        if self._step is None:
            return "nothing was judged"
        said = [*self._said, *("\n   ".join(self._lines(one)) for one in self.findings)]
        return "\n".join(said) or f"agrees: {len(self.verdicts)} tensors judged"

    def __enter__(self) -> Self:
        if self._handles:
            raise TraceError(
                "a watch must be entered once at a time, and this one is entered already: make "
                "another by pellucid.compare.watch"
            )
        self._start()
        module = self._module
        self._handles.append(module.register_forward_pre_hook(self._begin, with_kwargs=True))
        self._handles.append(module.register_forward_hook(self._end_of_forward))
        for name, inner in self._parts.modules.items():
            self._handles.append(inner.register_forward_hook(self._after(name)))
        for name, parameter in self._parts.params.items():
            if parameter.requires_grad and name + GRAD in self._wanted:
                self._handles.append(parameter.register_hook(self._leaf_gradient(name + GRAD)))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        while self._handles:
            self._handles.pop().remove()
        try:
            if error is None:
                self._finish()
        finally:
            if self._step is not None:
                self._step.close()

    def _finish(self) -> None:
        if self._step is None:
            raise TooLittleError(
                f"a watched module must be called inside the `with`, by the thread that entered "
                f"it, and {type(self._module).__name__} was not: call it there"
            )
        if self._collect or self._backward:
            self._step.end()
        self._tell()
        if all(one.call is None for one in self.verdicts.values()):
            raise TooLittleError(
                "at least one value that the step makes must be judged, and none was: give `names` "
                "for what the module's own modules put out"
            )

    # -- what the hooks give ----------------------------------------------------------------------

    def _begin(self, _: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if threading.get_ident() != self._thread:
            return
        if self._step is not None:
            raise TraceError(
                "a watch must see one call of the module, and this is the second: enter another "
                "`with watch(…)` for each"
            )
        call = ModuleCall.of(args, kwargs, self._targets, self._pack)
        self._said, self._targets_known = call.said, call.targets is not None
        if call.said and not self._collect:
            raise DifferenceError(call.said)
        found = self._translation
        if call.targets is None:
            kept = {ours: one for ours, one in found.found.items() if ours not in UNKNOWN}
            found = found._replace(found=kept)
        targets = torch.zeros_like(call.tokens) if call.targets is None else call.targets
        self._step = LiveStep(
            self._model, call.tokens, targets, found, dtype=self._dtype, eager=not self._collect
        )
        given = self._parts.params
        self._step.lose(name + GRAD for name, one in given.items() if not one.requires_grad)
        self._take(given)

    def _after(self, name: str) -> Callable[..., None]:
        """The hook of a module inside: what it puts out, and the gradient of that later."""

        def after(module: nn.Module, _: Any, out: Any) -> None:
            step = self._step
            if step is None or threading.get_ident() != self._thread:
                return
            self._called.add(name)
            tensor = first_tensor(out)
            if tensor is None:
                step.lose((name, name + GRAD))
            else:
                self._follow(name, tensor)
            self._lose_uncalled(module)

        return after

    def _end_of_forward(self, module: nn.Module, _: Any, out: Any) -> None:
        step = self._step
        if step is None or threading.get_ident() != self._thread:
            return
        values = dict(returned(out, self._model.config.vocab_size))
        for name, tensor in values.items():
            self._follow(name, tensor, grad=f"d{name}")
        step.lose(("loss", "logits"))
        if "logits" not in values:
            step.lose(("dlogits",))
        self._lose_uncalled(module)

    def _lose_uncalled(self, module: nn.Module) -> None:
        """Of modules that were not called while the one around them was, nothing will come."""
        if self._step is not None:
            names = [self._paths.get(id(part), "") for part in module.modules()]
            never = [name for name in names if name and name not in self._called]
            self._step.lose(name + end for name in never for end in ("", GRAD))
            self._tell()

    def _follow(self, name: str, tensor: Tensor, grad: str = "") -> None:
        gradient = grad or name + GRAD
        if tensor.requires_grad:
            hook = self._gradient(gradient, tensor.shape)
            self._handles.append(tensor.register_hook(hook))
            if (base := reshaped(tensor)) is not None:
                self._handles.append(base.register_hook(hook))
        elif self._step is not None:
            self._step.lose((gradient,))
        self._take({name: tensor})

    def _gradient(self, name: str, shape: torch.Size) -> Callable[[Tensor], None]:
        """Of a value; when it comes, the blocks after the value's own have had all of theirs."""
        layer = self._layers.get(name, -1)
        after = [one for one, other in self._layers.items() if other > layer >= 0]

        def gradient(grad: Tensor) -> None:
            if not self._targets_known:
                raise TraceError(
                    "a watch must know the targets to judge a backward, and the call had none: "
                    "give watch `targets`, or a pack"
                )
            self._backward = True
            if self._step is not None:
                self._step.lose(after)
            self._take({name: grad.reshape(shape)})

        return gradient

    def _leaf_gradient(self, name: str) -> Callable[[Tensor], None]:
        """Of a parameter: only in the backward of this call, and in no other thread's."""

        def gradient(grad: Tensor) -> None:
            here = threading.get_ident() == self._thread or grad.device.type != "cpu"
            if self._backward and here:
                self._take({name: grad})

        return gradient

    def _take(self, values: Mapping[str, Tensor]) -> None:
        if self._step is not None and not self.findings:
            # copies: what comes after may write to them in place
            own = {k: v.detach().clone() for k, v in values.items() if k in self._wanted}
            self._step.take(own)
        self._tell()

    def _tell(self) -> None:
        """Raise the first finding, once."""
        if self.findings and not self._collect and not self._told:
            self._told = True
            raise DifferenceError(self._lines(self.findings[0]), self.findings[0])

    # -- words ------------------------------------------------------------------------------------

    def _lines(self, finding: Finding) -> Iterator[str]:
        dtype = self._step.dtype if self._step else torch.float32
        yield from map(self._of_reference, finding_lines(finding, dtype))
        theirs = self._translation.found[finding.fault.name].names
        yield f"in your module: {', '.join(theirs)}"

    def _of_reference(self, said: str) -> str:
        return (
            said
            if self._pack
            else said.replace("the pack's model", "the model").replace("the pack", "the model")
        )
