"""The web application: routes, layers and errors put together from the parts it is given."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache, partial

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from dialer.domain.errors import ObzvonError
from dialer.domain.law import LAWFUL_RING_S
from dialer.domain.types import CellId
from dialer.ports.between import Desk, Notices, Shown
from dialer.ports.stores import Stores
from dialer.web import problem
from dialer.web.api import (
    calls,
    campaigns,
    cdrs,
    choices,
    dnc,
    exports,
    figures,
    leads,
    listwork,
    news,
    operators,
    outlook,
    refused,
    sounds,
    spending,
    stop,
    tokens,
    trunks,
)
from dialer.web.auth import Guard
from dialer.web.description import described
from dialer.web.health import Health, MetricsPage, health_routes
from dialer.web.once import Once
from dialer.web.parts import Parts, Tools, speak_to
from dialer.web.reference import docs_routes
from dialer.web.shield import Shield
from dialer.web.stopwatch import Answered, Stopwatch

SUMMARY = "Obzvon: a predictive dialer for Asterisk"
ABOUT = """Every address wants a token, `Authorization: Bearer obz_...`, but /healthz, /readyz, /metrics,
/docs and /v1/openapi.json. Times are RFC 3339 in UTC, seconds are decimal numbers, phone numbers are E.164.
Sentences come in Russian or English by Accept-Language, English where none is asked for. Lists come in pages:
send `next` of one page as `after` for the next. Errors are problem+json with a stable `id`. A name
that an address does not know is refused, in a body and behind the question mark alike. Every POST takes an
`Idempotency-Key`: sent again with the same key within 24 hours it is not done again, but answered as it was
the first time, with `Idempotent-Replayed: true`. A key counts for one token and one request: with another
address or another body it is refused (422), and so it is while the first is still under way (409). An answer
that says that the service failed (5xx) is not kept."""
_RESOURCES = (
    stop,
    campaigns,
    leads,
    listwork,
    outlook,
    operators,
    choices,
    calls,
    news,
    cdrs,
    trunks,
    spending,
    dnc,
    exports,
    figures,
    sounds,
    refused,
    tokens,
)


def build_app(
    *,
    stores: Stores,
    live: Shown,
    desk: Desk,
    notices: Notices,
    tools: Tools,
    health: Health,
    metrics_page: MetricsPage,
    answered: Answered = lambda method, status, seconds: None,
    version: str,
    cell: CellId,
    hosts: Collection[str] = (),
    shortest_ring_s: float = LAWFUL_RING_S,
) -> FastAPI:
    """The whole API. `hosts` empty: any Host header; `shortest_ring_s` is lower in the lab only."""
    app = describe(health=health, metrics_page=metrics_page, version=version)
    app.state.parts = Parts(stores, live, desk, notices, tools, shortest_ring_s, cell)
    app.add_middleware(Once, requests=stores.requests, clock=tools.clock)  # first: the innermost
    app.add_middleware(Guard, tokens=stores.tokens, clock=tools.clock)
    app.add_middleware(Shield, hosts=hosts)
    app.add_middleware(Stopwatch, answered=answered)  # added last: the outermost
    return app


def build_probes(*, health: Health, metrics_page: MetricsPage, version: str) -> FastAPI:
    """What a part that runs without the API is watched by: /healthz, /readyz, /metrics, and no more."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.include_router(health_routes(health, metrics_page, version))
    _answer_errors(app)
    app.add_middleware(Shield)
    return app


def describe(*, health: Health, metrics_page: MetricsPage, version: str) -> FastAPI:
    """Routes and their description, not yet tied to any store."""
    app = FastAPI(
        title="Obzvon",
        summary=SUMMARY,
        description=ABOUT,
        version=version,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
        separate_input_output_schemas=False,
    )
    for resource in _RESOURCES:  # as they are: the framework makes anew what is included
        app.router.routes.extend(resource.router.routes)
    app.include_router(health_routes(health, metrics_page, version))
    app.openapi = cache(partial(described, app.openapi))  # type: ignore[method-assign]  # FastAPI's own way
    app.include_router(docs_routes(app.openapi))
    _answer_errors(app)
    return app


def _answer_errors(app: FastAPI) -> None:
    routes = list(iter_route_contexts(app.routes))  # made now, not in the first request

    async def from_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code == 405:  # the framework knows only the methods of the route that it tried first
            here = [route for route in routes if route.path_regex.fullmatch(request.url.path)]
            methods = {method for route in here for method in route.methods or ()}
            error.headers = {"Allow": ", ".join(sorted(methods))}
        return problem.from_http(request, error)

    async def from_domain(request: Request, error: Exception) -> Response:
        return problem.from_domain(request, error, speak_to(request))

    async def from_validation(request: Request, error: Exception) -> Response:
        return problem.from_validation(request, error)

    app.add_exception_handler(HTTPException, from_http)
    app.add_exception_handler(ObzvonError, from_domain)
    app.add_exception_handler(RequestValidationError, from_validation)
