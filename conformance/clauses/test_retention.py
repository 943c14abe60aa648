"""Clauses of ``retain``: what a backward pass frees, what stays, and for how long."""

from __future__ import annotations

import gc
import weakref
from typing import Any

from ..drawing.build import Builder, Value
from ..programs.trace import Observed, Trace
from ..promises.clause import clause, finished, generate, raises, scenario
from .seeing import attempt, numbers

AREA = "graph-retention"
SOURCE = "torch.autograd.backward"
SAVING = ("exp", "tanh", "sigmoid", "sin")


def got_gradient(trace: Trace) -> bool:
    return finished(trace) and len(trace.gradients) > 0


def failed_at_last(trace: Trace) -> bool:
    """The last backward raised, and nothing before it did."""
    errors = [step for step, _ in trace.raised()]
    return len(errors) == 1 and errors[0] >= len(trace.steps) - 2


def saving(b: Builder, x: Value) -> Value:
    """A result whose graph saves at least one value."""
    return b.smooth(b.call(b.pick(SAVING), x))


def run(b: Builder, root: Value, leaves: list[Value], **options: Any) -> None:
    """A pass over the graph, by backward or by grad."""
    if b.chance(2):
        b.grad([root], leaves, [b.like(root)], **options)
    else:
        b.backward(root, gradient=b.like(root), form=b.pick(("method", "function")), **options)


def twice(b: Builder) -> None:
    x = b.leaf(b.shape(0, 2))
    root = saving(b, x)
    run(b, root, [x], retain_graph=b.pick((None, False)))
    run(b, root, [x], retain_graph=b.pick((None, True)))
    b.grad_of(x)


@clause(
    "retain.second-backward-error",
    "A second pass over a graph whose saved values were freed raises RuntimeError.",
    source=SOURCE,
    area=AREA,
    needs=("backward",),
    witness=raises,
)
def test_twice(check: Any, programs: Any = generate(twice)) -> None:
    check(programs)


def kept(b: Builder) -> None:
    x = b.leaf()
    root = saving(b, x)
    for _ in range(b.integer(1, 3)):
        b.backward(root, gradient=b.like(root), retain_graph=True)
        b.grad_of(x)
    b.backward(root, gradient=b.like(root))
    b.grad_of(x)


@clause(
    "retain.true-allows-second",
    "retain_graph=True keeps the saved values: backward may be repeated, and accumulates each time.",
    source=SOURCE,
    area=AREA,
    needs=("backward",),
    witness=got_gradient,
)
def test_kept(check: Any, programs: Any = generate(kept)) -> None:
    check(programs)


def linear(b: Builder) -> None:
    x, y = b.leaf(()), b.leaf(())
    root = b.call(b.pick(("add", "sub")), x, y)
    for _ in range(b.integer(0, 3)):
        root = b.call(b.pick(("neg", "clone", "sum")), root)
    for _ in range(b.integer(2, 3)):
        b.backward(root)
        b.grad_of(x)


@clause(
    "retain.ops-without-saved-tensors-can-repeat",
    "Only nodes that saved values refuse a second pass: a graph of linear operations can be run again.",
    source="observed",
    area=AREA,
    needs=("backward",),
    witness=got_gradient,
)
def test_linear(check: Any, programs: Any = generate(linear)) -> None:
    check(programs)


def shared_part(b: Builder) -> None:
    x = b.leaf()
    shared = saving(b, x)
    roots = [b.scalar(shared) for _ in range(2)]
    b.backward(roots[0], retain_graph=b.pick((None, None, True)))
    b.backward(roots[1])
    b.grad_of(x)


@clause(
    "retain.shared-subgraph-freed",
    "Freeing is by node: of two roots that share a node with saved values, the second fails, "
    "unless the first was run with retain_graph.",
    source=SOURCE,
    area=AREA,
    needs=("backward",),
    witness=raises,
)
def test_shared_part(check: Any, programs: Any = generate(shared_part)) -> None:
    check(programs)


def other_branch(b: Builder) -> None:
    x, y = b.leaf(), b.leaf()
    left, right = saving(b, x), saving(b, y)
    both = b.call("add", b.call("sum", left), b.call("sum", right))
    b.backward(left, gradient=b.like(left))
    b.backward(right, gradient=b.like(right), retain_graph=b.pick((None, True)))
    b.grad_of(x)
    b.grad_of(y)
    b.hook(both, tag="both")


