"""The reentrant form of checkpointing: a Function whose backward runs the region again and a backward inside it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any

from .._modes import enable_grad, no_grad, state
from .._tensor import Tensor
from ..autograd.backward import backward
from ..autograd.function import Function

Fork = Callable[[], AbstractContextManager[Any]]


def check_backward_validity(inputs: Iterable[Any]) -> None:
    """Warns if no input requires grad."""
    if not any(isinstance(t, Tensor) and t.requires_grad for t in inputs):
        warnings.warn("None of the inputs have requires_grad=True. Gradients will be None", UserWarning, stacklevel=2)


def detach_variable(inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """The tensors of a tuple detached, their requires_grad kept. Raises RuntimeError for anything but a tuple."""
    if not isinstance(inputs, tuple):
        raise RuntimeError(f"Only tuple of tensors is supported. Got Unsupported input type: {type(inputs).__name__}")
    made = []
    for t in inputs:
        if isinstance(t, Tensor):
            needs, t = t.requires_grad, t.detach()  # type: ignore[attr-defined]
            t.requires_grad = needs
        made.append(t)
    return tuple(made)


class CheckpointFunction(Function):
    """Runs a function without recording it, and again in backward."""

    @staticmethod
    def forward(ctx: Any, run_function: Callable[..., Any], fork: Any, *args: Any) -> Any:
        check_backward_validity(args)
        ctx.run_function, ctx.fork = run_function, fork
        ctx.places = [k for k, a in enumerate(args) if isinstance(a, Tensor)]
        ctx.args = [None if isinstance(a, Tensor) else a for a in args]
        ctx.save_for_backward(*[args[k] for k in ctx.places])
        with no_grad():
            return run_function(*args)

    @staticmethod
    def backward(ctx: Any, *cotangents: Any) -> tuple[Any, ...]:
        task = state.executing[-1] if state.executing else None
        if task is not None and task.needed is not None:
            raise RuntimeError(
                "When use_reentrant=True, torch.utils.checkpoint is incompatible with .grad() or passing an `inputs` "
                "parameter to .backward(). To resolve this error, you can either set use_reentrant=False, or call "
                ".backward() without passing the `inputs` argument."
            )
        args = list(ctx.args)
        for k, t in zip(ctx.places, ctx.saved_tensors):
            args[k] = t
        inputs = detach_variable(tuple(args))
        with ctx.fork(), enable_grad():
            outputs = ctx.run_function(*inputs)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        pairs = [(o, g) for o, g in zip(outputs, cotangents) if isinstance(o, Tensor) and o.requires_grad]
        if not pairs:
            raise RuntimeError("none of output has requires_grad=True, this checkpoint() is not necessary")
        backward([o for o, _ in pairs], [g for _, g in pairs])
        return (None, None, *[t.grad if isinstance(t, Tensor) else None for t in inputs])
