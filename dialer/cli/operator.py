"""`dialer operator`: accounts of operators, their phones, and their verbs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from getpass import getpass
from pathlib import Path
from typing import Annotated, Any, Optional
from urllib.parse import urlsplit

import typer

from dialer.adapters.secrets import read_secret, write_secret
from dialer.cli import choices, rosters
from dialer.cli.api import ask, ask_now, is_running
from dialer.cli.environment import load_settings
from dialer.cli.knobs import Knob, one_of, phone, with_knobs, yes_or_no
from dialer.cli.later import checker, hash_secret
from dialer.cli.screen import AsJson, print_json, print_table, remark, say, tell
from dialer.cli.several import Ids, each, ids_of
from dialer.cli.stores import OWNER, with_stores
from dialer.cli.trunk import LATER, faults, tell_aside, tell_trial
from dialer.cli.versions import Seen
from dialer.domain.errors import BadValue
from dialer.domain.operators import Account, State
from dialer.domain.said import listed, said, titled, word
from dialer.domain.types import (
    Language,
    LegKind,
    OperatorId,
    PhoneKind,
)  # fmt: skip
from dialer.office import operators as office
from dialer.ports.stores import Stores
from dialer.settings import Settings, dial_rules

app = typer.Typer(no_args_is_help=True, help="Operators: accounts, phones, and what they are told.")
app.add_typer(choices.reasons, name="pauses")
Id = Annotated[
    str,
    typer.Argument(metavar="ID", help="The number to log in with: two to six digits.", show_default=False),
]
NewIds = Annotated[
    Optional[str],  # noqa: UP045 read at run time by typer
    typer.Argument(metavar="IDS", help="Numbers to log in with, two to six digits: 101, or 101-112,115."),
]
FromFile = Annotated[
    Optional[Path],  # noqa: UP045 read at run time by typer
    typer.Option(
        "--from",
        metavar="FILE.csv",
        help="A row each: id, and name, pin, leg, phone, number, trunk, language.",
    ),
]
PIN_LENGTH = range(4, 13)

KNOBS = (
    Knob("name", "NAME", "The operator's name."),
    Knob("leg", "KIND", f"When the phone is called: {', '.join(LegKind)}.", one_of(LegKind)),
    Knob("phone", "KIND", f"{', '.join(PhoneKind)}: registered here, or any number through a trunk.",
         one_of(PhoneKind)),
    Knob("number", "NUMBER", "Of an outside phone."),
    Knob("trunk", "NAME", "By which an outside phone is called."),
    Knob("language", "ru|en", f"Of the prompts: {', '.join(Language)}.", one_of(Language)),
    Knob("enabled", "YES|NO", "no: may not log in.", yes_or_no),
    Knob("sip_password_file", "PATH", "A file with the phone's password; made if not said.", Path),
    Knob("pin_file", "PATH", "A file with the PIN for logging in by phone keys.", Path),
)  # fmt: skip
AskPin = Annotated[bool, typer.Option("--pin", help="Ask for the PIN (4 to 12 digits), without showing it.")]


def checked_pin(pin: str) -> str:
    """BadValue for what cannot be typed on a phone."""
    if not (pin.isascii() and pin.isdecimal() and len(pin) in PIN_LENGTH):
        raise BadValue(
            said("a PIN has {start} to {stop} digits", start=PIN_LENGTH.start, stop=PIN_LENGTH.stop - 1)
        )
    return pin


ROSTER = (
    *(knob for knob in KNOBS if not knob.field.endswith("_file")),
    Knob("pin", "PIN", "For logging in by phone keys.", checked_pin),
)


@app.command("add")
@with_knobs(KNOBS)
def add(
    operators: NewIds = None,
    *,
    file: FromFile = None,
    pin: AskPin = False,
    as_json: AsJson = False,
    given: Mapping[str, Any],
) -> None:
    """Add operators, each with a new password for the phone, and say how to register it."""
    if (operators is None) == (file is None):
        raise BadValue(said("name an operator, 101, or several, 101-112, or a file of them: --from FILE"))
    text = _pin(given, ask=pin)
    rows = rosters.read(file, ROSTER) if file else {key: {} for key in ids_of(operators or "")}
    if len(rows) > 1 and "sip_password_file" in given:
        raise BadValue(
            said("--sip-password-file: one password is for one phone; left out, each gets its own")
        )
    made: list[dict[str, Any]] = []
    phones: list[Account] = []

    async def work(settings: Settings, stores: Stores) -> bool:
        async def one(operator: OperatorId) -> Account:
            own = {"name": f"Operator {operator}", **_changes(settings, given, text)}
            own |= _changes(settings, rows[operator], rows[operator].get("pin", ""))
            return (await office.add(operator, own, OWNER, None, stores, means=_means(settings))).account

        def told(account: Account) -> None:
            made.append(plain(account))
            if not as_json:
                say(said("operator {id} {name!r} is added", id=account.id, name=account.name))
                if len(rows) == 1 or account.phone is PhoneKind.OUTSIDE:
                    _tell_phone(settings, account, at_length=len(rows) == 1)
                else:
                    phones.append(account)

        try:
            await each(list(rows), one, told)
        finally:
            if phones:
                _tell_phones(settings, phones)
            if as_json and made:
                print_json(made if len(rows) > 1 else made[0])
        return await is_running(settings)

    if not with_stores(work):
        remark(LATER)


@app.command("set")
@with_knobs(KNOBS)
def change(
    operators: Ids,
    *,
    pin: AskPin = False,
    version: Seen = None,
    as_json: AsJson = False,
    given: Mapping[str, Any],
) -> None:
    """Change what is named; the phones' accounts reach Asterisk within a second."""
    if not given and not pin:
        raise BadValue(said("say what to change: `dialer operator set --help` lists it"))
    ids = ids_of(operators)
    if version and len(ids) > 1:
        raise BadValue(said("--version: one version is of one operator"))
    text = _pin(given, ask=pin)
    made: list[dict[str, Any]] = []

    async def work(settings: Settings, stores: Stores) -> None:
        async def one(operator: OperatorId) -> Account:
            changes, means = _changes(settings, given, text), _means(settings)
            seen = version or (await office.one(operator, OWNER, stores)).edition.version
            told = await office.change(operator, changes, OWNER, None, stores, means=means, version=seen)
            return told.account

        def told(account: Account) -> None:
            made.append(plain(account))
            if not as_json:
                say(said("operator {id} {name!r} is changed", id=account.id, name=account.name))

        try:
            await each(ids, one, told)
        finally:
            if as_json and made:
                print_json(made if len(ids) > 1 else made[0])

    with_stores(work)


