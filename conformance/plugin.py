"""The pytest plugin: options, the ``check`` fixture, results.jsonl and the summary.

Loaded by ``conformance/conftest.py`` in the checkout and by ``-p`` elsewhere. Collection imports no engine.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from . import backends
from .judging.judge import Judge
from .promises.check import FAILING, Check, Outcome, Settings
from .promises.properties import PROPERTIES
from .recording.known import KnownDeviations, read_known
from .recording.record import Recorder, RecordError
from .recording.results import end_line, run_line
from .recording.resuming import begin, done, is_wanted, shard
from .running import is_ours, is_plain, run, wants_protocol
from .searching.kept import Kept

EXAMPLES = {"quick": 3, "standard": 50, "thorough": 500}
_PROPERTY = "conformance"
_STATE = pytest.StashKey["Session"]()


class Session:
    """One run's engines (loaded at the first test), settings and results."""

    def __init__(self, config: pytest.Config) -> None:
        option = config.option
        examples = EXAMPLES[option.profile] if option.examples is None else option.examples
        self.backend, self.oracle = option.backend, option.oracle
        self.python = option.python or (sys.executable if option.isolate else None)
        self.oracle_python, self.imports = option.oracle_python, tuple(option.imports or ())
        self.selection = {
            "backend": option.backend,
            "oracle": option.oracle,
            "examples": option.examples,
            "keyword": option.keyword or None,
        }
        self.known = read_known(Path(option.known)) if option.known else KnownDeviations()
        kept = Kept(Path(option.falsifying) if option.falsifying else None)
        self.settings = Settings(option.profile, examples, option.seed, self.known.entries, kept=kept)
        self.started = time.time()
        self.results: list[dict[str, Any]] = []
        self.findings: list[dict[str, Any]] = []
        self.path = Path(option.results) if option.results else None
        self.resume, self.shard = option.resume, shard(option.shard)
        if self.resume and self.path is None:
            raise ValueError("--resume goes on with a results file: name it with --results FILE")
        self.done = done(self.path) if self.resume and self.path else frozenset[str]()
        self._recorder: Recorder | None = None
        self._judge: Judge | None = None
        self._is_named = False

    def judge(self) -> Judge:
        """The judge of this run; loads the two engines."""
        if self._judge is None:
            self._judge = Judge(
                backends.load(self.backend, self.python, self.imports), backends.load(self.oracle, self.oracle_python)
            )
            # The engines and the catalogue stay: the collector need not look through them again and again. And a
            # program leaves few cycles, but as many objects as make it look every few programs.
            gc.collect()
            gc.freeze()
            gc.set_threshold(10_000, 20, 50)
        return self._judge

    def header(self) -> dict[str, Any]:
        """Who is judged by whom."""
        judge = self.judge()
        return run_line(judge.backend, judge.oracle, self.settings.profile, self.settings.seed, self.selection)

    def header_once(self) -> list[dict[str, Any]]:
        """The header before a worker's first result, nothing before the others."""
        is_first, self._is_named = not self._is_named, True
        return [self.header()] if is_first else []

    def begin(self, fresh: dict[str, Any]) -> None:
        """Writes who is judged by whom, or goes on with the file of a run that was cut."""
        self._is_named = True
        if self.resume and self.path:
            self._recorder, records = begin(self.path, fresh)
            for line in records:
                (self.results if line["type"] == "result" else self.findings).append(line)
        else:
            self.write(fresh)

    def take(self, line: dict[str, Any]) -> None:
        """Records a line of a test, and keeps it for the summary; the first worker's header begins the file."""
        if line["type"] == "run":
            if not self._is_named:
                self.begin(line)
            return
        self.write(line)
        (self.results if line["type"] == "result" else self.findings).append(line)

    def write(self, line: dict[str, Any]) -> None:
        """Records a line, where a results file is wanted."""
        if self.path is not None:
            if self._recorder is None:
                self._recorder = Recorder(self.path)
            self._recorder.write(line)

    def close(self) -> None:
        if self._recorder is not None:
            self._recorder.close()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("conformance")
    group.addoption("--backend", default="refgrad", help="engine under test: a name, module:object or file.py")
    group.addoption("--oracle", default="torch", help="engine to compare with")
    group.addoption("--isolate", action="store_true", help="run the engine in a process of its own")
    group.addoption("--python", default=None, help="the interpreter that has the engine; implies --isolate")
    group.addoption("--import", action="append", dest="imports", help="a module the engine needs imported first")
    group.addoption("--oracle-python", default=None, help="the interpreter that has the oracle")
    group.addoption("--profile", default="quick", choices=sorted(EXAMPLES), help="how many examples a property")
    group.addoption("--examples", type=int, default=None, help="examples a property, whatever the profile says")
    group.addoption("--seed", type=int, default=0, help="the seed of every draw")
    group.addoption("--results", default=None, help="file for the results (JSON lines)")
    group.addoption("--resume", action="store_true", help="go on with the run that FILE of --results holds")
    group.addoption("--shard", default=None, help="run the I-th of N parts, such as 2/8; `refgrad merge` joins them")
    group.addoption("--falsifying", default=None, help="file of programs that failed once, replayed first")
    group.addoption("--known", default=None, help="TOML file of known deviations")


