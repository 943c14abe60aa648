"""Operators that have no definition in 60 digits yet. The list may only shrink; a test holds it to the definitions."""

from __future__ import annotations

# fmt: off
UNDEFINED = frozenset((
    "H", "__getitem__.advanced", "__getitem__.mask", "__rmod__", "abs.complex", "acosh.inplace", "asinh.inplace",
    "cartesian_prod", "cdist.product", "cdouble", "cfloat", "chunk", "clamp_max.tensor",
    "clamp_min.tensor", "combinations", "conj_physical", "conj_physical.inplace", "corrcoef", "cov",
    "cumulative_trapezoid", "div.rounded", "double", "dsplit", "eq.inplace", "erfinv", "fill", "float", "fmod", "frac",
    "frexp", "gather.sparse", "ge.inplace", "gradient", "grid_sampler_2d", "grid_sampler_3d", "gt.inplace", "half",
    "hsplit", "index_put", "istft", "le.inplace", "linalg.eigh", "linalg.eigvalsh",
    "linalg.lstsq", "linalg.lu", "linalg.lu_factor", "linalg.lu_factor_ex", "linalg.lu_solve",
    "linalg.multi_dot", "linalg.norm", "linalg.qr",
    "logit", "lt.inplace", "lu", "lu_solve", "lu_unpack", "masked.amax",
    "masked.amin", "masked.cumprod", "masked.cumsum", "masked.logsumexp", "masked.mean", "masked.median", "masked.prod",
    "masked.std", "masked.sum", "masked.var", "masked_scatter", "masked_select", "median", "median.dim", "meshgrid",
    "nan_to_num", "nanmean", "nanmean.dim", "nanmedian", "nanmedian.dim", "nanquantile", "nansum", "nansum.dim",
    "ne.inplace", "nextafter", "nn.functional.adaptive_max_pool1d", "nn.functional.adaptive_max_pool2d",
    "nn.functional.adaptive_max_pool3d", "nn.functional.affine_grid", "nn.functional.celu",
    "nn.functional.celu.inplace", "nn.functional.channel_shuffle", "nn.functional.conv_transpose1d",
    "nn.functional.conv_transpose2d", "nn.functional.conv_transpose3d", "nn.functional.ctc_loss", "nn.functional.elu",
    "nn.functional.elu.inplace", "nn.functional.embedding", "nn.functional.embedding.by_frequency",
    "nn.functional.embedding.sparse", "nn.functional.embedding_bag", "nn.functional.fold", "nn.functional.glu",
    "nn.functional.grid_sample", "nn.functional.grid_sample.volume", "nn.functional.hardshrink",
    "nn.functional.hardtanh", "nn.functional.interpolate.bicubic", "nn.functional.interpolate.linear1d",
    "nn.functional.interpolate.linear2d", "nn.functional.interpolate.linear3d", "nn.functional.interpolate.nearest1d",
    "nn.functional.interpolate.nearest2d", "nn.functional.interpolate.nearest3d", "nn.functional.leaky_relu.inplace",
    "nn.functional.lp_pool1d", "nn.functional.lp_pool2d", "nn.functional.lp_pool3d", "nn.functional.max_pool1d",
    "nn.functional.max_pool2d", "nn.functional.max_pool3d", "nn.functional.max_unpool1d", "nn.functional.max_unpool2d",
    "nn.functional.max_unpool3d", "nn.functional.pixel_shuffle", "nn.functional.pixel_unshuffle", "nn.functional.prelu",
    "nn.functional.rms_norm", "nn.functional.rrelu.eval", "nn.functional.scaled_dot_product_attention",
    "nn.functional.scaled_dot_product_attention.heads", "nn.functional.softshrink", "nn.functional.threshold",
    "nn.functional.threshold.inplace", "nn.functional.unfold", "nn.functional.upsample_bilinear",
    "nn.functional.upsample_nearest", "put", "qr", "quantile", "remainder", "round", "round.decimals", "rsub",
    "scatter", "scatter.value", "sgn.complex", "special.ndtri", "special.xlog1py.by_number", "special.xlog1py.number",
    "special.zeta", "split", "split.sizes", "split_with_sizes", "stft", "sum_to_size", "tensor_split", "to",
    "trapezoid", "trapz", "unsafe_chunk", "unsafe_split", "unsafe_split_with_sizes", "vsplit", "xlogy.by_number",
    "xlogy.number", "zero",
))
# fmt: on
