"""The smooth activations of nn.functional: gelu, silu, mish, softplus, logsigmoid, glu and compositions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special

from .._errors import wrap_dim
from .._layout import pointwise
from .._op import public
from .._support import missing
from .._tensor import Tensor
from . import accurate
from .activation import activation_row, place
from .layout import no_complex_gradient

ROOT_2_BY_PI, CUBIC = math.sqrt(2 / math.pi), 0.044715


def _gelu(a: Any, approximate: str) -> Any:
    if approximate == "tanh":
        # (1 + tanh u)/2, without its cancellation in the lower tail.
        return a * special.expit(2 * ROOT_2_BY_PI * (a + CUBIC * a * a * a))
    return (a * special.ndtr(a)).astype(a.dtype)


def _gelu_vjp(g: Any, F: Any, self: Any, approximate: str) -> Any:
    if approximate == "tanh":
        share = F.sigmoid(2 * ROOT_2_BY_PI * (self + CUBIC * self * self * self))
        inner = 2 * ROOT_2_BY_PI * (1 + 3 * CUBIC * self * self)
        return g * (share + self * share * (1 - share) * inner)
    return g * (F.ndtr(self) + self * F.gauss(self, 0.5) / math.sqrt(2 * math.pi))


gelu_row = activation_row("gelu(self, *, approximate)", _gelu, "GeluKernelImpl", self=_gelu_vjp)


def _silu_slope(F: Any, self: Any) -> Any:
    s = F.sigmoid(self)
    return s * (1 + self * (1 - s))


silu_row = activation_row(
    "silu(self)", lambda a: a * accurate.sigmoid(a), "", lacks=missing("silu_cpu", "ib"),
    self=lambda g, F, self: g * F.conj(_silu_slope(F, self)),
)  # fmt: skip


def _softplus(a: Any, beta: float, threshold: float) -> Any:
    scaled = a * beta
    return np.where(scaled > threshold, a, np.logaddexp(0, scaled).astype(a.dtype) / beta)


softplus_row = activation_row(
    "softplus(self, *, beta, threshold)", _softplus, "softplus_cpu",
    self=lambda g, F, self, beta, threshold: F.where(self * beta > threshold, g, g * F.sigmoid(self * beta)),
)  # fmt: skip


def _mish_slope(F: Any, self: Any) -> Any:
    bend = F.tanh(F.softplus(self, 1.0, 20.0))
    return bend + self * F.sigmoid(self) * (1 - bend * bend)


mish_row = activation_row(
    "mish(self)", lambda a: a * np.tanh(_softplus(a, 1.0, 20.0)), "mish_cpu",
    self=lambda g, F, self: g * _mish_slope(F, self),
)  # fmt: skip
logsigmoid_row = activation_row(
    "logsigmoid(self)", lambda a: np.array(np.minimum(a, 0) - np.log1p(np.exp(-np.abs(a))), order="C"),
    "log_sigmoid_cpu", node="log_sigmoid", promote=None, self=lambda g, F, self: g * F.sigmoid(-self),
)  # fmt: skip


@public("nn.functional.gelu", method=False)
def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """x·Φ(x), exactly or by tanh. Source: torch.nn.functional.gelu."""
    if approximate not in ("none", "tanh"):
        raise RuntimeError("approximate argument must be either none or tanh.")
    return gelu_row(input, approximate)


@public("nn.functional.silu", method=False)
def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """x·sigmoid(x). Source: torch.nn.functional.silu."""
    if not inplace:
        no_complex_gradient("silu", input)
    return place(silu_row, inplace, input)


@public("nn.functional.mish", method=False)
def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """x·tanh(softplus(x)). Source: torch.nn.functional.mish."""
    return place(mish_row, inplace, input)


@public("nn.functional.softplus", method=False)
def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + exp(beta·x))/beta, x itself where beta·x > threshold. Source: torch.nn.functional.softplus."""
    return softplus_row(input, beta, threshold)


@public("nn.functional.logsigmoid", method=False)
def logsigmoid(input: Tensor) -> Tensor:
    """log(sigmoid(x)) without overflow. Source: torch.nn.functional.logsigmoid."""
    return logsigmoid_row(input)


@public("nn.functional.softsign", method=False)
def softsign(input: Tensor) -> Tensor:
    """x/(1 + |x|). Source: torch.nn.functional.softsign."""
    return input / (abs(input) + 1)


@public("nn.functional.tanhshrink", method=False)
def tanhshrink(input: Tensor) -> Tensor:
    """x - tanh(x). Source: torch.nn.functional.tanhshrink."""
    return input - input.tanh()


@public("nn.functional.glu", method=False)
def glu(input: Tensor, dim: int = -1) -> Tensor:
    """a·sigmoid(b) of the two halves of a dimension. Source: torch.nn.functional.glu."""
    if not input.ndim:
        raise RuntimeError("glu does not support scalars because halving size must be even")
    axis = wrap_dim(dim, input.ndim)
    if input.shape[axis] % 2:
        raise RuntimeError(f"Halving dimension must be even, but dimension {axis} is size {input.shape[axis]}")
    return glu_row(input, axis)


def _glu(a: Any, dim: int) -> Any:
    first, second = np.split(a, 2, dim)
    return pointwise(first * special.expit(second), (first, second))


def _halves(F: Any, x: Any, dim: int) -> Any:
    n = x.shape[dim] // 2
    return F.slice(x, dim, 0, n, 1), F.slice(x, dim, n, 2 * n, 1)


def _glu_vjp(g: Any, F: Any, self: Any, dim: int) -> Any:
    first, second = _halves(F, self, dim)
    gate = F.sigmoid(second)
    return F.cat([g * gate, g * first * gate * (1 - gate)], dim)


def _glu_jvp(F: Any, x: Any, t: Any, attrs: Any, out: Any) -> Any:
    (first, second), (t_first, t_second) = _halves(F, x[0], attrs[0]), _halves(F, t[0], attrs[0])
    gate = F.sigmoid(second)
    return t_first * gate + first * gate * (1 - gate) * t_second


glu_row = activation_row(
    "glu(self, *, dim)", _glu, "glu_cpu", promote=None, keeps_strides=True, jvp=_glu_jvp, self=_glu_vjp
)
