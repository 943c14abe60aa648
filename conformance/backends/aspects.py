"""What an Observe step reads of a tensor, aspect by aspect."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..programs.trace import Observed, Outcome

if TYPE_CHECKING:
    from .run import Run


def _see_flags(run: Run, value: Any, seen: Observed) -> None:
    seen.requires_grad, seen.is_leaf = value.requires_grad, value.is_leaf


def _see_graph(run: Run, value: Any, seen: Observed) -> None:
    node = value.grad_fn
    seen.grad_fn = False if node is None else node.name()
    if node is not None:
        seen.next_functions = tuple(None if fn is None else fn.name() for fn, _ in node.next_functions)


def _see_version(run: Run, value: Any, seen: Observed) -> None:
    seen.version = value._version


def _see_layout(run: Run, value: Any, seen: Observed) -> None:
    seen.strides = tuple(value.stride())
    seen.alias = run.alias_class(value)


def _see_nothing(run: Run, value: Any, seen: Observed) -> None:
    """The value itself is always seen."""


def _see_grad(run: Run, value: Any, seen: Observed) -> None:
    seen.grad = run.engine.see(value.grad)


def _see_repr(run: Run, value: Any, seen: Observed) -> None:
    seen.text = repr(value)


def _see_modes(run: Run, value: Any, seen: Observed) -> None:
    """Which modes the step runs under, as the engine says."""
    _add(seen, "modes", (run.ns.is_grad_enabled(), run.ns.is_inference_mode_enabled(), run.ns.is_anomaly_enabled()))


def _see_inference(run: Run, value: Any, seen: Observed) -> None:
    _add(seen, "inference", value.is_inference())


def _see_nodes(run: Run, value: Any, seen: Observed) -> None:
    """The identity of the value's node and of those behind it, with the outputs that they are entered by."""
    node = value.grad_fn
    following = () if node is None else node.next_functions
    behind = tuple((_identity(run, fn), nr, _place(run, getattr(fn, "variable", None))) for fn, nr in following)
    _add(seen, "nodes", (_identity(run, node), value.output_nr, behind))


def _identity(run: Run, node: Any) -> int:
    """A small number for a node, in the order in which nodes were first seen; the run keeps them alive."""
    if node is None:
        return -1
    for number, known in enumerate(run.nodes):
        if known is node:
            return number
    run.nodes.append(node)
    return len(run.nodes) - 1


def _place(run: Run, tensor: Any) -> int:
    """Which of the program's values the object is; -1: none."""
    return next((i for i, known in enumerate(run.values) if tensor is not None and known is tensor), -1)


def _see_saved(run: Run, value: Any, seen: Observed) -> None:
    """The tensors that the value's node saved, by name: which value each is, its memory, and what it looks like.

    Their numbers aren't looked at: a decomposition has its signs from each engine's own kernel.
    """
    node, tensor = value.grad_fn, run.engine.ns.Tensor
    found = [(name, getattr(node, name)) for name in sorted(dir(node)) if name.startswith("_saved_")]
    entries = [
        (name, _place(run, x), run.alias_class(x), *tensor_facts(run, x)) for name, x in found if isinstance(x, tensor)
    ]
    _add(seen, "saved", tuple(entries))


def tensor_facts(run: Run, x: Any) -> tuple[Outcome, ...]:
    """The dtype, shape and flag of a tensor."""
    return run.engine.dtype_name(x.dtype), tuple(x.shape), x.requires_grad


def _add(seen: Observed, name: str, found: Outcome) -> None:
    seen.more = {**(seen.more or {}), name: found}


ASPECTS: dict[str, Callable[[Run, Any, Observed], None]] = {
    "flags": _see_flags,
    "graph": _see_graph,
    "version": _see_version,
    "layout": _see_layout,
    "value": _see_nothing,
    "grad": _see_grad,
    "repr": _see_repr,
    "modes": _see_modes,
    "inference": _see_inference,
    "nodes": _see_nodes,
    "saved": _see_saved,
}
