import io
import json
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bindscope.client.bundles import Bundle, bundle_from
from bindscope.core.errors import BindscopeError
from bindscope.features.models.schemas import ModelSummary

MODEL = ModelSummary(
    id="gone:model", family="hf", modalities=["text"], dim=3, source="", loaded=True, fingerprint="ab"
)  # fmt: skip
texts = st.text(max_size=20)
answers = st.one_of(
    st.dictionaries(texts, texts, max_size=3).map(lambda found: json.dumps(found).encode()),
    st.binary(max_size=40).map(lambda data: b"\x89PNG\r\n\x1a\n" + data),
)


@given(st.dictionaries(texts, texts, max_size=4), st.dictionaries(texts, answers, max_size=5))
def test_what_is_written_is_read(query, answers) -> None:
    bundle = Bundle("probe", query, "2026-01-01", "1", [MODEL], [], answers)
    assert bundle_from(bundle.to_bytes()) == bundle


def changed(head=None, **members) -> bytes:
    file = io.BytesIO()
    plain = {"format": 1, "page": "probe", "query": {}, "answers": []}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bundle.json", json.dumps({**plain, **(head or {})}))
        for name, body in members.items():
            archive.writestr(name, body)
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "part"),
    [
        (b"none", "not a readable zip"),
        (changed({"format": 9}), "format 9"),
        (changed({"page": "../x"}), "does not name a page"),
        (changed({"query": {"a": 1}}), "does not name a page"),
        (changed({"answers": [{"key": "a", "file": "answers/000.json"}]}), "missing or damaged"),
        (changed({"answers": [3]}), "is damaged"),
        (changed({"answers": [{"key": "a", "file": "answers/000.json"}]}, **{"answers/000.json": "{"}), "is not JSON"),
        (changed({"answers": [{"key": "a", "file": "answers/000.png"}]}, **{"answers/000.png": "{}"}), "is no PNG"),
        (changed({"models": [{}]}), "is damaged"),
        (changed(**{"../evil.json": "x"}), "'../evil.json', which is no part"),
        (changed(**{"answers/000.json": bytes(300 * 2**20)}), "unpacks to"),
    ],
)  # fmt: skip
def test_what_is_no_bundle_is_refused_with_its_reason(data, part) -> None:
    with pytest.raises(BindscopeError) as caught:
        bundle_from(data)
    assert part in str(caught.value)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_bundle_or_a_sentence(data) -> None:
    with pytest.raises(BindscopeError):
        bundle_from(data)
