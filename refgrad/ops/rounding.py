"""Rounding, signs and the pieces of floating-point numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._inplace import write
from .._layout import beside_number, copied
from .._op import POINTWISE, op, public, publish
from .._support import missing, refused
from .._tensor import Tensor
from .compare import tensor_pair
from .layout import as_dtype, lifted, no_complex_gradient

SIGN_TEXT = "Unlike NumPy, torch.sign is not intended to support complex numbers. Please use torch.sgn instead."


def _rounds(name: str, ufunc: Callable[..., Any]) -> Callable[[Tensor], Tensor]:
    """A row of a step function: integers stay as they are, the gradient is zero."""
    text = f"{name} is not supported for complex inputs"
    lacks = missing(f"{name}_vml_cpu", "bc")
    if name != "round":
        lacks |= refused("c", NotImplementedError, text)
    return op(
        f"{name}(self)", lambda a: a.copy() if a.dtype.kind in "iu" else ufunc(a), promote="numbers", lacks=lacks,
        jvp=lambda F, x, t, attrs, out: F.zeros_like(t[0]), self=lambda g, F: F.zeros_like(g), public=name != "round",
    )  # fmt: skip


floor, ceil, trunc = _rounds("floor", np.floor), _rounds("ceil", np.ceil), _rounds("trunc", np.trunc)
round_row = _rounds("round", np.rint)


def _round_decimals(a: Any, decimals: int) -> Any:
    """Rounded to decimals, computed as PyTorch does: scaled by a power of ten, rounded to even, scaled back."""
    scale = a.dtype.type(10.0 ** abs(decimals))
    return np.rint(a * scale) / scale if decimals > 0 else np.rint(a / scale) * scale


round_decimals_row = op(
    "round_decimals(self, *, decimals)", _round_decimals, node="round", overload=1, public=False,
    lacks=missing("round_cpu", "cib"), promote="numbers", jvp=POINTWISE, self=lambda g, F: F.zeros_like(g),
)  # fmt: skip


@public("round", method=True)
def round_(input: Tensor, *, decimals: int | None = None) -> Tensor:
    """Rounded to the nearest integer, or to decimals; halves to even. Source: torch.round."""
    return round_row(input) if decimals is None else round_decimals_row(input, decimals)


@public("round_", method=True)
def round_inplace(input: Tensor, *, decimals: int | None = None) -> Tensor:
    """round in place. Source: torch.round_."""
    if decimals is None:
        return write(round_row.row, (input,), ())
    return write(round_decimals_row.row, (input,), (decimals,))


publish("fix", trunc, method=True)
publish("fix_", trunc.row.inplace, method=True)
frac = op(
    "frac(self)", lambda a: a - np.trunc(a), promote="numbers", jvp=POINTWISE, lacks=missing("frac_cpu", "cib"),
    self=lambda g: g,
)  # fmt: skip

# Signs.


def _sign(a: Any) -> Any:
    """-1, 0 or 1; 0 for nan."""
    if a.dtype.kind == "b":
        return a.copy()
    return np.where(a != a, 0, np.sign(a)).astype(a.dtype) if a.dtype.kind in "fV" else np.sign(a)


sign = op(
    "sign(self)", _sign, promote="numbers", lacks=refused("c", NotImplementedError, SIGN_TEXT),
    self=lambda g, F: F.zeros_like(g), jvp=lambda F, x, t, attrs, out: F.zeros_like(t[0]),
)  # fmt: skip


def _copysign_vjp(g: Any, F: Any, self: Any, out: Any) -> Any:
    """±g as the result kept or changed the sign, 0 where the magnitude is 0."""
    zero = self == 0
    return g * F.where(zero, 0, out / F.where(zero, 1, self))


def _copysign_push(F: Any, x: Any, t: Any, attrs: Any, out: Any) -> Any:
    """±t; where the sign alone moves the result does not, and has no history."""
    if t[0] is None:
        return [F.zeros_like(out[0].detach())]
    return _copysign_vjp(t[0], F, x[0], out[0])


copysign_row = op(
    "copysign(self, other)", np.copysign, promote="float", public=False, jvp=_copysign_push,
    lacks=missing("copysign_cpu", "c"), self=_copysign_vjp, other=lambda g, F, out: F.zeros_like(g),
)  # fmt: skip


def _copysign_number(a: Any, other: Any) -> Any:
    a = lifted(a, 1.0)
    return np.copysign(a, as_dtype(a.dtype, other))


copysign_scalar_row = op(
    "copysign_scalar(self, *, other)", _copysign_number, promote="numbers", node="copysign", overload=1, public=False,
    layout=beside_number, lacks=missing("copysign_cpu", "c"), jvp=POINTWISE, self=_copysign_vjp,
)  # fmt: skip


@public(method=True)
def copysign(input: Tensor, other: Any) -> Tensor:
    """The magnitude of input with the sign of other. Source: torch.copysign."""
    return (copysign_row if isinstance(other, Tensor) else copysign_scalar_row)(input, other)


def _copysign_inplace(self: Tensor, other: Any) -> Tensor:
    if isinstance(other, Tensor):
        return write(copysign_row.row, (self, other), ())
    return write(copysign_scalar_row.row, (self,), (other,))


publish("copysign_", _copysign_inplace, method=True, in_module=False)
nextafter_row = op(
    "nextafter(self, other)", np.nextafter, promote="numbers", exact=True, public=False,
    lacks=missing("nextafter_cpu", "cib"),
    self=lambda g, F, self, other: F.where(self == other, 0, g), other=lambda g, F: F.zeros_like(g),
    jvp=POINTWISE,
)  # fmt: skip
tensor_pair("nextafter", nextafter_row, "The next floating-point number after input towards other.")


# Numbers in place of nan and infinities.


def _replacements(dtype: np.dtype, nan: Any, posinf: Any, neginf: Any) -> tuple[Any, Any, Any]:
    limits = np.finfo(dtype) if dtype.kind == "f" else None
    if dtype.kind == "V" or limits is None:
        import ml_dtypes

        limits = ml_dtypes.finfo(dtype)
    top, bottom = float(limits.max), float(limits.min)
    return nan or 0.0, top if posinf is None else posinf, bottom if neginf is None else neginf


def _nan_to_num(a: Any, nan: Any, posinf: Any, neginf: Any) -> Any:
    if a.dtype.kind in "iub":
        return a.copy(order="K")
    if a.dtype.kind == "c":
        out = np.empty_like(a)
        out.real, out.imag = (_nan_to_num(part, nan, posinf, neginf) for part in (a.real, a.imag))
        return out
    nan, posinf, neginf = (a.dtype.type(v) for v in _replacements(a.dtype, nan, posinf, neginf))
    return np.where(a != a, nan, np.where(np.equal(a, np.inf), posinf, np.where(np.equal(a, -np.inf), neginf, a)))


nan_to_num_row = op(
    "nan_to_num(self, *, nan, posinf, neginf)", _nan_to_num, promote="numbers", layout=copied, exact=True, public=False,
    jvp=POINTWISE,
    self=lambda g, F, self: F.where(F.isinf(self) | (self != self), 0, g),
)  # fmt: skip


@public(method=True)
def nan_to_num(input: Tensor, nan: Any = None, posinf: Any = None, neginf: Any = None) -> Tensor:
    """nan and the infinities replaced (by 0 and the dtype's limits). Source: torch.nan_to_num."""
    no_complex_gradient("nan_to_num", input)
    return nan_to_num_row(input, nan, posinf, neginf)


@public(method=True)
def nan_to_num_(input: Tensor, nan: Any = None, posinf: Any = None, neginf: Any = None) -> Tensor:
    """nan_to_num in place. Source: torch.nan_to_num_."""
    return write(nan_to_num_row.row, (input,), (nan, posinf, neginf))
