"""Fractional max pools: windows of one size at pseudo-random steps whose mean is a fraction."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from .. import _random as random
from .._dtypes import SCALAR_NAMES
from .._op import op, public
from .._tensor import Tensor, plain
from .pool_max import _largest
from .spatial import Numbers, spread_number


def _starts(sample: np.ndarray, size: int, out: int, kernel: int) -> np.ndarray:
    """The windows' starts (planes, out) for a uniform sample of each plane; the last window ends with the input."""
    last = size - kernel
    if out == 1:
        return np.full((len(sample), 1), last)
    alpha = sample.dtype.type(last) / sample.dtype.type(out - 1)
    first = (sample * alpha).astype(np.int64)
    made = ((np.arange(out).astype(sample.dtype) + sample[:, None]) * alpha).astype(np.int64) - first[:, None]
    made[:, -1] = last
    return made


def _fractional(x: np.ndarray, samples: np.ndarray, kernel: Numbers, out: Numbers) -> tuple[np.ndarray, np.ndarray]:
    dims = len(kernel)
    size, lead = x.shape[x.ndim - dims :], x.shape[: x.ndim - dims]
    planes = x.reshape(prod(lead), prod(size))
    count = len(planes)
    samples = samples.reshape(count, dims)
    place = np.zeros((count,) + (1,) * (2 * dims), np.int64)
    for k in range(dims):
        # Two dimensions take their samples in reverse order, three in order.
        sample = samples[:, dims - 1 - k] if dims == 2 else samples[:, k]
        spots = _starts(sample, size[k], out[k], kernel[k])[:, :, None] + np.arange(kernel[k])
        shape = [count] + [1] * (2 * dims)
        shape[1 + k], shape[1 + dims + k] = out[k], kernel[k]
        place = place * size[k] + spots.reshape(shape)
    place = place.reshape(count, prod(out), -1 if count else 1)
    taken = np.take_along_axis(planes[:, None], place, 2)
    chosen = _largest(taken, np.ones(taken.shape, bool))[..., None]
    values, best = (np.take_along_axis(a, chosen, 2)[..., 0].reshape(*lead, *out) for a in (taken, place))
    return np.ascontiguousarray(values), np.ascontiguousarray(best)


def _row(dims: int) -> Any:
    return op(
        f"fractional_max_pool{dims}d_row(self, samples, *, kernel_size, output_size) -> out, result1!", _fractional,
        public=False, node=f"fractional_max_pool{dims}d",
        jvp=lambda F, x, t, given, outputs: (F.take_planes(t[0], outputs[1], dims), None),
        self=lambda F, g_out, self, result1: F.attached_to(
            F.place_planes(g_out, result1, tuple(self.shape[-dims:])), self
        ),
    )  # fmt: skip


ROWS = {n: _row(n) for n in (2, 3)}


def _output_size(name: str, input: Tensor, output_size: Any, output_ratio: Any, dims: int) -> Numbers:
    if output_size is None and output_ratio is None:
        raise ValueError(f"{name} requires specifying either an output_size or an output_ratio")
    if output_size is not None:
        return spread_number(output_size, dims)  # type: ignore[return-value]
    if dims == 3 and isinstance(output_ratio, (int, float)):
        output_ratio = (output_ratio,) * dims  # in two dimensions PyTorch takes no number
    if len(output_ratio) != dims:
        raise ValueError(f"{name} requires output_ratio to either be a single Int or tuple of Ints.")
    return tuple(int(n * r) for n, r in zip(input.shape[-dims:], output_ratio))


def _check(name: str, input: Tensor, kernel: Numbers, out: Numbers, dims: int) -> None:
    sides = ("time", "height", "width")[-dims:]
    for side, n, k, m in zip(sides, input.shape[-dims:], kernel, out):
        # The last window must end before the input does; in two dimensions PyTorch lets it end there.
        if m + k - 1 > n - (dims == 3):
            where = f"{name}_out" if dims == 3 else name
            raise RuntimeError(f"{where}(): pool {side} {k} too large relative to input {side} {n}")
    if not input.is_floating_point():
        raise NotImplementedError(f"\"{name}_out_frame\" not implemented for '{SCALAR_NAMES[input.dtype]}'")


def _public(dims: int) -> None:
    name = f"fractional_max_pool{dims}d"

    def with_indices(
        input: Tensor,
        kernel_size: Any,
        output_size: Any = None,
        output_ratio: Any = None,
        return_indices: bool = False,
        _random_samples: Tensor | None = None,
    ) -> Any:
        out = _output_size(name, input, output_size, output_ratio, dims)
        kernel = spread_number(kernel_size, dims)
        _check(name, input, kernel, out, dims)  # type: ignore[arg-type]
        if _random_samples is None:
            batch = 1 if input.ndim == dims + 1 else input.shape[0]
            shape = (batch, input.shape[-dims - 1], dims)
            _random_samples = plain(random.uniform(random.default_generator, shape, input.dtype.name))
        return ROWS[dims](input, _random_samples, kernel, out)

    def pool(
        input: Tensor,
        kernel_size: Any,
        output_size: Any = None,
        output_ratio: Any = None,
        return_indices: bool = False,
        _random_samples: Tensor | None = None,
    ) -> Any:
        found = with_indices(input, kernel_size, output_size, output_ratio, False, _random_samples)
        return found if return_indices else found[0]

    text = (
        f"The largest element of windows at pseudo-random steps. Source: torch.nn.functional.{name}. Raises ValueError "
        "without output_size or output_ratio."
    )
    for function, ending in ((pool, ""), (with_indices, "_with_indices")):
        function.__doc__, function.__name__, function.__qualname__ = text, name + ending, name + ending
        public(f"nn.functional.{name}{ending}", method=False)(function)


for _dims in (2, 3):
    _public(_dims)
