"""The command: what it prints, what it writes, what it exits with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import typer

from conformance import cli
from conformance.certifying import run as certifying
from conformance.commands import benching
from conformance.recording import record
from reports import timings
from tests.reports import synthetic

ROOT = Path(__file__).parents[2]
COMMANDS: dict[str, Any] = typer.main.get_command(cli.app).commands  # type: ignore[attr-defined]


def refgrad(*words: str | Path, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "conformance.cli", *map(str, words)]
    # A command is nobody's worker, though this test may run in one.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    given = {**inherited, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(command, cwd=cwd or ROOT, env=given, capture_output=True, text=True)


def one_line(text: str) -> bool:
    return len(text.strip().splitlines()) == 1 and "Traceback" not in text


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example(command: str) -> None:
    shown = refgrad(command, "--help")
    assert shown.returncode == 0 and f"refgrad {command}" in shown.stdout and "Example:" in shown.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_speaks_json(command: str) -> None:
    assert any("--json" in option.opts for option in COMMANDS[command].params)


def test_json_is_all_that_stands_on_standard_output(tmp_path: Path) -> None:
    path = synthetic.write(tmp_path / "jax.jsonl", synthetic.run("jax"))
    done = refgrad("report", path, "-o", tmp_path / "site", "--json")
    assert json.loads(done.stdout) == {"page": str(tmp_path / "site" / "index.html"), "runs": [str(path)]}
    merged = json.loads(refgrad("merge", path, "-o", tmp_path / "all.jsonl", "--json").stdout)
    assert merged["digest"] == record.digest(record.read(path).records())
    words = (
        "--engines",
        "numpy",
        "-o",
        tmp_path / "b.json",
        "--json",
        "--",
        "-k",
        "chain-1]",
        "--benchmark-disable-gc",
        *("-W", "ignore", "-p", "no:cacheprovider"),  # a busy machine's warnings are not what is asked here
    )
    timed = refgrad("bench", *words)
    assert timed.returncode == 0, timed.stdout + timed.stderr
    assert json.loads(timed.stdout) == {"output": str(tmp_path / "b.json"), "slower": []}, timed.stderr
    exact = json.loads(refgrad("accuracy", "sqrt", "--engines", "refgrad", "-o", tmp_path / "a", "--json").stdout)
    assert exact["measurements"] and exact["exceptions"] == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("engines", "--folder", ROOT / "docs/engines", "-o", "ENGINES.md"), "engines"),
        (("qualify", "bcast_mul", "--jobs", "1", "-o", "q.json"), "score"),
        (("spec-diff", "--oracle", "torch", "--oracle-python", sys.executable, "-k", "op/sin/forward"), "changed"),
        (("certify", "--backend", "torch", "-k", "op/sin/forward"), "profiles"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_commands_that_run_engines_print_json_only(tmp_path: Path, words: tuple[str | Path, ...], told: str) -> None:
    done = refgrad(*words, "--json", cwd=tmp_path)
    assert done.returncode == 0 and told in json.loads(done.stdout), done.stderr


def test_help_states_the_exit_codes() -> None:
    shown = refgrad("--help").stdout
    assert "0 certified, 1 findings, 2 usage, 3 harness error" in " ".join(shown.replace("│", " ").split())


def test_imports_no_engine_and_starts_fast() -> None:
    code = (
        "import sys, conformance.cli; print([m for m in ('torch', 'refgrad', 'numpy', 'matplotlib', 'jinja2', 'pytest')"
    )
    code += " if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert shown.stdout.strip() == "[]", shown.stderr


def test_no_colour_and_no_control_where_it_is_no_terminal() -> None:
    for words in (("--help",), ("list", "backends"), ("certify", "--help")):
        assert "\x1b" not in refgrad(*words, NO_COLOR="1").stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("certify", "--backend", "nonsense"), "the known ones are"),
        (("certify", "--oracle", "nonsense"), "the known ones are"),
        (("certify", "--known", "none.toml"), "none.toml: No such file"),
        (("certify", "--baseline", "none.jsonl"), "none.jsonl: No such file"),
        (("report", "none.jsonl"), "none.jsonl: No such file"),
        (("diff", "none.jsonl", "none.jsonl"), "none.jsonl: No such file"),
        (("merge", "none.jsonl"), "none.jsonl: No such file"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(tmp_path: Path, words: tuple[str, ...], says: str) -> None:
    done = refgrad(*words, cwd=tmp_path)
    assert done.returncode == 2 and says in done.stderr and one_line(done.stderr)
    assert list(tmp_path.iterdir()) == []


def test_bad_toml_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "known.toml").write_text("[[deviation]\nclause =")
    done = refgrad("certify", "--known", "known.toml", cwd=tmp_path)
    assert done.returncode == 2 and "known.toml: not TOML" in done.stderr and one_line(done.stderr)


def test_report_writes_one_page(tmp_path: Path) -> None:
    files = [synthetic.write(tmp_path / f"{name}.jsonl", synthetic.run(name, failing=0.4)) for name in ("jax", "mlx")]
    done = refgrad("report", *files, "-o", tmp_path / "site")
    assert done.returncode == 0 and "jax 0.1.0" in (tmp_path / "site" / "index.html").read_text(), done.stderr


def test_report_of_a_truncated_file_says_so_and_loses_nothing(tmp_path: Path) -> None:
    path = synthetic.write(tmp_path / "r.jsonl", synthetic.run("jax"))
    path.write_bytes(path.read_bytes()[:-400])
    done = refgrad("report", path, "-o", tmp_path)
    html = (tmp_path / "index.html").read_text()
    assert done.returncode == 0 and "is cut off" in done.stderr and "The run was cut" in html


@pytest.mark.parametrize(("failing", "code"), [(0.0, 0), (0.5, 1)])
def test_diff(tmp_path: Path, failing: float, code: int) -> None:
    one = synthetic.write(tmp_path / "one.jsonl", synthetic.run("jax"))
    two = synthetic.write(tmp_path / "two.jsonl", synthetic.run("jax", failing=failing))
    done = refgrad("diff", one, two, "--json")
    assert done.returncode == code and json.loads(done.stdout)["groups"][0]["name"] == "newly-failing"


def test_merge_writes_a_file_that_reads(tmp_path: Path) -> None:
    records = synthetic.run("jax")
    results = [item for item in records if item["type"] == "result"]
    for number in range(2):
        part = results[number::2]
        synthetic.write(tmp_path / f"{number}.jsonl", [records[0], *part, synthetic.end(part)])
    done = refgrad("merge", tmp_path / "0.jsonl", tmp_path / "1.jsonl", "-o", tmp_path / "all.jsonl")
    assert done.returncode == 0, done.stderr
    assert record.digest(record.read(tmp_path / "all.jsonl").records()) == record.digest(records)


@pytest.mark.parametrize("what", ["clauses", "operators", "backends"])
def test_list_is_objects_with_ids(tmp_path: Path, what: str) -> None:
    done = refgrad("list", what, "--json", cwd=tmp_path)
    rows = json.loads(done.stdout)
    assert done.returncode == 0 and all(isinstance(row["id"], str) for row in rows) and len(rows) >= 3
    assert len({row["id"] for row in rows}) == len(rows)


def test_list_takes_counts_from_the_newest_results(tmp_path: Path) -> None:
    name = json.loads(refgrad("list", "clauses", "--json", cwd=tmp_path).stdout)[0]["id"]
    (tmp_path / "conformance-report").mkdir()
    seen = {"dtypes": ["float32"], "ranks": [2, 0], "layouts": ["contiguous"], "keywords": {"sum.dim": ["1"]}}
    rows = [synthetic.header(), synthetic.result(name, programs=9, witnessed=7, seen=seen)]
    synthetic.write(tmp_path / "conformance-report" / "results.jsonl", rows)
    row = json.loads(refgrad("list", "clauses", "--json", cwd=tmp_path).stdout)[0]
    assert row["measured"] == {"drawn": 9, "witnessed": 7, **seen, "ranks": [0, 2]}


def run_of(tmp_path: Path, *statuses: str, cut: bool = False) -> record.Run:
    rows = [synthetic.header(), *(synthetic.result(f"a.{n}", status) for n, status in enumerate(statuses))]
    return record.read(synthetic.write(tmp_path / "run.jsonl", rows if cut else [*rows, synthetic.end(rows)]))


@pytest.mark.parametrize(
    ("statuses", "pytest_status", "code"),
    [
        (("pass",), 0, 0),
        (("pass", "known", "not-claimed"), 0, 0),
        (("pass", "fail"), 1, 1),
        (("pass", "crash"), 1, 1),
        (("pass", "harness-error", "fail"), 1, 3),
        (("pass",), 1, 1),
        (("pass",), 2, 3),
        (("pass",), 3, 3),
    ],
)
def test_exit_codes(tmp_path: Path, statuses: tuple[str, ...], pytest_status: int, code: int) -> None:
    assert cli._exit_code(run_of(tmp_path, *statuses), pytest_status, None) == code


def test_a_cut_run_is_no_certificate(tmp_path: Path) -> None:
    assert cli._exit_code(run_of(tmp_path, "pass", cut=True), 0, None) == 3


def test_a_suite_that_breaks_gives_no_verdict_and_exit_code_3(tmp_path: Path) -> None:
    breaks = "def pytest_pyfunc_call(pyfuncitem):\n    raise RuntimeError('the suite broke')\n"
    (tmp_path / "breaking.py").write_text(f"import pytest\n\n@pytest.hookimpl(tryfirst=True)\n{breaks}")
    path = f"{ROOT}{os.pathsep}{tmp_path}"
    words = ("certify", "--backend", "torch", "-k", "op/sin/forward", "-o", tmp_path, "--", "-p", "breaking")
    done = refgrad(*words, PYTHONPATH=path)
    assert done.returncode == 3 and "1 harness-error" in done.stdout, done.stdout + done.stderr
    assert "values         certified" not in done.stdout


def test_against_a_baseline_only_new_failures_count(tmp_path: Path) -> None:
    old = run_of(tmp_path, "pass", "fail")
    same = cli._difference(old, old)
    worse = cli._difference(run_of(tmp_path, "pass", "pass"), run_of(tmp_path, "pass", "fail"))
    assert cli._exit_code(old, 1, same) == 0
    assert cli._exit_code(old, 1, worse) == 1


def options(**more: Any) -> certifying.Options:
    given: dict[str, Any] = {
        "backend": "torch",
        "oracle": "torch",
        "profile": "quick",
        "examples": None,
        "seed": None,
        "known": None,
        "keyword": None,
        "workers": None,
        "output": Path("out"),
        "quiet": False,
        "more": (),
    }
    return certifying.Options(**{**given, **more})


def test_what_is_not_asked_for_is_not_passed_on() -> None:
    words = list(certifying.command(options()))
    assert "--seed" not in words and words[-2:] == ["--results", "out/results.jsonl"]
    words = list(certifying.command(options(seed=0, keyword="hooks", more=("-x",))))
    assert words[-5:] == ["--seed", "0", "-k", "hooks", "-x"]


def test_certify_the_oracle_itself(tmp_path: Path) -> None:
    done = refgrad("certify", "--backend", "torch", "--examples", "8", "-k", "fan_out", "-o", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    judged = json.loads((tmp_path / "certificate.json").read_text())
    assert judged["profiles"]["reverse"]["verdict"] == "certified" and (tmp_path / "index.html").exists()
    assert record.read(tmp_path / "results.jsonl").complete
    assert "reverse        certified" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr and "\r" not in done.stdout + done.stderr, "no terminal, no control"


def test_certify_a_broken_engine(tmp_path: Path) -> None:
    broken = "tests.conformance.broken:sin_as_sine"
    done = refgrad("certify", "--backend", broken, "-k", "sin/vjp", "-o", tmp_path, "--json")
    assert done.returncode == 1, done.stdout + done.stderr
    run = record.read(tmp_path / "results.jsonl")
    assert [finding["result"] for finding in run.findings.values()] == ["op/sin/vjp"]
    check = jsonschema.Draft202012Validator(json.loads((ROOT / "reports/schema/results.schema.json").read_text()))
    for line in (tmp_path / "results.jsonl").read_text().splitlines():
        check.validate(json.loads(line))
    assert run.end and run.end["digest"] == record.digest(run.records())
    again = refgrad("replay", tmp_path / "results.jsonl", "op/sin/vjp", "--backend", broken)
    assert again.returncode == 1 and "op/sin/vjp: different" in again.stdout and "torch.sin" in again.stdout
    mended = refgrad("replay", tmp_path / "results.jsonl", "op/sin/vjp", "--backend", "torch", "--json")
    assert mended.returncode == 0 and json.loads(mended.stdout)["status"] == "same"


def test_a_known_deviation_is_shown_with_its_reason_link_and_date(tmp_path: Path) -> None:
    listed = tmp_path / "known.toml"
    words = 'clause = "op/sin/vjp"\nreason = "they know"\nlink = "https://example.org/12"\nreview_after = 2999-01-31\n'
    listed.write_text(f"[[known]]\n{words}")
    broken = "tests.conformance.broken:sin_as_sine"
    done = refgrad("certify", "--backend", broken, "-k", "sin/vjp", "-o", tmp_path, "--known", listed)
    assert done.returncode == 0, done.stdout + done.stderr
    result = record.read(tmp_path / "results.jsonl").results["op/sin/vjp"]
    assert result["status"] == "known"
    page = (tmp_path / "index.html").read_text()
    assert all(part in page for part in ("they know", 'href="https://example.org/12"', "review after 2999-01-31"))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("replay", "r.jsonl", "nothing"), "no finding 'nothing'; it has"),
        (("replay", "r.jsonl", "FINDING", "--backend", "nonsense"), "the known ones are"),
        (("explain", "backward.fan-out"), "near ones are backward.fan-out-sums"),
        (("bench", "--before", "none.json"), "none.json: No such file"),
        (("bench", "--engines", "nonsense"), "unknown engine 'nonsense'; known are numpy, refgrad"),
        (("bench", "--apart", "--engines", "nonsense"), "unknown engine 'nonsense'"),
        (("accuracy", "sin", "nonsense"), "no definition in high precision of 'nonsense'; there is one of abs,"),
        (("qualify", "nonsense"), "no fault 'nonsense'"),
    ],
)
def test_what_is_not_there_is_one_line(tmp_path: Path, words: tuple[str, ...], says: str) -> None:
    run = synthetic.run("torch", failing=0.5)
    synthetic.write(tmp_path / "r.jsonl", run)
    first = next(item["id"] for item in run if item["type"] == "finding")
    done = refgrad(*(first if word == "FINDING" else word for word in words), cwd=tmp_path)
    assert done.returncode == 2 and says in done.stderr and one_line(done.stderr), done.stderr


def test_explain_shows_an_example_and_its_trace_on_both_engines() -> None:
    told = json.loads(refgrad("explain", "backward.fan-out-sums", "--json").stdout)
    assert "import torch" in told["script"] and list(told["traces"]) == ["torch", "refgrad"]
    ours, theirs = (told["traces"][name]["gradients"] for name in ("refgrad", "torch"))
    assert theirs and {leaf: seen["values"] for leaf, seen in ours.items()} == {
        leaf: seen["values"] for leaf, seen in theirs.items()
    }
    shown = refgrad("explain", "backward.fan-out-sums").stdout
    assert told["sentence"] in shown and told["source"] in shown
    for engine in ("torch", "refgrad"):
        assert ".grad: " in shown.partition(f"on {engine}\n")[2]


def timed(median: float) -> Any:
    stats = {"median": median, "q1": median * 0.99, "q3": median * 1.01, "rounds": 9}
    item = {"name": "test_chain", "group": "chain", "params": {"engine": "refgrad", "size": 1}, "stats": stats}
    return timings.read([{"benchmarks": [item]}])


@pytest.mark.parametrize(("after", "found"), [(1.0, 0), (1.2, 0), (1.3, 1)])
def test_bench_finds_regressions(after: float, found: int) -> None:
    assert len(list(benching.regressions(timed(1.0), timed(after), 1.25))) == found


def test_bench_compares_and_fails_on_a_regression(tmp_path: Path) -> None:
    now, task = tmp_path / "now.json", ("--", "-k", "deep", "--benchmark-max-time=0.05", "--benchmark-min-rounds=2")
    asked = ("bench", "--engines", "refgrad", "-o", now)
    assert refgrad(*asked, *task).returncode == 0
    stored = json.loads(now.read_text())
    for factor, code in ((0.01, 1), (100, 0)):
        scaled = [
            entry | {"stats": {k: v * factor for k, v in _times(entry).items()}} for entry in stored["benchmarks"]
        ]
        before = tmp_path / "before.json"
        before.write_text(json.dumps(stored | {"benchmarks": scaled}))
        done = refgrad(*asked, "--before", before, *task)
        assert done.returncode == code and ("slower: deep graph on refgrad" in done.stdout) == bool(code), done.stdout


def _times(entry: dict[str, Any]) -> dict[str, float]:
    return {name: entry["stats"][name] for name in ("median", "q1", "q3")}


def test_a_clause_is_found_by_its_id(tmp_path: Path) -> None:
    done = refgrad("certify", "--backend", "torch", "-k", "backward.fan-out-sums or op/sin/forward", "-o", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(record.read(tmp_path / "results.jsonl").results) == {"backward.fan-out-sums", "op/sin/forward"}


def test_no_clause_of_that_name_is_usage(tmp_path: Path) -> None:
    done = refgrad("certify", "--backend", "torch", "-k", "nosuchclause", "-o", tmp_path)
    assert done.returncode == 2 and "refgrad list clauses" in done.stderr
