"""Engines by name: their environments, the page of them, badges, findings grouped by cause."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest

from conformance.backends import check_name
from conformance.backends.wire.client import lent
from conformance.certifying import badge, certificate, engine_table, environments, recertifying
from conformance.certifying.environments import Engine, NotInstalled
from conformance.commands import engine_commands
from conformance.recording import causes, record
from tests.reports import synthetic

ROOT = Path(__file__).parents[2]
C = Engine("c", "wire:{environment}/engine", build=("cc", "-o", "{environment}/engine", "{package}/nothing.c"))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REFGRAD_ENVS", str(tmp_path))
    return tmp_path


@pytest.fixture
def steps(home: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that would have run."""
    ran: list[list[str]] = []
    monkeypatch.setattr(environments, "_run", lambda engine, words, home: ran.append(list(words)))
    return ran


def test_an_environment_is_made_once_and_found_again(home: Path, steps: list[list[str]]) -> None:
    engine = Engine("toy:x", "toy", ("toy==1",))
    assert environments.prepare(engine) == ("toy", str(home / "toy-x" / "bin" / "python"))
    assert [words[1:3] for words in steps] == [["-m", "venv"], ["-m", "pip"]]
    assert "toy==1" in steps[1] and any(word.startswith("ml_dtypes") for word in steps[1])
    environments.prepare(engine)
    assert len(steps) == 2
    environments.prepare(Engine("toy:x", "toy", ("toy==2",)))
    assert len(steps) == 4


