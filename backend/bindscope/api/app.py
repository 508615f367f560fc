"""The app is a function of its settings; nothing is built at import."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from bindscope import __version__
from bindscope.api import body_limit, errors
from bindscope.api.routes import (
    comparisons,
    complexity,
    counterexamples,
    datasets,
    decompositions,
    embeddings,
    jobs,
    models,
    probes,
    projections,
    removals,
    repairs,
    retrievals,
    scenes,
    service,
    spaces,
    surgeries,
    trainings,
    verdicts,
)
from bindscope.config import Settings
from bindscope.schemas.base import Problem
from bindscope.services.assembly import Services, assembled

_ABOUT = """A microscope for concept binding in embedding models.

Scores are cosines unless said otherwise; proportions carry Wilson 95 % intervals; errors are
`application/problem+json` with a sentence that says what to do."""


def create_app(
    settings: Settings, assemble: Callable[[Settings], AbstractContextManager[Services]] = assembled
) -> FastAPI:
    """The service. Parts start and stop with the app's lifespan."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, Services]]:
        context = assemble(settings)
        services = await run_in_threadpool(context.__enter__)
        try:
            yield {"services": services}
        finally:
            await run_in_threadpool(context.__exit__, None, None, None)

    app = FastAPI(
        title="Bindscope",
        version=__version__,
        description=_ABOUT,
        lifespan=lifespan,
        responses=errors.PROBLEMS,
        max_body_size=settings.max_body_mb * 1024 * 1024,
    )
    errors.install(app)
    body_limit.install(app)
    for routes in (
        service,
        models,
        spaces,
        scenes,
        embeddings,
        verdicts,
        counterexamples,
        probes,
        decompositions,
        removals,
        surgeries,
        projections,
        retrievals,
        repairs,
        comparisons,
        jobs,
        complexity,
        trainings,
    ):
        app.include_router(routes.router)
    app.include_router(datasets.routes(max_upload_mb=settings.max_upload_mb))
    _declare_problem(app)
    return app


def _declare_problem(app: FastAPI) -> None:
    """Every route may answer with a Problem: its schema belongs into the document."""
    plain = app.openapi

    def openapi() -> dict[str, object]:
        document = plain()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas.setdefault("Problem", Problem.model_json_schema(ref_template="#/components/schemas/{model}"))
        return document

    app.openapi = openapi  # type: ignore[method-assign]