@clause(
    "retain.unused-branch-not-freed",
    "Nodes that a backward didn't run keep their saved values for a later one.",
    source="observed",
    area=AREA,
    needs=("backward",),
    witness=got_gradient,
)
def test_other_branch(check: Any, programs: Any = generate(other_branch)) -> None:
    check(programs)


def freed_by_grad(b: Builder) -> None:
    x = b.leaf()
    root = saving(b, x)
    keep: dict[str, Any] = b.pick(({}, {}, {"retain_graph": True}, {"create_graph": True}, {"retain_graph": False}))
    b.grad([root], [x], [b.like(root)], **keep)
    run(b, root, [x])


@clause(
    "retain.grad-frees-by-default",
    "autograd.grad frees the graph that it ran, unless retain_graph or create_graph is set.",
    source="torch.autograd.grad",
    area=AREA,
    needs=("backward",),
    witness=raises,
)
def test_freed_by_grad(check: Any, programs: Any = generate(freed_by_grad)) -> None:
    check(programs)


def part_run(b: Builder) -> None:
    x, y = b.leaf(()), b.leaf(())
    left, right = saving(b, x), saving(b, y)
    root = b.call("add", left, right)
    b.grad([root], [x])
    again = b.pick((right, right, left, root))
    b.grad([again], [y if again is not left else x], b.pick((None, [b.like(again)])))


@clause(
    "retain.grad-subset-frees-only-executed",
    "autograd.grad frees only the nodes that it ran for the inputs asked for.",
    source="observed",
    area=AREA,
    needs=("backward",),
    witness=lambda trace: len([s for s in trace.steps if isinstance(s, tuple)]) == 2,
)
def test_part_run(check: Any, programs: Any = generate(part_run)) -> None:
    check(programs)


def follows_create_graph(b: Builder) -> None:
    x = b.leaf()
    root = saving(b, x)
    options: dict[str, Any] = b.pick(({"create_graph": True}, {}, {"create_graph": True, "retain_graph": None}))
    run(b, root, [x], **options)
    b.grad([root], [x], [b.like(root)])


def either(trace: Trace) -> bool:
    return finished(trace) or failed_at_last(trace)


@clause(
    "retain.default-is-create-graph",
    "retain_graph is create_graph's value where it isn't given.",
    source=SOURCE,
    area=AREA,
    needs=("backward",),
    profile="higher-order",
    witness=either,
)
def test_follows_create_graph(check: Any, programs: Any = generate(follows_create_graph)) -> None:
    check(programs)


def freed_but_recorded(b: Builder) -> None:
    x = b.leaf()
    # The gradient's graph leads back through whatever was saved: only a leaf doesn't lead into the freed graph.
    power = b.pick((b.call("mul", x, x), b.call("sin", x), b.call("cos", x), b.call("mul", b.call("exp", x), x)))
    root = b.call("sum", power)
    g = b.item(b.grad([root], [x], create_graph=True, retain_graph=False), 0)
    b.observe(g, "flags")
    b.grad([g], [x], [b.like(x)], retain_graph=b.pick((None, True)))
    b.grad([root], [x])


def derivative_usable(trace: Trace) -> bool:
    return len([s for s in trace.steps if isinstance(s, tuple)]) == 2 and failed_at_last(trace)


@clause(
    "retain.false-with-create-graph",
    "retain_graph=False with create_graph=True frees the first graph; the gradient's own graph stays usable.",
    source="observed",
    area=AREA,
    needs=("backward",),
    profile="higher-order",
    witness=derivative_usable,
)
def test_freed_but_recorded(check: Any, programs: Any = generate(freed_but_recorded)) -> None:
    check(programs)


def saved_after_free(torch: Any, drawn: Any) -> Any:
    data, op, retain, name = drawn
    x = torch.tensor(data, dtype=torch.float64, requires_grad=True)
    y = {"exp": lambda: x.exp(), "mul": lambda: x * (x + 1), "pow": lambda: x**3}[op]()
    node = y.grad_fn
    y.sum().backward(retain_graph=retain)
    read = {"exp": "_saved_result", "mul": "_saved_self", "pow": "_saved_self"}[op]
    found = attempt(lambda: getattr(node, read.replace("_saved_", name)))
    return found if isinstance(found, list) else type(found).__name__


