"""One element of a pointwise program, as a program of numbers: what is too large to evaluate then isn't."""

from __future__ import annotations

from dataclasses import replace

from .catalogue import find
from .leafdata import leaf_array
from .program import Backward, Call, Grad, GradOf, Item, Leaf, Observe, Program, Region, Step, Transform
from .shapes import Shape

POINTWISE = ("pointwise", "special")
_FEW = 64


def narrowed(program: Program, shape: Shape, place: tuple[int, ...]) -> Program | None:
    """The program of the elements at a place; None where it is small anyway, or not pointwise in that shape."""
    leaves = [step for step in program.steps if isinstance(step, Leaf)]
    if max((leaf_array(leaf).size for leaf in leaves), default=0) <= _FEW or not _is_pointwise(program):
        return None
    if any(leaf.shape not in (shape, ()) for leaf in leaves):
        return None
    return Program(
        tuple(_element(step, place) if isinstance(step, Leaf) and step.shape else step for step in program.steps)
    )


def _is_pointwise(program: Program | Region) -> bool:
    return all(_keeps_places(step) for step in program.steps)


def _keeps_places(step: Step) -> bool:
    if isinstance(step, Call):
        line = find(step.op)
        one_of_a_kind = step.op in ("nn.functional.gelu", "nn.functional.hardsigmoid", "logit")
        return step.form != "inplace" and (line.family in POINTWISE or one_of_a_kind)
    if isinstance(step, Transform):
        return step.region is not None and step.kind in ("jvp", "vjp") and _is_pointwise(step.region)
    return isinstance(step, (Leaf, Item, Backward, Grad, GradOf, Observe))


def _element(leaf: Leaf, place: tuple[int, ...]) -> Leaf:
    return replace(leaf, data=leaf_array(leaf)[place].tobytes(), shape=(), layout="contiguous")
