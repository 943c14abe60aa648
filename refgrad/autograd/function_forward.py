"""Forward mode through a custom Function: its jvp gives the tangents of the outputs."""

from __future__ import annotations

from typing import Any

from .._forward import set_tangent, tangent_of
from .._modes import LEVELS
from .._tensor import DUAL, Tensor
from .context import BackwardCFunction


def push_tangents(cls: Any, node: BackwardCFunction, args: tuple[Any, ...], result: Any) -> Any:
    """The result with tangents, if an argument has one. Raises NotImplementedError for a Function without jvp."""
    moving = [a for a in args if isinstance(a, Tensor) and a._flags & DUAL and a._extra is not None]
    levels = {level for a in moving for level in (a._extra.tangents or {})}  # type: ignore[union-attr]
    outputs = result if isinstance(result, tuple) else (result,)
    for level in sorted(levels & LEVELS.keys()):
        node.in_jvp = True
        try:
            found = cls.jvp(node, *[tangent_of(a, level) for a in args])
        finally:
            node.in_jvp = False
        tangents = found if isinstance(found, tuple) else (found,)
        if len(tangents) != len(outputs):
            raise RuntimeError(
                f"{type(node).__name__}: jvp returned {len(tangents)} tangents for {len(outputs)} outputs; it must "
                "return one for each output, None where there is none"
            )
        for o, t in zip(outputs, tangents):
            if isinstance(o, Tensor) and t is not None:
                set_tangent(o, level, t)
    return result
