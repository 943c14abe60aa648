"""Forward-mode transforms: jvp, linearize, jacfwd, hessian. Source: torch.func."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from .._forward import enter_level, exit_level
from .._interpreters import LIVE
from .._modes import LEVELS, state
from .._pytree import flatten, unflatten
from .._tensor import Tensor, plain
from .._views import INFERENCE, NO_GRAD, hidden_view
from ..autograd.forward_ad import dual, split
from ._scope import ordinary_tensors, transform_scope
from ._trees import Argnums, chosen, map_tensors, split_aux, tensor_leaves, with_chosen
from .reverse import bare, jacrev, ordinary

JVP = "jvp(f, primals, tangents)"


def jvp(func: Callable[..., Any], primals: Any, tangents: Any, *, strict: bool = False, has_aux: bool = False) -> Any:
    """(output, J v), and the auxiliary result with has_aux; nests. Source: torch.func.jvp."""
    _check_running()
    if not isinstance(primals, tuple):
        raise RuntimeError(f"{JVP}: Expected primals to be a tuple. E.g. it should be valid to call f(*primals).")
    leaves, spec = flatten(primals)
    moves, other = flatten(tangents)
    if spec != other:
        raise RuntimeError(
            f"{JVP}: Expected primals and tangents to have the same python structure. For example, if primals is a "
            f"tuple of 3 tensors, tangents also must be. Got primals with structure {spec} and tangents with structure "
            f"{other}"
        )
    _check_tensors(leaves, "primals")
    _check_tensors(moves, "tangents")
    return _run(func, leaves, moves, spec, strict, has_aux)


def _check_running() -> None:
    if any(level.is_dual for level in LEVELS.values()):
        raise RuntimeError("Nested forward mode AD is not supported at the moment")


def _check_tensors(leaves: list[Any], name: str) -> None:
    if not leaves:
        raise RuntimeError(f"{JVP}: Expected {name} to contain at least one Tensor.")
    for leaf in leaves:
        if not isinstance(leaf, Tensor):
            raise RuntimeError(f"{JVP}: Expected {name} to only contain Tensors, got {type(leaf)}")


def _check_kinds(leaves: list[Tensor], moves: list[Tensor]) -> None:
    for kind, given in [(k, t) for pair in zip(leaves, moves) for k, t in zip(("primal", "tangent"), pair)]:
        if given._array.dtype.kind in "iub":
            raise ValueError(f"Expected {kind} to be floating point or complex, but got: {given.dtype}")


def _run(
    func: Callable[..., Any], leaves: list[Tensor], moves: list[Tensor], spec: Any, strict: bool, has_aux: bool
) -> Any:
    before, state.forward_grad = state.forward_grad, True
    if state.inference:
        leaves, moves = list(map(ordinary, leaves)), list(map(ordinary, moves))
    released = _release()
    level = enter_level()
    try:
        with transform_scope("jvp"):
            _check_kinds(leaves, moves)
            duals = [dual(p, t, level) for p, t in zip(leaves, moves)]
            output, aux = split_aux(func(*unflatten(duals, spec)), has_aux, JVP)
            results, shape = tensor_leaves(output, JVP)
            pairs = [tuple(map(released, _pair(t, level, strict))) for t in results]
            if released is bare:
                pairs = [(hidden_view(p, NO_GRAD), t) for p, t in pairs]
            aux = map_tensors(lambda t: released(split(t, level)[0]), aux) if has_aux else None
    finally:
        exit_level(level)
        state.forward_grad = before
    found = (unflatten([p for p, _ in pairs], shape), unflatten([t for _, t in pairs], shape))
    return (*found, aux) if has_aux else found


def _release() -> Callable[[Tensor], Tensor]:
    """What becomes of a transform's results: in inference mode nothing around it is recorded."""
    return bare if state.inference else _as_it_is


def _as_it_is(t: Tensor) -> Tensor:
    return t


def _pair(t: Tensor, level: int, strict: bool) -> tuple[Tensor, Tensor]:
    primal, tangent = split(t, level)
    if tangent is None:
        if strict:
            raise RuntimeError(
                f"{JVP[:-1]}, strict=True): The output of f is independent of the inputs. This is not allowed with "
                "strict=True."
            )
        tangent = LIVE.zeros_like(primal)
    return primal, tangent


