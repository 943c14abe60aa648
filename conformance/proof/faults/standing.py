"""What a row has of its own: where a fault can be planted in it at all.

A rule that only refuses gives no cotangent that could be wrong, a row without a forward rule no tangent (it is the
transpose of its reverse mode, which has faults of its own), and of a gradient that is zero everywhere a multiple is no
fault: there something is added instead.
"""

from __future__ import annotations

import dis
from collections.abc import Callable
from typing import Any

import numpy as np

ZEROS = frozenset({"zeros_like", "zeros"})
FACTS = frozenset({"shape", "dtype", "array", "dtype_of"})
RULED = ("linear", "multilinear", "pointwise")
"""Forward rules that are named rather than written out."""


def only_refuses(function: Callable[..., Any]) -> bool:
    """Whether a rule does nothing but raise, or give nothing."""
    steps = [step for step in dis.get_instructions(function) if step.opname not in ("RESUME", "COPY_FREE_VARS")]
    if not any(step.opname.startswith("RETURN_") for step in steps):
        return True
    return [step.argval for step in steps[:-1]] == [None] and len(steps) <= 2


def gives_zeros(function: Callable[..., Any]) -> bool:
    """Whether a rule does nothing but make zeros."""
    if function.__code__.co_name == "zeros_like":
        return True
    names = set(function.__code__.co_names)
    computes = any(step.opname.startswith("BINARY_OP") for step in dis.get_instructions(function))
    return bool(names & ZEROS) and names <= ZEROS | FACTS and not computes


def _rules(row: Any, given: str) -> list[Callable[..., Any]]:
    rule = row.joint or row.rules.get(given)
    return [] if rule is None else [rule.function]


def has_cotangent(row: Any, given: str) -> bool:
    """Whether the rule of an input gives anything."""
    return not any(map(only_refuses, _rules(row, given)))


def has_zero_cotangent(row: Any, given: str) -> bool:
    """Whether what the rule of an input gives is always zero."""
    return any(map(gives_zeros, _rules(row, given)))


def has_tangent(row: Any) -> bool:
    """Whether the row has a forward rule of its own."""
    if row.derivative is not None or row.jvp_kind in RULED:
        return True
    return callable(row.jvp_kind) and not only_refuses(row.jvp_kind)


def has_zero_tangent(row: Any) -> bool:
    """Whether the row's tangents are always zero."""
    if callable(row.jvp_kind):
        return gives_zeros(row.jvp_kind)
    return row.jvp_kind == "pointwise" and all(has_zero_cotangent(row, name) for name in row.rules)


def has_zero_result(row: Any) -> bool:
    """Whether the row's result is always zero."""
    return getattr(row.kernel, "__name__", "") == "zeros_like"


def gives_floats(row: Any) -> bool:
    """Whether a pointwise row's kernel gives floats for floats, as is seen by calling it: a comparison gives booleans,
    which a number for a factor can't make wrong."""
    if not row.promote:
        return True
    with np.errstate(all="ignore"):
        found = row.kernel(*[np.eye(2)] * len(row.schema.inputs), *[1] * len(row.schema.attributes))
    return any(np.asarray(r).dtype.kind in "fc" for r in (found if isinstance(found, (list, tuple)) else [found]))


def takes_complex(row: Any) -> bool:
    return "c" not in (row.lacks or {})
