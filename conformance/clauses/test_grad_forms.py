"""Clauses of ``autograd.grad``: inputs by name, GradientEdges, and an option of old."""

from __future__ import annotations

from typing import Any

from ..drawing.build import Builder
from ..promises.clause import clause, scenario
from .seeing import attempt, facts, numbers, warned

AREA = "grad-api"
SOURCE = "torch.autograd.grad"


def inputs_by_name(torch: Any, drawn: Any) -> Any:
    data, names, options = drawn
    inputs = {name: torch.tensor(data, requires_grad=True) for name in names}
    stranger = torch.ones(2, requires_grad=True)
    root = sum((x * x).sum() for x in inputs.values())
    asked = {**inputs, "stranger": stranger} if options else inputs
    found = torch.autograd.grad(root, asked, **options)
    return type(found).__name__, [(name, facts(g)) for name, g in found.items()]


def draw_names(b: Builder) -> Any:
    names = [b.pick(("w", "b", "a")) for _ in range(b.integer(1, 3))]
    return numbers(b), names, b.pick(({}, {"allow_unused": True}, {"materialize_grads": True}))


@clause(
    "grad.dict-inputs",
    "A dict of inputs gives a dict of gradients with the same keys.",
    source=SOURCE,
    area=AREA,
)
def test_inputs_by_name(check: Any, drawn: Any = scenario(inputs_by_name, draw_names)) -> None:
    check(drawn)


def old_option(torch: Any, drawn: Any) -> Any:
    data, only = drawn
    x, y = (torch.tensor(data, requires_grad=True) for _ in range(2))
    found, given = warned(lambda: torch.autograd.grad((x * y).sum(), x, only_inputs=only))
    return [facts(g) for g in found], given, facts(y.grad)


@clause(
    "grad.only-inputs-ignored",
    "only_inputs=False is ignored, with a FutureWarning.",
    source=SOURCE,
    area=AREA,
)
def test_old_option(
    check: Any, drawn: Any = scenario(old_option, lambda b: (numbers(b), b.pick((False, True))))
) -> None:
    check(drawn)


def edges(torch: Any, drawn: Any) -> Any:
    data, seed, leaf, side = drawn
    x = torch.tensor(data, requires_grad=True)
    y = x * x
    z = y * x
    edge = torch.autograd.graph.get_gradient_edge
    given = torch.tensor(seed)
    if side == "input":
        return [facts(g) for g in torch.autograd.grad(z, [edge(x if leaf else y), x], given)]
    root = edge(y if leaf else z)
    return attempt(lambda: [facts(g) for g in torch.autograd.grad(root, x, given)])


def draw_edges(b: Builder, side: str) -> Any:
    data = numbers(b)
    return data, [b.integer(-4, 4) / 2 for _ in data], b.chance(2), side


@clause(
    "grad.gradient-edge-input",
    "A GradientEdge may stand for a tensor among the inputs, with the same result.",
    source="torch.autograd.graph.get_gradient_edge",
    area=AREA,
)
def test_edge_as_input(check: Any, drawn: Any = scenario(edges, lambda b: draw_edges(b, "input"))) -> None:
    check(drawn)


@clause(
    "grad.gradient-edge-output",
    "A GradientEdge may be an output, with its grad_outputs entry.",
    source=SOURCE,
    area=AREA,
)
def test_edge_as_output(check: Any, drawn: Any = scenario(edges, lambda b: draw_edges(b, "output"))) -> None:
    check(drawn)
