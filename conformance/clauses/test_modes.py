"""Clauses of ``mode``: no_grad, enable_grad, set_grad_enabled, and how they nest and end."""

from __future__ import annotations

from typing import Any

from ..drawing.build import Builder, Value
from ..programs.trace import HookCall, Observed, Raised, Trace
from ..promises.clause import clause, finished, generate, raises
from .hooking import differentiate, hooked_and_stored, path, run

AREA = "grad-modes"
NO_GRAD = "torch.no_grad"
NOTES = "notes/autograd#Grad Modes"
OFF = ("no_grad", "set_grad_enabled:False")
ON = ("enable_grad", "set_grad_enabled:True")


def looked_at(trace: Trace) -> list[Observed]:
    """The tensors whose flags or modes were observed, in order."""
    return [o for o in trace.steps if isinstance(o, Observed) and (o.is_leaf is not None or o.more)]


def modes_seen(trace: Trace) -> list[Any]:
    """(gradient mode, inference mode, anomaly mode) wherever the modes were observed."""
    return [o.more["modes"] for o in looked_at(trace) if o.more and "modes" in o.more]


def got_gradient(trace: Trace) -> bool:
    return finished(trace) and bool(trace.gradients)


def a_call(b: Builder, *values: Value) -> Value:
    op = b.pick(("mul", "sin", "add", "exp", "neg", "tanh"))
    return b.call(op, *([b.pick(values), b.pick(values)] if op in ("mul", "add") else [b.pick(values)]))


def unrecorded(b: Builder) -> None:
    x = b.leaf()
    y = b.smooth(x, depth=1)
    with b.mode(*b.pick((("no_grad",), ("set_grad_enabled:False",), ("enable_grad", "no_grad")))):
        for _ in range(b.integer(1, 3)):
            b.observe(a_call(b, x, y), "flags", "graph", "modes")


def all_constant(trace: Trace) -> bool:
    seen = looked_at(trace)
    return finished(trace) and bool(seen) and all(o.is_leaf and not o.requires_grad for o in seen)


@clause(
    "mode.no-grad-not-recorded",
    "Under no_grad a result doesn't require grad and has no grad_fn, though its inputs require grad.",
    source=NO_GRAD,
    area=AREA,
    witness=all_constant,
)
def test_unrecorded(check: Any, programs: Any = generate(unrecorded)) -> None:
    check(programs)


def used_as_constant(b: Builder) -> None:
    x = b.leaf(b.shape(0, 2))
    with b.mode(b.pick(OFF)):
        c = a_call(b, x)
    y = b.call(b.pick(("mul", "add", "sub")), *b.pick(((x, c), (c, x))))
    run(b, b.smooth(y, depth=1))
    b.grad_of(x)


@clause(
    "mode.no-grad-outputs-usable-later",
    "What was computed under no_grad may be used in what is recorded later, as a constant.",
    source=f"{NOTES} table",
    area=AREA,
    witness=got_gradient,
)
def test_constant(check: Any, programs: Any = generate(used_as_constant)) -> None:
    check(programs)


def leaf_written(b: Builder) -> None:
    x = b.leaf(b.shape(0, 2))
    for _ in range(b.integer(1, 2)):
        with b.mode(b.pick(OFF)):
            op = b.pick(("mul", "add", "neg", "sin"))
            b.call(op, x, *([b.like(x)] if op in ("mul", "add") else []), form="inplace")
    b.observe(x, "value", "flags", "graph", "version")
    run(b, b.smooth(x))
    b.grad_of(x)


def still_leaf(trace: Trace) -> bool:
    seen = looked_at(trace)
    return got_gradient(trace) and bool(seen[0].requires_grad) and bool(seen[0].is_leaf) and bool(seen[0].version)


@clause(
    "mode.no-grad-inplace-on-leaf",
    "Under no_grad a leaf that requires grad may be written; it stays such a leaf, and the write isn't recorded.",
    source="notes/autograd#No-grad Mode",
    area=AREA,
    profile="mutation",
    witness=still_leaf,
)
def test_leaf_written(check: Any, programs: Any = generate(leaf_written)) -> None:
    check(programs)


def saved_then_written(b: Builder) -> None:
    x = b.leaf(b.shape(0, 2))
    op = b.pick(("sin", "square", "exp", "tanh"))
    y = b.call(op, x)
    saved, other = (x, y) if op in ("sin", "square") else (y, x)
    target = other if b.chance(6) else saved
    with b.mode(*b.pick((("no_grad",), ("set_grad_enabled:False",), ("no_grad", "thread")))):
        b.call(b.pick(("mul", "add")), target, b.like(target), form="inplace")
    b.observe(target, "version", "flags")
    run(b, b.smooth(y, depth=1))


def failed_or_passed(trace: Trace) -> bool:
    """The write itself went through."""
    return bool(looked_at(trace))


