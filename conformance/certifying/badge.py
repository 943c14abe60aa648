"""The badge: an SVG of one line that says which profiles a certificate holds."""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

from ..recording.record import Record

CHARACTER, PADDING, HEIGHT = 6.6, 10, 20
COLOURS = {"certified": "#2e7d32", "failed": "#c62828", "partly": "#8d6e00", "nothing": "#616161"}


def badge(certificate: Record) -> str:
    """An SVG that fetches nothing: the engine's name and version, and what it may say."""
    backend = certificate["backend"]
    left = f"{backend['name']} {backend['version']}"[:60]
    right, colour = words(certificate)
    widths = [round(CHARACTER * len(text) + 2 * PADDING) for text in (left, right)]
    total = sum(widths)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{total}" height="{HEIGHT}" role="img" '
        f"aria-label={quoteattr(f'{left}: {right}')}>"
        f"<title>{escape(f'{left}: {right}')}</title>"
        f'<rect width="{total}" height="{HEIGHT}" rx="3" fill="#424242"/>'
        f'<rect x="{widths[0]}" width="{widths[1]}" height="{HEIGHT}" rx="3" fill="{colour}"/>'
        f'<g fill="#fff" font-family="Verdana,Geneva,sans-serif" font-size="11" text-anchor="middle">'
        f'<text x="{widths[0] / 2:g}" y="14">{escape(left)}</text>'
        f'<text x="{widths[0] + widths[1] / 2:g}" y="14">{escape(right)}</text></g></svg>\n'
    )


def words(certificate: Record) -> tuple[str, str]:
    """What the badge says, and its colour. An incomplete run is never a certificate."""
    verdicts = {name: group["verdict"] for name, group in certificate["profiles"].items()}
    claimed = {name: verdict for name, verdict in verdicts.items() if verdict != "not-claimed"}
    held = [name for name, verdict in claimed.items() if verdict in ("certified", "convention")]
    if not certificate["complete"] or not claimed:
        return "not certified", COLOURS["nothing"]
    if len(held) == len(claimed):
        what = "all profiles" if len(held) == len(verdicts) else ", ".join(held)
        return f"autograd certified: {what}", COLOURS["certified"]
    text = f"autograd: {len(held)} of {len(claimed)} profiles"
    return text, COLOURS["partly" if held else "failed"]
