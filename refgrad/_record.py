"""A call on the record: the node of a row, and what it saves of the inputs and outputs.

What is saved, and in which order, is the plan's: the names that the needed rules ask for. An entry is (tensor, version)
for an input, a `Result` for the first output, both checked when read; the general `Saved` where hooks, lazy bits, views
or further outputs come in; a `Meta` where only the shape is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _errors as errors
from ._graph import LAST, CallableNode, accumulator_edge, gradient_edge
from ._interpreters import LIVE
from ._modes import local
from ._saved import Result, Saved, SavedList, SavedTensor, producer_of, raise_modified
from ._schema import Meta
from ._storage import storage_offset
from ._tensor import VIEW, Tensor, new, plain

if TYPE_CHECKING:
    from ._op import Plan, Row


UNSTORED = object()
"""Stands for the result of an in-place write until it is stored; for good, where a pack hook raised."""


class UnstoredResult(RuntimeError):
    """A formula read a result that was never stored; of no account where no input's cotangent is wanted."""


class RowNode(CallableNode):
    """The node of a row: `row` its class, `attributes` the call's, `plan` which inputs need a cotangent."""

    __slots__ = ("attributes", "counts", "plan")

    row: Row
    prefix = ""
    attributes: tuple[Any, ...]
    plan: Plan
    counts: tuple[int, ...] | None

    def name(self) -> str:
        return self.prefix + type(self).__name__

    def apply(self, cotangents: list[Any], live: bool) -> tuple[Any, ...]:
        try:
            return self.plan.pull(self, cotangents, live)
        except (UnstoredResult, errors.NoDerivative) as error:
            task = local.me.executing[-1] if local.me.executing else None
            if task is None or task.leads_on(self.edges if task.asked is None else task.asked):
                raise error if type(error) is UnstoredResult else NotImplementedError(*error.args) from None
            return (None,) * len(self.edges)
        except ValueError as error:
            if live or "broadcast" not in str(error):
                raise
            # A hook gave a value of another shape: on Tensors the formula fails in PyTorch's words.
            return self.plan.pull(self, [g if g is None else plain(g) for g in cotangents], True)

    def release(self) -> None:
        if self.plan.saves:
            self.saved = None

    def value(self, entry: Any, live: bool) -> Any:
        """A saved value, its version checked."""
        kind = type(entry)
        if kind is tuple:
            tensor, version = entry
            if tensor._cell[0] != version:
                raise_modified(tensor._array, tensor._cell, version, producer_of(tensor))
            return self._cast(tensor if live else tensor._array, tensor._array.dtype, live)
        if kind is Result:
            array, cell, version = entry
            if cell[0] != version:
                raise_modified(array, cell, version, (self, 0))
            return entry.tensor_for(self) if live else array
        if kind is Saved:
            found = entry.tensor_for(self) if live else entry.raw(self)
            return self._cast(found, (found._array if live else found).dtype, live)
        if kind is SavedList:
            return [s.tensor_for(self) if live else s.raw(self) for s in entry]
        if entry is UNSTORED:
            raise UnstoredResult(errors.unstored_result(self.row.schema.name))
        return entry

    def _cast(self, value: Any, dtype: np.dtype, live: bool) -> Any:
        """A saved operand in the dtype to which the call promoted it."""
        if dtype == self.dtype or not self.row.casts_saved:
            return value
        return LIVE.cast(value, self.dtype) if live else value.astype(self.dtype)

    def __getattr__(self, name: str) -> Any:
        """`_saved_<name>`, what the node keeps, and `_raw_saved_<name>`, the handle on it."""
        raw, saved = name.startswith("_raw_saved_"), name.startswith("_saved_")
        if raw or saved:
            asked = name.removeprefix("_raw_saved_" if raw else "_saved_")
            if raw and asked in self.row.saved_names:
                return self._handle(asked)
            if saved and asked in self.row.saved_names:
                return self._kept(asked)
            if saved and asked in self.row.schema.attributes:
                return self.attributes[self.row.schema.attributes.index(asked)]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __dir__(self) -> list[str]:
        kept = [f"{prefix}{n}" for n in self.row.saved_names for prefix in ("_saved_", "_raw_saved_")]
        return [*super().__dir__(), *kept, *(f"_saved_{n}" for n in self.row.schema.attributes)]

    def _kept(self, asked: str) -> Any:
        name = self.row.saved_names[asked]
        if self.saved is None:
            raise RuntimeError(errors.SECOND_BACKWARD)
        if name not in self.plan.saves:
            return None
        entry = self.saved[self.plan.saves.index(name)]
        if type(entry) is tuple:
            self.value(entry, False)
            return entry[0]
        if isinstance(entry, (int, float, complex)):
            return plain(np.array(entry))  # a number that stood for an operand
        return entry.tensor_for(self) if type(entry) is Saved else self.value(entry, True)

    def _handle(self, asked: str) -> Any:
        """The handle on a saved value, which is brought to its general form first."""
        name = self.row.saved_names[asked]
        if self.saved is None or name not in self.plan.saves:
            return SavedTensor(self, None)
        position = self.plan.saves.index(name)
        entry = self.saved[position]
        if type(entry) in (tuple, Result):
            entry = general(self, entry)
            self.saved = (*self.saved[:position], entry, *self.saved[position + 1 :])
        if type(entry) is SavedList:
            return tuple(SavedTensor(self, member) for member in entry)
        return SavedTensor(self, entry if type(entry) is Saved else None)


