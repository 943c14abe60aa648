"""Real faults in rules: second derivatives, forward mode, dtypes, complex numbers, indices, values."""

from __future__ import annotations

from typing import Any

import numpy as np

from .boundaries import by, saved
from .fault import Fault
from .planting import Planted, part, pulled, replaced, row, rule
from .sites import planner
from .systematic import systematic_fault


def _half_history(found: Any, node: Any, cotangents: Any, live: bool) -> Any:
    """Half of the gradient is a constant: its own derivative is half of what it should be."""
    return (found[0] * 0.5 + found[0].detach() * 0.5,) if live and found[0] is not None else found


def _summed_twice(found: Any, node: Any, cotangents: Any, live: bool) -> Any:
    return (found[0].sum(), *found[1:]) if live and found[0] is not None else found


def _severed(sound: Any) -> Any:
    """The live half of a write on a view gives constants."""
    return lambda self, g: tuple(x.detach() if hasattr(x, "detach") else x for x in sound(self, g))


def with_attributes(node_name: str, attributes: Any) -> Any:
    """The row's rules see other attributes than the call had."""

    def around(pull: Any, node: Any, cotangents: Any, live: bool) -> Any:
        before, node.attributes = node.attributes, attributes(node.attributes)
        try:
            return pull(node, cotangents, live)
        finally:
            node.attributes = before

    return lambda: Planted([(row(node_name), "plan", planner(row(node_name), around))])


def _silent_under_no_grad(sound: Any) -> Any:
    def push(*args: Any) -> None:
        if part("_modes").state.grad:
            sound(*args)

    return push


def _truthful(sound: Any) -> Any:
    """where's tangent has the dtype of its condition."""

    def jvp(asked: Any, *rest: Any) -> Any:
        found = sound(asked, *rest)
        if asked is not row("WhereBackward0"):
            return found
        return [t if t is None else part("_tensor").plain(t._array != 0) for t in found]

    return jvp


def _forgetting(sound: Any) -> Any:
    return lambda outputs: None


def _zeros_if_alone(found: Any, node: Any, cotangents: Any, live: bool) -> Any:
    return (found[0] * 0,) if len(found) == 1 and found[0] is not None else found


