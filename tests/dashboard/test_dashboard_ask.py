import json

from bindscope.client.bundles import Bundle
from bindscope.features.probes.schemas import ProbeRequest
from bindscope_dashboard.shared.ask import as_asked_here, key_of

_SOURCE = {"model": "synthetic:bag", "space": "clevr2d", "modality": "image"}


def test_equal_questions_share_a_key_however_they_are_written():
    plain = {"source": _SOURCE}
    written_out = {"seed": 0, "train_ratio": 0.4, "source": {**_SOURCE, "limit": 10_000}}
    assert key_of(plain, ProbeRequest) == key_of(written_out, ProbeRequest)
    assert key_of(plain, ProbeRequest) != key_of({**plain, "seed": 1}, ProbeRequest)


def test_an_upload_takes_the_place_of_the_space_that_stands_for_it():
    asked = json.loads(key_of({"source": {**_SOURCE, "space": "data-0123456789abcdef"}}, ProbeRequest))
    assert asked == {"source": {"model": "synthetic:bag", "modality": "image", "dataset": "0123456789abcdef"}}


def test_a_question_that_cannot_be_one_is_sent_for_the_service_to_say_why():
    assert json.loads(key_of({"source": _SOURCE, "seed": -1}, ProbeRequest))["seed"] == -1


def test_a_bundle_that_writes_defaults_out_answers_the_same_question():
    old = json.dumps({"source": _SOURCE, "train_ratio": 0.4, "seed": 0}, sort_keys=True)
    answers = {f"ProbeResponse {old}": b"{}", "JobModel training-ff": b"{}", 'picture {"pixels": 96}': b"\x89PNG"}
    opened = as_asked_here(Bundle("probe", {}, "", "", answers=answers)).answers
    asked = key_of({"source": _SOURCE}, ProbeRequest)
    assert list(opened) == [f"ProbeResponse {asked}", "JobModel training-ff", 'picture {"pixels": 96}']
