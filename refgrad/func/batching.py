"""vmap: a function of tensors mapped over a batch dimension of its arguments. Source: torch.func.vmap."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from .._batch import VmapLevel, below, is_batched, wrap
from .._interpreters import LIVE
from .._pytree import Spec, broadcast_prefix, flatten, unflatten
from .._tensor import Tensor
from ._scope import transform_scope
from .forward import RANDOMNESS

InDims = int | tuple[Any, ...]


def vmap(
    func: Callable[..., Any],
    in_dims: Any = 0,
    out_dims: Any = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """A function that maps `func` over the dimensions `in_dims` of its arguments (None: not mapped) and stacks the results
    along `out_dims`. `func` runs once, on tensors that stand for all of the batch. Source: torch.func.vmap.
    Raises ValueError for dimensions that don't fit, RuntimeError for .item(), branches on values, random rows in the
    mode "error". Trap: side effects happen once."""
    if randomness not in RANDOMNESS:
        raise RuntimeError(f"Only allowed values for randomness are 'error', 'different', or 'same'. Got {randomness}")
    if not (chunk_size is None or chunk_size > 0):
        raise ValueError(f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")

    @functools.wraps(func)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        name = getattr(func, "__name__", repr(func))
        leaves, spec = flatten(args)
        dims = _in_dims(in_dims, args, leaves, spec, name)
        size = _batch_size(leaves, dims)
        if chunk_size is None or chunk_size >= size:
            return _run(func, leaves, spec, dims, size, out_dims, randomness, kwargs, name)
        return _chunked(func, leaves, spec, dims, size, out_dims, randomness, kwargs, name, chunk_size)

    return wrapped


def _in_dims(in_dims: Any, args: Any, leaves: Sequence[Any], spec: Spec, name: str) -> list[int | None]:
    if not isinstance(in_dims, (int, tuple)):
        raise ValueError(
            f"vmap({name}, in_dims={in_dims}, ...)(<inputs>): expected `in_dims` to be int or a (potentially nested) tuple "
            f"matching the structure of inputs, got: {type(in_dims)}."
        )
    if not args:
        raise ValueError(
            f"vmap({name})(<inputs>): got no inputs. Maybe you forgot to add inputs, or you are trying to vmap over a "
            "function with no inputs. The latter is unsupported."
        )
    dims = broadcast_prefix(in_dims, spec)
    who = f"vmap({name}, in_dims={in_dims}, ...)(<inputs>): "
    if dims is None:
        raise ValueError(
            f"{who}in_dims is not compatible with the structure of `inputs`. in_dims has structure {flatten(in_dims)[1]} "
            f"but inputs has structure {spec}."
        )
    return [_in_dim(t, dim, who) for t, dim in zip(leaves, dims)]


def _in_dim(t: Any, dim: Any, who: str) -> int | None:
    if dim is not None and not isinstance(dim, int):
        raise ValueError(f"{who}Got in_dim={dim} for an input but in_dim must be either an integer dimension or None.")
    if dim is None:
        return None
    if not isinstance(t, Tensor):
        raise ValueError(
            f"{who}Got in_dim={dim} for an input but the input is of type {type(t)}. We cannot vmap over non-Tensor "
            "arguments, please use None as the respective in_dim"
        )
    rank = t._array.ndim
    if not -rank <= dim < rank:
        raise ValueError(
            f"{who}Got in_dim={dim} for some input, but that input is a Tensor of dimensionality {rank} so expected in_dim "
            f"to satisfy -{rank} <= in_dim < {rank}."
        )
    return dim % rank


def _batch_size(leaves: Sequence[Any], dims: Sequence[int | None]) -> int:
    sizes = [t._array.shape[dim] for t, dim in zip(leaves, dims) if dim is not None]
    if not sizes:
        raise ValueError("vmap: Expected at least one Tensor to vmap over")
    if len(set(sizes)) > 1:
        raise ValueError(
            f"vmap: Expected all tensors to have the same size in the mapped dimension, got sizes {sizes} for the mapped "
            "dimension"
        )
    return sizes[0]


def _run(
    func: Callable[..., Any],
    leaves: Any,
    spec: Spec,
    dims: Any,
    size: int,
    out_dims: Any,
    randomness: str,
    kwargs: Any,
    name: str,
) -> Any:
    level = VmapLevel(size, randomness)
    moved = [t if dim is None else t.movedim(dim, 0) if dim else t for t, dim in zip(leaves, dims)]
    with level, transform_scope("vmap"):
        given = [t if dim is None else wrap(level, t) for t, dim in zip(moved, dims)]
        found = func(*unflatten(given, spec), **kwargs)
    results, shape = flatten(found)
    places = _out_dims(out_dims, shape, name, found)
    return unflatten([_unwrapped(level, t, dim, name) for t, dim in zip(results, places)], shape)


def _out_dims(out_dims: Any, shape: Spec, name: str, found: Any) -> list[int | None]:
    for dim in flatten(out_dims)[0]:
        if not (dim is None or isinstance(dim, int)):
            raise ValueError(
                f"vmap({name}, ..., out_dims={out_dims}): `out_dims` must be an int, None or a python collection of ints "
                "representing where in the outputs the vmapped dimension should appear."
            )
    if isinstance(out_dims, tuple) and len(out_dims) == 1 and shape.kind is None:
        out_dims = out_dims[0]
    places = broadcast_prefix(out_dims, shape)
    if places is None:
        raise ValueError(
            f"vmap({name}, ..., out_dims={out_dims})(<inputs>): out_dims is not compatible with the structure of "
            f"`outputs`. out_dims has structure {flatten(out_dims)[1]} but outputs has structure {shape}."
        )
    return places


def _unwrapped(level: VmapLevel, t: Any, dim: int | None, name: str) -> Any:
    if dim is None:
        if level.holds(t):
            raise ValueError(f"vmap({name}, ...): `{name}` can not return a BatchedTensor when out_dim is None")
        return t
    if not isinstance(t, Tensor):
        raise ValueError(
            f"vmap({name}, ...): `{name}` must only return Tensors, got type {type(t)}. Did you mean to set out_dims= to "
            "None for output?"
        )
    with below(level):
        value = level.batch(t)
        return value.movedim(0, dim) if dim else value  # type: ignore[attr-defined]


def _chunked(
    func: Callable[..., Any], leaves: Any, spec: Spec, dims: Any, size: int, out_dims: Any, randomness: str, kwargs: Any,
    name: str, chunk: int,
) -> Any:  # fmt: skip
    """The same a chunk of the batch at a time, the results joined."""
    parts = []
    for start in range(0, size, chunk):
        count = min(chunk, size - start)
        piece = [t if dim is None else t.narrow(dim, start, count) for t, dim in zip(leaves, dims)]
        parts.append(_run(func, piece, spec, dims, count, out_dims, randomness, kwargs, name))
    flat = [flatten(p)[0] for p in parts]
    shape = flatten(parts[0])[1]
    places = _out_dims(out_dims, shape, name, parts[0])
    joined = [column[0] if dim is None else LIVE.cat(list(column), dim) for column, dim in zip(zip(*flat), places)]
    return unflatten(joined, shape)


def debug_unwrap(tensor: Tensor, *, recurse: bool = True) -> Tensor:
    """The tensor that a transform's tensor stands for, for printing; `recurse`: down to the innermost.
    Source: torch.func.debug_unwrap. Trap: computing with it inside the transform is undefined."""
    while is_batched(tensor):
        tensor = tensor.value  # type: ignore[attr-defined]
        if not recurse:
            break
    return tensor