def _changes(settings: Settings, given: Mapping[str, Any], pin: str) -> dict[str, Any]:
    """By the fields of an account."""
    changes = {name: value for name, value in given.items() if name not in ("pin_file", "pin")}
    if "number" in changes:
        changes["number"] = phone("--number", changes["number"], settings)
    if path := changes.get("sip_password_file"):
        read_secret(path)
        changes["sip_password_file"] = str(path.absolute())
    return changes | ({"pin": pin} if pin else {})


def _means(settings: Settings) -> office.Means:
    async def new_secret(name: str) -> str:
        """The file with the phone's password, made unless it is there from an earlier time."""
        path = settings.data_dir.absolute() / "secrets" / name
        if not path.exists():
            await asyncio.to_thread(write_secret, path)
        return str(path)

    return office.Means(checker(dial_rules(settings)), hash_secret, new_secret=new_secret)


def _pin(given: Mapping[str, Any], *, ask: bool) -> str:
    """The PIN from its file or from the keyboard; empty for none."""
    if path := given.get("pin_file"):
        return checked_pin(read_secret(path))
    if ask:
        pin = getpass("PIN: ")
        if pin != getpass(tell(said("once more: "))):
            raise BadValue(said("the two PINs differ: try again"))
        return checked_pin(pin)
    return ""


