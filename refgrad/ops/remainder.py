"""Remainders of a division: fmod with the sign of the dividend, remainder with that of the divisor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._layout import beside_number
from .._op import POINTWISE, op, public
from .._support import missing
from .._tensor import Tensor
from .layout import lifted
from .pointwise import check_divisor, no_forward_rule, typed_pair, unimplemented, without_derivative, writes


def _fmod(a: Any, b: Any) -> Any:
    if getattr(a, "dtype", np.asarray(a).dtype).kind in "iu":
        check_divisor(b)
    return np.fmod(a, b)


def _remainder(a: Any, b: Any) -> Any:
    if getattr(a, "dtype", np.asarray(a).dtype).kind in "iu":
        check_divisor(b)
    return np.remainder(a, b)


def _number_remainder(name: str, kernel: Callable[..., Any]) -> Callable[..., Any]:
    return op(
        f"{name}_scalar(self, *, other)", lambda a, other: kernel(lifted(a, other), other), node=name, public=False,
        promote="numbers", layout=beside_number, lacks=missing(f"{name}_cpu", "c"), jvp=POINTWISE, self=lambda g: g,
    )  # fmt: skip


fmod_row = op(
    "fmod(self, other)", _fmod, promote="numbers", overload=1, public=False, jvp=POINTWISE,
    lacks=missing("fmod_cpu", "cb"), self=lambda g: g, other=lambda g, F, self, other: -g * F.trunc(self / other),
)  # fmt: skip
remainder_row = op(
    "remainder(self, other)", _remainder, promote="numbers", overload=1, public=False, jvp=POINTWISE,
    lacks=missing("remainder_cpu", "cb"),
    self=lambda g: g, other=lambda g, F, self, other: -g * F.div_floor(self, other),
)  # fmt: skip
fmod_scalar_row, remainder_scalar_row = _number_remainder("fmod", _fmod), _number_remainder("remainder", _remainder)
rremainder_row = without_derivative(op(
    "rremainder(self, *, other)", lambda a, other: _remainder(*typed_pair(other, a)), promote="numbers",
    layout=beside_number, public=False, lacks=missing("remainder_cpu", "c"), self=unimplemented("remainder"),
    jvp=no_forward_rule("remainder"),
))  # fmt: skip


@public(method=True)
def fmod(input: Tensor, other: Any) -> Tensor:
    """The remainder with the sign of the dividend. Source: torch.fmod."""
    return (fmod_row if isinstance(other, Tensor) else fmod_scalar_row)(input, other)


@public(method=True)
def remainder(input: Any, other: Any) -> Tensor:
    """The remainder with the sign of the divisor. Source: torch.remainder."""
    if not isinstance(input, Tensor):
        return rremainder_row(other, input)
    return (remainder_row if isinstance(other, Tensor) else remainder_scalar_row)(input, other)


writes("fmod", lambda self, other: (fmod_row if isinstance(other, Tensor) else fmod_scalar_row, ()))
writes("remainder", lambda self, other: (remainder_row if isinstance(other, Tensor) else remainder_scalar_row, ()))
