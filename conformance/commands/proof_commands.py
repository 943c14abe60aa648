"""Commands that show what the suite is worth: planted faults, clauses that earn their place, the arbiter, false alarms."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from .speaking import CERTIFIED, FINDINGS, OUTPUT, JsonOption, stop, tell


def register(app: typer.Typer) -> None:
    """Adds the commands to the application."""
    app.command("qualify", epilog="Example:  refgrad qualify --quick")(qualify)
    app.command("soak", epilog="Example:  refgrad soak 1000000 --jobs 16 -o soak.jsonl")(soak)


def qualify(
    faults: Annotated[list[str] | None, typer.Argument(help="Ids of faults (rows, if systematic); or all.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A fault of each class, few programs.")] = False,
    systematic: Annotated[bool, typer.Option("--systematic", help="The generated faults of every row.")] = False,
    kind: Annotated[str | None, typer.Option("--class", help="Only faults of this class.")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Processes.")] = 2,
    seed: Annotated[int, typer.Option(help="The seed of all draws.")] = 0,
    draws: Annotated[int, typer.Option(min=0, help="Programs on which a survivor is shown equivalent.")] = 0,
    against: Annotated[bool, typer.Option("--against", help="Try gradcheck and fixed samples too.")] = False,
    jax: Annotated[str | None, typer.Option(help="With --against: an interpreter that has JAX.")] = None,
    guards: Annotated[bool, typer.Option("--guards", help="Ask which clauses kill no fault at all.")] = False,
    arbiter: Annotated[
        bool, typer.Option("--arbiter", help="Try the arbiter on the oracle's recorded faults.")
    ] = False,
    sites: Annotated[
        bool, typer.Option("--sites", help="Plant nothing: list the places that no program reaches.")
    ] = False,
    table: Annotated[Path | None, typer.Option(help="Where the small table for the page goes, too.")] = None,
    full: Annotated[bool, typer.Option("--full", help="All planted faults and all generated ones.")] = False,
    share: Annotated[str, typer.Option(help="One part of the full form: k/n.")] = "0/1",
    seconds: Annotated[float | None, typer.Option(min=0, help="Begin no more of the full form after these.")] = None,
    output: Annotated[Path, typer.Option("-o", "--output", help="Where the JSON goes.")] = OUTPUT / "qualify.json",
    as_json: JsonOption = False,
) -> None:
    """Qualify the suite: plant faults, see that each is caught, and that no harmless change is blamed. The full form is
    stored beside the output share by share, and a cut run goes on where it was."""
    from ..proof import qualifying

    if sites:
        _list_sites(tuple(faults or ()), jobs, seed, output, as_json)
        return
    options = qualifying.Options(
        faults=tuple(faults or ()),
        quick=quick,
        systematic=systematic,
        kind=kind,
        jobs=jobs,
        seed=seed,
        draws=draws,
        against=against,
        full=full,
        share=share,
        seconds=seconds,
        jax=jax,
        guards=guards,
        arbiter=arbiter,
        folder=output.parent / "qualify",
    )
    try:
        done = qualifying.run(options)
    except LookupError as error:
        stop(str(error).strip("'"))
    done.write(output)
    if table:
        done.write_table(table)
    print(output.read_text(encoding="utf-8") if as_json else "\n".join(done.lines()))
    sys.exit(FINDINGS if done.failed else CERTIFIED)


def _list_sites(rows: tuple[str, ...], jobs: int, seed: int, output: Path, as_json: bool) -> None:
    """The places of some rows, or of all, that faults are generated for, and which of them the suite reaches."""
    from ..promises.check import Settings
    from ..proof.reaching import reaching

    try:
        found = reaching(rows, Settings("standard", 50, seed), jobs)
    except LookupError as error:
        stop(str(error).strip("'"))
    output = output.with_name("sites.json") if output == OUTPUT / "qualify.json" else output
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(found.text(), encoding="utf-8")
    print(found.text() if as_json else "\n".join(found.lines()))
    sys.exit(FINDINGS if found.unreached else CERTIFIED)


def soak(
    programs: Annotated[int, typer.Argument(min=1, help="Programs in total, those of the file included.")] = 10_000,
    jobs: Annotated[int, typer.Option(min=1, help="Processes.")] = 2,
    seed: Annotated[int, typer.Option(help="The seed of all draws.")] = 0,
    output: Annotated[Path, typer.Option("-o", "--output", help="JSON lines, gone on with.")] = OUTPUT / "soak.jsonl",
    whole: Annotated[bool, typer.Option("--language", help="Whole-language programs only, on refgrad.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Look for false alarms: engines that should agree, on very many programs. A cut run goes on where it was."""
    from ..proof import soak as soaking

    found = soaking.soak(output, programs, jobs, seed, soaking.LANGUAGE if whole else soaking.CELLS)
    output.with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n")
    tell(found, "\n".join(soaking.lines(found)), as_json)
    sys.exit(FINDINGS if found["total"]["unexplained"] else CERTIFIED)
