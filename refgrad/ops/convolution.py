"""Convolutions and transposed convolutions over 1, 2 and 3 dimensions."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from .._dtypes import SCALAR_NAMES
from .._errors import list_text
from .._op import PUBLIC, op, public
from .._tensor import Tensor
from .checks import c_name
from .convolution_kernels import Geometry, adjoint, forward
from .spatial import Numbers, batched, laid_out_like_any

SAME_WARNING = (
    "Using padding='same' with even kernel lengths and odd dilation may require a zero-padded copy of the input be "
    "created (Triggered internally at /__w/pytorch/pytorch/aten/src/ATen/native/Convolution.cpp:1101.)"
)


def _convolution(
    x: np.ndarray,
    w: np.ndarray,
    bias: Any,
    stride: Numbers,
    padding: Numbers,
    dilation: Numbers,
    transposed: bool,
    output_padding: Numbers,
    groups: int,
) -> np.ndarray:
    geometry = Geometry(stride, padding, dilation, groups)
    if transposed:
        made = adjoint(x, w, geometry, transposed_size(x.shape[2:], w.shape[2:], geometry, output_padding))
    else:
        made = forward(x, w, geometry)
    if bias is not None:
        made += bias.reshape(-1, *(1,) * (x.ndim - 2))
    return made


def transposed_size(size: Numbers, kernel: Numbers, geometry: Geometry, output_padding: Numbers) -> Numbers:
    """The size whose convolution has the given one."""
    rest = zip(size, kernel, *geometry[:3], output_padding)
    return tuple((n - 1) * s - 2 * p + d * (k - 1) + o + 1 for n, k, s, p, d, o in rest)


def _convolution_pull(
    F: Any,
    needs: Any,
    g: Any,
    input: Any,
    weight: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    transposed: bool,
    output_padding: Any,
    groups: int,
) -> tuple[Any, Any, Any]:
    geometry = Geometry(stride, padding, dilation, groups)
    by_input = by_weight = by_bias = None
    if needs[0]:
        w, size = F.conj(weight), tuple(input.shape[2:])
        by_input = F.conv_forward(g, w, geometry) if transposed else F.conv_adjoint(g, w, geometry, size)
        by_input = F.linked_to(by_input, input)
    if needs[1]:
        pair = (g, F.conj(input)) if transposed else (F.conj(input), g)
        by_weight = F.linked_to(F.conv_kernel(*pair, geometry, tuple(weight.shape)), weight)
    if needs[2]:
        by_bias = F.linked_to(F.sum_dim(g, (0, *range(2, len(g.shape))), False), input, weight)
    return by_input, by_weight, by_bias


def _convolution_jvp(F: Any, x: Any, t: Any, attributes: Any, outputs: Any) -> Any:
    input, weight, _ = x
    parts = []
    if t[0] is not None:
        parts.append(F.convolution(t[0], weight, None, *attributes))
    if t[1] is not None:
        parts.append(F.convolution(input, t[1], None, *attributes))
    if t[2] is not None:
        parts.append(t[2].reshape((-1,) + (1,) * (input.ndim - 2)).expand(outputs[0].shape))
    return F.attached_to(sum(parts[1:], parts[0]), input, weight)


convolution_row = op(
    "convolution(input, weight, bias?, *, stride, padding, dilation, transposed, output_padding, groups)",
    _convolution, public=False, layout=laid_out_like_any, gradients=_convolution_pull, jvp=_convolution_jvp,
)  # fmt: skip


def _numbers(name: str, value: Any, dims: int) -> Numbers:
    given = (int(value),) if isinstance(value, int) else tuple(int(v) for v in value)
    if len(given) not in (1, dims):
        raise RuntimeError(
            f"expected {name} to be a single integer value or a list of {dims} values to match the convolution "
            f"dimensions, "
            f"but got {name}={list_text(given)}"
        )
    return given * dims if len(given) == 1 else given


def _check_numbers(geometry: Geometry, output_padding: Numbers) -> None:
    if any(p < 0 for p in geometry.padding):
        raise RuntimeError("negative padding is not supported")
    if any(p < 0 for p in output_padding):
        raise RuntimeError("negative output_padding is not supported")
    if any(s <= 0 for s in geometry.stride):
        raise RuntimeError("non-positive stride is not supported")
    if any(d <= 0 for d in geometry.dilation):
        raise RuntimeError("non-positive dilation is not supported")


def _check(x: Tensor, w: Tensor, bias: Tensor | None, geometry: Geometry, transposed: bool) -> None:
    groups, shape = geometry.groups, tuple(w.shape)
    if shape[0] < groups:
        raise RuntimeError(
            f"Given groups={groups}, expected weight to be at least {groups} at dimension 0, but got weight of size "
            f"{list_text(shape)} instead"
        )
    if shape[0] % groups:
        raise RuntimeError(
            f"Given groups={groups}, expected weight to be divisible by {groups} at dimension 0, but got weight of "
            f"size "
            f"[{list_text(shape)}] instead"
        )
    channels = shape[0] if transposed else shape[1] * groups
    start = f"Given transposed={int(transposed)}" if transposed else f"Given groups={groups}"
    if x.shape[1] != channels:
        raise RuntimeError(
            f"{start}, weight of size {list_text(shape)}, expected input{list_text(x.shape)} to have {channels} "
            f"channels, "
            f"but got {x.shape[1]} channels instead"
        )
    outputs = shape[1] * groups if transposed else shape[0]
    if bias is not None and (bias.ndim != 1 or bias.shape[0] != outputs):
        given = "Given transposed=1, weight" if transposed else "Given weight"
        raise RuntimeError(
            f"{given} of size {list_text(shape)}, expected bias to be 1-dimensional with {outputs} elements, but got "
            f"bias of "
            f"size {list_text(bias.shape)} instead"
        )
    if not transposed:
        _check_fits(x, w, geometry)


def _check_fits(x: Tensor, w: Tensor, geometry: Geometry) -> None:
    padded = [n + 2 * p for n, p in zip(x.shape[2:], geometry.padding)]
    reach = [d * (k - 1) + 1 for k, d in zip(w.shape[2:], geometry.dilation)]
    if any(n < k for n, k in zip(padded, reach)):
        sizes = " x ".join(map(str, padded)), " x ".join(map(str, reach))
        raise RuntimeError(
            f"Calculated padded input size per channel: ({sizes[0]}). Kernel size: ({sizes[1]}). Kernel size can't "
            f"be greater "
            "than actual input size"
        )


def _check_dtypes(x: Tensor, w: Tensor, bias: Tensor | None) -> None:
    if bias is not None and bias.dtype is not x.dtype:
        raise RuntimeError(f"Input type ({c_name(x.dtype)}) and bias type ({c_name(bias.dtype)}) should be the same")
    if w.dtype is not x.dtype:
        raise RuntimeError(f"expected scalar type {SCALAR_NAMES[x.dtype]} but found {SCALAR_NAMES[w.dtype]}")


def _apply(
    name: str,
    dims: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    geometry: Geometry,
    transposed: bool = False,
    output_padding: Numbers = (),
) -> Tensor:
    if input.ndim not in (dims + 1, dims + 2):
        raise RuntimeError(
            f"Expected {dims + 1}D (unbatched) or {dims + 2}D (batched) input to {name}, but got input of size: "
            f"{list_text(input.shape)}"
        )
    if geometry.groups <= 0:
        raise RuntimeError("non-positive groups is not supported")

    def run(x: Tensor) -> Tensor:
        _check_numbers(geometry, output_padding)
        _check(x, weight, bias, geometry, transposed)
        _check_dtypes(x, weight, bias)
        return convolution_row(x, weight, bias, *geometry[:3], transposed, output_padding, geometry.groups)

    return batched(input, dims, run)


def _geometry(dims: int, weight: Tensor, stride: Any, padding: Any, dilation: Any, groups: int) -> Geometry:
    given = {"stride": stride, "padding": padding, "dilation": dilation}
    each = {name: (value,) * dims if isinstance(value, int) else value for name, value in given.items()}
    return Geometry(*(_numbers(name, value, weight.ndim - 2) for name, value in each.items()), groups)


def _same(input: Tensor, weight: Tensor, stride: Any, dilation: Any, groups: int) -> tuple[Tensor, Geometry]:
    """Padding that keeps the size: an odd amount puts the extra zero at the end."""
    geometry = _geometry(weight.ndim - 2, weight, stride, 0, dilation, groups)
    if any(s != 1 for s in geometry.stride):
        raise RuntimeError("padding='same' is not supported for strided convolutions")
    total = [d * (k - 1) for k, d in zip(weight.shape[2:], geometry.dilation)]
    extra = [n % 2 for n in total]
    if any(extra):
        warnings.warn(SAME_WARNING, UserWarning, stacklevel=3)
        input = PUBLIC["nn.functional.pad"](input, [v for e in reversed(extra) for v in (0, e)])
    return input, geometry._replace(padding=tuple(n // 2 for n in total))


def _conv(dims: int, doc: str) -> None:
    name = f"conv{dims}d"

    def conv(
        input: Tensor,
        weight: Tensor,
        bias: Tensor | None = None,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> Tensor:
        if padding == "valid":
            padding = 0
        if isinstance(padding, str):
            if padding != "same":
                raise RuntimeError(f"Invalid padding string: '{padding}'")
            input, geometry = _same(input, weight, stride, dilation, groups)
        elif input.ndim in (dims + 1, dims + 2):
            geometry = _geometry(dims, weight, stride, padding, dilation, groups)
        else:
            geometry = Geometry((), (), (), 1)
        return _apply(name, dims, input, weight, bias, geometry)

    conv.__name__ = conv.__qualname__ = name
    conv.__doc__ = doc
    public(name, method=False)(conv)
    public("nn.functional." + name, method=False)(conv)


def _conv_transpose(dims: int, doc: str) -> None:
    name = f"conv_transpose{dims}d"

    def conv_transpose(
        input: Tensor,
        weight: Tensor,
        bias: Tensor | None = None,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        dilation: Any = 1,
    ) -> Tensor:
        geometry = _geometry(dims, weight, stride, padding, dilation, groups)
        extra = _numbers("output_padding", output_padding, weight.ndim - 2)
        if any(e >= s and e >= d for e, s, d in zip(extra, geometry.stride, geometry.dilation)) and min(extra) >= 0:
            raise RuntimeError(_too_much_padding(extra, geometry))
        return _apply(name, dims, input, weight, bias, geometry, True, extra)

    conv_transpose.__name__ = conv_transpose.__qualname__ = name
    conv_transpose.__doc__ = doc
    public(name, method=False)(conv_transpose)
    public("nn.functional." + name, method=False)(conv_transpose)


def _too_much_padding(extra: Numbers, geometry: Geometry) -> str:
    sides = ("depth", "height", "width")[-max(len(extra), 2) :]
    padded = extra if len(extra) > 1 else (0, *extra)
    stride = geometry.stride if len(extra) > 1 else (1, *geometry.stride)
    dilation = geometry.dilation if len(extra) > 1 else (1, *geometry.dilation)
    parts = [
        f"{name}_{side}: {value}"
        for name, values in (("output_padding", padded), ("stride", stride), ("dilation", dilation))
        for side, value in zip(sides, values)
    ]
    return "output padding must be smaller than either stride or dilation, but got " + " ".join(parts)


for _dims, _sizes in ((1, "L"), (2, "H, W"), (3, "D, H, W")):
    _conv(
        _dims,
        f"The cross-correlation of an input (N, C, {_sizes}) or (C, {_sizes}) with kernels (O, C/groups, …). Source: "
        f"torch.nn.functional.conv{_dims}d. Raises RuntimeError if sizes don't fit. Trap: kernels are not flipped.",
    )
    _conv_transpose(
        _dims,
        f"The adjoint of conv{_dims}d: an input (N, C, {_sizes}) and kernels (C, O/groups, …). Source: "
        f"torch.nn.functional.conv_transpose{_dims}d. Raises RuntimeError if sizes don't fit.",
    )


@public("conv_tbc", method=False)
def conv_tbc(input: Tensor, weight: Tensor, bias: Tensor, pad: int = 0) -> Tensor:
    """conv1d of an input (T, N, C) with kernels (K, C, O). Source: torch.conv_tbc."""
    found = PUBLIC["conv1d"](input.permute(1, 2, 0), weight.permute(2, 1, 0), bias, padding=pad)
    return found.permute(2, 0, 1).contiguous()
