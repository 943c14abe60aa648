"""Programs of forward mode: tangents pushed through an operator, through its in-place twin, through its gradient."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..catalogue import Operator
from ..drawing.build import Builder, Value, replaced, values_in
from ..drawing.generate import cotangents, differentiable_outputs, outputs_of, prepared, require_grad, settled, wanted
from ..judging.compare import Closeness, Place
from ..programs.leafdata import leaf_array
from ..programs.program import Call, Leaf, Program, Ref, Region, Transform
from ..programs.trace import Observed, Trace

UNSETTLED = frozenset(
    {
        # What the noise of a region measures is less than what cancels in the second derivative.
        "nn.functional.multi_head_attention_forward",
        # Forward mode here is a transposed backward pass, which refuses the parts of a complex gauge one by one.
        *("svd", "linalg.svd", "svd_lowrank", "pca_lowrank", "linalg.eig", "linalg.eigh"),
    }
)
"""Lines not yet held to one second derivative in both orders, and why. The list may only shrink."""


def _region_of(
    b: Builder,
    line: Operator,
    given: tuple[Any, ...],
    attrs: dict[str, Any],
    form: str | None = None,
    squared: bool = False,
) -> tuple[Region, list[Value], list[Value], list[Value]]:
    """The call as a function of its tensors: (region, those that require grad, the others, its results). Where they are
    ``squared``, what a backward pass reads depends on the operands, also where the operator is linear."""
    tensors = list({v.index: v for v in values_in((given, tuple(attrs.values())))}.values())
    moving = [v for v in tensors if v.requires_grad]
    fixed = [v for v in tensors if not v.requires_grad]
    results: list[Value] = []

    def body(inner: Builder, params: list[Value]) -> list[Value]:
        inside = {v.index: param for v, param in zip((*moving, *fixed), params)}
        named = {name: replaced(value, inside) for name, value in attrs.items()}
        args = prepared(inner, line, replaced(given, inside), named)
        if form == "inplace":
            args = (inner.call("clone", args[0], form="method"), *args[1:])
        result = inner.call(line.name, *args, form=form or line.plain_forms[0], **named)
        outputs = settled(inner, line, outputs_of(inner, line, result), named)
        found = wanted(differentiable_outputs(inner, outputs))
        results.extend([inner.call("mul", v, v) for v in found] if squared else found)
        return results

    return b.region([*moving, *fixed], body), moving, fixed, results


def _tangents(b: Builder, moving: list[Value]) -> list[Value]:
    tangents = cotangents(b, moving)
    for value, tangent in zip(moving, tangents):
        _keep_in_domain(b, value, tangent)
    return tangents


def push_forward(b: Builder, line: Operator) -> None:
    args, attrs = line.strategy.draw(b)
    require_grad(b)
    region, moving, fixed, results = _region_of(b, line, args, attrs)
    tangents = _tangents(b, moving)
    given = cotangents(b, results)
    # Forward mode takes no notice of no_grad outside the function.
    with b.mode(*(("no_grad",) if b.chance(12) else ())):
        b.transform("jvp", region, moving, captures=fixed, tangents=tangents)
    b.transform("vjp", region, moving, captures=fixed, cotangents=given)


def untracked(b: Builder) -> None:
    """Lets no leaf require grad: a transform differentiates in any case, and who requires what is another property's."""
    b.steps[:] = [
        replace(step, requires_grad=False) if isinstance(step, Leaf) and step.requires_grad else step
        for step in b.steps
    ]


def unexpanded(b: Builder) -> None:
    """Gives expanded leaves memory of their own: both engines refuse some of them as tangents."""
    b.steps[:] = [
        replace(step, layout="contiguous") if isinstance(step, Leaf) and step.layout == "expanded" else step
        for step in b.steps
    ]


def second_derivatives(b: Builder, line: Operator) -> None:
    """The derivative along tangents of the gradient of Re⟨g, f⟩, and the gradient of the derivative along tangents; half
    of the time of f²."""
    args, attrs = line.strategy.draw(b)
    require_grad(b)
    region, moving, fixed, results = _region_of(b, line, args, attrs, squared=b.choose(2) == 1)
    tangents, given = _tangents(b, moving), cotangents(b, results)
    # What the results would be differentiated by once more is another matter.
    untracked(b)
    for kind in ("jvp_of_vjp", "vjp_of_jvp"):
        b.transform(kind, region, moving, captures=fixed, tangents=tangents, cotangents=given)


def inplace_forward(b: Builder, line: Operator) -> None:
    args, attrs = line.strategy.draw(b)
    require_grad(b)
    region, moving, fixed, _ = _region_of(b, line, args, attrs, "inplace")
    untracked(b)
    b.transform("jvp", region, moving, captures=fixed, tangents=_tangents(b, moving))


