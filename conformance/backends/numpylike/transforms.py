"""Discrete Fourier transforms."""

from __future__ import annotations

TABLE = {
    "fft.fft": lambda np, x, n=None, dim=-1, norm=None: np.fft.fft(x, n, dim, norm),
    "fft.ifft": lambda np, x, n=None, dim=-1, norm=None: np.fft.ifft(x, n, dim, norm),
    "fft.rfft": lambda np, x, n=None, dim=-1, norm=None: np.fft.rfft(x, n, dim, norm),
    "fft.irfft": lambda np, x, n=None, dim=-1, norm=None: np.fft.irfft(x, n, dim, norm),
    "fft.hfft": lambda np, x, n=None, dim=-1, norm=None: np.fft.hfft(x, n, dim, norm),
    "fft.ihfft": lambda np, x, n=None, dim=-1, norm=None: np.fft.ihfft(x, n, dim, norm),
    "fft.fft2": lambda np, x, s=None, dim=(-2, -1), norm=None: np.fft.fft2(x, s, dim, norm),
    "fft.ifft2": lambda np, x, s=None, dim=(-2, -1), norm=None: np.fft.ifft2(x, s, dim, norm),
    "fft.rfft2": lambda np, x, s=None, dim=(-2, -1), norm=None: np.fft.rfft2(x, s, dim, norm),
    "fft.irfft2": lambda np, x, s=None, dim=(-2, -1), norm=None: np.fft.irfft2(x, s, dim, norm),
    "fft.fftn": lambda np, x, s=None, dim=None, norm=None: np.fft.fftn(x, s, dim, norm),
    "fft.ifftn": lambda np, x, s=None, dim=None, norm=None: np.fft.ifftn(x, s, dim, norm),
    "fft.rfftn": lambda np, x, s=None, dim=None, norm=None: np.fft.rfftn(x, s, dim, norm),
    "fft.irfftn": lambda np, x, s=None, dim=None, norm=None: np.fft.irfftn(x, s, dim, norm),
    "fft.fftshift": lambda np, x, dim=None: np.fft.fftshift(x, dim),
    "fft.ifftshift": lambda np, x, dim=None: np.fft.ifftshift(x, dim),
}
