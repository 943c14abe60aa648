"""ENGINES.md: engine × profile, with versions, counts and findings, from one small JSON file an engine."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ..recording.causes import Cause, causes, size
from ..recording.record import Record, Run
from .certificate import PROFILES, certify

FORMAT = 1
FOLDER, PAGE = Path("docs/engines"), Path("ENGINES.md")
MAX_SCRIPT, MAX_TEXT, MAX_PROGRAM = 2000, 300, 8000
VERDICTS = ("backend", "both", "undecided", "oracle", "convention")
"""From the surest word about the engine to the least."""
_COUNTS = ("certified", "failed", "convention", "known", "not_claimed", "not_judged")
_INTRODUCTION = """# Engines

What one run of the suite says of each engine; made by `refgrad engines`, from the files in `docs/engines`. A cell counts
the clauses and operators' properties of a profile that the engine claims: `holds/judged`. ✓ all hold, ✗ some fail, ◇ all
hold but for conventions (a choice at a tie, a kink or an empty operand that is not PyTorch's), – nothing claimed.
What an engine doesn't claim is in no count. `refgrad certify NAME` makes the environment and repeats a row.
"""


class BadSummary(ValueError):
    """A stored summary that can't be used; the message is one line."""


def summary(run: Run, name: str, packages: Sequence[str] = ()) -> Record:
    """What is kept of a run: its certificate in numbers, what failed by name, and each cause with its face."""
    judged = certify(run)
    profiles = judged["profiles"]
    header = {
        key: judged[key] for key in ("suite", "oracle", "examples", "seed", "platform", "started", "complete", "digest")
    }
    return {
        "format": FORMAT,
        "name": name,
        "version": judged["backend"]["version"],
        "packages": list(packages),
        **header,
        "programs": sum(int(result.get("programs") or 0) for result in run.results.values()),
        "seconds": _seconds(run),
        "profiles": {
            profile: {"verdict": group["verdict"], **{count: len(group[count]) for count in _COUNTS}}
            for profile, group in profiles.items()
        },
        "convention": sorted(name for group in profiles.values() for name in group["convention"]),
        "not_judged": sorted(name for group in profiles.values() for name in group["not_judged"]),
        "causes": [_cause(together) for together in _by_operator(causes(run)) if _is_finding(together, run)],
    }


def _seconds(run: Run) -> float:
    """How long it took; of a run that was cut and went on, the end tells of the last part alone."""
    searched = sum(float(result.get("seconds") or 0.0) for result in run.results.values())
    return round(max(float((run.end or {}).get("seconds") or 0.0), searched), 1)


def _is_finding(together: Sequence[Cause], run: Run) -> bool:
    """Conventions are listed by name alone."""
    return any(run.results[name]["status"] != "convention" for cause in together for name in cause.results)


def _by_operator(found: Iterable[Cause]) -> Iterator[list[Cause]]:
    """Causes together that differ in the property alone: one fault of an operator shows in several."""
    groups: dict[str, list[Cause]] = {}
    for cause in found:
        about, _, rest = cause.dedup.partition("|")
        groups.setdefault(f"{about} {cause.kind} {cause.verdict == 'convention'}" if rest else cause.dedup, []).append(
            cause
        )
    yield from groups.values()


def _cause(together: Sequence[Cause]) -> Record:
    """What is kept of a finding: where it shows, and the smallest program that shows it."""
    smallest = min(together, key=lambda cause: size(cause.face))
    face, verdicts = smallest.face, {cause.verdict for cause in together}
    script, program = str(face.get("script") or ""), face.get("program")
    kept = script if len(script) <= MAX_SCRIPT else "# The program is too large to show; `refgrad replay` runs it.\n"
    small = program is not None and len(json.dumps(program)) <= MAX_PROGRAM
    return {
        **smallest.record(),
        "verdict": next(verdict for verdict in (*VERDICTS, smallest.verdict) if verdict in verdicts),
        "count": sum(cause.count for cause in together),
        "results": sorted({name for cause in together for name in cause.results}),
        "message": str(face.get("message") or "")[:MAX_TEXT],
        "script": kept,
        "program": program if small else None,
    }


def store(run: Run, folder: Path, packages: Sequence[str] = ()) -> Path:
    """Writes a run's summary, under its engine's name; another release of the oracle under its version too."""
    name, version = (str(run.header["backend"].get(key)) for key in ("name", "version"))
    oracle = run.header["oracle"]
    if name == oracle.get("name") and version != oracle.get("version"):
        name = f"{name} {version}"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{re.sub(r'[^A-Za-z0-9._+-]', '-', name)}.json"
    path.write_text(json.dumps(summary(run, name, packages), indent=1, ensure_ascii=True) + "\n", encoding="ascii")
    return path


def read_all(folder: Path) -> list[Record]:
    """The summaries of a folder, by name. Raises BadSummary."""
    return sorted(map(read_one, sorted(folder.glob("*.json"))), key=lambda record: str(record["name"]))


def read_one(path: Path) -> Record:
    """A summary. Raises BadSummary."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadSummary(f"{path}: {str(error)[:120]}") from None
    if not isinstance(record, dict) or record.get("format") != FORMAT or "causes" not in record:
        raise BadSummary(f"{path}: not an engine's summary of format {FORMAT}")
    return record


def page(records: Iterable[Record]) -> str:
    """ENGINES.md."""
    records = list(records)
    lines = [_INTRODUCTION, *_matrix(records)]
    for record in records:
        lines += ["", *_section(record)]
    return "\n".join(lines) + "\n"


def _matrix(records: Iterable[Record]) -> Iterator[str]:
    yield f"| engine | version | {' | '.join(PROFILES)} | findings |"
    yield "|---" * (len(PROFILES) + 3) + "|"
    for record in records:
        cells = [_cell(record["profiles"].get(profile) or {}) for profile in PROFILES]
        name = plain(record["name"])
        link = f"[{name}](#{_anchor(record)})"
        yield f"| {link} | {plain(record['version'])} | {' | '.join(cells)} | {len(record['causes'])} |"


def _cell(group: Record) -> str:
    signs = {"certified": "✓", "failed": "✗", "convention": "◇", "incomplete": "…"}
    sign = signs.get(str(group.get("verdict")))
    if sign is None:
        return "–"
    held, failed, other = (int(group.get(key) or 0) for key in ("certified", "failed", "convention"))
    return f"{sign} {held}/{held + failed + other + int(group.get('known') or 0)}"


def _anchor(record: Record) -> str:
    return re.sub(r"[^a-z0-9 _-]", "", str(record["name"]).lower()).replace(" ", "-")


def _section(record: Record) -> Iterator[str]:
    yield f"## {plain(record['name'])}"
    yield ""
    oracle = record["oracle"]
    yield (
        f"Version {plain(record['version'])}, against {plain(oracle['name'])} {plain(oracle['version'])}; suite "
        f"{plain(record['suite'])}, {plain(record['examples'])}, seed {record['seed']}, {plain(record['started'])[:10]}: "
        f"{int(record['programs']):,} programs in {float(record['seconds']):,.0f} s"
        f"{'' if record['complete'] else '; the run was cut'}."
    )
    if record["convention"]:
        yield ""
        yield f"Another convention in {len(record['convention'])}: {_names(record['convention'])}."
    if record["causes"]:
        yield ""
        yield "| finding | kind | who is wrong | programs | what |"
        yield "|---|---|---|---|---|"
        yield from map(_row, record["causes"])
        yield ""
        yield from _scripts(record["causes"])


def _names(names: Sequence[str], most: int = 40) -> str:
    shown = ", ".join(f"`{plain(name)}`" for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def _row(cause: Record) -> str:
    results = _names(cause["results"], 3)
    kind, verdict, message = (plain(cause[name]) for name in ("kind", "verdict", "message"))
    return f"| {results} | {kind} | {verdict} | {int(cause['count'])} | {message} |"


def _scripts(causes: Sequence[Record], most: int = 12) -> Iterator[str]:
    """The smallest programs of a few causes, folded away; all are in the JSON."""
    for cause in causes[:most]:
        yield f"<details><summary>{plain(cause['results'][0])}</summary>"
        yield ""
        yield from ("    " + line for line in str(cause["script"]).splitlines())
        yield ""
        yield "</details>"


def plain(value: object) -> str:
    """Text for a cell of Markdown: an engine's words can neither end the cell nor be markup."""
    text = " ".join(str(value).split())[:MAX_TEXT]
    return re.sub(r"([\\`*_<>\[\]|])", lambda found: f"&#{ord(found[0])};", text)
