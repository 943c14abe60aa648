"""Average pools, with fixed and with adaptive windows, and power-average pools."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

from .._dtypes import SCALAR_NAMES
from .._errors import list_text
from .._op import PUBLIC, op, public
from .._tensor import Tensor
from .separable import Factor, Factors, _separable, adaptive_bounds, pool_bounds
from .spatial import Numbers, by_plane, channels_last, laid_out_like, spread_number


@lru_cache(512)
def _counts(factors: Factors, with_padding: bool, dtype: str) -> np.ndarray:
    """How many elements each window counts, by output."""
    made = np.ones(1, dtype)
    for factor in factors:
        if factor.kind == "adaptive":
            start, end = adaptive_bounds(factor)
            count = end - start
        else:
            start, end, padded = pool_bounds(factor)
            count = padded if with_padding else end - start
        made = np.multiply.outer(made, count.astype(dtype))
    return made[0]


def _average(x: np.ndarray, factors: Factors, with_padding: bool, divisor: int | None) -> np.ndarray:
    sums = _separable(x, factors, False)
    if x.dtype.kind in "iu":
        counts = divisor or _counts(factors, with_padding, "int64")
        return (np.sign(sums) * (np.abs(sums) // counts)).astype(x.dtype)
    by = np.asarray(divisor, x.dtype) if divisor else _counts(factors, with_padding, x.dtype.name)
    return sums / by


def _average_pull(g: np.ndarray, factors: Factors, with_padding: bool, divisor: int | None) -> np.ndarray:
    by = np.asarray(divisor, g.dtype) if divisor else _counts(factors, with_padding, g.dtype.name)
    return _separable(g / by, factors, True)


def _averaged_again(F: Any, g: Any, factors: Factors, with_padding: bool, divisor: int | None) -> Any:
    """The transpose of `_average_pull`: one row for all ways to lay out windows."""
    return getattr(F, f"avg_pool{len(factors)}d_row")(g, factors, with_padding, divisor)


op(
    "average_pull(grad, *, factors, with_padding, divisor)", _average_pull, public=False, jvp="linear",
    grad=lambda g, F, factors, with_padding, divisor: _averaged_again(F, g, factors, with_padding, divisor),
)  # fmt: skip


def _row(name: str, node: str, layout: Any = None) -> Any:
    # PyTorch saves the input although its values are not needed: writing to it before backward is an error.
    return op(
        f"{name}(self, *, factors, with_padding, divisor)", _average, public=False, jvp="linear", node=node,
        layout=layout,
        self=lambda g, F, self, factors, with_padding, divisor: F.attached_to(
            F.average_pull(g, factors, with_padding, divisor), self
        ),
    )  # fmt: skip


# PyTorch keeps the channels innermost in memory in two dimensions only.
_LAYOUTS = {2: laid_out_like, 3: None}
ROWS = {n: _row(f"avg_pool{n}d_row", f"avg_pool{n}D", layout) for n, layout in _LAYOUTS.items()}
ADAPTIVE_ROWS = {
    n: _row(f"adaptive_avg_pool{n}d_row", f"adaptive_avg_pool{n}D", layout) for n, layout in _LAYOUTS.items()
}
WORDS = {2: "two", 3: "three"}


def pool_numbers(function: str, name: str, value: Any, dims: int) -> Numbers:
    """kernel_size, stride … as one int for each dimension. Raises RuntimeError for another number of ints."""
    found = spread_number(value, dims)
    if found is None:
        choice = "either be omitted, a single int, or" if name == "stride" else "either be a single int, or"
        raise RuntimeError(f"{function}: {name} must {choice} a tuple of {WORDS[dims]} ints")
    return found


def pooled_size(size: int, kernel: int, stride: int, padding: int, dilation: int, ceil: bool) -> int:
    """How many windows there are; with `ceil` one may reach beyond the padded end, but must start before it."""
    span = size + 2 * padding - dilation * (kernel - 1) - 1
    count = (-(-span // stride) if ceil else span // stride) + 1
    return count - 1 if ceil and (count - 1) * stride >= size + padding else count


def check_windows(kernel: Numbers, stride: Numbers, padding: Numbers, dilation: Numbers) -> None:
    """Raises RuntimeError for windows that can't be."""
    if 0 in stride:
        raise RuntimeError("stride should not be zero")
    if min(kernel) <= 0:
        shown = " ".join(f"k{side}: {k}" for side, k in zip("THW"[-len(kernel) :], kernel))
        raise RuntimeError(f"kernel size should be greater than zero, but got {shown}")
    for k, p, d in zip(kernel, padding, dilation):
        if p < 0:
            raise RuntimeError(f"pad must be non-negative, but got pad: {p}")
        if p > ((k - 1) * d + 1) // 2:
            raise RuntimeError(
                "pad should be at most half of effective kernel size, but got pad="
                f"{p}, kernel_size={k} and dilation={d}"
            )


