"""Sums of products by Einstein's notation. Source: torch.einsum.

Operands are permuted to one order of labels, then multiplied from left to right, each pair as one batched matrix
product. Trap: the graph is that of the permutations and products, not a node of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from .._op import public
from .._tensor import Tensor
from .linalg_products import bmm

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ELLIPSIS = "..."
Labels = list[str]


def _labels(text: str, what: str, offset: int = 0) -> Labels:
    """The labels of one operand or of the output; an ellipsis is one label."""
    found: Labels = []
    k = 0
    while k < len(text):
        c = text[k]
        if c == " ":
            k += 1
            continue
        if c == ".":
            _check_dots(text[k : k + 3], ELLIPSIS in found, what)
            found.append(ELLIPSIS)
            k += 3
            continue
        if c not in LETTERS:
            raise RuntimeError(
                f"einsum(): invalid subscript given at index {offset + k} in the equation string, subscripts must be "
                "in [a-zA-Z]"
            )
        found.append(c)
        k += 1
    return found


def _check_dots(text: str, seen: bool, what: str) -> None:
    """Raises RuntimeError for a dot that is not part of the operand's (the output's) one ellipsis."""
    is_output = what == "for output"
    if seen:
        already = "but an ellipsis (...) was already found" if is_output else "for which an ellipsis was already found"
        raise RuntimeError(f"einsum(): found '.' {what} {already}")
    if text != ELLIPSIS:
        example = " (...)" if is_output else ""
        raise RuntimeError(f"einsum(): found '.' {what} that is not part of any ellipsis{example}")


def _parse(equation: str, count: int) -> tuple[list[Labels], Labels | None]:
    left, arrow, right = equation.partition("->")
    inputs, at = [], 0
    for k, text in enumerate(left.split(",")):
        inputs.append(_labels(text, f"for operand {k}", at))
        at += len(text) + 1
    if len(inputs) > count:
        raise RuntimeError("einsum(): fewer operands were provided than specified in the equation")
    if len(inputs) < count:
        raise RuntimeError("einsum(): more operands were provided than specified in the equation")
    return inputs, _labels(right, "for output", len(left) + 2) if arrow else None


def _from_lists(args: Sequence[Any]) -> tuple[list[Tensor], list[Labels], Labels | None]:
    """The form einsum(a, [0, 1], b, [1, 2], [0, 2])."""
    operands, inputs = list(args[0 : len(args) // 2 * 2 : 2]), [_numbered(s) for s in args[1::2]]
    return operands, inputs, _numbered(args[-1]) if len(args) % 2 else None


def _numbered(numbers: Sequence[Any]) -> Labels:
    found: Labels = []
    for n in numbers:
        if n is not Ellipsis and not 0 <= n < 52:
            raise ValueError("einsum(): subscript in subscript list is not within the valid range [0, 52)")
        found.append(ELLIPSIS if n is Ellipsis else LETTERS[n])
    return found


def _expanded(labels: Labels, ndim: int, k: int) -> Labels:
    """The labels with the ellipsis written out as one label for each dimension, counted from the last."""
    named = len([x for x in labels if x != ELLIPSIS])
    if ELLIPSIS not in labels:
        if named != ndim:
            raise RuntimeError(
                f"einsum(): the number of subscripts in the equation ({named}) does not match the number of dimensions "
                f"({ndim}) for operand {k} and no ellipsis was given"
            )
        return labels
    if named > ndim:
        raise RuntimeError(
            f"einsum(): the number of subscripts in the equation ({named}) is more than the number of dimensions "
            f"({ndim}) for operand {k}"
        )
    at = labels.index(ELLIPSIS)
    dots = [f".{n}" for n in range(ndim - named, 0, -1)]
    return [*labels[:at], *dots, *labels[at + 1 :]]


def _output(inputs: list[Labels], labels: Labels | None) -> Labels:
    """The output's labels; without an arrow those of the dots, then the letters that occur once, sorted."""
    every = [x for one in inputs for x in one]
    dots = sorted({x for x in every if x.startswith(".")}, key=lambda x: -int(x[1:]))
    if labels is None:
        return dots + sorted(x for x in set(every) if not x.startswith(".") and every.count(x) == 1)
    found: Labels = []
    for x in labels:
        if x == ELLIPSIS:
            found += dots
            continue
        if x in found:
            raise RuntimeError(f"einsum(): output subscript {x} appears more than once in the output")
        if x not in every:
            raise RuntimeError(f"einsum(): output subscript {x} does not appear in the equation for any input operand")
        found.append(x)
    return found


