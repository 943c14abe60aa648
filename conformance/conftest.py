"""``pytest conformance`` in the checkout loads the plugin from here; elsewhere it is loaded with ``-p``."""

from __future__ import annotations

import sys

if f"{__package__}.plugin" not in sys.modules:
    from .plugin import *  # noqa: F403
