"""backward and grad. Source: torch.autograd.backward, torch.autograd.grad."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _errors as errors
from .._accumulate import Owners
from .._engine import execute
from .._graph import GradientEdge, gradient_edge
from .._modes import no_grad, state
from .._storage import owner
from .._tensor import CONJ, Tensor, alias, plain
from .._views import as_view
from .batched import grad_of_batch
from .roots import seeds_of
from .tensor_hooks import retain_grad

Tensors = Tensor | GradientEdge | Sequence[Any]


def _sequence(given: Any) -> tuple[Any, ...]:
    """A tuple of tensors or edges from one or from several."""
    return (given,) if isinstance(given, (Tensor, GradientEdge)) else tuple(given)


def _seed_sequence(given: Any, count: int) -> tuple[Any, ...]:
    if given is None:
        return (None,) * count
    return (given,) if isinstance(given, Tensor) else tuple(given)


def _root_edges(roots: tuple[Any, ...]) -> list[Any]:
    edges = []
    for index, root in enumerate(roots):
        edge = gradient_edge(root) if isinstance(root, Tensor) else (root[0], root[1])
        if edge is None:
            raise RuntimeError(f"element {index} of tensors does not require grad and does not have a grad_fn")
        edges.append(edge)
    return edges


def _run(
    roots: tuple[Any, ...],
    seeds: list[Any],
    keep: bool,
    create: bool,
    wanted: Any = None,
    capture: bool = False,
    owners: Owners | None = None,
) -> dict[int, Any]:
    if len(seeds) != len(roots):
        raise RuntimeError(f"got {len(roots)} tensors and {len(seeds)} gradients")
    edges = _root_edges(roots)
    inputs = None if wanted is None else [_input_edge(t, not capture) for t in wanted]
    if create and not capture:
        errors.warn_once(errors.CREATE_GRAPH_CYCLE, stacklevel=3)
    return execute(edges, seeds, keep, create, inputs, capture, owners)


def backward(
    tensors: Tensors,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    grad_variables: Any = None,
    inputs: Any = None,
) -> None:
    """Accumulates the gradients of the roots, weighted by `grad_tensors`, into the leaves (or only into `inputs`).
    Source: torch.autograd.backward. Raises RuntimeError for a root without grad, a seed of another shape, a graph that
    was freed. Trap: it adds to `.grad`; clear it between steps."""
    if state.transforms:
        raise RuntimeError(errors.BACKWARD_IN_TRANSFORM)
    if grad_variables is not None:
        warnings.warn("`grad_variables` is deprecated. Use `grad_tensors` instead.", FutureWarning, stacklevel=2)
        if grad_tensors is not None:
            raise RuntimeError(
                "`grad_tensors` and `grad_variables` (deprecated) arguments both passed to `backward()`. Please only "
                "use `grad_tensors`."
            )
        grad_tensors = grad_variables
    wanted = _backward_inputs(inputs)
    roots = _sequence(tensors)
    seeds = seeds_of(roots, _seed_sequence(grad_tensors, len(roots)), False)
    keep = create_graph if retain_graph is None else retain_graph
    _run(roots, seeds, keep, create_graph, wanted)


def _backward_inputs(inputs: Any) -> tuple[Any, ...] | None:
    """The tensors to accumulate into."""
    if inputs is None:
        return None
    wanted = _sequence(inputs.values() if isinstance(inputs, dict) else inputs)
    if not wanted:
        raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    return wanted


def _input_edge(t: Any, retains: bool) -> Any:
    """Where the gradient of an input arrives; a non-leaf that is accumulated into keeps it from now on."""
    if retains and isinstance(t, Tensor):
        retain_grad(t)
    if not isinstance(t, (Tensor, GradientEdge)):
        raise RuntimeError(f"all inputs have to be Tensors or GradientEdges, but got {type(t).__name__}")
    edge = gradient_edge(t) if isinstance(t, Tensor) else (t.node, t.output_nr)
    if edge is None and isinstance(t, Tensor) and t.requires_grad:
        # A view of a leaf that was made unrecorded: no graph leads to it.
        edge = gradient_edge(alias(t).requires_grad_())
    if edge is None:
        raise RuntimeError("One of the differentiated Tensors does not require grad")
    return edge


def grad(
    outputs: Tensors,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> Any:
    """The gradients of the outputs, weighted by `grad_outputs`, with respect to `inputs`, as a tuple (a dict for a
    dict); `.grad` is untouched. Source: torch.autograd.grad. Raises RuntimeError for an input that the outputs do not
    depend on, unless allow_unused (None is returned for it) or materialize_grads (zeros).
    Trap: what it returns may be an expanded view, or the same tensor twice."""
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, but got: allow_unused=False."
        )
    if not only_inputs:
        warnings.warn(
            "only_inputs argument is deprecated and is ignored now (defaults to True). To accumulate gradient for "
            "other parts of the graph, please use torch.autograd.backward.",
            FutureWarning,
            stacklevel=2,
        )
    names = list(inputs) if isinstance(inputs, dict) else None
    roots, wanted = _sequence(outputs), _sequence(inputs.values() if isinstance(inputs, dict) else inputs)
    given = _seed_sequence(grad_outputs, len(roots))
    keep = create_graph if retain_graph is None else retain_graph
    if materialize_grads and any(isinstance(t, GradientEdge) for t in wanted):
        raise RuntimeError("materialize_grads cannot be used when the given input is a GradientEdge")
    options = (create_graph, bool(allow_unused) or materialize_grads, materialize_grads)
    found = (
        grad_of_batch(_grad, roots, wanted, given, keep, options)
        if is_grads_batched
        else _grad(roots, wanted, given, keep, options)
    )
    return found if names is None else dict(zip(names, found))


def _grad(
    roots: tuple[Any, ...], wanted: tuple[Any, ...], given: tuple[Any, ...], keep: bool, options: tuple[bool, ...]
) -> tuple[Any, ...]:
    create, unused, materialize = options
    seeds = seeds_of(roots, given, False)
    if not wanted:
        raise RuntimeError("`inputs` argument to `grad()` cannot be empty.")
    owners = Owners(seeds)
    found = _run(roots, seeds, keep, create, wanted, True, owners)
    if not unused:
        for k in range(len(wanted)):
            if found.get(k) is None:
                raise RuntimeError(
                    f"The differentiated Tensor at index {k} appears to not have been used in the graph. Set "
                    "allow_unused=True if this is the desired behavior."
                )
    same = {id(seed._array): seed for seed in seeds if seed is not None and not create}
    return tuple([_result(t, found.get(k), create, materialize, same, owners) for k, t in enumerate(wanted)])


def _result(t: Any, g: Any, create: bool, materialize: bool, same: dict[int, Tensor], owners: Owners) -> Tensor | None:
    """A gradient as a Tensor; one array gives one Tensor, also where it is a seed."""
    if g is None:
        return _zeros(t, create) if materialize else None
    if isinstance(g, Tensor):
        return g
    made = same.get(id(g))
    if made is None or made.requires_grad:
        seen = _view_of_seed(g, owners)
        made = same[id(g)] = owners.fresh(g) if seen is None else seen
    return made


def _view_of_seed(g: np.ndarray, owners: Owners) -> Tensor | None:
    """A gradient that lies in a seed's memory, as the view that it is: it keeps the seed."""
    if type(g) is not np.ndarray:
        return None
    before = owners.before_conjugation(g) if owners.conjugates else None
    if before is None and g.base is None:
        return None
    array = g if before is None else before
    root = owner(array)
    for seed in owners.seeds:
        if seed is not None and seed._cell is not None and owner(seed._array) is root:
            with no_grad():
                made = as_view(seed, array, None)
            made._flags |= 0 if before is None else CONJ
            return made
    return None


def _zeros(t: Tensor, requires_grad: bool) -> Tensor:
    made = plain(np.zeros_like(t._array))
    made._needs = requires_grad
    return made
