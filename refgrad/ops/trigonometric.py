"""Circular and hyperbolic functions, their inverses, and the logistic function."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from .._errors import NoDerivative
from .._inplace import twin, write
from .._interpreters import formula
from .._layout import copied
from .._op import LINEAR, POINTWISE, op, public, publish
from .._support import missing, no_forward, refused
from .._tensor import Tensor
from . import accurate
from .layout import other_tensor

sin = op("sin(self)", np.sin, promote="float", d=lambda F, self: F.cos(self))
cos = op("cos(self)", np.cos, promote="float", d=lambda F, self: -F.sin(self))
tan = op("tan(self)", np.tan, promote="float", d=lambda out: 1 + out * out)
# Slopes that are rows: differentiated factor by factor, (1 - x)(1 + x) would lose its slope -2x where x is small.
asin_slope = op(
    "asin_slope(self)", lambda a: 1 / np.sqrt((1 - a) * (1 + a)), promote="float", public=False,
    d=lambda self, out: self * out * out * out,
)  # fmt: skip
atanh_slope = op(
    "atanh_slope(self)", lambda a: 1 / ((1 - a) * (1 + a)), promote="float", public=False,
    d=lambda self, out: 2 * self * out * out,
)  # fmt: skip
asin = op("asin(self)", np.arcsin, promote="float", d=lambda F, self: F.asin_slope(self))
acos = op("acos(self)", np.arccos, promote="float", d=lambda F, self: -F.asin_slope(self))
atan = op("atan(self)", np.arctan, promote="float", d=lambda self: 1 / (self * self + 1))
sinh = op("sinh(self)", np.sinh, promote="float", d=lambda F, self: F.cosh(self))
cosh = op("cosh(self)", np.cosh, promote="float", d=lambda F, self: F.sinh(self))
tanh = op("tanh(self)", np.tanh, promote="float", d=lambda out: 1 - out * out)
asinh = op("asinh(self)", np.arcsinh, promote="float", inplace=False, d=lambda F, self: F.rsqrt(self * self + 1))
acosh = op(
    "acosh(self)", np.arccosh, promote="float", inplace=False,
    # On complex numbers the product of the roots has the cut of acosh, the root of the product has not.
    d=lambda F, self: F.rsqrt(self - 1) * F.rsqrt(self + 1) if F.is_complex(self) else F.rsqrt((self - 1) * (self + 1)),
)  # fmt: skip
atanh = op("atanh(self)", np.arctanh, promote="float", inplace=False, d=lambda F, self: F.atanh_slope(self))


def _refuse_inplace(name: str, forward: Callable[..., Any]) -> None:
    """PyTorch has no derivative for the in-place form of an inverse hyperbolic function."""

    def refuse(g: Any) -> Any:
        raise NoDerivative(f"the derivative for 'inplace version of {name}' is not implemented.")

    row = op(
        f"{name}_inplace(self)", forward.row.kernel, promote="float", node=name, overload=1, public=False,
        jvp=no_forward(name + "_"), self=refuse,
    )  # fmt: skip
    publish(name + "_", twin(row.row), method=True)
    forward.row.inplace = getattr(Tensor, name + "_")


for _name, _row in {"asinh": asinh, "acosh": acosh, "atanh": atanh}.items():
    _refuse_inplace(_name, _row)
for _name in ("sin", "cos", "tan", "sinh", "cosh", "tanh"):
    if _name in ("sin", "cos", "tan"):
        _inverse = {"sin": asin, "cos": acos, "tan": atan}[_name]
    else:
        _inverse = {"sinh": asinh, "cosh": acosh, "tanh": atanh}[_name]
    publish("arc" + _name, _inverse, method=True)
    publish("arc" + _name + "_", _inverse.row.inplace, method=True)


def _scaling(name: str, factor: float) -> Callable[[Tensor], Tensor]:
    text = f"{name} is not supported for complex tensors."
    return op(
        f"{name}(self)", lambda a: a * factor, promote="float", layout=copied, jvp=LINEAR, self=lambda g: g * factor,
        lacks=refused("c", RuntimeError, text),
    )  # fmt: skip


deg2rad, rad2deg = _scaling("deg2rad", math.pi / 180), _scaling("rad2deg", 180 / math.pi)


sigmoid = op("sigmoid(self)", accurate.sigmoid, promote="float", d=lambda out: out * (1 - out))


def _logit(a: Any, eps: float | None) -> Any:
    if eps is None:
        return special.logit(a)
    clipped = np.minimum(np.maximum(a, eps), 1 - eps)
    return special.logit(clipped.astype(a.dtype))


def _logit_vjp(g: Any, F: Any, self: Any, eps: float | None) -> Any:
    """g/(x(1-x)); nan outside [0, 1] without eps, 0 outside [eps, 1-eps] with it."""
    low, other = (0.0, math.nan) if eps is None else (eps, 0)
    outside = (self < low) | (self > 1 - low)
    return F.where(outside, other, g / F.where(outside, 1, self * (1 - self)))


logit_row = op(
    "logit(self, *, eps)", _logit, promote="float", public=False, jvp=POINTWISE, lacks=missing("logit_cpu", "c"),
    self=_logit_vjp,
)  # fmt: skip


@public(method=True)
def logit_(input: Tensor, eps: float | None = None) -> Tensor:
    """logit in place. Source: torch.logit_."""
    return write(logit_row.row, (input,), (eps,))


@public(method=True)
def logit(input: Tensor, eps: float | None = None) -> Tensor:
    """log(x/(1-x)), x first clamped to [eps, 1-eps] if eps is given. Source: torch.logit."""
    return logit_row(input, eps)


# sinc'(x) = π·s(πx) with s(u) = (u cos u - sin u)/u², whose power series serves near 0, where the quotient cancels.
SERIES = tuple((-1) ** k * 2 * k / math.factorial(2 * k + 1) for k in range(1, 10))


@formula
def sinc_derivative(F: Any, x: Any) -> Any:
    """The derivative of sin(πx)/(πx); accurate near 0, and so are its own derivatives there."""
    u = x * math.pi
    near = F.abs(u) < 1
    square, series = u * u, SERIES[-1]
    for coefficient in reversed(SERIES[:-1]):
        series = series * square + coefficient
    far = F.where(near, 1, u)
    return math.pi * F.where(near, u * series, (far * F.cos(far) - F.sin(far)) / (far * far))


sinc = op(
    "sinc(self)", lambda a: np.sinc(a).astype(a.dtype), promote="float", d=lambda F, self: F.sinc_derivative(self)
)


# Functions of two tensors.


def _turn(F: Any, y: Any, x: Any, top: Any) -> Any:
    """top/(x²+y²), 0 at the origin."""
    square = x * x + y * y
    origin = square == 0
    return F.where(origin, 0, top / F.where(origin, 1, square))


atan2_row = op(
    "atan2(self, other)", np.arctan2, promote="float", public=False, jvp=POINTWISE, lacks=missing("atan2_cpu", "c"),
    self=lambda g, F, self, other: g * _turn(F, self, other, other),
    other=lambda g, F, self, other: g * _turn(F, self, other, -self),
)  # fmt: skip
hypot_row = op(
    "hypot(self, other)", np.hypot, promote="numbers", public=False, jvp=POINTWISE,
    lacks=missing("hypot_cpu", "cib"),
    self=lambda g, self, out: g * (self / out), other=lambda g, other, out: g * (other / out),
)  # fmt: skip


@public(method=True)
def atan2(input: Tensor, other: Tensor) -> Tensor:
    """The angle of the point (other, input). Source: torch.atan2. Trap: its gradient at the origin is 0."""
    other_tensor("atan2", other)
    return atan2_row(input, other)


@public(method=True)
def hypot(input: Tensor, other: Tensor) -> Tensor:
    """The length of (input, other) without overflow. Source: torch.hypot. Trap: its gradient at the origin is nan."""
    other_tensor("hypot", other)
    return hypot_row(input, other)


publish("arctan2", atan2, method=True)
for _name, _row in {"atan2": atan2_row, "arctan2": atan2_row, "hypot": hypot_row}.items():
    publish(_name + "_", twin(_row.row), method=True, in_module=False)
