"""PyTorch on a device: tried with the processor as the device."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from conformance.backends import EngineDied, load, missing
from conformance.backends.torch_device import NO_KERNEL, Torch, TorchOn, exact_arithmetic
from conformance.backends.wire import isolated
from conformance.drawing.build import Builder
from conformance.drawing.source import Stream
from conformance.judging.judge import Judge
from conformance.programs.leafdata import LAYOUTS, leaf_array
from conformance.programs.program import Leaf, Pattern, Program
from tests.conformance import poor_device

POOR = str(Path(poor_device.__file__))


def program(op: str) -> Program:
    b = Builder(Stream(1), "float64")
    b.backward(b.call("sum", b.call(op, b.leaf((2, 3)))))
    return b.program()


@pytest.fixture(scope="module")
def oracle() -> Torch:
    return load("torch")


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "complex128", "bool"])
def test_leaves_arrive_with_their_layout_and_are_no_views(layout: str, dtype: str) -> None:
    leaf = Leaf(Pattern("dyadic", 3, 0, 9), dtype, (2, 3, 4), layout)
    array = leaf_array(leaf)
    engine = load("torch:cpu")
    assert isinstance(engine, TorchOn)
    tensor = engine.tensor(array)
    assert tuple(s // array.itemsize for s in array.strides) == tensor.stride()
    assert np.array_equal(engine.array(tensor), array)
    assert not tensor._is_view() and tensor._version == 0


@pytest.mark.parametrize("shape", [(), (2, 3), (0, 3)])
def test_leaves_are_on_the_device(shape: tuple[int, ...]) -> None:
    assert TorchOn(torch, "meta").tensor(np.ones(shape)).device.type == "meta"


@pytest.mark.parametrize("op", ["sin", "tan"])
def test_what_the_device_has_no_kernel_for_is_not_claimed(oracle: Torch, op: str) -> None:
    judged = Judge(poor_device.backend(), oracle).judge(program(op))
    assert judged.status == "unclaimed" and "implemented for" in judged.lacks
    assert Judge(poor_device.backend(), oracle).judge(program("exp")).status == "same"


def test_a_check_in_a_kernel_counts_where_the_oracle_does_not_raise(oracle: Torch) -> None:
    assert Judge(poor_device.backend(), oracle).judge(program("cos")).status == "different"


def test_a_check_in_a_kernel_is_not_claimed_where_the_oracle_raises(oracle: Torch) -> None:
    b = Builder(Stream(1), "float64")
    b.call("cos", b.call("view", b.leaf((2, 3)), (7,), form="method"))
    assert Judge(poor_device.backend(), oracle).judge(b.program()).status == "same"
    wrong = Judge(poor_device.backend(), Asserting()).judge(program("cos"))
    assert wrong.status == "unclaimed" and "device-side assert" in wrong.lacks


class Asserting(Torch):
    """An oracle whose cosine refuses its argument."""

    def __init__(self) -> None:
        super().__init__(torch, "torch", torch.__version__)

    def callable(self, op: str, form: str):
        def refuse(*args: object, **attrs: object) -> None:
            raise IndexError("out of range")

        return refuse if op == "cos" else super().callable(op, form)


def test_after_a_lost_context_nothing_more_runs_in_the_process() -> None:
    engine = poor_device.backend()
    engine.execute(program("cos"))
    with pytest.raises(EngineDied, match="isolate"):
        engine.execute(program("exp"))


def test_another_process_takes_over_after_a_lost_context() -> None:
    engine = isolated(POOR)
    block = [program(op) for op in ("exp", "cos", "exp", "log", "cos", "exp")]
    engine.send_ahead(block)
    raised = [[kind.kind for _, kind in engine.execute(one).raised()][:1] for one in block]
    engine.close()
    assert raised == [[], ["Asserted"], [], [], ["Asserted"], []]


def test_numbers_and_abilities_are_the_device_s_own() -> None:
    engine = load("torch:cpu")
    assert missing(engine, frozenset({"dtype:float64", "dtype:bool", "op:sin", "hooks", "transform:vmap"})) == []
    assert missing(engine, frozenset({"random", "lifetime"})) == ["lifetime", "random"]


def test_reduced_precision_is_off() -> None:
    torch.backends.cudnn.allow_tf32 = True
    exact_arithmetic(torch)
    assert not torch.backends.cudnn.allow_tf32 and torch.get_float32_matmul_precision() == "highest"


@pytest.mark.parametrize(
    "text",
    [
        "\"addmm_cuda\" not implemented for 'Long'",
        "Could not run 'aten::lu' with arguments from the 'XPU' backend.",
        "Cannot convert a MPS Tensor to float64 dtype as the MPS framework doesn't support float64. Use float32.",
        "linalg.geqrf: requires compiling PyTorch with MAGMA",
    ],
)
def test_words_for_a_missing_kernel(text: str) -> None:
    assert NO_KERNEL.search(text)


@pytest.mark.parametrize("text", ["derivative for aten::floor is not implemented", "shape mismatch", "size 3 for"])
def test_words_that_are_errors(text: str) -> None:
    assert not NO_KERNEL.search(text)
