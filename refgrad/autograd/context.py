"""The node of a custom Function, which is also the `ctx` of its forward and backward.
Source: torch.autograd.Function, notes/extending, "Extending torch.autograd"."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from .. import _errors as errors
from .._graph import Node
from .._hooks import shown
from .._modes import local, state
from .._saved import Saved
from .._tensor import Tensor, plain, resolved


class FunctionCtx:
    """What forward and setup_context tell about a call. Source: torch.autograd.function.FunctionCtx."""

    to_save: tuple[Any, ...] | None = None
    saved_for_forward: tuple[Any, ...] | None = None
    dirty_tensors: tuple[Any, ...] | None = None
    non_differentiable: tuple[Any, ...] | None = None
    needs_input_grad: tuple[bool, ...] = ()
    _materializes = True

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keeps tensors (or None) for backward, to be read as `ctx.saved_tensors`. Raises TypeError for anything else.
        Trap: a second call replaces the first; an intermediate comes back without history."""
        self.to_save = tensors

    def save_for_forward(self, *tensors: Tensor | None) -> None:
        """Keeps tensors for jvp, to be read there as `ctx.saved_tensors`."""
        self.saved_for_forward = tensors

    def mark_dirty(self, *args: Tensor) -> None:
        """Says which inputs forward wrote in place; all of them must be returned."""
        self.dirty_tensors = args

    def mark_shared_storage(self, *pairs: Any) -> None:
        """Does nothing but warn: shared memory is seen without being told. Kept for old code."""
        warnings.warn(
            "`mark_shared_storage` is deprecated. Tensors with shared storages are automatically tracked. Note that "
            "calls to `set_()` are not tracked",
            FutureWarning,
            stacklevel=2,
        )

    def mark_non_differentiable(self, *args: Tensor) -> None:
        """Says which outputs have no gradient; backward still gets zeros in their places."""
        self.non_differentiable = args

    def set_materialize_grads(self, value: bool) -> None:
        """Whether backward gets zeros (the default) or None for an output without gradient."""
        self._materializes = value

    def _set_materialize(self, value: bool) -> None:
        self._materializes = value

    materialize_grads = property(None, _set_materialize)


class BackwardCFunction(Node, FunctionCtx):
    """The node of one call. `is_tensor` says which arguments were tensors: only they have edges."""

    _forward_cls: Any = None

    def __init__(self) -> None:
        self.edges, self.saved, self.hooks, self.metas, self._metadata = (), (), None, (), None
        self.sequence, self.shape, self.dtype = 0, (), np.dtype(np.float32)
        self.is_tensor: tuple[bool, ...] = ()
        self.in_jvp = self.was_read = False

    def __repr__(self) -> str:
        return object.__repr__(self)

    @property
    def saved_tensors(self) -> tuple[Tensor | None, ...]:
        """The saved tensors, checked and with their history. Raises RuntimeError after they were freed."""
        if self.in_jvp:
            return self.saved_for_forward or ()
        if self.saved is None:
            raise RuntimeError(errors.CLEARED_ON_ACCESS if self.was_read else errors.SECOND_BACKWARD)
        found = tuple([None if s is None else s.tensor_for(self) for s in self.saved])
        if self._forward_cls.clear_saved_tensors_on_access and state.executing:
            self.saved, self.was_read = None, True
        return found

    @property
    def saved_variables(self) -> tuple[Tensor | None, ...]:
        return self.saved_tensors

    @property
    def _raw_saved_tensors(self) -> tuple[Any, ...]:
        from .._saved import SavedTensor

        if self.saved is None:
            raise RuntimeError(errors.SECOND_BACKWARD)
        return tuple(SavedTensor(self, s) for s in self.saved)

    def keep(self) -> None:
        """Saves what forward asked for, once the outputs have their places in the graph."""
        given, self.to_save = self.to_save or (), None
        self.saved = tuple([None if t is None else self._saved(t, k) for k, t in enumerate(given)])
        anomaly = local.me.anomaly
        if anomaly is not None:
            anomaly.note(self)

    def _saved(self, t: Any, position: int) -> Saved:
        if not isinstance(t, Tensor):
            raise TypeError(
                f"save_for_backward can only save variables, but argument {position} is of type {type(t).__name__}"
            )
        is_output = t._edge is not None and t._edge[0] is self
        return Saved(t, is_output, t._edge[1] if is_output and t._edge else 0)

    def release(self) -> None:
        self.saved = None

    def apply(self, cotangents: list[Any], live: bool) -> tuple[Any, ...]:
        grads = [self._materialized(g, k) for k, g in enumerate(cotangents)]
        rule = self._forward_cls._backward_rule()
        found = rule(self, grads) if self._forward_cls.boxed_grads_call else rule(self, *grads)
        results = self._checked(found if isinstance(found, tuple) else (found,))
        return tuple([self._taken(g, k, live) for k, g in enumerate(results)])

    def _materialized(self, g: Any, nr: int) -> Tensor | None:
        assert self.metas is not None
        if g is not None or not self._materializes or self.metas[nr] is None:
            return shown(g)
        shape, dtype = self.metas[nr]  # type: ignore[misc]
        return plain(np.zeros(shape, dtype))

    def _checked(self, found: tuple[Any, ...]) -> list[Any]:
        """The gradients of the tensor arguments, from those of all arguments."""
        expected = len(self.is_tensor)
        if len(found) > expected and all(g is None for g in found[expected:]):
            found = found[:expected]
        if len(found) != expected:
            raise RuntimeError(
                f"function {self.name()} returned an incorrect number of gradients (expected {expected}, got "
                f"{len(found)})"
            )
        results = []
        for k, (g, is_tensor) in enumerate(zip(found, self.is_tensor)):
            if is_tensor:
                results.append(g)
            elif g is not None:
                raise RuntimeError(
                    f"function {self.name()} returned a gradient different than None at position {k + 1}, but the "
                    "corresponding forward input was not a Variable"
                )
        return results

    def _taken(self, g: Any, index: int, live: bool) -> Any:
        """A gradient as the engine takes it; what a rule may get wrong is checked here, the shape by the engine."""
        edge = self.edges[index]
        if g is None:
            return None
        if not isinstance(g, Tensor):
            raise RuntimeError(f"expected Variable or None (got {type(g).__name__})")
        # What goes nowhere is shown to the node's hooks as it is.
        kind = g._array.dtype.kind if edge is None else edge[0].meta(edge[1])[1].kind
        if g._array.dtype.kind not in "fV" and (g._array.dtype.kind == "c") != (kind == "c"):
            raise RuntimeError(errors.COMPLEX_FOR_REAL)
        return g if live else resolved(g)
