"""The activations of nn.functional. Their slopes at kinks are PyTorch's: 0 for relu and hardtanh at both ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._dtypes import SCALAR_NAMES
from .._inplace import write
from .._layout import copied, pointwise
from .._op import POINTWISE, op, public, publish
from .._support import missing, refused
from .._tensor import Tensor
from .layout import as_dtype, other_tensor

SELU_ALPHA, SELU_SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946


def activation_row(signature: str, kernel: Callable[..., Any], label: str, **options: Any) -> Callable[..., Any]:
    """A row that PyTorch has for real floating-point tensors only."""
    lacks = options.pop("lacks", None) or missing(label, "cib")
    options = {"promote": "numbers", "public": False, "jvp": POINTWISE} | options
    return op(signature, kernel, lacks=lacks, **options)


INPLACE: dict[Callable[..., Any], Callable[..., Any]] = {}


def place(row: Callable[..., Any], inplace: bool, input: Tensor, *attributes: Any) -> Tensor:
    """The row's result, written into the input if so asked (by a row of its own where PyTorch has one)."""
    if inplace:
        return write(INPLACE.get(row, row).row, (input,), attributes)
    return row(input, *attributes)


def _relu(a: Any) -> Any:
    return np.maximum(a, as_dtype(a.dtype, 0))


# The identity in its first argument, and connected to its second: PyTorch's backward functions of relu and its kin are
# operators of the input too, so that a recorded gradient requires grad although its derivative is zero.
op(
    "attached(grad_output, self)", lambda g, x: g, public=False, exact=True,
    jvp=lambda F, x, t, attributes, out: F.zeros_like(out[0]) if t[0] is None else t[0],
    grad_output=lambda g: g, self=lambda g, F: F.zeros_like(g),
)  # fmt: skip


relu_row = op(
    "relu(self)", _relu, promote="numbers", exact=True, jvp=POINTWISE,
    lacks=refused("c", NotImplementedError, "clamp is not supported for complex types")
    | refused("b", RuntimeError, "Boolean inputs not supported for relu"),
    self=lambda g, F, out: F.attached(F.where(out <= 0, 0, g), out),
)  # fmt: skip
publish("nn.functional.relu_", relu_row.row.inplace)


@public("nn.functional.relu", method=False)
def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(0, x); its slope at 0 is 0. Source: torch.nn.functional.relu."""
    return place(relu_row, inplace, input)


def _hardtanh(a: Any, low: Any, high: Any) -> Any:
    return np.minimum(np.maximum(a, as_dtype(a.dtype, low)), as_dtype(a.dtype, high))


hardtanh_row = activation_row(
    "hardtanh(self, *, min_val, max_val)", _hardtanh, "", exact=True, layout=copied,
    lacks=refused("c", NotImplementedError, "clamp is not supported for complex types")
    | refused("b", RuntimeError, "Bool inputs not supported for hardtanh"),
    self=lambda g, F, self, min_val, max_val: F.attached(F.where((self <= min_val) | (self >= max_val), 0, g), self),
)  # fmt: skip


@public("nn.functional.hardtanh", method=False)
def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """x kept in [min_val, max_val]; its slope at both ends is 0. Source: torch.nn.functional.hardtanh."""
    if min_val > max_val:
        raise ValueError("min_val cannot be greater than max_val")
    if input._array.dtype.kind == "u" and int(min_val) < 0:
        raise RuntimeError("cannot do hardtanh on an unsigned type with negative limits")
    return place(hardtanh_row, inplace, input, min_val, max_val)


@public("nn.functional.hardtanh_", method=False)
def hardtanh_(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """hardtanh in place. Source: torch.nn.functional.hardtanh_."""
    return hardtanh(input, min_val, max_val, True)


@public("nn.functional.relu6", method=False)
def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """x kept in [0, 6]. Source: torch.nn.functional.relu6."""
    return place(hardtanh_row, inplace, input, 0, 6)


def _hardsigmoid_jvp(F: Any, x: Any, t: Any, attrs: Any, out: Any) -> Any:
    inside = (x[0] > -3) & (x[0] < 3)
    # The zeros outside are the input's, as the tangent's history is.
    return F.where(inside, t[0] / 6, F.where(inside, x[0], 0))


hardsigmoid_row = activation_row(
    "hardsigmoid(self)", lambda a: np.minimum(np.maximum(a + 3, 0), 6) / 6, "hardsigmoid_cpu",
    self=lambda g, F, self: F.attached_to(F.where((self > -3) & (self < 3), g / 6, 0), self), jvp=_hardsigmoid_jvp,
)  # fmt: skip
hardswish_row = activation_row(
    "hardswish(self)", lambda a: a * np.minimum(np.maximum(a + 3, 0), 6) / 6, "hardswish_cpu",
    self=lambda g, F, self: F.where(self <= -3, 0, F.where(self < 3, g * (self / 3 + 0.5), g)),
)  # fmt: skip


@public("nn.functional.hardsigmoid", method=False)
def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """(x + 3)/6 kept in [0, 1]. Source: torch.nn.functional.hardsigmoid."""
    return place(hardsigmoid_row, inplace, input)


@public("nn.functional.hardswish", method=False)
def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """x·hardsigmoid(x). Source: torch.nn.functional.hardswish."""
    return place(hardswish_row, inplace, input)


# Exponential linear units: scale·x above 0, scale·alpha·(exp(input_scale·x) - 1) below.


def _elu(a: Any, alpha: float, scale: float, input_scale: float) -> Any:
    return np.where(a > 0, a * scale, np.expm1(np.minimum(a, 0) * input_scale) * (alpha * scale))


def _elu_vjp(g: Any, F: Any, self: Any, alpha: float, scale: float, input_scale: float) -> Any:
    below = self <= 0
    decay = F.exp(F.where(below, self, 0) * input_scale)
    return F.where(below, g * (input_scale * alpha * scale) * decay, g * scale)


def _elu_vjp_from_result(g: Any, F: Any, out: Any, alpha: float, scale: float, input_scale: float) -> Any:
    if alpha < 0:
        raise RuntimeError(
            "In-place elu backward calculation is triggered with a negative slope which is not supported. This "
            "is caused by calling in-place forward function with a negative slope, please call out-of-place version "
            "instead."
        )
    return F.where(out <= 0, g * input_scale * (out + alpha * scale), g * scale)


elu_row = activation_row("elu(self, *, alpha, scale, input_scale)", _elu, "elu_cpu", self=_elu_vjp)
celu_row = activation_row(
    "celu(self, *, alpha)", lambda a, alpha: _elu(a, alpha, 1, 1 / alpha), "elu_cpu",
    self=lambda g, F, self, alpha: _elu_vjp(g, F, self, alpha, 1, 1 / alpha),
)  # fmt: skip
INPLACE[elu_row] = activation_row(
    "elu_inplace(self, *, alpha, scale, input_scale)", _elu, "elu_cpu", node="elu", overload=1,
    self=_elu_vjp_from_result,
)  # fmt: skip
INPLACE[celu_row] = activation_row(
    "celu_inplace(self, *, alpha)", lambda a, alpha: _elu(a, alpha, 1, 1 / alpha), "elu_cpu", node="celu", overload=1,
    self=lambda g, F, out, alpha: _elu_vjp_from_result(g, F, out, alpha, 1, 1 / alpha),
)  # fmt: skip


@public("nn.functional.elu", method=False)
def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x above 0, alpha·(exp(x) - 1) below. Source: torch.nn.functional.elu."""
    return place(elu_row, inplace, input, alpha, 1.0, 1.0)


