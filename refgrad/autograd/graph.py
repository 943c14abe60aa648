"""torch.autograd.graph: nodes, edges, hooks on several gradients, and on what is saved."""

from __future__ import annotations

from collections.abc import Iterable

from .._graph import GradientEdge, Node
from .._tensor import Tensor
from .elsewhere import (
    region_activation_memory_budget,
    set_override_stale_capture_stream,
    set_warn_on_accumulate_grad_stream_mismatch,
)
from .multi_grad import edge_of, register_multi_grad_hook
from .mutation import allow_mutation_on_saved_tensors
from .saved import disable_saved_tensors_hooks, save_on_cpu, saved_tensors_hooks


def get_gradient_edge(tensor: Tensor) -> GradientEdge:
    """Where in the graph the tensor's gradient arrives; for a leaf its AccumulateGrad node.
    Source: torch.autograd.graph.get_gradient_edge. Raises RuntimeError for a tensor that does not require grad."""
    edge = edge_of(tensor) if tensor.requires_grad else None
    if edge is None:
        raise RuntimeError("It is not possible to get the gradient edge for a Tensor that does not require gradients")
    return GradientEdge(edge[0], edge[1], None)


def increment_version(tensor: Tensor | Iterable[Tensor]) -> None:
    """Bumps the version counter of a tensor, or of each of several, as if it had been written in place; inference
    tensors have none. Source: torch.autograd.graph.increment_version."""
    if not isinstance(tensor, (Tensor, Iterable)):
        raise RuntimeError("increment_version expect a Iterable[Tensor] as input")
    for t in (tensor,) if isinstance(tensor, Tensor) else tensor:
        if t._cell is not None:
            t._cell[0] += 1


__all__ = [
    "GradientEdge",
    "Node",
    "allow_mutation_on_saved_tensors",
    "disable_saved_tensors_hooks",
    "get_gradient_edge",
    "increment_version",
    "region_activation_memory_budget",
    "register_multi_grad_hook",
    "save_on_cpu",
    "saved_tensors_hooks",
    "set_override_stale_capture_stream",
    "set_warn_on_accumulate_grad_stream_mismatch",
]
