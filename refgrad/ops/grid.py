"""Sampling of an input at the points of a grid, and grids of affine maps.

A sample is a sum over taps: places in the input, weighted by one factor for each dimension. How a coordinate leads to a
position is piecewise linear, so its derivative is an array of constants; only the weights are smooth functions.
"""

from __future__ import annotations

import itertools
import warnings
from math import prod
from typing import Any, NamedTuple

import numpy as np

from .._dtypes import SCALAR_NAMES
from .._errors import list_text
from .._interpreters import RAW
from .._op import op, public, publish
from .._tensor import Tensor

MODES = {"bilinear": 0, "nearest": 1, "bicubic": 2}
PADDINGS = {"zeros": 0, "border": 1, "reflection": 2}
ALIGN_WARNING = (
    "Default grid_sample and affine_grid behavior has changed to align_corners=False since 1.3.0. Please specify "
    "align_corners=True if the old behavior is desired. See the documentation of grid_sample for details."
)


class Axis(NamedTuple):
    """Along one dimension, by point: the part t of a step beyond the first tap, its slope in the grid's coordinate, and
    each tap's place and whether it lies inside."""

    part: np.ndarray
    slope: np.ndarray
    places: list[np.ndarray]
    inside: list[np.ndarray]


def _position(c: np.ndarray, size: int, align: bool) -> tuple[np.ndarray, np.ndarray]:
    """A coordinate in [-1, 1] as a position in pixels, and its slope."""
    slope = (size - 1) / 2 if align else size / 2
    found = (c + 1) / 2 * (size - 1) if align else ((c + 1) * size - 1) / 2
    return found.astype(c.dtype), np.full_like(c, slope)


def _reflected(x: np.ndarray, size: int, align: bool) -> tuple[np.ndarray, np.ndarray]:
    """A position mirrored at the borders until it is inside, and the sign of its slope."""
    low, span = (0.0, float(size - 1)) if align else (-0.5, float(size))
    if span == 0:
        return np.zeros_like(x), np.zeros_like(x)
    away = np.abs(x - low)
    rest, flips = np.fmod(away, span), np.floor(away / span)
    even = flips % 2 == 0
    sign = np.where(x >= low, 1, -1) * np.where(even, 1, -1)
    return np.where(even, rest + low, span - rest + low).astype(x.dtype), sign.astype(x.dtype)


