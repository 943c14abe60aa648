"""The command ``refgrad``. Nothing here imports an engine; each command imports what it needs when it runs."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from . import sister
from .commands import engine_commands, measure_commands, proof_commands
from .commands.speaking import (
    CERTIFIED,
    CODES,
    FINDINGS,
    HARNESS,
    OUTPUT,
    JsonOption,
    json_file,
    json_lines,
    say_json,
    stop,
    tell,
)
from .recording.record import FINDING_STATUSES, Record, RecordError, Run, merge, read

app = typer.Typer(
    name="refgrad",
    help=f"A conformance suite for automatic differentiation: judges an engine by random programs.\n\n{CODES}",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Profile(StrEnum):
    quick = "quick"
    standard = "standard"
    thorough = "thorough"


class Listed(StrEnum):
    clauses = "clauses"
    operators = "operators"
    backends = "backends"
    engines = "engines"


def main() -> None:
    """The console script. What a user got wrong is one line on stderr and exit code 2, never a traceback."""
    try:
        app()
    except RecordError as error:
        stop(str(error))


BackendOption = Annotated[str, typer.Option(help="A known name, module:object, or a file.py.", show_default=True)]
FilesArgument = Annotated[list[Path], typer.Argument(help="Results files (JSON lines).", show_default=False)]


@app.command(epilog="Example:  refgrad certify jax --profile standard -n 2")
def certify(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME] [-- OPTION...]", help="An engine; options for pytest.")
    ] = None,
    backend: BackendOption = "refgrad",
    oracle: Annotated[str, typer.Option(help="Who is asked what is right.")] = "torch",
    profile: Annotated[Profile, typer.Option(help="How many programs a property.")] = Profile.quick,
    examples: Annotated[int | None, typer.Option(min=1, help="Programs a property, instead of the profile's.")] = None,
    seed: Annotated[int | None, typer.Option(help="The seed of all draws.")] = None,
    known: Annotated[Path | None, typer.Option(help="The adopter's known deviations (TOML).")] = None,
    baseline: Annotated[Path | None, typer.Option(help="A results file: only what it passed may fail here.")] = None,
    keyword: Annotated[str | None, typer.Option("-k", help="Only clauses whose id matches, as in pytest.")] = None,
    workers: Annotated[str | None, typer.Option("-n", help="Processes, as in pytest-xdist.")] = None,
    python: Annotated[str | None, typer.Option(help="The interpreter that has the engine.")] = None,
    imports: Annotated[list[str] | None, typer.Option("--import", help="A module to import before the engine.")] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Where the report goes.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run that was cut.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Judge an engine: run the suite, write results.jsonl, certificate.json and index.html.

    An engine by NAME (`refgrad list engines`) gets an environment of its own, and a process of its own.
    """
    from .certifying import run as certifying

    name, more = _name_and_options(words or [])
    if name is not None:
        backend, python = engine_commands.installed(name, python)
    output = output or (OUTPUT / name.replace(":", "-") if name else OUTPUT)
    options = certifying.Options(
        backend=backend,
        oracle=oracle,
        profile=profile.value,
        examples=examples,
        seed=seed,
        known=known,
        keyword=keyword,
        workers=workers,
        output=output,
        quiet=as_json,
        more=tuple(more),
        python=python,
        imports=tuple(imports or ()),
        resume=resume,
    )
    earlier = read(baseline) if baseline else None
    try:
        run, status = certifying.certify(options)
    except certifying.UsageError as error:
        stop(str(error))
    _finish(run, status, output, earlier, as_json)


def _name_and_options(words: list[str]) -> tuple[str | None, list[str]]:
    """The engine's name, if the first word is none of pytest's options, and the rest."""
    return (words[0], words[1:]) if words and not words[0].startswith("-") else (None, words)


def _finish(run: Run, status: int, output: Path, earlier: Run | None, as_json: bool) -> NoReturn:
    """Writes the certificate and the page, prints the summary, and ends with the exit code that they give."""
    from .certifying.badge import badge
    from .certifying.certificate import certify as certificate_of

    judged = certificate_of(run)
    (output / "certificate.json").write_text(json.dumps(judged, indent=2) + "\n")
    (output / "badge.svg").write_text(badge(judged), encoding="utf-8")
    page = _write_page([run], output)
    new = _difference(earlier, run) if earlier else None
    if as_json:
        say_json(judged)
    else:
        _print_summary(run, judged, page)
        if new is not None:
            _print_groups(new)
    sys.exit(_exit_code(run, status, new))


def _exit_code(run: Run, status: int, new: Any) -> int:
    counts = run.counts()
    if counts.get("harness-error") or not run.complete or status in (2, 3):
        return HARNESS
    if new is not None:
        return FINDINGS if new.regressed else CERTIFIED
    failing = sum(counts.get(name, 0) for name in FINDING_STATUSES)
    return FINDINGS if failing or status == 1 else CERTIFIED


def _print_summary(run: Run, judged: Record, page: Path) -> None:
    names = " against ".join(f"{judged[side]['name']} {judged[side]['version']}" for side in ("backend", "oracle"))
    print(f"\n{names}")
    for profile, group in judged["profiles"].items():
        count = f"{len(group['certified'])} certified, {len(group['failed'])} failed"
        print(f"  {profile:<14} {group['verdict']:<12} {'' if group['verdict'] == 'not-claimed' else count}")
    counts = ", ".join(f"{count} {status}" for status, count in run.counts().items())
    print(f"  {counts}")
    for notice in run.notices:
        print(f"  {notice}")
    print(f"  read {page}")


