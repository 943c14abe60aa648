"""Clauses of ``backward``: which roots and seeds it takes, and what it does with seeds that don't fit."""

from __future__ import annotations

from typing import Any

from ..drawing.build import Builder
from ..programs.trace import Nothing, Observed, Trace
from ..promises.clause import clause, finished, generate, raises, scenario
from .seeing import attempt, facts, numbers, warned

FORMS = ("method", "function")


def leaf_got_gradient(trace: Trace) -> bool:
    return finished(trace) and any(isinstance(g, Observed) for g in trace.gradients.values())


def misshapen_seed(b: Builder) -> None:
    x = b.leaf(b.pick(((2,), (2, 3), (1,), (), (3, 1))))
    seed = b.pick(((3,), (1, 2), (2, 1), (1, 1), (0,), (3, 2)))
    b.backward(b.smooth(x), gradient=b.leaf(seed, requires_grad=False), form=b.pick(FORMS))
    b.grad_of(x)


@clause(
    "backward.gradient-shape-mismatch",
    "A seed whose shape isn't the root's raises RuntimeError, even where it could broadcast.",
    source="torch.autograd.backward",
    witness=raises,
)
def test_misshapen_seed(check: Any, programs: Any = generate(misshapen_seed)) -> None:
    check(programs)


def seed_of_other_dtype(b: Builder) -> None:
    x = b.leaf(dtype=b.pick(("float32", "float64", "float16", "bfloat16")))
    root = b.call(b.pick(("mul", "add")), x, x)
    kind = b.pick(("float64", "float32", "float16", "bfloat16"))
    b.backward(root, gradient=b.leaf(root.shape, kind, requires_grad=False), form=b.pick(FORMS))
    b.grad_of(x)


@clause(
    "backward.gradient-dtype-cast",
    "A real seed of another real dtype is taken; the leaf's gradient has the leaf's dtype.",
    source="observed",
    witness=leaf_got_gradient,
)
def test_seed_of_other_dtype(check: Any, programs: Any = generate(seed_of_other_dtype)) -> None:
    check(programs)


def complex_and_real(b: Builder) -> None:
    kinds = b.pick((("float32", "complex64"), ("complex64", "float32"), ("float64", "complex128")))
    kinds = b.pick((kinds, kinds, ("complex64", "complex128"), ("complex128", "float64")))
    x = b.leaf(dtype=kinds[0])
    root = b.call("mul", x, x)
    b.backward(root, gradient=b.leaf(root.shape, kinds[1], requires_grad=False), form=b.pick(FORMS))


@clause(
    "backward.gradient-complex-for-real-root-error",
    "A complex seed for a real root, or the reverse, raises RuntimeError.",
    source="observed",
    witness=raises,
)
def test_complex_and_real(check: Any, programs: Any = generate(complex_and_real)) -> None:
    check(programs)


def repeated_root(b: Builder) -> None:
    x = b.leaf()
    root = b.smooth(x)
    other = b.smooth(x, depth=1)
    roots = b.pick(((root, root), (root, other, root), (root, root, root)))
    b.backward(*roots, gradient=[b.like(r) for r in roots], form="function")
    b.grad_of(x)


@clause(
    "backward.same-root-twice",
    "A root that is listed twice counts both its seeds.",
    source="observed",
    witness=leaf_got_gradient,
)
def test_repeated_root(check: Any, programs: Any = generate(repeated_root)) -> None:
    check(programs)


def seed_left_out(b: Builder) -> None:
    x = b.leaf(b.pick(((2,), (3,), (1,), (2, 2))))
    roots = [b.scalar(x), b.smooth(x), b.scalar(x)]
    if b.chance(2):
        roots = [roots[0], roots[2]]
    b.backward(*roots, gradient=[b.pick((None, b.like(r))) for r in roots], form="function")
    b.grad_of(x)