_MARKS = {
    "clause": "a documented behaviour",
    "operator": "a property of an operator",
    "claim": "what an engine says of itself",
    "language": "random programs of the whole language",
}
"""What `-m` selects by."""


def pytest_configure(config: pytest.Config) -> None:
    try:
        for spec in (config.option.backend, config.option.oracle):
            backends.check_name(spec)
        config.stash[_STATE] = Session(config)
    except (backends.UnknownBackend, ValueError) as error:  # a RecordError is a ValueError
        pytest.exit(str(error).strip("'\""), returncode=2)
    for mark in _MARKS.items():
        config.addinivalue_line("markers", "{}: {}".format(*mark))


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Loads the engines, where tests run: the process that only hands them out has no use for any."""
    config = session.config
    state, is_worker = config.stash[_STATE], _is_worker(config)
    distributed = not is_worker and bool(getattr(config.option, "numprocesses", None))
    ours = config.option.resume or any(map(is_ours, session.items))
    if config.option.collectonly or session.testsfailed or not ours or (distributed and not config.option.resume):
        return None
    try:
        if is_worker:
            state.judge()
        else:
            state.begin(state.header())
    except (backends.BrokenBackend, backends.UnknownBackend, RecordError) as error:
        if not is_worker:
            pytest.exit(str(error), returncode=2)
        config.workeroutput[_PROPERTY] = str(error)  # type: ignore[attr-defined]
        return True
    return None


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    # A worker that could not load an engine has said so in a line, and run nothing.
    broken = getattr(node, "workeroutput", {}).get(_PROPERTY)
    if broken:
        pytest.exit(broken, returncode=2)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    # A clause's id is in its test's name, as an operator's is.
    stated = getattr(metafunc.function, "clause", None)
    if stated is not None:
        metafunc.fixturenames.append("clause")
        metafunc.parametrize("clause", [stated.id], ids=[stated.id])


def pytest_itemcollected(item: pytest.Item) -> None:
    # So that -k takes a clause's id, which is what reports and people name it by.
    if is_ours(item):
        identity = _identity(item)
        item.extra_keyword_matches.add(identity)
        item.add_marker(
            {"op": "operator", "claim": "claim", "language": "language"}.get(identity.split("/")[0], "clause")
        )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    state = config.stash[_STATE]

    def takes(item: pytest.Item) -> bool:
        return not is_ours(item) or (_draws(item, state) and is_wanted(_identity(item), state.done, state.shard))

    wanted: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    for item in items:
        (wanted if takes(item) else left_out).append(item)
    config.hook.pytest_deselected(items=left_out)
    items[:] = wanted


def _draws(item: pytest.Item, state: Session) -> bool:
    """Whether the profile draws any program of the item: a costly property is left out where few are drawn."""
    name = item.callspec.params.get("property") if hasattr(item, "callspec") else None  # type: ignore[attr-defined]
    return name is None or PROPERTIES[name].examples(state.settings.examples) > 0


@pytest.fixture
def check(request: pytest.FixtureRequest) -> Check:
    """Judges the programs of a clause or an operator's property."""
    return _check_of(request.node)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    if not isinstance(item, pytest.Function) or not is_plain(item) or wants_protocol(item.config):
        return None
    run(item, nextitem, _check_of)
    return True


def _check_of(item: pytest.Function) -> Check:
    state = item.config.stash[_STATE]

    def done(outcome: Outcome) -> None:
        _attach(item, [*(finding.line for finding in outcome.findings), outcome.result])
        if outcome.status in FAILING:
            pytest.fail(outcome.text, pytrace=False)
        if outcome.status == "known":
            pytest.xfail(f"known deviation: {outcome.result['message']}")
        if outcome.status in ("not-claimed", "not-applicable"):
            pytest.skip(outcome.result["message"] or outcome.status)

    return Check(state.judge(), state.settings, done, getattr(item.function, "clause", None))


