"""An error that says nothing about the model is not written into an answer that is kept."""

import pytest

from bindscope.analysis.probing import probe
from bindscope.core.cancellation import Token, carrying
from bindscope.core.errors import CallerLeft
from bindscope.core.specs import ProbeSpec
from bindscope.features.comparisons.schemas import ComparisonRequest
from bindscope.features.comparisons.service import Comparisons
from bindscope.services.twins import random_twin


@pytest.fixture
def left():
    token = Token()
    token.cancel("left")
    return token


def test_a_caller_who_leaves_is_no_reason_for_a_missing_twin(parts, left) -> None:
    pool = parts.pools.drawn("shapes2d", model="bundled:tiny-bind", limit=30)
    data = pool.embedded()
    spec = ProbeSpec(splits=1)
    own = probe(data.embeddings, data.labels, spec)
    with carrying(left), pytest.raises(CallerLeft):
        random_twin(pool, own, spec=spec, seeds=1)


def test_a_caller_who_leaves_is_no_reason_for_a_missing_figure_of_a_board(parts, left, monkeypatch) -> None:
    from bindscope.features.comparisons import rows

    asked = ComparisonRequest(models=["synthetic:product"], space="shapes2d", count=10, limit=20)

    def while_probing(*_):
        with carrying(left):
            left.check()

    monkeypatch.setattr(rows, "probe", while_probing)
    with pytest.raises(CallerLeft):
        list(parts.of(Comparisons).board(asked))
    monkeypatch.undo()
    board = list(parts.of(Comparisons).board(asked))[-1]
    assert not board.cached
    assert board.rows[0].probes["image"] is not None
