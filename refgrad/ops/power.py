"""Powers, roots, exponentials and logarithms.

pow has three rows, as in PyTorch: number exponent, tensor exponent, number base. Its derivatives at base 0 are the
mathematical ones, of every order: the singular factor is masked before it is computed, not after.
"""

from __future__ import annotations

import cmath
import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from .. import _dtypes as dtypes
from .._inplace import leaf_first, write
from .._interpreters import formula
from .._layout import pointwise, preserved
from .._modes import no_grad
from .._op import POINTWISE, op, public, publish
from .._overlap import check_expanded
from .._storage import is_expanded
from .._support import missing, refused
from .._tensor import Tensor
from ..return_types import named
from . import accurate
from .layout import as_dtype, lifted, other_tensor

LN2, LN10 = math.log(2), math.log(10)


def _exp2(a: Any) -> Any:
    return np.exp(a * LN2) if np.iscomplexobj(a) else np.exp2(a)


def _log2(a: Any) -> Any:
    return np.log(a) / LN2 if a.dtype.kind == "c" else np.log2(a)


def _log1p(a: Any) -> Any:
    # NumPy's of complex numbers is the logarithm of |1 + z|, which near 0 keeps no digit of the real part.
    return special.log1p(a) if a.dtype.kind == "c" else np.log1p(a)


exp = op("exp(self)", np.exp, promote="float", d=lambda out: out)
exp2 = op("exp2(self)", _exp2, promote="float", d=lambda out: out * LN2)
expm1 = op("expm1(self)", np.expm1, promote="float", d=lambda out: out + 1)


def _quotient(name: str, kernel: Callable[..., Any], divisor: Callable[..., Any]) -> Callable[..., Any]:
    """A function whose derivative is 1/divisor. The cotangent is divided by it: at a complex pole the reciprocal alone
    is a NaN in both parts, and so would be its product with anything."""
    wants = inspect.signature(divisor).parameters
    rule = {
        ("self",): lambda g, F, self: g / F.conj(divisor(self)),
        ("out",): lambda g, F, out: g / F.conj(divisor(out)),
    }[tuple(wants)]
    return op(f"{name}(self)", kernel, promote="float", jvp=POINTWISE, self=rule)


log = _quotient("log", np.log, lambda self: self)
log1p = _quotient("log1p", _log1p, lambda self: self + 1)
log2 = _quotient("log2", _log2, lambda self: self * LN2)
log10 = _quotient("log10", np.log10, lambda self: self * LN10)
sqrt = _quotient("sqrt", np.sqrt, lambda out: 2 * out)
rsqrt = op("rsqrt(self)", lambda a: 1 / np.sqrt(a), promote="float", d=lambda out: -0.5 * (out * out * out))
reciprocal = op(
    "reciprocal(self)", lambda a: a.dtype.type(1) / a, promote="float", d=lambda out: -out * out
)  # fmt: skip


# pow


def _flat_base(F: Any, x: Any, exponent: Any) -> Any:
    """Where x^exponent is the constant 1 whatever x: exponent 0 and a base at which the formula is singular."""
    return (exponent == 0) & ((x == 0) | (x != x))


@formula
def power_derivative(F: Any, x: Any, exponent: Any) -> Any:
    """exponent·x^(exponent-1), 0 for exponent 0 also where x is 0."""
    return exponent * F.pow_tensor(F.where(_flat_base(F, x, exponent), 1, x), exponent - 1)


@formula
def number_power_derivative(F: Any, x: Any, exponent: Any) -> Any:
    """exponent·x^(exponent-1) for a number."""
    return F.zeros_like(x) if exponent == 0 else exponent * F.pow_scalar(x, exponent - 1)


@formula
def power_log(F: Any, x: Any, exponent: Any, out: Any) -> Any:
    """out·log x, 0 where x is 0 and the exponent is not negative (0^y is constant there)."""
    return out * F.log(F.where((x == 0) & _not_negative(F, exponent), 1, x))


def _not_negative(F: Any, exponent: Any) -> Any:
    return (F.real_part(exponent) if F.is_complex(exponent) else exponent) >= 0


def _integer_power(a: Any, exponent: Any) -> Any:
    """Integer powers; a negative exponent gives what is left of 1/a^|exponent| when truncated."""
    negative = np.less(exponent, 0)
    if not np.any(negative):
        return np.power(a, exponent)
    unit = np.where(np.equal(a, 1), 1, np.where(np.equal(a, -1), 1 - 2 * (np.abs(exponent) % 2), 0))
    return np.where(negative, unit, np.power(a, np.where(negative, 0, exponent))).astype(np.result_type(a, exponent))


def _power(a: Any, exponent: Any) -> Any:
    kinds = {x.dtype.kind for x in (a, exponent) if hasattr(x, "dtype")}
    return _integer_power(a, exponent) if kinds <= {"i", "u"} else np.power(a, exponent)


SMALL_POWERS: dict[Any, Callable[[Any], Any]] = {
    2: np.square,
    3: lambda a: a * a * a,
    0.5: np.sqrt,
    -1: lambda a: 1 / a,
    -0.5: lambda a: 1 / np.sqrt(a),
    -2: lambda a: 1 / (a * a),
}


