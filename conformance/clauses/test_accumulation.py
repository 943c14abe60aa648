"""Clauses of ``layout``: the memory that a leaf's ``.grad`` has, and when it is added to or replaced."""

from __future__ import annotations

from typing import Any

from ..drawing.build import Builder, Value
from ..drawing.domains import special
from ..judging.compare import Closeness
from ..programs.program import Program
from ..programs.trace import Observed, Trace
from ..promises.clause import clause, finished, generate
from .writing import seen, shape_with_places, strides_of, versions, view_of

AREA = "accumulation-and-layout"
RULES = "autograd#Default gradient layouts"
DENSE = ("fortran", "transposed", "channels_last", "contiguous")
EXACT = special(0.5, -1.5)
"""Sums and products of these are exact in any of the dtypes that meet: where a sum is rounded is another question."""
WIDE = ((2, 3), (3, 2), (2, 3, 2), (2, 2, 3))


def step_strides(trace: Trace) -> list[tuple[int, ...]]:
    return [s.strides for s in seen(trace) if s.strides is not None]


def memories(trace: Trace) -> list[int]:
    return [s.alias for s in seen(trace) if s.alias is not None]


def some_loss(b: Builder, x: Value) -> Value:
    """A scalar whose gradient comes to the leaf fresh, transposed, expanded or as the user's own."""
    form = b.pick(("smooth", "transposed", "sum", "view"))
    if form == "smooth":
        return b.scalar(x)
    if form == "transposed" and len(x.shape) > 1:
        y = b.call("transpose", x, 0, len(x.shape) - 1)
        return b.call("sum", b.call("mul", y, b.like(y)))
    return b.call("sum", view_of(b, x) if form == "view" and x.shape else x)


def fresh_loss(b: Builder, x: Value) -> Value:
    """A scalar whose gradient comes in memory of its own. What a copy of another counts as first version is left open."""
    op = b.pick(("sin", "neg", "cos", "mul"))
    return b.call("sum", b.call("mul", x, b.pick((2, -3))) if op == "mul" else b.call(op, x))


def dense_leaf(b: Builder) -> None:
    x = b.leaf(b.pick(WIDE), layout=b.pick(DENSE))
    b.observe(x, "layout")
    b.backward(some_loss(b, x))
    b.observe(b.grad_of(x), "layout")


def same_strides(trace: Trace) -> bool:
    found = step_strides(trace)
    return finished(trace) and len(found) == 2 and found[0] == found[1]


@clause(
    "layout.dense-param-strides-match",
    "The first .grad of a dense leaf has the leaf's strides.",
    source=RULES + " rule 1",
    area=AREA,
    witness=lambda trace: same_strides(trace) and step_strides(trace)[0] != strides_of(seen(trace)[0].shape),
)
def test_dense_leaf(check: Any, programs: Any = generate(dense_leaf)) -> None:
    check(programs)


def gappy_leaf(b: Builder) -> None:
    x = b.leaf(b.pick(((2, 3), (3,), (2, 2, 2), (3, 2, 2))), layout="strided")
    b.observe(x, "layout")
    b.backward(some_loss(b, x))
    b.observe(b.grad_of(x), "layout")


def row_major(trace: Trace) -> bool:
    found = seen(trace)
    return finished(trace) and len(found) == 2 and found[1].strides == strides_of(found[1].shape) != found[0].strides


@clause(
    "layout.non-dense-rowmajor",
    "The first .grad of a leaf with gaps in its memory is row-major.",
    source=RULES + " rule 2",
    area=AREA,
    witness=row_major,
)
def test_gappy_leaf(check: Any, programs: Any = generate(gappy_leaf)) -> None:
    check(programs)


def overlapping_leaf(b: Builder) -> None:
    x = b.leaf(b.pick(((2, 3), (3,), (2, 2, 2))), layout="expanded")
    b.observe(x, "layout")
    b.backward(some_loss(b, x))
    grad = b.grad_of(x)
    b.observe(grad, "layout")
    b.write(grad, "setitem", 0, 5)
    b.observe(grad, "layout", "value")


def independent(trace: Trace) -> bool:
    return finished(trace) and step_strides(trace)[0][0] == 0 and step_strides(trace)[1][0] > 0


@clause(
    "layout.overlapping-rowmajor",
    "The first .grad of a leaf whose elements share memory is row-major, each entry on its own.",
    source=RULES + " rule 2",
    area=AREA,
    witness=independent,
)
def test_overlapping_leaf(check: Any, programs: Any = generate(overlapping_leaf)) -> None:
    check(programs)


