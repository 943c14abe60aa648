"""Random arrays: for the same seed and the same calls, the bits that PyTorch's CPU generator gives.

Every function draws a whole flat array in the order in which PyTorch fills memory, and shapes it. A dtype fixes how
much of the stream it takes: float32 and the half dtypes one word a uniform value, float64 two.
"""

from __future__ import annotations

import math

import ml_dtypes
import numpy as np

from refgrad._random_normal import draw_normals, multiply_add, multiply_add_single
from refgrad._random_stream import Generator

Shape = tuple[int, ...]
_HALVES = ("float16", "bfloat16")
_REAL_OF = {"complex64": "float32", "complex128": "float64"}
_SCALAR_NAMES = {"bool": "Bool", "uint8": "Byte", "int8": "Char", "int16": "Short", "int32": "Int", "int64": "Long"}
# PyTorch's names of the integer types in range errors, and the bits of the whole numbers that each dtype holds.
_C_NAMES = {"bool": "bool", "uint8": "unsigned char", "int8": "signed char", "int16": "short int", "int32": "int"}
_WHOLE_BITS = {
    "bool": 1,
    "uint8": 8,
    "int8": 7,
    "int16": 15,
    "int32": 31,
    "int64": 63,
    "bfloat16": 8,
    "float16": 11,
    "float32": 24,
    "float64": 53,
}

default_generator = Generator()
default_generator.seed()


def _numpy_dtype(dtype: str) -> np.dtype:
    return np.dtype(ml_dtypes.bfloat16) if dtype == "bfloat16" else np.dtype(dtype)


def _shaped(values: np.ndarray, shape: Shape, dtype: str) -> np.ndarray:
    with np.errstate(over="ignore"):
        if dtype in _HALVES:  # PyTorch rounds to float32 on the way
            values = values.astype(np.float32)
        return values.astype(_numpy_dtype(dtype)).reshape(shape)


def _require_floating(dtype: str, kernel: str) -> None:
    if dtype not in ("float16", "bfloat16", "float32", "float64", "complex64", "complex128"):
        name = {"int64": "Long", "uint8": "Byte", "int8": "Char", "bool": "Bool"}.get(dtype, dtype[:-2].capitalize())
        name = {"int16": "Short", "int32": "Int"}.get(dtype, name)
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{name}'")


def uniform(generator: Generator, shape: Shape, dtype: str, low: float = 0.0, high: float = 1.0) -> np.ndarray:
    """Values in [low, high) of a floating or complex dtype. Source: torch.rand, Tensor.uniform_.

    Trap: a value that rounds up to `high` becomes `low`; in bfloat16 that is 1 draw in 512.
    """
    _require_floating(dtype, "check_uniform_bounds")
    if dtype in _REAL_OF:
        return _as_complex(uniform(generator, (*shape, 2), _REAL_OF[dtype], low, high), dtype)
    if not low <= high:
        raise RuntimeError(f"uniform_ expects to return a [from, to) range, but found from={low:.6g} > to={high:.6g}")
    _require_finite_span(dtype, low, high)
    count = math.prod(shape)
    if dtype == "float64":
        values = multiply_add(generator.unit_doubles(count), high - low, low)
    else:
        first, last = np.float32(low), np.float32(high)
        values = multiply_add_single(generator.unit_singles(count), last - first, first)
    values = values.astype(_numpy_dtype(dtype))
    values[values == values.dtype.type(high)] = low
    return values.reshape(shape)


def _require_finite_span(dtype: str, low: float, high: float) -> None:
    if high - low > 65504 and high - low > float(ml_dtypes.finfo(_numpy_dtype(dtype)).max):  # 65504: float16's largest
        raise RuntimeError(
            "uniform_ expects to-from <= std::numeric_limits<Float>::max(), but found "
            f"to={high:.6g} and from={low:.6g} which result in to-from to exceed the limit"
        )


def _as_complex(pairs: np.ndarray, dtype: str) -> np.ndarray:
    return np.ascontiguousarray(pairs).view(dtype)[..., 0]


def normal(
    generator: Generator, shape: Shape, dtype: str, mean: float = 0.0, std: float = 1.0, *, contiguous: bool = True
) -> np.ndarray:
    """Normal values; a complex dtype shares the variance between its parts. Source: torch.randn, Tensor.normal_.

    Trap: fewer than 16 values, or a tensor that isn't contiguous (then say so), are drawn another way; an odd number
    drawn so leaves one value to the next such call.
    """
    if not std >= 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std:.6g}")
    _require_floating(dtype, "normal_kernel_cpu")
    if dtype in _REAL_OF:
        shared = std / math.sqrt(2.0)
        pairs = normal(generator, (*shape, 2), _REAL_OF[dtype], mean, shared, contiguous=contiguous)
        return _as_complex(pairs, dtype)
    return _shaped(draw_normals(generator, math.prod(shape), dtype, mean, std, blocks=contiguous), shape, dtype)


def randint(generator: Generator, low: int, high: int, shape: Shape, dtype: str = "int64") -> np.ndarray:
    """Whole numbers in [low, high), as a word modulo high - low. Source: torch.randint, Tensor.random_(from, to).

    Trap: from a range of 2**28 on, two words a number are taken, which keeps the modulo's bias small.
    """
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    for name, bound in (("from", low), ("to - 1", high - 1)):
        _require_in_range(name, bound, dtype)
    return _shift(_whole_numbers(generator, math.prod(shape), high - low), low, shape, dtype)


