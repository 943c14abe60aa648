"""refgrad.func: transforms of functions. Source: torch.func."""

from .batching import vmap
from .forward import hessian, jacfwd, jvp, linearize
from .modules import functional_call, functionalize, stack_module_state
from .reverse import grad, grad_and_value, jacrev, vjp

__all__ = [
    "functional_call",
    "functionalize",
    "grad",
    "grad_and_value",
    "hessian",
    "jacfwd",
    "jacrev",
    "jvp",
    "linearize",
    "stack_module_state",
    "vjp",
    "vmap",
]
