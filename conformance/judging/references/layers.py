"""Definitions of a network's layers: convolutions, means over windows, and what is divided by its own size."""

from __future__ import annotations

from itertools import product
from typing import Any

import mpmath
import numpy as np

from . import REFERENCES, reference

ZERO = mpmath.mpf(0)


def _spread(value: Any, dims: int) -> tuple[int, ...]:
    """One number for each dimension."""
    if not isinstance(value, tuple):
        return (value,) * dims
    return value * dims if len(value) == 1 else value


def _bordered(x: Any, widths: list[tuple[int, int]]) -> Any:
    whole = [(0, 0)] * (x.ndim - len(widths)) + widths
    return np.pad(x, whole, constant_values=ZERO)  # type: ignore[arg-type]


def _taken(x: Any, start: tuple[int, ...], step: tuple[int, ...], count: tuple[int, ...]) -> Any:
    """Of the last dimensions, ``count`` elements at even distances."""
    return x[(..., *(slice(a, a + s * (n - 1) + 1 if n else 0, s) for a, s, n in zip(start, step, count)))]


@reference("nn.functional.conv1d", "nn.functional.conv2d", "nn.functional.conv3d")
def _convolution(
    x: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Any:
    dims = weight.ndim - 2
    if x.ndim == dims + 1:
        return _convolution(x[None], weight, bias, stride, padding, dilation, groups)[0]
    kernel, steps, gaps = weight.shape[2:], _spread(stride, dims), _spread(dilation, dims)
    reach = [d * (k - 1) for d, k in zip(gaps, kernel)]
    if padding == "same":
        widths = [(r // 2, r - r // 2) for r in reach]
    else:
        widths = [(n, n) for n in _spread(0 if padding == "valid" else padding, dims)]
    x = _bordered(x, widths)
    count = tuple((n - r - 1) // s + 1 for n, r, s in zip(x.shape[2:], reach, steps))
    made = np.full((x.shape[0], groups, weight.shape[0] // groups, *count), ZERO, dtype=object)
    ones = (1,) * dims
    for place in product(*map(range, kernel)):
        seen = _taken(x, tuple(k * d for k, d in zip(place, gaps)), steps, count)
        seen = seen.reshape(x.shape[0], groups, 1, -1, *count)
        factor = weight[(slice(None), slice(None), *place)].reshape(1, groups, -1, weight.shape[1], *ones)
        made = made + np.sum(seen * factor, 3)
    made = made.reshape(x.shape[0], -1, *count)
    return made if bias is None else made + bias.reshape(-1, *ones)


def _means(x: Any, kernel: tuple[int, ...], stride: Any, padding: Any, **options: Any) -> Any:
    """A window may reach beyond the padding, if it doesn't begin there; what lies there counts for nothing."""
    dims = len(kernel)
    steps = _spread(kernel if stride is None else stride, dims)
    sizes = list(zip(x.shape[-dims:], kernel, steps, _spread(padding, dims)))
    count = tuple(_windows(*size, bool(options.get("ceil_mode"))) for size in sizes)
    widths = [(p, p) for _, _, _, p in sizes]
    beyond = [(0, max((c - 1) * s + k - n - 2 * p, 0)) for (n, k, s, p), c in zip(sizes, count)]
    values = _bordered(x, widths)
    counted = values * 0 + 1 if options.get("count_include_pad", True) else _bordered(x * 0 + 1, widths)
    places = list(product(*map(range, kernel)))
    total, seen = (
        sum(_taken(_bordered(v, beyond), place, steps, count) for place in places) for v in (values, counted)
    )
    return total / (mpmath.mpf(options["divisor_override"]) if options.get("divisor_override") else seen)


def _windows(n: int, kernel: int, step: int, padding: int, ceil: bool) -> int:
    """How many windows there are along a dimension."""
    left = n + 2 * padding - kernel
    if not ceil:
        return left // step + 1
    count = -(-left // step) + 1
    return count - ((count - 1) * step >= n + padding)


def _pool(dims: int) -> Any:
    def means(x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, **options: Any) -> Any:
        return _means(x, _spread(kernel_size, dims), stride, padding, **options)

    return means


def _adaptive(dims: int) -> Any:
    """Means over windows whose bounds divide each dimension as evenly as can be."""

    def means(x: Any, output_size: Any) -> Any:
        for axis, size in zip(range(-dims, 0), _spread(output_size, dims)):
            length = x.shape[axis]
            wanted = length if size is None else size
            bounds = [(i * length // wanted, -(-(i + 1) * length // wanted)) for i in range(wanted)]
            parts = [REFERENCES["mean"](np.take(x, range(a, b), axis), axis, True) for a, b in bounds]
            x = np.concatenate(parts, axis) if parts else np.take(x, [], axis)
        return x

    return means


for _dims in (1, 2, 3):
    REFERENCES[f"nn.functional.adaptive_avg_pool{_dims}d"] = _adaptive(_dims)
    REFERENCES[f"nn.functional.avg_pool{_dims}d"] = _pool(_dims)


def _standard(x: Any, axes: tuple[int, ...], eps: float) -> Any:
    var, mean = REFERENCES["var_mean"](x, correction=0, dim=axes, keepdim=True)
    return (x - mean) / REFERENCES["sqrt"](var + mpmath.mpf(eps))


def _affine(x: Any, weight: Any, bias: Any) -> Any:
    x = x if weight is None else x * weight
    return x if bias is None else x + bias


@reference("nn.functional.layer_norm")
def _layer_norm(x: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    return _affine(_standard(x, tuple(range(-len(normalized_shape), 0)), eps), weight, bias)


@reference("nn.functional.group_norm")
def _group_norm(x: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    parts = x.reshape(x.shape[0], num_groups, -1)
    ones = (1,) * (x.ndim - 2)
    weight, bias = (None if v is None else v.reshape(-1, *ones) for v in (weight, bias))
    return _affine(_standard(parts, (-1,), eps).reshape(x.shape), weight, bias)


@reference("nn.functional.normalize")
def _normalize(x: Any, p: Any = 2.0, dim: Any = 1, eps: float = 1e-12) -> Any:
    norms = REFERENCES["linalg.vector_norm"](x, p, dim, True)
    return x / np.maximum(norms, mpmath.mpf(eps))


@reference("nn.functional.local_response_norm")
def _local_response_norm(x: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Any:
    """By the mean square of neighbouring channels, those that aren't there being 0."""
    squares = np.moveaxis(_bordered(np.moveaxis(x * x, 1, -1), [(size // 2, (size - 1) // 2)]), -1, 1)
    mean = sum(squares[:, i : i + x.shape[1]] for i in range(size)) / mpmath.mpf(size)
    return x / REFERENCES["pow"](k + alpha * mean, mpmath.mpf(beta))
