"""Tensors from data and from shapes. Not recorded: what they return are leaves."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _dtypes as dtypes
from .. import _errors as errors
from .._dtypes import OF_ARRAY, SCALAR_NAMES, dtype, get_default_dtype
from .._layout import canonical, copied
from .._modes import local
from .._op import public
from .._tensor import Tensor, device, install_constructor, plain, resolved
from .checks import check_number
from .layout import as_dtype

COPY_WARNING = (
    "To copy construct from a tensor, it is recommended to use sourceTensor.detach().clone() or "
    "sourceTensor.detach().clone().requires_grad_(True), rather than torch.tensor(sourceTensor)."
)


def fresh(array: np.ndarray, requires_grad: bool = False) -> Tensor:
    """A leaf around an array; an inference tensor in inference mode. Raises RuntimeError for an integer that would
    require grad."""
    made = plain(array if array.size else canonical(array))
    if local.me.inference:
        made._cell = None
    if requires_grad:
        if array.dtype.kind in "iub":
            raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")
        made._needs = True
    return made


@public(method=False)
def tensor(
    data: Any, *, dtype: dtype | None = None, device: Any = None, requires_grad: bool = False, pin_memory: bool = False
) -> Tensor:
    """A leaf with a copy of `data` (numbers, nested sequences, an array). Source: torch.tensor.
    Trap: a Tensor loses its history; use `as_tensor` or `clone` to keep it."""
    _check_device(device)
    if isinstance(data, Tensor):
        warnings.warn(COPY_WARNING, UserWarning, stacklevel=3)
    return fresh(array_of(data, dtype), requires_grad)


def array_of(data: Any, wanted: dtype | None) -> np.ndarray:
    """A fresh contiguous array of the data, in the wanted dtype or the one that PyTorch infers."""
    if isinstance(data, Tensor):
        found = resolved(data)
    elif isinstance(data, (np.ndarray, np.generic)):
        found = np.asarray(data)
    else:
        return _from_numbers(data, wanted)
    if wanted is not None:
        return found.astype(wanted.array, order="C")
    if found.dtype not in OF_ARRAY:
        raise TypeError(f"can't convert np.ndarray of type numpy.{found.dtype}.")
    return np.array(found, order="C", copy=True)


def _from_numbers(data: Any, wanted: dtype | None) -> np.ndarray:
    """Nested sequences of Python numbers, NumPy scalars and tensors."""
    kind = wanted or inferred(data)
    data = _plain_data(data)
    found = np.asarray(data) if data != [] else np.empty(0, kind.array)
    if found.dtype == object:
        return np.asarray(data, kind.array)
    return found.astype(kind.array)


def _plain_data(data: Any) -> Any:
    if isinstance(data, Tensor):
        if data.requires_grad:
            errors.warn_once(errors.SCALAR_OF_RECORDED, stacklevel=6)
        return data.item() if data.ndim == 0 else data.tolist()
    if isinstance(data, (list, tuple, range)):
        return [_plain_data(d) for d in data]
    return data


def inferred(data: Any) -> dtype:
    """The dtype of nested numbers: the default floating dtype, int64 or bool by the widest category; tensors among
    them count with their own."""
    if isinstance(data, Tensor):
        return data.dtype
    if isinstance(data, (list, tuple, range)):
        found = None
        for member in data:
            kind = inferred(member)
            found = kind if found is None else dtypes.promote_types(found, kind)
        return found or get_default_dtype()
    if isinstance(data, np.generic):
        return OF_ARRAY[data.dtype]
    return dtypes.scalar_dtype(data)


def _check_device(where: Any) -> None:
    if where is not None and not isinstance(where, device):
        device(where)


def shape_of(size: tuple[Any, ...]) -> tuple[int, ...]:
    """A shape from `f(2, 3)` or `f((2, 3))`."""
    if len(size) == 1 and isinstance(size[0], Sequence):
        size = tuple(size[0])
    shape = tuple(int(n) for n in size)
    if any(n < 0 for n in shape):
        bad = next(n for n in shape if n < 0)
        raise RuntimeError(f"Trying to create tensor with negative dimension {bad}: {list(shape)}")
    return shape


def _filled(shape: tuple[int, ...], value: Any, kind: dtype | None, where: Any, requires_grad: bool) -> Tensor:
    _check_device(where)
    return fresh(np.full(shape, value, (kind or get_default_dtype()).array), requires_grad)


@public(method=False)
def zeros(*size: Any, dtype: dtype | None = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A leaf of zeros. Source: torch.zeros."""
    return _filled(shape_of(size), 0, dtype, device, requires_grad)


