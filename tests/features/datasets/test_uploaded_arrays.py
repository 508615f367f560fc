"""The parser of uploads: whatever the bytes are, it ends with arrays that fit together or with a sentence."""

import io
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bindscope.core.errors import BindscopeError
from bindscope.features.datasets.arrays import read_npz

LIMIT = 4_000_000


def whole() -> bytes:
    file = io.BytesIO()
    scenes = np.array([[[a, b], [c, d]] for a in range(2) for b in range(2) for c in range(2) for d in range(2)])
    rows = np.random.default_rng(0).standard_normal((len(scenes), 4)).astype(np.float32)
    np.savez(file, embeddings=rows, scenes=scenes, values=np.array([2, 2]), names=np.array(["color", "shape"]))
    return file.getvalue()


WHOLE = whole()


def parsed(data: bytes) -> None:
    try:
        upload = read_npz(io.BytesIO(data), max_bytes=LIMIT)
    except BindscopeError as error:
        assert str(error).endswith((".", ")"))
        return
    embeddings, labels = upload.embeddings, upload.labels
    assert embeddings.dtype == np.float32
    assert np.isfinite(embeddings).all()
    assert len(embeddings) == len(labels.scenes)
    assert (labels.scenes >= 0).all()
    assert (labels.scenes < np.array(labels.values)).all()


def test_the_whole_file_is_read() -> None:
    upload = read_npz(io.BytesIO(WHOLE), max_bytes=LIMIT)
    assert upload.embeddings.shape == (16, 4)


@settings(max_examples=300)
@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=12))
def test_a_damaged_file_is_arrays_or_a_sentence(changes) -> None:
    data = bytearray(WHOLE)
    for place, value in changes:
        data[place] = value
    parsed(bytes(data))


@given(st.integers(0, len(WHOLE)))
def test_a_file_that_is_cut_short_is_a_sentence(length) -> None:
    parsed(WHOLE[:length])


@settings(max_examples=200)
@given(
    st.dictionaries(
        st.sampled_from(["embeddings.npy", "scenes.npy", "values.npy", "names.npy", "../x"]), st.binary(max_size=300)
    ),
    st.sampled_from([b"", b"\x93NUMPY\x01\x00", b"\x93NUMPY\x02\x00\xff\xff\xff\xff", b"\x80\x04cos\nsystem\n"]),
)
def test_an_archive_of_anything_is_a_sentence(members, start) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, body in members.items():
            archive.writestr(name, start + body)
    parsed(file.getvalue())


def test_an_archive_that_unpacks_to_gigabytes_is_refused_by_what_its_list_says() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("embeddings.npy", bytes(LIMIT + 1))
    with pytest.raises(BindscopeError, match="unpack to"):
        read_npz(io.BytesIO(file.getvalue()), max_bytes=LIMIT)
