"""Counters for Prometheus. Each service has its own registry; nothing leaves the machine by itself."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest


class Telemetry:
    """Observes queues and cache (names: API.md, service section)."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._hits = Counter("bindscope_cache_hits", "Vectors answered from the cache", registry=self.registry)
        self._misses = Counter("bindscope_cache_misses", "Vectors that had to be encoded", registry=self.registry)
        self._batch = Histogram(
            "bindscope_batch_size",
            "Items per forward pass",
            ["model"],
            buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256),
            registry=self.registry,
        )
        self._depth = Gauge("bindscope_queue_depth", "Items that wait", ["model"], registry=self.registry)
        self._seconds = Histogram(
            "bindscope_encode_seconds",
            "Seconds per forward pass",
            ["model"],
            buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10),
            registry=self.registry,
        )

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

    def queue_changed(self, model: str, waiting: int) -> None:
        """Length of a model's queue."""
        self._depth.labels(model).set(waiting)

    def exposition(self) -> bytes:
        """The text that Prometheus scrapes."""
        return generate_latest(self.registry)
