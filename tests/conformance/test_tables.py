"""What engines' tables are made of, on a fake engine; and that each backend's file is light and names real operators."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from conformance.backends import KNOWN, Backend, error_kind
from conformance.backends.functional import Functional
from conformance.backends.numpylike import Space
from conformance.backends.tables import (
    INDEXING,
    OPERATORS,
    each,
    found,
    listing,
    named,
    only,
    promoting,
    refusing,
    renaming,
    unclaimed,
    widening,
)
from conformance.catalogue import operators
from conformance.programs.program import Call, Leaf, Program, Ref
from conformance.programs.trace import Observed, Raised

BACKENDS = Path(__file__).parents[2] / "conformance" / "backends"
TABLED = ("mlx", "mygrad", "paddle", "tensorflow", "tinygrad")
ENGINES = frozenset({*TABLED, "torch", "refgrad", "autograd", "jax"})
SPACE = Space(np)


class Fake:
    """An engine's namespace: ``sine`` for sin, and an inner one."""

    class inner:
        relu = staticmethod(abs)

    sine = staticmethod(np.sin)
    cos = staticmethod(np.cos)


def test_names_that_an_engine_lacks_are_left_out() -> None:
    assert named(Fake, "sin=sine cos tan nn.functional.relu=inner.relu relu=outer.relu") == {
        "sin": np.sin,
        "cos": np.cos,
        "nn.functional.relu": abs,
    }


def test_an_operators_own_name_is_found_and_its_keywords_are_numpys() -> None:
    table = found("sum sum.dim special.cos sine tan", Fake, np)
    assert table.keys() == {"sum", "sum.dim", "special.cos", "sine", "tan"}
    assert table["special.cos"] is np.cos
    assert table["sine"] is np.sin
    assert table["sum.dim"](np.ones((2, 3)), dim=1).tolist() == [3, 3]


def test_what_an_engine_says_it_lacks_is_not_claimed() -> None:
    for entry in (_fails, unclaimed(ValueError, saying=("of rank",))(_fails)):
        with pytest.raises(ValueError, match="other"):
            entry(ValueError("other words"))
    with pytest.raises(NotImplementedError, match="of rank 3"):
        unclaimed(ValueError, saying=("of rank",))(_fails)(ValueError("of rank 3"))
    with pytest.raises(NotImplementedError), unclaimed(LookupError):
        _fails(KeyError("sin"))


def test_results_are_widened_in_tuples_too() -> None:
    wide = widening(lambda x: x.astype(np.int64))(lambda x: [x, (x,)])
    first, (second,) = wide(np.ones(2, np.int32))
    assert first.dtype == second.dtype == np.int64


def test_operands_are_promoted_as_by_pytorch() -> None:
    single, double = np.ones(3, np.float32), np.ones((), np.float64)
    assert promoting(SPACE)(lambda x, y: (x.dtype, y.dtype))(single, double) == (np.float32, np.float32)
    assert listing(SPACE)(lambda xs, dim: [x.dtype for x in xs])([single, double[None]], dim=0) == [np.float64] * 2
    assert promoting(SPACE)(OPERATORS["add"])(single, 2, alpha=3).dtype == np.float32


@pytest.mark.parametrize(
    ("name", "args", "attrs", "result"),
    [
        ("add", (5, 3), {"alpha": 2}, 11),
        ("sub", (5, 3), {"alpha": 2}, -1),
        ("rsub", (5, 3), {"alpha": 2}, -7),
        ("rsub", (5, 3), {"alpha": 1}, -2),
        ("__rsub__", (5, 3), {}, -2),
        ("__rdiv__", (4, 3), {}, 0.75),
        ("__rpow__", (5, 2), {}, 32),
        ("addcmul", (5, 3, 2), {"value": 2}, 17),
        ("addcdiv", (5, 3, 2), {"value": 2}, 8),
        ("le", (5, 5), {}, True),
    ],
)
def test_pythons_operators(name: str, args: tuple[float, ...], attrs: dict[str, float], result: float) -> None:
    assert OPERATORS[name](*args, **attrs) == result


def test_keywords_are_renamed() -> None:
    over = each(renaming(dim="axis"), {"sum": np.sum})["sum"]
    assert over(np.ones((2, 3)), dim=1).tolist() == [3, 3]


def test_an_option_that_the_engine_lacks_is_not_claimed() -> None:
    half = only(lambda x, scale=2: x / scale, eps=0.5)
    assert half(6, eps=0.5, scale=3) == 2
    with pytest.raises(NotImplementedError, match="eps"):
        half(6, eps=1.0)


class EngineError(Exception):
    """An engine's own class."""


def _fails(error: Exception) -> object:
    raise error


@pytest.mark.parametrize("error", [ValueError("of rank 3"), RuntimeError("no kernel"), EngineError("no")])
def test_what_an_engine_refuses_is_not_claimed(error: Exception) -> None:
    with pytest.raises(NotImplementedError, match="refused"):
        refusing(_fails, EngineError)(error)


def test_a_wrong_call_stays_an_error() -> None:
    with pytest.raises(TypeError):
        refusing(np.sin)(np.ones(2), dimension=1)
    with pytest.raises(EngineError):
        refusing(_fails)(EngineError("no"))
    assert refusing(lambda: [1, 2])() == (1, 2)


def _once(name: str, value: float) -> Program:
    leaf = Leaf(np.array(value).tobytes(), "float64", ())
    return Program((leaf, Call(name, (Ref(0),))))


def test_a_functional_engine_of_such_a_table_runs_programs() -> None:
    table = each(refusing, {"sin": np.sin, "cos": lambda x: _fails(ValueError("no cosine")), "tan": lambda x, y: x})
    engine: Backend = Functional("fake", "1", table | INDEXING, lambda f, args, seeds: args)
    seen = engine.execute(_once("sin", 0.5)).steps[1]
    assert isinstance(seen, Observed)
    assert seen.array == np.sin(0.5)
    refused, wrong = engine.execute(_once("cos", 0.5)).steps[1], engine.execute(_once("tan", 0.5)).steps[1]
    assert isinstance(refused, Raised)
    assert isinstance(wrong, Raised)
    assert (refused.kind, wrong.kind) == ("Unclaimed", error_kind(TypeError()))


def test_an_engine_without_second_derivatives_does_not_claim_them() -> None:
    once = Functional("fake", "1", {}, lambda f, args, seeds: args, twice=False)
    assert "double" not in once.claims
    assert "vjp" in once.claims


def _source(name: str) -> ast.Module:
    return ast.parse((BACKENDS / f"{name}_backend.py").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", KNOWN)
def test_a_backends_file_loads_no_engine(name: str) -> None:
    for node in _source(name).body:
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        modules += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
        assert not {module.partition(".")[0] for module in modules} & ENGINES


def _named_in(tree: ast.Module) -> Iterator[str]:
    """Operators in the module's lists of names, and the keys of the tables in its functions."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield from (word.partition("=")[0] for word in node.value.value.split())
    for node in (n for f in tree.body if isinstance(f, ast.FunctionDef) for n in ast.walk(f)):
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Dict):
            yield from (str(key.value) for key in node.value.keys if isinstance(key, ast.Constant))


@pytest.mark.parametrize("name", TABLED)
def test_a_table_names_operators_of_the_catalogue(name: str) -> None:
    found = list(_named_in(_source(name)))
    assert len(found) > 15
    assert set(found) <= operators().keys()
