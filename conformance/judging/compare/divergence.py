"""A divergence: where two traces part, and how."""

from __future__ import annotations

from dataclasses import dataclass

from ...programs.trace import Outcome

Place = tuple[str, int, tuple[int, ...]]
"""(``step`` | ``gradient`` | ``hook`` | ``warning`` | ``death``, position, path within a tuple)."""


@dataclass(frozen=True, slots=True)
class Divergence:
    """``kind`` is the fact that differs; the errors, and the element where they are largest, are given for values only."""

    kind: str
    place: Place
    message: str
    backend: Outcome | None = None
    oracle: Outcome | None = None
    error_abs: float | None = None
    error_scaled: float | None = None
    element: int | None = None

    def _repr_html_(self) -> str:
        from ...programs.notebook import divergence_html

        return divergence_html(self)

    @property
    def step(self) -> int:
        return self.place[1]
