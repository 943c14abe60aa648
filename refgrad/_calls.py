"""How a row is called: the fast paths for one and two plain tensors, and the general path.

The fast paths hold when every operand is a plain Tensor (no view, no lazy bits, no tangent), the dtypes agree and the
thread is in no rare mode; one flag each is checked. Everything else, errors included, is the general path's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import _errors as errors
from ._dtypes import OF_ARRAY, get_default_dtype, result_dtype
from ._graph import accumulator_edge
from ._layout import NUMBER, beside_number, canonical, column_major, pointwise
from ._modes import LEVELS, local
from ._op import Row
from ._record import record, save
from ._saved import Result
from ._tensor import DUAL, LAZY, VIEW, Tensor, new, plain, refresh, resolved

NUMBERS = (bool, int, float, complex)
OPERANDS = (Tensor, *NUMBERS)
# A number among the operands, for the layout of an empty result: there it counts as a tensor without dimensions.
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
    return _general(row)


def _named(row: Row, call: Callable[..., Any]) -> Callable[..., Any]:
    call.__name__ = call.__qualname__ = row.schema.name
    call.row = row  # type: ignore[attr-defined]
    return call


def _general(row: Row) -> Callable[..., Any]:
    count = len(row.schema.inputs)

    def call(*args: Any) -> Any:
        return apply(row, args[:count], args[count:])

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


def apply(row: Row, inputs: Sequence[Any], attributes: tuple[Any, ...]) -> Any:
    """The general path: lazy bits resolved, dtypes promoted, outputs wrapped, the call
    recorded, tangents pushed forward. One Tensor, or a tuple of them when the row has several outputs."""
    me = local.me
    for level in me.functional_levels:
        handled = level(row, inputs, attributes)
        if handled is not NotImplemented:
            return handled
    members: Sequence[Tensor] = inputs
    for given in inputs:
        if type(given) is not Tensor:
            try:
                members = flat(inputs)
                refuse_strays(row, inputs)
            except errors.ForeignOperand as foreign:
                return _foreign(row, inputs, attributes, foreign)
            break
    if len(inputs) == 1 and not members and not row.schema.inputs[0].is_list:
        raise TypeError(errors.must_be_tensor(row.schema.name, "input", 1, inputs[0]))
    flags = has_history = 0
    for t in members:
        if t._flags & VIEW and LEVELS:
            _adopt(t)
        flags |= t._flags
        has_history = has_history or t._needs or t._edge is not None
    is_recorded = (
        (has_history or flags & VIEW) and row.is_differentiable and me.grad and _is_recordable(inputs, members)
    )
    if is_recorded and flags & VIEW:
        refresh_all(members)
    outputs = compute(row, inputs, attributes)
    if is_recorded:
        record(row, inputs, attributes, outputs)
    if flags & DUAL:
        from ._forward import push

        push(row, inputs, attributes, outputs)
    return outputs[0] if row.is_single else tuple(outputs)


def _is_recordable(inputs: Sequence[Any], members: Sequence[Tensor]) -> bool:
    """Of inference tensors alone nothing is recorded, whatever they require; a number counts as an ordinary tensor."""
    for t in members:
        if t._cell is not None:
            return True
    if local.me.transforms:
        return True
    return any(isinstance(given, NUMBERS) for given in inputs)


def refresh_all(given: Sequence[Any]) -> None:
    """Brings the views among the tensors up to date: what forbids that is an error before any of the arguments'."""
    for t in given:
        if isinstance(t, Tensor) and t._flags & VIEW:
            refresh(t)


def _adopt(t: Tensor) -> None:
    from ._forward import adopt

    adopt(t)


def flat(inputs: Sequence[Any]) -> list[Tensor]:
    """The tensors among the inputs, those in lists too. Raises TypeError for a foreign argument."""
    found: list[Tensor] = []
    for given in inputs:
        if isinstance(given, Tensor):
            found.append(given)
        elif isinstance(given, (list, tuple)):
            found += flat(given)
        elif given is not None and not isinstance(given, (*NUMBERS, np.generic)):
            raise errors.ForeignOperand(f"expected a Tensor or a number, not {type(given).__name__}")
    return found


def refuse_strays(row: Row, inputs: Sequence[Any]) -> None:
    """Raises TypeError for None or a list where the signature has one tensor: NumPy would make something of it."""
    for given, wanted in zip(inputs, row.schema.inputs):
        if (given is None and not wanted.optional) or (isinstance(given, (list, tuple)) and not wanted.is_list):
            raise errors.ForeignOperand(f"expected a Tensor or a number, not {type(given).__name__}")


def _foreign(row: Row, inputs: Sequence[Any], attributes: tuple[Any, ...], error: TypeError) -> Any:
    """A call with an operand of another kind: arrays are taken as tensors, else it is refused."""
    if any(isinstance(given, ndarray) for given in inputs):
        made = [plain(np.array(given)) if isinstance(given, ndarray) else given for given in inputs]
        return apply(row, made, attributes)
    if row.is_operator:
        return NotImplemented
    raise error


