"""Clauses of ``view``: views that refuse writes, repeat elements, copy instead, or are cut off from the graph."""

from __future__ import annotations

from typing import Any

from ..drawing.build import Builder
from ..programs.trace import Trace
from ..promises.clause import clause, finished, generate, raises, scenario
from .seeing import attempt, facts
from .writing import any_write, backward, result, seen, shape_with_places, versions, view_of

AREA = "views"
SEVERAL = (("unbind", "dim"), ("split", 1), ("chunk", 2), ("tensor_split", 2), ("split_with_sizes", None))
UNSAFE = (("unsafe_split", 1), ("unsafe_chunk", 2))


def parts_of(b: Builder, kinds: tuple[Any, ...]) -> Any:
    """A leaf, a result with two rows, and one of its parts."""
    x, y = result(b, (2, *b.shape(0, 1)))
    name, how = b.pick(kinds)
    args = {"dim": (y,), None: (y, (1, 1))}.get(how, (y, how))
    whole = b.call(name, *args, dim=0)
    return x, y, b.item(whole, b.choose(2))


def write_part(b: Builder) -> None:
    x, y, part = parts_of(b, SEVERAL)
    target = b.pick((part, part, view_of(b, part, ("unsqueeze",))))
    any_write(b, target)
    b.observe(y, "version", "flags")
    backward(b, y)
    b.grad_of(x)


def about_several(trace: Trace) -> bool:
    return any("function that returns multiple views" in error.message for _, error in trace.raised())


@clause(
    "view.multi-output-inplace-error",
    "An output of an operation that gives several views at once can't be written to: RuntimeError.",
    source="observed",
    area=AREA,
    profile="mutation",
    witness=about_several,
)
def test_write_part(check: Any, programs: Any = generate(write_part)) -> None:
    check(programs)


def write_unsafe_part(b: Builder) -> None:
    x, y, part = parts_of(b, UNSAFE)
    any_write(b, part)
    b.observe(part, "version", "graph", "flags")
    b.observe(y, "version", "graph")
    backward(b, b.smooth(part, depth=1))
    b.grad_of(x)


@clause(
    "view.unsafe-split-inplace-ok",
    "The outputs of unsafe_split and unsafe_chunk may be written to.",
    source="torch.unsafe_split",
    area=AREA,
    profile="mutation",
    witness=lambda trace: finished(trace) and bool(trace.gradients) and max(versions(trace)) > 0,
)
def test_write_unsafe_part(check: Any, programs: Any = generate(write_unsafe_part)) -> None:
    check(programs)


def write_no_grad_view(b: Builder) -> None:
    x, y = result(b, shape_with_places(b))
    with b.mode(b.pick(("no_grad", "set_grad_enabled:False"))):
        v = view_of(b, b.pick((y, x)))
        v = view_of(b, v) if b.chance(3) else v
    b.observe(v, "flags")
    with b.mode(*b.pick(((), ("enable_grad",)))):
        any_write(b, v)
    b.observe(y, "version", "value")


@clause(
    "view.no-grad-view-inplace-error",
    "A view taken under no_grad can't be written to with grad mode on: RuntimeError.",
    source="observed",
    area=AREA,
    profile="mutation",
    witness=lambda trace: any("created in no_grad mode" in e.message for _, e in trace.raised()),
)
def test_write_no_grad_view(check: Any, programs: Any = generate(write_no_grad_view)) -> None:
    check(programs)


def write_inside(b: Builder) -> None:
    x, y = result(b, shape_with_places(b))
    base = b.pick((y, x))
    with b.mode("no_grad"):
        v = view_of(b, base)
        any_write(b, v)
        b.observe(v, "version", "value")
    b.observe(base, "flags", "version", "graph", "value")
    backward(b, b.smooth(base, depth=1))
    b.grad_of(x)


@clause(
    "view.no-grad-view-inplace-inside-ok",
    "Within no_grad a view may be taken and written to; the graph doesn't hear of it.",
    source="observed",
    area=AREA,
    profile="mutation",
    witness=lambda trace: finished(trace) and bool(trace.gradients) and min(versions(trace)) > 0,
)
def test_write_inside(check: Any, programs: Any = generate(write_inside)) -> None:
    check(programs)


