"""The Tensor: an ndarray, a version cell, and its place in the graph.

This module holds the data structure and what can be read off it. Operators attach themselves as methods
(`_op.method`), so that each lives in the file of its family.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from . import _errors as errors
from ._dtypes import OF_ARRAY, dtype

# Bits of `_flags`. Any set bit sends an operator to its general path.
CONJ, NEG, VIEW, DUAL, LEVEL = 1, 2, 4, 8, 16
LAZY = CONJ | NEG

new = object.__new__


class Size(tuple[int, ...]):
    """A shape; prints as torch.Size([2, 3]). Source: torch.Size."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"torch.Size([{', '.join(map(str, self))}])"

    def numel(self) -> int:
        """The number of elements of a tensor of this shape."""
        return prod(self)


class device:
    """Where a tensor lives; refgrad has the CPU only. Source: torch.device."""

    __slots__ = ("index", "type")

    def __init__(self, type: Any = "cpu", index: int | None = None) -> None:
        kind, _, number = str(type).partition(":")
        if kind != "cpu":
            raise RuntimeError(f"refgrad computes on the CPU only, and was asked for device {type!r}; use 'cpu'")
        self.type, self.index = kind, int(number) if number else index

    def __repr__(self) -> str:
        return (
            f"device(type='{self.type}')" if self.index is None else f"device(type='{self.type}', index={self.index})"
        )

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device) and (self.type, self.index) == (other.type, other.index)

    def __hash__(self) -> int:
        return hash((self.type, self.index))


CPU = device()


class read_only(property):
    """A property whose refusal to be assigned is worded as PyTorch's."""

    def __set__(self, instance: Any, value: Any) -> None:
        name = self.fget.__name__ if self.fget is not None else "?"
        raise AttributeError(f"attribute '{name}' of 'torch._C.TensorBase' objects is not writable")


class Extra:
    """What few tensors have: hooks, a gradient accumulator, tangents, a dtype for the gradient (False: its own)."""

    __slots__ = ("accumulator", "grad_dtype", "hooks", "post_accumulate", "retains", "sink", "tangents")

    def __init__(self) -> None:
        self.accumulator: Any = None
        self.grad_dtype: Any = False
        self.hooks: Any = None
        self.post_accumulate: Any = None
        self.retains = False
        # An alias of a leaf keeps the leaf's accumulator alive: the leaf itself holds it weakly.
        self.sink: Any = None
        self.tangents: dict[int, Tensor] | None = None


