"""Programs about one operator: its arguments drawn, its outputs differentiated with random cotangents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from .build import Builder, Value
from .catalogue import Operator
from .leafdata import is_differentiable
from .program import Leaf, Program
from .search import Rejected
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


def apply_tracked(b: Builder, line: Operator, form: str | None = None) -> list[Value]:
    """Calls the operator on drawn arguments of which one requires grad; its outputs, items taken."""
    args, attrs = line.strategy.draw(b)
    require_grad(b)
    form = form or b.pick(line.plain_forms)
    result = b.call(line.name, *args, form=form, **({} if form == "operator" else attrs))
    return outputs_of(b, line, result)


def outputs_of(b: Builder, line: Operator, result: Value) -> list[Value]:
    """The outputs as values: an Item step for each where there are several."""
    if line.outputs is None:
        return [result]
    return [b.item(result, i) for i in range(len(line.outputs))]


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
