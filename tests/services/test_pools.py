import pytest

from bindscope.core.errors import Conflict, PayloadTooLarge
from bindscope.services.pools.drawn import DrawnPool

SPACE = b"name: moving\nconcepts:\n  color: [red, blue]\n  item: [shoe, bag]\n"


def test_a_pool_that_would_fill_the_memory_is_refused_with_the_limit_that_fits(parts) -> None:
    with pytest.raises(PayloadTooLarge, match="limit of at most 65,536"):
        parts.pools.drawn("words", model="synthetic:bag", modality="text", limit=200_000).embedded()


def test_a_space_that_changes_under_an_analysis_gives_no_answer_under_the_old_name(parts, monkeypatch) -> None:
    parts.spaces.add(SPACE)
    embed = DrawnPool.vectors_of

    def replaced_meanwhile(pool, scenes):
        parts.spaces.remove("moving")
        parts.spaces.add(SPACE + b"phrase: 'the {item}, {color}'\n")
        return embed(pool, scenes)

    pool = parts.pools.drawn("moving", model="synthetic:bag", modality="text")
    with monkeypatch.context() as during:
        during.setattr(DrawnPool, "vectors_of", replaced_meanwhile)
        with pytest.raises(Conflict, match="ask again"):
            pool.embedded()
    assert len(pool.embedded().labels) == 16
