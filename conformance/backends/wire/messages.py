"""The protocol, version 1: one JSON object a line, UTF-8, in both directions; answers come in the order of requests.

``hello``     → asks who is there; ``memory`` bytes may be used          ← ``hello`` with name, version, family, claims
``run``       → ``id``, a ``program``, a noise seed or null              ← ``trace`` with ``id`` and the trace, or ``died``
``scenario``  → ``id``, ``run`` (module:function), ``data`` (a literal)  ← ``shown`` with ``id`` and the text
``bye``       → the process ends

``died`` (``id``, ``kind``, ``message``) is for a process that survives what killed the program: memory refused. An engine
that can't say it simply dies. ``wire.schema.json`` beside this file is the same as a JSON schema.
"""

from __future__ import annotations

import json
from typing import Any

VERSION = 1
MAX_LINE = 1 << 28
REQUESTS = ("hello", "run", "scenario", "bye")
ANSWERS = ("hello", "trace", "shown", "died")


class BadMessage(ValueError):
    """A line that isn't a message of this protocol."""


def write(message: dict[str, Any]) -> bytes:
    """A message as a line. ASCII, so that no text of an engine can end a line or lack an encoding."""
    return json.dumps(message, separators=(",", ":")).encode("ascii") + b"\n"


def read(line: bytes, kinds: tuple[str, ...]) -> dict[str, Any]:
    """The message of a line. Raises BadMessage, saying what came instead."""
    if len(line) > MAX_LINE:
        raise BadMessage(f"a line of {len(line)} bytes; at most {MAX_LINE} are taken")
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        raise BadMessage(f"not JSON: {line[:60]!r}") from None
    if not isinstance(message, dict) or message.get("type") not in kinds:
        raise BadMessage(f"not one of {', '.join(kinds)}: {line[:60]!r}")
    return message
