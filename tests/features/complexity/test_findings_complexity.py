from types import SimpleNamespace as Fields

import pytest

from bindscope.core.binding_rules import says
from bindscope.features.complexity.findings import complexity_finding, kind_name
from bindscope.features.trainings.findings import course_sentence, relation_sentence, training_finding

KINDS = ("additive", "per_object_product", "global_product", "mlp:256")


def score(value: float | None, n: int = 40, half: float = 0.05) -> Fields:
    found = None if value is None else Fields(value=value, low=value - half, high=value + half, n=n)
    word = says(None, None, 0) if found is None else says(found.low, found.high, n)
    return Fields(forced_choice=found, says=word, unpaired=None, twin=None, control=None, double_difference=None)


def points(*values: float | None, coverage: float = 0.6, n: int = 40, r2: float = 0.9) -> list[Fields]:
    return [
        Fields(kind=kind, coverage=coverage, binding=score(value, n), test_r2=r2)
        for kind, value in zip(KINDS, values, strict=False)
    ]


def cells(ceiling: float = 0.95, coverage: float = 0.6) -> list[Fields]:
    recovery = Fields(rank=12, noise=0.05, sum_share=0.6, test_r2=0.41, sum_r2=0.35)
    return [
        Fields(kind=kind, coverage=coverage, ceiling_binding=score(ceiling), recovery=recovery if number else None)
        for number, kind in enumerate(KINDS[:3])
    ]


def test_the_simplest_family_that_recovers_the_binding_is_named_with_its_score_and_chance() -> None:
    found = complexity_finding(points(0.52, 0.55, 0.96, 0.97), cells())
    assert found.title == "Recovered by the global product"
    assert "96 % (91 to 101 %, n = 40); chance 50 %" in found.sentence
    assert "The product per object reaches 55 %" in found.sentence
    assert "which is not binding" in found.sentence


def test_what_is_not_recovered_is_said_of_these_families_only_and_calibrated() -> None:
    found = complexity_finding(points(0.50, 0.51, 0.52, r2=0.25), cells())
    assert found.title == "Not recovered by these families"
    assert "not recovered by these families here" in found.sentence
    assert "On a synthetic global product of this size (12 dimensions, noise 5 % of the spread)" in found.sentence
    assert "R² 0.41" in found.sentence


@pytest.mark.parametrize("r2", [0.1, 0.9])
def test_a_high_r2_is_no_binding_and_a_low_one_no_absence(r2: float) -> None:
    holding, bag = complexity_finding(points(0.96, r2=r2), cells()), complexity_finding(points(0.5, r2=r2), cells())
    assert holding.title == "Recovered by the sum"
    assert bag.title == "Not recovered by these families"


def test_where_the_true_embeddings_hold_no_binding_there_is_nothing_to_recover() -> None:
    found = complexity_finding(points(0.5, 0.5, 0.5), cells(ceiling=0.5))
    assert found.title == "Nothing to recover"
    assert "does not find the binding" in found.sentence


def test_too_few_unseen_objects_support_no_claim() -> None:
    found = complexity_finding(points(0.5, 0.9, n=6), cells())
    assert found.title == "Too few unseen objects to say"
    assert "6, and a claim takes 10" in found.sentence


def test_a_part_of_the_binding_is_called_a_part() -> None:
    assert complexity_finding(points(0.5, 0.65, 0.7), cells()).title == "Recovered in part"


def test_the_sentence_is_about_the_coverage_that_most_families_have() -> None:
    both = [*points(0.5, 0.5, coverage=0.4), *points(0.9, coverage=0.6)]
    assert "at coverage 0.4" in complexity_finding(both, cells(coverage=0.4)).sentence
    assert complexity_finding([], []) is None


@pytest.mark.parametrize("value", [None, 0.1, 0.5, 0.7, 0.96])
@pytest.mark.parametrize("ceiling", [0.5, 0.95])
def test_no_sentence_claims_that_there_is_no_rule(value: float | None, ceiling: float) -> None:
    found = complexity_finding(points(value, value), cells(ceiling=ceiling))
    said = f"{found.title} {found.sentence}".lower()
    assert "no simple rule" not in said
    assert "absent" not in said
    assert "no family" not in said


def test_families_are_said_in_words() -> None:
    assert [kind_name(k) for k in ("additive", "mlp:1024", "gradient_boosting")] == [
        "sum", "MLP, 1024 wide", "gradient boosting",
    ]  # fmt: skip


def trained(unseen: float | None, seen: float | None, n: int = 20) -> Fields:
    strict = Fields(value=0.7, low=0.6, high=0.8, n=n)
    levels = Fields(unconditional=0.001, given_bag=1 / 6, ceiling_bag=0.5)
    return Fields(binding=score(unseen, n), seen_binding=score(seen), unseen={"object_on_valid_swaps": strict},
                  object_chance=levels)  # fmt: skip


@pytest.mark.parametrize(
    ("unseen", "seen", "title"),
    [(0.93, 0.94, "It generalises"), (0.65, 0.94, "It generalises in part"), (0.5, 0.94, "It does not generalise"),
     (0.5, 0.5, "Not learnt"), (None, 0.9, "Not measured")],
)  # fmt: skip
def test_a_run_is_told_by_its_binding_score_of_unseen_objects(unseen, seen, title) -> None:
    found = training_finding(trained(unseen, seen))
    assert found.title == title
    assert "knowing the concepts alone gives 17 % by guessing and at most 50 %" in found.sentence


def test_a_run_with_few_unseen_objects_is_a_figure_and_no_claim() -> None:
    found = training_finding(trained(0.93, 0.94, n=9))
    assert found.title == "Too few unseen objects to say"
    assert "unseen objects 93 % (88 to 98 %, n = 9)" in found.sentence


def test_a_jump_is_only_said_where_one_was_found() -> None:
    climb = course_sentence(Fields(space="grid-2x16", n=15, shape="climb", at=None))
    assert "smooth climb" in climb
    jump = course_sentence(Fields(space="grid-2x16", n=15, shape="jump", at=(0.4, 0.6)))
    assert "jump between coverages 0.4 and 0.6" in jump
    assert "no shape stands out" in course_sentence(Fields(space="grid-2x16", n=3, shape=None, at=None))


def test_a_relation_is_only_told_among_runs_of_equal_coverage() -> None:
    shown = relation_sentence(Fields(part="seen", n=30, rank=0.9, partial=0.6, p=0.001))
    assert "the better a run binds unseen objects" in shown
    assert "0.60, p = 0.001" in shown
    none = relation_sentence(Fields(part="seen", n=30, rank=0.98, partial=0.1, p=0.6))
    assert "nothing is shown" in none
    assert "two runs share" in relation_sentence(Fields(part="unseen", n=10, rank=0.9, partial=None, p=None))
    assert "too few" in relation_sentence(Fields(part="unseen", n=2, rank=None, partial=None, p=None))
