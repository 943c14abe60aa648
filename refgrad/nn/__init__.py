"""refgrad.nn: modules, parameters and functions of neural networks. Source: torch.nn."""

from __future__ import annotations

from . import functional, init, parameter, utils
from .activations import *  # noqa: F403
from .container import ModuleDict, ModuleList, ParameterList, Sequential
from .layers import (
    BatchNorm1d,
    BatchNorm2d,
    BatchNorm3d,
    Bilinear,
    Embedding,
    GroupNorm,
    Identity,
    LayerNorm,
    Linear,
    RMSNorm,
)
from .losses import *  # noqa: F403
from .module import Module
from .parameter import Parameter

__all__ = [name for name in globals() if name[0] != "_" and name != "annotations"]
