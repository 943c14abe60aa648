"""Clauses of custom Functions: what forward may return, and which outputs are tracked."""

from __future__ import annotations

from typing import Any

from ..drawing.build import Builder
from ..programs.trace import Observed, Trace
from ..promises.clause import clause, finished, generate
from .applying import (
    apply,
    apply_parts,
    got_gradient,
    inner,
    nodes,
    pair,
    pull,
    recorded,
    unrecorded,
)

AREA = "custom-function"
NOTE = "notes/extending#Extending torch.autograd"


def several_outputs(b: Builder) -> None:
    x, y = pair(b)
    outs = apply_parts(b, "three_outputs", 3, x, y) if b.chance(2) else apply_parts(b, "two_outputs", 2, x)
    used = [out for out in outs if b.chance(2)] or [outs[-1]]
    b.observe(used[0], "flags", "graph")
    if b.chance(2):
        b.backward(*used, gradient=[b.like(out) for out in used], form="function")
    else:
        pull(b, b.smooth(*used, depth=1))


@clause(
    "function.multiple-outputs",
    "A tuple of outputs gives backward one gradient for each.",
    source="autograd.Function.backward",
    area=AREA,
    profile="reverse",
    witness=got_gradient,
)
def test_several_outputs(check: Any, programs: Any = generate(several_outputs)) -> None:
    check(programs)


def list_outputs(b: Builder) -> None:
    outs = apply_parts(b, "list_outputs", 2, inner(b, b.leaf()))
    b.observe(b.pick(outs), "flags", "graph")


@clause(
    "function.list-output-untracked",
    "A list that forward returns comes back as it is, its tensors untracked.",
    source="observed",
    area=AREA,
    witness=unrecorded,
)
def test_list_outputs(check: Any, programs: Any = generate(list_outputs)) -> None:
    check(programs)


def plain_outputs(b: Builder) -> None:
    x = inner(b, b.leaf())
    y = apply_parts(b, "plain_outputs", 3, x)[0]
    b.observe(y, "graph")
    pull(b, y)


@clause(
    "function.nontensor-output",
    "Outputs that are no tensors are passed through, and backward gets None for them.",
    source="autograd.Function.backward",
    area=AREA,
    witness=lambda trace: got_gradient(trace) and recorded(trace),
)
def test_plain_outputs(check: Any, programs: Any = generate(plain_outputs)) -> None:
    check(programs)


def integer_outputs(b: Builder) -> None:
    x = b.leaf()
    outs = apply_parts(b, b.pick(("integer_output", "bool_output")), 2, inner(b, x))
    for out in outs:
        b.observe(out, "flags", "graph")


def one_recorded(trace: Trace) -> bool:
    return finished(trace) and sorted(map(bool, nodes(trace))) == [False, True]


@clause(
    "function.integer-output-not-differentiable",
    "Outputs of integral dtype never require grad.",
    source=NOTE,
    area=AREA,
    witness=one_recorded,
)
def test_integer_outputs(check: Any, programs: Any = generate(integer_outputs)) -> None:
    check(programs)


def returned_as_is(b: Builder) -> None:
    x = inner(b, b.leaf())
    y = apply(b, "identity", x)
    b.observe(x, "flags", "graph", "layout")
    b.observe(y, "flags", "graph", "layout", "version")
    if b.chance(2):
        with b.mode("no_grad"):
            b.call("mul", y, 2, form="inplace")
    pull(b, y)
    b.observe(x, "version", "value")


def new_alias(trace: Trace) -> bool:
    seen = [s for s in trace.steps if isinstance(s, Observed) and s.alias is not None]
    return len(seen) == 2 and seen[0].alias == seen[1].alias and seen[0].grad_fn != seen[1].grad_fn


@clause(
    "function.input-returned-as-is",
    "An input that forward returns unchanged comes back as a new tensor, a view of it, with the Function's node.",
    source="observed",
    area=AREA,
    witness=new_alias,
)
def test_returned_as_is(check: Any, programs: Any = generate(returned_as_is)) -> None:
    check(programs)
