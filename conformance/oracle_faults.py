"""The checked-in list of faults of the oracle: where mathematics ruled against it, with a reason."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

LIST = Path(__file__).with_name("oracle_faults.toml")


@dataclass(frozen=True, slots=True)
class OracleFault:
    """One entry. ``versions`` is the prefix of the oracle's versions that have the fault; ``script`` shows it;
    ``message`` is part of the error that the oracle raises where there is a value."""

    oracle: str
    versions: str
    operator: str
    properties: tuple[str, ...]
    reason: str
    script: str = ""
    message: str = ""

    def is_of(self, oracle: str, version: str) -> bool:
        """Whether this oracle has the fault in this version."""
        return oracle == self.oracle and version.startswith(self.versions)

    def covers(self, oracle: str, version: str, operator: str | None, kind: str | None) -> bool:
        return self.is_of(oracle, version) and operator == self.operator and kind in self.properties


@cache
def recorded() -> tuple[OracleFault, ...]:
    """The list as read from the file."""
    tables = tomllib.loads(LIST.read_text(encoding="utf-8")).get("fault", [])
    return tuple(OracleFault(**{**table, "properties": tuple(table["properties"])}) for table in tables)


def find(oracle: str, version: str, operator: str | None, kind: str | None) -> OracleFault | None:
    """The entry that covers an operator's property, if there is one."""
    return next((fault for fault in recorded() if fault.covers(oracle, version, operator, kind)), None)