def _keep_in_domain(b: Builder, value: Value, tangent: Value) -> None:
    """Makes the tangent of triangular matrices triangular: what a factor's other triangle does is nobody's promise."""
    source, step = b.steps[value.index], b.steps[tangent.index]
    if not isinstance(source, Leaf) or not isinstance(step, Leaf):
        return
    x, t = leaf_array(source), leaf_array(step)
    if x.ndim < 2 or x.shape[-1] != x.shape[-2] or x.shape[-1] < 2:
        return
    for kept in (np.tril, np.triu):
        if np.array_equal(kept(x), x):
            t = kept(t).astype(t.dtype)
    layout = "contiguous" if step.layout == "expanded" else step.layout
    b.steps[tangent.index] = replace(step, data=np.ascontiguousarray(t).tobytes(), layout=layout)


def transposed(program: Program, trace: Trace, close: Closeness) -> str | None:
    """The law of forward and reverse mode: Re⟨g, J t⟩ = Re⟨Jᴴ g, t⟩, as well as the rounding of J t and Jᴴ g lets it."""
    pair: list[Any] = list(trace.steps[-2:])
    if len(pair) < 2 or not all(isinstance(outcome, tuple) for outcome in pair):
        return None
    forward, reverse = program.steps[-2:]
    if not isinstance(forward, Transform) or not isinstance(reverse, Transform) or _pads(forward):
        return None
    last = len(trace.steps) - 1
    tangent, pulled = pair[0][1], pair[1][1:]
    pushed = tangent if isinstance(tangent, tuple) else (tangent,)
    paths = [(1, i) if isinstance(tangent, tuple) else (1,) for i in range(len(pushed))]
    g = _leaves(program, dict(reverse.options)["cotangents"])
    t = _leaves(program, dict(forward.options)["tangents"])
    left, error = _inner(g, pushed, [("step", last - 1, path) for path in paths], close)
    right, error_too = _inner(t, pulled, [("step", last, (1 + i,)) for i in range(len(pulled))], close)
    if not np.isfinite(left) or not np.isfinite(right):
        return None
    if abs(left - right) > error + error_too:
        return f"forward mode gives {left!r} where reverse mode gives {right!r}"
    return None


def _pads(step: Transform) -> bool:
    """Whether a table has a row for padding: by decree that has no gradient, though forward mode reads it."""
    calls = step.region.steps if step.region is not None else ()
    return any(isinstance(call, Call) and dict(call.attrs).get("padding_idx") is not None for call in calls)


def _leaves(program: Program, refs: tuple[Ref, ...]) -> list[np.ndarray]:
    steps = [program.steps[ref.index] for ref in refs]
    return [leaf_array(step) for step in steps if isinstance(step, Leaf)]


def _inner(
    given: list[np.ndarray], seen: tuple[object, ...], places: list[Place], close: Closeness
) -> tuple[float, float]:
    """(Re⟨g, x⟩, how far the rounding of x may move it) over pairs of arrays."""
    total, error = 0.0, 0.0
    for g, outcome, place in zip(given, seen, places):
        if isinstance(outcome, Observed):
            wide = complex if outcome.array.dtype.kind == "c" else float
            product: Any = np.conj(g.astype(wide)) * outcome.array.astype(wide)
            allowed = close.allowed(outcome.array, outcome.dtype, place)
            allowed = allowed.sum(-1) if allowed.ndim > product.ndim else allowed
            total += float(np.sum(product.real))
            error += float(np.sum(np.abs(g.astype(wide)) * allowed)) + 2.0**-50 * float(np.sum(np.abs(product)))
    return total, error


def symmetric(program: Program, trace: Trace, close: Closeness) -> str | None:
    """The law of second derivatives: the two last steps agree, wherever there is one: infinite or NaN in both orders,
    as beside a function that is infinite itself, is none."""
    if len(trace.steps) < 2 or not all(isinstance(outcome, tuple) for outcome in trace.steps[-2:]):
        return None
    last = len(trace.steps) - 1
    for i, (a, c) in enumerate(zip(*trace.steps[-2:])):
        if isinstance(a, Observed) and isinstance(c, Observed) and a.array.shape == c.array.shape:
            wider = replace(close, allowance=_widest(close, last, i))
            none = ~np.isfinite(a.array) & ~np.isfinite(c.array)
            one, other = (np.where(none, 0, side.array).astype(side.array.dtype) for side in (a, c))
            if wider.error(other, one, a.dtype, ("step", last, (i,))) is not None:
                return f"forward over reverse gives another second derivative than reverse over forward, input {i}"
    return None


def _widest(close: Closeness, last: int, i: int) -> dict[Place, np.ndarray]:
    """Both may round: what is allowed between them is what is allowed to each."""
    found = [close.allowance[place] for step in (last - 1, last) if (place := ("step", step, (i,))) in close.allowance]
    return {("step", last, (i,)): np.sum(found, axis=0)} if found else {}
