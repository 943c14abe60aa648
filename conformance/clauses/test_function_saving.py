"""Clauses of custom Functions: what the context saves, and when it is freed or found stale."""

from __future__ import annotations

from typing import Any

from ..drawing.build import Builder
from ..programs.trace import Trace
from ..promises.clause import clause, generate, scenario
from .applying import apply, got_gradient, inner, last_raises, nodes, pair, pull
from .seeing import attempt, facts, numbers, warned

AREA = "custom-function"
NOTE = "notes/extending#Extending torch.autograd"


def round_trip(b: Builder) -> None:
    x, y = pair(b)
    pull(b, apply(b, "save_mixture", inner(b, x), y))


@clause(
    "function.save-for-backward-roundtrip",
    "saved_tensors gives back in order what was saved, None where None was.",
    source="FunctionCtx.save_for_backward",
    area=AREA,
    witness=got_gradient,
)
def test_round_trip(check: Any, programs: Any = generate(round_trip)) -> None:
    check(programs)


def save_other(b: Builder) -> None:
    apply(b, b.pick(("save_number", "save_text_second")), inner(b, b.leaf()))


@clause(
    "function.save-nontensor-error",
    "Saving what is no tensor raises TypeError, with its position and type.",
    source=NOTE,
    area=AREA,
    witness=last_raises,
)
def test_save_other(check: Any, programs: Any = generate(save_other)) -> None:
    check(programs)


def attributes(b: Builder) -> None:
    x = inner(b, b.leaf())
    pull(b, apply(b, "attributes", x, b.pick((2, 0.5, -1))))


@clause(
    "function.ctx-attributes",
    "What forward stores as attributes of ctx is there in backward.",
    source=NOTE,
    area=AREA,
    witness=got_gradient,
)
def test_attributes(check: Any, programs: Any = generate(attributes)) -> None:
    check(programs)


def second_pass(b: Builder) -> None:
    x = inner(b, b.leaf())
    y = apply(b, b.pick(("square", "save_result", "cube")), x)
    g = b.like(y)
    for _ in range(b.integer(0, 2)):
        b.backward(y, gradient=g, retain_graph=True)
    b.backward(y, gradient=g)
    b.backward(y, gradient=g, retain_graph=b.pick((None, True)))


@clause(
    "function.saved-freed-second-backward",
    "saved_tensors are freed by a backward pass that doesn't retain the graph: a second one raises.",
    source="autograd.backward (retain_graph)",
    area=AREA,
    witness=last_raises,
)
def test_second_pass(check: Any, programs: Any = generate(second_pass)) -> None:
    check(programs)


def nothing_saved(b: Builder) -> None:
    x = b.leaf()
    y = apply(b, b.pick(("triple_gradient", "scaled", "trailing_nones")), x)
    for _ in range(b.integer(2, 3)):
        pull(b, y)


@clause(
    "function.no-saved-can-repeat",
    "A Function that saved nothing is run again without retain_graph.",
    source="observed",
    area=AREA,
    witness=got_gradient,
)
def test_nothing_saved(check: Any, programs: Any = generate(nothing_saved)) -> None:
    check(programs)


def stale(b: Builder) -> None:
    x = b.call("clone", b.leaf(b.shape(1, 3)))
    rule = b.pick(("square", "save_result", "product", "save_mixture"))
    y = apply(b, rule, *((x, b.leaf(x.shape)) if rule in ("product", "save_mixture") else (x,)))
    root = b.call("sum", y)
    b.call(b.pick(("mul", "add")), y if rule == "save_result" else x, 2, form="inplace")
    b.backward(root)


@clause(
    "function.saved-version-check",
    "Reading a saved input or output that was written since raises RuntimeError.",
    source="FunctionCtx.save_for_backward",
    area=AREA,
    profile="mutation",
    witness=last_raises,
)
def test_stale(check: Any, programs: Any = generate(stale)) -> None:
    check(programs)


def saved_twice(b: Builder) -> None:
    x, y = pair(b)
    pull(b, apply(b, "save_twice", inner(b, x), y))


@clause(
    "function.save-called-twice-last-wins",
    "A second save_for_backward replaces what the first saved.",
    source="FunctionCtx.save_for_backward",
    area=AREA,
    witness=got_gradient,
)
def test_last_wins(check: Any, programs: Any = generate(saved_twice)) -> None:
    check(programs)


def cleared(b: Builder) -> None:
    x = inner(b, b.leaf())
    y = apply(b, b.pick(("clears_saved", "clears_saved", "clears_saved_once")), x)
    b.backward(y, gradient=b.like(y), retain_graph=b.pick((None, True)))


def either(trace: Trace) -> bool:
    return got_gradient(trace) or last_raises(trace)


@clause(
    "function.clear-saved-on-access",
    "With clear_saved_tensors_on_access saved_tensors can be read once.",
    source=NOTE,
    area=AREA,
    witness=either,
)
def test_cleared(check: Any, programs: Any = generate(cleared)) -> None:
    check(programs)


def boxed(b: Builder) -> None:
    x = inner(b, b.leaf())
    pull(b, apply(b, "boxed", x))


