"""Noise within refgrad: what `torch_noise` does to PyTorch's kernels, done to refgrad's.

Every kernel, and every formula of a backward on arrays, is run by the thread's `State.run`: a noisy one stands in its
place. A formula is given an interpreter whose functions are disturbed, and arrays that disturb what is computed of them
by operators.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np

from refgrad._interpreters import LIVE, NARROW, RAW
from refgrad._modes import local
from refgrad._op import ROWS, Row

from ..programs.leafdata import EPS
from .noise import MOVES, ROUNDED, SELECTORS, WHOLE, exact_kernels, selects

# fmt: off
SELECTED = frozenset((
    "div_floor", "div_trunc", "hardshrink", "rfloor_divide", "round_decimals", "rremainder", "softshrink",
    "upsample_nearest1d", "upsample_nearest2d", "upsample_nearest3d", "upsample_nearest_exact1d",
    "upsample_nearest_exact2d", "upsample_nearest_exact3d",
))
"""Rows that round nothing or jump, beside those of the catalogue's names."""
EXACT_UFUNCS = frozenset((
    np.negative, np.positive, np.conjugate, np.sign, np.copysign, np.maximum, np.minimum, np.fmax, np.fmin, np.floor,
    np.ceil, np.trunc, np.rint, np.floor_divide, np.remainder, np.fmod, np.heaviside, np.frexp, np.ldexp, np.spacing,
))
ARITHMETIC = frozenset((np.add, np.subtract, np.multiply, np.divide, np.reciprocal, np.sqrt, np.square))
# fmt: on
MATRICES = (*WHOLE, "svd_", "eigh_", "cofactor_")
"""How the names begin of rows whose error is a share of the whole matrix."""
MATRIX = (-2, -1)
SUFFIX = re.compile(r"_(row|scalar|inplace|number|dim|all|tensor)$")
Function = Callable[..., Any]


