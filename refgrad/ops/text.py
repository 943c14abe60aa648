"""Tensors as text: exactly what PyTorch prints."""

from __future__ import annotations

from .._dtypes import get_default_dtype
from .._forward import tangent_of
from .._modes import LEVELS
from .._op import publish
from .._printing import format_tensor, set_printoptions
from .._tensor import Tensor, method, resolved


@method
def __repr__(self: Tensor, *, tensor_contents: str | None = None) -> str:
    node = self.grad_fn
    return format_tensor(
        resolved(self),
        dtype=self.dtype.name,
        requires_grad=self.requires_grad,
        grad_fn=None if node is None else type(node).__name__,
        default_dtype=get_default_dtype().name,
        tangent=_tangent_text(self),
    )


def _tangent_text(t: Tensor) -> str | None:
    """The text of a dual's tangent; one without dimensions shows as its number."""
    level = next(reversed(LEVELS.values()), None)
    tangent = tangent_of(t, level.number) if level is not None and level.is_dual else None
    return None if tangent is None else f"{tangent}"


def _format(self: Tensor, spec: str) -> str:
    """A 0-d tensor is formatted as its number. Source: torch.Tensor.__format__."""
    if self.ndim == 0:
        return format(self.item(), spec)  # type: ignore[attr-defined]
    return object.__format__(self, spec) if spec else str(self)


Tensor.__str__ = lambda self: self.__repr__()  # type: ignore[method-assign]
Tensor.__format__ = _format  # type: ignore[method-assign, assignment]

publish("set_printoptions", set_printoptions)
