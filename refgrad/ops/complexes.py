"""Complex numbers: parts, magnitude, direction, and their views as pairs of reals.

Cotangents follow PyTorch's convention: the gradient of a real loss by z = x + iy is dL/dx + i·dL/dy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _dtypes as dtypes
from .. import _errors as errors
from .._dtypes import OF_ARRAY, get_default_dtype
from .._inplace import write
from .._interpreters import LIVE, NARROW, RAW
from .._layout import copied, pointwise
from .._op import LINEAR, PUBLIC, op, public, publish
from .._storage import element_strides
from .._support import missing
from .._tensor import CONJ, VIEW, Tensor, refresh
from .copy import neg_view


def _abs_layout(result: np.ndarray, operands: Sequence[np.ndarray]) -> np.ndarray:
    """The absolute values of complex numbers lie as a copy of them would."""
    return copied(result, operands) if operands[0].dtype.kind == "c" else pointwise(result, operands)


abs_ = op(
    "abs(self)", np.absolute, promote="numbers", exact=True, inplace=False, lacks=missing("abs_cpu", "b"),
    layout=_abs_layout,
    self=lambda g, F, self: g * F.sgn(self),
    jvp=lambda F, x, t, attrs, out: F.real_part(F.conj(F.sgn(x[0])) * t[0]),
)  # fmt: skip
publish("absolute", abs_, method=True)


@public("abs_", method=True)
def abs_inplace(self: Tensor) -> Tensor:
    """abs in place. Source: torch.abs_. Raises RuntimeError for a complex tensor."""
    if self.is_complex():
        raise RuntimeError("In-place abs is not supported for complex tensors.")
    return write(abs_.row, (self,), ())


publish("absolute_", abs_inplace, method=True, in_module=False)


def _sgn(a: Any) -> Any:
    """z/|z|, 0 at 0; the sign of a real number."""
    if a.dtype.kind == "b":
        return a.copy()
    if a.dtype.kind != "c":
        return np.where(a != a, 0, np.sign(a)).astype(a.dtype) if a.dtype.kind in "fV" else np.sign(a)
    size = np.abs(a)
    zero = np.equal(size, 0)
    return np.where(zero, 0, a / np.where(zero, 1, size)).astype(a.dtype)


def _sgn_change(F: Any, z: Any, out: Any, t: Any) -> Any:
    """The part of t across the direction of z, over |z|: the derivative of z/|z|, which is its own transpose."""
    if not F.is_complex(z):
        return F.zeros_like(t)
    size = F.abs(z)
    zero = size == 0
    across = t - out * F.real_part(F.conj(out) * t)
    return F.where(zero, 0, across / F.where(zero, 1, size))


sgn = op(
    "sgn(self)", _sgn, promote="numbers", exact=True, self=lambda g, F, self, out: _sgn_change(F, self, out, g),
    jvp=lambda F, x, t, attrs, out: _sgn_change(F, x[0], out[0], t[0]),
)  # fmt: skip


def _angle(a: Any) -> Any:
    """The angle in (-π, π], row-major for complex numbers; 0 or π for a real number, nan kept."""
    if a.dtype.kind == "c":
        return np.array(np.angle(a), order="C")
    if a.dtype.kind == "f":
        return np.where(a != a, a, np.where(a < 0, np.pi, 0)).astype(a.dtype)
    return np.where(a < 0, np.pi, 0).astype(get_default_dtype().array)


def _angle_layout(result: np.ndarray, operands: Any) -> np.ndarray:
    return result if operands[0].dtype.kind == "c" else pointwise(result, operands)


def _angle_direction(F: Any, z: Any) -> Any:
    """i·z/|z|², 0 at 0: the direction in which the angle grows, by its rate."""
    zero = z == 0
    return F.where(zero, 0, 1j / F.conj(F.where(zero, 1, z)))


def _angle_jvp(F: Any, x: Any, t: Any, attrs: Any, out: Any) -> Any:
    if not x[0].is_complex():
        return F.zeros_like(t[0])
    return F.real_part(F.conj(_angle_direction(F, x[0])) * t[0])


angle = op(
    "angle(self)", _angle, layout=_angle_layout,
    self=lambda g, F, self: g * _angle_direction(F, self) if F.is_complex(self) else F.zeros_like(g),
    jvp=_angle_jvp,
)  # fmt: skip

# The real part as a linear map C → R, and its transpose.
real_part = op(
    "real_part(self)", lambda a: np.asarray(a.real) if isinstance(a, np.ndarray) else a.real, public=False, jvp=LINEAR,
    self=lambda g, F, self_meta: F.cast(g, self_meta.dtype),
)  # fmt: skip
LIVE.imaginary_part = lambda g: LIVE.real_part(g * -1j)
RAW.imaginary_part = NARROW.imaginary_part = lambda g: np.asarray(g.imag)
conj_physical_row = op(
    "conj_physical(self)",
    np.conjugate,
    promote="numbers",
    exact=True,
    public=False,
    self=lambda g, F: F.conj_physical(g),
    jvp=LINEAR,
)
conj_physical_inplace = op(
    "conj_physical_inplace(self)",
    np.conjugate,
    promote="numbers",
    exact=True,
    public=False,
    node="conj_physical",
    overload=1,
    self=lambda g, F: F.conj_physical(g),
    jvp=LINEAR,
)


@public(method=True)
def conj_physical(input: Tensor) -> Tensor:
    """The conjugate, computed; a real tensor is returned itself. Source: torch.conj_physical."""
    return conj_physical_row(input) if input.is_complex() else input


@public(method=True)
def conj_physical_(input: Tensor) -> Tensor:
    """conj_physical in place. Source: torch.Tensor.conj_physical_."""
    return write(conj_physical_inplace.row, (input,), ())


# Views as pairs of reals.


def _as_real(a: np.ndarray) -> np.ndarray:
    a = np.asarray(a)  # the sum of two 0-d cotangents is a scalar, whose .real is no view
    return np.lib.stride_tricks.as_strided(a.real, (*a.shape, 2), (*a.strides, a.itemsize // 2))


def _as_complex(a: np.ndarray) -> np.ndarray:
    made = np.lib.stride_tricks.as_strided(a[..., :1], (*a.shape[:-1], 2), a.strides)
    return made.view(OF_ARRAY[a.dtype].to_complex().array)[..., 0]


view_as_real_row = op(
    "view_as_real(self)",
    _as_real,
    view=True,
    public=False,
    jvp=LINEAR,
    self=lambda g, F: F.view_as_complex(F.contiguous(g)),
)
view_as_complex_row = op(
    "view_as_complex(self)", _as_complex, view=True, public=False, jvp=LINEAR, self=lambda g, F: F.view_as_real(g)
)


@public(method=False)
def view_as_real(input: Tensor) -> Tensor:
    """A complex tensor seen as reals of one more dimension of size 2. Source: torch.view_as_real."""
    if not input.is_complex():
        if input._flags & VIEW:
            refresh(input)  # one that may not be used is refused first
        raise RuntimeError("view_as_real is only supported for complex tensors")
    if input._flags & CONJ:
        raise RuntimeError(
            "view_as_real doesn't work on unresolved conjugated tensors.  To resolve the conjugate tensor so you can "
            "view it as real, use self.resolve_conj(); however, be warned that the resulting tensor will NOT alias the "
            "original."
        )
    return view_as_real_row(input)


@public(method=False)
def view_as_complex(input: Tensor) -> Tensor:
    """Reals whose last dimension has size 2 and stride 1, seen as complex numbers. Source: torch.view_as_complex."""
    if input.dtype not in (dtypes.float32, dtypes.float64):
        raise RuntimeError(
            "view_as_complex is only supported for half, float and double tensors, but got a tensor of scalar type: "
            f"{errors.SCALAR_NAMES[input.dtype]}"
        )
    strides = element_strides(input._array)
    if not input.ndim:
        raise RuntimeError("Input tensor must have one or more dimensions")
    if input.shape[-1] != 2:
        raise RuntimeError("Tensor must have a last dimension of size 2")
    if strides[-1] != 1:
        raise RuntimeError("Tensor must have a last dimension with stride 1")
    if any(s % 2 for s in strides[:-1]):
        bad = next(k for k, s in enumerate(strides[:-1]) if s % 2)
        raise RuntimeError(f"Tensor must have a stride divisible by 2 for all but last dimension (dimension {bad})")
    return view_as_complex_row(input)


@public(method=False)
def real(input: Tensor) -> Tensor:
    """The real part as a view; a real tensor is returned itself. Source: torch.real."""
    if not input.is_complex():
        return input
    bare = input.conj() if input._flags & CONJ else input
    return PUBLIC["select"](view_as_real(bare), -1, 0)


@public(method=False)
def imag(input: Tensor) -> Tensor:
    """The imaginary part as a view. Source: torch.imag. Raises RuntimeError for a real tensor."""
    if not input.is_complex():
        raise RuntimeError("imag is not implemented for tensors with non-complex dtypes.")
    if input._flags & CONJ:
        return PUBLIC["select"](neg_view(view_as_real(input.conj())), -1, 1)
    return PUBLIC["select"](view_as_real(input), -1, 1)


def _set_part(part: Any) -> Any:
    def assign(self: Tensor, value: Any) -> None:
        target = part(self)
        target.copy_(value if isinstance(value, Tensor) else PUBLIC["tensor"](value))

    return assign


Tensor.real = property(real, _set_part(real), doc="The real part as a view. Source: torch.Tensor.real.")
Tensor.imag = property(imag, _set_part(imag), doc="The imaginary part as a view. Source: torch.Tensor.imag.")

# Complex numbers from two real tensors.


def _joined(a: Any, b: Any) -> np.ndarray:
    shape = np.broadcast_shapes(a.shape, b.shape)
    model = a if a.shape == shape else b if b.shape == shape else np.empty(shape)
    made = np.empty_like(model, dtype=OF_ARRAY[a.dtype].to_complex().array)
    made.real, made.imag = a, b
    return made


def _complex_jvp(F: Any, x: Any, t: Any, attrs: Any, out: Any) -> Any:
    real = F.zeros_like(out[0]) if t[0] is None else F.zeros_like(out[0]) + t[0]
    return real if t[1] is None else real + t[1] * 1j


complex_row = op(
    "complex(real, imag)", _joined, public=False, layout=pointwise,
    real=lambda g, F, real: F.real_part(g), imag=lambda g, F, imag: F.imaginary_part(g),
    jvp=_complex_jvp,
)  # fmt: skip


def _from_polar(size: Any, turn: Any) -> np.ndarray:
    return _joined(size * np.cos(turn), size * np.sin(turn))


def _direction(F: Any, turn: Any) -> Any:
    return F.complex(F.cos(turn), F.sin(turn))


def _polar_jvp(F: Any, x: Any, t: Any, attrs: Any, out: Any) -> Any:
    radial = 0 if t[0] is None else t[0] * _direction(F, x[1])
    return radial + (0 if t[1] is None else t[1] * (out[0] * 1j))


polar_row = op(
    "polar(abs, angle)", _from_polar, public=False, layout=pointwise, lacks=missing("polar_cpu", "h"), jvp=_polar_jvp,
    abs=lambda g, F, angle, out: F.attached(F.real_part(g * F.conj(_direction(F, angle))), out),
    angle=lambda g, F, out: F.real_part(g * F.conj(out * 1j)),
)  # fmt: skip


def _check_parts(a: Tensor, b: Tensor) -> None:
    names = [errors.SCALAR_NAMES[t.dtype] for t in (a, b)]
    if any(not t.is_floating_point() or t.dtype is dtypes.bfloat16 for t in (a, b)):
        raise RuntimeError(
            f"Expected both inputs to be Half, Float or Double tensors but got {names[0]} and {names[1]}"
        )
    if a.dtype is not b.dtype:
        raise RuntimeError(
            f"Expected object of scalar type {names[0]} but got scalar type {names[1]} for second argument"
        )


@public("complex", method=False)
def complex_(real: Tensor, imag: Tensor) -> Tensor:
    """real + i·imag. Source: torch.complex. Raises RuntimeError unless both are float32 or both float64."""
    _check_parts(real, imag)
    return complex_row(real, imag)


@public(method=False)
def polar(abs: Tensor, angle: Tensor) -> Tensor:
    """abs·(cos angle + i·sin angle). Source: torch.polar."""
    _check_parts(abs, angle)
    return polar_row(abs, angle)
