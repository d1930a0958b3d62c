"""A comparison as JSON, with everything that was tried."""

import json
import math
from typing import Any

from pellucid.compare import Comparison, Finding, TensorDistance, tensors_of
from pellucid.compare.wording import dtype_name


def comparison_json(found: Comparison, title: str) -> str:
    """The comparison with all that was tried and every tensor; NaN and ∞ are written as texts."""
    content = {
        "compared": title,
        "dtype": dtype_name(found.dtype),
        "agrees": found.agrees,
        "judged": len(tensors_of(found.pack)) - len(found.missing),
        "not_judged": found.missing,
        "required": list(found.required),
        "sizes": list(found.sizes),
        "inputs": list(found.inputs),
        "findings": [_finding_json(finding) for finding in found.findings],
        "consequences": [one.name for one in found.consequences],
        "later": [one._asdict() for one in found.later],
        "later_not_judged": [one._asdict() for one in found.unsure],
        "tensors": [_tensor_json(one, found) for one in found.beside],
        "not_understood": [one.name for one in found.translation.unknown],
    }
    return json.dumps(_plain(content), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _finding_json(finding: Finding) -> dict[str, Any]:
    fault = finding.fault
    call = {"at": fault.call[0], "function": fault.call[1]} if fault.call else None
    return {
        "tensor": fault.name,
        "made_by": call,
        "index": list(fault.worst),
        "yours": fault.mine,
        "should_be": fault.made,
        "allowed": fault.allowed,
        "times_allowed": fault.excess,
        "named": [m.name for fit in finding.named for m in fit.mistakes],
        "because": [m.text for fit in finding.named for m in fit.mistakes],
        "dropout": finding.dropped or None,
        "relation": finding.relation or None,
        "agrees_as": dtype_name(finding.fitting) if finding.fitting else None,
        "everywhere": not finding.place,
        "place": finding.place,
        "explains": list(finding.explains),
        "accepted": list(finding.accepted),
        "tried": [
            {
                "mistakes": [mistake.name for mistake in fit.mistakes],
                "reproduces": fit.reproduces,
                "leaves": fit.left,
                "times_allowed": fit.excess,
            }
            for fit in finding.fits
        ],
    }


def _tensor_json(one: TensorDistance, found: Comparison) -> dict[str, Any]:
    own = found.first.verdicts.get(one.name)
    judged = {} if own is None else {"times_allowed": own.excess, "behind_a_gap": own.carried}
    return one._asdict() | judged


def _plain(value: Any) -> Any:
    """What JSON can hold."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
