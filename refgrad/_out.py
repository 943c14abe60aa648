"""`out=`: a result written into tensors that the caller gives. Source: the `out` argument of PyTorch's functions.
Autograd does not follow it, so nothing that requires grad may take part."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ._dtypes import SCALAR_NAMES, can_cast
from ._errors import list_text, warn_once
from ._inplace import store
from ._modes import is_recording, no_grad
from ._tensor import LEVEL, Tensor

# The functions at the top of PyTorch's namespace that document it.
_NAMES = """
    abs acos acosh add addbmm addcdiv addcmul addmm addmv addr all amax amin aminmax angle any arange asin asinh atan
    atan2 atanh baddbmm bitwise_and bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor bmm
    bucketize cat ceil chain_matmul cholesky cholesky_inverse cholesky_solve clamp clip column_stack complex concat
    concatenate conj_physical copysign cos cosh cross cummax cummin cumprod cumsum deg2rad diag diff digamma div
    divide dot dstack empty empty_like eq erf erfc erfinv exp exp2 expm1 eye fix float_power floor floor_divide fmax
    fmin fmod frac frexp full full_like gather gcd ge ger greater greater_equal gt heaviside histc hstack hypot i0
    igamma igammac index_select inner inverse isneginf isposinf kron kthvalue lcm ldexp le lerp less less_equal lgamma
    linspace log log10 log1p log2 logaddexp logaddexp2 logcumsumexp logical_and logical_not logical_or logical_xor
    logit logsumexp lt lu lu_solve lu_unpack masked_select matmul matrix_power max maximum mean min minimum mm mode
    msort mul multiply mv mvlgamma nan_to_num nanmean nanquantile ne neg negative nextafter nonzero norm not_equal
    ones ones_like ormqr outer polar polygamma pow qr quantile rad2deg reciprocal remainder renorm round row_stack
    rsqrt searchsorted sgn sigmoid sign signbit sin sinc sinh sort sqrt square stack std std_mean sub subtract svd
    take_along_dim tan tanh topk triangular_solve tril triu trunc var var_mean vdot vstack where xlogy zeros
    zeros_like
"""
NAMES = frozenset(_NAMES.split())


def taking_out(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with `out=`; one that has it (the fast paths, where a wrapper would show) as it is."""
    if hasattr(function, "takes_out"):
        return function

    @functools.wraps(function)
    def call(*args: Any, out: Any = None, **keywords: Any) -> Any:
        if out is None:
            return function(*args, **keywords)
        return fill(name, function, args, keywords, out)

    return call


def fill(name: str, function: Callable[..., Any], args: Any, keywords: dict[str, Any], out: Any) -> Any:
    """Calls the function and writes its results into `out`, a tensor or one for each result; returns `out`.
    Raises RuntimeError where gradient mode is on and an argument requires grad, or a dtype does not fit."""
    targets = tuple(out) if isinstance(out, (tuple, list)) else (out,)
    for t in targets:
        if not isinstance(t, Tensor):
            raise TypeError(f"{name}(): argument 'out' must be Tensor, not {type(t).__name__}")
    if any(t._flags & LEVEL for t in (*targets, *_tensors((args, keywords)))):
        raise RuntimeError(
            f"Batching rule not implemented for aten::{name}.out; the fallback path doesn't work on out= or view ops."
        )
    if is_recording() and any(t.requires_grad for t in (*targets, *_tensors((args, keywords)))):
        raise RuntimeError(
            f"{name}(): functions with out=... arguments don't support automatic differentiation, but one of the "
            "arguments requires grad."
        )
    with no_grad():
        found = function(*args, **keywords)
        for t, result in zip(targets, found if isinstance(found, tuple) else (found,), strict=True):
            _write(t, result)
    return out


def _tensors(given: Any) -> list[Tensor]:
    if isinstance(given, Tensor):
        return [given]
    members = given.values() if isinstance(given, dict) else given if isinstance(given, (tuple, list)) else ()
    return [t for member in members for t in _tensors(member)]


def _write(target: Tensor, result: Tensor) -> None:
    source, kind = result.dtype, target.dtype
    if not can_cast(source, kind):
        raise RuntimeError(
            f"result type {SCALAR_NAMES[source]} can't be cast to the desired output type {SCALAR_NAMES[kind]}"
        )
    if target.shape != result.shape:
        if target.numel():
            warn_once(
                "An output with one or more elements was resized since it had shape "
                f"{list_text(target.shape)}, which does not match the required output shape "
                f"{list_text(result.shape)}. This behavior is deprecated, and in a future PyTorch release outputs will "
                "not be resized unless they have zero elements. You can explicitly reuse an out tensor t by resizing "
                "it, inplace, to zero elements with t.resize_(0). (Triggered internally at "
                "/__w/pytorch/pytorch/aten/src/ATen/native/Resize.cpp:30.)",
                key="resized output",
            )
        target.resize_(result.shape)  # type: ignore[attr-defined]
        if target._cell is not None:
            target._cell[0] -= 1  # one write, one version
    store(target, result.resolve_conj().resolve_neg()._array)  # type: ignore[attr-defined]
