"""A row for each family of operators: forward and backward at a common size, against PyTorch, on one thread.

python -m benchmarks.families              # all rows
python -m benchmarks.families conv2d svd   # some
python -m benchmarks.families --cpu        # the process's CPU time, for a machine that others use
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from .ratios import Step, ratio

LIMIT, ROUNDS = 4.0, 7
"""PyTorch's kernels are compiled and vectorised by hand: so many times their time is the bar of a row."""
Arrays = tuple[np.ndarray, ...]
Loss = Callable[..., Any]


def _spread(*shape: int) -> np.ndarray:
    """Numbers of every size up to 1, the same each time."""
    return np.random.default_rng(sum(shape)).uniform(-1, 1, shape).astype(np.float32)


def _places(below: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(below).integers(0, below, shape)


def _spd(n: int) -> np.ndarray:
    a = _spread(n, n)
    return (a @ a.T + n * np.eye(n)).astype(np.float32)


# fmt: off
ROWS: dict[str, tuple[Loss, Callable[[], Arrays]]] = {
    "pointwise: gelu": (lambda t, x: t.nn.functional.gelu(x), lambda: (_spread(256, 1024),)),
    "special: erf, lgamma": (lambda t, x: t.erf(x) + t.lgamma(x + 2), lambda: (_spread(256, 256),)),
    "reduce: logsumexp": (lambda t, x: t.logsumexp(x, 1), lambda: (_spread(256, 1024),)),
    "reduce: var": (lambda t, x: t.var(x, 1), lambda: (_spread(256, 1024),)),
    "scan: cumsum": (lambda t, x: t.cumsum(x, 1), lambda: (_spread(256, 1024),)),
    "scan: cumprod": (lambda t, x: t.cumprod(x + 1.5, 1), lambda: (_spread(256, 64),)),
    "order: sort": (lambda t, x: t.sort(x, 1).values, lambda: (_spread(256, 256),)),
    "order: topk": (lambda t, x: t.topk(x, 8, 1).values, lambda: (_spread(256, 256),)),
    "index: scatter_add": (
        lambda t, x, y, i: t.scatter_add(x, 0, i, y), lambda: (_spread(64, 256), _spread(512, 256), _places(64, 512, 256)),
    ),
    "index: scatter": (
        lambda t, x, y, i: t.scatter(x, 0, i, y), lambda: (_spread(64, 256), _spread(64, 256), _places(64, 64, 256)),
    ),
    "index: gather": (lambda t, x, i: t.gather(x, 1, i), lambda: (_spread(256, 512), _places(512, 256, 256))),
    "index: x[i]": (lambda t, x, i: x[i], lambda: (_spread(1024, 64), _places(1024, 4096))),
    "index: index_add": (
        lambda t, x, y, i: t.index_add(x, 0, i, y), lambda: (_spread(128, 64), _spread(4096, 64), _places(128, 4096)),
    ),
    "join: cat": (lambda t, x, y: t.cat((x, y), 1), lambda: (_spread(256, 512), _spread(256, 512))),
    "linalg: matmul": (lambda t, x, y: x @ y, lambda: (_spread(256, 256), _spread(256, 256))),
    "linalg: einsum": (lambda t, x, y: t.einsum("bij,bjk->bik", x, y), lambda: (_spread(32, 64, 64), _spread(32, 64, 64))),
    "linalg: svd": (lambda t, x: t.linalg.svd(x, full_matrices=False).S, lambda: (_spread(64, 48),)),
    "linalg: svd of a batch": (lambda t, x: t.linalg.svdvals(x), lambda: (_spread(128, 8, 8),)),
    "linalg: cholesky": (lambda t, x: t.linalg.cholesky(x), lambda: (_spd(128),)),
    "linalg: solve": (lambda t, x, y: t.linalg.solve(x, y), lambda: (_spd(128), _spread(128, 16))),
    "linalg: eigh": (lambda t, x: t.linalg.eigh(x).eigenvalues, lambda: (_spd(64),)),
    "fft: rfft": (lambda t, x: t.fft.rfft(x).abs(), lambda: (_spread(64, 1024),)),
    "activation: softmax": (lambda t, x: t.softmax(x, 1), lambda: (_spread(256, 1024),)),
    "normalise: layer_norm": (
        lambda t, x, w, b: t.nn.functional.layer_norm(x, (512,), w, b),
        lambda: (_spread(256, 512), _spread(512), _spread(512)),
    ),
    "normalise: batch_norm": (
        lambda t, x, w, b: t.nn.functional.batch_norm(x, None, None, w, b, True),
        lambda: (_spread(16, 32, 16, 16), _spread(32), _spread(32)),
    ),
    "loss: cross_entropy": (
        lambda t, x, i: t.nn.functional.cross_entropy(x, i), lambda: (_spread(256, 1000), _places(1000, 256)),
    ),
    "loss: mse_loss": (lambda t, x, y: t.nn.functional.mse_loss(x, y), lambda: (_spread(256, 512), _spread(256, 512))),
    "window: conv2d": (
        lambda t, x, w, b: t.nn.functional.conv2d(x, w, b, padding=1),
        lambda: (_spread(8, 16, 32, 32), _spread(32, 16, 3, 3), _spread(32)),
    ),
    "window: conv2d, strided, grouped": (
        lambda t, x, w: t.nn.functional.conv2d(x, w, stride=2, groups=4),
        lambda: (_spread(8, 16, 32, 32), _spread(32, 4, 3, 3)),
    ),
    "window: conv_transpose2d": (
        lambda t, x, w: t.nn.functional.conv_transpose2d(x, w, stride=2),
        lambda: (_spread(4, 16, 16, 16), _spread(16, 16, 3, 3)),
    ),
    "window: max_pool2d": (lambda t, x: t.nn.functional.max_pool2d(x, 2), lambda: (_spread(8, 16, 32, 32),)),
    "window: avg_pool2d": (lambda t, x: t.nn.functional.avg_pool2d(x, 2), lambda: (_spread(8, 16, 32, 32),)),
    "window: attention": (
        lambda t, q, k, v: t.nn.functional.scaled_dot_product_attention(q, k, v),
        lambda: (_spread(2, 4, 128, 32), _spread(2, 4, 128, 32), _spread(2, 4, 128, 32)),
    ),
    "image: interpolate": (
        lambda t, x: t.nn.functional.interpolate(x, scale_factor=2, mode="bilinear"), lambda: (_spread(4, 8, 32, 32),),
    ),
    "image: embedding": (
        lambda t, w, i: t.nn.functional.embedding(i, w), lambda: (_spread(1000, 64), _places(1000, 32, 64)),
    ),
    "image: pad": (lambda t, x: t.nn.functional.pad(x, (1, 1, 1, 1), mode="reflect"), lambda: (_spread(8, 16, 32, 32),)),
}
# fmt: on


def step(torch: Any, name: str) -> Step:
    """A row's forward and backward on an engine, from the same data and the same cotangent."""
    run, make = ROWS[name]
    given = [torch.tensor(array) for array in make()]
    for tensor in given:
        tensor.requires_grad_(tensor.is_floating_point())
    leaves = [tensor for tensor in given if tensor.requires_grad]
    seed = torch.ones_like(run(torch, *given))

    def both() -> None:
        torch.autograd.grad(run(torch, *given), leaves, seed)

    return both


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="parts of the names of rows")
    parser.add_argument("--cpu", action="store_true", help="the process's CPU time instead of wall time")
    options = parser.parse_args()
    clock = time.process_time if options.cpu else time.perf_counter
    refgrad, torch = importlib.import_module("refgrad"), importlib.import_module("torch")
    torch.set_num_threads(1)
    missed = 0
    for name in ROWS:
        if options.names and not any(part in name for part in options.names):
            continue
        found, mine, theirs = ratio(step(refgrad, name), step(torch, name), ROUNDS, clock)
        missed += found > LIMIT
        verdict = "holds" if found <= LIMIT else "MISSED"
        print(f"{name}: {found:.2f} (bar {LIMIT}) {verdict}; {mine * 1e6:.0f} µs and {theirs * 1e6:.0f} µs", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
