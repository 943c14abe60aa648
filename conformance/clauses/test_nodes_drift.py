"""Clauses of ``node`` where the page names what this version doesn't have, or has elsewhere."""

from __future__ import annotations

from typing import Any

from ..promises.clause import clause, scenario
from .draws import pairs
from .seeing import attempt

AREA = "node-hooks-and-graph"


def lacks(*path: str) -> Any:
    """A scenario: whether the namespace has the path, name by name."""

    def look(torch: Any, drawn: Any) -> Any:
        found, seen = torch, []
        for name in path:
            seen.append(hasattr(found, name))
            found = getattr(found, name, None)
        return seen

    return scenario(look)


@clause(
    "node.creation-hook",
    "The page of the main branch lists node_creation_hook; this version has none (drift).",
    source="autograd#Autograd graph (main branch)",
    area=AREA,
)
def test_creation_hook(check: Any, drawn: Any = lacks("autograd", "graph", "node_creation_hook")) -> None:
    check(drawn)


def jacobian_names(torch: Any, drawn: Any) -> Any:
    import importlib

    module = importlib.import_module(f"{torch.__name__}.autograd.gradcheck")
    x, y = (torch.tensor(data, dtype=torch.float64, requires_grad=needs) for data, needs in zip(drawn, (True, False)))

    def cubic(inputs: Any) -> Any:
        return inputs[0] * inputs[1] * inputs[1] + inputs[0]

    by_steps = [
        [round(v, 6) + 0.0 for v in m.reshape(-1).tolist()] for m in module.get_numerical_jacobian(cubic, (x, y))
    ]
    matrices, *checks = module.get_analytical_jacobian((x, y), cubic((x, y)))
    refused = attempt(lambda: module.get_numerical_jacobian(cubic, (x, y), grad_out=2.0))
    from_function = [hasattr(torch.autograd.gradcheck, name) for name in ("get_numerical_jacobian", "Tensor")]
    return from_function, by_steps, [m.tolist() for m in matrices], checks, refused


@clause(
    "node.numerical-jacobian-names",
    "torch.autograd.gradcheck is the function, so that the Jacobian functions listed under it are reached only "
    "through the module object (drift).",
    source="autograd#Numerical gradient checking",
    area=AREA,
)
def test_jacobian_names(check: Any, drawn: Any = scenario(jacobian_names, pairs)) -> None:
    check(drawn)
