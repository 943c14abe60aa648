"""Commands about engines: the table of those certified, findings run again, what another release of PyTorch changed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from ..recording.record import Run, read
from .speaking import CERTIFIED, FINDINGS, HARNESS, OUTPUT, JsonOption, say_json, stop, tell


def register(app: typer.Typer) -> None:
    """Adds the commands to the application."""
    example = "Example:  refgrad"
    app.command("engines", epilog=f"{example} engines conformance-report/jax/results.jsonl")(engines)
    app.command("replay", epilog=f"{example} replay conformance-report/results.jsonl op/pow/vjp")(replay)
    app.command("spec-diff", epilog=f"{example} spec-diff --oracle torch==2.11.0 -k views")(spec_diff)


def engines(
    files: Annotated[list[Path] | None, typer.Argument(help="Results files to take up first.")] = None,
    folder: Annotated[Path, typer.Option(help="Where the engines' summaries are kept.")] = Path("docs/engines"),
    output: Annotated[Path, typer.Option("-o", "--output", help="The page to write.")] = Path("ENGINES.md"),
    as_json: JsonOption = False,
) -> None:
    """Write ENGINES.md, a matrix of engine and profile, from the checked-in summaries of runs."""
    from ..certifying import engine_table, environments

    stored: list[str] = []
    for run in map(read, files or []):
        engine = environments.engines().get(str(run.header["backend"]["name"]))
        stored.append(str(engine_table.store(run, folder, engine.packages if engine else ())))
    try:
        records = engine_table.read_all(folder)
    except engine_table.BadSummary as error:
        stop(str(error))
    if not records:
        stop(f"{folder}: no summaries; name the results files of a run: refgrad engines RESULTS...")
    output.write_text(engine_table.page(records), encoding="utf-8", newline="\n")
    words = "\n".join([*stored, f"{output}: {len(records)} engines"])
    tell({"output": str(output), "engines": len(records), "stored": stored}, words, as_json)


def replay(
    file: Annotated[Path, typer.Argument(help="A results file, or a certificate.", show_default=False)],
    finding: Annotated[str | None, typer.Argument(help="A finding's id, or its clause's; all of them if none.")] = None,
    backend: Annotated[str | None, typer.Option(help="Another engine than the recorded one.")] = None,
    oracle: Annotated[str | None, typer.Option(help="Another oracle than the recorded one.")] = None,
    python: Annotated[str | None, typer.Option(help="The interpreter that has the engine.")] = None,
    workers: Annotated[str | None, typer.Option("-n", help="Processes, for a certificate.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Run a finding's program again, all findings, or a whole certificate. Exit code 1 when the engines still differ,
    or when the certificate no longer holds. Of a file of docs/engines, each finding is shown in the engine's
    environment; exit code 1 when one doesn't show any more."""
    from ..certifying import recertifying, repeating

    if repeating.is_summary(file):
        _repeat_findings(file, backend, oracle, python, as_json)

    if recertifying.is_certificate(file):
        _replay_certificate(file, backend, oracle, python, workers, as_json)
    run = read(file)
    names = run.header["backend"], run.header["oracle"]
    engine, reference = (
        given or str(side.get("spec") or side["name"]) for given, side in zip((backend, oracle), names)
    )
    if finding is None:
        _replay_all(run, engine, reference, python, as_json)
    _replay_one(run, finding, engine, reference, python, as_json)


def _replay_one(run: Run, name: str, backend: str, oracle: str, python: str | None, as_json: bool) -> NoReturn:
    from dataclasses import asdict

    from ..certifying import replaying

    try:
        done = replaying.replay(replaying.find(run, name), backend, oracle, python)
    except replaying.ReplayError as error:
        stop(str(error))
    if as_json:
        say_json(asdict(done))
    else:
        print(replaying.describe(done, backend, oracle))
    sys.exit(FINDINGS if done.status == "different" else CERTIFIED)


def _replay_all(run: Run, backend: str, oracle: str, python: str | None, as_json: bool) -> NoReturn:
    from ..certifying import replaying

    try:
        done = list(replaying.replay_all(run, backend, oracle, python))
    except replaying.ReplayError as error:
        stop(str(error))
    if as_json:
        say_json([{"finding": name, "status": status} for name, status in done])
    else:
        for name, status in done:
            print(f"{name}: {status}")
    sys.exit(FINDINGS if any(status == "different" for _, status in done) else CERTIFIED)


