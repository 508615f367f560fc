"""Names that pages of training and complexity still take from here."""

from bindscope.domain.findings.words import Finding as Story
from bindscope_dashboard.wording import spread as accuracy_note

__all__ = ["Story", "accuracy_note"]
