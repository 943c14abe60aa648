"""Resampling of images to another size: nearest, linear in 1, 2 and 3 dimensions, cubic, antialiased, by area."""

from __future__ import annotations

import warnings
from typing import Any

from .._dtypes import SCALAR_NAMES
from .._errors import list_text
from .._op import PUBLIC, op, public
from .._tensor import Tensor
from .separable import Factor, _separable, resampled_size
from .spatial import Numbers, laid_out_like

MODES = "nearest | linear | bilinear | bicubic | trilinear | lanczos | area | nearest-exact"
LINEAR_MODES = {"linear": 1, "bilinear": 2, "trilinear": 3}
SMOOTH_TAPS = {"bilinear": 2, "bicubic": 4, "lanczos": 6}


def _row(name: str) -> Any:
    return op(
        f"{name}_row(self, *, factors)", lambda x, factors: _separable(x, factors, False), public=False, jvp="linear",
        node=name, layout=laid_out_like, self=lambda g, F, factors: F.separable(g, factors, True),
    )  # fmt: skip


ROWS = {
    **{("nearest", n): _row(f"upsample_nearest{n}d") for n in (1, 2, 3)},
    **{("nearest-exact", n): _row(f"upsample_nearest_exact{n}d") for n in (1, 2, 3)},
    **{(mode, n): _row(f"upsample_{mode}{n}d") for mode, n in LINEAR_MODES.items()},
    ("bicubic", 2): _row("upsample_bicubic2d"),
    **{(f"{mode} smooth", 2): _row(f"upsample_{mode}2d_aa") for mode in SMOOTH_TAPS},
}


def _factor(mode: str, align: bool, smooth: bool, size: int, out: int, scale: float | None) -> Factor:
    if smooth:
        return Factor("smooth", size, out, (align, scale, SMOOTH_TAPS[mode]))
    if mode.startswith("nearest"):
        return Factor("nearest", size, out, (scale, mode == "nearest-exact"))
    return Factor("cubic" if mode == "bicubic" else "linear", size, out, (align, scale))


def _sizes(input: Tensor, size: Any, scale_factor: Any, recompute: bool | None) -> tuple[Numbers, tuple[Any, ...]]:
    """The output size, and the scale factors by which samples are placed (None: the ratio of the sizes)."""
    dims = input.ndim - 2
    inner = input.shape[2:]
    if size is not None and scale_factor is not None:
        raise ValueError("only one of size or scale_factor should be defined")
    if size is not None:
        given = tuple(int(n) for n in size) if isinstance(size, (list, tuple)) else (int(size),) * dims
        if len(given) != dims:
            raise ValueError(_wrong_count("output size of", given, list(inner), "output size", "o"))
        if recompute:
            raise ValueError("recompute_scale_factor is not meaningful with an explicit size.")
        return given, (None,) * dims
    if scale_factor is None:
        raise ValueError("either size or scale_factor should be defined")
    scales = tuple(scale_factor) if isinstance(scale_factor, (list, tuple)) else (scale_factor,) * dims
    if len(scales) != dims:
        raise ValueError(_wrong_count("scale_factor of shape", scales, list(inner), "scale_factor", "s"))
    found = tuple(resampled_size(n, s) for n, s in zip(inner, scales))
    return found, (None,) * dims if recompute else tuple(float(s) for s in scales)


def _wrong_count(what: str, given: Any, inner: list[int], name: str, letter: str) -> str:
    first = "output" if letter == "o" else "scale_factor"
    return (
        f"Input and {first} must have the same number of spatial dimensions, but got input with spatial dimensions "
        f"of {inner} "
        f"and {what} {given}. Please provide input tensor in (N, C, d1, d2, ...,dK) format and {name} in "
        f"({letter}1, {letter}2, ...,{letter}K) format."
    )


