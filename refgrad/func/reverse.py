"""Reverse-mode transforms: vjp, grad, grad_and_value, jacrev. Source: torch.func.

A transform differentiates by an alias of each argument, a node of its own, so that levels never mix: an inner result
keeps the history that leads to the arguments of outer transforms, and loses what leads only to its own.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._batch import beneath, is_batched, lowered, raised, vmap_levels
from .._engine import execute
from .._errors import INFERENCE_SAVED
from .._graph import Node, gradient_edge
from .._interpreters import LIVE
from .._modes import enable_grad, state
from .._pytree import Spec, flatten, tree_map, unflatten
from .._tensor import DUAL, Tensor, extra, plain
from ..autograd.roots import seeds_of
from ._scope import ordinary_tensors, transform_scope
from ._trees import Argnums, chosen, map_tensors, split_aux, tensor_leaves, with_chosen

VJP = "vjp(f, *primals)"
GRAD = "grad_and_value(f)(*args)"


class Pullback:
    """What a reverse transform keeps of one run: the aliases it differentiates by, the nodes that are its own, and
    whether results may have history outside, and which aliases are of inference tensors, whose history shows only where
    they meet others."""

    __slots__ = ("aliases", "is_recorded", "is_refused", "levels", "outputs", "own", "unrecorded")

    def __init__(self) -> None:
        self.is_recorded = state.grad and not state.inference
        # Gradient mode on in inference mode: what jacrev pulls are inference tensors, which can't be saved.
        self.is_refused = state.grad and state.inference
        self.aliases: list[Tensor] = []
        self.outputs: list[Tensor] = []
        self.own: set[Node] = set()
        self.unrecorded: set[Node] = set()
        # The vmaps around: what is differentiated is batched over all of them, so that no batch is summed.
        self.levels = vmap_levels()

    def track(self, t: Any) -> Tensor:
        """An alias of an argument that requires grad."""
        if not isinstance(t, Tensor):
            raise ValueError(f"Thing passed to transform API must be Tensor, got {type(t)}")
        if t._array.dtype.kind in "iub":
            raise RuntimeError("only Tensors of floating point dtype can require gradients")
        with beneath(self.levels):
            physical = lowered(t, self.levels)
            keeps = (self.is_recorded or self.is_refused) and physical._cell is not None
            made = LIVE.identity(physical if keeps else self._attached(physical))
            if made._edge is not None and physical._cell is None:
                self.unrecorded.add(made._edge[0])
        edge = gradient_edge(made)
        assert edge is not None
        if made._edge is None:
            self.own.add(edge[0])
        self.aliases.append(made)
        return raised(made, self.levels)

    def _attached(self, t: Tensor) -> Tensor:
        """An ordinary tensor with an inference tensor's history, if results have any."""
        made, edge = ordinary(t), gradient_edge(t) if t._cell is None and self.is_recorded else None
        if edge is not None:
            made._edge, made._needs = edge, True
        return made

    def seen(self, alias: Tensor) -> Tensor:
        """An argument as the function saw it."""
        return raised(alias, self.levels)

    def release(self, t: Tensor) -> Tensor:
        """A result as the caller sees it: without history that leads nowhere else."""
        with beneath(self.levels):
            physical = lowered(t, self.levels) if is_batched(t) else t
            released = self._bared(physical)
        if released is physical:
            return t
        return raised(released, self.levels) if is_batched(t) else released

    def _bared(self, t: Tensor) -> Tensor:
        if not t.requires_grad or (self.is_recorded and not self._only_leads_here(t)):
            return t
        return bare(t)

    def _only_leads_here(self, t: Tensor) -> bool:
        own = self.own
        return only_leads_to(t, own | unrecorded_nodes(t, self.unrecorded) if self.unrecorded else own)

    def check_unsaved(self, pulled: Sequence[Tensor]) -> None:
        """Raises RuntimeError where cotangents that are inference tensors would be saved outside the transform."""
        if any(g.requires_grad and not only_leads_to(g, self.own) for g in pulled):
            raise RuntimeError(INFERENCE_SAVED)

    def pull(self, seeds: Sequence[Tensor]) -> list[Tensor]:
        """The cotangents of the arguments; zeros for one that does not matter."""
        with beneath(self.levels):
            pairs = [(lowered(o, self.levels), lowered(s, self.levels)) for o, s in zip(self.outputs, seeds)]
            pairs = [(o, s) for o, s in pairs if o.requires_grad]
            edges = [gradient_edge(a) for a in self.aliases]
            found: dict[int, Any] = {}
            if pairs:
                found = execute([gradient_edge(o) for o, _ in pairs], [s for _, s in pairs], True, True, edges, True)  # type: ignore[misc]
            pulled = [found[k] if found.get(k) is not None else LIVE.zeros_like(a) for k, a in enumerate(self.aliases)]
        return [raised(g, self.levels) for g in pulled]


