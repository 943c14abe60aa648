"""Clauses of ``backward``: what a backward pass leaves in ``.grad``."""

from __future__ import annotations

from typing import Any

from ..drawing.build import Builder
from ..programs.trace import Observed, Trace
from ..promises.clause import clause, finished, generate, raises


def chain(b: Builder) -> None:
    x, y = b.leaf(), b.leaf(())
    b.backward(b.scalar(x, y))
    b.grad_of(x)
    b.grad_of(y)


def leaf_got_gradient(trace: Trace) -> bool:
    return finished(trace) and len(trace.gradients) > 0


@clause(
    "backward.chain-rule",
    "backward applies the chain rule from the root to every leaf that the root depends on.",
    source="torch.autograd.backward",
    profile="reverse",
    witness=leaf_got_gradient,
)
def test_chain_rule(check: Any, programs: Any = generate(chain)) -> None:
    check(programs)


def backward_twice(b: Builder) -> None:
    x = b.leaf()
    for _ in range(b.integer(2, 3)):
        b.backward(b.scalar(x))
        b.grad_of(x)


@clause(
    "backward.accumulates-into-leaf-grad",
    "Repeated backward calls add into an existing .grad instead of overwriting it.",
    source="torch.Tensor.grad",
    witness=leaf_got_gradient,
)
def test_accumulates(check: Any, programs: Any = generate(backward_twice)) -> None:
    check(programs)


def fan_out(b: Builder) -> None:
    x = b.leaf()
    uses = [b.smooth(x, depth=1) for _ in range(b.integer(2, 4))]
    total = uses[0]
    for use in uses[1:]:
        total = b.call(b.pick(("add", "mul", "sub")), total, use)
    b.backward(total, gradient=b.like(total))


@clause(
    "backward.fan-out-sums",
    "A tensor used several times in the graph gets the sum of the contributions of all its uses.",
    source="torch.autograd.backward",
    profile="reverse",
    witness=leaf_got_gradient,
)
def test_fan_out(check: Any, programs: Any = generate(fan_out)) -> None:
    check(programs)


def diamond(b: Builder) -> None:
    x = b.leaf()
    shared = b.smooth(x, depth=1)
    b.hook(shared, tag="shared")
    left, right = b.smooth(shared, depth=1), b.smooth(shared, depth=1)
    b.backward(b.call("sum", b.call("add", left, right)))


def one_visit(trace: Trace) -> bool:
    return finished(trace) and [call.tag for call in trace.hooks] == ["shared"]


@clause(
    "backward.diamond-visited-once",
    "Each node runs once per backward, after all its downstream gradients have been summed.",
    source="notes/autograd#How autograd encodes the history",
    witness=one_visit,
)
def test_diamond(check: Any, programs: Any = generate(diamond)) -> None:
    check(programs)


def implicit_seed(b: Builder) -> None:
    x = b.leaf()
    b.backward(b.scalar(x), form=b.pick(("method", "function")))


@clause(
    "backward.implicit-seed-one",
    "Calling backward without an argument seeds a scalar root with one.",
    source="torch.autograd.backward",
    witness=leaf_got_gradient,
)
def test_implicit_seed(check: Any, programs: Any = generate(implicit_seed)) -> None:
    check(programs)


def single_element(b: Builder) -> None:
    x = b.leaf(b.pick(((1,), (1, 1), (1, 1, 1))))
    b.backward(b.smooth(x))


@clause(
    "backward.single-element-nonzero-dim-ok",
    "The implicit seed is allowed for any one-element tensor, whatever its number of dimensions.",
    source="torch.autograd.backward",
    witness=leaf_got_gradient,
)
def test_single_element(check: Any, programs: Any = generate(single_element)) -> None:
    check(programs)


def nonscalar_root(b: Builder) -> None:
    x = b.leaf(b.pick(((2,), (3,), (2, 2), (0,), (1, 3))))
    b.backward(b.smooth(x), form=b.pick(("method", "function")))
    b.grad_of(x)


@clause(
    "backward.nonscalar-needs-gradient",
    "backward() on a tensor with several elements and no gradient raises RuntimeError.",
    source="torch.autograd.backward",
    witness=raises,
)
def test_nonscalar(check: Any, programs: Any = generate(nonscalar_root)) -> None:
    check(programs)


def explicit_gradient(b: Builder) -> None:
    x, y = b.leaf(), b.leaf(())
    root = b.smooth(x, y)
    b.backward(root, gradient=b.like(root))


@clause(
    "backward.gradient-argument-is-vjp",
    "With an explicit gradient v, backward accumulates the vector-Jacobian product.",
    source="torch.autograd.backward",
    profile="reverse",
    witness=leaf_got_gradient,
)
def test_explicit_gradient(check: Any, programs: Any = generate(explicit_gradient)) -> None:
    check(programs)


def constant_root(b: Builder) -> None:
    x = b.leaf(requires_grad=False)
    root = b.scalar(x)
    b.backward(root, form=b.pick(("method", "function")))


@clause(
    "backward.root-without-grad-error",
    "backward on a root that does not require grad raises RuntimeError.",
    source="torch.autograd.backward",
    witness=raises,
)
def test_constant_root(check: Any, programs: Any = generate(constant_root)) -> None:
    check(programs)


def several_roots(b: Builder) -> None:
    x, y = b.leaf(), b.leaf()
    roots = [b.smooth(b.pick((x, y))) for _ in range(b.integer(2, 3))]
    b.backward(*roots, gradient=[b.like(root) for root in roots], form="function")


def two_gradients(trace: Trace) -> bool:
    return finished(trace) and any(isinstance(g, Observed) for g in trace.gradients.values())


@clause(
    "backward.multiple-roots-sum",
    "autograd.backward over several roots accumulates the sum of their gradients in one pass.",
    source="torch.autograd.backward",
    witness=two_gradients,
)
def test_several_roots(check: Any, programs: Any = generate(several_roots)) -> None:
    check(programs)
