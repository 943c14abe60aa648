"""Overwriting: fill, fill_, zero_. What is overwritten passes no gradient on."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._inplace import write
from .._layout import preserved
from .._op import LINEAR, op, public, publish
from .._tensor import Tensor
from .checks import check_number


def _full(a: np.ndarray, value: Any) -> np.ndarray:
    made = np.empty_like(a, order="K")
    made[...] = np.asarray(value).astype(a.dtype) if isinstance(value, np.ndarray) else value
    return made


def _fill_rows(overload: int) -> tuple[Any, Any]:
    """The rows for a number and for a tensor; the in-place ones are overloads of their own."""
    name = f"fill{overload}"
    number = op(
        f"{name}_number(self, *, value)", _full, node="fill", overload=overload, public=False, exact=True,
        layout=preserved, jvp=lambda F, x, t, attrs, out: F.zeros_like(x[0]), self=lambda g, F: F.zeros_like(g),
    )  # fmt: skip
    tensor = op(
        f"{name}_tensor(self, value)", _full, node="fill", overload=overload + 1, public=False, exact=True,
        layout=preserved, jvp=LINEAR, self=lambda g, F: F.zeros_like(g), value=lambda g: g,
    )  # fmt: skip
    return number, tensor


FILL, FILL_INPLACE = _fill_rows(0), _fill_rows(2)
zero_row = op(
    "zero(self)", np.zeros_like, public=False, exact=True, layout=preserved,
    jvp=lambda F, x, t, attrs, out: F.zeros_like(x[0]),
    self=lambda g, F: F.zeros_like(g),
)  # fmt: skip


def _check_value(input: Tensor, value: Any) -> None:
    if isinstance(value, Tensor):
        if value.ndim:
            raise RuntimeError(
                f"fill_ only supports 0-dimension value tensor but got tensor with {value.ndim} dimensions."
            )
    else:
        check_number(value, input.dtype)


@public(method=False)
def fill(input: Tensor, value: Any) -> Tensor:
    """A copy with every element `value`, a number or 0-d tensor. Source: torch.fill."""
    _check_value(input, value)
    return FILL[isinstance(value, Tensor)](input, value)


def fill_(self: Tensor, value: Any) -> Tensor:
    """Writes `value` into every element. Source: torch.Tensor.fill_."""
    _check_value(self, value)
    if isinstance(value, Tensor):
        return write(FILL_INPLACE[1].row, (self, value), ())
    return write(FILL_INPLACE[0].row, (self,), (value,))


def zero_(self: Tensor) -> Tensor:
    """Writes zeros into every element. Source: torch.Tensor.zero_."""
    return write(zero_row.row, (self,), ())


publish("fill_", fill_, method=True)
publish("zero_", zero_, method=True)
