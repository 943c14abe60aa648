"""Views: tensors on another's memory, and how an in-place write on one reaches the history of the other.

A view shares its base's version cell. After a write the base's history goes through `CopySlices`, and a view's own is
made again when it is next looked at (`refresh`), as AsStridedBackward0 on the base or by replaying the view.
Source: notes/autograd, "In-place operations with autograd"; the view tutorial. Trap: reading `.grad_fn` of a view is
an action.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import _errors as errors
from . import _tensor
from ._graph import CallableNode, Node, gradient_edge, node_hooks
from ._interpreters import LIVE
from ._modes import enable_grad, is_recording, local, state
from ._op import ROWS, Row
from ._record import record, record_view
from ._storage import as_strided_array, element_strides, is_expanded, storage_offset
from ._tensor import DUAL, LAZY, VIEW, Tensor, alias, new, plain

DEFAULT, NO_GRAD, INFERENCE, MULTI_OUTPUT, CUSTOM_FUNCTION = range(5)


class View:
    """How a view was made: its base (never a view itself), the calls that lead from base to view as a chain (earlier
    chain, last step), what kind of place it was made in, and the version for which its history holds."""

    __slots__ = ("base", "chain", "creation", "version")

    def __init__(self, base: Tensor, chain: tuple[Any, ...], creation: int, version: int) -> None:
        self.base, self.chain, self.creation, self.version = base, chain, creation, version


def view_caller(row: Row) -> Callable[..., Any]:
    """The function that applies a view row: (tensor, *attributes) -> view, or a tuple of views."""
    several = row.schema.is_variable

    kernel = row.kernel

    def call(self: Tensor, *attributes: Any) -> Any:
        me = local.me
        flags = self._flags
        if flags & ~(LAZY | VIEW | DUAL):
            from ._calls import apply

            return apply(row, (self,), attributes)
        # A level that lets the call go leaves an ordinary view: it must know its base.
        for level in me.functional_levels:
            handled = level(row, (self,), attributes)
            if handled is not NotImplemented:
                return handled
        needs = me.grad and self._cell is not None and (self._needs or (flags & VIEW and self._view.base._needs))
        if needs and flags & VIEW:
            refresh(self)
        found = kernel(self._array, *attributes)
        if several:
            views = [as_view(self, a, (call, attributes, nr), True) for nr, a in enumerate(found)]
            if needs:
                record(row, (self,), attributes, views)
        else:
            views = [as_view(self, found, (call, attributes, 0))]
            if needs:
                record_view(row, self, attributes, views[0], me)
        if flags & DUAL:
            _forward.push(row, (self,), attributes, views)
        return tuple(views) if several else views[0]

    call.__name__ = call.__qualname__ = row.schema.name
    call.row = row  # type: ignore[attr-defined]
    return call


def as_view(t: Tensor, array: np.ndarray, step: Any, several: bool = False) -> Tensor:
    """A tensor on part of t's memory, known as a view of t's base."""
    made = plain(array)
    made._cell = t._cell
    made._flags = t._flags & LAZY
    if t._cell is None:
        return made
    if step is not None:
        # PyTorch makes a view that strides don't describe again from the view before it, and so keeps that alive.
        is_lazy = step[0].__name__ in LAZY_CALLS or array.dtype != t._array.dtype
        step = (*step, array, t._flags & LAZY, t if is_lazy and t._view is not None else None)
    creation, me = MULTI_OUTPUT if several else DEFAULT, local.me
    if me.inference:
        creation = INFERENCE
    elif not me.grad:
        creation = NO_GRAD
    before = t._view
    if before is None:
        made._view = View(t, (None, step), creation, t._cell[0])
    else:
        made._view = View(before.base, (before.chain, step), creation or before.creation, t._cell[0])
    made._flags |= VIEW
    return made


def hidden_view(t: Tensor, creation: int) -> Tensor:
    """A view of a tensor that nobody else holds: what a transform returns in inference mode can't be written outside."""
    made = as_view(t, t._array, (LIVE.alias, (), 0))
    if made._view is not None:
        made._view.creation = creation
    return made


def steps(chain: tuple[Any, Any] | None) -> list[Any]:
    """The steps of a chain, the first one first."""
    found = []
    while chain is not None:
        chain, step = chain
        found.append(step)
    return found[::-1]


def replay(chain: tuple[Any, Any] | None, base: Tensor) -> Tensor:
    """The view that the calls of a chain make of another base."""
    for call, attributes, nr, *_ in steps(chain):
        found = call(base, *attributes)
        base = found[nr] if isinstance(found, tuple) else found
    return base


