"""Operators: their accounts, their live state, and the verbs by which they work."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any, Self

from fastapi import Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from dialer.domain.access import Caller, Permission
from dialer.domain.bounds import PIN
from dialer.domain.operators import LegState, State, phone_trouble
from dialer.domain.types import Language, LegKind, OperatorId, PhoneKind
from dialer.office import operators as office
from dialer.web.api.campaign_fields import without_defaults
from dialer.web.api.commands import Done, Pushed
from dialer.web.auth import Needs
from dialer.web.paging import After, Limit, Page, cut
from dialer.web.parts import Given, Key, Parts, Speak, Spoken
from dialer.web.problem import VERB_ERRORS, documented
from dialer.web.queries import resource
from dialer.web.values import (
    Body,
    Code,
    Flag,
    Note,
    Number,
    OperatorNumber,
    Reason,
    Secret,
    Slug,
    Title,
    Utc,
    Version,
    formed,
)

router = resource("operators", "/operators")
Sees = Annotated[Caller, Depends(Needs(Permission.SEE_OPERATORS))]
Changes = Annotated[Caller, Depends(Needs(Permission.CHANGE_OPERATORS))]
Works = Annotated[Caller, Depends(Needs(Permission.WORK))]
LooksAfter = Annotated[Caller, Depends(Needs(Permission.LOOK_AFTER_OPERATORS))]
Pin = Annotated[str, formed(PIN), Field(examples=["4711"])]


CallName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.-]{1,64}$")]


class AccountFields(Body):
    """What an administrator sets; the password and the PIN are never given back."""

    name: Title = ""
    leg_kind: LegKind = LegKind.NAILED_UP
    phone: PhoneKind = PhoneKind.SIP
    number: Number | None = Field(default=None, description="of an outside phone")
    trunk: Slug | None = Field(default=None, description="by which an outside phone is called")
    language: Language = Language.RU
    enabled: Flag = True
    sip_password: Secret | None = Field(default=None, json_schema_extra={"writeOnly": True})
    pin: Pin | None = Field(default=None, json_schema_extra={"writeOnly": True})

    def changes(self) -> dict[str, Any]:
        """What was sent, as fields of the domain's Account."""
        sent = {name: getattr(self, name) for name in self.model_fields_set - {"id", "version"}}
        if "leg_kind" in sent:
            sent["leg"] = sent.pop("leg_kind")
        return sent


class NewAccount(AccountFields):
    id: OperatorNumber
    name: Title


class AccountChange(AccountFields):
    """What is to be changed; what is not named stays."""

    model_config = ConfigDict(json_schema_extra=without_defaults)
    version: Version = None


class OperatorOut(BaseModel):
    """The account and the live state of an operator."""

    id: str
    name: str
    leg_kind: LegKind
    phone: PhoneKind
    number: str | None
    trunk: str | None
    language: Language
    enabled: bool
    version: int = Field(description="rises with each change of the account")
    has_sip_password: bool
    has_pin: bool
    state: State
    reason: str = Field(description="of the pause; of being offline")
    since_at: datetime | None
    leg: LegState
    desk: str = Field(description="the phone of this shift, where it is not the account's own")
    call: str | None = Field(description="reserved for, talking to, or in wrap-up after")
    with_number: str | None = Field(description="with whom, as far as this token may see it")
    campaign: int | None
    then: State | None = Field(description="what follows when the present call is over")
    wrap_until_at: datetime | None
    phone_reachable: bool = Field(description="no: a talk goes on, new calls wait for the phone")
    phone_note: str = Field(description="what is wrong with the way to the phone, in words")
    shift_since_at: datetime | None = Field(description="the log-in")
    fault: str = Field(description="why the phone is set aside: Asterisk cannot have it")

    @classmethod
    def of(cls, found: office.AtWork, speak: Speak) -> Self:
        account, at_work = found.account, found.live
        return cls(
            id=account.id,
            name=account.name,
            leg_kind=account.leg,
            phone=account.phone,
            number=account.number,
            trunk=account.trunk,
            language=account.language,
            enabled=account.enabled,
            version=account.edition.version,
            has_sip_password=bool(account.sip_password_file),
            has_pin=bool(account.pin_hash),
            state=at_work.state,
            reason=at_work.reason,
            since_at=at_work.since_at,
            leg=at_work.leg,
            desk=at_work.desk,
            call=at_work.call,
            with_number=found.number,
            campaign=at_work.campaign,
            then=at_work.then,
            wrap_until_at=at_work.wrap_until_at,
            fault=speak(found.fault),
            phone_reachable=not at_work.unreachable,
            phone_note=speak(trouble) if (trouble := phone_trouble(at_work)) else "",
            shift_since_at=at_work.shift_since_at,
        )


