"""A file that is sent whole or in parts; a part that it does not have is told as any other problem."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.responses import FileResponse
from starlette.types import Message, Receive, Scope, Send

from dialer.web.problem import respond


class _Refused(Exception):
    def __init__(self, status: int, where: str) -> None:
        super().__init__(status)
        self.status = status
        self.where = where  # Content-Range: how long the file is


class PartResponse(FileResponse):
    """As the framework sends it: Range, If-Range, ETag, HEAD; read in threads, 64 KiB at a time."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def unless_refused(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] in (400, 416):
                headers = Headers(raw=message["headers"])
                raise _Refused(message["status"], headers.get("content-range", ""))
            await send(message)

        try:
            await super().__call__(scope, receive, unless_refused)
        except _Refused as refused:
            answer = respond("bad-request", "The header Range cannot be read: write it as bytes=0-499.")
            if refused.status == 416:
                answer = respond(
                    "no-such-range",
                    "The file is shorter than that: Content-Range says how long it is.",
                    headers={"Content-Range": refused.where},
                )
            await answer(scope, receive, send)
