"""Clauses of losses and layers at their kinks and extremes, up to the letter l."""

from __future__ import annotations

from typing import Any

from ..drawing.build import Builder
from ..drawing.domains import NONZERO
from ..promises.clause import generate, scenario
from .points import RULES, across, any_of, at, near, plain, point, pull_back
from .seeing import numbers

REDUCTION = any_of("mean", "sum", "none")
INF = float("inf")
ROWS = ((3,), (2,), (2, 2), (5,))


def hinges(b: Builder) -> None:
    shape, margin = b.pick(ROWS), b.pick((1.0, 0.5, 0.0))
    signs = near(-1.0, others=(-1.0, 1.0), grad=False)(b, shape)
    reduction = b.pick(("mean", "sum", "none"))
    if b.chance(2):
        x = near(margin, others=(0.25, 2.0, -1.0))(b, shape)
        options: dict[str, Any] = {"margin": margin, "reduction": reduction}
        pull_back(b, b.call("nn.functional.hinge_embedding_loss", x, signs, **options))
        return
    first, second = near(1.0, others=(1.0, 2.0))(b, shape), near(1.0, others=(1.0, 2.0))(b, shape)
    options = {"margin": b.pick((0.0, 1.0)), "reduction": reduction}
    pull_back(b, b.call("nn.functional.margin_ranking_loss", first, second, signs, **options))


@point(
    "op.hinge-kink",
    "Drift: hinge_embedding_loss and margin_ranking_loss have the slope of their active side at the hinge, not 0.",
    RULES + " rule 2",
)
def test_hinges(check: Any, programs: Any = generate(hinges)) -> None:
    check(programs)


@point("op.bce-saturation", "binary_cross_entropy counts log as at least -100; its gradient is finite at p = 0 and 1.")
def test_saturated(
    check: Any,
    programs: Any = at(
        "nn.functional.binary_cross_entropy", near(0.0, 1.0, others=(0.5, 0.25)),
        near(0.0, 1.0, 0.5, others=(0.25,), grad=False), reduction=REDUCTION, shapes=ROWS,
    ),
) -> None:  # fmt: skip
    check(programs)


@point("op.bce-logits-extremes", "binary_cross_entropy_with_logits is exact and finite for logits of any size.")
def test_logits(
    check: Any,
    programs: Any = at(
        "nn.functional.binary_cross_entropy_with_logits", near(-100.0, 100.0, 1e4, -1e4, 0.0),
        near(0.0, 1.0, 0.5, others=(0.25,)), reduction=REDUCTION, shapes=ROWS,
    ),
) -> None:  # fmt: skip
    check(programs)


def all_ignored(b: Builder) -> None:
    count, classes, ignored = b.integer(1, 3), b.integer(2, 3), b.pick((-100, 0, 1))
    x = plain()(b, (count, classes))
    targets = b.given([ignored] * count, (count,), "int64", requires_grad=False)
    op = b.pick(("cross_entropy", "nll_loss"))
    pull_back(
        b,
        b.call(f"nn.functional.{op}", x, targets, ignore_index=ignored, reduction=b.pick(("mean", "sum", "none"))),
    )


@point("op.cross-entropy-all-ignored", "Where every target is ignored, the mean loss is nan and the gradient 0.")
def test_all_ignored(check: Any, programs: Any = generate(all_ignored)) -> None:
    check(programs)


@point("op.kl-div-zero-target", "kl_div has gradient 0 where the target is 0.")
def test_kl_div(
    check: Any,
    programs: Any = at(
        "nn.functional.kl_div", plain(), near(0.0, others=(0.5, 0.25), grad=False),
        reduction=any_of("mean", "sum", "none", "batchmean"), log_target=False, shapes=ROWS,
    ),
) -> None:  # fmt: skip
    check(programs)


def kept_or_dropped(torch: Any, drawn: Any) -> Any:
    data, p, training = drawn
    x = torch.tensor(data, dtype=torch.float64, requires_grad=True)
    y = torch.nn.functional.dropout(x, p=p, training=training)
    y.sum().backward()
    return y.tolist(), x.grad.tolist(), y.requires_grad


@point("op.dropout-p0-p1", "dropout has gradient 1 with p = 0 or when not training, and 0 with p = 1, never nan.")
def test_kept_or_dropped(
    check: Any,
    drawn: Any = scenario(
        kept_or_dropped,
        lambda b: (numbers(b), *b.pick(((0.0, True), (1.0, True), (0.5, False), (1.0, False)))),
    ),
) -> None:
    check(drawn)


def masked_and_scaled(torch: Any, drawn: Any) -> Any:
    count, p = drawn
    x = torch.full((count,), 3.0, dtype=torch.float64, requires_grad=True)
    y = torch.nn.functional.dropout(x, p=p)
    y.sum().backward()
    kept = (y != 0).to(torch.float64)
    return torch.equal(x.grad, kept / (1 - p)), torch.equal(y.detach(), 3 * x.grad), 0 < kept.sum().item() < count


