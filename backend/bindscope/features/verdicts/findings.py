"""What contests of captions say: of one scene, of many, and of a scene that was edited until its winner changed."""

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

from bindscope.core.binding_rules import Says, says
from bindscope.core.sentences.words import Binding, Finding, Interval, Tone, percent, score_text, too_few, with_interval

Outcome = Literal["binds", "swaps", "undecided", "no_valid_swap"]


class Contest(Protocol):
    """The contest of one scene."""

    @property
    def outcome(self) -> Outcome: ...
    @property
    def margin(self) -> float | None: ...
    @property
    def noise_floor(self) -> float: ...


class Robustness(Protocol):
    """How many copies that differ by a hair keep the winner."""

    @property
    def same(self) -> int: ...
    @property
    def copies(self) -> int: ...
    @property
    def kind(self) -> Literal["places", "templates"]: ...
    @property
    def stable(self) -> bool: ...


def listed(words: Sequence[str]) -> str:
    """``red, blue, square``: each word once, in order."""
    return ", ".join(dict.fromkeys(words))


def scene_answer(
    diagnosis: Tone, contest: Contest, *, seen: Sequence[str], missed: Sequence[str], robustness: Robustness | None
) -> str:
    """The verdict on one scene. ``seen`` and ``missed``: present values that score above every absent one, or not."""
    what = f"It sees {listed(seen)}"
    if diagnosis == "blind":
        rest = f" It does see {listed(seen)}." if seen else ""
        return f"It does not reliably see {listed(missed)}, so not all that is to be bound is there.{rest}"
    if contest.outcome == "no_valid_swap":
        return f"{what}. Nothing can be exchanged in this scene, so there is no swapped caption."
    if contest.outcome == "undecided" and is_shaky(contest):
        return f"{what}, but not which is which for sure: {hair_sentence(robustness)}."
    if diagnosis == "bag_of_concepts":
        if contest.outcome == "binds":
            return (
                f"{what} and prefers the true caption, but asked for single objects it names some that are not there."
            )
        if contest.outcome == "swaps":
            return f"{what}, but not which is which: it prefers the swapped caption."
        return f"{what}, but not which is which."
    if diagnosis == "undecided":
        return f"{what}, but the true and the swapped caption score the same, within its own noise."
    return f"It knows which is which: the true caption leads the swapped one by {contest.margin or 0:.3f}."


def is_shaky(contest: Contest) -> bool:
    """Whether there is a lead beyond the noise floor, and no winner all the same: a hair changes it."""
    return contest.outcome == "undecided" and contest.margin is not None and abs(contest.margin) > contest.noise_floor


def hair_sentence(robustness: Robustness | None) -> str:
    """Why a lead makes no winner."""
    if robustness is None:
        return "a change by a hair changes the winner"
    change = "moving things by a hair" if robustness.kind == "places" else "another template"
    kept = f"only {robustness.same} of {robustness.copies} copies have the same winner"
    return f"{change} changes the winner ({kept})"


def kept_sentence(robustness: Robustness) -> str:
    """How many copies keep the winner."""
    change = "moved by a hair" if robustness.kind == "places" else "in another template"
    return f"{robustness.same} of {robustness.copies} copies {change} have the same winner."


def contest_sentence(contest: Contest, *, anchor: str, robustness: Robustness | None = None) -> str:
    """The contest of one scene, for the heading and for screen readers."""
    what = "picture" if anchor == "image" else "caption"
    if contest.margin is None or contest.outcome == "no_valid_swap":
        return "There is nothing to exchange in this scene: no swap changes its objects."
    margin = f"margin {signed(contest.margin)}"
    if contest.outcome == "binds":
        return f"The true caption is nearer to the {what} ({margin})."
    if contest.outcome == "swaps":
        return f"A swapped caption is nearer to the {what} ({margin})."
    if is_shaky(contest):
        return f"Undecided: {hair_sentence(robustness)}, {margin}."
    return f"Too close to call: the {margin} lies inside the noise floor."


def twin_sentence(margin: float | None, twin: float | None, *, floor: float) -> str:
    """What the same contest says of the scene with the values exchanged; empty where it was not asked."""
    if margin is None or twin is None:
        return ""
    start = f"Its twin, with the values exchanged, has the margin {signed(twin)}"
    if abs(twin) <= floor or abs(margin) <= floor:
        return f"{start}."
    if (twin > 0) != (margin > 0):
        return f"{start}: the same caption wins for both, so winning this scene alone says nothing."
    return (
        f"{start}: each scene prefers its own caption." if twin > 0 else f"{start}: each prefers the other's caption."
    )


