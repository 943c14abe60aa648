"""In-place operators: the twin `name_` of a row writes the result into its first tensor.

The rule is the row's own. Where it needs the first tensor's value, that is copied before the write, as in PyTorch; the
result is saved with the version after the write. Source: notes/autograd, "In-place operations with autograd".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import numpy as np

from . import _errors as errors
from . import _forward
from ._calls import common_dtype, compute, flat, refresh_all
from ._dtypes import OF_ARRAY, SCALAR_NAMES, can_cast, dtype
from ._errors import list_text
from ._graph import gradient_edge
from ._interpreters import LIVE
from ._modes import is_recording, local, state
from ._op import Row
from ._overlap import check_overlap
from ._record import RowNode, record, save_results
from ._storage import is_expanded
from ._tensor import CONJ, DUAL, LAZY, NEG, VIEW, Extra, Tensor, alias, plain
from ._views import check_writable, rebase, replay


def twin(row: Row) -> Callable[..., Tensor]:
    """The in-place form of a row: same arguments, writes and returns the first."""
    count = len(row.schema.inputs)

    def call(self: Tensor, *args: Any) -> Tensor:
        return write(row, (self, *args[: count - 1]), args[count - 1 :])

    call.__name__ = call.__qualname__ = row.schema.name + "_"
    call.row = row  # type: ignore[attr-defined]
    row.inplace = call
    return call


def quick_write(row: Row, self: Tensor, other: Any) -> bool:
    """`write` for a plain tensor and a plain tensor of its dtype and shape (or a float) that own their memory, the
    written one not a leaf that requires grad; False if the case is another and nothing was done."""
    me = local.me
    if type(self) is not Tensor or self._flags or not me.plain or self._cell is None:
        return False
    a = self._array
    if type(other) is Tensor and other is not self and not other._flags and other._cell is not None:
        b, needs = other._array, me.grad and (self._needs or other._needs)
        if b.base is not None or a.dtype is not b.dtype or a.shape != b.shape:
            return False
    elif type(other) is float and a.dtype.kind == "f":
        b, needs = other, me.grad and self._needs
    else:
        return False
    if a.base is not None or (needs and self._needs and self._edge is None):
        return False
    r = me.run(row.kernel_for(a.dtype), a, b)
    if r.dtype is not a.dtype:
        return False
    node = _record(row, (self, other), ()) if needs and row.is_differentiable else None
    me.run(np.copyto, a, r)
    self._cell[0] += 1
    if node is not None:
        rebase(self, node)
        save_results(node, (self,))
    return True


def write(row: Row, inputs: Sequence[Any], attributes: tuple[Any, ...]) -> Tensor:
    """Computes the row, stores the result in inputs[0], bumps its version and moves its history."""
    self = inputs[0]
    for level in state.functional_levels:
        handled = level.write(row, inputs, attributes)
        if handled is not NotImplemented:
            return handled
    if len(inputs) == 2 and row.promote and not attributes and quick_write(row, self, inputs[1]):
        return self
    if any(t is None for t in inputs):
        _check_given(row, inputs)
    needs = is_recording() and any(t.requires_grad for t in flat(inputs))
    check_writable(self, needs, inputs[1:])
    if needs:
        refresh_all(inputs)
    check_overlap(row, self, inputs)
    primals = _primals(inputs)
    try:
        (result,) = compute(row, inputs, attributes)
    except NotImplementedError:
        _check_cast(self, common_dtype(inputs))
        raise
    _check_result(self, result._array)
    node = _record(row, inputs, attributes) if needs and row.is_differentiable else None
    store(self, result._array)
    if node is not None:
        rebase(self, node)
        save_results(node, (self,))
    if primals is not None:
        _move_tangents(row, primals, attributes, self)
    return self


def _check_given(row: Row, inputs: Sequence[Any]) -> None:
    """Raises TypeError for an operand that isn't there: PyTorch looks at the arguments before the written tensor."""
    for k, (declared, given) in enumerate(zip(row.schema.inputs, inputs)):
        if given is None and not declared.optional:
            name = row.schema.name.partition("_")[0]
            raise TypeError(f"{name}_(): argument '{declared.name}' (position {k}) must be Tensor, not NoneType")


