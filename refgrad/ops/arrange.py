"""Elements in another order or repeated: flip, roll, rot90, repeat, tile, repeat_interleave, and broadcasting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _dtypes as dtypes
from .._calls import raise_broadcast
from .._errors import list_text, wrap_dim
from .._interpreters import formula
from .._layout import canonical, channels_last, copied, preserved, with_strides
from .._op import LINEAR, op, public
from .._storage import contiguous_strides
from .._tensor import Tensor
from .copy import contiguous_row
from .create import fresh
from .dims import dims_of, ints_of, unsqueeze_row
from .shape import Shape, expand_row


def _flip(a: np.ndarray, dims: Shape) -> np.ndarray:
    """In memory of its own: NumPy gives a view, which in a backward could be taken for the cotangent's."""
    return np.flip(a, dims).copy(order="K")


flip_row = op(
    "flip(self, *, dims)", _flip, public=False, layout=preserved, exact=True, jvp=LINEAR,
    self=lambda g, F, dims: F.flip(g, dims),
)  # fmt: skip


@public(method=False)
def flip(input: Tensor, dims: Any) -> Tensor:
    """A copy with the order reversed along some dimensions. Source: torch.flip."""
    return flip_row(input, dims_of(dims, input.ndim))


Tensor.flip = lambda self, *dims: flip(self, ints_of(dims))  # type: ignore[attr-defined]


@public()
def fliplr(input: Tensor) -> Tensor:
    """The columns in reverse order. Source: torch.fliplr."""
    if input.ndim < 2:
        raise RuntimeError("Input must be >= 2-d.")
    return flip_row(input, (1,))


@public()
def flipud(input: Tensor) -> Tensor:
    """The rows in reverse order. Source: torch.flipud."""
    if input.ndim < 1:
        raise RuntimeError("Input must be >= 1-d.")
    return flip_row(input, (0,))


def _roll(a: np.ndarray, shifts: Shape, dims: Shape) -> np.ndarray:
    rolled = np.roll(a, shifts, dims or None)
    made = with_strides(rolled, contiguous_strides(a.shape))
    # PyTorch joins two parts anew, which keeps images stored pixel by pixel; but what need not move is copied.
    moves = dims and a.size and all(s % a.shape[d] for s, d in zip(shifts, dims))
    return channels_last(made, [a]) if moves else made


roll_row = op(
    "roll(self, *, shifts, dims)", _roll, public=False, keeps_strides=True, exact=True, jvp=LINEAR,
    self=lambda g, F, shifts, dims: F.roll(g, tuple(-s for s in shifts), dims),
)  # fmt: skip


@public()
def roll(input: Tensor, shifts: Any, dims: Any = ()) -> Tensor:
    """Elements moved along dimensions, those that fall off coming in at the other end; without `dims` along the
    flattened tensor. Source: torch.roll."""
    steps = tuple(shifts) if isinstance(shifts, Sequence) else (int(shifts),)
    given = tuple(dims) if isinstance(dims, Sequence) else (int(dims),)
    if not steps:
        raise RuntimeError("`shifts` required")
    if len(steps) != len(given) and (given or len(steps) != 1):
        raise RuntimeError(f"shifts and dimensions must align. shifts: {len(steps)}, dims:{len(given)}")
    return roll_row(input, steps, tuple(wrap_dim(d, input.ndim) for d in given))


def _rot90(a: np.ndarray, k: int, dims: Shape) -> np.ndarray:
    """Flips, laid out as the tensor, then for an odd k the transpose."""
    if k % 4 == 0:
        return canonical(np.array(a, order="C"))
    axes = {1: (dims[1],), 2: dims, 3: (dims[0],)}[k % 4]
    made = copied(np.copy(np.flip(a, axes), order="K"), [a])
    return made if k % 2 == 0 else np.swapaxes(made, *dims)


rot90_row = op(
    "rot90(self, *, k, dims)", _rot90, public=False, exact=True, keeps_strides=True, jvp=LINEAR,
    self=lambda g, F, k, dims: F.rot90(g, -k, dims),
)  # fmt: skip


@public()
def rot90(input: Tensor, k: int = 1, dims: Sequence[int] = (0, 1)) -> Tensor:
    """Rotated k times by 90 degrees in the plane of two dimensions. Source: torch.rot90."""
    if len(dims) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(dims)}")
    if input.ndim < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {input.ndim}")
    plane = tuple(wrap_dim(d, input.ndim) for d in dims)
    if plane[0] == plane[1]:
        raise RuntimeError(f"expected rotation dims to be different, but got dim0 = {dims[0]} and dim1 = {dims[1]}")
    return rot90_row(input, k, plane)


@formula
def repeat_sum(F: Any, g: Any, shape: Shape, repeats: Shape) -> Any:
    """The vjp of repeat: the copies added up."""
    if 0 in repeats:
        return F.zeros(shape, F.dtype_of(g).array)
    lead = len(repeats) - len(shape)
    sizes = [n for r, s in zip(repeats[lead:], shape) for n in (r, s)]
    parts = F.reshape(g, (*repeats[:lead], *sizes))
    axes = (*range(lead), *range(lead, lead + 2 * len(shape), 2))
    return F.sum(parts, axes, False) if axes else parts


