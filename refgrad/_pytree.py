"""Nested tuples, lists, dicts and named tuples of anything: taken apart into leaves and a spec, and put together again.

A spec is a plain value: specs are equal when the structures are. Source: the pytree argument of torch.func transforms.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Spec:
    """The structure of a nest: `kind` None for a leaf; `context` keys of a dict or the class of a named tuple."""

    kind: type | None = None
    context: Any = None
    children: tuple[Spec, ...] = ()

    @property
    def count(self) -> int:
        """The number of leaves."""
        return 1 if self.kind is None else sum(c.count for c in self.children)

    def __repr__(self) -> str:
        return self._long(0)

    def _long(self, indent: int) -> str:
        if self.kind is None:
            return "*"
        context = list(self.context) if self.kind is dict else self.context
        inner = (",\n" + " " * (indent + 2)).join(c._long(indent + 2) for c in self.children)
        return f"TreeSpec({self.kind.__name__}, {context}, [{inner}])"

    def brief(self) -> str:
        """The structure in Python's own notation, a star for each leaf."""
        if self.kind is None:
            return "*"
        parts = [c.brief() for c in self.children]
        if self.kind in (dict, OrderedDict, defaultdict):
            return "{" + ", ".join(f"{key!r}: {part}" for key, part in zip(_keys(self.context), parts)) + "}"
        if self.kind is list:
            return "[" + ", ".join(parts) + "]"
        return "(" + ", ".join(parts) + ("," if len(parts) == 1 else "") + ")"


LEAF = Spec()


def _keys(context: Any) -> Any:
    return context[1] if isinstance(context, tuple) and len(context) == 2 and callable(context[0]) else context


def _is_named(value: Any) -> bool:
    return isinstance(value, tuple) and hasattr(value, "_fields")


def flatten(tree: Any) -> tuple[list[Any], Spec]:
    """The leaves from left to right (those of a dict in the order of its sorted keys, where they can be sorted), and
    the structure. None is a leaf."""
    leaves: list[Any] = []
    return leaves, _walk(tree, leaves)


def _walk(tree: Any, leaves: list[Any]) -> Spec:
    kind = type(tree)
    if kind in (tuple, list):
        return Spec(kind, None, tuple([_walk(t, leaves) for t in tree]))
    if kind is dict or kind is OrderedDict:
        return Spec(kind, tuple(tree), tuple([_walk(t, leaves) for t in tree.values()]))
    if kind is defaultdict:
        return Spec(kind, (tree.default_factory, tuple(tree)), tuple([_walk(t, leaves) for t in tree.values()]))
    if _is_named(tree):
        return Spec(tuple, kind, tuple([_walk(t, leaves) for t in tree]))
    leaves.append(tree)
    return LEAF


def unflatten(leaves: Any, spec: Spec) -> Any:
    """The nest of a structure with given leaves."""
    return _build(spec, iter(leaves))


def _build(spec: Spec, leaves: Iterator[Any]) -> Any:
    if spec.kind is None:
        return next(leaves)
    parts = [_build(c, leaves) for c in spec.children]
    if spec.kind is dict:
        return dict(zip(spec.context, parts))
    if spec.kind is OrderedDict:
        return OrderedDict(zip(spec.context, parts))
    if spec.kind is defaultdict:
        return defaultdict(spec.context[0], zip(spec.context[1], parts))
    if spec.context is not None:
        return spec.context(*parts)
    return spec.kind(parts)


def tree_map(function: Callable[[Any], Any], tree: Any) -> Any:
    """The nest with a function applied to each leaf."""
    leaves, spec = flatten(tree)
    return unflatten([function(leaf) for leaf in leaves], spec)


def broadcast_prefix(prefix: Any, spec: Spec) -> list[Any] | None:
    """A value for each leaf of a structure, from a nest that may stop short (its leaf then counts for all below).
    None if the prefix does not fit."""
    if spec.kind is None:
        return [prefix] if not isinstance(prefix, (tuple, list, dict)) else None
    if not isinstance(prefix, (tuple, list, dict)):
        return [prefix] * spec.count
    leaves: list[Any] = []
    own = _walk(prefix, leaves)
    if own.kind is not spec.kind or len(own.children) != len(spec.children):
        return None
    if own.kind in (dict, OrderedDict) and set(own.context) != set(spec.context):
        return None
    members = [prefix[key] for key in spec.context] if isinstance(prefix, dict) else list(prefix)
    found: list[Any] = []
    for member, child in zip(members, spec.children):
        below = broadcast_prefix(member, child)
        if below is None:
            return None
        found += below
    return found
