"""How the commands speak and end: exit codes, one line for what a user got wrong, JSON, the modules beside this package."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

CERTIFIED, FINDINGS, USAGE, HARNESS = 0, 1, 2, 3
OUTPUT = Path("conformance-report")
CODES = "Exit codes: 0 certified, 1 findings, 2 usage, 3 harness error."
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def stop(message: str, code: int = USAGE) -> NoReturn:
    """Ends the command with one line on standard error."""
    print(f"refgrad: {message}", file=sys.stderr)
    sys.exit(code)


def say_json(value: object) -> None:
    print(json.dumps(value, indent=2))


def sibling(name: str) -> Any:
    """A module of ``reports``, which stands beside this package in a checkout and inside it in the wheel."""
    top = "" if __package__ == "conformance" else f"{__package__}."
    return importlib.import_module(f"{top}{name}")
