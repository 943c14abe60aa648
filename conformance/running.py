"""A short way to run our own tests: one call and one report each, where pytest's protocol makes three of each and asks
for fixtures anew. Thousands of tests of a few milliseconds otherwise cost more to administer than to run."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

CHECK = "check"
_SLOW_OPTIONS = ("usepdb", "trace", "setupshow", "setuponly", "setupplan")
"""What asks to see pytest's own steps."""


def is_ours(item: pytest.Item) -> bool:
    """Whether a test judges programs."""
    return CHECK in getattr(item, "fixturenames", ())


def is_plain(item: pytest.Item | None) -> bool:
    """Whether a test is a function of its parameters and ``check`` alone, which nobody marked."""
    if not isinstance(item, pytest.Function) or item.cls is not None:
        return False
    if any(mark.name != "parametrize" for mark in item.iter_markers()):
        return False
    # ``check`` asks for ``request``; whatever else there is may need setting up.
    return set(item.fixturenames) == {CHECK, "request", *parameters(item)}


def parameters(item: pytest.Function) -> dict[str, Any]:
    """What a parametrized test is called with."""
    return item.callspec.params if hasattr(item, "callspec") else {}


def wants_protocol(config: pytest.Config) -> bool:
    """Whether pytest's own protocol was asked for."""
    return any(getattr(config.option, name, False) for name in _SLOW_OPTIONS)


def run(item: pytest.Function, nextitem: pytest.Item | None, make: Callable[[pytest.Function], Any]) -> None:
    """Runs a plain test and reports it; ``make`` makes its ``check``."""
    hook, config = item.ihook, item.config
    if not hasattr(config, "workerinput") or config.option.verbose > 0:
        hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    body = partial(_call, item, make)
    call = pytest.CallInfo[None].from_call(body, "call", reraise=(pytest.exit.Exception, KeyboardInterrupt))
    hook.pytest_runtest_logreport(report=hook.pytest_runtest_makereport(item=item, call=call))
    if nextitem is not None and not is_plain(nextitem):
        # What an earlier test set up, and the next one doesn't need, is torn down as that one's own protocol expects.
        hook.pytest_runtest_teardown(item=item, nextitem=nextitem)
    hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)


def _call(item: pytest.Function, make: Callable[[pytest.Function], Any]) -> None:
    item.obj(**{CHECK: make(item)}, **parameters(item))
