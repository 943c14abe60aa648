"""Memory that a write would share: PyTorch refuses some of it, and which depends on the operator.

Source: observed. Trap: what isn't refused isn't defined either, except where every write stores the same value.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import _errors as errors
from ._calls import flat
from ._op import Row
from ._storage import element_strides, is_dense, is_expanded, owner
from ._tensor import LAZY, Tensor

# An operand may not even be the written tensor: places are read after others were written.
_DISTINCT = frozenset(
    [
        "index_copy",
        "index_add",
        "index_reduce",
        "index_put",
        "put",
        "scatter",
        "scatter_add",
        "scatter_combined",
        "scatter_reduce",
    ]
)
# Elements of the written tensor may share memory.
_EXPANDED = frozenset(
    [
        "addmv",
        "baddbmm",
        "tril",
        "triu",
        "zero",
        "fill2_number",
        "threshold_inplace",
        "masked_fill",
        "masked_fill_tensor",
        "index_fill",
        "index_fill_tensor",
        "index_put",
    ]
)
# Of these, some take matrices as they lie only where those lie one after the other, or all in one place.
_BATCHED = frozenset(["tril", "triu"])
# Of these, PyTorch names some as deprecated: the line of TensorAdvancedIndexing.cpp that warns.
_DEPRECATED = {
    "masked_fill": 2450,
    "masked_fill_tensor": 2450,
    "index_fill": 1913,
    "index_fill_tensor": 1913,
    "index_put": 976,
}
# An operand may share memory with the written tensor in any way.
_UNCHECKED = frozenset(
    [
        "addmm",
        "addmv",
        "addbmm",
        "baddbmm",
        "ldexp",
        "ldexp_whole",
        "masked_scatter",
        "fill2_tensor",
        "masked_fill_tensor",
        "index_fill_tensor",
    ]
)


def check_overlap(row: Row, self: Tensor, inputs: Sequence[Any]) -> None:
    """Raises RuntimeError if elements of the written tensor share memory, or an input overlaps it, where PyTorch's
    operator looks. Like PyTorch, looks no further than stride 0 and dense inputs."""
    name = row.schema.name
    if is_expanded(self._array):
        if self._flags & LAZY:
            raise RuntimeError(errors.INTERNAL_OVERLAP)  # what is written back is a copy, and those are refused
        check_expanded(name)
        if name in _BATCHED and not _is_batch(self._array):
            raise RuntimeError(errors.INTERNAL_OVERLAP)
    if name in _UNCHECKED:
        return
    if self._flags & LAZY:
        return  # PyTorch writes a resolved copy, and that back
    for t in flat(inputs[1:]):
        if not t._flags & LAZY and _overlaps(self, t, name in _DISTINCT):
            raise RuntimeError(errors.PARTIAL_OVERLAP)


def _is_batch(array: np.ndarray) -> bool:
    """Whether matrices lie one after the other in memory, but for the first dimension, which may repeat them."""
    if array.ndim < 4:
        return True
    strides, expected = element_strides(array), array.shape[-1] * array.shape[-2]
    for k in range(array.ndim - 3, 0, -1):
        if strides[k] != expected:
            return False
        expected *= array.shape[k]
    return strides[0] in (0, expected) or array.shape[0] == 1


def check_expanded(name: str) -> None:
    """Raises, or warns, as PyTorch's operator does for a tensor whose elements share memory."""
    if name not in _EXPANDED:
        raise RuntimeError(errors.INTERNAL_OVERLAP)
    if name in _DEPRECATED:
        warnings.warn(
            f"Use of {name.removesuffix('_tensor')}_ on expanded tensors is deprecated. Please clone() the tensor "
            "before performing this operation. This also applies to advanced indexing e.g. "
            f"{'tensor[indices] = tensor' if name == 'index_put' else 'tensor[mask] = scalar'} (Triggered internally "
            f"at /__w/pytorch/pytorch/aten/src/ATen/native/TensorAdvancedIndexing.cpp:{_DEPRECATED[name]}.)",
            UserWarning,
            stacklevel=5,
        )


def _overlaps(self: Tensor, other: Tensor, distinct: bool) -> bool:
    array, given = self._array, other._array
    if other is self:
        return distinct and bool(array.size)
    if (given.base is None and array.base is None) or owner(given) is not owner(array):
        return False
    bounds = np.lib.array_utils.byte_bounds
    (a, b), (c, d) = bounds(array), bounds(given)
    same = (a, b) == (c, d) and array.shape == given.shape and element_strides(array) == element_strides(given)
    if same:
        return distinct and bool(array.size)
    return is_dense(array) and is_dense(given) and a < d and c < b and bool(given.size)
