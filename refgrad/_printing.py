"""The text of a tensor, as PyTorch 2.13 prints it.

Three stages: cut the array down to what will be shown, write each shown number in one common notation,
lay the cells out in lines. Only the first stage ever sees the whole array, and it only slices.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

_COMPLEX_OF = {"float16": "complex64", "bfloat16": "complex64", "float32": "complex64", "float64": "complex128"}


@dataclass(frozen=True, slots=True)
class PrintOptions:
    """How tensors are printed; the fields and defaults are those of `torch.set_printoptions`."""

    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


_PROFILES: dict[str, dict[str, Any]] = {
    "default": {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80},
    "short": {"precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 80},
    "full": {"precision": 4, "threshold": math.inf, "edgeitems": 3, "linewidth": 80},
}
_options = PrintOptions()


def get_printoptions() -> PrintOptions:
    """The options in force."""
    return _options


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Set the options given and keep the others; a profile ("default", "short", "full") is applied first.

    Source: torch.set_printoptions. Trap: `sci_mode` is set by every call, so leaving it out turns it back to
    automatic. An unknown profile is ignored, as in PyTorch.
    """
    global _options
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    changes = _PROFILES.get(profile or "", {}) | {name: value for name, value in given.items() if value is not None}
    _options = replace(_options, **changes, sci_mode=sci_mode)


def format_tensor(
    array: np.ndarray,
    *,
    dtype: str,
    requires_grad: bool = False,
    grad_fn: str | None = None,
    default_dtype: str = "float32",
    prefix: str = "tensor(",
    tangent: str | None = None,
) -> str:
    """The `repr` of a tensor with this content; `prefix` opens it and sets the indentation of later lines.

    `grad_fn` is the node's name, which wins over `requires_grad`; `tangent` is the text of a dual's. Trap: numbers are
    judged together (width, notation), so one entry's text depends on the other entries shown.
    """
    options = _options
    if array.size == 0:
        body, notes = "[]", _empty_notes(array.shape, dtype, default_dtype)
    else:
        body = format_values(array, len(prefix), options)
        implied = (default_dtype, _COMPLEX_OF.get(default_dtype), "int64", "bool")
        notes = [] if dtype in implied else [f"dtype=torch.{dtype}"]
        if options.edgeitems == 0:
            notes.insert(0, f"size={array.shape}")
    if grad_fn is not None:
        notes.append(f"grad_fn=<{grad_fn}>")
    elif requires_grad:
        notes.append("requires_grad=True")
    if tangent is not None:
        notes.append(f"tangent={tangent}")
    return _append_notes(prefix + body, notes, len(prefix), options.linewidth)


def format_parameter(text: str) -> str:
    """The `repr` of an `nn.Parameter` whose tensor prints as `text`."""
    return f"Parameter containing:\n{text}"


def _empty_notes(shape: tuple[int, ...], dtype: str, default_dtype: str) -> list[str]:
    # "[]" alone says: one axis, default dtype. int64, bool and complex, implied by a value, are not implied by none.
    notes = [] if len(shape) == 1 else [f"size={shape}"]
    return notes if dtype == default_dtype else [*notes, f"dtype=torch.{dtype}"]


def _append_notes(text: str, notes: list[str], indent: int, linewidth: int) -> str:
    # PyTorch counts two columns more than the line has until the first break, and none after it.
    column = len(text.rpartition("\n")[2]) + 2
    for note in notes:
        if column + len(note) + 2 > linewidth:
            text += ",\n" + " " * indent + note
            column = indent + len(note)
        else:
            text += ", " + note
            column += len(note) + 2
    return text + ")"


def format_values(array: np.ndarray, indent: int, options: PrintOptions) -> str:
    """The bracketed values of a non-empty array, later lines indented by `indent` and the depth of the bracket."""
    cuts = [array.size > options.threshold and size > 2 * options.edgeitems for size in array.shape]
    shown = _keep_edges(array, cuts, options.edgeitems)
    cells, width = _format_cells(shown.reshape(-1), options)
    page = _Page(iter(cells), shown.shape, cuts, width + 2, options.linewidth)
    return page.block(0, indent)


def _keep_edges(array: np.ndarray, cuts: list[bool], edge: int) -> np.ndarray:
    if not any(cuts):
        return array
    ends = np.r_[0:edge, -edge:0]
    return array[np.ix_(*(ends if cut else np.arange(size) for cut, size in zip(cuts, array.shape)))]


def _format_cells(flat: np.ndarray, options: PrintOptions) -> tuple[list[str], int]:
    """Every entry's text, and the width that lines are planned with (a NaN or inf may be wider)."""
    if flat.dtype.kind == "c":
        real, real_width = _format_numbers(np.real(flat).tolist(), options)
        imag, imag_width = _format_numbers(np.imag(flat).tolist(), options)
        return [_join_complex(re, im.lstrip()) for re, im in zip(real, imag)], real_width + imag_width + 1
    if flat.dtype.kind in "biu":
        texts = [str(value) for value in flat.tolist()]
        width = max(map(len, texts), default=1)
        return [text.rjust(width) for text in texts], width
    return _format_numbers(flat.astype(np.float64).tolist(), options)


def _join_complex(real: str, imag: str) -> str:
    return f"{real}{imag}j" if imag[0] == "-" else f"{real}+{imag}j"


def _format_numbers(values: list[float], options: PrintOptions) -> tuple[list[str], int]:
    regular = [value for value in values if value and math.isfinite(value)]
    spec, dot = _choose_notation(regular, options)
    width = max((len(format(value, spec)) + len(dot) for value in regular), default=1)
    texts = [format(value, spec) + (dot if math.isfinite(value) else "") for value in values]
    return [text.rjust(width) for text in texts], width


def _choose_notation(regular: list[float], options: PrintOptions) -> tuple[str, str]:
    """The format spec and what follows it ("." where all values are whole), from the finite nonzero values."""
    if not regular:  # not even sci_mode=True changes how zeros, NaNs and infinities alone are written
        return ".0f", "."
    low, high = min(map(abs, regular)), max(map(abs, regular))
    wide = high / low > 1000.0 or high > 1.0e8 or low < 1.0e-4
    if wide if options.sci_mode is None else options.sci_mode:
        return f".{options.precision}e", ""
    whole = all(value.is_integer() for value in regular)
    return (".0f", ".") if whole else (f".{options.precision}f", "")


@dataclass(slots=True)
class _Page:
    """Cells in reading order, and how they fall into brackets and lines."""

    cells: Iterator[str]
    shape: tuple[int, ...]
    cuts: list[bool]
    step: int
    linewidth: int

    def block(self, axis: int, indent: int) -> str:
        """The text from this axis on; recursion is as deep as the tensor has axes."""
        if axis == len(self.shape):
            return next(self.cells)
        if axis == len(self.shape) - 1:
            return self._row(axis, indent)
        parts = [self.block(axis + 1, indent + 1) for _ in range(self.shape[axis])]
        if self.cuts[axis]:
            parts.insert(len(parts) // 2, "...")
        gap = "," + "\n" * (len(self.shape) - axis - 1) + " " * (indent + 1)
        return f"[{gap.join(parts)}]"

    def _row(self, axis: int, indent: int) -> str:
        parts = [next(self.cells) for _ in range(self.shape[axis])]
        if self.cuts[axis]:
            parts.insert(len(parts) // 2, " ..." if parts else "...")
        count = max(1, (self.linewidth - indent) // self.step)
        lines = [", ".join(parts[start : start + count]) for start in range(0, len(parts), count)]
        return f"[{(',' + chr(10) + ' ' * (indent + 1)).join(lines)}]"