def added_in_place(b: Builder) -> None:
    x = b.leaf(shape_with_places(b, 0), layout="contiguous")
    b.backward(fresh_loss(b, x))
    first = b.grad_of(x)
    b.observe(first, "layout", "version")
    for _ in range(b.integer(1, 2)):
        b.backward(some_loss(b, x), retain_graph=b.pick((None, True)))
        b.observe(b.grad_of(x), "layout", "version")
    # The object too is the same: it lives on when the name goes.
    b.drop(first)


def one_memory(trace: Trace) -> bool:
    return finished(trace) and len(set(memories(trace))) == 1 and versions(trace)[0] < versions(trace)[-1]


@clause(
    "layout.accumulate-in-place",
    "Without create_graph a second backward adds into .grad in place: same object, memory and strides.",
    source=RULES + " rule 3",
    area=AREA,
    profile="mutation",
    witness=one_memory,
)
def test_added_in_place(check: Any, programs: Any = generate(added_in_place)) -> None:
    check(programs)


def added_out_of_place(b: Builder) -> None:
    x = b.leaf(shape_with_places(b, 0), layout="contiguous")
    b.backward(fresh_loss(b, x))
    first = b.grad_of(x)
    b.observe(first, "layout", "version", "value")
    b.backward(b.scalar(x), create_graph=True)
    b.observe(first, "layout", "version", "value")
    b.observe(b.grad_of(x), "layout", "flags", "value")


def two_memories(trace: Trace) -> bool:
    found = memories(trace)
    return finished(trace) and len(found) == 3 and found[0] == found[1] != found[2] and set(versions(trace)) == {0}


@clause(
    "layout.create-graph-out-of-place",
    "With create_graph .grad becomes a new tensor, old plus new; the old one stays as it was.",
    source=RULES + " rule 4",
    area=AREA,
    profile="higher-order",
    witness=two_memories,
)
def test_added_out_of_place(check: Any, programs: Any = generate(added_out_of_place)) -> None:
    check(programs)


def recorded_strides(b: Builder) -> None:
    x = b.leaf(b.pick(WIDE), layout=b.pick(DENSE))
    b.backward(b.scalar(x))
    b.observe(b.grad_of(x), "layout")
    for _ in range(b.integer(1, 2)):
        b.backward(b.scalar(x), create_graph=True)
        b.observe(b.grad_of(x), "layout")


@clause(
    "layout.create-graph-strides-likely-kept",
    "With create_graph the new .grad of a dense leaf has the strides of the old one.",
    source=RULES + " rule 4",
    area=AREA,
    profile="higher-order",
    witness=lambda trace: finished(trace) and len(set(step_strides(trace))) == 1,
)
def test_recorded_strides(check: Any, programs: Any = generate(recorded_strides)) -> None:
    check(programs)


def preset(b: Builder) -> None:
    shape = b.pick(WIDE)
    x = b.leaf(shape, layout=b.pick(("contiguous", "transposed")))
    b.set_grad(x, b.leaf(shape, requires_grad=False, layout=b.pick(("transposed", "fortran", "contiguous"))))
    b.backward(some_loss(b, x), create_graph=b.chance(4))
    b.observe(b.grad_of(x), "layout")


def about_layout(trace: Trace) -> bool:
    return any("do not obey the gradient layout contract" in text for _, text in trace.warnings)


@clause(
    "layout.mismatch-warning",
    "Adding into a .grad whose strides aren't the leaf's gives a UserWarning.",
    source="torch.autograd.grad_mode.enforce_grad_layout_policy",
    area=AREA,
    witness=about_layout,
)
def test_preset(check: Any, programs: Any = generate(preset)) -> None:
    check(programs)


def chosen_by_hand(b: Builder) -> None:
    shape = b.pick(WIDE)
    x = b.leaf(shape)
    chosen = b.leaf(shape, requires_grad=False, layout=b.pick(("fortran", "transposed", "channels_last")))
    b.write(chosen, "zero_")
    b.set_grad(x, chosen)
    for _ in range(b.integer(1, 3)):
        b.backward(some_loss(b, x))
        b.observe(b.grad_of(x), "layout", "value")


def hand_strides(trace: Trace) -> bool:
    found = step_strides(trace)
    return finished(trace) and len(set(found)) == 1 and found[0] != strides_of(seen(trace)[0].shape)


@clause(
    "layout.manual-layout-preserved",
    "A zeroed .grad with strides of the user's choice keeps them over later backward passes.",
    source=RULES + " Manual gradient layouts",
    area=AREA,
    witness=hand_strides,
)
def test_chosen_by_hand(check: Any, programs: Any = generate(chosen_by_hand)) -> None:
    check(programs)