class OperatorSaved(OperatorOut, Pushed):
    """The operator, and whether the phone's account is in Asterisk already."""


class LoginAsked(Body):
    """Where the shift is worked."""

    desk: OperatorNumber | None = Field(
        default=None, description="by which number its phone registers; the account's own phone if not said"
    )


class PauseAsked(Body):
    reason: Reason = Field(examples=["lunch"])


class Disposed(Body):
    """What came of the call."""

    disposition: Code = Field(description="one of the campaign's")
    note: Note = Field(default="", description="one that was given before stays where none is given now")
    call: CallName | None = Field(default=None, description="refused when the operator has another by now")
    callback_at: Utc | None = Field(
        default=None,
        description="when to call again, with the disposition callback; in two hours if not said. Refused"
        " when it is past, a year ahead, or outside the calling hours.",
    )


class Noted(Body):
    """A note without an outcome."""

    note: Annotated[Note, Field(min_length=1)]
    call: CallName | None = Field(default=None, description="refused when the operator has another by now")


class Keys(Body):
    keys: Annotated[str, StringConstraints(pattern=r"^[0-9*#A-D]{1,32}$")] = Field(examples=["1#"])


@router.get("", responses=documented())
async def list_operators(
    parts: Given,
    who: Sees,
    state: Annotated[State | None, Query()] = None,
    after: After = "",
    limit: Limit = 100,
    *,
    speak: Spoken,
) -> Page[OperatorOut]:
    """Every operator with the state of this moment."""
    found = await office.at_work(who, parts.live, parts.desk, parts.cell, parts.stores)
    shown = [OperatorOut.of(one, speak) for one in found]
    rows, following = cut(
        [row for row in shown if state in (None, row.state)], lambda row: row.id, after=after, limit=limit
    )
    return Page(items=rows, next=following)


@router.post("", status_code=201, responses=documented(404, 409))
async def create_operator(parts: Given, who: Changes, body: NewAccount, speak: Spoken) -> OperatorSaved:
    """Make an operator's account; the phone's account is pushed into Asterisk at once."""
    told = await office.add(body.id, body.changes(), who, parts.desk, parts.stores, means=_means(parts))
    return await _saved(parts, who, told, speak)


@router.get("/{operator}", responses=documented(404))
async def get_operator(parts: Given, who: Sees, operator: OperatorNumber, speak: Spoken) -> OperatorOut:
    """One operator with the state of this moment."""
    return await _shown(parts, who, OperatorId(operator), speak)


@router.patch("/{operator}", responses=documented(404, 409))
async def change_operator(
    parts: Given, who: Changes, operator: OperatorNumber, body: AccountChange, speak: Spoken
) -> OperatorSaved:
    """Change what is named; a new password reaches Asterisk at once."""
    told = await office.change(
        OperatorId(operator),
        body.changes(),
        who,
        parts.desk,
        parts.stores,
        means=_means(parts),
        version=body.version,
    )
    return await _saved(parts, who, told, speak)


@router.post("/{operator}/login", responses=documented(*VERB_ERRORS))
async def operator_login(
    parts: Given,
    who: Works,
    operator: OperatorNumber,
    *,
    body: LoginAsked | None = None,
    key: Key,
) -> Done:
    """Begin the shift: a nailed-up phone is called now."""
    desk = {"desk": body.desk} if body is not None and body.desk else {}
    return await _tell(parts, who, "login", operator, key, **desk)


@router.post("/{operator}/pause", responses=documented(*VERB_ERRORS))
async def pause_operator(
    parts: Given, who: Works, operator: OperatorNumber, body: PauseAsked, key: Key
) -> Done:
    """Take no more calls; asked for in a call, it begins after it."""
    return await _tell(parts, who, "pause", operator, key, reason=body.reason)