@clause(
    "backward.grad-tensors-none-entry",
    "A None among grad_tensors stands for one where the root has a single element, and is refused elsewhere.",
    source="torch.autograd.backward",
    witness=lambda trace: raises(trace) or leaf_got_gradient(trace),
)
def test_seed_left_out(check: Any, programs: Any = generate(seed_left_out)) -> None:
    check(programs)


def bare_seed(torch: Any, drawn: Any) -> Any:
    data, seed, wrapped = drawn
    x = torch.tensor(data, requires_grad=True)
    given = torch.tensor(seed)
    root = x * x
    torch.autograd.backward([root] if wrapped else root, given)
    return facts(x.grad)


def draw_bare(b: Builder) -> Any:
    data = numbers(b)
    return data, [b.integer(-4, 4) / 2 for _ in data], b.chance(2)


@clause(
    "backward.grad-tensors-single-tensor",
    "With one root, grad_tensors may be a bare tensor.",
    source="torch.autograd.backward",
)
def test_bare_seed(check: Any, drawn: Any = scenario(bare_seed, draw_bare)) -> None:
    check(drawn)


def seeds_too_many(b: Builder) -> None:
    x = b.leaf()
    roots = [b.smooth(x) for _ in range(b.integer(1, 2))]
    seeds = [b.like(r) for r in roots]
    extra = [b.leaf(requires_grad=False) for _ in range(b.integer(1, 2))]
    b.backward(*roots, gradient=[*seeds, *extra], form="function")
    b.grad_of(x)


@clause(
    "backward.grad-tensors-length",
    "Drift: the documentation asks for as many grad_tensors as roots; PyTorch 2.13 ignores those beyond.",
    source="torch.autograd.backward",
    witness=leaf_got_gradient,
)
def test_seeds_too_many(check: Any, programs: Any = generate(seeds_too_many)) -> None:
    check(programs)


def seeds_too_few(b: Builder) -> None:
    x = b.leaf()
    roots = [b.smooth(x) for _ in range(b.integer(2, 4))]
    seeds = [b.like(r) for r in roots]
    b.backward(*roots, gradient=seeds[: b.integer(1, len(roots) - 1)], form="function")
    b.grad_of(x)


@clause(
    "backward.grad-tensors-too-short",
    "Fewer grad_tensors than roots raise RuntimeError.",
    source="torch.autograd.backward",
    witness=raises,
)
def test_seeds_too_few(check: Any, programs: Any = generate(seeds_too_few)) -> None:
    check(programs)


def leaf_as_root(b: Builder) -> None:
    x = b.leaf()
    for _ in range(b.integer(1, 2)):
        b.backward(x, gradient=b.like(x), form=b.pick(FORMS))
    b.grad_of(x)


@clause(
    "backward.leaf-root",
    "backward of a leaf itself accumulates the seed in its .grad.",
    source="observed",
    witness=leaf_got_gradient,
)
def test_leaf_as_root(check: Any, programs: Any = generate(leaf_as_root)) -> None:
    check(programs)


def seed_kept_apart(b: Builder) -> None:
    x = b.leaf(b.shape(1, 3))
    seed = b.pick((b.like(x), b.call("neg", b.like(x))))
    root = b.pick((x, b.call("clone", x), b.call("add", x, x)))
    b.backward(root, gradient=seed, form=b.pick(FORMS))
    g = b.grad_of(x)
    b.call("mul", b.pick((g, seed)), 2, form="inplace")
    b.observe(seed, "value", "layout")
    b.observe(g, "value", "layout")


def apart(trace: Trace) -> bool:
    seed, g = trace.steps[-2:]
    return finished(trace) and isinstance(seed, Observed) and isinstance(g, Observed) and seed.alias != g.alias


@clause(
    "backward.grad-copied-from-user-seed",
    "Where the seed reaches a leaf unchanged, .grad doesn't share memory with the tensor that the caller passed.",
    source="observed",
    profile="mutation",
    witness=apart,
)
def test_seed_kept_apart(check: Any, programs: Any = generate(seed_kept_apart)) -> None:
    check(programs)


