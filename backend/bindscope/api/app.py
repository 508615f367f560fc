"""The app is a function of its settings; nothing is built at import."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from types import ModuleType

from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from starlette.concurrency import run_in_threadpool
from starlette.middleware.cors import CORSMiddleware

from bindscope import __version__, features
from bindscope.api import errors, middleware
from bindscope.api.middleware import body_limit
from bindscope.core.config import Settings
from bindscope.core.wire import Problem
from bindscope.services.container import Services, assembled
from bindscope.services.telemetry import Telemetry

_ABOUT = """A microscope for concept binding in embedding models.

Scores are cosines unless said otherwise; proportions carry Wilson 95 % intervals; errors are
`application/problem+json` with a sentence that says what to do."""


_KEYS = "Needed where the operator has set BINDSCOPE_API_KEYS."


def create_app(
    settings: Settings, assemble: Callable[[Settings, Telemetry], AbstractContextManager[Services]] = assembled
) -> FastAPI:
    """The service. Parts start and stop with the app's lifespan."""

    telemetry = Telemetry()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, Services]]:
        # Most threads wait for the encoder: with few of them, batches would stay small.
        current_default_thread_limiter().total_tokens = settings.request_threads
        context = assemble(settings, telemetry)
        services = await run_in_threadpool(context.__enter__)
        try:
            await run_in_threadpool(features.start, services)
            yield {"services": services}
        finally:
            await run_in_threadpool(context.__exit__, None, None, None)

    app = FastAPIOffline(
        title="Bindscope",
        version=__version__,
        description=_ABOUT,
        lifespan=lifespan,
        redoc_url=None,
        telemetry={
            "tracing": settings.tracing,
            "operation_spans": settings.tracing,
            "metrics": False,
            "logs": False,
            "auto_configure": settings.tracing,
        },
        responses=errors.PROBLEMS,
        max_body_size=settings.max_body_mb * 1024 * 1024,
    )
    errors.install(app)
    body_limit.install(app)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=("GET", "POST", "DELETE"),
            allow_headers=("Authorization", "Content-Type", "Last-Event-ID"),
        )
    middleware.install(app, settings, telemetry)
    for routes in _routes():
        app.include_router(routes.routes(settings) if hasattr(routes, "routes") else routes.router)
    _declare_problem(app)
    return app


def _routes() -> list[ModuleType]:
    """Each has ``router``, or ``routes(settings)`` where it depends on them."""
    return [found for name in features.FEATURES if (found := features.module(name, "routes")) is not None]


def _declare_problem(app: FastAPI) -> None:
    """Every route may answer with a Problem: its schema belongs into the document."""
    plain = app.openapi

    def openapi() -> dict[str, object]:
        document = plain()
        parts = document.setdefault("components", {})
        parts["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer", "description": _KEYS}}
        document["security"] = [{}, {"key": []}]
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas.setdefault("Problem", Problem.model_json_schema(ref_template="#/components/schemas/{model}"))
        return document

    app.openapi = openapi  # type: ignore[method-assign]