def _diagonals(t: Tensor, labels: Labels, k: int) -> tuple[Tensor, Labels]:
    """Repeated labels of one operand taken along the diagonal."""
    kept: Labels = []
    for x in labels:
        if x not in kept:
            kept.append(x)
            continue
        first, second = kept.index(x), len(kept)
        n, m = t._array.shape[first], t._array.shape[second]
        if n != m:
            raise RuntimeError(
                f"einsum(): subscript {x} is repeated for operand {k} but the sizes don't match, {m} != {n}"
            )
        t = t.diagonal(0, first, second).movedim(-1, first)
    return t, kept


def _sizes(operands: list[Tensor], inputs: list[Labels]) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for k, (t, labels) in enumerate(zip(operands, inputs)):
        for x, n in zip(labels, t._array.shape):
            have = sizes.get(x, 1)
            if have != 1 and n not in (1, have):
                raise RuntimeError(
                    f"einsum(): subscript {x} has size {n} for operand {k} which does not broadcast with previously "
                    f"seen size {have}"
                )
            sizes[x] = n if have == 1 else have
    return sizes


def _aligned(t: Tensor, labels: Labels, order: Labels) -> Tensor:
    """The operand with a dimension for every label, in one order, size 1 where it has none."""
    for _ in range(len(order) - len(labels)):
        t = t.unsqueeze(-1)
    place, free = {x: k for k, x in enumerate(labels)}, iter(range(len(labels), len(order)))
    return t.permute(*[place[x] if x in place else next(free) for x in order]) if order else t


@public(method=False)
def einsum(*args: Any) -> Tensor:
    """Products of operands summed over the labels that the output does not have: einsum("ij,jk->ik", a, b), or with
    lists of numbers for labels. Source: torch.einsum."""
    operands, inputs, output = _arguments(args)
    inputs = [_expanded(labels, t.ndim, k) for k, (t, labels) in enumerate(zip(operands, inputs))]
    wanted = _output(inputs, output)
    pairs = [_diagonals(t, labels, k) for k, (t, labels) in enumerate(zip(operands, inputs))]
    operands, inputs = [p[0] for p in pairs], [p[1] for p in pairs]
    _sizes(operands, inputs)
    order = wanted + sorted({x for one in inputs for x in one} - set(wanted))
    aligned = [_aligned(t, labels, order) for t, labels in zip(operands, inputs)]
    last = {d: max((k for k, one in enumerate(inputs) if x in one), default=-1) for d, x in enumerate(order)}
    summed = range(len(wanted), len(order))
    if len(aligned) == 1:
        return aligned[0].sum(tuple(summed)) if summed else aligned[0]
    total = _summed(aligned[0], [d for d in summed if last[d] == 0])
    for k, t in enumerate(aligned[1:], 1):
        total = _pair(total, t, [d for d in summed if last[d] == k])
    return total.squeeze(tuple(summed)) if len(summed) and total.ndim > len(wanted) else total


def _arguments(args: Sequence[Any]) -> tuple[list[Tensor], list[Labels], Labels | None]:
    if len(args) < 2:
        raise ValueError(
            "einsum(): must specify the equation string and at least one operand, or at least one operand and its "
            "subscripts list"
        )
    if isinstance(args[0], Tensor):
        return _from_lists(args)
    operands = list(args[1]) if len(args) == 2 and isinstance(args[1], (list, tuple)) else list(args[1:])
    return operands, *_parse(args[0], len(operands))


def _summed(t: Tensor, dims: list[int]) -> Tensor:
    return t.sum(tuple(dims), keepdim=True) if dims else t


def _pair(a: Tensor, b: Tensor, dims: list[int]) -> Tensor:
    """Σ a·b over dims, kept with size 1, as one batched matrix product."""
    if not dims:
        return a * b
    shape_a, shape_b = a._array.shape, b._array.shape
    a = _summed(a, [d for d in dims if shape_b[d] == 1 and shape_a[d] != 1])
    b = _summed(b, [d for d in dims if shape_a[d] == 1 and shape_b[d] != 1])
    shape_a, shape_b = a._array.shape, b._array.shape
    groups: dict[str, list[int]] = {"batch": [], "left": [], "right": [], "inner": []}
    for d in range(a.ndim):
        if d in dims:
            groups["inner"].append(d)
        elif shape_a[d] != 1 and shape_b[d] != 1:
            groups["batch"].append(d)
        else:
            groups["left" if shape_b[d] == 1 else "right"].append(d)
    batch, left, right, inner = groups["batch"], groups["left"], groups["right"], groups["inner"]
    rows, columns = [shape_a[d] for d in left], [shape_b[d] for d in right]
    many, size = [shape_a[d] for d in batch], prod(shape_a[d] for d in inner)
    x = a.permute(*batch, *left, *inner, *right).reshape(prod(many), prod(rows), size)
    y = b.permute(*batch, *inner, *right, *left).reshape(prod(many), size, prod(columns))
    found = bmm(x, y).view(*many, *rows, *[1] * len(inner), *columns)
    order = [*batch, *left, *inner, *right]
    return found.permute(*[order.index(d) for d in range(a.ndim)])
