"""PyTorch's error texts, and the checks that raise them. Built only when raised."""

from __future__ import annotations

import re
import warnings
from typing import Any

from ._dtypes import C_NAMES, SCALAR_NAMES

NONLEAF_GRAD = (
    "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad attribute won't be "
    "populated during autograd.backward(). If you indeed want the .grad field to be populated for a non-leaf Tensor, "
    "use .retain_grad() on the non-leaf Tensor. If you access the non-leaf Tensor by mistake, make sure you access the "
    "leaf Tensor instead. See github.com/pytorch/pytorch/pull/30531 for more information. (Triggered internally at "
    "/__w/pytorch/pytorch/build/aten/src/ATen/core/TensorBody.h:493.)"
)
NONLEAF_REQUIRES_GRAD = (
    "you can only change requires_grad flags of leaf variables. If you want to use a computed variable in a subgraph "
    "that doesn't require differentiation use var_no_grad = var.detach()."
)
SECOND_BACKWARD = (
    "Trying to backward through the graph a second time (or directly access saved tensors after they have already been "
    "freed). Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(). Specify "
    "retain_graph=True if you need to backward through the graph a second time or if you need to access saved tensors "
    "after calling backward."
)
ASARRAY_REQUIRES_GRAD = (
    "torch.asarray: unspecified requires_grad now defaults to obj.requires_grad instead of False. "
    "Pass requires_grad=False explicitly to get the old behavior and silence this warning."
)
SAVED_WAS_DETACHED = (
    "Trying to use a saved tensor that has been detached in-place, i.e. with .detach_()."
    "This is not supported, please use out-of-place `.detach()` instead"
)
INFERENCE_VERSION = "Inference tensors do not track version counter."
INFERENCE_SAVED = (
    "Inference tensors cannot be saved for backward. Please do not use Tensors created in inference mode in "
    "computation tracked by autograd. To work around this, you can make a clone to get a normal tensor and use it in "
    "autograd, or use `torch.no_grad()` instead of `torch.inference_mode()`."
)
INFERENCE_INPLACE = (
    "Inplace update to inference tensor outside InferenceMode is not allowed.You can make a clone to get a normal "
    "tensor before doing inplace update.See https://github.com/pytorch/rfcs/pull/17 for more details."
)
RESULT_ARGUMENTS = {
    "exp": "#1 'other'", "exp2": "#1 'other'", "tanh": "#1 'output'", "sigmoid": "#1 'output'", "relu": "#1 'self'",
    "leaky_relu_inplace": "#1 'self'", "elu_inplace": "#5 'self_or_result'", "celu_inplace": "#5 'self_or_result'",
}  # fmt: skip
"""Where PyTorch's backward functions take the forward's result, other than first of all."""


def unstored_result(name: str) -> str:
    """The text for a backward that misses its forward's result, which a pack hook kept from being saved."""
    argument = RESULT_ARGUMENTS.get(name, "#0 'self'")
    return f"Expected a proper Tensor but got None (or an undefined Tensor in C++) for argument {argument}"


