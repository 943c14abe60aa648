"""Clauses of ``backward``: ``inputs=``, modes, create_graph, long chains, reentrance and what hooks raise."""

from __future__ import annotations

from typing import Any

from ..drawing.build import Builder
from ..programs.trace import Nothing, Observed, Trace
from ..promises.clause import clause, finished, generate, raises, scenario
from .seeing import attempt, facts, numbers, warned

FORMS = ("method", "function")


def got_gradient(trace: Trace) -> bool:
    return finished(trace) and len(trace.gradients) > 0


def last_tensors(trace: Trace, count: int) -> list[bool]:
    """Which of the last steps gave a tensor."""
    return [isinstance(step, Observed) for step in trace.steps[-count:]]


def chosen_inputs(b: Builder) -> None:
    leaves = [b.leaf(()) for _ in range(b.integer(2, 4))]
    if b.chance(2):
        b.backward(b.scalar(*leaves))
    chosen = [leaf for leaf in leaves[1:] if b.chance(2)] or [leaves[0]]
    b.backward(b.scalar(*leaves), inputs=chosen, form=b.pick(FORMS))
    for leaf in leaves:
        b.grad_of(leaf)


@clause(
    "backward.inputs-restricts-accumulation",
    "With inputs=, only those tensors accumulate; every other leaf is left alone.",
    source="torch.autograd.backward",
    witness=got_gradient,
)
def test_chosen_inputs(check: Any, programs: Any = generate(chosen_inputs)) -> None:
    check(programs)


def inputs_in_any_form(torch: Any, drawn: Any) -> Any:
    data, form, method = drawn
    x, y = (torch.tensor(data, requires_grad=True) for _ in range(2))
    inputs = {"bare": x, "list": [x], "tuple": (x,), "dict": {"a": x}, "set": {x}, "both": {"a": x, "b": y}}[form]
    root = (x * x * y).sum()
    backward = root.backward if method else lambda **options: torch.autograd.backward(root, **options)
    return attempt(lambda: backward(inputs=inputs)), facts(x.grad), facts(y.grad)


@clause(
    "backward.inputs-bare-tensor",
    "inputs= takes a bare tensor as well as a sequence.",
    source="torch.autograd.backward",
)
def test_bare_input(
    check: Any,
    drawn: Any = scenario(inputs_in_any_form, lambda b: (numbers(b), b.pick(("bare", "list", "tuple")), b.chance(2))),
) -> None:
    check(drawn)


@clause(
    "backward.inputs-dict",
    "inputs= takes a dict of tensors, and uses its values.",
    source="torch.autograd.backward",
)
def test_dict_of_inputs(
    check: Any,
    drawn: Any = scenario(inputs_in_any_form, lambda b: (numbers(b), b.pick(("dict", "both")), b.chance(2))),
) -> None:
    check(drawn)


def inner_input(b: Builder) -> None:
    x, y = b.leaf(()), b.leaf(())
    inner = b.smooth(x)
    root = b.scalar(inner, y)
    b.backward(root, inputs=b.pick(([inner], [inner, y], [y, inner])), form=b.pick(FORMS))
    b.observe(x, "flags", "grad")
    b.grad_of(inner)


def inner_alone(trace: Trace) -> bool:
    x, inner = trace.steps[-2:]
    return finished(trace) and isinstance(inner, Observed) and isinstance(x.grad, Nothing)  # type: ignore[union-attr]


@clause(
    "backward.inputs-nonleaf-allowed",
    "A recorded result in inputs= gets its .grad filled, without retain_grad; the graph below it isn't run.",
    source="torch.autograd.backward",
    witness=inner_alone,
)
def test_inner_input(check: Any, programs: Any = generate(inner_input)) -> None:
    check(programs)


def no_inputs(b: Builder) -> None:
    x = b.leaf()
    b.backward(b.scalar(x), inputs=[], form=b.pick(FORMS))
    b.grad_of(x)


@clause(
    "backward.inputs-empty-error",
    "An empty inputs= raises RuntimeError.",
    source="torch.autograd.backward",
    witness=raises,
)
def test_no_inputs(check: Any, programs: Any = generate(no_inputs)) -> None:
    check(programs)


def strange_input(b: Builder) -> None:
    x, y = b.leaf(), b.leaf()
    side = b.smooth(y)
    b.backward(b.scalar(x), inputs=b.pick(([y], [x, y], [y, x], [side])), form=b.pick(FORMS))
    b.observe(y, "flags", "grad")


def passed_over(trace: Trace) -> bool:
    last = trace.steps[-1]
    return finished(trace) and isinstance(last, Observed) and isinstance(last.grad, Nothing)


@clause(
    "backward.inputs-unreachable-silent",
    "A tensor in inputs= that the root doesn't depend on is passed over without error.",
    source="observed",
    witness=passed_over,
)
def test_strange_input(check: Any, programs: Any = generate(strange_input)) -> None:
    check(programs)


def without_grad_mode(b: Builder) -> None:
    x = b.leaf()
    root = b.scalar(x)
    with b.mode(b.pick(("no_grad", "set_grad_enabled:False"))):
        b.backward(root, form=b.pick(FORMS))
        b.observe(b.grad_of(x), "flags", "graph")


@clause(
    "backward.not-affected-by-no-grad",
    "backward of a recorded graph works also while grad mode is off.",
    source="observed",
    witness=got_gradient,
)
def test_without_grad_mode(check: Any, programs: Any = generate(without_grad_mode)) -> None:
    check(programs)


def long_chain(torch: Any, drawn: Any) -> Any:
    length, names, run = drawn
    x = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    y = x
    for i in range(length):
        y = getattr(torch, names[i % len(names)])(y)
    if run:
        y.backward()
    del y
    return None if x.grad is None else round(x.grad.item(), 6)


