"""Tables looked up by integers: embedding, embedding_bag, one_hot."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _dtypes as dtypes
from .._errors import tensor_type
from .._inplace import store
from .._interpreters import formula
from .._op import LINEAR, op, public
from .._sparse import sparse_cotangent
from .._support import no_forward
from .._tensor import Tensor
from .create import fresh
from .index import add_rows
from .layout import no_complex_gradient
from .shape import Shape

MODES = ("sum", "mean", "max")


def _frequencies(indices: np.ndarray, count: int) -> np.ndarray:
    """How often each index occurs among all of them."""
    return np.bincount(indices.ravel(), minlength=count)[indices]


def _weights(indices: np.ndarray, shape: Shape, padding: int, by_frequency: bool, dtype: Any) -> np.ndarray:
    """What each looked-up row's cotangent is multiplied by: 0 for the padding row, 1/frequency if asked for."""
    found = (indices != padding).astype(dtype)
    return found / _frequencies(indices, shape[0]).astype(dtype) if by_frequency else found


def _looked_up_back(g: np.ndarray, indices: np.ndarray, shape: Shape, padding: int, by_frequency: bool) -> np.ndarray:
    table = np.zeros(shape, g.dtype)
    rows = g.reshape(-1, shape[1]) * _weights(indices, shape, padding, by_frequency, g.dtype).reshape(-1, 1)
    add_rows(table, indices.ravel(), rows)
    return table


@formula
def embedding_spread(F: Any, table: Any, indices: Any, padding: int, by_frequency: bool) -> Any:
    """The transpose of `_looked_up_back`."""
    places = indices._array if isinstance(indices, Tensor) else indices
    weights = _weights(places, tuple(table.shape), padding, by_frequency, F.array_dtype(table))
    return F.embedding(table, indices, -1, False) * F.constant(weights[..., None])


embedding_row = op(
    "embedding(weight, indices!, *, padding, by_frequency)",
    lambda weight, indices, padding, by_frequency: weight[indices], public=False, exact=True, jvp=LINEAR,
    weight=lambda g, F, weight_meta, indices, padding, by_frequency: F.embedding_backward(
        g, indices, weight_meta.shape, padding, by_frequency
    ),
)  # fmt: skip
op(
    "embedding_backward(grad_output, indices!, *, shape, padding, by_frequency)", _looked_up_back,
    node="embedding_dense_backward", public=False, jvp=LINEAR,
    grad_output=lambda g, F, indices, padding, by_frequency: F.embedding_spread(g, indices, padding, by_frequency),
)  # fmt: skip


def _sparse_slope(g: Any, F: Any, weight: Any, indices: Any, padding: int, by_frequency: bool) -> Any:
    """The table's cotangent, with its places where it isn't itself recorded."""
    if by_frequency:
        raise RuntimeError("embedding_backward: scale_grad_by_freq not supported with sparse gradients")
    dense = F.embedding_backward(g, indices, tuple(weight.shape), padding, False)
    if not isinstance(dense, np.ndarray):
        return dense
    places, rows = indices.reshape(-1), np.array(g).reshape(-1, dense.shape[1])
    used = places != padding
    return sparse_cotangent(dense, places[used][None], rows[used])


embedding_sparse_row = op(
    "embedding_sparse(weight, indices!, *, padding, by_frequency)",
    lambda weight, indices, padding, by_frequency: weight[indices], public=False, exact=True, jvp=LINEAR,
    weight=lambda g, F, weight_meta, indices, padding, by_frequency: _sparse_slope(
        g, F, weight_meta, indices, padding, by_frequency
    ),
)  # fmt: skip
embedding_sparse_row.row.node.name = embedding_row.row.node.name  # type: ignore[method-assign]
embedding_sparse_row.row.node.__name__ = embedding_row.row.node.__name__


def _check_indices(indices: Tensor, weight: Tensor, function: str) -> None:
    if indices.dtype not in (dtypes.int64, dtypes.int32):
        raise RuntimeError(
            "Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; but got "
            f"torch.{indices.dtype.short} instead (while checking arguments for {function})"
        )
    if weight.ndim != 2:
        raise RuntimeError("'weight' must be 2-D")
    places = indices._array
    if places.size and (places.min() < 0 or places.max() >= weight._array.shape[0]):
        raise IndexError("index out of range in self")


def _shorten_rows(weight: Tensor, indices: Tensor, max_norm: float, norm_type: float) -> None:
    """Scales the rows that are looked up, in place and unrecorded, to a norm of at most max_norm."""
    rows = np.unique(indices._array)
    norms = np.linalg.norm(weight._array[rows].astype(np.float64), norm_type, axis=1)
    values = weight._array.copy()
    long = norms > max_norm
    values[rows[long]] *= (max_norm / (norms[long] + 1e-7))[:, None].astype(values.dtype)
    store(weight, values)


def _wrapped_padding(padding_idx: int | None, weight: Tensor) -> int:
    """The padding row in 0 … rows-1; -1 if there is none."""
    if padding_idx is None:
        return -1
    rows = weight._array.shape[0]
    assert -rows <= padding_idx < rows, "Padding_idx must be within num_embeddings"
    return padding_idx % rows


