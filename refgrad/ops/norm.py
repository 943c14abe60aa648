"""Vector norms and what is built on them. At zero vectors and zero entries the gradient is 0, the smallest one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import _dtypes as dtypes
from .._calls import common_dtype
from .._dtypes import SCALAR_NAMES, dtype
from .._errors import warn_once, wrap_dim
from .._inplace import leaf_first, write
from .._interpreters import LIVE, formula
from .._modes import state
from .._op import PUBLIC, op, public
from .._tensor import Tensor
from .reduce import Axes, axes_of, cast_within, count_of, kept, numpy_names, packed, summed

CASTS = (
    "Casting complex values to real discards the imaginary part (Triggered internally at "
    "/__w/pytorch/pytorch/aten/src/ATen/native/Copy.cpp:307.)"
)


def vector_norm(a: np.ndarray, ord: float, dim: Axes, keepdim: bool) -> np.ndarray:
    """(Σ |a|^ord)^(1/ord), its limits at ±inf, and the count of non-zeros at 0."""
    size = np.abs(a)
    if ord == 0:
        return packed(np.add.reduce(size != 0, dim, dtype=size.dtype, keepdims=keepdim))
    if math.isinf(ord):
        return packed((np.maximum if ord > 0 else np.minimum).reduce(size, dim, keepdims=keepdim, **_start(size, ord)))
    found = _power_sum(size, ord, dim)
    if ord != 1 and not np.all((found > 1e-30) & (found < 1e30)):
        found = _scaled_norm(size, ord, dim, found)
    elif ord != 1:
        found = _root(found, ord)
    return packed(found if keepdim else found.squeeze(dim))


def _start(size: np.ndarray, ord: float) -> dict[str, float]:
    return {"initial": 0.0} if ord > 0 else {}


def _power_sum(size: np.ndarray, ord: float, dim: Axes) -> np.ndarray:
    return summed(size if ord == 1 else size * size if ord == 2 else size**ord, dim, True)


def _root(total: np.ndarray, ord: float) -> np.ndarray:
    return np.sqrt(total) if ord == 2 else total ** (1 / ord)


def _scaled_norm(size: np.ndarray, ord: float, dim: Axes, direct: np.ndarray) -> np.ndarray:
    """The norm where powers over- or underflow: the largest magnitude is taken out first."""
    top = np.maximum.reduce(size, dim, keepdims=True, initial=0)
    usable = np.isfinite(top) & (top > 0) if ord > 0 else np.zeros(top.shape, bool)
    scale = np.where(usable, top, top.dtype.type(1))
    return np.where(usable, scale * _root(_power_sum(size / scale, ord, dim), ord), _root(direct, ord))


def _norm_vjp(F: Any, g: Any, x: Any, out: Any, ord: float) -> Any:
    """The vjp for g and out with the reduced dimensions kept. Above 1 the powers are of |x|/norm: no overflow."""
    if ord == 1:
        return g * F.sgn(x)
    if ord == 2:
        if F is LIVE:
            # The quotient by a zero norm stays in the graph: the second derivative, which does not exist, is nan.
            return g * F.where(out == 0, 0, F.div(x, out))
        return x * F.where(out == 0, 0, F.div(g, F.where(out == 0, 1, out)))
    flat = (x == 0) | (out == 0)
    if ord < 1:
        slope = F.pow_scalar(F.where(flat, 1, F.abs(x)), ord - 1) * F.pow_scalar(F.where(out == 0, 1, out), 1 - ord)
        return F.where(flat, 0, g * F.sgn(x) * slope)
    ratio = F.div(F.where(flat, 1, F.abs(x)), F.where(out == 0, 1, out))
    return F.where(flat, 0, g * F.sgn(x) * F.pow_scalar(ratio, ord - 1))


@formula
def vector_norm_vjp(F: Any, g: Any, x: Any, out: Any, ord: float, dim: Axes, keepdim: bool) -> Any:
    """The vjp of vector_norm; for ±inf in equal parts to the entries of extreme magnitude."""
    shape = tuple(x.shape)
    g, out = kept(F, g, shape, dim, keepdim), kept(F, out, shape, dim, keepdim)
    if not math.isinf(ord):
        return _norm_vjp(F, g, x, out, ord)
    size = F.abs(x)
    mask = (size == out) | ((size != size) & (out != out))
    return F.sgn(x) * F.mul(F.div(g, F.sum(mask, dim, True)), mask)


def vector_norm_jvp(F: Any, x: Any, t: Any, out: Any, ord: float, dim: Axes, keepdim: bool) -> Any:
    """Σ Re(conj(gradient)·t): every result depends on a slice of its own."""
    if ord == 0:
        return F.zeros_like(out)
    product = F.conj(F.vector_norm_vjp(F.ones_like(out), x, out, ord, dim, keepdim)) * t
    return F.sum(F.real_part(product) if F.is_complex(product) else product, dim, keepdim)


def _norm_rule(g: Any, F: Any, self: Any, out: Any, ord: float, dim: Axes, keepdim: bool) -> Any:
    return None if ord == 0 else F.vector_norm_vjp(g, self, out, ord, dim, keepdim)


vector_norm_row = op(
    "linalg_vector_norm(self, *, ord, dim, keepdim)", vector_norm, public=False, self=_norm_rule,
    jvp=lambda F, x, t, attrs, out: vector_norm_jvp(F, x[0], t[0], out[0], *attrs),
)  # fmt: skip


def _norm_operand(x: Tensor, wanted: dtype | None) -> Tensor:
    """The tensor in the dtype to compute in. Raises RuntimeError for what has no norm or would lose precision."""
    if x.dtype.category < dtypes.FLOAT:
        raise RuntimeError(
            f"linalg.vector_norm: Expected a floating point or complex tensor as input. Got {SCALAR_NAMES[x.dtype]}"
        )
    if wanted is None or wanted is x.dtype:
        return x
    name = SCALAR_NAMES[wanted]
    if wanted.category < dtypes.FLOAT:
        raise RuntimeError(f"linalg.vector_norm: dtype should be floating point or complex, but got {name}")
    if wanted.is_complex != x.is_complex():
        kind = "complex" if x.is_complex() else "real"
        raise RuntimeError(f"linalg.vector_norm: dtype should be {kind} for {kind} inputs, but got {name}")
    if dtypes.promote_types(x.dtype, wanted) is not wanted:
        raise RuntimeError(
            f"linalg.vector_norm: the dtype of the input ({SCALAR_NAMES[x.dtype]}) should be convertible without "
            f"narrowing to the specified dtype ({name})"
        )
    return cast_within(x, wanted)


def _check_identity(x: Tensor, ord: float, dim: Any) -> None:
    """±inf and negative orders have no value over nothing."""
    if x.numel() or not (ord < 0 or math.isinf(ord)):
        return
    text = f"linalg.vector_norm cannot compute the {ord:g} norm on "
    if dim is None or dim == ():
        raise RuntimeError(text + "an empty tensor because the operation does not have an identity")
    for k in (dim,) if isinstance(dim, int) else dim:
        if x._array.shape[k] == 0:
            raise RuntimeError(
                f"{text}the dimension {k}because this dimension is empty and the operation does not have an identity"
            )


@public("linalg.vector_norm", method=False)
@numpy_names
def linalg_vector_norm(
    x: Tensor, ord: Any = 2, dim: Any = None, keepdim: bool = False, *, dtype: dtype | None = None
) -> Tensor:
    """The vector norm over one or more dimensions, real. Source: torch.linalg.vector_norm.
    Trap: order 0 has no gradient at all; ties at ±inf share it."""
    if isinstance(ord, (str, tuple)):
        raise TypeError(f"linalg_vector_norm(): argument 'ord' (position 2) must be Number, not {type(ord).__name__}")
    x = _norm_operand(x, dtype)
    axes = axes_of(x, dim)
    if ord == 0 and x.is_complex() and count_of(x._array.shape, axes) == 1 and (x.ndim or dim is None):
        warn_once(CASTS, 4)
    _check_identity(x, ord, dim)
    return vector_norm_row(x, float(ord), axes, keepdim)


@public("norm")
@numpy_names
def norm(
    input: Tensor, p: Any = "fro", dim: Any = None, keepdim: bool = False, *, dtype: dtype | None = None
) -> Tensor:
    """The vector p-norm over `dim` (all without it); "fro" is 2, "nuc" the sum of singular values of matrices.
    Source: torch.norm."""
    if p in ("fro", None):
        if p == "fro" and isinstance(dim, (tuple, list)) and len(dim) > 2:
            raise RuntimeError(f"linalg.matrix_norm: dim must be a 2-tuple. Got {' '.join(map(str, dim))}")
        return linalg_vector_norm(input, 2, dim, keepdim, dtype=dtype)
    if isinstance(p, str):
        planes = (-2, -1) if dim is None else dim
        return PUBLIC["linalg.matrix_norm"](input, p, planes, keepdim, dtype=dtype)
    return linalg_vector_norm(input, p, dim, keepdim, dtype=dtype)


def _dist(a: np.ndarray, b: np.ndarray, p: float) -> np.ndarray:
    away = np.subtract(a, b)
    return vector_norm(away, p, tuple(range(away.ndim)), False)


def _no_gradient(sign: int) -> None:
    """The 0-norm has no gradient: None for the first operand, and for the second PyTorch negates that None, where the
    second's is asked for."""
    if sign < 0 and _asks_for_last():
        raise RuntimeError(
            "Expected a proper Tensor but got None (or an undefined Tensor in C++) for argument #0 'self'"
        )


