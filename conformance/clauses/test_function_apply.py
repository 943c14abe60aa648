"""Clauses of custom Functions: apply, what forward sees, and which arguments and outputs are tracked."""

from __future__ import annotations

from typing import Any

from ..drawing.build import Builder
from ..programs.trace import Observed
from ..promises.clause import clause, finished, generate, scenario
from .applying import (
    apply,
    apply_parts,
    got_gradient,
    inner,
    nodes,
    pair,
    pull,
    recorded,
    unrecorded,
)
from .seeing import facts, numbers

AREA = "custom-function"
NOTE = "notes/extending#Extending torch.autograd"


def basic(b: Builder) -> None:
    x, y = pair(b)
    root = b.pick((x, b.smooth(x, depth=1)))
    for rule in [
        b.pick(("square", "product", "cube", "save_result", "triple_gradient")) for _ in range(b.integer(1, 3))
    ]:
        root = apply(b, rule, *((root, y) if rule == "product" else (root,)))
    b.observe(root, "flags", "graph")
    pull(b, b.smooth(root, x, depth=1))


@clause(
    "function.apply-basic",
    "A Function with static forward and backward takes part in the graph through apply.",
    source="autograd.Function",
    area=AREA,
    witness=lambda trace: got_gradient(trace) and recorded(trace),
)
def test_basic(check: Any, programs: Any = generate(basic)) -> None:
    check(programs)


def looks_around(b: Builder) -> None:
    x = inner(b, b.leaf())
    with b.mode(*b.pick(((), ("enable_grad",), ("no_grad", "enable_grad"), ("set_grad_enabled:True",)))):
        y = apply(b, "untracked", x)
    b.observe(y, "flags", "graph")
    pull(b, y)


@clause(
    "function.forward-runs-untracked",
    "forward runs with grad mode off: what it computes isn't recorded.",
    source=NOTE,
    area=AREA,
    witness=recorded,
)
def test_looks_around(check: Any, programs: Any = generate(looks_around)) -> None:
    check(programs)


def sees_flags(b: Builder) -> None:
    x = b.leaf(requires_grad=not b.chance(3))
    apply(b, "seen_flags", b.pick((x, b.smooth(x, depth=1))))


@clause(
    "function.forward-args-converted",
    "Drift: the arguments reach forward as they are, flags and history included; only grad mode is off.",
    source=NOTE,
    area=AREA,
)
def test_sees_flags(check: Any, programs: Any = generate(sees_flags)) -> None:
    check(programs)


def in_a_nest(b: Builder) -> None:
    x, y = pair(b, requires_grad=True)
    constant = b.like(x)
    direct = b.pick((x, constant))
    out = apply(b, "nested", direct, b.pick(((y,), (constant, y), (y, y))))
    b.observe(out, "flags", "graph")
    if direct is x:
        pull(b, out)
    b.grad_of(y)


@clause(
    "function.only-direct-tensor-args-tracked",
    "Tensors within a list that is passed to apply aren't tracked: no gradient reaches them.",
    source=NOTE,
    area=AREA,
    witness=lambda trace: finished(trace) and not isinstance(trace.steps[-1], Observed),
)
def test_in_a_nest(check: Any, programs: Any = generate(in_a_nest)) -> None:
    check(programs)


def with_options(b: Builder) -> None:
    x = inner(b, b.leaf())
    factor, name = b.pick((2, 0.5, -3)), b.pick(("name", None, True, (1, "two")))
    if b.chance(2):
        y = apply(b, "scaled_last", name, factor, x)
    else:
        y = apply(b, "scaled", x, factor, name, b.pick(((), (1, 2), "ab")))
    b.observe(y, "graph")
    pull(b, y)


@clause(
    "function.nontensor-args",
    "Any object may be an argument at any position; backward returns None for it.",
    source=NOTE,
    area=AREA,
    witness=lambda trace: got_gradient(trace) and recorded(trace),
)
def test_with_options(check: Any, programs: Any = generate(with_options)) -> None:
    check(programs)


def drawn_flags(b: Builder) -> None:
    x, y = b.leaf((2,), requires_grad=b.chance(2)), b.leaf((2,), requires_grad=b.chance(2))
    for out in (apply(b, "product", x, y), apply(b, "needs", x, 3, y), *apply_parts(b, "three_outputs", 3, x, y)):
        b.observe(out, "flags", "graph")


@clause(
    "function.output-requires-grad",
    "The outputs require grad when any direct tensor argument does, and else not.",
    source=NOTE,
    area=AREA,
    profile="tape",
    witness=lambda trace: len(nodes(trace)) == 5,
)
def test_drawn_flags(check: Any, programs: Any = generate(drawn_flags)) -> None:
    check(programs)


def without_recording(b: Builder) -> None:
    x, y = pair(b)
    with b.mode(b.pick(("no_grad", "set_grad_enabled:False", "inference_mode"))):
        out = apply(b, "product", x, y) if b.chance(2) else apply(b, "square", x)
        b.observe(out, "flags", "graph")


