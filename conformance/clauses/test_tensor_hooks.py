"""Clauses of ``thook``: hooks on tensors, when they run, and what they may return."""

from __future__ import annotations

from typing import Any

from ..drawing.build import Builder
from ..programs.trace import Observed, Trace
from ..promises.clause import clause, finished, generate, raises, scenario
from .draws import numbers
from .hooking import (
    CHANGING,
    REPLACING,
    differentiate,
    failed_after_hook,
    fork,
    hooked,
    hooked_and_stored,
    path,
    run,
    several,
    tags,
)

AREA = "tensor-hooks"
REGISTER = "torch.Tensor.register_hook"
NOTES = "notes/autograd#Backward Hooks execution"


def several_passes(b: Builder) -> None:
    x, y, root = path(b)
    b.hook(b.pick((x, y, root)))
    for _ in range(b.integer(1, 3)):
        run(b, root, retain_graph=True)


@clause(
    "thook.called-with-grad",
    "A tensor hook is given the gradient of its tensor in every pass that computes it.",
    source=REGISTER,
    area=AREA,
    profile="hooks",
    witness=hooked_and_stored,
)
def test_called(check: Any, programs: Any = generate(several_passes)) -> None:
    check(programs)


def replaced_midway(b: Builder) -> None:
    x, y, root = path(b)
    if b.chance(2):
        b.retain_grad(y)
    b.hook(y, b.pick((*REPLACING, "none")))
    run(b, root)
    b.grad_of(x)
    b.observe(y, "grad")


@clause(
    "thook.return-replaces-grad",
    "What a hook returns takes the gradient's place for all that lies behind the tensor; None leaves it as it is.",
    source=REGISTER,
    area=AREA,
    profile="hooks",
    witness=hooked_and_stored,
)
def test_replaces(check: Any, programs: Any = generate(replaced_midway)) -> None:
    check(programs)


def replaced_at_leaf(b: Builder) -> None:
    x, _, root = path(b)
    b.hook(x, b.pick(REPLACING))
    for _ in range(b.integer(1, 2)):
        run(b, root, retain_graph=True)
        b.grad_of(x)


@clause(
    "thook.leaf-replaces-accumulated",
    "A hook on a leaf changes what is added to its .grad.",
    source=REGISTER,
    area=AREA,
    profile="hooks",
    witness=hooked_and_stored,
)
def test_replaces_at_leaf(check: Any, programs: Any = generate(replaced_at_leaf)) -> None:
    check(programs)


def used_often(b: Builder) -> None:
    x = b.leaf(b.shape(0, 2))
    shared = b.smooth(x, depth=1)
    b.hook(shared, b.pick(("record", *CHANGING)), tag="shared")
    total = b.smooth(shared, depth=1)
    for _ in range(b.integer(1, 3)):
        total = b.call(b.pick(("add", "mul")), total, b.smooth(shared, depth=1))
    run(b, total)


def ran_once(trace: Trace) -> bool:
    return finished(trace) and len(trace.hooks) == 1


@clause(
    "thook.summed-grad-once",
    "A hook on a tensor with several uses runs once, with the sum of what they contribute.",
    source=NOTES,
    area=AREA,
    profile="hooks",
    witness=ran_once,
)
def test_summed(check: Any, programs: Any = generate(used_often)) -> None:
    check(programs)


def in_a_row(b: Builder) -> None:
    x, y, root = path(b)
    target = b.pick((x, y, root))
    for _ in range(b.integer(2, 4)):
        b.hook(target, b.pick(("double", "negate", "record", "square")))
    run(b, root)


@clause(
    "thook.order-of-registration",
    "The hooks of one tensor run in the order in which they were registered, each on what the one before returned.",
    source=NOTES,
    area=AREA,
    profile="hooks",
    witness=several,
)
def test_order(check: Any, programs: Any = generate(in_a_row)) -> None:
    check(programs)


def removed(b: Builder) -> None:
    x, y, root = path(b)
    hooks = [b.hook(b.pick((x, y)), b.pick(("double", "record"))) for _ in range(b.integer(2, 4))]
    gone = b.pick(hooks)
    late = b.chance(2)
    if late:
        run(b, root, retain_graph=True)
    for _ in range(b.integer(1, 2)):
        b.remove_hook(gone)
    run(b, root, retain_graph=True)


@clause(
    "thook.handle-remove",
    "remove() of the handle that register_hook returns takes the hook away; a second remove() does nothing.",
    source=REGISTER,
    area=AREA,
    profile="hooks",
    witness=hooked_and_stored,
)
def test_removed(check: Any, programs: Any = generate(removed)) -> None:
    check(programs)


def handle_in_with(torch: Any, drawn: Any) -> Any:
    data, factors, fails = drawn
    x = torch.tensor(data, dtype=torch.float64, requires_grad=True)
    y = x * 2
    seen: list[Any] = []
    inside: Any = None

    def hook(g: Any) -> Any:
        seen.append(g.tolist())
        return g * factors[0]

    try:
        with (x if factors[1] else y).register_hook(hook) as handle:
            (y * y).sum().backward(retain_graph=True)
            inside = len(seen), type(handle).__name__
            if fails:
                raise ValueError("leave")
    except ValueError:
        seen.append("left")
    (y * y).sum().backward()
    return inside, seen, x.grad.tolist()


def draw_handle(b: Builder) -> Any:
    return numbers(b), (b.integer(-2, 3), b.choose(2)), bool(b.choose(2))


@clause(
    "thook.handle-context-manager",
    "As a context manager the handle removes its hook when the block ends, also by an exception.",
    source="observed",
    area=AREA,
    profile="hooks",
)
def test_handle_in_with(check: Any, drawn: Any = scenario(handle_in_with, draw_handle)) -> None:
    check(drawn)