def _asks_for_last() -> bool:
    """Whether the backward that is running wants the gradient of its node's last operand."""
    task = state.executing[-1] if state.executing else None
    if task is None or task.running is None:
        return True
    return task.leads_on(task.running.edges[-1:])


def _dist_vjp(g: Any, F: Any, self: Any, other: Any, out: Any, p: float, sign: int) -> Any:
    away = self - other
    if p == 0:
        return _no_gradient(sign)
    return sign * F.vector_norm_vjp(g, away, out, p, tuple(range(away.ndim)), False)


def _dist_jvp(F: Any, x: Any, t: Any, out: Any, p: float) -> Any:
    if p == 0:
        return [F.zeros_like(out)]  # in a list: whole, with no terms of what has no tangent
    moved = t[0] if t[1] is None else -t[1] if t[0] is None else t[0] - t[1]
    away = x[0] - x[1]
    return vector_norm_jvp(F, away, moved, out, p, tuple(range(away.ndim)), False)


dist_row = op(
    "dist(self, other, *, p)", _dist, public=False, jvp=lambda F, x, t, attrs, out: _dist_jvp(F, x, t, out[0], *attrs),
    self=lambda g, F, self, other, out, p: _dist_vjp(g, F, self, other, out, p, 1),
    other=lambda g, F, self, other, out, p: _dist_vjp(g, F, self, other, out, p, -1),
)  # fmt: skip


