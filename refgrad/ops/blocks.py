"""Images cut into blocks: pixel_shuffle, channel_shuffle, and the sliding blocks of unfold and fold."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from .._errors import list_text, wrap_dim
from .._layout import canonical, channels_last
from .._op import LINEAR, op, public
from .._support import missing
from .._tensor import Tensor
from .shape import Shape


def _as_image(result: np.ndarray, image: np.ndarray) -> np.ndarray:
    """A copy of the result, stored pixel by pixel if the image is."""
    return channels_last(canonical(np.array(result, order="C")), [image])


def _shuffled(a: np.ndarray, r: int) -> np.ndarray:
    *lead, channels, height, width = a.shape
    if channels % (r * r):
        raise RuntimeError(
            "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of "
            "upscale_factor, but "
            f"input.size(-3)={channels} is not divisible by {r * r}"
        )
    blocks = a.reshape(-1, channels // (r * r), r, r, height, width).transpose(0, 1, 4, 2, 5, 3)
    return _as_image(blocks.reshape(*lead, channels // (r * r), height * r, width * r), a)


def _unshuffled(a: np.ndarray, r: int) -> np.ndarray:
    if not a.size:
        return canonical(a.copy())  # PyTorch hands an empty image back in its own shape
    *lead, channels, height, width = a.shape
    blocks = a.reshape(-1, channels, height // r, r, width // r, r).transpose(0, 1, 3, 5, 2, 4)
    return _as_image(blocks.reshape(*lead, channels * r * r, height // r, width // r), a)


def _mixed(a: np.ndarray, groups: int) -> np.ndarray:
    n, channels, *rest = a.shape
    parts = a.reshape(n, groups, channels // groups, *rest)
    return _as_image(np.swapaxes(parts, 1, 2).reshape(a.shape), a)


pixel_shuffle_row = op(
    "pixel_shuffle(self, *, r)", _shuffled, public=False, exact=True, keeps_strides=True, jvp=LINEAR,
    self=lambda g, F, r: F.pixel_unshuffle(g, r),
)  # fmt: skip
pixel_unshuffle_row = op(
    "pixel_unshuffle(self, *, r)", _unshuffled, public=False, exact=True, keeps_strides=True, jvp=LINEAR,
    self=lambda g, F, r: F.pixel_shuffle(g, r),
)  # fmt: skip
channel_shuffle_row = op(
    "channel_shuffle(self, *, groups)", _mixed, public=False, exact=True, keeps_strides=True, jvp=LINEAR,
    self=lambda g, F, self_meta, groups: F.channel_shuffle(g, self_meta.shape[1] // groups),
)  # fmt: skip


def _check_image(input: Tensor, name: str) -> None:
    if input.ndim < 3:
        raise RuntimeError(
            f"{name} expects input to have at least 3 dimensions, but got input with {input.ndim} dimension(s)"
        )


@public("nn.functional.pixel_shuffle", method=False)
@public(method=False)
def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """(…, C·r², H, W) as (…, C, H·r, W·r). Source: torch.nn.functional.pixel_shuffle."""
    _check_image(input, "pixel_shuffle")
    r = upscale_factor
    if r <= 0:
        raise RuntimeError(f"pixel_shuffle expects a positive upscale_factor, but got {r}")
    return pixel_shuffle_row(input, r)


@public("nn.functional.pixel_unshuffle", method=False)
@public(method=False)
def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """(…, C, H·r, W·r) as (…, C·r², H, W). Source: torch.nn.functional.pixel_unshuffle."""
    _check_image(input, "pixel_unshuffle")
    r = downscale_factor
    if r <= 0:
        raise RuntimeError(f"pixel_unshuffle expects a positive downscale_factor, but got {r}")
    for name, k in (("height", -2), ("width", -1)):
        if input._array.shape[k] % r:
            raise RuntimeError(
                f"pixel_unshuffle expects {name} to be divisible by downscale_factor, but input.size({k})="
                f"{input._array.shape[k]} is not divisible by {r}"
            )
    return pixel_unshuffle_row(input, r)


@public("nn.functional.channel_shuffle", method=False)
@public(method=False)
def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """The channels of the groups interleaved. Source: torch.nn.functional.channel_shuffle."""
    if input.ndim < 3:
        raise RuntimeError(
            f"channel_shuffle expects input with > 2 dims, but got input with sizes {list_text(input._array.shape)}"
        )
    if groups <= 0:
        raise RuntimeError(f"Number of groups to divide channels in must be positive. Value of groups:{groups}")
    channels = input._array.shape[1]
    if channels % groups:
        raise RuntimeError(
            f"Number of channels must be divisible by groups. Got {channels} channels and {groups} groups."
        )
    return channel_shuffle_row(input, groups)


class Blocks:
    """The sliding blocks of an image: how many along each axis, and where each place of a block reads."""

    __slots__ = ("counts", "dilation", "image", "kernel", "padding", "stride")

    def __init__(self, image: Shape, kernel: Shape, dilation: Shape, padding: Shape, stride: Shape) -> None:
        self.image, self.kernel, self.dilation, self.padding, self.stride = image, kernel, dilation, padding, stride
        self.counts = tuple(
            (n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, d, p, s in zip(image, kernel, dilation, padding, stride)
        )

    def reads(self) -> Any:
        """For each place of the block, the slices of the padded image that it runs over."""
        for place in np.ndindex(*self.kernel):
            yield (
                place,
                tuple(
                    slice(i * d, i * d + (c - 1) * s + 1, s)
                    for i, d, c, s in zip(place, self.dilation, self.counts, self.stride)
                ),
            )


def _columns(a: np.ndarray, kernel: Shape, dilation: Shape, padding: Shape, stride: Shape) -> np.ndarray:
    blocks = Blocks(a.shape[-2:], kernel, dilation, padding, stride)
    lead = a.shape[:-2]
    padded = np.pad(a, [(0, 0)] * len(lead) + [(p, p) for p in padding]) if any(padding) else a
    made = np.empty((*lead, *kernel, *blocks.counts), a.dtype)
    for (i, j), (rows, columns) in blocks.reads():
        made[..., i, j, :, :] = padded[..., rows, columns]
    return made.reshape(*lead[:-1], lead[-1] * prod(kernel), prod(blocks.counts))


def _image(cols: np.ndarray, image: Shape, kernel: Shape, dilation: Shape, padding: Shape, stride: Shape) -> np.ndarray:
    blocks = Blocks(image, kernel, dilation, padding, stride)
    lead = (*cols.shape[:-2], cols.shape[-2] // prod(kernel))
    parts = cols.reshape(*lead, *kernel, *blocks.counts)
    padded = np.zeros((*lead, *(n + 2 * p for n, p in zip(image, padding))), cols.dtype)
    for (i, j), (rows, columns) in blocks.reads():
        padded[..., rows, columns] += parts[..., i, j, :, :]
    (top, left), (height, width) = padding, image
    return np.ascontiguousarray(padded[..., top : top + height, left : left + width])


im2col_row = op(
    "im2col(self, *, kernel, dilation, padding, stride)", _columns, node="im2Col", public=False, exact=True, jvp=LINEAR,
    lacks=missing("im2col_out_cpu", "i"),
    self=lambda g, F, self_meta, kernel, dilation, padding, stride: F.col2im(
        g, self_meta.shape[-2:], kernel, dilation, padding, stride
    ),
)  # fmt: skip
col2im_row = op(
    "col2im(self, *, image, kernel, dilation, padding, stride)", _image, node="col2Im", public=False, jvp=LINEAR,
    lacks=missing("col2im_out_cpu", "i"),
    self=lambda g, F, kernel, dilation, padding, stride: F.im2col(g, kernel, dilation, padding, stride),
)  # fmt: skip


def pair(value: Any) -> Shape:
    """Two integers from one or two."""
    found = (value, value) if isinstance(value, int) else tuple(value)
    return (found[0], found[0]) if len(found) == 1 else (int(found[0]), int(found[1]))


def _check_geometry(kernel: Shape, dilation: Shape, padding: Shape, stride: Shape) -> None:
    for name, given in (("kernel size", kernel), ("stride", stride), ("dilation", dilation)):
        if min(given) <= 0:
            short = {"kernel size": "kernel"}.get(name, name)
            raise RuntimeError(
                f"{name} should be greater than zero, but got {short}_height: {given[0]} {short}_width: {given[1]}"
            )
    if min(padding) < 0:
        raise RuntimeError(f"padding should be non-negative, but got pad_height: {padding[0]} pad_width: {padding[1]}")


@public("nn.functional.unfold", method=False)
def unfold(input: Tensor, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """The sliding blocks of images as columns: (N, C, H, W) to (N, C·k·k, blocks).
    Source: torch.nn.functional.unfold."""
    geometry = tuple(pair(v) for v in (kernel_size, dilation, padding, stride))
    _check_geometry(*geometry)
    shape = input._array.shape
    wrap_dim(2, len(shape))
    if len(shape) not in (3, 4) or 0 in shape[1:]:
        raise RuntimeError(
            "Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions for input, "
            f"but got: {list_text(shape)}"
        )
    counts = Blocks(shape[-2:], *geometry).counts
    if min(counts) < 1:
        kernel, dilation_, padding_, _ = (str(v) for v in geometry)
        raise RuntimeError(
            f"Given input with spatial size {shape[-2:]}, kernel_size={kernel}, dilation={dilation_}, "
            f"padding={padding_}, "
            f"calculated shape of the array of sliding blocks as {counts}, but its components must be at least one."
        )
    return im2col_row(input, *geometry)


@public("nn.functional.fold", method=False)
def fold(
    input: Tensor, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Tensor:
    """Columns of sliding blocks added up into images: (N, C·k·k, blocks) to (N, C, H, W).
    Source: torch.nn.functional.fold. Trap: overlapping blocks add up, so it is not the inverse of unfold."""
    geometry = tuple(pair(v) for v in (kernel_size, dilation, padding, stride))
    _check_geometry(*geometry)
    image, shape = pair(output_size), input._array.shape
    if len(shape) not in (2, 3) or 0 in shape[-2:]:
        raise RuntimeError(
            "Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and non-zero dimensions for "
            f"input, but got: {list_text(shape)}"
        )
    _check_columns(shape, image, geometry)
    return col2im_row(input, image, *geometry)


def _check_columns(shape: Shape, image: Shape, geometry: tuple[Shape, ...]) -> None:
    kernel, dilation, padding, stride = geometry
    if shape[-2] % prod(kernel):
        raise RuntimeError(
            "Expected size of input's dimension 1 to be divisible by the product of kernel_size, but got "
            f"input.size(1)={shape[-2]} and kernel_size={kernel}."
        )
    counts = Blocks(image, *geometry).counts
    what = f"output_size={image}, kernel_size={kernel}, dilation={dilation}, padding={padding}, stride={stride}"
    if prod(counts) != shape[-1]:
        raise RuntimeError(
            f"Given {what}, expected size of input's dimension 2 to match the calculated number of sliding blocks "
            f"{counts[0]} * {counts[1]} = {prod(counts)}, but got input.size(2)={shape[-1]}."
        )
    if min(counts) < 1:
        raise RuntimeError(
            f"Given {what}, calculated shape of the array of sliding blocks as {counts}, which is too small "
            "(non-positive)"
        )
