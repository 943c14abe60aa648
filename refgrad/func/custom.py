"""Custom Functions under vmap: their own rule, or one derived by vmap of forward. Source: notes/extending.func."""

from __future__ import annotations

from typing import Any, NamedTuple

from .._batch import VmapLevel, below, wrap
from .._pytree import broadcast_prefix, flatten, unflatten
from .._tensor import Tensor

MORE = "For more details, please see https://pytorch.org/docs/main/notes/extending.func.html"


class VmapInfo(NamedTuple):
    """What a vmap staticmethod is told."""

    batch_size: int
    randomness: str


def batched_function(level: VmapLevel, cls: Any, args: tuple[Any, ...]) -> Any:
    """The result of a Function on arguments of which some are batched. Raises RuntimeError for a Function without a rule,
    or with two."""
    from ..autograd.function import Function

    leaves, spec = flatten(args)
    if not any(map(level.holds, leaves)):
        with below(level):
            return cls.apply(*args)
    has_rule = cls.vmap is not Function.vmap
    if cls.generate_vmap_rule and has_rule:
        raise RuntimeError(
            f"You tried to vmap over {cls.__name__}, but it has both generate_vmap_rule=True and an overridden vmap "
            "staticmethod. Please set generate_vmap_rule=False or delete the overridden vmap staticmethod to avoid "
            f"ambiguity. {MORE}"
        )
    if cls.generate_vmap_rule:
        return _each(level, cls, args)
    if not has_rule:
        raise RuntimeError(
            f"You tried to vmap over {cls.__name__}, but it does not have vmap support. Please override and implement the "
            f"vmap staticmethod or set generate_vmap_rule=True. {MORE}"
        )
    given = unflatten([t.value if level.holds(t) else t for t in leaves], spec)
    dims = unflatten([0 if level.holds(t) else None for t in leaves], spec)
    with below(level):
        found = cls.vmap(VmapInfo(level.size, level.randomness), dims, *given)
        return _with_dims(level, found)


def _with_dims(level: VmapLevel, found: Any) -> Any:
    if not (isinstance(found, tuple) and len(found) == 2):
        raise RuntimeError(
            "Expected the vmap staticmethod to have two returns, an output and out_dims with pytree structure compatible "
            f"with the output. Got a {type(found)} instead"
        )
    results, shape = flatten(found[0])
    dims = broadcast_prefix(found[1], shape) or [None] * len(results)
    made = [
        t if dim is None or not isinstance(t, Tensor) else wrap(level, t.movedim(dim, 0) if dim else t)  # type: ignore[attr-defined]
        for t, dim in zip(results, dims)
    ]
    return unflatten(made, shape)


def _each(level: VmapLevel, cls: Any, args: tuple[Any, ...]) -> Any:
    """The Function on each of the batch, the results stacked."""
    from .._interpreters import LIVE

    leaves, spec = flatten(args)
    with below(level):
        runs = [
            flatten(cls.apply(*unflatten([LIVE.select(t.value, 0, k) if level.holds(t) else t for t in leaves], spec)))
            for k in range(level.size)
        ]
        columns = zip(*[found for found, _ in runs])
        made = [wrap(level, LIVE.stack(list(c), 0)) if isinstance(c[0], Tensor) else c[0] for c in columns]
    return unflatten(made, runs[0][1])
