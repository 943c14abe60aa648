"""Fourier transforms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import operator
from .arguments import Drawn, custom

if TYPE_CHECKING:
    from ..drawing.build import Builder

WIDE = ("float32", "float64")
EVERY = ("float32", "float64", "complex64", "complex128")
NORMS = (None, "ortho", "forward", "backward")
FUNCTION = ("function",)
LONG = 1 << 14
"""What rounding leaves of a constant signal gathers in few frequencies, which independent noise does not show: where the
length is a power of two, hardly anything is left."""


def _shape(b: Builder, low: int) -> tuple[int, ...]:
    shape = tuple(b.size((4, 3, 5, 2, 8)) for _ in range(b.integer(low, 3)))
    return (LONG, *((4,) * low)) if b.sizes == "huge" else shape


def _sizes(b: Builder, given: Any, dims: tuple[int, ...]) -> Any:
    """The sizes to cut or fill up to; the huge dimension, which is the first, stays long."""
    if b.sizes != "huge" or 0 not in dims:
        return given
    return tuple(LONG if d == 0 else (given or (4, 4))[k] for k, d in enumerate(dims))


def _one(b: Builder) -> Drawn:
    x = b.operand(_shape(b, 1))
    dim, n = b.choose(2 * len(x.shape)) - len(x.shape), b.pick((None, 4, 7, 2))
    n = LONG if b.sizes == "huge" and dim % len(x.shape) == 0 else n
    return (x,), {"n": n, "dim": dim, "norm": b.pick(NORMS)}


def _two(b: Builder) -> Drawn:
    x = b.operand(_shape(b, 2))
    s, dim = b.pick((None, (4, 3), (2, 6))), b.pick(((-2, -1), (0, 1), (1, 0)))
    return (x,), {"s": _sizes(b, s, dim), "dim": dim, "norm": b.pick(NORMS)}


def _many(b: Builder) -> Drawn:
    x = b.operand(_shape(b, 2))
    s, dim = b.pick(((None, None), ((4, 3), None), (None, (0,)), ((5, 2), (1, 0)), (None, (0, -1))))
    dims = dim or (range(-2, 0) if s else ())
    return (x,), {"s": _sizes(b, s, tuple(d % len(x.shape) for d in dims)), "dim": dim, "norm": b.pick(NORMS)}


def _shift(b: Builder) -> Drawn:
    return (b.operand(_shape(b, 2)),), {"dim": b.pick((None, 0, (0, 1), (-1,)))}


def _same(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    return ((args[0].shape, args[0].dtype),)


def _points(name: str, size: int, n: int | None) -> int:
    """The size of a transformed dimension that is the last, for n points."""
    if name in ("rfft", "ihfft"):
        return (size if n is None else n) // 2 + 1
    if name in ("irfft", "hfft"):
        return 2 * (size - 1) if n is None else n
    return size if n is None else n


def _result(name: str) -> Any:
    """The rule of shapes and dtypes of a transform, over one dimension or several."""

    def infer(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
        shape, rank = list(args[0].shape), len(args[0].shape)
        if "n" in attrs:
            dims, sizes = (attrs["dim"],), (attrs["n"],)
        else:
            s, dim = attrs["s"], attrs["dim"]
            dims = dim if dim is not None else tuple(range(0 if s is None else rank - len(s), rank))
            sizes = s if s is not None else (None,) * len(dims)
        for d, n in zip(dims[:-1], sizes[:-1]):
            shape[d] = shape[d] if n is None else n
        shape[dims[-1]] = _points(name, shape[dims[-1]], sizes[-1])
        wide = "128" if args[0].dtype in ("float64", "complex128") else "64"
        real = "float64" if wide == "128" else "float32"
        return ((tuple(shape), real if name in ("irfft", "hfft") else "complex" + wide),)

    return infer


for _name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft"):
    _dtypes = WIDE if _name in ("rfft", "ihfft") else EVERY
    operator(f"fft.{_name}", custom(_one, _result(_name), FUNCTION), dtypes=_dtypes)
    operator(f"fft.{_name}2", custom(_two, _result(_name), FUNCTION), dtypes=_dtypes)
    operator(f"fft.{_name}n", custom(_many, _result(_name), FUNCTION), dtypes=_dtypes)
operator("fft.fftshift", custom(_shift, _same, FUNCTION), dtypes=EVERY, exact=True)
operator("fft.ifftshift", custom(_shift, _same, FUNCTION), dtypes=EVERY, exact=True)
