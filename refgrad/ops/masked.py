"""Masks: masked_fill, masked_select, masked_scatter, nonzero, and the triangles."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _dtypes as dtypes
from .._calls import raise_broadcast
from .._dtypes import C_NAMES, SCALAR_NAMES
from .._inplace import leaf_first, write
from .._op import LINEAR, op, public, publish
from .._tensor import Tensor, resolved
from .checks import check_number
from .create import fresh
from .shape import Shape


def _filled(a: np.ndarray, mask: np.ndarray, value: Any) -> np.ndarray:
    made = np.array(np.broadcast_to(a, np.broadcast_shapes(a.shape, mask.shape)), order="C")
    np.copyto(made, np.asarray(value).astype(a.dtype), where=mask)
    return made


masked_fill_row = op(
    "masked_fill(self, mask!, *, value)", _filled, public=False, exact=True,
    jvp=lambda F, x, t, attrs, out: F.masked_fill(t[0], x[1], 0),
    self=lambda g, F, mask: F.masked_fill(g, mask, 0),
)  # fmt: skip
masked_fill_tensor_row = op(
    "masked_fill_tensor(self, mask!, value)", _filled, node="masked_fill", overload=1, public=False, exact=True,
    jvp=lambda F, x, t, attrs, out: _fill_tangent(F, x, t),
    self=lambda g, F, mask: F.masked_fill(g, mask, 0), value=lambda g, F, mask: F.where(mask, g, 0),
)  # fmt: skip


def _fill_tangent(F: Any, x: list[Any], t: list[Any]) -> Any:
    tangent = F.zeros_like(x[0]) if t[0] is None else t[0]
    return F.masked_fill(tangent, x[1], 0) if t[2] is None else F.masked_fill_tensor(tangent, x[1], t[2])


def _check_fill(input: Tensor, mask: Tensor, value: Any) -> Any:
    """The row and arguments of a masked fill. Raises RuntimeError."""
    if mask.dtype is not dtypes.bool_:
        raise RuntimeError(f"masked_fill_ only supports boolean masks, but got mask with dtype {C_NAMES[mask.dtype]}")
    raise_broadcast(mask, input)
    if isinstance(value, Tensor):
        if value.ndim:
            raise RuntimeError(
                f"masked_fill_ only supports a 0-dimensional value tensor, but got tensor with {value.ndim} "
                "dimension(s)."
            )
        return masked_fill_tensor_row, (input, mask, value), ()
    check_number(value, input.dtype)
    return masked_fill_row, (input, mask), (value,)


@public()
def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """A copy with `value` where the mask is True. Source: torch.masked_fill."""
    row, tensors, attributes = _check_fill(input, mask, value)
    return row(*tensors, *attributes)


def masked_fill_(self: Tensor, mask: Tensor, value: Any) -> Tensor:
    """Writes `value` where the mask is True. Source: torch.Tensor.masked_fill_."""
    row, tensors, attributes = _check_fill(self, mask, value)
    return write(row.row, tensors, attributes)


publish("masked_fill_", masked_fill_, method=True, in_module=False)


def _scattered(a: np.ndarray, mask: np.ndarray, source: np.ndarray) -> np.ndarray:
    shape = np.broadcast_shapes(a.shape, mask.shape)
    made = np.array(np.broadcast_to(a, shape), order="C")
    places = np.broadcast_to(mask, shape)
    made[places] = source.ravel()[: np.count_nonzero(places)]
    return made


def _gathered_back(g: np.ndarray, mask: np.ndarray, shape: Shape) -> np.ndarray:
    """The masked elements, first to last, in a source of `shape`; zeros for those that were not used."""
    made = np.zeros(shape, g.dtype)
    taken = g[np.broadcast_to(mask, g.shape)]
    made.reshape(-1)[: taken.size] = taken
    return made


masked_scatter_row = op(
    "masked_scatter(self, mask!, source)", _scattered, public=False, exact=True, jvp=LINEAR,
    self=lambda g, F, mask: F.masked_fill(g, mask, 0),
    source=lambda g, F, mask, source_meta: F.masked_scatter_backward(g, mask, source_meta.shape),
)  # fmt: skip
op(
    "masked_scatter_backward(grad_output, mask!, *, shape)", _gathered_back, public=False, exact=True, jvp=LINEAR,
    grad_output=lambda g, F, mask, grad_output_meta: F.masked_scatter(
        F.zeros(grad_output_meta.shape, grad_output_meta.dtype), mask, g
    ),
)  # fmt: skip


def _check_scatter(input: Tensor, mask: Tensor, source: Tensor) -> None:
    if mask.dtype is not dtypes.bool_:
        raise RuntimeError(
            f"masked_scatter_ only supports boolean masks, but got mask with dtype {SCALAR_NAMES[mask.dtype]}"
        )
    if source.dtype is not input.dtype:
        raise RuntimeError(
            f"masked_scatter: expected self and source to have same dtypes but got{SCALAR_NAMES[input.dtype]} and "
            f"{SCALAR_NAMES[source.dtype]}"
        )
    raise_broadcast(mask, input)
    shape = np.broadcast_shapes(input._array.shape, mask._array.shape)
    if source.numel() < np.count_nonzero(np.broadcast_to(mask._array, shape)):
        raise RuntimeError("Number of elements of source < number of ones in mask")


@public()
def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """A copy with the source's elements, in order, where the mask is True. Source: torch.Tensor.masked_scatter."""
    _check_scatter(input, mask, source)
    return masked_scatter_row(input, mask, source)


