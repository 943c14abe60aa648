"""Paddle: ``paddle.grad``. Its functions have PyTorch's names, mostly, and take ``axis`` for ``dim``."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np

from .numpylike import Space
from .numpylike.space import alike
from .tables import (
    OPERATORS,
    Entry,
    Table,
    each,
    found,
    lacking,
    listing,
    named,
    only,
    promoting,
    refusing,
    renaming,
    unclaimed,
)
from .tape import Tape

PROMOTED = "maximum minimum remainder div.rounded copysign atan2 fmax fmin lerp lerp.tensor clamp.tensors ldexp"
SAME = """neg sin cos exp log sqrt tanh sigmoid atanh reciprocal abs floor expm1 log2 log10 log1p rsqrt square logaddexp tan
asin acos sinh cosh sinc atan asinh acosh deg2rad rad2deg hypot ceil trunc round round.decimals frac sign sgn
clamp isnan isinf isfinite logical_not logical_and logical_or logical_xor angle complex polar positive erf
erfinv lgamma digamma i0 logit special.i0e special.i1 special.i1e nn.functional.relu nn.functional.relu6
nn.functional.elu nn.functional.selu nn.functional.celu nn.functional.leaky_relu nn.functional.gelu
nn.functional.silu nn.functional.mish nn.functional.hardswish nn.functional.logsigmoid nn.functional.softsign
nn.functional.tanhshrink nn.functional.softshrink nn.functional.hardshrink nn.functional.glu nn.functional.prelu sum
sum.dim mean mean.dim nansum nansum.dim nanmean.dim nanmean prod prod.dim logsumexp max amax argmax min amin argmin
any all norm norm.dim linalg.vector_norm dist argsort msort topk kthvalue mode quantile nanquantile bucketize cumsum
cumprod logcumsumexp cummax cummin softmax nn.functional.softmax nn.functional.log_softmax diff trapezoid
cumulative_trapezoid corrcoef scatter_reduce scatter_reduce.smaller reshape view transpose permute expand clone
detach squeeze squeeze.dim squeeze.dims unsqueeze t swapaxes flatten unflatten ravel narrow unfold diagonal
diag_embed diagflat trace flip roll repeat tile repeat_interleave broadcast_to select_scatter
diagonal_scatter hstack vstack dstack column_stack combinations meshgrid atleast_1d
atleast_2d atleast_3d chunk tensor_split unbind hsplit vsplit dsplit __getitem__ __getitem__.advanced
__getitem__.mask index_select index_add index_put gather scatter scatter.value
scatter_add take take_along_dim masked_fill masked_fill.tensor masked_scatter masked_select tril triu
nn.functional.pad.reflect nn.functional.pad.replicate nn.functional.pad.circular
nn.functional.pixel_shuffle nn.functional.pixel_unshuffle nn.functional.channel_shuffle nn.functional.fold matmul mm
mv dot bmm outer inner kron addmm baddbmm linalg.multi_dot einsum linalg.cross cross linalg.vecdot linalg.inv
inverse linalg.det linalg.solve linalg.cholesky cholesky_solve linalg.svdvals linalg.eigvalsh
linalg.matrix_exp linalg.matrix_power cdist nn.functional.pdist
nn.functional.cosine_similarity nn.functional.pairwise_distance nn.functional.mse_loss
nn.functional.l1_loss nn.functional.soft_margin_loss nn.functional.kl_div nn.functional.kl_div.log
nn.functional.poisson_nll_loss nn.functional.hinge_embedding_loss nn.functional.gaussian_nll_loss
nn.functional.nll_loss nn.functional.binary_cross_entropy nn.functional.binary_cross_entropy_with_logits
nn.functional.multi_margin_loss nn.functional.cosine_embedding_loss nn.functional.triplet_margin_loss
nn.functional.margin_ranking_loss nn.functional.layer_norm nn.functional.group_norm
nn.functional.local_response_norm nn.functional.normalize nn.functional.conv1d nn.functional.conv2d
nn.functional.conv3d nn.functional.adaptive_avg_pool1d nn.functional.adaptive_avg_pool2d
nn.functional.adaptive_avg_pool3d nn.functional.grid_sample nn.functional.grid_sample.volume
nn.functional.max_unpool1d nn.functional.max_unpool2d nn.functional.max_unpool3d zeros_like ones_like __rmatmul__
conj real imag view_as_real view_as_complex expand_as view_as linalg.svd linalg.eigh linalg.eig linalg.eigvals
lu_unpack linalg.lu_solve cholesky linalg.householder_product"""
FFT = """fft.fft fft.fft2 fft.fftn fft.ifft fft.ifft2 fft.ifftn fft.rfft fft.rfft2 fft.rfftn fft.irfft fft.irfft2 fft.irfftn
fft.hfft fft.hfft2 fft.hfftn fft.ihfft fft.ihfft2 fft.ihfftn"""
UNDERIVED = ("doesn't have any grad op", "is not registered", "double_grad only support")
"""What Paddle says where it hasn't a derivative."""
DTYPES = ("float32", "float64", "int64", "bool")