def without_flag(b: Builder) -> None:
    x, constant = b.leaf(), b.leaf(dtype=b.pick((None, "int64", "bool")), requires_grad=False)
    with b.mode("no_grad"):
        unrecorded = b.smooth(x, depth=1)
    detached = b.call("detach", x)
    b.hook(b.pick((constant, unrecorded, detached)))


@clause(
    "thook.requires-grad-needed",
    "Registering a hook on a tensor that doesn't require grad raises RuntimeError.",
    source="observed",
    area=AREA,
    profile="hooks",
    witness=raises,
)
def test_without_flag(check: Any, programs: Any = generate(without_flag)) -> None:
    check(programs)


def returns(*actions: str) -> Any:
    """Programs whose hook, on a drawn tensor and after a drawn number of good ones, does one of the actions."""

    def build(b: Builder) -> None:
        x, y, root = path(b)
        target = b.pick((x, y, root))
        for _ in range(b.integer(0, 2)):
            b.hook(target, b.pick(("record", "double")))
        b.hook(target, b.pick(actions))
        if b.chance(3):
            differentiate(b, root, [x])
        else:
            run(b, root)
        b.grad_of(x)

    return generate(build)


@clause(
    "thook.shape-change-error",
    "A hook that returns a tensor of another shape makes the pass raise RuntimeError.",
    source="observed",
    area=AREA,
    profile="hooks",
    witness=failed_after_hook,
)
def test_resized(check: Any, programs: Any = returns("resize")) -> None:
    check(programs)


@clause(
    "thook.dtype-change-error",
    "A hook that returns a tensor of another dtype makes the pass raise RuntimeError.",
    source="observed",
    area=AREA,
    profile="hooks",
    witness=failed_after_hook,
)
def test_retyped(check: Any, programs: Any = returns("retype")) -> None:
    check(programs)


@clause(
    "thook.nontensor-return-error",
    "A hook that returns something else than a tensor or None makes the pass raise TypeError.",
    source="observed",
    area=AREA,
    profile="hooks",
    witness=failed_after_hook,
)
def test_number_returned(check: Any, programs: Any = returns("number")) -> None:
    check(programs)


def asked_for(b: Builder) -> None:
    x, y, root = path(b)
    wanted = b.pick((y, x, root))
    b.hook(wanted, b.pick(("record", *CHANGING)), tag="wanted")
    b.hook(wanted, kind="node_post", tag="node")
    differentiate(b, root, [wanted])


def only_wanted(trace: Trace) -> bool:
    return finished(trace) and tags(trace) == ["wanted"]


@clause(
    "thook.fires-for-grad-inputs",
    "grad runs the hooks of an input that it is asked for, though not that input's node, "
    "and returns what they make of the gradient.",
    source=NOTES,
    area=AREA,
    profile="hooks",
    witness=only_wanted,
)
def test_asked_for(check: Any, programs: Any = generate(asked_for)) -> None:
    check(programs)


def one_branch(b: Builder) -> None:
    leaves, branches, root = fork(b)
    for k, (leaf, branch) in enumerate(zip(leaves, branches)):
        b.hook(branch, tag=f"branch{k}")
        b.hook(leaf, tag=f"leaf{k}")
    wanted = b.choose(len(leaves))
    if b.chance(2):
        differentiate(b, root, [b.pick((leaves[wanted], branches[wanted]))])
    else:
        run(b, root, inputs=[leaves[wanted]])


def some_did_not_run(trace: Trace) -> bool:
    return finished(trace) and bool(trace.hooks) and len({tag[-1] for tag in tags(trace)}) == 1


@clause(
    "thook.not-fired-when-not-needed",
    "A hook doesn't run in a pass that has no need of its tensor's gradient.",
    source=NOTES,
    area=AREA,
    profile="hooks",
    witness=some_did_not_run,
)
def test_one_branch(check: Any, programs: Any = generate(one_branch)) -> None:
    check(programs)


def retained_beside_hooks(b: Builder) -> None:
    _, y, root = path(b)
    first = b.chance(2)
    if first:
        b.retain_grad(y)
    for _ in range(b.integer(1, 3)):
        b.hook(y, b.pick(CHANGING))
    if not first or b.chance(3):
        b.retain_grad(y)
    run(b, root)
    b.observe(y, "grad")


def retained(trace: Trace) -> bool:
    return hooked(trace) and isinstance(trace.steps[-1], Observed) and isinstance(trace.steps[-1].grad, Observed)


@clause(
    "thook.retain-grad-after-hooks",
    "retain_grad stores what all the tensor's hooks made of the gradient, those registered later included.",
    source=NOTES,
    area=AREA,
    profile="hooks",
    witness=retained,
)
def test_retained(check: Any, programs: Any = generate(retained_beside_hooks)) -> None:
    check(programs)


def before_the_node(b: Builder) -> None:
    x, y, root = path(b)
    target = b.pick((y, x, root))
    kinds = ["tensor", "node_pre", b.pick(("tensor", "node_pre"))]
    if b.chance(2):
        kinds.reverse()
    for kind in kinds:
        b.hook(target, b.pick(("record", "double")), kind, tag=f"{kind}{len(b.steps)}")
    run(b, root)


def tensor_hooks_first(trace: Trace) -> bool:
    kinds = [tag.startswith("node") for tag in tags(trace)]
    return len(kinds) == 3 and kinds == sorted(kinds)


@clause(
    "thook.before-node-prehook",
    "A tensor's hooks run before the pre-hooks of its node, in whatever order they were registered.",
    source=NOTES,
    area=AREA,
    profile="hooks",
    witness=tensor_hooks_first,
)
def test_before_the_node(check: Any, programs: Any = generate(before_the_node)) -> None:
    check(programs)