@clause(
    "function.boxed-grads",
    "With boxed_grads_call backward gets one list of gradients that it may empty.",
    source=NOTE,
    area=AREA,
    witness=got_gradient,
)
def test_boxed(check: Any, programs: Any = generate(boxed)) -> None:
    check(programs)


def written_in_forward(b: Builder) -> None:
    x = b.call("clone", b.leaf(b.shape(1, 3)))
    y = apply(b, b.pick(("double_in_place", "square_in_place")), x)
    b.observe(x, "flags", "graph", "version", "layout", "value")
    b.observe(y, "flags", "graph", "version", "layout")
    pull(b, b.pick((x, y)))


@clause(
    "function.mark-dirty",
    "An input marked dirty and returned is the output: it has the Function's node and a higher version.",
    source="FunctionCtx.mark_dirty",
    area=AREA,
    profile="mutation",
    witness=lambda trace: got_gradient(trace) and len(set(nodes(trace))) == 1,
)
def test_written_in_forward(check: Any, programs: Any = generate(written_in_forward)) -> None:
    check(programs)


def saved_before(b: Builder) -> None:
    saved = b.call(b.pick(("exp", "tanh", "sigmoid", "sqrt")), b.leaf(b.shape(1, 3)))
    y = apply(b, b.pick(("double_in_place", "square_in_place")), saved)
    b.backward(b.call("sum", y))


@clause(
    "function.mark-dirty-stale-save-detected",
    "Marking an input dirty lets backward find that an operation before had saved its old value.",
    source="FunctionCtx.mark_dirty",
    area=AREA,
    profile="mutation",
    witness=last_raises,
)
def test_saved_before(check: Any, programs: Any = generate(saved_before)) -> None:
    check(programs)


def leaf_written(b: Builder) -> None:
    x = b.leaf(b.shape(1, 3))
    with b.mode(*b.pick(((), ("no_grad",)))):
        target = x if b.chance(2) else b.call("view", x, (-1,), form="method")
    apply(b, b.pick(("double_in_place", "square_in_place")), target)


@clause(
    "function.mark-dirty-leaf-error",
    "A Function that writes a leaf that requires grad raises RuntimeError.",
    source="observed",
    area=AREA,
    profile="mutation",
    witness=last_raises,
)
def test_leaf_written(check: Any, programs: Any = generate(leaf_written)) -> None:
    check(programs)


def not_returned(b: Builder) -> None:
    x = b.call("clone", b.leaf(b.shape(1, 3)))
    apply(b, "dirty_unreturned", x)


@clause(
    "function.mark-dirty-must-return",
    "An input marked dirty that isn't returned raises RuntimeError.",
    source="observed",
    area=AREA,
    profile="mutation",
    witness=last_raises,
)
def test_not_returned(check: Any, programs: Any = generate(not_returned)) -> None:
    check(programs)


def view_written(b: Builder) -> None:
    base = b.call("clone", b.leaf(b.pick(((2, 3), (3, 2), (4,), (2, 2, 2)))))
    if b.chance(2):
        view = b.call("narrow", base, 0, b.integer(0, 1), b.integer(1, 2 if base.shape[0] > 2 else 1))
    else:
        view = b.call("transpose", base, 0, -1)
    apply(b, b.pick(("double_in_place", "square_in_place")), view)
    b.observe(base, "flags", "graph", "version", "value")
    b.observe(view, "flags", "graph", "version")
    b.backward(b.call("sum", b.call("mul", base, base)))


@clause(
    "function.mark-dirty-view",
    "A view marked dirty gives its base a new history.",
    source="FunctionCtx.mark_dirty",
    area=AREA,
    profile="mutation",
    witness=lambda trace: got_gradient(trace) and "CopySlices" in str(nodes(trace)[0]),
)
def test_view_written(check: Any, programs: Any = generate(view_written)) -> None:
    check(programs)


def instance(torch: Any, drawn: Any) -> Any:
    data, calls = drawn

    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * x

    made, given = warned(Square)
    return type(made).__name__, [text[:1] for text in given], calls and attempt(lambda: made(torch.tensor(data)))


@clause(
    "function.instantiation-deprecated",
    "Making an instance warns, and calling it raises: Functions are used through apply.",
    source="observed",
    area=AREA,
)
def test_instance(check: Any, scene: Any = scenario(instance, lambda b: (numbers(b), not b.chance(3)))) -> None:
    check(scene)


def without_static(torch: Any, drawn: Any) -> Any:
    data, factor, both = drawn

    class Scaled(torch.autograd.Function):
        def forward(self, x):
            self.factor = factor
            return x * factor

        def backward(self, g):
            return g * self.factor * 2

    if both:
        Scaled.backward = staticmethod(Scaled.backward)
    x = torch.tensor(data, requires_grad=True)
    y = Scaled.apply(x)
    y.sum().backward()
    return facts(y), facts(x.grad)


@clause(
    "function.nonstatic-forward-accepted",
    "Methods without @staticmethod work through apply, ctx in self's place.",
    source="observed",
    area=AREA,
)
def test_without_static(
    check: Any, scene: Any = scenario(without_static, lambda b: (numbers(b), b.integer(-3, 3), b.chance(2)))
) -> None:
    check(scene)
