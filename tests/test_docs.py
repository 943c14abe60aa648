"""What README and docs show is run: the tutorial's engines, the recipes' code, the commands, the action's script."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from conformance import cli
from conformance.commands import listing
from conformance.proof.faults import entries
from conformance.recording import known

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted(p for p in (ROOT / "docs").glob("*.md") if p.name != "clauses.md")]
TUTORIAL = (ROOT / "docs/tutorial.md").read_text(encoding="utf-8")
ACTION = ROOT / ".github/actions/certify/action.yml"
APP: dict[str, Any] = typer.main.get_command(cli.app).commands  # type: ignore[attr-defined]
COMMANDS = sorted(APP)
INVENTORY = [
    line
    for line in (ROOT / "tests/conformance/inventory.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.M | re.S)


def blocks(page: Path, language: str) -> list[str]:
    return [body for name, body in BLOCK.findall(page.read_text(encoding="utf-8")) if name == language]


def judged(engine: str) -> subprocess.CompletedProcess[str]:
    asked = re.search(r'toy\.py -k "(.*?)"', TUTORIAL)
    assert asked is not None
    words = ("-m", "pytest", "conformance", "--backend", engine, "-q", "-p", "no:cacheprovider", "-k", asked[1])
    return subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True)


def test_tutorial_shows_what_the_suite_finds_in_the_toy_engine() -> None:
    shown = judged("docs/examples/toy.py")
    assert shown.returncode == 1
    failed = re.findall(r"^FAILED .*\[(\S+)\]", shown.stdout, re.M)
    assert sorted(failed) == ["add/create-graph", "mul/broadcast", "mul/double"]
    # How far a program is shrunk depends on the machine's speed: what is found does not.
    for told in blocks(ROOT / "docs/tutorial.md", ""):
        assert told.splitlines()[0] in shown.stdout
    findings = re.split(r"^_+ test_operator\[.*\] _+$", shown.stdout, flags=re.M)[1:]
    assert len(findings) == 3 and all("toy is wrong" in finding for finding in findings)
    assert "in 60 digits" in shown.stdout


def test_the_mended_toy_engine_passes() -> None:
    shown = judged("docs/examples/toy_mended.py")
    assert shown.returncode == 0, shown.stdout[-2000:]


def test_the_tutorial_shows_the_mended_lines() -> None:
    asked = re.search(r"toy_mended\.py:(\d+):(\d+)", TUTORIAL)
    assert asked is not None
    first, last = map(int, asked.groups())
    lines = (ROOT / "docs/examples/toy_mended.py").read_text(encoding="utf-8").splitlines()[first - 1 : last]
    assert lines[0].startswith("def unbroadcast") and lines[-1].strip().startswith("return Array(a.value * b.value")


def test_recipe_of_an_operator() -> None:
    codes = blocks(ROOT / "README.md", "python")
    row, line = (next(code for code in codes if word in code) for word in (" = op(", "operator("))
    assert row in (ROOT / "refgrad/ops/power.py").read_text(encoding="utf-8")
    # Under a new name, since the real one is there; in a process of its own, since it is then public.
    lines = [
        "import refgrad, numpy, math",
        "from refgrad._op import op; np = numpy",
        row.replace("expm1(self)", "recipe(self)"),
        "from conformance.catalogue import operator, operators",
        "from conformance.catalogue.arguments import *; from conformance.catalogue.pointwise import *",
        line.replace("expm1", "recipe"),
        "x = refgrad.tensor(0.5, dtype=refgrad.float64, requires_grad=True)",
        "expm1(x).backward()",
        "assert abs(x.grad.item() - math.exp(0.5)) < 1e-15 and 'recipe' in operators()",
    ]
    shown = subprocess.run([sys.executable, "-c", "\n".join(lines)], cwd=ROOT, capture_output=True, text=True)
    assert shown.returncode == 0, shown.stderr


def test_recipe_of_a_clause() -> None:
    code = next(code for code in blocks(ROOT / "README.md", "python") if "@clause(" in code)
    made: dict[str, object] = {}
    names = dict(vars(importlib.import_module("conformance.clauses.test_backward")))
    exec(code, names | {"__name__": "recipe"}, made)
    assert made["test_fan_out"].clause.id == "backward.fan-out-sums"


def test_recipe_of_a_backend(tmp_path: Path) -> None:
    code = next(code for code in blocks(ROOT / "README.md", "python") if "Torchlike(" in code)
    (tmp_path / "myengine.py").write_text(
        "from refgrad import *\nimport refgrad\n__getattr__ = refgrad.__getattribute__\n"
    )
    mine = tmp_path / "mine.py"
    mine.write_text(code.replace("import myengine", "import refgrad as myengine"), encoding="utf-8")
    words = ("-m", "pytest", "conformance", "--backend", str(mine), "-q", "-p", "no:cacheprovider", "-k", "op/sin/")
    shown = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True)
    assert shown.returncode == 0 and " passed" in shown.stdout, shown.stdout[-2000:]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    known = {name for name in COMMANDS if re.search(rf"`refgrad {name}\b|^\$ refgrad {name}\b", text, re.M)}
    named = set(re.findall(r"`refgrad ([a-z-]+)", text)) | set(re.findall(r"^\$ refgrad ([a-z-]+)", text, re.M))
    assert named == known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_options_and_targets_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for name, rest in re.findall(r"(?:^\$ |`)refgrad ([a-z-]+)([^`#\n]*)", text, re.M):
        known = {word for option in APP[name].params for word in option.opts} | {"--help"}
        asked = re.findall(r"(?<!\S)(--?[a-z][a-z-]*)", rest.partition(" -- ")[0])
        assert set(asked) <= known, f"refgrad {name}{rest}"
    targets = re.findall(r"(?:^\$ |`)make ([a-z-]+)", text, re.M)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.M), f"make {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_snippets_are_found(page: Path) -> None:
    for line in re.findall(r"^.*8 ?<.*$", page.read_text(encoding="utf-8"), re.M):
        if "[start:" in line or "[end:" in line:
            continue
        named = re.fullmatch(r'--8<-- "([^":]+)(:[\w:]+)?"', line)
        assert named and (ROOT / named[1]).exists(), line


def test_the_readme_states_no_more_than_there_is() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    faults = [fault for fault in entries().values() if fault.report and not fault.control]
    oracle = tomllib.loads((ROOT / "conformance/oracle_faults.toml").read_text(encoding="utf-8"))
    known = listing.rows("operators", None)
    for said, there in (
        (r"More than (\d+) clauses", len(listing.rows("clauses", None))),
        (r"; (\d+) operators", len(INVENTORY)),
        (r"more than (\d+) lines of the catalogue", len(known)),
        (r"plants (\d+) faults that users reported", len(faults)),
        (r"lists more than (\d+)\s+places", sum(map(len, oracle.values()))),
    ):
        stated = re.search(said, text)
        assert stated and int(stated[1]) <= there, said


def test_pictures_are_small_and_shown_in_light_and_dark() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    pictures = list((ROOT / "docs/pictures").iterdir())
    assert pictures and sum(picture.stat().st_size for picture in pictures) <= 400_000
    assert all(f"docs/pictures/{picture.name}" in text for picture in pictures)


def test_the_workflows_name_the_actions_inputs() -> None:
    inputs = yaml.safe_load(ACTION.read_text())["inputs"]
    stated = [yaml.safe_load(block) for block in blocks(ROOT / "docs/ci.md", "yaml")]
    steps = [*stated[0]["jobs"]["certify"]["steps"], *stated[1]["steps"]]
    used = [set(step["with"]) for step in steps if "certify" in step["uses"]]
    assert len(used) == 2 and all(names <= set(inputs) for names in used)
    table = re.findall(r"^\| `([a-z-]+)` \|", (ROOT / "docs/ci.md").read_text(), re.M)
    assert set(table) <= set(inputs)


def test_the_known_deviations_shown_are_read(tmp_path: Path) -> None:
    path = tmp_path / "known.toml"
    path.write_text(blocks(ROOT / "docs/results.md", "toml")[0])
    (clause, entry), *more = known.read_known(path).entries.items()
    assert not more and clause == "op/logsumexp/vjp" and entry["review_after"] == "2027-01-31"
    assert entry["reason"] == "keepdim of a number" and entry["link"].startswith("https://")


def test_the_statuses_explained_are_those_of_the_schema() -> None:
    schema = json.loads((ROOT / "reports/schema/results.schema.json").read_text())
    text = (ROOT / "docs/results.md").read_text()
    wanted = next(part for part in _enums(schema) if "not-claimed" in part)
    assert all(f"`{status}`" in text for status in wanted)


def _enums(schema: object) -> Iterator[list[str]]:
    if isinstance(schema, dict):
        if isinstance(schema.get("enum"), list):
            yield schema["enum"]
        for part in schema.values():
            yield from _enums(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _enums(part)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_pictures_exist(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        if not link.startswith("http") and link != "clauses.md":
            assert (page.parent / link).exists(), link


def action(folder: Path, **given: str) -> subprocess.CompletedProcess[str]:
    """The action's step that certifies, run as GitHub runs it, with the commands that a folder has."""
    step = next(step for step in yaml.safe_load(ACTION.read_text())["runs"]["steps"] if step.get("id") == "certify")
    # A job is nobody's worker, though this test may run in one.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    told = {"BACKEND": "mine.py", "PROFILE": "quick", "BASELINE": "", "SHARD": ""}
    told |= {"GITHUB_STEP_SUMMARY": str(folder / "summary"), "PATH": f"{folder}:{os.environ['PATH']}"}
    words = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    return subprocess.run(words, cwd=folder, env={**inherited, **told, **given}, capture_output=True, text=True)