def compute(row: Row, inputs: Sequence[Any], attributes: tuple[Any, ...]) -> list[Tensor]:
    """Runs the row's kernel on the inputs' arrays; fresh tensors without history."""
    arrays = [_array(given) for given in inputs]
    if row.promote and not _are_alike(arrays):
        arrays = promoted(inputs, arrays)
    dtype = _dtype_of(arrays)
    try:
        found = local.me.run(row.kernels.get(dtype) or row.kernel_for(dtype), *arrays, *attributes)
    except ValueError:
        if len(arrays) > 1:
            raise_broadcast(*[a for a in arrays if isinstance(a, ndarray)])
        raise
    results = (found,) if row.is_single else found
    made = [fresh(r) if row.keeps_strides else owned(r) for r in results]
    if row.layout is not None:
        operands = [t._array if isinstance(t, Tensor) else NUMBER for t in inputs if isinstance(t, OPERANDS)]
        for t in made:
            t._array = row.layout(t._array, operands)
    if row.columns:
        for k in row.columns(*attributes) if callable(row.columns) else row.columns:
            made[k]._array = column_major(made[k]._array)
    return made


def _are_alike(arrays: list[Any]) -> bool:
    """Whether all are arrays of one dtype: then there is nothing to promote."""
    first = arrays[0]
    if type(first) is not ndarray:
        return False
    # A loop takes half of the time of all(), in each call.
    for a in arrays:  # noqa: SIM110
        if type(a) is not ndarray or a.dtype is not first.dtype:
            return False
    return True


def _dtype_of(arrays: list[Any]) -> np.dtype:
    """The dtype of the first array, in a list where there is no other; the default one where there is none."""
    for a in arrays:
        if isinstance(a, ndarray):
            return a.dtype
    return next((m.dtype for a in arrays if isinstance(a, list) for m in a), get_default_dtype().array)


def owned(result: Any) -> Tensor:
    """A tensor around a kernel's result, whose memory nothing else holds: strides and storage are PyTorch's to see."""
    if type(result) is not ndarray:
        result = np.asarray(result)
    if result.base is not None:
        result = result.copy(order="K")
    return fresh(canonical(result))


def fresh(array: ndarray) -> Tensor:
    """A tensor without history around memory of its own; an inference tensor in inference mode."""
    made = plain(array)
    if local.me.inference:
        made._cell = None
    return made


def _array(given: Any) -> Any:
    if type(given) is Tensor or isinstance(given, Tensor):
        return resolved(given) if given._flags & LAZY else given._array
    if isinstance(given, (list, tuple)):
        return [_array(t) for t in given]
    return given


def promoted(inputs: Sequence[Any], arrays: list[Any]) -> list[Any]:
    """The arrays in PyTorch's common dtype; Python numbers stay numbers if their category allows it."""
    target = common_dtype(inputs).array
    made: list[Any] = []
    for a in arrays:
        if isinstance(a, ndarray):
            made.append(a if a.dtype == target else a.astype(target))
        elif a is None or (target.kind != "b" and len(arrays) > 1 and any(isinstance(x, ndarray) for x in arrays)):
            made.append(_in_category(a, target))
        else:
            made.append(np.asarray(a, target))
    return made


def _in_category(number: Any, target: np.dtype) -> Any:
    """A Python number beside arrays of a dtype; one that an integer dtype can't hold wraps around."""
    if target.kind in "iu" and isinstance(number, int):
        return np.asarray(number).astype(target)[()]
    return float(number) if type(number) is int and target.kind in "fcV" else number


def common_dtype(inputs: Sequence[Any]) -> Any:
    """PyTorch's result_type of tensors and numbers."""
    dimensioned, zero_dim, numbers = [], [], []
    for given in inputs:
        if isinstance(given, Tensor):
            (dimensioned if given._array.ndim else zero_dim).append(OF_ARRAY[given._array.dtype])
        elif given is not None:
            numbers.append(given)
    return result_dtype(dimensioned, zero_dim, numbers)


def raise_broadcast(*arrays: Any) -> None:
    """Raises PyTorch's error if the shapes do not broadcast."""
    shape: tuple[int, ...] = ()
    for b in arrays:
        other = getattr(b, "shape", ())
        n = max(len(shape), len(other))
        x, y = (1,) * (n - len(shape)) + shape, (1,) * (n - len(other)) + other
        for dim in reversed(range(n)):
            if x[dim] != y[dim] and 1 not in (x[dim], y[dim]):
                raise RuntimeError(
                    f"The size of tensor a ({x[dim]}) must match the size of tensor b ({y[dim]}) at non-singleton "
                    f"dimension {dim}"
                ) from None
        shape = tuple(q if p == 1 else p for p, q in zip(x, y))


__all__ = ["apply", "caller", "common_dtype", "compute", "errors", "flat", "owned", "promoted", "raise_broadcast"]