LEAF_INPLACE = "a leaf Variable that requires grad is being used in an in-place operation."
LEAF_VIEW_INPLACE = "a view of a leaf Variable that requires grad is being used in an in-place operation."
LEAF_USED_INPLACE = "a leaf Variable that requires grad has been used in an in-place operation."
PACK_INPLACE = (
    "A saved tensor pack hook is modifying its input in place. Tensors provided as input to pack hook cannot be modified "
    "by in-place operations as this can lead to unexpected side-effects. Please open an issue if you need to perform "
    "in-place operations on the input to a pack hook."
)
SAVED_HOOKS_TWICE = (
    "Calling register_hooks on a saved tensor whose hooks have already been set. Hint: only one pair of hooks is "
    "allowed at a time."
)
SAVED_HOOKS_FREED = (
    "Calling register_hooks on a saved tensor after it has been freed. Saved intermediate values of the graph are "
    "freed when you call .backward() or autograd.grad(). Specify retain_graph=True if you need to backward through the "
    "graph a second time or if you need to access saved variables after calling backward."
)
CREATE_GRAPH_CYCLE = (
    "Using backward() with create_graph=True will create a reference cycle between the parameter and its gradient "
    "which can cause a memory leak. We recommend using autograd.grad when creating the graph to avoid this. If you "
    "have to use this function, make sure to reset the .grad fields of your parameters to None after use to break the "
    "cycle and avoid the leak. (Triggered internally at /__w/pytorch/pytorch/torch/csrc/autograd/engine.cpp:1306.)"
)
SCALAR_OF_RECORDED = (
    "Converting a tensor with requires_grad=True to a scalar may lead to unexpected behavior.\n"
    "Consider using tensor.detach() first. (Triggered internally at "
    "/__w/pytorch/pytorch/torch/csrc/autograd/generated/python_variable_methods.cpp:837.)"
)
DETACH_VIEW = (
    "Can't detach views in-place. Use detach() instead. If you are using DistributedDataParallel (DDP) for training, "
    "and gradient_as_bucket_view is set as True, gradients are views of DDP buckets, and hence detach_() cannot be "
    "called on these gradients. To fix this error, please refer to the Optimizer.zero_grad() function in "
    "torch/optim/optimizer.py as the solution."
)
CLEARED_ON_ACCESS = (
    "saved_tensors can only be accessed once when clear_saved_tensors_on_access=True is set on the autograd.Function. "
    "Either access saved_tensors only once, or set clear_saved_tensors_on_access=False."
)
COMPLEX_FOR_REAL = (
    "Expected isFloatingType(grad.scalar_type()) || (input_is_complex == grad_is_complex) to be true, but got false.  "
    "(Could this error message be improved?  If so, please report an enhancement request to PyTorch.)"
)
NO_BACKWARD = (
    "You must implement either the backward or vjp method for your custom autograd.Function to use it with backward "
    "mode AD."
)
VIEW_WRITTEN_WITH_OTHERS = (
    "If your Function modifies inplace an input that is a view of another Tensor, your Function cannot return more "
    "than one Tensor. This is not supported by the current autograd engine. You should either make sure the input is "
    "not a view (using .clone() for example) or make your Function only return one Tensor (potentially splitting it "
    "into two Functions: one doing the inplace that returns a single Tensor and a second one that does the other "
    "operations). You can ask on the forum https://discuss.pytorch.org/ if you need help to do this change."
)
LEAF_MOVED = "leaf variable has been moved into the graph interior"
INTERNAL_OVERLAP = (
    "unsupported operation: more than one element of the written-to tensor refers to a single memory location. Please "
    "clone() the tensor before performing the operation."
)
PARTIAL_OVERLAP = (
    "unsupported operation: some elements of the input tensor and the written-to tensor refer to a single memory "
    "location. Please clone() the tensor before performing the operation."
)
IMPLICIT_SEED = "grad can be implicitly created only for scalar outputs"


def list_text(shape: tuple[int, ...]) -> str:
    """A shape as PyTorch's C++ side prints it: [2, 3]."""
    return "[" + ", ".join(map(str, shape)) + "]"


def wrap_dim(dim: int, ndim: int) -> int:
    """A dimension in 0 … ndim-1 from one that may be negative; 0-d tensors accept 0 and -1. Raises IndexError."""
    span = max(ndim, 1)
    if -span <= dim < span:
        return dim % span
    raise IndexError(f"Dimension out of range (expected to be in range of [{-span}, {span - 1}], but got {dim})")


def ambiguous_bool(size: int) -> str:
    """bool() of a tensor that has not exactly one element."""
    if size == 0:
        return "Boolean value of Tensor with no values is ambiguous"
    return "Boolean value of Tensor with more than one value is ambiguous"


def check_grad(t: Any, value: Any, tensor: type) -> None:
    """What may be assigned to `.grad`: a tensor of the same shape and of the tensor's grad_dtype, not itself."""
    if not isinstance(value, tensor):
        raise TypeError(f"assigned grad expected to be a Tensor or None but got grad of type {type(value).__name__}")
    if value is t:
        raise RuntimeError("can't assign Variable as its own grad")
    wanted = t.dtype if t._extra is None or t._extra.grad_dtype is False else t._extra.grad_dtype
    if wanted is not None and value.dtype is not wanted:
        raise RuntimeError(
            f"attempting to assign a gradient with dtype '{C_NAMES[value.dtype]}' to a tensor with grad_dtype "
            f"'{SCALAR_NAMES[wanted]}'. The gradient must match the tensor's grad_dtype (defaults to the tensor's "
            "dtype). You can set the tensor's grad_dtype attribute with a specific dtype, or None to allow any dtype. "
            "Set grad_dtype with caution. Diverging the dtypes of a tensor and its gradient may break downstream "
            "systems that assume they match."
        )
    if value._array.shape != t._array.shape:
        raise RuntimeError(
            f"attempting to assign a gradient of size '{list_text(value._array.shape)}' to a tensor of size "
            f"'{list_text(t._array.shape)}'. Please ensure that the gradient and the tensor are the same size"
        )


def check_inference_requires_grad() -> None:
    """A leaf made in inference mode can't be told to require grad outside it."""
    from ._modes import state

    if not state.inference:
        raise RuntimeError("Setting requires_grad=True on inference tensor outside InferenceMode is not allowed.")


def tensor_type(kind: Any) -> str:
    """The type name that PyTorch's C++ side gives a tensor; dtypes without a legacy tensor type have another form."""
    if kind.name in ("bool", "bfloat16", "complex64", "complex128"):
        return f"CPU{SCALAR_NAMES[kind]}Type"
    return f"torch.{kind.short}"


