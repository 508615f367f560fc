"""The cards of a verdict as HTML: what the model sees, the diagnosis, the concepts, the objects; findings."""

import base64
from collections.abc import Mapping

from bindscope.core.sentences.words import Finding
from bindscope.features.verdicts.findings import contest_sentence, kept_sentence, twin_sentence
from bindscope.features.verdicts.schemas import ConceptScore, ObjectScore, Verdict
from bindscope.scenes.render import OUTLINES, PALETTE
from bindscope_dashboard.components.scene_editor import css_color
from bindscope_dashboard.shared.html import Html, joined, tag
from bindscope_dashboard.shared.wording import DIAGNOSES, device, model_title, score

#: Objects shown of the whole list: the best ones and all that are present.
TOP_OBJECTS = 5


def model_heading(model: str, note: str | None = None) -> Html:
    """The model's name and where it runs."""
    return tag(
        "div", tag("h2", model_title(model), title=model), tag("span", note or "", cls="bs-muted"), cls="bs-model"
    )


def verdict_card(verdict: Verdict, *, png: bytes | None, pixels: int | None, hidden: bool = False) -> Html:
    """Diagnosis and answer beside the picture. ``hidden``: the picture only, before the guess."""
    parts = [seen(png, pixels)] if png and pixels else []
    if hidden:
        parts.append(tag("div", *_question(verdict), cls="words"))
        return tag("section", *parts, cls="bs-card bs-verdict", aria_label="Verdict, hidden")
    named = DIAGNOSES[verdict.diagnosis]
    words = [
        tag(
            "p",
            tag("span", named.sign, cls="sign", aria_hidden="true"),
            named.title,
            cls="bs-diagnosis",
            title=named.meaning,
        ),
        tag("p", verdict.answer, cls="answer"),
    ]
    if verdict.anchor == "text":
        words.append(
            tag(
                "p",
                "Text only: captions are compared with “",
                verdict.anchor_text or "",
                "”, as listed.",
                cls="bs-muted",
            )
        )
    parts.append(tag("div", *words, cls="words"))
    return tag("section", *parts, cls=f"bs-card bs-verdict {verdict.diagnosis}", aria_label="Verdict")


def seen(png: bytes, pixels: int) -> Html:
    """What the model sees, enlarged without smoothing."""
    source = "data:image/png;base64," + base64.b64encode(png).decode("ascii")
    caption = tag("figcaption", f"What the model sees: {pixels} × {pixels} pixels")
    return tag("figure", tag("img", src=source, alt="The scene as the model sees it"), caption, cls="bs-seen")


def thumbnail(png: bytes, text: str) -> Html:
    """A small picture with its caption."""
    source = "data:image/png;base64," + base64.b64encode(png).decode("ascii")
    return tag("figure", tag("img", src=source, alt=text), tag("figcaption", text), cls="bs-thumb")


def contest_heading(verdict: Verdict) -> Html:
    """Title and outcome of the contest."""
    sentence = contest_sentence(verdict.contest, anchor=verdict.anchor, robustness=verdict.robustness)
    return tag("div", tag("h3", "Caption contest"), tag("span", sentence, cls="bs-muted"), cls="bs-head")


def contest_notes(verdict: Verdict) -> Html:
    """How stable the winner is, and how the scene's twin fares; nothing where neither was asked."""
    contest, robust = verdict.contest, verdict.robustness
    notes = [twin_sentence(contest.margin, verdict.twin_margin, floor=contest.noise_floor)]
    if robust is not None:
        notes.insert(0, kept_sentence(robust))
    said = " ".join(note for note in notes if note)
    return tag("p", said, cls="bs-muted") if said else Html("")


def finding_card(finding: Finding) -> Html:
    """A title with its sign, and the sentence."""
    sign = DIAGNOSES[finding.tone].sign
    title = tag("p", tag("span", sign, cls="sign", aria_hidden="true"), finding.title, cls="bs-diagnosis")
    words = tag("div", title, tag("p", finding.sentence, cls="answer"), cls="words")
    return tag("section", words, cls=f"bs-card bs-verdict {finding.tone}", aria_label="In one sentence")


def concept_chips(verdict: Verdict) -> Html:
    """A row per concept: the values in the scene, and the strongest one that is not."""
    by_concept: dict[str, list[ConceptScore]] = {}
    for entry in verdict.concepts.scores:
        by_concept.setdefault(entry.concept, []).append(entry)
    rows = [_concept_row(name, own, verdict.concepts.by_concept.get(name, False)) for name, own in by_concept.items()]
    heading = tag("div", tag("h3", "Concepts"), _flag(verdict.concepts.recognised), cls="bs-head")
    return tag("section", heading, *rows, aria_label="Concepts")


