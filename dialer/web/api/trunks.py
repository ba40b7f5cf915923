"""Trunks: the SIP ways out; an administrator's business."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Self

from fastapi import Depends
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from dialer.domain.access import Caller, Permission
from dialer.domain.bounds import HOST, SIP_NAME, TRUNK, Within
from dialer.domain.trunk import Keys, NumberFormat, Transport, Trunk, UnknownCallers, why_readable
from dialer.domain.types import PhoneNumber, TrunkId
from dialer.office import trunks as office
from dialer.office.cell import faults as faults_of
from dialer.web.api.campaign_fields import without_defaults
from dialer.web.api.commands import Done, Pushed
from dialer.web.auth import Needs
from dialer.web.paging import After, Limit, Page, cut
from dialer.web.parts import Given, Key, Parts, Speak, Spoken
from dialer.web.problem import VERB_ERRORS, documented
from dialer.web.queries import resource
from dialer.web.values import Body, Flag, Line, Number, Secret, Slug, Version, formed, within

router = resource("trunks", "/trunks")
Sees = Annotated[Caller, Depends(Needs(Permission.SEE_TRUNKS))]
Changes = Annotated[Caller, Depends(Needs(Permission.CHANGE_TRUNKS))]
Host = Annotated[
    str,
    StringConstraints(pattern=f"^({HOST})$"),
    Field(examples=["sip.example.org"]),
]
SipName = Annotated[str, formed(SIP_NAME)]
LIMITS = {name: bound for name, bound in TRUNK.items() if isinstance(bound, Within)}
Codec = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]{2,16}$"), Field(examples=["alaw"])]
Ceiling = Annotated[float, within(LIMITS["minutes_per_day"])]
Price = Annotated[float, within(LIMITS["price"])]
Currency = Annotated[Line, Field(max_length=10, examples=["RUB"])]
Prefix = Annotated[str, StringConstraints(pattern=r"^\+[1-9][0-9]{0,14}$"), Field(examples=["+7"])]


class TrunkFields(Body):
    """Everything that can be set; the password is never given back."""

    host: Host = ""
    port: Annotated[int, within(LIMITS["port"])] = 5060
    transport: Transport = Transport.UDP
    register_: Flag = Field(default=False, alias="register", description="else known by its address")
    user: SipName = ""
    password: Secret | None = Field(default=None, json_schema_extra={"writeOnly": True})
    from_user: SipName = ""
    number_format: NumberFormat = NumberFormat.BARE
    codecs: list[Codec] = Field(default=["alaw", "ulaw"], min_length=1, max_length=10)
    caller_ids: list[Number] = Field(default=[], max_length=1000)
    lines: Annotated[int, within(LIMITS["lines"])] = 10
    calls_per_s: Annotated[float, within(LIMITS["calls_per_s"])] = 5.0
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
    minutes_per_day: Ceiling = Field(
        default=0.0, description="of answered time, in a day of the office; 0: no ceiling"
    )
    money_per_day: Ceiling = Field(
        default=0.0, description="by the two prices, in a day of the office; 0: no ceiling"
    )
    price: Price = Field(default=0.0, description="of an answered minute")
    price_per_call: Price = Field(default=0.0, description="of each attempt")
    currency: Currency = ""

    def changes(self) -> dict[str, Any]:
        """What was sent, as fields of the domain's Trunk."""
        sent = {name.rstrip("_"): getattr(self, name) for name in self.model_fields_set - {"id", "version"}}
        return sent | {name: tuple(value) for name, value in sent.items() if isinstance(value, list)}


class NewTrunk(TrunkFields):
    id: Slug
    host: Host


class TrunkChange(TrunkFields):
    """What is to be changed; what is not named stays."""

    model_config = ConfigDict(json_schema_extra=without_defaults)
    version: Version = None


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
    version: int = Field(description="rises with each change")
    fault: str = Field(default="", description="why it is set aside: Asterisk cannot have it")
    remark: str = Field(default="", description="what is well to know of it: who can listen to its calls")

    @classmethod
    def of(cls, trunk: Trunk, speak: Speak, fault: str = "") -> Self:
        values = {name: getattr(trunk, name) for name in _SAME}
        return cls.model_validate(
            values
            | {name: list(getattr(trunk, name)) for name in ("codecs", "caller_ids", "prefixes")}
            | {"version": trunk.edition.version}
            | {"register": trunk.register, "has_password": bool(trunk.password_file)}
            | {"fault": speak(fault), "remark": speak(why_readable(trunk))}
        )