@public("nn.functional.elu_", method=False)
def elu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """elu in place. Source: torch.nn.functional.elu_."""
    return elu(input, alpha, True)


@public("nn.functional.selu", method=False)
def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """The self-normalising elu. Source: torch.nn.functional.selu."""
    return place(elu_row, inplace, input, SELU_ALPHA, SELU_SCALE, 1.0)


@public("nn.functional.celu", method=False)
def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x above 0, alpha·(exp(x/alpha) - 1) below. Source: torch.nn.functional.celu."""
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")
    return place(celu_row, inplace, input, alpha)


publish("selu", selu)
publish("celu", celu)
for _known in ("selu_", "nn.functional.selu_"):
    publish(_known, lambda input: selu(input, True))
for _known in ("celu_", "nn.functional.celu_"):
    publish(_known, lambda input, alpha=1.0: celu(input, alpha, True))

# Leaky, thresholded and shrunk lines.

leaky_relu_row = activation_row(
    "leaky_relu(self, *, negative_slope)", lambda a, slope: np.where(a > 0, a, a * slope), "leaky_relu_cpu",
    self=lambda g, F, self, negative_slope: F.attached(F.where(self > 0, g, g * negative_slope), self),
)  # fmt: skip


def _leaky_vjp_from_result(g: Any, F: Any, out: Any, negative_slope: float) -> Any:
    if negative_slope < 0:
        raise RuntimeError(
            "In-place leakyReLu backward calculation is triggered with a negative slope which is not supported. This "
            "is caused by calling in-place forward function with a negative slope, please call out-of-place version "
            "instead. File an issue at https://github.com/pytorch/pytorch if you do require supporting in-place "
            "leakRelu backward calculation with negative slope"
        )
    return F.attached(F.where(out > 0, g, g * negative_slope), out)


INPLACE[leaky_relu_row] = activation_row(
    "leaky_relu_inplace(self, *, negative_slope)", leaky_relu_row.row.kernel, "leaky_relu_cpu", node="leaky_relu",
    overload=1, self=_leaky_vjp_from_result,
)  # fmt: skip


def _prelu_layout(result: np.ndarray, operands: Any) -> np.ndarray:
    return pointwise(result, operands) if result.size else copied(result, operands[:1])


prelu_row = activation_row(
    "prelu(self, weight)", lambda a, w: np.where(a > 0, a, w * a), "prelu_cpu", node="prelu_kernel", layout=_prelu_layout,
    self=lambda g, F, self, weight: F.attached(F.where(self > 0, g, weight * g), self),
    weight=lambda g, F, self, weight: F.attached(F.where(self > 0, 0, self * g), weight),
)  # fmt: skip
threshold_row = activation_row(
    "threshold(self, *, threshold, value)",
    lambda a, threshold, value: np.where(a <= as_dtype(a.dtype, threshold), as_dtype(a.dtype, value), a),
    "", exact=True, lacks=missing("threshold_cpu", "cb"),
    self=lambda g, F, self, threshold: F.attached(F.where(self <= threshold, 0, g), self),
)  # fmt: skip
INPLACE[threshold_row] = activation_row(
    "threshold_inplace(self, *, threshold, value)", threshold_row.row.kernel, "", exact=True, node="threshold",
    overload=1, lacks=missing("threshold_cpu", "cb"),
    self=lambda g, F, self, threshold: F.attached(F.where(self <= threshold, 0, g), self),
)  # fmt: skip
softshrink_row = activation_row(
    "softshrink(self, *, lambd)",
    lambda a, lambd: np.where(a > lambd, a - lambd, np.where(a < -lambd, a + lambd, a * 0)), "softshrink_check",
    self=lambda g, F, self, lambd: F.attached(F.where((self >= -lambd) & (self <= lambd), 0, g), self),
)  # fmt: skip
hardshrink_row = activation_row(
    "hardshrink(self, *, lambd)", lambda a, lambd: np.where((a >= -lambd) & (a <= lambd), as_dtype(a.dtype, 0), a),
    "hardshrink_cpu",
    self=lambda g, F, self, lambd: F.attached(F.where((self >= -lambd) & (self <= lambd), 0, g), self),
)  # fmt: skip


@public("nn.functional.leaky_relu", method=False)
def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x above 0, negative_slope·x below and at 0. Source: torch.nn.functional.leaky_relu."""
    return place(leaky_relu_row, inplace, input, negative_slope)