def _check_mode(input: Tensor, mode: str) -> None:
    """Raises NotImplementedError for a mode that the rank has not."""
    if mode in LINEAR_MODES and input.ndim in (3, 4, 5) and LINEAR_MODES[mode] != input.ndim - 2:
        raise NotImplementedError(f"Got {input.ndim}D input, but {mode} mode needs {LINEAR_MODES[mode] + 2}D input")
    known = mode in ("nearest", "nearest-exact", "area") or mode in LINEAR_MODES or mode in ("bicubic", "lanczos")
    if input.ndim not in (3, 4, 5) or not known or (mode in ("bicubic", "lanczos") and input.ndim != 4):
        raise NotImplementedError(
            f"Input Error: Only 3D, 4D and 5D input Tensors supported (got {input.ndim}D) for the modes: {MODES} "
            f"(got {mode})"
        )


def _check_tensor(input: Tensor, sizes: Numbers, mode: str, kernel: str) -> None:
    inner = input.shape[2:]
    if min((*sizes, *inner)) <= 0:
        names = ("D", "H", "W")[-len(sizes) :]
        shown = [", ".join(f"{n}: {v}" for n, v in zip(names, values)) for values in (inner, sizes)]
        raise RuntimeError(
            f"Input and output sizes should be greater than 0, but got input ({shown[0]}) output ({shown[1]})"
        )
    if not all(input.shape[1:]):
        raise RuntimeError(
            f"Non-empty {input.ndim}D data tensor expected but got a tensor with sizes {list_text(input.shape)}"
        )
    is_byte = SCALAR_NAMES[input.dtype] == "Byte"
    if not (input.is_floating_point() or (is_byte and mode.startswith("nearest"))):
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{SCALAR_NAMES[input.dtype]}'")


@public("nn.functional.interpolate", method=False)
def interpolate(
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """The input (N, C, …) resampled to `size` or by `scale_factor`. Source: torch.nn.functional.interpolate. Raises
    ValueError for arguments that exclude each other, NotImplementedError for a mode that the rank has not.
    Trap: with a scale factor, samples are placed by the factor, not by the ratio of the sizes."""
    if mode in ("nearest", "area", "nearest-exact") and align_corners is not None:
        raise ValueError(
            "align_corners option can only be set with the interpolating modes: linear | bilinear | bicubic | trilinear"
        )
    align = bool(align_corners)
    sizes, scales = _sizes(input, size, scale_factor, recompute_scale_factor)
    if antialias and not (mode in SMOOTH_TAPS and input.ndim == 4):
        raise ValueError(
            "Anti-alias option is restricted to bilinear, bicubic, and lanczos modes and requires a 4-D tensor as input"
        )
    if mode == "lanczos" and not antialias:
        raise ValueError("Lanczos mode requires antialias=True")
    if mode == "lanczos" and align:
        raise ValueError("Lanczos mode does not support align_corners=True")
    _check_mode(input, mode)
    if mode == "area":
        return PUBLIC[f"nn.functional.adaptive_avg_pool{input.ndim - 2}d"](input, sizes if input.ndim > 3 else sizes[0])
    dims = input.ndim - 2
    kernel = f"upsample_{mode.replace('-', '_')}{dims}d" + ("" if mode.startswith("nearest") else "_channels_last")
    _check_tensor(input, sizes, mode, kernel)
    factors = tuple(_factor(mode, align, antialias, n, m, s) for n, m, s in zip(input.shape[2:], sizes, scales))
    return ROWS[f"{mode} smooth" if antialias else mode, dims](input, factors)


def _deprecated(name: str) -> None:
    warnings.warn(
        f"`nn.functional.{name}` is deprecated. Use `nn.functional.interpolate` instead.", UserWarning, stacklevel=3
    )


@public("nn.functional.upsample", method=False)
def upsample(
    input: Tensor, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool | None = None
) -> Tensor:
    """interpolate, under its old name. Source: torch.nn.functional.upsample."""
    _deprecated("upsample")
    return interpolate(input, size, scale_factor, mode, align_corners)


@public("nn.functional.upsample_nearest", method=False)
def upsample_nearest(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """interpolate in mode "nearest". Source: torch.nn.functional.upsample_nearest."""
    _deprecated("upsample_nearest")
    return interpolate(input, size, scale_factor, "nearest")


@public("nn.functional.upsample_bilinear", method=False)
def upsample_bilinear(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """interpolate in mode "bilinear" with align_corners=True. Source: torch.nn.functional.upsample_bilinear."""
    _deprecated("upsample_bilinear")
    return interpolate(input, size, scale_factor, "bilinear", True)
