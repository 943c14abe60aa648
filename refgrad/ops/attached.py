"""F.attached_to(value, *others): a value that counts as a function of others, although they don't move it.

PyTorch's backward functions take the forward's inputs as arguments, also those that their result does not depend on.
With create_graph the gradient then requires grad, and its derivative by such an input is zeros rather than nothing;
or, for some (F.linked_to), nothing all the same.
"""

from __future__ import annotations

from typing import Any

from .._interpreters import LIVE, NARROW, RAW
from .._op import op


def _zeros(g: Any, F: Any, other: Any) -> Any:
    """Zeros laid out as the product of the cotangent with a zero would be, where it has the operand's shape."""
    return F.zeros_like(g if tuple(g.shape) == tuple(other.shape) else other)


attached_row = op(
    "attached_to_one(self, other)", lambda value, other: value.copy(), public=False, exact=True,
    jvp=lambda F, x, t, attributes, outputs: t[0],
    self=lambda g: g, other=_zeros,
)  # fmt: skip


linked_row = op(
    "linked_to_one(self, other)", lambda value, other: value.copy(), public=False, exact=True,
    jvp=lambda F, x, t, attributes, outputs: t[0],
    self=lambda g: g, other=lambda g: None,
)  # fmt: skip


def _linked_to(value: Any, *others: Any) -> Any:
    for other in others:
        if other is not None and other.requires_grad:
            value = linked_row(value, other)
    return value


def _attached_to(value: Any, *others: Any) -> Any:
    for other in others:
        if other is not None and other.requires_grad:
            value = attached_row(value, other)
    return value


# Arrays have no history: in an ordinary backward the value is handed on as it is.
RAW.attached_to = NARROW.attached_to = RAW.linked_to = NARROW.linked_to = lambda value, *others: value
LIVE.attached_to, LIVE.linked_to = _attached_to, _linked_to