@public("dist")
def dist(input: Tensor, other: Tensor, p: float = 2) -> Tensor:
    """The p-norm of the difference, broadcast. Source: torch.dist."""
    kind = common_dtype((input, other))
    if kind.category < dtypes.FLOAT:
        PUBLIC["sub"](input, other)  # two bool tensors can't be subtracted: its error comes first
        raise RuntimeError(
            f"norm(): input dtype should be either floating point or complex. Got {SCALAR_NAMES[kind]} instead."
        )
    _check_identity(input, p, None)
    if p == 0 and kind.category == dtypes.COMPLEX and input.numel() == other.numel() == 1:
        warn_once(CASTS, 4)
    return dist_row(*(t if t.dtype is kind else t.to(kind) for t in (input, other)), float(p))


def _others(ndim: int, dim: int) -> Axes:
    return tuple(k for k in range(ndim) if k != dim)


def _renorm(a: np.ndarray, p: float, dim: int, maxnorm: float) -> np.ndarray:
    norms = vector_norm(a, p, _others(a.ndim, dim), True)
    factor = np.where(norms > maxnorm, maxnorm / (norms + 1e-7), 1).astype(norms.dtype)
    return np.multiply(a, factor, order="C")


@formula
def renorm_vjp(F: Any, g: Any, x: Any, p: float, dim: int, maxnorm: float) -> Any:
    """g·s + the vjp of the norm for what arrives at it through the factor s = maxnorm/(norm + 1e-7)."""
    if not maxnorm:
        return F.attached_to(g * 0, x)  # the function is 0 everywhere, also where a norm has no derivative
    axes = _others(x.ndim, dim)
    norms = F.linalg_vector_norm(x, p, axes, True)
    over = norms > maxnorm
    factor = F.where(over, maxnorm / (norms + 1e-7), 1)
    arriving = F.sum(F.real_part(g * F.conj(x)) if F.is_complex(x) else g * x, axes, True)
    at_norm = F.where(over, -(arriving * factor) / (norms + 1e-7), 0)
    return g * factor + F.vector_norm_vjp(at_norm, x, norms, p, axes, True)


renorm_row = op(
    "renorm(self, *, p, dim, maxnorm)", _renorm, public=False,
    self=lambda g, F, self, p, dim, maxnorm: F.renorm_vjp(g, self, p, dim, maxnorm),
)  # fmt: skip


def _renorm_arguments(input: Tensor, p: Any, dim: int, maxnorm: float) -> tuple[float, int, float]:
    if isinstance(p, complex):
        raise RuntimeError("renorm: p must be real-valued")
    if p <= 0:
        raise RuntimeError("renorm: non-positive-norm not supported")
    if maxnorm < 0:
        raise RuntimeError(f"renorm: expected maxnorm to be >= 0 but got {maxnorm:g}")
    if input.ndim < 2:
        raise RuntimeError(f"renorm: input needs at least 2 dimensions, got {input.ndim} dimensions")
    axis = wrap_dim(dim, input.ndim)
    _check_identity(_norm_operand(input, None), p, _others(input.ndim, axis))
    return float(p), axis, float(maxnorm)


@public("renorm")
def renorm(input: Tensor, p: float, dim: int, maxnorm: float) -> Tensor:
    """Slices along `dim` scaled down to p-norm maxnorm where it is larger. Source: torch.renorm."""
    return renorm_row(input, *_renorm_arguments(input, p, dim, maxnorm))


@public("renorm_", method=True)
@leaf_first
def renorm_(self: Tensor, p: float, dim: int, maxnorm: float) -> Tensor:
    """renorm written into self. Source: torch.Tensor.renorm_."""
    return write(renorm_row.row, (self,), _renorm_arguments(self, p, dim, maxnorm))  # type: ignore[attr-defined]
