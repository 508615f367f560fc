import json

import pytest

QUESTION = {
    "source": {"model": "synthetic:additive", "space": "clevr2d", "modality": "image", "limit": 100},
    "splits": 1,
}


def test_any_question_is_asked_by_its_name(bindscope, tmp_path) -> None:
    body = tmp_path / "body.json"
    body.write_text(json.dumps(QUESTION))
    rows = bindscope("ask", "removals", json.dumps(QUESTION)).stdout.splitlines()
    assert rows[0].startswith("chance=0.5")
    assert "variant=original" in rows[0]
    for given, stdin in ((f"@{body}", ""), ("-", json.dumps(QUESTION))):
        found = json.loads(bindscope("ask", "removals", given, "--json", stdin=stdin).stdout)
        assert found["cached"]
        assert set(found["variants"]) > {"original", "minus_concepts", "minus_objects"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("nothing", "{}"), "Known: model-checks"),
        (("probes", "[1]"), "is a JSON object"),
        (("probes", "{"), "is not JSON"),
        (("probes", "@nofile"), "No such file"),
        (("probes", "{}"), "source"),
    ],
)
def test_what_is_no_question_is_told_in_a_sentence(bindscope, arguments, sentence) -> None:
    wrong = bindscope("ask", *arguments)
    assert wrong.returncode == 1
    assert sentence in wrong.stderr
