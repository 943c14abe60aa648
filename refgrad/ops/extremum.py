"""The largest and smallest: over all elements, over dimensions, with positions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _dtypes as dtypes
from .._dtypes import SCALAR_NAMES
from .._interpreters import formula
from .._op import PUBLIC, op, public
from .._tensor import Tensor
from ..return_types import named
from .place import selection_jvp, selection_vjp
from .reduce import Axes, axes_of, kept, not_implemented, numpy_names, one_dim, packed

Kernel = Callable[..., Any]


def _equal(F: Any, x: Any, extreme: Any) -> Any:
    """Where x is the extreme; a nan extreme is met by the nans."""
    return (x == extreme) | ((x != x) & (extreme != extreme))


@formula
def shared_among_ties(F: Any, g: Any, x: Any, out: Any) -> Any:
    """The vjp of max() over everything: the cotangent in equal parts to all that are the maximum."""
    mask = _equal(F, x, out)
    return F.where(mask, F.div(g, F.sum(mask, tuple(range(x.ndim)), False)), 0)


def ties_jvp(F: Any, x: Any, t: Any, attributes: Any, out: Any) -> Any:
    """The jvp of max() over everything: the mean tangent of all that are the maximum."""
    mask, dims = _equal(F, x[0], out[0]), tuple(range(x[0].ndim))
    return F.div(F.sum(F.where(mask, t[0], 0), dims, False), F.sum(mask, dims, False))


def mean_of_ties(F: Any, x: Any, t: Any, out: Any, dim: Axes, keepdim: bool) -> Any:
    """The jvp of amax: the mean tangent of all in the slice that equal the result."""
    mask = x == kept(F, out, tuple(x.shape), dim, keepdim)
    return F.div(F.sum(F.where(mask, t, 0), dim, keepdim), F.sum(mask, dim, keepdim))


def _slices_jvp(F: Any, x: Any, t: Any, attributes: Any, out: Any) -> Any:
    found = [mean_of_ties(F, x[0], t[0], extreme, *attributes) for extreme in out]
    return found if len(found) > 1 else found[0]


@formula
def shared_over(F: Any, g: Any, x: Any, out: Any, dim: Axes, keepdim: bool) -> Any:
    """The vjp of amax: the cotangent in equal parts to all in the slice that equal the result; as in PyTorch an infinite
    one is NaN for the others."""
    shape = tuple(x.shape)
    mask = x == kept(F, out, shape, dim, keepdim)
    return F.div(F.mul(kept(F, g, shape, dim, keepdim), mask), F.sum(mask, dim, True))


def _positions(a: np.ndarray, find: Kernel, dim: int, keepdim: bool) -> tuple[np.ndarray, np.ndarray]:
    """The extreme values along a dimension and where they come first; a nan counts as extreme."""
    if not a.ndim:
        return a.copy(), np.zeros((), np.int64)
    index = find(a, dim, keepdims=True)
    values = np.take_along_axis(a, index, dim)
    if not keepdim:
        index, values = index.squeeze(dim), values.squeeze(dim)
    return packed(values), packed(index)


def _all_row(name: str, ufunc: np.ufunc) -> Callable[..., Tensor]:
    return op(
        f"{name}_all(self)", lambda a: ufunc.reduce(a, None), public=False, node=name, overload=1, exact=True,
        jvp=ties_jvp, self=lambda g, F, self, out: F.shared_among_ties(g, self, out),
    )  # fmt: skip


def _dim_row(name: str, find: Kernel) -> Callable[..., Any]:
    return op(
        f"{name}_dim(self, *, dim, keepdim) -> values, indices!",
        lambda a, dim, keepdim: _positions(a, find, dim, keepdim),
        public=False,
        node=name,
        exact=True,
        jvp=selection_jvp,
        self=lambda g_values, F, indices, self_meta, dim, keepdim: selection_vjp(
            F, g_values, indices, self_meta.shape, dim, keepdim
        ),
    )


def _slices_row(name: str, ufunc: np.ufunc) -> Callable[..., Tensor]:
    return op(
        f"{name}(self, *, dim, keepdim)", lambda a, dim, keepdim: packed(ufunc.reduce(a, dim, keepdims=keepdim)),
        public=False, exact=True,
        jvp=_slices_jvp, self=lambda g, F, self, out, dim, keepdim: F.shared_over(g, self, out, dim, keepdim),
    )  # fmt: skip


ALL = {"max": _all_row("max", np.maximum), "min": _all_row("min", np.minimum)}
ALONG = {"max": _dim_row("max", np.argmax), "min": _dim_row("min", np.argmin)}
amax_row, amin_row = _slices_row("amax", np.maximum), _slices_row("amin", np.minimum)


def _extreme(name: str, input: Tensor, dim: Any, keepdim: bool) -> Any:
    if isinstance(dim, Tensor):
        return PUBLIC["maximum" if name == "max" else "minimum"](input, dim)
    if dim is None:
        _check_some(name, input)
        if input.is_complex():
            not_implemented(f"{name}_all", input)
        return ALL[name](input)
    axis = one_dim(input, dim, name)
    check_extent(input, (axis,), name)
    if input.is_complex():
        raise RuntimeError(f"{name}(): does not support complex input")
    return named(name, "values", "indices")(*ALONG[name](input, axis, keepdim))


def _check_some(name: str, input: Tensor) -> None:
    """Raises PyTorch's error for the extreme of nothing."""
    if not input.numel():
        raise RuntimeError(
            f"{name}(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with "
            "the 'dim' argument."
        )


