"""Products of vectors and matrices: dot, mv, mm, bmm, and the fused beta·input + alpha·product.

Source: torch.mm, torch.addmm and their neighbours. Trap: with beta = 0 the input is ignored, so its NaNs do not spread.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _dtypes as dtypes
from .._dtypes import SCALAR_NAMES
from .._errors import list_text
from .._interpreters import register
from .._op import MULTILINEAR, op, public
from .._tensor import Tensor
from .linalg_matrix import c_name, check_not_bool, check_scalar_type, check_tensor

mm_row = op(
    "mm(self, mat2)", np.matmul, public=False, jvp=MULTILINEAR,
    self=lambda g, F, mat2: F.mm(g, F.mH(mat2)), mat2=lambda g, F, self: F.mm(F.mH(self), g),
)  # fmt: skip
bmm_row = op(
    "bmm(self, mat2)", np.matmul, public=False, jvp=MULTILINEAR,
    self=lambda g, F, mat2: F.bmm(g, F.mH(mat2)), mat2=lambda g, F, self: F.bmm(F.mH(self), g),
)  # fmt: skip
outer_formula = op(
    "outer_product(self, vec2)", np.multiply.outer, node="ger", public=False, jvp=MULTILINEAR,
    self=lambda g, F, vec2: F.mv(g, F.conj(vec2)), vec2=lambda g, F, self: F.mv(F.mT(g), F.conj(self)),
)  # fmt: skip
mv_row = op(
    "mv(self, vec)", np.matmul, public=False, jvp=MULTILINEAR,
    self=lambda g, F, vec: F.outer_product(g, F.conj(vec)), vec=lambda g, F, self: F.mv(F.mH(self), g),
)  # fmt: skip
dot_row = op(
    "dot(self, tensor)", np.dot, public=False, jvp=MULTILINEAR,
    self=lambda g, F, tensor: g * F.conj(tensor), tensor=lambda g, F, self: g * F.conj(self),
)  # fmt: skip


def _vdot_jvp(F: Any, x: Any, t: Any, attributes: Any, out: Any) -> Any:
    """vdot is real-linear in both: conjugation commutes with the tangent."""
    a, b = (F.zeros_like(v) if u is None else u for v, u in zip(x, t))
    return F.vdot(a, x[1]) + F.vdot(x[0], b)


vdot_row = op(
    "vdot(self, other)", np.vdot, public=False, jvp=_vdot_jvp,
    self=lambda g, F, other: F.conj(g) * other, other=lambda g, F, self: g * self,
)  # fmt: skip


@public()
def mm(input: Tensor, mat2: Tensor) -> Tensor:
    """The product of two matrices, (n, m) and (m, p). Source: torch.mm. Trap: does not broadcast; see matmul."""
    check_tensor("mm", "input", 1, input)
    check_tensor("mm", "mat2", 2, mat2)
    a, b = input._array, mat2._array
    if a.ndim != 2 or b.ndim != 2:
        raise RuntimeError(f"{'self' if a.ndim != 2 else 'mat2'} must be a matrix")
    _check_inner(input, mat2)
    if a.dtype != b.dtype:
        raise RuntimeError(f"expected m1 and m2 to have the same dtype, but got: {c_name(input)} != {c_name(mat2)}")
    check_not_bool(input, "addmm_impl_cpu_")
    return mm_row(input, mat2)


def _check_inner(a: Tensor, b: Tensor) -> None:
    (n, m), (k, p) = a._array.shape, b._array.shape
    if m != k:
        raise RuntimeError(f"mat1 and mat2 shapes cannot be multiplied ({n}x{m} and {k}x{p})")


@public()
def mv(input: Tensor, vec: Tensor) -> Tensor:
    """The product of a matrix (n, m) and a vector (m). Source: torch.mv."""
    check_tensor("mv", "vec", 2, vec)
    check_mv(None, input, vec)
    return mv_row(input, vec)


def check_mv(bias: Tensor | None, mat: Tensor, vec: Tensor) -> None:
    """What addmv demands; mv is addmv with an input of the result's size."""
    ndim = 1 if bias is None else bias.ndim
    if mat.ndim != 2 or vec.ndim != 1 or ndim > 1:
        raise RuntimeError(f"vector + matrix @ vector expected, got {ndim}, {mat.ndim}, {vec.ndim}")
    n, m = mat._array.shape
    have = n if bias is None or bias.ndim == 0 else bias._array.shape[0]
    if m != vec._array.shape[0] or have not in (1, n):
        raise RuntimeError(f"size mismatch, got input ({have}), mat ({n}x{m}), vec ({vec._array.shape[0]})")
    first = vec if bias is None else bias
    if mat.dtype is not vec.dtype or first.dtype is not vec.dtype:
        names = ", ".join((SCALAR_NAMES[first.dtype], SCALAR_NAMES[mat.dtype], "and " + SCALAR_NAMES[vec.dtype]))
        raise RuntimeError(f"addmv input tensors must have the same dtype, but got {names}")
    check_not_bool(mat, "addmv_impl_cpu")


