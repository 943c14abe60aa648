"""Images resized in every mode, and sampled at points with modes given as numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import operator
from .arguments import Drawn, custom
from .window import SPACES, resized, sampled, weighable

if TYPE_CHECKING:
    from ..drawing.build import Builder

FUNCTION = ("function",)
EVERY_MODE = {
    1: ("nearest", "linear", "area", "nearest-exact"),
    2: ("nearest", "bilinear", "bicubic", "area", "nearest-exact"),
    3: ("nearest", "trilinear", "area", "nearest-exact"),
}
SMOOTH = ("linear", "bilinear", "bicubic", "trilinear")


def _resized(b: Builder) -> Drawn:
    """A size, or a factor that is recomputed from the size it gives or not; one for all dimensions or one for each."""
    dims = b.pick((2, 1, 3))
    mode = b.pick(EVERY_MODE[dims])
    x = b.operand(b.grown((b.pick((1, 2)), b.pick((1, 2)), *b.pick(SPACES[dims]))))
    attrs: dict[str, Any] = {"mode": mode, "align_corners": bool(b.choose(2)) if mode in SMOOTH else None}
    if b.chance(2):
        attrs["scale_factor"] = b.pick((2.0, 1.5, 0.5, 0.75))
        attrs["recompute_scale_factor"] = b.pick((None, True, False))
    else:
        attrs["size"] = b.pick((3, 2, 5)) if b.chance(3) else tuple(b.pick((3, 2, 5, 7, 1)) for _ in range(dims))
        attrs["antialias"] = mode in ("bilinear", "bicubic") and b.chance(3)
        if attrs["antialias"] and isinstance(attrs["size"], tuple):
            attrs["size"] = weighable(b, attrs["size"])
    return (x,), attrs


def _resized_shape(args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    return resized(len(args[0].shape) - 2)(args, attrs)


operator("nn.functional.interpolate", custom(_resized, _resized_shape, FUNCTION), graph="free")


def _numbered(dims: int, modes: int) -> Any:
    names = ("bilinear", "nearest", "bicubic")[:modes]
    paddings = ("zeros", "border", "reflection")
    words = sampled(dims, names)

    def draw(b: Builder) -> Drawn:
        args, attrs = words.draw(b)
        numbers = names.index(attrs["mode"]), paddings.index(attrs["padding_mode"])
        return (*args, *numbers, attrs["align_corners"]), {}

    return custom(draw, words.infer, FUNCTION)


for _dims, _modes in ((2, 3), (3, 2)):
    operator(
        f"grid_sampler_{_dims}d", _numbered(_dims, _modes), dtypes=("float64", "float32"), forward=False,
    )  # fmt: skip
