"""Random tensors, and tensors overwritten at random: for the same seed and calls, PyTorch's numbers bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _random as random
from .._dtypes import dtype, get_default_dtype, int64
from .._layout import preserved, with_strides
from .._modes import state
from .._op import public
from .._random_modes import drawn
from .._storage import element_strides, is_dense
from .._tensor import Tensor, plain
from .create import fresh, shape_of
from .generators import Generator, stream_of

Draw = Callable[[tuple[int, ...]], np.ndarray]


def _made(draw: Draw, shape: tuple[int, ...], requires_grad: bool) -> Tensor:
    """A leaf of random numbers; under vmap one for all of the batch or one for each, as its randomness says."""
    if not state.functional_levels:
        return fresh(draw(shape), requires_grad)
    return drawn(lambda size: plain(np.stack([draw(shape) for _ in range(size)])))


def _name(kind: dtype | None) -> str:
    return (kind or get_default_dtype()).array.name


@public(method=False)
def rand(
    *size: Any, generator: Generator | None = None, out: Any = None, dtype: dtype | None = None, layout: Any = None,
    device: Any = None, requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """Uniform numbers in [0, 1). Source: torch.rand."""
    stream, name = stream_of(generator), _name(dtype)
    return _made(lambda shape: random.uniform(stream, shape, name), shape_of(size), requires_grad)


@public(method=False)
def randn(
    *size: Any, generator: Generator | None = None, out: Any = None, dtype: dtype | None = None, layout: Any = None,
    device: Any = None, requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """Normal numbers of mean 0 and variance 1. Source: torch.randn."""
    stream, name = stream_of(generator), _name(dtype)
    return _made(lambda shape: random.normal(stream, shape, name), shape_of(size), requires_grad)


@public(method=False)
def randint(
    *bounds: Any, generator: Generator | None = None, dtype: dtype | None = None, layout: Any = None,
    device: Any = None, requires_grad: bool = False, **named_bounds: Any,
) -> Tensor:  # fmt: skip
    """Whole numbers in [low, high), low being 0 unless given: randint(high, size), randint(low, high, size).
    Source: torch.randint. Raises RuntimeError for an empty range."""
    given = [*bounds, *(named_bounds[n] for n in ("low", "high", "size") if n in named_bounds)]
    low, high, size = (0, *given) if len(given) == 2 else given
    stream, name = stream_of(generator), (dtype or int64).array.name
    return _made(lambda shape: random.randint(stream, low, high, shape, name), shape_of((size,)), requires_grad)


@public(method=False)
def randperm(
    n: int, *, generator: Generator | None = None, dtype: dtype | None = None, layout: Any = None, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """The numbers 0 … n-1 in random order. Source: torch.randperm."""
    stream, name = stream_of(generator), (dtype or int64).array.name
    return _made(lambda shape: random.randperm(stream, n, name), (n,), requires_grad)


def _memory_order(a: np.ndarray) -> list[int]:
    """The dimensions, the slowest first."""
    return sorted(range(a.ndim), key=lambda d: -a.strides[d])


def in_memory_order(values: np.ndarray, like: np.ndarray) -> np.ndarray:
    """The values, flat, in the order in which a tensor's copy keeps them."""
    return np.transpose(values, _memory_order(preserved(np.empty(like.shape, np.uint8), [like]))).reshape(-1)


def arranged(draw: Draw, like: np.ndarray) -> np.ndarray:
    """Numbers drawn in the order of memory of a tensor's copy, laid out like it."""
    made = preserved(np.empty(like.shape, np.uint8), [like])
    order = _memory_order(made)
    moved = draw((like.size,)).reshape([made.shape[d] for d in order])
    values = np.transpose(moved, [order.index(d) for d in range(made.ndim)])
    return with_strides(values, element_strides(made)) if is_dense(made) or not made.size else values


def _like(input: Tensor, draw: Draw, requires_grad: bool) -> Tensor:
    """A tensor of numbers of the input's shape and memory order."""
    if state.functional_levels:
        return _made(draw, tuple(input.shape), requires_grad)
    found = arranged(draw, input._array)
    made = fresh(found, requires_grad)
    made._array = found  # an empty one keeps its strides too
    return made


@public(method=False)
def rand_like(input: Tensor, *, dtype: dtype | None = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Uniform numbers in [0, 1) in the shape of the input. Source: torch.rand_like."""
    name = _name(dtype or input.dtype)
    return _like(input, lambda shape: random.uniform(stream_of(None), shape, name), requires_grad)


@public(method=False)
def randn_like(input: Tensor, *, dtype: dtype | None = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Normal numbers in the shape of the input. Source: torch.randn_like."""
    name = _name(dtype or input.dtype)
    whole = bool(state.functional_levels) or preserved(np.empty(input.shape), [input._array]).flags.c_contiguous
    return _like(input, lambda shape: random.normal(stream_of(None), shape, name, contiguous=whole), requires_grad)


@public(method=False)
def randint_like(
    input: Tensor, *bounds: int, dtype: dtype | None = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Whole numbers in [low, high) in the shape of the input. Source: torch.randint_like."""
    low, high = (0, *bounds) if len(bounds) == 1 else bounds
    name = _name(dtype or input.dtype)
    return _like(input, lambda shape: random.randint(stream_of(None), low, high, shape, name), requires_grad)
