"""The graph: nodes, edges, and what a node saves.

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
from ._dtypes import OF_ARRAY
from ._modes import state
from ._tensor import CONJ, VIEW, Tensor, alias, extra, refresh, resolved

LAST = (1 << 63) - 1
_handle_numbers = itertools.count()


class GradientEdge(NamedTuple):
    """A place in the graph where a cotangent arrives. Source: torch.autograd.graph.GradientEdge."""

    node: Node
    output_nr: int


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

    def _sequence_nr(self) -> int:
        return self.sequence

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


class AccumulateGrad(Node):
    """The sink of a leaf: adds the arriving cotangent to `variable.grad`. Held weakly by its leaf, and holding it."""

    __slots__ = ("variable",)

    def __init__(self, variable: Tensor) -> None:
        self.variable = variable
        self.edges, self.saved, self.hooks, self.metas, self._metadata = (), (), None, None, None
        self.sequence = LAST
        self.shape, self.dtype = variable._array.shape, variable._array.dtype

    def name(self) -> str:
        return "torch::autograd::AccumulateGrad"

    def meta(self, nr: int) -> tuple[tuple[int, ...], np.dtype]:
        """The variable's own, which `.data = …` may have changed since."""
        return self.variable._array.shape, self.variable._array.dtype

    def apply(self, cotangents: list[Any], live: bool) -> tuple[Any, ...]:
        from ._accumulate import accumulate

        if cotangents[0] is not None and self.variable._needs:
            accumulate(self.variable, cotangents[0], live)
        return ()


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


class Saved:
    """A value saved for backward in the general form: an input tensor, or an output as (array, cell) so that the node
    never holds its own result; checked against the version it had; packed by the thread's saved-tensor hooks.

    `edge` restores the history of the value when the backward is itself recorded; for an output it is the node itself,
    passed at unpacking.
    """

    __slots__ = (
        "array",
        "cell",
        "edge",
        "flags",
        "is_output",
        "needs",
        "nr",
        "packed",
        "tensor",
        "unpack_hook",
        "version",
    )

    def __init__(self, t: Tensor, is_output: bool, nr: int = 0) -> None:
        if t._cell is None and not state.inference:
            raise RuntimeError(errors.INFERENCE_SAVED)
        self.array, self.cell, self.flags, self.needs = t._array, t._cell, t._flags, t._needs
        self.version = 0 if t._cell is None else t._cell[0]
        self.is_output, self.nr = is_output, nr
        self.edge = None if is_output else gradient_edge(t)
        self.tensor: Tensor | None = None if is_output and t._edge is not None else t
        self.unpack_hook: Callable[[Any], Any] | None = None
        self.packed: Any = None
        if state.saved_hooks:
            self.pack(*state.saved_hooks[-1], t if not is_output else alias(t))

    def pack(self, pack: Callable[[Tensor], Any], unpack: Callable[[Any], Any], t: Tensor) -> None:
        """Hands the value to a pack hook, and keeps what it returns instead of the value."""
        before = None if t._cell is None else t._cell[0]
        grad, state.grad = state.grad, False
        try:
            self.packed = pack(t)
        finally:
            state.grad = grad
        if t._cell is not None and t._cell[0] != before:
            raise RuntimeError(
                "A saved tensor pack hook is modifying its input in place. "
                "Tensors provided as input to pack hook can not be modified by "
                "in-place operations as this can lead to unexpected side-effects. "
                "Please open an issue if you need to perform in-place operations on "
                "the input to a pack hook."
            )
        self.unpack_hook = unpack
        self.tensor = None
        self.array = None

    def tensor_for(self, node: Node) -> Tensor:
        """The value as a Tensor with the history that it had."""
        if self.unpack_hook is not None:
            return self._unpacked(node)
        self.check(node)
        if self.tensor is not None and self.tensor._array is self.array:
            return self.tensor
        made = alias_of(self.array, self.cell, self.flags)
        return self._restore(made, node)

    def _unpacked(self, node: Node) -> Tensor:
        assert self.unpack_hook is not None
        grad, state.grad = state.grad, False
        try:
            value = self.unpack_hook(self.packed)
        finally:
            state.grad = grad
        if not isinstance(value, Tensor):
            raise TypeError(
                "Output of saved tensor unpack_hook expected to be a Tensor but got result of type "
                f"{type(value).__name__}"
            )
        if (self.edge is not None and value._edge is self.edge) or (self.needs and value is self._leaf()):
            return value
        return self._restore(alias(value), node)

    def _leaf(self) -> Tensor | None:
        return self.edge[0].variable if self.edge is not None and type(self.edge[0]) is AccumulateGrad else None

    def _restore(self, made: Tensor, node: Node) -> Tensor:
        made._needs = self.needs
        made._edge = ((node, self.nr) if self.is_output else self.edge) if self.needs else None
        return made

    def check(self, node: Node) -> None:
        """Raises if the value was written since it was saved."""
        if self.cell is not None and self.cell[0] != self.version:
            here = self.edge if self.tensor is None or self.is_output else gradient_edge(self.tensor)
            raise_modified(self.array, self.cell, self.version, (node, self.nr) if self.is_output else here)

    def raw(self, node: Node) -> np.ndarray:
        """The value as an array."""
        if self.unpack_hook is not None:
            return resolved(self.tensor_for(node))
        self.check(node)
        if self.flags & 3:
            return resolved(alias_of(self.array, self.cell, self.flags))
        assert self.array is not None
        return self.array


class Result(tuple[Any, ...]):
    """(array, cell, version) of a node's saved first result, in the form of the fast path."""

    __slots__ = ()

    def tensor_for(self, node: Node) -> Tensor:
        """The result as a Tensor produced by the node."""
        made = alias_of(self[0], self[1], 0)
        made._edge, made._needs = (node, 0), True
        return made


def alias_of(array: np.ndarray | None, cell: list[int] | None, flags: int) -> Tensor:
    """A tensor without history on given memory and version cell."""
    from ._tensor import plain

    assert array is not None
    made = plain(array)
    made._cell, made._flags = cell, flags & (CONJ | 2)
    return made


def raise_modified(array: Any, cell: list[int], version: int, edge: tuple[Node, int] | None) -> None:
    """Raises the error for a saved value that was written after it was saved."""
    producer = ""
    if edge is not None and not isinstance(edge[0], AccumulateGrad):
        name = edge[0].name().rstrip("0123456789").removesuffix("Backward")
        producer = f", which is output {edge[1]} of {name},"
    kind = OF_ARRAY[array.dtype].short if array is not None else "Tensor"
    raise RuntimeError(errors.modified_inplace(kind, () if array is None else array.shape, producer, cell[0], version))