def _column(run: Run) -> Any:
    return sister("reports.column").read_column(run.records(), run.notices, str(run.path))


def _write_page(runs: list[Run], output: Path, extras: Any = None) -> Path:
    return sister("reports.page").write([_column(run) for run in runs], output, extras)


def _difference(before: Run, after: Run) -> Any:
    return sister("reports.difference").compare(_column(before), _column(after))


@app.command("list", epilog="Example:  refgrad list clauses --json")
def show_list(
    what: Annotated[Listed, typer.Argument(help="What to list.", show_default=False)],
    results: Annotated[Path | None, typer.Option(help="The results file to take counts from.")] = None,
    as_json: JsonOption = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print clauses as a page.")] = False,
) -> None:
    """List clauses, operators or backends; with counts measured in the newest results file, when there is one."""
    from .commands import listing

    run = read(results) if results else listing.newest(OUTPUT)
    rows = listing.rows(what.value, run)
    if as_json:
        say_json(rows)
        return
    if as_markdown:
        if what is not Listed.clauses:
            stop("--markdown is for clauses: refgrad list clauses --markdown")
        print(listing.markdown(rows), end="")
        return
    for row in rows:
        print(listing.line(row))


@app.command(epilog="Example:  refgrad report jax.jsonl mlx.jsonl -o site --benchmarks timings.json")
def report(
    files: FilesArgument,
    output: Annotated[Path, typer.Option("-o", "--output", help="The folder to write index.html into.")] = OUTPUT,
    benchmarks: Annotated[list[Path] | None, typer.Option(help="pytest-benchmark JSON files.")] = None,
    qualification: Annotated[Path | None, typer.Option("--qualify", help="JSON of `refgrad qualify`.")] = None,
    measured: Annotated[Path | None, typer.Option("--accuracy", help="What `refgrad accuracy` wrote.")] = None,
    before: Annotated[Path | None, typer.Option(help="An earlier results file to compare the first one with.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Make one self-contained page of one run, or of several side by side."""
    runs = [read(file) for file in files]
    extras = sister("reports.page").Extras()
    if benchmarks:
        timings = sister("reports.timings").read(list(map(json_file, benchmarks)))
        extras.plots, extras.machine = sister("reports.plots").draw(timings), timings.machine
    if measured:
        errors = sister("reports.errors")
        extras.accuracy = errors.draw(errors.read(json_lines(measured)))
    if qualification:
        extras.proof = sister("reports.proof").read(json_file(qualification))
    if before:
        extras.difference = _difference(read(before), runs[0])
    for run in runs:
        for notice in run.notices:
            print(notice, file=sys.stderr)
    page = _write_page(runs, output, extras)
    tell({"page": str(page), "runs": [str(run.path) for run in runs]}, str(page), as_json)


@app.command(epilog="Example:  refgrad diff yesterday.jsonl today.jsonl")
def diff(
    before: Annotated[Path, typer.Argument(help="The earlier results file.", show_default=False)],
    after: Annotated[Path, typer.Argument(help="The later one.", show_default=False)],
    as_json: JsonOption = False,
) -> None:
    """What changed between two runs. Exit code 1 when something fails that did not."""
    from dataclasses import asdict

    difference = _difference(read(before), read(after))
    if as_json:
        say_json(asdict(difference))
    else:
        _print_groups(difference)
    sys.exit(FINDINGS if difference.regressed else CERTIFIED)


def _print_groups(difference: Any) -> None:
    print(f"from {difference.before} to {difference.after}")
    for group in difference.groups:
        print(f"{group.title}: {len(group.changes)}")
        for change in group.changes:
            print(f"  {change.id}  {change.words}")


@app.command("merge", epilog="Example:  refgrad merge shard-*.jsonl -o results.jsonl")
def merge_files(
    files: FilesArgument,
    output: Annotated[Path, typer.Option("-o", "--output", help="The file to write.")] = OUTPUT / "results.jsonl",
    as_json: JsonOption = False,
) -> None:
    """Make one results file of the shards of one run."""
    from .recording.record import Recorder, digest

    records = merge([read(file) for file in files])
    with Recorder(output) as recorder:
        for record in records:
            recorder.write(record)
    told = {"output": str(output), "records": len(records), "digest": digest(records)}
    tell(told, f"{output}: {len(records)} records of {len(files)} files, digest {told['digest']}", as_json)


@app.command(epilog="Example:  refgrad explain backward.fan-out-sums")
def explain(
    clause: Annotated[str, typer.Argument(help="A clause's id.", show_default=False)],
    engine: Annotated[list[str] | None, typer.Option(help="Engines to trace on.")] = None,
    seed: Annotated[int, typer.Option(help="Which example to draw.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Show a clause: its sentence, its source, an example program and its trace on PyTorch and refgrad."""
    from .backends import UnknownBackend
    from .commands import explaining

    try:
        told = explaining.explain(clause, engine or ["torch", "refgrad"], seed)
    except (explaining.ExplainError, UnknownBackend) as error:
        stop(str(error))
    if as_json:
        say_json(told)
    else:
        print(explaining.describe(told))


engine_commands.register(app)
measure_commands.register(app)
proof_commands.register(app)

if __name__ == "__main__":
    main()