def signed(value: float) -> str:
    """A margin with its sign: ``+0.0031``, or ``+5.1e−04`` where it is small."""
    if value == 0:
        return "0"
    return f"{value:+.4f}".replace("-", "−") if abs(value) >= 0.001 else f"{value:+.1e}".replace("-", "−")


def bias_decides(binding: Binding) -> bool:
    """Whether the contest is not won although the double difference, which no liking for a text can move, is."""
    double = binding.double_difference
    if double is None or binding.says == "present":
        return False
    word = says(double.low, double.high, double.n)
    return word == "present" or (word == "weak" and binding.says in ("not found", "below chance"))


def contest_finding(binding: Binding, *, anchor: str) -> Finding:
    """Contests over many scenes: does the cosine tell a scene's caption from that of its swap?"""
    if binding.forced_choice is None:
        return Finding("Nothing to say", f"No scene and its swap were both there: {too_few(binding)}.", "undecided")
    what = "A picture" if anchor == "image" else "A caption"
    sentence = (
        f"{what} lies nearer to its own caption than to that of its swap in {score_text(binding)}; chance 50 %."
        if anchor == "image"
        else f"{what} lies nearer to itself in another order than to its swap in {score_text(binding)}; chance 50 %."
    )
    ties = binding.undecided.value or 0.0
    sentence += f" {percent(ties)} of the contests are ties, which count half." if ties >= 0.05 else ""
    double = binding.double_difference
    if bias_decides(binding) and double is not None:
        more = (
            f"With both scenes and both captions at once, where a liking for certain texts or pictures cancels, it is "
            f"right in {with_interval(double, 'bags')}."
        )
        return Finding("Knows, but a bias decides", f"{sentence} {more}", "undecided")
    if binding.says == "too few":
        return Finding("Too few scenes to say", f"{sentence[:-1]}; {too_few(binding)}.", "undecided")
    title, tone = _TITLES[binding.says]
    return Finding(title, sentence, tone)


_TITLES: Mapping[Says, tuple[str, Tone]] = {
    "present": ("Binds", "binds"),
    "weak": ("Binds a little", "undecided"),
    "not found": ("Does not tell a scene from its swap", "bag_of_concepts"),
    "below chance": ("Prefers the swapped one", "bag_of_concepts"),
}


def double_sentence(binding: Binding) -> str:
    """The double difference; empty where there is none."""
    double = binding.double_difference
    if double is None:
        return ""
    return (
        f"Both scenes and both captions at once (free of a liking for certain texts or pictures): "
        f"{with_interval(double, 'bags')}; chance 50 %."
    )


def order_sentence(interval: Interval | None) -> str:
    """Text-only models: what outweighs what, order or meaning; empty where it was not asked."""
    if interval is None or interval.low is None or interval.high is None:
        return ""
    figure = "The same meaning in another order beats another meaning in the same order in "
    figure += with_interval(interval, "bags")
    if interval.low > 0.5:
        return f"{figure}: meaning outweighs order."
    return f"{figure}: order outweighs meaning." if interval.high < 0.5 else f"{figure}: neither outweighs the other."


def accuracy_sentence(accuracy: Interval, chance: float | None) -> str:
    """The best of all captions, with the level that captions which are all alike reach."""
    level = "" if chance is None else f"; with captions that are all alike {percent(chance)}"
    return f"A true caption scores best of all in {with_interval(accuracy, 'scenes')}{level}."


def robust_sentence(robust: Interval | None) -> str:
    """How many winners survive a change by a hair; empty where none was tried."""
    if robust is None or robust.value is None:
        return ""
    return (
        f"Of the scenes with a winner {with_interval(robust, 'bags')} keep it when things move by a hair or the "
        "template changes. That says whether single verdicts are stable, not whether the model binds."
    )


def broken_finding(before: Outcome, after: Outcome | None, *, edit: str, tried: int) -> Finding:
    """What an edited scene shows; ``after`` None where no edit changed the winner."""
    if after is None:
        return Finding("It held", f"None of the {tried} edits that were tried changes the winner.", "undecided")
    if before == "binds":
        return Finding("Broken", f"After this edit a swapped caption wins: {edit} ({tried} tried).", "bag_of_concepts")
    return Finding("Repaired", f"After this edit the true caption wins: {edit} ({tried} tried).", "binds")