def general(node: RowNode, entry: Any) -> Saved:
    """The general form of a value that the fast path keeps as (tensor, version) or as a Result."""
    tensor = entry[0] if type(entry) is tuple else entry.tensor_for(node)
    saved: Saved = new(Saved)
    saved.nr, saved.needs, saved.is_leaf = 0, tensor._needs, tensor._edge is None
    saved.is_own = type(entry) is Result
    saved.edge = None if saved.is_own else gradient_edge(tensor)
    saved.keep(tensor)
    saved.version, saved.unpack_hook, saved.packed, saved.view, saved.tangents = entry[-1], None, None, None, None
    return saved


def record(
    row: Row, inputs: Sequence[Any], attributes: tuple[Any, ...], outputs: Sequence[Tensor], is_write: bool = False
) -> RowNode | None:
    """Makes the node of a call and hangs the outputs on it, if some input needs a gradient. Of an in-place write only
    the inputs are saved yet: the result is still to be stored."""
    me = local.me
    if me.inference:
        return None
    edges: list[Any] = []
    needs = [False] * len(inputs)
    counts: list[int] = []
    is_needed = False
    for k in row.edged:
        given = inputs[k]
        if type(given) is Tensor and not given._flags & VIEW:
            edge = given._edge or (accumulator_edge(given) if given._needs else None)
            edges.append(edge)
            counts.append(1)
            if edge is not None:
                needs[k] = is_needed = True
            continue
        members = given if isinstance(given, (list, tuple)) else (given,)
        found = [gradient_edge(t) if isinstance(t, Tensor) else None for t in members]
        edges += found
        counts.append(len(found))
        needs[k] = any(e is not None for e in found)
        is_needed = is_needed or needs[k] or any(map(is_severed, members))
    if not is_needed:
        return None
    # PyTorch asks which inputs a gradient goes to, before it saves, only where there are several.
    needs[row.edged[0]] |= len(row.edged) == 1
    node: RowNode = new(row.node)
    node.sequence = me.sequence
    me.sequence += 1
    node.hooks = node._metadata = None
    node.edges, node.attributes = tuple(edges), attributes
    node.counts = tuple(counts) if row.has_lists else None
    node.plan = row.plan(tuple(needs))
    if node.prefix and type(node).__name__ == "NotImplemented":
        node.sequence = LAST  # a node that only raises: PyTorch has it run as soon as it is ready
    attach(node, row, outputs)
    node.saved = save(node, inputs, () if is_write else outputs)
    if me.anomaly is not None:
        me.anomaly.note(node)
    return node