def ordinary(t: Tensor) -> Tensor:
    """The value without reverse history; of an inference tensor a tensor that can be saved."""
    made = bare(t)
    if made._cell is None:
        made._cell = [0]
    return made


def bare(t: Tensor) -> Tensor:
    """The value without reverse history, its tangents kept."""
    made = t.detach()  # type: ignore[attr-defined]
    if t._flags & DUAL and t._extra is not None:
        extra(made).tangents = {level: bare(tangent) for level, tangent in (t._extra.tangents or {}).items()}
        made._flags |= DUAL
    return made


def only_leads_to(t: Tensor, own: set[Node]) -> bool:
    """Whether all that a tensor's history ends in are the given nodes."""
    edge = gradient_edge(t)
    stack: list[Node] = [] if edge is None or edge[0] in own else [edge[0]]
    seen = set(stack)
    while stack:
        node = stack.pop()
        if not any(node.edges):
            return False
        for following in node.edges:
            if following is not None and following[0] not in seen and following[0] not in own:
                seen.add(following[0])
                stack.append(following[0])
    return True


def unrecorded_nodes(t: Tensor, aliases: set[Node]) -> set[Node]:
    """The nodes of a tensor's history that PyTorch doesn't record: whose operands all are aliases of inference tensors.
    Their results, a number and a tensor without history are ordinary operands, beside which an alias is recorded."""
    edge = gradient_edge(t)
    seen = set() if edge is None else {edge[0]}
    stack = list(seen)
    found: set[Node] = set()
    while stack:
        node = stack.pop()
        following = [None if edge is None else edge[0] for edge in node.edges]
        if node not in aliases and following and all(f in aliases for f in following):
            found.add(node)
        new = {f for f in following if f is not None} - seen
        seen |= new
        stack += new
    return found


def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """(output, vjp_fn), and the auxiliary result with has_aux; `vjp_fn(cotangents)` gives a tuple of one product for each
    primal, and may be called again. Source: torch.func.vjp. Trap: tensors among several primals only."""
    output, pull, aux, _spec, _ = run_vjp(func, primals)(has_aux)

    def vjp_fn(*cotangents: Any, retain_graph: bool = True, create_graph: bool | None = None) -> Any:
        given = cotangents[0] if len(cotangents) == 1 else cotangents
        return pull(given)

    return (output, vjp_fn, aux) if has_aux else (output, vjp_fn)


def run_vjp(func: Callable[..., Any], primals: tuple[Any, ...]) -> Callable[[bool], tuple[Any, ...]]:
    """Runs a function under differentiation by all its arguments: (output, pull, aux, output spec, Pullback)."""

    def run(has_aux: bool) -> tuple[Any, ...]:
        tape = Pullback()
        with enable_grad(), transform_scope("vjp"):
            tracked = tree_map(tape.track, tuple(primals))
            output, aux = split_aux(func(*tracked), has_aux, VJP)
            tape.outputs, spec = tensor_leaves(output, VJP)
        shown = unflatten([tape.release(t) for t in tape.outputs], spec)
        aux = map_tensors(tape.release, aux) if has_aux else None

        def pull(cotangents: Any) -> Any:
            seeds = _matched(cotangents, spec)
            given = seeds_of(tuple(tape.outputs), tuple(seeds), False)
            # A backward pass is not run in inference mode: what depends on a cotangent is recorded.
            tape.is_recorded = tape.is_recorded or (state.grad and state.inference)
            is_refused = state.grad and any(g is not None and g._cell is None for g in given)
            with enable_grad(), ordinary_tensors():
                found = tape.pull([ordinary(g) if g._cell is None else g for g in given if g is not None])
            if is_refused:
                tape.check_unsaved(found)
            return unflatten([tape.release(g) for g in found], _spec_of(primals))

        return shown, pull, aux, spec, tape

    return run


def _spec_of(tree: Any) -> Spec:
    return flatten(tree)[1]


