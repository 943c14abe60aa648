"""The harness on engines that are wrong on purpose, and on one that isn't."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from conformance import backends, catalogue
from conformance.drawing.generate import one_operator
from conformance.judging.arbitrate import arbitrate
from conformance.judging.judge import Judge
from conformance.programs.trace import Trace
from conformance.promises.check import Check, Outcome, Settings
from conformance.promises.clause import clause, generate
from conformance.promises.properties import PROPERTIES

from . import broken

ROOT = Path(__file__).parents[2]


def checked(backend: Any, oracle: Any, operator: str, kind: str, examples: int = 50) -> Outcome:
    """The outcome of one operator's property."""
    got: list[Outcome] = []
    line, prop = catalogue.find(operator), PROPERTIES[kind]
    check = Check(Judge(backend, oracle), Settings("standard", examples), got.append)
    check.operator(line, prop, one_operator(line, prop.build))
    return got[0]


@pytest.fixture(scope="module")
def torch_backend() -> Any:
    return backends.load("torch")


def test_a_wrong_derivative_is_caught_and_shrunk(torch_backend: Any) -> None:
    outcome = checked(broken.sin_as_sine(), torch_backend, "sin", "vjp")
    assert outcome.status == "fail"
    finding = outcome.findings[0].line
    assert finding["verdict"] == "backend" and finding["kind"] == "value"
    assert len(finding["program"]["steps"]) == 4
    assert all(step["shape"] == [] for step in finding["program"]["steps"] if step["step"] == "leaf")


def test_the_arbiter_blames_the_oracle_when_it_is_wrong(torch_backend: Any) -> None:
    outcome = checked(torch_backend, broken.sin_as_sine(), "sin", "vjp")
    assert outcome.findings[0].line["verdict"] == "oracle"


def test_one_part_in_ten_to_the_tenth_is_caught(torch_backend: Any) -> None:
    outcome = checked(broken.exp_slightly_off(), torch_backend, "exp", "vjp")
    assert outcome.status == "fail" and outcome.findings[0].line["verdict"] == "backend"


def test_a_reassociated_sum_is_no_fault(torch_backend: Any) -> None:
    outcome = checked(broken.sum_reversed(), torch_backend, "sum", "forward", 200)
    assert outcome.status == "pass"


def test_an_engine_agrees_with_itself(torch_backend: Any) -> None:
    assert checked(torch_backend, torch_backend, "matmul", "double").status == "pass"


def test_the_script_shows_the_difference(torch_backend: Any, tmp_path: Path) -> None:
    outcome = checked(broken.sin_as_sine(), torch_backend, "sin", "vjp")
    script = tmp_path / "repro.py"
    script.write_text(outcome.findings[0].line["script"], encoding="utf-8")
    ran = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert "tensor(0.5403)" in ran.stdout


def test_a_clause_that_nothing_witnesses_is_a_harness_error(torch_backend: Any) -> None:
    got: list[Outcome] = []

    def never(trace: Trace) -> bool:
        return False

    @clause("x.never", "Never arises.", source="here", witness=never)
    def function() -> None: ...

    check = Check(Judge(torch_backend, torch_backend), Settings(), got.append, function.clause)  # type: ignore[attr-defined]
    check(generate(lambda b: b.leaf()))
    assert got[0].status == "harness-error"


def pytest_conformance(*args: str, code: int) -> str:
    """The output of ``pytest conformance`` in a process of its own."""
    command = [sys.executable, "-m", "pytest", "conformance", "-q", "-p", "no:cacheprovider", *args]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == code, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


def test_an_unknown_backend_names_the_known_ones() -> None:
    out = pytest_conformance("--backend", "nothing", code=2)
    assert all(name in out for name in ("autograd", "refgrad", "torch", "wire:COMMAND"))


def test_a_backend_that_raises_at_import_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "bad.py"
    file.write_text("raise OSError('no such device')\n", encoding="utf-8")
    out = pytest_conformance("--backend", str(file), code=2)
    assert "OSError: no such device" in out and "Traceback" not in out


def test_results_are_written_and_reproducible(tmp_path: Path) -> None:
    digests = []
    for run in ("a", "b"):
        path = tmp_path / run
        pytest_conformance("--backend", "torch", "-k", "sin or fan_out", "--results", str(path), code=0)
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        assert [lines[0]["type"], lines[-1]["type"]] == ["run", "end"]
        digests.append(lines[-1]["digest"])
    assert digests[0] == digests[1]


def test_collection_imports_no_engine() -> None:
    code = (
        "import sys, pytest\n"
        "pytest.main(['conformance', '--collect-only', '-q', '-p', 'no:cacheprovider'])\n"
        "assert not {'torch', 'refgrad', 'autograd'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)


def test_collection_is_light(tmp_path: Path) -> None:
    """It imports nothing that only judging needs, and takes no more than thrice the time of as many empty tests."""
    (tmp_path / "test_empty.py").write_text(
        "import pytest\n"
        "@pytest.mark.parametrize(('a', 'b'), [(str(k), 'x') for k in range(6000)])\n"
        "def test_nothing(a, b): pass\n"
    )
    code = (
        "import sys, time, pytest\n"
        "pytest.main([sys.argv[1], '--collect-only', '-q', '-p', 'no:cacheprovider', '--rootdir', sys.argv[2]])\n"
        "heavy = {'mpmath', 'scipy', 'hypothesis', 'rich', 'jinja2', 'jsonschema', 'matplotlib'} & set(sys.modules)\n"
        "print('heavy', sorted(heavy)); print(time.process_time())\n"
    )

    def collect(folder: Path, root: Path) -> list[str]:
        words = [sys.executable, "-c", code, str(folder), str(root)]
        done = subprocess.run(words, cwd=root, check=True, capture_output=True, text=True)
        return done.stdout.splitlines()[-2:]

    (heavy, mine), (_, empty) = collect(ROOT / "conformance", ROOT), collect(tmp_path, tmp_path)
    assert heavy == "heavy []"
    assert float(mine) < 3 * float(empty)


def test_workers_load_the_engines_and_who_hands_out_tests_does_not(tmp_path: Path) -> None:
    results, broken = tmp_path / "results.jsonl", tmp_path / "engine.py"
    words = ["conformance", "-q", "-n", "1", "-k", "op/sin/forward", "--results", str(results)]
    code = (
        f"import sys, pytest\nassert pytest.main({words!r}) == 0\n"
        "assert not {'torch', 'refgrad'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)
    lines = [json.loads(line) for line in results.read_text().splitlines()]
    assert [line["type"] for line in lines] == ["run", "result", "end"]
    broken.write_text("raise ImportError('no such library')\n")
    words = [sys.executable, "-m", "pytest", "conformance", "-q", "-n", "1", "-k", "op/sin/", "--backend", str(broken)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert "could not be loaded: ImportError: no such library" in done.stdout + done.stderr


def test_the_arbiter_leaves_semantics_to_the_oracle(torch_backend: Any) -> None:
    from conformance.judging.compare import Divergence
    from conformance.programs.program import Program

    assert arbitrate(Program(()), Divergence("dtype", ("step", 0, ()), "")).verdict == "backend"
