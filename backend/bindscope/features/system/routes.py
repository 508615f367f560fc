"""Is it alive, is it ready, what does it count, what runs where."""

import os
import time
from contextlib import suppress
from typing import Annotated

from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Response

from bindscope import __version__
from bindscope.api.dependencies import Parts
from bindscope.core.errors import BindscopeError, InvalidInput, Unloaded
from bindscope.encoders.settings import EncoderSettings, device_for
from bindscope.features.system.schemas import CacheState, Liveness, LoadedModel, Readiness, StoreState, SystemState
from bindscope.services.container import Services
from bindscope.services.provenance import versions

router = APIRouter(tags=["service"])

CANARY = "synthetic:bag"
CANARY_TIMEOUT_S = 10.0


def store_state(parts: Services) -> StoreState:
    """The store in words of the wire."""
    status = parts.store.status()
    return StoreState(
        state=status.state,
        kind=status.kind,
        server=status.server,
        memory_bytes=status.memory_bytes,
        keys=status.keys,
        message=status.last_error,
    )


@router.get("/livez")
async def livez() -> Liveness:
    """The process answers."""
    return Liveness(alive=True)


@router.get("/readyz", responses={503: {"model": Readiness, "description": "Not ready"}})
async def readyz(parts: Parts, response: Response) -> Readiness:
    """Encodes a fresh text through the queue of every loaded model, and asks the store."""
    # Threads of its own: a service that is busy is ready all the same.
    return await run_sync(_readiness, parts, response, limiter=parts.watch_threads)


def _readiness(parts: Services, response: Response) -> Readiness:
    store = store_state(parts)
    canary, message = _canary(parts)
    ready = message is None
    if not ready:
        response.status_code = 503
    return Readiness(ready=ready, degraded=store.state != "ok", canary=canary, store=store, message=message)


def _canary(parts: Services) -> tuple[str, str | None]:
    """The models tried, and what is wrong."""
    if not parts.warm.is_set():
        return "", "Models are still loading: ask again in a few seconds."
    if parts.warm_errors:
        return "", " ".join(parts.warm_errors)
    queues = [queue for queue in parts.models.loaded() if queue.info.reads("text")] or [parts.models.queue(CANARY)]
    tried = []
    try:
        for queue in queues:
            tried.append(queue.info.id)
            if not queue.alive and not queue.leaving:
                return queue.info.id, f"The inference thread of {queue.info.id} has ended: restart the service."
            with suppress(Unloaded):
                queue.probe(CANARY_TIMEOUT_S)
    except (BindscopeError, TimeoutError) as error:
        return ", ".join(tried), f"The canary failed at {tried[-1]}: {error or 'no answer in time'}."
    return ", ".join(tried), None


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(parts: Parts) -> Response:
    """Counters in Prometheus' text format."""
    text = await run_sync(parts.telemetry.exposition, limiter=parts.watch_threads)
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")


def _loaded_models(parts: Parts) -> list[LoadedModel]:
    return [
        LoadedModel(
            id=queue.info.id,
            device=queue.info.device,
            dtype=queue.info.dtype,
            fingerprint=queue.info.fingerprint.digest,
            queue_depth=queue.depth,
            encoded_items=queue.encoded_items,
        )
        for queue in parts.models.loaded()
    ]


@router.get("/v1/system")
def system(parts: Parts, loaded: Annotated[list[LoadedModel], Depends(_loaded_models)]) -> SystemState:
    """For the System page."""
    hits, misses = parts.cache.hits, parts.cache.misses
    device, name, message = _device(parts.models.settings)
    return SystemState(
        version=__version__,
        device=device,
        device_name=name,
        message=message,
        uptime_seconds=round(time.monotonic() - parts.started, 1),
        store=store_state(parts),
        cache=CacheState(hits=hits, misses=misses, hit_share=hits / (hits + misses) if hits + misses else None),
        models=loaded,
        versions=dict(versions()),
    )


def _device(settings: EncoderSettings) -> tuple[str, str, str | None]:
    """The device, its name (the graphics card, or the number of cores), and what is wrong where models cannot run."""
    try:
        device = device_for(settings)
    except InvalidInput as error:
        return settings.device, "not available", str(error)
    if device != "cuda":
        return device, f"{os.cpu_count()} cores", None
    import torch

    return device, torch.cuda.get_device_name(), None
