"""Clauses of ``inplace``: what a write does to the history of its target, and where gradients go."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from ..drawing.build import Builder
from ..judging.compare import Closeness
from ..programs.program import Program
from ..programs.trace import Observed, Trace
from ..promises.clause import clause, finished, generate, raises
from .writing import (
    any_write,
    backward,
    basic_index,
    indexed,
    plain_write,
    raised_in_last,
    result,
    seen,
    shape_with_places,
    versions,
    view_of,
)

AREA = "in-place-and-versions"
IN_PLACE = "notes/autograd#In-place operations with autograd"


def reached(trace: Trace) -> bool:
    return finished(trace) and bool(trace.gradients)


def rename(b: Builder) -> None:
    x, y = result(b)
    b.observe(y, "graph", "version", "layout")
    same = any_write(b, y)
    b.observe(y, "flags", "graph", "version", "layout")
    plain_write(b, same)
    b.observe(y, "flags", "graph", "version", "layout")
    # It would die here if the write had returned another object.
    b.drop(y)
    backward(b, same)
    b.grad_of(x)


def renamed(trace: Trace) -> bool:
    """Two new nodes, one memory, and no death."""
    nodes = seen(trace)
    return (
        finished(trace)
        and [n.version for n in nodes] == [0, 1, 2]
        and all(a.alias == c.alias and c.grad_fn for a, c in pairwise(nodes))
        and list(trace.deaths.values()) == [(False,)]
    )


@clause(
    "inplace.changes-grad-fn",
    "An in-place operation on a result returns the same object, whose grad_fn is now the new operation's node.",
    source=IN_PLACE,
    area=AREA,
    profile="mutation",
    witness=renamed,
)
def test_rename(check: Any, programs: Any = generate(rename)) -> None:
    check(programs)


def become_tracked(b: Builder) -> None:
    shape = shape_with_places(b, 0)
    x, target = b.leaf(shape), b.leaf(shape, requires_grad=False, layout="contiguous")
    b.observe(target, "flags", "graph")
    kind = b.pick(("copy_", "add", "mul", "sub", "setitem"))
    if kind == "copy_" or not shape:
        b.write(target, "copy_", x)
    elif kind == "setitem":
        entries = basic_index(b, shape)
        b.write(target, "setitem", entries, b.leaf(indexed(shape, entries)))
    else:
        b.call(kind, target, x, form="inplace")
        target.requires_grad = True
    b.observe(target, "flags", "graph")
    backward(b, b.smooth(target, depth=1))


def turned(trace: Trace) -> bool:
    flags = [(s.requires_grad, s.is_leaf) for s in seen(trace)]
    return finished(trace) and flags == [(False, True), (True, False)]


@clause(
    "inplace.nonrequiring-becomes-requiring",
    "A plain tensor into which a value that requires grad is written becomes a recorded result.",
    source="observed",
    area=AREA,
    profile="mutation",
    witness=turned,
)
def test_become_tracked(check: Any, programs: Any = generate(become_tracked)) -> None:
    check(programs)


def both_ways(b: Builder) -> None:
    x = b.leaf(shape_with_places(b, 0))
    plain, written = b.call("clone", x), b.call("clone", x)
    for _ in range(b.integer(2, 4)):
        op = b.pick(("mul", "add", "neg", "sub", "div", "sin", "square"))
        args = () if op in ("neg", "sin", "square") else (b.pick((2, 3, -1)),)
        plain = b.call(op, plain, *args)
        b.call(op, written, *args, form="inplace")
    given = b.like(plain)
    b.observe(written, "version")
    b.grad([plain], [x], [given])
    b.grad([written], [x], [given])


def one_gradient(program: Program, trace: Trace, close: Closeness) -> str | None:
    """The law: the chain in place has the gradient of the chain out of place."""
    pairs = [s[0] for s in trace.steps[-2:] if isinstance(s, tuple) and isinstance(s[0], Observed)]
    if len(pairs) < 2:
        return None
    plain, written = pairs
    differ = close.error(written.array, plain.array, plain.dtype, ("step", len(trace.steps) - 1, (0,))) is not None
    return "the operations in place have another gradient than out of place" if differ else None


@clause(
    "inplace.chain-of-inplace-ops",
    "A chain of in-place operations differentiates like the same operations out of place.",
    source=IN_PLACE,
    area=AREA,
    profile="mutation",
    needs=("grad",),
    witness=lambda trace: finished(trace) and max(versions(trace), default=0) > 1,
)
def test_both_ways(check: Any, programs: Any = generate(both_ways)) -> None:
    check(programs, law=one_gradient)


def overwrite_own_input(b: Builder) -> None:
    x, y = result(b)
    op = b.pick(("sin", "pow", "cos", "square", "sinh", "atan", "abs", "cosh"))
    b.call(op, y, *((b.pick((3, 2, 1, 0)),) if op == "pow" else ()), form="inplace")
    b.observe(y, "graph", "version")
    backward(b, y)
    b.grad_of(x)


@clause(
    "inplace.mul-by-self-saves-old",
    "An in-place operation whose derivative needs the old value keeps it: y.sin_() and y.pow_(3) differentiate.",
    source="observed",
    area=AREA,
    profile="mutation",
    witness=lambda trace: reached(trace) and versions(trace) == [1],
)
def test_overwrite_own_input(check: Any, programs: Any = generate(overwrite_own_input)) -> None:
    check(programs)


def by_itself(b: Builder) -> None:
    _, y = result(b)
    op = b.pick(("mul", "div", "hypot", "atan2", "addcmul", "mul.detached"))
    if op == "addcmul":
        b.call(op, y, y, y, value=b.pick((1, 2)), form="inplace")
    elif op == "mul.detached":
        b.call("mul", y, b.call("detach", y, form="method"), form="inplace")
    else:
        b.call(op, y, y, form="inplace")
    b.observe(y, "version")
    backward(b, y)


@clause(
    "inplace.same-tensor-operand",
    "y.mul_(y) overwrites the operand that it saved: backward raises.",
    source="observed",
    area=AREA,
    profile="mutation",
    witness=raised_in_last,
)
def test_by_itself(check: Any, programs: Any = generate(by_itself)) -> None:
    check(programs)


def change_dtype(b: Builder) -> None:
    narrow, wide = b.pick(
        (
            ("int64", "float32"),
            ("int32", "float64"),
            ("float32", "complex64"),
            ("bool", "float32"),
            ("bool", "int64"),
            ("uint8", "float32"),
            ("float64", "float32"),
            ("int64", "int8"),
        )
    )
    shape = shape_with_places(b, 0)
    target = b.leaf(shape, narrow, requires_grad=False)
    operand = b.pick((b.leaf(shape, wide, requires_grad=False), b.leaf(shape, wide), 1.5))
    op = b.pick(("add", "mul", "sub", "div") if narrow != "bool" else ("add", "mul"))
    b.call(op, target, operand, form="inplace")
    b.observe(target, "version", "flags", "value")


@clause(
    "inplace.dtype-cannot-change",
    "An in-place operation whose result can't be cast to the target's dtype raises RuntimeError.",
    source="tensor_attributes#torch.dtype",
    area=AREA,
    profile="mutation",
    witness=raises,
)
def test_change_dtype(check: Any, programs: Any = generate(change_dtype)) -> None:
    check(programs)


def grow_target(b: Builder) -> None:
    whole = b.pick(((2, 3), (3,), (2, 3, 2), (2, 2), (4, 1, 2)))
    small = b.pick(((1,) * len(whole), whole[1:], (1, *whole[1:]), ()))
    op = b.pick(("add", "mul", "sub", "minimum", "copy_"))
    op = "mul" if op == "minimum" else op
    _, fitting = result(b, whole)
    operand = b.leaf(small)
    b.write(fitting, "copy_", operand) if op == "copy_" else b.call(op, fitting, operand, form="inplace")
    _, target = result(b, small)
    operand = b.leaf(whole)
    b.write(target, "copy_", operand) if op == "copy_" else b.call(op, target, operand, form="inplace")
    b.observe(target, "version", "value")
    backward(b, fitting)


def refused_second(trace: Trace) -> bool:
    return len([step for step, _ in trace.raised()]) == 1 and versions(trace) == [0] and bool(trace.gradients)


@clause(
    "inplace.shape-cannot-broadcast-up",
    "An in-place operation may broadcast its operands, never its target.",
    source="notes/broadcasting#In-place semantics",
    area=AREA,
    profile="mutation",
    witness=refused_second,
)
def test_grow_target(check: Any, programs: Any = generate(grow_target)) -> None:
    check(programs)


def documented_growth(b: Builder) -> None:
    whole = (b.pick((3, 2)), b.pick((3, 1, 5)), b.pick((7, 2, 4)))
    small = tuple(1 if b.chance(2) or d == 0 else n for d, n in enumerate(whole))
    target = b.leaf(small, requires_grad=False)
    b.call(b.pick(("add", "mul", "sub")), target, b.leaf(whole, requires_grad=b.chance(2)), form="inplace")


def names_output(trace: Trace) -> bool:
    return any(error.message.startswith("output with shape") for _, error in trace.raised())


@clause(
    "inplace.shape-error-message-in-doc",
    "The error names the output's shape and the broadcast shape, not an expanded size as the page has it (drift).",
    source="notes/broadcasting#In-place semantics",
    area=AREA,
    profile="mutation",
    witness=names_output,
)
def test_documented_growth(check: Any, programs: Any = generate(documented_growth)) -> None:
    check(programs)


def write_shared(b: Builder) -> None:
    x, y = result(b, shape_with_places(b))
    views = [view_of(b, y) for _ in range(b.integer(1, 2))]
    everyone = [y, *views]
    for _ in range(b.integer(1, 2)):
        plain_write(b, b.pick(everyone))
    for value in everyone:
        b.observe(value, "value", "version", "flags", "layout")
    backward(b, b.pick(everyone))
    b.grad_of(x)


@clause(
    "inplace.shared-storage-always-error",
    "A tensor whose memory others refer to can be written to in place: views and bases share history (drift).",
    source=IN_PLACE,
    area=AREA,
    profile="mutation",
    witness=lambda trace: reached(trace) and min(versions(trace)) > 0 and len({s.alias for s in seen(trace)}) == 1,
)
def test_write_shared(check: Any, programs: Any = generate(write_shared)) -> None:
    check(programs)


def rectify(b: Builder) -> None:
    x, y = result(b)
    b.call(b.pick(("relu", "relu", "tanh", "sigmoid", "exp")), y, form="inplace")
    b.observe(y, "graph", "version", "flags")
    backward(b, y)
    b.grad_of(x)


@clause(
    "inplace.relu_-saves-output",
    "relu_ works in place: its derivative needs the result alone. So do tanh_, sigmoid_ and exp_.",
    source="observed",
    area=AREA,
    profile="mutation",
    witness=lambda trace: reached(trace) and versions(trace) == [1],
)
def test_rectify(check: Any, programs: Any = generate(rectify)) -> None:
    check(programs)
