"""Mistakes in rotary positions and in windows: what is turned, how far, and who is looked at."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch

from pellucid.compare.mistakes.embedding import Places, positions_of
from pellucid.compare.mistakes.mistake import Family, Mistake
from pellucid.compare.mutation import Change, Function, argument, step
from pellucid.layers import Pair, grouped_attention, rotary, rotary_angles, rotary_backward
from pellucid.models.llama.wiring import llama_trunk

_TURNED = "turned = (first * cos - second * sin, second * cos + first * sin)"
_WINDOWED = "windowed = causal_mask(length, keys, tokens.device, window=config.window)"
_KEYS = '_turned("k", k_heads, k_norm, **rest'

BASES = {
    "1e4": (10_000.0, "10,000, as in Llama 2"),
    "1e5": (100_000.0, "100,000, as in SmolLM2-135M"),
    "1.3e5": (130_000.0, "130,000, as in SmolLM2-1.7B"),
    "5e5": (500_000.0, "500,000, as in Llama 3"),
    "1e6": (1_000_000.0, "1,000,000, as in Qwen 2 and Qwen 3"),
    "5e6": (5_000_000.0, "5,000,000, as in SmolLM3"),
}
"""The bases that models are known to have."""


def _configured(
    name: str, text: str, *lines: tuple[str, str], other: Callable[[Any], Any]
) -> Mistake:
    """A trunk of another configuration."""
    return Mistake(name, text, lines, {llama_trunk: argument("config", other)})


def _base(short: str, base: float, words: str) -> Mistake:
    ours = "config.frequencies(tokens.device)"
    return _configured(
        f"rope_base_{short}",
        f"the base of the rotations is {words}",
        (ours, f"replace(config, rope_base={base}).frequencies(tokens.device)"),
        other=lambda config: replace(config, rope_base=base),
    )


def _window(name: str, text: str, more: int) -> Mistake:
    def other(config: Any) -> Any:
        wide = config.window
        return config if wide is None else replace(config, window=max(1, wide + more))

    plus = f"config.window {'+' if more > 0 else '-'} {abs(more)}"
    return _configured(
        name,
        text,
        (_WINDOWED, _WINDOWED.replace("config.window", plus)),
        ("keys > config.window", f"keys > {plus}"),
        other=other,
    )


def _unturned(cos: Any, sin: Any) -> dict[str, Any]:
    """Angles of 0."""
    return {} if cos is None else {"cos": torch.ones_like(cos), "sin": torch.zeros_like(sin)}


def _of_keys(
    name: str, text: str, line: str, told: Callable[[Any, Any], dict[str, Any]]
) -> Mistake:
    """Keys that are turned in another way than queries."""

    def change(right: Function) -> Function:
        def wrong(*, ops: Any, **given: Any) -> Any:
            def turn(x: Any, *, cos: Any, sin: Any, tape: Any) -> Any:
                own = told(cos, sin) if tape.path.endswith("k_rope") else {}
                return ops.rotary.forward(x, **{"cos": cos, "sin": sin} | own, tape=tape)

            return right(ops=replace(ops, rotary=Pair(turn, ops.rotary.backward)), **given)

        return wrong

    return Mistake(name, text, ((_KEYS, f"{_KEYS} | {line}"),), {grouped_attention: change})


def _interleaved(x: Any) -> Any:
    return x[..., 0::2], x[..., 1::2]


def _in_pairs(first: Any, second: Any) -> Any:
    return torch.stack((first, second), -1).flatten(-2)


def _each_twice(cos: Any, sin: Any) -> Any:
    both = [torch.stack([one, one], -1).flatten(-2) for one in (cos, sin)]
    (cos_1, cos_2), (sin_1, sin_2) = (one.chunk(2, -1) for one in both)
    return cos_1, sin_1, cos_2, sin_2


def _reversed(right: Function) -> Function:
    def wrong(*, cos: Any, sin: Any, **given: Any) -> Any:
        return right(**given, cos=cos, sin=-sin)[0], (cos, sin)

    return wrong


def _from_places(places: Places) -> dict[Function, Change]:
    """Angles of other positions from one on."""

    def change(_: Function) -> Function:
        def wrong(*, frequencies: Any, length: int, dtype: Any, tape: Any, start: int = 0) -> Any:
            own = places(length) + start
            angles = own.double().unsqueeze(-1) * frequencies
            cos, sin = angles.cos().to(dtype), angles.sin().to(dtype)
            tape(angles=angles, cos=cos, sin=sin)
            return cos, sin

        return wrong

    return {rotary_angles: change}


_PAIRS, _MIXED = step(parts=_interleaved, whole=_in_pairs), step(angles=_each_twice)

ROTARY: tuple[Mistake, ...] = (
    Mistake(
        "rope_pairs",
        "rotary positions turn channels 2i and 2i+1 as a pair, not i and i + d/2: right only for "
        "weights whose rows stand in that order, as in Meta's and llama.cpp's files",
        (
            ("x.chunk(2, -1)", "x[..., 0::2], x[..., 1::2]"),
            ("torch.cat(turned, -1)", "torch.stack(turned, -1).flatten(-2)"),
        ),
        {rotary: _PAIRS, rotary_backward: _PAIRS},
    ),
    Mistake(
        "rope_mixed",
        "each angle stands twice side by side, as for pairs 2i and 2i+1, and channels i and "
        "i + d/2 are turned by them",
        (
            (
                _TURNED,
                """both = [torch.stack([one, one], -1).flatten(-2) for one in (cos, sin)]
    c, s = (one.chunk(2, -1) for one in both)
    turned = (first * c[0] - second * s[0], second * c[1] + first * s[1])""",
            ),
        ),
        {rotary: _MIXED, rotary_backward: _MIXED},
    ),
    Mistake(
        "rope_reversed",
        "rotary positions turn the other way round",
        ((_TURNED, "turned = (first * cos + second * sin, second * cos - first * sin)"),),
        {rotary: _reversed, rotary_backward: argument("cache", lambda kept: (kept[0], -kept[1]))},
    ),
    Mistake(
        "no_rope",
        "neither queries nor keys are turned by their positions",
        (
            (
                '"cos": cos, "sin": sin',
                '"cos": torch.ones_like(cos), "sin": torch.zeros_like(sin)',
            ),
        ),
        {
            grouped_attention: lambda right: (
                lambda **given: right(**given | _unturned(given["cos"], given["sin"]))
            )
        },
    ),
    _of_keys(
        "no_rope_k",
        "keys are not turned by their positions: they went into the cache before that",
        '{"cos": torch.ones_like(cos), "sin": torch.zeros_like(sin)}',
        _unturned,
    ),
    _of_keys(
        "rope_k_twice",
        "keys are turned twice: before they go into the cache, and again after",
        '{"cos": cos * cos - sin * sin, "sin": 2 * sin * cos}',
        lambda cos, sin: {"cos": cos * cos - sin * sin, "sin": 2 * sin * cos},
    ),
    Mistake(
        "rope_from_1",
        "rotary positions are counted from 1, not from 0",
        (("torch.arange(start, start + length", "torch.arange(start + 1, start + 1 + length"),),
        {rotary_angles: argument("start", lambda start: start + 1)},
    ),
    Mistake(
        "rope_float32",
        "the rotations' frequencies are kept in float32, as transformers does, and not in float64",
        (("* frequencies", "* frequencies.to(torch.float32)"),),
        {rotary_angles: argument("frequencies", lambda kept: kept.to(torch.float32))},
    ),
    *(_base(short, base, words) for short, (base, words) in BASES.items()),
    _configured(
        "no_rope_scaling",
        "the rotations are not slowed: their scaling is left out",
        (
            "config.frequencies(tokens.device)",
            "replace(config, rope_scaling=None).frequencies(tokens.device)",
        ),
        other=lambda config: replace(config, rope_scaling=None),
    ),
    _window("window_one_more", "the window is off by one: a position looks at one more", 1),
    _window("window_one_less", "the window is off by one: a position looks at one less", -1),
    _configured(
        "no_window",
        "there is no window: every position looks at all before it",
        (_WINDOWED, "windowed = mask"),
        other=lambda config: replace(config, window=None),
    ),
    Mistake(
        "rope_not_undone",
        "the rotary positions' backward does not turn the gradient back",
        (("cos, sin = cache", "cos, sin = torch.ones_like(cache[0]), torch.zeros_like(cache[1])"),),
        {
            rotary_backward: argument(
                "cache", lambda kept: (torch.ones_like(kept[0]), torch.zeros_like(kept[1]))
            )
        },
    ),
    Mistake(
        "rope_turned_on",
        "the rotary positions' backward turns the gradient on, not back",
        (("cos, sin = cache", "cos, sin = cache[0], -cache[1]"),),
        {rotary_backward: argument("cache", lambda kept: (kept[0], -kept[1]))},
    ),
)
"""Those of rotary positions and of windows."""

ROTARY_FAMILIES: tuple[Family, ...] = (
    Family(
        "rope_base_other",
        "the base of the rotations is {}",
        (
            (
                "config.frequencies(tokens.device)",
                "replace(config, rope_base={}).frequencies(tokens.device)",
            ),
        ),
        lambda base: {llama_trunk: argument("config", lambda own: replace(own, rope_base=base))},
        2.0,
        1e10,
        24,
    ),
    *positions_of(_from_places),
)
"""Those with a number in them."""