def check_pooled(input: Tensor, dims: int, sizes: Numbers) -> None:
    """Raises RuntimeError for an empty input (beyond the batch) or output."""
    shape = input.shape
    ranks = f"{dims + 1}D or {dims + 2}D"
    if len(shape) not in (dims + 1, dims + 2) or not all(shape[len(shape) - dims - 1 :]):
        raise RuntimeError(
            f"Expected {ranks} (batch mode) tensor with optional 0 dim batch size for input, but got:{list_text(shape)}"
        )
    if min(sizes) < 1:
        channels, given = shape[-dims - 1], shape[-dims:]
        before, after = "x".join(map(str, (channels, *given))), "x".join(str(max(s, 0)) for s in (channels, *sizes))
        raise RuntimeError(f"Given input size: ({before}). Calculated output size: ({after}). Output size is too small")


def _avg_pool(
    dims: int,
    input: Tensor,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor: Any,
) -> Tensor:
    name = f"avg_pool{dims}d"
    kernel = pool_numbers(name, "kernel_size", kernel_size, dims)
    steps = pool_numbers(name, "stride", kernel if stride is None or stride == () else stride, dims)
    pads = pool_numbers(name, "padding", padding, dims)
    if divisor == 0:
        raise RuntimeError("divisor must be not zero")
    if dims == 2 and input.ndim < 3:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-input.ndim}, {input.ndim - 1}], but got -3)"
        )
    if dims == 3 and input.ndim not in (4, 5):
        raise RuntimeError("non-empty 4D or 5D (batch mode) tensor expected for input")
    check_windows(kernel, steps, pads, (1,) * dims)
    inner = input.shape[-dims:]
    sizes = tuple(pooled_size(*given, 1, ceil_mode) for given in zip(inner, kernel, steps, pads))
    if dims == 3 and any(n + 2 * p < k for n, k, p in zip(inner, kernel, pads)):
        t, h, w = inner
        a, b, c = kernel
        raise RuntimeError(f"input image (T: {t} H: {h} W: {w}) smaller than kernel size (kT: {a} kH: {b} kW: {c})")
    check_pooled(input, dims, sizes)
    if input.dtype.array.kind in "cb" or (dims == 3 and input.dtype.array.kind in "iu" and input.dtype.name != "int64"):
        raise NotImplementedError(f"\"{name}\" not implemented for '{SCALAR_NAMES[input.dtype]}'")
    factors = tuple(Factor("pool", n, m, (k, s, p)) for n, m, k, s, p in zip(inner, sizes, kernel, steps, pads))
    return ROWS[dims](input, factors, count_include_pad, divisor)


@public("nn.functional.avg_pool1d", method=False)
@public("avg_pool1d", method=False)
def avg_pool1d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """The mean over windows of (N, C, L) or (C, L). Source: torch.nn.functional.avg_pool1d."""
    check_line(input, "avg_pool1d")
    kernel, pad = spread_number(kernel_size, 1), spread_number(padding, 1)
    step = kernel if stride is None or stride == () else spread_number(stride, 1)
    return by_plane(
        input,
        lambda t: _avg_pool(2, t, (1, *kernel), (1, *step), (0, *pad), ceil_mode, count_include_pad, None),
    )


def check_line(input: Tensor, function: str) -> None:
    """Raises RuntimeError unless the input is (C, L) or (N, C, L)."""
    if input.ndim not in (2, 3):
        raise RuntimeError(
            f"Expected 2 to 3 dimensions, but got {input.ndim}-dimensional tensor for argument #1 'self' (while "
            f"checking "
            f"arguments for {function})"
        )


