"""The suite under pytest: `-k -m -x --lf --junitxml` do what one expects of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parents[2]
BROKEN = ("--backend", "tests.conformance.broken:sin_as_sine")
FAN_OUT = "test_fan_out[backward.fan-out-sums]"
FEW = ("-k", "op/sin/vjp or op/sin/double or op/cos/vjp or backward.fan-out-sums")


def run(folder: Path, *words: str) -> str:
    """The last line of a run, and what stands before it."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "conformance",
        "-q",
        "-p",
        "xdist",
        "--tb=no",
        "-o",
        f"cache_dir={folder}",
    ]
    return subprocess.run([*command, *words], cwd=ROOT, capture_output=True, text=True).stdout


@pytest.mark.parametrize(
    ("mark", "wanted"),
    [
        ("clause", {FAN_OUT}),
        ("operator", {"test_operator[cos/vjp]"}),
        ("not clause", {"test_operator[cos/vjp]"}),
    ],
)
def test_marks_select_by_sort(tmp_path: Path, mark: str, wanted: set[str]) -> None:
    told = run(tmp_path, "--co", "-m", mark, "-k", "op/cos/vjp or backward.fan-out-sums")
    assert {line.partition("::")[2] for line in told.splitlines() if "::" in line} == wanted


def test_failures_are_kept_and_run_again_and_stop_the_run(tmp_path: Path) -> None:
    report = tmp_path / "junit.xml"
    assert "3 failed, 1 passed" in run(tmp_path / "cache", *BROKEN, *FEW, f"--junitxml={report}")
    cases = {case.get("name"): case.find("failure") is not None for case in ElementTree.parse(report).iter("testcase")}
    operators = {f"test_operator[{name}]": name.startswith("sin") for name in ("sin/vjp", "sin/double", "cos/vjp")}
    assert cases == {FAN_OUT: True, **operators}
    again = run(tmp_path / "cache", *BROKEN, "--lf")
    assert "3 failed" in again and "passed" not in again
    assert "1 failed" in run(tmp_path / "cache", *BROKEN, "--lf", "-x")