class KernelNoise:
    """While entered, disturbs what refgrad computes on this thread."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        # Sums in another order err by a share of Σ|x|, which moves apart would hide: they add up like their root.
        self.outwards = seed % 4 == 2
        self.is_within = False
        self.spaces = {id(space): self._space(space) for space in (RAW, NARROW)}

    def __enter__(self) -> None:
        self.state, self.quiet = local.me, local.me.run
        self.state.run = self.run

    def __exit__(self, *_: object) -> None:
        self.state.run = self.quiet

    def run(self, function: Function, *args: Any) -> Any:
        """In place of `State.run`: a formula, which is known by its interpreter, a kernel, or a function of arrays."""
        for place, given in enumerate(args):
            if given is RAW or given is NARROW:
                return self._formula(function, place, args)
        if function is np.copyto:
            return self._undisturbed(function, *args)
        if function is np.add and len(args) > 2:
            args[2][...] = self.kernel("add", False, function, args[:2])
            return args[2]
        name, is_exact = _nature(function)
        return self.kernel(name, is_exact, function, args)

    def _undisturbed(self, function: Function, *args: Any) -> Any:
        """What `State.run` does, which can't be entered twice."""
        if self.is_within:
            return function(*args)
        self.is_within = True
        try:
            return self.quiet(function, *args)
        finally:
            self.is_within = False

    def kernel(self, name: str, is_exact: bool, function: Function, args: tuple[Any, ...]) -> Any:
        """A kernel on moved operands, its results moved."""
        if is_exact or (name in SELECTORS and selects(args)):
            return self._undisturbed(function, *args)
        whole = _mixed(name, args) if name.startswith(MATRICES) and name != "linalg_vector_norm" else ()
        if name not in ROUNDED:
            given, args = args, tuple([self.moved(part, whole) for part in args])
            args = _powers(given, args) if name.startswith("pow_") else args
        # A logarithm of a sum near 1 rounds by a share of the sum, not of itself.
        return self.moved(self._undisturbed(function, *args), whole, True, 1.0 if name == "log_softmax" else 0.0)

    def _formula(self, function: Function, place: int, args: tuple[Any, ...]) -> Any:
        row, wants = _formulas().get(function) or _compiled(function)
        if row is not None and (_is_exact(row) or (row.schema.name in SELECTORS and selects(args[place + 1 :]))):
            # It is linear in its cotangents, and may choose by anything else.
            args = tuple([self.moved(a, ()) if w.startswith("g") else a for w, a in zip(wants, args)])
            return self._undisturbed(function, *args)
        space = self.spaces[id(args[place])]
        args = tuple([space if k == place else self._marked(part) for k, part in enumerate(args)])
        return _bare(self._undisturbed(function, *args))

    def _space(self, space: SimpleNamespace) -> SimpleNamespace:
        """An interpreter's functions, disturbed."""
        made = SimpleNamespace()
        for name, given in vars(space).items():
            row = getattr(getattr(LIVE, name, None), "row", None)
            defaults = getattr(given, "__kwdefaults__", None) or {}
            if row is not None:
                setattr(made, name, self._of_row(row, given))
            elif "_space" in defaults:
                setattr(made, name, lambda *args, _given=given: _given(*args, _space=made))
            else:
                setattr(made, name, given)
        return made

    def _of_row(self, row: Row, kernel: Function) -> Function:
        name, is_exact = row.schema.name, _is_exact(row)
        return lambda *args: self._marked(self.kernel(name, is_exact, kernel, _bare(args)))

    def _marked(self, value: Any) -> Any:
        """Arrays that disturb what operators make of them."""
        if isinstance(value, (list, tuple)):
            return _as(value, [self._marked(part) for part in value])
        if isinstance(value, np.ndarray) and value.dtype.name in EPS:
            marked = value.view(_Noisy)
            marked.noise = self
            return marked
        return value

    def moved(self, value: Any, whole: tuple[int, ...], made: bool = False, least: float = 0.0) -> Any:
        """A value, or each of a list, disturbed."""
        if isinstance(value, (list, tuple)):
            return _as(value, [self.moved(part, whole, made, least) for part in value])
        if not isinstance(value, (np.ndarray, np.generic)) or value.dtype.name not in EPS or not value.size:
            return value
        return self.disturb(np.asarray(value), whole, made, least)

    def disturb(self, x: np.ndarray, whole: tuple[int, ...], made: bool = False, least: float = 0.0) -> np.ndarray:
        """An array whose elements moved by one or two eps of their size (``whole``: of the largest along these
        dimensions), or of ``least``; in memory of its own, laid out as before."""
        with np.errstate(all="ignore"):
            wide = x.astype(np.float32) if x.dtype.itemsize == 2 else x
            parts = np.stack([wide.real, wide.imag], -1) if wide.dtype.kind == "c" else wide
            size = np.abs(wide)[..., None] if wide.dtype.kind == "c" else np.abs(wide)
            if whole and x.ndim:
                size = size.max(tuple(d % x.ndim for d in whole if d >= -x.ndim), keepdims=True)
            shift = np.maximum(size, least) * self._moves(parts, made) * EPS[x.dtype.name]
            # An exact zero stays one: it is a tie, or a part beside a branch cut, where its sign decides. In what a
            # kernel made, a zero part is what its products left.
            free = np.isfinite(shift) & (True if whole or made else parts != 0)
            parts = np.where(free, parts + shift, parts).astype(parts.dtype)
        result = np.empty_like(x)
        result[...] = parts[..., 0] + 1j * parts[..., 1] if x.dtype.kind == "c" else parts
        return result

    def _moves(self, parts: np.ndarray, made: bool) -> np.ndarray:
        together = self.outwards and not made
        moves = np.array(MOVES)[self.random.integers(len(MOVES), size=(1,) * parts.ndim if together else parts.shape)]
        return np.where(parts < 0, -moves, moves) if together else moves


