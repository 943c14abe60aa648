"""Clauses of ``autograd.grad``: create_graph, batched cotangents, and whose memory a result is."""

from __future__ import annotations

from typing import Any

from ..drawing.build import Builder
from ..programs.trace import Observed, Trace
from ..promises.clause import clause, finished, generate, scenario
from .seeing import attempt, facts, numbers

AREA = "grad-api"
SOURCE = "torch.autograd.grad"


def tensors_at_end(trace: Trace) -> bool:
    last = trace.steps[-1]
    parts = last if isinstance(last, tuple) else (last,)
    return finished(trace) and all(isinstance(part, Observed) for part in parts)


def again(b: Builder) -> None:
    x, y = b.leaf(()), b.leaf(())
    root = b.scalar(b.call("mul", b.call("exp", x), y), x)
    first = b.grad([root], b.pick(([x], [x, y], [y, x])), create_graph=True)
    g = b.item(first, 0)
    b.observe(g, "flags")
    b.grad([g], [x, y], [b.like(g)], allow_unused=True)


def differentiated(trace: Trace) -> bool:
    last = trace.steps[-1]
    return finished(trace) and isinstance(last, tuple) and isinstance(last[0], Observed)


@clause(
    "grad.create-graph-differentiable",
    "With create_graph=True the gradient has history and can be differentiated.",
    source=SOURCE,
    area=AREA,
    profile="higher-order",
    witness=differentiated,
)
def test_again(check: Any, programs: Any = generate(again)) -> None:
    check(programs)


def constant_gradient(b: Builder) -> None:
    x = b.leaf()
    c = b.leaf((), requires_grad=False)
    root = b.call("sum", b.call(b.pick(("mul", "add", "sub")), x, c))
    g = b.item(b.grad([root], [x], create_graph=True), 0)
    b.observe(g, "flags", "graph")


def constant(trace: Trace) -> bool:
    last = trace.steps[-1]
    return finished(trace) and isinstance(last, Observed) and last.requires_grad is False


@clause(
    "grad.create-graph-constant-gradient",
    "With create_graph=True a gradient that depends on nothing that requires grad doesn't require grad.",
    source="observed",
    area=AREA,
    profile="higher-order",
    witness=constant,
)
def test_constant_gradient(check: Any, programs: Any = generate(constant_gradient)) -> None:
    check(programs)


def recorded_anyway(b: Builder) -> None:
    x = b.leaf()
    root = b.scalar(b.call("exp", x), x)
    with b.mode(b.pick(("no_grad", "set_grad_enabled:False"))):
        g = b.item(b.grad([root], [x], create_graph=True), 0)
        b.observe(g, "flags")
    b.grad([g], [x], [b.like(x)])


@clause(
    "grad.create-graph-under-no-grad",
    "create_graph=True records the backward pass also where grad mode is off.",
    source="observed",
    area=AREA,
    profile="higher-order",
    witness=tensors_at_end,
)
def test_recorded_anyway(check: Any, programs: Any = generate(recorded_anyway)) -> None:
    check(programs)


def unrecorded(b: Builder) -> None:
    x = b.leaf()
    root = b.smooth(x)
    seed = b.leaf(root.shape, root.dtype, requires_grad=not b.chance(3))
    got = b.grad([root], [x], [seed], retain_graph=b.pick((None, True)))
    b.observe(b.item(got, 0), "flags", "graph")


@clause(
    "grad.no-create-graph-result-detached",
    "Without create_graph the gradients don't require grad, even where grad_outputs does.",
    source=SOURCE,
    area=AREA,
    witness=constant,
)
def test_unrecorded(check: Any, programs: Any = generate(unrecorded)) -> None:
    check(programs)


def through_the_seed(b: Builder) -> None:
    x = b.leaf()
    root = b.smooth(x)
    seed = b.leaf(root.shape, root.dtype)
    g = b.item(b.grad([root], [x], [seed], create_graph=True), 0)
    b.grad([g], b.pick(([seed], [seed, x], [x, seed])), [b.like(x)], allow_unused=True)


def reached_the_seed(trace: Trace) -> bool:
    last = trace.steps[-1]
    return finished(trace) and isinstance(last, tuple) and any(isinstance(part, Observed) for part in last)