def regenerate(t: Tensor) -> Any:
    """The edge of a view whose base has a new history: steps that strides describe are one AsStridedBackward0, and
    the others (view_as_real, conj, a dtype) are called again."""
    here, bits = _differentiable(t._view.base), t._view.base._flags & LAZY
    pending: np.ndarray | None = None
    with enable_grad():
        for call, attributes, nr, array, before, _ in steps(t._view.chain):
            if array.dtype == here._array.dtype and before == bits and call.__name__ not in LAZY_CALLS:
                pending = array
                continue
            if pending is not None:
                here, pending = _strided(here, pending), None
            here = replay((None, (call, attributes, nr)), here)
            bits = here._flags & LAZY
        return here._edge if pending is None else _strided_edge(here, pending)


def _differentiable(base: Tensor) -> Tensor:
    """The base, or where it doesn't require grad any more, what stands for it: a view's new history then leads nowhere."""
    if base._edge is not None or base._needs:
        return base
    tracked, severed = alias(base), alias(base)
    tracked._needs = True
    severed._flags |= VIEW
    severed._view = View(tracked, (), NO_GRAD, -1 if base._cell is None else base._cell[0])
    return severed


LAZY_CALLS = frozenset({"conj", "neg_view"})


def _strided(t: Tensor, array: np.ndarray) -> Tensor:
    return LIVE.as_strided(t, array.shape, element_strides(array), storage_offset(array))


def _strided_edge(t: Tensor, array: np.ndarray) -> Any:
    node = record(
        ROWS["AsStridedBackward0"], (t,), (array.shape, element_strides(array), storage_offset(array)), (plain(array),)
    )
    return None if node is None else (node, 0)


def geometry(t: Tensor) -> tuple[tuple[int, ...], tuple[int, ...], int]:
    """Shape, strides and storage offset, in elements."""
    return t._array.shape, element_strides(t._array), storage_offset(t._array)


def is_strided_view(t: Tensor) -> bool:
    """Whether shape, strides and offset on the base say all about the view (not so for conj, real, view_as_real …)."""
    base = t._view.base
    return t._array.dtype == base._array.dtype and not (t._flags | base._flags) & LAZY


def refresh(t: Tensor) -> None:
    """Makes a view's history again if the shared memory was written since it was made."""
    view = t._view
    if t._cell is None or view.version == t._cell[0] or not (t._edge is not None or view.base._needs):
        return
    if view.creation != DEFAULT:
        raise RuntimeError(_forbidden(t, True))
    view.version = t._cell[0]
    before = t._edge
    me = local.me
    inference, me.inference = me.inference, False
    try:
        is_strided = is_strided_view(t) and not me.view_replay
        t._edge = _strided_edge(_differentiable(view.base), t._array) if is_strided else regenerate(t)
    finally:
        me.inference = inference
    t._needs = True
    if before is not None and t._edge is not None:
        move_retained(t, t._edge[0], t._edge[1], before)


def _forbidden(t: Tensor, indirect: bool) -> str:
    producer = None if t._edge is None else errors.operation_name(t._edge[0].name())
    return errors.view_write(t._view.creation, producer, t.output_nr, indirect)


_tensor.install_views(refresh)


