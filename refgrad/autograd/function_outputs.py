"""The outputs of a custom Function's forward, hung on its node: fresh results, views, inputs given back as they are or
written in place, outputs without gradient."""

from __future__ import annotations

import warnings
from typing import Any

from .. import _errors as errors
from .._tensor import Tensor
from .._views import CUSTOM_FUNCTION, MULTI_OUTPUT, check_view_writable, rebase
from ..ops.copy import detach
from ..ops.identity import same_view
from .context import BackwardCFunction

NOT_RETURNED = (
    "Some elements marked as dirty during the forward method were not returned as output. The inputs that are modified "
    "inplace must all be outputs of the Function."
)


def wrap_outputs(node: BackwardCFunction, args: tuple[Any, ...], output: Any, is_recorded: bool) -> Any:
    """What apply returns for what forward returned: tensors in a tuple, or alone, with their place in the graph."""
    given = output if isinstance(output, tuple) else (output,)
    if not any(isinstance(o, Tensor) for o in given):
        if node.dirty_tensors:
            raise RuntimeError(NOT_RETURNED)
        return output
    dirty = _dirty_ids(node)
    without = _marked_ids(node.non_differentiable, "mark_non_differentiable only accepts variable arguments, but got ")
    inputs = {id(a) for a in args if isinstance(a, Tensor)}
    returned = {id(o) for o in given}
    if not dirty <= returned:
        raise RuntimeError(NOT_RETURNED)
    node.metas = tuple([(o._array.shape, o._array.dtype) if isinstance(o, Tensor) else None for o in given])
    node.shape, node.dtype = next(m for m in node.metas if m is not None)
    made: list[Any] = []
    for nr, o in enumerate(given):
        if not isinstance(o, Tensor):
            made.append(o)
            continue
        has_gradient = is_recorded and id(o) not in without and o._array.dtype.kind not in "iub"
        made.append(_hang(node, nr, o, id(o) in inputs, id(o) in dirty, has_gradient, len(given)))
    if any(type(m) is not Tensor or m._view is not None for m in made):
        _mark_views(given, made, inputs & dirty, node)
    if is_recorded:
        node.keep()
    else:
        node.to_save = None
    return tuple(made) if isinstance(output, tuple) else made[0]


def _dirty_ids(node: BackwardCFunction) -> set[int]:
    marked = _marked_ids(node.dirty_tensors, "mark_dirty can only accept variables, but argument ")
    for t in node.dirty_tensors or ():
        if t._cell is not None:
            t._cell[0] += 1
    return marked


def _marked_ids(marked: tuple[Any, ...] | None, refusal: str) -> set[int]:
    for t in marked or ():
        if not isinstance(t, Tensor):
            raise RuntimeError(refusal)
    return {id(t) for t in marked or ()}


def _hang(
    node: BackwardCFunction, nr: int, o: Tensor, is_input: bool, is_dirty: bool, has_gradient: bool, count: int
) -> Tensor:
    """One output in its place."""
    if not has_gradient:
        return _without_gradient(o, is_input, is_dirty)
    if is_dirty:
        return _written(node, nr, o, is_input, count)
    if is_input:
        o = same_view(o)
    o._edge, o._needs = (node, nr), True
    return o


def _without_gradient(o: Tensor, is_input: bool, is_dirty: bool) -> Tensor:
    if not o.requires_grad:
        return same_view(o) if is_input and not is_dirty else o
    if is_input:
        return detach(o)
    if o._view is None:
        o._edge, o._needs = None, False
    return o


def _written(node: BackwardCFunction, nr: int, o: Tensor, is_input: bool, count: int) -> Tensor:
    """An input that forward wrote: the same object, its history moved on to the node."""
    if o.requires_grad and o._edge is None:
        raise RuntimeError(errors.LEAF_USED_INPLACE)
    if o._view is not None:
        check_view_writable(o)
    if not is_input:
        warnings.warn(
            "ctx.mark_dirty() received a tensor that was not an input. Only input Tensors that have been mutated "
            "should be passed to ctx.mark_dirty().",
            UserWarning,
            stacklevel=5,
        )
    if o._view is not None and count > 1:
        raise RuntimeError(errors.VIEW_WRITTEN_WITH_OTHERS)
    rebase(o, node, nr)
    return o


def _mark_views(given: tuple[Any, ...], made: list[Any], written: set[int], node: BackwardCFunction) -> None:
    """Views that come out of a Function must not be written in place later."""
    views = [m for o, m in zip(given, made) if isinstance(m, Tensor) and m._view is not None and id(o) not in written]
    if views:
        several = sum(isinstance(m, Tensor) and m._edge is not None and m._edge[0] is node for m in made) > 1
        for v in views:
            v._view.creation = MULTI_OUTPUT if several else CUSTOM_FUNCTION
