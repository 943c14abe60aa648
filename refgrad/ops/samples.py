"""Samples whose distribution a tensor gives, and tensors overwritten by samples: their gradients are zeros."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _random as random
from .._dtypes import dtype
from .._inplace import leaf_first, write
from .._interpreters import NARROW_TYPES
from .._op import op, public, publish
from .._tensor import Tensor
from .checks import check_floating
from .draws import arranged, in_memory_order, randn
from .generators import Generator, stream_of
from .pointwise import no_forward_rule, unimplemented, without_derivative


def _given(*args: Any) -> np.ndarray:
    return args[-1]


def _push_zeros(F: Any, x: Any, t: Any, attributes: Any, out: Any) -> Any:
    return F.zeros_like(out[0])


def sample_row(name: str, node: str, overload: int) -> Any:
    """The row of one tensor that a sample replaces."""
    return op(
        f"{name}(self, *, sample)", _given, node=node, overload=overload, public=False, exact=True, jvp=_push_zeros,
        self=lambda g, F: F.zeros_like(g),
    )  # fmt: skip


bernoulli_row = sample_row("bernoulli_sample", "bernoulli", 0)
bernoulli_each_row = op(
    "bernoulli_overwrite(self, p, *, sample)", _given, node="bernoulli", overload=1, public=False, exact=True,
    jvp=_push_zeros, self=lambda g, F: F.zeros_like(g), p=lambda g, F, p_meta: F.zeros(p_meta.shape, F.dtype_of(g).array),
)  # fmt: skip
bernoulli_number_row = sample_row("bernoulli_number", "bernoulli", 2)
mean_row = op(
    "normal_of_mean(mean, *, sample)", _given, node="normal", overload=1, public=False, exact=True, jvp=_push_zeros,
    mean=lambda g, F, mean_meta: F.zeros(mean_meta.shape, F.dtype_of(g).array),
)  # fmt: skip
std_row = op(
    "normal_of_std(std, *, sample)", _given, node="normal", overload=2, public=False, exact=True, jvp=_push_zeros,
    std=lambda g, F, std_meta: F.zeros(std_meta.shape, F.dtype_of(g).array),
)  # fmt: skip
both_row = op(
    "normal_of_both(mean, std, *, sample)", _given, node="normal", overload=3, public=False, exact=True,
    jvp=_push_zeros, mean=lambda g, F, mean_meta: F.zeros(mean_meta.shape, F.dtype_of(g).array),
    std=lambda g, F, std_meta: F.zeros(std_meta.shape, F.dtype_of(g).array),
)  # fmt: skip


unknown_row = without_derivative(op(
    "bernoulli_of_number(self, *, sample)", _given, public=False, exact=True, jvp=no_forward_rule("bernoulli"),
    self=unimplemented("bernoulli"),
))  # fmt: skip


@public("bernoulli", method=False)
def bernoulli(input: Tensor, p: float | None = None, *, generator: Generator | None = None, out: Any = None) -> Tensor:
    """1 with the probability that each element states, else 0. Source: torch.bernoulli. Raises RuntimeError for an
    element outside [0, 1]. Trap: its gradient is zeros; with `p` given, there is none."""
    stream = stream_of(generator)
    if p is not None:
        return unknown_row(input, random.bernoulli(stream, input._array.shape, p).astype(input._array.dtype))
    check_floating("bernoulli_tensor_cpu_p_", input)
    return bernoulli_row(input, _each(stream, input._array))


def _each(stream: Any, p: np.ndarray) -> np.ndarray:
    """Ones and zeros with each element's probability, drawn row by row."""
    return random.bernoulli_each(stream, p.reshape(-1)).astype(p.dtype).reshape(p.shape)


def bernoulli_method(self: Tensor, p: float | None = None, *, generator: Generator | None = None) -> Tensor:
    """bernoulli as a method. Source: torch.Tensor.bernoulli."""
    return bernoulli(self, p, generator=generator)


@leaf_first
def bernoulli_(self: Tensor, p: Any = 0.5, *, generator: Generator | None = None) -> Tensor:
    """Overwrites with 1 where a draw falls below `p`, a number or a tensor that broadcasts, else with 0.
    Source: torch.Tensor.bernoulli_."""
    stream, a = stream_of(generator), self._array
    if isinstance(p, Tensor):
        spread = np.broadcast_to(p._array, a.shape)
        flat = in_memory_order(spread, a)
        drawn = arranged(lambda shape: random.bernoulli_each(stream, flat), a).astype(a.dtype)
        return write(bernoulli_each_row.row, (self, p), (drawn,))
    drawn = arranged(lambda shape: random.bernoulli(stream, shape, p), a).astype(a.dtype)
    return write(bernoulli_number_row.row, (self,), (drawn,))