class Tensor:
    """An n-dimensional array that records how it was computed.

    `_array` ndarray; `_cell` the version counter, a one-element list shared by all views and by `detach()` (the
    cheapest shared mutable cell in CPython), None for an inference tensor; `_edge` (node, output number) or None for a
    leaf; `_needs` requires_grad; `_view` how it was made from its base. Source: torch.Tensor.
    """

    __slots__ = ("__dict__", "__weakref__", "_array", "_cell", "_edge", "_extra", "_flags", "_grad", "_needs", "_view")

    _array: np.ndarray
    _cell: list[int] | None
    _edge: tuple[Any, int] | None
    _needs: bool
    _flags: int
    _grad: Tensor | None
    _view: Any
    _extra: Extra | None

    def __new__(cls, *args: Any, **kwargs: Any) -> Tensor:
        return construct(cls, *args, **kwargs)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    @read_only
    def shape(self) -> Size:
        return Size(self._array.shape)

    @read_only
    def dtype(self) -> dtype:
        return OF_ARRAY[self._array.dtype]

    @read_only
    def device(self) -> device:
        return CPU

    @read_only
    def ndim(self) -> int:
        return self._array.ndim

    @read_only
    def itemsize(self) -> int:
        return self._array.itemsize

    @read_only
    def nbytes(self) -> int:
        return self._array.nbytes

    @read_only
    def layout(self) -> str:
        return "torch.strided"

    @read_only
    def is_sparse(self) -> bool:
        return False

    @property
    def requires_grad(self) -> bool:
        return self._needs or (self._view is not None and self._view.base._needs)

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if not isinstance(value, bool):
            raise RuntimeError("requires_grad must be a bool")
        if value and self._edge is not None:
            raise RuntimeError("you can only change requires_grad flags of leaf variables.")
        if value and self._array.dtype.kind in "iub":
            raise RuntimeError("only Tensors of floating point and complex dtype can require gradients")
        set_requires_grad(self, value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Sets requires_grad in place and returns self. Source: torch.Tensor.requires_grad_."""
        if not isinstance(requires_grad, bool):
            raise TypeError(
                "requires_grad_(): argument 'requires_grad' (position 1) must be bool, not "
                f"{type(requires_grad).__name__}"
            )
        set_requires_grad(self, requires_grad)
        return self

    @read_only
    def is_leaf(self) -> bool:
        if self._flags & VIEW:
            refresh(self)
        return self._edge is None

    @read_only
    def grad_fn(self) -> Any:
        if self._flags & VIEW:
            refresh(self)
        return None if self._edge is None else self._edge[0]

    @read_only
    def output_nr(self) -> int:
        return 0 if self._edge is None else self._edge[1]

    @property
    def grad(self) -> Tensor | None:
        if self._grad is None and self._edge is not None and not self.retains_grad:
            warnings.warn(errors.NONLEAF_GRAD, UserWarning, stacklevel=2)
        return self._grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            errors.check_grad(self, value, Tensor)
        self._grad = value

    @grad.deleter
    def grad(self) -> None:
        self._grad = None

    @read_only
    def retains_grad(self) -> bool:
        return self._extra is not None and self._extra.retains

    @read_only
    def _version(self) -> int:
        if self._cell is None:
            raise RuntimeError(errors.INFERENCE_VERSION)
        return int(self._cell[0])

    @read_only
    def _base(self) -> Tensor | None:
        return None if self._view is None else self._view.base

    def _is_view(self) -> bool:
        return self._view is not None

    def is_inference(self) -> bool:
        """Whether the tensor was made in inference mode. Source: torch.Tensor.is_inference."""
        return self._cell is None

    def is_conj(self) -> bool:
        """Whether the conjugation is still to be done. Source: torch.Tensor.is_conj."""
        return bool(self._flags & CONJ)

    def is_neg(self) -> bool:
        """Whether the negation is still to be done. Source: torch.Tensor.is_neg."""
        return bool(self._flags & NEG)

    def is_complex(self) -> bool:
        return self._array.dtype.kind == "c"

    def is_floating_point(self) -> bool:
        return self.dtype.is_floating_point

    def is_contiguous(self) -> bool:
        """Whether the strides are those of a fresh row-major tensor. Source: torch.Tensor.is_contiguous."""
        return bool(self._array.flags.c_contiguous)

    def dim(self) -> int:
        return self._array.ndim

    ndimension = dim

    def numel(self) -> int:
        return self._array.size

    nelement = numel

    def element_size(self) -> int:
        return self._array.itemsize

    def size(self, dim: int | None = None) -> Any:
        """The shape, or its entry `dim`. Source: torch.Tensor.size."""
        return self.shape if dim is None else self._array.shape[errors.wrap_dim(dim, self._array.ndim)]

    def stride(self, dim: int | None = None) -> Any:
        """The strides in elements, or the entry `dim`. Source: torch.Tensor.stride."""
        itemsize = self._array.itemsize
        strides = tuple(s // itemsize for s in self._array.strides)
        return strides if dim is None else strides[errors.wrap_dim(dim, len(strides))]

    def __len__(self) -> int:
        if not self._array.ndim:
            raise TypeError("len() of a 0-d tensor")
        return self._array.shape[0]

    def __bool__(self) -> bool:
        if self._array.size != 1:
            raise RuntimeError(errors.ambiguous_bool(self._array.size))
        return bool(self._array.reshape(())[()])

    def __hash__(self) -> int:
        return id(self)


def resolved(t: Tensor) -> np.ndarray:
    """The tensor's array with its conj and neg bits applied."""
    array = t._array
    if t._flags & LAZY:
        if t._flags & CONJ:
            array = np.conjugate(array)
        if t._flags & NEG:
            array = np.negative(array)
    return array


def plain(array: np.ndarray) -> Tensor:
    """A new tensor around an array that nothing else owns, without history."""
    t: Tensor = new(Tensor)
    t._array = array
    t._cell = [0]
    t._edge = t._grad = t._view = t._extra = None
    t._needs = False
    t._flags = 0
    return t


def alias(t: Tensor) -> Tensor:
    """A new tensor without history on the same memory, version cell and bits."""
    made = plain(t._array)
    made._cell, made._flags = t._cell, t._flags & LAZY
    return made


def extra(t: Tensor) -> Extra:
    """The tensor's rare attributes, made when first asked for."""
    if t._extra is None:
        t._extra = Extra()
    return t._extra


def set_requires_grad(t: Tensor, value: bool) -> None:
    """Turns a leaf's flag. Raises RuntimeError for a non-leaf (to False) and for an integer dtype (to True)."""
    # Like PyTorch, looks at the history that a view has, not at the one that a write to its base would give it.
    if t._edge is not None:
        if not value:
            raise RuntimeError(errors.NONLEAF_REQUIRES_GRAD)
        return
    if value and t._array.dtype.kind in "iub":
        raise RuntimeError("only Tensors of floating point dtype can require gradients")
    if t._cell is None and value:
        errors.check_inference_requires_grad()
    t._needs = value


def method(function: Callable[..., Any]) -> Callable[..., Any]:
    """Makes a function a Tensor method of the same name."""
    setattr(Tensor, function.__name__, function)
    return function


# Filled by the modules that know how; a Tensor must be able to ask without importing them.
def refresh(t: Tensor) -> None:
    """Brings a view's history up to date with its base (see _views)."""
    _views_hook(t)


def _no_views(t: Tensor) -> None:
    raise AssertionError("views are not installed")


_views_hook: Callable[[Tensor], None] = _no_views


def install_views(function: Callable[[Tensor], None]) -> None:
    """Called once by `_views`, which is imported later than this module."""
    global _views_hook
    _views_hook = function


def construct(cls: type[Tensor], *args: Any, **kwargs: Any) -> Tensor:
    """torch.Tensor(...): the legacy constructor; a shape, data or a tensor."""
    return _constructor_hook(cls, *args, **kwargs)


_constructor_hook: Callable[..., Tensor] = lambda cls, *args, **kwargs: plain(np.empty(args, np.float32))  # noqa: E731


def install_constructor(function: Callable[..., Tensor]) -> None:
    """Called once by the creation operators."""
    global _constructor_hook
    _constructor_hook = function
