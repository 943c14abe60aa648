"""The table for NumPy-like namespaces: on plain NumPy each entry gives PyTorch's value wherever the catalogue draws."""

from __future__ import annotations

import warnings
import zlib

import numpy
import pytest

from conformance.backends import load
from conformance.backends.functional import Functional
from conformance.backends.numpylike import Space, table
from conformance.catalogue import Operator, find
from conformance.drawing.build import Builder
from conformance.drawing.source import Rejected, Stream, mix
from conformance.judging.judge import Judge
from conformance.programs.program import Program
from conformance.promises.properties import PROPERTIES

pytest.importorskip("torch")
DTYPES = ("float16", "float32", "float64", "complex64", "complex128", "int64", "int32", "bool")
ENTRIES = table(Space(numpy))
EXAMPLES = 24


def _no_vjp(*_: object) -> tuple[object, ...]:
    raise NotImplementedError


NUMPY = Functional("numpy", numpy.__version__, ENTRIES, _no_vjp, DTYPES, numpy=numpy.asarray)


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(NUMPY, load("torch"))


def _draw(line: Operator, kind: str, index: int) -> Program | None:
    b = Builder(Stream(mix(zlib.crc32(line.name.encode()), index)), line.dtypes[index % len(line.dtypes)])
    b.sizes = {"edge": "edge", "layout": "layout"}.get(kind, "any")
    try:
        PROPERTIES["forward"].build(b, line)
    except Rejected:
        return None
    return b.program()


@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_is_pytorchs_function(name: str, judge: Judge) -> None:
    line, judged = find(name), 0
    for index in range(EXAMPLES):
        program = _draw(line, ("any", "edge")[index % 2], index // 2)
        if program is None or not judge.claimed(program):
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            judgement = judge.judge(program)
        judged += judgement.status != "unclaimed"
        assert judgement.status != "different", f"{program.steps}\n{judgement.divergence}"
    assert judged, "no program is judged: the entry is not claimed in truth"


class _Few:
    """A namespace that has sin, exp, where and shape."""

    def __getattr__(self, name: str) -> object:
        if name in ("sin", "exp", "where", "shape"):
            return getattr(numpy, name)
        raise AttributeError(name)


def test_what_a_namespace_lacks_is_left_out() -> None:
    found = table(Space(_Few()))
    assert {"sin", "exp", "where", "sigmoid", "nn.functional.silu"} <= found.keys()
    assert not {"cos", "sum", "softmax", "nn.functional.mish", "fft.fft", "linalg.inv", "var.dim"} & found.keys()
