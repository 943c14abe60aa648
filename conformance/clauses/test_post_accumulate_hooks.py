"""Clauses of ``pahook``: hooks on a leaf that run once its gradient was added to ``.grad``."""

from __future__ import annotations

from typing import Any

from ..drawing.build import Builder
from ..programs.trace import Observed, Trace
from ..promises.clause import clause, finished, generate, raises
from .hooking import differentiate, failed_after_hook, fork, hooked, hooked_and_stored, path, run, tags

AREA = "post-accumulate-hooks"
REGISTER = "torch.Tensor.register_post_accumulate_grad_hook"
NOTES = "notes/autograd#The order in which the different hooks are fired"
KIND = "post_accumulate"


def accumulated(b: Builder) -> None:
    x, _, root = path(b)
    if b.chance(3):
        b.set_grad(x, b.like(x))
    b.hook(x, "look", KIND)
    for _ in range(b.integer(1, 3)):
        run(b, root, retain_graph=True)
        b.grad_of(x)


@clause(
    "pahook.called-after-accumulation",
    "The hook runs after the gradient was added to .grad, and is given the leaf itself.",
    source=REGISTER,
    area=AREA,
    profile="hooks",
    witness=hooked_and_stored,
)
def test_after_accumulation(check: Any, programs: Any = generate(accumulated)) -> None:
    check(programs)


def on_result(b: Builder) -> None:
    _, y, root = path(b)
    b.hook(b.pick((y, root, b.call("view", y, y.shape, form="method"))), kind=KIND)


@clause(
    "pahook.nonleaf-error",
    "Registering the hook on a tensor that isn't a leaf raises RuntimeError.",
    source=REGISTER,
    area=AREA,
    profile="hooks",
    witness=raises,
)
def test_on_result(check: Any, programs: Any = generate(on_result)) -> None:
    check(programs)


def on_constant(b: Builder) -> None:
    x = b.leaf()
    constant = b.leaf(dtype=b.pick((None, "int64", "bool")), requires_grad=False)
    b.hook(b.pick((constant, b.call("detach", x))), kind=KIND)


@clause(
    "pahook.requires-grad-error",
    "Registering the hook on a tensor that doesn't require grad raises RuntimeError.",
    source="observed",
    area=AREA,
    profile="hooks",
    witness=raises,
)
def test_on_constant(check: Any, programs: Any = generate(on_constant)) -> None:
    check(programs)


def update_in_hook(b: Builder) -> None:
    x = b.leaf(b.shape(0, 2))
    b.hook(x, b.pick(("step", "scale_grad")), KIND)
    for _ in range(b.integer(1, 3)):
        run(b, b.smooth(x))
        b.observe(x, "value", "flags", "version", "grad")


@clause(
    "pahook.may-modify-in-place",
    "The hook may write the leaf and its .grad, as a step of gradient descent that clears the gradient does.",
    source=REGISTER,
    area=AREA,
    profile="hooks",
    witness=hooked,
)
def test_update(check: Any, programs: Any = generate(update_in_hook)) -> None:
    check(programs)


def mode_in_hook(b: Builder) -> None:
    x, _, root = path(b)
    b.hook(x, "mode", KIND)
    with b.mode(*b.pick(((), ("no_grad",), ("enable_grad",)))):
        run(b, root, create_graph=b.chance(2))


@clause(
    "pahook.no-grad-mode",
    "The hook runs with gradient mode off, or on under create_graph, whatever the caller's mode.",
    source=REGISTER,
    area=AREA,
    profile="hooks",
    witness=hooked_and_stored,
)
def test_mode(check: Any, programs: Any = generate(mode_in_hook)) -> None:
    check(programs)


def returns_something(b: Builder) -> None:
    x, _, root = path(b)
    if b.chance(2):
        b.hook(x, "record", KIND)
    b.hook(x, "number", KIND)
    run(b, root)
    b.grad_of(x)


@clause(
    "pahook.return-must-be-none",
    "A hook that returns something raises TypeError; the gradient has been stored by then.",
    source="observed",
    area=AREA,
    profile="hooks",
    witness=failed_after_hook,
)
def test_returns(check: Any, programs: Any = generate(returns_something)) -> None:
    check(programs)


