"""gradcheck and gradgradcheck: derivatives against central differences.
Source: torch.autograd.gradcheck, notes/gradcheck. Trap: central differences see the mean slope at a kink."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._modes import enable_grad
from .._tensor import Tensor, plain
from . import gradcheck_texts as texts
from .backward import grad
from .jacobian_matrices import get_analytical_jacobian as get_analytical_jacobian
from .jacobian_matrices import get_numerical_jacobian as get_numerical_jacobian
from .jacobian_matrices import get_numerical_jacobian_wrt_specific_input as get_numerical_jacobian_wrt_specific_input
from .jacobians import analytical, numerical, pulled, pushed, slope, undefined


class GradcheckError(RuntimeError):
    """gradcheck found a difference."""


@dataclass(frozen=True, slots=True)
class Check:
    """One call of gradcheck: the function, its arguments, and how it is judged."""

    func: Callable[..., Any]
    args: tuple[Any, ...]
    eps: float
    atol: float
    rtol: float
    nondet_tol: float
    is_fast: bool

    @property
    def inputs(self) -> list[Tensor]:
        return [a for a in self.args if isinstance(a, Tensor) and a.requires_grad]

    def outputs(self) -> list[Tensor]:
        """The outputs that can be differentiated."""
        with enable_grad():
            return [o for o in many(self.func(*self.args)) if o.requires_grad]

    def evaluate(self, places: Sequence[int]) -> Callable[[], list[Tensor]]:
        def run() -> list[Tensor]:
            found = many(self.func(*self.args))
            return [found[k] for k in places]

        return run

    def agrees(self, found: Any, expected: Any, scale: float = 1.0) -> bool:
        """Whether two arrays agree within atol + rtol·|expected|."""
        a, b = np.asarray(found), np.asarray(expected)
        return bool(np.all(np.abs(a - b) <= self.atol * scale + self.rtol * np.abs(b)))


def many(given: Any) -> tuple[Any, ...]:
    return tuple(given) if isinstance(given, (tuple, list)) else (given,)


def _parts(dtype: np.dtype) -> list[tuple[str, complex, Callable[[np.ndarray], np.ndarray]]]:
    """The real-valued functions that an output is: its imaginary and real parts, or itself."""
    if dtype.kind == "c":
        return [("imaginary", 1j, np.imag), ("real", 1, np.real)]
    return [("", 1, np.real)]


def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Whether the derivatives of func at double-precision inputs agree with central differences.
    Source: torch.autograd.gradcheck. Raises GradcheckError at a difference (or returns False, without raise_exception)."""
    if not check_forward_ad and not check_backward_ad:
        raise AssertionError("Expected at least one of check_forward_ad or check_backward_ad to be True")
    if check_batched_grad and not check_backward_ad:
        raise AssertionError("Setting check_batched_grad=True requires check_backward_ad to be True")
    if check_batched_forward_grad and not check_forward_ad:
        raise AssertionError("Setting check_batched_forward_grad=True requires check_forward_ad to be True")
    check = Check(func, many(inputs), eps, atol, rtol, nondet_tol, fast_mode)
    _check_inputs(check)
    try:
        _run(check, check_forward_ad, check_backward_ad, check_undefined_grad, check_batched_grad, check_grad_dtypes)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def _check_inputs(check: Check) -> None:
    some = False
    for k, t in enumerate(check.args):
        if not isinstance(t, Tensor) or not t.requires_grad:
            continue
        some = True
        if t._array.dtype.itemsize // (2 if t.is_complex() else 1) != 8:
            warnings.warn(texts.SINGLE.format(k), UserWarning, stacklevel=3)
        if any(s == 0 and n > 1 for s, n in zip(t._array.strides, t._array.shape)):
            raise RuntimeError(texts.OVERLAP.format(k))
        if t._edge is not None:
            t.retain_grad()  # type: ignore[attr-defined]
    if not some:
        raise ValueError(texts.NO_INPUT)


def _run(check: Check, forward: bool, backward: bool, undefined_grad: bool, batched: bool, dtypes: bool) -> None:
    all_outputs = many(check.func(*check.args))
    places = [k for k, o in enumerate(all_outputs) if o.requires_grad]
    outputs = [all_outputs[k] for k in places]
    if not outputs:
        _check_constant(check, all_outputs)
        return
    if forward:
        _check_forward(check, all_outputs)
    if not backward:
        return
    for nr, place in enumerate(places):
        _check_output(check, nr, place, outputs[nr])
    if batched:
        _check_batched(check, outputs)
    _check_multiplied(check, outputs, dtypes)
    if undefined_grad:
        _check_undefined(check, outputs)


