"""The deprecated Variable, which makes ordinary tensors. Source: torch.autograd.Variable."""

from __future__ import annotations

from typing import Any

from .._tensor import Tensor, plain
from .engine import ExecutionEngine


class VariableMeta(type):
    """Every Tensor counts as a Variable."""

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor)


class Variable(metaclass=VariableMeta):
    """Variable(data, requires_grad=False): an alias of the data as a leaf. Deprecated: use the Tensor itself."""

    _execution_engine = ExecutionEngine()

    def __new__(cls, data: Tensor | None = None, requires_grad: bool = False, volatile: bool = False) -> Tensor:
        if data is None:
            made = Tensor(0)
        elif isinstance(data, Tensor):
            made = plain(data._array)
            made._cell, made._flags = data._cell, data._flags & 3
        else:
            raise TypeError(f"Variable data has to be a tensor, but got {type(data).__name__}")
        made._needs = requires_grad
        return made


def variable(*args: Any, **kwargs: Any) -> None:
    """Raises RuntimeError: the function was removed. Source: torch.autograd.variable."""
    raise RuntimeError("torch.autograd.variable(...) is deprecated, use torch.tensor(...) instead")
