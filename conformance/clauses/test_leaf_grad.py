"""Clauses of ``leaf``: the ``.grad`` attribute, retain_grad, and assigning ``.grad``."""

from __future__ import annotations

from typing import Any

from ..drawing.build import Builder
from ..programs.trace import Nothing, Observed, Trace
from ..promises.clause import clause, finished, generate, raises, scenario
from .seeing import attempt, facts, numbers, warned

AREA = "leaf-and-requires-grad"


def final(trace: Trace) -> Any:
    """What the last step showed."""
    return trace.steps[-1]


def ends_in_tensor(trace: Trace) -> bool:
    return finished(trace) and isinstance(final(trace), Observed)


def everyone(b: Builder) -> None:
    x, c = b.leaf(), b.leaf((), requires_grad=False)
    inner = b.smooth(x, c)
    root = b.call("sum", inner)
    b.backward(root)
    for value in (x, c, inner, root):
        b.observe(value, "flags", "grad")


def leaf_alone(trace: Trace) -> bool:
    got = [isinstance(step.grad, Observed) for step in trace.steps[-4:] if isinstance(step, Observed)]
    return finished(trace) and got == [True, False, False, False]


@clause(
    "leaf.only-leaves-populated",
    "A plain backward fills .grad of the leaves that require grad, and of nothing else.",
    source="notes/autograd#Setting requires_grad",
    area=AREA,
    witness=leaf_alone,
)
def test_only_leaves(check: Any, programs: Any = generate(everyone)) -> None:
    check(programs)


def before_and_after(b: Builder) -> None:
    x = b.leaf()
    b.grad_of(x)
    b.backward(b.scalar(x))
    b.grad_of(x)


def none_then_tensor(trace: Trace) -> bool:
    return ends_in_tensor(trace) and isinstance(trace.steps[1], Nothing)


@clause(
    "leaf.grad-initially-none",
    ".grad is None until a backward reaches the tensor; then it is a tensor of the same shape.",
    source="torch.Tensor.grad",
    area=AREA,
    witness=none_then_tensor,
)
def test_initially_none(check: Any, programs: Any = generate(before_and_after)) -> None:
    check(programs)


def plain_gradient(b: Builder) -> None:
    x = b.leaf()
    root = b.smooth(x)
    seed = b.leaf(root.shape, root.dtype, requires_grad=b.chance(2))
    b.backward(root, gradient=seed, retain_graph=b.pick((None, True)))
    b.observe(b.grad_of(x), "flags", "graph")


def no_history(trace: Trace) -> bool:
    return ends_in_tensor(trace) and final(trace).requires_grad is False


@clause(
    "leaf.grad-not-requires-grad",
    "Without create_graph the stored .grad doesn't require grad, even where the seed does.",
    source="torch.autograd.backward",
    area=AREA,
    witness=no_history,
)
def test_plain_gradient(check: Any, programs: Any = generate(plain_gradient)) -> None:
    check(programs)


def read_inner_grad(b: Builder) -> None:
    y = b.smooth(b.leaf())
    if b.chance(2):
        b.backward(b.call("sum", y))
    b.grad_of(y)


def warned_and_none(trace: Trace) -> bool:
    return finished(trace) and isinstance(final(trace), Nothing) and len(trace.warnings) == 1


@clause(
    "leaf.nonleaf-grad-access-warns",
    "Reading .grad of a recorded result that retains none gives None and a UserWarning.",
    source="observed",
    area=AREA,
    witness=warned_and_none,
)
def test_read_inner_grad(check: Any, programs: Any = generate(read_inner_grad)) -> None:
    check(programs)


def retained(b: Builder) -> None:
    x = b.leaf()
    y = b.smooth(x)
    b.retain_grad(y)
    b.backward(b.scalar(y))
    b.grad_of(x)
    b.grad_of(y)


@clause(
    "leaf.retain-grad-populates",
    "After retain_grad(), backward stores a recorded result's gradient in its .grad.",
    source="torch.Tensor.retain_grad",
    area=AREA,
    witness=ends_in_tensor,
)
def test_retained(check: Any, programs: Any = generate(retained)) -> None:
    check(programs)


def retain_on_leaf(torch: Any, drawn: Any) -> Any:
    data, times = drawn
    x = torch.tensor(data, requires_grad=True)
    returned = [x.retain_grad() for _ in range(times)]
    (x * x).sum().backward()
    return returned, x.retains_grad, facts(x.grad)


