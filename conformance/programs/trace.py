"""What running a program showed: plain data, the same from every engine."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

MAX_ELEMENTS = 64
MAX_TEXT = 2000


@dataclass(slots=True)
class Observed:
    """A tensor as seen after a step. A fact that was not read is None; ``grad_fn`` False means that there is none.

    ``more`` holds the rarer aspects by name, as plain outcomes.
    """

    array: np.ndarray
    dtype: str
    shape: tuple[int, ...]
    requires_grad: bool | None = None
    strides: tuple[int, ...] | None = None
    is_leaf: bool | None = None
    grad_fn: str | bool | None = None
    next_functions: tuple[str | None, ...] | None = None
    version: int | None = None
    alias: int | None = None
    grad: Outcome | None = None
    text: str | None = None
    more: dict[str, Outcome] | None = None


@dataclass(slots=True)
class Raised:
    """An exception, as a kind of the closed list in ``backends`` and its text."""

    kind: str
    message: str


@dataclass(slots=True)
class Nothing:
    """The step gave no value (None) or was skipped because it uses the result of a step that raised."""

    skipped: bool = False


NOTHING = Nothing()
"""What steps without a value come to, and leaves: their values are the program's own."""


Outcome = Observed | Raised | Nothing | tuple[Any, ...] | bool | int | float | complex | str


@dataclass(slots=True)
class HookCall:
    """One run of a hook: its tag and the gradients it was given (shape, dtype and values); of a pack or unpack hook the
    step that saved the value."""

    tag: str
    grads: tuple[Outcome, ...]
    step: int | None = None


@dataclass(slots=True)
class Trace:
    """Outcomes by step, the hook log in order, warnings, the leaves' gradients at the end, and who died at a Drop."""

    steps: list[Outcome] = field(default_factory=list)
    hooks: list[HookCall] = field(default_factory=list)
    warnings: list[tuple[str, str]] = field(default_factory=list)
    gradients: dict[int, Outcome] = field(default_factory=dict)
    deaths: dict[int, tuple[bool, ...]] = field(default_factory=dict)

    def raised(self) -> Iterator[tuple[int, Raised]]:
        """The steps that raised, with what."""
        return ((i, outcome) for i, outcome in enumerate(self.steps) if type(outcome) is Raised)

    def observed(self, step: int) -> Observed:
        """The tensor of a step. Raises LookupError where the step made none."""
        outcome = self.steps[step]
        if type(outcome) is not Observed:
            raise LookupError(f"step {step} made no tensor but {type(outcome).__name__}")
        return outcome


def encode_outcome(outcome: Outcome) -> Any:
    """An outcome as JSON of bounded size."""
    if isinstance(outcome, Observed):
        return _encode_observed(outcome)
    if isinstance(outcome, Raised):
        return {"raised": outcome.kind, "message": outcome.message[:MAX_TEXT]}
    if isinstance(outcome, Nothing):
        return {"skipped": True} if outcome.skipped else None
    if isinstance(outcome, tuple):
        return [encode_outcome(part) for part in outcome[:MAX_ELEMENTS]]
    return encode_number(outcome)


def _encode_observed(seen: Observed) -> dict[str, Any]:
    flat = seen.array.reshape(-1)
    wide = flat[:MAX_ELEMENTS].astype(complex if flat.dtype.kind == "c" else float)
    out: dict[str, Any] = {
        "dtype": seen.dtype,
        "shape": list(seen.shape),
        "values": [encode_number(x) for x in wide.tolist()],
        "truncated": flat.size > MAX_ELEMENTS,
    }
    for name in ("requires_grad", "is_leaf", "grad_fn", "version", "alias"):
        if getattr(seen, name) is not None:
            out[name] = getattr(seen, name)
    for name, found in (seen.more or {}).items():
        out[name] = encode_outcome(found)
    for name in ("strides", "next_functions"):
        if getattr(seen, name) is not None:
            out[name] = list(getattr(seen, name))
    return out


def encode_number(value: Any) -> Any:
    """A number as strict JSON: non-finite ones and complex parts become text."""
    if isinstance(value, complex):
        return [encode_number(value.real), encode_number(value.imag)]
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return str(value)[:MAX_TEXT]


def encode_trace(trace: Trace) -> dict[str, Any]:
    """A whole trace as JSON."""
    return {
        "steps": [encode_outcome(outcome) for outcome in trace.steps],
        "hooks": [{"tag": call.tag, "grads": [encode_outcome(g) for g in call.grads]} for call in trace.hooks],
        "warnings": [list(pair) for pair in trace.warnings],
        "gradients": {str(step): encode_outcome(outcome) for step, outcome in trace.gradients.items()},
        "deaths": {str(step): list(dead) for step, dead in trace.deaths.items()},
    }
