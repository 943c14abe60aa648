"""refgrad: an executable specification of PyTorch's autograd, in NumPy. Use it as `import refgrad as torch`."""

from math import e, inf, nan, pi
from typing import Any

from . import _views  # installs view history before rows are made
from ._dtypes import (
    bfloat16,
    bool_,
    can_cast,
    complex64,
    complex128,
    dtype,
    float16,
    float32,
    float64,
    get_default_dtype,
    int8,
    int16,
    int32,
    int64,
    promote_types,
    set_default_dtype,
    uint8,
)
from ._formats import channels_last, channels_last_3d, contiguous_format, memory_format, preserve_format
from ._modes import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from . import ops
from . import _drawing  # a tensor shows its graph in a notebook
from ._errors import is_warn_always_enabled, set_warn_always
from ._op import PUBLIC
from ._out import NAMES as OUT_NAMES
from ._out import taking_out
from ._tensor import Size, Tensor, device

__version__ = "0.1.0"
half, double, cfloat, cdouble = float16, float64, complex64, complex128
short, long = int16, int64
strided = "torch.strided"

for _name, _function in PUBLIC.items():
    if "." not in _name:
        globals()[_name] = taking_out(_name, _function) if _name in OUT_NAMES else _function
globals().update({"bool": bool_, "float": float32, "int": int32})

from . import autograd, fft, func, linalg, masked, nn, optim, random, special, utils
from .serialization import load, save
from .autograd.anomaly_mode import is_anomaly_check_nan_enabled, is_anomaly_enabled


def __getattr__(name: str) -> Any:
    raise AttributeError(f"refgrad has no {name!r}; `refgrad.PUBLIC` lists the {len(PUBLIC)} operators that it has")
