"""The scripts of the list of PyTorch's faults: on this PyTorch each shows what refgrad does otherwise.

refgrad is right where an entry says that PyTorch is wrong. So a script that prints the same under both has nothing to
show any more: PyTorch was mended, or the script is about something else.
"""

from __future__ import annotations

import contextlib
import io
import warnings

import numpy as np
import pytest

from conformance.searching.oracle_faults import OracleFault, recorded

LONGEST = 16

torch = pytest.importorskip("torch")


def shown(script: str) -> str:
    """What a script prints; the error that ends it counts as printed."""
    printed = io.StringIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(printed), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            exec(compile(script, "<script>", "exec"), {"__name__": "script"})
        except (RuntimeError, NotImplementedError, ValueError, TypeError, IndexError) as error:
            print(type(error).__name__, error)
    return printed.getvalue().strip()


def _names() -> list[str]:
    return [f"{fault.operator}-{k}" for k, fault in enumerate(recorded())]


@pytest.mark.parametrize("fault", recorded(), ids=_names())
def test_the_script_of_a_fault_shows_it(fault: OracleFault) -> None:
    assert len(fault.script.strip().splitlines()) <= LONGEST
    if fault.kind == "crash":
        pytest.skip("it ends the process: run by hand")
    theirs = shown(fault.script)
    ours = shown(fault.script.replace("import torch", "import refgrad as torch"))
    assert theirs and theirs != ours, f"both show {theirs!r}"
