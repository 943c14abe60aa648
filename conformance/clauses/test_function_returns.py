"""Clauses of custom Functions: what backward may return, and what it is told."""

from __future__ import annotations

from typing import Any

from ..drawing.build import Builder
from ..programs.trace import Nothing, Observed, Trace
from ..promises.clause import clause, finished, generate
from .applying import apply, apply_parts, got_gradient, inner, last_raises, nodes, pair, pull

AREA = "custom-function"
NOTE = "notes/extending#Extending torch.autograd"


def last_read_nothing(trace: Trace) -> bool:
    last = trace.steps[-1]
    return finished(trace) and isinstance(last, Nothing) and not last.skipped


def too_few(b: Builder) -> None:
    x, y = pair(b)
    out = (
        apply(b, "too_few", inner(b, x), y) if b.chance(2) else apply(b, "too_few_options", x, 3, *b.pick(((), ("n",))))
    )
    pull(b, out)


def fails_or_not(trace: Trace) -> bool:
    return last_raises(trace) and "incorrect number of gradients" in str(next(trace.raised())[1].message)


@clause(
    "function.backward-too-few",
    "backward that returns fewer gradients than forward has arguments raises RuntimeError.",
    source=NOTE,
    area=AREA,
    witness=fails_or_not,
)
def test_too_few(check: Any, programs: Any = generate(too_few)) -> None:
    check(programs)


def extra_nones(b: Builder) -> None:
    x = inner(b, b.leaf())
    pull(b, apply(b, b.pick(("trailing_nones", "scaled")), x))


@clause(
    "function.backward-extra-nones-ok",
    "Nones beyond the arguments are accepted.",
    source=NOTE,
    area=AREA,
    witness=got_gradient,
)
def test_extra_nones(check: Any, programs: Any = generate(extra_nones)) -> None:
    check(programs)


def extra_tensors(b: Builder) -> None:
    x = inner(b, b.leaf())
    pull(b, apply(b, b.pick(("too_many", "late_gradient")), x))


@clause(
    "function.backward-extra-tensors-error",
    "A gradient beyond the arguments that isn't None raises RuntimeError.",
    source=NOTE,
    area=AREA,
    witness=last_raises,
)
def test_extra_tensors(check: Any, programs: Any = generate(extra_tensors)) -> None:
    check(programs)


def for_a_number(b: Builder) -> None:
    x = inner(b, b.leaf())
    factor = b.integer(1, 3)
    out = apply(b, "factor_gradient", x, factor) if b.chance(2) else apply(b, "name_gradient", "name", factor, x)
    pull(b, out)


@clause(
    "function.grad-for-nontensor-error",
    "A gradient for an argument that is no tensor raises RuntimeError, with its position.",
    source=NOTE,
    area=AREA,
    witness=last_raises,
)
def test_for_a_number(check: Any, programs: Any = generate(for_a_number)) -> None:
    check(programs)


def not_needed(b: Builder) -> None:
    x, constant = pair(b, requires_grad=False)
    args = (inner(b, x), constant)
    rule = b.pick(("product", "broadcast_total"))
    pull(b, apply(b, rule, *(args if b.chance(2) else args[::-1])))
    b.grad_of(constant)


@clause(
    "function.grad-for-not-needed-ignored",
    "A gradient for a tensor that needs none is ignored.",
    source=NOTE,
    area=AREA,
    witness=last_read_nothing,
)
def test_not_needed(check: Any, programs: Any = generate(not_needed)) -> None:
    check(programs)


def absent(b: Builder) -> None:
    x, y = pair(b)
    out = apply(b, "first_only", x, y) if b.chance(2) else apply(b, "no_gradient", inner(b, y))
    pull(b, out)
    b.grad_of(y)


@clause(
    "function.none-grad-for-needed",
    "None for an input that requires grad means that there is no gradient: .grad stays None.",
    source="autograd.Function.backward",
    area=AREA,
    witness=last_read_nothing,
)
def test_absent(check: Any, programs: Any = generate(absent)) -> None:
    check(programs)


def misshapen(b: Builder) -> None:
    x = b.leaf(b.pick(((2,), (3,), (2, 3), (5,), (3, 1, 2), (4, 1))))
    pull(b, apply(b, b.pick(("wrong_shape", "one_element")), inner(b, x)))


@clause(
    "function.grad-shape-checked",
    "A gradient that can't be summed to the input's shape raises RuntimeError.",
    source="observed",
    area=AREA,
    witness=last_raises,
)
def test_misshapen(check: Any, programs: Any = generate(misshapen)) -> None:
    check(programs)


def oversized(b: Builder) -> None:
    x = b.leaf()
    if b.chance(2):
        y = b.leaf(b.pick(((2, *x.shape), x.shape, tuple(1 for _ in x.shape), (3, 1, *x.shape))))
        out = apply(b, "broadcast_total", x, y)
        pull(b, b.call("sum", out))
    else:
        pull(b, apply(b, "stacked_gradient", inner(b, x)))


