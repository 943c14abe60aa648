"""The facts of a trace, compared one by one."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ...programs.trace import HookCall, Nothing, Observed, Outcome, Raised, Trace, encode_outcome
from .divergence import Divergence, Place
from .tolerance import Closeness

FACTS = frozenset(
    {"none", "flags", "graph", "version", "layout", "alias", "messages", "warnings", "lifetime", "hooks", "repr"}
)
"""Facts that are compared only where both engines claim them; values, shapes, dtypes and errors always are."""

_ATTRIBUTES = (
    ("requires_grad", "flags", "flag"),
    ("is_leaf", "flags", "flag"),
    ("grad_fn", "graph", "graph"),
    ("next_functions", "graph", "graph"),
    ("version", "version", "version"),
    ("strides", "layout", "layout"),
    ("alias", "alias", "alias"),
    ("text", "repr", "text"),
)


def compare(mine: Trace, oracle: Trace, facts: frozenset[str], close: Closeness) -> Divergence | None:
    """The first divergence of two traces, in the order of the program, or None."""
    for step, (a, b) in enumerate(zip(mine.steps, oracle.steps)):
        found = _outcomes(a, b, ("step", step, ()), facts, close)
        if found is not None:
            return found
    for found in _ends(mine, oracle, facts, close):
        return found
    return None


def _outcomes(a: Outcome, b: Outcome, place: Place, facts: frozenset[str], close: Closeness) -> Divergence | None:
    if type(a) is Observed and type(b) is Observed:
        return _tensors(a, b, place, facts, close)
    if type(a) is not type(b):
        if "none" not in facts and _is_zero(a) and _is_zero(b):
            return None
        kind = "error" if Raised in (type(a), type(b)) else "type"
        return Divergence(kind, place, f"{describe(a)} where the oracle gave {describe(b)}", a, b)
    if type(a) is Raised and type(b) is Raised:
        return _errors(a, b, place, facts)
    if type(a) is tuple and type(b) is tuple:
        return _tuples(a, b, place, facts, close)
    if not isinstance(a, Nothing) and a != b and not (a != a and b != b):
        return Divergence("value", place, f"{a!r} where the oracle gave {b!r}", a, b)
    return None


def _is_zero(outcome: Outcome) -> bool:
    """No gradient, or one of zeros: the same thing to an engine that doesn't tell them apart."""
    return (type(outcome) is Nothing and not outcome.skipped) or (
        type(outcome) is Observed and not np.any(outcome.array)
    )


def _tuples(a: Any, b: Any, place: Place, facts: frozenset[str], close: Closeness) -> Divergence | None:
    if len(a) != len(b):
        return Divergence("type", place, f"{len(a)} values where the oracle gave {len(b)}", a, b)
    for i, (x, y) in enumerate(zip(a, b)):
        found = _outcomes(x, y, (place[0], place[1], (*place[2], i)), facts, close)
        if found is not None:
            return found
    return None


def _errors(a: Raised, b: Raised, place: Place, facts: frozenset[str]) -> Divergence | None:
    if a.kind != b.kind:
        return Divergence("error", place, f"{describe(a)} where the oracle gave {describe(b)}", a, b)
    # A TypeError's text lists an engine's own signatures: its kind is the promise.
    if "messages" in facts and a.kind != "TypeError" and _first(a.message) != _first(b.message):
        return Divergence("message", place, f"the text {_first(a.message)!r}, not {_first(b.message)!r}", a, b)
    return None


def _first(message: str) -> str:
    return message.splitlines()[0] if message else ""


