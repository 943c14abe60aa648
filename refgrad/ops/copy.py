"""Copies, casts and what they share: clone, copy_, to, contiguous, detach, conj."""

from __future__ import annotations

import warnings
from operator import methodcaller
from typing import Any

import numpy as np

from .. import _batch, _forward
from .. import _dtypes as dtypes
from .. import _errors as errors
from .._calls import fresh, raise_broadcast
from .._dtypes import OF_ARRAY, dtype
from .._errors import list_text
from .._formats import contiguous_format, in_format, preserve_format, strides_in, suggested
from .._inplace import write
from .._interpreters import LIVE, NARROW, RAW
from .._layout import copied, with_strides
from .._modes import local, state
from .._op import LINEAR, Row, op, public
from .._record import record
from .._saved import DetachedCell
from .._storage import element_strides
from .._tensor import CONJ, DUAL, LEVEL, NEG, VIEW, Tensor, alias, method, plain, resolved
from .._views import as_view

COMPLEX_TO_REAL = "Casting complex values to real discards the imaginary part"


clone_row = op(
    "clone(self)", lambda a: np.copy(a, order="K"), public=False, exact=True, layout=copied, jvp=LINEAR,
    self=lambda g: g,
)  # fmt: skip
contiguous_row = op(
    "contiguous(self)", lambda a: np.array(a, order="C"), node="clone", public=False, exact=True, jvp=LINEAR,
    self=lambda g: g,
)  # fmt: skip


LIVE.contiguous_copy = contiguous_row


def _cast(array: np.ndarray, to: np.dtype) -> np.ndarray:
    if array.dtype.kind == "c" and to.kind not in "cb":
        array = array.real
    return array.astype(to, order="K")


cast_row = op(
    "cast(self, *, to)", _cast, node="to_copy", layout=copied, public=False, exact=True, jvp=LINEAR,
    self=lambda g, F, self_meta: F.cast(g, self_meta.dtype),
)  # fmt: skip


clone_in_row = op(
    "clone_in(self, *, form)", lambda a, form: in_format(np.array(a, order="C"), form), node="clone", public=False,
    exact=True, keeps_strides=True, jvp=LINEAR, self=lambda g: g,
)  # fmt: skip
cast_in_row = op(
    "cast_in(self, *, to, form)", lambda a, to, form: in_format(np.array(_cast(a, to), order="C"), form), node="to_copy",
    public=False, exact=True, keeps_strides=True, jvp=LINEAR, self=lambda g, F, self_meta: F.cast(g, self_meta.dtype),
)  # fmt: skip


@public(method=True)
def clone(input: Tensor, *, memory_format: Any = None) -> Tensor:
    """A copy that is recorded, in the input's memory format or another. Source: torch.clone."""
    made = clone_row(input) if memory_format in (None, preserve_format) else clone_in_row(input, memory_format)
    return _written_copy(input, made)


def _written_copy(source: Tensor, made: Tensor) -> Tensor:
    """A copy of an inference tensor outside inference mode: PyTorch makes an ordinary tensor and writes into it, which
    its version tells, and its history."""
    if source._cell is None and made._cell is not None:
        made._cell[0] += 1
        if state.grad and source.requires_grad and not made.requires_grad:
            record(copy_row, (made, source), (), (made,))
    return made


@method
def contiguous(self: Tensor, memory_format: Any = None) -> Tensor:
    """Itself if laid out so, else a copy that is. Source: torch.Tensor.contiguous."""
    if memory_format in (None, contiguous_format):
        return self if self.is_contiguous() else contiguous_row(self)
    if memory_format is preserve_format:
        raise RuntimeError("preserve memory format is unsupported by the contiguous operator")
    wanted = strides_in(self._array.shape, memory_format)
    same = all(a == b or n == 1 for a, b, n in zip(element_strides(self._array), wanted, self._array.shape))
    return self if same else clone_in_row(self, memory_format)