def _check_dot(name: str, a: Tensor, b: Tensor) -> None:
    if a.ndim != 1 or b.ndim != 1:
        raise RuntimeError(f"1D tensors expected, but got {a.ndim}D and {b.ndim}D tensors")
    if a.dtype is not b.dtype:
        raise RuntimeError(
            "dot : expected both vectors to have same dtype, but found "
            f"{SCALAR_NAMES[a.dtype]} and {SCALAR_NAMES[b.dtype]}"
        )
    n, m = a.numel(), b.numel()
    if n != m:
        raise RuntimeError(
            f"inconsistent tensor size, expected tensor [{n}] and src [{m}] to have the same number of elements, but "
            f"got {n} and {m} elements respectively"
        )
    check_not_bool(a, name)


@public()
def dot(input: Tensor, tensor: Tensor) -> Tensor:
    """The sum of the products of two vectors; not conjugated. Source: torch.dot."""
    check_tensor("dot", "tensor", 2, tensor)
    _check_dot("dot", input, tensor)
    return dot_row(input, tensor)


@public()
def vdot(input: Tensor, other: Tensor) -> Tensor:
    """The sum of conj(input)·other over two vectors. Source: torch.vdot."""
    check_tensor("vdot", "other", 2, other)
    _check_dot("vdot", input, other)
    return vdot_row(input, other)


@public()
def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """The products of two batches of matrices, (b, n, m) and (b, m, p). Source: torch.bmm."""
    check_tensor("bmm", "mat2", 2, mat2)
    _check_bmm(input, mat2)
    check_scalar_type(input, mat2)
    check_not_bool(input, "bmm")
    return bmm_row(input, mat2)


def _check_bmm(a: Tensor, b: Tensor) -> None:
    if a.ndim != 3 or b.ndim != 3:
        raise RuntimeError(f"batch{1 if a.ndim != 3 else 2} must be a 3D tensor")
    wanted, have = (a._array.shape[0], a._array.shape[2]), b._array.shape[:2]
    if wanted != have:
        raise RuntimeError(
            "Expected size for first two dimensions of batch2 tensor to be: "
            f"{list_text(wanted)} but got: {list_text(have)}."
        )


def scaled(F: Any, factor: Any, a: Any) -> Any:
    """factor·a, and a itself for the factor 1."""
    return a if factor == 1 else a * factor


def _conj(number: Any) -> Any:
    return number.conjugate() if isinstance(number, complex) else number


def _sum(bias: np.ndarray, product: np.ndarray, beta: Any, alpha: Any) -> np.ndarray:
    """beta·bias + alpha·product, computed in the product's dtype; the bias not read for beta = 0."""
    if product.dtype.kind in "iu":
        beta, alpha = int(beta), int(alpha)
    if alpha != 1:
        product = product * alpha
    if beta == 0:
        return product
    return product + (bias if beta == 1 else bias * beta)


def _jvp_of(product: str) -> Any:
    """The jvp of beta·input + alpha·product(a, b); like PyTorch's it depends on both factors, moving or not."""

    def push(F: Any, x: Any, t: Any, attributes: Any, out: Any) -> Any:
        beta, alpha = attributes
        times = getattr(F, product)
        a, b = (F.zeros_like(v) if u is None else u for v, u in zip(x[1:], t[1:]))
        total = scaled(F, alpha, times(a, x[2])) + scaled(F, alpha, times(x[1], b))
        return total if t[0] is None else total + scaled(F, beta, t[0])

    return push


