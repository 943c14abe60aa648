"""The graph: nodes and edges.

An edge is a tuple (node, output number); a tensor's `_edge` is the edge that its cotangent goes into. A node holds its
producers' edges and its saved values, never the tensor it produced, so a graph is freed by reference counting alone.
Source: torch.autograd.graph.Node, notes/autograd "How autograd encodes the history".
"""

from __future__ import annotations

import itertools
import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from . import _errors as errors
from ._modes import state
from ._tensor import VIEW, Tensor, extra, plain, refresh, resolved

LAST = (1 << 63) - 1
_handle_numbers = itertools.count()


class GradientEdge(NamedTuple):
    """A place in the graph where a cotangent arrives. Source: torch.autograd.graph.GradientEdge."""

    node: Node
    output_nr: int
    ownership_token: Node | None = None


class NodeHooks:
    """The hooks of one node: on its cotangents by output, retained gradients, before and after it runs."""

    __slots__ = ("post", "pre", "retains", "tensor")

    def __init__(self) -> None:
        self.tensor: dict[int, OrderedDict[int, Callable[..., Any]]] = {}
        self.retains: dict[int, weakref.ref[Tensor]] = {}
        self.pre: OrderedDict[int, Callable[..., Any]] = OrderedDict()
        self.post: OrderedDict[int, Callable[..., Any]] = OrderedDict()


class RemovableHandle:
    """Removes a hook; also a context manager. Source: torch.utils.hooks.RemovableHandle."""

    __module__ = "torch.utils.hooks"

    def __init__(self, hooks: OrderedDict[int, Any], key: int) -> None:
        self._hooks, self.id = hooks, key

    def remove(self) -> None:
        """Takes the hook away; a second call does nothing."""
        self._hooks.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


def add_hook(hooks: OrderedDict[int, Any], hook: Any) -> RemovableHandle:
    """Appends a hook and returns the handle that removes it."""
    key = next(_handle_numbers)
    hooks[key] = hook
    return RemovableHandle(hooks, key)


