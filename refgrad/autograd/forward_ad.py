"""Forward mode by hand: dual tensors inside a level. Source: torch.autograd.forward_ad, the forward-mode tutorial.

Trap: gradient modes do not stop forward mode; a tangent ends with its level.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from .. import _errors as errors
from .._batch import beneath, is_batched, lowered, raised, vmap_levels
from .._forward import enter_level, exit_level, primal_of, set_tangent, tangent_of
from .._interpreters import LIVE
from .._modes import LEVELS, _Mode, _Setting, state
from .._storage import element_strides
from .._tensor import Tensor, plain
from .._views import empty_like_geometry


class UnpackedDualTensor(NamedTuple):
    """What `unpack_dual` returns; `tangent` is None where there is none."""

    primal: Tensor
    tangent: Tensor | None


def _innermost() -> int | None:
    return next(reversed(LEVELS), None)


def enter_dual_level() -> int:
    """Starts the level, and returns its number, 0. Raises RuntimeError inside another level: only torch.func.jvp nests."""
    if LEVELS:
        raise RuntimeError("Nested forward mode AD is not supported at the moment")
    enter_level(is_dual=True)
    return 0


def exit_dual_level(*, level: int | None = None) -> None:
    """Ends the level: every tangent made in it is gone."""
    running = _innermost()
    if running is None:
        raise RuntimeError("Dual level must be a positive number.")
    if level not in (None, 0):
        raise RuntimeError(
            "Trying to exit a forward AD level that was not the last one that was created. This is not supported."
        )
    exit_level(running)


def make_dual(tensor: Tensor, tangent: Tensor, *, level: int | None = None) -> Tensor:
    """An alias of the tensor that carries the tangent; differentiable by both. Raises RuntimeError outside a level, for
    a tangent of another size, for a tensor that has a tangent. Source: torch.autograd.forward_ad.make_dual."""
    running = _innermost()
    if running is None:
        raise RuntimeError(
            "Trying to create a dual Tensor for forward AD but no level exists, make sure to enter_dual_level() first."
        )
    for kind, given in (("primal", tensor), ("tangent", tangent)):
        if not (given.is_floating_point() or given.is_complex()):
            raise ValueError(f"Expected {kind} to be floating point or complex, but got: {given.dtype}")
    if level not in (None, 0):
        raise RuntimeError("Invalid level given to _make_dual")
    return dual(tensor, tangent, running)


def dual(tensor: Tensor, tangent: Tensor, number: int) -> Tensor:
    """An alias of the tensor with a tangent at a level; tangents at outer levels are kept."""
    if tangent_of(tensor, number) is not None:
        raise RuntimeError(
            "Making a dual Tensor based on a Tensor that already has a forward gradient at the same level 0 is not "
            "supported."
        )
    if tangent_of(tangent, number) is not None:
        raise RuntimeError(
            "Setting a forward grad that itself has a forward gradient at the same level0 is not supported."
        )
    if tensor._array.shape != tangent._array.shape:
        raise RuntimeError(
            "Trying to set a forward gradient that has a different size than that of the original Tensor, this is not "
            f"supported. Tensor is of size {errors.list_text(tensor._array.shape)} while the given forward gradient is "
            f"of size {errors.list_text(tangent._array.shape)}."
        )
    levels = vmap_levels()
    if levels:
        with beneath(levels):
            return raised(_dual(_solid(lowered(tensor, levels)), lowered(tangent, levels), number), levels)
    return _dual(tensor, tangent, number)


def _solid(t: Tensor) -> Tensor:
    """A primal whose elements each have memory of their own: one that a vmap repeats is copied."""
    is_repeated = any(s == 0 and n > 1 for s, n in zip(t._array.strides, t._array.shape))
    return LIVE.contiguous_copy(t) if is_repeated else t


def _dual(tensor: Tensor, tangent: Tensor, number: int) -> Tensor:
    made = LIVE.alias(tensor)
    if tangent._array.dtype == tensor._array.dtype:
        tangent = _laid_out(tangent, tensor)
    set_tangent(made, number, tangent)
    return made


def _laid_out(tangent: Tensor, tensor: Tensor) -> Tensor:
    """The tangent itself if it has the primal's strides, else a copy that has them: views of both must go in step."""
    shape, strides = tensor._array.shape, element_strides(tensor._array)
    if all(n == 1 or a == b for n, a, b in zip(shape, element_strides(tangent._array), strides)):
        return tangent
    if any(n > 1 and s == 0 for n, s in zip(shape, strides)) and all(shape):
        raise RuntimeError(errors.INTERNAL_OVERLAP)
    return plain(empty_like_geometry(shape, strides, tensor._array.dtype)).copy_(tangent)  # type: ignore[attr-defined]


def unpack_dual(tensor: Tensor, *, level: int | None = None) -> UnpackedDualTensor:
    """The primal, as a view, and the tangent. Source: torch.autograd.forward_ad.unpack_dual."""
    running = _innermost()
    if running is None or not isinstance(tensor, Tensor):
        return UnpackedDualTensor(tensor, None)
    if level not in (None, 0):
        raise RuntimeError("Invalid level given to _fw_primal")
    return UnpackedDualTensor(*split(tensor, running))


def split(tensor: Tensor, number: int) -> tuple[Tensor, Tensor | None]:
    """The primal and the tangent at a level."""
    if is_batched(tensor):
        levels = vmap_levels()
        with beneath(levels):
            primal, tangent = split(lowered(tensor, levels), number)
        return raised(primal, levels), tangent if tangent is None else raised(tangent, levels)
    tangent = tangent_of(tensor, number)
    return LIVE.alias(primal_of(tensor, number)), tangent


class dual_level(_Mode):
    """A context (or decorator) in which tensors may carry tangents. Source: torch.autograd.forward_ad.dual_level."""

    def __enter__(self) -> int:
        return enter_dual_level()

    def __exit__(self, *_: Any) -> None:
        exit_dual_level()


class _set_fwd_grad_enabled(_Setting):
    """Whether tangents propagate: a switch that takes effect at once, and a context."""

    name = "forward_grad"

    def __init__(self, mode: bool) -> None:
        super().__init__(mode)


def _is_fwd_grad_enabled() -> bool:
    """Whether tangents propagate in this thread."""
    return state.forward_grad


__all__ = [
    "UnpackedDualTensor",
    "dual_level",
    "enter_dual_level",
    "exit_dual_level",
    "make_dual",
    "unpack_dual",
]
