"""Connectionist temporal classification: the negative log-likelihood of label sequences over all alignments.

Labels are extended by blanks before, between and after. α(t, s) is the log-probability of all alignments of the first
t+1 frames that end in extended label s, β(t, s) that of the frames from t on; both run over all samples at once.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._dtypes import SCALAR_NAMES
from .._op import PUBLIC, op, public
from .._tensor import Tensor, plain
from .loss import reduction_code
from .pointwise import unimplemented

Lengths = tuple[int, ...]
MIXED_CHECK = "(while checking arguments for ctc_loss_allocate_outputs)"


def _extended(targets: np.ndarray, lengths: Lengths, blank: int) -> np.ndarray:
    """Each sample's labels with blanks around, (N, 2·longest + 1); the rest blank."""
    longest = max(lengths, default=0)
    made = np.full((len(lengths), 2 * longest + 1), blank, np.int64)
    flat = targets.reshape(-1).astype(np.int64)
    starts = (
        np.concatenate([[0], np.cumsum(lengths)])[:-1]
        if targets.ndim == 1
        else np.arange(len(lengths)) * targets.shape[1]
    )
    for n, (start, length) in enumerate(zip(starts, lengths)):
        made[n, 1 : 2 * length : 2] = flat[start : start + length]
    return made


def _three(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    return np.logaddexp(np.logaddexp(a, b), c)


def _shifted(a: np.ndarray, by: int) -> np.ndarray:
    """Columns moved right (by > 0) or left, -∞ coming in."""
    made = np.full_like(a, -np.inf)
    if by > 0:
        made[:, by:] = a[:, :-by]
    else:
        made[:, :by] = a[:, -by:]
    return made


def _emissions(logs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(T, N, S): the log-probability of each extended label at each time."""
    return np.take_along_axis(logs, np.broadcast_to(labels, (logs.shape[0], *labels.shape)), 2)


def _skips(labels: np.ndarray) -> np.ndarray:
    """0 where a path may come from two places before (another label than there, no blank between needed), else -∞."""
    allowed = np.zeros(labels.shape, bool)
    allowed[:, 2:] = labels[:, 2:] != labels[:, :-2]
    allowed[:, ::2] = False
    return np.where(allowed, 0.0, -np.inf)


def _alpha(emitted: np.ndarray, skips: np.ndarray) -> np.ndarray:
    made = np.full_like(emitted, -np.inf)
    if len(emitted):
        made[0, :, :2] = emitted[0, :, :2]
    for t in range(1, len(emitted)):
        before = made[t - 1]
        made[t] = emitted[t] + _three(before, _shifted(before, 1), _shifted(before, 2) + skips)
    return made


def _beta(emitted: np.ndarray, skips: np.ndarray, inputs: np.ndarray, ends: np.ndarray) -> np.ndarray:
    made = np.full_like(emitted, -np.inf)
    places = np.arange(emitted.shape[2])
    last = (places == ends[:, None]) | (places == ends[:, None] - 1)
    following = _shifted(skips, -2)
    for t in reversed(range(len(emitted))):
        if t + 1 < len(emitted):
            after = made[t + 1]
            moved = emitted[t] + _three(after, _shifted(after, -1), _shifted(after, -2) + following)
            made[t] = np.where((t < inputs - 1)[:, None], moved, -np.inf)
        starts = (t == inputs - 1)[:, None] & last
        made[t] = np.where(starts, emitted[t], made[t])
    return made


def _loss_of(alpha: np.ndarray, inputs: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """-log of what has arrived in the last label or the blank after it at each sample's last frame."""
    samples = np.arange(alpha.shape[1])
    if not len(alpha):
        return np.where(ends == 0, 0.0, np.inf)
    final = alpha[np.maximum(inputs - 1, 0), samples]
    label = np.where(ends > 0, final[samples, np.maximum(ends - 1, 0)], -np.inf)
    found = -np.logaddexp(final[samples, ends], label)
    return np.where(inputs > 0, found, np.where(ends == 0, -0.0, np.inf))


def _ctc(
    logs: np.ndarray, targets: np.ndarray, inputs: Lengths, lengths: Lengths, blank: int, zero_infinity: bool
) -> Any:
    labels = _extended(targets, lengths, blank)
    alpha = _alpha(_emissions(logs, labels), _skips(labels))
    return _loss_of(alpha, np.asarray(inputs), 2 * np.asarray(lengths, np.int64)).astype(logs.dtype), alpha


def _ctc_pull(
    g: np.ndarray,
    logs: np.ndarray,
    targets: np.ndarray,
    inputs: Lengths,
    lengths: Lengths,
    blank: int,
    zero_infinity: bool,
) -> np.ndarray:
    """g times (probability - posterior): PyTorch's derivative, which holds along normalised log-probabilities."""
    labels = _extended(targets, lengths, blank)
    emitted, skips = _emissions(logs, labels), _skips(labels)
    frames, ends = np.asarray(inputs), 2 * np.asarray(lengths, np.int64)
    alpha, beta = _alpha(emitted, skips), _beta(emitted, skips, frames, ends)
    loss = _loss_of(alpha, frames, ends)
    weight = np.exp(alpha + beta - emitted + loss[:, None])
    inside = np.arange(labels.shape[1]) <= ends[:, None]
    weight = np.where(inside & ~np.isneginf(alpha + beta), weight, 0)
    posterior = np.zeros_like(logs)
    t, n = np.ogrid[: logs.shape[0], : logs.shape[1]]
    np.add.at(posterior, (t[..., None], n[..., None], labels[None]), weight)
    posterior[:, np.isinf(loss)] = np.nan
    found = np.where((t < frames)[..., None], (np.exp(logs) - posterior) * g[:, None], 0)
    return np.where(np.isinf(loss)[:, None], 0, found) if zero_infinity else found


ctc_pull_row = op(
    "ctc_pull(grad, log_probs, targets, *, inputs, lengths, blank, zero_infinity)", _ctc_pull, public=False,
    grad=unimplemented("_ctc_loss_backward"), log_probs=unimplemented("_ctc_loss_backward"),
)  # fmt: skip
ctc_row = op(
    "ctc_loss(log_probs, targets, *, inputs, lengths, blank, zero_infinity) -> out, log_alpha!", _ctc, public=False,
    log_probs=lambda F, g_out, log_probs, targets, inputs, lengths, blank, zero_infinity: F.ctc_pull(
        g_out, log_probs, targets, inputs, lengths, blank, zero_infinity
    ),
)  # fmt: skip


def _lengths(given: Any) -> Lengths:
    values = given._array.reshape(-1) if isinstance(given, Tensor) else given
    return tuple(int(n) for n in values)


def _check(logs: Tensor, targets: Tensor, inputs: Lengths, lengths: Lengths, blank: int) -> None:
    time, batch, classes = logs.shape
    if not 0 <= blank < classes:
        raise RuntimeError("blank must be in label range")
    if len(inputs) != batch:
        raise RuntimeError("input_lengths must be of size batch_size")
    if len(lengths) != batch:
        raise RuntimeError("target_lengths must be of size batch_size")
    for n in inputs:
        if n > time:
            raise RuntimeError(f"Expected input_lengths to have value at most {time}, but got value {n} {MIXED_CHECK}")
        if n < 0:
            raise RuntimeError(f"Expected input_lengths to have value at least 0, but got value {n} {MIXED_CHECK}")
    if targets.ndim == 2 and max(lengths, default=0) > targets.shape[1]:
        raise RuntimeError(
            f"Expected tensor to have size at least {max(lengths)} at dimension 1, but got size {targets.shape[1]} for "
            f"argument #2 'targets' {MIXED_CHECK}"
        )
    if targets.ndim == 1 and targets.numel() != sum(lengths):
        raise RuntimeError(
            f"Expected tensor to have size {sum(lengths)} at dimension 0, but got size {targets.numel()} for "
            f"argument #2 "
            f"'targets' {MIXED_CHECK}"
        )


@public("nn.functional.ctc_loss", method=False)
def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """-log P(labels) for log-probabilities (T, N, C) or (T, C) and labels (N, S) or all in one row. The mean is of each
    loss over its number of labels. Source: torch.nn.functional.ctc_loss. Raises RuntimeError for wrong lengths.
    Trap: the gradient supposes that log_probs are normalised, and has no derivative of its own."""
    code = reduction_code(reduction)
    batched = log_probs.ndim == 3
    logs = log_probs if batched else log_probs.unsqueeze(1)
    labels = targets if batched or targets.ndim != 1 else targets.unsqueeze(0)
    if str(logs._array.dtype) not in ("float32", "float64"):
        raise NotImplementedError(f"\"ctc_loss_cpu\" not implemented for '{SCALAR_NAMES[logs.dtype]}'")
    inputs, lengths = _lengths(input_lengths), _lengths(target_lengths)
    if not logs.numel():
        raise RuntimeError("log_probs tensor must not be empty")
    _check(logs, labels, inputs, lengths, blank)
    loss = ctc_row(logs, labels, inputs, lengths, blank, zero_infinity)[0]
    if zero_infinity:
        loss = PUBLIC["where"](loss == np.inf, 0, loss)
    if code == 0:
        return loss if batched else loss.squeeze(0)
    if code == 2:
        return loss.sum()
    divisor = plain(np.maximum(lengths, 1).astype(loss._array.dtype))
    return (loss / divisor).mean()


@public("ctc_loss", method=False)
def _numbered_ctc(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: int = 1,
    zero_infinity: bool = False,
) -> Tensor:
    """The same with the reduction as a number. Source: torch.ctc_loss."""
    name = ("none", "mean", "sum")[reduction]
    return ctc_loss(log_probs, targets, input_lengths, target_lengths, blank, name, zero_infinity)