@clause(
    "leaf.retain-grad-noop-on-leaf",
    "retain_grad() on a leaf changes nothing: retains_grad stays False.",
    source="torch.Tensor.retain_grad",
    area=AREA,
)
def test_retain_on_leaf(
    check: Any, drawn: Any = scenario(retain_on_leaf, lambda b: (numbers(b), b.integer(1, 3)))
) -> None:
    check(drawn)


def retains(torch: Any, drawn: Any) -> Any:
    data, which = drawn
    x = torch.tensor(data, requires_grad=True)
    tensors = [x, x * 2, x.detach(), x.view(-1), (x * 2).t() if x.dim() < 3 else x, torch.ones(2)]
    for i in which:
        if tensors[i].requires_grad:
            tensors[i].retain_grad()
    after = [t.retains_grad for t in tensors]
    tensors[1].sum().backward()
    return after, [t.retains_grad for t in tensors]


def draw_retains(b: Builder) -> Any:
    return numbers(b), [b.integer(0, 5) for _ in range(b.integer(0, 4))]


@clause(
    "leaf.retains-grad-flag",
    "retains_grad is True for the recorded results on which retain_grad was called, and for no other tensor.",
    source="torch.Tensor.retains_grad",
    area=AREA,
)
def test_retains(check: Any, drawn: Any = scenario(retains, draw_retains)) -> None:
    check(drawn)


def retain_constant(b: Builder) -> None:
    x = b.leaf(requires_grad=False)
    target = b.pick((x, b.smooth(x), b.call("detach", b.leaf(), form="method")))
    b.retain_grad(target)


@clause(
    "leaf.retain-grad-nonrequiring-error",
    "retain_grad() on a tensor that doesn't require grad raises RuntimeError.",
    source="observed",
    area=AREA,
    witness=raises,
)
def test_retain_constant(check: Any, programs: Any = generate(retain_constant)) -> None:
    check(programs)


def retained_twice(b: Builder) -> None:
    y = b.smooth(b.leaf())
    b.retain_grad(y)
    for _ in range(b.integer(2, 3)):
        b.backward(b.scalar(y), retain_graph=True)
        b.grad_of(y)


@clause(
    "leaf.retain-grad-accumulates",
    "The retained gradient of a recorded result accumulates over several backward calls, like a leaf's.",
    source="observed",
    area=AREA,
    witness=ends_in_tensor,
)
def test_retained_twice(check: Any, programs: Any = generate(retained_twice)) -> None:
    check(programs)


def other_shape(b: Builder) -> None:
    x = b.leaf(b.pick(((2,), (2, 3), (1,), ())))
    wrong = b.pick(((3,), (3, 2), (2, 1), (1, 1), (0,)))
    b.set_grad(x, b.leaf(wrong, requires_grad=False))
    b.grad_of(x)


@clause(
    "leaf.grad-assign-checks-shape",
    "Assigning a .grad of another shape raises RuntimeError and leaves .grad alone.",
    source="observed",
    area=AREA,
    witness=raises,
)
def test_other_shape(check: Any, programs: Any = generate(other_shape)) -> None:
    check(programs)


def assign_anything(torch: Any, drawn: Any) -> Any:
    data, kind = drawn
    x = torch.tensor(data, requires_grad=True)
    wrong = {"int": 3, "text": "g", "list": list(data), "self": x, "wide": torch.ones(len(data), dtype=torch.float64)}
    wrong["complex"] = torch.ones(len(data), dtype=torch.complex64)
    wrong["right"] = torch.ones(len(data))

    def assign() -> None:
        x.grad = wrong[kind]

    return attempt(assign), facts(x.grad)


def draw_assignment(b: Builder) -> Any:
    return numbers(b), b.pick(("int", "self", "wide", "text", "list", "complex", "right"))


@clause(
    "leaf.grad-assign-checks-type",
    "Assigning to .grad what isn't a tensor of the leaf's dtype, or the leaf itself, raises.",
    source="observed",
    area=AREA,
)
def test_assign_anything(check: Any, drawn: Any = scenario(assign_anything, draw_assignment)) -> None:
    check(drawn)


def reset(b: Builder) -> None:
    x = b.leaf()
    for _ in range(b.integer(2, 3)):
        b.backward(b.scalar(x))
        b.set_grad(x, b.pick((None, None, b.like(x))))
    b.backward(b.scalar(x))
    b.grad_of(x)