def _number_power(a: np.ndarray, exponent: Any) -> np.ndarray:
    a = lifted(a, exponent)
    if a.dtype.kind in "iu":
        if exponent < 0:
            raise RuntimeError("Integers to negative integer powers are not allowed.")
        return np.power(a, exponent)
    found = SMALL_POWERS.get(exponent)
    return found(a) if found else np.power(a, exponent)


def _base_power(exponent: np.ndarray, base: Any) -> np.ndarray:
    """A number to array powers; row-major whatever the exponent's strides, as in PyTorch."""
    exponent = lifted(exponent, base)
    return np.array(_power(as_dtype(exponent.dtype, base), exponent), order="C")


def _base_log(base: Any, is_complex: bool) -> Any:
    """The logarithm of a number base other than 0; nan for a negative one unless the power is complex."""
    if is_complex:
        return cmath.log(base)
    return math.log(base) if base > 0 else math.nan


def _base_vjp(g: Any, F: Any, self: Any, exponent: Any, out: Any) -> Any:
    if self == 0:
        return g * F.conj(out * F.where(_not_negative(F, exponent), 0.0, -math.inf))
    return g * F.conj(out * _base_log(self, F.is_complex(out)))


pow_scalar = op(
    "pow_scalar(self, *, exponent)", _number_power, promote="numbers", node="pow", public=False, jvp=POINTWISE,
    self=lambda g, F, self, exponent: g * F.conj(F.number_power_derivative(self, exponent)),
)  # fmt: skip
pow_tensor = op(
    "pow_tensor(self, exponent)", _power, promote="numbers", node="pow", overload=1, public=False, jvp=POINTWISE,
    lacks=missing("pow", "b"),
    self=lambda g, F, self, exponent: g * F.conj(F.power_derivative(self, exponent)),
    exponent=lambda g, F, self, exponent, out: g * F.conj(F.power_log(self, exponent, out)),
)  # fmt: skip
pow_base = op(
    "pow_base(exponent, *, self)", _base_power,
    node="pow", overload=2, public=False, jvp=POINTWISE, exponent=_base_vjp,
)  # fmt: skip


def _no_number_pair(name: str, a: Any, b: Any) -> None:
    if not isinstance(a, Tensor) and not isinstance(b, Tensor):
        raise TypeError(
            f"{name}() received an invalid combination of arguments - got ({type(a).__name__}, {type(b).__name__}), "
            "but expected at least one Tensor"
        )


def _number(given: Any) -> Any:
    return given.item() if isinstance(given, np.generic) else given


@public("pow", method=True)
def pow_(input: Any, exponent: Any) -> Tensor:
    """input to the power exponent, either a number or a tensor (not both numbers). Source: torch.pow.
    Trap: the gradient at base 0 and exponent 0 is 0 for both."""
    if isinstance(exponent, Tensor):
        return pow_tensor(input, exponent) if isinstance(input, Tensor) else pow_base(exponent, _number(input))
    _no_number_pair("pow", input, exponent)
    return pow_scalar(input, _number(exponent))


@public(method=True)
def square(input: Tensor) -> Tensor:
    """input². Source: torch.square."""
    return pow_scalar(input, 2)


def _pow_inplace(self: Tensor, exponent: Any) -> Tensor:
    if isinstance(exponent, Tensor):
        return write(pow_tensor.row, (self, exponent), ())
    return write(pow_scalar.row, (self,), (_number(exponent),))


publish("pow_", _pow_inplace, method=True, in_module=False)
publish("square_", lambda self: write(pow_scalar.row, (self,), (2,)), method=True)


def _widest(*given: Any) -> dtypes.dtype:
    category = max(x.dtype.category if isinstance(x, Tensor) else dtypes.scalar_dtype(x).category for x in given)
    return dtypes.complex128 if category == dtypes.COMPLEX else dtypes.float64


@public(method=True)
def float_power(input: Any, exponent: Any) -> Tensor:
    """input^exponent in float64 or complex128. Source: torch.float_power."""
    _no_number_pair("float_power", input, exponent)
    wide = _widest(input, exponent)
    return pow_(*[x.to(wide) if isinstance(x, Tensor) else x for x in (input, exponent)])


def _float_power_inplace(self: Tensor, exponent: Any) -> Tensor:
    wide = _widest(self, exponent)
    if self.dtype is not wide:
        raise RuntimeError(
            f"the base given to float_power_ has dtype {dtypes.SCALAR_NAMES[self.dtype]} but the operation's result "
            f"requires dtype {dtypes.SCALAR_NAMES[wide]}"
        )
    return _pow_inplace(self, exponent.to(wide) if isinstance(exponent, Tensor) else exponent)


publish("float_power_", _float_power_inplace, method=True, in_module=False)

# Sums of exponentials, products with logarithms.