def write_function_view(b: Builder) -> None:
    x, y = result(b, shape_with_places(b))
    v = b.transform("function", None, [b.pick((y, x))], rule=b.pick(("view_of_input", "identity")))
    v.shape, v.dtype = y.shape, y.dtype
    b.observe(v, "flags", "graph")
    any_write(b, b.pick((v, v, view_of(b, v))))
    b.observe(y, "version")


@clause(
    "view.custom-function-view-inplace-error",
    "A view that a custom Function returns, or its input returned as it is, can't be written to: RuntimeError.",
    source="observed",
    area=AREA,
    profile="mutation",
    witness=lambda trace: any("created inside a custom Function" in e.message for _, e in trace.raised()),
)
def test_write_function_view(check: Any, programs: Any = generate(write_function_view)) -> None:
    check(programs)


def write_expanded(b: Builder) -> None:
    shape = b.pick(((1,), (1, 3), (2, 1), ()))
    _, y = result(b, shape)
    base = b.pick((y, b.leaf(shape, requires_grad=False)))
    wide = (2, *(b.pick((3, 2)) if n == 1 else n for n in shape))
    v = b.call(b.pick(("expand", "broadcast_to")), base, wide, form="method")
    if b.chance(2):
        any_write(b, v)
    else:
        b.write(v, "setitem", (b.choose(2),), 2.0)
    b.observe(base, "version", "value")


@clause(
    "view.expanded-write-error",
    "An expanded tensor, whose elements share memory, can't be written to in place: RuntimeError.",
    source="observed",
    area=AREA,
    profile="mutation",
    witness=raises,
)
def test_write_expanded(check: Any, programs: Any = generate(write_expanded)) -> None:
    check(programs)


