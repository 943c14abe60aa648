"""Parameter: a tensor that a Module registers when it is assigned as an attribute."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from .._tensor import LAZY, Tensor, new, plain


class Parameter(Tensor):
    """A leaf on the memory of `data` that requires grad. Source: torch.nn.Parameter.
    Trap: operations on a parameter give plain tensors."""

    __slots__ = ()

    def __new__(cls, data: Any = None, requires_grad: bool = True) -> Parameter:
        if data is None:
            data = Tensor(0)
        if not isinstance(data, Tensor):
            raise TypeError(
                f"Parameter() takes a Tensor as data, and got {type(data).__name__}; use refgrad.tensor(data)"
            )
        if requires_grad and data._array.dtype.kind in "iub":
            raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")
        made: Parameter = new(cls)
        made._array, made._cell, made._flags = data._array, data._cell, data._flags & LAZY
        made._edge = made._grad = made._view = made._extra = None
        made._needs = bool(requires_grad)
        return made

    def __repr__(self) -> str:
        return "Parameter containing:\n" + Tensor.__repr__(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameter:
        if id(self) in memo:
            return memo[id(self)]
        made = type(self)(plain(np.copy(self._array, order="K")), self._needs)
        made._grad = None if self._grad is None else copy.deepcopy(self._grad, memo)
        memo[id(self)] = made
        return made


__all__ = ["Parameter"]
