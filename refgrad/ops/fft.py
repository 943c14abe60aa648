"""Discrete Fourier transforms. Source: torch.fft.

Three rows do all: complex to complex, real to complex (all frequencies, or the half that determines the rest) and
complex to real. `normalization`: 0 none, 1 by the root of the number of points, 2 by the number.
"""

from __future__ import annotations

from math import prod, sqrt
from typing import Any

import numpy as np
import scipy.fft

from .. import _dtypes as dtypes
from .._dtypes import SCALAR_NAMES
from .._errors import wrap_dim
from .._layout import with_strides
from .._op import LINEAR, PUBLIC, op, public
from .._tensor import Tensor
from .copy import cast_row

Axes = tuple[int, ...]


def _laid_out(result: np.ndarray, source: np.ndarray, dims: Axes, last: bool) -> np.ndarray:
    """The result with the transformed dimensions innermost and either group ordered as in the source's memory; with
    `last` the last one given is innermost of all. So PyTorch lays it out."""

    def outer_first(k: int) -> int:
        return -source.strides[k]

    moved = sorted(dims[:-1] if last else dims, key=outer_first) + ([dims[-1]] if last else [])
    order = sorted((k for k in range(source.ndim) if k not in dims), key=outer_first) + moved
    strides, step = [0] * source.ndim, 1
    for k in reversed(order):
        strides[k] = step
        step *= max(result.shape[k], 1)
    return with_strides(result, tuple(strides))


def _scaled(result: np.ndarray, count: int, normalization: int) -> np.ndarray:
    return result if not normalization else result * (1 / sqrt(count) if normalization == 1 else 1 / count)


def _c2c(a: np.ndarray, dim: Axes, normalization: int, forward: bool) -> np.ndarray:
    found = scipy.fft.fftn(a, axes=dim) if forward else scipy.fft.ifftn(a, axes=dim, norm="forward")
    return _laid_out(_scaled(found, prod(a.shape[d] for d in dim), normalization), a, dim, False)


def _r2c(a: np.ndarray, dim: Axes, normalization: int, onesided: bool) -> np.ndarray:
    found = (scipy.fft.rfftn if onesided else scipy.fft.fftn)(a, axes=dim)
    return _laid_out(_scaled(found, prod(a.shape[d] for d in dim), normalization), a, dim, True)


def _c2r(a: np.ndarray, dim: Axes, normalization: int, size: int) -> np.ndarray:
    sizes = [*(a.shape[d] for d in dim[:-1]), size]
    found = scipy.fft.irfftn(a, sizes, dim, norm="forward")
    return _laid_out(_scaled(found, prod(sizes), normalization), a, dim, True)


def _r2c_pull(g: Any, F: Any, self: Any, dim: Axes, normalization: int, onesided: bool) -> Any:
    """The inverse transform of the frequencies that were kept; its real part belongs to the input."""
    missing = self.shape[dim[-1]] - g.shape[dim[-1]]
    if onesided and missing:
        shape = tuple(missing if k == dim[-1] else n for k, n in enumerate(g.shape))
        g = F.cat([g, F.zeros(shape, F.array_dtype(g))], dim[-1])
    return F.fft_c2c(g, dim, normalization, False)


def _c2r_pull(g: Any, F: Any, self_meta: Any, dim: Axes, normalization: int, size: int) -> Any:
    """The transform of g, with the frequencies that stand for their mirror images too counted twice."""
    half = self_meta.shape[dim[-1]]
    weight = np.ones(half, self_meta.dtype)
    weight[1 : 1 + size - half] = 2
    shape = tuple(half if k == dim[-1] else 1 for k in range(len(self_meta.shape)))
    return F.fft_r2c(g, dim, normalization, True) * F.constant(weight.reshape(shape))


c2c_row = op(
    "fft_c2c(self, *, dim, normalization, forward)", _c2c, node="fft_c2C", keeps_strides=True, public=False, jvp=LINEAR,
    self=lambda g, F, dim, normalization, forward: F.fft_c2c(g, dim, normalization, not forward),
)  # fmt: skip
r2c_row = op(
    "fft_r2c(self, *, dim, normalization, onesided)",
    _r2c,
    node="fft_r2C",
    keeps_strides=True,
    public=False,
    jvp=LINEAR,
    self=_r2c_pull,
)
c2r_row = op(
    "fft_c2r(self, *, dim, normalization, size)",
    _c2r,
    node="fft_c2R",
    keeps_strides=True,
    public=False,
    jvp=LINEAR,
    self=_c2r_pull,
)


