"""Clauses of complex autograd: real and imaginary parts, conjugates and other views of complex memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..drawing.build import Builder
from ..drawing.domains import NONZERO
from ..programs.leafdata import is_complex
from ..programs.trace import Observed, Trace
from ..promises.clause import clause, generate
from .applying import got_gradient, pull
from .test_complex import COMPLEX, NOTE, REAL_OF, complex_gradient, gradient_dtypes, holomorphic, real_valued


def one_part(b: Builder) -> None:
    z = b.leaf(domain=NONZERO)
    b.backward(b.call("sum", b.call("square", b.call(b.pick(("real", "imag")), z))))
    b.observe(b.grad_of(z), "flags")


def one_part_left(trace: Trace) -> bool:
    last = trace.steps[-1]
    if not (isinstance(last, Observed) and is_complex(last.dtype) and last.array.size):
        return False
    return not np.imag(last.array).any() or not np.real(last.array).any()


@clause(
    "complex.leaf-grad-dtype",
    "A complex leaf has a complex .grad, also where the loss used its real part only.",
    source=NOTE,
    witness=one_part_left,
)
def test_one_part(check: Any, programs: Any = generate(one_part, COMPLEX)) -> None:
    check(programs)


def imaginary(b: Builder) -> None:
    z = b.leaf(domain=NONZERO)
    b.backward(b.call("sum", b.call("imag", z)))


@clause(
    "complex.imag-gives-i",
    "The gradient of imag(z) is i.",
    source=NOTE,
    profile="reverse",
    witness=lambda trace: complex_gradient(trace) and all((g.array == 1j).all() for g in trace.gradients.values()),  # type: ignore[union-attr]
)
def test_imaginary(check: Any, programs: Any = generate(imaginary, COMPLEX)) -> None:
    check(programs)


def written_part(b: Builder) -> None:
    z = b.call("clone", b.leaf(domain=NONZERO))
    part = b.call(b.pick(("real", "imag")), z)
    b.call(b.pick(("mul", "add")), part, b.pick((2, -3, 0.5)), form="inplace")
    b.observe(z, "flags", "graph", "version", "value", "layout")
    b.observe(part, "flags", "graph", "version", "layout")
    pull(b, b.call("mul", z, z))


def same_memory(trace: Trace) -> bool:
    seen = [s for s in trace.steps if isinstance(s, Observed) and s.alias is not None]
    return got_gradient(trace) and len(seen) == 2 and seen[0].alias == seen[1].alias


@clause(
    "complex.real-imag-are-views",
    ".real and .imag are views: a write to one changes the complex tensor, and is tracked.",
    source="observed",
    profile="mutation",
    witness=same_memory,
)
def test_written_part(check: Any, programs: Any = generate(written_part, COMPLEX)) -> None:
    check(programs)


def there_and_back(b: Builder) -> None:
    if b.chance(2):
        z = b.leaf(domain=NONZERO)
        pairs = b.call("view_as_real", z)
        root = b.call("view_as_complex", b.smooth(pairs, depth=1)) if b.chance(2) else b.smooth(pairs, depth=1)
    else:
        x = b.leaf((*b.shape(0, 2), 2), REAL_OF[b.dtype], layout="contiguous")
        root = holomorphic(b, b.call("view_as_complex", x), b.integer(0, 1))
    pull(b, root)


@clause(
    "complex.view-as-real-roundtrip",
    "view_as_real and view_as_complex take gradients from a + ib to the pair (a, b) and back.",
    source="observed",
    profile="reverse",
    witness=got_gradient,
)
def test_there_and_back(check: Any, programs: Any = generate(there_and_back, COMPLEX)) -> None:
    check(programs)


def conjugated(b: Builder) -> None:
    z = b.leaf(domain=NONZERO)
    pull(b, b.call(b.pick(("conj", "conj_physical")), holomorphic(b, z, b.integer(0, 1))))


@clause(
    "complex.conj-rule",
    "conj passes the conjugate of the cotangent.",
    source=NOTE,
    profile="reverse",
    witness=complex_gradient,
)
def test_conjugated(check: Any, programs: Any = generate(conjugated, COMPLEX)) -> None:
    check(programs)


def through_complex(b: Builder) -> None:
    x = b.leaf(dtype=REAL_OF[b.dtype], domain=NONZERO)
    z = b.call("mul", x, b.pick((1j, 1 + 2j, 0.5 - 1j)))
    pull(b, real_valued(b, holomorphic(b, z, b.integer(0, 1))))


@clause(
    "complex.real-to-real-convention-free",
    "A real function of real numbers that computes through complex ones has its ordinary gradient.",
    source=NOTE,
    profile="reverse",
    witness=lambda trace: got_gradient(trace) and not any(map(is_complex, gradient_dtypes(trace))),
)
def test_through_complex(check: Any, programs: Any = generate(through_complex, COMPLEX)) -> None:
    check(programs)
