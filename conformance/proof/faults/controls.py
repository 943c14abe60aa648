"""Harmless changes: other roundings, another convention, other buffers. None of them may be blamed."""

from __future__ import annotations

from typing import Any

import numpy as np

from .fault import Fault
from .planting import Planted, kernel, replaced, rule


def _reversed_sum(sound: Any) -> Any:
    """Adds the elements in the opposite order."""

    def total(a: np.ndarray, axes: tuple[int, ...], keepdim: bool) -> np.ndarray:
        return sound(np.flip(a, axes) if axes else a, axes, keepdim)

    return total


def _in_long_double(sound: Any) -> Any:
    """Computes in extended precision and rounds once."""

    def compute(a: np.ndarray) -> np.ndarray:
        if a.dtype.kind != "f" or a.dtype.itemsize < 4:
            return sound(a)
        return sound(a.astype(np.longdouble)).astype(a.dtype)

    return compute


def _fused(sound: Any) -> Any:
    """A product whose rounding is that of a fused multiply-add with 0: the exact product, rounded once."""

    def multiply(a: Any, b: Any) -> Any:
        if getattr(a, "dtype", None) == np.float32 and getattr(b, "dtype", None) == np.float32:
            return np.multiply(a, b, dtype=np.float64).astype(np.float32)
        return sound(a, b)

    return multiply


def _wide(sound: Any) -> Any:
    """A contraction computed in double precision and rounded once."""

    def contract(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        if a.dtype != np.float32:
            return sound(a, b)
        return sound(a.astype(np.float64), b.astype(np.float64)).astype(np.float32)

    return contract


def _own_buffer(sound: Any) -> Any:
    """Every cotangent is copied into a fresh buffer before it is kept."""

    def arrive(task: Any, node: Any, nr: int, g: Any) -> None:
        sound(task, node, nr, g.copy() if isinstance(g, np.ndarray) else g)

    return arrive


FAULTS = (
    Fault(
        "control_nothing",
        "nothing is replaced: operators only take their general path",
        "path",
        lambda: Planted([]),
        ("language/", "backward.", "op/transpose/", "op/mul/", "op/kron/"),
        control=True,
    ),
    Fault(
        "control_reassociated_sum",
        "sums add in the opposite order",
        "rounding",
        kernel("SumBackward0", _reversed_sum),
        ("op/sum/", "op/mean/"),
        control=True,
    ),
    Fault(
        "control_extended_precision",
        "exp is computed in extended precision",
        "rounding",
        kernel("ExpBackward0", _in_long_double),
        ("op/exp/", "op/sigmoid/"),
        control=True,
    ),
    Fault(
        "control_fused_multiply",
        "float32 products are rounded from float64",
        "rounding",
        kernel("MulBackward0", _fused),
        ("op/mul/", "backward."),
        control=True,
    ),
    Fault(
        "control_other_tie",
        "maximum gives the whole gradient to its first operand at a tie",
        "convention",
        rule(
            "MaximumBackward0",
            self=lambda g, F, self, other: F.where(self >= other, g, 0),
            other=lambda g, F, self, other: F.where(self >= other, 0, g),
        ),
        ("op/maximum/",),
        control=True,
    ),
    Fault(
        "control_other_buffers",
        "cotangents are copied between nodes",
        "buffers",
        replaced("_engine", "_arrive", _own_buffer),
        ("backward.", "op/mul/"),
        control=True,
    ),
    Fault(
        "control_wide_contraction",
        "a matrix product of float32 is accumulated in float64",
        "rounding",
        kernel("MmBackward0", _wide),
        ("op/mm/", "op/matmul/"),
        control=True,
    ),
    Fault(
        "control_reciprocal",
        "the gradient of a quotient is multiplied by the reciprocal",
        "rounding",
        rule("DivBackward0", self=lambda g, F, other: g * F.conj(1 / other)),
        ("op/div/",),
        control=True,
    ),
    Fault(
        "control_expanded_form",
        "sigmoid's derivative is computed as s - s²",
        "rounding",
        rule("SigmoidBackward0", self=lambda g, F, out: g * F.conj(out - out * out)),
        ("op/sigmoid/",),
        control=True,
    ),
    Fault(
        "control_extended_logarithm",
        "log is computed in extended precision",
        "rounding",
        kernel("LogBackward0", _in_long_double),
        ("op/log/",),
        control=True,
    ),
    Fault(
        "control_other_derivative_form",
        "tanh's derivative is computed as 1/cosh² instead of 1 - tanh²",
        "rounding",
        rule("TanhBackward0", self=lambda g, F, self: g * F.conj(1 / (F.cosh(self) * F.cosh(self)))),
        ("op/tanh/",),
        control=True,
    ),
)
