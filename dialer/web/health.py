"""What machines ask without a token: is the process alive, is it ready, and its metrics."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from fastapi import APIRouter, Response
from pydantic import BaseModel

from dialer.ports.between import Check

Health = Callable[[], Awaitable[Sequence[Check]]]
MetricsPage = Callable[[], Awaitable[tuple[bytes, str]]]


class Alive(BaseModel):
    status: str
    version: str


class CheckOut(BaseModel):
    name: str
    ok: bool
    detail: str


class Ready(BaseModel):
    """Every check by name; one that fails makes the service unready."""

    ready: bool
    checks: list[CheckOut]


def health_routes(health: Health, metrics_page: MetricsPage, version: str) -> APIRouter:
    """/healthz, /readyz and /metrics."""
    router = APIRouter(tags=["running it"])

    @router.get("/healthz")
    async def healthz() -> Alive:
        """The process answers."""
        return Alive(status="ok", version=version)

    @router.get("/readyz", responses={503: {"model": Ready, "description": "not ready; the checks say why"}})
    async def readyz(response: Response) -> Ready:
        """The service can do its work: link, database, journal. A dead trunk does not count."""
        checks = [CheckOut(name=one.name, ok=one.ok, detail=one.detail) for one in await health()]
        ready = all(one.ok for one in checks)
        response.status_code = 200 if ready else 503
        return Ready(ready=ready, checks=checks)

    @router.get(
        "/metrics",
        response_class=Response,
        responses={
            200: {"description": "for Prometheus", "content": {"text/plain": {"schema": {"type": "string"}}}}
        },
    )
    async def metrics() -> Response:
        """Figures for Prometheus; docs/reference/metrics.md says what each means."""
        page, content_type = await metrics_page()
        return Response(page, headers={"Content-Type": content_type})

    return router
