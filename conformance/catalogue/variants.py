"""Variants of operators that have rules of their own: in place, with a number or a tensor in another place, with a
derivative by one operand only, and what only writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..drawing.domains import ABOVE_ONE, FRACTION, NONZERO, OFF_GRID, POSITIVE, REAL, Domain, special
from ..drawing.shapes import draw_broadcastable
from ..programs.leafdata import COMPLEX, FLOATING
from . import NUMERIC, operator
from .arguments import (
    INPLACE,
    Drawn,
    binary,
    custom,
    divided,
    draw_dim,
    draw_options,
    draw_scalar,
    keep_dtype,
    nary,
    promoted,
    unary,
)
from .image import looked_up
from .index import draw_gather, draw_scatter, like_index
from .linalg import all_pairs, draw_points
from .matrices import real_of
from .places import draw_places, same
from .window import resampled

if TYPE_CHECKING:
    from ..drawing.build import Builder

FUNCTION, WRITING = ("function",), ("inplace",)
BOTH = ("function", "method")
WIDE = ("float32", "float64")
TINY = Domain("tiny", (1.0, -0.5, 1e-23, 1e-170), 0, 1, jitter=False)
"""Numbers whose squares underflow."""
MOSTLY_ZERO = Domain("mostly zero", (0.0, 0.0, 0.0, 1.0, -0.5), 0, 0, jitter=False)
STEPS = Domain("steps", (1.0, 0.0, 2.0, 3.0, 10.0), 0, 12, jitter=False)


def _cloned(b: Builder, args: tuple[Any, ...], attrs: dict[str, Any]) -> tuple[Any, ...]:
    """What is written must not be a leaf."""
    return (b.call("clone", args[0]),)


_INSIDE: dict[str, dict[str, Any]] = {
    "elu": {"alpha": (1.0, 2.0)},
    "celu": {"alpha": (1.0, 2.0)},
    "leaky_relu": {"negative_slope": (0.01, 0.25)},
    "threshold": {"threshold": (0.5, -1.0), "value": (0.0, 2.0)},
}
for _name, _options in _INSIDE.items():
    operator(
        f"nn.functional.{_name}.inplace",
        unary(OFF_GRID, result=keep_dtype, forms=FUNCTION, **_options, inplace=(True, False)),
        dtypes=FLOATING,
        prepare=_cloned,
        graph="free",
    )

for _name in ("clamp_min", "clamp_max"):
    operator(f"{_name}.tensor", nary(OFF_GRID, NONZERO), kinks=special(1.0), exact=True)
for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    # What is written keeps the dtype, and its gradient is zero.
    operator(
        f"{_name}.inplace", binary(OFF_GRID, NONZERO, infer=same, forms=WRITING), exact=True, jumps=True,
        dtypes=FLOATING + COMPLEX if _name in ("eq", "ne") else FLOATING,
    )  # fmt: skip
operator("floor_divide", binary(OFF_GRID, NONZERO, forms=BOTH), jumps=True, differentiable=False)
operator(
    "heaviside", binary(OFF_GRID, NONZERO, scalars=False, mixed=False, forms=BOTH), jumps=True, differentiable=False
)


def _by_the_second(first: Domain, second: Domain) -> Any:
    """Two operands of which only the second has a derivative."""

    def draw(b: Builder) -> Drawn:
        x = b.operand(domain=first, grad=False)
        return (x, b.operand(draw_broadcastable(b.source, x.shape), domain=second)), {}

    return custom(draw, promoted, FUNCTION)


for _name in ("igamma", "igammac"):
    operator(_name, _by_the_second(POSITIVE, POSITIVE), dtypes=WIDE, forward=False)
operator("special.zeta", _by_the_second(ABOVE_ONE, POSITIVE), dtypes=WIDE, forward=False)


def _after_number(b: Builder) -> Drawn:
    return (draw_scalar(b, NONZERO), b.operand(domain=POSITIVE)), {}


def _like_second(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    return ((args[1].shape, args[1].dtype),)


def _before_number(b: Builder) -> Drawn:
    return (b.operand(domain=NONZERO), draw_scalar(b, POSITIVE)), {}


for _name in ("xlogy", "special.xlog1py"):
    operator(f"{_name}.number", custom(_after_number, _like_second, FUNCTION))
    operator(f"{_name}.by_number", custom(_before_number, same, FUNCTION))


def _whole_power(b: Builder) -> Drawn:
    x = b.operand()
    # PyTorch is wrong at negative exponents, and the arbiter can't weigh very many.
    domain = STEPS if b.sizes == "huge" or b.choose(2) else REAL
    return (x, b.operand(draw_broadcastable(b.source, x.shape), dtype="int64", domain=domain)), {}


operator("ldexp.whole", custom(_whole_power, divided, INPLACE), exact=True)
operator("unsafe_split_with_sizes", custom(
    lambda b: ((b.operand((*b.draw_shape(0, 2), 5)), b.pick(((2, 3), (4, 1))), -1), {}),
    lambda args, attrs: tuple(((*args[0].shape[:-1], n), args[0].dtype) for n in args[1]),
), exact=True, outputs=("first", "second"))  # fmt: skip


def _along(b: Builder) -> Drawn:
    x = b.operand(rank=(1, 3))
    return (x,), {"dim": draw_dim(b, len(x.shape))}


for _name in ("unique", "unique_consecutive"):
    operator(_name, custom(lambda b: ((b.operand(),), {})), exact=True, jumps=True, differentiable=False)
    operator(f"{_name}.dim", custom(_along), exact=True, jumps=True, differentiable=False)
operator("poisson", unary(POSITIVE, result=keep_dtype, forms=FUNCTION), twice=False, random=True, jumps=True)

operator("asinh.inplace", unary(OFF_GRID, forms=WRITING), twice=False)
operator("acosh.inplace", unary(ABOVE_ONE, forms=WRITING), twice=False)


def _to_nothing(b: Builder) -> Drawn:
    # PyTorch is wrong at rows of zeros, and the arbiter can't weigh very many.
    x = b.operand(rank=(2, 3), domain=NONZERO if b.sizes == "huge" else MOSTLY_ZERO)
    return (x,), {"p": 2, "dim": 0, "maxnorm": 0.0}


operator("abs.complex", unary(TINY, result=real_of, forms=BOTH), dtypes=COMPLEX)
operator("renorm.zero", custom(_to_nothing, same, BOTH))
operator("sgn.complex", unary(NONZERO, result=keep_dtype), dtypes=COMPLEX)
operator("conj_physical.inplace", unary(result=keep_dtype, forms=WRITING), dtypes=COMPLEX)

# What replaces a tensor's values: by samples, or by one number. The gradient is zero.


def _sampled(**options: tuple[Any, ...]) -> Any:
    return custom(lambda b: ((b.operand(),), draw_options(b, options)), same, WRITING)


for _name, _options in {
    "cauchy": {"median": (0.0, 1.0), "sigma": (1.0, 2.0)},
    "exponential": {"lambd": (1.0, 2.0)},
    "geometric": {"p": (0.5, 0.25)},
    "log_normal": {"mean": (0.0, 1.0), "std": (1.0, 0.5)},
    "normal.inplace": {"mean": (0.0, 1.0), "std": (1.0, 2.0)},
    "uniform": {"from": (0.0, -1.0), "to": (1.0, 2.0)},
    "bernoulli.inplace": {"p": (0.5, 0.25)},
    "random": {},
}.items():
    operator(_name, _sampled(**_options), random=True, twice=False)


def _chances(b: Builder) -> Drawn:
    x = b.operand()
    return (x, b.operand(x.shape, domain=FRACTION)), {}


def _bounded(*bounds: tuple[int, ...]) -> Any:
    return custom(lambda b: ((b.operand(), *map(b.pick, bounds)), {}), same, WRITING)


operator("random.below", _bounded((5, 1, 100)), random=True, twice=False)
operator("random.between", _bounded((-3, 0, 2), (4, 3, 100)), random=True, twice=False)
operator(
    "bernoulli.number", custom(lambda b: ((b.operand(domain=FRACTION), b.pick((0.5, 0.25, 1.0))), {}), same, FUNCTION),
    random=True, exact=True, jumps=True, differentiable=False,
)  # fmt: skip
operator("bernoulli.tensor", custom(_chances, same, WRITING), random=True, twice=False)
operator("zero", custom(lambda b: ((b.operand(),), {}), same, WRITING), dtypes=FLOATING + COMPLEX)


def _combined(value: bool) -> Any:
    def draw(b: Builder) -> Drawn:
        x, dim, index, source = draw_scatter(b)[0]
        return (x, dim, index, 2.0 if value else source), {"reduce": b.pick(("add", "multiply"))}

    return custom(draw, same, INPLACE)


operator("scatter.combined", _combined(False), differentiable=False)
operator("scatter.combined_value", _combined(True), differentiable=False)
operator(
    "nn.functional.interpolate.lanczos", resampled(("lanczos",), 2, align_corners=(False,), antialias=(True,)),
    graph="free",
)  # fmt: skip


def _by_product(b: Builder) -> Drawn:
    args, _ = draw_points(b)
    return args, {"p": 2.0, "compute_mode": b.pick(("use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist"))}


operator("cdist.product", custom(_by_product, all_pairs, FUNCTION), contraction=True, forward=False, graph="names")


def _sparse(b: Builder) -> Drawn:
    table = b.operand(b.grown((b.integer(1, 5), b.integer(1, 4))))
    # PyTorch reads no 0-d tensor of places here.
    places = draw_places(b, table.shape[0], b.many(((3,), (2, 3), (1,)), (257, 256)))
    return (places, table), {"padding_idx": b.pick((None, 0, -1)), "sparse": b.pick((True, False))}


def _sparse_gather(b: Builder) -> Drawn:
    args, _ = draw_gather(b)
    return args, {"sparse_grad": b.pick((True, False))}


operator("gather.sparse", custom(_sparse_gather, like_index), dtypes=NUMERIC, exact=True, twice=False)
operator(
    "nn.functional.embedding.sparse", custom(_sparse, looked_up, FUNCTION), dtypes=FLOATING, exact=True, twice=False
)
