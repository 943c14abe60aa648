"""Clauses of function transforms said of a drawn region, so that an engine needs the transform and no namespace."""

from __future__ import annotations

from typing import Any

from ..drawing.build import Builder, Value
from ..promises.clause import clause, generate

ARGNUMS = (0, 1, (0, 1), (1, 0))
DTYPES = ("float64", "float32")


def _vectors(b: Builder, count: int) -> list[Value]:
    """Leaves of one shape; that they require grad is not needed."""
    size = b.integer(1, 4)
    return [b.leaf((size,), requires_grad=False) for _ in range(count)]


def _rows(b: Builder) -> tuple[Value, Value]:
    """A matrix and a vector that fits its rows."""
    height, width = b.integer(1, 3), b.integer(1, 3)
    return b.leaf((height, width), requires_grad=False), b.leaf((width,), requires_grad=False)


def grad_basic(b: Builder) -> None:
    x, y = _vectors(b, 2)
    region = b.region([x, y], lambda inner, params: [inner.scalar(*params)])
    b.transform("grad", region, [x, y], argnums=b.pick(ARGNUMS))


@clause(
    "func.grad-basic",
    "grad gives a function that returns the gradient of a scalar function by an argument; nothing need require grad.",
    source="torch.func.grad",
    profile="functional",
)
def test_grad_basic(check: Any, programs: Any = generate(grad_basic, DTYPES)) -> None:
    check(programs)


def grad_unused(b: Builder) -> None:
    x, y = _vectors(b, 2)
    region = b.region([x, y], lambda inner, params: [inner.scalar(params[0])])
    b.transform("grad", region, [x, y], argnums=b.pick(((0, 1), 1)))


@clause(
    "func.grad-unused-zero",
    "An argument that the result does not depend on gets zeros.",
    source="torch.func.grad",
    profile="functional",
)
def test_grad_unused_zero(check: Any, programs: Any = generate(grad_unused, DTYPES)) -> None:
    check(programs)


def _power(inner: Builder, x: Value) -> Value:
    square = inner.call("mul", x, x)
    return inner.call("add", inner.call("mul", square, square), inner.call("sin", x))


def _nested(kind: str, order: int) -> Any:
    """The body of a region that is differentiated ``order`` times more."""

    def body(inner: Builder, params: list[Value]) -> list[Value]:
        if not order:
            return [_power(inner, params[0])]
        region = inner.region(params[:1], _nested(kind, order - 1))
        found = inner.transform(kind, region, params[:1], argnums=0)
        found.shape, found.dtype = params[0].shape, params[0].dtype
        return [found]

    return body


def grad_nested(b: Builder) -> None:
    x = b.leaf((), requires_grad=False)
    b.transform("grad", b.region([x], _nested("grad", b.integer(0, 2))), [x], argnums=0)


@clause(
    "func.grad-nests",
    "grad of grad gives higher derivatives.",
    source="torch.func.grad",
    profile="functional",
)
def test_grad_nests(check: Any, programs: Any = generate(grad_nested, DTYPES)) -> None:
    check(programs)


def pushed(b: Builder) -> None:
    x, y = _vectors(b, 2)
    region = b.region([x, y], lambda inner, params: [inner.smooth(*params), inner.scalar(params[0])])
    b.transform("jvp", region, [x, y], tangents=[b.like(x), b.like(y)])


@clause(
    "func.jvp",
    "jvp gives the result and the Jacobian times a vector.",
    source="torch.func.jvp",
    profile="functional",
)
def test_jvp(check: Any, programs: Any = generate(pushed, DTYPES)) -> None:
    check(programs)


def pushed_twice(b: Builder) -> None:
    (x,) = _vectors(b, 1)
    tangent = b.like(x)

    def body(inner: Builder, params: list[Value]) -> list[Value]:
        region = inner.region(params[:1], lambda deep, given: [_power(deep, given[0])])
        both = inner.transform("jvp", region, params[:1], parts=((x.shape, x.dtype),) * 2, tangents=[params[1]])
        return [inner.item(both, 1)]

    b.transform("jvp", b.region([x, tangent], body), [x], captures=[tangent], tangents=[b.like(x)])


@clause(
    "func.jvp-nests",
    "jvp inside jvp gives second derivatives.",
    source="torch.func.jvp",
    profile="functional",
)
def test_jvp_nests(check: Any, programs: Any = generate(pushed_twice, DTYPES)) -> None:
    check(programs)


