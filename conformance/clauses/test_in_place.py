"""Clauses of ``inplace``: version counters, and what a write does to values that were saved."""

from __future__ import annotations

from typing import Any

from ..catalogue import operators
from ..drawing.build import Builder, Value
from ..programs.trace import Trace
from ..promises.clause import clause, finished, generate, raises
from .writing import (
    SAVES_INPUT,
    SAVES_RESULT,
    any_write,
    backward,
    plain_write,
    raised_in_last,
    result,
    shape_with_places,
    versions,
    view_of,
)

AREA = "in-place-and-versions"
CHECKS = "notes/autograd#In-place correctness checks"
FAMILIES = ("pointwise", "reduce", "shape", "views", "join", "index")


def count_writes(b: Builder) -> None:
    x = b.leaf(shape_with_places(b, 0), requires_grad=b.chance(2))
    target = b.call("clone", x) if x.requires_grad or b.chance(2) else x
    b.observe(target, "version")
    for _ in range(b.integer(1, 4)):
        any_write(b, target)
        b.observe(target, "version")
    b.observe(x, "version")


def counted_up(trace: Trace) -> bool:
    seen = versions(trace)[:-1]
    return finished(trace) and seen == list(range(len(seen)))


@clause(
    "inplace.version-starts-zero-and-increments",
    "A tensor's version starts at zero and grows by one with every in-place write.",
    source=CHECKS,
    area=AREA,
    profile="mutation",
    witness=counted_up,
)
def test_count_writes(check: Any, programs: Any = generate(count_writes)) -> None:
    check(programs)


def leave_inputs(b: Builder) -> None:
    lines = [o for o in operators().values() if o.family in FAMILIES and b.dtype in o.dtypes and o.differentiable]
    first = len(b.values)
    outcome = b.apply(b.pick(lines))
    for value in b.values[first : outcome.index]:
        b.observe(value, "version")


@clause(
    "inplace.out-of-place-no-bump",
    "Out-of-place operations leave the versions of their inputs alone.",
    source=CHECKS,
    area=AREA,
    profile="mutation",
    witness=lambda trace: finished(trace) and set(versions(trace)) == {0},
)
def test_leave_inputs(check: Any, programs: Any = generate(leave_inputs)) -> None:
    check(programs)


def spoil_input(b: Builder) -> None:
    _, y = result(b)
    z = b.call(b.pick(SAVES_INPUT), y) if b.chance(2) else b.call("mul", y, b.leaf(y.shape))
    any_write(b, y)
    b.observe(y, "version")
    backward(b, z)


@clause(
    "inplace.saved-input-modified-error",
    "Backward through an operation whose saved input was written to since raises RuntimeError.",
    source=CHECKS,
    area=AREA,
    profile="mutation",
    witness=raised_in_last,
)
def test_spoil_input(check: Any, programs: Any = generate(spoil_input)) -> None:
    check(programs)


def spoil_output(b: Builder) -> None:
    x = b.leaf(shape_with_places(b, 0))
    y = b.call(b.pick(SAVES_RESULT), x)
    any_write(b, y)
    b.observe(y, "version")
    backward(b, y)


@clause(
    "inplace.saved-output-modified-error",
    "Operations that save their result raise in backward where the result was written to since.",
    source=CHECKS,
    area=AREA,
    profile="mutation",
    witness=lambda trace: raises(trace) and versions(trace) == [1],
)
def test_spoil_output(check: Any, programs: Any = generate(spoil_output)) -> None:
    check(programs)


def saves_nothing(b: Builder, y: Value) -> Value:
    op = b.pick(("add", "mul", "neg", "sum", "cat", "clone", "mean"))
    if op == "add":
        return b.call("add", y, b.leaf(y.shape))
    if op == "mul":
        return b.call("mul", y, b.pick((2, 3)))
    if op == "cat":
        return b.call("cat", [y, y], dim=0) if y.shape else b.call("neg", y)
    return b.call(op, y)


def spoil_nothing(b: Builder) -> None:
    x, y = result(b)
    z = saves_nothing(b, y)
    any_write(b, y)
    b.observe(y, "version")
    backward(b, z)
    b.grad_of(x)


def written_and_fine(trace: Trace) -> bool:
    return finished(trace) and bool(trace.gradients) and max(versions(trace), default=0) > 0


@clause(
    "inplace.unsaved-value-modified-ok",
    "A value that no node saved may be written to: backward doesn't raise, and gradients are right.",
    source=CHECKS,
    area=AREA,
    profile="mutation",
    witness=written_and_fine,
)
def test_spoil_nothing(check: Any, programs: Any = generate(spoil_nothing)) -> None:
    check(programs)


def spoil_then_go_on(b: Builder) -> None:
    x, y = result(b)
    w = b.leaf(y.shape)
    z = b.call(b.pick(SAVES_INPUT), y)
    any_write(b, y)
    b.observe(y, "version")
    root = b.call("mul", b.smooth(z, depth=1), w)
    b.grad([root], [w], [b.like(root)], retain_graph=True)
    b.grad([root], [x], [b.like(root)])