def _held(x: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """A position held within the input, and 1 where it was strictly inside, else 0."""
    inside = (x > 0) & (x < size - 1)
    return np.clip(x, 0, size - 1), inside.astype(x.dtype)


def _placed(x: np.ndarray, size: int, padding: int, align: bool) -> tuple[np.ndarray, np.ndarray]:
    """A position after padding, and the slope of that."""
    slope = np.ones_like(x)
    if padding == 2:
        x, slope = _reflected(x, size, align)
    if padding:
        x, held = _held(x, size)
        slope = slope * held
    return x, slope


def _axis(c: np.ndarray, size: int, mode: int, padding: int, align: bool) -> Axis:
    x, slope = _position(c, size, align)
    if mode != 2:
        x, turned = _placed(x, size, padding, align)
        slope = slope * turned
    x = np.where(np.isfinite(x), x, -100).astype(c.dtype)
    first = np.rint(x) if mode == 1 else np.floor(x)
    offsets = {0: (0, 1), 1: (0,), 2: (-1, 0, 1, 2)}[mode]
    taps = [first + k for k in offsets]
    if mode == 2:
        taps = [_placed(t, size, padding, align)[0] for t in taps]
    places = [t.astype(np.int64) for t in taps]
    return Axis(x - first, slope, [np.clip(p, 0, size - 1) for p in places], [(p >= 0) & (p < size) for p in places])


def _weights(t: Any, mode: int) -> list[tuple[Any, Any]]:
    """(weight, its derivative by t) of each tap."""
    if mode == 1:
        return [(None, None)]
    if mode == 0:
        return [(1 - t, -1.0), (t, 1.0)]
    far, near, other, last = t + 1, t, 1 - t, 2 - t
    return [
        (_far(far), _far_slope(far)), (_near(near), _near_slope(near)),
        (_near(other), -_near_slope(other)), (_far(last), -_far_slope(last)),
    ]  # fmt: skip


# Keys' kernel with A = -0.75 at a distance d up to 1 (near) or from 1 to 2 (far), and its derivatives.
def _near(d: Any) -> Any:
    return (1.25 * d - 2.25) * d * d + 1


def _near_slope(d: Any) -> Any:
    return (3.75 * d - 4.5) * d


def _far(d: Any) -> Any:
    return 3 - ((d - 5) * d + 8) * d * 0.75


def _far_slope(d: Any) -> Any:
    return -6 - (3 * d - 10) * d * 0.75


def _raw(value: Any) -> np.ndarray:
    return value._array if isinstance(value, Tensor) else value


def _gather(x: np.ndarray, index: np.ndarray, inside: np.ndarray, dims: int) -> np.ndarray:
    """(N, C, …) at flat places (N, P): (N, C, P), zero where outside."""
    n, c = x.shape[:2]
    flat = x.reshape(n, c, prod(x.shape[2:]))
    taken = np.take_along_axis(flat, np.broadcast_to(index[:, None], (n, c, index.shape[1])), 2)
    return np.where(inside[:, None], taken, 0).astype(x.dtype)


def _scatter(g: np.ndarray, index: np.ndarray, inside: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    n, c = g.shape[:2]
    area = prod(size)
    places = np.arange(n * c).reshape(n, c, 1) * area + index[:, None]
    values = np.where(inside[:, None], g, 0).reshape(-1)
    made = np.bincount(places.reshape(-1), values, n * c * area) if values.size else np.zeros(n * c * area)
    return made.astype(g.dtype).reshape(n, c, *size)


op(
    "gather_points(self, index, inside, *, dims)", _gather, public=False,
    self=lambda g, F, self_meta, index, inside: F.scatter_points(g, index, inside, tuple(self_meta.shape[2:])),
)  # fmt: skip
op(
    "scatter_points(src, index, inside, *, size)", _scatter, public=False,
    src=lambda g, F, index, inside, size: F.gather_points(g, index, inside, len(size)),
)  # fmt: skip


class Sampling:
    """The taps of one call: which places, with which weights, as values of an interpreter."""

    def __init__(self, F: Any, size: tuple[int, ...], grid: Any, mode: int, padding: int, align: bool) -> None:
        raw = _raw(grid)
        dims, n = len(size), raw.shape[0]
        flat = raw.reshape(n, -1 if raw.size else 0, dims)
        # The grid's coordinates are in reverse order: x belongs to the last dimension.
        self.axes = [_axis(flat[..., dims - 1 - k], size[k], mode, padding, align) for k in range(dims)]
        self.size, self.F, self.points = size, F, flat.shape[1]
        self.weights = [_weights(self._part(grid, k, n), mode) for k in range(dims)]

    def _part(self, grid: Any, k: int, n: int) -> Any:
        """t as an array, or as a tensor that depends on the grid with the constant slope."""
        axis = self.axes[k]
        if not self.F.is_live:
            return axis.part
        c = grid.reshape(n, self.points, len(self.size)).select(2, len(self.size) - 1 - k)
        return self.F.constant(axis.part) + (c - c.detach()) * self.F.constant(axis.slope)

    def taps(self) -> Any:
        """For each tap: its flat places, whether they are inside, and its number along each dimension."""
        for numbers in itertools.product(*(range(len(a.places)) for a in self.axes)):
            place, inside = 0, True
            for k, number in enumerate(numbers):
                place = place * self.size[k] + self.axes[k].places[number]
                inside = inside & self.axes[k].inside[number]
            yield self.F.constant(place), self.F.constant(inside), numbers

    def weight(self, numbers: tuple[int, ...], derived: int | None = None) -> Any:
        """The product of a tap's weights, one of them replaced by its derivative; None for 1."""
        found = None
        for k, number in enumerate(numbers):
            w = self.weights[k][number][1 if k == derived else 0]
            found = w if found is None else (found if w is None else found * w)
        return found


def _column(F: Any, w: Any, shape: tuple[int, int]) -> Any:
    return w if isinstance(w, float) else F.reshape(w, (shape[0], 1, shape[1]))


def _sample(x: np.ndarray, grid: np.ndarray, mode: int, padding: int, align: bool) -> np.ndarray:
    sampling = Sampling(RAW, x.shape[2:], grid, mode, padding, align)
    shape = (x.shape[0], sampling.points)
    total = np.zeros((*x.shape[:2], sampling.points), x.dtype)
    for place, inside, numbers in sampling.taps():
        w, values = sampling.weight(numbers), _gather(x, place, inside, x.ndim - 2)
        total += values if w is None else values * _column(RAW, w, shape)
    return total.reshape(*x.shape[:2], *grid.shape[1:-1]).astype(x.dtype)


def _sample_pull(
    F: Any, needs: Any, g: Any, input: Any, grid: Any, interpolation_mode: int, padding_mode: int, align_corners: bool
) -> tuple[Any, ...]:
    size, dims = tuple(input.shape[2:]), len(input.shape) - 2
    sampling = Sampling(F, size, grid, interpolation_mode, padding_mode, align_corners)
    shape = (input.shape[0], sampling.points)
    g = F.reshape(g, (*input.shape[:2], sampling.points))
    by_input, parts = None, [None] * dims
    for place, inside, numbers in sampling.taps():
        if needs[0]:
            w = sampling.weight(numbers)
            share = F.scatter_points(g if w is None else g * _column(F, w, shape), place, inside, size)
            by_input = share if by_input is None else by_input + share
        if needs[1] and interpolation_mode != 1:
            pull = F.sum_dim(F.gather_points(input, place, inside, dims) * g, (1,), False)
            for k in range(dims):
                part = pull * sampling.weight(numbers, k)
                parts[k] = part if parts[k] is None else parts[k] + part
    if by_input is not None:
        by_input = F.attached_to(F.linked_to(by_input, input), grid)
    if not needs[1]:
        return by_input, None
    if interpolation_mode == 1:  # flat between the pixels, and PyTorch's second derivative is nothing at all
        return by_input, F.linked_to(F.zeros_like(grid), input, grid, g)
    return by_input, F.attached_to(F.linked_to(_grid_cotangent(F, grid, sampling, parts), input), grid)


def _grid_cotangent(F: Any, grid: Any, sampling: Sampling, parts: list[Any]) -> Any:
    dims, total = len(parts), None
    for k, part in enumerate(parts):
        unit = np.zeros(dims, _raw(grid).dtype)
        unit[dims - 1 - k] = 1
        moved = F.reshape(part * F.constant(sampling.axes[k].slope), (grid.shape[0], sampling.points, 1)) * F.constant(
            unit
        )
        total = moved if total is None else total + moved
    return F.reshape(total, tuple(grid.shape))


ROWS = {
    n: op(
        f"grid_sampler_{n}d_row(input, grid, *, interpolation_mode, padding_mode, align_corners)", _sample,
        public=False, node=f"grid_sampler_{n}d", gradients=_sample_pull,
    )
    for n in (2, 3)
}  # fmt: skip


def _check_grid(input: Tensor, grid: Tensor, mode: str) -> None:
    shown = f"input with sizes {list_text(input.shape)} and grid with sizes {list_text(grid.shape)}"
    if input.shape[0] != grid.shape[0]:
        raise RuntimeError(f"grid_sampler(): expected grid and input to have same batch size, but got {shown}")
    if grid.shape[-1] != input.ndim - 2:
        raise RuntimeError(
            f"grid_sampler(): expected grid to have size {input.ndim - 2} in last dimension, but got grid with sizes "
            f"{list_text(grid.shape)}"
        )
    for k in range(2, input.ndim):
        if not input.shape[k]:
            raise RuntimeError(
                f"grid_sampler(): expected input to have non-empty spatial dimensions, but input has sizes "
                f"{list_text(input.shape)} with dimension {k} being empty"
            )
    if input.ndim not in (4, 5) or input.ndim != grid.ndim:
        raise RuntimeError(
            f"grid_sampler(): expected 4D or 5D input and grid with same number of dimensions, but got {shown}"
        )
    if input.ndim == 5 and mode == MODES["bicubic"]:
        raise RuntimeError("grid_sampler(): bicubic interpolation only supports 4D input")


@public("nn.functional.grid_sample", method=False)
def grid_sample(
    input: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    """The input (N, C, H, W) or (N, C, D, H, W) at the points of a grid (N, …, 2 or 3), x first.
    Source: torch.nn.functional.grid_sample. Trap: -1 and 1 are the outer edges of the corner pixels, or their centres
    with align_corners=True."""
    if mode not in MODES:
        raise ValueError(
            f"nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', but got: '{mode}'"
        )
    if padding_mode not in PADDINGS:
        raise ValueError(
            "nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or 'reflection', but got: "
            f"'{padding_mode}'"
        )
    if align_corners is None:
        warnings.warn(ALIGN_WARNING, UserWarning, stacklevel=2)
    return _sampled(input, grid, MODES[mode], PADDINGS[padding_mode], bool(align_corners))


def _sampled(input: Tensor, grid: Tensor, mode: int, padding: int, align_corners: bool) -> Tensor:
    _check_grid(input, grid, mode)
    dims = input.ndim - 2
    if not input.is_floating_point():
        raise NotImplementedError(
            f"\"grid_sampler_{dims}d_cpu_kernel_impl\" not implemented for '{SCALAR_NAMES[input.dtype]}'"
        )
    if grid.dtype is not input.dtype:
        raise RuntimeError(f"expected scalar type {SCALAR_NAMES[input.dtype]} but found {SCALAR_NAMES[grid.dtype]}")
    return ROWS[dims](input, grid, mode, padding, align_corners)


def _numbered(dims: int) -> None:
    """Publishes grid_sampler_2d or 3d: grid_sample with its modes as numbers."""

    def sample(input: Tensor, grid: Tensor, interpolation_mode: int, padding_mode: int, align_corners: bool) -> Tensor:
        return _sampled(input, grid, interpolation_mode, padding_mode, align_corners)

    sample.__name__ = sample.__qualname__ = f"grid_sampler_{dims}d"
    sample.__doc__ = f"grid_sample, its modes as numbers. Source: torch.grid_sampler_{dims}d."
    publish(sample.__name__, sample)


_numbered(2)
_numbered(3)


def _base(size: tuple[int, ...], align: bool, dtype: np.dtype) -> np.ndarray:
    """The points (P, dims + 1) of the identity map's grid, with a 1 at the end."""
    lines = []
    for n in size:
        line = np.linspace(-1, 1, n, dtype=dtype) if n > 1 else np.zeros(n, dtype)
        lines.append(line if align else line * np.asarray((n - 1) / n, dtype))
    mesh = np.meshgrid(*lines, indexing="ij")
    return np.stack([*(m.ravel() for m in reversed(mesh)), np.ones(mesh[0].size, dtype)], -1)


def _affine(theta: np.ndarray, size: tuple[int, ...], align_corners: bool) -> np.ndarray:
    base = _base(size[2:], align_corners, theta.dtype)
    return np.matmul(base, theta.swapaxes(1, 2)).reshape(theta.shape[0], *size[2:], len(size) - 2)


def _affine_pull(g: np.ndarray, size: tuple[int, ...], align_corners: bool) -> np.ndarray:
    base = _base(size[2:], align_corners, g.dtype)
    return np.matmul(g.reshape(g.shape[0], len(base), len(size) - 2).swapaxes(1, 2), base)


op(
    "affine_grid_pull(grad, *, size, align_corners)", _affine_pull, public=False, jvp="linear",
    grad=lambda g, F, size, align_corners: F.affine_grid_row(g, size, align_corners),
)  # fmt: skip
affine_row = op(
    "affine_grid_row(theta, *, size, align_corners)", _affine, public=False, jvp="linear", node="affine_grid_generator",
    theta=lambda g, F, size, align_corners: F.affine_grid_pull(g, size, align_corners),
)  # fmt: skip


@public("nn.functional.affine_grid", method=False)
def affine_grid(theta: Tensor, size: Any, align_corners: bool | None = None) -> Tensor:
    """The grid (N, H, W, 2) or (N, D, H, W, 3) of affine maps (N, 2, 3) or (N, 3, 4), for grid_sample. Source:
    torch.nn.functional.affine_grid. Raises ValueError, NotImplementedError, RuntimeError."""
    if align_corners is None:
        warnings.warn(ALIGN_WARNING, UserWarning, stacklevel=2)
    if not theta.is_floating_point():
        raise ValueError(f"Expected theta to have floating point type, but got {theta.dtype}")
    shape, dims = tuple(int(n) for n in size), len(size) - 2
    if dims not in (2, 3):
        raise NotImplementedError(
            "affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, respectively. Got size "
            f"{size}."
        )
    if theta.ndim != 3 or tuple(theta.shape[-2:]) != (dims, dims + 1):
        raise ValueError(
            f"Expected a batch of {dims}D affine matrices of shape Nx{dims}x{dims + 1} for size {size}. Got "
            f"{theta.shape}."
        )
    if align_corners and min(shape[2:]) == 1:
        warnings.warn(
            "Since version 1.3.0, affine_grid behavior has changed for unit-size grids when align_corners=True. This "
            "is not "
            "an intended use case of affine_grid. See the documentation of affine_grid for details.",
            UserWarning,
            stacklevel=2,
        )
    elif min(shape) <= 0:
        raise ValueError(f"Expected non-zero, positive output size. Got {size}")
    if theta.shape[0] != shape[0]:
        raise RuntimeError(
            f"Expected size for first two dimensions of batch2 tensor to be: [{shape[0]}, {dims + 1}] but got: "
            f"[{theta.shape[0]}, {dims + 1}]."
        )
    return affine_row(theta, shape, bool(align_corners))
