"""The gate of continuous integration: nothing may fail that is not on the list of open findings.

    python -m conformance.recording.gate results.jsonl tests/open_findings.txt

The list is no excuse: every entry still fails the run that found it, and is printed here. It only tells what is new
from what is known to be open. What is listed and no longer fails is named, so that it can be struck off.
"""

from __future__ import annotations

import sys
from pathlib import Path

from .record import FINDING_STATUSES, read

WRONG = frozenset(FINDING_STATUSES) | {"harness-error"}


def failing(results: Path) -> tuple[set[str], int]:
    """The ids of what fails in a results file, and how many results it has. Raises RecordError for a bad file."""
    run = read(results)
    return {id for id, line in run.results.items() if line["status"] in WRONG}, len(run.results)


def listed(path: Path) -> set[str]:
    """The ids in a list, one a line; what follows a # is a remark."""
    lines = (line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return {line for line in lines if line}


def main(arguments: list[str]) -> int:
    """Prints the comparison; 0 if nothing new fails, 1 if something does."""
    results, known = Path(arguments[0]), listed(Path(arguments[1]))
    wrong, total = failing(results)
    new, mended = sorted(wrong - known), sorted(known - wrong)
    print(
        f"{total} results: {total - len(wrong)} hold, {len(wrong & known)} open findings still fail, {len(new)} new ones"
    )
    for id in mended:
        print(f"  no longer fails, strike it off: {id}")
    for id in new:
        print(f"  NEW: {id}")
    return 1 if new or not total else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
