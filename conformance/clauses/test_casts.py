"""Clauses of casts: which are recorded."""

from __future__ import annotations

from typing import Any

from ..drawing.build import Builder
from ..drawing.domains import NONZERO
from ..programs.program import Dtype
from ..programs.trace import Observed, Trace
from ..promises.clause import clause, generate
from .applying import got_gradient, inner, pull

AREA = "dtype-rules"
FLOATS = ("float32", "float64", "float16", "bfloat16")
INTEGERS = ("int64", "int32", "int16", "int8", "uint8", "bool")


def cast(b: Builder, x: Any, target: str) -> Any:
    return b.call("to", x, Dtype(target), non_blocking=False, copy=b.chance(2), form="method")


def to_integers(b: Builder) -> None:
    x = inner(b, b.leaf(domain=NONZERO))
    cut = cast(b, x, b.pick(INTEGERS))
    b.observe(cut, "flags", "graph")
    back = cast(b, cut, b.dtype)
    b.observe(back, "flags", "graph")
    pull(b, b.call("mul", x, back))


def cut_twice(trace: Trace) -> bool:
    histories = [s.grad_fn for s in trace.steps if isinstance(s, Observed) and s.grad_fn is not None]
    return got_gradient(trace) and histories == [False, False]


@clause(
    "dtype.cast-to-int-detaches",
    "A cast to an integer or bool dtype isn't recorded: its result doesn't require grad, nor does a cast back.",
    source="observed",
    area=AREA,
    witness=cut_twice,
)
def test_to_integers(check: Any, programs: Any = generate(to_integers)) -> None:
    check(programs)


def to_floats(b: Builder) -> None:
    x = b.leaf(dtype=b.pick(FLOATS))
    y = x
    for _ in range(b.integer(1, 3)):
        y = cast(b, y, b.pick(FLOATS))
    b.observe(y, "flags", "graph")
    if y.requires_grad:
        pull(b, b.smooth(y, depth=1))


@clause(
    "dtype.cast-between-floats-differentiable",
    "A cast between float dtypes is recorded, and the gradient is cast back.",
    source="observed",
    area=AREA,
    profile="reverse",
    witness=got_gradient,
)
def test_to_floats(check: Any, programs: Any = generate(to_floats)) -> None:
    check(programs)