@public("nn.functional.embedding", method=False)
def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """The rows of a table at the given places. Source: torch.nn.functional.embedding.
    Trap: max_norm shortens the table's rows in place; the row padding_idx gets no gradient; with `sparse` the table's
    gradient is sparse, and what is computed of it dense."""
    padding = _wrapped_padding(padding_idx, weight)
    _check_indices(input, weight, "embedding")
    no_complex_gradient("embedding", weight)
    if max_norm is not None:
        _shorten_rows(weight, input, max_norm, norm_type)
    row = embedding_sparse_row if sparse else embedding_row
    return row(weight, input, padding, scale_grad_by_freq)


def _bag_sizes(n: int, offsets: np.ndarray, last: bool) -> np.ndarray:
    return np.diff(offsets if last else np.append(offsets, n))


def _bags(indices: np.ndarray, offsets: np.ndarray, last: bool) -> np.ndarray:
    """The bag of each index."""
    sizes = _bag_sizes(indices.size, offsets, last)
    return np.repeat(np.arange(sizes.size), sizes)


def _bag_shares(
    indices: np.ndarray, offsets: np.ndarray, last: bool, mode: str, padding: int, frequency: int, dtype: Any
) -> np.ndarray:
    """What each looked-up row counts for in its bag, a column; with `frequency` (rows of the table) over that too."""
    used = (indices != padding).astype(dtype)
    bags = _bags(indices, offsets, last)
    if mode == "mean":
        sizes = np.bincount(bags, used, minlength=1)
        used = used / np.maximum(sizes, 1)[bags].astype(dtype)
    if frequency:
        used = used / _frequencies(indices, frequency).astype(dtype)
    return used.astype(dtype)[:, None]


def _winners(weight: np.ndarray, indices: np.ndarray, offsets: np.ndarray, last: bool, padding: int) -> np.ndarray:
    """For each bag and column the row of the table that is largest, the first at ties; -1 for an empty bag."""
    sizes = _bag_sizes(indices.size, offsets, last)
    made = np.full((sizes.size, weight.shape[1]), -1)
    keep = indices != padding
    bags, rows = _bags(indices, offsets, last)[keep], weight[indices[keep]]
    if not bags.size:
        return made
    starts = np.flatnonzero(np.r_[True, bags[1:] != bags[:-1]])
    best = np.maximum.reduceat(rows, starts, axis=0)
    group = np.cumsum(np.isin(np.arange(bags.size), starts)) - 1
    places = np.where(rows == best[group], np.arange(bags.size)[:, None], bags.size - 1)
    made[bags[starts]] = indices[keep][np.minimum.reduceat(places, starts, axis=0)]
    return made


op("bags_of(indices, offsets, *, last) -> out!", _bags, public=False, exact=True)
op(
    "bag_shares(indices, offsets, *, last, mode, padding, frequency, dtype) -> out!", _bag_shares, public=False,
    exact=True,
)  # fmt: skip
op(
    "bag_winners(weight, indices, offsets, *, last, padding) -> out!", _winners, public=False, exact=True,
)  # fmt: skip


def _bag(
    weight: np.ndarray, indices: np.ndarray, offsets: np.ndarray, samples: np.ndarray | None,
    mode: str, last: bool, padding: int, by_frequency: bool,
) -> np.ndarray:  # fmt: skip
    sizes = _bag_sizes(indices.size, offsets, last)
    made = np.zeros((sizes.size, weight.shape[1]), weight.dtype)
    if mode == "max":
        winners = _winners(weight, indices, offsets, last, padding)
        return np.where(winners < 0, made, np.take_along_axis(weight, np.maximum(winners, 0), 0))
    rows = weight[indices] * _bag_shares(indices, offsets, last, mode, padding, 0, weight.dtype)
    add_rows(made, _bags(indices, offsets, last), rows if samples is None else rows * samples[:, None])
    return made


@formula
def bag_vjp(
    F: Any, g: Any, weight: Any, indices: Any, offsets: Any, samples: Any, meta: Any, settings: tuple[Any, ...]
) -> Any:
    """The cotangent of the table: each bag's, shared out to the rows that it looked up."""
    mode, last, padding, by_frequency = settings
    zeros = F.zeros(meta.shape, meta.dtype)
    if mode == "max":
        winners = F.bag_winners(weight, indices, offsets, last, padding)
        return F.scatter_add(zeros, F.clamp_index(winners), F.where(winners >= 0, g, 0), 0)
    frequency = meta.shape[0] if by_frequency else 0
    shares = F.bag_shares(indices, offsets, last, mode, padding, frequency, meta.dtype)
    rows = F.index_select(g, F.bags_of(indices, offsets, last), 0) * shares
    if samples is not None:
        rows = rows * F.unsqueeze(samples, 1)
    return F.index_add(zeros, indices, rows, 0, 1)