def _tell_phone(settings: Settings, account: Account, *, at_length: bool = True) -> None:
    if account.phone is PhoneKind.OUTSIDE:
        say(
            said(
                "at log-in {number} is called through trunk {trunk}, and asked to press 1",
                number=account.number,
                trunk=account.trunk,
            )
        )
        return
    say(
        said(
            "register a phone: server {where} (port 5060, unless SIP_PORT was changed), user {id},",
            where=_server(settings),
            id=account.id,
        )
    )
    say(said("  password: the line in {sip_password_file}", sip_password_file=account.sip_password_file))
    if not at_length:
        return
    if account.pin_hash:
        way = said("*10 on the phone")
    else:
        way = said("*10 on the phone (it needs a PIN: dialer operator set {id} --pin)", id=account.id)
    say(
        said(
            "to log in: {way}, or `dialer operator login {id}`; *11 ready, *12 pause", way=way, id=account.id
        )
    )


def _tell_phones(settings: Settings, accounts: Sequence[Account]) -> None:
    """Once for all of them: what differs is the number."""
    say(
        said(
            "register their phones: server {where} (port 5060, unless SIP_PORT was changed),"
            " user: the operator's number,",
            where=_server(settings),
        )
    )
    files = [account.sip_password_file for account in accounts]
    say(said("  passwords: the lines in {first} ... {last}", first=files[0], last=Path(files[-1]).name))


def _server(settings: Settings) -> str:
    """Where a phone registers."""
    host = urlsplit(settings.ari_http_url).hostname or ""
    return said("the address of Asterisk's machine") if host in ("127.0.0.1", "localhost", "::1") else host


def plain(account: Account) -> dict[str, Any]:
    """The account for programs, without secrets."""
    return {
        "id": account.id,
        "name": account.name,
        "leg": account.leg,
        "phone": account.phone,
        "number": account.number,
        "trunk": account.trunk,
        "language": account.language,
        "enabled": account.enabled,
        "version": account.edition.version,
        "sip_password_file": account.sip_password_file,
        "has_pin": bool(account.pin_hash),
    }


@app.command("list")
def show_all(as_json: AsJson = False) -> None:
    """List the operators' accounts; where the service runs: in which state, since when, with whom, why."""

    async def work(settings: Settings, stores: Stores) -> tuple[list[dict[str, Any]], Mapping[str, str]]:
        runs = await is_running(settings)
        live = await states(settings) if runs else {}
        aside = await faults(settings, "/v1/operators") if runs else {}
        nowhere = dict.fromkeys(("state", "since_at", "with_number", "reason", "then", "desk"))
        every, unread = await office.every(OWNER, stores)
        rows = [plain(one) | live.get(one.id, nowhere) | {"fault": aside.get(one.id, "")} for one in every]
        return rows, {**unread, **aside}

    found, aside = with_stores(work)
    if as_json:
        print_json(found)
        return
    names = titled(
        "id", "name", "state", "since", "with", "why", "desk", "leg", "phone", "number", "trunk", "language",
        "has_pin", "enabled",
    )  # fmt: skip
    print_table(
        names,
        [tuple((one | _now(one))[name] for name in names) for one in found],
        empty=said("There is no operator: `dialer operator add 101 --name NAME` makes one."),
    )
    tell_aside(aside)


def _now(one: Mapping[str, Any]) -> dict[str, object]:
    """The columns of this moment; empty where the service does not run."""
    if not one["state"]:
        return dict.fromkeys(("state", "since", "with", "why"))
    why = one["reason"]
    if one["then"]:
        why = listed([*filter(None, [why]), said("then {state}", state=word(State(one["then"]), "-"))])
    since_at = datetime.fromisoformat(one["since_at"]) if one["since_at"] else None
    return {
        "state": word(State(one["state"]), "-"),
        "since": since_at,
        "with": one["with_number"],
        "why": why,
    }


