"""rearrange: dimensions named in a pattern, split, joined and put in another order. Source: torch.func.rearrange."""

from __future__ import annotations

from math import prod

from .._op import PUBLIC
from .._tensor import Tensor

Side = list[list[str]]
ELLIPSIS = "..."
SPREAD = "...*"
"""An ellipsis that stands for dimensions of their own, not joined in brackets."""


def rearrange(tensor: Tensor | list[Tensor] | tuple[Tensor, ...], pattern: str, **axes_lengths: int) -> Tensor:
    """The tensor (or several, stacked) with its dimensions as the pattern says: "b (h w) c -> b c h w".
    Lengths of split dimensions are keywords; one of a group may be left out. Raises ValueError for a pattern that
    does not fit. Trap: the result is a view where views can say it."""
    whole: Tensor = tensor if isinstance(tensor, Tensor) else PUBLIC["stack"](list(tensor))
    left, right = _sides(pattern)
    apart = {n.rstrip("*") for n in _names(left)} ^ {n.rstrip("*") for n in _names(right)}
    if apart:
        raise ValueError(f"Identifiers only on one side of rearrange expression (should be on both): {apart}")
    left, right = _spelled(left, right, whole.ndim, pattern)
    sizes = _sizes(left, tuple(whole.shape), axes_lengths, pattern)
    names = _names(left)
    split = PUBLIC["reshape"](whole, tuple(sizes[name] for name in names))
    moved = PUBLIC["permute"](split, tuple(names.index(name) for name in _names(right)))
    return PUBLIC["reshape"](moved, tuple(prod(sizes[name] for name in group) for group in right))


def _names(side: Side) -> list[str]:
    return [name for group in side for name in group]


def _sides(pattern: str) -> tuple[Side, Side]:
    halves = pattern.split("->")
    if len(halves) != 2:
        raise ValueError(f"Rearrange expression must have one '->', got {pattern!r}")
    return _groups(halves[0]), _groups(halves[1])


def _groups(text: str) -> Side:
    """The dimensions of one side, each as the names that it joins; 1 and () join none."""
    found: Side = []
    for number, chunk in enumerate(text.replace("…", ELLIPSIS).replace("(", " ( ").replace(")", " ) ").split()):
        if chunk == "(":
            found.append([])
            found[-1].append("(")
        elif chunk == ")":
            if not found or found[-1][:1] != ["("]:
                raise ValueError(f"Brackets are not balanced in {text!r}, at word {number}")
            found[-1].pop(0)
        elif found and found[-1][:1] == ["("]:
            found[-1].append(chunk)
        else:
            found.append([] if chunk == "1" else [SPREAD] if chunk == ELLIPSIS else [chunk])
    if any(group[:1] == ["("] for group in found):
        raise ValueError(f"Brackets are not balanced in {text!r}")
    return [[name for name in group if name != "1"] for group in found]


def _spelled(left: Side, right: Side, ndim: int, pattern: str) -> tuple[Side, Side]:
    """Both sides with a name for each dimension that an ellipsis stands for."""
    count = ndim - len(left) + 1 if [SPREAD] in left else 0
    if count < 0 or ([SPREAD] not in left and ndim != len(left)):
        raise ValueError(f"The pattern {pattern!r} does not fit a tensor of {ndim} dimensions")
    spelled = [f"{ELLIPSIS}{k}" for k in range(count)]

    def expand(side: Side) -> Side:
        out: Side = []
        for group in side:
            if group == [SPREAD]:
                out.extend([name] for name in spelled)
            else:
                out.append([n for name in group for n in (spelled if name == ELLIPSIS else [name])])
        return out

    return expand(left), expand(right)


def _sizes(left: Side, shape: tuple[int, ...], lengths: dict[str, int], pattern: str) -> dict[str, int]:
    """The size of every name; of one left out in a group, what the others leave."""
    sizes = dict(lengths)
    for group, size in zip(left, shape):
        unknown = [name for name in group if name not in sizes]
        if len(unknown) > 1:
            raise ValueError(f"Lengths of {unknown} in {pattern!r} can't both be told: pass one of them")
        known = prod(sizes[name] for name in group if name in sizes)
        if unknown:
            sizes[unknown[0]] = size // known if known else 0
        if prod(sizes[name] for name in group) != size:
            raise ValueError(f"{group} in {pattern!r} does not divide a dimension of size {size}")
    return sizes