class Node:
    """A recorded operation. `edges` its inputs' edges (None where no gradient goes), `sequence` its age, `shape` and
    `dtype` of its (first) output, which an arriving cotangent must have."""

    __slots__ = ("__weakref__", "_metadata", "dtype", "edges", "hooks", "metas", "saved", "sequence", "shape")

    edges: tuple[tuple[Node, int] | None, ...]
    saved: Any
    sequence: int
    shape: tuple[int, ...]
    dtype: np.dtype
    metas: tuple[tuple[tuple[int, ...], np.dtype] | None, ...] | None
    hooks: NodeHooks | None
    _metadata: dict[str, Any] | None

    def apply(self, cotangents: list[Any], live: bool) -> tuple[Any, ...]:
        """The cotangents of the inputs, from those of the outputs (arrays, or Tensors when live)."""
        raise NotImplementedError

    def release(self) -> None:
        """Forgets the saved values, after a backward without retain_graph."""

    def meta(self, nr: int) -> tuple[tuple[int, ...], np.dtype]:
        """Shape and dtype of output `nr`."""
        if self.metas is None:
            return self.shape, self.dtype
        found = self.metas[nr]
        assert found is not None
        return found

    def name(self) -> str:
        """The operation's name, such as MulBackward0. Source: torch.autograd.graph.Node.name."""
        return type(self).__name__

    @property
    def next_functions(self) -> tuple[tuple[Node | None, int], ...]:
        return tuple((None, 0) if edge is None else edge for edge in self.edges)

    @property
    def metadata(self) -> dict[str, Any]:
        if self._metadata is None:
            self._metadata = {}
        return self._metadata

    @property
    def requires_grad(self) -> bool:
        return True

    def _sequence_nr(self) -> int:
        return self.sequence

    def _set_sequence_nr(self, number: int) -> None:
        self.sequence = number

    def register_hook(self, fn: Callable[..., Any]) -> RemovableHandle:
        """Calls fn(grad_inputs, grad_outputs) after the node ran; a result replaces grad_inputs.
        Source: torch.autograd.graph.Node.register_hook."""
        return add_hook(node_hooks(self).post, fn)

    def register_prehook(self, fn: Callable[..., Any]) -> RemovableHandle:
        """Calls fn(grad_outputs) before the node runs; a result replaces them.
        Source: torch.autograd.graph.Node.register_prehook."""
        return add_hook(node_hooks(self).pre, fn)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} object at {id(self):#x}>"


class CallableNode(Node):
    """A node that can be called with cotangents by hand: all but those of custom Functions."""

    __slots__ = ()

    def __call__(self, *grad_outputs: Tensor | None) -> Any:
        """The cotangents of the inputs, recorded if gradient mode is on; no hook runs."""
        count = 1 if self.metas is None else len(self.metas)
        if len(grad_outputs) != count:
            raise TypeError(f"expected {count} arguments, got {len(grad_outputs)} instead")
        for k, g in enumerate(grad_outputs):
            if g is not None and not isinstance(g, Tensor):
                raise TypeError(f"argument {k} is not a Variable")
        live = state.grad
        found = self.apply([g if live or g is None else resolved(g) for g in grad_outputs], live)
        results = tuple(g if g is None or isinstance(g, Tensor) else plain(np.asarray(g)) for g in found)
        return results[0] if len(results) == 1 else results


class AccumulateGrad(CallableNode):
    """The sink of a leaf: adds the arriving cotangent to `variable.grad`. Held weakly by its leaf, and holding it."""

    __slots__ = ("variable",)

    def __init__(self, variable: Tensor) -> None:
        self.variable = variable
        self.edges, self.saved, self.hooks, self.metas, self._metadata = (), (), None, None, None
        self.sequence = LAST
        self.shape, self.dtype = self.meta(0)
        if state.anomaly is not None:
            state.anomaly.note(self)

    def name(self) -> str:
        return "torch::autograd::AccumulateGrad"

    def meta(self, nr: int) -> tuple[tuple[int, ...], np.dtype]:
        """The variable's own, which `.data = …` may have changed since, or its grad_dtype."""
        array, rare = self.variable._array, self.variable._extra
        if rare is None or rare.grad_dtype is False:
            return array.shape, array.dtype
        return array.shape, rare.grad_dtype and rare.grad_dtype.array

    def apply(self, cotangents: list[Any], live: bool) -> tuple[Any, ...]:
        variable = self.variable
        if variable.grad_fn is not None:
            raise RuntimeError(errors.LEAF_MOVED)
        if cotangents[0] is not None and variable.requires_grad:
            _accumulate.accumulate(variable, cotangents[0], live)
        # They run also where nothing arrived.
        if variable._extra is not None and variable._extra.post_accumulate:
            run_post_accumulate(variable)
        return ()


def run_post_accumulate(variable: Tensor) -> None:
    """The hooks that a leaf runs when its gradient has been updated."""
    assert variable._extra is not None
    for hook in list(variable._extra.post_accumulate.values()):
        found = hook(variable)
        if found is not None and not isinstance(found, Tensor):
            raise TypeError(f"expected Variable, but hook returned '{type(found).__name__}'")


def node_hooks(node: Node) -> NodeHooks:
    """The node's hooks, made when first asked for."""
    if node.hooks is None:
        node.hooks = NodeHooks()
    return node.hooks


def accumulator_edge(t: Tensor) -> tuple[Node, int]:
    """The edge of a leaf that requires grad: its one AccumulateGrad node, made anew if none is alive."""
    rare = extra(t)
    node = rare.accumulator and rare.accumulator()
    if node is None:
        node = AccumulateGrad(t)
        rare.accumulator = weakref.ref(node)
    return (node, 0)


def gradient_edge(t: Tensor) -> tuple[Node, int] | None:
    """Where the tensor's cotangent goes, or None if it needs none."""
    if t._flags & VIEW:
        refresh(t)
    if t._edge is not None:
        return t._edge
    return accumulator_edge(t) if t._needs else None


# It imports this module, hence at the end; looked up at each call it would cost as much as a small kernel.
from . import _accumulate  # noqa: E402