def test_an_environment_that_was_not_finished_is_made_again(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise NotInstalled("no")

    ran: list[str] = []
    monkeypatch.setattr(environments, "_run", fail)
    with pytest.raises(NotInstalled):
        environments.prepare(Engine("toy", "toy"))
    monkeypatch.setattr(environments, "_run", lambda engine, words, home: ran.append(words[2]))
    environments.prepare(Engine("toy", "toy"))
    assert ran == ["venv", "pip"]


def test_this_interpreter_serves_where_it_has_just_that_release(steps: list[list[str]]) -> None:
    here = Engine("toy", "toy", ("numpy>=2.0",), shared=True)
    assert environments.prepare(here) == ("toy", sys.executable) and not steps
    environments.prepare(Engine("toy", "toy", ("numpy==0.1",), shared=True))
    environments.prepare(Engine("other", "toy", ("no-such-package",), shared=True))
    assert len(steps) == 4


def test_what_can_not_be_installed_is_one_line_and_exit_code_3(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    table = {"c": C, "needy": Engine("needy", "needy", system=("no-such-program",))}
    monkeypatch.setattr(environments, "engines", lambda: table)
    for name, says in (("c", "nothing.c"), ("needy", "needs no-such-program")):
        with pytest.raises(SystemExit) as ended:
            engine_commands.installed(name, None)
        said = capsys.readouterr().err
        assert ended.value.code == 3 and says in said and len(said.strip().splitlines()) == 1


def test_the_engine_in_c_is_built_in_its_environment(home: Path) -> None:
    backend, python = environments.prepare(environments.engines()["c"])
    assert python is None and subprocess.run([backend.removeprefix("wire:")], input=b"").returncode == 0


def test_every_engine_of_the_table_states_its_release() -> None:
    for engine in environments.engines().values():
        assert engine.shared or engine.is_command or any("==" in package for package in engine.packages), engine


@pytest.mark.parametrize("name", list(environments.engines()))
def test_the_table_names_backends_that_there_are(name: str) -> None:
    check_name(environments.engines()[name].backend)


def test_another_interpreter_is_lent_the_adapters_and_nothing_else(tmp_path: Path) -> None:
    for name in ("refgrad_conformance", "refgrad", "numpy", "numpy-1.dist-info"):
        (tmp_path / name).mkdir()
    folder = Path(lent(str(tmp_path / "refgrad_conformance")))
    assert sorted(path.name for path in folder.iterdir()) == ["refgrad", "refgrad_conformance"]
    assert lent(str(ROOT / "conformance")) == str(ROOT)


def finding(result: str, dedup: str, steps: int, **more: Any) -> record.Record:
    program = {"steps": [{"step": "call", "op": f"op{i}"} for i in range(steps)]}
    face = {"program": program, "script": "import torch\n", "kind": "value", "verdict": "backend", "count": 2, **more}
    return {
        "type": "finding",
        "id": f"{result}#{steps}",
        "result": result,
        "dedup": dedup,
        "message": "x | <b>",
        **face,
    }


def test_failures_of_one_cause_are_one_with_the_smallest_as_its_face() -> None:
    found = causes.group(
        [finding("a", "sin|vjp|value", 3), finding("b", "sin|vjp|value", 2), finding("c", "cos||v", 1)]
    )
    assert [(cause.dedup, cause.count, cause.results) for cause in found] == [
        ("cos||v", 2, ("c",)),
        ("sin|vjp|value", 4, ("a", "b")),
    ]
    assert found[1].face["id"] == "b#2"


def test_programs_of_many_operators_are_named_by_those_that_are_left() -> None:
    found = causes.group([finding(f"language/0{i}", f"language/0{i}||value", 2) for i in range(3)])
    assert [(cause.dedup, len(cause.results)) for cause in found] == [("language: op0, op1||value", 3)]


def run_of(tmp_path: Path, *, failing: float = 0.5) -> record.Run:
    return record.read(synthetic.write(tmp_path / "r.jsonl", synthetic.run("toy", failing=failing)))


def test_the_page_is_made_of_what_is_stored(tmp_path: Path) -> None:
    run = run_of(tmp_path)
    engine_table.store(run, tmp_path / "engines", ("toy==1",))
    text = engine_table.page(engine_table.read_all(tmp_path / "engines"))
    held = len(certificate.certify(run)["profiles"]["values"]["certified"])
    assert "| [toy](#toy) |" in text and "## toy" in text and f"✗ {held}/" in text
    assert all(cause.results[0] in text for cause in causes.causes(run))


def test_one_fault_of_an_operator_is_one_row_of_the_page(tmp_path: Path) -> None:
    run = run_of(tmp_path, failing=0.0)
    names = ["op/sin/vjp", "op/sin/double", "op/cos/vjp"]
    for index, name in enumerate(names):
        _, operator, kind = name.split("/")
        found = finding(name, f"{operator}|{kind}|value", 3 - index)
        run.findings[found["id"]] = found
        run.results[name] = {"id": name, "status": "fail", "programs": 8}
    run.results["op/tan/vjp"] = {"id": "op/tan/vjp", "status": "convention", "programs": 8}
    run.findings["tan"] = finding("op/tan/vjp", "tan|vjp|value", 1, verdict="convention")
    rows = engine_table.summary(run, "toy")["causes"]
    assert [row["results"] for row in rows] == [["op/cos/vjp"], ["op/sin/double", "op/sin/vjp"]]
    assert [row["count"] for row in rows] == [2, 4] and len(rows[1]["program"]["steps"]) == 2


def test_another_release_of_the_oracle_is_a_row_of_its_own(tmp_path: Path) -> None:
    run = run_of(tmp_path)
    run.header["backend"].update(name="torch", version="2.11.0+cpu")
    run.header["oracle"].update(name="torch", version="2.13.0")
    assert engine_table.store(run, tmp_path).name == "torch-2.11.0+cpu.json"


def test_an_engine_s_words_are_no_markup() -> None:
    assert not set("|<>`*[]") & set(engine_table.plain("a|b\n<script> `c` *d* [e](f)"))


def test_what_is_no_summary_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("[]")
    with pytest.raises(engine_table.BadSummary, match=r"x\.json: not an engine's summary"):
        engine_table.read_all(tmp_path)


def test_the_page_of_this_repository_is_current() -> None:
    stored = engine_table.read_all(ROOT / engine_table.FOLDER)
    assert stored and (ROOT / engine_table.PAGE).read_text(encoding="utf-8") == engine_table.page(stored)


def judged(complete: bool = True, **verdicts: str) -> record.Record:
    profiles = {name: {"verdict": verdict} for name, verdict in verdicts.items()}
    return {"backend": {"name": "<toy>", "version": "1"}, "complete": complete, "profiles": profiles}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (judged(values="certified", tape="not-claimed"), "autograd certified: values"),
        (judged(values="certified", tape="convention"), "autograd certified: all profiles"),
        (judged(values="certified", tape="failed"), "autograd: 1 of 2 profiles"),
        (judged(values="certified", tape="incomplete"), "autograd: 1 of 2 profiles"),
        (judged(values="not-claimed"), "not certified"),
        (judged(complete=False, values="certified"), "not certified"),
    ],
)
def test_the_badge_says_what_is_certified(given: record.Record, says: str) -> None:
    drawn = ElementTree.fromstring(badge.badge(given))
    assert drawn.attrib["aria-label"] == f"<toy> 1: {says}"


