"""Views that rename, order, add and remove dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from .._errors import list_text, wrap_dim
from .._interpreters import formula
from .._once import warn_once
from .._op import LINEAR, op, public
from .._storage import restrided
from .._tensor import Tensor
from .identity import alias_row
from .shape import Shape, transpose


def ints_of(given: tuple[Any, ...]) -> Shape:
    """Integers from `f(1, 2)` or `f((1, 2))`."""
    found = given[0] if len(given) == 1 and isinstance(given[0], Sequence) else given
    return tuple(int(n) for n in found)


def dims_of(given: Any, ndim: int) -> Shape:
    """Dimensions in 0 … ndim-1. Raises IndexError, or RuntimeError for one that occurs twice."""
    found = tuple(wrap_dim(int(d), ndim) for d in (given if isinstance(given, Sequence) else (given,)))
    for k, d in enumerate(found):
        if d in found[:k]:
            raise RuntimeError(f"dim {d} appears multiple times in the list of dims")
    return found


def inverse(order: Shape) -> Shape:
    """The permutation that undoes another."""
    found = [0] * len(order)
    for k, d in enumerate(order):
        found[d] = k
    return tuple(found)


permute_row = op(
    "permute(self, *, dims)", np.transpose, view=True, public=False, jvp=LINEAR,
    self=lambda g, F, dims: F.permute(g, inverse(dims)),
)  # fmt: skip


@public(method=False)
def permute(input: Tensor, dims: Sequence[int]) -> Tensor:
    """A view with the dimensions in another order. Source: torch.permute."""
    if len(dims) != input.ndim:
        raise RuntimeError(
            "permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired "
            f"ordering of dimensions i.e. input.dim() = {input.ndim} is not equal to len(dims) = {len(dims)}"
        )
    order = tuple(wrap_dim(int(d), input.ndim) for d in dims)
    if len(set(order)) != len(order):
        raise RuntimeError("permute(): duplicate dims are not allowed.")
    return permute_row(input, order)


Tensor.permute = lambda self, *dims: permute(self, ints_of(dims))  # type: ignore[attr-defined]


def _t(a: np.ndarray) -> np.ndarray:
    return a.T if a.ndim == 2 else a.view()


t_row = op("t(self)", _t, view=True, public=False, jvp=LINEAR, self=lambda g, F: F.t(g))


def check_matrix(input: Tensor) -> None:
    """Raises RuntimeError if there are more than two dimensions."""
    if input.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D")


@public()
def t(input: Tensor) -> Tensor:
    """A matrix transposed; a view. 0-d and 1-d tensors as they are. Source: torch.t."""
    check_matrix(input)
    return t_row(input)


def _adjoint(input: Tensor) -> Tensor:
    if input.ndim in (0, 1):
        if not input.ndim:
            return input
        raise RuntimeError(
            f"tensor.adjoint() is only supported on matrices or batches of matrices. Got {input.ndim}-D tensor."
        )
    return transpose(input, -2, -1).conj()


@public(method=True)
def adjoint(input: Tensor) -> Tensor:
    """The conjugate transpose of the last two dimensions; a view. Source: torch.adjoint."""
    return _adjoint(input)


def _matrix_transpose(self: Tensor) -> Tensor:
    if self.ndim == 1:
        raise RuntimeError("tensor.mT is only supported on matrices or batches of matrices. Got 1-D tensor.")
    return transpose(self, -2, -1) if self.ndim else self


def _matrix_adjoint(self: Tensor) -> Tensor:
    if self.ndim == 1:
        raise RuntimeError("tensor.mH is only supported on matrices or batches of matrices. Got 1-D tensor.")
    return _adjoint(self)


def _hermitian(self: Tensor) -> Tensor:
    if self.ndim not in (0, 2):
        raise RuntimeError(
            f"tensor.H is only supported on matrices (2-D tensors). Got {self.ndim}-D tensor."
            + (" For batches of matrices, consider using tensor.mH" if self.ndim > 2 else "")
        )
    return _adjoint(self)


def _reversed(self: Tensor) -> Tensor:
    if self.ndim == 0:
        warn_once(
            "Tensor.T is deprecated on 0-D tensors. This function is the identity in these cases.",
            "TensorShape.cpp:4321",
        )
    elif self.ndim != 2:
        warn_once(
            "The use of `x.T` on tensors of dimension other than 2 to reverse their shape is deprecated and it will "
            "throw an error in a future release. Consider `x.mT` to transpose batches of matrices or "
            "`x.permute(*torch.arange(x.ndim - 1, -1, -1))` to reverse the dimensions of a tensor.",
            "TensorShape.cpp:4314",
        )
    return permute_row(self, tuple(reversed(range(self.ndim))))


Tensor.T = property(_reversed, doc="All dimensions reversed; a view. Source: torch.Tensor.T.")  # type: ignore[attr-defined]
Tensor.mT = property(_matrix_transpose, doc="The last two dimensions swapped. Source: torch.Tensor.mT.")  # type: ignore[attr-defined]
Tensor.H = property(_hermitian, doc="The conjugate transpose of a matrix. Source: torch.Tensor.H.")  # type: ignore[attr-defined]
Tensor.mH = property(_matrix_adjoint, doc="The conjugate transpose of matrices. Source: torch.Tensor.mH.")  # type: ignore[attr-defined]


@public()
def swapaxes(input: Tensor, axis0: int, axis1: int) -> Tensor:
    """As transpose. Source: torch.swapaxes."""
    return transpose(input, axis0, axis1)


@public()
def swapdims(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """As transpose. Source: torch.swapdims."""
    return transpose(input, dim0, dim1)


@public()
def movedim(input: Tensor, source: Any, destination: Any) -> Tensor:
    """Dimensions moved to other places; the rest keep their order. Source: torch.movedim."""
    given = [tuple(d) if isinstance(d, Sequence) else (d,) for d in (source, destination)]
    if len(given[0]) != len(given[1]):
        raise RuntimeError(
            f"movedim: Invalid source or destination dims: source ({list_text(given[0])} dims) should contain the same "
            f"number of dims as destination ({list_text(given[1])} dims)"
        )
    n = input.ndim
    found = [tuple(wrap_dim(int(d), n) for d in dims) for dims in given]
    for name, wrapped, dims in zip(("source", "destination"), found, given):
        if len(set(wrapped)) != len(wrapped):
            raise RuntimeError(f"movedim: repeated dim in `{name}` ({list_text(dims)})")
    if not n:
        return alias_row(input)
    rest = iter(d for d in range(n) if d not in found[0])
    order = [-1] * n
    for s, d in zip(*found):
        order[d] = s
    return permute_row(input, tuple(next(rest) if d < 0 else d for d in order))


@public()
def moveaxis(input: Tensor, source: Any, destination: Any) -> Tensor:
    """As movedim. Source: torch.moveaxis."""
    return movedim(input, source, destination)


def _unsqueeze(a: np.ndarray, dim: int) -> np.ndarray:
    step = a.shape[dim] * a.strides[dim] if dim < a.ndim else a.itemsize
    return restrided(a, (*a.shape[:dim], 1, *a.shape[dim:]), (*a.strides[:dim], step, *a.strides[dim:]))


unsqueeze_row = op(
    "unsqueeze(self, *, dim)", _unsqueeze, view=True, public=False, jvp=LINEAR,
    self=lambda g, F, dim: F.squeeze_dim(g, dim),
)  # fmt: skip


@public()
def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """A view with a size-1 dimension inserted at `dim`. Source: torch.unsqueeze."""
    return unsqueeze_row(input, wrap_dim(dim, input.ndim + 1))


def _squeeze(a: np.ndarray, dims: Shape) -> np.ndarray:
    keep = [k for k, n in enumerate(a.shape) if n != 1 or k not in dims]
    return restrided(a, tuple(a.shape[k] for k in keep), tuple(a.strides[k] for k in keep))


@formula
def unsqueeze_dims(F: Any, g: Any, shape: Shape, dims: Shape) -> Any:
    """Size-1 dimensions put back where squeeze took them out of `shape`."""
    for d in sorted(dims):
        if shape and shape[d] == 1:
            g = F.unsqueeze(g, d)
    return g


squeeze_row = op(
    "squeeze(self)", lambda a: _squeeze(a, tuple(range(a.ndim))), view=True, public=False, jvp=LINEAR,
    self=lambda g, F, self_meta: F.unsqueeze_dims(g, self_meta.shape, tuple(range(len(self_meta.shape)))),
)  # fmt: skip
squeeze_dim_row = op(
    "squeeze_dim(self, *, dim)", lambda a, dim: _squeeze(a, (dim,)), view=True, public=False, node="squeeze",
    overload=1, jvp=LINEAR, self=lambda g, F, self_meta, dim: F.unsqueeze_dims(g, self_meta.shape, (dim,)),
)  # fmt: skip
squeeze_dims_row = op(
    "squeeze_dims(self, *, dims)", _squeeze, view=True, public=False, node="squeeze", overload=2, jvp=LINEAR,
    self=lambda g, F, self_meta, dims: F.unsqueeze_dims(g, self_meta.shape, dims),
)  # fmt: skip


@public()
def squeeze(input: Tensor, dim: Any = None) -> Tensor:
    """A view without the size-1 dimensions, or without those of `dim` that have size 1. Source: torch.squeeze."""
    if dim is None:
        return squeeze_row(input)
    if isinstance(dim, Sequence):
        return squeeze_dims_row(input, dims_of(dim, input.ndim))
    return squeeze_dim_row(input, wrap_dim(dim, input.ndim))


@public()
def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """The dimensions start_dim … end_dim as one: itself, a view or a copy. Source: torch.flatten."""
    n = input.ndim
    start, end = wrap_dim(start_dim, n), wrap_dim(end_dim, n)
    if start > end:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if not n:
        return input.reshape(1)
    if start == end:
        return input
    shape = input._array.shape
    middle = prod(shape[start : end + 1])
    return input.reshape((*shape[:start], middle, *shape[end + 1 :]))


@public()
def unflatten(input: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """One dimension seen as several; one size may be -1. Source: torch.unflatten."""
    if not len(sizes):
        raise RuntimeError("unflatten: sizes must be non-empty")
    d = wrap_dim(dim, input.ndim)
    shape = input._array.shape
    n = shape[d]
    known = prod([s for s in sizes if s != -1])
    if (-1 not in sizes and known != n) or (-1 in sizes and (not known or n % known)):
        raise RuntimeError(
            f"unflatten: Provided sizes {list_text(tuple(sizes))} don't multiply up to the size of dim {d} "
            f"({n}) in the input tensor"
        )
    filled = tuple(n // known if s == -1 else s for s in sizes)
    return input.view((*shape[:d], *filled, *shape[d + 1 :]))


@public()
def ravel(input: Tensor) -> Tensor:
    """All elements in one dimension; a view if contiguous. Source: torch.ravel."""
    return input.contiguous().view(-1)
