"""The properties that every catalogue line is held to. Each builds a program; some add a law of their own."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache

from ..catalogue import Operator, find
from ..drawing.build import Builder, Value
from ..drawing.domains import NONZERO
from ..drawing.generate import (
    apply_tracked,
    call_plain,
    cotangents,
    differentiable_outputs,
    require_grad,
    settled,
    tracked_leaves,
    wanted,
)
from ..drawing.source import Rejected, Stream, mix
from ..judging.compare import Closeness
from ..judging.judge import Law
from ..programs.program import Grad, Program
from ..programs.trace import Observed, Trace
from .tangents import (
    UNSETTLED,
    inplace_forward,
    push_forward,
    second_derivatives,
    symmetric,
    transposed,
    unexpanded,
    untracked,
)
from .truth import is_defined, near_zero, true_gradients


@dataclass(frozen=True, slots=True)
class Property:
    """``applies`` says to which lines; ``profile`` is the certificate's profile. ``rarity``: it is drawn so much more
    seldom, but ``least`` times; where that is no time at all, the profile leaves it out."""

    name: str
    sentence: str
    build: Callable[[Builder, Operator], None]
    profile: str = "values"
    applies: Callable[[Operator], bool] = lambda line: True
    law: Law | None = None
    convention: bool = False
    rarity: int = 1
    least: int = 1

    def examples(self, wanted: int) -> int:
        """How many programs it draws where the profile wants so many: costly ones are rarer."""
        return wanted if self.rarity == 1 else max(self.least, wanted // self.rarity)

    def dtypes(self, line: Operator) -> tuple[str, ...]:
        """The dtypes that it draws: the line's; in huge programs those in which the smallest error shows."""
        wide = tuple(dtype for dtype in line.dtypes if dtype in ("float64", "complex128"))
        return wide or line.dtypes if self.name.startswith("huge") else line.dtypes


def _differentiable(line: Operator) -> bool:
    return line.differentiable


def _twice(line: Operator) -> bool:
    return line.differentiable and line.twice


def _forwards(line: Operator) -> bool:
    return line.differentiable and line.forward


def _layout(line: Operator) -> tuple[str, ...]:
    return ("layout",) if line.layout else ()


def _forward(b: Builder, line: Operator) -> None:
    args, attrs = line.strategy.draw(b)
    outputs = call_plain(b, line, args, attrs)
    for value in outputs:
        b.observe(value, "value", "flags", *_layout(line))
    settled(b, line, outputs, attrs)


def _vjp(b: Builder, line: Operator) -> None:
    outputs = wanted(differentiable_outputs(b, apply_tracked(b, line)))
    b.backward(*outputs, gradient=cotangents(b, outputs))


def _vjp_near_zero(b: Builder, line: Operator) -> None:
    """Mostly with data near 0: other properties ask elsewhere."""
    _vjp(b, line)
    if b.choose(4):
        near_zero(b)


def _graph(b: Builder, line: Operator) -> None:
    args, attrs = line.strategy.draw(b)
    require_grad(b)
    for value in call_plain(b, line, args, attrs):
        b.observe(value, "flags", "graph" if line.graph != "free" else "flags", "version")


def _written(b: Builder, line: Operator) -> list[Value]:
    """What a line that only writes makes of a copy, where that has a derivative."""
    args, attrs = line.strategy.draw(b)
    require_grad(b)
    target = b.call("clone", args[0], form="method")
    result = b.call(line.name, target, *args[1:], form="inplace", **attrs)
    return [result] if result.requires_grad else []


def _create_graph(b: Builder, line: Operator) -> None:
    made = differentiable_outputs(b, apply_tracked(b, line)) if line.plain_forms else _written(b, line)
    outputs = wanted(made)
    leaves, given = tracked_leaves(b), cotangents(b, outputs)
    options = {"allow_unused": True}
    b.grad(outputs, leaves, given, retain_graph=True, **options)
    b.grad(outputs, leaves, given, create_graph=True, **options)


