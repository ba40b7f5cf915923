"""Bearer tokens: who may use the API. Only an administrator sees or makes them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from fastapi import Depends, Request, Response
from pydantic import BaseModel, Field, StringConstraints

from dialer.domain.access import DEFAULT_DAYS, MOST_DAYS, Caller, Permission, Role
from dialer.domain.bounds import TOKEN_NAME
from dialer.domain.said import said
from dialer.office import tokens as office
from dialer.ports.stores import Token
from dialer.web.auth import AnyCaller, Needs
from dialer.web.once import shown_once
from dialer.web.parts import Given
from dialer.web.problem import documented
from dialer.web.queries import resource
from dialer.web.values import Body, OperatorNumber, formed

router = resource("tokens")
Manages = Annotated[Caller, Depends(Needs(Permission.MANAGE_TOKENS))]
TokenName = Annotated[str, formed(TOKEN_NAME)]


class NewToken(Body):
    name: TokenName
    role: Annotated[
        str,
        StringConstraints(pattern=r"^(viewer|supervisor|admin|operator:[0-9]{2,6})$"),
        Field(
            description="operator:101 may act for operator 101 only", examples=["supervisor", "operator:101"]
        ),
    ]
    days: Annotated[int, Field(ge=1, le=MOST_DAYS, description="that it lasts")] = DEFAULT_DAYS


class TokenOut(BaseModel):
    """A token; its text cannot be shown again."""

    id: int
    name: str
    role: str
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None
    expires_at: datetime | None = Field(description="it opens nothing from then on; null: never")

    @classmethod
    def of(cls, token: Token) -> Self:
        return cls.model_validate(token, from_attributes=True)


class TokenMade(TokenOut):
    token: str = Field(description="the text to send; shown this once")


class Me(BaseModel):
    """Whose token this is."""

    name: str
    role: Role | None
    operator: OperatorNumber | None = None


@router.get("/me", responses=documented())
async def whoami(who: AnyCaller) -> Me:
    """What the token of this request may do."""
    return Me(name=who.user, role=who.role, operator=who.operator)


@router.get("/tokens", responses=documented())
async def list_tokens(parts: Given, who: Manages) -> list[TokenOut]:
    """Every token, the revoked ones too."""
    return [TokenOut.of(token) for token in await office.every(who, parts.stores)]


@router.post("/tokens", status_code=201, responses=documented(409))
async def create_token(parts: Given, who: Manages, body: NewToken, request: Request) -> TokenMade:
    """Make a token. Its text is in this answer and nowhere else: the same request is not answered again."""
    now, draw = parts.tools.clock(), parts.tools.new_token
    token, text = await office.make(body.name, body.role, body.days, who, parts.stores, now=now, draw=draw)
    instead = said(
        "this key has made the token {name!r}, whose text is shown once and kept nowhere: if it did not reach"
        " you, revoke the token and make another with a new key",
        name=token.name,
    )
    shown_once(request, instead)
    return TokenMade(**TokenOut.of(token).model_dump(), token=text)


@router.delete("/tokens/{name}", status_code=204, responses=documented(404, 409))
async def revoke_token(parts: Given, who: Manages, name: TokenName) -> Response:
    """Revoke a token: it stops working at once."""
    await office.revoke(name, who, parts.stores, now=parts.tools.clock())
    return Response(status_code=204)
