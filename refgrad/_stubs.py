"""Stubs for editors and type checkers, written from the rows and the public functions: ``python -m refgrad._stubs``.

Operators are made public at import, which no checker follows; the stubs spell out what is there then.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import refgrad

from ._dtypes import dtype
from ._op import PUBLIC
from ._tensor import Tensor

HERE = Path(__file__).parent
MODULES = {"linalg": "linalg", "fft": "fft", "special": "special", "masked": "masked", "nn/functional": "nn.functional"}
HEAD = """# Written by `python -m refgrad._stubs` from the rows; not by hand.
import builtins
from collections.abc import Callable, Iterator, Sequence
from typing import Any

"""
BUILTINS = ("bool", "int", "float", "complex", "str", "tuple", "list", "dict", "None")
KNOWN = frozenset({*BUILTINS, "Tensor", "Any", "Sequence", "Callable", "Iterator"})
COMPARISONS = {"__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"}
# Attributes that may be set.
SETTABLE = {"data": "Tensor", "grad": "Tensor | None", "requires_grad": "builtins.bool"}


def annotation(text: Any) -> str:
    """An annotation in terms that every stub knows, else Any."""
    if text is inspect.Parameter.empty:
        return "Any"
    text = text if isinstance(text, str) else getattr(text, "__name__", "Any")
    try:
        tree = ast.parse(text, mode="eval")
    except SyntaxError:
        return "Any"
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    if not names <= KNOWN or any(isinstance(node, ast.Attribute) for node in ast.walk(tree)):
        return "Any"
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in BUILTINS:
            node.id = f"builtins.{node.id}"
    return ast.unparse(tree)


def default(value: Any) -> str:
    """A default as it is written, where it is a plain value."""
    plain = value is None or isinstance(value, (bool, int, float, str)) or value == ()
    return repr(value) if plain and value == value and abs_finite(value) else "..."


def abs_finite(value: Any) -> bool:
    """Whether a number can be written as it is."""
    return not isinstance(value, float) or abs(value) != float("inf")


def parameters(function: Callable[..., Any], is_method: bool) -> list[str]:
    """The parameters of a function as a stub writes them; a row's own are positional."""
    row = getattr(function, "row", None)
    given = list(inspect.signature(function).parameters.values())
    if row is not None:
        names = [i.name.rstrip("?") for i in row.schema.inputs]
        written = [f"{n}: {'Tensor' if k == 0 else 'Any'}" for k, n in enumerate(names)] + [
            f"{n}: Any = ..." for n in row.schema.attributes
        ]
        written[0] = "self" if is_method else "input: Tensor"
        has_out = any(p.name == "out" for p in given)
        return [*written, "/", *(["*", "out: Tensor | None = None"] if has_out else [])]
    return list(_written(given, is_method))


def _written(given: list[inspect.Parameter], is_method: bool) -> Iterator[str]:
    """Every parameter, with the marks that separate their kinds."""
    keyword_only = False
    for k, p in enumerate(given):
        if p.kind is p.KEYWORD_ONLY and not keyword_only:
            keyword_only = True
            if not any(q.kind is q.VAR_POSITIONAL for q in given):
                yield "*"
        stars = {p.VAR_POSITIONAL: "*", p.VAR_KEYWORD: "**"}.get(p.kind, "")
        if is_method and k == 0 and not stars:
            yield "self"
            continue
        value = "" if p.default is p.empty else f" = {default(p.default)}"
        yield f"{stars}{p.name}: {annotation(p.annotation)}{value}"


