"""Arithmetic and pointwise functions of one and two tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _dtypes as dtypes
from .._inplace import write
from .._op import LINEAR, MULTILINEAR, op, public, publish
from .._tensor import Tensor

NUMBERS = (bool, int, float, complex)

neg = op("neg(self)", np.negative, promote="numbers", exact=True, jvp=LINEAR, self=lambda g: -g)
exp = op("exp(self)", np.exp, promote="float", d=lambda out: out)
log = op("log(self)", np.log, promote="float", d=lambda self: 1 / self)
sin = op("sin(self)", np.sin, promote="float", d=lambda F, self: F.cos(self))
cos = op("cos(self)", np.cos, promote="float", d=lambda F, self: -F.sin(self))
tanh = op("tanh(self)", np.tanh, promote="float", d=lambda out: 1 - out * out)
sqrt = op("sqrt(self)", np.sqrt, promote="float", d=lambda out: 1 / (2 * out))

add_row = op(
    "add(self, other)", np.add, promote="numbers", public=False, jvp=LINEAR, self=lambda g: g, other=lambda g: g
)
sub_row = op("sub(self, other)", np.subtract, promote="numbers", public=False, jvp=LINEAR, self=lambda g: g, other=lambda g: -g)  # fmt: skip
rsub_row = op(
    "rsub(self, other)", lambda a, b: np.subtract(b, a), promote="numbers", public=False, overload=1, jvp=LINEAR,
    self=lambda g: -g, other=lambda g: g,
)  # fmt: skip
mul = op(
    "mul(self, other)", np.multiply, promote="numbers", jvp=MULTILINEAR,
    self=lambda g, F, other: g * F.conj(other), other=lambda g, F, self: g * F.conj(self),
)  # fmt: skip
div_row = op(
    "div(self, other)", np.true_divide, promote="float", public=False,
    jvp=lambda F, x, t, attrs, out: _quotient_jvp(x, t, out[0]),
    self=lambda g, F, other: g / F.conj(other),
    other=lambda g, F, self, other: -g * F.conj((self / other) / other),
)  # fmt: skip


def _quotient_jvp(x: Any, t: Any, out: Any) -> Any:
    """d(a/b) = (da - out·db)/b."""
    top = t[0] if t[1] is None else (-(out * t[1]) if t[0] is None else t[0] - out * t[1])
    return top / x[1]


@public(method=True)
def add(input: Any, other: Any, *, alpha: Any = 1) -> Tensor:
    """input + alpha·other, broadcast and promoted. Source: torch.add."""
    return add_row(input, other if alpha == 1 else mul(other, alpha))


@public(method=True)
def sub(input: Any, other: Any, *, alpha: Any = 1) -> Tensor:
    """input - alpha·other. Source: torch.sub. Raises RuntimeError for two bool tensors."""
    if (
        isinstance(input, Tensor)
        and input.dtype is dtypes.bool_
        and (isinstance(other, bool) or getattr(other, "dtype", None) is dtypes.bool_)
    ):
        raise RuntimeError(
            "Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or `logical_xor()` operator instead."
        )
    return sub_row(input, other if alpha == 1 else mul(other, alpha))


@public(method=True)
def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """input / other; integers divide to the default floating dtype. Source: torch.div."""
    return div_row(input, other)


def _inplace_scaled(row: Any) -> Any:
    def call(self: Tensor, other: Any, *, alpha: Any = 1) -> Tensor:
        return write(row.row, (self, other if alpha == 1 else mul(other, alpha)), ())

    return call


publish("add_", _inplace_scaled(add_row), method=True, in_module=False)
publish("sub_", _inplace_scaled(sub_row), method=True, in_module=False)
publish("div_", lambda self, other: write(div_row.row, (self, other), ()), method=True, in_module=False)

# pow has three rows, as in PyTorch: number exponent, tensor exponent, number base.


def _power_derivative(F: Any, x: Any, exponent: Any) -> Any:
    """exponent·x^(exponent-1); zero for exponent 0, also where x is 0."""
    if not isinstance(exponent, NUMBERS):
        return F.where(exponent == 0, 0, exponent * F.pow_tensor(x, exponent - 1))
    return F.zeros_like(x) if exponent == 0 else exponent * F.pow_scalar(x, exponent - 1)


def _exponent_vjp(g: Any, F: Any, x: Any, exponent: Any, out: Any) -> Any:
    """g·conj(out·log x), zero where x is 0 and the exponent is not negative (0^y is constant there)."""
    flat = (x == 0) & (exponent >= 0) if not F.is_complex(exponent) else (x == 0) & (F.real(exponent) >= 0)
    return F.where(flat, 0, g * F.conj(out * F.log(x)))


def _number_power(a: np.ndarray, exponent: Any) -> np.ndarray:
    if a.dtype.kind in "iu" and type(exponent) is int and exponent < 0:
        raise RuntimeError("Integers to negative integer powers are not allowed.")
    return a * a if exponent == 2 else np.power(a, exponent)


pow_scalar = op(
    "pow_scalar(self, exponent)", _number_power, promote="numbers", node="pow", public=False,
    self=lambda g, F, self, exponent: g * F.conj(_power_derivative(F, self, exponent)),
)  # fmt: skip
pow_tensor = op(
    "pow_tensor(self, exponent)", np.power, promote="numbers", node="pow", overload=1, public=False,
    self=lambda g, F, self, exponent: g * F.conj(_power_derivative(F, self, exponent)),
    exponent=lambda g, F, self, exponent, out: _exponent_vjp(g, F, self, exponent, out),
)  # fmt: skip
pow_base = op(
    "pow_base(self, exponent)", np.power, promote="numbers", node="pow", overload=2, public=False,
    exponent=lambda g, F, self, exponent, out: _exponent_vjp(g, F, self, exponent, out),
)  # fmt: skip


@public("pow", method=True)
def pow_(input: Any, exponent: Any) -> Tensor:
    """input to the power exponent, either a number or a tensor (not both numbers). Source: torch.pow.
    Trap: the gradient at base 0 and exponent 0 is 0 for both."""
    if isinstance(exponent, Tensor):
        return (pow_tensor if isinstance(input, Tensor) else pow_base)(input, exponent)
    return pow_scalar(input, exponent)


publish("pow_", lambda self, exponent: write((pow_tensor if isinstance(exponent, Tensor) else pow_scalar).row, (self, exponent), ()), method=True, in_module=False)  # fmt: skip

where_row = op(
    "where(condition, self, other)", np.where, exact=True, public=False, jvp=LINEAR,
    self=lambda g, F, condition: F.where(condition, g, 0), other=lambda g, F, condition: F.where(condition, 0, g),
)  # fmt: skip

for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    _ufunc = {
        "eq": "equal",
        "ne": "not_equal",
        "lt": "less",
        "le": "less_equal",
        "gt": "greater",
        "ge": "greater_equal",
    }[_name]
    globals()[_name] = op(f"{_name}(self, other) -> out!", getattr(np, _ufunc), promote="numbers", exact=True)

bitwise_and = op("bitwise_and(self, other) -> out!", np.bitwise_and, promote="numbers", exact=True)
bitwise_or = op("bitwise_or(self, other) -> out!", np.bitwise_or, promote="numbers", exact=True)
bitwise_xor = op("bitwise_xor(self, other) -> out!", np.bitwise_xor, promote="numbers", exact=True)
bitwise_not = op("bitwise_not(self) -> out!", np.invert, promote="numbers", exact=True)
