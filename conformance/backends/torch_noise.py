"""Noise within PyTorch: every kernel that rounds, wherever it is called from, takes and gives moved values.

A kernel is as good as its backward error: the exact result, moved by a unit, for operands moved by a unit. So operands
and results are disturbed at each call, independently, and the steps inside composites, backward formulas, forward mode
and function transforms are disturbed like those a program names. Leaves are exact and stay so.
"""

from __future__ import annotations

import math
from functools import cache, lru_cache
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from .. import catalogue
from ..programs.program import Call, Leaf, Program, Transform
from .noise import MOVES, ROUNDED, SELECTORS, WHOLE, exact_kernels, selects

# fmt: off
EXACT = frozenset((
    "_conj", "_local_scalar_dense", "_neg_view", "_new_zeros_with_same_feature_meta", "_reshape_alias", "_to_copy",
    "_unsafe_view", "alias", "arange",
    "as_strided", "bitwise_and", "bitwise_not", "bitwise_or", "copy", "count_nonzero", "empty", "empty_like",
    "empty_strided", "equal", "fill", "floor_divide", "full", "full_like", "hardshrink", "hardshrink_backward",
    "hardtanh", "hardtanh_backward", "heaviside", "imag", "index", "is_nonzero", "isclose", "isneginf", "isposinf",
    "lift_fresh", "logical_not", "max_pool2d_with_indices", "max_pool2d_with_indices_backward",
    "max_pool3d_with_indices", "max_pool3d_with_indices_backward", "nan_to_num", "new_empty", "new_empty_strided",
    "new_full", "new_ones", "new_zeros", "nonzero", "ones", "rand", "randint", "real", "repeat", "resolve_conj",
    "resolve_neg", "rrelu", "scalar_tensor", "searchsorted", "select_backward", "set_", "sgn", "signbit", "slice",
    "slice_backward", "softshrink", "softshrink_backward", "threshold", "threshold_backward", "tril_indices",
    "triu_indices", "unsqueeze", "value_selecting_reduction_backward", "view_as", "view_as_complex", "view_as_real",
    "zero", "zeros",
))
"""Kernels that round nothing, and those that jump: noise in their operands would cross the jump."""
MODULI = frozenset(("abs", "sgn"))
"""Of real numbers these round nothing, of complex ones their results: a root and a quotient by it."""
# fmt: on
MATRIX = (-2, -1)
PRODUCTS = frozenset(("prod", "cumprod"))
LOOPED = 64
"""While a mode watches, PyTorch's derivative of a product is a loop over its elements, each step over all of them."""


POOL = 4096
"""How many random moves are drawn in one go."""
SEEDS = 1 << 16
"""More than there are seeds of noise: so far apart are the seeds of a run's draws."""
ROUNDING = frozenset(
    (torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex32, torch.complex64, torch.complex128)
)


def loops_when_watched(program: Program) -> bool:
    """Whether a program takes minutes while its kernels are watched."""
    if all(math.prod(step.shape) <= LOOPED for step in program.steps if isinstance(step, Leaf)):
        return False
    regions = (step.region for step in program.steps if isinstance(step, Transform) and step.region is not None)
    steps = (*program.steps, *(step for region in regions for step in region.steps))
    return any(isinstance(step, Call) and _base(step.op) in PRODUCTS for step in steps)


def _base(name: str) -> str:
    return catalogue.split_name(name)[1]


@cache
def _exact() -> frozenset[str]:
    return EXACT | exact_kernels()


@cache
def _nature(func: Any) -> tuple[str, bool, bool, bool, bool]:
    """Of a kernel: its name, whether it rounds nothing, writes, errs in its result alone, errs by a share of the whole."""
    written = func._schema.is_mutable
    name = func.overloadpacket.__name__
    name = name.removesuffix("_") if written else name
    whole = name.startswith(WHOLE) and name != "linalg_vector_norm"
    return name, func.is_view or name in _exact(), written, name in ROUNDED, whole


@cache
def _is_composite(func: Any) -> bool:
    return func.has_kernel_for_dispatch_key(torch._C.DispatchKey.CompositeImplicitAutograd)


