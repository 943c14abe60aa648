"""Noise within PyTorch: every kernel that rounds, wherever it is called from, takes and gives moved values.

A kernel is as good as its backward error: the exact result, moved by a unit, for operands moved by a unit. So operands
and results are disturbed at each call, independently, and the steps inside composites, backward formulas, forward mode
and function transforms are disturbed like those a program names. Leaves are exact and stay so.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from .. import catalogue
from .noise import MOVES

# fmt: off
EXACT = frozenset((
    "_conj", "_local_scalar_dense", "_neg_view", "_reshape_alias", "_to_copy", "_unsafe_view", "alias", "arange",
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
ROUNDED = frozenset((
    "abs", "add", "addcdiv", "addcmul", "div", "mul", "neg", "reciprocal", "rsub", "sqrt", "square", "sub",
))
"""IEEE arithmetic: the error is in the result alone. Moved operands would part what is tied exactly."""
WHOLE = (
    "cholesky", "linalg_", "_linalg_", "_fft_", "triangular_solve", "lu_", "ormqr", "geqrf", "inverse", "det",
    "slogdet", "logdet", "upsample_", "_upsample_", "grid_sampler_", "_log_softmax", "_softmax_backward",
)
"""Kernels whose backward error is a share of the whole matrix, signal, image or row, not of each element."""
SELECTORS = frozenset((
    "linalg_vector_norm", "norm", "_cdist_forward", "_cdist_backward", "_pdist_forward", "_pdist_backward", "dist",
    "renorm", "scatter_reduce", "index_reduce",
))
# fmt: on
SELECTING = (float("inf"), float("-inf"), "amax", "amin")
"""Under these orders and reductions, the selectors round nothing."""


def _base(name: str) -> str:
    return catalogue.split_name(name)[1]


class KernelNoise(TorchDispatchMode):
    """While entered, disturbs the kernels that PyTorch runs on this thread."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.generator = torch.Generator().manual_seed(seed)
        # Sums in another order err by a share of Σ|x|, which moves apart would hide: they add up like their root.
        self.outwards = seed % 4 == 2
        lines = catalogue.operators().values()
        self.exact = EXACT | {_base(line.name) for line in lines if line.exact or line.view or line.jumps} - ROUNDED

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # Nothing is compiled here; the guard would import the compiler and enter it at every kernel.
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        written = func._schema.is_mutable
        name = func.overloadpacket.__name__
        name = name.removesuffix("_") if written else name
        if func.is_view or name in self.exact or _selects(name, (*args, *kwargs.values())):
            return func(*args, **kwargs)
        if name not in ROUNDED:
            whole = name.startswith(WHOLE) and name != "linalg_vector_norm"
            args = tuple(
                self.rewritten(part) if k == 0 and written else self.moved(part, whole, least=_least(name, k))
                for k, part in enumerate(args)
            )
        result = func(*args, **kwargs)
        if not written:
            return self.moved(result, _is_cubic(name, args), True)
        for part in result if isinstance(result, (tuple, list)) else (result,):
            self.rewritten(part)
        return result

    def rewritten(self, value: Any) -> Any:
        """A value disturbed in place."""
        return value.copy_(self.disturb(value, False)) if _rounds(value) else value

    def moved(self, value: Any, whole: bool, made: bool = False, least: float = 0.0) -> Any:
        """A value, or each of a list, disturbed."""
        if isinstance(value, (tuple, list)):
            return type(value)(self.moved(part, whole, made, least) for part in value)
        return self.disturb(value, whole, made, least) if _rounds(value) else value

    def disturb(self, x: torch.Tensor, whole: bool, made: bool = False, least: float = 0.0) -> torch.Tensor:
        """A tensor whose elements moved by one or two eps of their size (``whole``: of the matrix's largest), or of
        ``least``."""
        x = x.resolve_conj().resolve_neg()
        parts = torch.view_as_real(x) if x.is_complex() else x
        size = torch.view_as_real(x).norm(dim=-1, keepdim=True) if x.is_complex() else x.abs()
        if whole:
            last = tuple(range(parts.ndim))[-2 - x.is_complex() :]
            size = (size.amax(last, keepdim=True) if last else size).clamp(min=least)
        eps = torch.finfo(x.dtype).eps
        moves = torch.tensor(MOVES, dtype=parts.dtype)
        count = (1,) * parts.ndim if self.outwards and not made else parts.shape
        shift = eps * size * moves[torch.randint(len(MOVES), count, generator=self.generator)]
        if self.outwards and not made:
            shift = shift * torch.where(parts < 0, -1, 1)
        # An exact zero stays one: it is a tie, or a part beside a branch cut, where its sign decides. In what a kernel
        # made, a zero part is what its products left.
        free = torch.isfinite(shift) & ((parts != 0) | whole | made)
        moved = torch.where(free, parts + shift, parts)
        return torch.empty_like(x).copy_(torch.view_as_complex(moved.contiguous()) if x.is_complex() else moved)


def _least(name: str, position: int) -> float:
    """A place x of a grid becomes ((x + 1)·n - 1)/2 pixels: what that rounds is a share of 1 + |x|, not of x."""
    return 1.0 if name.startswith("grid_sampler_") and position == 1 + ("backward" in name) else 0.0


def _is_cubic(name: str, args: Any) -> bool:
    """Whether results are products of cubic weights -¾t³ … + 3: however small a weight is near the edge of a pixel, its
    terms are up to 9, and round by eps of that."""
    modes = args[2 + ("backward" in name) :][:1] if name.startswith("grid_sampler_2d") else ()
    return "bicubic" in name or tuple(modes) == (2,)


def _selects(name: str, arguments: Any) -> bool:
    plain = [part for part in arguments[1:] if isinstance(part, (int, float, str))]
    return name in SELECTORS and (any(part in SELECTING for part in plain) or plain[:1] == [0])


def _rounds(value: Any) -> bool:
    if not isinstance(value, torch.Tensor) or not value.numel() or value._is_zerotensor() or value.is_meta:
        return False
    return value.is_floating_point() or value.is_complex()
