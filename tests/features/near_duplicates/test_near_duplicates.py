import pytest

from mini_space import ask, refused

pytestmark = pytest.mark.usefixtures("mini")


def test_captions_that_share_a_vector_are_found(api):
    got = ask(api, "near-duplicates", model="synthetic:order-blind", space="mini")
    assert got["total"] > 0
    assert got["pairs"][0]["swap"] is True
    assert got["pairs"][0]["cosine"] == pytest.approx(1.0)
    none = ask(api, "near-duplicates", model="synthetic:additive", space="mini")
    assert none["total"] == 0
    assert none["share"] == {"value": 0.0, "low": None, "high": None, "n": none["compared"]}
    assert none["compared"] == got["compared"] > 0


def test_pasted_captions_are_compared_at_a_chosen_cosine(api):
    texts = ["a red square", " a red square ", "a red circle", "a photo of a dog"]
    got = ask(api, "near-duplicates", model="bundled:all-minilm-l6-v2", texts=texts, min_cosine=0.0)
    assert got["captions"] == 3
    assert got["total"] == len(got["pairs"]) == 3
    assert [pair["swap"] for pair in got["pairs"]] == [None] * 3
    assert "at least two" in refused(api, "near-duplicates", model="synthetic:bag", texts=["one"])
    assert "either a space, a dataset or texts" in refused(api, "near-duplicates", model="synthetic:bag")
