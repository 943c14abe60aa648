"""A namespace with NumPy's functions, and what an entry needs of it."""

from __future__ import annotations

import dis
from collections.abc import Callable, Iterator
from functools import cache
from itertools import pairwise
from types import CodeType, FunctionType
from typing import Any

from ...programs.promotion import result_dtype


class Space:
    """A module with NumPy's names. What it has under other names, or not at all, is given: ``cast(x, dtype name)``,
    ``kind(x)`` (the dtype's name), ``concatenate``, …"""

    def __init__(self, module: Any, **own: Callable[..., Any]) -> None:
        self._module = module
        self.__dict__.update({"cast": _cast, "kind": _kind} | own)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


def _cast(x: Any, dtype: str) -> Any:
    return x.astype(dtype)


def _kind(x: Any) -> str:
    return str(x.dtype).rpartition(".")[2]


def lacking(entry: Callable[..., Any], space: Space) -> list[str]:
    """The functions of the namespace that an entry, or a function that it calls, names and the namespace hasn't."""
    return sorted(name for name in named(entry) if not _has(space, name))


def _has(space: Any, name: str) -> bool:
    for part in name.split("."):
        if not hasattr(space, part):
            return False
        space = getattr(space, part)
    return True


@cache
def named(entry: Callable[..., Any]) -> frozenset[str]:
    """What an entry reads from ``np``, by the instructions of its code and of the functions of ours that it names."""
    found: set[str] = set()
    if isinstance(entry, FunctionType):
        for code in _codes(entry.__code__):
            found.update(_attributes(code))
            for name in code.co_names:
                other = entry.__globals__.get(name)
                if (
                    isinstance(other, FunctionType)
                    and other.__module__.startswith(__package__ or "")
                    and other != entry
                ):
                    found |= named(other)
        for cell in entry.__closure__ or ():
            found |= named(cell.cell_contents) if callable(cell.cell_contents) else frozenset()
    return frozenset(found)


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _attributes(code: CodeType) -> Iterator[str]:
    path = ""
    for before, here in pairwise(dis.get_instructions(code)):
        if here.opname not in ("LOAD_ATTR", "LOAD_METHOD"):
            path = ""
            continue
        loaded = before.argval[-1] if isinstance(before.argval, tuple) else before.argval
        path = f"{path}.{here.argval}" if path else here.argval if loaded == "np" else ""
        if path:
            yield path


class _Typed:
    def __init__(self, dtype: str, shape: tuple[int, ...]) -> None:
        self.dtype = dtype
        self.shape = shape


def is_number(value: Any) -> bool:
    return isinstance(value, (bool, int, float, complex)) and not hasattr(value, "dtype")


def alike(np: Any, *operands: Any) -> tuple[Any, ...]:
    """The operands in the dtype that PyTorch promotes them to, so that an engine's own promotion has nothing to decide."""
    kinds = {np.kind(x) for x in operands if not is_number(x)}
    if len(kinds) == 1 and not any(map(is_number, operands)):
        return operands
    dtype = result_dtype(*(x if is_number(x) else _Typed(np.kind(x), tuple(np.shape(x))) for x in operands))
    return tuple(x if is_number(x) or np.kind(x) == dtype else np.cast(x, dtype) for x in operands)
