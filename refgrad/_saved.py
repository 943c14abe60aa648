"""What a node saves for backward, in its general form, and how it is checked, packed and unpacked.

A saved input is the tensor itself; a saved output is (array, version cell), so that a node never holds its own result
and a graph is freed by reference counting. The fast path (`_op`) keeps (tensor, version) and `Result` instead, and
turns them into `Saved` when something rare asks. Source: notes/autograd, "Saved tensors"; the saved-tensor hooks
tutorial. Trap: a pack hook sees the tensor with its history; what it returns is used without a version check.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from . import _errors as errors
from ._dtypes import OF_ARRAY
from ._graph import AccumulateGrad, CallableNode, Node, gradient_edge
from ._modes import local, state
from ._tensor import CONJ, DUAL, NEG, Tensor, extra, plain, resolved

Pack, Unpack = Callable[[Tensor], Any], Callable[[Any], Any]


class Saved:
    """A value saved for backward. `edge` restores the history of the value when the backward is itself recorded; for
    an output it is the node itself, passed at unpacking."""

    __slots__ = (
        "array",
        "cell",
        "edge",
        "flags",
        "is_leaf",
        "is_own",
        "needs",
        "nr",
        "packed",
        "tangents",
        "tensor",
        "unpack_hook",
        "version",
        "view",
    )

    def __init__(self, t: Tensor, is_output: bool, nr: int = 0) -> None:
        # Under a transform an inference tensor is wrapped, and the wrapper is an ordinary one.
        if t._cell is None and all(name == "vmap" for name in state.transforms):
            raise RuntimeError(errors.INFERENCE_SAVED)
        self.is_own = is_output and t._edge is not None
        self.nr, self.is_leaf, self.needs = nr, t._edge is None, t.requires_grad
        self.tangents: dict[int, Tensor] | None = None
        self.edge = None if self.is_own else gradient_edge(t)
        self.keep(t)
        # A view that was written has a history of its own after the write; it leads to the node that saves.
        self.view = weakref.ref(t._edge[0]) if self.is_own and t._view is not None and t._edge is not None else None
        self.unpack_hook: Unpack | None = None
        self.packed: Any = None
        hooks = local.me.saved_hooks
        if hooks:
            self.pack(*hooks[-1], t)

    def keep(self, t: Tensor) -> None:
        """Holds an input itself, of the node's own output the memory only."""
        self.array, self.cell, self.flags = t._array, t._cell, t._flags
        self.version = 0 if t._cell is None else t._cell[0]
        self.tensor: Tensor | None = None if self.is_own else t

    def pack(self, pack: Pack, unpack: Unpack, t: Tensor) -> None:
        """Hands the value to a pack hook, and keeps what it returns instead of the value."""
        self.unpack_hook = unpack
        before = None if t._cell is None else t._cell[0]
        me = local.me
        grad, me.grad = me.grad, False
        try:
            self.packed = pack(t)
        finally:
            me.grad = grad
        if t._cell is not None and t._cell[0] != before:
            raise RuntimeError(errors.PACK_INPLACE)
        self.tensor = self.array = self.cell = None

    def register_hooks(self, pack: Pack, unpack: Unpack, node: Node) -> None:
        """Packs the value now, with hooks of its own."""
        if self.unpack_hook is not None:
            raise RuntimeError(errors.SAVED_HOOKS_TWICE)
        self.check(node)
        self.pack(pack, unpack, self.data())

    def data(self) -> Tensor:
        """The saved value without history."""
        if self.tensor is None:
            made = alias_of(self.array, self.cell, self.flags)
            if self.tangents:
                extra(made).tangents = self.tangents
                made._flags |= DUAL
            return made
        return alias_of(self.tensor._array, self.tensor._cell, self.tensor._flags)

    def tensor_for(self, node: Node) -> Tensor:
        """The value as a Tensor with the history that it had: an input is given back as the same object."""
        if self.unpack_hook is not None:
            value = self._unpacked()
            return self._restored(alias_of(value._array, value._cell, value._flags), node)
        self.check(node)
        return self.tensor if self.tensor is not None else self._restored(self.data(), node)

    def _unpacked(self) -> Tensor:
        assert self.unpack_hook is not None
        value = self.unpack_hook(self.packed)
        if not isinstance(value, Tensor):
            raise TypeError(
                "Output of saved tensor unpack_hook expected to be a Tensor but got result of type "
                f"{type(value).__name__}"
            )
        return value

    def _restored(self, made: Tensor, node: Node) -> Tensor:
        made._needs = self.needs
        edge = self.own_edge(node) if self.is_own else self.edge
        if edge is not None and type(edge[0]) is AccumulateGrad:
            extra(made).accumulator = weakref.ref(edge[0])
        else:
            made._edge = edge
        return made

    def own_edge(self, node: Node) -> tuple[Node, int]:
        """The edge of the node's own result."""
        view = self.view and self.view()
        return (node, self.nr) if view is None else (view, 0)

    def check(self, node: Node) -> None:
        """Raises if the value was written since it was saved."""
        cell = self.cell if self.tensor is None else self.tensor._cell
        if cell is not None and cell[0] != self.version:
            if type(cell) is DetachedCell and not isinstance(node, CallableNode) and int(cell[0]) == int(self.version):
                return  # a custom Function's: it is given the tensor as it is
            edge = self.edge if self.tensor is None else producer_of(self.tensor)
            edge = self.own_edge(node) if self.is_own else edge
            raise_modified(self.array, cell, self.version, edge)

    def raw(self, node: Node) -> np.ndarray:
        """The value as an array."""
        return resolved(self.tensor_for(node) if self.unpack_hook is None else self._unpacked())