@public("nn.functional.avg_pool2d", method=False)
def avg_pool2d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean over windows of (N, C, H, W) or (C, H, W). Source: torch.nn.functional.avg_pool2d. Trap: padding counts
    unless count_include_pad=False."""
    return _avg_pool(2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


@public("nn.functional.avg_pool3d", method=False)
def avg_pool3d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean over windows of (N, C, D, H, W) or (C, D, H, W). Source: torch.nn.functional.avg_pool3d."""
    return _avg_pool(3, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def adaptive_sizes(input: Tensor, output_size: Any, dims: int) -> Numbers:
    """An output size with None replaced by the input's. Raises ValueError, TypeError."""
    if isinstance(output_size, int):
        return (output_size,) * dims
    count = len(output_size)
    if count >= input.ndim:
        raise ValueError(f"Input dimension should be at least {count + 1}")
    return tuple(n if m is None else int(m) for m, n in zip(output_size, input.shape[input.ndim - count :]))


def check_adaptive(input: Tensor, function: str, dims: int, colon: str = "") -> None:
    """Raises RuntimeError for a wrong rank or an empty dimension other than the batch."""
    shape = input.shape
    if len(shape) not in (dims + 1, dims + 2):
        raise RuntimeError(
            f"{function}(): Expected {dims + 1}D or {dims + 2}D tensor, but got{colon} {list_text(shape)}"
        )
    for k in range(len(shape) - dims, len(shape)):
        if not shape[k]:
            raise RuntimeError(
                f"{function}(): Expected input to have non-zero size for non-batch dimensions, but input has sizes "
                f"{list_text(shape)} with dimension {k} being empty"
            )


def adaptive_average(input: Tensor, sizes: Numbers, dims: int) -> Tensor:
    """The adaptive average pool for checked rank; a mean where the output is one element."""
    name = f"adaptive_avg_pool{dims}d"
    if min(sizes) < 0:
        shown = f"{sizes[0]}, {sizes[1]}" + (f",{sizes[2]}" if dims == 3 else "")
        raise RuntimeError(
            f"{name}: elements of output_size must be greater than or equal to 0 but received {{{shown}}}"
        )
    check_adaptive(input, name, dims)
    if not input.is_floating_point():
        kernel = name + ("_cpu" if dims == 3 else "")
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{SCALAR_NAMES[input.dtype]}'")
    if sizes == (1,) * dims:
        found = input.mean(tuple(range(-dims, 0)), keepdim=True)
        if dims > 1 and input.ndim == dims + 2 and channels_last(input._array):
            n, c = found.shape[:2]
            return found.as_strided_((n, c, *[1] * dims), (c, 1, *[c] * dims))
        return found
    factors = tuple(Factor("adaptive", n, m) for n, m in zip(input.shape[-dims:], sizes))
    return ADAPTIVE_ROWS[dims](input, factors, False, None)


def line_size(function: str, output_size: Any) -> int:
    """The output size of a one-dimensional adaptive pool. Raises TypeError or RuntimeError."""
    if output_size is None:
        raise TypeError(f"{function}(): argument 'output_size' (position 2) must be tuple of ints, not NoneType")
    given = (output_size,) if isinstance(output_size, int) else tuple(output_size)
    if None in given:
        raise TypeError(
            f"{function}(): argument 'output_size' (position 2) must be tuple of ints, but found element of type "
            f"NoneType "
            f"at pos {given.index(None)}"
        )
    if len(given) != 1:
        raise RuntimeError(f"{function}() argument 'output_size' should contain one int (got {len(given)})")
    return given[0]


@public("nn.functional.adaptive_avg_pool1d", method=False)
@public("adaptive_avg_pool1d", method=False)
def adaptive_avg_pool1d(input: Tensor, output_size: Any) -> Tensor:
    """Means over windows that share L out into output_size. Source: torch.nn.functional.adaptive_avg_pool1d."""
    size = line_size("adaptive_avg_pool1d", output_size)
    check_line(input, "adaptive_avg_pool1d")
    return by_plane(input, lambda t: adaptive_average(t, (1, size), 2))


@public("nn.functional.adaptive_avg_pool2d", method=False)
def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """Means over windows that share (H, W) out; None keeps a size. Source: torch.nn.functional.adaptive_avg_pool2d."""
    sizes = adaptive_sizes(input, output_size, 2)
    if len(sizes) != 2:
        raise RuntimeError("adaptive_avg_pool2d: output_size must be 2")
    return adaptive_average(input, sizes, 2)


@public("nn.functional.adaptive_avg_pool3d", method=False)
def adaptive_avg_pool3d(input: Tensor, output_size: Any) -> Tensor:
    """Means over windows that share (D, H, W) out. Source: torch.nn.functional.adaptive_avg_pool3d."""
    sizes = adaptive_sizes(input, output_size, 3)
    if len(sizes) != 3:
        raise RuntimeError("adaptive_avg_pool3d: output_size must be 3")
    return adaptive_average(input, sizes, 3)


def _lp_pool(dims: int, doc: str) -> None:
    name = f"lp_pool{dims}d"

    def lp_pool(
        input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
    ) -> Tensor:
        if dims == 1:
            count = kernel_size if isinstance(kernel_size, int) else kernel_size[0]
        else:
            sizes = (kernel_size,) * dims if isinstance(kernel_size, int) else tuple(kernel_size)
            if len(sizes) != dims:
                few = f"not enough values to unpack (expected {dims}, got {len(sizes)})"
                raise ValueError(few if len(sizes) < dims else f"too many values to unpack (expected {dims})")
            count = math.prod(sizes)
        mean = PUBLIC[f"nn.functional.avg_pool{dims}d"](input.pow(norm_type), kernel_size, stride, 0, ceil_mode)
        relu = PUBLIC["relu"]
        return (mean.sign() * relu(mean.abs()) * count).pow(1.0 / norm_type)

    lp_pool.__name__ = lp_pool.__qualname__ = name
    lp_pool.__doc__ = doc
    public("nn.functional." + name, method=False)(lp_pool)


for _dims in (1, 2, 3):
    _lp_pool(
        _dims,
        f"The p-norm over windows, p = norm_type (of signed powers). Source: torch.nn.functional.lp_pool{_dims}d.",
    )
