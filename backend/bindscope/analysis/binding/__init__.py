"""The binding score: paired forced choice, its interval over bags, and the chance levels of strict recognition.

A *bag* is what the concepts of a scene show, whichever object owns it. A *pairing* is the multiset of its objects. Two
pairings of a bag are *partners* when one valid exchange of two values leads from one to the other. Arrays only.
"""

from bindscope.analysis.binding.chance import StrictChance, strict_chance
from bindscope.analysis.binding.intervals import bag_interval, difference_interval, share_over_bags
from bindscope.analysis.binding.pairs import Pairs, Trials
from bindscope.analysis.binding.score import (
    BagScores,
    Binding,
    Control,
    Twin,
    Unpaired,
    against_control,
    binding_of,
    forced_choice,
    object_leads,
    twin_of,
    unpaired_choice,
)

__all__ = [
    "BagScores",
    "Binding",
    "Control",
    "Pairs",
    "StrictChance",
    "Trials",
    "Twin",
    "Unpaired",
    "against_control",
    "bag_interval",
    "binding_of",
    "difference_interval",
    "forced_choice",
    "object_leads",
    "share_over_bags",
    "strict_chance",
    "twin_of",
    "unpaired_choice",
]