def _move_tangents(row: Row, primals: list[Any], attributes: tuple[Any, ...], self: Tensor) -> None:
    """Gives the written tensor its new tangents; one that it has is written, so that views of it see the change."""
    result = LIVE.alias_with_history(self)
    _forward.push(row, primals, attributes, [result])
    for level, new in (result._extra.tangents if result._extra is not None else {}).items():
        old = _forward.tangent_of(self, level)
        if old is None and self._view is not None:
            base = plain(np.zeros_like(self._view.base._array))
            _forward.set_tangent(self._view.base, level, base)
            old = replay(self._view.chain, base)
            _forward.set_tangent(self, level, old)
        if old is None:
            _forward.set_tangent(self, level, new)
        else:
            old.copy_(new)  # type: ignore[attr-defined]


def _primals(inputs: Sequence[Any]) -> list[Any] | None:
    """The inputs with their tangents, the written one as it is before the write; None if there are no tangents."""
    if not any(isinstance(t, Tensor) and t._flags & DUAL for t in inputs):
        return None
    before = plain(inputs[0]._array.copy(order="K"))
    before._flags, before._extra = inputs[0]._flags & (LAZY | DUAL), inputs[0]._extra
    before._edge, before._needs = inputs[0]._edge, inputs[0]._needs
    if before._flags & DUAL:
        before._extra = Extra()
        before._extra.tangents = dict(inputs[0]._extra.tangents)
    return [before, *inputs[1:]]


def _record(row: Row, inputs: Sequence[Any], attributes: tuple[Any, ...]) -> RowNode | None:
    """The node of the write, the inputs that it needs saved before the write."""
    self = inputs[0]
    before = alias(self)
    before._edge = gradient_edge(self)
    before._needs = before._edge is not None
    needs = tuple(any(t.requires_grad for t in flat((given,))) for given in inputs)
    if row.schema.inputs[0].name in row.plan(needs).saves:
        before._array, before._cell = self._array.copy(order="K"), [0]
    return record(row, (before, *inputs[1:]), attributes, (alias(self),), is_write=True)


def leaf_first(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """An in-place function that looks at autograd's rules for its tensor before other arguments, as PyTorch does."""

    @wraps(function)
    def call(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if (self._needs or self._flags & VIEW) and not state.functional_levels:
            check_writable(self, self.requires_grad, args)
        return function(self, *args, **kwargs)

    return call


def _check_result(self: Tensor, result: np.ndarray) -> None:
    _check_cast(self, OF_ARRAY[result.dtype])
    if result.shape != self._array.shape:
        raise RuntimeError(
            f"output with shape {list_text(self._array.shape)} doesn't match the broadcast shape "
            f"{list_text(result.shape)}"
        )


def _check_cast(self: Tensor, source: dtype) -> None:
    target = OF_ARRAY[self._array.dtype]
    if source is not target and not can_cast(source, target):
        raise RuntimeError(
            f"result type {SCALAR_NAMES[source]} can't be cast to the desired output type {SCALAR_NAMES[target]}"
        )


def store(t: Tensor, values: np.ndarray) -> None:
    """Writes into the tensor's memory (through its lazy bits) and bumps the version."""
    if t._flags & LAZY:
        values = np.conjugate(values) if t._flags & CONJ else values
        values = np.negative(values) if t._flags & NEG else values
    me = local.me
    if me.mutation is not None:
        me.mutation.preserve(t)
    if is_expanded(t._array):
        # What several elements share, the elements that change decide.
        me.run(np.copyto, t._array, values, "unsafe", values != t._array)
    else:
        me.run(np.copyto, t._array, values, "unsafe")
    if t._cell is not None:
        t._cell[0] += 1
    else:
        # PyTorch finds out when it bumps the version: the values are written by then.
        check_inference_write()


def check_inference_write() -> None:
    """Raises RuntimeError, for an inference tensor that was written, outside inference mode."""
    if not local.me.inference:
        raise RuntimeError(errors.INFERENCE_INPLACE)