class _Noisy(np.ndarray):
    """An array of a formula: ufuncs on it round by more than they need."""

    noise: KernelNoise

    def __array_finalize__(self, source: Any) -> None:
        if isinstance(source, _Noisy) and hasattr(source, "noise"):
            self.noise = source.noise

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        noise = next(part.noise for part in (*inputs, *options.get("out", ())) if isinstance(part, _Noisy))
        bare, out = _bare(inputs), options.pop("out", None)
        is_exact = ufunc in EXACT_UFUNCS or (ufunc is np.absolute and bare[0].dtype.kind != "c")
        if not is_exact and (method != "__call__" or ufunc not in ARITHMETIC):
            bare = noise.moved(bare, ())
        found = getattr(ufunc, method)(*bare, **{key: _bare(value) for key, value in options.items()})
        found = found if is_exact else noise.moved(found, (), True)
        if out is None:
            return noise._marked(found)
        for target, part in zip(out, found if isinstance(found, tuple) else (found,)):
            np.copyto(_bare(target), part, casting="unsafe")
        return out[0] if len(out) == 1 else out


def _mixed(name: str, args: tuple[Any, ...]) -> tuple[int, ...]:
    """The dimensions whose elements a kernel mixes: those of a matrix, or those that are transformed."""
    return tuple(args[1]) if name.startswith(("fft_c2", "fft_r2")) else MATRIX


def _powers(given: tuple[Any, ...], moved: tuple[Any, ...]) -> tuple[Any, ...]:
    """The operands of a power, moved: the exponent of a negative number stays, since no other but an integer has one."""
    base, exponent = given[:2]
    if not isinstance(exponent, np.ndarray) or np.result_type(base, exponent).kind == "c":
        return moved
    return (moved[0], np.where(base < 0, exponent, moved[1]), *moved[2:])


def _as(given: Any, parts: list[Any]) -> Any:
    """Parts in a list or a tuple, as they were given; where one is another now, a named tuple's names are lost."""
    if all(map(operator.is_, given, parts)):
        return given
    return parts if isinstance(given, list) else tuple(parts)


def _bare(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return _as(value, [_bare(part) for part in value])
    return value.view(np.ndarray) if isinstance(value, _Noisy) else value


def _is_exact(row: Row) -> bool:
    name = row.schema.name
    if name in ROUNDED:
        return False
    return row.exact or row.is_view or name in SELECTED or SUFFIX.sub("", name) in exact_kernels() | SELECTED


@cache
def _kernels() -> dict[Function, tuple[str, bool]]:
    """Of a kernel: the name of a row that has it, and whether it rounds nothing or jumps."""
    found: dict[Function, tuple[str, bool]] = {}
    for row in ROWS.values():
        name, is_exact = found.get(row.kernel, (row.schema.name, True))
        found[row.kernel] = name, is_exact and _is_exact(row)
    return found


@cache
def _formulas() -> dict[Function, tuple[Row, tuple[str, ...]]]:
    """Of a formula: its row, and the names of its arguments."""
    rules = ((row, rule) for row in ROWS.values() for rule in (*row.rules.values(), row.joint) if rule is not None)
    return {rule.function: (row, rule.wants) for row, rule in rules}


def _nature(function: Function) -> tuple[str, bool]:
    """What `_kernels` says, of kernels for a dtype too."""
    known = _kernels()
    while function not in known:
        free = getattr(getattr(function, "__code__", None), "co_freevars", ())
        if "kernel" not in free:
            return getattr(function, "__name__", ""), False
        function = function.__closure__[free.index("kernel")].cell_contents  # type: ignore[attr-defined]
    return known[function]


def _compiled(function: Function) -> tuple[Row | None, tuple[str, ...]]:
    """The row of formulas that were written out as one, and the names of its arguments."""
    code = getattr(function, "__code__", None)
    wants = code.co_varnames[: code.co_argcount] if code is not None else ()
    parts = (part for name, part in getattr(function, "__globals__", {}).items() if name.startswith(("rule", "joint")))
    found = (_formulas().get(part) for part in parts if callable(part))
    return next((known[0] for known in found if known is not None), None), wants
