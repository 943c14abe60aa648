"""Clauses of function transforms: linearize, functionalize, and what they refuse."""

from __future__ import annotations

from typing import Any

from ..drawing.build import Builder
from ..promises.clause import clause, scenario
from .draws import numbers, pairs, rows
from .seeing import attempt

AREA = "func-transforms"


def single_element(torch: Any, drawn: Any) -> Any:
    values, shape, aux = drawn
    x = torch.tensor(values)

    def f(a: Any) -> Any:
        total = (a * a).sum().reshape(shape)
        return (total, a) if aux else total

    return attempt(lambda: torch.func.grad(f, has_aux=aux)(x)[0].tolist())


def draw_single(b: Builder) -> Any:
    return numbers(b), b.pick(((1,), (), (1, 1))), b.chance(2)


@clause(
    "func.grad-single-element-accepted",
    "Drift: one element isn't enough; the function must return a tensor without dimensions.",
    source="torch.func.grad",
    area=AREA,
    profile="functional",
)
def test_single_element(check: Any, scene: Any = scenario(single_element, draw_single)) -> None:
    check(scene)


def linearized(torch: Any, drawn: Any) -> Any:
    a, v = drawn
    x, t = torch.tensor(a, dtype=torch.float64), torch.tensor(v, dtype=torch.float64)

    def f(p: Any) -> Any:
        return p * p * p - 2 * p

    output, push = torch.func.linearize(f, x)
    twice = push(t * 2)
    return output.tolist(), push(t).tolist(), twice.tolist(), torch.func.jvp(f, (x,), (t,))[1].tolist()


@clause(
    "func.linearize",
    "linearize gives the value and a function that is linear in the tangent.",
    source="torch.func.linearize",
    area=AREA,
    profile="forward",
)
def test_linearized(check: Any, scene: Any = scenario(linearized, pairs)) -> None:
    check(scene)


def into_given(torch: Any, drawn: Any) -> Any:
    (matrix, _), name = drawn
    x = torch.tensor(matrix)
    out = torch.empty(len(matrix[0]))
    function = getattr(torch, name)
    binary = name in ("add", "mul")
    return attempt(lambda: torch.func.vmap(lambda r: function(r, *((r,) if binary else ()), out=out))(x).tolist())


@clause(
    "func.vmap-out-kwarg",
    "out= raises RuntimeError under vmap.",
    source="func.ux_limitations#Mutation: out= PyTorch Operations",
    area=AREA,
    profile="functional",
)
def test_into_given(
    check: Any, scene: Any = scenario(into_given, lambda b: (rows(b), b.pick(("add", "sin", "abs", "exp", "mul"))))
) -> None:
    check(scene)


def functionalized(torch: Any, drawn: Any) -> Any:
    a, c = drawn
    x, y = torch.tensor(a), torch.tensor(c)

    def f(p: Any, q: Any) -> Any:
        view = p.view(-1)
        view.add_(q)
        return view * 2

    result = torch.func.functionalize(f)(x, y)
    return result.tolist(), x.tolist(), y.tolist()


@clause(
    "func.functionalize",
    "functionalize(f) behaves as f does, writes to its arguments included.",
    source="torch.func.functionalize",
    area=AREA,
    profile="functional",
)
def test_functionalized(check: Any, scene: Any = scenario(functionalized, pairs)) -> None:
    check(scene)
