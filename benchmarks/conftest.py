"""`pytest benchmarks --engines refgrad,torch`: the same workloads on each engine, in one process, on one thread."""

from __future__ import annotations

import importlib
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--engines", default="refgrad,torch", help="modules with torch's surface, separated by commas")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "engine" in metafunc.fixturenames:
        metafunc.parametrize("engine", metafunc.config.getoption("--engines").split(","), indirect=True)


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> Any:
    module = importlib.import_module(request.param)
    if hasattr(module, "set_num_threads"):
        module.set_num_threads(1)
    return module
