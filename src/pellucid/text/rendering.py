"""The process in which a chat template is filled in: a program of somebody else's, well fenced.

Jinja2's sandbox lets it touch nothing but what it is given; the process has so much time and memory
and no more, and once the template is read it opens no file and begins no process.
"""

import contextlib
import json
import sys
from datetime import datetime
from typing import Any, NoReturn

SECONDS = 5
"""Of computing, that a template may take; those in use take a thousandth."""

MEMORY = 1 << 30
"""Bytes that the process may hold, where the system can bound them."""

LONGEST = 1 << 24
"""Characters that a conversation may become."""

REFUSES, BROKEN = "refuses", "broken"
"""What is answered where there is no text: the template's own words, or what is wrong with it."""


WRONG = (
    ArithmeticError,
    AttributeError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
)
"""What a template that is not right raises, beside Jinja2's own."""


REHEARSED = "{{ 'é' | tojson | wordwrap | pprint | urlize | random }}{{ missing.part.of }}"
"""What is filled in before anything foreign, and fails: Python imports what it needs then."""


class TemplateRefusal(Exception):  # noqa: N818 (the template's own word is raise_exception)
    """What a template raises for a conversation that its model was not trained on."""


def render_for_parent() -> None:
    """Read a template and its values as JSON, and write the text, or why there is none."""
    asked = json.load(sys.stdin)
    json.dump(render(asked["source"], asked["values"]), sys.stdout)


def render(source: str, values: dict[str, Any]) -> dict[str, str]:
    """`{"text": …}`, or under `REFUSES` or `BROKEN` why there is none.

    Source: transformers, utils/chat_template_utils.py: the environment's settings and functions.
    """
    from jinja2 import TemplateError  # noqa: PLC0415 (this process alone needs it)
    from jinja2.ext import loopcontrols  # noqa: PLC0415
    from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols]
    )
    environment.filters["tojson"] = _to_json
    environment.globals |= {
        "raise_exception": _refuse,
        "strftime_now": _today,
    }
    del environment.globals["lipsum"]
    with contextlib.suppress(TemplateError):
        environment.from_string(REHEARSED).render()
    _fence()
    try:
        template = environment.from_string(source)
        parts, length = [], 0
        for part in template.generate(**values):
            length += len(part)
            if length > LONGEST:
                return {BROKEN: f"it writes more than {LONGEST:,} characters"}
            parts.append(part)
    except TemplateRefusal as refusal:
        return {REFUSES: str(refusal)}
    except MemoryError:
        return {BROKEN: f"it takes more than {MEMORY >> 30} GiB of memory"}
    except RecursionError:
        return {BROKEN: "it calls itself without end"}
    except (TemplateError, ValueError, *WRONG) as error:
        return {BROKEN: f"{type(error).__name__}: {error}"}
    return {"text": "".join(parts)}


def _refuse(message: object) -> NoReturn:
    raise TemplateRefusal(str(message))


def _today(form: str) -> str:
    return datetime.now().strftime(form)


def _to_json(value: Any, *, ensure_ascii: bool = False, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent)


def _fence() -> None:
    """Bound time and memory, and let nothing be opened from here on, where the system can."""
    try:
        import resource  # noqa: PLC0415 (not everywhere)
    except ImportError:
        return
    bounds = {resource.RLIMIT_AS: MEMORY, resource.RLIMIT_CPU: SECONDS}
    bounds |= {resource.RLIMIT_NOFILE: 0, resource.RLIMIT_FSIZE: 0}
    for kind, most in bounds.items():
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (most, most))