_SAME = (
    "id", "host", "port", "transport", "user", "from_user", "number_format", "lines", "calls_per_s",
    "enabled", "probe", "srtp", "keys", "unknown_callers", "minutes_per_day", "money_per_day", "price",
    "price_per_call", "currency",
)  # fmt: skip


class TrunkSaved(TrunkOut, Pushed):
    """A trunk as it is set, and whether Asterisk has it already."""

    @classmethod
    def saved(cls, told: office.Saved, speak: Speak) -> Self:
        known = TrunkOut.of(told.trunk, speak).model_dump(by_alias=True)
        return cls.model_validate(known | asdict(told.pushed))


class TryNumber(Body):
    number: Number


@router.get("", responses=documented())
async def list_trunks(
    parts: Given, who: Sees, after: After = "", limit: Limit = 100, *, speak: Spoken
) -> Page[TrunkOut]:
    """Every trunk, in the order of their names."""
    every, _ = await office.every(who, parts.stores)
    rows, following = cut(every, lambda row: row.id, after=after, limit=limit)
    faults = await faults_of(parts.desk, parts.cell)
    return Page(items=[TrunkOut.of(row, speak, faults.get(row.id, "")) for row in rows], next=following)


@router.post("", status_code=201, responses=documented(409))
async def create_trunk(parts: Given, who: Changes, body: NewTrunk, speak: Spoken) -> TrunkSaved:
    """Make a trunk; it is pushed into Asterisk at once."""
    means = _means(parts, who)
    told = await office.add(body.id, body.changes(), who, parts.desk, parts.stores, means=means)
    return TrunkSaved.saved(told, speak)


@router.get("/{trunk}", responses=documented(404))
async def get_trunk(parts: Given, who: Sees, trunk: Slug, speak: Spoken) -> TrunkOut:
    """One trunk as it is set."""
    faults = await faults_of(parts.desk, parts.cell)
    return TrunkOut.of(await office.one(TrunkId(trunk), who, parts.stores), speak, faults.get(trunk, ""))


@router.patch("/{trunk}", responses=documented(404, 409))
async def change_trunk(
    parts: Given, who: Changes, trunk: Slug, body: TrunkChange, speak: Spoken
) -> TrunkSaved:
    """Change what is named; Asterisk gets it at once."""
    told = await office.change(
        TrunkId(trunk),
        body.changes(),
        who,
        parts.desk,
        parts.stores,
        means=_means(parts, who),
        version=body.version,
    )
    return TrunkSaved.saved(told, speak)


@router.delete("/{trunk}", responses=documented(404, 409))
async def delete_trunk(parts: Given, who: Changes, trunk: Slug) -> Pushed:
    """Remove a trunk that no campaign and no operator's phone uses."""
    pushed = await office.remove(TrunkId(trunk), who, parts.desk, parts.stores)
    return Pushed(**asdict(pushed))


@router.post("/{trunk}/push", responses=documented(*VERB_ERRORS))
async def push_trunk(parts: Given, who: Changes, trunk: Slug, key: Key) -> Done:
    """Put the trunk into Asterisk again."""
    return await _tell(parts, who, "push", trunk, key)


@router.post("/{trunk}/test", responses=documented(*VERB_ERRORS))
async def try_trunk(
    parts: Given, who: Changes, trunk: Slug, body: TryNumber, speak: Spoken, *, key: Key
) -> Done:
    """Make one call to this number and say what happened at each step."""
    done = await _tell(parts, who, "test", trunk, key, number=PhoneNumber(body.number), by=who.user)
    return done.spoken(speak)


async def _tell(parts: Parts, who: Caller, verb: str, trunk: str, key: str, /, **args: str) -> Done:
    answer = await office.tell(TrunkId(trunk), verb, who, parts.desk, parts.stores, key=key, **args)
    return Done.of(verb, f"trunk:{trunk}", answer)


def _means(parts: Parts, who: Caller) -> office.Means:
    asked = office.asked_by(who, parts.desk)
    tools = parts.tools
    return office.Means(tools.check_number, asked, tools.check_prefixes, keep_secret=tools.keep_secret)
