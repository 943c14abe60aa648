"""Sums of cotangents: into a leaf's `.grad`, between the uses of a value, and down to an operand's shape and dtype."""

from __future__ import annotations

import sys
import threading
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np

from ._errors import INFERENCE_INPLACE, list_text, warn_once
from ._interpreters import LIVE, narrow_result, widen
from ._layout import with_strides
from ._modes import state
from ._sparse import SparseGradient, sparse_tensor
from ._storage import as_strided_array, contiguous_strides, element_strides, is_dense, owner, storage_offset
from ._sums import block_sum
from ._tensor import CONJ, DUAL, Tensor, plain, resolved

# Two threads may add into one leaf; PyTorch locks the leaf's node, one lock for all is cheaper here.
_lock = threading.Lock()


# References to a cotangent that only the engine has: the list of what arrived, the argument here, and the count's own.
UNSHARED = 3


class Owners:
    """What the tensors are that show a cotangent's memory after a backward, or to a hook: the seed itself, and for the
    rest the version cells. A gradient may be a view of a seed, two gradients views of one cotangent."""

    __slots__ = ("cells", "conjugates", "seeds")

    def __init__(self, seeds: Sequence[Tensor | None]) -> None:
        self.seeds = seeds
        self.conjugates: dict[int, tuple[weakref.ref[np.ndarray], np.ndarray]] = {}
        self.cells: dict[int, tuple[np.ndarray, list[int] | None]] | None = None

    def tensor(self, g: np.ndarray) -> Tensor:
        """The tensor that an array is to the user: the seed if it is one."""
        for t in self.seeds:
            if t is not None and t._array is g:
                return t
        return self.fresh(g)

    def fresh(self, g: np.ndarray) -> Tensor:
        """A new tensor on the array's own memory, which others may see."""
        if type(g) is not np.ndarray:
            found = sparse_tensor(g)
            if found is not None:
                return found
            g = g.view(np.ndarray)
        lazy = self.before_conjugation(g) if self.conjugates else None
        if lazy is not None:
            g = lazy
        made = plain(g)
        if lazy is not None:
            made._flags = CONJ
        if g.base is not None or state.inference:
            made._cell = self.cell(g)
        return made

    def note_conjugate(self, made: np.ndarray, source: np.ndarray) -> None:
        """Notes a cotangent that PyTorch conjugates as a lazy view of another: the user can write through it."""
        if made.strides == source.strides:
            self.conjugates[id(made)] = (weakref.ref(made), source)

    def before_conjugation(self, g: np.ndarray) -> np.ndarray | None:
        """The memory that a noted cotangent, or a view of it, is the conjugate of."""
        root = owner(g)
        made, source = self.conjugates.get(id(root), (None, g))
        if made is None or made() is not root or g.dtype != source.dtype:
            return None
        apart = (g.__array_interface__["data"][0] - root.__array_interface__["data"][0]) // g.itemsize
        return as_strided_array(source, g.shape, element_strides(g), storage_offset(source) + apart)

    def cell(self, array: np.ndarray) -> list[int] | None:
        """The version cell of a view's memory, found by the array that owns it; None for what inference mode made."""
        if self.cells is None:
            self.cells = {}
            for t in self.seeds:
                if t is not None and t._cell is not None:
                    root = owner(t._array)
                    self.cells[id(root)] = (root, t._cell)
        root = owner(array)
        return self.cells.setdefault(id(root), (root, None if state.inference else [0]))[1]


def kept_gradient(g: np.ndarray) -> Tensor:
    """A gradient in the cotangent's own memory, which a seed may share: PyTorch, too, copies only what something else
    refers to, and a view of the seed is another tensor than the seed."""
    return state.executing[-1].owners.fresh(g)


def _count_write(grad: Tensor) -> None:
    """Counts a write to a gradient. Raises RuntimeError, after the write, for one that inference mode made."""
    if grad._cell is not None:
        grad._cell[0] += 1
    elif not state.inference:
        raise RuntimeError(INFERENCE_INPLACE)


def copied_gradient(variable: np.ndarray, g: np.ndarray) -> Tensor:
    """A gradient in memory of its own. That of a dense leaf is written into a new tensor, which counts as a write."""
    made = plain(owned_gradient(variable, g))
    if state.inference:
        made._cell = None
    if made._cell is not None and g.size and is_dense(variable):
        made._cell[0] = 1
    return made


def obeys_layout(variable: np.ndarray, g: np.ndarray) -> bool:
    """Whether the cotangent has the strides of a new gradient, and may be written."""
    if g.dtype != variable.dtype or not g.flags.writeable or not g.size:
        return False
    if variable.flags.c_contiguous or not is_dense(variable):
        return bool(g.flags.c_contiguous)
    return all(p == q or n == 1 for p, q, n in zip(g.strides, variable.strides, g.shape))


def accumulate(variable: Tensor, g: Any, live: bool) -> None:
    """Adds a cotangent to the leaf's gradient: in place, or into a new tensor when the backward is itself recorded."""
    if live and not state.grad and not g._flags & DUAL:
        live, g = False, resolved(g)
    if live:
        _accumulate_live(variable, g)
        return
    with _lock:
        grad = variable._grad
        if type(g) is not np.ndarray or type(grad) is SparseGradient:
            variable._grad = _with_sparse(variable, grad, g)
            return
        if grad is None:
            is_kept = sys.getrefcount(g) <= UNSHARED and obeys_layout(variable._array, g) and bool(state.executing)
            variable._grad = kept_gradient(g) if is_kept else copied_gradient(variable._array, g)
        elif grad._needs or grad._flags or not is_writable(grad._array):
            grad.add_(plain(g))
        else:
            state.run(np.add, grad._array, g, grad._array)
            _count_write(grad)
    if grad is not None:
        check_layout(variable, grad)