def linearize(func: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """(output, jvp_fn): jvp_fn(*tangents) is the linear approximation at the primals, which it keeps.
    Source: torch.func.linearize. Trap: jvp_fn runs the function again; side effects in it recur."""
    output = func(*primals)
    leaves, spec = flatten(primals)
    kept = [LIVE.alias_with_history(p) if isinstance(p, Tensor) else p for p in leaves]

    def jvp_fn(*tangents: Any) -> Any:
        moves, other = flatten(tangents)
        if other != spec:
            raise RuntimeError(f"Expected the tangents {other} to have the same argspec as the primals {spec}")
        for k, (p, t) in enumerate(zip(kept, moves)):
            for what, a, b in (("shape", t.shape, p.shape), ("dtype", t.dtype, p.dtype)):
                if a != b:
                    raise RuntimeError(
                        f"tangent:{k} with {what} {a} in flattened pytree doesn't match the {what} {b} of the "
                        "corresponding primal."
                    )
        return jvp(func, unflatten(kept, spec), unflatten(moves, spec))[1]

    return output, jvp_fn


RANDOMNESS = ("error", "different", "same")


def jacfwd(
    func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False, *, randomness: str = "error"
) -> Callable[..., Any]:
    """A function that returns the Jacobian by forward mode, a column at a time; shapes and nests as for jacrev.
    Source: torch.func.jacfwd."""

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        arguments = chosen(args, argnums)
        if randomness not in RANDOMNESS:
            raise RuntimeError(
                f"Only allowed values for randomness are 'error', 'different', or 'same'. Got {randomness}"
            )
        leaves, spec = flatten(arguments)

        def partial(*moving: Any) -> Any:
            return func(*with_chosen(args, argnums, unflatten(moving, spec)), **kwargs)

        released = _release()
        with ordinary_tensors():
            columns, shape, aux = _columns(partial, leaves, has_aux)
        columns = [list(map(released, row)) for row in columns]
        if released is bare:
            columns = [[hidden_view(t, INFERENCE) for t in row] for row in columns]
        found = unflatten([unflatten(row, spec) for row in columns], shape)
        return (found, map_tensors(released, aux)) if has_aux else found

    return wrapper


def _columns(func: Callable[..., Any], leaves: list[Tensor], has_aux: bool) -> tuple[list[list[Tensor]], Any, Any]:
    """For each output leaf the Jacobians by each argument leaf; the output's structure; the auxiliary result."""
    pushed: list[list[list[Tensor]]] = []
    shape = aux = None
    outputs: list[Tensor] = []
    for place, leaf in enumerate(leaves):
        pushed.append([])
        for k in range(leaf.numel()):
            moves = [plain(np.zeros_like(t._array, order="C")) for t in leaves]
            moves[place]._array.reshape(-1)[k] = 1
            output, tangent, *rest = jvp(func, tuple(leaves), tuple(moves), has_aux=has_aux)
            (outputs, shape), aux = flatten(output), rest[0] if has_aux else None
            pushed[place].append(flatten(tangent)[0])
    if shape is None:
        # Without a column to push, what the columns would depend on still shows.
        still = tuple(plain(np.zeros_like(t._array)) for t in leaves)
        output, tangent, *rest = jvp(func, tuple(leaves), still, has_aux=has_aux)
        _, shape = tensor_leaves(output, JVP)
        outputs = flatten(tangent)[0]
    rows = [[_stacked(o, nr, leaf, pushed[p]) for p, leaf in enumerate(leaves)] for nr, o in enumerate(outputs)]
    return rows, shape, aux


def _stacked(output: Tensor, nr: int, leaf: Tensor, columns: list[list[Tensor]]) -> Tensor:
    shape = (*output._array.shape, *leaf._array.shape)
    if not columns:
        return LIVE.attached_to(plain(np.zeros(shape, output._array.dtype)), output)
    return LIVE.stack([c[nr] for c in columns], output._array.ndim).reshape(shape)


def hessian(func: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """A function that returns the Hessian, forward over reverse. Source: torch.func.hessian."""
    return jacfwd(jacrev(func, argnums), argnums)
