"""Python's ways to duplicate a tensor: copy.copy, copy.deepcopy, pickle. What comes out is a leaf."""

from __future__ import annotations

import copy as python_copy
from typing import Any

import numpy as np

from .._modes import state
from .._tensor import CONJ, NEG, Tensor, method, new, plain


@method
def __deepcopy__(self: Tensor, memo: dict[int, Any]) -> Tensor:
    if not self.is_leaf:
        raise RuntimeError(
            "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the moment.  "
            "If you were attempting to deepcopy a module, this may be because of a torch.nn.utils.weight_norm usage, "
            "see https://github.com/pytorch/pytorch/pull/103001"
        )
    if id(self) in memo:
        return memo[id(self)]
    made = rebuild(type(self), np.copy(self._array, order="K"), self._flags & (CONJ | NEG), self.requires_grad, {})
    # Made by a write into fresh memory, which the version tells.
    made._cell = None if state.inference else [1]
    memo[id(self)] = made
    made.__dict__.update(python_copy.deepcopy(self.__dict__, memo))
    made._grad = None if self._grad is None else python_copy.deepcopy(self._grad, memo)
    return made


@method
def __copy__(self: Tensor) -> Tensor:
    """The same memory as another leaf."""
    return rebuild(type(self), self._array, self._flags & (CONJ | NEG), self.requires_grad, self.__dict__)


@method
def __reduce_ex__(self: Tensor, protocol: Any) -> Any:
    return rebuild, (type(self), self._array, self._flags & (CONJ | NEG), self.requires_grad, self.__dict__)


def rebuild(cls: type[Tensor], array: np.ndarray, flags: int, needs: bool, attributes: dict[str, Any]) -> Tensor:
    """A leaf of a class from what pickle keeps: neither history nor gradient."""
    source = plain(array)
    made: Tensor = new(cls)
    for name in ("_array", "_cell", "_edge", "_extra", "_grad", "_view"):
        setattr(made, name, getattr(source, name))
    made._flags, made._needs = flags, needs
    made.__dict__.update(attributes)
    return made
