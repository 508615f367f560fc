import numpy as np
import pytest
from starlette.testclient import TestClient

from bindscope.analysis.isotropy import isotropy
from bindscope.api.app import create_app
from bindscope.core.config import Settings
from bindscope.core.errors import InvalidInput


def test_axes_of_equal_length_are_isotropic_and_a_line_is_not() -> None:
    axes = np.vstack([np.eye(6), -np.eye(6)])
    assert isotropy(axes).directions == pytest.approx(6)
    assert isotropy(axes).mean_cosine == pytest.approx(-1 / 11)
    assert isotropy(np.outer([1.0, 2.0, 3.0], [1.0, 1.0])).directions == pytest.approx(1)
    assert isotropy(np.outer([1.0, 2.0, 3.0], [1.0, 1.0])).mean_cosine == pytest.approx(1)


@pytest.mark.parametrize("wrong", [np.ones((1, 3)), np.ones((4, 3))])
def test_nothing_is_said_of_one_vector(wrong) -> None:
    with pytest.raises(InvalidInput):
        isotropy(wrong)


def test_it_is_asked_of_a_model_and_kept(tmp_path) -> None:
    body = {"source": {"model": "synthetic:bag", "space": "clevr2d", "modality": "image", "limit": 100}}
    settings = Settings(_env_file=None, data_dir=tmp_path, preload=(), store="off")
    with TestClient(create_app(settings), base_url="http://127.0.0.1") as api:
        first, again = (api.post("/v1/isotropy", json=body).json() for _ in range(2))
    assert 1 < first["directions"] < 576
    assert (first["cached"], again["cached"]) == (False, True)
    assert first["provenance"]["model"] == "synthetic:bag"
