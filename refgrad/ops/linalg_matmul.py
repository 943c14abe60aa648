"""matmul and what is made of it: linear, inner, outer, tensordot, kron, chains, bilinear.

matmul is a composition: it folds batches into one matrix product where that costs no copy, or where the smaller operand
needs a gradient; else it multiplies in batches. Source: torch.matmul. Trap: the graph shows mm, bmm, mv or dot.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np

from .._calls import raise_broadcast
from .._interpreters import LIVE, NARROW, RAW, narrowed
from .._layout import with_strides
from .._modes import local
from .._op import public
from .._record import record
from .._storage import element_strides
from .._tensor import DUAL, VIEW, Tensor, plain
from .linalg_products import addmm, bmm, dot, mm, mv
from .shape import unsafe_view_row, view_strides

Shape = tuple[int, ...]


def unsafe_view(t: Tensor, shape: Shape) -> Tensor:
    """A fresh product in another shape, not known as a view: nothing else holds its memory."""
    me = local.me
    if t._flags & ~VIEW or not me.plain:
        return unsafe_view_row(t, shape)
    made = plain(t._array.reshape(shape))
    if t.requires_grad and me.grad and t._cell is not None:
        record(unsafe_view_row.row, (t,), (shape,), (made,))
    return made


@public()
def matmul(input: Tensor, other: Tensor) -> Tensor:
    """The matrix product; vectors count as rows on the left and columns on the right, leading dimensions broadcast.
    Source: torch.matmul."""
    n, m = input._array.ndim, other._array.ndim
    if n == 2 and m == 2:
        return mm(input, other)
    if not n or not m:
        raise RuntimeError(f"both arguments to matmul need to be at least 1D, but they are {n}D and {m}D")
    if n <= 2 and m <= 2:
        return _of_vectors(input, other)
    a, b = _squeezed(input, other)
    return _folded(a, b) if _folds(a, b) else _batched(input, other)


def _of_vectors(a: Tensor, b: Tensor) -> Tensor:
    if a.ndim == 1:
        return dot(a, b) if b.ndim == 1 else mm(a.unsqueeze(0), b).squeeze_(0)
    return mv(a, b)


def _needs(t: Tensor) -> bool:
    return local.me.grad and t.requires_grad


def _squeezed(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """A single matrix in a batch of one against a batch: without its batch dimension if it needs a gradient."""
    if a.ndim == b.ndim == 3 and (a._array.shape[0] == 1) != (b._array.shape[0] == 1):
        if a._array.shape[0] == 1 and _needs(a):
            return a.squeeze(0), b
        if b._array.shape[0] == 1 and _needs(b):
            return a, b.squeeze(0)
    return a, b


def _folds(a: Tensor, b: Tensor) -> bool:
    """Whether the larger operand's batch is folded into its rows."""
    larger, smaller = (a, b) if a.ndim >= b.ndim else (b, a)
    if larger.ndim < 3 or smaller.ndim > 2:
        return False
    if _needs(smaller):
        return True
    if a.ndim == 2:
        return False
    array = larger._array if larger is a else larger._array.swapaxes(-1, -2)
    if not array.size:
        return True
    return all(array.strides[k] == array.strides[k + 1] * array.shape[k + 1] for k in range(array.ndim - 2))


def _folded(a: Tensor, b: Tensor) -> Tensor:
    swapped = a.ndim < b.ndim
    large, small = (b.transpose(-2, -1), a.t() if a.ndim == 2 else a) if swapped else (a, b)
    shape = large._array.shape
    rows = large.reshape(prod(shape[:-1]), shape[-1])
    if small.ndim == 1:
        return unsafe_view(mv(rows, small), shape[:-1])
    found = unsafe_view(mm(rows, small), (*shape[:-1], small._array.shape[1]))
    return found.transpose(-2, -1).contiguous() if swapped else found


