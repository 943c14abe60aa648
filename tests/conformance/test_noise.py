"""Noise in the oracle's kernels: it is everywhere, it is small, and it excuses no small wrong element."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from conformance import backends, catalogue
from conformance.drawing.build import Builder
from conformance.drawing.generate import one_operator
from conformance.drawing.source import Stream
from conformance.judging.judge import Judge
from conformance.judging.tracing import values
from conformance.programs.program import Backward, Call, Leaf, Observe, Pattern, Program, Ref, Region, Transform
from conformance.programs.trace import Observed, Trace
from conformance.promises.properties import PROPERTIES

SIZE = 65536
PLACE = 12345


@pytest.fixture(scope="module", params=["torch", "refgrad"])
def oracle(request: Any) -> Any:
    return backends.load(request.param)


class OneElementOff:
    """An engine that is right but for one element of one tensor, by one part in a million."""

    def __init__(self, sound: Any, which: tuple[str, int]) -> None:
        self.sound, self.which = sound, which
        self.name, self.version, self.family, self.claims = "off", sound.version, sound.family, sound.claims

    def call(self, run: Any, drawn: Any) -> Any:
        return self.sound.call(run, drawn)

    def execute(self, program: Program, noise: int | None = None) -> Trace:
        trace = self.sound.execute(program, noise)
        for place, value in values(trace):
            if place[:2] == self.which:
                flat = value.array.reshape(-1)
                flat[PLACE % flat.size] *= 1 + 1e-6
        return trace


def leaf(shape: tuple[int, ...], seed: int, grad: bool = False) -> Leaf:
    return Leaf(Pattern("uniform", seed, -4.0, 4.0), "float64", shape, requires_grad=grad)


def differentiated(*leaves: Leaf, op: str, attrs: tuple[Any, ...], cotangent: tuple[int, ...]) -> Program:
    """A call on leaves, its value observed, and a backward pass."""
    n = len(leaves)
    call = Call(op, tuple(Ref(i) for i in range(n)), attrs)
    return Program((*leaves, call, leaf(cotangent, 9), Observe(Ref(n)), Backward((Ref(n),), (Ref(n + 1),))))


PROGRAMS = {
    "sum": differentiated(leaf((SIZE,), 1, True), op="sum", attrs=(), cotangent=()),
    "matmul": differentiated(
        leaf((256, 64), 1, True), leaf((64, 256), 2, True), op="matmul", attrs=(), cotangent=(256, 256)
    ),
    "softmax": differentiated(leaf((SIZE,), 1, True), op="softmax", attrs=(("dim", 0),), cotangent=(SIZE,)),
}
WRONG = [(op, ("gradient", 0)) for op in PROGRAMS] + [("matmul", ("step", 2)), ("softmax", ("step", 1))]


@pytest.mark.parametrize(("op", "which"), WRONG)
def test_one_element_of_many_is_caught(oracle: Any, op: str, which: tuple[str, int]) -> None:
    program = PROGRAMS[op]
    assert Judge(oracle, oracle).judge(program).status == "same"
    found = Judge(OneElementOff(oracle, which), oracle).judge(program)
    assert found.status == "different" and found.divergence is not None and found.divergence.kind == "value"


def test_one_operand_of_many_is_caught_in_the_sum(oracle: Any) -> None:
    """What is allowed is a share of the operands' absolute sum, and no more."""
    assert Judge(OneElementOff(oracle, ("step", 1)), oracle).judge(PROGRAMS["sum"]).status == "different"