def _fused(signature: str, product: Any, name: str, **rules: Any) -> Any:
    def kernel(bias: Any, a: Any, b: Any, beta: Any, alpha: Any) -> Any:
        return _sum(bias, product(a, b), beta, alpha)

    return op(
        signature + ", *, beta, alpha)", kernel, public=False, jvp=_jvp_of(name),
        self=lambda g, F, beta: scaled(F, _conj(beta), g), **rules,
    )  # fmt: skip


addmm_row = _fused(
    "addmm(self, mat1, mat2", np.matmul, "mm",
    mat1=lambda g, F, mat2, alpha: scaled(F, _conj(alpha), F.mm(g, F.mH(mat2))),
    mat2=lambda g, F, mat1, alpha: scaled(F, _conj(alpha), F.mm(F.mH(mat1), g)),
)  # fmt: skip
addmv_row = _fused(
    "addmv(self, mat, vec", np.matmul, "mv",
    mat=lambda g, F, vec, alpha: scaled(F, _conj(alpha), F.outer_product(g, F.conj(vec))),
    vec=lambda g, F, mat, alpha: scaled(F, _conj(alpha), F.mv(F.mH(mat), g)),
)  # fmt: skip
baddbmm_row = _fused(
    "baddbmm(self, batch1, batch2", np.matmul, "bmm",
    batch1=lambda g, F, batch2, alpha: scaled(F, _conj(alpha), F.bmm(g, F.mH(batch2))),
    batch2=lambda g, F, batch1, alpha: scaled(F, _conj(alpha), F.bmm(F.mH(batch1), g)),
)  # fmt: skip


