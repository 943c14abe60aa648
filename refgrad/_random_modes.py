"""Random draws under vmap: refused, one for all of the batch, or one for each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ._modes import state
from ._tensor import Tensor

NEEDS_DRAW = (
    "vmap: called random operation while in randomness error mode. Please either use the 'same' or 'different' randomness "
    "flags on vmap or perform the randomness operation out of vmap"
)


def drawn(draw: Callable[[int], Tensor]) -> Tensor:
    """A random tensor; `draw(n)` gives n of them, stacked. Raises RuntimeError under a vmap with randomness "error"."""
    levels: list[Any] = [level for level in state.functional_levels if hasattr(level, "randomness")]
    if not levels:
        return draw(1)[0]  # type: ignore[index]
    if any(level.randomness == "error" for level in levels):
        raise RuntimeError(NEEDS_DRAW)
    varied = [level for level in levels if level.randomness == "different"]
    if not varied:
        return draw(1)[0]  # type: ignore[index]
    return _batched(draw, varied)


def _batched(draw: Callable[[int], Tensor], levels: list[Any]) -> Tensor:
    from ._batch import raised

    count = 1
    for level in levels:
        count *= level.size
    found = draw(count)
    sizes = tuple(level.size for level in reversed(levels))
    with levels[-1].below():
        found = found.reshape((*sizes, *found._array.shape[1:]))  # type: ignore[attr-defined]
    return raised(found, levels)
