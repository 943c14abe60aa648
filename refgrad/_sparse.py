"""Sparse gradients, which gather gives on request: dense values that remember at which places they were written."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._tensor import Tensor, method, new, plain, read_only


class SparseCotangent(np.ndarray):
    """A cotangent with its places: indices of shape (dimensions, n) and n values. Arithmetic forgets them."""

    places: tuple[np.ndarray, np.ndarray] | None

    def __array_finalize__(self, source: object) -> None:
        self.places = None


def sparse_cotangent(dense: np.ndarray, indices: np.ndarray, values: np.ndarray) -> SparseCotangent:
    """The dense cotangent that the values at these places, which may repeat, add up to. Where the places name fewer
    dimensions than there are, a value is a slice of the rest."""
    made = dense.view(SparseCotangent)
    made.places = (indices, values)
    return made


@method
def to_dense(self: Tensor) -> Tensor:
    """The tensor itself: it is dense. Source: torch.Tensor.to_dense."""
    return self


class SparseGradient(Tensor):
    """A gradient in coordinate layout. Trap: what is computed of it is dense; PyTorch keeps some results sparse."""

    __slots__ = ("_coalesced", "_places")

    @read_only
    def is_sparse(self) -> bool:
        return True

    @read_only
    def layout(self) -> str:
        return "torch.sparse_coo"

    def to_dense(self) -> Tensor:
        """The same values as an ordinary tensor. Source: torch.Tensor.to_dense."""
        return plain(np.array(self._array))

    def _indices(self) -> Tensor:
        return plain(self._places[0])

    def _values(self) -> Tensor:
        return plain(self._places[1])

    def _nnz(self) -> int:
        return self._places[1].shape[0]

    def is_coalesced(self) -> bool:
        """Whether every place is known to stand there once, in order. Source: torch.Tensor.is_coalesced."""
        return self._coalesced or self._nnz() < 2

    def coalesce(self) -> SparseGradient:
        """The same gradient with each place once, in order. Source: torch.Tensor.coalesce."""
        count = len(self._places[0])
        shape, rest = self._array.shape[:count], self._array.shape[count:]
        found = np.unique(np.ravel_multi_index(tuple(self._places[0]), shape))
        values = self._array.reshape(-1, *rest)[found] if self._array.size else np.empty((0, *rest), self._array.dtype)
        return sparse_gradient(self._array, np.array(np.unravel_index(found, shape)), values, True)

    def plus(self, other: SparseGradient) -> SparseGradient:
        """The sum, coalesced."""
        places = np.concatenate([self._places[0], other._places[0]], 1)
        return sparse_gradient(self._array + other._array, places, self._places[1]).coalesce()

    def __repr__(self, **options: Any) -> str:
        # Each inner text stands behind a label, and its further lines as far to the right.
        indices = repr(self._indices()).replace("\n", "\n" + 15 * " ")
        values = repr(self._values()).replace("\n", "\n" + 14 * " ")
        size = ", ".join(map(str, self._array.shape)) + ("," if self._array.ndim == 1 else "")
        return (
            f"tensor(indices={indices},\n       values={values},\n       size=({size}), nnz={self._nnz()}, "
            "layout=torch.sparse_coo)"
        )


def sparse_gradient(
    dense: np.ndarray, indices: np.ndarray, values: np.ndarray, coalesced: bool = False
) -> SparseGradient:
    """A sparse gradient around arrays."""
    source, made = plain(dense.view(np.ndarray)), new(SparseGradient)
    for name in ("_array", "_cell", "_edge", "_extra", "_grad", "_view", "_needs", "_flags"):
        setattr(made, name, getattr(source, name))
    made._places, made._coalesced = (indices, values), coalesced
    return made


def sparse_tensor(g: np.ndarray) -> SparseGradient | None:
    """The gradient that a cotangent with places is; None for any other."""
    places = getattr(g, "places", None)
    return None if places is None else sparse_gradient(g, *places)