@clause(
    "mode.no-grad-inplace-still-bumps-version",
    "A write under no_grad counts: a pass that needs the value as it was saved raises RuntimeError.",
    source="notes/autograd#In-place correctness checks",
    area=AREA,
    profile="mutation",
    witness=lambda trace: failed_or_passed(trace) and raises(trace),
)
def test_saved_then_written(check: Any, programs: Any = generate(saved_then_written)) -> None:
    check(programs)


def left_by_error(b: Builder) -> None:
    x = b.leaf((2,))
    for _ in range(2):
        outer = b.pick((*OFF, *ON, "inference_mode"))
        with b.mode(*b.pick(((), (outer,))), f"{b.pick(('broken', 'left'))}:{b.pick((*OFF, *ON, 'inference_mode'))}"):
            b.observe(a_call(b, x), "modes", "flags")
    with b.mode(*b.pick(((), ("no_grad",), ("enable_grad",)))), b.mode(b.pick((*OFF, *ON, "inference_mode"))):
        if b.chance(2):
            b.call("view", x, (3,), form="method")
        else:
            b.backward(b.leaf((2,), requires_grad=False))
    b.observe(x, "modes")
    b.observe(a_call(b, x), "flags", "graph")


@clause(
    "mode.restored-on-exit",
    "Leaving the block brings the mode back that held before, also where an exception leaves it.",
    source=NO_GRAD,
    area=AREA,
    witness=lambda trace: raises(trace) and len(looked_at(trace)) == 4,
)
def test_left_by_error(check: Any, programs: Any = generate(left_by_error)) -> None:
    check(programs)


def stacks(b: Builder) -> None:
    x = b.leaf(b.shape(0, 2))
    rest = (b.pick(("", "", "left:")) + b.pick((*OFF, *ON)) for _ in range(b.integer(1, 4)))
    stack = (b.pick(OFF), *rest)
    for depth in (*range(len(stack) + 1), 0):
        with b.mode(*stack[:depth]):
            b.observe(a_call(b, x), "flags", "graph", "modes")


def both_modes(trace: Trace) -> bool:
    return finished(trace) and {seen[0] for seen in modes_seen(trace)} == {True, False}


@clause(
    "mode.nesting",
    "Modes nest: what is recorded depends on the innermost one alone, and each exit brings the outer one back.",
    source="torch.enable_grad",
    area=AREA,
    witness=both_modes,
)
def test_stacks(check: Any, programs: Any = generate(stacks)) -> None:
    check(programs)


def recorded_inside(b: Builder) -> None:
    x = b.leaf(b.shape(0, 2))
    with b.mode(b.pick(OFF), b.pick(ON)):
        y = b.smooth(x, depth=b.integer(1, 2))
    with b.mode(*b.pick(((), ("no_grad",)))):
        run(b, y)
    b.grad_of(x)


@clause(
    "mode.enable-grad-backward",
    "A graph that enable_grad recorded inside of no_grad can be differentiated after both ended.",
    source="torch.enable_grad",
    area=AREA,
    witness=got_gradient,
)
def test_recorded_inside(check: Any, programs: Any = generate(recorded_inside)) -> None:
    check(programs)


def set_as_context(b: Builder) -> None:
    x = b.leaf(b.shape(0, 2))
    outer = b.pick(((), ("no_grad",)))
    with b.mode(*outer):
        with b.mode(f"set_grad_enabled:{bool(b.choose(2))}"):
            y = a_call(b, x)
            b.observe(y, "flags", "graph", "modes")
        b.observe(a_call(b, x, y), "flags", "modes")


@clause(
    "mode.set-grad-enabled-context",
    "set_grad_enabled(flag) as a context manager sets the mode inside, and brings the one before back.",
    source="torch.set_grad_enabled",
    area=AREA,
)
def test_set_as_context(check: Any, programs: Any = generate(set_as_context)) -> None:
    check(programs)


def asked(b: Builder) -> None:
    x = b.leaf(())
    for _ in range(b.integer(2, 4)):
        stack = tuple(b.pick((*OFF, *ON, "inference_mode", "inference_mode:False")) for _ in range(b.integer(0, 3)))
        with b.mode(*stack):
            b.observe(x, "modes")


@clause(
    "mode.is-grad-enabled",
    "is_grad_enabled() says whether gradient mode is on.",
    source="torch.is_grad_enabled",
    area=AREA,
    witness=lambda trace: finished(trace) and len(modes_seen(trace)) > 1,
)
def test_asked(check: Any, programs: Any = generate(asked)) -> None:
    check(programs)