async def states(settings: Settings) -> dict[str, dict[str, Any]]:
    """Operator -> what the running service says of this moment."""
    found: dict[str, dict[str, Any]] = {}
    after = ""
    while True:
        page = await ask(settings, "GET", "/v1/operators", query={"limit": "1000", "after": after})
        wanted = ("state", "since_at", "with_number", "reason", "then", "desk")
        found |= {one["id"]: {name: one[name] for name in wanted} for one in page["items"]}
        if not page["next"]:
            return found
        after = page["next"]


@app.command("remove")
def remove(operators: Ids) -> None:
    """Take an operator out of every campaign and let nobody log in; records keep the name."""
    ids = ids_of(operators)

    async def work(_: Settings, stores: Stores) -> None:
        async def one(operator: OperatorId) -> OperatorId:
            await office.remove(operator, OWNER, stores)
            return operator

        await each(ids, one, _tell_removed)

    with_stores(work)


def _tell_removed(operator: OperatorId) -> None:
    say(
        said(
            "operator {operator} is out; `dialer operator set {operator} --enabled yes`"
            " brings the account back",
            operator=operator,
        )
    )


@app.command("unlock")
def unlock(operators: Ids) -> None:
    """Forget the wrong PINs of an operator and of the phone of this number: both may log in again."""
    ids = ids_of(operators)

    async def work(_: Settings, stores: Stores) -> None:
        async def one(operator: OperatorId) -> tuple[OperatorId, bool]:
            return operator, await office.unlock(operator, OWNER, stores)

        await each(ids, one, _tell_unlocked)

    with_stores(work)


def _tell_unlocked(told: tuple[OperatorId, bool]) -> None:
    operator, was_counted = told
    if was_counted:
        say(said("operator {operator} may log in by phone again", operator=operator))
    else:
        say(said("operator {operator} was not locked, and no wrong PIN was counted", operator=operator))


# --- verbs for the running service ------------------------------------------------------------------------


@app.command("login")
def login(
    operators: Ids,
    desk: Annotated[
        str | None, typer.Option(help="Another phone for this shift, by the number that it registers with.")
    ] = None,
) -> None:
    """Begin the shift: a nailed-up phone is called now."""
    ids = ids_of(operators)
    if desk and len(ids) > 1:
        raise BadValue(said("--desk: one phone is for one operator"))
    _tell(ids, "login", {"desk": desk} if desk else None)


@app.command("logout")
def logout(operators: Ids) -> None:
    """End the shift; asked for in a call, it ends after it."""
    _tell(ids_of(operators), "logout")


@app.command("ready")
def ready(operators: Ids) -> None:
    """Take calls."""
    _tell(ids_of(operators), "ready")


@app.command("pause")
def pause(
    operators: Ids, reason: Annotated[str, typer.Option(help="Why: lunch, training ...")] = "other"
) -> None:
    """Take no more calls; asked for in a call, it begins after it."""
    _tell(ids_of(operators), "pause", {"reason": reason})


@app.command("test")
def try_phone(operator: Id, as_json: AsJson = False) -> None:
    """Call the phone once and say what happened at each step."""
    tell_trial(ask_now(load_settings(), "POST", f"/v1/operators/{operator}/test"), as_json=as_json)


def _tell(ids: Sequence[OperatorId], verb: str, body: object = None) -> None:
    settings = load_settings()

    async def one(operator: OperatorId) -> tuple[OperatorId, Mapping[str, Any]]:
        answer = await ask(settings, "POST", f"/v1/operators/{operator}/{verb}", body=body)
        return operator, answer["result"]

    asyncio.run(each(ids, one, _tell_state))


def _tell_state(told: tuple[OperatorId, Mapping[str, Any]]) -> None:
    operator, result = told
    state = word(State(result["state"]), "-")
    if then := result.get("then"):
        after = word(State(then), "-")
        say(said("operator {operator} is {state}, then {after}", operator=operator, state=state, after=after))
    else:
        say(said("operator {operator} is {state}", operator=operator, state=state))
