"""Clauses of ``mode``: inference mode, and what becomes of the tensors made in it."""

from __future__ import annotations

from typing import Any

from ..drawing.build import Builder, Value
from ..programs.trace import Raised, Trace
from ..promises.clause import clause, generate
from .hooking import run
from .test_modes import a_call, a_view, all_constant, got_gradient, looked_at

AREA = "grad-modes"
INFERENCE = "torch.inference_mode"
NOTES = "notes/autograd#Inference Mode"


def made(b: Builder, x: Value) -> Value:
    """A tensor made in inference mode: computed from x, or a leaf."""
    with b.mode("inference_mode"):
        return a_call(b, x) if b.chance(2) else b.leaf(x.shape, requires_grad=False)


def inferred(trace: Trace) -> bool:
    """An inference tensor was looked at."""
    return any(o.more and o.more.get("inference") is True for o in looked_at(trace))


def failed_once(trace: Trace) -> bool:
    """An inference tensor was looked at, and a later step raised."""
    return inferred(trace) and len([o for o in trace.steps if isinstance(o, Raised)]) == 1


def in_inference(b: Builder) -> None:
    x = b.leaf(b.shape(0, 2))
    with b.mode(*b.pick((("inference_mode",), ("enable_grad", "inference_mode"), ("inference_mode", "enable_grad")))):
        y = a_call(b, x)
        b.observe(y, "flags", "inference", "modes")
        b.observe(a_call(b, x, y), "flags", "inference")


@clause(
    "mode.inference-not-recorded",
    "In inference mode a result doesn't require grad, and is_inference() is True.",
    source=INFERENCE,
    area=AREA,
    witness=lambda trace: all_constant(trace) and inferred(trace),
)
def test_in_inference(check: Any, programs: Any = generate(in_inference)) -> None:
    check(programs)


def switched_off(b: Builder) -> None:
    x = b.leaf(b.shape(0, 2))
    with b.mode(*b.pick((("inference_mode", "inference_mode:False"), ("no_grad", "inference_mode:False")))):
        y = a_call(b, x)
        b.observe(y, "flags", "graph", "inference", "modes")
    run(b, y)


@clause(
    "mode.inference-false-argument",
    "inference_mode(False) inside of inference mode brings normal recording back.",
    source=INFERENCE,
    area=AREA,
    witness=got_gradient,
)
def test_switched_off(check: Any, programs: Any = generate(switched_off)) -> None:
    check(programs)


def saved(b: Builder) -> None:
    x = b.leaf(b.shape(0, 2))
    c = made(b, x)
    b.observe(c, "inference")
    b.call(b.pick(("mul", "div", "atan2")), x, c)


@clause(
    "mode.inference-tensor-saved-error",
    "An operation that would have to save an inference tensor for backward raises RuntimeError.",
    source=INFERENCE,
    area=AREA,
    witness=failed_once,
)
def test_saved(check: Any, programs: Any = generate(saved)) -> None:
    check(programs)


def recorded_use(b: Builder) -> None:
    x = b.leaf(b.shape(0, 2))
    c = made(b, x)
    b.observe(c, "inference")
    y = b.call(b.pick(("add", "sub")), *b.pick(((x, c), (c, x))))
    b.observe(y, "flags", "graph", "inference")
    run(b, b.smooth(y, depth=1))


@clause(
    "mode.inference-tensor-any-recorded-use",
    "An inference tensor can't be used in anything recorded, says the page; seen is that an operation which "
    "doesn't save it is recorded and differentiated (drift).",
    source="notes/autograd#Grad Modes table",
    area=AREA,
    witness=lambda trace: inferred(trace) and got_gradient(trace),
)
def test_recorded_use(check: Any, programs: Any = generate(recorded_use)) -> None:
    check(programs)


def written_outside(b: Builder) -> None:
    x = b.leaf(b.shape(0, 2))
    c = made(b, x)
    b.observe(c, "inference")
    if b.chance(2):
        with b.mode("inference_mode"):
            b.call("mul", c, 2, form="inplace")
    with b.mode(*b.pick(((), ("no_grad",), ("inference_mode", "thread"), ("inference_mode", "inference_mode:False")))):
        op = b.pick(("mul", "add", "neg"))
        b.call(op, c, *([b.like(c)] if op != "neg" else []), form="inplace")


@clause(
    "mode.inference-inplace-outside-error",
    "Writing an inference tensor outside of inference mode raises RuntimeError, also under no_grad.",
    source="observed",
    area=AREA,
    profile="mutation",
    witness=failed_once,
)
def test_written_outside(check: Any, programs: Any = generate(written_outside)) -> None:
    check(programs)


def flagged_outside(b: Builder) -> None:
    c = made(b, b.leaf(b.shape(0, 2)))
    b.observe(c, "inference")
    b.flag(c, b.pick(("requires_grad_", "requires_grad")), True)


@clause(
    "mode.inference-requires-grad-error",
    "Turning requires_grad on of an inference tensor outside of inference mode raises RuntimeError.",
    source="observed",
    area=AREA,
    witness=failed_once,
)
def test_flagged_outside(check: Any, programs: Any = generate(flagged_outside)) -> None:
    check(programs)


def version_read(b: Builder) -> None:
    c = made(b, b.leaf(b.shape(0, 2)))
    b.observe(c, "inference")
    with b.mode(*b.pick(((), ("inference_mode",)))):
        b.observe(c, "version")


@clause(
    "mode.inference-no-version",
    "Reading the version of an inference tensor raises RuntimeError: it has none.",
    source=INFERENCE,
    area=AREA,
    profile="mutation",
    witness=failed_once,
)
def test_version(check: Any, programs: Any = generate(version_read)) -> None:
    check(programs)


def cloned(b: Builder) -> None:
    x = b.leaf(b.shape(0, 2))
    c = made(b, x)
    b.observe(c, "inference")
    copy = b.call("clone", c)
    b.observe(copy, "inference", "version", "flags")
    if b.chance(2):
        b.flag(copy, "requires_grad_")
    y = b.call(b.pick(("mul", "atan2")), x, copy)
    run(b, y)


@clause(
    "mode.inference-clone-is-normal",
    "A clone of an inference tensor, made outside of inference mode, is a normal tensor that can be saved.",
    source=NOTES,
    area=AREA,
    witness=lambda trace: inferred(trace) and got_gradient(trace),
)
def test_cloned(check: Any, programs: Any = generate(cloned)) -> None:
    check(programs)


def view_inside(b: Builder) -> None:
    x = b.leaf((b.integer(1, 3), b.integer(1, 3)), requires_grad=b.chance(2))
    base = b.pick((x, b.call("clone", x)))
    with b.mode("inference_mode"):
        v = a_view(b, base)
        b.observe(v, "inference", "flags", "layout")
    b.observe(v, "version")
    b.observe(b.call("add", v, v), "flags", "inference")
    b.call("mul", v, b.integer(2, 3), form="inplace")


def normal_view(trace: Trace) -> bool:
    first = looked_at(trace)[0]
    return first.more is not None and first.more["inference"] is False


@clause(
    "mode.inference-view-of-normal",
    "A view of a normal tensor made in inference mode is a normal tensor itself.",
    source="observed",
    area=AREA,
    profile="mutation",
    witness=normal_view,
)
def test_view_inside(check: Any, programs: Any = generate(view_inside)) -> None:
    check(programs)
