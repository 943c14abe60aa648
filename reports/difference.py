"""What changed between two runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .column import FAILING, Column, Result
from .untrusted import anchor

# Below these a change is noise: a fifth of a second of a busy machine, half of it again.
SLOWER, SLOWER_SECONDS, WORSE = 1.5, 0.2, 2.0


@dataclass(frozen=True, slots=True)
class Change:
    """``anchor`` is empty where the page has no such row."""

    id: str
    anchor: str
    words: str


@dataclass(frozen=True, slots=True)
class Group:
    """The changes of one sort; ``tone`` is ``fail`` where a reader should worry, ``pass`` where it is good news."""

    name: str
    title: str
    tone: str
    changes: list[Change]


@dataclass(frozen=True, slots=True)
class Difference:
    before: str
    after: str
    groups: list[Group]

    @property
    def regressed(self) -> bool:
        """Whether something fails that did not."""
        return bool(self.groups[0].changes)


def compare(before: Column, after: Column) -> Difference:
    """The difference of two runs, the worrying parts first."""
    both = [(before.results[name], after.results[name]) for name in before.results if name in after.results]
    appeared = [result for name, result in after.results.items() if name not in before.results]
    gone = [result for name, result in before.results.items() if name not in after.results]
    groups = [
        Group("newly-failing", "Newly failing", "fail", _fresh(both, appeared)),
        Group("newly-passing", "Newly passing", "pass", _pairs(both, _mended, _statuses)),
        Group("status", "Otherwise changed", "", _pairs(both, _otherwise, _statuses)),
        Group("appeared", "Appeared", "", [_change(result, result.status) for result in appeared]),
        Group("gone", "Gone", "", [Change(result.id, "", f"was {result.status}") for result in gone]),
        Group("accuracy", f"Accuracy worsened {WORSE:g} × or more", "fail", _pairs(both, _less_accurate, _headrooms)),
        Group("time", "Slower beyond noise", "fail", _pairs(both, _slower, _times)),
    ]
    return Difference(_name(before), _name(after), groups)


def _name(column: Column) -> str:
    return f"{column.title} ({column.file})"


def _change(result: Result, words: str) -> Change:
    return Change(result.id, anchor(result.id), words)


def _fresh(both: list[tuple[Result, Result]], appeared: list[Result]) -> list[Change]:
    new = [_change(result, f"appeared: {result.status}") for result in appeared if result.status in FAILING]
    return _pairs(both, _broke, _statuses) + new


def _pairs(
    both: list[tuple[Result, Result]],
    chosen: Callable[[Result, Result], bool],
    words: Callable[[Result, Result], str],
) -> list[Change]:
    return [_change(new, words(old, new)) for old, new in both if chosen(old, new)]


def _broke(old: Result, new: Result) -> bool:
    return new.status in FAILING and old.status not in FAILING


def _mended(old: Result, new: Result) -> bool:
    return new.status == "pass" and old.status in FAILING


def _otherwise(old: Result, new: Result) -> bool:
    return old.status != new.status and not _broke(old, new) and not _mended(old, new)


def _less_accurate(old: Result, new: Result) -> bool:
    if old.headroom is None or new.headroom is None:
        return False
    return new.headroom >= WORSE * old.headroom and new.headroom > 0.01


def _slower(old: Result, new: Result) -> bool:
    return new.seconds > SLOWER * old.seconds and new.seconds - old.seconds > SLOWER_SECONDS


def _statuses(old: Result, new: Result) -> str:
    return f"{old.status} → {new.status}"


def _headrooms(old: Result, new: Result) -> str:
    return f"{old.headroom:.3g} → {new.headroom:.3g} of the allowance"


def _times(old: Result, new: Result) -> str:
    return f"{old.seconds:.2f} s → {new.seconds:.2f} s"