def other_thread(*outer: str) -> Any:
    """Programs that look at a result and at the modes in a thread started inside of a mode, and outside of it."""

    def build(b: Builder) -> None:
        x = b.leaf(b.shape(0, 2))
        mode = b.pick(outer)
        with b.mode(mode, "thread"):
            y = a_call(b, x)
            b.observe(y, "flags", "graph", "modes", "inference")
        with b.mode("thread", mode):
            b.observe(a_call(b, x), "flags", "graph", "modes", "inference")
        b.observe(a_call(b, x), "flags", "graph", "modes", "inference")
        run(b, y)

    return generate(build)


@clause(
    "mode.no-grad-thread-local",
    "A thread has a gradient mode of its own, which is on when it starts, whatever its parent's.",
    source=NO_GRAD,
    area=AREA,
    profile="threads",
    witness=both_modes,
)
def test_other_thread(check: Any, programs: Any = other_thread(*OFF)) -> None:
    check(programs)


@clause(
    "mode.inference-thread-local",
    "A thread has an inference mode of its own, which is off when it starts.",
    source="torch.inference_mode",
    area=AREA,
    profile="threads",
    witness=both_modes,
)
def test_inference_thread(check: Any, programs: Any = other_thread("inference_mode")) -> None:
    check(programs)


VIEWS = ("t", "transpose", "squeeze", "unsqueeze", "detach", "clone", "neg", "t")


def a_view(b: Builder, x: Value) -> Value:
    """A view of a matrix, or now and then a result that is none."""
    op = b.pick(VIEWS)
    given: dict[str, tuple[int, ...]] = {"unsqueeze": (b.integer(0, 2),), "transpose": (0, 1)}
    return b.call(op, x, *given.get(op, ()), form="method")


def views_unrecorded(b: Builder) -> None:
    x = b.leaf((b.integer(1, 3), b.integer(1, 3)))
    base = b.pick((x, b.smooth(x, depth=1)))
    with b.mode(b.pick(OFF)):
        for _ in range(b.integer(1, 3)):
            b.observe(a_view(b, base), "flags", "graph", "layout")


def requires_without_node(trace: Trace) -> bool:
    return finished(trace) and any(o.requires_grad and o.grad_fn is False for o in looked_at(trace))


@clause(
    "mode.view-under-no-grad-requires-grad",
    "No result of no_grad requires grad, says the docstring; seen is that a view of a tensor that requires grad "
    "does, without a grad_fn (drift).",
    source=NO_GRAD,
    area=AREA,
    profile="mutation",
    witness=requires_without_node,
)
def test_views(check: Any, programs: Any = generate(views_unrecorded)) -> None:
    check(programs)


def mode_in_hooks(b: Builder) -> None:
    x, y, root = path(b)
    for target, kind in ((y, "tensor"), (y, "node_pre"), (root, "node_post"), (x, "post_accumulate")):
        if not b.chance(4):
            b.hook(target, "mode", kind)
    b.hook(root, "mode")
    live = b.chance(2)
    with b.mode(*b.pick(((), OFF[:1], ON[:1]))):
        if b.chance(3):
            first = differentiate(b, root, [x], create_graph=live)
        else:
            run(b, root, create_graph=live)
            first = b.grad_of(x)
        b.observe(first, "flags")
    if b.chance(2):
        z = b.transform("function", None, [x], rule="square")
        z.shape, z.dtype = x.shape, x.dtype
        b.observe(b.item(differentiate(b, z, [x], create_graph=live), 0), "flags")


def modes_logged(trace: Trace) -> bool:
    return finished(trace) and any(_logs_mode(call) for call in trace.hooks)


def _logs_mode(call: HookCall) -> bool:
    return isinstance(call.grads[-1], bool)


@clause(
    "mode.backward-body-grad-mode",
    "User code in a pass (hooks, the backward of a Function) runs with gradient mode off, and on under create_graph.",
    source="torch.Tensor.register_post_accumulate_grad_hook",
    area=AREA,
    profile="hooks",
    witness=modes_logged,
)
def test_mode_in_hooks(check: Any, programs: Any = generate(mode_in_hooks)) -> None:
    check(programs)


def after_pass(b: Builder) -> None:
    x, y, root = path(b)
    if b.chance(3):
        b.hook(y, "raise")
    live = b.chance(2)
    with b.mode(*b.pick(((), (), OFF[:1], ON[1:], ("thread",)))):
        run(b, root, create_graph=live)
        b.observe(x, "modes")
    b.observe(x, "modes")
    b.observe(a_call(b, x), "flags", "graph")


def looked_after(trace: Trace) -> bool:
    errors = [o for o in trace.steps if isinstance(o, Raised)]
    return len(modes_seen(trace)) == 2 and (bool(errors) or hooked_and_stored(trace) or bool(trace.gradients))


@clause(
    "mode.reset-after-backward",
    "A pass leaves the caller's gradient mode as it found it, also where it raises.",
    source="observed",
    area=AREA,
    witness=looked_after,
)
def test_after_pass(check: Any, programs: Any = generate(after_pass)) -> None:
    check(programs)
