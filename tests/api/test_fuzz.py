"""Requests made from the OpenAPI document itself: whatever is sent, the service answers, and never with a 5xx."""

from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import status_code_conformance

from bindscope.core.config import Settings
from real_service import serving

# The committed document equals the generated one: tests/api/test_service.py.
schema = schemathesis.openapi.from_path(Path(__file__).parent.parent.parent / "docs" / "openapi.json")


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with serving(Settings(_env_file=None, data_dir=tmp_path_factory.mktemp("data"), preload=(), workers=1)) as url:
        yield url


# Event streams do not end, long work that happens to be valid would really begin, and arrays are fuzzed in
# tests/services/test_pictures.py.
@pytest.mark.slow
@(
    schema.exclude(path=["/v1/jobs/{job_id}/events", "/v1/embeddings/pictures"])
    .exclude(path=["/v1/trainings", "/v1/phase-diagrams", "/v1/complexity"], method="POST")
    .parametrize()
)
@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_no_request_breaks_the_service(case, url) -> None:
    case.call_and_validate(base_url=url, checks=[not_a_server_error, status_code_conformance])
