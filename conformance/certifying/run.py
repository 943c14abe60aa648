"""Runs the suite under pytest for ``refgrad certify``, in a process of its own, and reads what it recorded."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..recording.record import RecordError, Run, read

_ARGUMENTS = ("--backend", "--oracle", "--profile")


class UsageError(ValueError):
    """The command can't be carried out as given; the message is one line."""


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for."""

    backend: str
    oracle: str
    profile: str
    examples: int | None
    seed: int | None
    known: Path | None
    keyword: str | None
    workers: str | None
    output: Path
    quiet: bool
    more: tuple[str, ...]
    python: str | None = None
    imports: tuple[str, ...] = ()
    resume: bool = False

    @property
    def results(self) -> Path:
        return self.output / "results.jsonl"


def certify(options: Options) -> tuple[Run, int]:
    """The recorded run and pytest's exit status. Raises UsageError before anything runs, or when nothing could."""
    _check(options)
    options.output.mkdir(parents=True, exist_ok=True)
    if not options.resume:
        options.results.unlink(missing_ok=True)
    status = subprocess.run(list(command(options)), stdout=subprocess.DEVNULL if options.quiet else None).returncode
    if status == 4 or status == 5:
        raise UsageError("pytest ran no clause: see its words above, and `refgrad list clauses` for the ids")
    try:
        return read(options.results), status
    except RecordError as error:
        raise UsageError(f"the run left no results ({error}): see the words above") from None


def _check(options: Options) -> None:
    from ..backends import UnknownBackend, check_name

    for name in (options.backend, options.oracle):
        try:
            check_name(name)
        except UnknownBackend as error:
            raise UsageError(str(error)) from None
    if options.known:
        check_known(options.known)


def check_known(path: Path) -> None:
    """Raises UsageError, in one line, when a file of known deviations can't be read."""
    try:
        tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not TOML: {error}") from None


def command(options: Options) -> Iterator[str]:
    """The words of the command that runs the suite."""
    package = str(__package__).partition(".")[0]
    yield from (sys.executable, "-m", "pytest", "-p", f"{package}.plugin", "--pyargs", package, "-q")
    # Each costs as much as a hundred tests, and nothing here is theirs.
    yield from ("-p", "no:logging", "-p", "no:hypothesispytest")
    yield from ("--backend", options.backend, "--oracle", options.oracle, "--profile", options.profile)
    yield from ("--falsifying", str(options.output / "falsifying.jsonl"), "--results", str(options.results))
    if not options.quiet and sys.stdout.isatty() and sys.stderr.isatty():
        yield from ("-p", f"{package}.commands.progress", "-o", "console_output_style=classic")
    if options.resume:
        yield "--resume"
    for flag, value in (
        ("--examples", options.examples),
        ("--seed", options.seed),
        ("--known", options.known),
        ("-k", options.keyword),
        ("-n", options.workers),
        ("--python", options.python),
        *(("--import", module) for module in options.imports),
    ):
        if value is not None:
            yield from (flag, str(value))
    yield from options.more
