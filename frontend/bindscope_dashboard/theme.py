"""Colours and type, for light and dark: as options of Streamlit, as inks of the figures, and as CSS of the cards.

Every pair of text and ground keeps a contrast of at least 4.5 to 1. True captions are blue and swapped ones orange, a
pair that colour-blind readers tell apart; colour never stands alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ASSETS = Path(__file__).parent / "assets"


@dataclass(frozen=True)
class Ink:
    """The colours of one mode."""

    ground: str
    panel: str
    text: str
    muted: str
    line: str
    primary: str
    link: str
    true: str
    swap: str
    neutral: str
    band: str
    binds: str
    bag: str
    blind: str
    undecided: str


LIGHT = Ink(
    ground="#ffffff",
    panel="#f3f5fa",
    text="#1a2130",
    muted="#545e71",
    line="#d5dae4",
    primary="#3a4fd0",
    link="#2f43bd",
    true="#2563c9",
    swap="#c2570c",
    neutral="#6b7486",
    band="rgba(107,116,134,0.22)",
    binds="#0b7261",
    bag="#a8480a",
    blind="#b0243a",
    undecided="#5a5f8f",
)
DARK = Ink(
    ground="#12161f",
    panel="#1b212d",
    text="#e9edf5",
    muted="#a9b3c6",
    line="#364054",
    primary="#5567e6",
    link="#9fb0ff",
    true="#6ea4ff",
    swap="#f2954a",
    neutral="#98a2b5",
    band="rgba(152,162,181,0.28)",
    binds="#4fd1b5",
    bag="#f6a561",
    blind="#ff8c98",
    undecided="#b3b8ee",
)
FONT = "'Source Sans', 'Source Sans Pro', sans-serif"


def ink(*, dark: bool) -> Ink:
    """The colours of the mode."""
    return DARK if dark else LIGHT


def streamlit_options() -> Mapping[str, str]:
    """The theme as options of ``streamlit run``."""
    options: dict[str, str] = {
        "theme.baseRadius": "0.6rem",
        "theme.headingFontSizes": '["1.7rem","1.25rem","1.05rem"]',
        "theme.headingFontWeights": "[700,650,650]",
        "theme.baseFontSize": "15",
        "theme.showWidgetBorder": "true",
    }
    # Streamlit's own yellow of warnings stays below 4.5 to 1 on its ground.
    options["theme.light.yellowTextColor"] = "#6b4e00"
    for mode, colors in (("light", LIGHT), ("dark", DARK)):
        options |= {
            f"theme.{mode}.primaryColor": colors.primary,
            f"theme.{mode}.backgroundColor": colors.ground,
            f"theme.{mode}.secondaryBackgroundColor": colors.panel,
            f"theme.{mode}.textColor": colors.text,
            f"theme.{mode}.linkColor": colors.link,
            f"theme.{mode}.borderColor": colors.line,
            f"theme.{mode}.codeBackgroundColor": colors.panel,
        }
    return options


def css(*, dark: bool) -> str:
    """The style of the cards and of the page's frame, for ``st.html``. Holds no text of a user."""
    colors = ink(dark=dark)
    variables = "".join(f"--bs-{name}:{value};" for name, value in vars(colors).items())
    return f"<style>:root{{{variables}}}{_rules()}</style>"


@cache
def _rules() -> str:
    return (ASSETS / "page.css").read_text(encoding="utf-8")