def backend(dtypes: tuple[str, ...] = (*DTYPES, "complex64", "complex128")) -> Tape:
    import paddle

    depth = 0

    def vjp(function: Callable[..., Any], args: tuple[Any, ...], cotangents: tuple[Any, ...]) -> tuple[Any, ...]:
        nonlocal depth
        args = tuple(_tracked(x) for x in args)
        depth += 1
        try:
            pairs = [(y, g) for y, g in zip(function(*args), cotangents) if not y.stop_gradient]
        finally:
            depth -= 1
        if not pairs:
            return tuple(map(paddle.zeros_like, args))
        outputs, given = map(list, zip(*pairs))
        try:
            with unclaimed(RuntimeError, ValueError, saying=UNDERIVED):
                grads = paddle.grad(outputs, list(args), given, create_graph=depth > 0, allow_unused=True)
        except BaseException:
            # Else all that follows in this process would go unrecorded.
            paddle.set_grad_enabled(True)
            raise
        return tuple(paddle.zeros_like(x) if g is None else g for x, g in zip(args, grads))

    return Tape(
        "paddle",
        version("paddlepaddle"),
        operators(),
        vjp,
        dtypes,
        leaf=lambda array, tracked: paddle.to_tensor(np.array(array, order="C"), stop_gradient=not tracked),
        writes=writes(),
        backward=paddle.autograd.backward,
        gradient=lambda x: x.grad,
        shares=lambda x, y: x._is_shared_buffer_with(y),
        numpy=lambda x: x.numpy(),
    )


def in_reals() -> Tape:
    """Without complex numbers."""
    return backend(DTYPES)


def _tracked(x: Any) -> Any:
    """The tensor, or a leaf of its value where nothing is recorded of it."""
    if not x.stop_gradient:
        return x
    leaf = x.detach().clone()
    leaf.stop_gradient = False
    return leaf


def operators() -> Table:
    """The catalogue's names in terms of paddle."""
    import paddle

    space = Space(None, shape=lambda x: x.shape)
    table = found(SAME, paddle, paddle.Tensor) | each(promoting(space), found(PROMOTED, paddle) | OPERATORS)
    table |= each(listing(space), found("cat stack", paddle)) | _others(paddle, space)
    # Of dtypes that Paddle says it doesn't promote no claim is made.
    return each(unclaimed(TypeError, saying=("(InvalidType)",)), each(refusing, table))


def _paired(entry: Entry, index: Entry) -> Entry:
    return lambda x, dim, **options: (entry(x, dim, **options), index(x, dim, **options))


def _normed(entry: Entry) -> Entry:
    return lambda x, norm="backward", **options: entry(x, norm=norm or "backward", **options)


def _unbiased(correction: int) -> bool:
    return bool(correction) if correction in (0, 1) else lacking("corrections other than 0 and 1")


def _pieces(whole: int, size: int) -> list[int]:
    return [min(size, whole - start) for start in range(0, whole, size)]


