"""Commands that measure engines: speed and accuracy."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from .. import sister
from .speaking import CERTIFIED, FINDINGS, HARNESS, OUTPUT, USAGE, JsonOption, json_file, stop, tell

AFTER = "Options for pytest, after --; with --apart, --task NAME and --rounds N."


def register(app: typer.Typer) -> None:
    """Adds the commands to the application."""
    app.command(epilog="Example:  refgrad bench --engines refgrad,torch --before old.json -- -k chain")(bench)
    app.command(epilog="Example:  refgrad accuracy --engines refgrad,torch sin exp")(accuracy)


def bench(
    engines: Annotated[str, typer.Option(help="Engines, by commas; numpy is the floor.")] = "numpy,refgrad,torch",
    output: Annotated[Path, typer.Option("-o", "--output", help="The JSON file.")] = OUTPUT / "benchmarks.json",
    before: Annotated[Path | None, typer.Option(help="A stored run to compare with.")] = None,
    factor: Annotated[float, typer.Option(min=1.0, help="How many times slower is a regression.")] = 1.25,
    apart: Annotated[bool, typer.Option("--apart", help="Any engine of `certify`, each in its environment.")] = False,
    more: Annotated[list[str] | None, typer.Argument(help=AFTER)] = None,
    as_json: JsonOption = False,
) -> None:
    """Time engines side by side. Exit code 1 when something became slower than the stored run allows."""
    from dataclasses import asdict

    from . import benching

    timings = sister("reports.timings")
    earlier = timings.read([json_file(before)]) if before else None
    run = benching.run_apart if apart else benching.run
    package = sister("benchmarks").__name__
    if wrong := benching.unknown(package, engines):
        stop(wrong)
    if status := run(package, engines, output, more or (), as_json):
        stop("the benchmarks did not run to their end: see the words above", USAGE if status in (4, 5) else HARNESS)
    slower = list(benching.regressions(earlier, timings.read([json_file(output)]), factor)) if earlier else []
    lines = [f"slower: {s.work} on {s.engine}, size {s.size}: {s.factor:.2f} times the stored time" for s in slower]
    lines.append(f"{output}: `refgrad report RESULTS --benchmarks {output}` draws it")
    tell({"output": str(output), "slower": [asdict(s) for s in slower]}, "\n".join(lines), as_json)
    sys.exit(FINDINGS if slower else CERTIFIED)


def accuracy(
    names: Annotated[list[str] | None, typer.Argument(help="Operators; all that have a definition if none.")] = None,
    engines: Annotated[str, typer.Option(help="Engines, separated by commas.")] = "refgrad,torch",
    output: Annotated[Path, typer.Option("-o", "--output", help="The JSON lines.")] = OUTPUT / "accuracy.jsonl",
    as_json: JsonOption = False,
) -> None:
    """Measure pointwise functions and their derivatives against mpmath, in units in the last place. Exit code 1 where
    the first engine is off by more than 4 and by more than the second."""
    from .accuracy import Accuracy, exceptions, measure, measured_operators

    known = {line.name for line in measured_operators()}
    if wrong := [name for name in names or () if name not in known]:
        stop(f"no definition in high precision of {wrong[0]!r}; there is one of {', '.join(sorted(known))}")
    first, *others = engines.split(",")
    output.parent.mkdir(parents=True, exist_ok=True)
    found: list[Accuracy] = []
    with output.open("w", encoding="ascii") as file:
        for row in measure([first, *others], frozenset(names) if names else None):
            found.append(row)
            file.write(json.dumps(row.record()) + "\n")
            file.flush()
    worse = [pair for other in others for pair in exceptions(found, first, other)]
    lines = [
        f"{row.operator}{chr(39) * row.order} ({row.dtype}): {row.max_ulps:.3g} units at {row.at!r}; "
        f"{theirs.engine} {theirs.max_ulps:.3g}"
        for row, theirs in worse
    ]
    lines.append(f"{output}: {len(found)} measurements, {len(worse)} exceptions")
    told = {"output": str(output), "measurements": len(found), "exceptions": [row.record() for row, _ in worse]}
    tell(told, "\n".join(lines), as_json)
    sys.exit(FINDINGS if worse else CERTIFIED)
