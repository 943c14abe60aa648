"""Engines by name, each in an environment of its own that is made once and found again.

``.envs/NAME`` holds one (or ``REFGRAD_ENVS``/NAME): a virtual environment with the packages of ``engines.toml``. The
engine's adapter comes with this package: it is lent to the environment by path when the engine is started.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parents[1]
ALWAYS = ("numpy>=2.0", "ml_dtypes>=0.5")
"""What the adapters themselves import."""


class NotInstalled(RuntimeError):
    """An engine's environment could not be made; the message is one line."""


@dataclass(frozen=True, slots=True)
class Engine:
    """One entry of the table. ``shared``: this interpreter serves where it has the packages already."""

    name: str
    backend: str
    packages: tuple[str, ...] = ()
    system: tuple[str, ...] = ()
    build: tuple[str, ...] = ()
    shared: bool = False

    @property
    def is_command(self) -> bool:
        return self.backend.startswith("wire:")


@cache
def engines() -> dict[str, Engine]:
    """The table, by name."""
    tables = tomllib.loads((PACKAGE / "engines.toml").read_text(encoding="utf-8"))["engine"]
    return {engine.name: engine for engine in map(_read, tables)}


def _read(table: dict[str, Any]) -> Engine:
    lists = {name: tuple(table.get(name, ())) for name in ("packages", "system", "build")}
    return Engine(table["name"], table["backend"], **lists, shared=table.get("shared", False))


def folder(name: str) -> Path:
    """Where an engine's environment is."""
    return Path(os.environ.get("REFGRAD_ENVS", ".envs")) / name.replace(":", "-").replace("=", "-")


def prepare(engine: Engine) -> tuple[str, str | None]:
    """(the backend to ask for, the interpreter that has it; None for a command). Raises NotInstalled."""
    absent = [word for word in engine.system if shutil.which(word) is None]
    if absent:
        raise NotInstalled(f"{engine.name} needs {', '.join(absent)}, which this machine does not have")
    if engine.shared and _satisfied(engine.packages):
        return engine.backend, sys.executable
    home = folder(engine.name)
    if _is_fresh(engine, home):
        return _ready(engine, home)
    home.mkdir(parents=True, exist_ok=True)
    for words in _steps(engine, home):
        _run(engine, words, home)
    (home / "ready").write_text(_key(engine), encoding="ascii")
    return _ready(engine, home)


def _ready(engine: Engine, home: Path) -> tuple[str, str | None]:
    backend = _filled(engine.backend, home)
    return (backend, None) if engine.is_command else (backend, str(home.absolute() / "bin" / "python"))


def _filled(word: str, home: Path) -> str:
    return word.replace("{environment}", str(home.absolute())).replace("{package}", str(PACKAGE))


def _is_fresh(engine: Engine, home: Path) -> bool:
    """Whether the environment was finished, for just this entry."""
    try:
        return (home / "ready").read_text(encoding="ascii") == _key(engine)
    except OSError:
        return False


def _key(engine: Engine) -> str:
    return hashlib.sha256(repr((engine, ALWAYS, sys.version_info[:2])).encode()).hexdigest()


def _steps(engine: Engine, home: Path) -> Iterator[Sequence[str]]:
    if engine.build:
        yield [_filled(word, home) for word in engine.build]
    if not engine.is_command:
        yield (sys.executable, "-m", "venv", "--clear", str(home))
        pip = (str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        yield (*pip, *engine.packages, *ALWAYS)


def _run(engine: Engine, words: Sequence[str], home: Path) -> None:
    try:
        done = subprocess.run(list(words), capture_output=True, text=True, errors="replace")
    except OSError as error:
        raise NotInstalled(f"{engine.name}: {words[0]}: {error.strerror or error}") from None
    if done.returncode:
        said = (done.stderr + done.stdout).strip().splitlines()
        first = next((line for line in said if "error" in line.lower()), said[-1] if said else "no word of why")
        raise NotInstalled(f"{engine.name} could not be installed in {home}: {first.strip()[:300]}")


def _satisfied(packages: Sequence[str]) -> bool:
    """Whether this interpreter has the packages, in the versions that are asked for."""
    from importlib.metadata import PackageNotFoundError, version

    from packaging.requirements import Requirement

    for wanted in map(Requirement, packages):
        try:
            if not wanted.specifier.contains(version(wanted.name).partition("+")[0], prereleases=True):
                return False
        except PackageNotFoundError:
            return False
    return True
