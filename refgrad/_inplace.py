"""In-place operators: the twin `name_` of a row writes the result into its first tensor.

The rule is the row's own. Where it needs the first tensor's value, that is copied before the write, as in PyTorch; the
result is saved with the version after the write. Source: notes/autograd, "In-place operations with autograd".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import _errors as errors
from ._calls import compute
from ._dtypes import OF_ARRAY, SCALAR_NAMES, can_cast
from ._errors import list_text
from ._graph import gradient_edge
from ._modes import local, state
from ._op import Row, RowNode, record, save_results
from ._tensor import CONJ, LAZY, NEG, Tensor, alias
from ._views import check_writable, rebase


def twin(row: Row) -> Callable[..., Tensor]:
    """The in-place form of a row: same arguments, writes and returns the first."""
    count = len(row.schema.inputs)

    def call(self: Tensor, *args: Any) -> Tensor:
        return write(row, (self, *args[: count - 1]), args[count - 1 :])

    call.__name__ = call.__qualname__ = row.schema.name + "_"
    call.row = row  # type: ignore[attr-defined]
    row.inplace = call
    return call


def write(row: Row, inputs: Sequence[Any], attributes: tuple[Any, ...]) -> Tensor:
    """Computes the row, stores the result in inputs[0], bumps its version and moves its history."""
    self = inputs[0]
    needs = state.grad and any(isinstance(t, Tensor) and t.requires_grad for t in inputs)
    check_writable(self, needs)
    check_overlap(self._array)
    (result,) = compute(row, inputs, attributes)
    _check_result(self, result._array)
    node = _record(row, inputs, attributes) if needs and row.is_differentiable else None
    store(self, result._array)
    if node is not None:
        rebase(self, node)
        save_results(node, (self,))
    return self


def _record(row: Row, inputs: Sequence[Any], attributes: tuple[Any, ...]) -> RowNode | None:
    """The node of the write, the inputs that it needs saved before the write."""
    self = inputs[0]
    before = alias(self)
    before._edge = gradient_edge(self)
    before._needs = before._edge is not None
    needs = tuple(isinstance(t, Tensor) and t.requires_grad for t in inputs)
    if row.schema.inputs[0].name in row.plan(needs).saves:
        before._array, before._cell = self._array.copy(order="K"), [0]
    return record(row, (before, *inputs[1:]), attributes, (alias(self),), is_write=True)


def _check_result(self: Tensor, result: np.ndarray) -> None:
    source, target = OF_ARRAY[result.dtype], OF_ARRAY[self._array.dtype]
    if source is not target and not can_cast(source, target):
        raise RuntimeError(
            f"result type {SCALAR_NAMES[source]} can't be cast to the desired output type {SCALAR_NAMES[target]}"
        )
    if result.shape != self._array.shape:
        raise RuntimeError(
            f"output with shape {list_text(self._array.shape)} doesn't match the broadcast shape {list_text(result.shape)}"
        )


def check_overlap(array: np.ndarray) -> None:
    """Raises RuntimeError for a target whose elements share memory, as far as strides of 0 tell."""
    if 0 in array.strides and any(not s and n > 1 for s, n in zip(array.strides, array.shape)):
        raise RuntimeError(
            "unsupported operation: more than one element of the written-to tensor refers to a single memory location. "
            "Please clone() the tensor before performing the operation."
        )


def store(t: Tensor, values: np.ndarray) -> None:
    """Writes into the tensor's memory (through its lazy bits) and bumps the version."""
    if t._flags & LAZY:
        values = np.conjugate(values) if t._flags & CONJ else values
        values = np.negative(values) if t._flags & NEG else values
    me = local.me
    if me.mutation is not None:
        me.mutation.preserve(t)
    me.run(np.copyto, t._array, values, "unsafe")
    if t._cell is not None:
        t._cell[0] += 1
    elif not me.inference:
        # PyTorch finds out when it bumps the version: the values are written by then.
        raise RuntimeError(errors.INFERENCE_INPLACE)


__all__ = ["store", "twin", "write"]
