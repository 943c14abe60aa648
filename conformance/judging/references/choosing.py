"""Definitions of what picks the least or the greatest, of functions with pieces, and of what is put into a part."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np

from . import REFERENCES, elementwise, reference

_UNARY = {
    "nn.functional.relu6": lambda x: min(max(x, 0), 6) * mpmath.mpf(1),
    "nn.functional.mish": lambda x: x * mpmath.tanh(mpmath.log1p(mpmath.exp(x))),
    "nn.functional.logsigmoid": lambda x: -mpmath.log1p(mpmath.exp(-x)),
    "nn.functional.softsign": lambda x: x / (1 + abs(x)),
    "nn.functional.hardswish": lambda x: x * min(max(x + 3, 0), 6) / 6,
    "special.entr": lambda x: -x * mpmath.log(x) if x > 0 else mpmath.mpf(0) if x == 0 else -mpmath.inf,
    "deg2rad": lambda x: x * mpmath.pi / 180,
    "rad2deg": lambda x: x * 180 / mpmath.pi,
}
for _name, _function in _UNARY.items():
    REFERENCES[_name] = elementwise(_function)
_BINARY = {
    "fmax": lambda x, y: y if mpmath.isnan(x) else x if mpmath.isnan(y) else max(x, y),
    "fmin": lambda x, y: y if mpmath.isnan(x) else x if mpmath.isnan(y) else min(x, y),
    "xlogy": lambda x, y: mpmath.mpf("nan") if mpmath.isnan(y) else x * mpmath.log(y) if x else x * 0,
    "special.xlog1py": lambda x, y: mpmath.mpf("nan") if mpmath.isnan(y) else x * mpmath.log1p(y) if x else x * 0,
}
for _name, _pair in _BINARY.items():
    REFERENCES[_name] = elementwise(_pair, 2)


@reference("clamp_min")
def _clamp_min(x: Any, min: Any) -> Any:
    return REFERENCES["maximum"](x, min)


@reference("clamp_max")
def _clamp_max(x: Any, max: Any) -> Any:
    return REFERENCES["minimum"](x, max)


@reference("lerp", "lerp.tensor")
def _lerp(x: Any, y: Any, weight: Any) -> Any:
    return x + weight * (y - x)


@reference("addcmul")
def _addcmul(x: Any, a: Any, b: Any, value: Any = 1) -> Any:
    return x + value * a * b


@reference("addcdiv")
def _addcdiv(x: Any, a: Any, b: Any, value: Any = 1) -> Any:
    return x + value * a / b


@reference("amin")
def _amin(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    return -REFERENCES["amax"](-x, dim, keepdim)


@reference("max")
def _max(x: Any) -> Any:
    return REFERENCES["amax"](x)


@reference("min")
def _min(x: Any) -> Any:
    return _amin(x)


@reference("aminmax")
def _aminmax(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    return _amin(x, dim, keepdim), REFERENCES["amax"](x, dim, keepdim)


@reference("min.dim")
def _min_dim(x: Any, dim: int = 0, keepdim: bool = False) -> Any:
    values, index = REFERENCES["max.dim"](-x, dim, keepdim)
    return -values, index


@reference("kthvalue")
def _kthvalue(x: Any, k: int, dim: int = -1, keepdim: bool = False) -> Any:
    return _picked(x, dim, keepdim, lambda row: sorted(range(len(row)), key=lambda i: row[i])[k - 1])


@reference("mode")
def _mode(x: Any, dim: int = -1, keepdim: bool = False) -> Any:
    """The least of the values that are there most often."""
    return _picked(x, dim, keepdim, lambda row: min(range(len(row)), key=lambda i: (-list(row).count(row[i]), row[i])))


def _picked(x: Any, dim: int, keepdim: bool, pick: Callable[[Any], int]) -> Any:
    """One element of each row along a dimension, and its place."""
    if not x.ndim:
        return x, np.asarray(0, dtype=object)
    rows = np.moveaxis(x, dim, -1)
    places = np.empty(rows.shape[:-1], dtype=object)
    for place in np.ndindex(*places.shape):
        places[place] = pick(rows[place])
    chosen = np.take_along_axis(rows, places.astype(np.int64)[..., None], -1)[..., 0]
    made = (np.asarray(chosen, dtype=object), np.asarray(places, dtype=object))
    return tuple(np.expand_dims(part, dim) for part in made) if keepdim else made


@reference("select_scatter")
def _select_scatter(x: Any, src: Any, dim: int, index: int) -> Any:
    made = np.moveaxis(x, dim, 0).copy()
    made[index] = src[()]
    return np.moveaxis(made, 0, dim)


@reference("slice_scatter")
def _slice_scatter(x: Any, src: Any, dim: int = 0, start: Any = None, end: Any = None, step: int = 1) -> Any:
    made = np.moveaxis(x, dim, 0).copy()
    made[start:end:step] = np.moveaxis(src, dim, 0)
    return np.moveaxis(made, 0, dim)


@reference("diagonal_scatter")
def _diagonal_scatter(x: Any, src: Any, offset: int = 0) -> Any:
    made = x.copy()
    for k, value in enumerate(src):
        made[k + max(-offset, 0), k + max(offset, 0)] = value
    return made


@reference("outer")
def _outer(x: Any, y: Any) -> Any:
    return np.multiply.outer(x, y)


@reference("nn.functional.linear")
def _linear(x: Any, weight: Any, bias: Any = None) -> Any:
    made = np.matmul(x, weight.T)
    return made if bias is None else made + bias


@reference("all")
def _all(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    return REFERENCES["prod"](elementwise(lambda v: mpmath.mpf(v != 0))(x), dim, keepdim)


@reference("any")
def _any(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    return 1 - _all(elementwise(lambda v: mpmath.mpf(v == 0))(x), dim, keepdim)


@reference("nn.functional.selu")
def _selu(x: Any) -> Any:
    scale, alpha = mpmath.mpf("1.0507009873554804934193349852946"), mpmath.mpf("1.6732632423543772848170429916717")
    return elementwise(lambda v: scale * (v if v > 0 else alpha * mpmath.expm1(v)))(x)


@reference("complex")
def _complex(real: Any, imaginary: Any) -> Any:
    return elementwise(mpmath.mpc, 2)(real, imaginary)


@reference("view_as_complex")
def _view_as_complex(x: Any) -> Any:
    return _complex(x[..., 0], x[..., 1])


@reference("view_as_real")
def _view_as_real(z: Any) -> Any:
    return np.stack([REFERENCES["real"](z), REFERENCES["imag"](z)], -1)