@router.post("/{operator}/dispose", responses=documented(*VERB_ERRORS))
async def dispose_call(
    parts: Given, who: Works, operator: OperatorNumber, body: Disposed, speak: Spoken, *, key: Key
) -> Done:
    """Say what came of the present or the last call; said again, it replaces the first.

    Of a callback the answer says when it is kept: `result.callback_at`, and `result.moved` why not in two
    hours.
    """
    at = "" if body.callback_at is None else body.callback_at.astimezone(UTC).isoformat()
    said_so = {"disposition": body.disposition, "note": body.note, "callback_at": at, "call": body.call or ""}
    return (await _tell(parts, who, "dispose", operator, key, **said_so)).spoken(speak)


@router.post("/{operator}/note", responses=documented(*VERB_ERRORS))
async def note_call(parts: Given, who: Works, operator: OperatorNumber, body: Noted, key: Key = "") -> Done:
    """Write a note on the present or the last call; it is kept at once, and a later one replaces it."""
    return await _tell(parts, who, "note", operator, key, note=body.note, call=body.call or "")


@router.post("/{operator}/keys", responses=documented(*VERB_ERRORS))
async def send_keys(parts: Given, who: Works, operator: OperatorNumber, body: Keys, key: Key) -> Done:
    """Send keys to the person's line, as a robot at the other end may want them."""
    return await _tell(parts, who, "keys", operator, key, keys=body.keys)


@router.post("/{operator}/extension", responses=documented(*VERB_ERRORS))
async def send_extension(parts: Given, who: Works, operator: OperatorNumber, key: Key) -> Done:
    """Key in the extension of the number that was dialled, once its switchboard answers."""
    return await _tell(parts, who, "extension", operator, key)


@router.post("/{operator}/push", responses=documented(*VERB_ERRORS))
async def push_phone(parts: Given, who: Changes, operator: OperatorNumber, key: Key) -> Done:
    """Put the phone's account into Asterisk again."""
    return await _tell(parts, who, "push", operator, key)


@router.post("/{operator}/test", responses=documented(*VERB_ERRORS))
async def try_phone(
    parts: Given, who: LooksAfter, operator: OperatorNumber, speak: Spoken, *, key: Key
) -> Done:
    """Call the phone once and say what happened at each step."""
    return (await _tell(parts, who, "test", operator, key, by=who.user)).spoken(speak)


@router.post("/{operator}/unlock", status_code=204, responses=documented(404))
async def unlock_operator(parts: Given, who: LooksAfter, operator: OperatorNumber) -> Response:
    """Forget the wrong PINs of this operator, and of the phone of this number: both may log in again."""
    await office.unlock(OperatorId(operator), who, parts.stores)
    return Response(status_code=204)


def _add_plain_verb(verb: str, sentence: str) -> None:
    async def act(parts: Given, who: Works, operator: OperatorNumber, key: Key) -> Done:
        return await _tell(parts, who, verb, operator, key)

    act.__name__ = f"operator_{verb}"
    router.post(f"/{{operator}}/{verb}", responses=documented(*VERB_ERRORS), description=sentence)(act)


for _verb, _sentence in {
    "logout": "End the shift; asked for in a call, it ends after it.",
    "ready": "Take calls.",
    "hang_up": "End the talk with the person; the operator's own leg stays up.",
    "hold": "Let the person hear music.",
    "unhold": "Take the person back from the music.",
    "mute": "The person does not hear the operator any more.",
    "unmute": "The person hears the operator again.",
}.items():
    _add_plain_verb(_verb, _sentence)


async def _tell(parts: Parts, who: Caller, verb: str, operator: str, key: str, /, **args: str) -> Done:
    answer = await office.tell(OperatorId(operator), verb, who, parts.desk, parts.stores, key=key, **args)
    return Done.of(verb, f"operator:{operator}", answer)


def _means(parts: Parts) -> office.Means:
    tools = parts.tools
    return office.Means(tools.check_number, tools.hash_pin, keep_secret=tools.keep_secret)


async def _shown(parts: Parts, who: Caller, operator: OperatorId, speak: Speak) -> OperatorOut:
    found = await office.one_at_work(operator, who, parts.live, parts.desk, parts.stores, cell=parts.cell)
    return OperatorOut.of(found, speak)


async def _saved(parts: Parts, who: Caller, told: office.Saved, speak: Speak) -> OperatorSaved:
    shown = await _shown(parts, who, told.account.id, speak)
    return OperatorSaved(**shown.model_dump(), **asdict(told.pushed))