def masked_scatter_(self: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """Writes the source's elements, in order, where the mask is True. Source: torch.Tensor.masked_scatter_."""
    _check_scatter(self, mask, source)
    return write(masked_scatter_row.row, (self, mask, source), ())


publish("masked_scatter_", masked_scatter_, method=True, in_module=False)


def _picked(a: np.ndarray, mask: np.ndarray) -> np.ndarray:
    shape = np.broadcast_shapes(a.shape, mask.shape)
    return np.broadcast_to(a, shape)[np.broadcast_to(mask, shape)]


def _unpicked(g: Any, F: Any, mask: Any, shape: Shape) -> Any:
    whole = F.zeros(np.broadcast_shapes(shape, tuple(mask.shape)), F.dtype_of(g).array)
    return F.masked_scatter(whole, mask, g)


masked_select_row = op(
    "masked_select(self, mask!)", _picked, public=False, exact=True, jvp=LINEAR,
    self=lambda g, F, mask, self: _unpicked(g, F, mask, tuple(self.shape)),
)  # fmt: skip


@public()
def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """The elements where the mask is True, in one dimension. Source: torch.masked_select."""
    if mask.dtype is not dtypes.bool_:
        raise RuntimeError("masked_select: expected BoolTensor for mask")
    raise_broadcast(mask, input)
    return masked_select_row(input, mask)


@public()
def nonzero(input: Tensor, *, as_tuple: bool = False) -> Any:
    """The places of non-zero elements: a row each, or one index tensor for each dimension. Source: torch.nonzero."""
    a = resolved(input)
    if as_tuple:
        return fresh(np.argwhere(np.atleast_1d(a)).astype(np.int64)).unbind(1)
    return fresh(np.argwhere(a).astype(np.int64))


@public()
def argwhere(input: Tensor) -> Tensor:
    """The places of non-zero elements, a row each. Source: torch.argwhere."""
    return nonzero(input)


tril_row = op(
    "tril(self, *, diagonal)", lambda a, diagonal: np.ascontiguousarray(np.tril(a, diagonal)), public=False,
    exact=True, jvp=LINEAR,
    self=lambda g, F, diagonal: F.tril(g, diagonal),
)  # fmt: skip
triu_row = op(
    "triu(self, *, diagonal)", lambda a, diagonal: np.ascontiguousarray(np.triu(a, diagonal)), public=False,
    exact=True, jvp=LINEAR,
    self=lambda g, F, diagonal: F.triu(g, diagonal),
)  # fmt: skip


def _check_matrices(input: Tensor, name: str) -> None:
    if input.ndim < 2:
        raise RuntimeError(f"{name}: input tensor must have at least 2 dimensions")


@public()
def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    """The lower triangle of matrices, zeros above `diagonal`. Source: torch.tril."""
    _check_matrices(input, "tril")
    return tril_row(input, diagonal)


@public()
def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    """The upper triangle of matrices, zeros below `diagonal`. Source: torch.triu."""
    _check_matrices(input, "triu")
    return triu_row(input, diagonal)


@leaf_first
def tril_(self: Tensor, diagonal: int = 0) -> Tensor:
    """Zeroes what lies above `diagonal`. Source: torch.Tensor.tril_."""
    _check_matrices(self, "tril")
    return write(tril_row.row, (self,), (diagonal,))


@leaf_first
def triu_(self: Tensor, diagonal: int = 0) -> Tensor:
    """Zeroes what lies below `diagonal`. Source: torch.Tensor.triu_."""
    _check_matrices(self, "triu")
    return write(triu_row.row, (self,), (diagonal,))


publish("tril_", tril_, method=True, in_module=False)
publish("triu_", triu_, method=True, in_module=False)
