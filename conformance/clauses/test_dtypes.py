"""Clauses of dtypes: what can require grad, and how casts carry gradients."""

from __future__ import annotations

from typing import Any

from ..drawing.build import Builder
from ..drawing.domains import ANY_INTEGER, NONZERO
from ..programs.program import Dtype
from ..programs.trace import Observed, Trace
from ..promises.clause import clause, finished, generate, scenario
from .applying import got_gradient, inner, pull
from .seeing import attempt, facts, numbers, warned

AREA = "dtype-rules"
FLOATS = ("float32", "float64", "float16", "bfloat16")
INTEGERS = ("int64", "int32", "int16", "int8", "uint8", "bool")
COMPLEXES = ("complex64", "complex128")
ALL = (*FLOATS, *INTEGERS, *COMPLEXES)


def made_tracked(torch: Any, drawn: Any) -> Any:
    name, maker, size = drawn
    dtype = getattr(torch, name)
    make = {
        "tensor": lambda **o: torch.tensor([1] * size, **o),
        "zeros": lambda **o: torch.zeros(size, **o),
        "ones": lambda **o: torch.ones(size, 2, **o),
        "full": lambda **o: torch.full((size,), 1, **o),
        "arange": lambda **o: torch.arange(size, **o),
        "zeros_like": lambda **o: torch.zeros_like(torch.ones(size), **o),
        "new_ones": lambda **o: torch.ones(1).new_ones(size, **o),
    }[maker]
    at_once = attempt(lambda: facts(make(dtype=dtype, requires_grad=True)))
    later = attempt(lambda: facts(make(dtype=dtype).requires_grad_(True)))
    assigned = attempt(lambda: setattr(make(dtype=dtype), "requires_grad", True))
    return at_once, later, assigned


def draw_made(b: Builder) -> Any:
    makers = ("tensor", "zeros", "ones", "full", "zeros_like", "new_ones", "arange")
    name = b.pick(ALL)
    return name, b.pick(makers[:-1] if name in ("bool", *COMPLEXES) else makers), b.integer(0, 3)


@clause(
    "dtype.only-float-complex-require-grad",
    "Only floating and complex tensors can require grad; factories and setters refuse others, each in its words.",
    source="observed",
    area=AREA,
)
def test_made_tracked(check: Any, scene: Any = scenario(made_tracked, draw_made)) -> None:
    check(scene)


def untrack(b: Builder) -> None:
    n = b.leaf(b.shape(), b.pick(INTEGERS), domain=ANY_INTEGER)
    b.observe(b.flag(n, b.pick(("requires_grad", "requires_grad_")), False), "flags")
    if b.chance(3):
        b.flag(n, b.pick(("requires_grad", "requires_grad_")), True)


@clause(
    "dtype.requires-grad-false-on-int-ok",
    "Setting requires_grad to False on an integer tensor is allowed, to True isn't.",
    source="observed",
    area=AREA,
    witness=lambda trace: isinstance(trace.steps[2], Observed) and trace.steps[2].requires_grad is False,
)
def test_untrack(check: Any, programs: Any = generate(untrack)) -> None:
    check(programs)


def to_reals(torch: Any, drawn: Any) -> Any:
    data, source, target, way = drawn
    z = torch.tensor(
        [complex(v, w) for v, w in zip(data, data[::-1])], dtype=getattr(torch, source), requires_grad=True
    )
    dtype = getattr(torch, target)
    before = torch.is_warn_always_enabled()
    torch.set_warn_always(True)
    try:
        cast, given = warned(lambda: z.to(dtype) if way else z.type(dtype))
    finally:
        torch.set_warn_always(before)
    (cast * cast).sum().backward()
    return facts(cast), given, facts(z.grad)


@clause(
    "dtype.complex-to-real-cast-warns",
    "A cast from complex to real drops the imaginary part with a warning; the gradient comes back complex.",
    source="observed",
    area=AREA,
)
def test_to_reals(
    check: Any,
    scene: Any = scenario(
        to_reals, lambda b: (numbers(b), b.pick(COMPLEXES), b.pick(("float32", "float64")), b.chance(2))
    ),
) -> None:
    check(scene)


