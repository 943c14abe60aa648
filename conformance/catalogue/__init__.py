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

from ..drawing.domains import Domain
from ..drawing.shapes import Shape
from ..programs.leafdata import COMPLEX, FLOATING

if TYPE_CHECKING:
    from ..drawing.build import Builder, Value

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
    "reflected",
    "conversions",
    "decompositions",
    "factors",
    "signal",
    "sampling",
    "chance",
    "variants",
)
NAMESPACES = ("linalg", "fft", "special", "masked", "nn.functional")

Draw = Callable[["Builder"], tuple[tuple[Any, ...], dict[str, Any]]]
Prepare = Callable[["Builder", tuple[Any, ...], dict[str, Any]], tuple[Any, ...]]
Infer = Callable[[tuple[Any, ...], dict[str, Any]], "tuple[tuple[Shape, str], ...] | None"]


@dataclass(frozen=True, slots=True)
class Strategy:
    """How to draw arguments, and the (shape, dtype) of each output for given ones (None: not known beforehand)."""

    draw: Draw
    infer: Infer
    forms: tuple[str, ...] = ("function", "method")


@dataclass(frozen=True, slots=True)
class Gauge:
    """Outputs that are not unique: singular vectors, an order of eigenvalues. ``free`` are their positions (0: the only
    one): their values aren't compared, their shapes, dtypes and flags are. ``settle`` adds steps that make values which
    every choice gives alike, and those are differentiated and compared."""

    free: tuple[int, ...]
    settle: Callable[[Builder, list[Value], dict[str, Any]], list[Value]]


@dataclass(frozen=True, slots=True)
class Operator:
    """One line of the catalogue. ``kinks``: the domain of its convention points; ``exact``: its results need no
    rounding; ``contraction``: on absolute operands its value bounds its rounding; ``jumps``: discontinuous in its operands;
    ``graph``: whether node names and what the nodes save are compared (``spec``), the ``names`` alone, or nothing
    (``free``); ``layout``: whether the strides of its results are; ``forward``:
    whether PyTorch has its forward mode; ``constant``: positions of outputs that carry no gradient;
    ``prepare``: steps that bring its operands into its domain (Hermitian, triangular) and are differentiated with it;
    ``random``: it draws from the generator, which is seeded before each call."""

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
    contraction: bool
    jumps: bool
    view: bool
    differentiable: bool
    twice: bool
    layout: bool
    forward: bool
    gauge: Gauge | None
    prepare: Prepare | None
    constant: tuple[int, ...]
    random: bool

    @property
    def source(self) -> str:
        """Where PyTorch documents it."""
        return f"torch.{self.path}" if "function" in self.forms else f"torch.Tensor.{self.method}"

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
    contraction: bool = False,
    jumps: bool = False,
    view: bool = False,
    differentiable: bool = True,
    twice: bool = True,
    layout: bool = True,
    forward: bool = True,
    gauge: Gauge | None = None,
    prepare: Prepare | None = None,
    constant: tuple[int, ...] = (),
    random: bool = False,
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
        jumps,
        view,
        differentiable,
        twice,
        layout,
        forward,
        gauge,
        prepare,
        constant,
        random,
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
