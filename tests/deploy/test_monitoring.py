import gzip
import http.server
import json
import os
import re
import sys
import threading
from pathlib import Path
from typing import ClassVar

import httpx2
import yaml

from bindscope.client import BindscopeClient
from bindscope.core.config import Settings
from real_service import Process, serving

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


class _Collector(http.server.BaseHTTPRequestHandler):
    """An OpenTelemetry collector that keeps what it is sent."""

    seen: ClassVar[list[tuple[str, bytes]]] = []

    def do_POST(self) -> None:
        self.seen.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_traces_go_to_the_collector_that_is_named_and_only_where_they_are_asked_for(tmp_path) -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{server.server_port}"
    try:
        for tracing in ("0", "1"):
            with Process(tmp_path / tracing, store="off", tracing=tracing) as service:
                httpx2.get(f"{service.url}/v1/spaces")
                service.process.terminate()
                service.process.wait(30)
            paths = [path for path, _ in _Collector.seen]
            assert paths == [] if tracing == "0" else set(paths) == {"/v1/traces"}
    finally:
        del os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"]
        server.shutdown()
        server.server_close()
    body = b"".join(data if data[:2] != b"\x1f\x8b" else gzip.decompress(data) for _, data in _Collector.seen)
    assert b"/v1/spaces" in body