@clause(
    "inplace.check-is-at-use-not-at-write",
    "The write itself is accepted, and so is a pass that doesn't need the old value: the one that does raises.",
    source=CHECKS,
    area=AREA,
    profile="mutation",
    needs=("grad",),
    witness=lambda trace: raised_in_last(trace) and versions(trace) == [1],
)
def test_spoil_then_go_on(check: Any, programs: Any = generate(spoil_then_go_on)) -> None:
    check(programs)


def one_side_needed(b: Builder) -> None:
    x, y = result(b)
    c = b.leaf(y.shape, requires_grad=False)
    op, swapped = b.pick(("mul", "div", "atan2", "hypot", "addcmul")), b.chance(3)
    if op == "addcmul":
        z = b.call("addcmul", b.like(y), y, c, value=1)
    elif op == "div":
        z = b.call("div", y, b.pick((c, 4)))
    else:
        z = b.call("mul", *((c, y) if swapped else (y, c))) if op == "mul" else b.call(op, y, c)
    plain_write(b, b.pick((y, y, y, c)))
    b.observe(y, "version")
    backward(b, z)
    b.grad_of(x)


@clause(
    "inplace.needs-only-grad-inputs-saved",
    "An operand is saved only where the other side needs a gradient: one that isn't may be written to.",
    source="observed",
    area=AREA,
    profile="mutation",
    witness=lambda trace: finished(trace) and versions(trace) == [1],
)
def test_one_side_needed(check: Any, programs: Any = generate(one_side_needed)) -> None:
    check(programs)


def write_after(b: Builder) -> None:
    x, y = result(b)
    z = b.call(b.pick(SAVES_INPUT + SAVES_RESULT), y)
    backward(b, z)
    for target in (y, z) if b.chance(2) else (y,):
        any_write(b, target)
    b.observe(y, "version", "flags")
    b.grad_of(x)


@clause(
    "inplace.modified-after-backward-ok",
    "A saved value may be written to once backward has used it.",
    source=CHECKS,
    area=AREA,
    profile="mutation",
    witness=written_and_fine,
)
def test_write_after(check: Any, programs: Any = generate(write_after)) -> None:
    check(programs)


def write_leaf(b: Builder) -> None:
    x = b.leaf(shape_with_places(b, 0))
    with b.mode(*b.pick(((), ("enable_grad",), ("no_grad", "enable_grad"), ("no_grad",)))):
        any_write(b, x)
    b.observe(x, "version", "flags")


@clause(
    "inplace.leaf-requires-grad-error",
    "A leaf that requires grad can't be written to while grad mode is on: RuntimeError, and nothing is changed.",
    source="observed",
    area=AREA,
    profile="mutation",
    witness=raises,
)
def test_write_leaf(check: Any, programs: Any = generate(write_leaf)) -> None:
    check(programs)


def write_leaf_view(b: Builder) -> None:
    x = b.leaf(shape_with_places(b))
    form = b.pick(("view", "chain", "setitem"))
    if form == "setitem":
        b.write(x, "setitem", (b.choose(x.shape[0]),), b.pick((2, 0.5)))
    else:
        v = view_of(b, x)
        any_write(b, view_of(b, v) if form == "chain" else v)
    b.observe(x, "version", "flags")


@clause(
    "inplace.leaf-view-error",
    "Nor can a view of such a leaf, nor a part of it by index assignment: RuntimeError.",
    source="observed",
    area=AREA,
    profile="mutation",
    witness=raises,
)
def test_write_leaf_view(check: Any, programs: Any = generate(write_leaf_view)) -> None:
    check(programs)


def spoil_through_alias(b: Builder) -> None:
    x = b.leaf(shape_with_places(b))
    saved = b.call(b.pick(SAVES_RESULT), x) if b.chance(2) else result(b, x.shape)[1]
    z = b.call(b.pick(SAVES_INPUT), saved)
    alias = b.pick((b.call("detach", saved, form="method"), view_of(b, saved)))
    any_write(b, alias)
    b.observe(saved, "version")
    backward(b, z)


@clause(
    "inplace.detach-of-saved-modified",
    "A write through any alias that shares the version counter, a view or a detached tensor, is found out.",
    source="torch.Tensor.detach",
    area=AREA,
    profile="mutation",
    witness=lambda trace: raised_in_last(trace) and versions(trace) == [1],
)
def test_spoil_through_alias(check: Any, programs: Any = generate(spoil_through_alias)) -> None:
    check(programs)


def early_step(b: Builder) -> None:
    shape = shape_with_places(b, 0)
    x, w = b.leaf(shape), b.leaf(shape)
    loss = b.call("sum", b.call("mul", x, w)) if b.chance(2) else b.call("sum", b.call("square", w))
    with b.mode("no_grad"):
        step = b.like(w)
        b.call("sub", w, step, form="inplace") if b.chance(2) else b.call("mul", w, b.pick((2, 3)), form="inplace")
    b.observe(w, "version", "flags")
    b.backward(loss)


@clause(
    "inplace.optimizer-step-invalidates",
    "A parameter that is updated under no_grad between forward and backward makes backward raise "
    "where its old value was saved.",
    source=CHECKS,
    area=AREA,
    profile="mutation",
    witness=raised_in_last,
)
def test_early_step(check: Any, programs: Any = generate(early_step)) -> None:
    check(programs)
