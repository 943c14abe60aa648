"""Reference definitions of operators in high precision: NumPy object arrays of mpmath numbers.

Written from the definitions, so that the arbiter needs no engine. NumPy's own arithmetic, reductions, matmul and
movement work on object arrays; only transcendental functions go through mpmath, element by element.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np

from ...programs.program import Slice
from .lanes import reduced, squares

Reference = Callable[..., Any]
REFERENCES: dict[str, Reference] = {}
DIGITS = 60


class NoReference(LookupError):
    """The operator, or this use of it, has no definition here."""


def reference(*names: str) -> Callable[[Reference], Reference]:
    """Registers a definition under operator names. Raises ValueError for a name that has one."""
    if taken := REFERENCES.keys() & names:
        raise ValueError(f"defined twice: {', '.join(sorted(taken))}")

    def register(function: Reference) -> Reference:
        REFERENCES.update(dict.fromkeys(names, function))
        return function

    return register


def elementwise(function: Callable[..., Any], inputs: int = 1) -> Reference:
    """An mpmath function over arrays that broadcast."""
    lifted = np.frompyfunc(function, inputs, 1)

    def apply(*args: Any) -> np.ndarray:
        return np.asarray(lifted(*args), dtype=object)

    return apply


def _log(x: Any) -> Any:
    return mpmath.log(x) if x != 0 else -mpmath.inf


def _relu(x: Any) -> Any:
    return x if x > 0 else x * 0


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + mpmath.exp(-x))


def _sign(x: Any) -> Any:
    return mpmath.sign(x)


def _atan2(y: Any, x: Any) -> Any:
    return mpmath.atan2(y, x)


def _gelu(x: Any) -> Any:
    return x * mpmath.ncdf(x)


_SAME_NAME = (
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "sinh",
    "cosh",
    "tanh",
    "asinh",
    "acosh",
    "atanh",
    "exp",
    "expm1",
    "log1p",
    "sqrt",
    "floor",
    "ceil",
    "erf",
    "erfc",
    "digamma",
)
_UNARY: dict[str, Callable[[Any], Any]] = {
    **{name: getattr(mpmath, name) for name in _SAME_NAME},
    "log": _log,
    "log2": lambda x: mpmath.log(x, 2),
    "log10": mpmath.log10,
    "exp2": lambda x: mpmath.mpf(2) ** x,
    "rsqrt": lambda x: 1 / mpmath.sqrt(x),
    "reciprocal": lambda x: 1 / x,
    "square": lambda x: x * x,
    "lgamma": lambda x: mpmath.log(abs(mpmath.gamma(x))),
    "abs": abs,
    "neg": lambda x: -x,
    "relu": _relu,
    "nn.functional.relu": _relu,
    "sigmoid": _sigmoid,
    "nn.functional.silu": lambda x: x * _sigmoid(x),
    "nn.functional.hardsigmoid": lambda x: min(max(x / 6 + mpmath.mpf(1) / 2, 0), 1),
    "sign": _sign,
    "trunc": lambda x: mpmath.floor(x) if x > 0 else mpmath.ceil(x),
    "conj": mpmath.conj,
    "real": mpmath.re,
    "imag": mpmath.im,
    "angle": mpmath.arg,
}
for _name, _function in _UNARY.items():
    REFERENCES[_name] = elementwise(_function)
for _name, _function in {
    "mul": lambda x, y: x * y,
    "div": lambda x, y: x / y,
    "maximum": max,
    "minimum": min,
    "atan2": _atan2,
    "hypot": mpmath.hypot,
    "ldexp": lambda x, y: x * mpmath.mpf(2) ** (int(y) if isinstance(y, np.integer) else y),
    "polar": lambda r, angle: mpmath.mpc(r * mpmath.cos(angle), r * mpmath.sin(angle)),
    "gt": lambda x, y: x > y,
    "lt": lambda x, y: x < y,
    "ge": lambda x, y: x >= y,
    "le": lambda x, y: x <= y,
    "eq": lambda x, y: x == y,
    "ne": lambda x, y: x != y,
}.items():
    REFERENCES[_name] = elementwise(_function, 2)


@reference("add")
def _add(x: Any, y: Any, alpha: Any = 1) -> Any:
    return x + alpha * y


@reference("sub")
def _sub(x: Any, y: Any, alpha: Any = 1) -> Any:
    return x - alpha * y


@reference("pow")
def _pow(x: Any, y: Any) -> Any:
    return elementwise(lambda a, b: mpmath.power(a, b), 2)(x, y)


@reference("where")
def _where(condition: Any, x: Any, y: Any) -> Any:
    return np.where(np.asarray(condition, dtype=bool), x, y)


def _axes(x: np.ndarray, dim: Any) -> tuple[int, ...]:
    if x.ndim == 0:
        return ()
    dims = range(x.ndim) if dim is None or dim == () else (dim,) if isinstance(dim, int) else dim
    return tuple(d % x.ndim for d in dims)


def _count(x: np.ndarray, axes: tuple[int, ...]) -> int:
    total = 1
    for d in axes:
        total *= x.shape[d]
    return total


@reference("sum", "sum.dim")
def _sum(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    return reduced(mpmath.fsum, x, _axes(x, dim), keepdim)


@reference("mean", "mean.dim")
def _mean(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    return np.asarray(_sum(x, dim, keepdim) / mpmath.mpf(_count(x, _axes(x, dim))), dtype=object)


@reference("prod", "prod.dim")
def _prod(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    return np.prod(x, axis=_axes(x, dim), keepdims=keepdim, initial=mpmath.mpf(1))


@reference("var", "var.dim")
def _var(x: Any, dim: Any = None, keepdim: bool = False, correction: int = 1) -> Any:
    return _over(reduced(squares, x, _axes(x, dim), keepdim), _count(x, _axes(x, dim)) - correction)


def _over(sums: Any, freedom: float) -> np.ndarray:
    """Sums of squares over the degrees of freedom; without any there is no variance, nor a derivative of it."""
    if freedom > 0:
        return np.asarray(sums / mpmath.mpf(freedom), dtype=object)
    return np.asarray(elementwise(lambda _: mpmath.mpf("nan"))(sums), dtype=object)


@reference("std", "std.dim")
def _std(x: Any, **options: Any) -> Any:
    return REFERENCES["sqrt"](_var(x, **options))


@reference("var_mean", "var_mean.dim")
def _var_mean(x: Any, correction: int = 1, **where: Any) -> Any:
    return _var(x, correction=correction, **where), _mean(x, **where)


@reference("std_mean", "std_mean.dim")
def _std_mean(x: Any, correction: int = 1, **where: Any) -> Any:
    return _std(x, correction=correction, **where), _mean(x, **where)


@reference("logsumexp")
def _logsumexp(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    return REFERENCES["log"](_sum(REFERENCES["exp"](x), dim, keepdim))


@reference("amax")
def _amax(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    return np.max(x, axis=_axes(x, dim), keepdims=keepdim)


@reference("max.dim")
def _max_dim(x: Any, dim: int = 0, keepdim: bool = False) -> Any:
    if x.ndim == 0:
        return x, np.zeros((), object)
    index = np.argmax(x, axis=dim, keepdims=True)
    values = np.take_along_axis(x, index, dim)
    return (values, index) if keepdim else (np.squeeze(values, dim), np.squeeze(index, dim))


@reference("cumsum")
def _cumsum(x: Any, dim: int = 0) -> Any:
    return np.cumsum(x, axis=dim) if x.ndim else x


@reference("cumprod")
def _cumprod(x: Any, dim: int = 0) -> Any:
    return np.cumprod(x, axis=dim) if x.ndim else x


@reference("softmax", "nn.functional.softmax")
def _softmax(x: Any, dim: int = 0) -> Any:
    grown = REFERENCES["exp"](x)
    return grown / _sum(grown, dim, True)


@reference("log_softmax", "nn.functional.log_softmax")
def _log_softmax(x: Any, dim: int = 0) -> Any:
    return x - _logsumexp(x, dim, True)


@reference("nn.functional.leaky_relu")
def _leaky_relu(x: Any, negative_slope: float = 0.01) -> Any:
    return elementwise(lambda a: a if a > 0 else a * negative_slope)(x)


@reference("nn.functional.softplus")
def _softplus(x: Any, beta: float = 1, threshold: float = 20) -> Any:
    return elementwise(lambda a: a if beta * a > threshold else mpmath.log1p(mpmath.exp(beta * a)) / beta)(x)


@reference("det", "linalg.det")
def _det(a: Any) -> Any:
    """By expansion along the first row, so that singular matrices need no care."""
    if a.shape[-1] == 0:
        return np.ones(a.shape[:-2], dtype=object)
    total = np.zeros(a.shape[:-2], dtype=object)
    for k in range(a.shape[-1]):
        minor = np.delete(a[..., 1:, :], k, axis=-1)
        total = total + (-1) ** k * a[..., 0, k] * _det(minor)
    return np.asarray(total, dtype=object)


@reference("matmul", "mm", "bmm", "mv", "dot")
def _matmul(x: Any, y: Any) -> Any:
    return np.matmul(x, y)


@reference("reshape", "view")
def _reshape(x: Any, shape: Any) -> Any:
    return np.reshape(x, shape)


@reference("transpose")
def _transpose(x: Any, first: int, second: int) -> Any:
    return np.swapaxes(x, first, second) if x.ndim else x


@reference("permute")
def _permute(x: Any, dims: Any) -> Any:
    return np.transpose(x, dims)


@reference("expand", "broadcast_to")
def _expand(x: Any, shape: Any) -> Any:
    sizes = [x.shape[i - len(shape)] if s == -1 else s for i, s in enumerate(shape)]
    return np.broadcast_to(x, sizes)


@reference("as_strided_scatter")
def _as_strided_scatter(x: Any, src: Any, size: Any, stride: Any, offset: Any) -> Any:
    made = x.reshape(-1).copy()
    places = offset + sum(i * s for i, s in zip(np.indices(size), stride))
    made[places] = src
    return made.reshape(x.shape)


@reference("clone", "detach", "contiguous")
def _clone(x: Any, memory_format: Any = None) -> Any:
    return x


@reference("cat")
def _cat(tensors: Any, dim: int = 0) -> Any:
    return np.concatenate(tensors, dim)


@reference("__getitem__")
def _getitem(x: Any, index: Any) -> Any:
    def entry(part: Any) -> Any:
        if isinstance(part, Slice):
            return slice(part.start, part.stop, part.step)
        if isinstance(part, np.ndarray):
            raise NoReference("indexing by tensors")
        return part

    return x[tuple(map(entry, index)) if isinstance(index, tuple) else entry(index)]


@reference("zeros_like")
def _zeros_like(x: Any) -> Any:
    return x * 0


@reference("ones_like")
def _ones_like(x: Any) -> Any:
    return x * 0 + 1


def mean_or_sum(values: Any, reduction: str) -> Any:
    """The values of a loss, their sum or their mean."""
    values = np.asarray(values, dtype=object)
    if reduction == "none":
        return values
    total = _sum(values)
    return total if reduction == "sum" else total / mpmath.mpf(values.size)


@reference("nn.functional.binary_cross_entropy")
def _binary_cross_entropy(x: Any, target: Any, weight: Any = None, reduction: str = "mean") -> Any:
    log = REFERENCES["log"]
    values = -(target * log(x) + (1 - target) * log(1 - x))
    return mean_or_sum(values if weight is None else values * weight, reduction)


@reference("polygamma", "special.polygamma")
def _polygamma(order: int, x: Any) -> Any:
    return elementwise(lambda v: mpmath.psi(order, v))(x)


@reference("nn.functional.gelu")
def _gelu_of(x: Any, approximate: str = "none") -> Any:
    return elementwise(_gelu if approximate == "none" else _gelu_by_tanh)(x)


def _gelu_by_tanh(x: Any) -> Any:
    inner = mpmath.sqrt(2 / mpmath.pi) * (x + mpmath.mpf("0.044715") * x**3)
    return x / (1 + mpmath.exp(-2 * inner))  # x·(1 + tanh)/2 without its cancellation, which takes any number of digits


from . import attention as attention  # noqa: E402
from . import choosing as choosing  # noqa: E402
from . import factors as factors  # noqa: E402
from . import fourier as fourier  # noqa: E402
from . import functions as functions  # noqa: E402  registers its definitions, which are built on these
from . import layers as layers  # noqa: E402
from . import laying as laying  # noqa: E402
from . import losses as losses  # noqa: E402
from . import moving as moving  # noqa: E402
from . import norms as norms  # noqa: E402
from . import placing as placing  # noqa: E402
from . import products as products  # noqa: E402
from . import windows as windows  # noqa: E402
