"""Clauses of type promotion: the result's dtype, and that every gradient has its operand's."""

from __future__ import annotations

from typing import Any

from ..drawing.build import Builder
from ..drawing.domains import ANY_INTEGER, NONZERO
from ..programs.trace import Observed, Trace
from ..promises.clause import clause, finished, generate
from .applying import got_gradient, pull

AREA = "broadcasting-and-promotion"
PAGE = "tensor_attributes#torch.dtype (type promotion)"
OPS = ("mul", "add", "sub", "div")
FLOATS = ("float32", "float64", "float16", "bfloat16")
COMPLEXES = ("complex64", "complex128")
INTEGERS = ("int64", "int32", "uint8", "bool")


def dtypes_differ(trace: Trace) -> bool:
    """Some gradient has another dtype than some result."""
    made = {s.dtype for s in trace.steps if isinstance(s, Observed)}
    return got_gradient(trace) and bool({g.dtype for g in trace.gradients.values()} - made)  # type: ignore[union-attr]


def mixed_floats(b: Builder) -> None:
    shape = b.shape()
    first = b.pick(FLOATS)
    second = b.pick([d for d in FLOATS if d != first])
    x, y = b.leaf(shape, first), b.leaf(shape, second, domain=NONZERO)
    root = b.call(b.pick(OPS), *((x, y) if b.chance(2) else (y, x)))
    pull(b, b.smooth(root, depth=b.integer(0, 1)))


@clause(
    "promotion.grad-in-own-dtype",
    "Where operands of different float dtypes are promoted, each gradient has its operand's dtype.",
    source=PAGE,
    area=AREA,
    profile="reverse",
    witness=dtypes_differ,
)
def test_mixed_floats(check: Any, programs: Any = generate(mixed_floats)) -> None:
    check(programs)


def with_integers(b: Builder) -> None:
    shape = b.shape()
    x = b.leaf(shape)
    n = b.leaf(b.pick((shape, ())), b.pick(INTEGERS), domain=ANY_INTEGER)
    op = b.pick(("mul", "add", "pow")) if n.dtype != "bool" else "mul"
    args = (x, n) if b.chance(2) or op == "pow" else (n, x)
    root = b.call(op, *args)
    b.observe(root, "flags")
    pull(b, root)


@clause(
    "promotion.integer-operand-constant",
    "An integer operand is promoted to the float dtype and is a constant.",
    source=PAGE,
    area=AREA,
    profile="reverse",
    witness=got_gradient,
)
def test_with_integers(check: Any, programs: Any = generate(with_integers)) -> None:
    check(programs)


def with_numbers(b: Builder) -> None:
    number: Any = b.pick((2, 0.5, -1.25, True, 3))
    x = b.leaf(b.shape(), b.pick(FLOATS))
    n = b.leaf(b.shape(), b.pick(INTEGERS), domain=ANY_INTEGER)
    form = b.pick(("operator", "function", "method"))
    op = b.pick(("mul", "add"))
    b.call(op, n, number, form=form)
    pull(b, b.call(op, x, number, form=form))


@clause(
    "promotion.python-scalar-no-upcast",
    "A Python number doesn't widen a float tensor; a Python float makes of integers the default float dtype.",
    source=PAGE,
    area=AREA,
    profile="reverse",
    witness=got_gradient,
)
def test_with_numbers(check: Any, programs: Any = generate(with_numbers)) -> None:
    check(programs)


def with_zero_dim(b: Builder) -> None:
    narrow, wide = b.pick(
        (("float32", "float64"), ("float16", "float32"), ("bfloat16", "float64"), ("float16", "float64"))
    )
    x, s = b.leaf(b.shape(1, 3), narrow), b.leaf((), wide, domain=NONZERO)
    root = b.call(b.pick(OPS), *((x, s) if b.chance(2) else (s, x))) if b.chance(2) else b.call("add", x, s)
    pull(b, root)


@clause(
    "promotion.zero-dim-lower-priority",
    "A 0-dim tensor of the same category doesn't widen the dtype of one with dimensions.",
    source=PAGE,
    area=AREA,
    profile="reverse",
    witness=dtypes_differ,
)
def test_with_zero_dim(check: Any, programs: Any = generate(with_zero_dim)) -> None:
    check(programs)


def with_complex(b: Builder) -> None:
    shape = b.shape()
    x, z = b.leaf(shape, b.pick(FLOATS[:2])), b.leaf(b.pick((shape, ())), b.pick(COMPLEXES), domain=NONZERO)
    root = b.call(b.pick(OPS), *((x, z) if b.chance(2) else (z, x))) if not x.shape or z.shape else b.call("mul", x, z)
    pull(b, root)


@clause(
    "promotion.complex-supported",
    "Drift: complex dtypes take part in promotion; each gradient has its operand's dtype.",
    source=PAGE,
    area=AREA,
    profile="reverse",
    witness=lambda trace: got_gradient(trace) and len({g.dtype for g in trace.gradients.values()}) == 2,  # type: ignore[union-attr]
)
def test_with_complex(check: Any, programs: Any = generate(with_complex)) -> None:
    check(programs)


def written(b: Builder) -> None:
    shape = b.shape(1, 3)
    narrow, wide = b.pick(
        (("float32", "float64"), ("float16", "float32"), ("bfloat16", "float32"), ("float64", "float32"))
    )
    x, y = b.leaf(shape, narrow), b.leaf(shape, wide, domain=NONZERO)
    target = b.call("clone", x)
    b.call(b.pick(OPS), target, y, form="inplace")
    b.observe(target, "flags", "graph", "version")
    pull(b, b.call("mul", target, target))


@clause(
    "promotion.inplace-no-upcast",
    "An in-place operation keeps the target's dtype: it is computed promoted and cast back, and gradients follow.",
    source=PAGE,
    area=AREA,
    profile="mutation",
    witness=lambda trace: finished(trace) and len({g.dtype for g in trace.gradients.values()}) == 2,  # type: ignore[union-attr]
)
def test_written(check: Any, programs: Any = generate(written)) -> None:
    check(programs)