def test_a_certificate_names_what_changed(tmp_path: Path) -> None:
    before, after = (certificate.certify(run_of(tmp_path, failing=share)) for share in (0.0, 0.5))
    assert recertifying.compare(before, before).holds
    done = recertifying.compare(before, after)
    assert not done.holds and ("certified", "failed") in {(old, new) for _, old, new in done.changed}


def test_certificates_fit_the_schema(tmp_path: Path) -> None:
    schema = json.loads((ROOT / "reports/schema/certificate.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(certificate.certify(run_of(tmp_path)))


def refgrad(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "conformance.cli", *map(str, words)], cwd=ROOT, capture_output=True, text=True
    )


def test_a_certificate_and_all_findings_are_replayed(tmp_path: Path) -> None:
    broken = "tests.conformance.broken:sin_as_sine"
    refgrad("certify", "--backend", broken, "-k", "op/sin/vjp or op/sin/forward", "-o", tmp_path)
    assert "svg" in (tmp_path / "badge.svg").read_text()
    every = refgrad("replay", tmp_path / "results.jsonl", "--backend", broken)
    assert every.returncode == 1 and ": different" in every.stdout
    whole = refgrad("replay", tmp_path / "certificate.json", "--backend", "refgrad")
    assert whole.returncode == 1 and "op/sin/vjp: failed in the certificate, certified now" in whole.stdout
    assert "does not hold: 1 differ" in whole.stdout
    refgrad("engines", tmp_path / "results.jsonl", "--folder", tmp_path / "engines", "-o", tmp_path / "ENGINES.md")
    (stored,) = (tmp_path / "engines").iterdir()
    shown = refgrad("replay", stored, "--backend", broken)
    assert shown.returncode == 0 and "1 of 1 findings show" in shown.stdout, shown
    mended = refgrad("replay", stored, "--backend", "refgrad")
    assert mended.returncode == 1 and "op/sin/vjp: same: " in mended.stdout


def test_what_another_oracle_changes_is_listed(tmp_path: Path) -> None:
    words = ("--oracle", "tests.conformance.broken:sin_as_sine", "-k", "op/sin/vjp or op/sin/forward", "-o", tmp_path)
    done = refgrad("spec-diff", *words)
    assert done.returncode == 1 and "op/sin/vjp: " in done.stdout and "1 of 2 changed" in done.stdout, done


def test_refgrad_is_an_oracle_where_there_is_no_pytorch(tmp_path: Path) -> None:
    without = "import sys, importlib.util, pytest, scipy.linalg\nassert 'torch' not in sys.modules\n"
    without += "find = importlib.util.find_spec\nclass Blocked:\n def find_spec(self, name, *rest):\n"
    without += "  if name == 'torch': raise ModuleNotFoundError(name)\n"
    without += "sys.meta_path.insert(0, Blocked())\nsys.exit(pytest.main(sys.argv[1:]))"
    words = [
        "conformance",
        "-q",
        "--backend",
        "autograd",
        "--oracle",
        "refgrad",
        "-k",
        "op/where/vjp or op/sin/vjp",
    ]
    path = tmp_path / "r.jsonl"
    command = [sys.executable, "-c", without, *words, "--results", str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    run = record.read(path)
    assert run.results["op/sin/vjp"]["status"] == "pass" and run.results["op/where/vjp"]["status"] == "fail", done
    assert certificate.certify(run)["oracle"]["name"] == "refgrad"
