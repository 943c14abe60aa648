"""Faults generated from refgrad's source: each error not raised or reworded, each warning not given, each condition
turned round, each option ignored, each call, assignment or result dropped.

A `Guard` names one node of the syntax tree of one function. It is planted by giving that function the code compiled from
the changed tree, so that whoever holds the function runs it.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from types import CodeType, FunctionType, ModuleType
from typing import Any

LEFT_OUT = ("_stubs", "_random", "_random_stream", "_random_normal", "__main__")
"""Modules in which no promise of autograd lies."""
Change = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to break a node: ``change`` gives what stands in its place."""

    name: str
    title: str
    node: type[ast.AST] | tuple[type[ast.AST], ...]
    change: Change
    applies: Callable[[Any], bool] = lambda node: True


def _nothing(node: Any) -> ast.stmt:
    return ast.copy_location(ast.Pass(), node)


def _reworded(node: ast.Raise) -> ast.stmt:
    made = deepcopy(node)
    assert made.exc is not None
    kind = ast.Call(ast.Name("type", ast.Load()), [made.exc], [])
    made.exc = ast.Call(kind, [ast.Constant("something is wrong")], [])
    return made


def _inverted(node: Any) -> Any:
    made = deepcopy(node)
    made.test = ast.UnaryOp(ast.Not(), made.test)
    return made


def _reversed(node: ast.For) -> ast.stmt:
    made = deepcopy(node)
    listed = ast.Call(ast.Name("list", ast.Load()), [made.iter], [])
    made.iter = ast.Call(ast.Name("reversed", ast.Load()), [listed], [])
    return made


def _empty_handed(node: ast.Return) -> ast.stmt:
    return ast.Return(ast.Constant(None))


def _flipped(node: ast.Constant) -> ast.expr:
    return ast.Constant(not node.value)


def _warns(node: ast.Expr) -> bool:
    return isinstance(node.value, ast.Call) and "warn" in ast.unparse(node.value.func).lower()


def _calls(node: ast.Expr) -> bool:
    return isinstance(node.value, ast.Call) and not _warns(node)


def _sets(node: Any) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return all(isinstance(target, (ast.Attribute, ast.Subscript)) for target in targets)


KINDS = (
    Kind("unraised", "the error is not raised", ast.Raise, _nothing),
    Kind("unwarned", "the warning is not given", ast.Expr, _nothing, _warns),
    Kind("reworded", "the error says something else", ast.Raise, _reworded, lambda n: isinstance(n.exc, ast.Call)),
    Kind("inverted", "the condition is turned round", (ast.If, ast.IfExp), _inverted),
    Kind("skipped", "the call is left out", ast.Expr, _nothing, _calls),
    Kind("unset", "nothing is set", (ast.Assign, ast.AugAssign), _nothing, _sets),
    Kind("reversed", "the loop runs backwards", ast.For, _reversed),
    Kind("flipped", "True is False, or False is True", ast.Constant, _flipped, lambda n: isinstance(n.value, bool)),
    Kind("empty-handed", "nothing is returned", ast.Return, _empty_handed, lambda n: n.value is not None),
)
IGNORED = "ignored"
"""The tenth kind: an option has its default whatever is passed."""


@dataclass(frozen=True, slots=True)
class Guard:
    """One generated fault. ``line`` is where what is changed begins; ``order``: which of its kind on that line; an
    ``option`` is the name of the one that is ignored."""

    module: str
    function: str
    kind: str
    line: int
    order: int = 0
    option: str = ""

    @property
    def id(self) -> str:
        what = f"{self.kind}:{self.option}" if self.option else self.kind
        return f"guard/{self.module}.{self.function}/{what}/{self.line}.{self.order}"


@dataclass(slots=True)
class Source:
    """A module of refgrad as text, tree and functions by dotted name."""

    module: ModuleType
    tree: ast.Module
    functions: dict[str, ast.FunctionDef]


def modules() -> Iterator[str]:
    """The names of refgrad's modules, less those left out."""
    package = import_module("refgrad")
    for found in walk_packages(package.__path__, "refgrad."):
        if found.name.rpartition(".")[2] not in LEFT_OUT:
            yield found.name.removeprefix("refgrad.")


@cache
def source(module: str) -> Source:
    """A module's source."""
    found = import_module(f"refgrad.{module}")
    tree = ast.parse(Path(inspect.getfile(found)).read_text(encoding="utf-8"))
    return Source(found, tree, dict(_functions(tree)))