def reshaped(b: Builder) -> None:
    x = b.leaf(b.pick(((2, 3), (3, 2), (2, 2, 3))), layout=b.pick(("contiguous", "transposed", "strided")))
    y = b.call("transpose", b.smooth(x, depth=1), 0, 1) if b.chance(2) else x
    count = 1
    for n in y.shape:
        count *= n
    flat = b.call("reshape", y, b.pick(((count,), (1, count), (y.shape[0], count // y.shape[0]))))
    b.observe(y, "layout")
    b.observe(flat, "layout", "value")
    backward(b, b.smooth(flat, depth=1))
    b.grad_of(x)


@clause(
    "view.reshape-may-copy",
    "reshape is a view where strides allow it and a copy elsewhere; gradients are right either way.",
    source="observed",
    area=AREA,
    profile="mutation",
    witness=lambda trace: finished(trace) and len(trace.gradients) == 1 and len(seen(trace)) == 2,
)
def test_reshaped(check: Any, programs: Any = generate(reshaped)) -> None:
    check(programs)


def made_contiguous(torch: Any, drawn: Any) -> Any:
    data, how, tracked = drawn
    x = torch.tensor(data, requires_grad=tracked)
    base = x * 1 if tracked else x
    y = {"whole": lambda: base, "t": base.t, "rows": lambda: base[1:], "columns": lambda: base[:, 1:]}[how]()
    c = y.contiguous()
    return c is y, y.is_contiguous(), c.is_contiguous(), facts(c), list(c.stride())


def draw_contiguous(b: Builder) -> Any:
    rows, columns = b.integer(1, 3), b.integer(1, 3)
    data = [[b.integer(-8, 8) / 4 for _ in range(columns)] for _ in range(rows)]
    return data, b.pick(("whole", "t", "rows", "columns")), b.chance(2)


@clause(
    "view.contiguous-no-copy-identity",
    "contiguous() of a contiguous tensor is the tensor itself; of another, a recorded copy.",
    source="observed",
    area=AREA,
    profile="mutation",
)
def test_made_contiguous(check: Any, drawn: Any = scenario(made_contiguous, draw_contiguous)) -> None:
    check(drawn)


def expanded(b: Builder) -> None:
    x = b.leaf(b.pick(((1,), (3, 1), (), (1, 2, 1), (2,))))
    wide = (*((b.pick((2, 3, 1)),) * b.choose(2)), *(b.pick((3, 2)) if n == 1 else n for n in x.shape))
    v = b.call(b.pick(("expand", "broadcast_to")), x, wide, form="method")
    backward(b, b.smooth(v, depth=1))


@clause(
    "view.expand-grad-sums",
    "The gradient of an expanded view is summed to the shape that was expanded.",
    source="notes/broadcasting#General semantics",
    area=AREA,
    profile="reverse",
    witness=lambda trace: finished(trace) and bool(trace.gradients),
)
def test_expanded(check: Any, programs: Any = generate(expanded)) -> None:
    check(programs)


def overlapping(b: Builder) -> None:
    n = b.integer(3, 7)
    x = b.leaf((n,), layout="contiguous")
    base = b.pick((x, b.call("neg", x)))
    if b.chance(2):
        v = b.call("unfold", base, 0, b.integer(2, min(n, 3)), 1, form="method")
    else:
        width = b.integer(2, 3)
        v = b.call("as_strided", base, (n - width + 1, width), (1, b.pick((1, 0))), 0)
    v.shape = v.shape or ()
    backward(b, b.call("sum", b.call("sin", v)))
    b.grad_of(x)


@clause(
    "view.as-strided-overlap-accumulates",
    "Where as_strided or unfold reads a place several times, its gradients add up.",
    source="observed",
    area=AREA,
    witness=lambda trace: finished(trace) and bool(trace.gradients),
)
def test_overlapping(check: Any, programs: Any = generate(overlapping)) -> None:
    check(programs)


def detached_view(b: Builder) -> None:
    x, y = result(b, shape_with_places(b))
    cut = view_of(b, b.call("detach", y, form="method"))
    b.observe(cut, "flags", "graph", "layout")
    any_write(b, cut)
    b.observe(cut, "flags", "version", "layout")
    b.observe(y, "value", "version", "layout", "graph")
    backward(b, b.call("mul", b.smooth(cut, depth=1), b.leaf(cut.shape)))
    b.backward(b.call("sum", y))
    b.grad_of(x)


def one_memory(trace: Trace) -> bool:
    found = seen(trace)
    return len({s.alias for s in found}) == 1 and not any(s.requires_grad for s in found[:2]) and found[2].version == 1


@clause(
    "view.detached-view-keeps-alias",
    "A view of a detached tensor has the memory of the original, and no gradient passes it.",
    source="torch.Tensor.detach",
    area=AREA,
    profile="mutation",
    witness=one_memory,
)
def test_detached_view(check: Any, programs: Any = generate(detached_view)) -> None:
    check(programs)


def resized(torch: Any, drawn: Any) -> Any:
    data, size, tracked = drawn
    x = torch.tensor(data, dtype=torch.float64, requires_grad=tracked)
    y = x * 2 if tracked else x
    cut = y.detach()
    out = attempt(lambda: cut.resize_(*size) is cut)
    if tracked:
        y.sum().backward()
    kept = cut.flatten().tolist() == y.detach().flatten().tolist()[: cut.numel()]
    return out, list(cut.shape), list(y.shape), kept, cut.untyped_storage().data_ptr() == y.untyped_storage().data_ptr()


def draw_resized(b: Builder) -> Any:
    data = [[b.integer(-4, 4) / 4 for _ in range(3)] for _ in range(2)]
    return data, b.pick(((3,), (1,), (2, 2), (6,), (3, 2), (1, 1, 2), (0,))), b.chance(2)


@clause(
    "view.detach-resize-allowed",
    "resize_ of a detached tensor is allowed, and leaves the shape of the original.",
    source="observed",
    area=AREA,
    profile="mutation",
)
def test_resized(check: Any, drawn: Any = scenario(resized, draw_resized)) -> None:
    check(drawn)
