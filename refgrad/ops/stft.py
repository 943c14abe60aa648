"""Short-time Fourier transforms: overlapping frames, each transformed. Source: torch.stft, torch.istft."""

from __future__ import annotations

from typing import Any

from .. import _dtypes as dtypes
from .._errors import tensor_type
from .._interpreters import LIVE
from .._once import warn_once
from .._op import PUBLIC, public
from .._tensor import Tensor
from .fft import c2c_row, c2r_row, r2c_row

PLACE = "SpectralOps.cpp"


def _list_text(values: Any) -> str:
    return f"[{', '.join(map(str, values))}]"


def _call_text(name: str, t: Tensor, **arguments: Any) -> str:
    """The call as PyTorch's messages show it."""
    parts = []
    for key, value in arguments.items():
        if isinstance(value, Tensor):
            value = f"{tensor_type(value.dtype)}{{{_list_text(value._array.shape)}}}"
        elif isinstance(value, bool):
            value = int(value)
        parts.append(f"{key}={value}")
    return f"{name}({tensor_type(t.dtype)}{_list_text(t._array.shape)}, {', '.join(parts)})"


def _centred(window: Tensor, n_fft: int) -> Tensor:
    """A shorter window between zeros."""
    missing = n_fft - window._array.shape[0]
    left = missing // 2
    return PUBLIC["constant_pad_nd"](window, [left, missing - left], 0) if missing else window


def _padded(t: Tensor, amount: int, mode: str) -> Tensor:
    """A signal, or a batch of them, extended on both sides."""
    shape = t._array.shape
    found = PUBLIC["nn.functional.pad"](t.view(*[1] * (3 - len(shape)), *shape), [amount, amount], mode)
    return found.view(*found._array.shape[3 - len(shape) :])