class KernelNoise(TorchDispatchMode):
    """While entered, disturbs the kernels that PyTorch runs on this thread."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.seed = seed
        # Sums in another order err by a share of Σ|x|, which moves apart would hide: they add up like their root.
        self.outwards = seed % 4 == 2
        # Of each dtype: the moves drawn last, the same as factors, how many are used up; and how often any were drawn.
        self.pools: dict[torch.dtype, tuple[torch.Tensor, torch.Tensor, int]] = {}
        self.draws = 0
        # The operands of extreme distances: the rule for them takes the difference anew and looks for what equals them.
        self.parted: set[tuple[int, ...]] = set()

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # Nothing is compiled here; the guard would import the compiler and enter it at every kernel.
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if _is_composite(func):
            # Where autograd takes no part, under inference mode say, composites come here whole.
            with self:
                return func.decompose(*args, **kwargs)
        name, exact, written, rounded, is_whole = _nature(func)
        if name in MODULI:
            exact, rounded = not args[0].is_complex(), True
        is_selecting = name in SELECTORS and selects((*args, *kwargs.values()))
        if is_selecting and name == "dist":
            self.parted.add(_places(args))
        if exact or is_selecting or (name == "sub" and not written and _places(args) in self.parted):
            result = func(*args, **kwargs)
            return _by_bits(result, self.seed) if is_selecting and _made_of_moduli(args, result) else result
        # PyTorch 2.13 crashes where a kernel called from here meets a tangent that is zero without memory.
        args = tuple(map(_materialised, args))
        whole = _mixed(name, args) if is_whole else ()
        if not rounded:
            given = args
            args = tuple(
                self.rewritten(part) if k == 0 and written else self.moved(part, whole, least=_least(name, k))
                for k, part in enumerate(args)
            )
            args = _powers(given, args) if name == "pow" else args
        result = func(*args, **kwargs)
        if name == "abs" and not written:
            return _by_bits(result, self.seed)
        if not written:
            # A logarithm of a sum near 1 rounds by a share of the sum, not of itself.
            mixed = whole if name.startswith("_fft_") else MATRIX if _is_cubic(name, args) else ()
            return self.moved(result, mixed, True, 1.0 if name == "_log_softmax" else 0.0)
        for part in result if isinstance(result, (tuple, list)) else (result,):
            self.rewritten(part)
        return result

    def rewritten(self, value: Any) -> Any:
        """A value disturbed in place."""
        return value.copy_(self.disturb(value, ())) if _rounds(value) else value

    def moved(self, value: Any, whole: tuple[int, ...], made: bool = False, least: float = 0.0) -> Any:
        """A value, or each of a list, disturbed."""
        if isinstance(value, (tuple, list)):
            return type(value)(self.moved(part, whole, made, least) for part in value)
        return self.disturb(value, whole, made, least) if _rounds(value) else value

    def disturb(self, x: torch.Tensor, whole: tuple[int, ...], made: bool = False, least: float = 0.0) -> torch.Tensor:
        """A tensor whose elements moved by one or two eps of their size (``whole``: of the largest along these
        dimensions), or of ``least``."""
        together = self.outwards and not made
        if not (whole or least or x.is_complex() or x.is_neg()) and x.is_contiguous():
            factors, used = self.take(x.dtype, 1 if together else x.numel())[1:]
            return x * (factors[used] if together else factors.as_strided(x.shape, x.stride(), used))
        x = x.resolve_conj().resolve_neg()
        parts = torch.view_as_real(x) if x.is_complex() else x
        size = x.abs().unsqueeze(-1) if x.is_complex() else x.abs()
        if whole and x.ndim:
            size = size.amax([d % x.ndim for d in whole if d >= -x.ndim], keepdim=True)
        size = size.clamp(min=least) if least else size
        shift = size * self.moves(parts.dtype, (1,) * parts.ndim if together else parts.shape)
        if together:
            shift = shift * torch.where(parts < 0, -1, 1)
        # An exact zero stays one: it is a tie, or a part beside a branch cut, where its sign decides. In what a kernel
        # made, a zero part is what its products left.
        free = torch.isfinite(shift)
        free = free if whole or made else free & (parts != 0)
        moved = torch.where(free, parts + shift, parts)
        moved = torch.view_as_complex(moved.contiguous()) if x.is_complex() else moved
        return moved if x.is_contiguous() else torch.empty_like(x).copy_(moved)

    def moves(self, dtype: torch.dtype, shape: tuple[int, ...]) -> torch.Tensor:
        """Random moves of one or two eps."""
        count = math.prod(shape)
        pool, _, used = self.take(dtype, count)
        return pool[used : used + count].view(shape)

    def take(self, dtype: torch.dtype, count: int) -> tuple[torch.Tensor, torch.Tensor, int]:
        """Moves, the same as factors, and the place from where on ``count`` of them are new."""
        moves, factors, used = self.pools.get(dtype, (None, None, 0))
        if moves is None or factors is None or used + count > moves.numel():
            moves, factors = (_pool if count <= POOL else _drawn)(self.seed, self.draws, dtype, max(count, POOL))
            self.draws, used = self.draws + 1, 0
        self.pools[dtype] = moves, factors, used + count
        return moves, factors, used


def _drawn(seed: int, draw: int, dtype: torch.dtype, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The moves of one draw of a seed's, and the same as factors."""
    with torch.inference_mode(False):
        generator = torch.Generator().manual_seed(seed + SEEDS * draw)
        moves = _table(dtype)[torch.randint(len(MOVES), (count,), generator=generator)]
        return moves, moves + 1


