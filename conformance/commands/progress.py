"""A progress bar for a terminal: the clause at hand, the rate, the failures so far and the time left.

A plugin of its own, which ``refgrad certify`` adds on a terminal: ``pytest -p conformance.commands.progress``.
"""

from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

NAME_WIDTH = 44
STARTING = "starting the engines".ljust(NAME_WIDTH)


class Rate(ProgressColumn):
    """Results a second."""

    def render(self, task: Task) -> Text:
        digits = 0 if (task.speed or 0) >= 10 else 1
        return Text(f"{task.speed:.{digits}f}/s" if task.speed else "–/s", style="progress.data.speed")


class Bar:
    """Listens to pytest and draws; the letters that pytest prints are left out."""

    def __init__(self, console: Console | None = None) -> None:
        self.failures = 0
        self.progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            Rate(),
            TextColumn("{task.fields[failures]} failed", style="red" if console is None else ""),
            TimeRemainingColumn(),
            console=console or Console(stderr=True),
            transient=True,
        )
        self.task = self.progress.add_task("collecting".ljust(NAME_WIDTH), total=None, failures=0)

    def pytest_sessionstart(self) -> None:
        self.progress.start()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        # Only here has -k done its work. With pytest-xdist the controller collects nothing: see below.
        self.progress.update(self.task, description=STARTING, total=len(session.items) or None)

    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        self.progress.update(self.task, total=len(ids))

    def pytest_runtest_logreport(self, report: Any) -> None:
        self.failures += bool(report.failed)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        # A plain clause has no setup and no teardown to report: only this comes once for each.
        self.progress.update(self.task, description=short(nodeid), advance=1, failures=self.failures)

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: Any) -> tuple[str, str, str] | None:
        # The outcome's category stays, for the last line's counts; the letter goes.
        if report.when == "call" or report.failed or report.skipped:
            return report.outcome if report.when == "call" or report.skipped else "error", "", ""
        return None

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        self.progress.stop()


def short(node: str) -> str:
    """A test's name in a fixed width: its end, which tells most."""
    name = node.rpartition("::")[2].removeprefix("test_")
    name = name.partition("[")[2].rstrip("]") or name
    return (name if len(name) <= NAME_WIDTH else "…" + name[1 - NAME_WIDTH :]).ljust(NAME_WIDTH)


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # a worker of pytest-xdist has no screen
        config.pluginmanager.register(Bar(), "conformance-progress")
