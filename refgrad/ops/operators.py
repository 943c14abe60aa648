"""Python's operators on tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._op import PUBLIC
from .._tensor import Tensor
from . import pointwise as p


def _binary(call: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """An operator that leaves foreign operands to their own class."""

    def operate(self: Tensor, other: Any) -> Any:
        if not isinstance(other, (Tensor, int, float, complex)):
            return _foreign(call, self, other)
        return call(self, other)

    return operate


def _foreign(call: Callable[[Any, Any], Any], self: Tensor, other: Any) -> Any:
    from .create import tensor

    if hasattr(other, "__array__"):
        return call(self, tensor(other))
    return NotImplemented


def _swapped(call: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return _binary(lambda self, other: call(other, self))


Tensor.__add__ = Tensor.__radd__ = p.add_row  # type: ignore[attr-defined]
Tensor.__mul__ = Tensor.__rmul__ = p.mul  # type: ignore[attr-defined]
Tensor.__sub__ = _binary(p.sub)  # type: ignore[attr-defined]
Tensor.__rsub__ = p.rsub_row  # type: ignore[attr-defined]
Tensor.__truediv__ = p.div_row  # type: ignore[attr-defined]
Tensor.__rtruediv__ = _binary(lambda self, other: self.reciprocal() * other)  # type: ignore[attr-defined]
Tensor.__pow__ = _binary(p.pow_)  # type: ignore[attr-defined]
Tensor.__rpow__ = _swapped(p.pow_)  # type: ignore[attr-defined]
Tensor.__neg__ = p.neg  # type: ignore[attr-defined]
Tensor.__pos__ = lambda self: self  # type: ignore[attr-defined]
Tensor.__invert__ = p.bitwise_not  # type: ignore[attr-defined]
for _symbol, _name in {"and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor"}.items():
    setattr(Tensor, f"__{_symbol}__", PUBLIC[_name])
    setattr(Tensor, f"__r{_symbol}__", _swapped(PUBLIC[_name]))
for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    setattr(Tensor, f"__{_name}__", PUBLIC[_name])
for _symbol, _name in {"iadd": "add_", "isub": "sub_", "imul": "mul_", "itruediv": "div_", "ipow": "pow_"}.items():
    setattr(Tensor, f"__{_symbol}__", getattr(Tensor, _name))
Tensor.__array_priority__ = 1000  # type: ignore[attr-defined]