def check_extent(t: Tensor, dims: Any, name: str, mark: str = "()") -> None:
    """Raises PyTorch's error for a dimension of size 0, over which a reduction without identity is not defined."""
    for k in (dims,) if isinstance(dims, int) else dims:
        if t.ndim and t._array.shape[k] == 0:
            raise IndexError(f"{name}{mark}: Expected reduction dim {k} to have non-zero size.")


@public("max")
@numpy_names
def max_(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    """The maximum of everything; with `dim` the named tuple (values, indices); with a tensor the elementwise maximum.
    Source: torch.max. Trap: over everything ties share the gradient, with `dim` the returned index gets all of it."""
    return _extreme("max", input, dim if other is None else other, keepdim)


@public("min")
@numpy_names
def min_(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    """The minimum of everything; with `dim` the named tuple (values, indices); with a tensor the elementwise minimum.
    Source: torch.min. Trap: over everything ties share the gradient, with `dim` the returned index gets all of it."""
    return _extreme("min", input, dim if other is None else other, keepdim)


def _over(row: Callable[..., Tensor], name: str, kernel: str, input: Tensor, dim: Any, keepdim: bool) -> Tensor:
    axes = axes_of(input, dim)
    if dim is None or dim == ():
        _check_some(name, input)
    check_extent(input, axes if dim is None else dim, name)
    if input.is_complex():
        not_implemented(kernel, input)
    return row(input, axes, keepdim)


@public("amax")
@numpy_names
def amax(input: Tensor, dim: Any = (), keepdim: bool = False) -> Tensor:
    """The maximum over one or more dimensions; ties share the gradient. Source: torch.amax."""
    return _over(amax_row, "amax", "max_values_cpu", input, dim, keepdim)


@public("amin")
@numpy_names
def amin(input: Tensor, dim: Any = (), keepdim: bool = False) -> Tensor:
    """The minimum over one or more dimensions; ties share the gradient. Source: torch.amin."""
    return _over(amin_row, "amin", "min_values_cpu", input, dim, keepdim)


def _both(a: np.ndarray, dim: Axes, keepdim: bool) -> tuple[np.ndarray, np.ndarray]:
    found = (ufunc.reduce(a, dim, keepdims=keepdim) for ufunc in (np.minimum, np.maximum))
    low, high = map(packed, found)
    return low, high


def _both_vjp(g_min: Any, g_max: Any, F: Any, self: Any, min: Any, max: Any, dim: Axes, keepdim: bool) -> Any:
    low = None if g_min is None else F.shared_over(g_min, self, min, dim, keepdim)
    high = None if g_max is None else F.shared_over(g_max, self, max, dim, keepdim)
    return low + high if low is not None and high is not None else high if low is None else low


aminmax_row = op(
    "aminmax(self, *, dim, keepdim) -> min, max", _both, public=False, exact=True, jvp=_slices_jvp, self=_both_vjp
)


@public("aminmax")
@numpy_names
def aminmax(input: Tensor, *, dim: int | None = None, keepdim: bool = False) -> Any:
    """The named tuple (min, max), over everything or one dimension; ties share the gradient. Source: torch.aminmax."""
    axes = axes_of(input, dim)
    if dim is None and not input.numel():
        raise RuntimeError(
            "aminmax(): cannot compute aminmax over an empty dimension as the operation has no identity."
        )
    check_extent(input, axes, "aminmax", "")
    if input.is_complex():
        if dim is not None and not input.ndim:
            raise RuntimeError(f"aminmax not implemented for {SCALAR_NAMES[input.dtype]}")
        not_implemented("aminmax_cpu", input)
    return named("aminmax", "min", "max")(*aminmax_row(input, axes, keepdim))


def _position(name: str, find: Kernel) -> Callable[..., Tensor]:
    def kernel(a: np.ndarray, dim: int | None, keepdim: bool) -> np.ndarray:
        if not a.ndim:
            return np.zeros((), np.int64)
        return packed(find(a, dim, keepdims=keepdim))

    return op(f"{name}(self, *, dim, keepdim) -> out!", kernel, public=False, exact=True)


POSITION = {"argmax": _position("argmax", np.argmax), "argmin": _position("argmin", np.argmin)}


def _position_of(name: str, input: Tensor, dim: Any, keepdim: bool) -> Tensor:
    axis = None if dim is None else one_dim(input, dim, name)
    for kind, bad in (("complex", input.is_complex()), ("bool", input.dtype is dtypes.bool_)):
        if bad:
            raise RuntimeError(f"{name}(): does not support {kind} input")
    if axis is None and not input.numel():
        raise IndexError(f"{name}(): Expected reduction dim to be specified for input.numel() == 0.")
    if axis is not None:
        check_extent(input, (axis,), name)
    return POSITION[name](input, axis, keepdim)


@public("argmax")
@numpy_names
def argmax(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Where the (first) maximum is: in the flattened tensor, or along `dim`. Source: torch.argmax."""
    return _position_of("argmax", input, dim, keepdim)


@public("argmin")
@numpy_names
def argmin(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Where the (first) minimum is: in the flattened tensor, or along `dim`. Source: torch.argmin."""
    return _position_of("argmin", input, dim, keepdim)
