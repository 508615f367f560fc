"""Names of what is kept stay what they are: a digest that changed would lose what lies under it."""

from pathlib import Path

import numpy as np

from bindscope.core.hashing import canonical_json, digest, digest_of_parts
from bindscope.encoders.protocol import Fingerprint
from bindscope.jobs import kind
from bindscope.scenes.concepts import BUILTIN_SPACES
from bindscope.scenes.labels import SceneLabels
from bindscope.store.datasets import DatasetRepository, TextTable, Upload
from bindscope.store.keys import measurement_key, pixels_key, text_key

MODEL = "f" * 32


def test_names_of_cached_values_are_those_of_earlier_versions() -> None:
    picture = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    start = f"bs:emb:1:{MODEL}"
    assert text_key(MODEL, "a red square").name == f"{start}:text:d1c89097eab161adb827b6be58610914"
    assert text_key(MODEL, "a red square").check.hex() == "c57d1c115168e004f1b7728050fc3d41"
    assert pixels_key(MODEL, picture).name == f"{start}:pixels:46e40aa74118633d5ff2e029c717f8e1"
    assert measurement_key("noise", ["a", "b"]).name == "bs:val:1:noise:73be95a59e176222d6b508a91330d1ae"
    assert Fingerprint("f", "w", "a", "p", "t", "po", "d", "c").digest == "d579409be17b1b854b5f543ff079475b"
    assert kind.digest("x", {"b": 1, "a": [1.5, None]}) == "a005b6d7783c2da13c37c9173a3f2b88"


def test_the_id_of_an_upload_is_that_of_earlier_versions(tmp_path: Path) -> None:
    labels = SceneLabels(np.arange(8, dtype=np.int64).reshape(2, 2, 2) % 3, (3, 3), ("color", "shape"))
    vectors = np.arange(8, dtype=np.float32).reshape(2, 4)
    # Columns of a larger table: their bytes do not lie side by side.
    texts = TextTable(("a", "b"), vectors[:, :2])
    upload = Upload("both", labels, BUILTIN_SPACES["shapes2d"], vectors, texts=texts)
    assert DatasetRepository(tmp_path).add(upload).id == "3604d196fe5e8552"


def test_parts_are_told_apart_and_keys_come_in_one_order() -> None:
    assert digest_of_parts(["ab", "c"]) != digest_of_parts(["a", "bc"])
    assert digest_of_parts(["a", "bä"]) == digest_of_parts([b"a", "bä".encode()]) == "d7a140a748bd3dc2e7776c46347a97dc"
    assert digest(canonical_json({"b": 1, "a": 2})) == digest(canonical_json({"a": 2, "b": 1}))
    assert len(digest("a", size=3)) == 6