@public(method=False)
def ones(*size: Any, dtype: dtype | None = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A leaf of ones. Source: torch.ones."""
    return _filled(shape_of(size), 1, dtype, device, requires_grad)


@public(method=False)
def empty(*size: Any, dtype: dtype | None = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A leaf of unspecified values; here they are zeros, so that runs repeat. Source: torch.empty."""
    return _filled(shape_of(size), 0, dtype, device, requires_grad)


@public(method=False)
def full(
    size: Any, fill_value: Any, *, dtype: dtype | None = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A leaf of one value, whose type sets the dtype. Source: torch.full."""
    value = fill_value.item() if isinstance(fill_value, Tensor) else fill_value
    return _filled(shape_of((size,)), value, dtype or dtypes.scalar_dtype(value), device, requires_grad)


def _like(t: Tensor, value: Any, kind: dtype | None, where: Any, requires_grad: bool) -> Tensor:
    """A constant of the tensor's shape and dtype, laid out as its copy would be."""
    _check_device(where)
    kind = kind or t.dtype
    check_number(value, kind)
    made = fresh(np.full(t._array.shape, as_dtype(kind.array, value)), requires_grad)
    made._array = copied(made._array, [t._array])
    return made


@public(method=False)
def zeros_like(input: Tensor, *, dtype: dtype | None = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros of the same shape and dtype; does not require grad. Source: torch.zeros_like."""
    return _like(input, 0, dtype, device, requires_grad)


@public(method=False)
def ones_like(input: Tensor, *, dtype: dtype | None = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones of the same shape and dtype; does not require grad. Source: torch.ones_like."""
    return _like(input, 1, dtype, device, requires_grad)


@public(method=False)
def empty_like(input: Tensor, *, dtype: dtype | None = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Unspecified values (zeros here) of the same shape and dtype. Source: torch.empty_like."""
    return _like(input, 0, dtype, device, requires_grad)


@public(method=False)
def full_like(
    input: Tensor, fill_value: Any, *, dtype: dtype | None = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """One value in the same shape and dtype. Source: torch.full_like."""
    return _like(input, fill_value, dtype, device, requires_grad)


@public(method=False)
def arange(*bounds: Any, dtype: dtype | None = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Numbers from start (0) to end, exclusive, by step (1). Source: torch.arange.
    Shape (ceil((end - start) / step),). Raises RuntimeError for a zero step or one of the wrong sign."""
    _check_device(device)
    start, end, step = (0, *bounds, 1) if len(bounds) == 1 else (*bounds, 1)[:3]
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if (end - start) * step < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    kind = dtype or (get_default_dtype() if any(isinstance(b, float) for b in bounds) else dtypes.int64)
    count = int(np.ceil((end - start) / step))
    values = start + step * np.arange(count, dtype=np.int64 if kind.category < dtypes.FLOAT else np.float64)
    return fresh(values.astype(kind.array), requires_grad)


@public(method=False)
def eye(
    n: int, m: int | None = None, *, dtype: dtype | None = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """The n × m matrix with ones on the diagonal. Source: torch.eye."""
    _check_device(device)
    return fresh(np.eye(n, m, dtype=(dtype or get_default_dtype()).array), requires_grad)


@public(method=False)
def linspace(
    start: Any, end: Any, steps: int, *, dtype: dtype | None = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """`steps` equally spaced numbers, both ends included. Source: torch.linspace."""
    _check_device(device)
    kind = (dtype or get_default_dtype()).array
    return fresh(np.linspace(start, end, steps, dtype=kind), requires_grad)


@public(method=False)
def as_tensor(data: Any, dtype: dtype | None = None, device: Any = None) -> Tensor:
    """A tensor on the data without a copy where possible; a Tensor keeps its history. Source: torch.as_tensor."""
    _check_device(device)
    if isinstance(data, Tensor):
        return data if dtype is None else data.to(dtype)
    if isinstance(data, np.ndarray) and (dtype is None or dtype.array == data.dtype):
        return from_numpy(data)
    return fresh(array_of(data, dtype))


@public(method=False)
def asarray(
    obj: Any,
    *,
    dtype: dtype | None = None,
    device: Any = None,
    copy: bool | None = None,
    requires_grad: bool | None = None,
) -> Tensor:
    """A tensor that shares the object's memory where possible, or (copy=True) never, or (copy=False) else raises
    ValueError. requires_grad: None keeps a tensor's own. Source: torch.asarray."""
    _check_device(device)
    if not isinstance(obj, Tensor):
        return _asarray_of_data(obj, dtype, copy).requires_grad_(bool(requires_grad))
    if copy is False and dtype not in (None, obj.dtype):
        raise ValueError(_cannot_alias(obj.dtype, dtype))
    if requires_grad is None and obj.requires_grad:
        errors.warn_once(errors.ASARRAY_REQUIRES_GRAD)
    made = obj.clone() if copy and dtype in (None, obj.dtype) else obj.to(dtype or obj.dtype)  # type: ignore[attr-defined]
    if requires_grad is False and made.requires_grad:
        return made.detach()
    return made.requires_grad_() if requires_grad and not made.requires_grad else made


def _asarray_of_data(obj: Any, dtype: dtype | None, copy: bool | None) -> Tensor:
    if not isinstance(obj, np.ndarray):
        if copy is False:
            raise ValueError("can't alias arbitrary sequence into a tensor.")
        return fresh(array_of(obj, dtype))
    same = dtype is None or dtype.array == obj.dtype
    if copy is False and not same:
        raise ValueError(_cannot_alias(OF_ARRAY[obj.dtype], dtype))
    return from_numpy(obj) if same and not copy else fresh(array_of(obj, dtype))


def _cannot_alias(found: dtype, wanted: dtype | None) -> str:
    assert wanted is not None
    return f"can't alias tensor with dtype '{SCALAR_NAMES[found]}' into dtype '{SCALAR_NAMES[wanted]}'."


@public(method=False)
def from_numpy(ndarray: np.ndarray) -> Tensor:
    """A tensor on the array's memory. Source: torch.from_numpy. Trap: writes through one are seen through the other,
    without a version bump."""
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(ndarray).__name__})")
    if ndarray.dtype not in OF_ARRAY:
        raise TypeError(f"can't convert np.ndarray of type numpy.{ndarray.dtype}.")
    made = fresh(ndarray)
    made._array = ndarray  # an empty array too keeps the strides that NumPy gave it
    return made


def _construct(cls: type[Tensor], *args: Any, **kwargs: Any) -> Tensor:
    """torch.Tensor(...): sizes give unspecified values, a sequence is copied, a Tensor is shared."""
    if len(args) == 1 and isinstance(args[0], Tensor):
        return args[0].detach()
    if len(args) == 1 and not isinstance(args[0], int):
        return fresh(array_of(args[0], get_default_dtype()))
    return empty(*args)


install_constructor(_construct)
