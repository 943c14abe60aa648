"""What the functional interface takes and returns: tensors or tuples of them, copied on the way in, detached on the way
out, and in strict mode refused where a derivative is zero because nothing depends on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._interpreters import LIVE
from .._tensor import Size, Tensor
from .backward import grad

Tensors = tuple[Tensor, ...]
USER = "outputs of the user-provided function"
STRICT = "This is not allowed in strict mode"
TWICE = (
    "You should ensure that your function is twice differentiable and that the jacobian depends on the inputs (this "
    "would be violated by a linear function for example)."
)


def as_tensors(given: Any, what: str, who: str) -> tuple[bool, Tensors]:
    """(was a tuple, the tensors). Raises TypeError for anything else."""
    many = given if isinstance(given, tuple) else (given,)
    for k, t in enumerate(many):
        if not isinstance(t, Tensor):
            found = (
                f"the value at index {k} has type {type(t)}"
                if isinstance(given, tuple)
                else f"the given {what} has type {type(t)}"
            )
            given_to = f"{what} given to {who}"
            raise TypeError(f"The {given_to} must be either a Tensor or a tuple of Tensors but {found}.")
    return isinstance(given, tuple), tuple(many)


def private(inputs: Tensors, create_graph: bool, needs: bool = True) -> Tensors:
    """The inputs as the function sees them: views, so that the caller's flags and gradients stay as they are."""
    made = []
    for t in inputs:
        seen = LIVE.alias(t) if create_graph else t.detach()  # type: ignore[attr-defined]
        if needs and not seen.requires_grad:
            if seen._array.dtype.kind in "iub":
                raise RuntimeError("only Tensors of floating point dtype can require gradients")
            seen.requires_grad_()
        made.append(seen)
    return tuple(made)


def finished(tensors: Sequence[Tensor], create_graph: bool) -> Tensors:
    """Results as the caller gets them."""
    return tuple(t if create_graph else t.detach() for t in tensors)  # type: ignore[attr-defined]


def unwrapped(tensors: Sequence[Any], is_tuple: bool) -> Any:
    return tuple(tensors) if is_tuple else tensors[0]


def check_outputs(outputs: Tensors, strict: bool) -> None:
    """In strict mode every output must depend on something."""
    for k, t in enumerate(outputs):
        if strict and not t.requires_grad:
            raise RuntimeError(
                f"Output {k} of the user-provided function does not require gradients. The outputs must be computed in a "
                "differentiable manner from the input when running in strict mode."
            )


def check_single(is_tuple: bool, outputs: Tensors, who: str) -> None:
    """The function must return one tensor with one element."""
    if is_tuple:
        raise RuntimeError(f"The function given to {who} should return a single Tensor")
    if outputs[0].numel() != 1:
        raise RuntimeError(f"The Tensor returned by the function given to {who} should contain a single element")


def check_v(v: Tensors, like: Tensors, is_tuple: bool) -> None:
    """The vector must match what it is multiplied with, tensor by tensor."""
    if len(v) != len(like):
        if is_tuple:
            raise RuntimeError(f"v is a tuple of invalid length: should be {len(like)} but got {len(v)}.")
        raise RuntimeError("The given v should contain a single Tensor.")
    for k, (a, b) in enumerate(zip(v, like)):
        if a.shape != b.shape:
            at = f"Entry {k} in " if is_tuple else ""
            raise RuntimeError(f"{at}v has invalid size: should be {Size(b.shape)} but got {Size(a.shape)}.")


def gradients(
    outputs: Sequence[Tensor], inputs: Sequence[Tensor], seeds: Any, create_graph: bool
) -> tuple[Tensor | None, ...]:
    """The gradients of the outputs that need one; None where there is none."""
    pairs = [(o, s) for o, s in zip(outputs, seeds or [None] * len(outputs)) if o.requires_grad]
    if not pairs:
        return (None,) * len(inputs)
    given = None if seeds is None else [s for _, s in pairs]
    return grad([o for o, _ in pairs], inputs, given, retain_graph=True, create_graph=create_graph, allow_unused=True)


def filled(
    found: Sequence[Tensor | None], like: Tensors, strict: bool, stage: str, create_graph: bool, nr: int = 0
) -> Tensors:
    """Zeros in place of missing gradients; in strict mode they are refused. `stage`: "jacobian" (of output `nr`),
    "double" (through the trick of two backwards), "output" (of one output), "hessian"."""
    made = []
    for k, (g, t) in enumerate(zip(found, like)):
        if g is None and strict:
            raise RuntimeError(MISSING[stage].format(k=k, nr=nr))
        if g is not None and strict and create_graph and not g.requires_grad:
            raise RuntimeError((CONSTANT_HESSIAN if stage in ("hessian", "gradient") else CONSTANT).format(k=k))
        made.append(LIVE.zeros_like(t) if g is None else g)
    return tuple(made)


HESSIAN = (
    "While computing the hessian, found that the jacobian of the user-provided function with respect to input {k} is "
    f"independent of the input. {STRICT}. {TWICE}"
)
CONSTANT_HESSIAN = HESSIAN
CONSTANT = f"The jacobian of the user-provided function is independent of input {{k}}. {STRICT} when create_graph=True."
MISSING = {
    "jacobian": f"Output {{nr}} of the user-provided function is independent of input {{k}}. {STRICT}.",
    "output": f"The output of the user-provided function is independent of input {{k}}. {STRICT}.",
    "gradient": f"The output of the user-provided function is independent of input {{k}}. {STRICT}.",
    "hessian": f"The hessian of the user-provided function is independent of entry {{k}} in the input. {STRICT}.",
}