# Which windows that begin beyond the data count is each engine's own.
def _average(pool: Entry, dims: int) -> Entry:
    def average(x: Any, count_include_pad: bool, divisor_override: int | None = None, **options: Any) -> Any:
        more = {} if dims == 1 else {"divisor_override": divisor_override}
        return pool(x, exclusive=not count_include_pad, **options, **more)

    return only(average, ceil_mode=False)


def _largest(pool: Entry) -> Entry:
    def largest(x: Any, return_indices: bool, **options: Any) -> Any:
        values, mask = pool(x, return_mask=True, **options)
        return values, mask.astype("int64")

    return only(largest, ceil_mode=False, dilation=1)


def _real(x: Any) -> Any:
    return lacking("complex numbers") if x.is_complex() else x


def _others(paddle: Any, space: Space) -> Table:
    functional, fft = paddle.nn.functional, found(FFT, paddle)
    return {
        **{name: _normed(entry) for name, entry in fft.items()},
        **{f"nn.functional.avg_pool{n}d": _average(getattr(functional, f"avg_pool{n}d"), n) for n in (1, 2, 3)},
        **{f"nn.functional.max_pool{n}d": _largest(getattr(functional, f"max_pool{n}d")) for n in (1, 2, 3)},
        "where": lambda c, x, y: paddle.where(c, *alike(space, x, y)),
        "clamp_min": lambda x, min: paddle.clip(x, min=min),
        "clamp_max": lambda x, max: paddle.clip(x, max=max),
        "polygamma": lambda n, x: paddle.polygamma(x, n),
        "special.polygamma": lambda n, x: paddle.polygamma(x, n),
        "nn.functional.hardtanh": lambda x, min_val, max_val: functional.hardtanh(x, min_val, max_val),
        "nn.functional.softplus": lambda x, beta, threshold: functional.softplus(x, beta, threshold),
        "nan_to_num": lambda x, nan, posinf: paddle.nan_to_num(x, nan or 0.0, posinf),
        "max.dim": _paired(lambda x, dim, keepdim: paddle.max(x, dim, keepdim), paddle.argmax),
        "min.dim": _paired(lambda x, dim, keepdim: paddle.min(x, dim, keepdim), paddle.argmin),
        "block_diag": lambda *tensors: paddle.block_diag(list(tensors)),
        "cartesian_prod": lambda *tensors: paddle.cartesian_prod(list(tensors)),
        "diag": lambda x, diagonal: paddle.diag(x, diagonal),
        "fft.fftshift": lambda x, dim: paddle.fft.fftshift(x, list(dim) if isinstance(dim, tuple) else dim),
        "fft.ifftshift": lambda x, dim: paddle.fft.ifftshift(x, list(dim) if isinstance(dim, tuple) else dim),
        "nn.functional.affine_grid": lambda x, size, align_corners: functional.affine_grid(
            x, list(size), align_corners
        ),
        "nn.functional.one_hot": lambda x, num_classes: functional.one_hot(x, num_classes).astype("int64"),
        "var": lambda x, correction: paddle.var(_real(x), correction=correction),
        "var.dim": lambda x, dim, keepdim, correction: paddle.var(_real(x), dim, None, keepdim, correction=correction),
        "median": lambda x: paddle.median(x, mode="min"),
        "nanmedian": lambda x: paddle.nanmedian(x, mode="min"),
        "median.dim": lambda x, dim, keepdim: paddle.median(x, dim, keepdim, mode="min"),
        "nanmedian.dim": lambda x, dim, keepdim: paddle.nanmedian(x, dim, keepdim, mode="min"),
        "std": lambda x, correction: paddle.std(_real(x), unbiased=_unbiased(correction)),
        "std.dim": lambda x, dim, keepdim, correction: paddle.std(_real(x), dim, _unbiased(correction), keepdim),
        "split": lambda x, size, dim: paddle.split(x, _pieces(x.shape[dim], size), dim),
        "split.sizes": lambda x, sizes, dim: paddle.split(x, list(sizes), dim),
        "rot90": lambda x, k, dims: paddle.rot90(x, k, dims),
        "tensordot": lambda x, y, dims: paddle.tensordot(x, y, dims),
        # A negative axis is promised nowhere, and ends the process.
        "slice_scatter": lambda x, y, dim, start, end, step: paddle.slice_scatter(
            x, y, [dim % x.ndim], [start], [end], [step]
        ),
        "broadcast_tensors": lambda *tensors: paddle.broadcast_tensors(list(tensors)),
        "index_fill": lambda x, dim, index, value: paddle.index_fill(x, index, dim, value),
        # The offset is in bytes.
        "as_strided": lambda x, size, stride, offset: paddle.as_strided(x, size, stride, offset * x.element_size()),
        "nn.functional.pad": lambda x, pad, mode, value: functional.pad(x, pad, mode, value, pad_from_left_axis=False),
        "linalg.diagonal": lambda x, offset: paddle.diagonal(x, offset, -2, -1),
        "linalg.cond": lambda x, p: paddle.linalg.cond(_real(x), p),
        "linalg.cond.inverse": lambda x, p: paddle.linalg.cond(_real(x), p),
        "cholesky_inverse": lambda x, upper: paddle.linalg.cholesky_inverse(_real(x), upper),
        "linalg.slogdet": lambda x: paddle.unbind(paddle.linalg.slogdet(_real(x))),
        "linalg.matrix_norm": lambda x, ord, keepdim: paddle.linalg.matrix_norm(x, ord, keepdim=keepdim),
        "nn.functional.bilinear": lambda x, y, weight, bias=None: functional.bilinear(
            x, y, weight, None if bias is None else bias.unsqueeze(0)
        ),
        "nn.functional.hardsigmoid": lambda x: functional.hardsigmoid(x, 1 / 6, 0.5),
        "nn.functional.embedding": only(functional.embedding, padding_idx=None, scale_grad_by_freq=False),
        "nn.functional.huber_loss": lambda x, y, **options: functional.smooth_l1_loss(x, y, **options),
        "nn.functional.poisson_nll_loss.plain": renaming(eps="epsilon")(functional.poisson_nll_loss),
        "nn.functional.unfold": lambda x, kernel_size, dilation, padding, stride: functional.unfold(
            x, kernel_size, stride, padding, dilation
        ),
        "sort": lambda x, dim, descending: (paddle.sort(x, dim, descending), paddle.argsort(x, dim, descending)),
        "T": lambda x: paddle.transpose(x, list(range(x.ndim))[::-1]),
        "mT": lambda x: paddle.matrix_transpose(x),
        "nn.functional.linear": lambda x, weight, bias=None: functional.linear(x, weight.T, bias),
    }


WRITTEN = """sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh exp expm1 log log2 log10 log1p sqrt rsqrt square
reciprocal abs neg sigmoid floor ceil trunc frac round erf digamma lgamma i0 hypot"""


def writes() -> Table:
    """Operators in place, by Paddle's methods that end in an underscore."""
    import paddle

    def tensor(x: Any, y: Any) -> Any:
        if isinstance(y, (bool, int, float)):
            return paddle.full([], y, x.dtype)
        if y.dtype != x.dtype:
            raise NotImplementedError("operands of two dtypes in place")
        return y

    unary = named(paddle.Tensor, " ".join(f"{name}={name}_" for name in WRITTEN.split()))
    return each(
        refusing,
        unary
        | {
            "add": lambda x, y, alpha=1: x.add_(tensor(x, y) * alpha if alpha != 1 else tensor(x, y)),
            "sub": lambda x, y, alpha=1: x.subtract_(tensor(x, y) * alpha if alpha != 1 else tensor(x, y)),
            "mul": lambda x, y: x.multiply_(tensor(x, y)),
            "div": lambda x, y: x.divide_(tensor(x, y)),
            "pow": lambda x, y: x.pow_(y if isinstance(y, (int, float)) else lacking()),
        },
    )
