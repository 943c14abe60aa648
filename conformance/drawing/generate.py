"""Programs about one operator: its arguments drawn, its outputs differentiated with random cotangents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from ..catalogue import Operator
from ..drawing.source import Rejected
from ..programs.leafdata import is_differentiable
from ..programs.program import Leaf, Program
from .build import Builder, Value
from .source import Source

Build = Callable[[Builder, Operator], None]


def one_operator(line: Operator, build: Build, dtypes: Sequence[str] | None = None) -> Callable[[Source], Program]:
    """A draw of programs about one operator in one of its dtypes."""
    choices = tuple(dtypes if dtypes is not None else line.dtypes)

    def draw(source: Source) -> Program:
        b = Builder(source, choices[source.choose(len(choices))])
        build(b, line)
        return b.program()

    return draw


def require_grad(b: Builder) -> bool:
    """Makes sure that a leaf requires grad, the first that can; False where none can."""
    floating = [i for i, s in enumerate(b.steps) if isinstance(s, Leaf) and is_differentiable(s.dtype)]
    if not floating:
        return False
    if not any(b.values[i].requires_grad for i in floating):
        first = floating[0]
        b.steps[first] = replace(b.steps[first], requires_grad=True)
        b.values[first].requires_grad = True
    return True


def apply_tracked(b: Builder, line: Operator) -> list[Value]:
    """Calls the operator on drawn arguments of which one requires grad; its outputs, items taken, settled."""
    args, attrs = line.strategy.draw(b)
    require_grad(b)
    return settled(b, line, call_plain(b, line, args, attrs), attrs)


def call_plain(b: Builder, line: Operator, args: tuple[Any, ...], attrs: dict[str, Any]) -> list[Value]:
    """Calls the operator in a drawn form that doesn't write; its outputs, items taken. A Python operator takes no
    keywords: there the options keep their defaults."""
    args = prepared(b, line, args, attrs)
    form = b.pick(line.plain_forms)
    return outputs_of(b, line, b.call(line.name, *args, form=form, **({} if form == "operator" else attrs)))


def prepared(b: Builder, line: Operator, args: tuple[Any, ...], attrs: dict[str, Any]) -> tuple[Any, ...]:
    """The operands, brought into the operator's domain."""
    return args if line.prepare is None else line.prepare(b, args, attrs)


def settled(b: Builder, line: Operator, outputs: list[Value], attrs: dict[str, Any]) -> list[Value]:
    """The outputs; where some are not unique, values made from them that are, observed (but not within a region)."""
    if line.gauge is None:
        return outputs
    unique = line.gauge.settle(b, outputs, attrs)
    for value in unique if not b.params else ():
        b.observe(value, "value")
    return unique


def outputs_of(b: Builder, line: Operator, result: Value) -> list[Value]:
    """The outputs as values: an Item step for each where there are several."""
    if line.outputs is None:
        return [result]
    items = [b.item(result, i) for i in range(len(line.outputs))]
    for place in line.constant:
        items[place].requires_grad = False
    return items


def tracked_leaves(b: Builder) -> list[Value]:
    """The leaves that require grad."""
    return [b.values[i] for i, step in enumerate(b.steps) if isinstance(step, Leaf) and step.requires_grad]


def differentiable_outputs(b: Builder, outputs: Sequence[Value]) -> list[Value]:
    """Outputs that carry a gradient. One of unknown shape is summed, so that a cotangent can be drawn for it."""
    carrying = [v for v in outputs if v.requires_grad]
    return [v if v.known else b.call("sum", v) for v in carrying]


def cotangents(b: Builder, outputs: Sequence[Value]) -> list[Value]:
    """A random cotangent for each output."""
    return [b.like(v) for v in outputs]


def wanted(outputs: Sequence[Value]) -> Sequence[Value]:
    """The outputs, or Rejected where there are none to differentiate."""
    if not outputs:
        raise Rejected
    return outputs
