"""Arguments and results of transforms: which are differentiated, and what may be returned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .._pytree import Spec, flatten, unflatten
from .._tensor import Tensor

Argnums = int | tuple[int, ...]


def check_argnums(argnums: Any, count: int) -> tuple[int, ...]:
    """The positions that `argnums` means, negative ones counted from the end. Raises RuntimeError for a bad one."""
    if not isinstance(argnums, (int, tuple)):
        raise RuntimeError(f"argnums must be int or Tuple[int, ...], got: {type(argnums)}")
    if argnums == ():
        raise RuntimeError("argnums must be non-empty")
    given = argnums if isinstance(argnums, tuple) else (argnums,)
    found = tuple(_check_argnum(n, count) for n in given)
    if len(set(found)) != len(found):
        raise RuntimeError(f"argnums elements must be unique, got {found}")
    return found


def _check_argnum(argnum: Any, count: int) -> int:
    if not isinstance(argnum, int):
        raise RuntimeError(f"argnum must be int, got: {type(argnum)}")
    if not -count <= argnum < count:
        raise RuntimeError(f"Got argnum={argnum}, but only {count} positional inputs")
    return argnum % count


def chosen(args: Sequence[Any], argnums: Any) -> Any:
    """The arguments that `argnums` names: one, or a tuple."""
    found = tuple(args[k] for k in check_argnums(argnums, len(args)))
    return found if isinstance(argnums, tuple) else found[0]


def with_chosen(args: Sequence[Any], argnums: Any, values: Any) -> tuple[Any, ...]:
    """The arguments with those that `argnums` names replaced."""
    places = check_argnums(argnums, len(args))
    made = list(args)
    for k, value in zip(places, values if isinstance(argnums, tuple) else (values,)):
        made[k] = value
    return tuple(made)


def split_aux(output: Any, has_aux: bool, who: str) -> tuple[Any, Any]:
    """(output, aux) of a function's result; aux is None without has_aux."""
    if not has_aux:
        return output, None
    if not (isinstance(output, tuple) and len(output) == 2):
        raise RuntimeError(f"{who}: output of function f should be a tuple: (output, aux) if has_aux is True")
    return output


def tensor_leaves(output: Any, who: str) -> tuple[list[Tensor], Spec]:
    """The leaves of a result, which must be tensors."""
    leaves, spec = flatten(output)
    if not leaves or (len(leaves) == 1 and leaves[0] is None):
        raise RuntimeError(f"{who}: Expected f to be a function that has non-empty output (got output = {leaves})")
    for leaf in leaves:
        if not isinstance(leaf, Tensor):
            raise RuntimeError(f"{who}: expected f(*primals) to return only tensors, got unsupported type {type(leaf)}")
    return leaves, spec


def map_tensors(function: Callable[[Tensor], Tensor], tree: Any) -> Any:
    """A nest of tensors mapped. Raises RuntimeError for a leaf that is no tensor."""
    leaves, spec = flatten(tree)
    for leaf in leaves:
        if not isinstance(leaf, Tensor):
            raise RuntimeError(f"Expected tensors, got unsupported type {type(leaf)}")
    return unflatten([function(leaf) for leaf in leaves], spec)
