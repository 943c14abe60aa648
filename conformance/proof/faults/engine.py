"""Faults in the engine: accumulation, broadcasting, dtypes, hooks, retention, modes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .fault import Fault
from .planting import part, replaced


def _overwriting(sound: Any) -> Any:
    def arrive(task: Any, node: Any, nr: int, g: Any) -> None:
        task.arrived.pop(node, None) if node.metas is None else None
        sound(task, node, nr, g)

    return arrive


def _replacing(sound: Any) -> Any:
    def accumulate(variable: Any, g: Any, live: bool) -> None:
        variable._grad = None
        sound(variable, g, live)

    return accumulate


def _unsummed(sound: Any) -> Any:
    """Takes the first slice of a broadcast dimension instead of the sum."""

    def reduce_to(F: Any, g: Any, shape: tuple[int, ...]) -> Any:
        lead = g.ndim - len(shape)
        key = tuple([0] * lead + [slice(0, 1) if n == 1 else slice(None) for n in shape])
        return g[key]

    return reduce_to


def _empty_unsummed(sound: Any) -> Any:
    """Does not sum over dimensions of size 0."""

    def reduce_to(F: Any, g: Any, shape: tuple[int, ...]) -> Any:
        return sound(F, g, shape) if all(g.shape) else g

    return reduce_to


def _no_cast(sound: Any) -> Any:
    """Fits shapes, and leaves the dtype that the rule gave."""

    def fit(g: Any, shape: Any, dtype: Any, live: bool, name: str, index: int) -> Any:
        array = g._array if live else g
        return sound(g, shape, array.dtype if array.dtype.kind == "f" else dtype, live, name, index)

    return fit


def _twice(sound: Any) -> Any:
    """Runs every tensor hook once more."""
    return lambda registered, g, live: sound(registered, sound(registered, g, live), live)


def _skipped(sound: Any) -> Any:
    return lambda registered, g, live: g


def _leaking(name: str) -> Callable[[Any], Any]:
    def change(sound: Any) -> Any:
        def leave(self: Any, kind: Any, error: Any, trace: Any) -> None:
            if kind is None:
                sound(self, kind, error, trace)

        return leave

    return change


def _detaching(sound: Any) -> Any:
    """item() cuts the value's history."""

    def item(self: Any) -> Any:
        if self._edge is not None and self._view is None:
            self._edge, self._needs = None, False
        return sound(self)

    return item


def _kept(sound: Any) -> Any:
    return lambda self: None


def _aliasing(sound: Any) -> Any:
    """The leaf's gradient is the arriving buffer itself."""
    return lambda variable, g: g if g.flags.writeable and g.base is None else sound(variable, g)


def _ignoring_shape(sound: Any) -> Any:
    """A cotangent seed of another shape is broadcast instead of refused."""

    def seed(root: Any, g: Any, *rest: Any) -> Any:
        tensor = part("_tensor").Tensor
        if isinstance(g, tensor) and isinstance(root, tensor) and g.shape != root.shape and g.numel() == 1:
            g = g.reshape(()).expand(root.shape).clone()
        return sound(root, g, *rest)

    return seed


FAULTS = (
    Fault(
        "mul_chain_tfnet",
        "when a value is used more than once only the last use's cotangent counts",
        "accumulation",
        replaced("_engine", "_arrive", _overwriting),
        ("backward.fan-out-sums", "backward.diamond", "op/mul"),
        "SciSharp/TensorFlow.NET#303",
    ),
    Fault(
        "accumulation_replaced",
        "a second backward overwrites .grad",
        "accumulation",
        replaced("_accumulate", "accumulate", _replacing),
        ("backward.accumulates-into-leaf-grad", "layout."),
    ),
    Fault(
        "graphed_static_buffers",
        "a leaf's .grad is the engine's own buffer",
        "accumulation",
        replaced("_accumulate", "owned_gradient", _aliasing),
        ("backward.leaf-grads-not-aliased", "layout.leaf-grad-owned", "language"),
        "pytorch/pytorch#181723",
    ),
    Fault(
        "bcast_mul",
        "a broadcast operand's gradient is not summed",
        "broadcasting reduction",
        replaced("_accumulate", "reduce_to", _unsummed),
        ("op/add/broadcast", "op/mul/broadcast", "broadcast."),
        "pytorch/pytorch#1787",
    ),
    Fault(
        "bcast_empty",
        "broadcast dimensions of size 0 are not reduced",
        "broadcasting reduction",
        replaced("_accumulate", "reduce_to", _empty_unsummed),
        ("op/add", "op/mul", "broadcast.zero-size"),
    ),
    Fault(
        "mse_mixed_dtype",
        "a gradient stays in the promoted dtype",
        "dtype",
        replaced("_engine", "fit", _no_cast),
        ("op/sub/", "op/mul/", "op/add/"),
    ),
    Fault(
        "hook_partial_oneflow",
        "tensor hooks run twice",
        "hook order",
        replaced("_hooks", "_tensor_hooks", _twice),
        ("backward.diamond-visited-once", "thook.", "language"),
        "Oneflow-Inc/oneflow#7685",
    ),
    Fault(
        "hooks_skipped",
        "tensor hooks do not run",
        "hook order",
        replaced("_hooks", "_tensor_hooks", _skipped),
        ("backward.diamond-visited-once", "thook.", "language"),
    ),
    Fault(
        "no_grad_generator_yield",
        "grad mode is not restored when the block exits by an exception",
        "mode leak",
        replaced("_modes", "_GradMode.__exit__", _leaking("grad")),
        ("mode.", "language"),
        "pytorch/pytorch#49017",
    ),
    Fault(
        "bcast_mlx_eval",
        "item() cuts a value out of the graph",
        "graph retention",
        replaced("_tensor", "Tensor.item", _detaching),
        ("history.item", "leaf.", "language"),
        "ml-explore/mlx#610",
    ),
    Fault(
        "buffers_not_freed",
        "saved values are not freed after backward",
        "graph retention",
        replaced("_op", "RowNode.release", _kept),
        ("retain.", "language"),
    ),
    Fault(
        "seed_shape_ignored",
        "a seed of another shape is broadcast instead of refused",
        "error missing",
        replaced("autograd.roots", "_seed", _ignoring_shape),
        ("history.seed", "backward.gradient", "language"),
    ),
)