def _matched(cotangents: Any, spec: Spec) -> list[Tensor]:
    leaves, found = flatten(cotangents)
    if found != spec:
        raise RuntimeError(
            "Expected pytree structure of cotangents to be the same as pytree structure of outputs to the function. "
            f"cotangents: {found.brief()}, primal output: {spec.brief()}"
        )
    return leaves


def grad_and_value(func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """A function that returns (gradient, value) of a scalar function. Source: torch.func.grad_and_value."""

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        tape = Pullback()
        with enable_grad(), transform_scope("grad"):
            tracked = tree_map(tape.track, chosen(args, argnums))
            output, aux = split_aux(func(*with_chosen(args, argnums, tracked), **kwargs), has_aux, GRAD)
            _check_scalar(output)
            tape.outputs = [output]
            aux = map_tensors(tape.release, aux) if has_aux else None
            seed = seeds_of((output,), (None,), False)[0] if output.requires_grad else None
            found = [tape.release(g) for g in tape.pull([seed] if seed is not None else [])]
        gradient = unflatten(found, _spec_of(chosen(args, argnums)))
        value = tape.release(output)
        return (gradient, (value, aux)) if has_aux else (gradient, value)

    return wrapper


def _check_scalar(output: Any) -> None:
    if not isinstance(output, Tensor):
        raise RuntimeError(f"{GRAD}: Expected f(*args) to return a Tensor, got {type(output)}")
    if output.dim():
        raise RuntimeError(
            f"{GRAD}: Expected f(*args) to return a scalar Tensor, got tensor with {output.dim()} dims. Maybe you "
            "wanted to use the vjp or jacrev APIs instead?"
        )


def grad(func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """A function that returns the gradient of a scalar function by the arguments `argnums`, and (gradient, aux) with
    has_aux. Source: torch.func.grad. Trap: the result must have no dimensions; shape [1] is refused."""
    both = grad_and_value(func, argnums, has_aux)

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        gradient, value = both(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return wrapper


def jacrev(
    func: Callable[..., Any],
    argnums: Argnums = 0,
    *,
    has_aux: bool = False,
    chunk_size: int | None = None,
    _preallocate_and_copy: bool = False,
) -> Callable[..., Any]:
    """A function that returns the Jacobian by reverse mode, a row at a time: for each output leaf, for each argument
    leaf, a tensor of shape output.shape + argument.shape. Source: torch.func.jacrev."""
    if not (chunk_size is None or chunk_size > 0):
        raise ValueError("jacrev: `chunk_size` should be greater than 0.")

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        arguments = chosen(args, argnums)
        is_several = isinstance(argnums, tuple)

        def partial(*tracked: Any) -> Any:
            return func(*with_chosen(args, argnums, tracked if is_several else tracked[0]), **kwargs)

        primals = arguments if is_several else (arguments,)
        _, _, aux, spec, tape = run_vjp(partial, primals)(has_aux)
        rows = [_jacobian_of(tape, k) for k in range(len(tape.outputs))]
        structure = _spec_of(arguments)
        found = unflatten([unflatten(row, structure) for row in rows], spec)
        return (found, aux) if has_aux else found

    return wrapper


def _jacobian_of(tape: Pullback, place: int) -> list[Tensor]:
    """The Jacobians of one output leaf by each argument leaf."""
    output = tape.outputs[place]
    columns: list[list[Tensor]] = [[] for _ in tape.aliases]
    with enable_grad(), ordinary_tensors():
        for k in range(output.numel()):
            seeds = [plain(np.zeros_like(o._array, order="C")) for o in tape.outputs]
            seeds[place]._array.reshape(-1)[k] = 1
            for column, g in zip(columns, tape.pull(seeds)):
                if tape.is_refused:
                    tape.check_unsaved([g])
                column.append(tape.release(g))
        found = [_stacked(c, output, a) for c, a in zip(columns, map(tape.seen, tape.aliases))]
        if not output.numel():
            # Without a row to pull, what the rows would depend on still shows.
            rows = tape.pull([plain(np.zeros_like(o._array, order="C")) for o in tape.outputs])
            found = [tape.release(LIVE.attached_to(made, g)) for made, g in zip(found, rows)]
    return found


def _stacked(parts: list[Tensor], output: Tensor, argument: Tensor) -> Tensor:
    shape = (*output._array.shape, *argument._array.shape)
    if not parts:
        return plain(np.zeros(shape, argument._array.dtype))
    return LIVE.stack(parts, 0).reshape(shape)