def _with_sparse(variable: Tensor, grad: Tensor | None, g: np.ndarray) -> Tensor:
    """The leaf's new gradient where the old one or the cotangent is sparse: only two sparse ones give a sparse one."""
    made, dense = sparse_tensor(g), g.view(np.ndarray)
    if grad is None:
        return copied_gradient(variable._array, dense) if made is None else made
    if isinstance(grad, SparseGradient):
        return plain(grad._array + dense) if made is None else grad.plus(made)
    return grad.add_(plain(dense))


def _accumulate_live(variable: Tensor, g: Tensor) -> None:
    """The same for a recorded cotangent, whose history the gradient keeps."""
    grad = variable._grad
    if grad is None:
        is_kept = is_dense(variable._array)
        variable._grad = LIVE.strided_copy(g, element_strides(variable._array)) if is_kept else LIVE.contiguous_copy(g)
        return
    variable._grad = LIVE.add(grad, g)
    check_layout(variable, variable._grad)


def check_layout(variable: Tensor, grad: Tensor) -> None:
    """Warns once if the gradient of a dense leaf has other strides than the leaf, in a dimension of size 1 the stride 0
    (which PyTorch's arithmetic leaves there in what is empty)."""
    a, g = variable._array, grad._array
    if a.strides == g.strides and a.flags.c_contiguous:
        return
    steps = zip(wanted_strides(a), element_strides(g), a.shape)
    if a.dtype == g.dtype and any(p != q and (n != 1 or not q) for p, q, n in steps):
        warn_once(
            "grad and param do not obey the gradient layout contract. This is not an error, but may impair "
            f"performance.\ngrad.sizes() = {list_text(g.shape)}, strides() = {list_text(element_strides(g))}\n"
            f"param.sizes() = {list_text(a.shape)}, strides() = {list_text(element_strides(a))} (Triggered internally "
            "at /__w/pytorch/pytorch/torch/csrc/autograd/functions/accumulate_grad.h:252.)",
            key="gradient layout",
        )


def is_writable(array: np.ndarray) -> bool:
    """Whether no two elements share memory, as far as strides of 0 tell."""
    return 0 not in array.strides or all(s or n <= 1 for s, n in zip(array.strides, array.shape))


def wanted_strides(variable: np.ndarray) -> tuple[int, ...]:
    """The strides of a new gradient: the leaf's if it is dense, else contiguous."""
    return element_strides(variable) if is_dense(variable) else contiguous_strides(variable.shape)


def owned_gradient(variable: np.ndarray, g: np.ndarray) -> np.ndarray:
    """A copy of the cotangent in memory of its own, with the leaf's strides if the leaf is dense, else contiguous."""
    if not state.layout_policy and is_dense(g):
        return np.array(g, order="K", copy=True)
    if not g.size:
        return with_strides(np.array(g), wanted_strides(variable))
    if (variable.flags.c_contiguous and 1 not in variable.shape) or not is_dense(variable):
        return np.array(g, order="C", copy=True)
    return with_strides(np.array(g), element_strides(variable))


def reduce_to(F: Any, g: Any, shape: tuple[int, ...]) -> Any:
    """Sums the dimensions that broadcasting added or stretched."""
    lead = g.ndim - len(shape)
    axes = tuple(range(lead)) + tuple(lead + k for k, n in enumerate(shape) if n == 1 and g.shape[lead + k] != 1)
    if axes:
        g = F.sum(g, axes, True)
    return g if tuple(g.shape) == shape else F.reshape(g, shape)


def is_expandable(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    """Whether a tensor of `shape` broadcasts to `to`."""
    if len(shape) > len(to):
        return False
    return all(n in (1, m) for n, m in zip(reversed(shape), reversed(to)))


def fit(g: Any, shape: tuple[int, ...], dtype: np.dtype | None, live: bool, name: str, index: int) -> Any:
    """A cotangent in the shape and dtype of the value that it belongs to: summed, made real, cast.
    Raises RuntimeError if a rule returned a shape that does not reduce to it."""
    found = tuple(g.shape)
    if found != shape:
        if not is_expandable(shape, found):
            raise RuntimeError(
                f"Function {name} returned an invalid gradient at index {index} - got {list_text(found)} but expected "
                f"shape compatible with {list_text(shape)}"
            )
        g = reduce_to(LIVE if live else ArraySums, g, shape)
    array = g._array if live else g
    if dtype is not None and array.dtype != dtype:
        g = LIVE.cast(g, dtype) if live else cast_array(array, dtype)
    return g


def cast_array(array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """The array in another dtype; complex to real keeps the real part, as the view that PyTorch gives."""
    if array.dtype.kind == "c" and dtype.kind != "c":
        array = array.real
    return array.astype(dtype, copy=False)


class ArraySums:
    """The two functions that `reduce_to` needs, on arrays; 16-bit sums are done in float32."""

    @staticmethod
    def sum(a: np.ndarray, axes: tuple[int, ...], keepdims: bool) -> np.ndarray:
        if a.dtype.itemsize == 2:
            return narrow_result(block_sum(widen(a), axes, keepdims), a.dtype)
        return block_sum(a, axes, keepdims)

    @staticmethod
    def reshape(a: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        return a.reshape(shape)