_pool = lru_cache(64)(_drawn)
"""The same, kept: a program is run with few seeds, and thousands of programs with each."""


def _places(args: Any) -> tuple[int, ...]:
    """Where two operands lie in memory."""
    return tuple(part.data_ptr() if isinstance(part, torch.Tensor) else 0 for part in args[:2])


def _made_of_moduli(args: Any, result: Any) -> bool:
    return isinstance(args[0], torch.Tensor) and args[0].is_complex() and not result.is_complex()


def _by_bits(sizes: torch.Tensor, seed: int) -> torch.Tensor:
    """Moduli moved by what their own bits decide: an extreme among them is known by being equal to one of them, and
    must stay so, wherever the modulus is computed again."""
    if sizes.dtype not in (torch.float32, torch.float64):
        return sizes
    bits = sizes.contiguous().view(torch.int32 if sizes.dtype == torch.float32 else torch.int64).long()
    mixed = (bits * 0x9E3779B1 + seed * 0x85EBCA77) >> 20
    moves = _table(sizes.dtype)[mixed.remainder(len(MOVES))]
    return torch.where(torch.isfinite(sizes), sizes * (1 + moves), sizes)


@cache
def _table(dtype: torch.dtype) -> torch.Tensor:
    return torch.tensor(MOVES, dtype=dtype) * torch.finfo(dtype).eps


def _mixed(name: str, args: Any) -> tuple[int, ...]:
    """The dimensions whose elements a kernel mixes: those of a matrix, or those that are transformed. The error of a
    Fourier transform is a share of the signal's norm."""
    return tuple(args[1]) if name.startswith("_fft_") else MATRIX


def _least(name: str, position: int) -> float:
    """A place x of a grid becomes ((x + 1)·n - 1)/2 pixels: what that rounds is a share of 1 + |x|, not of x."""
    return 1.0 if name.startswith("grid_sampler_") and position == 1 + ("backward" in name) else 0.0


def _powers(given: Any, moved: Any) -> Any:
    """The operands of a power, moved: the exponent of a negative number stays, since no other but an integer has one."""
    base, exponent = given[:2]
    if not isinstance(exponent, torch.Tensor) or exponent.is_complex() or torch.is_complex(torch.as_tensor(base)):
        return moved
    return (moved[0], torch.where(torch.as_tensor(base) < 0, exponent, moved[1]), *moved[2:])


def _is_cubic(name: str, args: Any) -> bool:
    """Whether results are products of cubic weights -¾t³ … + 3: however small a weight is near the edge of a pixel, its
    terms are up to 9, and round by eps of that."""
    modes = args[2 + ("backward" in name) :][:1] if name.startswith("grid_sampler_2d") else ()
    return "bicubic" in name or tuple(modes) == (2,)


def _materialised(value: Any) -> Any:
    if isinstance(value, torch.Tensor) and value._is_zerotensor():
        return torch.zeros(value.shape, dtype=value.dtype)
    return value


def _rounds(value: Any) -> bool:
    if not isinstance(value, torch.Tensor) or value.dtype not in ROUNDING:
        return False
    return value.numel() > 0 and not value._is_zerotensor() and not value.is_meta