@clause(
    "grad.differentiable-wrt-grad-outputs",
    "With create_graph=True the result is differentiable with respect to grad_outputs.",
    source="torch.autograd.gradgradcheck",
    area=AREA,
    profile="higher-order",
    witness=reached_the_seed,
)
def test_through_the_seed(check: Any, programs: Any = generate(through_the_seed)) -> None:
    check(programs)


def passes(b: Builder) -> None:
    x = b.leaf()
    root = b.scalar(b.call(b.pick(("exp", "tanh")), x))
    for _ in range(b.integer(2, 3)):
        b.grad([root], [x], create_graph=True)
    b.grad([root], [x])


@clause(
    "grad.retain-graph-defaults-to-create-graph",
    "retain_graph is create_graph's value where it isn't given: create_graph=True allows a further pass.",
    source=SOURCE,
    area=AREA,
    profile="higher-order",
    witness=tensors_at_end,
)
def test_passes(check: Any, programs: Any = generate(passes)) -> None:
    check(programs)


def batched(b: Builder) -> None:
    x, y = b.leaf(b.shape(1, 2)), b.leaf(())
    root = b.smooth(x, y)
    seeds = b.leaf((b.integer(1, 3), *root.shape), root.dtype, requires_grad=False)
    b.grad([root], b.pick(([x], [y, x])), [seeds], is_grads_batched=True)


@clause(
    "grad.is-grads-batched",
    "is_grads_batched=True takes dimension 0 of grad_outputs as a batch, and returns the batch of products.",
    source=SOURCE,
    area=AREA,
    witness=tensors_at_end,
)
def test_batched(check: Any, programs: Any = generate(batched)) -> None:
    check(programs)


def badly_batched(torch: Any, drawn: Any) -> Any:
    data, shape = drawn
    x = torch.tensor(data, requires_grad=True)
    return attempt(lambda: torch.autograd.grad(x * x, x, torch.ones(shape), is_grads_batched=True)[0].tolist())


def draw_bad_batch(b: Builder) -> Any:
    data = numbers(b)
    n = len(data)
    return data, b.pick(((n, n + 1), (2, n + 2), (n + 1,), (n, n, 1)))


@clause(
    "grad.is-grads-batched-shape-error",
    "A batched grad_outputs whose other dimensions aren't the output's raises RuntimeError.",
    source="observed",
    area=AREA,
)
def test_badly_batched(check: Any, drawn: Any = scenario(badly_batched, draw_bad_batch)) -> None:
    check(drawn)


def expanded(b: Builder) -> None:
    x = b.leaf(b.shape(1, 3))
    root = b.call("sum", x)
    got = b.grad([root], [x], b.pick((None, [b.like(root)])))
    b.observe(b.item(got, 0), "value", "layout")


def without_strides(trace: Trace) -> bool:
    last = trace.steps[-1]
    return finished(trace) and isinstance(last, Observed) and last.strides is not None and not any(last.strides)


@clause(
    "grad.result-may-be-expanded-view",
    "grad returns the engine's own tensor: that of sum() is an expanded view with strides of 0.",
    source="observed",
    area=AREA,
    needs=("layout",),
    witness=without_strides,
)
def test_expanded(check: Any, programs: Any = generate(expanded)) -> None:
    check(programs)


def same_object(torch: Any, drawn: Any) -> Any:
    data, names = drawn
    x, y = (torch.tensor(data, requires_grad=True) for _ in range(2))
    root = torch.add(x, y)
    for name in names:
        root = getattr(torch, name)(root)
    first, second = torch.autograd.grad(root.sum(), [x, y])
    return first is second, first.data_ptr() == second.data_ptr(), facts(first), facts(second)


@clause(
    "grad.result-may-alias",
    "grad may give the very same tensor for two inputs that get the same gradient.",
    source="observed",
    area=AREA,
)
def test_same_object(
    check: Any,
    drawn: Any = scenario(
        same_object, lambda b: (numbers(b), [b.pick(("neg", "abs", "clone")) for _ in range(b.integer(0, 2))])
    ),
) -> None:
    check(drawn)