@clause(
    "leaf.grad-assign-none-resets",
    "Setting .grad to None makes the next backward start afresh; to a tensor, add to that one.",
    source="autograd#Default gradient layouts",
    area=AREA,
    witness=ends_in_tensor,
)
def test_reset(check: Any, programs: Any = generate(reset)) -> None:
    check(programs)


def read_only(torch: Any, drawn: Any) -> Any:
    data, inner, name = drawn
    x = torch.tensor(data, requires_grad=True)
    target = x * 2 if inner else x
    return attempt(lambda: setattr(target, name, None))[0], facts(target)


def draw_read_only(b: Builder) -> Any:
    return numbers(b), b.chance(2), b.pick(("grad_fn", "_version", "is_leaf", "retains_grad", "output_nr"))


@clause(
    "leaf.grad-fn-readonly",
    "grad_fn, _version, is_leaf and the like can't be assigned: AttributeError.",
    source="observed",
    area=AREA,
)
def test_read_only(check: Any, drawn: Any = scenario(read_only, draw_read_only)) -> None:
    check(drawn)


def nodes(b: Builder) -> None:
    x = b.leaf()
    for _ in range(b.integer(1, 3)):
        with b.mode(*b.pick(((), ("no_grad",), ("set_grad_enabled:False",), ("no_grad", "enable_grad")))):
            y = b.call(b.pick(("sin", "exp", "clone", "neg", "tanh", "sum")), x)
        b.observe(y, "flags", "graph")


@clause(
    "leaf.grad-fn-attached",
    "A recorded result shows its node as grad_fn; with grad mode off nothing is recorded.",
    source="autograd#Autograd graph",
    area=AREA,
)
def test_nodes(check: Any, programs: Any = generate(nodes)) -> None:
    check(programs)


def control_flow(torch: Any, drawn: Any) -> Any:
    seen = []
    for data in drawn:
        x = torch.tensor(data, requires_grad=True)
        y = x
        while float(y.detach().sum()) < 4 and y._version < 1 and len(seen) < 40:
            y = y * 2 + 1 if float(y.detach().sum()) > 0 else y * y + 1
            seen.append(y.grad_fn.name())
        y.sum().backward()
        seen.append(facts(x.grad))
    return seen


@clause(
    "leaf.graph-rebuilt-each-iteration",
    "Each forward run builds its own graph, so data-dependent control flow gets the gradient of the branch taken.",
    source="notes/autograd#How autograd encodes the history",
    area=AREA,
)
def test_control_flow(
    check: Any, drawn: Any = scenario(control_flow, lambda b: [numbers(b) for _ in range(b.integer(2, 3))])
) -> None:
    check(drawn)


def joined(b: Builder) -> None:
    shape = b.shape(1, 3)
    leaves = [b.leaf(shape) for _ in range(b.integer(2, 4))]
    whole = b.call("cat", [*leaves, b.pick(leaves)], dim=b.integer(0, len(shape) - 1))
    b.backward(whole, gradient=b.like(whole))


def all_reached(trace: Trace) -> bool:
    return finished(trace) and len(trace.gradients) >= 2


@clause(
    "leaf.mixed-stack-of-leaves",
    "Gradients reach every leaf that a joining operation packs, once for each time it is listed.",
    source="observed",
    area=AREA,
    profile="reverse",
    witness=all_reached,
)
def test_joined(check: Any, programs: Any = generate(joined)) -> None:
    check(programs)


def conversions(torch: Any, drawn: Any) -> Any:
    before = torch.is_warn_always_enabled()
    torch.set_warn_always(True)
    try:
        data, name = drawn
        x = torch.tensor(data, requires_grad=True)
        return warned(lambda: {"float": float, "int": int, "bool": bool, "complex": complex}[name](x))
    finally:
        torch.set_warn_always(before)


@clause(
    "leaf.float-conversion-warns",
    "float() and its like of a tensor that requires grad warn that this may lead to unexpected behaviour.",
    source="observed",
    area=AREA,
)
def test_conversions(
    check: Any,
    drawn: Any = scenario(conversions, lambda b: (b.integer(-8, 8) / 4, b.pick(("float", "int", "bool", "complex")))),
) -> None:
    check(drawn)