def _require_in_range(name: str, bound: int, dtype: str) -> None:
    if dtype in _C_NAMES:
        least, most = (0, 1) if dtype == "bool" else (int(np.iinfo(dtype).min), int(np.iinfo(dtype).max))
        if not least <= bound <= most:
            raise RuntimeError(f"{name} is out of bounds for {_C_NAMES[dtype]}")


def _whole_numbers(generator: Generator, count: int, span: int) -> np.ndarray:
    words = generator.words(count) if span < 2**28 else generator.double_words(count)
    return words if span == 2**64 else words % np.uint64(span)


def _shift(offsets: np.ndarray, low: int, shape: Shape, dtype: str) -> np.ndarray:
    return _shaped((offsets + np.uint64(low % 2**64)).view(np.int64), shape, dtype)


def random_full(generator: Generator, shape: Shape, dtype: str) -> np.ndarray:
    """Whole numbers from 0 to the largest up to which the dtype holds them all. Source: Tensor.random_()."""
    bits, count = _WHOLE_BITS[dtype], math.prod(shape)
    span = 2**bits + (dtype in (*_HALVES, "float32", "float64"))
    words = generator.double_words(count) if dtype in ("int64", "float64") else generator.words(count)
    return _shaped(words % np.uint64(span), shape, dtype)


def randperm(generator: Generator, n: int, dtype: str = "int64") -> np.ndarray:
    """A permutation of 0 … n-1 by n-1 swaps, one word each. Source: torch.randperm."""
    if n < 0:
        raise RuntimeError(f"Trying to create tensor with negative dimension {n}: [{n}]")
    steps = max(n - 1, 0)
    jumps = (generator.words(steps) % np.arange(n, n - steps, -1, dtype=np.uint64)).tolist()
    order = list(range(n))
    for place, jump in enumerate(jumps):
        order[place], order[place + jump] = order[place + jump], order[place]
    return np.array(order, dtype=np.int64).astype(_numpy_dtype(dtype))


def bernoulli(generator: Generator, shape: Shape, p: float) -> np.ndarray:
    """True with probability p, as bool. Source: Tensor.bernoulli_(p)."""
    if not 0 <= p <= 1:
        raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p:.6g}")
    return (generator.unit_doubles(math.prod(shape)) < p).reshape(shape)


def bernoulli_each(generator: Generator, p: np.ndarray) -> np.ndarray:
    """True with each entry's own probability, as bool. Source: torch.bernoulli(p).

    Trap: p's dtype decides the stream: two words an entry for float64, else one. So bernoulli(full(0.3)) and
    bernoulli_(0.3) differ.
    """
    wide = p.dtype == np.float64
    if not ((p >= 0) & (p <= 1)).all():
        raise RuntimeError(
            "Expected p_in >= 0 && p_in <= 1 to be true, but got false.  (Could this error message be improved?  "
            "If so, please report an enhancement request to PyTorch.)"
        )
    draws = generator.unit_doubles(p.size) if wide else generator.unit_singles(p.size)
    return draws.reshape(p.shape) < p.astype(draws.dtype)


def dropout_mask(generator: Generator, shape: Shape, p: float) -> np.ndarray:
    """True where dropout keeps; nothing is drawn for p = 0 and p = 1. Source: torch.nn.functional.dropout."""
    if not 0 <= p <= 1:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    return np.full(shape, p == 0) if p in (0, 1) else bernoulli(generator, shape, 1 - p)


def exponential(generator: Generator, shape: Shape, dtype: str, rate: float = 1.0) -> np.ndarray:
    """Exponential values, computed in float64. Source: Tensor.exponential_."""
    if not rate > 0:
        raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={rate:.6g}")
    return _shaped(-1.0 / rate * np.log1p(-generator.unit_doubles(math.prod(shape))), shape, dtype)


def cauchy(generator: Generator, shape: Shape, dtype: str, median: float = 0.0, sigma: float = 1.0) -> np.ndarray:
    """Cauchy values, computed in float64. Source: Tensor.cauchy_."""
    if not sigma > 0:
        raise RuntimeError(f"cauchy_ expects sigma > 0.0, but found sigma={sigma:.6g}")
    return _shaped(median + sigma * np.tan(np.pi * (generator.unit_doubles(math.prod(shape)) - 0.5)), shape, dtype)


def geometric(generator: Generator, shape: Shape, dtype: str, p: float) -> np.ndarray:
    """The number of trials up to the first success, from 1 on. Source: Tensor.geometric_."""
    if not 0 < p < 1:
        raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={p:.6g}")
    with np.errstate(divide="ignore"):
        trials = np.ceil(np.log(generator.unit_doubles(math.prod(shape))) / math.log1p(-p))
    return _shaped(trials, shape, dtype)


def log_normal(generator: Generator, shape: Shape, dtype: str, mean: float = 1.0, std: float = 2.0) -> np.ndarray:
    """exp of normal values, drawn in pairs whatever their number. Source: Tensor.log_normal_."""
    if not std > 0:
        raise RuntimeError(f"log_normal_ expects std > 0.0, but found std={std:.6g}")
    normals = draw_normals(generator, math.prod(shape), "float64", mean, std, blocks=False)
    with np.errstate(over="ignore"):
        return _shaped(np.exp(normals), shape, dtype)
