"""Engines in processes of their own: any program in any language that speaks JSON lines, and Python engines isolated.

``client.Wire`` is the backend that the judge sees; ``server`` is what runs beside a Python engine. ``messages`` has the
protocol, ``traces`` the exact form of a trace. What a process says is data from outside: it is checked, never evaluated.
"""

from .client import Wire, isolated

__all__ = ["Wire", "isolated"]
