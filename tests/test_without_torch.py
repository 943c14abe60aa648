"""refgrad's own tests where torch can't be imported, nor anything else of the suite's extras: they pass, or say in a
skip that they need PyTorch, or mpmath, to compare with."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
ABSENT = ("torch", "hypothesis", "mpmath", "typer", "rich", "jinja2", "jsonschema", "autograd", "jax", "matplotlib")
SLOW = "not test_large_graph and not test_lifetime"
"""They need no engine but this one, and run with the rest."""
PASSED, NEED_ANOTHER = 170, r"could not import '(torch|mpmath)'"
RUN = """
import sys
sys.modules.update(dict.fromkeys({absent!r}))
import pytest
sys.exit(pytest.main(["tests/refgrad", "-q", "-rs", "-p", "no:cacheprovider", "-k", {slow!r}]))
"""


def test_refgrad_without_torch() -> None:
    code = RUN.format(absent=ABSENT, slow=SLOW)
    alone = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    shown = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=alone, capture_output=True, text=True)
    assert shown.returncode == 0, shown.stdout[-3000:] + shown.stderr[-2000:]
    passed = re.search(r"(\d+) passed", shown.stdout)
    assert passed is not None and int(passed[1]) >= PASSED, shown.stdout[-500:]
    skipped = [line for line in shown.stdout.splitlines() if line.startswith("SKIPPED")]
    assert skipped and all(re.search(NEED_ANOTHER, line) for line in skipped), skipped
