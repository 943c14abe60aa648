"""What an engine says is untrusted. Here it becomes bounded plain data; the templates escape it."""

from __future__ import annotations

import math
import re
from typing import Any, cast

Record = dict[str, Any]

MAX_TEXT = 4_000
MAX_CODE = 20_000
MAX_ITEMS = 2_000
MAX_DEPTH = 12

_CODE_KEYS = frozenset({"script"})
# Controls, bidirectional marks and overrides, separators that break lines, lone surrogates, byte-order mark.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\uffff]"
)


def clean(text: str, limit: int = MAX_TEXT) -> str:
    """Text of at most about ``limit`` characters in which every invisible or reordering character is spelled out."""
    over = len(text) - limit
    if over > 0:
        text = text[:limit]
    if _UNSAFE.search(text):
        text = _UNSAFE.sub(_spell, text)
    return f"{text} … ({over:,} more characters)" if over > 0 else text


def _spell(match: re.Match[str]) -> str:
    code = ord(match.group())
    return "" if code == 0x0D else chr(0x2400 + code) if code < 0x20 else f"⟨U+{code:04X}⟩"


def tame(value: object, depth: int = 0, limit: int = MAX_TEXT) -> Any:
    """JSON data with every text cleaned, every list and object bounded."""
    if isinstance(value, str):
        return clean(value, limit)
    if isinstance(value, dict):
        pairs = list(cast(dict[object, object], value).items())[:MAX_ITEMS]
        return {
            clean(str(key), 200): tame(item, depth + 1, MAX_CODE if key in _CODE_KEYS else limit)
            for key, item in (pairs if depth < MAX_DEPTH else [])
        }
    if isinstance(value, list):
        items = cast(list[object], value)
        return [tame(item, depth + 1, limit) for item in (items[:MAX_ITEMS] if depth < MAX_DEPTH else [])]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 10**18:
        return clean(hex(value), 60)
    return value


def text(record: Record, key: str, default: str = "") -> str:
    """A field as text: the default where it is missing, null or no scalar."""
    value = record.get(key)
    return default if value is None or isinstance(value, (dict, list)) else str(value)


def texts(record: Record, key: str) -> list[str]:
    """A field as a list of texts."""
    return [str(item) for item in listed(record.get(key)) if not isinstance(item, (dict, list))]


def count(record: Record, key: str) -> int:
    """A field as a number ≥ 0, zero where it isn't one."""
    value = number(record, key)
    return max(0, int(value)) if value is not None and abs(value) < 1e18 else 0


def number(record: Record, key: str) -> float | None:
    """A field as a finite number, else None."""
    value = record.get(key)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(value)


def mapping(record: Record, key: str) -> Record:
    """A field as an object, empty where it isn't one."""
    return entries(record.get(key))


def listed(value: object) -> list[Any]:
    """A JSON value as a list, empty where it isn't one."""
    return cast(list[Any], value) if isinstance(value, list) else []


def entries(value: object) -> Record:
    """A JSON value as an object, empty where it isn't one."""
    return cast(Record, value) if isinstance(value, dict) else {}


def anchor(identity: str) -> str:
    """A name for ``id=`` and ``#…``: no space, nothing that needs quoting in an address."""
    return re.sub(r"[^A-Za-z0-9._/@:-]", lambda match: f"~{ord(match.group()):x}", identity)[:300] or "~"