def draw_chain(b: Builder) -> Any:
    names = [b.pick(("neg", "clone", "abs", "positive")) for _ in range(b.integer(1, 3))]
    return b.pick((3000, 1500, 4001)), names, not b.chance(4)


@clause(
    "backward.deep-graph-no-recursion-limit",
    "A chain of thousands of operations is differentiated, and freed, without exhausting the stack.",
    source="observed",
)
def test_long_chain(check: Any, drawn: Any = scenario(long_chain, draw_chain)) -> None:
    check(drawn)


def with_constants(b: Builder) -> None:
    x, c = b.leaf(()), b.leaf((), requires_grad=False)
    constant = b.smooth(c)
    if b.chance(2):
        constant = b.call("mul", constant, b.call("detach", b.smooth(x, depth=1), form="method"))
    root = b.smooth(x, constant)
    b.backward(root, gradient=b.like(root))


@clause(
    "backward.constant-branch-skipped",
    "What doesn't depend on a tensor that requires grad contributes nothing.",
    source="torch.autograd.backward",
    profile="reverse",
    witness=got_gradient,
)
def test_with_constants(check: Any, programs: Any = generate(with_constants)) -> None:
    check(programs)


def hook_that_raises(b: Builder) -> None:
    x = b.leaf()
    inner = b.smooth(x)
    root = b.scalar(inner)
    target, kind = b.pick(((x, "tensor"), (inner, "tensor"), (x, "post_accumulate"), (inner, "node_pre")))
    b.hook(target, "raise", kind, tag="bad")
    b.backward(root, form=b.pick(FORMS))
    b.observe(x, "flags", "grad")


def raised_in_hook(trace: Trace) -> bool:
    return any("raised in hook bad" in error.message for _, error in trace.raised())


@clause(
    "backward.exception-propagates",
    "What a hook raises leaves backward with its own type and message.",
    source="observed",
    profile="hooks",
    witness=raised_in_hook,
)
def test_hook_that_raises(check: Any, programs: Any = generate(hook_that_raises)) -> None:
    check(programs)


def reentrant(torch: Any, drawn: Any) -> Any:
    data, other, depth, place = drawn
    x = torch.tensor(data, requires_grad=True)
    w = torch.tensor(other, requires_grad=True)
    order: list[Any] = []

    def inside(g: Any, left: int = depth) -> None:
        order.append((left, g.tolist()))
        with torch.enable_grad():
            inner = (w * w * left).sum()
        if left > 1:
            inner.register_hook(lambda g: inside(g, left - 1))
        inner.backward()

    y = x * x
    target = {"leaf": x, "result": y}[place]
    target.register_hook(inside)
    y.sum().backward()
    return order, facts(x.grad), facts(w.grad)


def draw_reentrant(b: Builder) -> Any:
    return numbers(b), numbers(b), b.integer(1, 3), b.pick(("leaf", "result"))


@clause(
    "backward.reentrant",
    "backward may be called from inside a hook, on another graph, to any depth.",
    source="observed",
    profile="hooks",
)
def test_reentrant(check: Any, drawn: Any = scenario(reentrant, draw_reentrant)) -> None:
    check(drawn)


def cycle_warning(torch: Any, drawn: Any) -> Any:
    data, form, create = drawn
    before = torch.is_warn_always_enabled()
    torch.set_warn_always(True)
    try:
        x = torch.tensor(data, requires_grad=True)
        root = (x * x).sum()
        backward = root.backward if form == "method" else lambda **kw: torch.autograd.backward(root, **kw)
        seen = warned(lambda: backward(create_graph=create)), facts(x.grad)
        x.grad = None
        return seen
    finally:
        torch.set_warn_always(before)


@clause(
    "backward.create-graph-warns-cycle",
    "backward(create_graph=True) warns of the reference cycle between a leaf and its gradient.",
    source="torch.autograd.backward",
    profile="higher-order",
)
def test_cycle_warning(
    check: Any,
    drawn: Any = scenario(cycle_warning, lambda b: (numbers(b), b.pick(FORMS), not b.chance(3))),
) -> None:
    check(drawn)


def differentiable_gradient(b: Builder) -> None:
    x = b.leaf()
    b.backward(b.scalar(b.call("mul", x, x)), create_graph=True)
    g = b.grad_of(x)
    b.observe(g, "flags")
    g.requires_grad = True
    seed = b.like(x)
    b.grad([g], [x], [seed], allow_unused=True)


def carried_history(trace: Trace) -> bool:
    return finished(trace) and isinstance(trace.steps[-1], tuple)


@clause(
    "backward.create-graph-grad-differentiable",
    "With create_graph=True the accumulated .grad carries history and can be differentiated again.",
    source="torch.autograd.backward",
    profile="higher-order",
    witness=carried_history,
)
def test_differentiable_gradient(check: Any, programs: Any = generate(differentiable_gradient)) -> None:
    check(programs)


def empty_tensors(b: Builder) -> None:
    shape = b.pick(((0,), (2, 0), (0, 3), (1, 0, 2)))
    x, y = b.leaf(shape), b.leaf(b.pick((shape, (), (1,))))
    root = b.smooth(x, y)
    if b.chance(2):
        root = b.call("sum", root)
    b.backward(root, gradient=b.like(root))


def empty_gradient(trace: Trace) -> bool:
    return finished(trace) and any(isinstance(g, Observed) and 0 in g.shape for g in trace.gradients.values())


@clause(
    "backward.sparse-free-zero-size",
    "Tensors without elements flow through backward and get gradients without elements, of the right shape.",
    source="observed",
    profile="reverse",
    witness=empty_gradient,
)
def test_empty_tensors(check: Any, programs: Any = generate(empty_tensors)) -> None:
    check(programs)
