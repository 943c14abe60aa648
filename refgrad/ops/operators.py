"""Python's operators on tensors, and Python's numbers from them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _dtypes as dtypes
from .._errors import SCALAR_OF_RECORDED, warn_once
from .._tensor import Tensor, method, plain
from . import pointwise as p
from .bitwise import BITWISE, invert
from .compare import COMPARISONS
from .complexes import abs_
from .power import pow_
from .remainder import remainder

NUMBERS = (bool, int, float, complex, np.generic)


def _binary(call: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """An operator that leaves foreign operands to their own class, and takes arrays as tensors."""

    def operate(self: Tensor, other: Any) -> Any:
        if isinstance(other, (Tensor, *NUMBERS)):
            return call(self, other)
        return call(self, plain(np.array(other))) if isinstance(other, np.ndarray) else NotImplemented

    return operate


def _swapped(call: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return _binary(lambda self, other: call(other, self))


def _rdiv(self: Tensor, other: Any) -> Tensor:
    return p.mul_row(self.reciprocal(), other)


# Rows are bound themselves where a foreign operand needs nothing more: a frame less on the hot path.
BINDINGS: dict[str, Any] = {
    "__add__": p.add_row, "__radd__": p.add_row, "__mul__": p.mul_row, "__rmul__": p.mul_row, "__sub__": _binary(p.sub),
    "__rsub__": _binary(p.rsub), "__truediv__": p.div_row, "__div__": p.div_row, "__rtruediv__": _binary(_rdiv),
    "__rdiv__": _binary(_rdiv), "__floordiv__": _binary(p.floor_divide), "__rfloordiv__": _swapped(p.floor_divide),
    "__mod__": _binary(remainder), "__rmod__": _swapped(remainder), "__pow__": _binary(pow_),
    "__rpow__": _swapped(pow_), "__neg__": p.neg, "__pos__": p.positive, "__abs__": abs_, "__invert__": invert,
    "__and__": BITWISE["and"], "__rand__": BITWISE["and"], "__or__": BITWISE["or"], "__ror__": BITWISE["or"],
    "__xor__": BITWISE["xor"], "__rxor__": BITWISE["xor"],
    "__lshift__": BITWISE["left_shift"], "__rlshift__": _swapped(BITWISE["left_shift"]),
    "__rshift__": BITWISE["right_shift"], "__rrshift__": _swapped(BITWISE["right_shift"]),
}  # fmt: skip
INPLACE = {
    "add": "add_", "sub": "sub_", "mul": "mul_", "truediv": "div_", "div": "div_", "floordiv": "floor_divide_",
    "mod": "remainder_", "pow": "pow_", "and": "bitwise_and_", "or": "bitwise_or_", "xor": "bitwise_xor_",
    "lshift": "bitwise_left_shift_", "rshift": "bitwise_right_shift_",
}  # fmt: skip

for _name, _call in BINDINGS.items():
    setattr(Tensor, _name, _call)
for _name, _call in COMPARISONS.items():
    setattr(Tensor, f"__{_name}__", _call)
for _symbol, _name in INPLACE.items():
    setattr(Tensor, f"__i{_symbol}__", _binary(getattr(Tensor, _name)))
Tensor.__array_priority__ = 1000


def warn_if_recorded(t: Tensor) -> None:
    """Warns once that a Python number has no history."""
    if t.requires_grad:
        warn_once(SCALAR_OF_RECORDED, stacklevel=4)


def _single(t: Tensor) -> Any:
    if t._array.size != 1:
        raise ValueError("only one element tensors can be converted to Python scalars")
    return t.item()


@method
def __float__(self: Tensor) -> float:
    warn_if_recorded(self)
    return float(_single(self))


@method
def __int__(self: Tensor) -> int:
    return int(_single(self))


@method
def __complex__(self: Tensor) -> complex:
    warn_if_recorded(self)
    return complex(_single(self))


@method
def __index__(self: Tensor) -> int:
    if self._array.size != 1 or self.dtype.category > dtypes.INTEGER:
        raise TypeError("only integer tensors of a single element can be converted to an index")
    return int(_single(self))


@method
def __contains__(self: Tensor, element: Any) -> bool:
    if not isinstance(element, (Tensor, *NUMBERS)):
        raise RuntimeError(f"Tensor.__contains__ only supports Tensor or scalar, but you passed in a {type(element)}.")
    return bool(COMPARISONS["eq"](self, element)._array.any())


@method
def __format__(self: Tensor, spec: str) -> str:
    if self._array.ndim == 0 and type(self) is Tensor:
        return format(self.item(), spec)
    return object.__format__(self, spec)