def definition(name: str, function: Callable[..., Any], is_method: bool = False) -> str:
    """One function or method."""
    try:
        written = parameters(function, is_method)
        result = annotation(inspect.signature(function).return_annotation)
    except (TypeError, ValueError):
        written, result = (["self"] if is_method else []) + ["*args: Any", "**keywords: Any"], "Any"
    if result == "Any" and is_method and name.startswith("__") and name != "__contains__":
        computes = "other" in " ".join(written) or len(written) == 1
        result = "Iterator[Tensor]" if name == "__iter__" else "Tensor" if computes else result
    if getattr(function, "row", None) is not None and result == "Any":
        result = "Tensor" if len(function.row.schema.outputs) == 1 else "tuple[Tensor, ...]"  # type: ignore[attr-defined]
        result = result.replace("tuple", "builtins.tuple")
    return f"def {name}({', '.join(written)}) -> {result}: ..."


def members() -> Iterator[str]:
    """The members of Tensor: attributes, methods, Python's operators."""
    for name in sorted(dir(Tensor)):
        member = inspect.getattr_static(Tensor, name)
        hidden = name.startswith("_") and not (name.startswith("__") and name in refgrad_operators())
        if hidden or (name in object.__dict__ and name not in COMPARISONS):
            continue
        if isinstance(member, (staticmethod, classmethod)):
            yield f"    {name}: Any"
        elif callable(member):
            ignored = "  # type: ignore[override]" if name in COMPARISONS else ""
            yield f"    {definition(name, member, True)}{ignored}"
        elif name in SETTABLE:
            yield f"    @property\n    def {name}(self) -> {SETTABLE[name]}: ..."
            yield f"    @{name}.setter\n    def {name}(self, value: Any) -> None: ..."
            if name == "grad":
                yield f"    @{name}.deleter\n    def {name}(self) -> None: ..."
        else:
            kind = "Tensor" if name in ("T", "H", "mT", "mH", "real", "imag") else "Any"
            yield f"    @property\n    def {name}(self) -> {kind}: ..."


def refgrad_operators() -> set[str]:
    """Python's operators that a tensor has."""
    own = {n for n in dir(Tensor) if n.startswith("__") and n not in dir(object)}
    return {n for n in own if callable(getattr(Tensor, n))} | COMPARISONS


def entries(module: ModuleType, found: dict[str, Any]) -> Iterator[str]:
    """The public names of a module."""
    for name, value in sorted(found.items()):
        if name.startswith("_") or name in ("annotations", "Any", "PUBLIC") or value is Tensor:
            continue
        if isinstance(value, ModuleType):
            if value.__name__ == f"{module.__name__}.{name}":
                yield f"from {module.__name__} import {name} as {name}"
        elif isinstance(value, type):
            where = import_module(value.__module__)
            if hasattr(where, value.__name__):
                yield f"from {value.__module__} import {value.__name__} as {name}"
            else:
                yield f"class {name}({value.__mro__[1].__name__}): ..."
        elif callable(value):
            yield definition(name, value)
        else:
            yield f"{name}: {'dtype' if isinstance(value, dtype) else 'Any'}"


def stubs() -> dict[str, str]:
    """The text of every stub, by its path in the package."""
    texts: dict[str, str] = {"py.typed": ""}
    body = "\n".join(entries(refgrad, dict(vars(refgrad))))
    tensor = "\n".join(["class Tensor(_Tensor):", *members()])
    texts["__init__.pyi"] = f"{HEAD}from refgrad._tensor import Tensor as _Tensor\n\n{tensor}\n\n{body}\n"
    for path, name in MODULES.items():
        module = import_module(f"refgrad.{name}")
        found = {n.removeprefix(name + "."): f for n, f in PUBLIC.items() if n.startswith(name + ".")}
        written = "\n".join(entries(module, {**vars(module), **found}))
        texts[f"{path}.pyi"] = f"{HEAD}from refgrad import Tensor\n\n{written}\n"
    return texts


def main() -> None:
    """Writes the stubs into the package."""
    for path, text in stubs().items():
        (HERE / path).write_text(text, encoding="utf-8")
        print(f"refgrad/{path}: {text.count('def ')} signatures")


if __name__ == "__main__":
    main()
