"""Normal values by Box and Muller, in the four ways in which PyTorch's CPU kernels compute them.

Fewer than 16 values are drawn in pairs in float64, with the odd one kept for the next call. From 16 on, blocks of 16
hold 8 radii and 8 angles, and a ragged end redraws the last 16 values. Float32 blocks use the single-precision
polynomials of the Cephes library with fused multiply-adds (the AVX2 kernel); the other dtypes use the C library.
"""

from __future__ import annotations

import numpy as np

from refgrad._random_stream import Generator

_F32 = np.float32
_BLOCK = 16
_LOG_SERIES = (
    *(7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1),
    *(-1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1),
)
# ln 2 and pi/4 in parts short enough that their products with a small integer are exact.
_LN2_HIGH, _LN2_LOW = 0.693359375, -2.12194440e-4
_QUARTER_PI = (0.78515625, 2.4187564849853515625e-4, 3.77489497744594108e-8)
_SIN_SERIES = (-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)
_COS_SERIES = (2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)


def draw_normals(generator: Generator, count: int, dtype: str, mean: float, std: float, *, blocks: bool) -> np.ndarray:
    """`count` values, float32 for float32 and the half dtypes (whose kernels round once, at the end), else float64.

    `blocks=False` takes the pairwise way at any count, as PyTorch does for a non-contiguous tensor.
    """
    if count < _BLOCK or not blocks:
        return multiply_add(draw_standard_pairs(generator, count), std, mean)
    size = _block_words(count, dtype)
    uniforms = generator.unit_doubles(size) if dtype == "float64" else generator.unit_singles(size)
    values = _transform_blocks(uniforms[: size // _BLOCK * _BLOCK], dtype, mean, std)[:count]
    if count % _BLOCK:
        values = np.concatenate([values[: count - _BLOCK], _redraw(generator, uniforms, dtype, mean, std)])
    return values


def draw_standard_pairs(generator: Generator, count: int) -> np.ndarray:
    """`count` standard normals in float64, starting with the value an odd count left over."""
    kept = [] if generator.spare_normal is None or count == 0 else [generator.spare_normal]
    fresh = count - len(kept)
    uniforms = generator.unit_doubles(fresh + fresh % 2)
    radius, angle = np.sqrt(-2.0 * np.log1p(-uniforms[1::2])), 2.0 * np.pi * uniforms[0::2]
    values = np.concatenate([kept, np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).reshape(-1)])
    if count:
        generator.spare_normal = float(values[-1]) if fresh % 2 else None
    return values[:count]


def _block_words(count: int, dtype: str) -> int:
    # float32 and float64 fill the ragged end with uniforms before they redraw it; the half dtypes leave it out.
    return count // _BLOCK * _BLOCK if dtype in ("float16", "bfloat16") else count


def _redraw(generator: Generator, uniforms: np.ndarray, dtype: str, mean: float, std: float) -> np.ndarray:
    again = generator.unit_doubles(_BLOCK) if uniforms.dtype == np.float64 else generator.unit_singles(_BLOCK)
    return _transform_blocks(again, dtype, mean, std)


def _transform_blocks(uniforms: np.ndarray, dtype: str, mean: float, std: float) -> np.ndarray:
    halves = uniforms.reshape(-1, 2, _BLOCK // 2)
    first, second = 1 - halves[:, 0], halves[:, 1]  # 1 - u is in (0, 1], so the logarithm is finite
    if dtype == "float64":
        log, cos, sin = np.log(first), np.cos(2.0 * np.pi * second), np.sin(2.0 * np.pi * second)
    elif dtype == "float32":
        log, (cos, sin) = log_single(first), cos_sin_single(_F32(2.0 * np.pi) * second)
    else:
        log, cos, sin = _round_libm(first, _F32(2.0 * np.pi) * second)
    radius = np.sqrt(-2 * log)
    values = np.stack([radius * cos, radius * sin], axis=1).reshape(-1)
    return multiply_add(values, std, mean) if dtype == "float64" else multiply_add_single(values, _F32(std), _F32(mean))


def _round_libm(first: np.ndarray, angle: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    wide = angle.astype(np.float64)
    return np.log(first.astype(np.float64)).astype(_F32), np.cos(wide).astype(_F32), np.sin(wide).astype(_F32)


def log_single(x: np.ndarray) -> np.ndarray:
    """ln x for float32 in (0, 1]: a polynomial in the mantissa, scaled to [sqrt(1/2), sqrt(2)), minus 1."""
    mantissa, exponent = np.frexp(x)
    low = mantissa < _F32(0.5**0.5)
    exponent = (exponent - low).astype(_F32)
    t = np.where(low, mantissa + mantissa, mantissa) - _F32(1)
    square = t * t
    series = _horner(_LOG_SERIES, t) * t
    tail = multiply_add_single(series, square, exponent * _F32(_LN2_LOW)) - _F32(0.5) * square
    return multiply_add_single(exponent, _F32(_LN2_HIGH), t + tail)


def cos_sin_single(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """cos x and sin x for float32 x ≥ 0: reduced to [-π/4, π/4], two polynomials, put back by octant."""
    octant = ((x * _F32(4.0 / np.pi)).astype(np.int32) + 1) & ~1
    turns, t = octant.astype(_F32), x
    for part in _QUARTER_PI:
        t = multiply_add_single(turns, _F32(-part), t)
    square = t * t
    near_zero = _horner(_COS_SERIES, square) * square
    cos = multiply_add_single(near_zero, square, -_F32(0.5) * square) + _F32(1)
    sin = multiply_add_single(_horner(_SIN_SERIES, square) * square, t, t)
    swapped = octant & 2 != 0
    cos, sin = np.where(swapped, sin, cos), np.where(swapped, cos, sin)
    return np.where((octant + 2) & 4 != 0, -cos, cos), np.where(octant & 4 != 0, -sin, sin)


def _horner(coefficients: tuple[float, ...], x: np.ndarray) -> np.ndarray:
    total = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        total = multiply_add_single(total, x, _F32(coefficient))
    return total


def multiply_add_single(a: np.ndarray, b: np.ndarray | np.float32, c: np.ndarray | np.float32) -> np.ndarray:
    """a·b + c: the product is exact in float64, so the sum is rounded twice only once in 2**29 times."""
    return (a.astype(np.float64) * b + np.asarray(c, dtype=np.float64)).astype(_F32)


def multiply_add(a: np.ndarray, scale: float, shift: float) -> np.ndarray:
    """a·scale + shift rounded once: the product's and the sum's errors are computed exactly and added back."""
    product = a * scale
    total = product + shift
    if shift == 0 or not np.isfinite(scale + shift) or not np.isfinite(total).all():
        return total
    a_high, scale_high = _high_half(a), _high_half(np.asarray(scale))
    a_low, scale_low = a - a_high, scale - scale_high
    lost = ((a_high * scale_high - product) + a_high * scale_low + a_low * scale_high) + a_low * scale_low
    back = total - product
    dropped = (product - (total - back)) + (shift - back)
    return total + (dropped + lost)


def _high_half(x: np.ndarray) -> np.ndarray:
    scaled = x * 134217729.0  # 2**27 + 1, Veltkamp's splitting constant for 53 bits
    return scaled - (scaled - x)