def object_list(verdict: Verdict) -> Html:
    """The best object queries and those of the scene, with bars."""
    heading = tag("div", tag("h3", "Objects"), _flag(verdict.objects.recognised), cls="bs-head")
    ranked = sorted(verdict.objects.scores, key=lambda o: -o.score)
    if not ranked:
        return tag("section", heading, aria_label="Objects")
    shown = [(rank, o) for rank, o in enumerate(ranked, 1) if rank <= TOP_OBJECTS or o.present]
    low, high = min(0.0, ranked[-1].score), max(ranked[0].score, 1e-9)
    rows = [_object_row(rank, entry, share=(entry.score - low) / (high - low)) for rank, entry in shown]
    note = tag("p", f"The best of {len(ranked)} object queries; ✓ stands for those in the scene.", cls="bs-muted")
    return tag("section", heading, tag("ol", *rows, cls="bs-objects"), note, aria_label="Objects")


def runs_where(verdict: Verdict) -> str:
    """``CPU, float32 · 12 ms``, for the heading."""
    return f"{device(verdict.provenance)} · {verdict.milliseconds:.0f} ms"


def icon(values: Mapping[str, str]) -> Html:
    """The object as a tiny picture; nothing where it cannot be drawn."""
    outline, color = OUTLINES.get(values.get("shape", "")), PALETTE.get(values.get("color", ""))
    if outline is None or color is None:
        return tag("span")
    path = tag("path", d=outline, fill=css_color(color), fill_rule="evenodd")
    return svg_image(path, box="-0.55 -0.55 1.1 1.1", alt="")


def svg_image(*drawn: Html, box: str, alt: str) -> Html:
    """Drawn shapes as an image: the page takes no inline SVG."""
    drawing = tag("svg", *drawn, xmlns="http://www.w3.org/2000/svg", viewBox=box)
    return tag("img", src="data:image/svg+xml;base64," + base64.b64encode(drawing.encode()).decode("ascii"), alt=alt)


def _question(verdict: Verdict) -> list[Html]:
    """The captions to guess between: one of each kind, the first by name: the choice tells nothing."""
    lines = [tag("p", "Your guess first: which caption will this model prefer?", cls="answer")]
    for kind, label in (("true", "true"), ("swap", "swapped")):
        caption = next((c.text for c in sorted(verdict.contest.captions, key=lambda c: c.text) if c.kind == kind), None)
        if caption is not None:
            lines.append(tag("p", tag("strong", label), f": {caption}", cls="bs-muted"))
    return lines


def _mark(good: bool) -> Html:
    return tag("span", "✓" if good else "✗", cls=f"bs-flag {'yes' if good else 'no'}")


def _flag(recognised: bool) -> Html:
    return tag(
        "span", "✓ recognised" if recognised else "✗ not recognised", cls=f"bs-flag {'yes' if recognised else 'no'}"
    )


def _concept_row(name: str, scores: list[ConceptScore], recognised: bool) -> Html:
    present = [s for s in scores if s.present]
    absent = sorted((s for s in scores if not s.present), key=lambda s: -s.score)
    best_absent = absent[0].score if absent else float("-inf")
    chips = [_chip(s, cls="bs-chip present", mark="✓" if s.score > best_absent else "✗") for s in present]
    weakest = min((s.score for s in present), default=float("inf"))
    if absent:
        intruding = absent[0].score >= weakest
        chips.append(_chip(absent[0], cls="bs-chip intruder" if intruding else "bs-chip", mark="not there:"))
    label = tag("span", f"{name} ", _mark(recognised), cls="name")
    return tag("div", label, tag("span", *chips, cls="chips"), cls="bs-row")


def _chip(entry: ConceptScore, *, cls: str, mark: str) -> Html:
    dot = Html("")
    if entry.concept == "color" and entry.value in PALETTE:
        dot = tag("i", style=f"background:{css_color(PALETTE[entry.value])}", aria_hidden="true")
    where = "in the scene" if entry.present else "the strongest value that is not in the scene"
    hint = f"{entry.value}: cosine {score(entry.score)}, {where}"
    return tag("span", tag("small", mark), dot, entry.value, tag("small", score(entry.score)), cls=cls, title=hint)


def _object_row(rank: int, entry: ObjectScore, *, share: float) -> Html:
    bar = tag("span", tag("b", style=f"width:{100 * max(0.0, min(1.0, share)):.1f}%"), cls="bar", aria_hidden="true")
    return tag(
        "li",
        tag("span", str(rank), cls="rank"),
        icon(entry.values),
        tag("span", " ".join(entry.values.values()), " ✓" if entry.present else "", cls="label"),
        bar,
        tag("span", score(entry.score), cls="score"),
        cls="present" if entry.present else None,
    )


def joined_cards(*parts: Html) -> Html:
    """Several cards as one element."""
    return joined(*parts)