def same_gradients(program: Program, trace: Trace, close: Closeness) -> str | None:
    """The law of ``create_graph``: the two Grad steps at the end agree."""
    if not all(isinstance(step, Grad) for step in program.steps[-2:]):
        return None
    plain, live = (trace.steps[-2], trace.steps[-1]) if len(trace.steps) > 1 else (None, None)
    if not isinstance(plain, tuple) or not isinstance(live, tuple):
        return None if type(plain) is type(live) else "one of the two gradient calls raised"
    for i, (a, c) in enumerate(zip(plain, live)):
        if isinstance(a, Observed) and isinstance(c, Observed):
            if a.shape != c.shape or a.dtype != c.dtype:
                return "create_graph changes the shape or dtype of a gradient"
            if close.error(c.array, a.array, a.dtype, ("step", len(trace.steps) - 1, (i,))) is not None:
                return "create_graph changes the value of a gradient"
    return None


def _double_backward(b: Builder, line: Operator) -> None:
    outputs = wanted(differentiable_outputs(b, apply_tracked(b, line)))
    leaves = tracked_leaves(b)
    given = [b.leaf(v.shape, v.dtype, NONZERO, requires_grad=True) for v in outputs]
    first = b.grad(outputs, leaves, given, create_graph=True, allow_unused=True, materialize_grads=True)
    parts = [b.item(first, i) for i in range(len(leaves))]
    for part in parts:
        part.requires_grad = True
    again = cotangents(b, parts)
    b.grad(parts, [*leaves, *given], again, allow_unused=True, retain_graph=True)
    b.grad(parts, [*leaves, *given], again, allow_unused=True)


def _jvp(b: Builder, line: Operator) -> None:
    if b.chance(6):
        b.sizes = "edge"
    push_forward(b, line)


def _huge_forward(b: Builder, line: Operator) -> None:
    b.sizes = "huge"
    push_forward(b, line)
    untracked(b)
    unexpanded(b)


def _inplace(b: Builder, line: Operator) -> None:
    args, attrs = line.strategy.draw(b)
    require_grad(b)
    target = b.call("clone", args[0], form="method")
    result = b.call(line.name, target, *args[1:], form="inplace", **attrs)
    b.observe(result, "value", "flags", "version", "layout", *(["graph"] if line.graph != "free" else []))
    b.observe(target, "value", "flags", "version")
    if line.differentiable and (result.requires_grad or target.requires_grad):
        b.backward(result, gradient=b.like(target))


def _empty(b: Builder, line: Operator) -> None:
    b.sizes = "edge"
    _sized(b, line)


def _sized(b: Builder, line: Operator) -> None:
    """The gradient, or else the value; of a line that only writes, what it writes."""
    if not line.plain_forms:
        return _inplace(b, line)
    return _vjp(b, line) if line.differentiable else _forward(b, line)


def _layouts(b: Builder, line: Operator) -> None:
    b.sizes = "layout"
    outputs = apply_tracked(b, line)
    for value in outputs:
        b.observe(value, "value", *_layout(line))
    differentiable = differentiable_outputs(b, outputs)
    if differentiable:
        given = cotangents(b, differentiable)
        b.grad(differentiable, tracked_leaves(b), given, retain_graph=True, allow_unused=True)
        b.backward(*differentiable, gradient=given)


def _view_write(b: Builder, line: Operator) -> None:
    args, attrs = line.strategy.draw(b)
    require_grad(b)
    base = b.call("clone", args[0], form="method")
    view = b.call(line.name, base, *args[1:], form=line.plain_forms[0], **attrs)
    b.call("mul", view, b.pick((2, -1, 0.5)), form="inplace")
    b.observe(base, "value", "flags", "graph", "version", "layout")
    b.observe(view, "value", "flags", "version", "layout")
    if base.requires_grad:
        b.backward(base, gradient=b.like(base))


SMALL_FORWARD = frozenset(
    {
        # PyTorch cannot view kron's result; among so many bounds some are ties.
        *("kron", "clamp.tensors"),
        # The tangent of so large a matrix of blocks ends the process.
        "block_diag",
        # The arbiter finds PyTorch wrong: tangents of products (recorded for `jvp`), of the smallest probabilities.
        *("scatter_reduce", "softmax"),
    }
)
"""Lines that are not held to large sizes in forward mode, and why. The list may only shrink."""
HUGE, LIMIT = 65536, 1 << 19


def _huge(b: Builder, line: Operator) -> None:
    b.sizes = "huge"
    _sized(b, line)
    _limit(b)


def _limit(b: Builder) -> None:
    if _largest(b) > LIMIT:
        raise Rejected


def _largest(b: Builder) -> int:
    return max((math.prod(v.shape) for v in b.values), default=0)


