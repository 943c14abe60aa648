"""Functions of single elements."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .space import alike


def _add(np: Any, x: Any, y: Any, alpha: float = 1) -> Any:
    x, y = alike(np, x, y)
    return np.add(x, y) if alpha == 1 else np.add(x, alpha * y)


def _subtract(np: Any, x: Any, y: Any, alpha: float = 1) -> Any:
    x, y = alike(np, x, y)
    return np.subtract(x, y) if alpha == 1 else np.subtract(x, alpha * y)


def _lerp(np: Any, x: Any, y: Any, weight: Any) -> Any:
    return x + weight * (y - x)


def _clip(np: Any, x: Any, min: Any = None, max: Any = None) -> Any:
    return np.clip(x, min, max)


def _divide_rounded(np: Any, x: Any, y: Any, rounding_mode: str) -> Any:
    x, y = alike(np, x, y)
    return np.floor_divide(x, y) if rounding_mode == "floor" else np.trunc(np.true_divide(x, y))


def _round(np: Any, x: Any, decimals: int) -> Any:
    return np.round(x, decimals)


def _sgn(np: Any, x: Any) -> Any:
    return np.sign(x)


def _nan_to_num(np: Any, x: Any, nan: float | None = None, posinf: float | None = None) -> Any:
    return np.nan_to_num(x, nan=nan or 0.0, posinf=posinf)


UNARY: dict[str, Callable[..., Any]] = {
    "sin": lambda np, x: np.sin(x),
    "cos": lambda np, x: np.cos(x),
    "tan": lambda np, x: np.tan(x),
    "asin": lambda np, x: np.arcsin(x),
    "acos": lambda np, x: np.arccos(x),
    "atan": lambda np, x: np.arctan(x),
    "sinh": lambda np, x: np.sinh(x),
    "cosh": lambda np, x: np.cosh(x),
    "tanh": lambda np, x: np.tanh(x),
    "asinh": lambda np, x: np.arcsinh(x),
    "acosh": lambda np, x: np.arccosh(x),
    "atanh": lambda np, x: np.arctanh(x),
    "sinc": lambda np, x: np.sinc(x),
    "exp": lambda np, x: np.exp(x),
    "exp2": lambda np, x: np.exp2(x),
    "expm1": lambda np, x: np.expm1(x),
    "log": lambda np, x: np.log(x),
    "log2": lambda np, x: np.log2(x),
    "log10": lambda np, x: np.log10(x),
    "log1p": lambda np, x: np.log1p(x),
    "sqrt": lambda np, x: np.sqrt(x),
    "rsqrt": lambda np, x: 1 / np.sqrt(x),
    "square": lambda np, x: np.square(x),
    "reciprocal": lambda np, x: np.reciprocal(x),
    "neg": lambda np, x: np.negative(x),
    "positive": lambda np, x: np.positive(x),
    "abs": lambda np, x: np.abs(x),
    "sign": lambda np, x: np.sign(x),
    "sgn": _sgn,
    "floor": lambda np, x: np.floor(x),
    "ceil": lambda np, x: np.ceil(x),
    "trunc": lambda np, x: np.trunc(x),
    "round": lambda np, x: np.round(x),
    "round.decimals": _round,
    "frac": lambda np, x: x - np.trunc(x),
    "deg2rad": lambda np, x: np.deg2rad(x),
    "rad2deg": lambda np, x: np.rad2deg(x),
    "sigmoid": lambda np, x: 1 / (1 + np.exp(-x)),
    "isnan": lambda np, x: np.isnan(x),
    "isinf": lambda np, x: np.isinf(x),
    "isfinite": lambda np, x: np.isfinite(x),
    "logical_not": lambda np, x: np.logical_not(x),
    "zeros_like": lambda np, x: np.zeros_like(x),
    "ones_like": lambda np, x: np.ones_like(x),
    "clone": lambda np, x: 1 * x,
    "nan_to_num": _nan_to_num,
    "clamp": _clip,
    "clamp_min": lambda np, x, min: np.clip(x, min, None),
    "clamp_max": lambda np, x, max: np.clip(x, None, max),
    "clamp.tensors": lambda np, x, low, high: np.clip(x, low, high),
}
BINARY: dict[str, Callable[..., Any]] = {
    "mul": lambda np, x, y: np.multiply(*alike(np, x, y)),
    "div": lambda np, x, y: np.true_divide(*alike(np, x, y)),
    "pow": lambda np, x, y: np.power(*alike(np, x, y)),
    "true_divide": lambda np, x, y: np.true_divide(*alike(np, x, y)),
    "float_power": lambda np, x, y: np.float_power(x, y),
    "maximum": lambda np, x, y: np.maximum(*alike(np, x, y)),
    "minimum": lambda np, x, y: np.minimum(*alike(np, x, y)),
    "fmax": lambda np, x, y: np.fmax(*alike(np, x, y)),
    "fmin": lambda np, x, y: np.fmin(*alike(np, x, y)),
    "fmod": lambda np, x, y: np.fmod(*alike(np, x, y)),
    "remainder": lambda np, x, y: np.remainder(*alike(np, x, y)),
    "atan2": lambda np, x, y: np.arctan2(*alike(np, x, y)),
    "hypot": lambda np, x, y: np.hypot(x, y),
    "copysign": lambda np, x, y: np.copysign(*alike(np, x, y)),
    "nextafter": lambda np, x, y: np.nextafter(x, y),
    "logaddexp": lambda np, x, y: np.logaddexp(x, y),
    "logaddexp2": lambda np, x, y: np.logaddexp2(x, y),
    "gt": lambda np, x, y: np.greater(*alike(np, x, y)),
    "ge": lambda np, x, y: np.greater_equal(*alike(np, x, y)),
    "lt": lambda np, x, y: np.less(*alike(np, x, y)),
    "le": lambda np, x, y: np.less_equal(*alike(np, x, y)),
    "eq": lambda np, x, y: np.equal(*alike(np, x, y)),
    "ne": lambda np, x, y: np.not_equal(*alike(np, x, y)),
    "logical_and": lambda np, x, y: np.logical_and(x, y),
    "logical_or": lambda np, x, y: np.logical_or(x, y),
    "logical_xor": lambda np, x, y: np.logical_xor(x, y),
    "add": _add,
    "sub": _subtract,
    "rsub": lambda np, x, y, alpha=1: _subtract(np, y, x, alpha),
    "div.rounded": _divide_rounded,
    "__radd__": lambda np, x, y: _add(np, y, x),
    "__rmul__": lambda np, x, y: np.multiply(*alike(np, y, x)),
    "__rsub__": lambda np, x, y: _subtract(np, y, x),
    "__rdiv__": lambda np, x, y: np.true_divide(*alike(np, y, x)),
    "__rpow__": lambda np, x, y: np.power(*alike(np, y, x)),
    "__rmod__": lambda np, x, y: np.remainder(*alike(np, y, x)),
}
TERNARY: dict[str, Callable[..., Any]] = {
    "where": lambda np, c, x, y: np.where(c, *alike(np, x, y)),
    "addcmul": lambda np, x, a, b, value=1: x + value * a * b,
    "addcdiv": lambda np, x, a, b, value=1: x + value * a / b,
    "lerp": _lerp,
    "lerp.tensor": _lerp,
}
COMPLEX: dict[str, Callable[..., Any]] = {
    "angle": lambda np, x: np.angle(x),
    "conj": lambda np, x: np.conj(x),
    "conj_physical": lambda np, x: np.conj(x),
    "real": lambda np, x: np.real(x),
    "imag": lambda np, x: np.imag(x),
    "complex": lambda np, x, y: x + 1j * y,
    "polar": lambda np, r, t: r * np.cos(t) + 1j * (r * np.sin(t)),
    "view_as_real": lambda np, x: np.stack([np.real(x), np.imag(x)], -1),
    "view_as_complex": lambda np, x: x[..., 0] + 1j * x[..., 1],
    "half": lambda np, x, memory_format=None: np.cast(x, "float16"),
    "float": lambda np, x, memory_format=None: np.cast(x, "float32"),
    "double": lambda np, x, memory_format=None: np.cast(x, "float64"),
    "cfloat": lambda np, x, memory_format=None: np.cast(x, "complex64"),
    "cdouble": lambda np, x, memory_format=None: np.cast(x, "complex128"),
}
TABLE = UNARY | BINARY | TERNARY | COMPLEX
