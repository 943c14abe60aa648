"""The checked-in list of faults of the oracle: where mathematics ruled against it, with a reason."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

LIST = Path(__file__).parents[1].joinpath("oracle_faults.toml")


@dataclass(frozen=True, slots=True)
class OracleFault:
    """One entry. ``versions`` is the prefix of the oracle's versions that have the fault; ``script`` shows it.

    ``kind`` is the kind of divergence. A value is excused where the arbiter rules against the oracle; anything else
    (an error where there is a derivative) only where what is reported holds a text of ``shows``."""

    oracle: str
    versions: str
    operator: str
    properties: tuple[str, ...]
    reason: str
    script: str = ""
    kind: str = "value"
    shows: str | tuple[str, ...] = ""

    def __post_init__(self) -> None:
        if (self.kind == "value") == bool(self.shows):
            raise ValueError(f"fault of {self.operator}: `shows` goes with a kind other than value, and always does")

    def is_of(self, oracle: str, version: str) -> bool:
        """Whether this oracle has the fault in this version."""
        return oracle == self.oracle and version.startswith(self.versions)

    def covers(self, oracle: str, version: str, operator: str | None, prop: str | None) -> bool:
        return self.is_of(oracle, version) and operator == self.operator and prop in self.properties

    def explains(self, kind: str, message: str) -> bool:
        """Whether a divergence may be this fault."""
        texts = (self.shows,) if isinstance(self.shows, str) else self.shows
        return kind == self.kind and any(text in message for text in texts)


@cache
def recorded() -> tuple[OracleFault, ...]:
    """The list as read from the file."""
    tables = tomllib.loads(LIST.read_text(encoding="utf-8")).get("fault", [])
    return tuple(OracleFault(**{name: _frozen(value) for name, value in table.items()}) for table in tables)


def _frozen(value: Any) -> Any:
    return tuple(cast(list[str], value)) if isinstance(value, list) else value


def find(oracle: str, version: str, operator: str | None, prop: str | None) -> tuple[OracleFault, ...]:
    """The entries that cover an operator's property."""
    return tuple(fault for fault in recorded() if fault.covers(oracle, version, operator, prop))
