"""Clauses of ``view``: gradients through views, shared versions, and writes that reach a base and its views."""

from __future__ import annotations

from typing import Any

from ..drawing.build import Builder, Value
from ..programs.trace import Observed, Trace
from ..promises.clause import clause, finished, generate, scenario
from .writing import (
    any_write,
    backward,
    basic_index,
    indexed,
    plain_write,
    result,
    seen,
    shape_with_places,
    versions,
    view_of,
)

AREA = "views"
IN_PLACE = "notes/autograd#In-place operations with autograd"


def reached(trace: Trace) -> bool:
    return finished(trace) and bool(trace.gradients)


def written(trace: Trace) -> bool:
    """A write took place, no step failed, and a leaf got a gradient."""
    return reached(trace) and max(versions(trace), default=0) > 0


def looked_through(b: Builder) -> None:
    x = b.leaf(shape_with_places(b))
    v = b.smooth(x, depth=b.integer(0, 1))
    for _ in range(b.integer(1, 3)):
        v = view_of(b, v)
    for more in (("reshape", (-1,)), ("expand", (2, *v.shape)), ("flatten", None)):
        if b.chance(4) and v.shape:
            v = b.call("flatten", v, start_dim=0, end_dim=-1) if more[1] is None else stretched(b, v, more[0])
    backward(b, b.smooth(v, depth=1))


def stretched(b: Builder, v: Value, op: str) -> Value:
    count = 1
    for n in v.shape:
        count *= n
    return b.call("reshape", v, (count,)) if op == "reshape" else b.call("expand", v, (2, *v.shape), form="method")


@clause(
    "view.gradient-through-view",
    "Gradients through views reach the base, each at its place; what a view leaves out gets zero.",
    source="observed",
    area=AREA,
    profile="reverse",
    witness=reached,
)
def test_looked_through(check: Any, programs: Any = generate(looked_through)) -> None:
    check(programs)


def one_counter(b: Builder) -> None:
    _, y = result(b, shape_with_places(b))
    base = b.pick((y, b.leaf(y.shape, requires_grad=False)))
    v = view_of(b, base)
    w = view_of(b, b.pick((base, v)))
    for _ in range(b.integer(1, 3)):
        any_write(b, b.pick((base, v, w)))
        for value in (base, v, w):
            b.observe(value, "version")