@point("op.dropout-mask-scaling", "dropout's gradient is the mask of the forward pass over 1 - p.", "F.dropout")
def test_masked_and_scaled(
    check: Any, drawn: Any = scenario(masked_and_scaled, lambda b: (b.integer(200, 400), b.pick((0.5, 0.25, 0.75))))
) -> None:
    check(drawn)


@point(
    "op.interpolate-nearest",
    "Nearest interpolation adds the gradients of the copies; linear interpolation spreads them by weight.",
)
def test_interpolate(
    check: Any,
    programs: Any = across(
        "nn.functional.interpolate.nearest1d", "nn.functional.interpolate.linear1d",
        "nn.functional.interpolate.nearest2d",
    ),
) -> None:  # fmt: skip
    check(programs)


def padded_pool(b: Builder) -> None:
    options: dict[str, Any] = {"kernel_size": b.pick((2, 3)), "stride": b.pick((1, 2)), "padding": 1}
    options |= {"ceil_mode": b.chance(3), "count_include_pad": b.chance(2)}
    if b.chance(2):
        pull_back(b, b.call("nn.functional.avg_pool1d", plain()(b, (1, b.integer(1, 2), b.integer(3, 6))), **options))
    else:
        x = plain()(b, (1, 1, b.integer(3, 4), b.integer(3, 5)))
        pull_back(b, b.call("nn.functional.avg_pool2d", x, **options))


@point(
    "op.avg-pool-padding",
    "avg_pool divides by the size of the window with its padding, unless count_include_pad is False.",
)
def test_padded_pool(check: Any, programs: Any = generate(padded_pool)) -> None:
    check(programs)


def constant_rows(b: Builder) -> None:
    rows, width = b.integer(1, 3), b.integer(2, 4)
    x = b.given([v for _ in range(rows) for v in [b.pick((1.0, 0.0, -2.0))] * width], (rows, width))
    options: dict[str, Any] = {"normalized_shape": (width,), "eps": b.pick((1e-5, 0.25))}
    if b.chance(2):
        options["weight"] = b.leaf((width,), domain=NONZERO, layout="contiguous")
    pull_back(b, b.call("nn.functional.layer_norm", x, **options))


@point("op.layer-norm-constant", "layer_norm of a constant row scales gradients by 1 / sqrt(eps).")
def test_constant_rows(check: Any, programs: Any = generate(constant_rows)) -> None:
    check(programs)


def sampled(b: Builder) -> None:
    """Places that are exact in every dtype: quarters of cells, some outside of the image."""
    rows, columns = b.pick((3, 5)), b.pick((3, 5))
    image = plain(NONZERO)(b, (1, b.integer(1, 2), rows, columns))
    height, width = b.integer(1, 2), b.integer(1, 2)
    grid = [b.integer(-5, 5) / 4 + b.pick((0.0, 0.0625)) for _ in range(2 * height * width)]
    options = {"mode": b.pick(("bilinear", "nearest")), "padding_mode": b.pick(("zeros", "border", "reflection"))}
    places = b.given(grid, (1, height, width, 2))
    pull_back(b, b.call("nn.functional.grid_sample", image, places, **options, align_corners=b.chance(2)))


@point("op.grid-sample", "grid_sample has gradients for the image, by its weights, and for the grid.")
def test_grid_sample(check: Any, programs: Any = generate(sampled)) -> None:
    check(programs)


def straight_through(torch: Any, drawn: Any) -> Any:
    data, weights, tau, hard = drawn
    x = torch.tensor(data, dtype=torch.float64, requires_grad=True)
    w = torch.tensor(weights, dtype=torch.float64)
    y = torch.nn.functional.gumbel_softmax(x, tau=tau, hard=hard)
    (y * w).sum().backward()
    one_hot = sorted(round(v, 12) for v in y.detach().tolist()) == [0.0] * (len(data) - 1) + [1.0]
    # A softmax's gradient sums to zero; a constant's would be zero itself.
    return one_hot, round(y.sum().item(), 9), abs(x.grad.sum().item()) < 1e-9, bool((x.grad != 0).any())


def sampled_from(b: Builder) -> tuple[list[float], list[float], float, bool]:
    """Logits, weights no two of which are the same, a temperature, and whether the sample is hard."""
    count = b.integer(2, 6)
    logits = [b.integer(-8, 8) / 4 for _ in range(count)]
    return logits, [b.integer(1, 4) / 4 + 2 * k for k in range(count)], b.pick((1.0, 2.0)), b.chance(2)


@point(
    "op.gumbel-softmax-hard",
    "gumbel_softmax(hard=True) is one-hot and has the gradient of the soft sample.",
    "F.gumbel_softmax",
)
def test_straight_through(check: Any, drawn: Any = scenario(straight_through, sampled_from)) -> None:
    check(drawn)
