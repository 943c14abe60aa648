"""Convolutions, pools, resampling and sampling: what slides over spatial dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..drawing.domains import DISTINCT, FRACTION, OFF_GRID, POSITIVE, REAL, Domain, special
from ..drawing.shapes import Shape
from . import operator
from .arguments import Drawn, custom
from .sizes import each

if TYPE_CHECKING:
    from ..drawing.build import Builder

FUNCTION = ("function",)
SPACES: dict[int, tuple[Shape, ...]] = {
    1: ((5,), (4,), (7,), (9,)),
    2: ((4, 5), (5, 4), (3, 3), (6, 4)),
    3: ((3, 4, 3), (4, 3, 3), (3, 3, 4)),
}


HUGE = {1: 1 << 14, 2: 1 << 13, 3: 1 << 12}
"""By dimensions, a batch that makes any of these shapes 65,536 elements."""


def space(b: Builder, dims: int, pixel: bool = False) -> Shape:
    """The sizes of a picture: a small one where the batch is huge; where edges are tested now and then one ``pixel``,
    if that is large enough."""
    if pixel and b.sizes == "edge" and b.choose(2):
        return (1,) * dims
    return b.many(SPACES[dims], (6 - dims,) * dims)


def numbers(b: Builder, dims: int, options: tuple[int, ...]) -> Any:
    """One number for all dimensions, or one for each."""
    return b.pick(options) if b.chance(2) else tuple(b.pick(options) for _ in range(dims))


def convolution_shape(dims: int, transposed: bool) -> Any:
    """The shape of a convolution's result."""

    def infer(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
        x, kernel = args[0].shape, args[1].shape[2:]
        lead, inner = x[: -dims - 1], x[-dims:]
        stride, dilation = each(attrs["stride"], dims), each(attrs["dilation"], dims)
        reach = [d * (k - 1) for k, d in zip(kernel, dilation)]
        if isinstance(attrs["padding"], str):
            padding = tuple(0 for _ in inner)
            inner = tuple(n + (r if attrs["padding"] == "same" else 0) for n, r in zip(inner, reach))
        else:
            padding = each(attrs["padding"], dims)
        geometry = list(zip(inner, padding, reach, stride))
        if transposed:
            more = each(attrs["output_padding"], dims)
            out = tuple((n - 1) * s - 2 * p + r + 1 + m for (n, p, r, s), m in zip(geometry, more))
            return (((*lead, args[1].shape[1] * attrs["groups"], *out), args[0].dtype),)
        out = tuple((n + 2 * p - r - 1) // s + 1 for n, p, r, s in geometry)
        return (((*lead, args[1].shape[0], *out), args[0].dtype),)

    return infer


def fitting(b: Builder, sizes: Shape, kernel: Shape) -> tuple[int, ...]:
    """Dilations with which a kernel still fits into the input."""
    return tuple(2 if n > 2 * (k - 1) and b.chance(3) else 1 for n, k in zip(sizes, kernel))


def convolved(dims: int, transposed: bool) -> Any:
    """An input, kernels and perhaps a bias, with strides, padding, dilation and groups."""

    def draw(b: Builder) -> Drawn:
        groups, inner, outer = b.pick((1, 2)), b.pick((1, 2)), b.pick((2, 1))
        lead = (
            () if b.chance(4) and b.sizes != "huge" else (b.extent((1, 2), HUGE[dims] >> (transposed and dims == 3)),)
        )
        kernel = tuple(b.size((2, 1, 3)) for _ in range(dims))
        x = b.operand((*lead, groups * inner, *space(b, dims)))
        shape = (groups * inner, outer, *kernel) if transposed else (groups * outer, inner, *kernel)
        args = [x, b.operand(shape)]
        attrs = {
            # Volumes of doubled sides would be too large.
            "stride": numbers(b, dims, (1, 1) if b.sizes == "huge" and transposed and dims == 3 else (1, 2)),
            "padding": numbers(b, dims, (1, 0)),
            "dilation": numbers(b, dims, (1, 1, 2)) if transposed else fitting(b, x.shape[-dims:], kernel),
        }
        if transposed:
            # Less than a stride or a dilation, whichever is larger.
            attrs["output_padding"] = 1 if attrs["stride"] == 2 and b.chance(2) else 0
        elif b.chance(4):
            attrs |= {"padding": "same", "stride": 1, "dilation": numbers(b, dims, (1, 2))}
        elif b.chance(4):
            attrs["padding"] = "valid"
        if b.chance(2):
            attrs["bias"] = b.operand((groups * outer,))
        return tuple(args), {**attrs, "groups": groups}

    return custom(draw, convolution_shape(dims, transposed), FUNCTION)


for _dims in (1, 2, 3):
    # The strides of a result over three dimensions hang on the library that PyTorch picks, by size and threads.
    for _name, _transposed in ((f"conv{_dims}d", False), (f"conv_transpose{_dims}d", True)):
        operator(
            f"nn.functional.{_name}", convolved(_dims, _transposed), contraction=True, graph="free", layout=_dims < 3
        )


def pooled_shape(dims: int, average: bool) -> Any:
    """The shape of a pool's result, and of its indices."""

    def size(n: int, k: int, s: int, p: int, ceil: bool) -> int:
        span = n + 2 * p - k
        count = (-(-span // s) if ceil else span // s) + 1
        return count - 1 if ceil and (count - 1) * s >= n + p else count

    def infer(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
        given = [each(attrs[name], dims) for name in ("kernel_size", "stride", "padding")]
        kernels, strides, paddings = given
        kernels = tuple((k - 1) * attrs.get("dilation", 1) + 1 for k in kernels)
        sizes = zip(args[0].shape[-dims:], kernels, strides, paddings)
        out = tuple(size(n, k, s, p, attrs["ceil_mode"]) for n, k, s, p in sizes)
        shape = (*args[0].shape[:-dims], *out)
        return ((shape, args[0].dtype),) if average else ((shape, args[0].dtype), (shape, "int64"))

    return infer


def resized(dims: int, average: bool = True) -> Any:
    """The shape with other spatial sizes: given, or by a factor."""

    def infer(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
        given = attrs.get("output_size", attrs.get("size"))
        if given is None:
            given = tuple(int(n * attrs["scale_factor"]) for n in args[0].shape[-dims:])
        shape = (*args[0].shape[:-dims], *each(given, dims))
        return ((shape, args[0].dtype),) if average else ((shape, args[0].dtype), (shape, "int64"))

    return infer


def pooled(dims: int, domain: Domain, average: bool) -> Any:
    """An input and windows with stride, padding and rounding."""

    def draw(b: Builder) -> Drawn:
        lead = (b.many((1, 2), HUGE[dims]),) if b.chance(4) else (b.extent((2, 1), HUGE[dims]), b.pick((1, 2)))
        x = b.operand((*lead, *space(b, dims)), domain=domain)
        attrs: dict[str, Any] = {"kernel_size": numbers(b, dims, (2, 3)), "stride": numbers(b, dims, (1, 2))}
        attrs |= {"padding": numbers(b, dims, (0, 1)), "ceil_mode": b.chance(2)}
        if average:
            attrs["count_include_pad"] = not b.chance(2)
            if dims > 1:
                attrs["divisor_override"] = b.pick((None, 3))
        else:
            small = all(k == 2 for k in each(attrs["kernel_size"], dims))
            attrs |= {"dilation": 2 if small and b.chance(3) else 1, "return_indices": True}
        return (x,), attrs

    return custom(draw, pooled_shape(dims, average), FUNCTION)


def adaptive(dims: int, domain: Domain, average: bool) -> Any:
    """An input and an output size."""

    def draw(b: Builder) -> Drawn:
        lead = (b.many((1, 2), HUGE[dims]),) if b.chance(4) else (b.extent((2, 1), HUGE[dims]), b.pick((1, 2)))
        x = b.operand((*lead, *space(b, dims, True)), domain=domain)
        if b.sizes == "edge":
            size: int | Shape = b.pick((1, (1,) * dims, 2))
        else:
            size = b.pick((2, 3, 1)) if dims == 1 or b.chance(3) else tuple(b.pick((2, 3, 1, 4)) for _ in range(dims))
        return (x,), {"output_size": size, **({} if average else {"return_indices": True})}

    return custom(draw, resized(dims, average), FUNCTION)


def power(dims: int) -> Any:
    def draw(b: Builder) -> Drawn:
        x = b.operand((b.extent((1, 2), HUGE[dims]), b.pick((1, 2)), *space(b, dims)), domain=POSITIVE)
        attrs = {"norm_type": b.pick((2.0, 1.0, 3.0)), "kernel_size": b.pick((2, 3)), "ceil_mode": b.chance(2)}
        return (x,), {**attrs, "stride": b.pick((None, 1))}

    def infer(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
        return pooled_shape(dims, True)(
            args, {**attrs, "stride": attrs["stride"] or attrs["kernel_size"], "padding": 0}
        )

    return custom(draw, infer, FUNCTION)


_BOTH = ("values", "indices")
for _dims in (1, 2, 3):
    operator(f"nn.functional.avg_pool{_dims}d", pooled(_dims, REAL, True), contraction=True, graph="free")
    operator(
        f"nn.functional.max_pool{_dims}d", pooled(_dims, DISTINCT, False), outputs=_BOTH, exact=True, jumps=True,
        graph="free", kinks=special(1.0),
    )  # fmt: skip
    operator(f"nn.functional.adaptive_avg_pool{_dims}d", adaptive(_dims, REAL, True), contraction=True, graph="free")
    operator(
        f"nn.functional.adaptive_max_pool{_dims}d", adaptive(_dims, DISTINCT, False), outputs=_BOTH, exact=True,
        jumps=True, graph="free", kinks=special(1.0),
    )  # fmt: skip
    operator(f"nn.functional.lp_pool{_dims}d", power(_dims), graph="free")


def unpooled(dims: int) -> Any:
    """A max pool's values and places, put back."""

    def draw(b: Builder) -> Drawn:
        kernel = b.pick((2, 3))
        shape = (b.extent((1, 2), 1), b.pick((1, 2)), *(kernel * b.pick((1, 2)) for _ in range(dims)))
        x = b.operand(b.grown(shape, 0, 6))
        found = b.call(f"nn.functional.max_pool{dims}d", x, kernel_size=kernel, stride=kernel, padding=0,
                       ceil_mode=False, dilation=1, return_indices=True)  # fmt: skip
        return (b.item(found, 0), b.item(found, 1)), {"kernel_size": kernel, "stride": b.pick((kernel, None))}

    def infer(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
        x, kernel = args[0], attrs["kernel_size"]
        return (((*x.shape[:2], *(n * kernel for n in x.shape[2:])), x.dtype),)

    return custom(draw, infer, FUNCTION)


def resampled(modes: tuple[str, ...], dims: int, **more: tuple[Any, ...]) -> Any:
    """An input and a size or scale factors."""

    def draw(b: Builder) -> Drawn:
        x = b.operand(b.grown((b.extent((1, 2), 1), b.pick((1, 2)), *space(b, dims, True))))
        attrs: dict[str, Any] = {"mode": b.pick(modes), **{name: b.pick(values) for name, values in more.items()}}
        if b.chance(2):
            attrs["scale_factor"] = b.pick((1.5, 1.5, 0.5) if b.sizes == "huge" and dims == 3 else (2.0, 1.5, 0.5))
        else:
            size = tuple(b.pick((3, 2, 5, 7, 1)) for _ in range(dims))
            attrs["size"] = weighable(b, size) if attrs.get("antialias") else size
        return (x,), attrs

    return custom(draw, resized(dims), FUNCTION)


def weighable(b: Builder, size: Shape) -> Shape:
    """The size of a picture; in a huge program at least two wide. PyTorch antialiases pictures of one column wrong (a
    recorded fault), and the arbiter can't weigh very many."""
    return (*size[:-1], max(2, size[-1])) if b.sizes == "huge" else size


ALIGN = (False, True)
_LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}
for _dims in (1, 2, 3):
    operator(
        f"nn.functional.interpolate.nearest{_dims}d", resampled(("nearest", "nearest-exact", "area"), _dims),
        contraction=True, graph="free",
    )  # fmt: skip
    operator(
        f"nn.functional.interpolate.linear{_dims}d", resampled((_LINEAR[_dims],), _dims, align_corners=ALIGN),
        contraction=True, graph="free",
    )  # fmt: skip
operator("nn.functional.interpolate.bicubic", resampled(("bicubic",), 2, align_corners=ALIGN), graph="free")
operator(
    "nn.functional.interpolate.antialias",
    resampled(("bilinear", "bicubic"), 2, align_corners=ALIGN, antialias=(True,)),
    graph="free",
)  # fmt: skip


def enlarged() -> Any:
    def draw(b: Builder) -> Drawn:
        x = b.operand(b.grown((b.extent((1, 2), 1), b.pick((1, 2)), *space(b, 2, True))))
        return (x,), {"scale_factor": b.many((2, 3), 2)} if b.chance(2) else {"size": (b.pick((3, 5)), b.pick((2, 6)))}

    return custom(draw, resized(2), FUNCTION)


operator("nn.functional.upsample_nearest", enlarged(), contraction=True, graph="free")
operator("nn.functional.upsample_bilinear", enlarged(), contraction=True, graph="free")


def sampled(dims: int, modes: tuple[str, ...]) -> Any:
    """An input and a grid of points inside and around it."""

    def draw(b: Builder) -> Drawn:
        batch, out = b.extent((1, 2), 1), tuple(b.many((2, 1, 3), 3) for _ in range(dims))
        count = b.pick((1, 2))
        batch, *_ = b.grown((batch, *out))
        x = b.operand((batch, count, *space(b, dims, True)))
        around = Domain("around", tuple(v / 7.3 for v in OFF_GRID.values), -0.97, 1.1, jitter=False)
        grid = b.operand((batch, *out, dims), domain=around)
        attrs = {"mode": b.pick(modes), "padding_mode": b.pick(("zeros", "border", "reflection"))}
        return (x, grid), {**attrs, "align_corners": b.chance(2)}

    def infer(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
        return (((*args[0].shape[:2], *args[1].shape[1:-1]), args[0].dtype),)

    return custom(draw, infer, FUNCTION)


operator(
    "nn.functional.grid_sample", sampled(2, ("bilinear", "nearest", "bicubic")), dtypes=("float64", "float32"),
    forward=False, graph="free", kinks=special(1.0, -1.0),
)  # fmt: skip
operator(
    "nn.functional.grid_sample.volume", sampled(3, ("bilinear", "nearest")), dtypes=("float64", "float32"),
    forward=False, graph="free", kinks=special(1.0, -1.0),
)  # fmt: skip


def affine() -> Any:
    def draw(b: Builder) -> Drawn:
        dims, batch = b.pick((2, 3)), b.pick((1, 2))
        theta = b.operand(b.grown((batch, dims, dims + 1)))
        size = (theta.shape[0], 1, *(b.many((2, 3, 4), 3) for _ in range(dims)))
        return (theta,), {"size": size, "align_corners": b.chance(2)}

    def infer(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
        size = attrs["size"]
        return (((size[0], *size[2:], len(size) - 2), args[0].dtype),)

    return custom(draw, infer, FUNCTION)


operator("nn.functional.affine_grid", affine(), dtypes=("float64", "float32"), contraction=True, graph="free")


def attended(dims: int) -> Any:
    """Queries, keys and values, perhaps a mask; `dims` leading dimensions."""

    def draw(b: Builder) -> Drawn:
        lead = tuple(b.extent((1, 2), 1) for _ in range(dims))
        rows, columns, width = b.many((2, 1, 3), 3), b.many((3, 1, 2), 2), b.many((2, 1, 4), 3)
        lead = b.grown((*lead, rows, 2))[:dims]
        value = width if b.chance(2) else b.pick((2, 3))
        shapes = (rows, width), (columns, width), (columns, value)
        args = [b.operand((*lead, *shape)) for shape in shapes]
        attrs: dict[str, Any] = {"scale": b.pick((None, 0.5)), "is_causal": b.chance(3)}
        if not attrs["is_causal"] and b.chance(2):
            boolean = b.chance(2)
            attrs["attn_mask"] = b.operand((rows, columns), dtype="bool" if boolean else None, domain=FRACTION)
        return tuple(args), attrs

    def infer(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
        return (((*args[0].shape[:-1], args[2].shape[-1]), args[0].dtype),)

    return custom(draw, infer, FUNCTION)


operator("nn.functional.scaled_dot_product_attention", attended(1), graph="free")
operator(
    "nn.functional.scaled_dot_product_attention.heads",
    attended(2),
    graph="free",
    twice=False,
    forward=False,
)

for _dims in (1, 2, 3):
    operator(f"nn.functional.max_unpool{_dims}d", unpooled(_dims), exact=True, graph="free")
