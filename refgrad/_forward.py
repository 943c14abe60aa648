"""Forward mode: tangents carried by tensors, pushed through each row by its jvp.

A dual tensor has, for a level, a tangent of its own shape. jvp kinds: LINEAR (the row applied to the tangent),
MULTILINEAR (the sum of the row with one operand replaced by its tangent), `d` (t·d), a function, or the transpose of
the vjp where that is valid. The tangent's computation is itself recorded, so reverse over forward works.
Source: torch.autograd.forward_ad, the forward-mode tutorial.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from ._calls import NUMBERS, flat
from ._dtypes import OF_ARRAY, promote_types
from ._engine import execute
from ._graph import gradient_edge
from ._interpreters import LIVE
from ._modes import LEVELS, enable_grad, local
from ._op import LINEAR, MULTILINEAR, POINTWISE, Row
from ._record import RowNode, general, meta_of
from ._saved import Saved
from ._storage import element_strides, is_dense
from ._tensor import DUAL, LAZY, Tensor, alias, extra, plain
from ._views import replay


def tangent_of(t: Any, level: int) -> Tensor | None:
    """The tangent that a tensor carries at a level."""
    if type(t) is not Tensor and not isinstance(t, Tensor):
        return None
    if t._view is not None and LEVELS:
        adopt(t)
    if not t._flags & DUAL or t._extra is None or t._extra.tangents is None:
        return None
    return t._extra.tangents.get(level)


class Level:
    """A running level of forward differentiation. Its number is never used again, so what outlives the level can't be
    taken for a tangent of a later one. `holders` are the dicts that hold its tangents, emptied when it ends."""

    __slots__ = ("holders", "is_dual", "number")

    def __init__(self, number: int, is_dual: bool) -> None:
        self.number, self.is_dual = number, is_dual
        self.holders: list[dict[int, Tensor]] = []


_numbers = itertools.count(1)


def enter_level(is_dual: bool = False) -> int:
    """Starts a level inside those that run; `is_dual`: by forward_ad rather than by a transform."""
    number = next(_numbers)
    LEVELS[number] = Level(number, is_dual)
    return number


def exit_level(number: int) -> None:
    """Ends a level: its tangents are gone."""
    for tangents in LEVELS.pop(number).holders:
        tangents.pop(number, None)


def set_tangent(t: Tensor, level: int, tangent: Tensor) -> None:
    """Gives a tensor its tangent at a running level."""
    rare = extra(t)
    if rare.tangents is None:
        rare.tangents = {}
    rare.tangents[level] = tangent
    if level in LEVELS:
        LEVELS[level].holders.append(rare.tangents)
    t._flags |= DUAL


def adopt(t: Tensor) -> None:
    """Gives a view the tangents that its base got by a write after the view was made."""
    base = t._view.base
    if t._flags & DUAL or not base._flags & DUAL:
        return
    for level, tangent in list((base._extra.tangents or {}).items()):
        if level in LEVELS:
            set_tangent(t, level, replay(t._view.chain, tangent))


def keep_tangents(outputs: Sequence[Tensor]) -> None:
    """Lets what a node saved of its own results have their tangents, which are known only after it is recorded."""
    for t in outputs:
        node = t._edge[0] if t._edge is not None else None
        if not isinstance(node, RowNode) or not node.saved or not t._flags & DUAL:
            continue
        saved = list(node.saved)
        for k, (is_output, position) in enumerate(node.plan.packs[: len(node.plan.saves)]):
            if is_output and position == t._edge[1] and saved[k] is not None:
                saved[k] = entry = saved[k] if type(saved[k]) is Saved else general(node, saved[k])
                entry.tangents = t._extra.tangents
        node.saved = tuple(saved)


def push(row: Row, inputs: Sequence[Any], attributes: tuple[Any, ...], outputs: Sequence[Tensor]) -> None:
    """Gives the outputs of a call the tangents that follow from those of its inputs."""
    if not local.me.forward_grad:
        return
    levels: set[int] = set()
    for t in flat(inputs):
        if t._flags & DUAL:
            levels.update(t._extra.tangents or ())  # type: ignore[union-attr]
    for level in sorted(levels & LEVELS.keys()):
        tangents = [_beside(_collect(given, level), outputs) for given in inputs]
        bare = [primal_of(given, level) for given in inputs]
        found = jvp(row, bare, tangents, attributes, [primal_of(o, level) for o in outputs])
        for o, t in zip(outputs, found):
            if t is not None and o._array.dtype.kind not in "iub":
                set_tangent(o, level, _fitted(t, o))
    keep_tangents(outputs)


def _fitted(t: Tensor, o: Tensor) -> Tensor:
    """A tangent in the output's dtype, unless it was given in a wider one: PyTorch lets that pass through. It is laid
    out as the output is, which a later result's layout hangs on."""
    a, b = OF_ARRAY[t._array.dtype], OF_ARRAY[o._array.dtype]
    t = LIVE.cast(t, o._array.dtype) if a is not b and promote_types(a, b) is b else t
    if o._view is not None or t._flags & LAZY or has_strides(t._array, o._array) or not is_dense(o._array):
        return t
    return LIVE.strided_copy(t, element_strides(o._array))


