"""Counters for Prometheus. Each service has its own registry; nothing leaves the machine by itself."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

_ANSWERS = (0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100)


class Telemetry:
    """Observes requests, queues and cache (names: API.md, service section; docs/deploy.md lists all)."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self._hits = Counter("bindscope_cache_hits", "Vectors answered from the cache", registry=registry)
        self._misses = Counter("bindscope_cache_misses", "Vectors that had to be encoded", registry=registry)
        self._batch = Histogram(
            "bindscope_batch_size",
            "Items per forward pass",
            ["model"],
            buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256),
            registry=registry,
        )
        self._seconds = Histogram(
            "bindscope_encode_seconds",
            "Seconds per forward pass",
            ["model"],
            buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10),
            registry=registry,
        )
        self._inside = Gauge("bindscope_requests_in_progress", "Requests that are being answered", registry=registry)
        self._requests = Counter(
            "bindscope_requests", "Requests by route and status", ["method", "route", "status"], registry=registry
        )
        self._answers = Histogram(
            "bindscope_request_seconds", "Seconds until an answer ended", ["route"], buckets=_ANSWERS, registry=registry
        )

    def began(self) -> None:
        """One more request is being answered."""
        self._inside.inc()

    def ended(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request was answered."""
        self._inside.dec()
        # The method of a request is whatever its sender wrote.
        known = method if method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS") else "other"
        self._requests.labels(known, route, str(status)).inc()
        self._answers.labels(route).observe(seconds)

    def on_hits(self, count: int) -> None:
        """``count`` vectors came from the cache."""
        self._hits.inc(count)

    def on_misses(self, count: int) -> None:
        """``count`` vectors were computed."""
        self._misses.inc(count)

    def batch_encoded(self, model: str, items: int, seconds: float) -> None:
        """One forward pass."""
        self._batch.labels(model).observe(items)
        self._seconds.labels(model).observe(seconds)

    def forget(self, model: str) -> None:
        """A model left memory: nothing is counted for it any more."""
        for metric in (self._batch, self._seconds):
            with suppress(KeyError):
                metric.remove(model)

    def watch(self, name: str, about: str, read: Callable[[], float]) -> None:
        """A gauge whose value is read when it is scraped."""
        Gauge(name, about, registry=self.registry).set_function(read)

    def watch_each(self, name: str, about: str, label: str, read: Callable[[], Mapping[str, float]]) -> None:
        """A family of gauges whose values are read when they are scraped; ``read`` returns values by label."""
        self.registry.register(_Family(name, about, label, read))

    def exposition(self) -> bytes:
        """The text that Prometheus scrapes."""
        return generate_latest(self.registry)


class _Family(Collector):
    def __init__(self, name: str, about: str, label: str, read: Callable[[], Mapping[str, float]]) -> None:
        self._name, self._about, self._label, self._read = name, about, label, read

    def describe(self) -> Iterator[Any]:
        yield GaugeMetricFamily(self._name, self._about, labels=[self._label])

    def collect(self) -> Iterator[Any]:
        family = GaugeMetricFamily(self._name, self._about, labels=[self._label])
        for value, number in self._read().items():
            family.add_metric([value], number)
        yield family
