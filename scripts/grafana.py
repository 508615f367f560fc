"""Writes deploy/grafana/bindscope.json; a test holds its queries against the names that the service really exposes."""

import json
from pathlib import Path

TARGET = Path(__file__).parent.parent / "deploy" / "grafana" / "bindscope.json"
_RATE = "[5m]"
#: Title, unit, queries with their legends.
PANELS: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...] = (
    ("Requests", "reqps", ((f"sum by (route) (rate(bindscope_requests_total{_RATE}))", "{{route}}"),)),
    (
        "Refused and failed",
        "reqps",
        ((f'sum by (status) (rate(bindscope_requests_total{{status=~"4..|5.."}}{_RATE}))', "{{status}}"),),
    ),
    (
        "Seconds until an answer (p50, p99)",
        "s",
        tuple(
            (f"histogram_quantile({q}, sum by (le) (rate(bindscope_request_seconds_bucket{_RATE})))", f"p{100 * q:.0f}")
            for q in (0.5, 0.99)
        ),
    ),
    (
        "In progress and waiting",
        "short",
        (("bindscope_requests_in_progress", "requests"), ("bindscope_queue_depth", "items for {{model}}")),
    ),
    (
        "Items per forward pass",
        "short",
        (
            (
                f"sum by (model) (rate(bindscope_batch_size_sum{_RATE})) / "
                f"sum by (model) (rate(bindscope_batch_size_count{_RATE}))",
                "{{model}}",
            ),
        ),
    ),
    (
        "Seconds per forward pass (p99)",
        "s",
        (
            (
                f"histogram_quantile(0.99, sum by (le, model) (rate(bindscope_encode_seconds_bucket{_RATE})))",
                "{{model}}",
            ),
        ),
    ),
    (
        "Answered from the cache",
        "percentunit",
        (
            (
                f"rate(bindscope_cache_hits_total{_RATE}) / "
                f"(rate(bindscope_cache_hits_total{_RATE}) + rate(bindscope_cache_misses_total{_RATE}))",
                "share",
            ),
        ),
    ),
    ("Store", "short", (("bindscope_store_up", "up"), ("bindscope_cache_dropped", "entries not written"))),
    ("Weights in memory", "bytes", (("bindscope_model_bytes", "{{model}}"),)),
    ("Memory of the graphics card", "bytes", (("bindscope_gpu_memory_bytes", "{{kind}}"),)),
    ("Jobs", "short", (("bindscope_jobs", "{{state}}"),)),
)


def document() -> str:
    """The dashboard as Grafana imports it."""
    panels = [
        {
            "id": number + 1,
            "type": "timeseries",
            "title": title,
            "datasource": {"type": "prometheus", "uid": "prometheus"},
            "gridPos": {"h": 8, "w": 12, "x": 12 * (number % 2), "y": 8 * (number // 2)},
            "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
            "targets": [
                {"refId": chr(65 + i), "expr": query, "legendFormat": legend}
                for i, (query, legend) in enumerate(queries)
            ],
        }
        for number, (title, unit, queries) in enumerate(PANELS)
    ]
    board = {
        "uid": "bindscope",
        "title": "Bindscope",
        "schemaVersion": 41,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "panels": panels,
    }
    return json.dumps(board, indent=1) + "\n"


if __name__ == "__main__":
    TARGET.write_text(document(), encoding="utf-8")
    print(TARGET)
