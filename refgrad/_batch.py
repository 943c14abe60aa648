"""vmap's interpreter: tensors that stand for a batch of tensors, and how a row is applied to them.

A `Batched` wraps a physical tensor with one more dimension, the first. Its own `_array` is the first of the batch, for
shape, dtype and strides only: every row call goes to the level, which applies the row to the physical tensors. Derivatives
are recorded there, below the batch, so that transforms mix in any order. Pointwise rows align ranks, views are strided
views of the physical tensor, all others run once for each of the batch and are stacked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from ._calls import common_dtype, flat
from ._interpreters import LIVE
from ._layout import pointwise
from ._modes import local, state
from ._op import Row
from ._random import default_generator
from ._random_modes import NEEDS_DRAW
from ._storage import element_strides, storage_offset
from ._tensor import LAZY, LEVEL, Tensor, new, plain

RANDOM = frozenset(
    [
        "bernoulli",
        "dropout",
        "native_dropout",
        "alpha_dropout",
        "feature_dropout",
        "rrelu",
        "normal",
        "poisson",
        "multinomial",
    ]
)
INPLACE = (
    "vmap: inplace arithmetic(self, *extra_args) is not possible because there exists a Tensor `other` in extra_args that "
    "has more elements than `self`. This happened due to `other` being vmapped over but `self` not being vmapped over in a "
    "vmap. Please try to use out-of-place operators instead of inplace arithmetic. If said operator is being called inside "
    "the PyTorch framework, please file a bug report instead."
)
ITEM = (
    "vmap: It looks like you're calling .item() on a Tensor. We don't support vmap over calling .item() on a Tensor, please "
    "try to rewrite what you're doing with other operations. If error is occurring somewhere inside PyTorch internals, "
    "please file a bug report."
)
CONTROL_FLOW = (
    "vmap: It looks like you're attempting to use a Tensor in some data-dependent control flow. We don't support that yet, "
    "please file an issue at https://github.com/pytorch/pytorch/issues ."
)
DYNAMIC = (
    "vmap: We do not support batching operators that can output dynamic shape. Attempted to vmap over aten::{}. Please file "
    "an issue at https://github.com/pytorch/pytorch/issues if you need this feature."
)
MASK = (
    "vmap: We do not support batching operators that can support dynamic shape. Attempting to batch over indexing with a "
    "boolean mask."
)
POINTER = "Cannot access data pointer of Tensor that doesn't have storage"
DYNAMIC_ROWS = frozenset({"nonzero", "masked_select", "unique", "unique_consecutive"})


class Batched(Tensor):
    """A tensor of a batch. `level` is the vmap it belongs to, `value` the physical tensor, batch dimension first."""

    __slots__ = ("level", "value")

    @property
    def requires_grad(self) -> bool:  # type: ignore[override]
        return self.value.requires_grad

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        self.value.requires_grad_(requires_grad)
        return self

    def item(self) -> Any:
        raise RuntimeError(ITEM)

    __float__ = __int__ = __complex__ = __index__ = item

    def __bool__(self) -> bool:
        raise RuntimeError(CONTROL_FLOW)

    def tolist(self) -> Any:
        raise RuntimeError(POINTER)

    numpy = data_ptr = __array__ = tolist

    def nonzero(self, *, as_tuple: bool = False) -> Any:
        raise RuntimeError(DYNAMIC.format("nonzero"))

    def __repr__(self) -> str:
        inner = repr(self.value).replace("\n", "\n    ")
        return f"BatchedTensor(lvl={self.level.number}, bdim=0, value=\n    {inner}\n)"


def wrap(level: VmapLevel, value: Tensor) -> Batched:
    """The batch that a physical tensor is."""
    made: Batched = new(Batched)
    array = value._array
    made._array = array[0] if array.shape[0] else np.zeros(array.shape[1:], array.dtype)
    made._cell, made._flags = [0], LEVEL | (value._flags & LAZY)
    made._edge = made._grad = made._view = made._extra = None
    made._needs = False
    made.level, made.value = level, value
    return made


def is_batched(t: Any) -> bool:
    return type(t) is Batched


class VmapLevel:
    """One running vmap: the size of its batch, what random rows do, and the levels that run around it."""

    def __init__(self, size: int, randomness: str) -> None:
        self.size, self.randomness = size, randomness
        self.outer = list(state.functional_levels)
        self.number = 1 + len(self.outer)

    def __enter__(self) -> VmapLevel:
        state.functional_levels = [self, *self.outer]
        state.settle()
        return self

    def __exit__(self, *_: object) -> None:
        state.functional_levels = self.outer
        state.settle()

    def holds(self, t: Any) -> bool:
        return type(t) is Batched and t.level is self

    def below(self) -> Any:
        """The levels around this vmap, as a context."""
        return below(self)

    def batch(self, t: Tensor) -> Tensor:
        """The physical tensor; an unbatched one is repeated, without copying."""
        if self.holds(t):
            return t.value  # type: ignore[attr-defined]
        with below(self):
            return LIVE.expand(t, (self.size, *t._array.shape)) if t._array.ndim else _spread(t, self.size)

    def __call__(self, row: Row, inputs: Sequence[Any], attributes: tuple[Any, ...]) -> Any:
        try:
            members = flat(inputs)
        except TypeError:
            return NotImplemented
        if row.schema.name in RANDOM and self.randomness == "error":
            raise RuntimeError(NEEDS_DRAW)
        if not any(map(self.holds, members)):
            return NotImplemented
        if row.schema.name in DYNAMIC_ROWS:
            raise RuntimeError(DYNAMIC.format(row.schema.name))
        with below(self):
            if row.promote and row.layout is pointwise and not row.has_lists:
                return self._pointwise(row, inputs, attributes)
            if row.is_view and not row.schema.is_variable:
                view = self._view(row, inputs[0], attributes)
                if view is not None:
                    return view
            return self._each(row, inputs, attributes)

    def _pointwise(self, row: Row, inputs: Sequence[Any], attributes: tuple[Any, ...]) -> Any:
        rank = max(t._array.ndim for t in inputs if isinstance(t, Tensor))
        target = common_dtype(inputs).array
        made = [self._aligned(t, rank, target) if isinstance(t, Tensor) else t for t in inputs]
        return self._wrapped(getattr(LIVE, row.schema.name)(*made, *attributes))

    def _aligned(self, t: Tensor, rank: int, target: np.dtype) -> Tensor:
        """An operand with the batch first and its own dimensions last, in the dtype that the call promotes to."""
        value, shape = t, t._array.shape
        if self.holds(t):
            value = t.value  # type: ignore[attr-defined]
            if len(shape) < rank:
                value = value.reshape((self.size,) + (1,) * (rank - len(shape)) + shape)  # type: ignore[attr-defined]
        return value if value._array.dtype == target else LIVE.cast(value, target)

    def _view(self, row: Row, t: Any, attributes: tuple[Any, ...]) -> Any:
        """A strided view of the physical tensor, from what the row does to the first of the batch."""
        value = t.value
        if not self.size or value._flags & LAZY or t._array.dtype != value._array.dtype:
            return None
        found = row.kernel(value._array[0], *attributes)
        if (
            found.dtype != value._array.dtype
            or not np.may_share_memory(found, value._array)
            or row.schema.name in LAZY_VIEWS
        ):
            return None
        steps = (element_strides(value._array)[0], *element_strides(found))
        return wrap(self, LIVE.as_strided(value, (self.size, *found.shape), steps, storage_offset(found)))

    def _each(self, row: Row, inputs: Sequence[Any], attributes: tuple[Any, ...]) -> Any:
        call = getattr(LIVE, row.schema.name)
        if row.schema.name == "index" and any(t._array.dtype.kind == "b" and self.holds(t) for t in flat(inputs[1:])):
            raise RuntimeError(MASK)
        draw = default_generator.get_state() if row.schema.name in RANDOM and self.randomness == "same" else None
        results = []
        for k in range(self.size):
            if draw is not None:
                default_generator.set_state(draw)
            results.append(call(*[self._nth(t, k) for t in inputs], *attributes))
        if not results:
            return self._empty(call(*[self._nth(t, None) for t in inputs], *attributes))
        if isinstance(results[0], (tuple, list)):
            return tuple(wrap(self, LIVE.stack([r[k] for r in results], 0)) for k in range(len(results[0])))
        return wrap(self, LIVE.stack(results, 0))

    def _nth(self, t: Any, k: int | None) -> Any:
        if isinstance(t, (list, tuple)):
            return [self._nth(member, k) for member in t]
        if not self.holds(t):
            return t
        return plain(np.ones_like(t._array)) if k is None else LIVE.select(t.value, 0, k)

    def _empty(self, example: Any) -> Any:
        if isinstance(example, (tuple, list)):
            return tuple(self._empty(e) for e in example)
        return wrap(self, plain(np.zeros((0, *example._array.shape), example._array.dtype)))

    def _wrapped(self, found: Any) -> Any:
        if isinstance(found, (tuple, list)):
            return tuple(wrap(self, t) for t in found)
        return wrap(self, found)

    def write(self, row: Row, inputs: Sequence[Any], attributes: tuple[Any, ...]) -> Any:
        """An in-place call: the row's result is copied into the physical target."""
        if not any(map(self.holds, flat(inputs))):
            return NotImplemented
        target = inputs[0]
        if not self.holds(target):
            if row.promote:
                shape = [self.size, *max((t._array.shape for t in flat(inputs)), key=len)]
                raise RuntimeError(
                    f"output with shape {list(target._array.shape)} doesn't match the broadcast shape {shape}"
                )
            raise RuntimeError(INPLACE)
        if row.schema.name == "copy":
            found = inputs[1]
        else:
            found = getattr(LIVE, row.schema.name)(*inputs, *attributes)
        if found._array.ndim > target._array.ndim:
            raise RuntimeError(
                f"output with shape {list(target._array.shape)} doesn't match the broadcast shape {list(found._array.shape)}"
            )
        with below(self):
            target.value.copy_(self._aligned(found, target._array.ndim, target._array.dtype))
        return target

    def apply_function(self, cls: Any, args: tuple[Any, ...]) -> Any:
        """A custom Function on a batch."""
        from .func.custom import batched_function

        return batched_function(self, cls, args)


