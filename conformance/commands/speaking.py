"""How the commands speak and end: exit codes, one line for what a user got wrong, JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
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


def tell(value: object, words: str, as_json: bool) -> None:
    """What a command found: as JSON where that was asked for, else in words."""
    if as_json:
        say_json(value)
    else:
        print(words)


def json_file(path: Path) -> Any:
    """A JSON file; what is wrong with it is one line and exit code 2."""
    return _parsed(path, json.loads)


def json_lines(path: Path) -> list[Any]:
    """A file of a JSON value a line."""
    return _parsed(path, lambda text: [json.loads(line) for line in text.splitlines()])


def _parsed(path: Path, parse: Callable[[str], Any]) -> Any:
    try:
        return parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        stop(f"{path}: {error.strerror or error}")
    except (ValueError, RecursionError) as error:
        stop(f"{path}: not JSON: {str(error)[:120]}")
