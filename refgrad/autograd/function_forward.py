"""Forward mode through a custom Function: its jvp gives the tangents of the outputs."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._errors import list_text
from .._forward import set_tangent, tangent_of
from .._modes import LEVELS
from .._tensor import DUAL, Tensor, plain
from .context import BackwardCFunction

NOT_WRITTEN = (
    "An inplace custom Function is not modifying the forward mode gradients inplace. If the forward is modifying an "
    "input inplace, then the jvp function must modify the corresponding gradient inplace."
)


def push_tangents(cls: Any, node: BackwardCFunction, args: tuple[Any, ...], result: Any) -> Any:
    """The result with tangents, if an argument has one. Raises NotImplementedError for a Function without jvp."""
    moving = [a for a in args if isinstance(a, Tensor) and a._flags & DUAL and a._extra is not None]
    levels = {level for a in moving for level in (a._extra.tangents or {})}  # type: ignore[union-attr]
    outputs = result if isinstance(result, tuple) else (result,)
    for level in sorted(levels & LEVELS.keys()):
        given = [_tangent_argument(node, a, level) for a in args]
        node.in_jvp = True
        try:
            found = cls.jvp(node, *given)
        finally:
            node.in_jvp = False
        tangents = found if isinstance(found, tuple) else (found,)
        if len(tangents) != len(outputs):
            raise RuntimeError(
                "Function's jvp returned an invalid number of forward gradients (expected "
                f"{len(outputs)} but got {len(tangents)})"
            )
        for nr, (o, t) in enumerate(zip(outputs, tangents)):
            if isinstance(o, Tensor) and t is not None:
                _check_tangent(o, t, nr)
                _check_written(o, t, args, given)
                set_tangent(o, level, t)
    return result


def _tangent_argument(node: BackwardCFunction, given: Any, level: int) -> Tensor | None:
    """An argument's tangent; zeros for a tensor without one, unless the Function wants None."""
    found = tangent_of(given, level)
    if found is not None or not isinstance(given, Tensor) or not node._materializes:
        return found
    return None if given._array.dtype.kind in "iub" else plain(np.zeros_like(given._array))


def _check_tangent(output: Tensor, tangent: Any, nr: int) -> None:
    if not isinstance(tangent, Tensor):
        raise RuntimeError(f"expected Variable or None (got {type(tangent).__name__}) for grad output {nr}.")
    if tangent._array.shape != output._array.shape:
        raise RuntimeError(
            "Trying to set a forward gradient that has a different size than that of the original Tensor, this is not "
            f"supported. Tensor is of size {list_text(output._array.shape)} while the given forward gradient is of "
            f"size {list_text(tangent._array.shape)}."
        )


def _check_written(output: Tensor, tangent: Tensor, args: tuple[Any, ...], given: list[Tensor | None]) -> None:
    """An input that forward wrote and returned must have had its tangent written."""
    for a, before in zip(args, given):
        if a is output and before is not None and before is not tangent:
            raise RuntimeError(NOT_WRITTEN)