def _normalization(norm: str | None, forward: bool) -> int:
    if norm not in (None, "backward", "forward", "ortho"):
        raise RuntimeError(f'Invalid normalization mode: "{norm}"')
    if norm == "ortho":
        return 1
    return 0 if (norm == "forward") != forward else 2


def _promoted(t: Tensor, to_complex: bool) -> Tensor:
    """The tensor in a dtype that can be transformed. Raises RuntimeError for 16-bit floats."""
    kind = t.dtype if t.dtype.category >= dtypes.FLOAT else dtypes.get_default_dtype()
    if kind.itemsize == 2:
        raise RuntimeError(f"Unsupported dtype {SCALAR_NAMES[kind]}")
    kind = kind.to_complex() if to_complex else kind
    return t if kind is t.dtype else cast_row(t, kind.array)


def _check_real(t: Tensor, name: str, kind: str = "real") -> None:
    if t.is_complex():
        raise RuntimeError(f"{name} expects a {kind} input tensor, but got {SCALAR_NAMES[t.dtype]}")


def _one_dim(t: Tensor, dim: int) -> int:
    if not t.ndim:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    return wrap_dim(dim, t.ndim)


def _check_points(n: int) -> None:
    if n < 1:
        raise RuntimeError(f"Invalid number of data points ({n}) specified")


def _resized(t: Tensor, sizes: dict[int, int]) -> Tensor:
    """The tensor cut or padded with zeros at the end of dimensions."""
    pads = [0] * (2 * t.ndim)
    for d, n in sizes.items():
        have = t._array.shape[d]
        if n < have:
            t = t.narrow(d, 0, n)
        elif n > have:
            pads[2 * (t.ndim - d) - 1] = n - have
    return PUBLIC["constant_pad_nd"](t, pads, 0) if any(pads) else t


def _along(t: Tensor, n: int | None, dim: int) -> tuple[Tensor, int]:
    """The tensor with n points along a dimension, and the dimension."""
    axis = _one_dim(t, dim)
    count = t._array.shape[axis] if n is None else n
    _check_points(count)
    return (t if n is None else _resized(t, {axis: n})), axis


def _transform(input: Tensor, n: int | None, dim: int, norm: str | None, forward: bool) -> Tensor:
    code = _normalization(norm, forward)
    real = not input.is_complex()
    t, axis = _along(_promoted(input, False), n, dim)
    if not real:
        return c2c_row(t, (axis,), code, forward)
    found = r2c_row(t, (axis,), code, False)
    return found if forward else found.conj()


def _half(input: Tensor, name: str, n: int | None, dim: int, norm: str | None, forward: bool) -> Tensor:
    _check_real(input, name)
    code = _normalization(norm, forward)
    t, axis = _along(_promoted(input, False), n, dim)
    found = r2c_row(t, (axis,), code, True)
    return found if forward else found.conj()


def _real(input: Tensor, n: int | None, dim: int, norm: str | None, forward: bool) -> Tensor:
    code = _normalization(norm, forward)
    t = _promoted(input, True)
    axis = _one_dim(t, dim)
    count = 2 * (t._array.shape[axis] - 1) if n is None else n
    _check_points(count)
    if n is not None:
        t = _resized(t, {axis: n // 2 + 1})
    return c2r_row(t.conj() if forward else t, (axis,), code, count)


@public("fft.fft", method=False)
def fft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: Any = None) -> Tensor:
    """The discrete Fourier transform along a dimension, cut or padded to n points. Source: torch.fft.fft."""
    return _transform(input, n, dim, norm, True)


@public("fft.ifft", method=False)
def ifft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: Any = None) -> Tensor:
    """The inverse of fft. Source: torch.fft.ifft."""
    return _transform(input, n, dim, norm, False)


@public("fft.rfft", method=False)
def rfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: Any = None) -> Tensor:
    """The first half of a real input's fft. Source: torch.fft.rfft."""
    return _half(input, "rfft", n, dim, norm, True)


@public("fft.ihfft", method=False)
def ihfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: Any = None) -> Tensor:
    """The inverse of hfft. Source: torch.fft.ihfft."""
    return _half(input, "ihfft", n, dim, norm, False)


@public("fft.irfft", method=False)
def irfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: Any = None) -> Tensor:
    """The inverse of rfft; n real points, by default 2·(size - 1). Source: torch.fft.irfft.
    Trap: without n an odd number of points is not recovered."""
    return _real(input, n, dim, norm, False)