def in_step(trace: Trace) -> bool:
    found = versions(trace)
    return finished(trace) and found == [1 + k // 3 for k in range(len(found))]


@clause(
    "view.shares-version-with-base",
    "A view and its base have one version counter: a write through either shows in both.",
    source=IN_PLACE,
    area=AREA,
    profile="mutation",
    witness=in_step,
)
def test_one_counter(check: Any, programs: Any = generate(one_counter)) -> None:
    check(programs)


def bases(torch: Any, drawn: Any) -> Any:
    data, tracked, steps = drawn
    x = torch.tensor(data, requires_grad=tracked)
    y = x * 2
    made = [y]
    for step in steps:
        made.append(made[-1][:1] if step == "index" else getattr(made[-1], step)())
    seen = [(v._is_view(), v._base is y, v._base is None) for v in made]
    return seen, x._is_view(), x.detach()._is_view(), x.detach()._base is x, x[0]._base is x


def draw_bases(b: Builder) -> Any:
    data = [[b.integer(-8, 8) / 4 for _ in range(2)] for _ in range(2)]
    steps = [b.pick(("t", "index")) for _ in range(b.integer(1, 2))]
    return data, b.chance(2), [*steps, *b.pick(([], ["clone"], ["clone", "index"]))]


@clause(
    "view.base-attribute",
    "A view's _base is the tensor that the first of its chain was taken of, and _is_view() is True.",
    source="observed",
    area=AREA,
    profile="mutation",
    needs=("graph",),
)
def test_bases(check: Any, drawn: Any = scenario(bases, draw_bases)) -> None:
    check(drawn)


def write_view(b: Builder) -> None:
    x, y = result(b, shape_with_places(b))
    v = view_of(b, y)
    w = b.leaf(v.shape)
    b.call("mul", v, w, form="inplace") if b.chance(2) else any_write(b, v)
    b.observe(y, "value", "version", "graph")
    backward(b, b.smooth(y, depth=1))
    b.grad_of(x)


@clause(
    "view.write-view-updates-base-grad",
    "An in-place operation through a view of a result is part of the base's history and of its gradients.",
    source=IN_PLACE,
    area=AREA,
    profile="mutation",
    witness=written,
)
def test_write_view(check: Any, programs: Any = generate(write_view)) -> None:
    check(programs)


def write_base(b: Builder) -> None:
    x, y = result(b, shape_with_places(b))
    v = view_of(b, y)
    b.observe(v, "graph", "version")
    w = b.leaf(y.shape)
    b.call("mul", y, w, form="inplace") if b.chance(2) else any_write(b, y)
    b.observe(v, "value", "version", "graph")
    backward(b, b.smooth(v, depth=1))
    b.grad_of(x)


@clause(
    "view.write-base-updates-view-grad",
    "After a write to the base an existing view has a grad_fn anew, and differentiates through the new value.",
    source=IN_PLACE,
    area=AREA,
    profile="mutation",
    witness=written,
)
def test_write_base(check: Any, programs: Any = generate(write_base)) -> None:
    check(programs)


def named_base(b: Builder) -> None:
    _, y = result(b, b.pick(((2,), (2, 2), (1, 3))))
    v = view_of(b, y)
    plain_write(b, view_of(b, v) if b.chance(3) else v)
    b.observe(y, "graph", "version", "repr")
    b.observe(v, "graph", "version")


def is_copy_slices(trace: Trace) -> bool:
    found = [s for s in trace.steps if isinstance(s, Observed) and s.text]
    return finished(trace) and "grad_fn=<CopySlices>" in (found[0].text or "")


@clause(
    "view.copyslices-node",
    "After a write through a view the base's grad_fn is a CopySlices node, and prints so.",
    source="observed",
    area=AREA,
    profile="mutation",
    witness=is_copy_slices,
)
def test_named_base(check: Any, programs: Any = generate(named_base)) -> None:
    check(programs)


def tracked_into_plain(b: Builder) -> None:
    base = b.leaf(shape_with_places(b), requires_grad=False, layout="contiguous")
    v = view_of(b, base)
    b.observe(base, "flags")
    kind = b.pick(("copy_", "add", "mul", "setitem"))
    if kind == "copy_" or not v.shape:
        b.write(v, "copy_", b.leaf(v.shape))
    elif kind == "setitem":
        entries = basic_index(b, v.shape)
        b.write(v, "setitem", entries, b.leaf(indexed(v.shape, entries)))
    else:
        b.call(kind, v, b.leaf(v.shape), form="inplace")
    b.observe(base, "flags", "graph", "version")
    backward(b, b.smooth(base, depth=1))


@clause(
    "view.grad-value-into-plain-base",
    "Writing a value that requires grad through a view of a plain tensor makes the base require grad.",
    source=IN_PLACE,
    area=AREA,
    profile="mutation",
    witness=lambda trace: written(trace) and [s.requires_grad for s in seen(trace)] == [False, True],
)
def test_tracked_into_plain(check: Any, programs: Any = generate(tracked_into_plain)) -> None:
    check(programs)


def siblings(b: Builder) -> None:
    x, y = result(b, shape_with_places(b))
    v, w = view_of(b, y), view_of(b, y)
    writer, reader = b.pick(((v, w), (w, v)))
    any_write(b, writer)
    b.observe(reader, "value", "version", "graph")
    backward(b, b.smooth(reader, depth=1))
    b.grad_of(x)


@clause(
    "view.sibling-view-sees-write",
    "Two views of one base both see a write made through either, in value and in gradient.",
    source=IN_PLACE,
    area=AREA,
    profile="mutation",
    witness=written,
)
def test_siblings(check: Any, programs: Any = generate(siblings)) -> None:
    check(programs)


def deep_write(b: Builder) -> None:
    x, y = result(b, shape_with_places(b, 2))
    chain = [y]
    for _ in range(b.integer(2, 3)):
        chain.append(view_of(b, chain[-1]))
    any_write(b, chain[-1])
    if b.chance(2):
        plain_write(b, chain[-2])
    watched = b.pick((y, y, chain[1]))
    b.observe(watched, "value", "version", "graph")
    backward(b, b.smooth(watched, depth=1))
    b.grad_of(x)


@clause(
    "view.chain-write",
    "A write through a view of a view reaches the root base's history.",
    source=IN_PLACE,
    area=AREA,
    profile="mutation",
    witness=written,
)
def test_deep_write(check: Any, programs: Any = generate(deep_write)) -> None:
    check(programs)


def saved_view(b: Builder) -> None:
    x, y = result(b, shape_with_places(b))
    v = view_of(b, y)
    z = b.call(b.pick(("sin", "cos", "square")), v) if b.chance(2) else b.call("mul", v, b.leaf(v.shape))
    any_write(b, y)
    b.observe(v, "version")
    b.grad([z], [x], [b.like(z)])


@clause(
    "view.inplace-on-base-before-saved-view-error",
    "Writing to the base after an operation saved a view of it makes backward raise.",
    source=IN_PLACE,
    area=AREA,
    profile="mutation",
    witness=lambda trace: [s for s, _ in trace.raised()] == [len(trace.steps) - 1] and versions(trace) == [1],
)
def test_saved_view(check: Any, programs: Any = generate(saved_view)) -> None:
    check(programs)


def hooked(b: Builder) -> None:
    x, y = result(b, shape_with_places(b))
    v = view_of(b, y)
    b.hook(v, b.pick(("record", "double", "negate")), tag="view")
    backward(b, b.smooth(v, depth=1))
    b.grad_of(x)


@clause(
    "view.hook-on-view-sees-view-grad",
    "A hook on a view gets a gradient of the view's shape.",
    source="torch.Tensor.register_hook",
    area=AREA,
    profile="hooks",
    witness=lambda trace: reached(trace) and [call.tag for call in trace.hooks] == ["view"],
)
def test_hooked(check: Any, programs: Any = generate(hooked)) -> None:
    check(programs)
