"""The catalogue: every operator is one line that says how to draw its arguments and what to expect of it.

``operator("log", unary(domain=POSITIVE))`` registers ``log``; a name may carry an overload (``max.dim``) and a
namespace (``linalg.svd``). Families are files; ``operators()`` imports them all, once, on first use.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..domains import Domain
from ..leafdata import COMPLEX, FLOATING
from ..shapes import Shape

if TYPE_CHECKING:
    from ..build import Builder

FAMILIES = (
    "pointwise",
    "special",
    "activation",
    "reduce",
    "order",
    "scan",
    "masked",
    "shape",
    "views",
    "join",
    "index",
    "image",
    "linalg",
    "fft",
    "nn",
    "loss",
    "normalise",
    "window",
    "create",
)
NAMESPACES = ("linalg", "fft", "special", "masked", "nn.functional")

Draw = Callable[["Builder"], tuple[tuple[Any, ...], dict[str, Any]]]
Infer = Callable[[tuple[Any, ...], dict[str, Any]], "tuple[tuple[Shape, str], ...] | None"]


@dataclass(frozen=True, slots=True)
class Strategy:
    """How to draw arguments, and the (shape, dtype) of each output for given ones (None: not known beforehand)."""

    draw: Draw
    infer: Infer
    forms: tuple[str, ...] = ("function", "method")


@dataclass(frozen=True, slots=True)
class Operator:
    """One line of the catalogue. ``kinks``: the domain of its convention points; ``exact``: its results need no
    rounding; ``cancels``: its terms cancel and round by the largest value; ``jumps``: discontinuous in its operands;
    ``graph``: whether node names and what the nodes save are compared (``spec``), the ``names`` alone, or nothing
    (``free``); ``layout``: whether the strides of its results are; ``forward``:
    whether PyTorch has its forward mode."""

    name: str
    path: str
    strategy: Strategy
    dtypes: tuple[str, ...]
    family: str
    forms: tuple[str, ...]
    method: str
    symbol: str | None
    kinks: Domain | None
    outputs: tuple[str, ...] | None
    graph: str
    exact: bool
    contraction: bool | str
    cancels: bool
    jumps: bool
    view: bool
    differentiable: bool
    twice: bool
    layout: bool
    forward: bool

    @property
    def plain_forms(self) -> tuple[str, ...]:
        """The forms that don't write into an operand."""
        return tuple(form for form in self.forms if form != "inplace")


_OPERATORS: dict[str, Operator] = {}


def split_name(name: str) -> tuple[str, str]:
    """(function path, base name) of an operator's name: ``linalg.svd`` → itself, ``max.dim`` → ``max``."""
    for namespace in NAMESPACES:
        if name.startswith(namespace + "."):
            base = name[len(namespace) + 1 :].partition(".")[0]
            return f"{namespace}.{base}", base
    base = name.partition(".")[0]
    return base, base


def operator(
    name: str,
    strategy: Strategy,
    *,
    dtypes: tuple[str, ...] = FLOATING,
    forms: tuple[str, ...] | None = None,
    method: str | None = None,
    symbol: str | None = None,
    kinks: Domain | None = None,
    outputs: tuple[str, ...] | None = None,
    graph: str = "spec",
    exact: bool = False,
    contraction: bool | str = False,
    cancels: bool = False,
    jumps: bool = False,
    view: bool = False,
    differentiable: bool = True,
    twice: bool = True,
    layout: bool = True,
    forward: bool = True,
) -> Operator:
    """Adds a line. ``forms`` defaults to the strategy's; ``outputs`` names them where there are several."""
    import sys

    if name in _OPERATORS:
        raise ValueError(f"operator {name!r} is in the catalogue twice")
    family = sys._getframe(1).f_globals["__name__"].rpartition(".")[2]
    path, base = split_name(name)
    offered = forms or strategy.forms
    offered = (*offered, "operator") if symbol and "operator" not in offered else offered
    line = Operator(
        name,
        path,
        strategy,
        dtypes,
        family,
        offered,
        method or base,
        symbol,
        kinks,
        outputs,
        graph,
        exact,
        contraction,
        cancels,
        jumps,
        view,
        differentiable,
        twice,
        layout,
        forward,
    )
    _OPERATORS[name] = line
    return line


@cache
def operators() -> dict[str, Operator]:
    """Every operator by name, in the order of the families' files."""
    for family in FAMILIES:
        import_module(f".{family}", __name__)
    return _OPERATORS


def find(name: str) -> Operator:
    """The operator of a name. Raises LookupError naming near ones."""
    try:
        return operators()[name]
    except KeyError:
        from difflib import get_close_matches

        near = ", ".join(get_close_matches(name, operators(), 3)) or "none"
        raise LookupError(f"no operator {name!r} in the catalogue; near names: {near}") from None


NUMERIC = FLOATING + COMPLEX
