"""The pieces of a report: bars with intervals, tables, and the style sheet. No script, no font, no network."""

import html
from collections.abc import Mapping, Sequence

from bindscope.core.sentences.words import Finding
from bindscope.core.wire import Interval


def bars(shares: Mapping[str, tuple[Interval, float | None]], note: str) -> str:
    """Shares with their intervals as a drawing, and the same as text beside each bar; the tick is chance."""
    known = [(name, own, chance) for name, (own, chance) in shares.items() if own.value is not None]
    if not known:
        return f"<p class='muted'>{escaped(note)}: no such scene.</p>"
    rows = "".join(_bar(name, own, chance) for name, own, chance in known)
    return f"<figure class='bars'><div class='rows'>{rows}</div><figcaption>{escaped(note)}.</figcaption></figure>"


def _bar(name: str, own: Interval, chance: float | None) -> str:
    value = own.value or 0.0
    low, high = own.low if own.low is not None else value, own.high if own.high is not None else value
    line = f"<i class='span' style='left:{100 * low:.2f}%;width:{100 * (high - low):.2f}%'></i>"
    by_chance = "" if chance is None else f"<i class='chance' style='left:{100 * chance:.2f}%'></i>"
    track = f"<i class='bar' style='width:{100 * value:.2f}%'></i>{line}{by_chance}"
    return (
        f"<span class='name'>{escaped(name)}</span><span class='track' aria-hidden='true'>{track}</span>"
        f"<span class='value'>{escaped(share(own))}</span>"
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> str:
    """A table that scrolls for itself where it is wide."""
    top = "".join(f"<th scope='col'>{escaped(name)}</th>" for name in head)
    body = "".join("<tr>" + "".join(f"<td>{escaped(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    inner = f"<caption>{escaped(caption)}</caption><thead><tr>{top}</tr></thead><tbody>{body}</tbody>"
    return f"<div class='scroll' tabindex='0' role='group' aria-label='{escaped(caption)}'><table>{inner}</table></div>"


def share(own: Interval) -> str:
    """``54.2 % (47.0 to 61.1, n = 200)``."""
    if own.value is None or own.low is None or own.high is None:
        return "no such scene"
    return f"{100 * own.value:.1f} % ({100 * own.low:.1f} to {100 * own.high:.1f}, n = {own.n})"


def said(finding: Finding) -> str:
    """A finding's title and sentence."""
    return f"<b>{escaped(finding.title)}.</b> {escaped(finding.sentence)}"


def escaped(text: object) -> str:
    """Text that a page shows as it is."""
    return html.escape(str(text), quote=True)


CSS = """
:root { color-scheme: light dark; --ink: #17202e; --muted: #566072; --line: #c9d0db; --ground: #e8ecf2; --bar: #1f5fc4;
  --page: #fff; }
@media (prefers-color-scheme: dark) { :root { --ink: #e9edf4; --muted: #a9b3c3; --line: #3a4352; --ground: #262d39;
  --bar: #5c93ea; --page: #10141b; } }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.7rem; line-height: 1.2; overflow-wrap: anywhere; } h2 { margin-top: 2.5rem; overflow-wrap: anywhere;
  border-top: 1px solid var(--line); padding-top: 1rem; } h3 { margin-top: 1.6rem; }
.muted, figcaption, caption { color: var(--muted); font-size: 0.9rem; text-align: left; }
figure { margin: 0.5rem 0; } .rows { display: grid; align-items: center; gap: 0.4rem 0.8rem;
  grid-template-columns: minmax(7rem, 13rem) 1fr auto; }
.rows .name { text-align: right; overflow-wrap: anywhere; } .rows .value { font-variant-numeric: tabular-nums; }
.track { position: relative; height: 18px; border-radius: 3px; background: var(--ground); }
.track i { position: absolute; } .bar { inset: 0 auto 0 0; border-radius: 3px; background: var(--bar); }
.span { top: 8px; height: 2px; background: var(--ink); }
.chance { top: -3px; bottom: -3px; border-left: 2px dashed var(--ink); }
@media (max-width: 44rem) { .rows { grid-template-columns: 1fr auto; grid-auto-flow: row dense; }
  .rows .name { text-align: left; } .rows .track { grid-column: 1 / -1; } }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; margin: 0.5rem 0; }
th, td { text-align: left; padding: 0.3rem 0.6rem; border-bottom: 1px solid var(--line); vertical-align: top;
  min-width: 5.5rem; }
.strip { display: flex; flex-wrap: wrap; gap: 1rem; } .strip figure { width: 200px; } .strip img { border-radius: 6px; }
pre { overflow-x: auto; background: var(--ground); padding: 0.8rem; border-radius: 6px; }
@media print { details { display: block; } h2 { break-before: page; } figure, tr { break-inside: avoid; } }
"""
