"""Real faults in the engine's memory: buffers, broadcasting, views, versions, hooks, errors that are missing."""

from __future__ import annotations

from typing import Any

import numpy as np

from .changes import event
from .fault import Fault
from .planting import part, pulled, replaced


def _adding_in_place(sound: Any) -> Any:
    """Cotangents are added into whatever buffer arrived first."""

    def arrive(task: Any, node: Any, nr: int, g: Any) -> None:
        slots = task.arrived.get(node)
        before = None if slots is None else slots[nr]
        if isinstance(before, np.ndarray) and before.flags.writeable and before.shape == g.shape:
            with np.errstate(all="ignore"):
                before += g
        else:
            sound(task, node, nr, g)

    return arrive


def _first_path_only(sound: Any) -> Any:
    """grad() keeps the first of several cotangents."""

    def arrive(task: Any, node: Any, nr: int, g: Any) -> None:
        slots = task.arrived.get(node)
        if not task.captures or slots is None or slots[nr] is None:
            sound(task, node, nr, g)

    return arrive


def _sharing_context(sound: Any) -> Any:
    """The second call of an operator overwrites what the first saved."""
    last: dict[Any, Any] = {}

    def save(node: Any, inputs: Any, outputs: Any) -> Any:
        made = sound(node, inputs, outputs)
        before = last.get(type(node))
        if before is not None and before.saved and made and len(before.saved) == len(made):
            before.saved = made
        last[type(node)] = node
        return made

    return save


def _last_dimension_unsummed(found: Any, node: Any, cotangents: Any, live: bool) -> Any:
    """A last dimension of size 1 gets its first slice instead of the sum."""
    return tuple([_first_column(g, edge) for g, edge in zip(found, node.edges)])


def _first_column(g: Any, edge: Any) -> Any:
    if g is None or edge is None:
        return g
    target, seen = edge[0].meta(edge[1])[0], event(g, False, False, False)
    if not target or len(target) != len(seen.shape) or target[-1] != 1 or seen.shape[-1] < 2:
        return g
    return g[..., 0:1]


def _scalar_unsummed(sound: Any) -> Any:
    """The gradient of a 0-d operand is its first element."""

    def reduce_to(F: Any, g: Any, shape: tuple[int, ...]) -> Any:
        return (
            g.reshape((-1,))[0].reshape(()) if shape == () and g.size and not callable(g.size) else sound(F, g, shape)
        )

    return reduce_to


def _same_count_kept(sound: Any) -> Any:
    """A gradient with the right number of elements keeps its shape."""

    def fit(g: Any, shape: Any, dtype: Any, live: bool, name: str, index: int) -> Any:
        array = g._array if live else g
        return (
            g
            if array.size == int(np.prod(shape)) and array.dtype == dtype
            else sound(g, shape, dtype, live, name, index)
        )

    return fit


def _scalar_narrowed(sound: Any) -> Any:
    """The gradient of a 0-d float64 operand is rounded to float32."""

    def fit(g: Any, shape: Any, dtype: Any, live: bool, name: str, index: int) -> Any:
        found = sound(g, shape, dtype, live, name, index)
        if live or shape != () or dtype != np.float64:
            return found
        return found.astype(np.float32).astype(np.float64)

    return fit


def _any_shape(sound: Any) -> Any:
    """A rule's gradient of a wrong shape is broadcast instead of refused."""

    def fit(g: Any, shape: Any, dtype: Any, live: bool, name: str, index: int) -> Any:
        array = g._array if live else g
        if not live and array.shape != shape and array.size == 1:
            g = np.broadcast_to(array.reshape(()), shape)
        return sound(g, shape, dtype, live, name, index)

    return fit


def _without_creation(wanted: str) -> Any:
    """Views made there count as made in the ordinary way."""

    def change(sound: Any) -> Any:
        def as_view(t: Any, array: Any, step: Any, several: bool = False) -> Any:
            made = sound(t, array, step, several)
            views = part("_views")
            if made._view is not None and made._view.creation == getattr(views, wanted) and not several:
                made._view.creation = views.DEFAULT
            return made

        return as_view

    return change


def _own_counter(sound: Any) -> Any:
    """A view has a version counter of its own."""

    def as_view(*args: Any) -> Any:
        made = sound(*args)
        if made._cell is not None:
            made._cell = list(made._cell)
        return made

    return as_view