def _batched(a: Tensor, b: Tensor) -> Tensor:
    (n, m), batch_a = (a._array.shape[-2:] if a.ndim > 1 else (1, a._array.shape[0])), a._array.shape[:-2]
    (k, p), batch_b = (b._array.shape[-2:] if b.ndim > 1 else (b._array.shape[0], 1)), b._array.shape[:-2]
    batch = broadcast_shape(batch_a, batch_b)
    count = prod(batch)
    left = a.expand(*batch, n, m).reshape(count, n, m)
    right = (b.unsqueeze(-1) if b.ndim == 1 else b).expand(*batch, k, p).reshape(count, k, p)
    product = bmm(left, right)
    if b.ndim == 1:
        product = product.squeeze(-1)
    return unsafe_view(product, (*batch, *((n,) if a.ndim > 1 else ()), *((p,) if b.ndim > 1 else ())))


def broadcast_shape(*shapes: Shape) -> Shape:
    """The shape to which shapes broadcast. Raises PyTorch's RuntimeError if they do not."""
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        raise_broadcast(*[np.empty(s, bool) for s in shapes])
        raise


RAW.matmul, NARROW.matmul, LIVE.matmul = np.matmul, narrowed(np.matmul), matmul


def _matmul_operator(self: Tensor, other: Any) -> Any:
    return matmul(self, other) if isinstance(other, Tensor) else NotImplemented


def _swapped_operator(self: Tensor, other: Any) -> Any:
    return matmul(other, self) if isinstance(other, Tensor) else NotImplemented


Tensor.__matmul__ = _matmul_operator  # type: ignore[attr-defined]
Tensor.__rmatmul__ = _swapped_operator  # type: ignore[attr-defined]


@public("nn.functional.linear", method=False)
def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """input @ weightᵀ + bias over the last dimension. Source: torch.nn.functional.linear."""
    shape = input._array.shape
    if not shape or not weight.ndim:
        raise RuntimeError(
            f"both arguments to linear need to be at least 1D, but they are {input.ndim}D and {weight.ndim}D"
        )
    if bias is None:
        return matmul(input, weight.t())
    if input.ndim == 2:
        return addmm(bias, input, weight.t())
    if bias.ndim == 1 and input.is_contiguous() and weight.ndim == 2:
        rows = input.reshape(prod(shape[:-1]), shape[-1])
        return addmm(bias, rows, weight.t()).view(*shape[:-1], weight._array.shape[0])
    product = matmul(input, weight.t())
    # PyTorch adds in place unless a transform runs: the version tells.
    return product + bias if local.me.functional_levels or bias._flags & DUAL else product.add_(bias)


def _check_vector(t: Tensor, where: str, name: str) -> None:
    if t.ndim != 1:
        raise RuntimeError(f"{where}: Expected 1-D argument {name}, but got {t.ndim}-D")


@public()
def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """All products of the entries of two vectors, (n, m). Source: torch.outer."""
    _check_vector(input, "outer", "self")
    _check_vector(vec2, "outer", "vec2")
    return input.reshape(-1, 1) * vec2


@public()
def ger(input: Tensor, vec2: Tensor) -> Tensor:
    """outer. Source: torch.ger."""
    return outer(input, vec2)


@public()
def inner(input: Tensor, other: Tensor) -> Tensor:
    """The products of two tensors over their last dimensions; for a number, the product. Source: torch.inner."""
    if not input.ndim or not other.ndim:
        return input * other
    a, b = input._array.shape, other._array.shape
    if a[-1] != b[-1]:
        raise RuntimeError(
            f"inner() the last dimension must match on both input tensors but got shapes {list(a)} and {list(b)}"
        )
    return _contract(input, other, [input.ndim - 1], [other.ndim - 1])


@public(method=False)
def tensordot(a: Tensor, b: Tensor, dims: Any = 2, out: Any = None) -> Tensor:
    """The product over pairs of dimensions: the last `dims` of a with the first of b, or two lists.
    Source: torch.tensordot."""
    if isinstance(dims, (list, tuple)):
        dims_a, dims_b = dims
    elif isinstance(dims, Tensor) and dims.numel() > 1:
        dims_a, dims_b = dims[0].tolist(), dims[1].tolist()
    else:
        dims_a, dims_b = _last_and_first(a, b, int(dims))
    dims_a = [dims_a] if isinstance(dims_a, int) else list(dims_a)
    dims_b = [dims_b] if isinstance(dims_b, int) else list(dims_b)
    if len(dims_a) != len(dims_b):
        raise RuntimeError("both dimension lists should have same length")
    return _contract(a, b, dims_a, dims_b)


