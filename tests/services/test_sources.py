import pytest

from bindscope.core.errors import Conflict, PayloadTooLarge
from bindscope.services.sources import ModelSource

SPACE = b"name: moving\nconcepts:\n  color: [red, blue]\n  item: [shoe, bag]\n"


def test_a_source_that_would_fill_the_memory_is_refused_with_the_limit_that_fits(parts) -> None:
    with pytest.raises(PayloadTooLarge, match="limit of at most 65,536"):
        parts.sources.resolve(ModelSource("synthetic:bag", "words", "text", limit=200_000))


def test_a_space_that_changes_under_an_analysis_gives_no_answer_under_the_old_name(parts, monkeypatch) -> None:
    parts.spaces.add(SPACE)
    embed = parts.sources.embed

    def replaced_meanwhile(source, labels, *, progress=None):
        parts.spaces.remove("moving")
        parts.spaces.add(SPACE + b"phrase: 'the {item}, {color}'\n")
        return embed(source, labels)

    source = ModelSource("synthetic:bag", "moving", "text")
    with monkeypatch.context() as during:
        during.setattr(parts.sources, "embed", replaced_meanwhile)
        with pytest.raises(Conflict, match="ask again"):
            parts.sources.resolve(source)
    assert len(parts.sources.resolve(source).labels) == 16
