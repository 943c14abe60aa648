"""What the tables of engines are made of: names that an engine shares with PyTorch, and options that it lacks."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ..catalogue import split_name
from .numpylike.space import Space, alike

Entry = Callable[..., Any]
Table = dict[str, Entry]


def named(source: Any, names: str) -> Table:
    """Entries by the names that ``source`` has them under: ``"sin cos asin=arcsin"``. Absent ones are left out."""
    pairs = (name.partition("=") for name in names.split())
    found = ((ours, _attribute(source, theirs or ours)) for ours, _, theirs in pairs)
    return {ours: entry for ours, entry in found if entry is not None}


def _attribute(source: Any, path: str) -> Any:
    for part in path.split("."):
        source = getattr(source, part, None)
    return source


KEYWORDS = {"dim": "axis", "dims": "axis", "dim1": "axis1", "dim2": "axis2"}


def found(names: str, *sources: Any) -> Table:
    """Entries that an engine has under the operators' own names (``norm.dim`` is norm), each from the first source that
    has it. Where it has NumPy's keywords, PyTorch's are renamed."""
    pairs = ((name, split_name(name)[0].removeprefix("special.")) for name in names.split())
    entries = ((name, [_attribute(source, path) for source in sources]) for name, path in pairs)
    return {name: _keyworded(next(filter(None, there))) for name, there in entries if any(there)}


def _keyworded(entry: Entry) -> Entry:
    try:
        known = inspect.signature(entry).parameters
    except (TypeError, ValueError):
        return entry
    renamed = {ours: theirs for ours, theirs in KEYWORDS.items() if ours not in known and theirs in known}
    return renaming(**renamed)(entry) if renamed else entry


def each(change: Callable[[Entry], Entry], table: Table) -> Table:
    """The table with every entry changed."""
    return {name: change(entry) for name, entry in table.items()}


def promoting(space: Space) -> Callable[[Entry], Entry]:
    """Makes an entry take its operands in the dtype that PyTorch promotes them to."""
    return lambda entry: lambda *operands, **attrs: entry(*alike(space, *operands), **attrs)


def listing(space: Space) -> Callable[[Entry], Entry]:
    """As ``promoting``, for an entry that takes a list of tensors."""
    return lambda entry: lambda tensors, **attrs: entry(alike(space, *tensors), **attrs)


def renaming(**keywords: str) -> Callable[[Entry], Entry]:
    """Makes an entry take keywords under PyTorch's names: ``renaming(dim="axis")``."""
    return lambda entry: lambda *args, **attrs: entry(*args, **{keywords.get(k, k): v for k, v in attrs.items()})


def only(entry: Entry, **settings: Any) -> Entry:
    """The entry where options have the one setting that it knows, and isn't told; elsewhere no claim is made."""

    def held(*args: Any, **attrs: Any) -> Any:
        for name, setting in settings.items():
            if attrs.pop(name, setting) != setting:
                raise NotImplementedError(f"{name} is other than {setting!r}")
        return entry(*args, **attrs)

    return held


@contextmanager
def unclaimed(*errors: type[Exception], saying: tuple[str, ...] = ("",)) -> Iterator[None]:
    """Makes no claim of what the engine says, in one of these texts, that it hasn't. Decorates entries too."""
    try:
        yield
    except errors as error:
        if any(text in str(error) for text in saying):
            raise NotImplementedError(str(error)) from None
        raise


def widening(widen: Callable[[Any], Any]) -> Callable[[Entry], Entry]:
    """Makes an entry give each tensor as ``widen`` gives it, such as positions in 64 bits, and tuples for lists."""

    def wide(result: Any) -> Any:
        return tuple(map(wide, result)) if isinstance(result, (list, tuple)) else widen(result)

    return lambda entry: lambda *args, **attrs: wide(entry(*args, **attrs))


def lacking(what: str = "these options") -> Any:
    """Makes no claim: for the branch of an entry that the engine hasn't."""
    raise NotImplementedError(what)


def _add(x: Any, y: Any, alpha: float = 1) -> Any:
    return x + y if alpha == 1 else x + alpha * y


def _subtract(x: Any, y: Any, alpha: float = 1) -> Any:
    return x - y if alpha == 1 else x - alpha * y


def _reversed(x: Any, y: Any, alpha: float = 1) -> Any:
    return y - x if alpha == 1 else y - alpha * x


OPERATORS: Table = {
    "add": _add,
    "sub": _subtract,
    "mul": operator.mul,
    "div": operator.truediv,
    "true_divide": operator.truediv,
    "pow": operator.pow,
    "rsub": _reversed,
    "__radd__": lambda x, y: y + x,
    "__rmul__": lambda x, y: y * x,
    "__rsub__": lambda x, y: y - x,
    "__rdiv__": lambda x, y: y / x,
    "__rpow__": lambda x, y: y**x,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
    "eq": operator.eq,
    "ne": operator.ne,
    "addcmul": lambda x, a, b, value=1: x + value * a * b,
    "addcdiv": lambda x, a, b, value=1: x + value * a / b,
}
"""What Python's operators say, for engines whose tensors have them; operands are to be promoted."""
INDEXING: Table = {
    "__getitem__": lambda x, index: x[index],
    "__getitem__.advanced": lambda x, index: x[index],
    "__getitem__.mask": lambda x, index: x[index],
}


REFUSALS = (ValueError, RuntimeError, IndexError, AssertionError, NotImplementedError)


def refusing(entry: Entry, *more: type[Exception]) -> Entry:
    """Makes no claim of arguments that the engine refuses out loud. A TypeError is an adapter's fault, and stays one.

    Lists become tuples.
    """

    def refuse(*args: Any, **attrs: Any) -> Any:
        try:
            result = entry(*args, **attrs)
        except (*REFUSALS, *more) as error:
            raise NotImplementedError(f"refused: {error}") from None
        return tuple(result) if isinstance(result, list) else result

    return refuse
