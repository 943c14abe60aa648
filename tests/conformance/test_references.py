"""The arbiter's definitions, held to what PyTorch gives in double precision on drawn programs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import mpmath
import numpy as np
import pytest

from conformance import backends, catalogue
from conformance.drawing.generate import one_operator
from conformance.drawing.source import Rejected, Stream, mix
from conformance.judging.evaluation import Evaluation, lift
from conformance.judging.references import DIGITS, NoReference
from conformance.programs import program as p
from conformance.programs.trace import Observed, Raised
from conformance.promises.properties import PROPERTIES

MOVING = """T mT mH t unsqueeze squeeze squeeze.dim squeeze.dims ravel flatten expand_as view_as reshape_as swapaxes
movedim flip fliplr flipud rot90 roll hstack vstack dstack column_stack stack broadcast_tensors unbind select
narrow index_select trace repeat tile repeat_interleave diagonal linalg.diagonal diag diagflat tril triu
masked_fill masked_fill.tensor gather sgn cholesky linalg.inv inverse linalg.matrix_exp matrix_exp
linalg.solve linalg.pinv pinverse atleast_1d atleast_2d atleast_3d unflatten as_strided unfold diag_embed
nn.functional.pad constant_pad_nd nn.functional.pad.reflect nn.functional.pad.replicate nn.functional.pad.circular
tensordot einsum cdist nn.functional.pdist linalg.matrix_norm linalg.cond ormqr
nn.functional.conv1d nn.functional.conv2d nn.functional.conv3d nn.functional.avg_pool1d nn.functional.avg_pool2d
nn.functional.avg_pool3d nn.functional.layer_norm nn.functional.group_norm nn.functional.normalize
nn.functional.local_response_norm nn.functional.adaptive_avg_pool1d nn.functional.adaptive_avg_pool2d
nn.functional.adaptive_avg_pool3d __radd__ __rsub__ __rmul__ __rdiv__ __rmatmul__ true_divide
nn.functional.multi_head_attention_forward"""
FOURIER = [f"fft.{kind}{many}" for kind in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft") for many in ("", "2", "n")]
CHOOSING = """nn.functional.relu6 nn.functional.mish nn.functional.logsigmoid nn.functional.softsign
nn.functional.hardswish special.entr deg2rad rad2deg fmax fmin clamp_min clamp_max xlogy special.xlog1py lerp lerp.tensor
addcmul addcdiv amin max min aminmax min.dim select_scatter slice_scatter diagonal_scatter nn.functional.mse_loss outer
nn.functional.linear all any nn.functional.selu complex kthvalue mode dist linalg.householder_product
linalg.svdvals view_as_complex view_as_real"""
PROGRAMS = 12


def drawn(name: str) -> Iterator[p.Program]:
    line, kind = catalogue.find(name), PROPERTIES["forward"]
    draw = one_operator(line, kind.build, kind.dtypes(line))
    for index in range(PROGRAMS):
        try:
            yield draw(Stream(mix(7, index)))
        except Rejected:
            continue


def parts(value: Any) -> list[Any]:
    return list(value) if isinstance(value, tuple) else [value]


@pytest.mark.parametrize("name", [*MOVING.split(), *CHOOSING.split(), *FOURIER, "fft.fftshift", "fft.ifftshift"])
def test_a_definition_is_what_it_defines(name: str) -> None:
    torch, compared = backends.load("torch"), 0
    for program in drawn(name):
        steps = torch.execute(program).steps
        for index, step in enumerate(program.steps):
            if not isinstance(step, p.Call) or step.op != name or isinstance(steps[index], Raised):
                continue
            try:
                with mpmath.workdps(DIGITS):
                    mine = parts(Evaluation(program).value(index, {}, 0))
            except (NoReference, ZeroDivisionError):
                continue
            for truth, seen in zip(mine, parts(steps[index]), strict=True):
                assert isinstance(seen, Observed) and seen.array.shape == np.shape(truth)
                compared += agree(np.asarray(truth, dtype=object), seen.array)
    assert compared


def agree(truth: np.ndarray, seen: np.ndarray) -> int:
    """Asserts that values are the same but for rounding; how many they are."""
    eps = 1e-9 if seen.dtype.name in ("float64", "complex128") else 1e-4
    largest = max((float(abs(v)) for v in truth.reshape(-1) if math.isfinite(abs(v))), default=1.0)
    for exact, value in zip(truth.reshape(-1), lift(seen).reshape(-1)):
        both_nan = mpmath.isnan(exact) and mpmath.isnan(value)
        assert exact == value or both_nan or abs(exact - value) <= eps * max(largest, 1.0)
    return truth.size


@pytest.mark.parametrize("name", ["linalg.svd", "svd", "svd_lowrank"])
def test_singular_vectors_give_back_the_matrix(name: str) -> None:
    """In which phases is nobody's promise, so the vectors themselves aren't compared."""
    torch, compared = backends.load("torch"), 0
    for program in drawn(name):
        index = next(i for i, step in enumerate(program.steps) if isinstance(step, p.Call) and step.op == name)
        call = program.steps[index]
        assert isinstance(call, p.Call)
        with mpmath.workdps(DIGITS):
            evaluation = Evaluation(program)
            a = evaluation.value(call.args[0].index, {}, 0)
            try:
                u, s, v = evaluation.value(index, {}, 0)
            except NoReference:
                continue
            k = s.shape[-1]
            vh = v[..., :k, :] if name == "linalg.svd" else np.vectorize(mpmath.conj)(np.swapaxes(v[..., :k], -1, -2))
            gap = np.abs(np.matmul(u[..., :k] * s[..., None, :], vh) - a)
        assert max(gap.reshape(-1)) < mpmath.mpf(10) ** -40
        seen = torch.execute(program).steps[index]
        assert isinstance(seen, tuple) and isinstance(seen[1], Observed)
        compared += agree(s, seen[1].array)
    assert compared
