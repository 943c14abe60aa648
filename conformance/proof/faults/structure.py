"""Real faults in what holds a graph together: shared nodes, views and their hooks, checkpoints, modules, threads."""

from __future__ import annotations

from collections import Counter
from typing import Any
from weakref import WeakKeyDictionary, WeakValueDictionary

import numpy as np

from .fault import Fault
from .planting import part, replaced
from .saving import inherited


def _twice_at_most(sound: Any) -> Any:
    """A leaf adds up the first two cotangents of a pass and drops the rest."""
    passes: WeakKeyDictionary[Any, Counter[Any]] = WeakKeyDictionary()

    def arrive(task: Any, node: Any, nr: int, g: Any) -> None:
        seen = passes.setdefault(task, Counter())
        seen[node] += 1
        if node.edges or seen[node] <= 2:
            sound(task, node, nr, g)

    return arrive


def _first_to_arrive(sound: Any) -> Any:
    """The node of a write on a view runs with the first cotangent; what comes later is lost."""

    def arrive(task: Any, node: Any, nr: int, g: Any) -> None:
        slots = task.arrived.get(node)
        if "CopySlices" in node.name() and slots is not None and slots[nr] is not None:
            return
        sound(task, node, nr, g)

    return arrive


def _twice_on_views(sound: Any) -> Any:
    def mul_(self: Any, *given: Any, **options: Any) -> Any:
        made = sound(self, *given, **options)
        return sound(self, *given, **options) if self._view is not None else made

    return mul_


def _itself(sound: Any) -> Any:
    return lambda self, **options: self


def _unbumped(sound: Any) -> Any:
    def resize_(self: Any, *given: Any, **options: Any) -> Any:
        cell = self._cell
        before = None if cell is None else cell[0]
        made = sound(self, *given, **options)
        if cell is not None:
            cell[0] = before
        return made

    return resize_


def _zeros_under_modes(sound: Any) -> Any:
    """A transform inside of no_grad or inference mode gives zeros."""

    def grad(function: Any, *given: Any, **options: Any) -> Any:
        made, state = sound(function, *given, **options), part("_modes").state

        def derivative(*args: Any, **named: Any) -> Any:
            found = made(*args, **named)
            if state.grad and not state.inference:
                return found
            return tuple(f * 0 for f in found) if isinstance(found, tuple) else found * 0

        return derivative

    return grad


def _interned(sound: Any) -> Any:
    """Numbers of the same value are one tensor."""
    known: WeakValueDictionary[Any, Any] = WeakValueDictionary()

    def from_numpy(array: np.ndarray) -> Any:
        if array.ndim or array.dtype.kind != "f":
            return sound(array)
        key = (array.dtype.char, array.tobytes())
        made = known.get(key)
        if made is None:
            made = known[key] = sound(array)
        return made

    return from_numpy


def _unrebased(sound: Any) -> Any:
    """What a custom Function wrote keeps its old history; only a copy that is returned has the node."""

    def written(node: Any, nr: int, o: Any, is_input: bool, count: int) -> Any:
        made = part("_tensor").alias(o)
        made._edge, made._needs = (node, nr), True
        return made

    return written


def _unlinked(sound: Any) -> Any:
    """A write on a view of what a checkpoint returned cuts the checkpoint off."""

    def rebase(t: Any, node: Any, nr: int = 0) -> None:
        base = t._view.base if t._view is not None else None
        before = base._edge if base is not None else None
        sound(t, node, nr)
        after = base._edge if base is not None else None
        if before and after and before[0].name().startswith("CheckpointFunction"):
            after[0].edges = (None, *after[0].edges[1:])

    return rebase


def _hookless(sound: Any) -> Any:
    """A view whose base was written gets a new node; what was retained or hooked stays with the old one."""
    return lambda t, node, nr=0, before=None: None if before is not None else sound(t, node, nr, before)


def _fresh_mask(sound: Any) -> Any:
    """A checkpoint runs its function again with other random numbers."""
    return lambda before: sound(None)


def _of_last_operation(sound: Any) -> Any:
    """Hooks get one gradient of an input where there are several."""

    def run(self: Any, grads: Any, outputs: Any) -> Any:
        hooks = self.hooks
        self.hooks = [lambda module, given, out, h=hook: h(module, given[-1:], out) for hook in hooks]
        try:
            return sound(self, grads, outputs)
        finally:
            self.hooks = hooks

    return run