def record_view(row: Row, t: Tensor, attributes: tuple[Any, ...], out: Tensor, me: Any) -> None:
    """`record` for the one view of one tensor that requires grad, when no more than its geometry is to be kept."""
    plan = row.plan((True,))
    if plan.saves or not me.plain or out._array.dtype.kind in "iub":
        record(row, (t,), attributes, (out,))
        return
    node = new(row.node)
    node.sequence = me.sequence
    me.sequence += 1
    node.edges = (gradient_edge(t),)
    node.shape, node.dtype = out._array.shape, out._array.dtype
    node.hooks = node._metadata = node.metas = node.counts = None
    node.attributes, node.plan = attributes, plan
    node.saved = (meta_of(t, row.needs_offset),) if plan.metas else ()
    out._edge, out._needs = (node, 0), True


def is_severed(t: Any) -> bool:
    """Whether it is a view that requires grad through its base alone (made in no_grad mode): it counts as an input that
    needs a gradient, but the gradient goes nowhere."""
    return isinstance(t, Tensor) and t._view is not None and t._edge is None and t._view.base._needs


def attach(node: RowNode, row: Row, outputs: Sequence[Tensor]) -> None:
    """Makes the node the producer of its differentiable outputs."""
    if row.is_single:
        (out,) = outputs
        node.shape, node.dtype, node.metas = out._array.shape, out._array.dtype, None
        if row.is_followed and node.dtype.kind not in "iub":
            out._edge, out._needs = (node, 0), True
        return
    schema = row.schema
    if len(outputs) > 1 and not schema.is_variable:
        outputs = [t for t, declared in zip(outputs, schema.outputs) if declared.differentiable]
    node.shape, node.dtype, node.metas = outputs[0]._array.shape, outputs[0]._array.dtype, None
    if len(outputs) > 1 or schema.is_variable:
        node.metas = tuple((t._array.shape, t._array.dtype) for t in outputs)
    for nr, t in enumerate(outputs):
        if row.is_followed and t._array.dtype.kind not in "iub":
            t._edge, t._needs = (node, nr), True


def save(node: RowNode, inputs: Sequence[Any], outputs: Sequence[Tensor]) -> tuple[Any, ...]:
    """What the plan's rules need, as PyTorch packs it; Meta for a value of which only the shape is needed."""
    plan, entries = node.plan, []
    if not plan.packs:
        return ()
    first_meta, is_plain = len(plan.saves), local.me.plain
    for k, (is_output, position) in enumerate(plan.packs):
        if is_output:
            declared = node.row.schema.outputs
            if outputs and len(declared) > 1 and not declared[position].differentiable:
                entries.append(Saved(outputs[position], False))  # it has no history, the node's neither
            else:
                entries.append(_saved_result(outputs[position], position, is_plain) if outputs else UNSTORED)
            continue
        value = inputs[position]
        if k >= first_meta:
            entries.append(meta_of(value, node.row.needs_offset))
        elif type(value) is Tensor and not value._flags and is_plain and value._cell is not None:
            entries.append((value, value._cell[0]))
        elif isinstance(value, (list, tuple)):
            entries.append(SavedList([Saved(t, False) for t in value]))
        elif not isinstance(value, Tensor):
            entries.append(value)
        elif value._flags or not is_plain or value._cell is None:
            entries.append(Saved(value, False))
        else:
            entries.append((value, value._cell[0]))  # of a class of the user's
    return tuple(entries)


def _saved_result(value: Tensor, position: int, is_plain: bool) -> Any:
    if position or value._flags or value._view is not None or not is_plain or value._cell is None:
        return Saved(value, True, 0 if value._edge is None else value._edge[1])
    return Result((value._array, value._cell, value._cell[0]))


def save_results(node: RowNode, outputs: Sequence[Tensor]) -> None:
    """Adds the stored result of an in-place write to what its node keeps."""
    if not any(is_output for is_output, _ in node.plan.packs):
        return
    saved = list(node.saved)
    for k, (is_output, position) in enumerate(node.plan.packs):
        if is_output:
            saved[k] = _saved_result(outputs[position], position, local.me.plain)
    node.saved = tuple(saved)


def meta_of(value: Any, needs_offset: bool = False) -> Any:
    """The shape, dtype and strides of a tensor, or of each in a list."""
    if isinstance(value, Tensor):
        a = value._array
        return Meta(a.shape, a.dtype, a.strides, storage_offset(a) if needs_offset else 0)
    if isinstance(value, (list, tuple)):
        return [meta_of(v, needs_offset) for v in value]
    return value
