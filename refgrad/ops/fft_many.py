"""Fourier transforms over several dimensions, shifts and sample frequencies. Source: torch.fft."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._dtypes import get_default_dtype
from .._op import PUBLIC, public, publish
from .._tensor import Tensor
from .create import fresh
from .fft import half_nd, hermitian_nd, inverse_hermitian_nd, real_nd, transform_nd


def _publish_pair(name: str, transform: Callable[..., Tensor], what: str) -> None:
    """The forms over any dimensions (`namen`) and over the last two (`name2`)."""

    def many(input: Tensor, s: Any = None, dim: Any = None, norm: str | None = None, *, out: Any = None) -> Tensor:
        return transform(input, s, dim, norm)

    def two(input: Tensor, s: Any = None, dim: Any = (-2, -1), norm: str | None = None, *, out: Any = None) -> Tensor:
        return transform(input, s, dim, norm)

    for suffix, function, where in (("n", many, "dim (all)"), ("2", two, "two dimensions")):
        function.__name__ = function.__qualname__ = name + suffix
        function.__doc__ = f"{what} over {where}. Source: torch.fft.{name}{suffix}."
        publish(f"fft.{name}{suffix}", function)


_publish_pair("fft", lambda t, s, dim, norm: transform_nd(t, s, dim, norm, True), "The Fourier transform")
_publish_pair("ifft", lambda t, s, dim, norm: transform_nd(t, s, dim, norm, False), "The inverse Fourier transform")
_publish_pair("rfft", half_nd, "Half of the Fourier transform of real input")
_publish_pair("irfft", real_nd, "The inverse of rfft")
_publish_pair("hfft", hermitian_nd, "The real Fourier transform of input that is Hermitian in time")
_publish_pair("ihfft", inverse_hermitian_nd, "The inverse of hfft")


def _shifted(input: Tensor, dim: Any, up: int) -> Tensor:
    dims = tuple(range(input.ndim)) if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)
    return PUBLIC["roll"](input, tuple((input.size(d) + up) // 2 for d in dims), dims)


@public("fft.fftshift", method=False)
def fftshift(input: Tensor, dim: Any = None) -> Tensor:
    """The zero frequency moved to the middle. Source: torch.fft.fftshift."""
    return _shifted(input, dim, 0)


@public("fft.ifftshift", method=False)
def ifftshift(input: Tensor, dim: Any = None) -> Tensor:
    """The inverse of fftshift. Source: torch.fft.ifftshift."""
    return _shifted(input, dim, 1)


@public("fft.fftfreq", method=False)
def fftfreq(n: int, d: float = 1.0, *, dtype: Any = None, requires_grad: bool = False, out: Any = None) -> Tensor:
    """The frequencies of fft's n points at a spacing d. Source: torch.fft.fftfreq."""
    return _frequencies(np.concatenate([np.arange((n + 1) // 2), np.arange(-(n // 2), 0)]), n, d, dtype, requires_grad)


@public("fft.rfftfreq", method=False)
def rfftfreq(n: int, d: float = 1.0, *, dtype: Any = None, requires_grad: bool = False, out: Any = None) -> Tensor:
    """The frequencies of rfft's points. Source: torch.fft.rfftfreq."""
    return _frequencies(np.arange(n // 2 + 1), n, d, dtype, requires_grad)


def _frequencies(numbers: np.ndarray, n: int, d: float, dtype: Any, requires_grad: bool) -> Tensor:
    kind = (dtype or get_default_dtype()).array
    return fresh(numbers.astype(kind) * kind.type(1.0 / (n * d)), requires_grad)
