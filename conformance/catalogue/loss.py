"""Losses."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ..drawing.domains import FRACTION, NONZERO, OFF_GRID, POSITIVE, REAL, UNIT, Domain, special
from ..drawing.shapes import Shape
from ..programs.promotion import result_dtype
from . import operator
from .arguments import Drawn, custom, draw_options

if TYPE_CHECKING:
    from ..drawing.build import Builder

FUNCTION = ("function",)
WIDE = ("float64", "float32")
REDUCTIONS = ("mean", "sum", "none")
SIGNS = Domain("signs", (1.0, -1.0), -1, 1, jitter=False)
ROWS = (2, 1, 3, 5)


def classes(count: int) -> Domain:
    """Class numbers below a count."""
    return Domain(f"classes{count}", tuple(float(k) for k in range(count)), 0, count - 1, jitter=False)


def reduced_loss(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    """One number, or one for each element; the common dtype of input and target."""
    shape = args[0].shape if attrs["reduction"] == "none" else ()
    return ((shape, result_dtype(*args[:2])),)


def by_row(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    """One number, or one for each row of the input."""
    shape = args[0].shape[:-1] if attrs["reduction"] == "none" else ()
    return ((shape, args[0].dtype),)


def paired(domain: Domain, other: Domain, constant: bool = False, infer: Any = reduced_loss, **options: Any) -> Any:
    """An input and a target of its shape; `constant` where the target has no derivative."""

    def draw(b: Builder) -> Drawn:
        first = b.operand(domain=domain)
        second = b.operand(first.shape, domain=other, grad=not constant)
        return (first, second), {"reduction": b.pick(REDUCTIONS), **draw_options(b, options)}

    return custom(draw, infer, FUNCTION)


def weighted(domain: Domain, other: Domain) -> Any:
    """An input, a target and a weight, all of one shape."""

    def draw(b: Builder) -> Drawn:
        first = b.operand(domain=domain)
        second = b.operand(first.shape, domain=other)
        weight = b.operand(first.shape, domain=POSITIVE)
        return (first, second), {"reduction": b.pick(REDUCTIONS), "weight": weight}

    return custom(draw, reduced_loss, FUNCTION)


def _pair(name: str, strategy: Any, **options: Any) -> None:
    operator(f"nn.functional.{name}", strategy, **options)


_pair("mse_loss", paired(REAL, REAL))
_pair("mse_loss.weighted", weighted(REAL, REAL), graph="free")
_pair("l1_loss", paired(OFF_GRID, NONZERO), graph="free")
_pair("l1_loss.weighted", weighted(OFF_GRID, NONZERO), graph="free")
_pair("smooth_l1_loss", paired(OFF_GRID, NONZERO, beta=(1.0, 0.5, 2.0)), kinks=special(0.0, 1.0))
_pair("huber_loss", paired(OFF_GRID, NONZERO, delta=(1.0, 0.5, 2.0)), kinks=special(0.0, 1.0))
_pair("huber_loss.weighted", weighted(OFF_GRID, NONZERO), graph="free")
_pair("soft_margin_loss", paired(REAL, SIGNS, constant=True))
_pair("kl_div", paired(REAL, FRACTION, log_target=(False,)), graph="free")
_pair("kl_div.log", paired(REAL, UNIT, log_target=(True,)), graph="free")
_pair("poisson_nll_loss", paired(UNIT, POSITIVE, log_input=(True,), full=(False, True)), graph="free")
_pair(
    "poisson_nll_loss.plain", paired(POSITIVE, POSITIVE, log_input=(False,), full=(False, True), eps=(1e-8, 0.25)),
    graph="free",
)  # fmt: skip
_pair(
    "hinge_embedding_loss", paired(OFF_GRID, SIGNS, constant=True, margin=(1.0, 0.5)), graph="free",
)  # fmt: skip


def gaussian() -> Any:
    """Input, target and a variance, of the same shape or with a last dimension of 1."""

    def draw(b: Builder) -> Drawn:
        first = b.operand(rank=(1, 4))
        second = b.operand(first.shape)
        shape = (*first.shape[:-1], 1) if b.chance(3) else first.shape
        variance = b.operand(shape, domain=POSITIVE)
        return (first, second, variance), {"full": b.chance(2), "reduction": b.pick(REDUCTIONS)}

    return custom(draw, reduced_loss, FUNCTION)


_pair("gaussian_nll_loss", gaussian(), graph="free")


def cross_entropy_shape(b: Builder) -> tuple[Shape, Shape, int]:
    """Shapes of scores and of target classes, and the number of classes."""
    count = b.size((3, 2, 5, 1))
    kind = b.choose(6)
    if kind == 0:
        return ((257, 257), (257,), 257) if b.sizes == "huge" else ((count,), (), count)
    rest: Shape = ((), (), (), (2,), (2, 3))[kind - 1]
    batch = b.extent(ROWS, 66000 // math.prod(rest))
    return (batch, count, *rest), (batch, *rest), count


def nll_shape(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    return ((args[1].shape if attrs["reduction"] == "none" else (), args[0].dtype),)


def scored(smoothing: bool) -> Any:
    """Scores and target classes, perhaps weights and an ignored class."""

    def draw(b: Builder) -> Drawn:
        shape, target, count = cross_entropy_shape(b)
        attrs: dict[str, Any] = {"reduction": b.pick(REDUCTIONS), "ignore_index": b.pick((-100, 0, 1))}
        args = (b.operand(shape), b.operand(target, dtype="int64", domain=classes(count)))
        if b.chance(2):
            attrs["weight"] = b.operand((count,), domain=POSITIVE, grad=False)
        if smoothing:
            attrs["label_smoothing"] = b.pick((0.0, 0.25, 1.0))
        return args, attrs

    return custom(draw, nll_shape, FUNCTION)


_pair("nll_loss", scored(False))
_pair("cross_entropy", scored(True), graph="free")


def soft_targets() -> Any:
    """Scores and class probabilities."""

    def draw(b: Builder) -> Drawn:
        shape, _, count = cross_entropy_shape(b)
        attrs: dict[str, Any] = {"reduction": b.pick(REDUCTIONS), "label_smoothing": b.pick((0.0, 0.25))}
        args = (b.operand(shape), b.operand(shape, domain=FRACTION))
        if b.chance(2):
            attrs["weight"] = b.operand((count,), domain=POSITIVE)
        return args, attrs

    def infer(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
        shape = args[0].shape
        rest = shape[1:] if len(shape) == 1 else (shape[0], *shape[2:])
        return ((rest if attrs["reduction"] == "none" else (), args[0].dtype),)

    return custom(draw, infer, FUNCTION)


_pair("cross_entropy.probabilities", soft_targets(), graph="free")


def linear_scores() -> Any:
    """Features, a weight and perhaps a bias, and target classes."""

    def draw(b: Builder) -> Drawn:
        # Many of each: PyTorch adds up thousands of rows one by one.
        rows, features, count = b.extent(ROWS, 257), b.many((2, 1, 3), 256), b.many((3, 2, 5), 258)
        args = (b.operand((rows, features)), b.operand((count, features)))
        target = b.operand((rows,), dtype="int64", domain=classes(count))
        attrs: dict[str, Any] = {"reduction": b.pick(REDUCTIONS)}
        if b.chance(2):
            attrs["linear_bias"] = b.operand((count,))
        return (*args, target), attrs

    def infer(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
        return ((args[2].shape if attrs["reduction"] == "none" else (), args[0].dtype),)

    return custom(draw, infer, FUNCTION)


_pair("linear_cross_entropy", linear_scores(), graph="free")


def binary(domain: Domain, logits: bool) -> Any:
    """Answers and targets in [0, 1], perhaps weights."""

    def draw(b: Builder) -> Drawn:
        first = b.operand(domain=domain)
        second = b.operand(first.shape, domain=FRACTION)
        attrs: dict[str, Any] = {"reduction": b.pick(REDUCTIONS)}
        if b.chance(2):
            attrs["weight"] = b.operand(first.shape[-1:], domain=POSITIVE, grad=False)
        if logits and b.chance(2):
            attrs["pos_weight"] = b.operand(first.shape[-1:], domain=POSITIVE, grad=False)
        return (first, second), attrs

    return custom(draw, reduced_loss, FUNCTION)


_pair("binary_cross_entropy", binary(FRACTION, False))
_pair("binary_cross_entropy_with_logits", binary(REAL, True))


def _labelled(b: Builder) -> int:
    return b.extent(ROWS, 65537)


def _classified(b: Builder) -> int:
    """PyTorch adds up thousands of rows one by one, and of none it returns what the memory held."""
    return b.size(ROWS) if b.sizes == "edge" else b.many(ROWS, 257)


def by_class(labels: bool, **options: Any) -> Any:
    """Scores (N, C) or (C) and a class for each row, or (`labels`) a list of classes ended by -1."""

    def draw(b: Builder) -> Drawn:
        count = b.many((3, 2, 5), 3 if labels else 258)
        is_row = b.chance(4) and b.sizes != "huge"
        shape = (count,) if is_row else (_labelled(b) if labels else _classified(b), count)
        domain = Domain(f"labels{count}", (-1.0, *classes(count).values), -1, count - 1, jitter=False)
        target = b.operand(shape if labels else shape[:-1], dtype="int64", domain=domain if labels else classes(count))
        attrs = {"reduction": b.pick(REDUCTIONS), **draw_options(b, options)}
        scores = b.operand(shape, domain=OFF_GRID)
        if not labels and b.chance(2):
            attrs["weight"] = b.operand((count,), domain=POSITIVE, grad=False)
        return (scores, target), attrs

    return custom(draw, by_row, FUNCTION)


_pair("multi_margin_loss", by_class(False, p=(1, 2), margin=(1.0, 0.75)), dtypes=WIDE, twice=False, forward=False)
_pair("multilabel_margin_loss", by_class(True), dtypes=WIDE, twice=False, forward=False)


def multilabel() -> Any:
    """Scores and labels in [0, 1] for each class, perhaps weights."""

    def draw(b: Builder) -> Drawn:
        first = b.operand(rank=(1, 3))
        attrs: dict[str, Any] = {"reduction": b.pick(REDUCTIONS)}
        second = b.operand(first.shape, domain=FRACTION)
        if b.chance(2):
            attrs["weight"] = b.operand(first.shape[-1:], domain=POSITIVE)
        return (first, second), attrs

    return custom(draw, by_row, FUNCTION)


_pair("multilabel_soft_margin_loss", multilabel(), graph="free")


def vectors(count: int, target: bool, **options: Any) -> Any:
    """Several batches of vectors, perhaps a sign for each pair."""

    def draw(b: Builder) -> Drawn:
        shape = (b.extent(ROWS, 65537), b.size((2, 3, 5)))
        args = [b.operand(shape, domain=OFF_GRID) for _ in range(count)]
        if target:
            args.append(b.operand(shape[:1], domain=SIGNS, grad=False))
        return tuple(args), {"reduction": b.pick(REDUCTIONS), **draw_options(b, options)}

    return custom(draw, by_row, FUNCTION)


_pair("cosine_embedding_loss", vectors(2, True, margin=(0.0, 0.25)), graph="free")
_pair("triplet_margin_loss", vectors(3, False, margin=(1.0, 0.5), p=(2.0, 1.0, 3.0), swap=(False, True)), graph="free")
_pair("triplet_margin_with_distance_loss", vectors(3, False, margin=(1.0, 0.5), swap=(False, True)), graph="free")


def ranked() -> Any:
    """Two inputs and a sign, all of one shape."""

    def draw(b: Builder) -> Drawn:
        first = b.operand(domain=OFF_GRID)
        second = b.operand(first.shape, domain=NONZERO)
        signs = b.operand(first.shape, domain=SIGNS, grad=False)
        return (first, second, signs), {"reduction": b.pick(REDUCTIONS), "margin": b.pick((0.0, 0.5))}

    return custom(draw, reduced_loss, FUNCTION)


_pair("margin_ranking_loss", ranked(), graph="free")


def alignments() -> Any:
    """Normalised log-probabilities (T, N, C), labels and lengths."""

    def draw(b: Builder) -> Drawn:
        frames, batch, count = b.size((4, 3, 6)), b.extent((1, 2, 3), 11000), b.pick((3, 4, 2))
        logs = b.call("log_softmax", b.operand((frames, batch, count)), dim=2)
        longest = b.pick((1, 2))
        labels = Domain(
            f"labels from 1 to {count}", tuple(float(k) for k in range(1, count)), 1, count - 1, jitter=False
        )
        targets = b.operand((batch, longest), dtype="int64", domain=labels)
        lengths = tuple(b.integer(0, longest) for _ in range(batch))
        frames_used = tuple(b.integer(1, frames) for _ in range(batch))
        attrs = {"input_lengths": frames_used, "target_lengths": lengths, "blank": 0}
        return (logs, targets), {**attrs, "reduction": b.pick(REDUCTIONS), "zero_infinity": b.chance(2)}

    def infer(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
        return ((args[0].shape[1:2] if attrs["reduction"] == "none" else (), args[0].dtype),)

    return custom(draw, infer, FUNCTION)


_pair("ctc_loss", alignments(), dtypes=WIDE, twice=False, graph="free", forward=False)