def _staying(sound: Any) -> Any:
    """The hook of a retained gradient stays on the node from before the write."""
    return lambda *args: None


def _filling_grad(sound: Any) -> Any:
    """grad() with no inputs accumulates into the leaves."""

    def grad(outputs: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(inputs, (list, tuple)) and not inputs:
            part("autograd").backward(outputs)
            return ()
        return sound(outputs, inputs, *args, **kwargs)

    return grad


FAULTS = (
    Fault(
        "acc_alias",
        "cotangents are added in place into a buffer that another leaf holds",
        "accumulation",
        replaced("_engine", "_arrive", _adding_in_place),
        ("backward.", "op/add/", "grad.", "function.", "language"),
        "Oneflow-Inc/oneflow#9497",
    ),
    Fault(
        "paddle_grad_shared_broadcast",
        "grad() counts one of two paths",
        "accumulation",
        replaced("_engine", "_arrive", _first_path_only),
        ("grad.", "double.", "language"),
        "PaddlePaddle/Paddle#40741",
    ),
    Fault(
        "to_static_two_calls",
        "a second call of an operator overwrites what the first saved",
        "accumulation",
        replaced("_record", "save", _sharing_context),
        ("backward.", "double.", "language"),
        "PaddlePaddle/Paddle#43645",
    ),
    Fault(
        "make_grad_empty_inputs",
        "grad() with an empty list of inputs accumulates into the leaves",
        "accumulation",
        replaced("autograd", "grad", _filling_grad),
        ("grad.empty-inputs-error", "grad."),
        "pytorch/pytorch#47061",
    ),
    Fault(
        "bcast_tt",
        "mul does not sum over a broadcast last dimension",
        "broadcasting reduction",
        pulled("MulBackward0", _last_dimension_unsummed),
        ("op/mul/broadcast", "op/mul/", "broadcast."),
        "tenstorrent/tt-metal#40008",
    ),
    Fault(
        "bcast_jax_shape",
        "a 0-d operand's gradient is not summed",
        "broadcasting reduction",
        replaced("_accumulate", "reduce_to", _scalar_unsummed),
        ("broadcast.scalar-tensor-gradient", "op/add/broadcast", "op/mul/broadcast"),
        "jax-ml/jax#6452",
    ),
    Fault(
        "bcast_trailing1",
        "a gradient with as many elements keeps the other operand's shape",
        "broadcasting reduction",
        replaced("_engine", "fit", _same_count_kept),
        ("op/add/broadcast", "op/mul/broadcast", "broadcast."),
        "pytorch/pytorch#913",
    ),
    Fault(
        "mul_dtype_jit",
        "a 0-d float64 operand's gradient is rounded to float32",
        "dtype",
        replaced("_engine", "fit", _scalar_narrowed),
        ("op/mul/", "op/add/", "op/sub/"),
        "pytorch/pytorch#21408",
    ),
    Fault(
        "bce_double_hidden",
        "a rule's gradient of the wrong shape is broadcast silently",
        "error missing",
        replaced("_engine", "fit", _any_shape),
        ("function.grad-shape-checked", "function."),
        "pytorch/pytorch#78355",
    ),
    Fault(
        "view_chain_meta",
        "a view of one of several views may be written",
        "view+inplace",
        replaced("_views", "as_view", _without_creation("MULTI_OUTPUT")),
        ("view.multi-output-inplace-error", "view.", "inplace.", "language"),
        "pytorch/pytorch#36608",
    ),
    Fault(
        "silent_autograd_umbrella",
        "a view made in no_grad mode may be written",
        "view+inplace",
        replaced("_views", "as_view", _without_creation("NO_GRAD")),
        ("view.no-grad-view-inplace-error", "view.", "inplace.", "mode.", "language"),
        "pytorch/pytorch#31258",
    ),
    Fault(
        "version_view_not_owner",
        "a view has a version counter of its own",
        "version counter",
        replaced("_views", "as_view", _own_counter),
        ("view.", "inplace.", "op/transpose/view-write", "language"),
        "pytorch/pytorch#24413",
    ),
    Fault(
        "retain_grad_inplace",
        "a retained gradient is that of the value before the write",
        "hook order",
        replaced("_views", "move_retained", _staying),
        ("thook.retain-grad-inplace-moves", "leaf.retain", "inplace.", "leaf.", "language"),
        "pytorch/pytorch#79996",
    ),
)