def _check_constant(check: Check, outputs: Sequence[Any]) -> None:
    places = [k for k, o in enumerate(outputs) if isinstance(o, Tensor) and o._array.dtype.kind not in "iub"]
    for x in check.inputs:
        for part in (np.real, np.imag):
            for found in numerical(check.evaluate(places), x, check.eps, part):
                if not check.agrees(found, 0):
                    raise GradcheckError("Numerical gradient for function expected to be zero")


def _directions(check: Check, x: Tensor) -> np.ndarray:
    """A random unit direction, the same in each run."""
    rng = np.random.default_rng(x.numel())
    u = rng.uniform(0.1, 1.0, x.numel())
    if x._array.dtype.kind == "c":
        u = u + 1j * rng.uniform(0.1, 1.0, x.numel())
    return u / (np.linalg.norm(u) or 1)


def _check_output(check: Check, nr: int, place: int, output: Tensor) -> None:
    """One output's gradients by all inputs."""
    for what, factor, part in _parts(output._array.dtype):
        evaluate = check.evaluate([place])
        if check.is_fast:
            _check_fast(check, nr, output, evaluate, what, factor, part)
            continue
        first = analytical(output, check.inputs, factor)
        again = analytical(output, check.inputs, factor)
        for k, x in enumerate(check.inputs):
            expected = numerical(evaluate, x, check.eps, part)[0].reshape(first[k].shape)
            if not check.agrees(first[k], expected):
                raise GradcheckError(texts.mismatch(what, nr, k, expected, first[k]))
            if np.abs(first[k] - again[k]).max(initial=0) > check.nondet_tol:
                raise GradcheckError(texts.NOT_REENTRANT.format(check.nondet_tol))


def _check_fast(check: Check, nr: int, output: Tensor, evaluate: Any, what: str, factor: complex, part: Any) -> None:
    """The same through one random projection on either side."""
    v = _directions(check, plain(np.zeros(output.numel())))
    seed = v * factor
    first, again = pulled(output, check.inputs, seed), pulled(output, check.inputs, seed)
    for k, x in enumerate(check.inputs):
        u = _directions(check, x)
        shaped = u.reshape(x._array.shape)
        moved = slope(evaluate, x._array, (Ellipsis,), shaped, check.eps, part)[0]
        expected = float(v @ moved)
        g = np.zeros(x.numel()) if first[k] is None else first[k]._array.reshape(-1)
        found = float(np.real(np.sum(np.conj(g) * u)))
        if not check.agrees(found, expected, float(np.abs(v).sum() * np.abs(u).sum())):
            slow_found = analytical(output, check.inputs, factor)[k]
            slow = numerical(evaluate, x, check.eps, part)[0].reshape(slow_found.shape)
            raise GradcheckError(texts.mismatch(what, nr, k, expected, found) + texts.slow(slow, slow_found))
        h = np.zeros(x.numel()) if again[k] is None else again[k]._array.reshape(-1)
        if np.abs(g - h).max(initial=0) > check.nondet_tol:
            raise GradcheckError(texts.NOT_REENTRANT.format(check.nondet_tol))


def _check_forward(check: Check, outputs: Sequence[Any]) -> None:
    """Forward mode against differences, column by column (in fast mode: one random column)."""
    places = [k for k, o in enumerate(outputs) if isinstance(o, Tensor) and o._array.dtype.kind not in "iub"]
    order = [k for k, a in enumerate(check.args) if isinstance(a, Tensor) and a.requires_grad]
    for nr, position in enumerate(order):
        x = check.args[position]
        basis = [_directions(check, x)] if check.is_fast else _basis(x)
        for u in basis:
            tangents = pushed(check.func, check.args, position, u)
            shaped = u.reshape(x._array.shape)
            for part, name in ((np.imag, "imaginary"), (np.real, "")):
                moved = slope(check.evaluate(places), x._array, (Ellipsis,), shaped, check.eps, part)
                for k, place in enumerate(places):
                    t = tangents[place]
                    found = np.zeros_like(moved[k]) if t is None else part(t)
                    if not check.agrees(found, moved[k], 1.0):
                        raise GradcheckError(_forward_mismatch(check, name, k, nr, x, position, place, part))


def _basis(x: Tensor) -> list[np.ndarray]:
    units = list(np.eye(x.numel()))
    return units + [1j * u for u in units] if x._array.dtype.kind == "c" else units


