"""In-place forms of views: the tensor itself gets another shape, strides and node; its memory stays.

Source: torch.Tensor.t_, transpose_, squeeze_, unsqueeze_, as_strided_, resize_. Trap: other views of the same base get
new history, as after a write.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from .._errors import wrap_dim
from .._forward import set_tangent
from .._graph import gradient_edge
from .._inplace import check_inference_write
from .._modes import is_recording
from .._op import Row, publish
from .._record import RowNode, record
from .._schema import node_name
from .._storage import as_strided_array, contiguous_strides, flat_storage, storage_offset
from .._tensor import DUAL, LAZY, Tensor, alias, plain
from .._views import View, check_writable, move_retained
from .dims import check_matrix, dims_of, squeeze_dim_row, squeeze_dims_row, squeeze_row, t_row, unsqueeze_row
from .shape import as_strided_checks, as_strided_row, transpose_row


def _numbered(row: Row, name: str, overload: int) -> Row:
    """The row under another node name: PyTorch numbers the in-place forms after the others."""
    made = copy.copy(row)
    made.name = node_name(name, overload)
    made.node = type(made.name, (RowNode,), {"__slots__": (), "row": made})
    made.plans = {}
    return made


TWINS = {
    t_row: _numbered(t_row.row, "t", 1),
    transpose_row: _numbered(transpose_row.row, "transpose", 1),
    unsqueeze_row: _numbered(unsqueeze_row.row, "unsqueeze", 1),
    as_strided_row: _numbered(as_strided_row.row, "as_strided", 1),
    squeeze_row: _numbered(squeeze_row.row, "squeeze", 3),
    squeeze_dim_row: _numbered(squeeze_dim_row.row, "squeeze", 4),
    squeeze_dims_row: _numbered(squeeze_dims_row.row, "squeeze", 5),
}


def become(self: Tensor, call: Any, *attributes: Any) -> Tensor:
    """Makes the tensor what a view of it would be."""
    needs = is_recording() and self.requires_grad
    check_writable(self, needs)
    array = call.row.kernel(self._array, *attributes)
    node = None
    if needs:
        before = alias(self)
        before._edge, before._needs = gradient_edge(self), True
        node = record(TWINS[call], (before,), attributes, (plain(array),))
        move_retained(self, node, 0)
    self._array = array
    if self._flags & DUAL:
        for level, tangent in self._extra.tangents.items():
            set_tangent(self, level, call(tangent, *attributes))
    if self._cell is None:
        # As with other writes, PyTorch finds out when it bumps the version.
        check_inference_write()
        return self
    self._cell[0] += 1
    if node is not None:
        self._edge, self._needs = (node, 0), True
    if self._view is not None:
        step = (call, attributes, 0, array, self._flags & LAZY)
        view = self._view
        version = view.version if node is None else self._version
        self._view = View(view.base, (view.chain, step), view.creation, version)
    return self


def t_(self: Tensor) -> Tensor:
    """Transposes the matrix itself. Source: torch.Tensor.t_."""
    check_matrix(self)
    return become(self, t_row)


def transpose_(self: Tensor, dim0: int, dim1: int) -> Tensor:
    """Swaps two dimensions of the tensor itself. Source: torch.Tensor.transpose_."""
    a, b = wrap_dim(dim0, self.ndim), wrap_dim(dim1, self.ndim)
    return become(self, transpose_row, a, b)


def unsqueeze_(self: Tensor, dim: int) -> Tensor:
    """Inserts a size-1 dimension into the tensor itself. Source: torch.Tensor.unsqueeze_."""
    return become(self, unsqueeze_row, wrap_dim(dim, self.ndim + 1))


def squeeze_(self: Tensor, dim: Any = None) -> Tensor:
    """Removes size-1 dimensions from the tensor itself. Source: torch.Tensor.squeeze_."""
    if dim is None:
        return become(self, squeeze_row)
    if isinstance(dim, Sequence):
        return become(self, squeeze_dims_row, dims_of(dim, self.ndim))
    return become(self, squeeze_dim_row, wrap_dim(dim, self.ndim))


def as_strided_(self: Tensor, size: Any, stride: Any, storage_offset: int | None = None) -> Tensor:
    """Gives the tensor itself another geometry on its storage. Source: torch.Tensor.as_strided_."""
    return become(self, as_strided_row, *as_strided_checks(self, size, stride, storage_offset))


def resize_(self: Tensor, *sizes: Any, memory_format: Any = None) -> Tensor:
    """Gives the tensor another shape, contiguous, on its storage, which grows if it must (with zeros).
    Source: torch.Tensor.resize_. Trap: unlike reshape, keeps no meaning of the elements."""
    shape = tuple(sizes[0]) if len(sizes) == 1 and isinstance(sizes[0], Sequence) else sizes
    if self.requires_grad:
        raise RuntimeError("cannot resize variables that require grad")
    check_writable(self, False)
    if shape == self._array.shape:
        return self
    self._array = _resized(self._array, shape)
    if self._cell is not None:
        self._cell[0] += 1
    return self


def _resized(a: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    storage, offset = flat_storage(a), storage_offset(a)
    if offset + prod(shape) > storage.size:
        grown = np.zeros(offset + prod(shape), a.dtype)
        grown[: storage.size] = storage
        return grown[offset:].reshape(shape)
    return as_strided_array(a, shape, contiguous_strides(shape), offset)


def resize_as_(self: Tensor, other: Tensor, *, memory_format: Any = None) -> Tensor:
    """Gives the tensor another's shape. Source: torch.Tensor.resize_as_."""
    return resize_(self, other._array.shape)


def fill_diagonal_(self: Tensor, fill_value: Any, wrap: bool = False) -> Tensor:
    """Writes a number on the main diagonal, for a tall matrix again after each full square if `wrap`.
    Source: torch.Tensor.fill_diagonal_."""
    shape = self._array.shape
    if len(shape) < 2:
        raise RuntimeError("dimensions must larger than 1")
    if len(set(shape)) > 1 and len(shape) > 2:
        raise RuntimeError("all dimensions of input must be of equal length")
    step, start = sum(self.stride()), storage_offset(self._array)
    size = min(shape)
    self.as_strided((size,), (step,), start).fill_(fill_value)
    if wrap and len(shape) == 2 and shape[0] > shape[1] + 1:
        after = self.stride(0) * (shape[1] + 1)
        count = -(-(self.numel() - after) // step)
        self.as_strided((count,), (step,), start + after).fill_(fill_value)
    return self


for _function in (fill_diagonal_, t_, transpose_, unsqueeze_, squeeze_, as_strided_, resize_, resize_as_):
    publish(_function.__name__, _function, method=True, in_module=_function is as_strided_)
for _name in ("swapaxes_", "swapdims_"):
    publish(_name, transpose_, method=True, in_module=False)
