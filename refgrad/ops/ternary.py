"""Arithmetic of three tensors: addcmul, addcdiv, lerp."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _dtypes as dtypes
from .._op import LINEAR, POINTWISE, op, public
from .._support import missing
from .._tensor import Tensor
from .layout import as_dtype, other_tensor
from .pointwise import writes

ADDCDIV_INTEGERS = (
    "Integer division with addcdiv is no longer supported, and in a future  release addcdiv will perform a true "
    "division of tensor1 and tensor2. The historic addcdiv behavior can be implemented as (input + value * "
    "torch.trunc(tensor1 / tensor2)).to(input.dtype) for integer inputs and as (input + value * tensor1 / tensor2) for "
    "float inputs. The future addcdiv behavior is just the latter implementation: (input + value * tensor1 / tensor2), "
    "for all dtypes."
)
addcmul_row = op(
    "addcmul(self, tensor1, tensor2, *, value)",
    lambda a, b, c, value: a + _typed(value, a) * b * c,
    promote="numbers", public=False, jvp=POINTWISE, lacks=missing("addcmul_cpu_out", "b"),
    self=lambda g: g,
    tensor1=lambda g, F, tensor2, value: g * F.conj(tensor2 * value),
    tensor2=lambda g, F, tensor1, value: g * F.conj(tensor1 * value),
)  # fmt: skip
addcdiv_row = op(
    "addcdiv(self, tensor1, tensor2, *, value)",
    lambda a, b, c, value: a + value * b / c,
    promote="numbers", public=False, jvp=POINTWISE,
    self=lambda g: g,
    tensor1=lambda g, F, tensor2, value: g * F.conj(value / tensor2),
    tensor2=lambda g, F, tensor1, tensor2, value: -g * F.conj(value * tensor1 / (tensor2 * tensor2)),
)  # fmt: skip


def _typed(value: Any, a: Any) -> Any:
    return as_dtype(a.dtype, value) if a.dtype.kind in "iu" else value


@public(method=True)
def addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Tensor:
    """input + value·tensor1·tensor2. Source: torch.addcmul."""
    return addcmul_row(input, tensor1, tensor2, value)


@public(method=True)
def addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Tensor:
    """input + value·tensor1/tensor2. Source: torch.addcdiv. Raises RuntimeError for two integer quotients."""
    if max(tensor1.dtype.category, tensor2.dtype.category) < dtypes.FLOAT:
        raise RuntimeError(ADDCDIV_INTEGERS)
    return addcdiv_row(input, tensor1, tensor2, value)


def _lerp(a: Any, b: Any, weight: Any) -> Any:
    """a + weight·(b - a), from the nearer end so that weight 1 gives b exactly."""
    near = np.abs(weight) < 0.5
    if not isinstance(weight, np.ndarray):
        return a + weight * (b - a) if near else b - (b - a) * (1 - weight)
    return np.where(near, a + weight * (b - a), b - (b - a) * (1 - weight))


lerp_row = op(
    "lerp(self, end, weight)", _lerp, overload=1, public=False, promote="numbers", jvp=POINTWISE,
    lacks=missing("lerp_kernel_tensor", "ib"),
    self=lambda g, F, weight: g * F.conj(1 - weight),
    end=lambda g, F, weight: g * F.conj(weight),
    weight=lambda g, F, self, end, weight: g * F.conj(end - self),
)  # fmt: skip
lerp_scalar_row = op(
    "lerp_scalar(self, end, *, weight)", _lerp, node="lerp", public=False, promote="numbers", jvp=LINEAR,
    lacks=missing("lerp_kernel_scalar", "ib"),
    self=lambda g, F, weight: g * F.conj(1 - weight), end=lambda g, F, weight: g * F.conj(weight),
)  # fmt: skip


def _lerp_choice(input: Tensor, end: Tensor, weight: Any) -> Callable[..., Any]:
    """The row for a weight, after the check that all dtypes are the same, but for a weight without dimensions."""
    other_tensor("lerp", end, "end")
    for name, t in (("end", end), ("weight", weight)):
        if isinstance(t, Tensor) and t.dtype is not input.dtype and (t is end or t._array.ndim):
            raise RuntimeError(
                f"expected dtype {_long_name(input.dtype)} for `{name}` but got dtype {_long_name(t.dtype)}"
            )
    return lerp_row if isinstance(weight, Tensor) else lerp_scalar_row


def _long_name(kind: dtypes.dtype) -> str:
    return "long int" if kind is dtypes.int64 else dtypes.C_NAMES[kind]


@public(method=True)
def lerp(input: Tensor, end: Tensor, weight: Any) -> Tensor:
    """input + weight·(end - input). Source: torch.lerp. Raises RuntimeError unless all dtypes agree;
    a weight without dimensions may have any."""
    return _lerp_choice(input, end, weight)(input, end, weight)


writes("addcmul", lambda self, tensor1, tensor2, *, value=1: (addcmul_row, (value,)))
writes("addcdiv", lambda self, tensor1, tensor2, *, value=1: (addcdiv_row, (value,)))
writes("lerp", lambda self, end, weight: (_lerp_choice(self, end, weight), ()))
