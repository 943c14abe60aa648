"""The modules of PyTorch's autograd whose documented names refgrad has, and clauses use."""

MODULES = (
    "autograd",
    "autograd.anomaly_mode",
    "autograd.forward_ad",
    "autograd.function",
    "autograd.functional",
    "autograd.grad_mode",
    "autograd.gradcheck",
    "autograd.graph",
    "autograd.variable",
    "func",
    "utils.checkpoint",
)
