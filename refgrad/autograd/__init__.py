"""refgrad.autograd: backward and grad, and what belongs to them. Source: torch.autograd."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _errors as errors
from .._engine import execute
from .._errors import list_text
from .._graph import GradientEdge, accumulator_edge, add_hook, gradient_edge, node_hooks
from .._interpreters import LIVE
from .._modes import enable_grad, inference_mode, no_grad, set_grad_enabled
from .._tensor import Tensor, extra, method, plain

Tensors = Tensor | GradientEdge | Sequence[Any]


def _sequence(given: Any) -> tuple[Any, ...]:
    if given is None:
        return ()
    return (given,) if isinstance(given, (Tensor, GradientEdge)) else tuple(given)


def _shape_dtype(root: Any) -> tuple[tuple[int, ...], np.dtype]:
    if isinstance(root, Tensor):
        return root._array.shape, root._array.dtype
    return root.node.meta(root.output_nr)


def _seed(root: Any, g: Any, index: int, create_graph: bool) -> Tensor | None:
    """The cotangent seed of a root, checked; ones for a one-element root without a seed."""
    shape, dtype = _shape_dtype(root)
    if g is None:
        return _implicit_seed(root, shape, dtype)
    if not isinstance(g, Tensor):
        raise TypeError(f"gradients can be either Tensors or None, but got {type(g).__name__}")
    if g._array.shape != shape:
        raise RuntimeError(
            f"Mismatch in shape: grad_output[{index}] has a shape of {g.shape} and output[{index}] has a shape of "
            f"torch.Size({list(shape)})."
        )
    if (g._array.dtype.kind == "c") != (dtype.kind == "c"):
        raise RuntimeError(
            "For complex Tensors, both grad_output and output are required to have the same dtype. Mismatch in dtype: "
            f"grad_output[{index}] has a dtype of {g.dtype} and output[{index}] has a dtype of {plain(np.empty(0, dtype)).dtype}."
        )
    return g if g._array.dtype == dtype else LIVE.cast(g, dtype)


def _implicit_seed(root: Any, shape: tuple[int, ...], dtype: np.dtype) -> Tensor | None:
    if isinstance(root, Tensor) and not root.requires_grad:
        return None
    if int(np.prod(shape)) != 1:
        raise RuntimeError(errors.IMPLICIT_SEED)
    if dtype.kind == "c":
        raise RuntimeError(
            f"grad can be implicitly created only for real scalar outputs but got {plain(np.empty(0, dtype)).dtype}"
        )
    return plain(np.ones(shape, dtype))


def _root_edges(roots: tuple[Any, ...]) -> list[Any]:
    edges = []
    for index, root in enumerate(roots):
        edge = gradient_edge(root) if isinstance(root, Tensor) else tuple(root)
        if edge is None:
            raise RuntimeError(f"element {index} of tensors does not require grad and does not have a grad_fn")
        edges.append(edge)
    return edges


def _seeds(roots: tuple[Any, ...], given: tuple[Any, ...], create_graph: bool) -> list[Any]:
    padded = given + (None,) * (len(roots) - len(given))
    return [_seed(root, g, k, create_graph) for k, (root, g) in enumerate(zip(roots, padded))]


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
    roots = _sequence(tensors)
    wanted = _sequence(inputs) if inputs is not None else None
    if wanted is not None and not wanted:
        raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    seeds = _seeds(roots, _sequence(grad_tensors if grad_tensors is not None else grad_variables), create_graph)
    edges = _root_edges(roots)
    keep = create_graph if retain_graph is None else retain_graph
    if wanted is None:
        execute(edges, seeds, keep, create_graph)
        return
    for t in wanted:
        if isinstance(t, Tensor) and t.grad_fn is not None:
            retain_grad(t)
    execute(edges, seeds, keep, create_graph, [_input_edge(t) for t in wanted])


def _input_edge(t: Any) -> Any:
    edge = gradient_edge(t) if isinstance(t, Tensor) else tuple(t)
    if edge is None:
        raise RuntimeError("One of the differentiated Tensors does not require grad")
    return edge


def grad(
    outputs: Tensors,
    inputs: Tensors,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Tensor | None, ...]:
    """The gradients of the outputs, weighted by `grad_outputs`, with respect to `inputs`; `.grad` is untouched.
    Source: torch.autograd.grad. Raises RuntimeError for an input that the outputs do not depend on, unless
    allow_unused (None is returned for it) or materialize_grads (zeros)."""
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, but got: allow_unused=False."
        )
    roots, wanted = _sequence(outputs), _sequence(inputs)
    if is_grads_batched:
        return _batched(
            roots, wanted, _sequence(grad_outputs), retain_graph, create_graph, allow_unused, materialize_grads
        )
    seeds = _seeds(roots, _sequence(grad_outputs), create_graph)
    edges = _root_edges(roots)
    keep = create_graph if retain_graph is None else retain_graph
    found = execute(edges, seeds, keep, create_graph, [_input_edge(t) for t in wanted], capture=True)
    return tuple(
        _result(t, found.get(k), create_graph, bool(allow_unused), materialize_grads) for k, t in enumerate(wanted)
    )


def _result(t: Any, g: Any, create_graph: bool, allow_unused: bool, materialize: bool) -> Tensor | None:
    if g is None:
        if materialize:
            return _zeros(t, create_graph)
        if not allow_unused:
            raise RuntimeError(
                "One of the differentiated Tensors appears to not have been used in the graph. Set allow_unused=True if "
                "this is the desired behavior."
            )
        return None
    return g if isinstance(g, Tensor) else plain(g)


def _zeros(t: Tensor, create_graph: bool) -> Tensor:
    """The materialized gradient of an unused input; PyTorch marks it as requiring grad under create_graph."""
    made = plain(np.zeros_like(t._array))
    made._needs = create_graph
    return made


def _batched(roots: Any, wanted: Any, batches: Any, retain: Any, create: bool, unused: Any, materialize: bool) -> Any:
    """One backward for each slice of the leading dimension of the seeds, the results stacked."""
    size = batches[0].shape[0]
    rows = []
    for i in range(size):
        keep = True if i < size - 1 else (create if retain is None else retain)
        rows.append(grad(roots, wanted, tuple(b[i] for b in batches), keep, create, True, unused, False, materialize))
    return tuple(None if r[0] is None else LIVE.stack(list(r), 0) for r in zip(*rows))


@method
def backward_method(
    self: Tensor, gradient: Any = None, retain_graph: bool | None = None, create_graph: bool = False, inputs: Any = None
) -> None:
    """Accumulates the gradient of self into the leaves. Source: torch.Tensor.backward."""
    backward(self, gradient, retain_graph, create_graph, inputs=inputs)


Tensor.backward = Tensor.backward_method  # type: ignore[attr-defined]
del Tensor.backward_method  # type: ignore[attr-defined]


@method
def register_hook(self: Tensor, hook: Any) -> Any:
    """Calls hook(grad) each time the gradient of the tensor is computed; a result replaces it.
    Source: torch.Tensor.register_hook. Raises RuntimeError if the tensor does not require grad."""
    from collections import OrderedDict

    if not self.requires_grad:
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    if self._edge is None:
        rare = extra(self)
        rare.hooks = OrderedDict() if rare.hooks is None else rare.hooks
        return add_hook(rare.hooks, hook)
    node, nr = self._edge
    return add_hook(node_hooks(node).tensor.setdefault(nr, OrderedDict()), hook)


@method
def retain_grad(self: Tensor) -> None:
    """Makes backward store the gradient of a non-leaf in `.grad`. Source: torch.Tensor.retain_grad."""
    import weakref

    if not self.requires_grad:
        raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
    if self._edge is None or self.retains_grad:
        return
    extra(self).retains = True
    node, nr = self._edge
    node_hooks(node).retains[nr] = weakref.ref(self)


__all__ = ["accumulator_edge", "backward", "enable_grad", "grad", "inference_mode", "no_grad", "set_grad_enabled"]