@formula
def bag_sample_vjp(F: Any, g: Any, weight: Any, indices: Any, offsets: Any, last: bool, padding: int) -> Any:
    """The cotangent of per_sample_weights: each looked-up row times its bag's cotangent."""
    shares = F.bag_shares(indices, offsets, last, "sum", padding, 0, F.dtype_of(g).array)
    rows = F.index_select(g, F.bags_of(indices, offsets, last), 0) * shares
    return F.sum(rows * F.index_select(weight, indices, 0), (1,), False)


op("clamp_index(winners) -> out!", lambda winners: np.maximum(winners, 0), public=False, exact=True)

embedding_bag_row = op(
    "embedding_bag(weight, indices!, offsets!, per_sample_weights?, *, mode, last, padding, by_frequency)", _bag,
    public=False, jvp=no_forward("_embedding_bag"),
    weight=lambda g, F, weight, weight_meta, indices, offsets, per_sample_weights, mode, last, padding, by_frequency:
        F.bag_vjp(g, weight, indices, offsets, per_sample_weights, weight_meta, (mode, last, padding, by_frequency)),
    per_sample_weights=lambda g, F, weight, indices, offsets, last, padding: F.bag_sample_vjp(
        g, weight, indices, offsets, last, padding
    ),
)  # fmt: skip


def _check_bag(input: Tensor, offsets: Any, samples: Any, mode: str) -> None:
    if samples is not None and input._array.shape != samples._array.shape:
        raise ValueError(
            f"embedding_bag: If per_sample_weights ({samples.shape}) is not None, then it must have the same shape as "
            f"the input ({input.shape})"
        )
    if input.ndim == 2 and offsets is not None:
        raise ValueError(
            "if input is 2D, then offsets has to be None, as input is treated is a mini-batch of fixed length "
            "sequences. "
            f"However, found offsets of type {type(offsets)}"
        )
    if input.ndim == 1 and not isinstance(offsets, Tensor):
        raise ValueError(
            "offsets has to be a 1D Tensor but got None" if offsets is None else "offsets has to be a 1D Tensor"
        )
    if input.ndim == 1 and offsets.ndim != 1:
        raise ValueError("offsets has to be a 1D Tensor")
    if input.ndim not in (1, 2):
        raise ValueError(f"input has to be 1D or 2D Tensor, but got Tensor of dimension {input.ndim}")
    if mode not in MODES:
        raise ValueError("mode has to be one of sum, mean or max")
    if samples is not None and mode != "sum":
        raise NotImplementedError(
            "embedding_bag: per_sample_weights was not None. per_sample_weights is only supported for mode='sum' (got "
            f"mode='{mode}'). Please open a feature request on GitHub."
        )


@public("nn.functional.embedding_bag", method=False)
def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """The sum, mean or maximum of the rows of a table that each bag names. Source: torch.nn.functional.embedding_bag.
    Bags are the rows of a 2-d input, or start at `offsets` of a 1-d one. An empty bag gives zeros."""
    _check_bag(input, offsets, per_sample_weights, mode)
    if scale_grad_by_freq and mode == "max":
        raise ValueError("max mode does not support scaling the gradient by the frequency")
    if input.ndim == 2:
        bags, length = input._array.shape
        offsets = fresh(np.arange(bags) * length)
        include_last_offset = False
        input = input.reshape(-1)
        per_sample_weights = None if per_sample_weights is None else per_sample_weights.reshape(-1)
    padding = _wrapped_padding(padding_idx, weight)
    _check_indices(input, weight, "embedding_bag")
    if not weight.is_floating_point():
        raise RuntimeError(
            "Expected tensor for argument #1 'weight' to have one of the following scalar types: Half, "
            "BFloat16, Float, "
            f"Double; but got {tensor_type(weight.dtype)} instead (while checking arguments for embedding_bag)"
        )
    if sparse and weight.requires_grad:
        raise NotImplementedError(
            "embedding_bag: sparse=True asks for a sparse gradient, which refgrad has for embedding and gather only; "
            "pass sparse=False, or look the rows up with embedding(sparse=True) and add them up"
        )
    if max_norm is not None:
        _shorten_rows(weight, input, max_norm, norm_type)
    return embedding_bag_row(
        weight, input, offsets, per_sample_weights, mode, include_last_offset, padding, scale_grad_by_freq
    )


@public("nn.functional.one_hot", method=False)
def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """A last dimension of zeros with a 1 at each given place. Source: torch.nn.functional.one_hot."""
    if tensor.dtype is not dtypes.int64:
        raise RuntimeError("one_hot is only applicable to index tensor of type LongTensor.")
    places = tensor._array
    if not places.size:
        if num_classes <= 0:
            raise RuntimeError("Can not infer total number of classes from empty tensor.")
        return fresh(np.zeros((*places.shape, num_classes), np.int64))
    if places.min() < 0:
        raise RuntimeError("Class values must be non-negative.")
    if num_classes == -1:
        num_classes = int(places.max()) + 1
    elif num_classes <= places.max():
        raise RuntimeError("Class values must be smaller than num_classes.")
    return fresh((places[..., None] == np.arange(num_classes)).astype(np.int64))
