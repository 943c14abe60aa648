"""Max pools with fixed, adaptive and random windows, and their partial inverse.

An output remembers the flat place of its element in the input's plane; the vjp adds the cotangent there. Windows are
lists of places for each dimension, so that one kernel serves every kind. Among equals the first wins, and nan wins.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from .. import _dtypes as dtypes
from .._dtypes import SCALAR_NAMES
from .._errors import list_text
from .._op import op, public
from .._tensor import Tensor
from .pool_average import (
    adaptive_sizes,
    check_adaptive,
    check_line,
    check_pooled,
    check_windows,
    line_size,
    pool_numbers,
    pooled_size,
)
from .separable import Factor, adaptive_bounds
from .spatial import Numbers, by_plane, channels_last, laid_out_like, spread_number

Places = tuple[np.ndarray, np.ndarray]


def window_places(size: int, starts: np.ndarray, length: int, dilation: int = 1) -> Places:
    """Places (outputs, length) in a dimension, and which of them lie inside."""
    places = starts[:, None] + np.arange(length) * dilation
    return np.clip(places, 0, max(size - 1, 0)), (places >= 0) & (places < size)


def _max_of_windows(x: np.ndarray, windows: list[Places]) -> tuple[np.ndarray, np.ndarray]:
    """The largest element of each window (the product of windows by dimension), and its flat place in the plane."""
    dims, inner = len(windows), x.shape[x.ndim - len(windows) :]
    place, inside = np.zeros((1,) * (2 * dims), np.int64), np.ones((1,) * (2 * dims), bool)
    for k, (places, valid) in enumerate(windows):
        shape = [1] * (2 * dims)
        shape[k], shape[dims + k] = places.shape
        place = place * inner[k] + places.reshape(shape)
        inside = inside & valid.reshape(shape)
    out = place.shape[:dims]
    place, inside = place.reshape(*out, -1 if place.size else 1), inside.reshape(*out, -1 if inside.size else 1)
    planes = x.reshape(-1 if x.size else prod(x.shape[: x.ndim - dims]), prod(inner))
    if not place.size or not planes.size:
        shape = x.shape[: x.ndim - dims] + out
        return np.zeros(shape, x.dtype), np.zeros(shape, np.int64)
    taken = planes[:, place]
    chosen = _largest(taken, inside)
    best = np.take_along_axis(np.broadcast_to(place, taken.shape), chosen[..., None], -1)[..., 0]
    values = np.take_along_axis(taken, chosen[..., None], -1)[..., 0]
    shape = x.shape[: x.ndim - dims] + out
    return np.ascontiguousarray(values.reshape(shape)), np.ascontiguousarray(best.reshape(shape))


def _largest(taken: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """The first of the largest elements, but the last nan; what lies outside never wins, not even against -inf."""
    if taken.dtype.kind in "iub":
        return np.argmax(np.where(inside, taken.astype(np.int64), np.iinfo(np.int64).min), -1)
    wide = taken.astype(np.float64)
    found = np.argmax(np.where(inside, np.where(np.isneginf(wide), np.finfo(np.float64).min, wide), -np.inf), -1)
    missing = np.isnan(wide) & inside
    last = missing.shape[-1] - 1 - np.argmax(missing[..., ::-1], -1)
    return np.where(missing.any(-1), last, found)


def _place_planes(g: np.ndarray, indices: np.ndarray, size: Numbers) -> np.ndarray:
    """Zero planes of a size with g added at flat places; any leading dimensions."""
    lead = g.shape[: g.ndim - len(size)]
    count, area = prod(lead), prod(size)
    made = np.zeros((count, area), g.dtype)
    if g.size:
        flat = indices.reshape(count, -1)
        np.add.at(made, (np.arange(count)[:, None], flat), g.reshape(count, -1))
    return made.reshape(*lead, *size)


def _take_planes(x: np.ndarray, indices: np.ndarray, dims: int) -> np.ndarray:
    """Elements of planes at flat places."""
    lead = x.shape[: x.ndim - dims]
    count = prod(lead)
    if not indices.size:
        return np.zeros(indices.shape, x.dtype)
    return np.take_along_axis(x.reshape(count, -1), indices.reshape(count, -1), 1).reshape(indices.shape)


op(
    "place_planes(src, indices, *, size)", _place_planes, public=False,
    jvp=lambda F, x, t, attributes, out: F.place_planes(t[0], x[1], *attributes),
    src=lambda g, F, indices, size: F.take_planes(g, indices, len(size)),
)  # fmt: skip
op(
    "take_planes(self, indices, *, dims)", _take_planes, public=False,
    jvp=lambda F, x, t, attributes, out: F.take_planes(t[0], x[1], *attributes),
    self=lambda g, F, self_meta, indices, dims: F.place_planes(g, indices, tuple(self_meta.shape[-dims:])),
)  # fmt: skip


def _pool_row(name: str, node: str, dims: int, attributes: str, windows: Any, layout: Any = laid_out_like) -> Any:
    def kernel(x: np.ndarray, *given: Any) -> tuple[np.ndarray, np.ndarray]:
        return _max_of_windows(x, windows(x.shape[x.ndim - dims :], *given))

    return op(
        f"{name}(self, *, {attributes}) -> out, result1!", kernel, public=False, node=node, layout=layout,
        jvp=lambda F, x, t, given, outputs: (F.take_planes(t[0], outputs[1], dims), None),
        self=lambda F, g_out, self, result1: F.attached_to(
            F.place_planes(g_out, result1, tuple(self.shape[-dims:])), self
        ),
    )  # fmt: skip


def _fixed(
    size: Numbers, out: Numbers, kernel: Numbers, stride: Numbers, padding: Numbers, dilation: Numbers
) -> list[Places]:
    each = zip(size, out, kernel, stride, padding, dilation)
    return [window_places(n, np.arange(m) * s - p, k, d) for n, m, k, s, p, d in each]


def _adaptive(size: Numbers, out: Numbers) -> list[Places]:
    made = []
    for n, m in zip(size, out):
        starts, ends = adaptive_bounds(Factor("adaptive", n, m))
        places, inside = window_places(n, starts, int((ends - starts).max(initial=1)))
        made.append((places, inside & (starts[:, None] + np.arange(places.shape[1]) < ends[:, None])))
    return made


_FIXED = "out, kernel, stride, padding, dilation"
ROWS = {n: _pool_row(f"max_pool{n}d_row", f"max_pool{n}D_with_indices", n, _FIXED, _fixed) for n in (2, 3)}
ADAPTIVE_ROWS = {
    n: _pool_row(f"adaptive_max_pool{n}d_row", f"adaptive_max_pool{n}D", n, "out", _adaptive, layout)
    for n, layout in ((2, laid_out_like), (3, None))
}


def _max_pool(
    dims: int, input: Tensor, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> tuple[Tensor, Tensor]:
    name = f"max_pool{dims}d"
    kernel = pool_numbers(name, "kernel_size", kernel_size, dims)
    steps = pool_numbers(name, "stride", kernel if stride is None or stride == () else stride, dims)
    pads, dilations = pool_numbers(name, "padding", padding, dims), pool_numbers(name, "dilation", dilation, dims)
    if input.ndim not in (dims + 1, dims + 2):
        raise RuntimeError(f"non-empty {dims + 1}D or {dims + 2}D (batch mode) tensor expected for input")
    if min(dilations) <= 0:
        shown = " ".join(f"dilation{side}: {d}" for side, d in zip("THW"[-dims:], dilations))
        raise RuntimeError(f"dilation should be greater than zero, but got {shown}")
    check_windows(kernel, steps, pads, dilations)
    if dims == 3 and input.ndim == 4 and channels_last(input._array):
        raise RuntimeError("Unsupported memory format. Supports only ChannelsLast3d, Contiguous")
    inner = input.shape[-dims:]
    sizes = tuple(pooled_size(*given, ceil_mode) for given in zip(inner, kernel, steps, pads, dilations))
    check_pooled(input, dims, sizes)
    if input.dtype.array.kind in "cb":
        raise NotImplementedError(f"\"{name}\" not implemented for '{SCALAR_NAMES[input.dtype]}'")
    return ROWS[dims](input, sizes, kernel, steps, pads, dilations)


def _public_max(dims: int) -> None:
    name = f"max_pool{dims}d"

    def with_indices(
        input: Tensor,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Any:
        if dims > 1:
            return _max_pool(dims, input, kernel_size, stride, padding, dilation, ceil_mode)
        return _line_max(input, kernel_size, stride, padding, dilation, ceil_mode)

    def max_pool(
        input: Tensor,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Any:
        found = with_indices(input, kernel_size, stride, padding, dilation, ceil_mode)
        return found if return_indices else found[0]

    def plain_pool(
        input: Tensor,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: bool = False,
    ) -> Tensor:
        return with_indices(input, kernel_size, stride, padding, dilation, ceil_mode)[0]

    names = {f"nn.functional.{name}": max_pool, f"nn.functional.{name}_with_indices": with_indices, name: plain_pool}
    for published, function in names.items():
        function.__name__ = function.__qualname__ = published.rpartition(".")[2]
        function.__doc__ = (
            f"The largest element of each window; with indices also its place in the plane. Source: {published}. Trap: "
            "among equals the first in row-major order gets the gradient."
        )
        public(published, method=False)(function)


def _line_max(input: Tensor, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool) -> Any:
    if input.ndim not in (2, 3):
        raise RuntimeError(
            "max_pool1d: Expected 2D or 3D (batch mode) tensor with optional 0 dim batch size for input, but got:"
            f"{list_text(input.shape)}"
        )
    (kernel,), (pad,), (step_d,) = spread_number(kernel_size, 1), spread_number(padding, 1), spread_number(dilation, 1)  # type: ignore[misc]
    (step,) = (kernel,) if stride is None or stride == () else spread_number(stride, 1)  # type: ignore[misc]
    if step <= 0:
        raise RuntimeError(f"max_pool1d() stride must be greater than zero, but got {step}")
    if pad > kernel // 2:
        raise RuntimeError(
            "max_pool1d() padding should be at most half of kernel size, but got padding="
            f"{pad} and kernel_size={kernel}"
        )
    size = pooled_size(input.shape[-1], kernel, step, pad, step_d, ceil_mode)
    if size < 1:
        raise RuntimeError(f"max_pool1d() Invalid computed output size: {size}")
    return by_plane(input, lambda t: _max_pool(2, t, (1, kernel), (1, step), (0, pad), (1, step_d), ceil_mode))


def _public_adaptive(dims: int) -> None:
    name = f"adaptive_max_pool{dims}d"

    def with_indices(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
        if dims == 1:
            size = line_size(name, output_size)
            check_line(input, name)
            check_adaptive(input, name, 1, ":")
            return by_plane(input, lambda t: _adaptive_max(t, (1, size), 2))
        return _adaptive_max(input, adaptive_sizes(input, output_size, dims), dims)

    def adaptive_max_pool(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
        found = with_indices(input, output_size)
        return found if return_indices else found[0]

    text = (
        f"The largest element of windows that share the input out into output_size. Source: torch.nn.functional.{name}."
    )
    for function, ending in ((adaptive_max_pool, ""), (with_indices, "_with_indices")):
        function.__doc__, function.__name__, function.__qualname__ = text, name + ending, name + ending
        public(f"nn.functional.{name}{ending}", method=False)(function)
    if dims == 1:
        public(name, method=False)(with_indices)


def _adaptive_max(input: Tensor, sizes: Numbers, dims: int) -> tuple[Tensor, Tensor]:
    name = f"adaptive_max_pool{dims}d"
    check_adaptive(input, name, dims, ":")
    if len(sizes) != dims:
        raise RuntimeError(f"{name}(): internal error: output_size.size() must be {dims}")
    if min(sizes) < 0:
        shape = (*input.shape[:-dims], *sizes)
        raise RuntimeError(f"Trying to create tensor with negative dimension {min(sizes)}: {list_text(shape)}")
    if not input.is_floating_point():
        kernel = name + ("_cpu" if dims == 3 else "")
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{SCALAR_NAMES[input.dtype]}'")
    return ADAPTIVE_ROWS[dims](input, sizes)


for _dims in (1, 2, 3):
    _public_max(_dims)
    _public_adaptive(_dims)


def _unpool_row(dims: int) -> Any:
    # The last of several elements with one place stays; only that one has a derivative.
    def kernel(x: np.ndarray, indices: np.ndarray, size: Numbers) -> np.ndarray:
        lead = x.shape[: x.ndim - dims]
        count = prod(lead)
        made = np.zeros((count, prod(size)), x.dtype)
        if x.size:
            made[np.arange(count)[:, None], indices.reshape(count, -1)] = x.reshape(count, -1)
        return made.reshape(*lead, *size)

    return op(
        f"max_unpool{dims}d_row(self, indices, *, size)", kernel, public=False, exact=True, node=f"max_unpool{dims}D",
        layout=laid_out_like if dims == 2 else None,
        self=lambda g, F, indices, size: F.take_planes(g, indices, len(size)),
        jvp=lambda F, x, t, attributes, out: getattr(F, f"max_unpool{dims}d_row")(t[0], x[1], *attributes),
    )  # fmt: skip


UNPOOL_ROWS = {n: _unpool_row(n) for n in (2, 3)}


def _unpooled_size(
    input: Tensor, kernel: Numbers, stride: Numbers, padding: Numbers, output_size: Any, dims: int
) -> Numbers:
    """The size before pooling: as given, if it is near the default. Raises ValueError."""
    inner = input.shape[len(input.shape) - dims :]
    default = tuple((n - 1) * s + k - 2 * p for n, k, s, p in zip(inner, kernel, stride, padding))
    if output_size is None:
        return default
    given = tuple(output_size)
    if len(given) == dims + 2:
        given = given[2:]
    if len(given) != dims:
        raise ValueError(
            f"output_size should be a sequence containing {dims} or {dims + 2} elements, but it has a length of "
            f"'{len(given)}'"
        )
    for d, (n, m, s) in enumerate(zip(given, default, stride)):
        if not m - s < n < m + s:
            raise ValueError(f'invalid output_size "{given}" (dim {d} must be between {m - s} and {m + s})')
    return given


def _check_unpool(input: Tensor, indices: Tensor, size: Numbers, dims: int) -> None:
    if indices.dtype is not dtypes.int64:
        raise RuntimeError(f"elements in indices should be type int64 but got: {SCALAR_NAMES[indices.dtype]}")
    if input.ndim not in (dims + 1, dims + 2):
        raise RuntimeError(
            f"Input to max_unpooling{dims}d should be a {dims + 1}d or {dims + 2}d Tensor, but got a tensor with "
            f"{input.ndim} dimensions."
        )
    if indices.shape != input.shape:
        raise RuntimeError(
            f"Expected shape of indices to be same as that of the input tensor ({list_text(input.shape)}) but got "
            f"indices "
            f"tensor with shape: {list_text(indices.shape)}"
        )
    if not input.is_floating_point():
        raise NotImplementedError(f"\"max_unpool{dims}d\" not implemented for '{SCALAR_NAMES[input.dtype]}'")
    area = prod(size)
    wrong = (indices._array < 0) | (indices._array >= area)
    if wrong.any():
        shown = "x".join(map(str, size))
        found = indices._array[wrong].reshape(-1)[0]
        raise RuntimeError(f"Found an invalid max index: {found} (output volumes are of size {shown})")


def _public_unpool(dims: int) -> None:
    name = f"max_unpool{dims}d"

    def max_unpool(
        input: Tensor, indices: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
    ) -> Tensor:
        kernel = spread_number(kernel_size, dims)
        steps, pads = kernel if stride is None else spread_number(stride, dims), spread_number(padding, dims)
        size = _unpooled_size(input, kernel, steps, pads, output_size, dims)  # type: ignore[arg-type]
        if dims > 1:
            _check_unpool(input, indices, size, dims)
            return UNPOOL_ROWS[dims](input, indices, size)
        plane, places = input.unsqueeze(-1), indices.unsqueeze(-1)
        _check_unpool(plane, places, (*size, 1), 2)
        return UNPOOL_ROWS[2](plane, places, (*size, 1)).squeeze(-1)

    max_unpool.__name__ = max_unpool.__qualname__ = name
    max_unpool.__doc__ = f"Zeros with the pooled elements back in their places. Source: torch.nn.functional.{name}."
    public(f"nn.functional.{name}", method=False)(max_unpool)


for _dims in (1, 2, 3):
    _public_unpool(_dims)