def has_strides(array: np.ndarray, of: np.ndarray) -> bool:
    """Whether an array has another's strides, sizes of 1 left aside."""
    return array.strides == of.strides or all(
        p * of.itemsize == q * array.itemsize or n == 1 for p, q, n in zip(array.strides, of.strides, array.shape)
    )


def _collect(given: Any, level: int) -> Any:
    if isinstance(given, (list, tuple)):
        return [_collect(t, level) for t in given]
    return tangent_of(given, level)


def _beside(tangent: Any, outputs: Sequence[Tensor]) -> Any:
    """A tangent without dimensions doesn't widen the dtype of a result that has some."""
    if not isinstance(tangent, Tensor) or tangent._array.ndim or not outputs or not outputs[0]._array.ndim:
        return tangent
    own, wanted = tangent._array.dtype, outputs[0]._array.dtype
    return LIVE.cast(tangent, wanted) if own is not wanted and own.kind == wanted.kind != "V" else tangent


def primal_of(given: Any, level: int) -> Any:
    """The primal at a level: the same value and history, outer levels' tangents kept."""
    if isinstance(given, (list, tuple)):
        return [primal_of(t, level) for t in given]
    if tangent_of(given, level) is None:
        return given
    made = LIVE.alias_with_history(given)
    if len(given._extra.tangents) > 1:
        for other, tangent in given._extra.tangents.items():
            if other < level:
                set_tangent(made, other, tangent)
    return made


def jvp(
    row: Row, inputs: list[Any], tangents: list[Any], attributes: tuple[Any, ...], outputs: Sequence[Tensor]
) -> list[Any]:
    """The tangents of the outputs."""
    call = getattr(LIVE, row.schema.name)
    kind = row.jvp_kind
    if not row.is_differentiable:
        return [None] * len(outputs)
    if kind == LINEAR:
        found = call(
            *[
                _linear_input(x, t, row.joint is not None) if k in row.edged else x
                for k, (x, t) in enumerate(zip(inputs, tangents))
            ],
            *attributes,
        )
    elif kind == MULTILINEAR:
        found = _multilinear(call, inputs, tangents, attributes)
    elif row.derivative is not None:
        found = _by_derivative(row, inputs, tangents, attributes, outputs)
    elif kind == POINTWISE:
        found = _pointwise(row, inputs, tangents, attributes, outputs[0])
    elif callable(kind):
        found = kind(LIVE, inputs, tangents, attributes, outputs)
    else:
        return transpose(row, inputs, tangents, attributes)
    if isinstance(found, (list, tuple)):
        return list(found)
    return [_entwined(row, inputs, tangents, attributes, outputs[0], found)]


def _entwined(
    row: Row, inputs: list[Any], tangents: list[Any], attributes: tuple[Any, ...], out: Tensor, total: Any
) -> Any:
    """A tangent with the history of its zero terms: PyTorch has one for each operand without a tangent, a number too,
    and they decide whether the tangent requires grad. Their values stay out, since 0·inf would be nan."""
    if row.jvp_kind == LINEAR or not local.me.grad or not isinstance(total, Tensor):
        return total
    missing = [i.name for i, x, t in zip(row.schema.inputs, inputs, tangents) if x is not None and t is None]
    if not missing or not any(x.requires_grad for x in flat(inputs)):
        return total
    values = _values(row, inputs, attributes, out) | {"g": plain(np.zeros_like(out._array))}
    for name in missing:
        rule = row.rules.get(name)
        part = None if rule is None else rule.function(*[values[n] for n in rule.wants])
        if isinstance(part, Tensor) and part.requires_grad:
            # Attached, not added: the gradient of a term 0·(1/0) would be nan.
            read = [values[n] for n in rule.wants if isinstance(values[n], (Tensor, list))]
            return LIVE.attached_to(total, *[t for t in flat(read) if t.requires_grad])
    return total


def _linear_input(x: Any, t: Any, keeps_integers: bool) -> Any:
    """A tangent, or zeros where an operand of a linear row has none: a number, or integers added to floats, are
    constants. In a row whose gradients come all at once integers may be positions or masks, and stay."""
    if isinstance(x, (list, tuple)):
        return [_linear_input(a, b, keeps_integers) for a, b in zip(x, t)]
    if t is None and isinstance(x, NUMBERS):
        return 0
    if t is None and keeps_integers and isinstance(x, Tensor) and x._array.dtype.kind in "iub":
        return x
    return t if t is not None or not isinstance(x, Tensor) else plain(np.zeros_like(x._array))


