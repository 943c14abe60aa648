"""JAX's numerical check of gradients, put to another engine: its function, its vector-Jacobian product."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def check_grads(engine: Any, function: Callable[..., Any], inputs: list[Any]) -> None:
    """What ``jax.test_util.check_grads`` does in reverse mode at order 1, with its tolerances. Raises AssertionError
    where the engine's gradient is not the numerical one."""
    import jax
    from jax.test_util import check_vjp  # type: ignore[import-not-found]

    jax.config.update("jax_enable_x64", True)

    def value(*arrays: Any) -> Any:
        return tuple(engine.array(out.detach()) for out in _outputs(function, _leaves(engine, arrays)))

    def value_and_pull(*arrays: Any) -> Any:
        leaves = _leaves(engine, arrays)
        outputs = _outputs(function, leaves)

        def pull(given: Any) -> Any:
            seeds = [engine.ns.tensor(np.asarray(g)) for g in given]
            found = engine.ns.autograd.grad(outputs, leaves, seeds, allow_unused=True)
            return tuple(np.zeros_like(a) if g is None else engine.array(g) for g, a in zip(found, arrays))

        return tuple(engine.array(out.detach()) for out in outputs), pull

    arrays = tuple(np.array(engine.array(x.detach())) for x in inputs)
    check_vjp(value, value_and_pull, arrays)


def _leaves(engine: Any, arrays: Any) -> list[Any]:
    return [engine.ns.tensor(np.asarray(a)).requires_grad_() for a in arrays]


def _outputs(function: Callable[..., Any], leaves: list[Any]) -> tuple[Any, ...]:
    found = function(*leaves)
    return found if isinstance(found, tuple) else (found,)
