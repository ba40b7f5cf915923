"""Trunks: the SIP ways out; an administrator's business."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from dialer.domain.abilities import Abilities, check_abilities
from dialer.domain.access import Caller, Permission
from dialer.domain.errors import BadValue, Conflict, Mistake, NetworkTrouble
from dialer.domain.outside import check_phones
from dialer.domain.trunk import (
    Keys,
    NumberFormat,
    Transport,
    Trunk,
    UnknownCallers,
    check_trunk,
    why_readable,
)
from dialer.domain.types import PhoneKind, PhoneNumber, TrunkId
from dialer.office.cell import do, tell_later
from dialer.office.cell import faults as faults_of
from dialer.web.api.campaign_fields import without_defaults
from dialer.web.api.commands import Done, PushedOut
from dialer.web.auth import Needs
from dialer.web.paging import After, Limit, Page, cut
from dialer.web.parts import Given, Key, Parts, Speak, Spoken
from dialer.web.problem import VERB_ERRORS, documented
from dialer.web.values import Body, Flag, Line, Number, Secret, Slug, Whole

router = APIRouter(prefix="/trunks", tags=["trunks"])
ASKED_OF_ASTERISK = {"codecs", "transport", "srtp"}
Sees = Annotated[Caller, Depends(Needs(Permission.SEE_TRUNKS))]
Changes = Annotated[Caller, Depends(Needs(Permission.CHANGE_TRUNKS))]
Host = Annotated[
    str,
    StringConstraints(pattern=r"^([A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|[\[\]0-9A-Fa-f:.]{2,60})$"),
    Field(examples=["sip.example.org"]),
]
SipName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.+-]{0,64}$")]
Codec = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]{2,16}$"), Field(examples=["alaw"])]
Ceiling = Annotated[float, Field(strict=True, ge=0, le=1e9)]
Price = Annotated[float, Field(strict=True, ge=0, le=1e6)]
Currency = Annotated[Line, Field(max_length=10, examples=["RUB"])]
Prefix = Annotated[str, StringConstraints(pattern=r"^\+[1-9][0-9]{0,14}$"), Field(examples=["+7"])]


class TrunkFields(Body):
    """Everything that can be set; the password is never given back."""

    host: Host = ""
    port: Annotated[Whole, Field(ge=1, le=65_535)] = 5060
    transport: Transport = Transport.UDP
    register_: Flag = Field(default=False, alias="register", description="else known by its address")
    user: SipName = ""
    password: Secret | None = Field(default=None, json_schema_extra={"writeOnly": True})
    from_user: SipName = ""
    number_format: NumberFormat = NumberFormat.BARE
    codecs: list[Codec] = Field(default=["alaw", "ulaw"], min_length=1, max_length=10)
    caller_ids: list[Number] = Field(default=[], max_length=1000)
    lines: Annotated[Whole, Field(ge=1, le=10_000)] = 10
    calls_per_s: Annotated[float, Field(strict=True, gt=0, le=1000)] = 5.0
    prefixes: list[Prefix] = Field(default=["+7"], min_length=1, max_length=1000)
    enabled: Flag = True
    probe: Flag = Field(default=True, description="no: the carrier answers no OPTIONS, calls alone tell")
    srtp: Flag = Field(
        default=False, description="encrypted sound or no call; over udp and tcp its keys travel in clear"
    )
    keys: Keys = Field(default=Keys.RFC4733, description="how keys pressed at the far end come")
    unknown_callers: UnknownCallers = Field(
        default=UnknownCallers.MESSAGE, description="what becomes of callers whom nobody called"
    )
    minutes_per_day: Ceiling = Field(default=0.0, description="of answered time, by UTC; 0: no ceiling")
    money_per_day: Ceiling = Field(default=0.0, description="by the two prices, by UTC; 0: no ceiling")
    price: Price = Field(default=0.0, description="of an answered minute")
    price_per_call: Price = Field(default=0.0, description="of each attempt")
    currency: Currency = ""


class NewTrunk(TrunkFields):
    id: Slug
    host: Host


class TrunkChange(TrunkFields):
    """What is to be changed; what is not named stays."""

    model_config = ConfigDict(json_schema_extra=without_defaults)


class TrunkOut(BaseModel):
    """A trunk as it is set."""

    model_config = ConfigDict(populate_by_name=True)

    id: str
    host: str
    port: int
    transport: Transport
    register_: bool = Field(alias="register")
    user: str
    has_password: bool
    from_user: str
    number_format: NumberFormat
    codecs: list[str]
    caller_ids: list[str]
    lines: int
    calls_per_s: float
    prefixes: list[str]
    enabled: bool
    probe: bool
    srtp: bool
    keys: Keys
    unknown_callers: UnknownCallers
    minutes_per_day: float
    money_per_day: float
    price: float
    price_per_call: float
    currency: str
    fault: str = Field(default="", description="why it is set aside: Asterisk cannot have it")
    remark: str = Field(default="", description="what is well to know of it: who can listen to its calls")

    @classmethod
    def of(cls, trunk: Trunk, speak: Speak, fault: str = "") -> Self:
        values = {name: getattr(trunk, name) for name in _SAME}
        return cls.model_validate(
            values
            | {name: list(getattr(trunk, name)) for name in ("codecs", "caller_ids", "prefixes")}
            | {"register": trunk.register, "has_password": bool(trunk.password_file)}
            | {"fault": speak(fault), "remark": speak(why_readable(trunk))}
        )


_SAME = (
    "id", "host", "port", "transport", "user", "from_user", "number_format", "lines", "calls_per_s",
    "enabled", "probe", "srtp", "keys", "unknown_callers", "minutes_per_day", "money_per_day", "price",
    "price_per_call", "currency",
)  # fmt: skip


class TrunkSaved(TrunkOut, PushedOut):
    """A trunk as it is set, and whether Asterisk has it already."""


class TryNumber(Body):
    number: Number


@router.get("", responses=documented())
async def list_trunks(
    parts: Given, _: Sees, after: After = "", limit: Limit = 100, *, speak: Spoken
) -> Page[TrunkOut]:
    """Every trunk, in the order of their names."""
    rows, following = cut(await parts.stores.trunks.all(), lambda row: row.id, after=after, limit=limit)
    faults = await faults_of(parts.desk, parts.cell)
    return Page(items=[TrunkOut.of(row, speak, faults.get(row.id, "")) for row in rows], next=following)


@router.post("", status_code=201, responses=documented(409))
async def create_trunk(parts: Given, who: Changes, body: NewTrunk, speak: Spoken) -> TrunkSaved:
    """Make a trunk; it is pushed into Asterisk at once."""
    if body.id in {row.id for row in await parts.stores.trunks.all()}:
        raise Conflict(f"there is a trunk {body.id} already: change it by PATCH")
    trunk = await _changed(parts, Trunk(TrunkId(body.id), body.host), body)
    await _check_asterisk(parts, who, trunk)
    await parts.stores.trunks.add(trunk)
    return await _saved(parts, who, trunk, speak)


@router.get("/{trunk}", responses=documented(404))
async def get_trunk(parts: Given, _: Sees, trunk: Slug, speak: Spoken) -> TrunkOut:
    """One trunk as it is set."""
    faults = await faults_of(parts.desk, parts.cell)
    return TrunkOut.of(await parts.stores.trunks.get(TrunkId(trunk)), speak, faults.get(trunk, ""))


@router.patch("/{trunk}", responses=documented(404, 409))
async def change_trunk(
    parts: Given, who: Changes, trunk: Slug, body: TrunkChange, speak: Spoken
) -> TrunkSaved:
    """Change what is named; Asterisk gets it at once."""
    changed = await _changed(parts, await parts.stores.trunks.get(TrunkId(trunk)), body)
    if body.model_fields_set & ASKED_OF_ASTERISK:
        await _check_asterisk(parts, who, changed)
    check_phones(changed, await parts.stores.accounts.all(), parts.tools.check_number)
    await parts.stores.trunks.save(changed)
    return await _saved(parts, who, changed, speak)


@router.delete("/{trunk}", responses=documented(404, 409))
async def delete_trunk(parts: Given, who: Changes, trunk: Slug) -> PushedOut:
    """Remove a trunk that no campaign and no operator's phone uses."""
    await parts.stores.trunks.get(TrunkId(trunk))
    users = [f"campaign {row.id}" for row in await parts.stores.campaigns.all() if trunk in row.trunks]
    users += [
        f"operator {row.id}"
        for row in await parts.stores.accounts.all()
        if row.phone is PhoneKind.OUTSIDE and row.trunk == trunk
    ]
    if users:
        raise Conflict(f"trunk {trunk} is used by {', '.join(users[:5])}: take it out there first")
    await parts.stores.trunks.remove(TrunkId(trunk))
    pushed = await tell_later(who, parts.desk, "push", f"trunk:{trunk}")
    return PushedOut(**asdict(pushed))  # what is no more is taken away