def gradients_kept_apart(b: Builder) -> None:
    shape = b.shape(1, 3)
    x, y = b.leaf(shape), b.leaf(shape)
    root = b.call("add", x, y)
    # The gradient that both get may be the caller's memory, an expanded view, or the engine's own buffer.
    root = b.pick((b.call("neg", root), root, b.call("sum", root), b.call("mul", root, root)))
    b.backward(root, gradient=b.like(root))
    first, second = b.grad_of(x), b.grad_of(y)
    b.call("mul", b.pick((first, second)), 3, form="inplace")
    b.observe(first, "value", "layout")
    b.observe(second, "value", "layout")


@clause(
    "backward.leaf-grads-not-aliased",
    "Two leaves that get the same gradient don't share its memory: a write to one .grad leaves the other alone.",
    source="observed",
    profile="mutation",
    witness=apart,
)
def test_gradients_kept_apart(check: Any, programs: Any = generate(gradients_kept_apart)) -> None:
    check(programs)


def returned(b: Builder) -> None:
    x = b.leaf()
    root = b.scalar(x)
    b.backward(root, form=b.pick(FORMS), inputs=b.pick((None, [x])))


def gave_none(trace: Trace) -> bool:
    return finished(trace) and isinstance(trace.steps[-1], Nothing)


@clause("backward.returns-none", "backward returns None.", source="observed", witness=gave_none)
def test_returned(check: Any, programs: Any = generate(returned)) -> None:
    check(programs)


def from_inside(b: Builder) -> None:
    x, y = b.leaf(()), b.leaf(())
    inner = b.smooth(x)
    outer = b.smooth(inner, y)
    b.hook(outer, tag="outer")
    b.backward(inner, gradient=b.like(inner))
    b.observe(y, "flags", "grad")
    b.grad_of(x)


def outer_unrun(trace: Trace) -> bool:
    return leaf_got_gradient(trace) and not trace.hooks


@clause(
    "backward.from-interior-tensor",
    "backward can start at any recorded tensor; only the graph below it runs.",
    source="observed",
    witness=outer_unrun,
)
def test_from_inside(check: Any, programs: Any = generate(from_inside)) -> None:
    check(programs)


def edge_as_root(torch: Any, drawn: Any) -> Any:
    data, seed, leaf = drawn
    x = torch.tensor(data, requires_grad=True)
    y = x if leaf else x * x
    edge = torch.autograd.graph.get_gradient_edge(y)
    given = None if seed is None else torch.tensor(seed)
    return attempt(lambda: torch.autograd.backward(edge, given)), facts(x.grad)


def draw_edge(b: Builder) -> Any:
    data = numbers(b)
    return data, [b.integer(-4, 4) / 2 for _ in data], b.chance(3)


@clause(
    "backward.gradient-edge-root",
    "autograd.backward takes a GradientEdge as a root, with its seed.",
    source="torch.autograd.backward",
)
def test_edge_as_root(check: Any, drawn: Any = scenario(edge_as_root, draw_edge)) -> None:
    check(drawn)


def old_keyword(torch: Any, drawn: Any) -> Any:
    data, both = drawn
    x = torch.tensor(data, requires_grad=True)
    seed = torch.ones_like(x)
    options = {"grad_tensors": seed} if both else {}
    return warned(lambda: torch.autograd.backward(x * x, grad_variables=seed, **options)), facts(x.grad)


@clause(
    "backward.grad-variables-deprecated",
    "The old keyword grad_variables works with a FutureWarning; together with grad_tensors it raises.",
    source="observed",
)
def test_old_keyword(check: Any, drawn: Any = scenario(old_keyword, lambda b: (numbers(b), b.chance(2)))) -> None:
    check(drawn)
