"""The progress bar: what it counts, and that pytest's letters stay away."""

from __future__ import annotations

import io
import re
from types import SimpleNamespace
from typing import Any, cast

from rich.console import Console

from conformance.commands.progress import NAME_WIDTH, Bar, short


def report(
    when: str, outcome: str = "passed", node: str = "conformance/test_operators.py::test_operator[sin/vjp]"
) -> object:
    said = {name: outcome == name for name in ("passed", "failed", "skipped")}
    return SimpleNamespace(when=when, outcome=outcome, nodeid=node, **said)


def shown(bar: Bar, text: io.StringIO) -> str:
    bar.progress.refresh()
    return text.getvalue()


def test_counts_items_and_failures() -> None:
    text = io.StringIO()
    bar = Bar(Console(file=text, force_terminal=True, width=140, no_color=True))
    bar.pytest_sessionstart()
    bar.pytest_xdist_node_collection_finished(["a", "b", "c"])
    for outcome in ("passed", "failed"):
        for when in ("setup", "call", "teardown"):
            bar.pytest_runtest_logreport(report(when, outcome if when == "call" else "passed"))
        bar.pytest_runtest_logfinish("test_operators.py::test_operator[sin/vjp]")
    screen = shown(bar, text)
    bar.pytest_sessionfinish()
    assert re.search(r"\d/s|–/s", screen) and re.search(r"\d+:\d\d:\d\d|-:--:--", screen), "the rate, the time left"
    assert "2/3" in screen and "1 failed" in screen and "sin/vjp" in screen


def test_counts_what_is_left_after_a_selection() -> None:
    text = io.StringIO()
    bar = Bar(Console(file=text, force_terminal=True, width=140, no_color=True))
    bar.pytest_sessionstart()
    bar.pytest_collection_finish(cast(Any, SimpleNamespace(items=["a", "b"])))
    bar.pytest_runtest_logfinish("test_operators.py::test_operator[sin/vjp]")
    screen = shown(bar, text)
    bar.pytest_sessionfinish()
    assert "1/2" in screen


def test_the_letters_go_and_the_categories_stay() -> None:
    bar = Bar(Console(file=io.StringIO()))
    assert bar.pytest_report_teststatus(report("call", "failed")) == ("failed", "", "")
    assert bar.pytest_report_teststatus(report("setup", "skipped")) == ("skipped", "", "")
    assert bar.pytest_report_teststatus(report("teardown", "failed")) == ("error", "", "")
    assert bar.pytest_report_teststatus(report("setup")) is None


def test_names_have_one_width() -> None:
    for node in ("a.py::test_x", "a.py::test_operator[nn.functional." + 60 * "x" + "/vjp]"):
        assert len(short(node)) == NAME_WIDTH