repeat_row = op(
    "repeat(self, *, repeats)", lambda a, repeats: np.array(np.tile(a, repeats), order="C"), public=False, exact=True,
    jvp=LINEAR,
    self=lambda g, F, self_meta, repeats: F.repeat_sum(g, self_meta.shape, repeats),
)  # fmt: skip


def repeat(self: Tensor, *repeats: Any) -> Tensor:
    """Copies side by side, so many along each dimension. Source: torch.Tensor.repeat."""
    if not repeats:
        raise TypeError('repeat() missing 1 required positional arguments: "repeats"')
    times = ints_of(repeats)
    if len(times) < self.ndim:
        raise RuntimeError("Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor")
    if any(r < 0 for r in times):
        shape = (1,) * (len(times) - self.ndim) + self._array.shape
        made = [r * n for r, n in zip(times, shape)]
        raise RuntimeError(f"Trying to create tensor with negative dimension {next(n for n in made if n < 0)}: {made}")
    return repeat_row(self, times)


Tensor.repeat = repeat  # type: ignore[attr-defined]


@public(method=False)
def tile(input: Tensor, dims: Sequence[int]) -> Tensor:
    """As repeat, with ones put in front of a short `dims`. Source: torch.tile."""
    return repeat(input, (1,) * (input.ndim - len(dims)) + tuple(dims))


Tensor.tile = lambda self, *dims: tile(self, ints_of(dims))  # type: ignore[attr-defined]


def _repeated_places(repeats: Tensor, size: int) -> Tensor:
    """The place of the source of each element when place k is repeated repeats[k] times."""
    counts = repeats._array
    if repeats.dtype not in (dtypes.int32, dtypes.int64):
        raise RuntimeError("repeats has to be Long or Int tensor")
    if (counts < 0).any():
        raise RuntimeError("repeats can not be negative")
    return fresh(np.repeat(np.arange(size), np.broadcast_to(counts, (size,))))


@public()
def repeat_interleave(
    input: Tensor, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None
) -> Tensor:
    """Each element (or slice of `dim`) repeated in its place. Source: torch.repeat_interleave."""
    if repeats is None:
        return _repeated_places(input, input.numel())
    if dim is None:
        input, dim = input.flatten(), 0
    d = wrap_dim(dim, input.ndim)
    n = input._array.shape[d] if input.ndim else 1
    if isinstance(repeats, Tensor) and repeats.numel() != 1:
        if repeats.ndim != 1:
            raise RuntimeError("repeats must be 0-dim or 1-dim tensor")
        if repeats.numel() != n:
            raise RuntimeError(
                "repeats must have the same size as input along dim, but got repeats.size(0) = "
                f"{repeats.numel()} and input.size({d}) = {n}"
            )
        return input.index_select(d, _repeated_places(repeats, n))
    if isinstance(repeats, Tensor):
        return input.index_select(d, _repeated_places(repeats.reshape(1), n))
    if repeats < 0:
        raise RuntimeError("Repeats must be non-negative")
    wide = unsqueeze_row(input, d + 1)
    shape = input._array.shape
    spread = expand_row(wide, (*shape[: d + 1], repeats, *shape[d + 1 :]))
    return contiguous_row(spread).flatten(d, d + 1)


@public(method=False)
def broadcast_to(input: Tensor, size: Any) -> Tensor:
    """The tensor expanded to a shape; a view. Source: torch.broadcast_to."""
    return input.expand(tuple(size))


@public(method=False)
def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]:
    """The tensors expanded to their common shape; those that have it as they are. Source: torch.broadcast_tensors."""
    found = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], Sequence) else tensors
    raise_broadcast(*found)
    shape = np.broadcast_shapes(*[t._array.shape for t in found])
    return tuple(t if t._array.shape == shape else expand_row(t, shape) for t in found)


@public(method=False)
def broadcast_shapes(*shapes: Any) -> Any:
    """The shape to which shapes broadcast. Source: torch.broadcast_shapes."""
    from .._tensor import Size

    given = [tuple(s) if isinstance(s, Sequence) else (s,) for s in shapes]
    try:
        return Size(np.broadcast_shapes(*given))
    except ValueError:
        raise RuntimeError("Shape mismatch: objects cannot be broadcast to a single shape") from None


Tensor.broadcast_to = lambda self, *size: self.expand(ints_of(size))  # type: ignore[attr-defined]
Tensor.expand_as = lambda self, other: self.expand(other._array.shape)  # type: ignore[attr-defined]
Tensor.reshape_as = lambda self, other: self.reshape(other._array.shape)  # type: ignore[attr-defined]


def sum_to_size(self: Tensor, *size: Any) -> Tensor:
    """Summed so that the result has a shape that broadcasts to this one. Source: torch.Tensor.sum_to_size."""
    to = ints_of(size)
    if not to:
        return self.sum()
    have = self._array.shape
    lead = len(have) - len(to)
    if lead < 0 or any(n not in (1, m) for n, m in zip(to, have[lead:])):
        raise RuntimeError(f"size {{{list_text(to)}}} is not expandable to size {{{list_text(have)}}}.")
    axes = (*range(lead), *(lead + k for k, n in enumerate(to) if n == 1 and have[lead + k] != 1))
    found = self.sum(axes, keepdim=True) if axes else self
    return found.view(to) if lead else found


Tensor.sum_to_size = sum_to_size  # type: ignore[attr-defined]