@router.post("/{trunk}/push", responses=documented(*VERB_ERRORS))
async def push_trunk(parts: Given, who: Changes, trunk: Slug, key: Key = "") -> Done:
    """Put the trunk into Asterisk again."""
    return await _tell(parts, who, "push", trunk, key)


@router.post("/{trunk}/test", responses=documented(*VERB_ERRORS))
async def try_trunk(
    parts: Given, who: Changes, trunk: Slug, body: TryNumber, speak: Spoken, *, key: Key = ""
) -> Done:
    """Make one call to this number and say what happened at each step."""
    done = await _tell(parts, who, "test", trunk, key, number=PhoneNumber(body.number), by=who.user)
    return done.spoken(speak)


async def _tell(parts: Parts, who: Caller, verb: str, trunk: str, key: str, **args: str) -> Done:
    await parts.stores.trunks.get(TrunkId(trunk))
    target = f"trunk:{trunk}"
    return Done.of(verb, target, await do(who, parts.desk, verb, target, key, **args))


async def _changed(parts: Parts, was: Trunk, body: TrunkFields) -> Trunk:
    """The trunk with what was sent; the password goes to its file, when all the rest is right."""
    sent: dict[str, Any] = {name: getattr(body, name) for name in body.model_fields_set - {"id", "password"}}
    for name in ("codecs", "caller_ids", "prefixes"):
        if name in sent:
            sent[name] = tuple(sent[name])
    if "register_" in sent:
        sent["register"] = sent.pop("register_")
    trunk = replace(was, **sent)
    check_trunk(trunk)
    if trunk.money_per_day and not (trunk.price or trunk.price_per_call):
        raise BadValue("body/money_per_day: it needs a price, or a price_per_call, to be counted by")
    if trunk.register and not (trunk.user and (trunk.password_file or body.password)):
        raise BadValue("body/register: registering at a carrier needs user and password")
    if body.password is None:
        return trunk
    return replace(trunk, password_file=await parts.tools.keep_secret(f"trunk-{was.id}", body.password))


async def _check_asterisk(parts: Parts, who: Caller, trunk: Trunk) -> None:
    """What Asterisk cannot do is refused here; while it cannot be asked, when it gets the trunk."""
    try:
        answer = await do(who, parts.desk, "abilities", f"trunk:{trunk.id}", "")
    except (NetworkTrouble, Mistake):
        return
    if codecs := answer.get("codecs"):
        able = Abilities(frozenset(codecs), frozenset(answer["transports"]), bool(answer["srtp"]))
        check_abilities(trunk, able)


async def _saved(parts: Parts, who: Caller, trunk: Trunk, speak: Speak) -> TrunkSaved:
    pushed = await tell_later(who, parts.desk, "push", f"trunk:{trunk.id}")
    known = TrunkOut.of(trunk, speak).model_dump(by_alias=True)
    return TrunkSaved.model_validate(known | asdict(pushed))
