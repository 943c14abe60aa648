"""Clauses of ``layout``: zero_grad, grad_dtype, and turning the layout policy off."""

from __future__ import annotations

from typing import Any

from ..drawing.build import Builder
from ..promises.clause import clause, scenario
from .seeing import attempt, facts, numbers

AREA = "accumulation-and-layout"
RULES = "autograd#Default gradient layouts"
ZEROING = ({}, {"set_to_none": False}, {"set_to_none": True})


def matrix(b: Builder) -> list[list[float]]:
    rows, columns = b.integer(2, 3), b.integer(2, 3)
    return [[b.integer(-8, 8) / 4 for _ in range(columns)] for _ in range(rows)]


def loose(torch: Any, drawn: Any) -> Any:
    data, enforced, transposed = drawn
    x = torch.tensor(data, requires_grad=True)
    c = torch.tensor(data).t().contiguous()
    with torch.autograd.grad_mode.enforce_grad_layout_policy(enforced):
        # The cotangent is made by the product, so nobody else holds it, and arrives transposed.
        ((x.t() * c) if transposed else (x * c.t().contiguous())).sum().backward()
    return x.grad.tolist(), list(x.grad.stride()), list(x.stride())


@clause(
    "layout.policy-context",
    "Under enforce_grad_layout_policy(False) a gradient that nobody else holds keeps its own strides.",
    source="torch.autograd.grad_mode.enforce_grad_layout_policy",
    area=AREA,
)
def test_loose(check: Any, drawn: Any = scenario(loose, lambda b: (matrix(b), b.chance(3), not b.chance(3)))) -> None:
    check(drawn)


def zeroed(torch: Any, drawn: Any) -> Any:
    data, options, by_optimizer = drawn
    net = torch.nn.Linear(len(data), 2)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
    net(torch.tensor(data)).sum().backward()
    held = [p.grad for p in net.parameters()]
    before = [g.tolist() for g in held]
    (optimizer if by_optimizer else net).zero_grad(**options)
    after = [facts(p.grad) for p in net.parameters()]
    return before, after, [p.grad is g for p, g in zip(net.parameters(), held)]


@clause(
    "layout.zero_grad-sets-none",
    "zero_grad of a module or optimizer sets .grad to None; with set_to_none=False it zeroes it in place.",
    source=RULES,
    area=AREA,
)
def test_zeroed(
    check: Any, drawn: Any = scenario(zeroed, lambda b: (numbers(b), b.pick(ZEROING), b.chance(2)))
) -> None:
    check(drawn)


def chosen_then_zeroed(torch: Any, drawn: Any) -> Any:
    data, options, times = drawn
    net = torch.nn.Linear(len(data[0]), len(data), bias=False)
    net.weight.grad = torch.zeros(len(data[0]), len(data)).t()
    chosen, seen = list(net.weight.grad.stride()), []
    for _ in range(times):
        net(torch.tensor(data)).sum().backward()
        seen.append((net.weight.grad.tolist(), list(net.weight.grad.stride())))
        net.zero_grad(**options)
    net(torch.tensor(data)).sum().backward()
    return chosen, seen, list(net.weight.grad.stride())


@clause(
    "layout.zero_grad-not-affecting-layout",
    "zero_grad keeps a layout chosen by hand with set_to_none=False alone; by default it is lost (drift).",
    source=RULES,
    area=AREA,
)
def test_chosen_then_zeroed(
    check: Any,
    drawn: Any = scenario(chosen_then_zeroed, lambda b: (matrix(b), b.pick(ZEROING), b.integer(1, 2))),
) -> None:
    check(drawn)


def other_grad_dtype(torch: Any, drawn: Any) -> Any:
    data, dtype, seed, how = drawn
    wanted = getattr(torch, dtype) if dtype else None
    x = torch.tensor(data, requires_grad=True)
    target = {"leaf": x, "result": x * 2, "constant": torch.tensor(data)}[how]
    before = attempt(lambda: str(target.grad_dtype))

    def choose() -> None:
        target.grad_dtype = wanted

    made = attempt(choose)
    for _ in range(2 if wanted is not None else 1):
        x.backward(torch.ones(len(data), dtype=getattr(torch, seed)) * 0.1)
    return before, made, attempt(lambda: str(target.grad_dtype)), facts(x.grad)


def draw_grad_dtype(b: Builder) -> Any:
    dtypes = ("float64", "float16", None, "bfloat16", "float32")
    how = b.pick(("leaf", "leaf", "leaf", "result", "constant"))
    return numbers(b), b.pick(dtypes), b.pick(("float32", "float64", "bfloat16")), how


@clause(
    "layout.grad_dtype-attribute",
    "grad_dtype is the dtype that gradients are cast to: by default the leaf's, settable on leaves, None for any.",
    source="torch.Tensor.grad_dtype",
    area=AREA,
)
def test_other_grad_dtype(check: Any, drawn: Any = scenario(other_grad_dtype, draw_grad_dtype)) -> None:
    check(drawn)


def grad_dtype_late(torch: Any, drawn: Any) -> Any:
    data, dtype, clear = drawn
    x = torch.tensor(data, requires_grad=True)
    (x * x).sum().backward()
    if clear:
        x.grad = None

    def change() -> None:
        x.grad_dtype = getattr(torch, dtype) if dtype else None

    return attempt(change), str(x.grad_dtype), facts(x.grad)


@clause(
    "layout.grad_dtype-change-with-grad-error",
    "grad_dtype can't be changed while a .grad of another dtype is there: RuntimeError.",
    source="observed",
    area=AREA,
)
def test_grad_dtype_late(
    check: Any,
    drawn: Any = scenario(
        grad_dtype_late,
        lambda b: (numbers(b), b.pick(("float16", "float64", "bfloat16", "float32", None)), b.chance(4)),
    ),
) -> None:
    check(drawn)