@public("fft.hfft", method=False)
def hfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: Any = None) -> Tensor:
    """The real fft of a half that is Hermitian in time. Source: torch.fft.hfft."""
    return _real(input, n, dim, norm, True)


def shape_and_dims(t: Tensor, s: Any, dim: Any) -> tuple[list[int], Axes]:
    """The points and dimensions of a transform over several. Raises RuntimeError for what does not fit."""
    ndim = t.ndim
    s = None if s is None else ([s] if isinstance(s, int) else list(s))
    given = None if dim is None else [dim] if isinstance(dim, int) else list(dim)
    dims = None if given is None else tuple(wrap_dim(d, ndim) for d in given)
    if dims is not None and len(set(dims)) != len(dims):
        raise RuntimeError("FFT dims must be unique")
    if s is not None:
        if dims is not None and len(dims) != len(s):
            raise RuntimeError("When given, dim and shape arguments must have the same length")
        if len(s) > ndim:
            raise RuntimeError(f"Got shape with {len(s)} values but input tensor only has {ndim} dimensions.")
        dims = tuple(range(ndim - len(s), ndim)) if dims is None else dims
        sizes = [t._array.shape[d] if n == -1 else n for n, d in zip(s, dims)]
    else:
        dims = tuple(range(ndim)) if dims is None else dims
        sizes = [t._array.shape[d] for d in dims]
    for n in sizes:
        _check_points(n)
    return sizes, dims


def transform_nd(input: Tensor, s: Any, dim: Any, norm: str | None, forward: bool) -> Tensor:
    """fftn and ifftn."""
    t = _promoted(input, True)
    sizes, dims = shape_and_dims(t, s, dim)
    code = _normalization(norm, forward)
    t = _resized(t, dict(zip(dims, sizes)))
    return c2c_row(t, dims, code, forward) if dims else t.clone()


def half_nd(input: Tensor, s: Any, dim: Any, norm: str | None) -> Tensor:
    """rfftn."""
    _check_real(input, "rfftn", "real-valued")
    t = _promoted(input, False)
    sizes, dims = shape_and_dims(t, s, dim)
    if not dims:
        raise RuntimeError("rfftn must transform at least one axis")
    return r2c_row(_resized(t, dict(zip(dims, sizes))), dims, _normalization(norm, True), True)


def real_shape(t: Tensor, s: Any, dim: Any, name: str) -> tuple[list[int], int, Axes]:
    """Points of the complex input, points of the last dimension's real output, and dimensions."""
    sizes, dims = shape_and_dims(t, s, dim)
    if not dims:
        raise RuntimeError(f"{name} must transform at least one axis")
    given = None if s is None else ([s] if isinstance(s, int) else list(s))[-1]
    last = 2 * (t._array.shape[dims[-1]] - 1) if given in (None, -1) else given
    _check_points(last)
    return [*sizes[:-1], last // 2 + 1], last, dims


def real_nd(input: Tensor, s: Any, dim: Any, norm: str | None) -> Tensor:
    """irfftn."""
    t = _promoted(input, True)
    sizes, last, dims = real_shape(t, s, dim, "irfftn")
    return c2r_row(_resized(t, dict(zip(dims, sizes))), dims, _normalization(norm, False), last)


def hermitian_nd(input: Tensor, s: Any, dim: Any, norm: str | None) -> Tensor:
    """hfftn: complex transforms of all but the last dimension, then the real one."""
    t = _promoted(input, True)
    sizes, last, dims = real_shape(t, s, dim, "hfftn")
    code = _normalization(norm, True)
    t = _resized(t, dict(zip(dims, sizes)))
    if len(dims) > 1:
        t = c2c_row(t, dims[:-1], code, True)
    return c2r_row(t.conj(), dims[-1:], code, last)


def inverse_hermitian_nd(input: Tensor, s: Any, dim: Any, norm: str | None) -> Tensor:
    """ihfftn."""
    t = _promoted(input, False)
    sizes, dims = shape_and_dims(t, s, dim)
    if not dims:
        raise RuntimeError("ihfftn must transform at least one axis")
    if t.is_complex():
        raise RuntimeError(f"Only supports floating-point dtypes, but found: {SCALAR_NAMES[t.dtype]}")
    code = _normalization(norm, False)
    found = r2c_row(_resized(t, dict(zip(dims, sizes))), dims[-1:], code, True)
    if len(dims) == 1:
        return found.conj()
    return c2c_row(PUBLIC["conj_physical"](found), dims[:-1], code, False)
