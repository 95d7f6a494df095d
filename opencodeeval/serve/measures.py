"""What /metrics shows, in Prometheus's format."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from opencodeeval.serve.dispatch import Dispatcher
from opencodeeval.serve.messages import GradeResult

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class Measures:
    """The counters and gauges of one server."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self.registry = CollectorRegistry()
        name = "opencodeeval_"
        self.verdicts = Counter(
            f"{name}verdicts", "Verdicts given", ["verdict"], registry=self.registry
        )
        self.runs = Counter(
            f"{name}runs", "Programs run by /run_code", ["status"], registry=self.registry
        )
        self.refusals = Counter(
            f"{name}refusals", "Requests without a verdict", ["status"], registry=self.registry
        )
        self.seconds = Histogram(
            f"{name}request_seconds",
            "Seconds from a request to its verdict",
            buckets=SECONDS,
            registry=self.registry,
        )
        self._gauge("waiting", "Programs that wait", lambda: len(dispatcher.queued))
        self._gauge("running", "Programs given to sandboxes", lambda: dispatcher.running)
        self._gauge("remembered", "Verdicts that are kept", lambda: len(dispatcher.known))
        dispatcher.register(self.registry)

    def _gauge(self, name: str, said: str, value: Callable[[], float]) -> None:
        gauge = Gauge(f"opencodeeval_{name}", said, registry=self.registry)
        gauge.set_function(value)

    def graded(self, result: GradeResult, seconds: float) -> None:
        """Count a verdict."""
        self.verdicts.labels(result.verdict).inc()
        self.seconds.observe(seconds)

    def refused(self, status: int) -> None:
        """Count a request that got none."""
        self.refusals.labels(str(status)).inc()

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self.registry)
