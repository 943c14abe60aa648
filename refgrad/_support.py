"""Which dtypes an operator lacks, and PyTorch's error for each.

A row's `lacks` maps a group of dtypes to an exception type and a text; `{}` in the text is the dtype's C++ name.
Groups: h the 16-bit floats, f float32 and float64, c complex, i integers, b bool.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ._dtypes import OF_ARRAY, SCALAR_NAMES
from ._errors import NoDerivative

NO_FORWARD = (
    "Trying to use forward AD with {} that does not support it because it has not been implemented yet.\n"
    "Please file an issue to PyTorch at https://github.com/pytorch/pytorch/issues/new?template=feature-request.yml so "
    "that we can prioritize its implementation or submit a PR adding the implementation to derivatives.yaml"
)
Lacks = dict[str, tuple[type[Exception], str]]


def missing(label: str, groups: str) -> Lacks:
    """NotImplementedError with PyTorch's usual text, for each group named."""
    text = '"' + label + "\" not implemented for '{}'"
    return dict.fromkeys(groups, (NotImplementedError, text))


def refused(groups: str, error: type[Exception], text: str) -> Lacks:
    """Another error, for each group named."""
    return dict.fromkeys(groups, (error, text))


def no_forward(name: str) -> Callable[..., Any]:
    """The forward rule of an operator that has none: raises NotImplementedError, as PyTorch does."""

    def refuse(F: Any, x: Any, t: Any, attrs: Any, out: Any) -> Any:
        raise NotImplementedError(NO_FORWARD.format(name))

    return refuse


def derivative_missing(name: str) -> Callable[..., Any]:
    """The rule of a derivative that PyTorch's table of formulas leaves out."""

    def refuse(g: Any) -> Any:
        raise NoDerivative(f"the derivative for '{name}' is not implemented.")

    return refuse


def group_of(dtype: np.dtype) -> str:
    """The group to which a dtype belongs."""
    kind = dtype.kind
    if kind in "fV":
        return "h" if dtype.itemsize == 2 else "f"
    return "i" if kind == "u" else kind


def check_dtype(lacks: Lacks, dtype: np.dtype) -> None:
    """Raises what PyTorch raises if the operator lacks the dtype."""
    found = lacks.get(group_of(dtype))
    if found:
        raise found[0](found[1].format(SCALAR_NAMES[OF_ARRAY[dtype]]))