@public("stft")
def stft(
    input: Tensor,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Tensor | None = None,
    center: bool = True,
    pad_mode: str = "reflect",
    normalized: bool = False,
    onesided: bool | None = None,
    return_complex: bool | None = None,
    align_to_window: bool | None = None,
) -> Tensor:
    """The transforms (…, frequencies, frames) of frames of n_fft points every hop_length (n_fft // 4) points, times the
    window; a real signal gives half of the frequencies. Source: torch.stft."""
    hop = n_fft // 4 if hop_length is None else hop_length
    length = n_fft if win_length is None else win_length
    if center and align_to_window is not None:
        raise RuntimeError("stft align_to_window should only be set when center = false")
    if center:
        input = _padded(input, n_fft // 2, pad_mode)
    if window is None:
        warn_once(
            "A window was not provided. A rectangular window will be applied,which is known to cause spectral leakage. "
            "Other windows such as torch.hann_window or torch.hamming_window are recommended to reduce spectral "
            "leakage.To suppress this warning and use a rectangular window, explicitly set `window=torch.ones(n_fft, "
            "device=<device>)`.",
            f"{PLACE}:835",
        )
    _check_return(input, window, return_complex)
    text = _call_text(
        "stft", input, n_fft=n_fft, hop_length=hop, win_length=length, window=window, normalized=normalized,
        onesided=onesided, return_complex=return_complex, align_to_window=align_to_window,
    )  # fmt: skip
    _check_stft(input, text, n_fft, hop, length, window)
    if align_to_window:
        left = (n_fft - length) // 2
        input = PUBLIC["constant_pad_nd"](input, [left, n_fft - length - left], 0)
    found = _frames(input, n_fft, hop, length, window)
    found = _spectrum(found, bool(normalized), onesided, window).transpose_(1, 2)
    if input.ndim == 1:
        found = found.squeeze_(0)
    if return_complex or (return_complex is None and _is_complex(input, window)):
        return found
    warn_once(
        "stft with return_complex=False is deprecated. In a future pytorch release, stft will return complex tensors "
        "for all inputs, and return_complex=False will raise an error.\nNote: you can still call torch.view_as_real on the "
        "complex output to recover the old return format.",
        f"{PLACE}:874",
    )
    return PUBLIC["view_as_real"](found)


def _is_complex(input: Tensor, window: Tensor | None) -> bool:
    return input.is_complex() or (window is not None and window.is_complex())


def _check_return(input: Tensor, window: Tensor | None, return_complex: bool | None) -> None:
    if return_complex is None and not _is_complex(input, window):
        raise RuntimeError(
            "stft requires the return_complex parameter be given for real inputs, and will further require that "
            "return_complex=True in a future PyTorch release."
        )


def _check_stft(input: Tensor, text: str, n_fft: int, hop: int, length: int, window: Tensor | None) -> None:
    if input.dtype.category < dtypes.FLOAT:
        raise RuntimeError(f"{text} : expected a tensor of floating point or complex values")
    if input.ndim not in (1, 2):
        raise RuntimeError(f"{text} : expected a 1D or 2D tensor")
    size = input._array.shape[-1]
    if not 0 < n_fft <= size:
        raise RuntimeError(f"{text} : expected 0 < n_fft < {size}, but got n_fft={n_fft}")
    if hop <= 0:
        raise RuntimeError(f"{text} : expected hop_length > 0, but got hop_length={hop}")
    if not 0 < length <= n_fft:
        raise RuntimeError(f"{text} : expected 0 < win_length <= n_fft, but got win_length={length}")
    if window is not None and window._array.shape != (length,):
        raise RuntimeError(
            f"{text} : expected a 1D window tensor of size equal to win_length={length}, but got window with size "
            f"{_list_text(window._array.shape)}"
        )


def _frames(input: Tensor, n_fft: int, hop: int, length: int, window: Tensor | None) -> Tensor:
    """The frames (batch, frames, n_fft), times the window."""
    t = input.unsqueeze(0) if input.ndim == 1 else input
    batch, size = t._array.shape
    outer, inner = t.stride()
    found = t.as_strided((batch, 1 + (size - n_fft) // hop, n_fft), (outer, inner * hop, inner))
    if length < n_fft:
        window = PUBLIC["ones"](length, dtype=input.dtype) if window is None else window
        return found * _centred(window, n_fft)
    return found if window is None else found * window


def _spectrum(frames: Tensor, normalized: bool, onesided: bool | None, window: Tensor | None) -> Tensor:
    complex_ = frames.is_complex()
    if onesided and complex_:
        raise RuntimeError("Cannot have onesided output if window or input is complex")
    if complex_:
        return c2c_row(frames, (2,), int(normalized), True)
    return r2c_row(frames, (2,), int(normalized), onesided is not False)


@public("istft")
def istft(
    input: Tensor,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Tensor | None = None,
    center: bool = True,
    normalized: bool = False,
    onesided: bool | None = None,
    length: int | None = None,
    return_complex: bool = False,
) -> Tensor:
    """The signal of which stft gave the transforms: frames added up and divided by the sum of squared windows.
    Source: torch.istft. Trap: needs windows that overlap without zeros."""
    hop = n_fft // 4 if hop_length is None else hop_length
    win = n_fft if win_length is None else win_length
    if window is None:
        warn_once(
            "A window was not provided. A rectangular window will be applied.Please provide the same window used by "
            "stft to make the inversion lossless.To suppress this warning and use a rectangular window, explicitly set "
            "`window=torch.ones(n_fft, device=<device>)`.",
            f"{PLACE}:1035",
        )
    text = _call_text(
        "istft", input, n_fft=n_fft, hop_length=hop, win_length=win, window=window, center=center,
        normalized=normalized, onesided=onesided, length=length, return_complex=return_complex,
    )  # fmt: skip
    half = _check_istft(input, text, n_fft, hop, win, window, onesided, return_complex)
    window = PUBLIC["ones"](win, dtype=input.dtype.to_real()) if window is None else window
    # In PyTorch's order, here and below: it shows in the order of a backward.
    parts = PUBLIC["view_as_real"](input.resolve_conj())
    window = _centred(window, n_fft)
    found = _signal(parts, n_fft, hop, window, normalized, half, return_complex)
    size = n_fft + hop * (found[1] - 1)
    signal = LIVE.unfold_backward(found[0], (found[0]._array.shape[0], size), 1, n_fft, hop)
    envelope = window.pow(2).expand(1, found[1], n_fft)
    envelope = LIVE.unfold_backward(envelope, (1, size), 1, n_fft, hop)
    return _trimmed(signal, envelope, text, n_fft, center, length, input.ndim == 2)


def _trimmed(
    signal: Tensor, envelope: Tensor, text: str, n_fft: int, center: bool, length: int | None, single: bool
) -> Tensor:
    """The signal without its padding, over the envelope; padded with zeros to a greater length."""
    size = signal._array.shape[-1]
    start = n_fft // 2 if center else 0
    end = start + length if length is not None else size - n_fft // 2 if center else size
    signal, envelope = signal[:, start:end], envelope[:, start:end]
    smallest = abs(envelope._array).min(initial=1)
    if not smallest > 1e-11:
        raise RuntimeError(f"{text} window overlap add min: 1\n[ CPUBoolType{{}} ]")
    found = signal / envelope
    found = found.squeeze(0) if single else found
    if length is not None and end > size:
        found = PUBLIC["constant_pad_nd"](found, [0, end - size], 0)
    return found


def _signal(
    parts: Tensor, n_fft: int, hop: int, window: Tensor, normalized: bool, half: bool, return_complex: bool
) -> tuple[Tensor, int]:
    """The frames (batch, frames, n_fft) times the window, and how many there are."""
    parts = parts.unsqueeze(0) if parts.ndim == 3 else parts
    t = PUBLIC["view_as_complex"](parts.transpose(1, 2))
    code = 1 if normalized else 2
    if return_complex:
        frames = c2c_row(t, (2,), code, False)
    else:
        t = t if half else t[..., : n_fft // 2 + 1]
        frames = c2r_row(t, (2,), code, n_fft)
    return frames * window.view(1, 1, n_fft), t._array.shape[1]


def _check_istft(
    input: Tensor, text: str, n_fft: int, hop: int, win: int, window: Any, onesided: Any, return_complex: bool
) -> bool:
    """Raises RuntimeError for arguments that don't fit; whether the input is half of the frequencies."""
    if not input.is_complex():
        raise RuntimeError(
            "istft requires a complex-valued input tensor matching the output from stft with return_complex=True."
        )
    if not input.numel():
        raise RuntimeError(f"{text} : input tensor cannot be empty.")
    if input.ndim not in (2, 3):
        raise RuntimeError(f"{text} : expected a tensor with 3 or 4 dimensions, but got {input.ndim + 1}")
    bins = input._array.shape[-2]
    half = onesided if onesided is not None else bins != n_fft
    which = ("n_fft / 2 + 1", "True") if half else ("n_fft", "False")
    if bins != (n_fft // 2 + 1 if half else n_fft):
        raise RuntimeError(
            f"{text} : expected the frequency dimension (3rd to the last) of the input tensor to match {which[0]} when "
            f"onesided={which[1]}, but got {bins}"
        )
    if not 0 < hop <= win:
        raise RuntimeError(f"{text} : expected 0 < hop_length <= win_length")
    if not 0 < win <= n_fft:
        raise RuntimeError(f"{text} : expected 0 < win_length <= n_fft")
    if window is not None and window._array.shape != (win,):
        raise RuntimeError(f"{text} : Invalid window shape. window has to be 1D and length of `win_length`")
    if return_complex and half:
        raise RuntimeError("Cannot have onesided output if window or input is complex")
    if not return_complex and window is not None and window.is_complex():
        raise RuntimeError("Complex windows are incompatible with return_complex=False")
    return bool(half)
