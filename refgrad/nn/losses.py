"""Losses as modules: each calls the function of its name with its options."""

from __future__ import annotations

from typing import Any

from . import functional as F
from .module import Module


class _Loss(Module):
    function: str
    defaults: dict[str, Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        if len(args) > len(self.defaults) or kwargs.keys() - self.defaults.keys():
            raise TypeError(f"{type(self).__name__}() takes {', '.join(self.defaults)}, and got {args} {kwargs}")
        options = {**self.defaults, **dict(zip(self.defaults, args)), **kwargs}
        for name, value in options.items():
            if name in ("weight", "pos_weight"):
                self.register_buffer(name, value)
            elif name not in ("size_average", "reduce"):
                setattr(self, name, value)
        if options.get("size_average") is not None or options.get("reduce") is not None:
            from ..ops.loss import reduction_name

            self.reduction = reduction_name(options.get("size_average"), options.get("reduce"), self.reduction)

    def forward(self, *tensors: Any) -> Any:
        options = {n: getattr(self, n) for n in self.defaults if n not in ("size_average", "reduce")}
        return getattr(F, self.function)(*tensors, **options)


_OLD: dict[str, Any] = {"size_average": None, "reduce": None, "reduction": "mean"}


def _loss(name: str, function: str, **defaults: Any) -> type[Module]:
    text = f"nn.functional.{function} as a module. Source: torch.nn.{name}."
    members = {"function": function, "defaults": defaults, "__doc__": text, "__module__": __name__}
    return type(name, (_Loss,), members)


L1Loss = _loss("L1Loss", "l1_loss", **_OLD)
MSELoss = _loss("MSELoss", "mse_loss", **_OLD)
SmoothL1Loss = _loss("SmoothL1Loss", "smooth_l1_loss", **_OLD, beta=1.0)
HuberLoss = _loss("HuberLoss", "huber_loss", reduction="mean", delta=1.0)
NLLLoss = _loss("NLLLoss", "nll_loss", weight=None, size_average=None, ignore_index=-100, reduce=None, reduction="mean")
CrossEntropyLoss = _loss(
    "CrossEntropyLoss", "cross_entropy", weight=None, size_average=None, ignore_index=-100, reduce=None,
    reduction="mean", label_smoothing=0.0,
)  # fmt: skip
BCELoss = _loss("BCELoss", "binary_cross_entropy", weight=None, **_OLD)
BCEWithLogitsLoss = _loss("BCEWithLogitsLoss", "binary_cross_entropy_with_logits", weight=None, **_OLD, pos_weight=None)
KLDivLoss = _loss("KLDivLoss", "kl_div", **_OLD, log_target=False)
PoissonNLLLoss = _loss(
    "PoissonNLLLoss", "poisson_nll_loss", log_input=True, full=False, size_average=None, eps=1e-08, reduce=None,
    reduction="mean",
)  # fmt: skip
GaussianNLLLoss = _loss("GaussianNLLLoss", "gaussian_nll_loss", full=False, eps=1e-06, reduction="mean")
HingeEmbeddingLoss = _loss("HingeEmbeddingLoss", "hinge_embedding_loss", margin=1.0, **_OLD)
MarginRankingLoss = _loss("MarginRankingLoss", "margin_ranking_loss", margin=0.0, **_OLD)
CosineEmbeddingLoss = _loss("CosineEmbeddingLoss", "cosine_embedding_loss", margin=0.0, **_OLD)
SoftMarginLoss = _loss("SoftMarginLoss", "soft_margin_loss", **_OLD)
MultiMarginLoss = _loss("MultiMarginLoss", "multi_margin_loss", p=1, margin=1.0, weight=None, **_OLD)
MultiLabelMarginLoss = _loss("MultiLabelMarginLoss", "multilabel_margin_loss", **_OLD)
MultiLabelSoftMarginLoss = _loss("MultiLabelSoftMarginLoss", "multilabel_soft_margin_loss", weight=None, **_OLD)
TripletMarginLoss = _loss("TripletMarginLoss", "triplet_margin_loss", margin=1.0, p=2.0, eps=1e-06, swap=False, **_OLD)
TripletMarginWithDistanceLoss = _loss(
    "TripletMarginWithDistanceLoss", "triplet_margin_with_distance_loss", distance_function=None, margin=1.0,
    swap=False, reduction="mean",
)  # fmt: skip
CTCLoss = _loss("CTCLoss", "ctc_loss", blank=0, reduction="mean", zero_infinity=False)

__all__ = [
    name
    for name, value in list(globals().items())
    if isinstance(value, type) and name[0] != "_" and name != "Module" and name != "Any"
]
