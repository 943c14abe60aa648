"""Differences and integrals along a dimension, composed of rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _dtypes as dtypes
from .._errors import wrap_dim
from .._op import LINEAR, PUBLIC, op, public
from .._tensor import Tensor
from .reduce import axes_of

times_row = op(
    "times(self, *, factor)", lambda a, factor: a * factor, node="mul", overload=1, public=False, jvp=LINEAR,
    self=lambda g, factor: g * factor,
)  # fmt: skip
over_row = op(
    "over(self, *, divisor)", lambda a, divisor: a / divisor, node="div", overload=1, public=False, jvp=LINEAR,
    self=lambda g, divisor: g / divisor,
)  # fmt: skip


def _times(t: Any, factor: Any) -> Any:
    """t times a number. As in PyTorch's own composites, the tangent does not depend on t, unlike that of t * factor."""
    return times_row(t, factor) if t.dtype.category == dtypes.FLOAT else t * factor


def _over(t: Any, divisor: Any) -> Any:
    """t by a number, likewise."""
    return over_row(t, divisor) if t.dtype.category == dtypes.FLOAT else t / divisor


def _parts(t: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """All but the last, and all but the first."""
    n = max(t._array.shape[dim] - 1, 0)
    return t.narrow(dim, 0, n), t.narrow(dim, min(1, t._array.shape[dim]), n)  # type: ignore[attr-defined]


# By a number inside a composite: linear, so that its forward mode has no history of the operand.
mul_number_row = op(
    "mul_number(self, *, other)", lambda a, other: np.multiply(a, other), node="mul", overload=1, public=False,
    promote="numbers", jvp=LINEAR, self=lambda g, other: g * other,
)  # fmt: skip


def _points(y: Tensor, x: Tensor, dim: int, name: str) -> Tensor:
    """The sample points shaped to go with y. Raises RuntimeError if there is not one for each sample."""
    if dtypes.bool_ in (x.dtype, y.dtype):
        raise RuntimeError(f"{name}: received a bool input for `x` or `y`, but bool is not supported")
    if x.ndim == 1:
        if x.numel() != y._array.shape[dim]:
            raise RuntimeError(f"{name}: There must be one `x` value for each sample point")
        return x.view([-1 if k == dim else 1 for k in range(y.ndim)])  # type: ignore[attr-defined]
    return x.view((1,) * (y.ndim - x.ndim) + tuple(x.shape)) if x.ndim < y.ndim else x  # type: ignore[attr-defined]


def _check_step(y: Tensor, dx: Any, name: str) -> Any:
    if y.dtype is dtypes.bool_:
        raise RuntimeError(f"{name}: received a bool input for `y`, but bool is not supported")
    dx = dx.item() if isinstance(dx, Tensor) else dx  # type: ignore[attr-defined]
    if isinstance(dx, (bool, complex)):
        raise RuntimeError(f"{name}: Currently, we only support dx as a real number.")
    return dx


@public("trapezoid", method=False)
def trapezoid(y: Tensor, x: Tensor | None = None, *, dx: Any = None, dim: int = -1) -> Tensor:
    """The integral along `dim` by the trapezoidal rule, over points x or steps dx (1). Source: torch.trapezoid."""
    if not y.ndim:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    axis = wrap_dim(dim, y.ndim)
    if not y._array.shape[axis]:
        shape = [n for k, n in enumerate(y._array.shape) if k != axis]
        return PUBLIC["zeros"](shape, dtype=y.dtype)
    if x is not None:
        widths = diff(_points(y, x, axis, "trapezoid"), dim=axis)
        left, right = _parts(y, axis)
        return ((left + right) * widths).sum(axis) / 2.0  # type: ignore[operator, attr-defined]
    step = _check_step(y, 1 if dx is None else dx, "trapezoid")
    ends = y.select(axis, 0) + y.select(axis, -1)  # type: ignore[attr-defined]
    return mul_number_row(y.sum(axis) - mul_number_row(ends, 0.5), step)  # type: ignore[attr-defined]


@public("trapz", method=False)
def trapz(y: Tensor, x: Tensor | None = None, *, dx: Any = None, dim: int = -1) -> Tensor:
    """trapezoid under its older name. Source: torch.trapz."""
    return trapezoid(y, x, dx=dx, dim=dim)


@public("cumulative_trapezoid", method=False)
def cumulative_trapezoid(y: Tensor, x: Tensor | None = None, *, dx: Any = None, dim: int = -1) -> Tensor:
    """The running integral along `dim`, one value fewer. Source: torch.cumulative_trapezoid."""
    if not y.ndim:
        raise IndexError("slice() cannot be applied to a 0-dim tensor.")
    axis = wrap_dim(dim, y.ndim)
    if x is not None:
        widths = diff(_points(y, x, axis, "cumulative_trapezoid"), dim=axis)
        left, right = _parts(y, axis)
        return ((left + right) * widths).cumsum(axis) / 2.0  # type: ignore[operator, attr-defined]
    step = _check_step(y, 1 if dx is None else dx, "cumulative_trapezoid")
    left, right = _parts(y, axis)
    return mul_number_row(left + right, step / 2.0).cumsum(axis)  # type: ignore[operator, attr-defined]


def _check_joined(input: Tensor, other: Tensor, dim: int) -> None:
    if other.ndim != input.ndim:
        raise RuntimeError("diff expects prepend or append to be the same dimension as input")
    for k, (n, m) in enumerate(zip(input._array.shape, other._array.shape)):
        if k != dim and n != m:
            raise RuntimeError(
                "diff expects the shape of tensor to prepend or append to match that of input except along the "
                f"differencing dimension; input.size({k}) = {n}, but got tensor.size({k}) = {m}"
            )


@public("diff")
def diff(
    input: Tensor, n: int = 1, dim: int = -1, prepend: Tensor | None = None, append: Tensor | None = None
) -> Tensor:
    """The n-th difference along `dim`, of the input joined with prepend and append. Source: torch.diff.
    Trap: bools are compared (xor), not subtracted."""
    if not input.ndim:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    axis = wrap_dim(dim, input.ndim)
    for other in (prepend, append):
        if other is not None:
            _check_joined(input, other, axis)
    if n == 0:
        return PUBLIC["zeros_like"](input).copy_(input)
    joined = [t for t in (prepend, input, append) if t is not None]
    found = PUBLIC["cat"](joined, axis) if len(joined) > 1 else input
    if not found._array.shape[axis]:
        return found
    for _ in range(min(n, found._array.shape[axis])):
        left, right = _parts(found, axis)
        found = right ^ left if input.dtype is dtypes.bool_ else right - left
    return found


def _spacings(input: Tensor, spacing: Any, dim: Any, axes: tuple[int, ...]) -> list[Any]:
    """One spacing (a number or a vector of coordinates) for each dimension. Raises RuntimeError for another count."""
    if spacing is None or isinstance(spacing, (int, float, complex)):
        return [1 if spacing is None else spacing] * len(axes)
    if isinstance(spacing, Tensor) or not isinstance(spacing, Sequence):
        raise TypeError(f"gradient(): spacing must be a number or a sequence, not {type(spacing).__name__}")
    if len(spacing) != len(axes):
        if dim is None:
            raise RuntimeError(
                "torch.gradient expected spacing to be unspecified, a scalar, or a list of length equal to 'self.dim() "
                f"= {input.ndim}', since dim argument was not given, but got a list of length {len(spacing)}"
            )
        raise RuntimeError(
            "torch.gradient expected spacing to be unspecified, a scalar or it's spacing and dim arguments to have "
            f"the same length, but got a spacing argument of length {len(spacing)} and a dim argument of length "
            f"{len(axes)}."
        )
    for s in spacing:
        if isinstance(s, Tensor) and s.ndim != 1:
            raise RuntimeError(
                "torch.gradient expected each element of spacing to have one dimension, but got an element with "
                f"{s.ndim} dimensions!"
            )
    return list(spacing)


@public("gradient", method=False)
def gradient(input: Tensor, *, spacing: Any = None, dim: Any = None, edge_order: int = 1) -> tuple[Tensor, ...]:
    """The derivative along each dimension by central differences, one-sided of order 1 or 2 at the edges.
    Source: torch.gradient. spacing: a number, one for each dimension, or vectors of coordinates."""
    axes = axes_of(input, dim)
    spacings = _spacings(input, spacing, dim, axes)
    if edge_order not in (1, 2):
        raise RuntimeError("torch.gradient only supports edge_order=1 and edge_order=2.")
    if any(input._array.shape[k] < edge_order + 1 for k in axes):
        raise RuntimeError("torch.gradient expected each dimension size to be at least edge_order+1")
    return tuple(
        (_on_coordinates if isinstance(s, Tensor) else _on_grid)(input, s, k, edge_order)
        for k, s in zip(axes, spacings)
    )


def _at(t: Tensor, dim: int, start: int, length: int = 1) -> Tensor:
    """A slice of a dimension; start counts from the end if negative."""
    n = t._array.shape[dim]
    return t.narrow(dim, start if start >= 0 else n + start, length)  # type: ignore[attr-defined]


def _joined(first: Tensor, inner: Tensor, last: Tensor, dim: int) -> Tensor:
    return PUBLIC["cat"]([first, inner, last], dim)


def _on_grid(t: Tensor, h: Any, dim: int, edge_order: int) -> Tensor:
    """Equal steps h."""
    n = t._array.shape[dim]
    inner = _over(_at(t, dim, 2, n - 2) - _at(t, dim, 0, n - 2), h * 2.0)  # type: ignore[operator]
    if edge_order == 1:
        first, last = _at(t, dim, 1) - _at(t, dim, 0), _at(t, dim, -1) - _at(t, dim, -2)  # type: ignore[operator]
        return _joined(_over(first, h), inner, _over(last, h), dim)
    a: list[Any] = [_at(t, dim, k) for k in (0, 1, 2)]
    b: list[Any] = [_at(t, dim, -k) for k in (1, 2, 3)]
    first = _over(_times(a[0], -3.0) + _times(a[1], 4.0) - a[2], h * 2.0)
    last = _over(b[2] - _times(b[1], 4.0) + _times(b[0], 3.0), h * 2.0)
    return _joined(first, inner, last, dim)


def _on_coordinates(t: Tensor, coordinates: Tensor, dim: int, edge_order: int) -> Tensor:
    """Unequal steps: the parabola through three neighbours; at the edges that, or the chord."""
    n = t._array.shape[dim]
    steps: Any = diff(coordinates).view([-1 if k == dim else 1 for k in range(t.ndim)])  # type: ignore[attr-defined]
    before, after = _at(steps, dim, 0, n - 2), _at(steps, dim, 1, n - 2)
    inner = _parabola(t, before, after, dim, n - 2)
    if edge_order == 1:
        first = (_at(t, dim, 1) - _at(t, dim, 0)) / _at(steps, dim, 0)  # type: ignore[operator]
        last = (_at(t, dim, -1) - _at(t, dim, -2)) / _at(steps, dim, -1)  # type: ignore[operator]
        return _joined(first, inner, last, dim)
    a: list[Any] = [_at(t, dim, k) for k in (0, 1, 2)]
    b: list[Any] = [_at(t, dim, -k) for k in (1, 2, 3)]
    first = _edge(a, _at(steps, dim, 0), _at(steps, dim, 1))
    last = -_edge(b, _at(steps, dim, -1), _at(steps, dim, -2))  # type: ignore[operator]
    return _joined(first, inner, last, dim)


def _parabola(t: Tensor, before: Any, after: Any, dim: int, count: int) -> Any:
    """The slope in the middle of three points with steps before and after."""
    low, middle, high = (_at(t, dim, k, count) for k in (0, 1, 2))
    both = before + after
    return (
        high * (before / (after * both))
        + middle * ((after - before) / (before * after))
        - low * (after / (before * both))
    )


def _edge(points: list[Any], near: Any, far: Any) -> Any:
    """The slope at the first of three points, the steps to the next ones near and far."""
    both = near + far
    return (
        points[1] * (both / (near * far))
        - points[0] * ((near + both) / (near * both))
        - points[2] * (near / (far * both))
    )