def _silent(sound: Any) -> Any:
    """Where no input needs a gradient, the hooks don't run at the output either."""
    return lambda self: None


def _refused(sound: Any) -> Any:
    """The gradient of a gradient that is a constant raises, though unused inputs are allowed."""

    def result(t: Any, g: Any, create: bool, materialize: bool, *rest: Any) -> Any:
        if g is None and materialize:
            raise RuntimeError("element 0 of tensors does not require grad and does not have a grad_fn")
        return sound(t, g, create, materialize, *rest)

    return result


FAULTS = (
    Fault("scan_closed_over", "a leaf adds up only the first two of its cotangents", "accumulation",
          replaced("_engine", "_arrive", _twice_at_most),
          ("backward.fan-out-sums", "backward.", "language"), "pytorch/pytorch#184528"),
    Fault("tf_cached_constant", "equal numbers are one tensor", "accumulation",
          replaced("", "from_numpy", _interned), ("op/add/", "op/mul/", "language"), "tensorflow/tensorflow#21837"),
    Fault("create_graph_zero", "the gradient of a constant gradient raises", "error missing",
          replaced("autograd.backward", "_result", _refused), ("grad.materialize", "op/add/double", "op/mul/double"),
          "pytorch/pytorch#73137"),
    Fault("checkpoint_rng_olmo", "a checkpoint draws other random numbers when it runs again", "graph retention",
          replaced("utils.checkpoint", "_random_state", _fresh_mask), ("checkpoint.",), "allenai/OLMo-core#828"),
    Fault("mark_dirty_ignored", "what a custom Function wrote keeps its old node", "view+inplace",
          replaced("autograd.function_outputs", "_written", _unrebased), ("function.", "language"),
          "pytorch/pytorch#184113"),
    Fault("setitem_mygrad", "the node of a write runs before all its users have", "view+inplace",
          replaced("_engine", "_arrive", _first_to_arrive), ("op/transpose/view-write", "view.", "inplace.", "language"),
          "rsokl/MyGrad#98"),
    Fault("setitem_double_assign_tg", "a product written on a view is written twice", "view+inplace",
          replaced("_tensor", "Tensor.mul_", _twice_on_views), ("op/transpose/view-write", "view.", "inplace."),
          "tinygrad/tinygrad#9940"),
    Fault("checkpoint_inplace_view", "a write on a view of a checkpoint's result cuts the checkpoint off",
          "view+inplace", replaced("_inplace", "rebase", _unlinked), ("checkpoint.", "language"),
          "pytorch/pytorch#36383"),
    Fault("version_resize", "resize_ does not bump the version", "version counter",
          replaced("_tensor", "Tensor.resize_", _unbumped), ("error.", "errors.", "view."), "pytorch/pytorch#96403"),
    Fault("module_hook_grad_input", "a module's backward hook gets the last gradient of its inputs only", "hook order",
          replaced("nn.backward_hook", "BackwardHook._run", _of_last_operation), ("thook.module",),
          "pytorch/pytorch#598"),
    Fault("full_bw_hook_order", "a module's hook does not run where no input needs a gradient", "hook order",
          replaced("nn.backward_hook", "BackwardHook._fire_without_inputs", _silent), ("thook.module",),
          "pytorch/pytorch#100528"),
    Fault("view_dynamic_gradfn", "a view made again loses what was retained of it", "hook order",
          replaced("_views", "move_retained", _hookless), ("thook.retain-grad", "thook.", "view.", "retain"),
          "pytorch/pytorch#8874"),
    Fault("warp_alias", "a copy is the tensor itself: what is written to it later drops the original's gradient",
          "graph retention", replaced("_tensor", "Tensor.clone", _itself), ("op/clone/", "inplace.", "op/mul/inplace"),
          "NVIDIA/warp#202"),
    Fault("no_grad_thread", "a new thread starts with its parent's gradient mode", "mode leak", inherited("grad"),
          ("mode.no-grad-thread-local", "mode."), "pytorch/pytorch#20528"),
    Fault("inference_mode_func", "a transform inside of no_grad or inference mode gives zeros", "mode leak",
          replaced("func", "grad", _zeros_under_modes), ("func.", "mode."), "pytorch/pytorch#177318"),
)  # fmt: skip