@cache
def _grows(name: str) -> bool:
    """Whether the operator's arguments can be huge, and its results then are not too large."""
    for index in range(2):
        b = Builder(Stream(mix(index)), "float64")
        b.sizes = "huge"
        with suppress(Rejected):
            _sized(b, find(name))
        if not HUGE <= _largest(b) <= LIMIT:
            return False
    return True


def _at_kinks(b: Builder, line: Operator) -> None:
    b.override = line.kinks
    if line.differentiable:
        _vjp(b, line)
    else:
        _forward(b, line)


def _huge_ties(b: Builder, line: Operator) -> None:
    b.sizes = "huge"
    _at_kinks(b, line)
    _limit(b)


def _broadcasts(line: Operator) -> bool:
    return line.family == "pointwise" and line.differentiable and bool(line.symbol) and line.name != "__getitem__"


def _broadcasting(b: Builder, line: Operator) -> None:
    b.sizes = "broadcast"
    _vjp(b, line)


def _writable(line: Operator) -> bool:
    return "inplace" in line.forms


PROPERTIES: dict[str, Property] = {
    p.name: p
    for p in (
        Property("forward", "gives PyTorch's value, shape, dtype and flags", _forward),
        Property("vjp", "backward with a random cotangent gives the vector-Jacobian product", _vjp, "reverse"),
        Property("graph", "records the node PyTorch records", _graph, "tape", _differentiable),
        Property(
            "create-graph",
            "gives the same gradient with create_graph as without",
            _create_graph,
            "higher-order",
            _differentiable,
            same_gradients,
        ),
        Property("double", "its gradient can be differentiated again", _double_backward, "higher-order", _twice),
        Property(
            "jvp",
            "in forward mode is the transpose of its reverse mode",
            _jvp,
            "forward",
            lambda line: _forwards(line),
            transposed,
        ),
        Property(
            "second",
            "has the same second derivative by forward over reverse as by reverse over forward",
            second_derivatives,
            "higher-order",
            lambda line: _twice(line) and line.forward and line.name not in UNSETTLED,
            symmetric,
        ),
        Property(
            "inplace-forward",
            "its in-place twin has the same tangent",
            inplace_forward,
            "forward",
            lambda line: _writable(line) and _forwards(line),
        ),
        Property(
            "huge-forward",
            "is right in forward mode beyond 65,536 elements",
            _huge_forward,
            "forward",
            lambda line: _forwards(line) and line.name not in SMALL_FORWARD and _grows(line.name),
            transposed,
            rarity=16,
            least=0,
        ),
        Property("inplace", "its in-place twin writes the same value and gradient", _inplace, "mutation", _writable),
        Property("edge", "handles 0-d, one-element and empty operands", _empty, "values"),
        Property("layout", "accepts any layout and states its own", _layouts, "values", _differentiable),
        Property(
            "view-write",
            "a write through the view reaches the base and its gradient",
            _view_write,
            "mutation",
            lambda line: line.view and line.differentiable,
        ),
        Property("broadcast", "sums gradients back to each operand's shape", _broadcasting, "reverse", _broadcasts),
        Property(
            "huge",
            "is right beyond 65,536 elements",
            _huge,
            "values",
            lambda line: _grows(line.name),
            rarity=8,
            least=0,
        ),
        Property(
            "convention",
            "follows PyTorch's choice at ties, kinks and boundaries",
            _at_kinks,
            "conventions",
            lambda line: line.kinks is not None,
            convention=True,
        ),
        Property(
            "truth",
            "has the gradient of its definition in 60 digits",
            _vjp_near_zero,
            "reverse",
            is_defined,
            true_gradients,
            rarity=9,
            least=0,
        ),
        Property(
            "huge-ties",
            "follows PyTorch's choice at ties of thousands of elements",
            _huge_ties,
            "conventions",
            lambda line: line.kinks is not None and line.exact and line.jumps and _grows(line.name),
            convention=True,
            rarity=16,
            least=0,
        ),
    )
}


def properties_of(line: Operator) -> list[Property]:
    """The properties that apply to a line. One that only writes has those of writes."""
    return [
        p
        for p in PROPERTIES.values()
        if (line.plain_forms or p.name in _WRITING)
        and p.applies(line)
        and (p.name not in _REVERSE or line.differentiable)
    ]


_REVERSE = frozenset({"vjp", "broadcast"})
_WRITING = frozenset({"inplace", "inplace-forward", "huge", "edge", "create-graph"})