def _summed(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Σ over the batch of a·b, as one product."""
    return np.tensordot(a, b, ((0, 2), (0, 1)))


def _each(F: Any, g: Any, count: int) -> Any:
    return F.expand(F.reshape(g, (1, *g.shape)), (count, *g.shape))


addbmm_row = _fused(
    "addbmm(self, batch1, batch2", _summed, "sum_bmm",
    batch1=lambda g, F, batch2, alpha: scaled(F, _conj(alpha), F.bmm(_each(F, g, batch2.shape[0]), F.mH(batch2))),
    batch2=lambda g, F, batch1, alpha: scaled(F, _conj(alpha), F.bmm(F.mH(batch1), _each(F, g, batch1.shape[0]))),
)  # fmt: skip
register("sum_bmm", _summed, lambda a, b: bmm_row(a, b).sum(0), False)


def _addr(bias: np.ndarray, a: np.ndarray, b: np.ndarray, beta: Any, alpha: Any) -> np.ndarray:
    product = np.multiply.outer(a, b)
    if product.dtype.kind == "b":
        product = product & bool(alpha)
        return product if not beta else product | bias
    return _sum(bias, product, beta, alpha)


addr_row = op(
    "addr(self, vec1, vec2, *, beta, alpha)", _addr, promote="numbers", public=False, jvp=_jvp_of("outer_product"),
    self=lambda g, F, beta: scaled(F, _conj(beta), g),
    vec1=lambda g, F, vec2, alpha: scaled(F, _conj(alpha), F.mv(g, F.conj(vec2))),
    vec2=lambda g, F, vec1, alpha: scaled(F, _conj(alpha), F.mv(F.mT(g), F.conj(vec1))),
)  # fmt: skip


def _check_expands(t: Tensor, shape: tuple[int, ...]) -> None:
    """Raises the error of `expand` if the input does not broadcast to the product's shape."""
    if t._array.shape != shape:
        t.detach().expand(shape)


def check_addmm(input: Tensor, mat1: Tensor, mat2: Tensor, expands: bool = True) -> None:
    """What addmm demands; the in-place form does not expand its input."""
    for name, t in (("mat1", mat1), ("mat2", mat2)):
        if t.ndim != 2:
            raise RuntimeError(f"{name} must be a matrix, got {t.ndim}-D tensor")
    if expands and input._array.shape != (mat1._array.shape[0], mat2._array.shape[1]):
        _check_expands(input, (mat1._array.shape[0], mat2._array.shape[1]))
    _check_inner(mat1, mat2)
    _check_same(input, mat1, mat2)
    check_not_bool(mat1, "addmm_impl_cpu_")


def _check_same(input: Tensor, a: Tensor, b: Tensor) -> None:
    if a.dtype is not b.dtype:
        raise RuntimeError(f"expected m1 and m2 to have the same dtype, but got: {c_name(a)} != {c_name(b)}")
    if input.dtype is not b.dtype:
        names = f"{SCALAR_NAMES[input.dtype]} and {SCALAR_NAMES[b.dtype]}"
        raise RuntimeError(f"self and mat2 must have the same dtype, but got {names}")


@public()
def addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """beta·input + alpha·(mat1 @ mat2); the input broadcasts. Source: torch.addmm."""
    check_addmm(input, mat1, mat2)
    return addmm_row(input, mat1, mat2, beta, alpha)


@public()
def addmv(input: Tensor, mat: Tensor, vec: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """beta·input + alpha·(mat @ vec). Source: torch.addmv."""
    check_mv(input, mat, vec)
    return addmv_row(input, mat, vec, beta, alpha)


def check_baddbmm(input: Tensor, batch1: Tensor, batch2: Tensor) -> None:
    """What baddbmm demands."""
    a, b = batch1._array.shape, batch2._array.shape
    if len(a) == len(b) == 3:
        _check_expands(input, (a[0], a[1], b[2]))
    else:
        _check_expands(input, (*a[:2], *b[-1:]))
    _check_bmm(batch1, batch2)
    if not input.dtype is batch1.dtype is batch2.dtype:
        raise RuntimeError(
            f"Input dtypes must be the same, got: input {c_name(input)}, batch1: {c_name(batch1)}, batch2: "
            f"{c_name(batch2)}"
        )
    check_not_bool(batch1, "baddbmm")


@public()
def baddbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """beta·input + alpha·bmm(batch1, batch2); the input broadcasts. Source: torch.baddbmm."""
    check_baddbmm(input, batch1, batch2)
    return baddbmm_row(input, batch1, batch2, beta, alpha)


@public()
def addbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """beta·input + alpha·(Σ over the batch of batch1 @ batch2). Source: torch.addbmm."""
    check_addbmm(input, batch1, batch2)
    return addbmm_row(input, batch1, batch2, beta, alpha)


def check_addbmm(input: Tensor, batch1: Tensor, batch2: Tensor) -> None:
    """What addbmm demands."""
    a, b = batch1._array.shape, batch2._array.shape
    if len(a) > 1 and len(b) > 1:
        _check_expands(input, (a[1], b[-1]))
    for k, t in enumerate((batch1, batch2)):
        if t.ndim != 3:
            raise RuntimeError(f"batch{k + 1} must be a 3D tensor")
    if a[0] != b[0]:
        raise RuntimeError(f"batch1 and batch2 must have same number of batches, got {a[0]} and {b[0]}")
    if a[2] != b[1]:
        raise RuntimeError(f"Incompatible matrix sizes for bmm ({a[1]}x{a[2]} and {b[1]}x{b[2]})")
    _check_same(input, batch1, batch2)
    check_not_bool(batch1, "addmm_impl_cpu_")


@public()
def addr(input: Tensor, vec1: Tensor, vec2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """beta·input + alpha·outer(vec1, vec2); operands promote. Source: torch.addr."""
    for name, v in (("vec1", vec1), ("vec2", vec2)):
        if v.ndim != 1:
            raise RuntimeError(f"addr: Expected 1-D argument {name}, but got {v.ndim}-D")
    _check_expands(input, (vec1._array.shape[0], vec2._array.shape[0]))
    if all(t.dtype.category < dtypes.FLOAT for t in (input, vec1, vec2)):
        for name, number in (("beta", beta), ("alpha", alpha)):
            if isinstance(number, float):
                raise RuntimeError(f"For integral input tensors, argument {name} must not be a floating point number.")
    return addr_row(input, vec1, vec2, beta, alpha)
