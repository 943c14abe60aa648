"""Linear algebra."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ..drawing.domains import DISTINCT, OFF_GRID, special
from ..drawing.shapes import Shape
from . import NUMERIC, operator
from .arguments import Drawn, custom, draw_options, matrix_product
from .matrices import MANY, factors, hermitian, matrix, per_matrix, per_row, real_of, rectangular, square, system

if TYPE_CHECKING:
    from ..drawing.build import Builder

FUNCTION = ("function",)
BOTH = ("function", "method")
INPLACE = ("function", "method", "inplace")
SIZES = (2, 1, 3, 5, 0)
NUMBERS = (1, 2, 0, -1, 0.5)

operator("matmul", matrix_product((1, 4), (1, 4)), dtypes=NUMERIC, contraction=True, graph="free", symbol="@")
operator("mm", matrix_product((2, 2), (2, 2)), dtypes=NUMERIC, contraction=True)
operator("mv", matrix_product((2, 2), (1, 1)), dtypes=NUMERIC, contraction=True)


def _operands(*shapes: str, forms: Any = BOTH, huge: dict[str, int] | None = None, **options: Any) -> Any:
    """Operands whose shapes are words over drawn sizes; a bar offers another shape. The last word is the result's."""
    *words, result = shapes
    # Two dimensions of 257 or one of 65,537 have elements enough.
    large = huge or dict.fromkeys("".join(words), 257 if max(map(len, words)) > 1 else 65537)

    def draw(b: Builder) -> Drawn:
        sizes: dict[str, int] = {}
        made = []
        for word in words:
            choices = word.split("|")
            word = choices[b.choose(len(choices))]
            letters = word.replace("-", "")
            shape = tuple(1 if c == "1" else sizes.setdefault(c, b.extent(SIZES, large[c])) for c in letters)
            made.append(b.operand(shape))
        return tuple(made), draw_options(b, options)

    def infer(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
        sizes: dict[str, int] = {}
        for word, arg in zip(words, args):
            fitting = [w.replace("-", "") for w in word.split("|") if len(w.replace("-", "")) == len(arg.shape)]
            for c, n in zip(fitting[0], arg.shape):
                sizes[c] = max(n, sizes[c]) if sizes.get(c, 1) != 1 and n == 1 else n
        return ((tuple(sizes[c] for c in result), args[0].dtype),)

    return custom(draw, infer, forms)


operator("dot", _operands("n", "n", ""), dtypes=NUMERIC, contraction=True)
operator("vdot", _operands("n", "n", ""), dtypes=NUMERIC, contraction=True)
MATRICES = {"b": 16400, "n": 2, "m": 2, "p": 2}
operator("bmm", _operands("bnm", "bmp", "bnp", huge=MATRICES), dtypes=NUMERIC, contraction=True)
operator("outer", _operands("n", "m", "nm", huge={"n": 65537, "m": 3}), dtypes=NUMERIC, contraction=True, graph="free")
operator("inner", _operands("nm", "pm", "np"), dtypes=NUMERIC, contraction=True, graph="free")


def _two_small(b: Builder) -> Drawn:
    """Two operands whose Kronecker product has at most some 65,536 elements: the second is cut down beside a large one."""
    first = b.operand(rank=(0, 2))
    shape = b.draw_shape(0, 2)
    if math.prod(first.shape) * math.prod(shape) > 65_536:
        shape = tuple(min(n, 2) for n in shape)
    return (first, b.operand(shape)), {}


def _blocks(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    a, b = args[0].shape, args[1].shape
    n = max(len(a), len(b))
    pairs = zip((1,) * (n - len(a)) + a, (1,) * (n - len(b)) + b)
    return ((tuple(p * q for p, q in pairs), args[0].dtype),)


operator("kron", custom(_two_small, _blocks), dtypes=NUMERIC, contraction=True, graph="free")
for _name, _shapes, _huge in (
    ("addmm", ("np", "nm", "mp", "np"), None),
    ("addmv", ("n", "nm", "m", "n"), None),
    ("addr", ("np", "n", "p", "np"), None),
    ("addbmm", ("np", "bnm", "bmp", "np"), {"b": 2, "n": 257, "m": 130, "p": 258}),
    ("baddbmm", ("bnp", "bnm", "bmp", "bnp"), MATRICES),
):
    _strategy = _operands(*_shapes, forms=INPLACE, huge=_huge, beta=NUMBERS, alpha=NUMBERS)
    operator(_name, _strategy, dtypes=NUMERIC, contraction=True)


def _linear(b: Builder) -> Drawn:
    n, m = b.extent(SIZES, 257), b.extent(SIZES[:-1], 258)
    x = b.operand((*b.many(((3,), (), (2, 3), (2, 1, 3)), (2, 130)), n))
    return (x, b.operand((m, n)), *((b.operand((m,)),) if b.choose(3) else ())), {}


def _linear_shape(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    return (((*args[0].shape[:-1], args[1].shape[0]), args[0].dtype),)


operator(
    "nn.functional.linear", custom(_linear, _linear_shape, FUNCTION), dtypes=NUMERIC, contraction=True, graph="free"
)


def _chain(b: Builder) -> Drawn:
    sizes = [b.extent(SIZES, 257) for _ in range(b.integer(3, 5))]
    return ([b.operand((n, m)) for n, m in pairwise(sizes)],), {}


def _chained(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    return (((args[0][0].shape[0], args[0][-1].shape[1]), args[0][0].dtype),)


operator("linalg.multi_dot", custom(_chain, _chained, FUNCTION), dtypes=NUMERIC, contraction=True, graph="free")

EQUATIONS = (
    "ij,jk->ik", "ij,jk", "ij->ji", "ii->i", "ii", "ij->", "i,j->ij", "bij,bjk->bik", "ij,ij->i", "...ij,...jk->...ik",
    "ij,jk,kl->il", "iij->j", "ij,kj->ikj", "...i->...",
)  # fmt: skip
HUGE_SIZES = {
    "bij,bjk->bik": {"b": 16400, "i": 2, "j": 2, "k": 2},
    "...ij,...jk->...ik": {".": 16400, "i": 2, "j": 2, "k": 2},
    "iij->j": {"i": 9, "j": 820},
    "ij,kj->ikj": {"k": 3},
    "...i->...": {".": 33000, "i": 2},
}
"""Of a huge tensor by letter, where 257 for each is too many or too few."""


def _einsum(b: Builder) -> Drawn:
    equation = b.pick(EQUATIONS)
    huge = HUGE_SIZES.get(equation, {})
    sizes: dict[str, int] = {}
    operands = []
    for term in equation.partition("->")[0].split(","):
        dots = (b.extent((2, 1), huge["."]),) if term.startswith("...") and equation.count("...") < 3 else ()
        letters = term.removeprefix("...")
        shape = (*dots, *(sizes.setdefault(c, b.extent(SIZES, huge.get(c, 257))) for c in letters))
        operands.append(b.operand(shape))
    return (equation, *operands), {}


def _summed(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    equation, *operands = args
    left, arrow, right = equation.partition("->")
    sizes: dict[str, int] = {}
    dots: Shape = ()
    for term, x in zip(left.split(","), operands):
        letters = term.removeprefix("...")
        lead = len(x.shape) - len(letters)
        dots = max(dots, x.shape[:lead], key=len)
        sizes.update(zip(letters, x.shape[lead:]))
    every = left.replace(",", "")
    wanted = right if arrow else "".join(sorted(c for c in sizes if every.count(c) == 1))
    lead = dots if wanted.startswith("...") else ()
    return (((*lead, *(sizes[c] for c in wanted.removeprefix("..."))), operands[0].dtype),)


operator("einsum", custom(_einsum, _summed, FUNCTION), dtypes=NUMERIC, contraction=True, graph="free")


def _tensordot(b: Builder) -> Drawn:
    n, m, p, q = (b.extent(SIZES, large) for large in (257, 16, 17, 258))
    if b.choose(2):
        return (b.operand((n, m, p)), b.operand((m, p, q))), {"dims": 2}
    return (b.operand((n, m, p)), b.operand((p, q, m))), {"dims": ((1, -1), (2, 0))}


def _contracted(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    n, q = args[0].shape[0], args[1].shape[2 if attrs["dims"] == 2 else 1]
    return (((n, q), args[0].dtype),)


operator("tensordot", custom(_tensordot, _contracted, FUNCTION), dtypes=NUMERIC, contraction=True, graph="free")


def _vectors(b: Builder) -> Drawn:
    dim = b.pick((-1, 0))
    count = b.extent(SIZES, 65537)
    shape: Shape = (count, 3) if dim == -1 else (3, count)
    return (b.operand(shape), b.operand(shape)), {"dim": dim}


def _first(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    return ((args[0].shape, args[0].dtype),)


def _without_dim(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    shape = list(args[0].shape)
    del shape[attrs["dim"]]
    return ((tuple(shape), args[0].dtype),)


operator("linalg.cross", custom(_vectors, _first, FUNCTION), dtypes=NUMERIC, contraction=True)
operator("cross", custom(_vectors, _first, BOTH), dtypes=NUMERIC, contraction=True)
operator("linalg.vecdot", custom(_vectors, _without_dim, FUNCTION), dtypes=NUMERIC, contraction=True, graph="free")

operator("linalg.inv", square(), dtypes=NUMERIC)
operator("inverse", square(), dtypes=NUMERIC)
# PyTorch's nodes keep the factors that LAPACK made (LU, pivots) of determinants and linear systems.
for _name in ("linalg.det", "det"):
    operator(
        _name,
        square(infer=per_matrix()),
        dtypes=NUMERIC,
        graph="names",
        kinks=special(0.0, 1.0),
    )
operator("logdet", square("positive", infer=per_matrix()), graph="free")
operator(
    "linalg.slogdet",
    square(infer=lambda args, attrs: per_matrix()(args, attrs) + per_matrix(real_of)(args, attrs)),
    dtypes=NUMERIC, outputs=("sign", "logabsdet"), graph="names",
)  # fmt: skip
operator(
    "linalg.solve",
    system(side="first", vectors=True, left=(True, False)),
    dtypes=NUMERIC,
    graph="names",
)
operator(
    "linalg.solve_triangular",
    system(side="first", upper=(True, False), left=(True, False), unitriangular=(False, True)),
    dtypes=NUMERIC,
)  # fmt: skip
operator("linalg.cholesky", square("positive", upper=(False, True)), dtypes=NUMERIC, prepare=hermitian)
operator("cholesky_solve", system("factor", upper=(False, True)), dtypes=NUMERIC)
operator("cholesky_inverse", factors(), dtypes=NUMERIC)
# The singular vectors that PyTorch keeps may be turned.
operator("linalg.svdvals", rectangular(per_row(real_of)), dtypes=NUMERIC, graph="names")
operator("linalg.eigvalsh", square("hermitian", per_row(real_of), UPLO=("L", "U")), dtypes=NUMERIC, prepare=hermitian)
operator("linalg.matrix_exp", square(), dtypes=("float64",))
operator("linalg.pinv", rectangular(lambda args, attrs: _swapped(args)), dtypes=NUMERIC)


def _swapped(args: tuple[Any, ...]) -> Any:
    shape = args[0].shape
    return (((*shape[:-2], shape[-1], shape[-2]), args[0].dtype),)


def _power(b: Builder) -> Drawn:
    n = b.extent((2, 1, 3), 2)
    return (matrix(b, b.many(((), (2,)), MANY), n, n), b.pick((2, 1, 0, 3, 5, -1, -2))), {}


operator("linalg.matrix_power", custom(_power, _first, FUNCTION), dtypes=NUMERIC, graph="free")
operator(
    "linalg.matrix_norm",
    rectangular(
        lambda args, attrs: ((_kept(args[0].shape, attrs["keepdim"]), real_of(args[0].dtype)),),
        seldom_empty=True,
        ord=("fro", "nuc", 1, -1, 2, -2, float("inf"), -float("inf")), keepdim=(False, True),
    ),
    dtypes=NUMERIC, graph="free",
)  # fmt: skip


def _kept(shape: Shape, keepdim: bool) -> Shape:
    return (*shape[:-2], 1, 1) if keepdim else shape[:-2]


operator(
    "linalg.cond", square(infer=per_matrix(real_of), p=(2, None, -2, "nuc")), dtypes=NUMERIC,
    graph="free",
)  # fmt: skip


# In the other norms PyTorch 2.13 overwrites the inverse that its own backward needs, and raises: only values here.
operator(
    "linalg.cond.inverse",
    square(infer=per_matrix(real_of), p=(1, -1, "fro", float("inf"), -float("inf"))),
    dtypes=NUMERIC, graph="free", differentiable=False,
)  # fmt: skip


def _vander(b: Builder) -> Drawn:
    return (b.operand(rank=(1, 2)),), {"N": b.pick((3, 2, 4))}


operator(
    "linalg.vander",
    custom(_vander, lambda args, attrs: (((*args[0].shape, attrs["N"]), args[0].dtype),), FUNCTION),
    graph="free",
)


def draw_points(b: Builder) -> Drawn:
    n, m, d = b.extent((2, 1, 3), 2), b.extent((3, 1, 2), 2), b.extent((2, 1, 3), 2)
    batch = b.many(((), (2,)), (16400,))
    first, second = b.operand((*batch, n, d), domain=DISTINCT), b.operand((*batch, m, d), domain=OFF_GRID)
    return (first, second), {"p": b.pick((2.0, 1.0, 3.0, 0.5))}


def all_pairs(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    return (((*args[0].shape[:-1], args[1].shape[-2]), args[0].dtype),)


def _one_set(b: Builder) -> Drawn:
    # Of no rows PyTorch's backward ends the process.
    count = b.size((3, 2, 4)) if b.sizes == "edge" else b.many((3, 2, 4), 363)
    shape = (count, b.extent((2, 3), 3))
    return (b.operand(shape, domain=DISTINCT),), {"p": b.pick((2.0, 1.0, 3.0))}


def _half_of_pairs(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    n = args[0].shape[0]
    return (((n * (n - 1) // 2,), args[0].dtype),)


def _rows(**options: Any) -> Any:
    def draw(b: Builder) -> Drawn:
        shape = (b.extent((2, 1, 3), 65537), b.extent((3, 1, 4), 3))
        return (b.operand(shape, domain=DISTINCT), b.operand(shape, domain=OFF_GRID)), draw_options(b, options)

    return draw


def _row_numbers(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    shape, dim = list(args[0].shape), attrs.get("dim", -1)
    shape[dim : dim + 1 or None] = [1] if attrs.get("keepdim") else []
    return ((tuple(shape), args[0].dtype),)


def _bilinear(b: Builder) -> Drawn:
    n, i = b.extent((2, 1, 3), 32800), b.extent((2, 1, 3), 2)
    j, k = b.extent((3, 1, 2), 3), b.extent((2, 1), 2)
    return (b.operand((n, i)), b.operand((n, j)), b.operand((k, i, j)), b.operand((k,))), {}


def _outputs(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    return (((args[0].shape[0], args[2].shape[0]), args[0].dtype),)


operator(
    "cdist", custom(draw_points, all_pairs, FUNCTION), contraction=True, twice=False, forward=False, kinks=special(1.0)
)
operator(
    "nn.functional.pdist", custom(_one_set, _half_of_pairs, FUNCTION), contraction=True, twice=False, forward=False
)
operator(
    "nn.functional.cosine_similarity", custom(_rows(dim=(1, -1, 0)), _row_numbers, FUNCTION), contraction=True,
    graph="free",
)  # fmt: skip
operator(
    "nn.functional.pairwise_distance",
    custom(_rows(p=(2.0, 1.0, 3.0), keepdim=(False, True)), _row_numbers, FUNCTION), contraction=True, graph="free",
)  # fmt: skip
operator("nn.functional.bilinear", custom(_bilinear, _outputs, FUNCTION), contraction=True, graph="free")