LAZY_VIEWS = frozenset({"conj", "neg_view", "view_as_real", "view_as_complex", "real", "imag"})


def _spread(t: Tensor, size: int) -> Tensor:
    return LIVE.expand(t, (size,))


@contextmanager
def below(level: VmapLevel) -> Iterator[None]:
    """The levels around a vmap, in which its physical tensors live."""
    before = state.functional_levels
    state.functional_levels = level.outer
    state.settle()
    try:
        yield
    finally:
        state.functional_levels = before
        state.settle()


def vmap_levels() -> list[VmapLevel]:
    """The running vmaps, innermost first."""
    levels = local.me.functional_levels
    return [level for level in levels if isinstance(level, VmapLevel)] if levels else []


def lowered(t: Tensor, levels: Sequence[VmapLevel]) -> Tensor:
    """The physical tensor below all the levels, repeated where it is not batched."""
    for level in levels:
        t = level.batch(t)
    return t


def raised(t: Tensor, levels: Sequence[VmapLevel]) -> Tensor:
    """A tensor from below all the levels as the innermost sees it."""
    for level in reversed(levels):
        t = wrap(level, t)
    return t


@contextmanager
def beneath(levels: Sequence[VmapLevel]) -> Iterator[None]:
    """Below all the levels."""
    if not levels:
        yield
        return
    with below(levels[-1]):
        yield


def through(t: Any, function: Callable[[Tensor], Tensor]) -> Tensor:
    """What a function that looks at memory does to a batch: it does it to the physical tensor."""
    with below(t.level):
        return wrap(t.level, function(t.value))
