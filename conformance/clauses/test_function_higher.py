"""Clauses of custom Functions: derivatives of derivatives."""

from __future__ import annotations

from typing import Any

from ..drawing.build import Builder, Value
from ..programs.trace import Observed, Trace
from ..promises.clause import clause, finished, generate
from .applying import apply, apply_parts, got_gradient, inner, last_raises, nodes, pair, pull

AREA = "custom-function"
NOTE = "notes/extending#Extending torch.autograd"


def again(b: Builder, root: Value, x: Value, orders: int = 2) -> None:
    """Differentiates by x ``orders`` times, the last time with backward."""
    current = root
    for _ in range(orders - 1):
        found = b.grad([current], [x], [b.like(current)], create_graph=True)
        current = b.item(found, 0)
        # Flags, not nodes: how a derivative's own graph is put together is free.
        b.observe(current, "flags")
    pull(b, current)


def two_orders(b: Builder) -> None:
    x = b.leaf()
    root = apply(b, b.pick(("square", "save_result", "cube")), b.pick((x, b.smooth(x, depth=1))))
    again(b, b.smooth(root, x, depth=1), x)


@clause(
    "function.saved-output-double-backward",
    "Saved inputs and outputs carry their history in backward, so it can be differentiated again.",
    source=NOTE,
    area=AREA,
    profile="higher-order",
    witness=got_gradient,
)
def test_two_orders(check: Any, programs: Any = generate(two_orders, ("float64", "float32"))) -> None:
    check(programs)


def intermediate(b: Builder) -> None:
    x = b.leaf()
    again(b, b.call("mul", apply(b, "saved_intermediate", x), x), x, b.integer(2, 3))


@clause(
    "function.intermediate-not-differentiable",
    "A saved intermediate comes back without history: the second derivative takes it for a constant.",
    source="FunctionCtx.save_for_backward",
    area=AREA,
    profile="higher-order",
    witness=got_gradient,
)
def test_intermediate(check: Any, programs: Any = generate(intermediate, ("float64", "float32"))) -> None:
    check(programs)


def intermediate_returned(b: Builder) -> None:
    x = b.leaf()
    out = apply_parts(b, "intermediate_output", 2, x)[0]
    again(b, b.call("mul", out, x), x, b.integer(2, 3))


@clause(
    "function.intermediate-as-output",
    "An intermediate that is returned too, with its gradient handled, makes the second derivative right.",
    source=NOTE,
    area=AREA,
    profile="higher-order",
    witness=got_gradient,
)
def test_intermediate_returned(
    check: Any, programs: Any = generate(intermediate_returned, ("float64", "float32"))
) -> None:
    check(programs)


def once_applied(b: Builder, x: Value, y: Value) -> Value:
    rule = b.pick(("once_square", "once_product", "once_triple"))
    return apply(b, rule, *((x, y) if rule == "once_product" else (x,)))


def once_first(b: Builder) -> None:
    x, y = pair(b)
    pull(b, b.smooth(once_applied(b, inner(b, x), y), depth=1))


@clause(
    "function.once-differentiable-first-order",
    "once_differentiable leaves the first derivative as it is.",
    source="notes/extending Step 3",
    area=AREA,
    profile="reverse",
    witness=got_gradient,
)
def test_once_first(check: Any, programs: Any = generate(once_first)) -> None:
    check(programs)


def once_again(b: Builder) -> None:
    x, y = pair(b)
    out = once_applied(b, x, y)
    # The cotangent depends on x, so that the gradient has a history.
    again(b, b.call("mul", out, out), x)


@clause(
    "function.once-differentiable-double-error",
    "Differentiating the result of a once_differentiable backward raises RuntimeError.",
    source="notes/extending Step 3",
    area=AREA,
    profile="higher-order",
    witness=last_raises,
)
def test_once_again(check: Any, programs: Any = generate(once_again)) -> None:
    check(programs)


def once_constant(b: Builder) -> None:
    x, y = pair(b)
    out = once_applied(b, x, y)
    if b.chance(2):
        first = b.item(b.grad([out], [x], [b.like(out)], create_graph=True), 0)
        b.observe(first, "flags", "graph")
    else:
        first = b.item(b.grad([b.call("mul", out, out)], [x], [b.like(out)], create_graph=True), 0)
        b.observe(first, "flags", "graph")
        b.grad([first], [x], [b.like(out)])


def no_history_or_unused(trace: Trace) -> bool:
    return (finished(trace) and nodes(trace)[-1:] == [False]) or last_raises(trace)


@clause(
    "function.once-differentiable-grad-message",
    "Drift: with a constant cotangent the result just doesn't require grad, and autograd.grad says 'unused'.",
    source="notes/extending Step 3",
    area=AREA,
    profile="higher-order",
    witness=no_history_or_unused,
)
def test_once_constant(check: Any, programs: Any = generate(once_constant)) -> None:
    check(programs)


def any_order(b: Builder) -> None:
    x = b.leaf()
    rule = b.pick(("cube", "square", "save_result", "triple_gradient"))
    again(b, b.call("mul", apply(b, rule, x), x), x, b.integer(2, 4) if rule == "cube" else 2)


def recorded_throughout(trace: Trace) -> bool:
    flags = [s.requires_grad for s in trace.steps if isinstance(s, Observed) and s.is_leaf is not None]
    return got_gradient(trace) and all(flags)


@clause(
    "function.backward-create-graph-records",
    "Under create_graph backward's own operations are recorded, so it supports higher orders.",
    source=NOTE,
    area=AREA,
    profile="higher-order",
    witness=recorded_throughout,
)
def test_any_order(check: Any, programs: Any = generate(any_order, ("float64", "float32"))) -> None:
    check(programs)


def within(b: Builder) -> None:
    x = b.leaf()
    y = apply(b, "cube_through_square", inner(b, x))
    if b.chance(4):
        pull(b, y)
    else:
        again(b, b.smooth(y, depth=1), x, b.integer(2, 3))


@clause(
    "function.nested-function-in-backward",
    "backward may apply another Function, whose backward then gives the second derivative.",
    source=NOTE,
    area=AREA,
    profile="higher-order",
    witness=recorded_throughout,
)
def test_within(check: Any, programs: Any = generate(within, ("float64", "float32"))) -> None:
    check(programs)