class SavedList(list[Saved]):
    """The saved members of a list input."""

    __slots__ = ()


class Result(tuple[Any, ...]):
    """(array, cell, version) of a node's saved first result, in the form of the fast path."""

    __slots__ = ()

    def tensor_for(self, node: Node) -> Tensor:
        """The result as a Tensor produced by the node."""
        made = alias_of(self[0], self[1], 0)
        made._edge, made._needs = (node, 0), True
        return made


class SavedTensor:
    """The handle that `node._raw_saved_<name>` gives: it can put hooks on that one saved value.
    Source: notes/autograd, "Registering hooks to a saved tensor"."""

    __slots__ = ("_node", "_saved")
    __module__ = "torch._C._autograd"

    def __init__(self, node: Node, saved: Any) -> None:
        self._node, self._saved = node, saved

    def register_hooks(self, pack_hook: Pack, unpack_hook: Unpack) -> None:
        """Calls pack_hook now; unpack_hook gives the value at each use. Raises RuntimeError if hooks are already set,
        the value is None or was freed."""
        if not (callable(pack_hook) and callable(unpack_hook)):
            raise TypeError(f"register_hooks() expects two functions, but got {pack_hook!r} and {unpack_hook!r}")
        if self._node.saved is None:
            raise RuntimeError(errors.SAVED_HOOKS_FREED)
        if self._saved is None:
            raise RuntimeError("Calling register_hooks on a saved tensor with value None is forbidden")
        self._saved.register_hooks(pack_hook, unpack_hook, self._node)

    def unpack(self) -> Tensor | None:
        """The saved value as a Tensor."""
        return None if self._saved is None else self._saved.tensor_for(self._node)

    @property
    def data(self) -> Any:
        """What is kept: the pack hook's result, or the value itself."""
        if self._saved is None or self._saved.unpack_hook is not None:
            return self._saved and self._saved.packed
        return self._saved.data()

    @property
    def unpack_hook(self) -> Unpack | None:
        return None if self._saved is None else self._saved.unpack_hook


class VersionSinceDetach(int):
    """A version read after `detach_`: unlike any that was read before it."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return type(other) is VersionSinceDetach and int(self) == int(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = int.__hash__


class DetachedCell(list[int]):
    """The version cell of a tensor after `detach_`. It counts on in the cell that aliases share, but no version that
    a node noted before matches: such a node must not run, because the value that it saved lost its history."""

    __slots__ = ("shared",)

    def __init__(self, shared: list[int]) -> None:
        super().__init__(shared)
        self.shared = shared

    def __getitem__(self, index: Any) -> Any:
        return VersionSinceDetach(self.shared[index])

    def __setitem__(self, index: Any, value: Any) -> None:
        self.shared[index] = int(value)


def alias_of(array: np.ndarray | None, cell: list[int] | None, flags: int) -> Tensor:
    """A tensor without history on given memory and version cell."""
    assert array is not None
    made = plain(array)
    made._cell, made._flags = cell, flags & (CONJ | NEG)
    return made


def producer_of(t: Tensor) -> tuple[Node, int] | None:
    """The node of a saved input. PyTorch notes the number of a node's own results alone, and says 0 of any other."""
    edge = gradient_edge(t)
    return None if edge is None else (edge[0], 0)


def raise_modified(array: Any, cell: list[int], version: int, edge: tuple[Node, int] | None) -> None:
    """Raises the error for a saved value that was written, or lost its history, after it was saved."""
    if type(cell) is DetachedCell and type(version) is int and (edge is None or isinstance(edge[0], AccumulateGrad)):
        raise RuntimeError(errors.SAVED_WAS_DETACHED)
    producer = ""
    if edge is not None and not isinstance(edge[0], AccumulateGrad):
        producer = f", which is output {edge[1]} of {errors.operation_name(edge[0].name())},"
    kind = errors.tensor_type(OF_ARRAY[array.dtype]) if array is not None else "torch.Tensor"
    raise RuntimeError(
        errors.modified_inplace(
            kind, () if array is None else array.shape, producer, cell[0], version, bool(local.me.anomaly)
        )
    )
