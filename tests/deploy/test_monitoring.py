import json
import re
import sys
from pathlib import Path

import httpx2
import yaml

from bindscope.client import BindscopeClient
from bindscope.config import Settings
from real_service import serving

ROOT = Path(__file__).parent.parent.parent


def exposed(tmp_path) -> set[str]:
    with serving(Settings(_env_file=None, data_dir=tmp_path / "data", preload=())) as url:
        with BindscopeClient(url) as client:
            client.embed("synthetic:bag", texts=["a red square"])
            client.models()
        text = httpx2.get(f"{url}/metrics").text
    described = set(re.findall(r"^# TYPE (\S+)", text, flags=re.MULTILINE))
    return described | set(re.findall(r"^(bindscope_\w+)", text, flags=re.MULTILINE))


def test_every_query_of_the_dashboard_names_metrics_that_exist(tmp_path) -> None:
    board = json.loads((ROOT / "deploy" / "grafana" / "bindscope.json").read_text(encoding="utf-8"))
    queries = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    names = {name for query in queries for name in re.findall(r"bindscope_\w+", query)}
    assert len(names) > 12
    assert names <= exposed(tmp_path)


def test_the_committed_dashboard_is_the_written_one() -> None:
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        from grafana import document
    finally:
        sys.path.pop(0)
    assert (ROOT / "deploy" / "grafana" / "bindscope.json").read_text(encoding="utf-8") == document()


def test_prometheus_asks_the_service_where_it_is_with_its_key() -> None:
    (job,) = yaml.safe_load((ROOT / "deploy" / "prometheus.yml").read_text(encoding="utf-8"))["scrape_configs"]
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    assert job["metrics_path"] == "/metrics"
    assert job["static_configs"] == [{"targets": ["service:8000"]}]
    (secret,) = compose["services"]["prometheus"]["secrets"]
    assert job["authorization"]["credentials_file"] == f"/run/secrets/{secret}"