@clause(
    "function.grad-broadcast-summed",
    "A gradient of a larger shape that the input broadcasts to is summed to the input's shape.",
    source="observed",
    area=AREA,
    profile="reverse",
    witness=got_gradient,
)
def test_oversized(check: Any, programs: Any = generate(oversized)) -> None:
    check(programs)


def other_dtype(b: Builder) -> None:
    x = b.leaf()
    if b.chance(2):
        b.hook(x, tag="cast")
    pull(b, apply(b, b.pick(("wider_gradient", "narrower_gradient")), x))


@clause(
    "function.grad-dtype-cast",
    "A gradient of another floating dtype is cast to the input's.",
    source="observed",
    area=AREA,
    witness=got_gradient,
)
def test_other_dtype(
    check: Any, programs: Any = generate(other_dtype, ("float32", "float64", "float16", "bfloat16"))
) -> None:
    check(programs)


def no_tensor(b: Builder) -> None:
    x = inner(b, b.leaf())
    pull(b, apply(b, b.pick(("number_gradient", "fraction_gradient", "text_gradient")), x))


@clause(
    "function.grad-nontensor-error",
    "A gradient that is no tensor raises RuntimeError.",
    source="observed",
    area=AREA,
    witness=last_raises,
)
def test_no_tensor(check: Any, programs: Any = generate(no_tensor)) -> None:
    check(programs)


def no_backward(b: Builder) -> None:
    x = inner(b, b.leaf())
    y = apply(b, "no_backward", x)
    b.observe(y, "flags", "graph", "value")
    if b.chance(2):
        b.grad([b.smooth(y)], [x], [b.like(y)])
    else:
        pull(b, b.smooth(y))


@clause(
    "function.missing-backward",
    "A Function without backward runs forward, and raises NotImplementedError when it is differentiated.",
    source="autograd.Function.backward",
    area=AREA,
    witness=last_raises,
)
def test_no_backward(check: Any, programs: Any = generate(no_backward)) -> None:
    check(programs)


def alias(b: Builder) -> None:
    x = inner(b, b.leaf())
    pull(b, apply(b, b.pick(("vjp_alias", "vjp_alias", "both_backward_and_vjp")), x))


def either(trace: Trace) -> bool:
    return got_gradient(trace) or last_raises(trace)


@clause(
    "function.vjp-alias",
    "vjp stands in for backward; a Function that defines both is refused.",
    source="autograd.Function.vjp",
    area=AREA,
    witness=either,
)
def test_alias(check: Any, programs: Any = generate(alias)) -> None:
    check(programs)


def one_tuple(b: Builder) -> None:
    x = inner(b, b.leaf())
    pull(b, apply_parts(b, "set_up_one_tuple", 1, x)[0])


@clause(
    "function.setup-context-single-tuple",
    "A tuple of one output reaches setup_context and the caller as such.",
    source="notes/extending.func#Example 1",
    area=AREA,
    witness=lambda trace: got_gradient(trace) and any(type(s) is tuple for s in trace.steps),
)
def test_one_tuple(check: Any, programs: Any = generate(one_tuple)) -> None:
    check(programs)


def marked(b: Builder) -> None:
    x = inner(b, b.leaf())
    outs = apply_parts(b, b.pick(("second_marked", "second_marked", "both_marked")), 2, x)
    for out in outs:
        b.observe(out, "flags", "graph")
    pull(b, outs[0])


@clause(
    "function.mark-non-differentiable",
    "Outputs marked so don't require grad; backward gets zeros of their shape.",
    source="FunctionCtx.mark_non_differentiable",
    area=AREA,
    witness=lambda trace: len(nodes(trace)) == 2 and nodes(trace)[1] is False,
)
def test_marked(check: Any, programs: Any = generate(marked)) -> None:
    check(programs)


def shared_gradient(b: Builder) -> None:
    x, y = pair(b, low=1)
    left, right = apply(b, "written_gradient", x), apply(b, b.pick(("written_gradient", "triple_gradient")), y)
    if b.chance(2):
        b.hook(y, tag="seen")
    pull(b, b.call("add", left, right))
    b.grad_of(x)
    b.grad_of(y)


def both_written(trace: Trace) -> bool:
    x, y = trace.steps[-2:]
    return finished(trace) and isinstance(x, Observed) and isinstance(y, Observed)


@clause(
    "function.grad-outputs-not-to-be-modified",
    "The gradient handed to backward may be another node's, too: what writes into it changes that one's.",
    source=NOTE,
    area=AREA,
    witness=both_written,
)
def test_shared_gradient(check: Any, programs: Any = generate(shared_gradient)) -> None:
    check(programs)