def _functions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, ast.FunctionDef]]:
    for node in getattr(tree, "body", ()):
        if isinstance(node, ast.FunctionDef):
            yield prefix + node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node, f"{prefix}{node.name}.")


@cache
def guards(module: str) -> tuple[Guard, ...]:
    """Every generated fault of a module."""
    return tuple(g for name, tree in source(module).functions.items() for g in _of_function(module, name, tree))


def _of_function(module: str, name: str, tree: ast.FunctionDef) -> Iterator[Guard]:
    for option in _options(tree):
        yield Guard(module, name, IGNORED, _first_line(tree), 0, option)
    for kind in KINDS:
        seen: dict[int, int] = {}
        for node in _nodes(tree, kind):
            order = seen[node.lineno] = seen.get(node.lineno, -1) + 1
            yield Guard(module, name, kind.name, node.lineno, order)


def _first_line(tree: ast.FunctionDef) -> int:
    """Where a function begins to run: after its docstring."""
    return tree.body[1 if ast.get_docstring(tree, clean=False) is not None and len(tree.body) > 1 else 0].lineno


def _options(tree: ast.FunctionDef) -> dict[str, ast.expr]:
    """The arguments with defaults."""
    spec = tree.args
    plain = [*spec.posonlyargs, *spec.args]
    found = dict(zip([a.arg for a in plain[len(plain) - len(spec.defaults) :]], spec.defaults))
    return found | {a.arg: d for a, d in zip(spec.kwonlyargs, spec.kw_defaults) if d is not None}


def _nodes(tree: ast.FunctionDef, kind: Kind) -> Iterator[Any]:
    """The nodes of a body that a kind applies to."""
    for statement in tree.body:
        for node in ast.walk(statement):
            if isinstance(node, kind.node) and kind.applies(node):
                yield node


def broken_code(guard: Guard) -> CodeType:
    """The changed function's code."""
    found = source(guard.module)
    function = deepcopy(found.functions[guard.function])
    if guard.kind == IGNORED:
        default = _options(function)[guard.option]
        function.body.insert(0, ast.Assign([ast.Name(guard.option, ast.Store())], deepcopy(default)))
    else:
        kind = next(kind for kind in KINDS if kind.name == guard.kind)
        node = [node for node in _nodes(function, kind) if node.lineno == guard.line][guard.order]
        _Replacing(node, kind.change(node)).visit(function)
    *path, last = guard.function.split(".")
    tree: Any = function
    for name in reversed(path):
        tree = ast.ClassDef(name, [], [], [tree], [])
    module = ast.Module([*_FUTURE.body, tree], [])
    code = compile(ast.fix_missing_locations(module), found.module.__file__ or "", "exec", dont_inherit=True)
    for part in (*path, last):
        code = next(c for c in code.co_consts if isinstance(c, CodeType) and c.co_name == part)
    return code


_FUTURE = ast.parse("from __future__ import annotations")


class _Replacing(ast.NodeTransformer):
    """Puts one node in another's place."""

    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> Any:
        return ast.copy_location(self.new, node) if node is self.old else self.generic_visit(node)


def function_of(guard: Guard) -> FunctionType | None:
    """The function that a guard is about, wrappers taken off; None where it is not there any more."""
    found: Any = source(guard.module).module
    *path, last = guard.function.split(".")
    try:
        for part in path:
            found = getattr(found, part)
        found = vars(found)[last]
    except (AttributeError, KeyError):
        return None
    for attribute in ("fget", "func", "__func__"):
        found = getattr(found, attribute, found)
    found = inspect.unwrap(found) if callable(found) else found
    here = source(guard.module).functions[guard.function]
    first = min([here.lineno, *(d.lineno for d in here.decorator_list)])
    if not isinstance(found, FunctionType) or found.__code__.co_firstlineno != first:
        return None
    return found


class Recoded(AbstractContextManager[None]):
    """Gives a function other code while entered."""

    def __init__(self, guard: Guard) -> None:
        found = function_of(guard)
        if found is None:
            raise LookupError(f"{guard.id}: refgrad has no such function at run time")
        self.function, self.sound, self.broken = found, found.__code__, broken_code(guard)
        if self.broken.co_freevars != self.sound.co_freevars:
            raise LookupError(f"{guard.id}: the changed function closes over other names")

    def __enter__(self) -> None:
        self.function.__code__ = self.broken

    def __exit__(self, *error: object) -> None:
        self.function.__code__ = self.sound