def jacobians(b: Builder) -> None:
    x, v = _rows(b)
    region = b.region(
        [x, v], lambda inner, params: [inner.call("matmul", inner.call("mul", *params[:1] * 2), params[1])]
    )
    for kind in ("jacrev", "jacfwd"):
        b.transform(kind, region, [x], captures=[v], argnums=0)


@clause(
    "func.jacrev-jacfwd-agree",
    "jacrev and jacfwd give the same Jacobian, of the shape of the result followed by that of the argument.",
    source="torch.func.jacrev",
    profile="functional",
)
def test_jacrev_jacfwd_agree(check: Any, programs: Any = generate(jacobians, DTYPES)) -> None:
    check(programs)


def hessians(b: Builder) -> None:
    (x,) = _vectors(b, 1)
    region = b.region([x], lambda inner, params: [inner.scalar(inner.call("mul", params[0], params[0]))])
    b.transform("hessian", region, [x], argnums=0)

    def body(inner: Builder, params: list[Value]) -> list[Value]:
        return [inner.transform("jacrev", region, params, argnums=0)]

    b.transform("jacrev", b.region([x], body), [x], argnums=0)


@clause(
    "func.hessian-forward-over-reverse",
    "The Hessian is forward mode over reverse mode, and equals reverse over reverse.",
    source="torch.func.hessian",
    profile="functional",
)
def test_hessian_forward_over_reverse(check: Any, programs: Any = generate(hessians, DTYPES)) -> None:
    check(programs)


def mapped(b: Builder) -> None:
    x, v = _rows(b)
    row = b.like(v)

    def body(inner: Builder, params: list[Value]) -> list[Value]:
        a, w = params
        drawn = inner.smooth(a, w)
        return [inner.call("sub", inner.scalar(a, w), a), inner.call("cumsum", a, dim=0), drawn, inner.call("max", a)]

    b.transform("vmap", b.region([row, v], body), [x, v], in_dims=(0, None), out_dims=b.pick((0, -1)))


@clause(
    "func.vmap-for-loop",
    "vmap of a function equals a loop over the slices.",
    source="torch.func.vmap",
    profile="functional",
)
def test_vmap_for_loop(check: Any, programs: Any = generate(mapped, DTYPES)) -> None:
    check(programs)


def mapped_partly(b: Builder) -> None:
    x, v = _rows(b)
    other = b.leaf((x.shape[0] + 1, *v.shape), requires_grad=False) if b.chance(4) else v
    region = b.region([v, v], lambda inner, params: [inner.call("mul", *params)])
    b.transform("vmap", region, [x, other], in_dims=(0, None) if other is v else (0, 0), out_dims=0)


@clause(
    "func.vmap-in-dims-none",
    "An argument with in_dims None is not mapped, and mapped sizes must agree.",
    source="torch.func.vmap",
    profile="functional",
)
def test_vmap_in_dims_none(check: Any, programs: Any = generate(mapped_partly, DTYPES)) -> None:
    check(programs)


def mapped_over_nothing(b: Builder) -> None:
    x, v = _rows(b)
    region = b.region([v, v], lambda inner, params: [inner.smooth(params[1])])
    b.transform("vmap", region, [x], captures=[v], in_dims=0, out_dims=0)


@clause(
    "func.vmap-unbatched-output-expanded",
    "A result that does not depend on the mapped argument is repeated.",
    source="torch.func.vmap",
    profile="functional",
)
def test_vmap_unbatched_output_expanded(check: Any, programs: Any = generate(mapped_over_nothing, DTYPES)) -> None:
    check(programs)


def each_gradient(b: Builder) -> None:
    x, w = _rows(b)

    def body(inner: Builder, params: list[Value]) -> list[Value]:
        region = inner.region(params, lambda deep, given: [deep.scalar(*given)])
        return [inner.transform("grad", region, params, argnums=0)]

    b.transform("vmap", b.region([w, w], body), [w, x], in_dims=(None, 0), out_dims=0)


@clause(
    "func.per-sample-gradients",
    "vmap of grad gives the gradient of each sample.",
    source="torch.func.vmap",
    profile="functional",
)
def test_per_sample_gradients(check: Any, programs: Any = generate(each_gradient, DTYPES)) -> None:
    check(programs)
