"""`pytest benchmarks --engines numpy,refgrad,torch`: the same tasks on each engine, in one process, on one thread."""

from __future__ import annotations

from typing import Any

import pytest

from .players import FLOOR, PLAYERS, Start, version

_STARTED: dict[str, Start | None] = {FLOOR: None}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--engines", default=f"{FLOOR},refgrad,torch", help="engines, separated by commas")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "engine" in metafunc.fixturenames:
        metafunc.parametrize("engine", _names(metafunc.config), indirect=True)


def pytest_benchmark_update_machine_info(config: pytest.Config, machine_info: dict[str, Any]) -> None:
    machine_info["versions"] = {name: version(name) for name in _names(config)}


def pytest_configure(config: pytest.Config) -> None:
    for name in _names(config):
        try:
            version(name)
        except ImportError:  # PackageNotFoundError is one, too
            message = f"{name} is not installed here: `refgrad bench --apart` gives it an environment of its own"
            raise pytest.UsageError(message) from None


def _names(config: pytest.Config) -> list[str]:
    names = str(config.getoption("--engines")).split(",")
    unknown = [name for name in names if name != FLOOR and name not in PLAYERS]
    if unknown:
        raise pytest.UsageError(f"unknown engine {unknown[0]!r}; known are {', '.join([FLOOR, *PLAYERS])}")
    return names


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> tuple[str, Start | None]:
    """The engine's name, and how it starts a task: None for the floor."""
    name = request.param
    if name not in _STARTED:
        _STARTED[name] = PLAYERS[name]()
    return name, _STARTED[name]
