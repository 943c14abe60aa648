"""softmax and its logarithms, computed from differences to the maximum so that nothing overflows."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from .. import _dtypes as dtypes
from .._dtypes import dtype, get_default_dtype
from .._interpreters import formula
from .._op import op, public
from .._tensor import Tensor
from .reduce import Axes, axes_of, kept, not_implemented, numpy_names, one_dim, packed, summed


def _shifted(a: np.ndarray, dim: int) -> np.ndarray:
    """a minus its maximum along a dimension, row-major."""
    return np.subtract(a, np.maximum.reduce(a, dim, keepdims=True, initial=-np.inf), order="C")


def _softmax(a: np.ndarray, dim: int) -> np.ndarray:
    if not (a.ndim and a.size):
        return _softmax(a.reshape(1), 0)[0] if a.size else np.array(a, order="C")
    made = _shifted(a, dim)
    np.exp(made, out=made)
    made /= summed(made, (dim,), True)
    return made


def _log_softmax(a: np.ndarray, dim: int) -> np.ndarray:
    if not (a.ndim and a.size):
        return _log_softmax(a.reshape(1), 0)[0] if a.size else np.array(a, order="C")
    made = _shifted(a, dim)
    made -= np.log(summed(np.exp(made), (dim,), True))
    return made


@formula
def softmax_vjp(F: Any, g: Any, out: Any, dim: int) -> Any:
    """p·(g - Σ p·g); it is its own transpose, so the jvp too. Centred twice: where one p is nearly 1, what rounding left
    of the mean the first time is as large as the result. Where a mean isn't finite there is nothing left of it."""
    dims = (dim,) if out.ndim else ()
    centred = g - F.sum(out * g, dims, True)
    rest = F.sum(out * centred, dims, True)
    return out * (centred - F.where(rest - rest == 0, rest, 0))


@formula
def log_softmax_vjp(F: Any, g: Any, out: Any, dim: int) -> Any:
    """g - p·Σ g, whose sum is 0: what rounding left of it is taken off too, which is much where one p is nearly 1."""
    dims, p = (dim,) if out.ndim else (), F.exp(out)
    found = g - p * F.sum(g, dims, True)
    rest = F.sum(found, dims, True)
    return found - p * F.where(rest - rest == 0, rest, 0)


def _log_softmax_jvp(F: Any, x: Any, t: Any, attrs: Any, out: Any) -> Any:
    """t - Σ p·t, whose mean is 0: centred twice, like softmax's."""
    dims, p = attrs if out[0].ndim else (), F.exp(out[0])
    found = t[0] - F.sum(p * t[0], dims, True)
    rest = F.sum(p * found, dims, True)
    return found - F.where(rest - rest == 0, rest, 0)


softmax_row = op(
    "softmax(self, *, dim)",
    _softmax,
    public=False,
    jvp=lambda F, x, t, attrs, out: F.softmax_vjp(t[0], out[0], *attrs),
    self=lambda g, F, out, dim: F.softmax_vjp(g, out, dim),
)
log_softmax_row = op(
    "log_softmax(self, *, dim)", _log_softmax, public=False, jvp=_log_softmax_jvp,
    self=lambda g, F, out, dim: F.log_softmax_vjp(g, out, dim),
)  # fmt: skip


def _operand(name: str, input: Tensor, dim: Any, dtype: dtype | None) -> tuple[Tensor, int]:
    """The tensor in the dtype asked for and its dimension. Raises NotImplementedError for what is not a real float."""
    if dtype is not None and dtype is not input.dtype:
        input = input.to(dtype)
    axis = one_dim(input, dim, name)
    if not input.is_floating_point() and input.numel():
        not_implemented(f"{name}_{'lastdim_' if axis == max(input.ndim - 1, 0) else ''}kernel_impl", input)
    return input, axis


@public("softmax")
@numpy_names
def softmax(input: Tensor, dim: int, dtype: dtype | None = None) -> Tensor:
    """exp(x) normalised to sum 1 along `dim`, after a cast to `dtype`. Source: torch.softmax.
    Trap: nan for a slice of -inf alone."""
    return softmax_row(*_operand("softmax", input, dim, dtype))


@public("log_softmax")
@numpy_names
def log_softmax(input: Tensor, dim: int, dtype: dtype | None = None) -> Tensor:
    """The logarithm of softmax, without forming it. Source: torch.log_softmax."""
    return log_softmax_row(*_operand("log_softmax", input, dim, dtype))


def _implicit_dim(name: str, ndim: int, stacklevel: int) -> int:
    warnings.warn(
        f"Implicit dimension choice for {name} has been deprecated. Change the call to include dim=X as an argument.",
        stacklevel=stacklevel + 1,
    )
    return 0 if ndim in (0, 1, 3) else 1


@public("nn.functional.softmax", method=False)
def functional_softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: dtype | None = None
) -> Tensor:
    """softmax; without `dim` over 0 or 1 by rank, with a warning. Source: torch.nn.functional.softmax."""
    return softmax(input, _implicit_dim("softmax", input.ndim, _stacklevel) if dim is None else dim, dtype)


@public("nn.functional.log_softmax", method=False)
def functional_log_softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: dtype | None = None
) -> Tensor:
    """log_softmax; without `dim` over 0 or 1 by rank, with a warning. Source: torch.nn.functional.log_softmax."""
    return log_softmax(input, _implicit_dim("log_softmax", input.ndim, _stacklevel) if dim is None else dim, dtype)


@public("nn.functional.softmin", method=False)
def softmin(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: dtype | None = None) -> Tensor:
    """softmax of the negative. Source: torch.nn.functional.softmin."""
    return softmax(-input, _implicit_dim("softmin", input.ndim, _stacklevel) if dim is None else dim, dtype)


def _logsumexp(a: np.ndarray, dim: Axes, keepdim: bool) -> np.ndarray:
    real = a.real if a.dtype.kind == "c" else a
    top = np.maximum.reduce(real, dim, keepdims=True, initial=-np.inf)
    top = np.where(np.isfinite(top), top, real.dtype.type(0))
    found = np.log(summed(np.exp(a - top), dim, True)) + top
    return packed(found if keepdim else found.squeeze(dim))


def _logsumexp_vjp(g: Any, F: Any, self: Any, out: Any, dim: Axes, keepdim: bool) -> Any:
    shape = tuple(self.shape)
    return kept(F, g, shape, dim, keepdim) * F.conj(F.exp(self - kept(F, out, shape, dim, keepdim)))


def _logsumexp_jvp(F: Any, x: Any, t: Any, attrs: Any, out: Any) -> Any:
    dim, keepdim = attrs
    weights = F.exp(x[0] - kept(F, out[0], tuple(x[0].shape), dim, keepdim))
    return F.div(F.sum(t[0] * weights, dim, keepdim), F.sum(weights, dim, keepdim))


logsumexp_row = op(
    "logsumexp(self, *, dim, keepdim)", _logsumexp, public=False, jvp=_logsumexp_jvp, self=_logsumexp_vjp
)


@public("logsumexp")
@numpy_names
def logsumexp(input: Tensor, dim: Any, keepdim: bool = False) -> Tensor:
    """log Σ exp(x) over one or more dimensions; integers become floating. Source: torch.logsumexp."""
    if input.dtype.category < dtypes.FLOAT:
        input = input.to(get_default_dtype())
    return logsumexp_row(input, axes_of(input, dim), keepdim)