def started_anew(b: Builder) -> None:
    x = b.leaf(shape_with_places(b, 0), layout="contiguous")
    b.backward(fresh_loss(b, x))
    old = b.grad_of(x)
    b.observe(old, "layout", "version")
    b.set_grad(x, None)
    b.backward(fresh_loss(b, x))
    b.observe(old, "layout", "version", "value")
    b.observe(b.grad_of(x), "layout", "version", "value")


@clause(
    "layout.none-reset-recreates",
    "After .grad = None the next backward makes a new tensor; who holds the old one sees no change.",
    source=RULES,
    area=AREA,
    witness=two_memories,
)
def test_started_anew(check: Any, programs: Any = generate(started_anew)) -> None:
    check(programs)


def shared_cotangent(b: Builder) -> None:
    shape = shape_with_places(b)
    x, y = b.leaf(shape), b.leaf(shape)
    root = b.call(b.pick(("add", "sub")), x, y)
    given = b.like(root)
    b.backward(root, gradient=given) if b.chance(2) else b.backward(b.call("sum", root))
    grad = b.grad_of(b.pick((x, y)))
    b.write(grad, "setitem", 0, 7)
    for value in (x, y):
        b.observe(b.grad_of(value), "layout", "value")
    b.observe(given, "layout", "value")


def all_apart(trace: Trace) -> bool:
    return finished(trace) and len(set(memories(trace))) == 3


@clause(
    "layout.leaf-grad-owned",
    "A leaf's first .grad is memory of its own: no other leaf's, not the seed's, not expanded; it may be written to.",
    source="observed",
    area=AREA,
    profile="mutation",
    witness=all_apart,
)
def test_shared_cotangent(check: Any, programs: Any = generate(shared_cotangent)) -> None:
    check(programs)


def mixed_dtypes(b: Builder) -> None:
    shape = b.shape(0, 2)
    other = b.pick(("float64", "bfloat16", "float16"))
    x, y = b.leaf(shape, "float32", EXACT), b.leaf(b.pick((shape, ())), other, EXACT)
    root = b.call(b.pick(("mul", "add", "sub")), x, y)
    given = b.pick((root.dtype, "float32", "float64"))
    b.backward(root, gradient=b.leaf(root.shape, given, EXACT, requires_grad=False))
    for leaf in (x, y):
        b.observe(b.grad_of(leaf), "value", "flags")


def own_dtype(program: Program, trace: Trace, close: Closeness) -> str | None:
    """The law: a leaf's gradient has the leaf's dtype."""
    wrong = [
        index
        for index, grad in trace.gradients.items()
        if isinstance(grad, Observed) and grad.dtype != getattr(program.steps[index], "dtype", grad.dtype)
    ]
    return "a gradient hasn't the dtype of its leaf" if wrong else None


@clause(
    "layout.grad-dtype-matches-leaf",
    "The gradient that a leaf accumulates has the leaf's dtype.",
    source="torch.Tensor.grad_dtype",
    area=AREA,
    witness=lambda trace: finished(trace) and len(trace.gradients) == 2,
)
def test_mixed_dtypes(check: Any, programs: Any = generate(mixed_dtypes)) -> None:
    check(programs, law=own_dtype)


def counted(b: Builder) -> None:
    x = b.leaf(shape_with_places(b, 0), layout="contiguous")
    for k in range(b.integer(2, 4)):
        b.backward(some_loss(b, x) if k else fresh_loss(b, x))
        b.observe(b.grad_of(x), "version")


@clause(
    "layout.accumulate-bumps-version",
    "Every in-place addition to .grad raises its version.",
    source="observed",
    area=AREA,
    profile="mutation",
    witness=lambda trace: finished(trace) and versions(trace) == list(range(len(versions(trace)))),
)
def test_counted(check: Any, programs: Any = generate(counted)) -> None:
    check(programs)


def held(b: Builder) -> None:
    x = b.leaf(shape_with_places(b, 0), layout="contiguous")
    b.backward(fresh_loss(b, x))
    grad = b.grad_of(x)
    alias = b.pick((grad, b.call("detach", grad, form="method")))
    kept = b.call("clone", grad)
    b.backward(some_loss(b, x))
    b.observe(alias, "value", "version", "layout")
    b.observe(kept, "value", "version", "layout")


@clause(
    "layout.detached-grad-snapshot",
    "Who holds .grad, or a detached alias of it, sees later backward passes add to it; a clone doesn't change.",
    source=RULES + " rule 3",
    area=AREA,
    profile="mutation",
    witness=lambda trace: finished(trace) and versions(trace) == [1, 0],
)
def test_held(check: Any, programs: Any = generate(held)) -> None:
    check(programs)