@method
def to(
    self: Tensor,
    *args: Any,
    dtype: dtype | None = None,
    device: Any = None,
    copy: bool = False,
    non_blocking: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """The tensor in another dtype; itself if nothing changes. Source: torch.Tensor.to.
    Trap: the result of a conversion is not a leaf."""
    given = [a for a in args if isinstance(a, bool)]  # non_blocking, copy
    copy = given[1] if len(given) > 1 else copy
    for a in args:
        if isinstance(a, dtypes.dtype):
            dtype = a
        elif isinstance(a, Tensor):
            dtype = a.dtype
    if dtype is None or dtype is self.dtype:
        kept = memory_format in (None, preserve_format) or memory_format is suggested(self._array)
        return self if kept and not copy else _converted(self, self._array.dtype, memory_format)
    if self.is_complex() and not dtype.is_complex and dtype is not dtypes.bool_:
        warnings.warn(
            COMPLEX_TO_REAL + " (Triggered internally at /__w/pytorch/pytorch/aten/src/ATen/native/Copy.cpp:308.)",
            UserWarning,
            stacklevel=2,
        )
    return _converted(self, dtype.array, memory_format)


def _converted(t: Tensor, kind: np.dtype, memory_format: Any) -> Tensor:
    if memory_format in (None, preserve_format):
        return _written_copy(t, cast_row(t, kind))
    return _written_copy(t, cast_in_row(t, kind, memory_format))


@method
def cpu(self: Tensor, memory_format: Any = None) -> Tensor:
    """The tensor itself: it is on the CPU. Source: torch.Tensor.cpu."""
    return self


def _converter(name: str, kind: dtype) -> None:
    def convert(self: Tensor, memory_format: Any = None) -> Tensor:
        return self.to(kind, memory_format=memory_format)

    convert.__name__ = convert.__qualname__ = name
    convert.__doc__ = f"The tensor as {kind.name}. Source: torch.Tensor.{name}."
    setattr(Tensor, name, convert)


for _name, _kind in {
    **dtypes.ALIASES,
    "bfloat16": dtypes.bfloat16,
    "bool": dtypes.bool_,
    "char": dtypes.int8,
    "byte": dtypes.uint8,
}.items():
    _converter(_name, _kind)


def _copy(target: np.ndarray, source: np.ndarray) -> np.ndarray:
    if source.shape != target.shape:
        raise_broadcast(target, source)
        both = np.broadcast_shapes(target.shape, source.shape)
        if both != target.shape:
            raise RuntimeError(
                f"output with shape {list_text(target.shape)} doesn't match the broadcast shape {list_text(both)}"
            )
    return np.broadcast_to(_cast(source, target.dtype), target.shape).copy()


copy_row = Row(
    "copy(self, src)", _copy, {"self": lambda F, g: F.zeros_like(g), "src": lambda g: g},
    node="copy_slices", jvp=LINEAR, exact=True,
)  # fmt: skip
copy_row.name = copy_row.node.__name__ = "CopyBackwards"
copy_row.node.prefix = "torch::autograd::"


def _strided_copy(t: Tensor, strides: tuple[int, ...]) -> Tensor:
    """F.strided_copy: a recorded copy with given strides, as a leaf's first gradient has them."""
    return fresh(with_strides(np.zeros(t._array.shape, t._array.dtype), strides)).copy_(t)


LIVE.strided_copy = _strided_copy


@method
def copy_(self: Tensor, src: Any, non_blocking: bool = False) -> Tensor:
    """Writes src, broadcast and cast, into self. Source: torch.Tensor.copy_."""
    if isinstance(src, (bool, int, float, complex)):
        src = plain(np.asarray(src, self._array.dtype))
    if not isinstance(src, Tensor):
        raise TypeError(f"copy_(): argument 'other' (position 1) must be Tensor, not {type(src).__name__}")
    return write(copy_row, (self, src), ())


@public(method=True)
def detach(input: Tensor) -> Tensor:
    """A view without history that shares memory and version counter. Source: torch.Tensor.detach."""
    if input._flags & LEVEL:
        return through(input, detach)
    made = alias(input)
    if input._cell is not None:
        made = as_view(input, input._array, None)
        made._view = None
        made._flags &= ~VIEW
    return made


@method
def detach_(self: Tensor) -> Tensor:
    """Makes the tensor itself a leaf. Raises RuntimeError for a view. Source: torch.Tensor.detach_."""
    if state.inference or self._cell is None:
        # Autograd, which would do it, is switched off, or has nothing to do with an inference tensor.
        return self
    if self._view is not None:
        raise RuntimeError(errors.DETACH_VIEW)
    if self._edge is not None and self._cell is not None:
        self._cell = DetachedCell(self._cell)
    self._edge, self._needs = None, False
    return self


def _get_data(self: Tensor) -> Tensor:
    made = alias(self)
    made._cell = None if self._cell is None else [0]
    return made


def _set_data(self: Tensor, value: Any) -> None:
    """Another memory, shape and dtype for the same tensor; its flags, history and version stay."""
    if not isinstance(value, Tensor):
        raise TypeError(f"Variable data has to be a tensor, but got {type(value).__name__}")
    if self.requires_grad and value._array.dtype.kind in "iub":
        raise RuntimeError("data set to a tensor that requires gradients must be floating point or complex dtype")
    if self._extra is not None and value._array.dtype != self._array.dtype:
        self._extra.accumulator = None
    self._array, self._flags = value._array, (self._flags & VIEW) | (value._flags & (CONJ | NEG))


Tensor.data = property(
    _get_data, _set_data, doc="The memory without history or version counter. Source: torch.Tensor.data."
)  # type: ignore[attr-defined]


@method
def item(self: Tensor) -> Any:
    """The Python number of a one-element tensor. Raises RuntimeError otherwise. Source: torch.Tensor.item."""
    if self._array.size != 1:
        raise RuntimeError(f"a Tensor with {self._array.size} elements cannot be converted to Scalar")
    value = resolved(self).reshape(())[()]
    return float(value) if OF_ARRAY[self._array.dtype].is_floating_point else value.item()


@method
def tolist(self: Tensor) -> Any:
    """Nested lists of Python numbers. Source: torch.Tensor.tolist."""
    array = resolved(self)
    return (array.astype(np.float32) if array.dtype.kind == "V" else array).tolist()


@method
def numpy(self: Tensor, *, force: bool = False) -> np.ndarray:
    """The tensor's memory as an ndarray. Raises RuntimeError if it requires grad. Source: torch.Tensor.numpy."""
    if force:
        return np.array(resolved(self)) if self._flags & 3 else self._array
    if self.requires_grad:
        raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
    if self._flags & 3:
        kind = "conjugate" if self._flags & CONJ else "negative"
        raise RuntimeError(
            f"Can't call numpy() on Tensor that has {kind} bit set. "
            f"Use tensor.resolve_{'conj' if kind == 'conjugate' else 'neg'}().numpy() instead."
        )
    return self._array


@method
def __array__(self: Tensor, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
    """The ndarray that NumPy functions see."""
    found = self.numpy()
    return found if dtype is None else found.astype(dtype)


# Real arrays and Python numbers return themselves; ml_dtypes has no conjugate loop, so NARROW's is the identity.
conj_raw = methodcaller("conjugate")


conj_node = Row("conj(self)", np.conjugate, {"self": lambda g, F: F.lazy_conj(g)}, jvp=LINEAR, exact=True)
neg_view_node = Row("neg_view(self)", np.negative, {"self": lambda g: -g}, jvp=LINEAR, exact=True)


def _flipped(t: Tensor, bit: int, row: Row, function: Any) -> Tensor:
    if t._flags & LEVEL:
        return through(t, function)
    made = as_view(t, t._array, (function, (), 0))
    made._flags ^= bit
    if state.grad and t.requires_grad:
        record(row, (t,), (), (made,))
    if t._flags & DUAL:
        _forward.push(row, (t,), (), (made,))
    return made


@public(method=True)
def conj(input: Tensor) -> Tensor:
    """The conjugate as a lazy view; a real tensor is returned itself. Source: torch.conj.
    Trap: writing to it writes to the original."""
    if not isinstance(input, Tensor):
        return conj_raw(input)
    return _flipped(input, CONJ, conj_node, conj) if input._array.dtype.kind == "c" else input


@public("_neg_view", method=False)
def neg_view(input: Tensor) -> Tensor:
    """The negative as a lazy view, as `.imag` of a conjugate needs it."""
    return _flipped(input, NEG, neg_view_node, neg_view)


@public(method=True)
def resolve_conj(input: Tensor) -> Tensor:
    """The tensor with its conjugation done; itself if none is pending. Source: torch.resolve_conj."""
    return clone_row(input) if input._flags & CONJ else input


@public(method=True)
def resolve_neg(input: Tensor) -> Tensor:
    """The tensor with its negation done; itself if none is pending. Source: torch.resolve_neg."""
    return clone_row(input) if input._flags & NEG else input


def _copy_into(target: Any, source: Any) -> Any:
    """F.copy_into(target, source): overwrites a buffer that the rule made itself; returns it."""
    if isinstance(target, Tensor):
        return target.copy_(source)
    np.copyto(target, source, casting="unsafe")
    return target


for _space in (RAW, NARROW):
    _space.copy_into = _copy_into
    _space.zeros_like = np.zeros_like
    _space.ones_like = np.ones_like
    _space.zeros = lambda shape, dtype: np.zeros(shape, dtype)
    _space.is_complex = lambda a: getattr(a, "dtype", None) is not None and a.dtype.kind == "c"
    _space.real = np.real


def _noted_conj(g: np.ndarray) -> np.ndarray:
    """The conjugate of a cotangent; where a gradient shows it, it shows the cotangent's own memory."""
    made, executing = np.asarray(g.conjugate()), local.me.executing
    if executing and made is not g:
        executing[-1].owners.note_conjugate(made, g)
    return made


RAW.lazy_conj, NARROW.lazy_conj, LIVE.lazy_conj = _noted_conj, lambda g: g, conj
RAW.conj = conj_raw
NARROW.conj = lambda a: a


def through(t: Tensor, function: Any) -> Tensor:
    """What a function that looks at memory does to a tensor of a batch (see _batch)."""
    return _batch.through(t, function)


LIVE.is_complex = lambda t: isinstance(t, Tensor) and t.is_complex()
LIVE.conj, LIVE.neg_view = conj, neg_view
LIVE.copy = lambda target, source: cast_row(source, target._array.dtype).expand(target.shape)
LIVE.copy_into = _copy_into
LIVE.zeros_like = lambda t: plain(
    with_strides(np.zeros_like(t._array), t.stride()) if not t._array.size else np.zeros_like(t._array)
)
LIVE.ones_like = lambda t: plain(np.ones_like(t._array))
LIVE.zeros = lambda shape, dtype: plain(np.zeros(shape, dtype))
