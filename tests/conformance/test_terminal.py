"""The commands on a terminal: colour, no colour, and the progress bar."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
COLOUR = re.compile(r"\x1b\[(?:\d+;)*[34]\d(?:;\d+)*m")
MOVES = re.compile(r"\x1b\[\d*[ABCDGHJK]|\x1b\[\?25[lh]")


def typed(*words: str | Path, **environment: str) -> str:
    """All that a terminal gets from a command, control sequences included."""
    leader, follower = pty.openpty()
    given = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "CI")}
    given |= {"PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "COLUMNS": "120", "LINES": "40", **environment}
    command = [sys.executable, "-m", "conformance.cli", *map(str, words)]
    process = subprocess.Popen(command, cwd=ROOT, env=given, stdout=follower, stderr=follower, stdin=follower)
    os.close(follower)
    told = b""
    while piece := _piece(leader):
        told += piece
    process.wait()
    os.close(leader)
    return told.decode(errors="replace")


def _piece(leader: int) -> bytes:
    try:
        return os.read(leader, 65536)
    except OSError:  # how Linux says that nobody holds the other end any more
        return b""


def test_help_has_colour_until_it_is_refused() -> None:
    assert COLOUR.search(typed("certify", "--help"))
    refused = typed("certify", "--help", NO_COLOR="1")
    assert "How many programs a property." in refused and not COLOUR.search(refused)


def test_a_run_draws_a_bar_on_a_terminal_and_leaves_its_verdict(tmp_path: Path) -> None:
    asked = ("certify", "--backend", "torch", "-k", "backward.fan-out-sums or op/sin/forward", "-o", tmp_path)
    told = typed(*asked)
    assert MOVES.search(told) and COLOUR.search(told)
    for word in ("collecting", "starting the engines", "2/2", "0 failed"):
        assert word in told, word
    last = MOVES.sub("", told).strip().splitlines()
    assert last[-1].strip().startswith("read ") and "2 pass" in last[-2]


def test_a_run_without_colour_has_none(tmp_path: Path) -> None:
    told = typed("certify", "--backend", "torch", "-k", "backward.fan-out-sums", "-o", tmp_path, NO_COLOR="1")
    assert "1/1" in told and not COLOUR.search(told)
