"""Bounds: clamp and its kin. The gradient passes at a bound; outside it goes to a tensor bound."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._inplace import write
from .._op import POINTWISE, op, public, publish
from .._support import check_dtype, missing, refused
from .._tensor import Tensor
from .layout import as_dtype, lifted

CLAMP_LACKS = refused("c", NotImplementedError, "clamp is not supported for complex types")


def _bounded(a: Any, low: Any, high: Any) -> Any:
    raised = a if low is None else np.maximum(a, low)
    return raised if high is None else np.minimum(raised, high)


def _bounded_by_tensors(a: Any, low: Any, high: Any) -> Any:
    """Two bounds are one kernel of PyTorch's, one bound is maximum or minimum: what they lack differs."""
    if low is not None and high is not None:
        check_dtype(missing("clamp_cpu", "bc"), a.dtype)
    else:
        check_dtype(missing("minimum_cpu" if low is None else "maximum_cpu", "c"), a.dtype)
    return _bounded(a, low, high)


def _bounded_by_numbers(a: Any, low: Any, high: Any) -> Any:
    for bound in (low, high):
        a = a if bound is None else lifted(a, bound)
    if any(bound is not None and bound != bound for bound in (low, high)):
        return np.full_like(a, np.nan)
    return _bounded(a, *[None if b is None else as_dtype(a.dtype, b) for b in (low, high)])


def _inside(x: Any, low: Any, high: Any) -> Any:
    if low is None:
        return x <= high
    return x >= low if high is None else (x >= low) & (x <= high)


clamp_scalar_row = op(
    "clamp_scalar(self, *, min, max)", _bounded_by_numbers, promote="numbers", node="clamp", overload=1, public=False,
    jvp=POINTWISE, lacks=CLAMP_LACKS, self=lambda g, F, self, min, max: F.where(_inside(self, min, max), g, 0),
)  # fmt: skip
clamp_min_scalar_row = op(
    "clamp_min_scalar(self, *, min)", lambda a, low: _bounded_by_numbers(a, low, None), node="clamp_min", public=False,
    promote="numbers", lacks=CLAMP_LACKS, jvp=POINTWISE, self=lambda g, F, self, min: F.where(self >= min, g, 0),
)  # fmt: skip
clamp_max_scalar_row = op(
    "clamp_max_scalar(self, *, max)", lambda a, high: _bounded_by_numbers(a, None, high), node="clamp_max",
    promote="numbers", lacks=CLAMP_LACKS, public=False, jvp=POINTWISE,
    self=lambda g, F, self, max: F.where(self <= max, g, 0),
)  # fmt: skip


def _clamp_push(F: Any, x: Any, t: Any, attrs: Any, out: Any) -> Any:
    """The tangent of what is chosen. Below two equal bounds that is the lower one's, though no gradient goes there."""
    here, low, high = x
    if low is None or high is None:
        below = None if low is None else here < low
        above = None if high is None else here > high
    else:
        crossed = low > high
        below, above = (here < low) & ~crossed, (here > high) | crossed
    outside = below if above is None else above if below is None else below | above
    masks = (~outside, below, above)
    parts = [F.where(mask, change, 0) for mask, change in zip(masks, t) if change is not None]
    return sum(parts[1:], parts[0])


clamp_row = op(
    "clamp(self, min?, max?)", _bounded_by_tensors, promote="numbers", public=False, jvp=_clamp_push, exact=True,
    self=lambda g, F, self, min, max: F.where(_inside(self, min, max), g, 0),
    min=lambda g, F, self, min, max: F.where(self < min if max is None else (self < min) & (min < max), g, 0),
    max=lambda g, F, self, min, max: F.where(self > max if min is None else (self > max) | (max < min), g, 0),
)  # fmt: skip
clamp_min_row = op(
    "clamp_min(self, min)", np.maximum, promote="numbers", overload=1, exact=True, public=False, jvp=POINTWISE,
    lacks=missing("maximum_cpu", "c"),
    self=lambda g, F, self, min: F.where(self >= min, g, 0), min=lambda g, F, self, min: F.where(self < min, g, 0),
)  # fmt: skip
clamp_max_row = op(
    "clamp_max(self, max)", np.minimum, promote="numbers", overload=1, exact=True, public=False, jvp=POINTWISE,
    lacks=missing("minimum_cpu", "c"),
    self=lambda g, F, self, max: F.where(self <= max, g, 0), max=lambda g, F, self, max: F.where(self > max, g, 0),
)  # fmt: skip


def _clamp_choice(self: Tensor, min: Any = None, max: Any = None) -> tuple[Any, tuple[Any, ...], tuple[Any, ...]]:
    """The row, the tensors and the attributes of a clamp. Raises for no bounds, and for a number beside a tensor."""
    bounds = [b for b in (min, max) if b is not None]
    if not bounds:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    if self.is_complex():
        raise NotImplementedError("clamp is not supported for complex types")
    tensors = [isinstance(b, Tensor) for b in bounds]
    if all(tensors):
        return clamp_row, (self, min, max), ()
    if any(tensors):
        raise TypeError(
            "clamp() received an invalid combination of arguments - got "
            f"({', '.join(type(a).__name__ for a in (self, min, max))}), but expected one of:\n"
            " * (Tensor input, Tensor min = None, Tensor max = None, *, Tensor out = None)\n"
            " * (Tensor input, Number min = None, Number max = None, *, Tensor out = None)\n"
        )
    return clamp_scalar_row, (self,), (min, max)


@public(method=True)
def clamp(input: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """input kept within [min, max], numbers or tensors; max wins if they cross. Source: torch.clamp.
    Trap: the gradient passes at a bound, unlike hardtanh's."""
    row, tensors, attributes = _clamp_choice(input, min, max)
    return row(*tensors, *attributes)


@public(method=True)
def clamp_(input: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """clamp in place. Source: torch.clamp_."""
    row, tensors, attributes = _clamp_choice(input, min, max)
    return write(row.row, tensors, attributes)


def _one_sided(name: str, scalar_row: Any, tensor_row: Any) -> None:
    def call(input: Tensor, bound: Any) -> Tensor:
        return (tensor_row if isinstance(bound, Tensor) else scalar_row)(input, bound)

    def inplace(input: Tensor, bound: Any) -> Tensor:
        if isinstance(bound, Tensor):
            return write(tensor_row.row, (input, bound), ())
        return write(scalar_row.row, (input,), (bound,))

    argument = name[-3:]
    for function, known in ((call, name), (inplace, name + "_")):

        def published(input: Tensor, *args: Any, function: Any = function, **keywords: Any) -> Tensor:
            return function(input, args[0] if args else keywords[argument])

        published.__name__ = published.__qualname__ = known
        published.__doc__ = f"input with a bound on one side. Source: torch.{known}."
        publish(known, published, method=True)


_one_sided("clamp_min", clamp_min_scalar_row, clamp_min_row)
_one_sided("clamp_max", clamp_max_scalar_row, clamp_max_row)
publish("clip", clamp, method=True)
publish("clip_", clamp_, method=True)