def _attach(item: pytest.Item, lines: list[dict[str, Any]]) -> None:
    """The lines travel with the test's report as text: what carries a worker's reports is slow with nested data."""
    before = item.config.stash[_STATE].header_once() if _is_worker(item.config) else []
    item.user_properties.append((_PROPERTY, json.dumps([*before, *lines])))


@pytest.hookimpl
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    # An exception that isn't a verdict is the harness's own fault: it must not be read as the engine's.
    raised = call.when == "call" and call.excinfo is not None and is_ours(item)
    if raised and not any(name == _PROPERTY for name, _ in item.user_properties):
        _attach(item, [_broken(item, call.excinfo)])


def _identity(item: pytest.Item) -> str:
    """The id of the result that a test records."""
    stated = getattr(getattr(item, "function", None), "clause", None)
    if stated:
        return str(stated.id)
    params = item.callspec.params  # type: ignore[attr-defined]
    if "capability" in params:
        return f"claim/{params['capability']}"
    return f"language/{params['block']:02}" if "block" in params else f"op/{params['operator']}/{params['property']}"


def _broken(item: pytest.Item, error: pytest.ExceptionInfo[BaseException]) -> dict[str, Any]:
    stated = getattr(getattr(item, "function", None), "clause", None)
    return {
        "type": "result",
        "id": _identity(item),
        "kind": "clause" if stated else "operator",
        "status": "harness-error",
        "programs": 0,
        "witnessed": 0,
        "filtered": 0,
        "ill_posed": 0,
        "unspecified": 0,
        "seconds": 0.0,
        "digest": "",
        "findings": [],
        "message": f"{type(error.value).__name__}: {error.value}"[:500],
    }


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    state = _controller.get("session")
    if state is None or report.when != "call":
        return
    for name, lines in report.user_properties:
        if name == _PROPERTY:
            for line in json.loads(lines):
                state.take(line)


_controller: dict[str, Session] = {}


def pytest_sessionstart(session: pytest.Session) -> None:
    if not _is_worker(session.config):
        _controller["session"] = session.config.stash[_STATE]


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    state = _controller.get("session")
    if state is None or _is_worker(session.config):
        return
    ended = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED)
    if state.shard and not state.results and exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
        state.begin(state.header())  # of few tests a shard may have none, and is still one of the parts to merge
    if (state.results or state.shard) and exitstatus in ended:
        failed = any(r["status"] in FAILING for r in state.results)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED if failed or exitstatus == 1 else pytest.ExitCode.OK
        state.write(end_line(state.results, state.findings, state.started))
        whole = not session.config.option.keyword
        state.known.judge({r["id"]: r["status"] for r in state.results}, whole)
        if state.known.problems:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
    state.close()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    state = _controller.get("session")
    if state is None or not state.results:
        return
    end = end_line(state.results, state.findings, state.started)
    total = {
        name: sum(r[name] for r in state.results) for name in ("witnessed", "filtered", "ill_posed", "unspecified")
    }
    write = terminalreporter.write_line
    terminalreporter.section("conformance")
    write(f"{state.backend} against {state.oracle}, {state.settings.profile}, seed {state.settings.seed}")
    write(f"{end['programs']} programs, {end['rate']:.0f} a second; " + _shares(total, end["programs"]))
    write(", ".join(f"{count} {status}" for status, count in sorted(end["counts"].items())))
    for line in coverage(state.results):
        write(line)
    for problem in state.known.problems:
        write(problem, red=True)
    if state.path is not None:
        write(f"results: {state.path}")


def coverage(results: list[dict[str, Any]]) -> list[str]:
    """What it cost that the engine compiles: how few structures were drawn."""
    drawn = [(r["programs"], (r.get("seen") or {}).get("structures", 0)) for r in results]
    structures = sum(count for _, count in drawn)
    programs = sum(count for count, structures in drawn if structures)
    return [f"the engine compiles: {structures} structures, for {programs} programs"] if structures else []


def _shares(total: dict[str, int], programs: int) -> str:
    names = {"ill_posed": "ill-posed"}
    share = {k: f"{names.get(k, k)} {v} ({100 * v / max(programs, 1):.1f} %)" for k, v in total.items()}
    return ", ".join(share.values())
