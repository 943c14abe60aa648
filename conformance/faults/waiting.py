"""Real faults of the inventory that are not planted yet, and what each waits for."""

from __future__ import annotations

WAITING: dict[str, str] = {
    # PyTorch has the fault itself, so only a law or the arbiter could catch it.
    "normalize_1e12": "blind = oracle: PyTorch's own slope at the zero vector",
    "renorm_maxnorm0": "blind = oracle: PyTorch passes the gradient through where maxnorm is 0",
    "norm_hessian0": "blind = oracle: PyTorch's second derivative of a norm at 0",
    "cumprod_nested_jvp": "blind = oracle: PyTorch's nested forward mode of cumprod",
    "det_nested_jvp": "blind = oracle: PyTorch's derivative of det's forward mode",
    # An operator, a kind of data or a behaviour that programs don't have yet.
    "svd_degenerate_jax": "singular vectors with equal singular values",
    "det_clustered": "matrices with clustered singular values",
    "complex_abs_tiny": "complex numbers near the smallest",
    "max_f16_count": "more than 2048 ties in float16",
    "scan_closed_over": "a scan over steps that share a parameter",
    "index_put_dup": "no promise: which of repeated writes stays is undefined",
    "rrelu_checkpoint": "random operators under a checkpoint",
    "checkpoint_rng_olmo": "random operators whose draw both engines share",
    "version_resize": "resize_ in programs",
    "module_hook_grad_input": "modules' backward hooks",
    "full_bw_hook_order": "modules' backward hooks",
    "no_grad_thread": "clauses of threads",
    "inference_mode_func": "transforms inside inference mode",
    "warp_alias": "rebinding of names in a branch: Python's own affair on a torch-like engine",
    "setitem_double_assign_tg": "a lazy engine: refgrad has no assignment nodes",
    # Expressible; how to plant it in refgrad is still to be written.
    "grid_sample_border": "a kernel for the border of grid_sample",
    "avgpool_ceil": "a wrong divisor in avg_pool's last window",
    "avgpool_ceil_burn": "the same with count_include_pad",
    "adaptive_pool_paddle": "a constant window in adaptive_avg_pool's gradient",
    "einsum_mxnet": "einsum's own sums over dimensions of size 1",
    "scatter_reduce_ties": "tie counts of scatter_reduce",
    "create_graph_zero": "an error for the gradient of a constant gradient",
    "tf_cached_constant": "equal constants that share a node",
    "mark_dirty_ignored": "a mutated input of a custom Function that keeps its old node",
    "as_strided_expand": "overlapping memory in as_strided's gradient",
    "setitem_mygrad": "a node's place in the order kept by an assignment",
    "checkpoint_inplace_view": "the node of a checkpoint that is skipped",
    "view_dynamic_gradfn": "hooks on a view whose history is made again",
}