@pytest.mark.parametrize("kind", ["constant", "uniform"])
def test_a_fourier_transform_errs_by_a_share_of_its_signal(oracle: Any, kind: str) -> None:
    """Of a constant signal all but one frequency are 0: what rounding leaves of them is measured by that one. Of another
    signal none is allowed that much."""
    signal = Leaf(Pattern(kind, 1, 0.3, 0.3 if kind == "constant" else 4.0), "float64", (129, 2, 2))
    program = Program((signal, Call("fft.rfft", (Ref(0),), (("dim", 0),)), Observe(Ref(1))))
    judge = Judge(oracle, oracle)
    allowed = judge.closeness(program, oracle.execute(program)).allowance["step", 1, ()]
    peak = 129 * 2.2e-16 * (0.3 if kind == "constant" else 2.2)
    assert peak < allowed[5:].min() and allowed.max() < 200 * peak
    other = Program((signal, Call("fft.rfft", (Ref(0),), (("dim", -1),)), Observe(Ref(1))))
    narrow = judge.closeness(other, oracle.execute(other)).allowance["step", 1, ()]
    assert narrow.max() < allowed[5:].min()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_what_transforms_return_is_disturbed(oracle: Any, seed: int) -> None:
    region = Region(1, (Call("tanh", (Ref(0),)),), (Ref(1),))
    jvp = Transform("jvp", region, (Ref(0),), options=(("tangents", (Ref(1),)),))
    vjp = Transform("vjp", region, (Ref(0),), options=(("cotangents", (Ref(1),)),))
    program = Program((leaf((5,), 1), leaf((5,), 2), jvp, vjp))
    still, moved = dict(values(oracle.execute(program))), dict(values(oracle.execute(program, noise=seed)))
    for place in (("step", 2, (1,)), ("step", 3, (1,))):
        gap = np.abs(moved[place].array / still[place].array - 1)
        assert 0 < gap.max() < 1e-12


def test_exact_kernels_are_not_disturbed(oracle: Any) -> None:
    b = Builder(Stream(1), "float64")
    x = b.leaf((4, 3))
    calls: dict[str, dict[str, Any]] = {"relu": {}, "amax": {"dim": (1,), "keepdim": False}, "flip": {"dims": (0,)}}
    for op, attrs in calls.items():
        b.observe(b.call(op, x, **attrs), "value")
    program = b.program()
    still, moved = oracle.execute(program), oracle.execute(program, noise=0)
    pairs = [(a, c) for a, c in zip(still.steps, moved.steps) if isinstance(a, Observed) and isinstance(c, Observed)]
    assert pairs and all(np.array_equal(a.array, c.array) for a, c in pairs)


@pytest.mark.parametrize(("op", "size", "watched"), [("prod", 2000, False), ("prod", 20, True), ("sum", 2000, True)])
def test_long_products_are_not_watched(op: str, size: int, watched: bool) -> None:
    oracle: Any = backends.load("torch")
    leaf = Leaf(Pattern("uniform", 1, 0.5, 1.5), "float64", (size,), requires_grad=True)
    program = Program((leaf, Call(op, (Ref(0),))))
    assert (oracle.kernel_noise(0, program) is not None) is watched


@pytest.mark.parametrize(
    "op", ["linalg.svd", "linalg.slogdet", "nn.functional.grid_sample.volume", "nn.functional.layer_norm", "cumprod"]
)
def test_what_is_disturbed_still_runs(oracle: Any, op: str) -> None:
    line, kind = catalogue.find(op), PROPERTIES["double"]
    program = one_operator(line, kind.build, kind.dtypes(line))(Stream(7))
    still, moved = oracle.execute(program), oracle.execute(program, noise=2)
    assert not list(still.raised()) and not list(moved.raised())
    pairs = [(a.array, b.array) for (_, a), (_, b) in zip(values(still), values(moved), strict=True)]
    assert any(not np.array_equal(a, b) for a, b in pairs)


def test_noise_leaves_the_exponents_of_negative_numbers(oracle: Any) -> None:
    base = Leaf(np.array([-2.0, -0.5, 3.0]).tobytes(), "float64", (3,))
    exponent = Leaf(np.array([-2.0, 3.0, 2.0]).tobytes(), "float64", (3,))
    program = Program((base, exponent, Call("sin", (Ref(0),)), Call("pow", (Ref(2), Ref(1)))))
    for seed in range(4):
        seen = oracle.execute(program, noise=seed).steps[3]
        assert isinstance(seen, Observed) and np.isfinite(seen.array).all()
