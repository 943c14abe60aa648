"""The named tuples that operators with several results return, as torch.return_types has them."""

from __future__ import annotations

from collections import namedtuple
from typing import Any


def _text(self: Any) -> str:
    inner = ",\n".join(f"{name}={value!r}" for name, value in zip(self._fields, self))
    return f"torch.return_types.{type(self).__name__}(\n{inner})"


def named(name: str, *fields: str) -> type[Any]:
    """The named tuple of an operator, made once and published here under the operator's name."""
    made = globals().get(name)
    if made is None:
        made = namedtuple(name, fields)  # type: ignore[misc]
        made.__repr__ = made.__str__ = _text  # type: ignore[method-assign, assignment]
        made.__module__ = "torch.return_types"
        globals()[name] = made
    return made
