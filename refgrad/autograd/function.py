"""Function: an operation with a rule of one's own. Source: torch.autograd.Function, notes/extending."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

from .. import _errors as errors
from .._modes import LEVELS, enable_grad, local, no_grad, state
from .._tensor import Tensor
from .context import BackwardCFunction, FunctionCtx
from .delayed_error import DelayedError
from .function_forward import push_tangents
from .function_inputs import bind, bind_defaults, open_node
from .function_outputs import wrap_outputs


class FunctionMeta(type):
    """Gives each Function the class of its nodes, named after it."""

    def __init__(cls, name: str, bases: tuple[type, ...], attrs: dict[str, Any]) -> None:
        node = type(name + "Backward", (BackwardCFunction,), {"_forward_cls": cls})
        node.__module__ = "torch.autograd.function"
        cls._backward_cls = node
        super().__init__(name, bases, attrs)


def _unwritten_setup(ctx: Any, inputs: tuple[Any, ...], output: Any) -> Any:
    """setup_context(ctx, inputs, output): saves what backward needs, when forward has no ctx."""
    raise NotImplementedError("setup_context is not implemented.")


class Function(metaclass=FunctionMeta):
    """An operation given by static methods `forward(ctx, *args)` (or `forward(*args)` and `setup_context`) and
    `backward(ctx, *grads)`, used through `apply`. Source: torch.autograd.Function.
    Trap: gradients handed to backward may be shared; never write to them in place."""

    generate_vmap_rule = False
    clear_saved_tensors_on_access = False
    boxed_grads_call = False
    _backward_cls: type[BackwardCFunction]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        warnings.warn(
            f"{self.__class__} should not be instantiated. Methods on autograd functions are all static, so you should "
            "invoke them on the class itself. Instantiating an autograd function will raise an error in a future "
            "version of PyTorch.",
            DeprecationWarning,
            stacklevel=2,
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError(
            "Legacy autograd function with non-static forward method is deprecated. Please use new-style autograd "
            "function with static forward method. (Example: "
            "https://pytorch.org/docs/stable/autograd.html#torch.autograd.Function)"
        )

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Computes the result; runs with gradient mode off."""
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    setup_context = staticmethod(_unwritten_setup)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """The gradients of the arguments from those of the outputs, None where there is none."""
        raise NotImplementedError(errors.NO_BACKWARD)

    vjp = backward

    @staticmethod
    def jvp(ctx: Any, *grad_inputs: Any) -> Any:
        """The tangents of the outputs from those of the arguments."""
        raise NotImplementedError(
            "You must implement the jvp function for custom autograd.Function to use it with forward mode AD."
        )

    @staticmethod
    def vmap(info: Any, in_dims: Any, *args: Any) -> Any:
        """The operation on batched arguments: (outputs, out_dims)."""
        raise NotImplementedError(
            "To use autograd.Function with vmap, you must either override the vmap staticmethod or set "
            "generate_vmap_rule=True."
        )

    @classmethod
    def _backward_rule(cls) -> Callable[..., Any]:
        """backward, or vjp in its place. Raises RuntimeError if both are written."""
        has_backward, has_vjp = cls.backward is not Function.backward, cls.vjp is not Function.vjp
        if has_backward and has_vjp:
            raise RuntimeError(
                "Implementing both 'backward' and 'vjp' for a custom Function is not allowed. You should only "
                "implement one of them."
            )
        return cls.vjp if has_vjp else cls.backward

    @classmethod
    def _run_forward(cls, node: BackwardCFunction, args: tuple[Any, ...], has_setup: bool) -> Any:
        """What forward returns: nothing in it is recorded, nor carried on in forward mode."""
        grad, state.grad = state.grad, False
        levels = dict(LEVELS)
        LEVELS.clear()
        try:
            if has_setup:
                output = cls.forward(*args)
                cls.setup_context(node, args, output)
            else:
                output = cls.forward(node, *args)
        finally:
            state.grad = grad
            LEVELS.update(levels)
        return output

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Runs forward and records the call if a tensor argument requires grad. Trap: tensors inside lists or dicts
        are not arguments and get no gradient."""
        has_setup = cls.setup_context is not _unwritten_setup
        args = bind_defaults(cls.forward, args, kwargs) if has_setup else bind(cls.forward, args, kwargs)
        if not has_setup and local.me.transforms:
            raise RuntimeError(errors.FUNCTION_WITHOUT_SETUP)
        for level in local.me.functional_levels:
            handle = getattr(level, "apply_function", None)
            if handle is not None:
                return handle(cls, args)
        node, is_recorded = open_node(cls._backward_cls, args)
        output = cls._run_forward(node, args, has_setup)
        result = wrap_outputs(node, args, output, is_recorded)
        return push_tangents(cls, node, args, result)


def once_differentiable(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator of a backward that can't itself be differentiated: doing so raises RuntimeError.
    Source: torch.autograd.function.once_differentiable."""

    @functools.wraps(fn)
    def wrapper(ctx: Any, *args: Any) -> Any:
        with no_grad():
            outputs = fn(ctx, *args)
        if not state.grad or not any(isinstance(a, Tensor) and a.requires_grad for a in args):
            return outputs
        given = outputs if isinstance(outputs, tuple) else (outputs,)
        with enable_grad():
            return DelayedError("trying to differentiate twice a function that was marked with @once_differentiable")(
                *given
            )

    return wrapper


class InplaceFunction(Function):
    """A Function that may be told to work in place. Kept for old code."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace


class NestedIOFunction(Function):
    """Named for old code; nested inputs were its purpose. Raises NotImplementedError: pass tensors as arguments."""

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(
            "refgrad has no NestedIOFunction; pass the tensors of a nest as arguments of a Function"
        )


__all__ = [
    "BackwardCFunction",
    "Function",
    "FunctionCtx",
    "FunctionMeta",
    "InplaceFunction",
    "NestedIOFunction",
    "once_differentiable",
]