def under_grad(b: Builder) -> None:
    x, y, root = path(b)
    b.hook(x, "record", KIND, tag="accumulated")
    b.hook(x, b.pick(("record", "double")), tag="tensor")
    differentiate(b, root, [x], retain_graph=True)
    b.grad_of(x)
    if b.chance(2):
        run(b, root, inputs=[y], retain_graph=True)


def only_tensor_hooks(trace: Trace) -> bool:
    return finished(trace) and set(tags(trace)) == {"tensor"}


@clause(
    "pahook.not-fired-by-grad",
    "grad, which adds nothing to .grad, doesn't run the hook.",
    source="notes/autograd#Whether a particular hook will be fired",
    area=AREA,
    profile="hooks",
    witness=only_tensor_hooks,
)
def test_under_grad(check: Any, programs: Any = generate(under_grad)) -> None:
    check(programs)


def both_kinds(b: Builder) -> None:
    x, _, root = path(b)
    kinds = ["tensor", KIND, b.pick(("tensor", KIND))]
    if b.chance(2):
        kinds.reverse()
    for kind in kinds:
        b.hook(x, "look", kind, tag=f"{kind}{len(b.steps)}")
    for _ in range(b.integer(1, 2)):
        run(b, root, retain_graph=True)


def tensor_hooks_first(trace: Trace) -> bool:
    late = [tag.startswith(KIND) for tag in tags(trace)[:3]]
    return hooked_and_stored(trace) and late == sorted(late)


@clause(
    "pahook.after-tensor-hooks",
    "On a leaf tensor hooks run first, then the gradient is added, then these hooks run.",
    source=NOTES,
    area=AREA,
    profile="hooks",
    witness=tensor_hooks_first,
)
def test_both_kinds(check: Any, programs: Any = generate(both_kinds)) -> None:
    check(programs)


def many_uses(b: Builder) -> None:
    x = b.leaf(b.shape(0, 2))
    b.hook(x, kind=KIND)
    total = b.smooth(x, depth=1)
    for _ in range(b.integer(1, 3)):
        total = b.call(b.pick(("add", "mul")), total, b.smooth(x, depth=1))
    run(b, total)


def ran_once(trace: Trace) -> bool:
    return hooked_and_stored(trace) and len(trace.hooks) == 1


@clause(
    "pahook.once-per-backward",
    "The hook runs once a backward, however many uses the leaf has.",
    source=REGISTER,
    area=AREA,
    profile="hooks",
    witness=ran_once,
)
def test_many_uses(check: Any, programs: Any = generate(many_uses)) -> None:
    check(programs)


def several_hooks(b: Builder) -> None:
    x, _, root = path(b)
    hooks = [b.hook(x, b.pick(("record", "scale_grad")), KIND) for _ in range(b.integer(2, 4))]
    gone = b.pick(hooks)
    if b.chance(2):
        b.remove_hook(gone)
    run(b, root, retain_graph=True)
    b.remove_hook(gone)
    run(b, root)
    b.grad_of(x)


@clause(
    "pahook.registration-order-and-remove",
    "Several hooks run in the order in which they were registered; their handles remove them.",
    source=NOTES,
    area=AREA,
    profile="hooks",
    witness=hooked_and_stored,
)
def test_several(check: Any, programs: Any = generate(several_hooks)) -> None:
    check(programs)


def some_leaves(b: Builder) -> None:
    leaves, _, root = fork(b)
    for k, leaf in enumerate(leaves):
        b.hook(leaf, kind=KIND, tag=f"leaf{k}")
    first = b.choose(len(leaves))
    run(b, root, inputs=leaves[first : first + 1 + b.choose(2)] if first else leaves[:1])


def some_ran(trace: Trace) -> bool:
    stored = [g for g in trace.gradients.values() if isinstance(g, Observed)]
    return hooked_and_stored(trace) and len(trace.hooks) == len(stored)


@clause(
    "pahook.not-fired-for-excluded-leaf",
    "Where inputs= leaves a leaf out, the leaf's hook doesn't run.",
    source="torch.autograd.backward",
    area=AREA,
    profile="hooks",
    witness=some_ran,
)
def test_some_leaves(check: Any, programs: Any = generate(some_leaves)) -> None:
    check(programs)
