"""refgrad.func: transforms of functions. Source: torch.func."""

from .batching import debug_unwrap, vmap
from .forward import hessian, jacfwd, jvp, linearize
from .modules import functional_call, functionalize, replace_all_batch_norm_modules_, stack_module_state
from .rearranging import rearrange
from .reverse import grad, grad_and_value, jacrev, vjp

__all__ = [
    "debug_unwrap",
    "functional_call",
    "functionalize",
    "grad",
    "grad_and_value",
    "hessian",
    "jacfwd",
    "jacrev",
    "jvp",
    "linearize",
    "rearrange",
    "replace_all_batch_norm_modules_",
    "stack_module_state",
    "vjp",
    "vmap",
]
