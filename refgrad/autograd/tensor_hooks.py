"""Methods of Tensor that hang on the engine: backward, hooks, retained gradients, the gradient's dtype."""

from __future__ import annotations

import warnings
import weakref
from collections import OrderedDict
from typing import Any

from .._dtypes import C_NAMES, SCALAR_NAMES, dtype
from .._errors import NONLEAF_GRAD
from .._graph import RemovableHandle, add_hook, node_hooks
from .._tensor import Tensor, extra, method


@method
def register_hook(self: Tensor, hook: Any) -> RemovableHandle:
    """Calls hook(grad) each time the gradient of the tensor is computed; a result replaces it.
    Source: torch.Tensor.register_hook. Raises RuntimeError if the tensor does not require grad.
    Trap: after an in-place write the hook stays with the value before it."""
    if not self.requires_grad:
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    if self.is_leaf:
        rare = extra(self)
        rare.hooks = OrderedDict() if rare.hooks is None else rare.hooks
        return add_hook(rare.hooks, hook)
    node, nr = self._edge  # type: ignore[misc]
    return add_hook(node_hooks(node).tensor.setdefault(nr, OrderedDict()), hook)


@method
def register_post_accumulate_grad_hook(self: Tensor, hook: Any) -> RemovableHandle:
    """Calls hook(tensor) each time backward has updated the leaf's `.grad`; it must return None.
    Source: torch.Tensor.register_post_accumulate_grad_hook. Raises RuntimeError for a non-leaf."""
    if not self.requires_grad:
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    if not self.is_leaf:
        raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
    rare = extra(self)
    rare.post_accumulate = OrderedDict() if rare.post_accumulate is None else rare.post_accumulate
    return add_hook(rare.post_accumulate, hook)


@method
def retain_grad(self: Tensor) -> None:
    """Makes backward store the gradient of a non-leaf in `.grad`. Source: torch.Tensor.retain_grad."""
    if not self.requires_grad:
        raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
    if self._edge is None or self.retains_grad:
        return
    node, nr = self.grad_fn, self.output_nr
    extra(self).retains = True
    node_hooks(node).retains[nr] = weakref.ref(self)


def _get_grad_dtype(self: Tensor) -> dtype | None:
    if not self.is_leaf:
        raise RuntimeError("grad_dtype can only be accessed on leaf tensors.")
    return self.dtype if self._extra is None or self._extra.grad_dtype is False else self._extra.grad_dtype


def _set_grad_dtype(self: Tensor, value: dtype | None) -> None:
    if value is not None and not isinstance(value, dtype):
        raise RuntimeError(f"grad_dtype must be a torch.dtype or None, but got {type(value).__name__}")
    present = self._grad
    if not self.is_leaf:
        if present is None and not self.retains_grad:
            warnings.warn(NONLEAF_GRAD, UserWarning, stacklevel=2)
        raise RuntimeError("grad_dtype can only be set on leaf tensors.")
    if value is not None and present is not None and present.dtype is not value:
        raise RuntimeError(
            f"Cannot set grad_dtype to '{SCALAR_NAMES[value]}' because there is already a gradient with dtype "
            f"'{C_NAMES[present.dtype]}'. Please clear the gradient (.grad = None) before changing grad_dtype, or "
            "ensure the new grad_dtype matches the existing gradient's dtype."
        )
    rare = extra(self)
    rare.grad_dtype = value
    node = rare.accumulator and rare.accumulator()
    if node is not None:
        node.dtype = value and value.array


Tensor.grad_dtype = property(  # type: ignore[attr-defined]
    _get_grad_dtype,
    _set_grad_dtype,
    doc="The dtype that `.grad` must have; None: any. Source: torch.Tensor.grad_dtype.",
)
