"""Padding: with a constant, or with the tensor's own elements (reflect, replicate, circular)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._layout import canonical, channels_last, copied
from .._op import LINEAR, op, public
from .._support import missing
from .._tensor import Tensor
from .checks import check_number
from .create import fresh
from .index import add_rows
from .shape import Shape
from .slices import sliced

MODES = {"reflect": "reflection", "replicate": "replication"}


def sides(pad: Shape, ndim: int) -> list[tuple[int, int]]:
    """(before, after) for each dimension; `pad` names the last dimension first."""
    found = [(0, 0)] * ndim
    for k in range(len(pad) // 2):
        found[ndim - 1 - k] = (pad[2 * k], pad[2 * k + 1])
    return found


def _padded(a: np.ndarray, pad: Shape, value: Any) -> np.ndarray:
    amounts = sides(pad, a.ndim)
    shape = tuple(n + low + high for n, (low, high) in zip(a.shape, amounts))
    if not any(p > 0 for p in pad):
        kept = a[tuple(slice(-low, n + high) for n, (low, high) in zip(a.shape, amounts))]
        return copied(np.copy(kept, order="K"), [kept])
    made = channels_last(canonical(np.full(shape, value, a.dtype)), [a])
    inner = tuple(slice(max(low, 0), n - max(high, 0)) for n, (low, high) in zip(shape, amounts))
    source = tuple(slice(max(-low, 0), n - max(-high, 0)) for n, (low, high) in zip(a.shape, amounts))
    made[inner] = a[source]
    return made


constant_pad_row = op(
    "constant_pad_nd(self, *, pad, value)", _padded, public=False, keeps_strides=True, exact=True,
    jvp=lambda F, x, t, attrs, out: F.constant_pad_nd(t[0], attrs[0], 0),
    self=lambda g, F, pad: F.constant_pad_nd(g, tuple(-p for p in pad), 0),
)  # fmt: skip


@public(method=False)
def constant_pad_nd(input: Tensor, pad: Sequence[int], value: Any = 0) -> Tensor:
    """The tensor with `value` around it; negative amounts cut off. Source: torch.constant_pad_nd."""
    amounts = tuple(int(p) for p in pad)
    if len(amounts) % 2:
        raise RuntimeError(f"Length of pad must be even but instead it equals {len(amounts)}")
    if len(amounts) > 2 * input.ndim:
        raise RuntimeError(
            "Length of pad should be no more than twice the number of dimensions of the input. Pad length is "
            f"{len(amounts)}while the input has {input.ndim}dimensions."
        )
    for n, (low, high) in zip(input._array.shape, sides(amounts, input.ndim)):
        if n + min(low, 0) < 0 or n + low + high < 0:
            raise RuntimeError("narrow(): length must be non-negative.")
    check_number(value, input.dtype)
    return constant_pad_row(input, amounts, value)


def _sources(n: int, low: int, high: int, mode: str) -> np.ndarray:
    """For each place of a padded dimension, the place in the original that it repeats."""
    places = np.arange(-low, n + high)
    if mode == "replicate":
        return np.clip(places, 0, n - 1)
    return (n - 1) - np.abs((n - 1) - np.abs(places)) if n > 1 else np.zeros(places.size, np.int64)


def _repeated(a: np.ndarray, pad: Shape, mode: str) -> np.ndarray:
    made = a
    for d, (low, high) in enumerate(sides(pad, a.ndim)):
        if low or high:
            made = np.take(made, _sources(a.shape[d], low, high, mode), axis=d)
    return channels_last(np.array(made, order="C"), [a])


def _folded(g: np.ndarray, self: np.ndarray, pad: Shape, mode: str) -> np.ndarray:
    """The transpose of `_repeated`: what was repeated is added up, one dimension after the other."""
    for d, (low, high) in enumerate(sides(pad, g.ndim)):
        if low or high:
            n = g.shape[d] - low - high
            turned, sources = np.moveaxis(g, d, 0), _sources(n, low, high, mode)
            start, stop = max(low, 0), turned.shape[0] - max(high, 0)
            whole = np.zeros((n, *turned.shape[1:]), g.dtype)
            # Between the borders stands the original itself.
            whole[start - low : stop - low] = turned[start:stop]
            add_rows(whole, sources[:start], turned[:start])
            add_rows(whole, sources[stop:], turned[stop:])
            g = np.moveaxis(whole, 0, d)
    return g


def _padded_again(F: Any, g: Any, pad: Shape, mode: str) -> Any:
    return getattr(F, f"{MODES[mode]}_pad{len(pad) // 2}d")(g, pad, mode)


# As in PyTorch, the padded tensor is saved, and the gradient counts as a function of it (whose derivative is zero).
op(
    "repeat_pad_backward(grad_output, self, *, pad, mode)", _folded, public=False,
    jvp=lambda F, x, t, attrs, out: F.zeros_like(x[1]) if t[0] is None else F.repeat_pad_backward(t[0], x[1], *attrs),
    grad_output=lambda g, F, pad, mode: _padded_again(F, g, pad, mode), self=lambda F, self: F.zeros_like(self),
)  # fmt: skip
REPEAT_ROWS = {
    (mode, n): op(
        f"{long}_pad{n}d(self, *, pad, mode)", _repeated, node=f"{long}_pad{n}D", public=False, exact=True, jvp=LINEAR,
        lacks=missing(f"{long}_pad{n}d", "b"),
        self=lambda g, F, self, pad, mode: F.repeat_pad_backward(g, self, pad, mode),
    )
    for mode, long in MODES.items()
    for n in (1, 2, 3)
}  # fmt: skip


def _check_repeat(input: Tensor, pad: Shape, mode: str) -> None:
    n, ndim = len(pad) // 2, input.ndim
    if ndim not in (n + 1, n + 2):
        raise NotImplementedError(
            f"Padding size {len(pad)} is not supported for {ndim}D input tensor.\nSupported combinations for "
            "non-constant padding:\n  - 2D or 3D input: padding size = 2 (pads last dimension)\n  - 3D or 4D input: "
            "padding size = 4 (pads last 2 dimensions)\n  - 4D or 5D input: padding size = 6 (pads last 3 dimensions)"
        )
    shape = input._array.shape
    if mode != "circular" and 0 in shape[ndim - n - 1 :]:
        raise RuntimeError(
            f"Expected {n + 1}D or {n + 2}D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions "
            f"for input, but got: [{', '.join(map(str, shape))}]"
        )
    for k in range(n):
        low, high = pad[2 * k : 2 * k + 2]
        size = shape[ndim - 1 - k]
        if mode == "reflect" and (low >= size or high >= size):
            raise RuntimeError(
                f"Argument #{4 + 2 * k}: Padding size should be less than the corresponding input dimension, but got: "
                f"padding ({low}, {high}) at dimension {ndim - 1 - k} of input [{', '.join(map(str, shape))}]"
            )
        if mode == "circular" and (low > size or high > size):
            raise RuntimeError("Padding value causes wrapping around more than once.")
        if mode == "circular" and size + low + high < 0:
            raise RuntimeError("Negative padding value is resulting in an empty dimension")


@public("nn.functional.pad", method=False)
def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: Any = None) -> Tensor:
    """The tensor padded, from the last dimension on: (before, after) pairs. Source: torch.nn.functional.pad.
    Modes constant, reflect, replicate, circular; all but the first pad 1 to 3 dimensions behind a channel."""
    amounts = tuple(int(p) for p in pad)
    if len(amounts) % 2:
        raise RuntimeError("Padding length must be divisible by 2")
    if len(amounts) > 2 * input.ndim:
        raise RuntimeError(
            "Padding length should be less than or equal to two times the input dimension but got padding length "
            f"{len(amounts)} and input of dimension {input.ndim}"
        )
    if mode == "constant":
        return constant_pad_nd(input, amounts, 0 if value is None else value)
    if value is not None and value != 0:
        raise RuntimeError(f'Padding mode "{mode}" doesn\'t take in value argument')
    if mode not in MODES and mode != "circular":
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    _check_repeat(input, amounts, mode)
    if mode == "circular":
        return _circular(input, amounts)
    return REPEAT_ROWS[mode, len(amounts) // 2](input, amounts, mode)


def _circular(input: Tensor, pad: Shape) -> Tensor:
    """Copies of parts into parts: the tensor into the middle, then for each dimension each end from the other."""
    amounts, first = sides(pad, input.ndim), input.ndim - len(pad) // 2
    shape = tuple(n + low + high for n, (low, high) in zip(input._array.shape, amounts))
    made = fresh(np.zeros(shape, input._array.dtype))
    target, source = made, input
    for d in range(first, input.ndim):
        low, high = amounts[d]
        target = sliced(target, d, max(low, 0), shape[d] - max(high, 0))
        source = sliced(source, d, max(-low, 0), input._array.shape[d] - max(-high, 0))
    target.copy_(source)
    for d in range(first, input.ndim):
        (low, high), n = amounts[d], shape[d]
        if low > 0:
            sliced(made, d, 0, low).copy_(sliced(made, d, n - low - max(high, 0), n - max(high, 0)))
        if high > 0:
            sliced(made, d, n - high, n).copy_(sliced(made, d, max(low, 0), max(low, 0) + high))
    return made
