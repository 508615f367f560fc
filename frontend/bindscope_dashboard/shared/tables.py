"""Tables as HTML: real table elements, so that they can be read aloud and searched in the page."""

from collections.abc import Sequence

from bindscope.core.wire import Provenance
from bindscope.features.verdicts.schemas import Verdict
from bindscope_dashboard.shared.html import Child, Html, joined, tag
from bindscope_dashboard.shared.wording import score

#: Rows of objects that the table shows; the download has all of them.
_OBJECTS = 15
_CAPTIONS = 30


def table(
    header: Sequence[str],
    rows: Sequence[Sequence[Child]],
    *,
    label: str,
    numbers: frozenset[int] = frozenset(),
    cls: str = "",
) -> Html:
    """A table with a row of headings; columns in ``numbers`` are right-aligned."""
    head = tag(
        "tr", *(tag("th", name, scope="col", cls="number" if i in numbers else None) for i, name in enumerate(header))
    )
    body = [
        tag("tr", *(tag("td", cell, cls="number" if i in numbers else None) for i, cell in enumerate(row)))
        for row in rows
    ]
    inner = tag("table", tag("thead", head), tag("tbody", *body), cls=f"bs-table {cls}".strip(), aria_label=label)
    return tag("div", inner, cls="bs-scroll", tabindex=0, role="region", aria_label=label)


def facts(pairs: Sequence[tuple[str, Child]], *, label: str) -> Html:
    """Names and values."""
    rows = [tag("tr", tag("th", name, scope="row"), tag("td", value)) for name, value in pairs]
    inner = tag("table", tag("tbody", *rows), cls="bs-table facts", aria_label=label)
    return tag("div", inner, cls="bs-scroll", tabindex=0, role="region", aria_label=label)


def verdict_tables(verdict: Verdict) -> Html:
    """Captions, concept values and the best objects, then what the numbers were made with."""
    captions = sorted(verdict.contest.captions, key=lambda c: -c.score)[:_CAPTIONS]
    concepts = sorted(verdict.concepts.scores, key=lambda c: (c.concept, -c.score))
    objects = sorted(verdict.objects.scores, key=lambda o: -o.score)[:_OBJECTS]
    yes = {True: "✓", False: ""}
    return joined(
        table(
            ("Caption", "Kind", "Cosine"),
            [(c.text, c.kind, score(c.score)) for c in captions],
            label="Captions",
            numbers=frozenset({2}),
            cls="dense",
        ),
        table(
            ("Concept", "Value", "In scene", "Cosine"),
            [(c.concept, c.value, yes[c.present], score(c.score)) for c in concepts],
            label="Concept values",
            numbers=frozenset({3}),
            cls="dense",
        ),
        table(
            ("Object", "In scene", "Cosine"),
            [(" ".join(o.values.values()), yes[o.present], score(o.score)) for o in objects],
            label="Best object queries",
            numbers=frozenset({2}),
            cls="dense",
        ),
        facts(
            [("noise floor", f"{verdict.contest.noise_floor:.2e}"), *provenance_facts(verdict.provenance)],
            label="Provenance",
        ),
    )


def provenance_facts(provenance: Provenance) -> list[tuple[str, Child]]:
    """What the numbers were made with."""
    given = provenance.model_dump(exclude_none=True, exclude={"versions"})
    pairs: list[tuple[str, Child]] = [(name, str(value)) for name, value in given.items()]
    return [*pairs, ("versions", ", ".join(f"{name} {version}" for name, version in provenance.versions.items()))]