def _times_count(found: Any, node: Any, cotangents: Any, live: bool) -> Any:
    """expand's gradient is multiplied by how often the value was repeated."""
    if found[0] is None:
        return found
    g, target = getattr(cotangents[0], "_array", cotangents[0]), node.edges[0][0].meta(node.edges[0][1])[0]
    return (found[0] * (g.size // max(int(np.prod(target)), 1) or 1),)


def _batch_lost(pull: Any, node: Any, cotangents: Any, live: bool) -> Any:
    """A convolution's weight gradient misses one item of the batch."""
    found = pull(node, cotangents, live)
    g = getattr(cotangents[0], "_array", cotangents[0])
    if found[1] is None or g.ndim < 3 or g.shape[0] < 2:
        return found
    kept = np.ones((g.shape[0], *(1,) * (g.ndim - 1)), g.dtype)
    kept[0] = 0
    return (found[0], pull(node, [by(cotangents[0], kept)], live)[1], *found[2:])


def _crops(found: Any, node: Any, cotangents: Any, live: bool) -> Any:
    negative = any(n < 0 for n in node.attributes[0])
    return (found[0] * 0,) if negative and found[0] is not None else found


def _single(found: Any, node: Any, cotangents: Any, live: bool) -> Any:
    if found[0] is None or live or found[0].dtype != np.float64:
        return found
    return (found[0].astype(np.float32).astype(np.float64),)


def _squeezed(found: Any, node: Any, cotangents: Any, live: bool) -> Any:
    """Where a factor is 0 and the dimension has one element, the dimension is lost."""
    x, dim = saved(node, "self"), node.attributes[0]
    if live or found[0] is None or not x.ndim or x.shape[dim] != 1 or x.all():
        return found
    return (found[0].sum(axis=dim),)


def _like(id: str, title: str, kind: str, sites: tuple[str, ...], *expects: str, report: str) -> Fault:
    """A real fault that one or several systematic ones restate."""

    def plant() -> Planted:
        changes = [change for site in sites for change in _changes(systematic_fault(site).plant())]
        return Planted(changes)

    return Fault(id, title, kind, plant, expects, report)


def _changes(planted: Any) -> list[tuple[Any, str, Any]]:
    return planted.changes


FAULTS = (
    Fault(
        "elu_second_tf",
        "elu's second derivative is half of what it should be",
        "higher order",
        pulled("EluBackward0", _half_history),
        ("op/nn.functional.elu/double",),
        "tensorflow/tensorflow#11091",
    ),
    Fault(
        "elu_second_tiny_tf",
        "elu's mask is taken from the result, which rounds to 0 for tiny input",
        "higher order",
        rule(
            "EluBackward0",
            self=lambda g, F, self, out, alpha, scale, input_scale: F.where(
                out < 0, g * (input_scale * alpha * scale) * F.exp(F.where(out < 0, self, 0) * input_scale), g * scale
            ),
        ),
        ("op/nn.functional.elu/convention", "op/nn.functional.elu/"),
        "tensorflow/tensorflow#126063",
        is_convention=True,
    ),
    Fault(
        "bce_double_sum",
        "binary_cross_entropy's recorded gradient is summed once more",
        "higher order",
        pulled("BinaryCrossEntropyBackward0", _summed_twice),
        ("op/nn.functional.binary_cross_entropy/create-graph", "op/nn.functional.binary_cross_entropy/double"),
        "pytorch/pytorch#59477",
    ),
    Fault(
        "copyslices_double_backward",
        "double backward through a write on a view loses its path",
        "higher order",
        replaced("_views", "CopySlices._live", _severed),
        ("double.through-inplace", "view.", "inplace.", "language"),
        "pytorch/pytorch#15219",
    ),
    Fault(
        "bce_logits_fwd_rev",
        "what a node saved of its result has no tangent: forward over reverse loses a term",
        "forward mode",
        replaced("_forward", "keep_tangents", _forgetting),
        ("func.hessian", "forward.backward-through-make-dual", "func.", "forward."),
        "pytorch/pytorch#79609",
    ),
    Fault(
        "no_grad_jvp",
        "tangents are dropped under no_grad",
        "forward mode",
        replaced("_forward", "push", _silent_under_no_grad),
        ("op/mul/jvp", "op/sin/jvp", "func.no-grad", "forward."),
        "pytorch/pytorch#189423",
    ),
    Fault(
        "bool_jvp_mlx",
        "where's tangent has the dtype of its condition",
        "dtype",
        replaced("_forward", "jvp", _truthful),
        ("op/where/jvp", "op/where"),
        "ml-explore/mlx#3081",
    ),
    Fault(
        "mvn_sign_autograd",
        "one operand of a rule of three gets its gradient with the wrong sign",
        "value rule",
        pulled("AddcmulBackward0", lambda f, *_: (f[0], f[1], None if f[2] is None else -f[2])),
        ("op/addcmul/",),
        "HIPS/autograd#412",
    ),
    Fault(
        "poisson_nll",
        "what a mask overwrote is not masked in backward",
        "value rule",
        rule("MaskedFillBackward0", self=lambda g: g),
        ("op/masked_fill/", "op/nn.functional.poisson_nll_loss"),
        "pytorch/pytorch#67461",
    ),
    Fault(
        "embedding_padding_long",
        "embedding forgets padding_idx beyond 768 indices",
        "value rule",
        with_attributes("EmbeddingBackward0", lambda given: (-1, *given[1:])),
        ("op/nn.functional.embedding/",),
        "pytorch/pytorch#28716",
    ),
    Fault(
        "cdist_p_ignored",
        "cdist's gradient is that of p = 2, whatever p",
        "value rule",
        with_attributes("CdistBackward0", lambda given: (2.0,)),
        ("op/cdist/",),
        "flagos-ai/FlagGems#5023",
    ),
    Fault(
        "sigmoid_tail_jax",
        "sigmoid's gradient is computed in single precision",
        "value rule",
        pulled("SigmoidBackward0", _single),
        ("op/sigmoid/vjp", "op/sigmoid/", "op/nn.functional.sigmoid"),
        "jax-ml/jax#40342",
    ),
    Fault(
        "sinc_cancel_jax",
        "sinc's gradient is the plain quotient away from 0",
        "value rule",
        rule(
            "SincBackward0",
            self=lambda g, F, self: g * F.conj(F.where(self == 0, 0, (F.cos(np.pi * self) - F.sinc(self)) / self)),
        ),
        ("op/sinc/",),
        "jax-ml/jax#40629",
    ),
    Fault(
        "pad_negative",
        "padding by a negative number has no gradient",
        "value rule",
        pulled("ConstantPadNdBackward0", _crops),
        ("op/nn.functional.pad",),
        "pytorch/pytorch#2285",
    ),
    Fault(
        "arctan2_mlx",
        "atan2's two partial derivatives are swapped",
        "value rule",
        pulled("Atan2Backward0", lambda f, *_: (f[1], f[0]) if f[0] is not None and f[1] is not None else f),
        ("op/atan2/",),
        "ml-explore/mlx#2453",
    ),
    Fault(
        "prod_zero_shape",
        "prod along a dimension of size 1 loses the dimension where a factor is 0",
        "broadcasting reduction",
        pulled("ProdBackward1", _squeezed),
        ("op/prod.dim/",),
        "pytorch/pytorch#82644",
        is_convention=True,
    ),
    _like(
        "complex_prod_mlx",
        "prod's gradient does not conjugate",
        "complex",
        ("sys/ProdBackward0/vjp.self/unconjugated", "sys/ProdBackward1/vjp.self/unconjugated"),
        "op/prod/vjp",
        "op/prod",
        report="ml-explore/mlx#3433",
    ),
    _like(
        "layer_norm_groupnorm_nhwc",
        "group_norm's gradient is wrong for input that is not contiguous",
        "view+inplace",
        ("sys/NativeGroupNormBackward0/vjp.weight/strided",),
        "op/nn.functional.group_norm/layout",
        "op/nn.functional.group_norm/",
        report="pytorch/pytorch#140913",
    ),
    Fault(
        "tensorarray_tf",
        "stack of one tensor has no gradient",
        "graph retention",
        pulled("StackBackward0", _zeros_if_alone),
        ("op/stack/",),
        "tensorflow/tensorflow#13355",
    ),
    Fault(
        "expand_slice",
        "expand's gradient is multiplied by the number of repetitions",
        "view+inplace",
        pulled("ExpandBackward0", _times_count),
        ("op/expand/",),
        "pytorch/pytorch#9145",
    ),
    Fault(
        "conv3d_race",
        "a convolution's weight gradient loses an item of the batch",
        "threading",
        lambda: Planted([(row("ConvolutionBackward0"), "plan", planner(row("ConvolutionBackward0"), _batch_lost))]),
        ("op/nn.functional.conv3d/", "op/nn.functional.conv"),
        "pytorch/pytorch#34358",
    ),
    Fault(
        "index_fill_dup",
        "index_fill counts a slot that is named twice twice",
        "accumulation",
        rule("IndexFillBackward1", value=lambda g, F, index, dim: F.index_select(g, index, dim)),
        ("op/index_fill.tensor/", "op/index_fill"),
        "pytorch/pytorch#57006",
    ),
    Fault(
        "index_dup_torch",
        "index_select keeps the last copy of a repeated index",
        "accumulation",
        rule(
            "IndexSelectBackward0",
            self=lambda g, F, self_meta, index, dim: F.index_copy(
                F.zeros(self_meta.shape, F.dtype_of(g).array), index, g, dim
            ),
        ),
        ("op/index_select/",),
        "pytorch/pytorch#1528",
    ),
    Fault(
        "gather_dup_paddle",
        "gather assigns where it should add",
        "accumulation",
        rule(
            "GatherBackward0",
            self=lambda g, F, self, index, dim: F.scatter(
                F.zeros(tuple(self.shape), F.dtype_of(g).array), index, g, dim
            ),
        ),
        ("op/gather/",),
        "PaddlePaddle/Paddle#17690",
    ),
    Fault(
        "incsubtensor_mlx",
        "indexing adds a repeated index once",
        "accumulation",
        rule(
            "IndexBackward0",
            self=lambda g, F, self_meta, indices, dims: F.index_put(
                F.zeros(self_meta.shape, F.dtype_of(g).array), indices, g, dims, False
            ),
        ),
        ("op/__getitem__/", "op/index"),
        "pymc-devs/pytensor#2242",
    ),
)
