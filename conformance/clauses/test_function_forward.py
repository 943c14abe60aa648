"""Clauses of custom Functions in forward mode and under vmap."""

from __future__ import annotations

from typing import Any

from ..drawing.build import Builder, Value
from ..programs.trace import Trace
from ..promises.clause import clause, finished, generate, scenario
from .applying import apply, last_raises, pair
from .draws import pairs
from .seeing import attempt, numbers

FORWARD, NOTE = "forward-mode", "notes/extending#Forward mode AD"
FUNC = "func-transforms"


def tangents_of(b: Builder, params: list[Value], rule: str, *rest: Any) -> None:
    """A jvp of a region that applies the rule to its parameters."""

    def body(inner: Builder, values: list[Value]) -> list[Value]:
        made = apply(inner, rule, *values, *rest)
        return [inner.smooth(made, depth=inner.integer(0, 1))]

    region = b.region(params, body)
    b.transform("jvp", region, params, tangents=[b.like(v) for v in params])


def pushed(trace: Trace) -> bool:
    return finished(trace) and type(trace.steps[-1]) is tuple


def rule_of_jvp(b: Builder) -> None:
    x, y = pair(b, requires_grad=False)
    tangents_of(b, [x, y], b.pick(("times", "times", "times_or_none")), b.pick((2, 0.5, -3)))


@clause(
    "forward.function-jvp",
    "A Function's jvp gets a tangent for each argument (None for what is no tensor) and reads save_for_forward's.",
    source="autograd.Function.jvp; FunctionCtx.save_for_forward",
    area=FORWARD,
    profile="forward",
    witness=pushed,
)
def test_rule_of_jvp(check: Any, programs: Any = generate(rule_of_jvp)) -> None:
    check(programs)


def without_jvp(b: Builder) -> None:
    x, y = pair(b, requires_grad=False)
    tangents_of(b, [x, y], "times_without_jvp", b.pick((2, 0.5)))


@clause(
    "forward.function-missing-jvp",
    "A Function without jvp on a dual raises NotImplementedError.",
    source="autograd.Function.jvp",
    area=FORWARD,
    profile="forward",
    witness=last_raises,
)
def test_without_jvp(check: Any, programs: Any = generate(without_jvp)) -> None:
    check(programs)


def one_tangent(b: Builder) -> None:
    x, y = pair(b, requires_grad=False)
    rule, factor, first = b.pick(("times", "times_or_none")), b.integer(1, 3), b.chance(2)

    def body(inner: Builder, values: list[Value]) -> list[Value]:
        moving, fixed = values
        return [apply(inner, rule, *((moving, fixed) if first else (fixed, moving)), factor)]

    region = b.region([x, y], body)
    b.transform("jvp", region, [x], captures=[y], tangents=[b.like(x)])


@clause(
    "forward.function-jvp-materialize",
    "Tangents that are missing reach jvp as zeros, or as None after set_materialize_grads(False).",
    source=NOTE,
    area=FORWARD,
    profile="forward",
    witness=pushed,
)
def test_one_tangent(check: Any, programs: Any = generate(one_tangent)) -> None:
    check(programs)


def view_rule(b: Builder) -> None:
    x = b.leaf(requires_grad=False)
    tangents_of(b, [x], b.pick(("turned_copying", "turned_copying", "turned")))


@clause(
    "forward.function-jvp-view-rule",
    "Where forward returns a view, jvp must return a view of the tangent.",
    source=NOTE,
    area=FORWARD,
    profile="forward",
    witness=lambda trace: pushed(trace) or last_raises(trace),
)
def test_view_rule(check: Any, programs: Any = generate(view_rule)) -> None:
    check(programs)