@public("nn.functional.leaky_relu_", method=False)
def leaky_relu_(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """leaky_relu in place. Source: torch.nn.functional.leaky_relu_."""
    return leaky_relu(input, negative_slope, True)


@public("nn.functional.threshold", method=False)
def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """x above the threshold, value elsewhere. Source: torch.nn.functional.threshold."""
    return place(threshold_row, inplace, input, threshold, value)


def _threshold_inplace(input: Tensor, threshold: float, value: float) -> Tensor:
    return place(threshold_row, True, input, threshold, value)


for _known in ("threshold", "nn.functional.threshold_"):
    publish(_known, threshold if _known == "threshold" else _threshold_inplace)
publish("threshold_", _threshold_inplace)


@public("nn.functional.softshrink", method=False)
def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """x moved towards 0 by lambd, 0 if it is that near. Source: torch.nn.functional.softshrink."""
    if lambd < 0:
        raise RuntimeError(
            f"lambda must be in range [0, {float(np.finfo(input._array.dtype).max):.6g}] for input dtype "
            f"{input.dtype.short.removesuffix('Tensor')}, but found {lambd:g}"
        )
    return softshrink_row(input, lambd)


@public("nn.functional.hardshrink", method=False)
def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """x, 0 if it is within lambd of 0. Source: torch.nn.functional.hardshrink."""
    return hardshrink_row(input, lambd)


publish("hardshrink", hardshrink, method=True)


@public("nn.functional.prelu", method=False)
def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """x above 0, weight·x below, one weight or one a channel (dimension 1). Source: torch.nn.functional.prelu."""
    other_tensor("prelu", weight, "weight")
    if input.dtype is not weight.dtype:
        names = [SCALAR_NAMES[t.dtype] for t in (input, weight)]
        raise RuntimeError(f"prelu: Type promoting not supported. Got {names[0]} and {names[1]}")
    if weight.numel() != 1:
        if not input.ndim:
            raise RuntimeError("Not allow zero-dim input tensor.")
        channels = input.shape[1] if input.ndim > 1 else 1
        if channels != weight.numel():
            raise RuntimeError(
                "Mismatch of parameter numbers and input channel size. Found parameter numbers = "
                f"{weight.numel()} and channel size = {channels}."
            )
    if weight.ndim > 1:
        raise RuntimeError(f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {weight.ndim}")
    if weight.ndim != input.ndim and not (input.ndim == 1 and weight.ndim == 1):
        shape = [1] * input.ndim
        if input.ndim > 1:
            shape[1] = weight.numel()
        weight = weight.reshape(shape)
    return prelu_row(input, weight)


publish("prelu", prelu, method=True)

publish("nn.functional.sigmoid", lambda input: input.sigmoid())
publish("nn.functional.tanh", lambda input: input.tanh())