def _tensors(a: Observed, b: Observed, place: Place, facts: frozenset[str], close: Closeness) -> Divergence | None:
    if a.shape != b.shape:
        return Divergence("shape", place, f"shape {a.shape}, not {b.shape}", a, b)
    if a.dtype != b.dtype:
        return Divergence("dtype", place, f"dtype {a.dtype}, not {b.dtype}", a, b)
    error = close.error(a.array, b.array, b.dtype, place)
    if error is not None:
        text = f"values differ by {error[0]:.3g}, {error[1]:.3g} times what rounding allows"
        if not math.isfinite(error[0]):  # an infinity, a nan or an integer: no distance tells anything
            text = f"{_entry(a, close.element)} where the oracle gave {_entry(b, close.element)}"
        return Divergence("value", place, text, a, b, *error, close.element)
    for name, fact, kind in _ATTRIBUTES:
        x, y = getattr(a, name), getattr(b, name)
        if x is not y and x != y and fact in facts and x is not None and y is not None:
            return Divergence(kind, place, f"{name} {x!r}, not {y!r}", a, b)
    inner = (place[0], place[1], (*place[2], 0))
    if a.grad is not None and b.grad is not None:
        return _outcomes(a.grad, b.grad, inner, facts, close)
    return _more(a.more or {}, b.more or {}, inner, facts, close)


def _entry(value: Observed, element: int) -> str:
    return str(value.array.reshape(-1)[element])


def _more(
    a: dict[str, Outcome], b: dict[str, Outcome], place: Place, facts: frozenset[str], close: Closeness
) -> Divergence | None:
    """The rarer aspects; of nodes and what they saved only where both claim the graph."""
    for name in a.keys() & b.keys():
        if name in ("nodes", "saved") and "graph" not in facts:
            continue
        found = _outcomes(a[name], b[name], place, facts, close)
        if found is not None:
            return found
    return None


def _ends(mine: Trace, oracle: Trace, facts: frozenset[str], close: Closeness) -> Iterator[Divergence]:
    for step in sorted({*mine.gradients, *oracle.gradients}):
        a, b = mine.gradients.get(step, Nothing()), oracle.gradients.get(step, Nothing())
        found = _outcomes(a, b, ("gradient", step, ()), facts, close)
        if found is not None:
            yield found
    if "hooks" in facts:
        yield from _hooks(mine.hooks, oracle.hooks, facts, close)
    if "warnings" in facts and mine.warnings != oracle.warnings:
        yield from _warnings(mine.warnings, oracle.warnings)
    if "lifetime" in facts and mine.deaths != oracle.deaths:
        dropped = (*oracle.deaths, *mine.deaths)
        step = next(step for step in dropped if mine.deaths.get(step) != oracle.deaths.get(step))
        yield Divergence("death", ("death", step, ()), f"deaths {mine.deaths}, not {oracle.deaths}")


def _hooks(a: list[HookCall], b: list[HookCall], facts: frozenset[str], close: Closeness) -> Iterator[Divergence]:
    mine, theirs = [call.tag for call in a], [call.tag for call in b]
    if mine != theirs:
        yield Divergence("order", ("hook", 0, ()), f"hooks ran as {mine}, not {theirs}")
        return
    for i, (x, y) in enumerate(zip(a, b)):
        found = _tuples(x.grads, y.grads, ("hook", i, ()), facts, close)
        if found is not None:
            yield found


def _warnings(a: list[tuple[str, str]], b: list[tuple[str, str]]) -> Iterator[Divergence]:
    mine = [(category, _first(text)[:80]) for category, text in a]
    theirs = [(category, _first(text)[:80]) for category, text in b]
    if mine != theirs:
        yield Divergence("warning", ("warning", 0, ()), f"warned {mine}, not {theirs}")


def describe(outcome: Outcome) -> str:
    """An outcome in a few words."""
    if isinstance(outcome, Raised):
        return f"{outcome.kind}: {_first(outcome.message)[:120]}"
    if isinstance(outcome, Observed):
        return f"a {outcome.dtype} tensor of shape {outcome.shape}"
    if isinstance(outcome, Nothing):
        return "a skipped step" if outcome.skipped else "None"
    if isinstance(outcome, tuple):
        return f"{len(outcome)} values"
    return repr(encode_outcome(outcome))[:80]