def written_dual(torch: Any, drawn: Any) -> Any:
    data, tangent, aside, inner = drawn
    fw = torch.autograd.forward_ad

    class Doubled(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.mark_dirty(x)
            return x.mul_(2)

        @staticmethod
        def jvp(ctx, t):
            return t * 2 if aside else t.mul_(2)

    with fw.dual_level():
        x = fw.make_dual(torch.tensor(data), torch.tensor(tangent))
        x = x * 1 if inner else x
        y = attempt(lambda: Doubled.apply(x))
        if isinstance(y, list):
            return y
        return y is x, fw.unpack_dual(x).primal.tolist(), fw.unpack_dual(x).tangent.tolist()


@clause(
    "forward.function-jvp-inplace-rule",
    "Where forward writes an input in place, jvp must write the tangent in place.",
    source=NOTE,
    area=FORWARD,
    profile="forward",
)
def test_written_dual(
    check: Any, scene: Any = scenario(written_dual, lambda b: (*pairs(b), not b.chance(2), b.chance(2)))
) -> None:
    check(scene)


def tangents_too_many(b: Builder) -> None:
    tangents_of(b, [b.leaf(requires_grad=False)], "two_tangents")


@clause(
    "forward.function-jvp-count",
    "jvp that returns another number of tangents than there are outputs raises RuntimeError.",
    source="observed",
    area=FORWARD,
    profile="forward",
    witness=last_raises,
)
def test_tangents_too_many(check: Any, programs: Any = generate(tangents_too_many)) -> None:
    check(programs)


def no_formula(torch: Any, drawn: Any) -> Any:
    data, name = drawn
    fw = torch.autograd.forward_ad
    with fw.dual_level():
        x = torch.tensor(data, dtype=torch.float64).abs() + 1.5
        dual = fw.make_dual(x, torch.ones(len(data), dtype=torch.float64))
        calls = {
            "igamma": lambda: torch.igamma(dual, x),
            "igammac": lambda: torch.igammac(dual, x),
            "zeta": lambda: torch.special.zeta(dual, x),
            "embedding_bag": lambda: torch.nn.functional.embedding_bag(torch.tensor([[0]]), dual.reshape(1, -1)),
        }
        return attempt(calls[name])


@clause(
    "forward.missing-formula-error",
    "An operator without a forward formula raises NotImplementedError that names it.",
    source="torch.func.jvp note",
    area=FORWARD,
    profile="forward",
)
def test_no_formula(
    check: Any,
    scene: Any = scenario(no_formula, lambda b: (numbers(b), b.pick(("embedding_bag", "igamma", "zeta", "igammac")))),
) -> None:
    check(scene)


def shown(torch: Any, drawn: Any) -> Any:
    data, tangent, dtype, kind = drawn
    fw = torch.autograd.forward_ad
    primal, moved = (torch.tensor(v, dtype=getattr(torch, dtype)) for v in (data, tangent))
    with fw.dual_level():
        x = fw.make_dual(primal, moved)
        if kind == 1:
            x = x.requires_grad_()
        if kind == 2:
            x = (x * 2).view(-1, 1)
        return repr(x), str(x[0]), str(x[:1])


def draw_shown(b: Builder) -> Any:
    count = b.pick((1, 2, 3, 17))
    data, tangent = ([b.integer(-8, 8) / 4 for _ in range(count)] for _ in range(2))
    return data, tangent, b.pick(("float32", "float64", "float16")), b.choose(3)


@clause(
    "forward.repr-shows-tangent",
    "A dual tensor prints with its tangent.",
    source="observed",
    area=FORWARD,
    profile="printing",
)
def test_shown(check: Any, scene: Any = scenario(shown, draw_shown)) -> None:
    check(scene)


def new_style(b: Builder) -> None:
    x, y = pair(b, requires_grad=False)
    factor = b.integer(1, 3)
    rule = b.pick(("times", "times_without_jvp"))

    def body(inner: Builder, values: list[Value]) -> list[Value]:
        return [inner.call("sum", inner.smooth(apply(inner, rule, *values, factor), depth=inner.integer(0, 1)))]

    region = b.region([x, y], body)
    b.transform("grad", region, [x, y], argnums=b.pick((0, 1, (0, 1), (1, 0))))


@clause(
    "func.function-new-style-grad",
    "A Function with a setup_context works under func.grad, with its own backward.",
    source="notes/extending.func#Basic Usage",
    area=FUNC,
    profile="functional",
)
def test_new_style(check: Any, programs: Any = generate(new_style)) -> None:
    check(programs)


def batched(b: Builder, rules: tuple[str, ...]) -> None:
    rule, factor, n = b.pick(rules), b.integer(1, 3), b.integer(1, 4)
    shape = b.shape()
    dims: Any = b.pick((0, (0, 0), (-1, 0), (0, None), (None, -1)))
    given = dims if type(dims) is tuple else (dims, dims)
    # Each argument is the same slice, with the batch where its dim says.
    whole = {None: shape, 0: (n, *shape), -1: (*shape, n)}
    x, y = (b.leaf(whole[d], requires_grad=False) for d in given)

    def body(inner: Builder, values: list[Value]) -> list[Value]:
        return [apply(inner, rule, *values, factor)]

    region = b.region([x, y], body)
    b.transform("vmap", region, [x, y], in_dims=dims, out_dims=0)


def vmap_refused(b: Builder) -> None:
    batched(b, ("times_without_jvp", "times_ambiguous"))


@clause(
    "func.function-vmap-needs-rule",
    "vmap refuses a Function that has no vmap rule, and one that has two.",
    source="autograd.Function.vmap",
    area=FUNC,
    profile="functional",
    witness=last_raises,
)
def test_vmap_refused(check: Any, programs: Any = generate(vmap_refused)) -> None:
    check(programs)


def vmap_ruled(b: Builder) -> None:
    batched(b, ("times_vmapped", "times_vmapped", "times_generated"))


@clause(
    "func.function-vmap-staticmethod",
    "vmap(info, in_dims, *args) gets the batch size, randomness and a dim for each argument; a rule may be generated.",
    source="autograd.Function.vmap",
    area=FUNC,
    profile="functional",
)
def test_vmap_ruled(check: Any, programs: Any = generate(vmap_ruled)) -> None:
    check(programs)