@public("normal", method=False)
def normal(
    mean: Any, std: Any = 1.0, size: Any = None, *, generator: Generator | None = None, out: Any = None,
    dtype: dtype | None = None, device: Any = None, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Normal numbers of the given means and standard deviations, tensors that broadcast or numbers (then `size` too).
    Source: torch.normal. Raises RuntimeError for a negative deviation. Trap: the gradients are zeros."""
    stream = stream_of(generator)
    if isinstance(mean, Tensor):
        if isinstance(std, Tensor):
            return both_row(mean, std, _scaled(stream, mean._array, std._array))
        return mean_row(mean, _scaled(stream, mean._array, std))
    if isinstance(std, Tensor):
        return std_row(std, _scaled(stream, mean, std._array))
    made = randn(*size if isinstance(size, (tuple, list)) else (size,), generator=generator, dtype=dtype)
    made._array = random.multiply_add(made._array, std, mean).astype(made._array.dtype)
    return made.requires_grad_(requires_grad)


def _scaled(stream: Any, mean: Any, std: Any) -> np.ndarray:
    """Standard normal numbers times std plus mean, each step rounded."""
    if isinstance(std, np.ndarray):
        if not (np.real(std) >= 0).all():
            raise RuntimeError("normal expects all elements of std >= 0.0")
    elif std < 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std:.6g}")
    arrays = [a for a in (mean, std) if isinstance(a, np.ndarray)]
    shape, kind = np.broadcast_shapes(*(a.shape for a in arrays)), arrays[0].dtype
    spread = float(std) if not isinstance(std, np.ndarray) else 1.0
    found = random.normal(stream, shape, kind.name, 0.0, spread)
    wide = np.float32 if kind in NARROW_TYPES else kind
    if isinstance(std, np.ndarray):
        found = (found.astype(wide) * std.astype(wide)).astype(kind)
    return (found.astype(wide) + np.asarray(mean).astype(wide)).astype(kind)


def _overwriting(name: str, overload: int, draw: Callable[..., np.ndarray], **defaults: float) -> None:
    """Publishes `name_`: draws for every element, in the order of memory."""
    row = sample_row(f"{name}_sample", name, overload)

    @leaf_first
    def overwrite(self: Tensor, *args: float, generator: Generator | None = None, **keywords: float) -> Tensor:
        values = [*args, *({**defaults, **keywords}[n] for n in list(defaults)[len(args) :])]
        a, stream = self._array, stream_of(generator)
        dense = a.flags.c_contiguous
        return write(row.row, (self,), (arranged(lambda shape: draw(stream, shape, a.dtype.name, dense, *values), a),))

    overwrite.__name__, overwrite.__qualname__ = name + "_", name + "_"
    overwrite.__doc__ = f"Overwrites with random numbers. Source: torch.Tensor.{name}_."
    publish(name + "_", overwrite, method=True, in_module=False)


_overwriting("normal", 0, lambda s, n, d, c, mean, std: random.normal(s, n, d, mean, std, contiguous=c), mean=0, std=1)
_overwriting("uniform", 0, lambda s, n, d, c, low, high: random.uniform(s, n, d, low, high), **{"from": 0, "to": 1})
_overwriting("exponential", 0, lambda s, n, d, c, lambd: random.exponential(s, n, d, lambd), lambd=1)
_overwriting("cauchy", 0, lambda s, n, d, c, median, sigma: random.cauchy(s, n, d, median, sigma), median=0, sigma=1)
_overwriting("log_normal", 0, lambda s, n, d, c, mean, std: random.log_normal(s, n, d, mean, std), mean=1, std=2)
_overwriting("geometric", 0, lambda s, n, d, c, p: random.geometric(s, n, d, p), p=0.5)
random_rows = {count: sample_row(f"random_{count}", "random", overload) for count, overload in ((0, 2), (1, 1), (2, 0))}


@leaf_first
def random_(self: Tensor, *bounds: int, generator: Generator | None = None) -> Tensor:
    """Overwrites with whole numbers: of the dtype's range, below a bound, or in [from, to).
    Source: torch.Tensor.random_."""
    name, stream = self._array.dtype.name, stream_of(generator)

    def draw(shape: tuple[int, ...]) -> np.ndarray:
        if not bounds:
            return random.random_full(stream, shape, name)
        low, high = (0, *bounds) if len(bounds) == 1 else bounds
        return random.randint(stream, low, high, shape, name)

    return write(random_rows[len(bounds)].row, (self,), (arranged(draw, self._array),))


for _name, _function in (("bernoulli", bernoulli_method), ("bernoulli_", bernoulli_), ("random_", random_)):
    publish(_name, _function, method=True, in_module=False)