def _forward_mismatch(check: Check, name: str, k: int, nr: int, x: Tensor, position: int, place: int, part: Any) -> str:
    expected = numerical(check.evaluate([place]), x, check.eps, part)[0]
    rows = [pushed(check.func, check.args, position, u)[place] for u in np.eye(x.numel())]
    found = np.array([np.zeros(expected.shape[1]) if r is None else part(r) for r in rows])
    text = texts.mismatch(name, k, nr, expected, found, "computed with forward mode ")
    return text + texts.slow(expected, found) if check.is_fast else text


def _check_batched(check: Check, outputs: Sequence[Tensor]) -> None:
    """Gradients of a batch of seeds against those of each seed."""
    for output in outputs:
        rng = np.random.default_rng(0)
        seeds = rng.standard_normal((2, *output._array.shape)).astype(output._array.dtype)
        options: dict[str, Any] = {"retain_graph": True, "allow_unused": True}
        found = grad(output, check.inputs, plain(seeds), is_grads_batched=True, **options)
        for k, seed in enumerate(seeds):
            single = grad(output, check.inputs, plain(seed.copy()), **options)
            for a, b in zip(found, single):
                if a is not None and b is not None and not check.agrees(a._array[k], b._array):
                    raise GradcheckError(texts.BATCHED)


def _check_multiplied(check: Check, outputs: Sequence[Tensor], dtypes: bool) -> None:
    """A zero seed gives zero gradients."""
    seeds = [plain(np.zeros_like(o._array)) for o in outputs]
    found = grad(list(outputs), check.inputs, seeds, retain_graph=True, allow_unused=True)
    for g, x in zip(found, check.inputs):
        if g is None:
            continue
        if not np.all(g._array == 0):
            raise GradcheckError("backward not multiplied by grad_output")
        if dtypes and g.dtype != x.dtype:
            raise GradcheckError("grad is incorrect type")


def _check_undefined(check: Check, outputs: Sequence[Tensor]) -> None:
    """Undefined gradients of the outputs give undefined or zero gradients."""
    groups = [list(outputs)] + [[o] for o in outputs if len(outputs) > 1]
    for group in groups:
        for g in undefined(group, check.inputs):
            if g is not None and not np.all(g._array == 0):
                raise GradcheckError(texts.UNDEFINED)


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """gradcheck of the vector-Jacobian product, by the inputs and the cotangents (random ones, unless given).
    Source: torch.autograd.gradgradcheck."""
    if not check_fwd_over_rev and not check_rev_over_rev:
        raise AssertionError("Expected at least one of check_fwd_over_rev or check_rev_over_rev to be True")
    if check_undefined_grad and not check_rev_over_rev:
        raise AssertionError("Setting check_undefined_grad=True requires check_rev_over_rev to be True")
    if check_batched_grad and not check_rev_over_rev:
        raise AssertionError("Setting check_batched_grad=True requires check_rev_over_rev to be True")
    args = many(inputs)
    seeds = _seeds(func, args, gen_non_contig_grad_outputs) if grad_outputs is None else many(grad_outputs)

    def gradient(*given: Any) -> tuple[Tensor, ...]:
        arguments, cotangents = given[: -len(seeds)], given[-len(seeds) :]
        outputs = [o for o in many(func(*arguments)) if isinstance(o, Tensor) and o.requires_grad]
        wanted = [a for a in arguments if isinstance(a, Tensor) and a.requires_grad]
        found = grad(outputs, wanted, list(cotangents), create_graph=True, allow_unused=True)
        return tuple(g for g in found if g is not None)

    return gradcheck(
        gradient,
        (*args, *seeds),
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
        nondet_tol=nondet_tol,
        check_undefined_grad=check_undefined_grad,
        check_grad_dtypes=check_grad_dtypes,
        check_batched_grad=check_batched_grad,
        check_forward_ad=check_fwd_over_rev,
        check_backward_ad=check_rev_over_rev,
        fast_mode=fast_mode,
        masked=masked,
    )


def _seeds(func: Callable[..., Any], args: tuple[Any, ...], is_strided: bool) -> tuple[Tensor, ...]:
    """Random cotangents that require grad, each for one differentiable output; with gaps in memory if asked."""
    rng = np.random.default_rng(0)
    made = []
    for o in many(func(*args)):
        if not (isinstance(o, Tensor) and o.requires_grad):
            continue
        shape = (*o._array.shape, 2) if is_strided else o._array.shape
        array = rng.uniform(-1, 1, shape)
        if o._array.dtype.kind == "c":
            array = array + 1j * rng.uniform(-1, 1, shape)
        array = array.astype(o._array.dtype)
        made.append(plain(array[..., 0] if is_strided else array).requires_grad_())
    return tuple(made)


__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]
