"""The arbiter: who is right about a value.

It evaluates the program on its own, with 60 digits, from the definitions in ``references``; derivatives are central
``differences`` of that. At a kink the difference is a matter of convention. It knows no engine.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import mpmath
import numpy as np

from ..programs import program as p
from ..programs.trace import Observed, Raised
from .compare import Divergence
from .differences import STEPS, Kink, slope
from .evaluation import Evaluation, lift
from .references import DIGITS, NoReference
from .rewriting import at_element, without_writes

VERDICTS = ("backend", "oracle", "both", "convention", "undecided")


@dataclass(frozen=True, slots=True)
class Opinion:
    """A verdict and the evidence for it (None: no computation was needed)."""

    verdict: str
    evidence: dict[str, Any] | None


def arbitrate(program: p.Program, found: Divergence, convention: bool = False) -> Opinion:
    """Semantics are the oracle's to say; a value is mathematics'. At a kink (``convention``) the oracle's value is only
    a choice, unless the function has a derivative there and the backend misses it."""
    if found.kind == "flag" and _loses_history(program, found):
        return Opinion("oracle", {"text": "the tangent changes with a tensor that requires grad, so it must too"})
    if found.kind != "value":
        # To raise is no choice of a value.
        chosen = convention and not isinstance(found.backend, Raised)
        return Opinion("convention" if chosen else "backend", None)
    opinion = _opinion(without_writes(program), found)
    return opinion if not convention or opinion.verdict == "backend" else Opinion("convention", opinion.evidence)


def _loses_history(program: p.Program, found: Divergence) -> bool:
    """Whether the oracle alone takes a tangent for a constant that, in 60 digits, isn't one."""
    mine, theirs = found.backend, found.oracle
    kind, index, path = found.place
    step = program.steps[index] if kind == "step" and index < len(program.steps) else None
    if not isinstance(step, p.Transform) or step.kind != "jvp" or step.modes or not path or path[0] != 1:
        return False
    if not isinstance(mine, Observed) or not isinstance(theirs, Observed):
        return False
    if not mine.requires_grad or theirs.requires_grad or not mine.array.size:
        return False
    leaves = [r.index for r in (*step.args, *step.captures) if getattr(program.steps[r.index], "requires_grad", False)]
    try:
        with mpmath.workdps(DIGITS):
            return any(_moves(program, step, path, (0,) * mine.array.ndim, leaf) for leaf in leaves)
    except (NoReference, ArithmeticError, TypeError, ValueError, IndexError, AttributeError):
        return False


def _moves(program: p.Program, step: p.Transform, path: tuple[int, ...], place: tuple[int, ...], leaf: int) -> bool:
    def element(shift: Any) -> Any:
        evaluation = Evaluation(program)
        here = evaluation.value(leaf, {}, 0)
        ramp = np.arange(1, here.size + 1).reshape(here.shape)
        evaluation.parameters[leaf] = np.asarray(here + shift * ramp, dtype=object)
        return evaluation.transformed(step, path, place, 1)

    return abs(slope(element, STEPS[0])) > mpmath.mpf(10) ** -6


def _opinion(program: p.Program, found: Divergence) -> Opinion:
    if not isinstance(found.backend, Observed) or not isinstance(found.oracle, Observed):
        return Opinion("undecided", {"text": "not a tensor"})
    program, found = _of_one_element(program, found)
    assert isinstance(found.backend, Observed) and isinstance(found.oracle, Observed)
    try:
        # An invalid operation on exact numbers is an object array's, and its NaN is weighed like any value.
        with mpmath.workdps(DIGITS), np.errstate(all="ignore"):
            return _weigh(found.backend.array, found.oracle.array, Evaluation(program), found)
    except Kink as kink:
        return Opinion("convention", {"text": str(kink)})
    except (NoReference, ArithmeticError, TypeError, ValueError, IndexError, AttributeError) as error:
        return Opinion("undecided", {"text": f"{type(error).__name__}: {error}"[:200]})


def _of_one_element(program: p.Program, found: Divergence) -> tuple[p.Program, Divergence]:
    """The divergence at the element in question alone, where each element is computed for itself."""
    sides = [side for side in (found.backend, found.oracle) if isinstance(side, Observed)]
    if found.element is None or len(sides) < 2:
        return program, found
    smaller = at_element(program, sides[0].array.shape, found.element)
    if smaller is None:
        return program, found
    mine, theirs = (replace(s, array=s.array.reshape(-1)[found.element : found.element + 1]) for s in sides)
    return smaller, replace(found, backend=mine, oracle=theirs, element=0)


def _weigh(mine: np.ndarray, theirs: np.ndarray, evaluation: Evaluation, found: Divergence) -> Opinion:
    """Whose value lies far from the truth, at the element where they differ by most beyond what rounding allows."""
    worst = found.element
    if worst is None:
        apart = _distances(mine, theirs)
        worst = max(range(len(apart)), key=lambda i: apart[i])
    place = tuple(int(i) for i in np.unravel_index(worst, mine.shape))
    truth = evaluation.at(found, place)
    limit = _distances(mine[place], theirs[place])[0] / 4
    off = [_distances(side[place], np.asarray(truth, dtype=object))[0] for side in (mine, theirs)]
    wrong = tuple(d > limit or d == mpmath.inf for d in off)
    verdict = {(True, False): "backend", (False, True): "oracle", (True, True): "both"}.get(wrong, "undecided")
    text = f"in {DIGITS} digits element {worst} is {mpmath.nstr(truth, 17)}"
    return Opinion(verdict, {"text": text, "element": worst, "value": mpmath.nstr(truth, 25)})


def _distances(values: np.ndarray, exact: np.ndarray) -> list[Any]:
    out: list[Any] = []
    for a, b in zip(lift(np.asarray(values)).reshape(-1), lift(np.asarray(exact)).reshape(-1)):
        gap = abs(a - b)
        same = a == b or (mpmath.isnan(a) and mpmath.isnan(b))
        out.append(mpmath.mpf(0) if same else mpmath.inf if mpmath.isnan(gap) else gap)
    return out