def _repeat_findings(
    file: Path, backend: str | None, oracle: str | None, python: str | None, as_json: bool
) -> NoReturn:
    from ..certifying import engine_table, repeating

    record = engine_table.read_one(file)
    engine, python = installed(backend or str(record["name"]), python)
    shown = list(repeating.repeat(record, engine, oracle or str(record["oracle"]["name"]), python))
    if as_json:
        say_json([{"results": one.results, "status": one.status, "script": one.said} for one in shown])
    else:
        for one in shown:
            print(f"{', '.join(one.results[:3])}: {one.status}: {one.said}")
        print(f"{sum(one.holds for one in shown)} of {len(shown)} findings show")
    sys.exit(CERTIFIED if all(one.holds for one in shown) else FINDINGS)


def _replay_certificate(
    file: Path, backend: str | None, oracle: str | None, python: str | None, workers: str | None, as_json: bool
) -> NoReturn:
    from ..certifying import recertifying
    from ..certifying.run import UsageError

    try:
        stored = recertifying.read_certificate(file)
        selection = stored.get("selection") or {}
        sides = (backend or selection.get("backend"), oracle or selection.get("oracle"))
        engine, reference = (given or str(stored[side]["name"]) for given, side in zip(sides, ("backend", "oracle")))
        engine, python = installed(engine, python)
        done = recertifying.repeat(stored, engine, reference, python, workers)
    except UsageError as error:
        stop(str(error))
    if as_json:
        say_json({"holds": done.holds, "same_programs": done.same_programs, "changed": done.changed})
    else:
        for name, before, after in done.changed:
            print(f"{name}: {before} in the certificate, {after} now")
        print("the certificate holds" if done.holds else f"the certificate does not hold: {len(done.changed)} differ")
    sys.exit(CERTIFIED if done.holds else FINDINGS)


def installed(name: str, python: str | None) -> tuple[str, str | None]:
    """(backend, interpreter) of a named engine: its environment is made if there is none. Others are as they are."""
    from ..certifying import environments

    engine = environments.engines().get(name)
    if engine is None or python is not None:
        return name, python
    try:
        return environments.prepare(engine)
    except environments.NotInstalled as error:
        stop(str(error), HARNESS)


def spec_diff(
    oracle: Annotated[str, typer.Option(help="Another release of the oracle, such as torch==2.11.0, or an engine.")],
    oracle_python: Annotated[str | None, typer.Option(help="The interpreter that has it; else one is made.")] = None,
    against: Annotated[str, typer.Option(help="The oracle that the suite states.")] = "torch",
    profile: Annotated[str, typer.Option(help="How many programs a property.")] = "quick",
    keyword: Annotated[str | None, typer.Option("-k", help="Only clauses whose id matches.")] = None,
    workers: Annotated[str | None, typer.Option("-n", help="Processes.")] = None,
    output: Annotated[Path, typer.Option("-o", "--output", help="Where the results go.")] = OUTPUT / "spec-diff",
    as_json: JsonOption = False,
) -> None:
    """List the clauses whose truth another release of the oracle changed. Exit code 1 when there are any."""
    from ..certifying import environments, spec_changes
    from ..certifying.run import UsageError

    try:
        changed, run = spec_changes.find(oracle, oracle_python, against, profile, keyword, workers, output)
    except UsageError as error:
        stop(str(error))
    except environments.NotInstalled as error:
        stop(str(error), HARNESS)
    _tell_changes(changed, run, as_json)
    sys.exit(HARNESS if not run.complete else FINDINGS if changed else CERTIFIED)


def _tell_changes(changed: Any, run: Run, as_json: bool) -> None:
    sides = {side: f"{run.header[side]['name']} {run.header[side]['version']}" for side in ("backend", "oracle")}
    if as_json:
        say_json({"from": sides["oracle"], "to": sides["backend"], "changed": changed})
        return
    for change in changed:
        print(f"{change['id']}: {change['message']}")
    print(f"from {sides['oracle']} to {sides['backend']}: {len(changed)} of {len(run.results)} changed")