class CopySlices(CallableNode):
    """The history of a base after an in-place write on a view of it: the written part's cotangent goes through the
    write's node, the rest passes by."""

    __slots__ = ("base", "base_geometry", "chain", "inner", "view_geometry")
    inner: Any

    def __init__(self, t: Tensor, inner: Node) -> None:
        base = t._view.base
        self.sequence = state.sequence
        state.sequence += 1
        self.edges = (gradient_edge(base), *inner.edges[1:])
        self.inner: Any = inner
        self.saved: bool | None = True
        self.shape, self.dtype = base._array.shape, base._array.dtype
        self.hooks = self._metadata = self.metas = None
        self.base_geometry = geometry(base)
        self.view_geometry = geometry(t)
        self.chain = None if is_strided_view(t) else t._view.chain

    def name(self) -> str:
        return "torch::autograd::CopySlices"

    def apply(self, cotangents: list[Any], live: bool) -> tuple[Any, ...]:
        g = cotangents[0]
        if g is None:
            return (None,) * len(self.edges)
        if self.saved is None:
            raise RuntimeError(errors.SECOND_BACKWARD)
        rest, *found = self._live(g) if live or self.chain is not None else self._raw(g)
        return (None if self.edges[0] is None else rest, *found)

    def _pull(self, g: Any, live: bool) -> tuple[Any, ...]:
        """What the write's node gives. Whether that is asked for, the base says, not what the view was before."""
        task = state.executing[-1] if state.executing else None
        if task is None:
            return self.inner.apply([g], live)
        kept, task.asked = task.asked, self.edges
        try:
            return self.inner.apply([g], live)
        finally:
            task.asked = kept

    def _offset(self) -> int:
        return self.view_geometry[2] - self.base_geometry[2]

    def _raw(self, g: np.ndarray) -> tuple[Any, ...]:
        shape, strides, _ = self.base_geometry
        result = scratch(shape, strides, g.dtype)
        result[...] = g
        part = as_strided_array(result, self.view_geometry[0], self.view_geometry[1], self._offset())
        found = self._pull(part.copy(), False)
        if found[0] is not None and is_expanded(part):
            raise RuntimeError(errors.INTERNAL_OVERLAP)
        part[...] = 0 if found[0] is None else found[0]
        return (result, *found[1:])

    def _live(self, g: Any) -> tuple[Any, ...]:
        raw = not isinstance(g, Tensor)
        if raw:
            g = plain(g)
        shape, strides, _ = self.base_geometry
        result = LIVE.copy_into(plain(scratch(shape, strides, g._array.dtype)), g)
        part = (
            replay(self.chain, result)
            if self.chain is not None
            else LIVE.as_strided(result, self.view_geometry[0], self.view_geometry[1], self._offset())
        )
        found = self._pull(LIVE.clone(part)._array if raw else LIVE.clone(part), not raw)
        if found[0] is not None and is_expanded(part._array):
            raise RuntimeError(errors.INTERNAL_OVERLAP)
        LIVE.copy_into(part, LIVE.zeros_like(part) if found[0] is None else plain(found[0]) if raw else found[0])
        return (result._array if raw else result, *found[1:])

    def release(self) -> None:
        """Lets the write's node go, and with it the history that the view had before: nothing else may hold that."""
        if self.saved is not None:
            self.inner.release()
            self.inner = self.saved = None


def empty_like_geometry(shape: tuple[int, ...], strides: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """An array of given strides that owns just the memory it spans."""
    span = 1 + sum((n - 1) * s for n, s in zip(shape, strides)) if all(shape) else 0
    return as_strided_array(np.zeros(span, dtype), shape, strides, 0)


def scratch(shape: tuple[int, ...], strides: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Memory laid out as a base's, to take its cotangent. Raises RuntimeError if elements share memory, as PyTorch does:
    then what the written part's cotangent is isn't said by the cotangents of the elements."""
    made = empty_like_geometry(shape, strides, dtype)
    if is_expanded(made):
        raise RuntimeError(errors.INTERNAL_OVERLAP)
    return made


def check_writable(t: Tensor, needs: bool, others: Sequence[Any] = ()) -> None:
    """Raises what PyTorch raises for an in-place write that autograd forbids. `needs`: some operand requires grad.
    Autograd looks at an inference tensor if `others`, the other operands, have an ordinary one or a number."""
    if not (needs and is_recording()) or (t._cell is None and not any(map(_is_ordinary, others))):
        return
    if t._view is not None:
        check_view_writable(t)
    if t._edge is None and t.requires_grad:
        raise RuntimeError(errors.LEAF_INPLACE)


def check_view_writable(t: Tensor) -> None:
    """Raises for a write to a view that autograd can't follow, and for one to a view of a leaf."""
    assert t._view is not None
    if t._view.creation != DEFAULT:
        raise RuntimeError(_forbidden(t, False))
    if t.requires_grad and t._view.base._edge is None:
        raise RuntimeError(errors.LEAF_VIEW_INPLACE)


def _is_ordinary(operand: Any) -> bool:
    return operand._cell is not None if isinstance(operand, Tensor) else isinstance(operand, (int, float, complex))


def rebase(t: Tensor, node: Node, nr: int = 0) -> None:
    """Gives a written tensor the history of the write; for a view, its base too."""
    if t._view is None:
        move_retained(t, node, nr)
        t._edge, t._needs = (node, nr), True
        return
    base = t._view.base
    slices: CopySlices = new(CopySlices)
    slices.__init__(t, node)  # type: ignore[misc]
    move_retained(base, slices, 0)
    base._edge, base._needs = (slices, 0), True
    t._needs = True
    t._view.version = -1
    refresh(t)


def move_retained(t: Tensor, node: Node, nr: int, before: Any = None) -> None:
    """A retained gradient is that of the tensor's newest value: its hook moves to the new node."""
    edge = before or t._edge
    if t.retains_grad and edge is not None and edge[0].hooks is not None:
        found = edge[0].hooks.retains.pop(edge[1], None)
        if found is not None:
            node_hooks(node).retains[nr] = found


# It imports this module, hence at the end; looked up at each call it would cost as much as a small kernel.
from . import _forward  # noqa: E402
