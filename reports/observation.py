"""Two observations of one step side by side, with what differs marked."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from .untrusted import Record, clean, entries, listed

MAX_ENTRIES, MAX_OUTPUTS = 64, 16
NOT_SHOWN = "—"
_FACTS = ("raised", "message", "dtype", "shape", "strides", "requires_grad", "is_leaf", "grad_fn", "version", "alias")


@dataclass(frozen=True, slots=True)
class Fact:
    """A named fact as each side showed it. ``gap`` is the absolute difference of two numbers."""

    name: str
    backend: str
    oracle: str
    differs: bool
    gap: str = ""


@dataclass(slots=True)
class Comparison:
    """What one part of an observation (a tensor, an error, one output of several) showed on both sides."""

    title: str
    facts: list[Fact] = field(default_factory=list[Fact])
    entries: list[Fact] = field(default_factory=list[Fact])
    hidden: int = 0


def compare(backend: object, oracle: object, step: int | None) -> list[Comparison]:
    """The comparisons of two observations, which are outcomes or whole traces."""
    one, other = _at(backend, step), _at(oracle, step)
    left, right = listed(one) or [one], listed(other) or [other]
    if not (isinstance(one, list) or isinstance(other, list)):
        return [_outcome("", one, other)]
    size = min(max(len(left), len(right)), MAX_OUTPUTS)
    return [_outcome(f"output {n}", _item(left, n), _item(right, n)) for n in range(size)]


def _at(seen: object, step: int | None) -> object:
    """The outcome of a step where a whole trace was given."""
    steps = listed(entries(seen).get("steps"))
    return steps[step] if step is not None and 0 <= step < len(steps) else seen


def _outcome(title: str, backend: object, oracle: object) -> Comparison:
    left, right = _record(backend), _record(oracle)
    names = [name for name in _FACTS if name in left or name in right]
    names += [name for name in {**left, **right} if name not in (*_FACTS, "values", "truncated")]
    comparison = Comparison(title)
    same_sort = ("raised" in left) == ("raised" in right)
    for name in names:
        one, other = _show(left, name), _show(right, name)
        # What an engine does not show (flags, graph) is no difference where both sides gave a value.
        untold = same_sort and NOT_SHOWN in (one, other)
        comparison.facts.append(Fact(name.replace("_", " "), one, other, one != other and not untold))
    comparison.entries = list(_entries(_values(left), _values(right), _shape(right) or _shape(left)))
    comparison.hidden = max(0, max(len(_values(left)), len(_values(right))) - MAX_ENTRIES)
    return comparison


def _record(seen: object) -> Record:
    return entries(seen) or ({} if seen is None else {"value": seen})


def _show(record: Record, name: str) -> str:
    value = record.get(name)
    if value is None:
        return NOT_SHOWN
    if name == "grad_fn" and value is False:
        return "none"
    return value if isinstance(value, str) else clean(json.dumps(value, ensure_ascii=False), 400)


def _values(record: Record) -> list[Any]:
    return listed(record.get("values"))


def _shape(record: Record) -> list[int]:
    return [size for size in listed(record.get("shape")) if isinstance(size, int) and size > 0]


def _entries(left: Sequence[Any], right: Sequence[Any], shape: list[int]) -> Iterator[Fact]:
    size = min(max(len(left), len(right)), MAX_ENTRIES)
    gaps = [_gap(_item(left, n), _item(right, n)) for n in range(size)]
    # Rounding moves nearly every entry a little: only a gap near the largest one is worth the reader's eye.
    floor = max((gap for gap in gaps if math.isfinite(gap)), default=0.0) * 0.01
    for n, gap in enumerate(gaps):
        shown = f"{gap:.3g}" if 0 < gap < math.inf else ""
        yield Fact(_index(n, shape), _entry(left, n), _entry(right, n), gap > floor or gap == math.inf, shown)


def _item(values: Sequence[Any], n: int) -> object:
    return values[n] if n < len(values) else None


def _gap(one: object, other: object) -> float:
    if one == other:
        return 0.0
    left, right = _complex(one), _complex(other)
    if left is None or right is None:
        return math.inf
    try:
        gap = max(abs(left.real - right.real), abs(left.imag - right.imag))  # as the verdict measures it
    except OverflowError:
        return math.inf
    return gap if math.isfinite(gap) else math.inf


def _complex(value: object) -> complex | None:
    parts = listed(value)
    if len(parts) == 2:
        real, imag = _complex(parts[0]), _complex(parts[1])
        return None if real is None or imag is None else real + 1j * imag
    return complex(value) if isinstance(value, (int, float)) else None


def _entry(values: Sequence[Any], n: int) -> str:
    value = _item(values, n)
    if value is None:
        return "—"
    parts = listed(value)
    if len(parts) == 2:
        imag = _number(parts[1])
        return f"{_number(parts[0])} - {imag[1:]}j" if imag.startswith("-") else f"{_number(parts[0])} + {imag}j"
    return _number(value)


def _number(value: object) -> str:
    return f"{value:.9g}" if isinstance(value, float) else clean(str(value), 60)


def _index(n: int, shape: list[int]) -> str:
    place: list[int] = []
    for size in reversed(shape):
        n, at = divmod(n, size)
        place.insert(0, at)
    return str(place) if place and n == 0 else f"[{n}]"
