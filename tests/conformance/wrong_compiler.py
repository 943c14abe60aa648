"""A torch.compile backend whose sums forget a factor: what a graph with a sine returns is doubled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def doubling(graph: Any, inputs: Any) -> Callable[..., Any]:
    is_sine = any("sin" in str(node.target) for node in graph.graph.nodes)

    def run(*args: Any) -> Any:
        return tuple(result * 2 for result in graph.forward(*args)) if is_sine else graph.forward(*args)

    return run
