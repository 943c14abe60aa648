"""How a row is called: fast paths for plain tensors.

They hold when every operand is a plain Tensor (no view, no lazy bits, no tangent), the dtypes agree and the thread is
in no rare mode; one flag each is checked. Everything else, errors included, is the general path's (`_calls.apply`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ._calls import apply, owned, raise_broadcast
from ._graph import accumulator_edge
from ._layout import beside_number, pointwise
from ._modes import local
from ._op import Row
from ._record import record, save
from ._saved import Result
from ._tensor import Tensor, new, plain

ndarray = np.ndarray


def caller(row: Row) -> Callable[..., Any]:
    """The function that applies a row."""
    if row.is_view:
        from ._views import view_caller

        return view_caller(row)
    if row.schema.is_plain and row.promote and row.is_differentiable and row.layout is pointwise:
        if len(row.schema.inputs) == 1 and not row.schema.attributes:
            return _unary(row)
        if len(row.schema.inputs) == len(row.edged) == 2 and not row.schema.attributes:
            return _binary(row)
    return _of_tensors(row) if row.schema.inputs and row.schema.is_plain and not row.columns else _general(row)


def _named(row: Row, call: Callable[..., Any]) -> Callable[..., Any]:
    call.__name__ = call.__qualname__ = row.schema.name
    call.row = row  # type: ignore[attr-defined]
    return call


def _general(row: Row) -> Callable[..., Any]:
    count = len(row.schema.inputs)

    def call(*args: Any) -> Any:
        return apply(row, args[:count], args[count:])

    return _named(row, call)


def _of_tensors(row: Row) -> Callable[..., Any]:
    """The fast path of a row of tensors with one result."""
    count, kernels, kernel_for, layout = len(row.schema.inputs), row.kernels, row.kernel_for, row.layout
    promotes, finish, is_differentiable = (
        bool(row.promote),
        plain if row.keeps_strides else owned,
        row.is_differentiable,
    )

    def call(*args: Any) -> Any:
        me = local.me
        inputs = args[:count]
        if not me.computes or len(inputs) < count:
            return apply(row, inputs, args[count:])
        arrays, needs = [], False
        for t in inputs:
            if type(t) is not Tensor or t._flags or t._cell is None:
                return apply(row, inputs, args[count:])
            arrays.append(t._array)
            needs = needs or t._needs
        dtype = arrays[0].dtype
        if promotes:
            for a in arrays:
                if a.dtype is not dtype:
                    return apply(row, inputs, args[count:])
        try:
            r = me.run(kernels.get(dtype) or kernel_for(dtype), *arrays, *args[count:])
        except ValueError:
            raise_broadcast(*arrays)
            raise
        made = finish(r)
        if layout is not None:
            made._array = layout(made._array, arrays)
        if needs and is_differentiable and me.grad:
            record(row, inputs, args[count:], (made,))
        return made

    return _named(row, call)


def _unary(row: Row) -> Callable[[Tensor], Tensor]:
    kernels, kernel_for = row.kernels, row.kernel_for
    plan, node_class = row.plan((True,)), row.node
    saves_self = plan.saves == (row.schema.inputs[0].name,)
    is_quick = not plan.metas and (saves_self or plan.saves == (row.schema.outputs[0].name,))

    def call(self: Tensor, *, out: Tensor | None = None) -> Tensor:
        if out is not None:
            return fill(row, (self,), out)
        me = local.me
        if type(self) is not Tensor or self._flags or not me.computes or self._cell is None:
            return apply(row, (self,), ())
        a = self._array
        kernel = kernels.get(a.dtype) or kernel_for(a.dtype)
        r = me.run(kernel, a)
        if type(r) is not ndarray:
            r = np.asarray(r)
        elif r.ndim > 1 or not r.size:
            r = pointwise(r, (a,))
        out = new(Tensor)
        out._array = r
        out._cell = cell = [0]
        out._flags = 0
        out._grad = out._view = out._extra = out._edge = None
        out._needs = False
        if self._needs and me.grad:
            if not is_quick or me.anomaly is not None or r.dtype.kind in "iub":
                record(row, (self,), (), (out,))
                return out
            node = new(node_class)
            node.sequence = me.sequence
            me.sequence += 1
            node.edges = (self._edge or accumulator_edge(self),)
            node.shape, node.dtype = r.shape, r.dtype
            node.hooks = node._metadata = node.metas = node.counts = None
            node.attributes, node.plan = (), plan
            out._needs, out._edge = True, (node, 0)
            if not me.plain:
                node.saved = save(node, (self,), (out,))
            else:
                node.saved = ((self, self._cell[0]),) if saves_self else (Result((r, cell, 0)),)
        return out

    call.takes_out = True  # type: ignore[attr-defined]
    return _named(row, call)


def _binary(row: Row) -> Callable[[Any, Any], Tensor]:
    kernels, kernel_for = row.kernels, row.kernel_for

    def call(self: Any, other: Any, *, out: Tensor | None = None) -> Any:
        if out is not None:
            return fill(row, (self, other), out)
        me = local.me
        if type(self) is not Tensor or self._flags or not me.computes or self._cell is None:
            return apply(row, (self, other), ())
        a = self._array
        dtype = a.dtype
        if type(other) is Tensor:
            b = other._array
            if other._flags or other._cell is None or b.dtype is not dtype:
                return apply(row, (self, other), ())
            needs = self._needs or other._needs
        elif (type(other) is float or type(other) is int) and dtype.kind in "fc":
            b, needs = float(other), self._needs
        else:
            return apply(row, (self, other), ())
        kernel = kernels.get(dtype) or kernel_for(dtype)
        try:
            r = me.run(kernel, a, b)
        except ValueError:
            raise_broadcast(a, b)
            raise
        if type(r) is not ndarray:
            r = np.asarray(r)
        elif r.ndim > 1 or not r.size:
            r = pointwise(r, (a, b)) if type(b) is ndarray else beside_number(r, (a,))
        out = plain(r)
        if needs and me.grad:
            if me.anomaly is None:
                quick_record(row, me, self, other, out)
            else:
                record(row, (self, other), (), (out,))
        return out

    call.takes_out = True  # type: ignore[attr-defined]
    return _named(row, call)


def fill(row: Row, inputs: tuple[Any, ...], out: Any) -> Any:
    """A call with `out=`."""
    from ._out import fill

    return fill(row.schema.name, _general(row), inputs, {}, out)


def quick_record(row: Row, me: Any, self: Tensor, other: Any, out: Tensor) -> None:
    """`record` for a plain tensor with a plain tensor or a number, and one output."""
    mine = other_edge = None
    if self._needs:
        mine = self._edge or accumulator_edge(self)
    if type(other) is Tensor and other._needs:
        other_edge = other._edge or accumulator_edge(other)
    r = out._array
    if r.dtype.kind in "iub":
        return
    node = new(row.node)
    node.sequence = me.sequence
    me.sequence += 1
    node.edges = (mine, other_edge)
    node.shape, node.dtype = r.shape, r.dtype
    node.hooks = node._metadata = node.metas = node.counts = None
    node.attributes = ()
    node.plan = plan = row.plan((mine is not None, other_edge is not None))
    out._needs, out._edge = True, (node, 0)
    node.saved = save(node, (self, other), (out,)) if plan.packs else ()
