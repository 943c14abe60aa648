"""Transforms of short pieces of a signal, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..drawing.domains import POSITIVE
from ..programs.leafdata import COMPLEX, FLOATING
from . import operator
from .arguments import Drawn, custom
from .matrices import complex_of, real_of

if TYPE_CHECKING:
    from ..drawing.build import Builder

BOTH = ("function", "method")


def _pieces(b: Builder) -> dict[str, Any]:
    """Sizes and steps of the pieces, and how they are taken; perhaps a window."""
    n_fft = b.pick((4, 3, 6))
    length = n_fft - b.choose(2)
    attrs: dict[str, Any] = {"n_fft": n_fft, "hop_length": b.pick((1, 2)), "win_length": length}
    if b.choose(2):
        attrs["window"] = b.leaf(
            (length,), FLOATING[b.dtype in ("float64", "complex128")], POSITIVE, layout="contiguous"
        )
    return {**attrs, "center": bool(b.choose(2)), "normalized": bool(b.choose(2))}


def _signal(b: Builder) -> Drawn:
    x = b.operand(b.grown((*b.pick(((), (2,), (1,))), b.pick((8, 7, 12)))))
    attrs = _pieces(b)
    attrs["onesided"] = False if b.dtype in COMPLEX else b.pick((True, False))
    if attrs["center"]:
        attrs["pad_mode"] = b.pick(("reflect", "constant", "replicate"))
    return (x,), {**attrs, "return_complex": True}


def _spectrum(b: Builder) -> Drawn:
    attrs = _pieces(b)
    onesided = b.choose(3) != 2
    bins = attrs["n_fft"] // 2 + 1 if onesided else attrs["n_fft"]
    batch = b.pick(((), (2,)))
    x = b.operand(b.grown((*batch, bins, b.pick((5, 4))), 0 if batch else 1))
    attrs |= {"onesided": onesided, "length": b.pick((None, 3))}
    return (x,), {**attrs, "return_complex": False if onesided else b.pick((False, True))}


def _spectrum_shape(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    *batch, size = args[0].shape
    n_fft = attrs["n_fft"]
    bins = n_fft // 2 + 1 if attrs["onesided"] else n_fft
    frames = 1 + (size + (2 * (n_fft // 2) if attrs["center"] else 0) - n_fft) // attrs["hop_length"]
    return (((*batch, bins, frames), complex_of(args[0].dtype)),)


def _signal_shape(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    *batch, _, frames = args[0].shape
    size = attrs["length"]
    if size is None:
        size = attrs["n_fft"] + attrs["hop_length"] * (frames - 1)
        size -= 2 * (attrs["n_fft"] // 2) if attrs["center"] else 0
    dtype = args[0].dtype
    return (((*batch, size), dtype if attrs["return_complex"] else real_of(dtype)),)


operator("stft", custom(_signal, _spectrum_shape, BOTH), dtypes=FLOATING + COMPLEX, graph="free")
operator("istft", custom(_spectrum, _signal_shape, BOTH), dtypes=COMPLEX, graph="free")