def draw_after_free(b: Builder) -> Any:
    return numbers(b), b.pick(("exp", "mul", "pow")), b.chance(3), b.pick(("_saved_", "_saved_", "_raw_saved_"))


@clause(
    "retain.saved-access-after-free-error",
    "Reading a node's saved value after it was freed raises the RuntimeError of a second pass.",
    source=SOURCE,
    area=AREA,
    needs=("backward",),
)
def test_saved_after_free(check: Any, drawn: Any = scenario(saved_after_free, draw_after_free)) -> None:
    check(drawn)


def all_dead(trace: Trace) -> bool:
    """The last to be dropped died at once, so nothing else held it."""
    return finished(trace) and bool(trace.deaths) and all(trace.deaths[max(trace.deaths)])


def dropped_root(b: Builder) -> None:
    x = b.leaf()
    inner = b.call(b.pick(("mul", "add")), x, x)
    middle = b.call(b.pick(("exp", "sin", "neg")), inner)
    product = b.call("mul", middle, inner)
    root = b.call("sum", product)
    b.drop(product)
    together = b.pick(((inner, middle, root), (root, inner), (root,), (middle,), (inner, middle)))
    b.drop(*together)
    for value in (root, middle, inner):
        if value not in together:
            b.drop(value)


@clause(
    "retain.graph-released-with-root",
    "When the last reference to the root goes, its graph goes with the tensors that it saved.",
    source="notes/autograd#Saved tensors",
    area=AREA,
    needs=("backward",),
    witness=all_dead,
)
def test_dropped_root(check: Any, programs: Any = generate(dropped_root)) -> None:
    check(programs)


def released(torch: Any, drawn: Any) -> Any:
    data, retain, by_grad = drawn
    x = torch.tensor(data, requires_grad=True)
    collecting = gc.isenabled()
    gc.disable()
    try:
        inner = x + 1
        root = (inner * inner).sum()
        held = weakref.ref(inner)
        del inner
        before = held() is not None
        if by_grad:
            torch.autograd.grad(root, x, retain_graph=retain)
        else:
            root.backward(retain_graph=retain)
        return before, held() is not None, root.grad_fn.name()
    finally:
        if collecting:
            gc.enable()


@clause(
    "retain.saved-freed-after-backward",
    "After a backward without retain_graph, what was saved for it alone is released, though the root lives on.",
    source=SOURCE,
    area=AREA,
    needs=("backward",),
)
def test_released(
    check: Any, drawn: Any = scenario(released, lambda b: (numbers(b), b.pick((None, True, False)), b.chance(2)))
) -> None:
    check(drawn)


def forgotten_leaf(b: Builder) -> None:
    x, y = b.leaf(()), b.leaf(())
    root = b.scalar(x, y)
    b.hook(x, kind=b.pick(("post_accumulate", "tensor")), tag="x")
    b.drop(x)
    b.backward(root)
    b.grad_of(y)


def hook_ran(trace: Trace) -> bool:
    return finished(trace) and [call.tag for call in trace.hooks] == ["x"]


@clause(
    "retain.leaf-kept-alive-by-graph",
    "The graph keeps its leaves: a gradient still reaches a leaf that nobody else holds.",
    source="observed",
    area=AREA,
    needs=("backward",),
    witness=hook_ran,
)
def test_forgotten_leaf(check: Any, programs: Any = generate(forgotten_leaf)) -> None:
    check(programs)


def retried(b: Builder) -> None:
    x = b.leaf()
    first = b.call(b.pick(SAVING), x)
    second = b.call(b.pick(SAVING), first)
    bad = b.hook(first, "raise", tag="bad")
    b.backward(second, gradient=b.like(second))
    b.remove_hook(bad)
    b.backward(second, gradient=b.like(second))
    b.observe(x, "flags", "grad")


def raised_twice(trace: Trace) -> bool:
    return len(list(trace.raised())) == 2 and isinstance(trace.steps[-1], Observed)


@clause(
    "retain.error-does-not-free-all",
    "A backward that fails may leave freed what had run: trying again raises the error of a second pass.",
    source="observed",
    area=AREA,
    needs=("backward",),
    profile="hooks",
    witness=raised_twice,
)
def test_retried(check: Any, programs: Any = generate(retried)) -> None:
    check(programs)