def command(folder: Path, line: str) -> None:
    """An executable `refgrad` in a folder."""
    path = folder / "refgrad"
    path.write_text(f"#!/bin/bash\n{line}\n")
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "certify --backend mine.py --profile quick -n auto -o conformance-report"),
        (
            {"BASELINE": "old.jsonl"},
            "certify --backend mine.py --profile quick -n auto -o conformance-report --baseline old.jsonl",
        ),
        ({"SHARD": "2/8"}, "certify --backend mine.py --profile quick -n auto -o conformance-report -- --shard 2/8"),
    ],
)
def test_the_action_certifies(tmp_path: Path, given: dict[str, str], words: str) -> None:
    command(tmp_path, 'echo "$@"; exit 1')
    done = action(tmp_path, **given)
    assert done.returncode == 1, "findings fail the job"
    assert done.stdout.strip() == words and words in (tmp_path / "summary").read_text()


def test_the_action_installs_this_repository(tmp_path: Path) -> None:
    step = next(s for s in yaml.safe_load(ACTION.read_text())["runs"]["steps"] if "INSTALL" in s.get("env", {}))
    said = tmp_path / "said"
    (tmp_path / "python").write_text(f'#!/bin/sh\necho "$@" >> {said}\n')
    (tmp_path / "python").chmod(0o755)
    told = {
        "GITHUB_ACTION_PATH": str(ACTION.parent),
        "INSTALL": "python mine",
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
    }
    subprocess.run(["bash", "-eo", "pipefail", "-c", step["run"]], env=told, check=True)
    torch, suite, engine = (line.split()[-1] for line in said.read_text().splitlines())
    folder, extra = suite.removesuffix("]").split("[")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert Path(folder).resolve() == ROOT and extra in project["optional-dependencies"]
    assert (torch, engine) == ("torch==2.13.*", "mine")


def test_the_example_workflow_fails_on_new_findings_only(tmp_path: Path) -> None:
    few = "-k 'op/add/ or op/sin/' -n 1"  # not all of the suite: the action has no word for it
    command(
        tmp_path, f'cd {ROOT} && exec {sys.executable} -m conformance.cli "$1" "${{@:2}}" {few} -o {tmp_path}/report'
    )
    toy = {"BACKEND": str(ROOT / "docs/examples/toy.py"), "HOME": str(tmp_path)}
    first = action(tmp_path, **toy)
    assert first.returncode == 1, first.stdout + first.stderr
    assert {path.name for path in (tmp_path / "report").iterdir()} >= {
        "index.html",
        "certificate.json",
        "results.jsonl",
        "badge.svg",
    }
    accepted = (tmp_path / "report/results.jsonl").rename(tmp_path / "baseline.jsonl")
    again = action(tmp_path, **toy, BASELINE=str(accepted))
    assert again.returncode == 0 and "Newly failing: 0" in (tmp_path / "summary").read_text(), again.stderr