def _multilinear(call: Any, inputs: list[Any], tangents: list[Any], attributes: tuple[Any, ...]) -> Any:
    total = None
    for k, t in enumerate(tangents):
        if t is not None:
            part = call(*inputs[:k], t, *inputs[k + 1 :], *attributes)
            total = part if total is None else LIVE.add(total, part)
    return total


def _values(row: Row, inputs: list[Any], attributes: tuple[Any, ...], out: Any) -> dict[str, Any]:
    """What the rules of a row with one output may ask for."""
    schema = row.schema
    values = dict(zip(schema.attributes, attributes)) | {schema.outputs[0].name: out, "F": LIVE}
    if row.casts_saved:
        inputs = [_promoted(x, out) for x in inputs]
    for declared, x in zip(schema.inputs, inputs):
        values[declared.name], values[declared.name + "_meta"] = x, meta_of(x, row.needs_offset)
    return values


def _promoted(x: Any, out: Any) -> Any:
    """An operand in the dtype of the result, in which the formula computes."""
    if not isinstance(x, Tensor) or x._array.dtype == out._array.dtype:
        return x
    return LIVE.cast(x, out._array.dtype)


def _by_derivative(
    row: Row, inputs: list[Any], tangents: list[Any], attributes: tuple[Any, ...], outputs: Sequence[Tensor]
) -> Any:
    assert row.derivative is not None
    values = _values(row, inputs, attributes, outputs[0])
    return LIVE.mul(row.derivative.function(*[values[n] for n in row.derivative.wants]), tangents[0])


def _pointwise(row: Row, inputs: list[Any], tangents: list[Any], attributes: tuple[Any, ...], out: Tensor) -> Any:
    """A holomorphic pointwise row's jvp from its vjp g·conj(d): the sum of conj(vjp(conj(t))), spread to the output."""
    values, total = _values(row, inputs, attributes, out), None
    for declared, t in zip(row.schema.inputs, tangents):
        rule = row.rules.get(declared.name)
        if t is not None and rule is not None:
            values["g"] = LIVE.conj(t)
            part = LIVE.conj(rule.function(*[values[n] for n in rule.wants]))
            total = part if total is None else LIVE.add(total, part)
    if total is not None and total._array.shape != out._array.shape:
        return LIVE.expand(total, out._array.shape)
    return total


def transpose(row: Row, inputs: list[Any], tangents: list[Any], attributes: tuple[Any, ...]) -> list[Any]:
    """The jvp as the transpose of the vjp: differentiate <vjp(v), t> by v. Valid where the vjp is linear in v."""
    moving = list(flat(tangents))
    with enable_grad():
        leaves = [_fresh_leaf(x, t) for x, t in zip(inputs, tangents)]
        found = getattr(LIVE, row.schema.name)(*leaves, *attributes)
        results = [o for o in (found if isinstance(found, tuple) else (found,)) if o._needs]
        seeds = [plain(np.zeros_like(o._array)) for o in results]
        for s in seeds:
            s._needs = True
        edges = [gradient_edge(x) for x, t in zip(_members(leaves), _members(tangents)) if t is not None]
        pulled = execute([gradient_edge(o) for o in results], seeds, True, True, edges, True)
        pairs = [(pulled[k], t) for k, t in enumerate(moving) if pulled.get(k) is not None and pulled[k]._needs]
        back = not pairs or execute(
            [gradient_edge(p) for p, _ in pairs],
            [t for _, t in pairs],
            True,
            True,
            [gradient_edge(s) for s in seeds],
            True,
        )
    tracked = [x for x in (*flat(inputs), *moving) if x.requires_grad] if local.me.grad else []
    pushed = iter([None if back is True else _own_history(back.get(k), tracked) for k in range(len(seeds))])
    return [next(pushed) if o._needs else None for o in (found if isinstance(found, tuple) else (found,))]


def _own_history(tangent: Tensor | None, tracked: list[Tensor]) -> Tensor | None:
    """A tangent without the history that only the transposition made: it hangs on operands that require grad."""
    if tangent is None or (tracked and tangent.requires_grad):
        return tangent
    return LIVE.attached_to(alias(tangent), *tracked)


def _fresh_leaf(x: Any, t: Any) -> Any:
    """An alias of the primal that records from here: history that reaches the primal itself is kept for level nesting."""
    if isinstance(x, (list, tuple)):
        return [_fresh_leaf(a, b) for a, b in zip(x, t)]
    return LIVE.identity(x) if t is not None else x


def _members(given: Sequence[Any]) -> list[Any]:
    found: list[Any] = []
    for g in given:
        found += g if isinstance(g, (list, tuple)) else [g]
    return found