@clause(
    "function.no-grad-mode-not-recorded",
    "With grad mode off apply runs forward and records nothing.",
    source=NOTE,
    area=AREA,
    witness=unrecorded,
)
def test_without_recording(check: Any, programs: Any = generate(without_recording)) -> None:
    check(programs)


def integer_gradient(b: Builder) -> None:
    rule, place = b.pick((("integer_output", 0), ("bool_output", 1)))
    pull(b, apply_parts(b, rule, 2, inner(b, b.leaf()))[place])


@clause(
    "function.integer-output-grad-arg",
    "backward gets zeros of the output's own dtype for an integral output.",
    source="observed",
    area=AREA,
    witness=got_gradient,
)
def test_integer_gradient(check: Any, programs: Any = generate(integer_gradient)) -> None:
    check(programs)


def same_twice(b: Builder) -> None:
    first, second = apply_parts(b, "same_twice", 2, inner(b, b.leaf()))
    b.retain_grad(first)
    used = b.pick(((first,), (second,), (first, second)))
    pull(b, b.smooth(*used, depth=1))
    b.grad_of(second)


@clause(
    "function.same-tensor-returned-twice",
    "A tensor returned in two places is one object; its gradient arrives in the last place, and zeros in the first.",
    source="observed",
    area=AREA,
    witness=lambda trace: got_gradient(trace) and isinstance(trace.steps[-1], Observed),
)
def test_same_twice(check: Any, programs: Any = generate(same_twice)) -> None:
    check(programs)


def defaults(b: Builder) -> None:
    x = inner(b, b.leaf())
    given = b.pick(((), (3,), (0.5, "name"), (-2, None, (1,))))
    y = apply(b, "scaled", x, *given)
    b.observe(y, "graph")
    pull(b, y)


@clause(
    "function.default-args",
    "apply may leave out arguments that have defaults; backward may still return None for them.",
    source=NOTE,
    area=AREA,
    witness=got_gradient,
)
def test_defaults(check: Any, programs: Any = generate(defaults)) -> None:
    check(programs)


def keywords(b: Builder) -> None:
    x = inner(b, b.leaf())
    good: tuple[dict[str, Any], ...] = ({"factor": 3}, {"name": "n", "factor": 0.5}, {"factor": -1, "extra": (1, 2)})
    bad: tuple[dict[str, Any], ...] = ({"extra": (1, 2)}, {"nothing": 1})
    y = apply(b, "scaled", x, **b.pick(bad if b.chance(6) else good))
    b.observe(y, "graph")
    pull(b, y)


@clause(
    "function.kwargs-need-wrapper",
    "Drift: apply takes keyword arguments without a wrapper.",
    source=NOTE,
    area=AREA,
    witness=got_gradient,
)
def test_keywords(check: Any, programs: Any = generate(keywords)) -> None:
    check(programs)


def names(b: Builder) -> None:
    x, y = pair(b)
    rule = b.pick(("square", "product", "two_outputs", "triple_gradient", "save_result"))
    args = (x, y) if rule == "product" else (x,)
    out = b.pick(apply_parts(b, rule, 2, *args)) if rule == "two_outputs" else apply(b, rule, *args)
    b.observe(out, "graph", "repr")


@clause(
    "function.node-name",
    "The node of a Function Foo is called FooBackward, and its outputs print so.",
    source="observed",
    area=AREA,
    witness=recorded,
)
def test_names(check: Any, programs: Any = generate(names)) -> None:
    check(programs)


def grown_inside(b: Builder) -> None:
    x = inner(b, b.leaf())
    y = apply(b, "inner_graph", x)
    b.observe(y, "flags", "graph")
    pull(b, y)


@clause(
    "function.enable-grad-in-forward-local",
    "What forward records under enable_grad isn't joined to the outer graph: only backward counts.",
    source="observed",
    area=AREA,
    witness=lambda trace: got_gradient(trace) and nodes(trace)[:1] == ["InnerGraphBackward"],
)
def test_grown_inside(check: Any, programs: Any = generate(grown_inside)) -> None:
    check(programs)


def context_as_node(torch: Any, drawn: Any) -> Any:
    data, factor, keep = drawn

    class Scaled(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.factor = factor
            ctx.save_for_backward(x)
            return x * factor

        @staticmethod
        def backward(ctx, g):
            ctx.seen = g.tolist()
            return g * ctx.factor

    x = torch.tensor(data, requires_grad=True)
    node = Scaled.apply(x).grad_fn
    before = node.factor, facts(node.saved_tensors[0]), node.saved_tensors[0] is x
    node(torch.ones(len(data)))
    return before, node.seen, keep and node.saved_tensors[0].tolist()


@clause(
    "function.ctx-is-node",
    "ctx is the node: what forward sets on it is read from the output's grad_fn, saved tensors too.",
    source="observed",
    area=AREA,
)
def test_context_as_node(
    check: Any, scene: Any = scenario(context_as_node, lambda b: (numbers(b), b.integer(-3, 3), b.chance(2)))
) -> None:
    check(scene)
