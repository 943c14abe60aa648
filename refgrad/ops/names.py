"""The names of operators as `torch.ops.aten.mm.default` spells them: values to compare and to put in a list."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple


class Overload(NamedTuple):
    """One operator's name and overload."""

    operator: str
    overload: str

    def __str__(self) -> str:
        return f"aten.{self.operator}.{self.overload}"


class _Packet:
    """All overloads of one operator."""

    def __init__(self, operator: str) -> None:
        self.operator = operator

    def __getattr__(self, overload: str) -> Overload:
        if overload.startswith("__"):
            raise AttributeError(overload)
        # A row is one function here, whatever its operands are: all overloads of a name are the same.
        return Overload(self.operator, "default")


class _Namespace:
    """`torch.ops.aten`."""

    def __getattr__(self, operator: str) -> _Packet:
        if operator.startswith("__"):
            raise AttributeError(operator)
        return _packet(operator)


@cache
def _packet(operator: str) -> _Packet:
    return _Packet(operator)


aten = _Namespace()