def _last_and_first(a: Tensor, b: Tensor, count: int) -> tuple[list[int], list[int]]:
    if count < 0:
        raise RuntimeError(f"tensordot expects dims >= 0, but got dims={count}")
    if count > min(a.ndim, b.ndim):
        raise RuntimeError(f"tensordot expects dims < ndim_a or ndim_b, but got dims={count}")
    return list(range(-count, 0)), list(range(count))


def _contract(a: Tensor, b: Tensor, dims_a: Sequence[int], dims_b: Sequence[int]) -> Tensor:
    """The product over pairs of dimensions, as one matrix product. A pair with a size of 1 broadcasts."""
    from .reduce import axes_of

    if a.dtype is not b.dtype:
        raise RuntimeError("both inputs should have same dtype")
    for i, j in zip(dims_a, dims_b):
        n, m = a._array.shape[i], b._array.shape[j]
        if n != m and n == 1:
            b = b.sum(j, keepdim=True)
        elif n != m and m == 1:
            a = a.sum(i, keepdim=True)
        elif n != m:
            raise RuntimeError(
                f"contracted dimensions need to match, but first has size {n} in dim {i} and second has size {m} in "
                f"dim {j}"
            )
    axes_a = axes_of(a, tuple(dims_a)) if dims_a else ()
    axes_b = axes_of(b, tuple(dims_b)) if dims_b else ()
    free_a = [d for d in range(a.ndim) if d not in axes_a]
    free_b = [d for d in range(b.ndim) if d not in axes_b]
    return _product(a, b, (free_a, axes_a), (axes_b, free_b))


def _product(a: Tensor, b: Tensor, order_a: Any, order_b: Any) -> Tensor:
    rows = [a._array.shape[d] for d in order_a[0]]
    columns = [b._array.shape[d] for d in order_b[1]]
    inner_size = prod(a._array.shape[d] for d in order_a[1])
    left = a.permute(*order_a[0], *order_a[1]) if a.ndim else a
    right = b.permute(*order_b[0], *order_b[1]) if b.ndim else b
    if not rows and not columns and a.ndim == b.ndim == 1:
        return dot(left, right).view(())
    left = left.reshape(prod(rows), inner_size)
    right = right.reshape(inner_size, prod(columns))
    return mm(left, right).view(*rows, *columns) if rows or columns else mm(left, right).view(())


@public()
def kron(input: Tensor, other: Tensor) -> Tensor:
    """The Kronecker product; the tensor with fewer dimensions is seen with leading ones. Source: torch.kron."""
    n = max(input.ndim, other.ndim)
    a = (1,) * (n - input.ndim) + input._array.shape
    b = (1,) * (n - other.ndim) + other._array.shape
    left = [size for m in a for size in (m, 1)]
    right = [size for m in b for size in (1, m)]
    product = _spaced(input, tuple(left)) * _spaced(other, tuple(right))
    shape = tuple(p * q for p, q in zip(a, b))
    if view_strides(product._array.shape, element_strides(product._array), shape) is None:
        product.detach().view(shape)
    return _spaced(product, shape)


def _spaced(t: Tensor, shape: Shape) -> Tensor:
    """`unsafe_view` with PyTorch's strides in dimensions of size 1 too: they show, and decide a product's layout."""
    made = unsafe_view(t, shape)
    strides = view_strides(t._array.shape, element_strides(t._array), shape)
    if strides is not None:
        made._array = with_strides(made._array, strides)
    return made