def _logaddexp(a: Any, b: Any) -> Any:
    if np.result_type(a, b).kind != "c":
        return np.logaddexp(a, b)
    larger, smaller = np.where(a.real >= b.real, a, b), np.where(a.real >= b.real, b, a)
    return larger + np.log1p(np.exp(smaller - larger))


# sigmoid's own derivative, out · (1 - out), loses what out is short of 1; a second derivative shows it.
logistic_row = op(
    "logistic(self)",
    accurate.sigmoid,
    promote="float",
    public=False,
    d=lambda F, self: F.logistic(self) * F.logistic(-self),
)
logaddexp_row = op(
    "logaddexp(self, other)", _logaddexp, promote="numbers", public=False, jvp=POINTWISE,
    lacks=missing("logaddexp_cpu", "ib"),
    self=lambda g, F, self, other: g * F.conj(F.logistic(self - other)),
    other=lambda g, F, self, other: g * F.conj(F.logistic(other - self)),
)  # fmt: skip
logaddexp2_row = op(
    "logaddexp2(self, other)", np.logaddexp2, promote="numbers", public=False, jvp=POINTWISE,
    lacks=missing("logaddexp2_cpu", "cib"),
    self=lambda g, F, self, other: g * F.logistic((self - other) * LN2),
    other=lambda g, F, self, other: g * F.logistic((other - self) * LN2),
)  # fmt: skip


@public(method=True)
def logaddexp(input: Tensor, other: Tensor) -> Tensor:
    """log(exp(input) + exp(other)) without overflow. Source: torch.logaddexp."""
    other_tensor("logaddexp", other)
    return logaddexp_row(input, other)


@public(method=True)
def logaddexp2(input: Tensor, other: Tensor) -> Tensor:
    """log2(2^input + 2^other) without overflow. Source: torch.logaddexp2."""
    other_tensor("logaddexp2", other)
    return logaddexp2_row(input, other)


def _ldexp_rows(name: str, kernel: Callable[..., Any]) -> Callable[..., Any]:
    return op(
        f"{name}(self, other)", kernel, promote="float", node="ldexp", public=False, layout=_times_power, jvp=POINTWISE,
        self=lambda g, F, other: g * F.conj(F.exp2(other)), other=lambda g, F, out: g * F.conj(out * LN2),
    )  # fmt: skip


def _by_whole_power(a: Any, exponent: Any) -> Any:
    """a·2^exponent for whole exponents, finite also where the power alone is not."""
    return np.ldexp(a, np.clip(exponent, -4096, 4096).astype(np.int32))


def _times_power(result: np.ndarray, operands: Any) -> np.ndarray:
    """The power is a tensor of its own, row-major except in float64; the product is laid out as any other."""
    first, exponent = operands
    return pointwise(result, operands if exponent.dtype == np.float64 else (first, np.empty(exponent.shape)))


ldexp_row = _ldexp_rows("ldexp", lambda a, exponent: a * _exp2(np.asarray(exponent)))
# A whole exponent never gets a gradient, but its part of a tangent depends on the other operand.
ldexp_whole_row = _ldexp_rows("ldexp_whole", _by_whole_power)


def _ldexp_row(input: Tensor, other: Any) -> Callable[..., Tensor]:
    other_tensor("ldexp", other)
    if not input.is_floating_point() or other.is_floating_point() or other.is_complex():
        return ldexp_row
    if other.dtype is dtypes.bool_:
        raise NotImplementedError("\"ldexp_cpu_exp\" not implemented for 'Bool'")
    return ldexp_whole_row


@public(method=True)
def ldexp(input: Tensor, other: Tensor) -> Tensor:
    """input·2^other. Source: torch.ldexp."""
    return _ldexp_row(input, other)(input, other)


@leaf_first
def _write_ldexp(self: Tensor, other: Tensor) -> Tensor:
    if is_expanded(self._array):
        check_expanded("ldexp")
    row = _ldexp_row(self, other).row
    if self._cell is None:
        with no_grad():  # PyTorch writes, and refuses then, without saving anything
            return write(row, (self, other), ())
    return write(row, (self, other), ())


def _ldexp_inplace(self: Tensor, other: Any) -> Tensor:
    other_tensor("ldexp_", other, position=1)
    return _write_ldexp(self, other)


publish("ldexp_", _ldexp_inplace, method=True)


frexp_result = named("frexp", "mantissa", "exponent")


def _frexp(a: Any) -> Any:
    mantissa, exponent = np.frexp(a)
    return mantissa, np.where(np.isfinite(a), exponent, 0).astype(np.int32)


frexp_row = op(
    "frexp(self) -> mantissa, exponent!", _frexp, public=False, layout=preserved,
    lacks=refused("cib", RuntimeError, "torch.frexp() only supports floating-point dtypes"),
    jvp=lambda F, x, t, attributes, out: [t[0] / F.exp2(out[1]), None],
    self=lambda g_mantissa, F, exponent: g_mantissa / F.exp2(exponent),
)  # fmt: skip


@public(method=True)
def frexp(input: Tensor) -> Any:
    """input as mantissa·2^exponent with |mantissa| in [1/2, 1). Source: torch.frexp."""
    return frexp_result(*frexp_row(input))