def compared(b: Builder) -> None:
    x = inner(b, b.leaf(b.shape(1, 3), domain=NONZERO))
    y = b.leaf(x.shape)
    kind = b.choose(3)
    if kind == 0:
        result = b.call(b.pick(("gt", "eq", "ne", "le")), x, y, form=b.pick(("function", "operator")))
    elif kind == 1:
        result = b.call(b.pick(("isnan", "isinf", "isfinite", "logical_not")), x)
    else:
        result = b.call(b.pick(("argmax", "argsort")), x, dim=b.integer(-1, 0))
    b.observe(result, "flags", "graph")


def untracked_result(trace: Trace) -> bool:
    last = trace.steps[-1]
    return finished(trace) and isinstance(last, Observed) and last.requires_grad is False


@clause(
    "dtype.comparisons-not-differentiable",
    "Comparisons and what gives indices or signs never require grad.",
    source="observed",
    area=AREA,
    witness=untracked_result,
)
def test_compared(check: Any, programs: Any = generate(compared)) -> None:
    check(programs)


def sum_in(b: Builder) -> None:
    target = b.pick(("float64", "float32", "float16"))
    op = b.pick(("sum", "mean", "prod"))
    # Few factors: PyTorch's half-precision products overflow on the way, also where the result would not.
    x = b.leaf(b.pick(((2,), (3,), (1, 2), (2, 2))) if op == "prod" else b.shape(1, 3), b.pick(FLOATS))
    if b.chance(2):
        result = b.call(op + ".dim", x, dim=b.integer(-1, 0), keepdim=b.chance(2), dtype=Dtype(target))
    else:
        result = b.call(op, x, dtype=Dtype(target))
    result.dtype = target
    b.observe(result, "flags", "graph")
    pull(b, result)


@clause(
    "dtype.sum-dtype-argument",
    "A reduction's dtype argument casts within the operation; the gradient is cast back.",
    source="observed",
    area=AREA,
    profile="reverse",
    witness=got_gradient,
)
def test_sum_in(check: Any, programs: Any = generate(sum_in)) -> None:
    check(programs)


def halves(b: Builder) -> None:
    x = b.leaf()
    b.hook(x, tag="g")
    pull(b, b.smooth(x, depth=b.integer(1, 2)))
    b.observe(b.grad_of(x), "flags")


def half_seen(trace: Trace) -> bool:
    gradient = trace.steps[-1]
    return finished(trace) and isinstance(gradient, Observed) and gradient.dtype in ("float16", "bfloat16")


@clause(
    "dtype.half-backward-dtype",
    "Gradients of half-precision tensors are computed and kept in half precision.",
    source="observed",
    area=AREA,
    witness=half_seen,
)
def test_halves(check: Any, programs: Any = generate(halves, ("float16", "bfloat16"))) -> None:
    check(programs)


def made_like(torch: Any, drawn: Any) -> Any:
    data, inner, name, options = drawn
    x = torch.tensor(data, requires_grad=True)
    source = x * 2 if inner else x
    size = () if name.endswith("_like") else (2, 3)
    maker = getattr(torch, name) if name.endswith("_like") else getattr(source, name)
    extra = {"full_like": (1.5,), "new_full": (1.5,)}.get(name, ())
    made = maker(*((source,) if not size else (size,)), *extra, **options)
    return list(made.shape), facts(made)[1:]


def draw_like(b: Builder) -> Any:
    names = ("ones_like", "zeros_like", "empty_like", "full_like", "rand_like", "randn_like")
    name = b.pick((*names, "new_zeros", "new_ones", "new_empty", "new_full"))
    return numbers(b), b.chance(2), name, b.pick(({}, {}, {"requires_grad": True}))


@clause(
    "dtype.ones_like-constant",
    "What is made like a tensor that requires grad doesn't require it.",
    source="observed",
    area=AREA,
)
def test_made_like(check: Any, scene: Any = scenario(made_like, draw_like)) -> None:
    check(scene)


def from_list(torch: Any, drawn: Any) -> Any:
    data, depth, inner = drawn
    x = torch.tensor(data, dtype=torch.float64, requires_grad=True)
    parts = [p * 2 if inner else p for p in x]
    made, given = warned(lambda: torch.tensor(parts if depth == 1 else [parts, parts]))
    return facts(made), given, facts(x.grad)


@clause(
    "dtype.from-list-of-tensors",
    "torch.tensor of a list of tensors copies their values and drops their history.",
    source="torch.tensor",
    area=AREA,
)
def test_from_list(
    check: Any, scene: Any = scenario(from_list, lambda b: (numbers(b), b.integer(1, 2), b.chance(2)))
) -> None:
    check(scene)