def operation_name(node: str) -> str:
    """The operation that a node belongs to: MulBackward0 -> Mul, MaxBackward1 -> Max1."""
    return re.sub(r"Backward0?(\d*)$", r"\1", node)


def modified_inplace(
    kind: str, shape: tuple[int, ...], producer: str, found: int, expected: int, is_traced: bool
) -> str:
    """The text for a saved value that was written after it was saved."""
    hint = (
        "Hint: the backtrace further above shows the operation that failed to compute its gradient. The variable in "
        "question was changed in there or anywhere later. Good luck!"
        if is_traced
        else "Hint: enable anomaly detection to find the operation that failed to compute its gradient, with "
        "torch.autograd.set_detect_anomaly(True, check_nan=False)."
    )
    return (
        "one of the variables needed for gradient computation has been modified by an inplace operation: "
        f"[{kind} {list_text(shape)}]{producer} is at version {found}; expected version {expected} instead. {hint}"
    )


class NoDerivative(NotImplementedError):
    """An operator has no formula for an input; of no account where no input's cotangent is wanted."""


class ForeignOperand(TypeError):
    """An operand that is neither a Tensor nor a number."""


def must_be_tensor(function: str, argument: str, position: int, given: Any) -> str:
    """The text for a number (or anything else) where a Tensor is needed."""
    return f"{function}(): argument '{argument}' (position {position}) must be Tensor, not {type(given).__name__}"


def view_write(creation: int, producer: str | None, nr: int, indirect: bool = False) -> str:
    """The text for an in-place write that autograd forbids, to a view or (indirect) to what shares its memory."""
    act = "its base or another view of its base has been modified" if indirect else "is being modified"
    mode = "inference" if creation == INFERENCE_VIEW else "no_grad"
    place = "in normal mode" if creation == INFERENCE_VIEW else "with grad mode enabled"
    if producer is None:
        start = f"A view was created in {mode} mode and {act} inplace {place}. "
    elif creation in (INFERENCE_VIEW, NO_GRAD_VIEW):
        made = f"is a view of a view which was created in {mode} mode"
        start = f"Output {nr} of {producer} {made} and {act} inplace {place}. "
    else:
        start = f"Output {nr} of {producer} is a view and {act} inplace. "
    return start + _VIEW_REASONS[creation]


NO_GRAD_VIEW, INFERENCE_VIEW, MULTI_OUTPUT_VIEW, CUSTOM_VIEW = 1, 2, 3, 4
_AMBIGUOUS = (
    "Given that this use case is ambiguous and error-prone, it is forbidden. You can clarify your code by moving both "
    "the view and the inplace either both inside the {} block (if you don't want the inplace to be tracked) or both "
    "outside (if you want the inplace to be tracked)."
)
_VIEW_REASONS = {
    NO_GRAD_VIEW: _AMBIGUOUS.format("no_grad"),
    INFERENCE_VIEW: _AMBIGUOUS.format("inference_mode"),
    MULTI_OUTPUT_VIEW: (
        "This view is the output of a function that returns multiple views. Such functions do not allow the output "
        "views to be modified inplace. You should replace the inplace operation by an out-of-place one."
    ),
    CUSTOM_VIEW: (
        "This view was created inside a custom Function (or because an input was returned as-is) and the autograd "
        "logic to handle view+inplace would override the custom backward associated with the custom Function, leading "
        "to incorrect gradients. This behavior is forbidden. You can fix this by cloning the output of the custom "
        "Function."
    ),
}


_warned: set[str] = set()
_always = False


def set_warn_always(b: bool) -> None:
    """Whether warnings that come once in a process come each time. Source: torch.set_warn_always."""
    global _always
    _always = b


def is_warn_always_enabled() -> bool:
    """Source: torch.is_warn_always_enabled."""
    return _always


def warn_once(message: str, stacklevel: int = 3, key: str | None = None) -> None:
    """Warns the first time only that this message (or key) comes up."""
    key = key or message
    if not _always:
        if key in _warned:
            return
        # A warning given because of `set_warn_always` doesn't count as the one.
        _warned.add(key)
    warnings.warn(message, UserWarning, stacklevel=stacklevel)


BACKWARD_IN_TRANSFORM = (
    "backward() called inside a functorch transform. This is not supported, please use functorch.grad or functorch.vjp "
    "instead or call backward() outside of functorch transforms."
)

FUNCTION_WITHOUT_SETUP = (
    "In order to use an autograd.Function with functorch transforms (vmap, grad, jvp, jacrev, ...), it must override the "
    "setup_context staticmethod. For more details, please see https://pytorch.org/docs/main/notes/extending.func.html"
)