@public("linalg.multi_dot", method=False)
def multi_dot(tensors: Sequence[Tensor], *, out: Any = None) -> Tensor:
    """The product of two or more matrices in the cheapest order; the first and last may be vectors.
    Source: torch.linalg.multi_dot."""
    count = len(tensors)
    if count < 2:
        raise RuntimeError(f"multi_dot(): expected at least 2 tensors but got {count}")
    shape, chain = _chain(list(tensors))
    _check_chain(chain)
    if count == 2:
        return mm(chain[0], chain[1]).view(*shape) if shape else mm(chain[0], chain[1]).view(())
    found = _multiply(
        chain, cheapest_order([chain[0]._array.shape[0], *(t._array.shape[1] for t in chain)]), 0, count - 1
    )
    return found.view(*shape) if shape else found.view(())


def _chain(tensors: list[Tensor]) -> tuple[Shape, list[Tensor]]:
    """The shape of the product, and the tensors as matrices."""
    first, last, shape = tensors[0], tensors[-1], []
    for place, t in (("first", first), ("last", last)):
        if t.ndim not in (1, 2):
            raise RuntimeError(f"multi_dot(): the {place} tensor must be 1D or 2D but got {t.ndim}D")
    for k, t in enumerate(tensors[1:-1], 1):
        if t.ndim != 2:
            raise RuntimeError(f"multi_dot(): tensor {k} must be 2D but got {t.ndim}D")
    if first.ndim == 1:
        tensors[0] = first.unsqueeze(0)
    else:
        shape.append(first._array.shape[0])
    if last.ndim == 1:
        tensors[-1] = last.unsqueeze(-1)
    else:
        shape.append(last._array.shape[1])
    return tuple(shape), tensors


def _check_chain(chain: list[Tensor]) -> None:
    from .._dtypes import C_NAMES

    for k, t in enumerate(chain[1:], 1):
        if t.dtype is not chain[0].dtype:
            raise RuntimeError(
                f"multi_dot(): all tensors must have be the same dtype but tensor 0 is {C_NAMES[chain[0].dtype]} and "
                f"tensor {k} {C_NAMES[t.dtype]}"
            )
    for k, (a, b) in enumerate(pairwise(chain)):
        if a._array.shape[1] != b._array.shape[0]:
            raise RuntimeError(
                f"multi_dot(): tensors {k} and {k + 1} with shapes {list(a._array.shape)} and {list(b._array.shape)} "
                "cannot be multiplied"
            )


def cheapest_order(sizes: list[int]) -> dict[tuple[int, int], int]:
    """For each stretch of the chain of matrices sizes[i] × sizes[i+1], where to cut it (dynamic programming)."""
    count = len(sizes) - 1
    cost = {(i, i): 0 for i in range(count)}
    cut: dict[tuple[int, int], int] = {}
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            options = [cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1] for k in range(i, j)]
            cost[i, j] = min(options)
            cut[i, j] = i + options.index(cost[i, j])
    return cut


def _multiply(chain: list[Tensor], cut: dict[tuple[int, int], int], i: int, j: int) -> Tensor:
    if i == j:
        return chain[i]
    k = cut[i, j]
    # The right factor first, as PyTorch's compiler has it: it shows in the order of a backward.
    right = _multiply(chain, cut, k + 1, j)
    return mm(_multiply(chain, cut, i, k), right)


@public(method=False)
def chain_matmul(*matrices: Tensor, out: Any = None) -> Tensor:
    """multi_dot of matrices given one by one. Source: torch.chain_matmul, deprecated for linalg.multi_dot."""
    from warnings import warn

    warn(
        "torch.chain_matmul is deprecated and will be removed in a future PyTorch release. Use torch.linalg.multi_dot "
        "instead, which accepts a list of two or more tensors rather than multiple parameters. (Triggered internally "
        "at /__w/pytorch/pytorch/aten/src/ATen/native/LinearAlgebra.cpp:1102.)",
        UserWarning,
        stacklevel=2,
    )
    given = list(matrices[0]) if len(matrices) == 1 and isinstance(matrices[0], (list, tuple)) else list(matrices)
    if not given:
        raise RuntimeError("chain_matmul(): Expected one or more matrices")
    for t in given:
        if t.ndim != 2:
            raise RuntimeError(f"Tensor dimension is {t.ndim}, expected 2 instead.")
    return given[0] if len(given) == 1 else multi_dot(given)
