"""Clauses of custom Functions: what backward is told, of needed gradients and of missing ones."""

from __future__ import annotations

from typing import Any

from ..drawing.build import Builder
from ..promises.clause import clause, generate
from .applying import apply, apply_parts, got_gradient, inner, pair, pull

AREA = "custom-function"
NOTE = "notes/extending#Extending torch.autograd"


def needed(b: Builder) -> None:
    shape = b.shape()
    flags = b.pick(((True, True), (True, False), (False, True)))
    x, y = (b.leaf(shape, requires_grad=flag) for flag in flags)
    pull(b, apply(b, "needs", x, b.integer(1, 3), y))
    b.grad_of(x)
    b.grad_of(y)


@clause(
    "function.needs-input-grad",
    "ctx.needs_input_grad has a boolean for each argument: False for what is no tensor or needs no gradient.",
    source="autograd.Function.backward",
    area=AREA,
    witness=got_gradient,
)
def test_needed(check: Any, programs: Any = generate(needed)) -> None:
    check(programs)


def needed_at_forward(b: Builder) -> None:
    x, y = pair(b)
    out = apply(b, "needs", x, b.integer(1, 3), inner(b, y))
    if b.chance(2):
        b.grad([out], [b.pick((x, y))], [b.like(out)])
    else:
        b.backward(out, gradient=b.like(out), inputs=[b.pick((x, y))])


@clause(
    "function.needs-input-grad-static",
    "needs_input_grad is what the inputs required at forward, whatever the pass asks for.",
    source="observed",
    area=AREA,
)
def test_needed_at_forward(check: Any, programs: Any = generate(needed_at_forward)) -> None:
    check(programs)


def missing_gradients(b: Builder) -> None:
    x = inner(b, b.leaf())
    outs = apply_parts(b, "zeros_for_missing", 2, x)
    pull(b, b.pick(outs))


@clause(
    "function.materialize-default-zeros",
    "Gradients of outputs that the root doesn't use reach backward as zeros.",
    source="FunctionCtx.set_materialize_grads",
    area=AREA,
    witness=got_gradient,
)
def test_missing_gradients(check: Any, programs: Any = generate(missing_gradients)) -> None:
    check(programs)


def missing_as_none(b: Builder) -> None:
    x = inner(b, b.leaf())
    outs = apply_parts(b, "none_for_missing", 2, x)
    used = b.pick(([outs[0]], [outs[1]], outs))
    pull(b, b.smooth(*used, depth=1))


@clause(
    "function.materialize-off-none",
    "After set_materialize_grads(False) missing gradients arrive as None.",
    source="FunctionCtx.set_materialize_grads",
    area=AREA,
    witness=got_gradient,
)
def test_missing_as_none(check: Any, programs: Any = generate(missing_as_none)) -> None:
    check(programs)


def all_missing(b: Builder) -> None:
    x = inner(b, b.leaf())
    y = apply(b, b.pick(("unasked", "unasked", "unasked_zeros")), x)
    pull(b, b.smooth(apply(b, "no_gradient", y), depth=1))


@clause(
    "function.all-grads-undefined-skips",
    "backward is called also when every gradient is missing, with None or zeros as it asked.",
    source="observed",
    area=AREA,
    witness=got_gradient,
)
def test_all_missing(check: Any, programs: Any = generate(all_missing)) -> None:
    check(programs)


def set_up(b: Builder) -> None:
    x = inner(b, b.leaf())
    y = apply(b, "set_up", x)
    b.observe(y, "flags", "graph")
    pull(b, y)


@clause(
    "function.setup-context-split",
    "forward may leave ctx to setup_context, which gets the arguments as a tuple and what forward returned.",
    source="autograd.Function.setup_context",
    area=AREA,
    witness=got_gradient,
)
def test_set_up(check: Any, programs: Any = generate(set_up)) -> None:
    check(programs)
