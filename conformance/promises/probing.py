"""One small program for each capability: what an engine claims it must do, and what it does it may claim."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from ..backends import missing
from ..drawing.build import Builder, Value
from ..drawing.source import Stream
from ..judging.judge import Judge, Judgement
from ..programs.leafdata import COMPLEX, FLOATING, HALF
from ..programs.needs import needs
from ..programs.program import Program

Build = Callable[[Builder, str], object]
STEPS = ("mul", "sin", "exp", "cos")
"""Operators that probes may use: their derivatives have derivatives."""
DTYPES = (*FLOATING, *HALF, *COMPLEX, "int64", "int32", "bool")
TRANSFORMS = ("vjp", "jvp", "grad", "vmap", "jacrev", "jacfwd", "hessian")


def _apply(b: Builder, op: str, x: Value) -> Value:
    return b.call(op, x, *((x,) if op == "mul" else ()))


def _leaf(b: Builder) -> Value:
    return b.given((0.5, 1.5), (2,))


def _vjp(b: Builder, op: str) -> None:
    y = _apply(b, op, _leaf(b))
    b.backward(y, gradient=b.given((2.0, -1.0), (2,), requires_grad=False))


def _grad(b: Builder, op: str) -> None:
    x = b.given((0.5,), ())
    b.grad([_apply(b, op, x)], [x])


def _double(b: Builder, op: str) -> None:
    x = _leaf(b)
    seed = b.given((2.0, -1.0), (2,), requires_grad=False)
    first = b.item(b.grad([_apply(b, op, x)], [x], [seed], create_graph=True), 0)
    b.grad([_apply(b, op, first)], [x], [seed])


def _backward(b: Builder, op: str) -> None:
    x = b.given((0.5,), ())
    b.backward(_apply(b, op, x))
    b.grad_of(x)


def _hooks(b: Builder, op: str) -> None:
    x = _leaf(b)
    b.hook(x, "double")
    b.backward(_apply(b, op, x), gradient=b.given((2.0, -1.0), (2,), requires_grad=False))


def _modes(b: Builder, op: str) -> None:
    with b.mode("no_grad"):
        b.observe(_apply(b, op, _leaf(b)), "value")


def _inplace(b: Builder, op: str) -> None:
    x = b.given((0.5, 1.5), (2,), requires_grad=False)
    b.write(x, "copy_", b.given((2.0, 3.0), (2,), requires_grad=False))
    b.observe(_apply(b, op, x), "value")


def _transform(kind: str) -> Build:
    several = kind in ("vjp", "jvp", "vmap", "jacrev", "jacfwd")
    key = {"vjp": "cotangents", "jvp": "tangents"}.get(kind)

    def build(b: Builder, op: str) -> None:
        x = _leaf(b) if several else b.given((0.5,), ())
        inside = b.given((0.5,), ()) if kind == "vmap" else x
        region = b.region([inside], lambda inner, params: [_apply(inner, op, params[0])])
        given: dict[str, Any] = {key: (b.given((2.0, -1.0), (2,), requires_grad=False),)} if key else {"argnums": 0}
        if kind == "vmap":
            given = {"in_dims": 0, "out_dims": 0}
        b.transform(kind, region, [x], **given)

    return build


def _dtype(name: str) -> Build:
    def build(b: Builder, op: str) -> None:
        b.observe(_apply(b, op, b.given((1.0, 0.0), (2,), name, requires_grad=False)), "value")

    return build


PROBES: dict[str, Build] = {
    "vjp": _vjp,
    "grad": _grad,
    "double": _double,
    "backward": _backward,
    "hooks": _hooks,
    "modes": _modes,
    "inplace": _inplace,
    **{f"transform:{kind}": _transform(kind) for kind in TRANSFORMS},
    **{f"dtype:{name}": _dtype(name) for name in DTYPES},
}


@cache
def probe(capability: str, op: str) -> Program:
    """The program that shows a capability, by an operator that the engine has."""
    b = Builder(Stream(0), "float32")
    PROBES[capability](b, op)
    return b.program()


def an_operator(claims: Iterable[str]) -> str | None:
    """The first of STEPS that the engine has."""
    held = set(claims)
    return next((op for op in STEPS if "op:*" in held or f"op:{op}" in held), None)


def lacking(judge: Judge, capability: str) -> list[str]:
    """What the engine doesn't claim of what a probe needs; without an operator there is nothing to probe."""
    op = an_operator(judge.backend.claims)
    return ["op:*"] if op is None else missing(judge.backend, needs(probe(capability, op)))


def ask(judge: Judge, capability: str) -> tuple[Program, Judgement]:
    """The probe of a capability, run whether it is claimed or not."""
    program = probe(capability, an_operator(judge.backend.claims) or STEPS[0])
    return program, judge.judge(program)
