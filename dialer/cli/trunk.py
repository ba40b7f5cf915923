"""`dialer trunk`: the SIP ways out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from dialer.adapters.ari.push import trunk_objects
from dialer.adapters.clock import utc_now
from dialer.adapters.codec import loosen
from dialer.adapters.secrets import read_secret
from dialer.cli.api import PROBE_S, ask, ask_now, is_running
from dialer.cli.environment import load_settings
from dialer.cli.knobs import Knob, items, number, one_of, phone, whole, with_knobs, yes_or_no
from dialer.cli.later import abilities, check_prefixes, checker, one_number
from dialer.cli.screen import AsJson, print_json, print_table, remark, say
from dialer.cli.stores import OWNER, with_stores
from dialer.cli.versions import Seen
from dialer.domain.abilities import Abilities
from dialer.domain.days import day_of, span_of
from dialer.domain.editions import OWN
from dialer.domain.errors import BadValue, Mistake, NetworkTrouble
from dialer.domain.said import listed, said, titled, word
from dialer.domain.spending import MINUTE_S, NOTHING, Spent, money, why_full
from dialer.domain.trunk import Keys, NumberFormat, Transport, Trunk, UnknownCallers, why_readable
from dialer.domain.types import Outcome, TrunkId
from dialer.office import trunks as office
from dialer.ports.stores import Stores
from dialer.settings import Settings, dial_rules, office_zone

app = typer.Typer(no_args_is_help=True, help="The SIP ways out: carriers' accounts.")
Name = Annotated[
    str, typer.Argument(metavar="NAME", help="Lower-case letters, digits, dashes.", show_default=False)
]
LATER = said("Asterisk gets it when the service runs: `dialer run`")

KNOBS = (
    Knob("host", "HOST", "The carrier's name or address."),
    Knob("port", "PORT", "Its SIP port; 5060 if not said.", whole),
    Knob("transport", "KIND", f"{', '.join(Transport)}.", one_of(Transport)),
    Knob("register", "YES|NO", "Register there; no: known by its address.", yes_or_no),
    Knob("user", "NAME", "The account at the carrier."),
    Knob("password_file", "PATH", "A file with its password, mode 0600; read anew when it changes.", Path),
    Knob("from_user", "NAME", "The user in From, where the carrier wants one."),
    Knob("number_format", "+7|7|8", "How the carrier wants numbers: +79161234567, 7916... or 8916...",
         one_of(NumberFormat)),
    Knob("codecs", "NAMES", "In order of preference: alaw,ulaw.", items),
    Knob("caller_ids", "NUMBERS", "The numbers that people may see.", items),
    Knob("lines", "N", "Most calls at a time.", whole),
    Knob("calls_per_s", "N", "Most new calls a second.", number),
    Knob("prefixes", "PREFIXES", "What may be dialled: +7,+375.", items),
    Knob("probe", "YES|NO", "no: the carrier does not answer OPTIONS; calls alone tell.", yes_or_no),
    Knob("srtp", "YES|NO", "yes: encrypted sound, or no call; secret with --transport tls.", yes_or_no),
    Knob("keys", "KIND", f"How keys come: {', '.join(Keys)}.", one_of(Keys)),
    Knob("unknown_callers", "KIND", "Callers whom nobody called: " + ", ".join(UnknownCallers) + ".",
         one_of(UnknownCallers)),
    Knob("enabled", "YES|NO", "no: not used until yes.", yes_or_no),
    Knob("minutes_per_day", "N", "Most answered minutes in a day; 0: no ceiling.", number),
    Knob("money_per_day", "N", "Most money in a day, by the prices; 0: no ceiling.", number),
    Knob("price", "N", "Of an answered minute.", number),
    Knob("price_per_call", "N", "Of each attempt.", number),
    Knob("currency", "WORD", "Of the prices, for people: RUB."),
)  # fmt: skip


@app.command("add")
@with_knobs(KNOBS)
def add(name: Name, *, as_json: AsJson = False, given: Mapping[str, Any]) -> None:
    """Add a trunk; the running service gives it to Asterisk within a second."""

    async def work(settings: Settings, stores: Stores) -> tuple[Trunk, bool]:
        if "host" not in given:
            raise BadValue(
                said("say where the carrier is: dialer trunk add {name} --host sip.example.org", name=name)
            )
        changes, means = _changes(settings, given), _means(settings)
        told = await office.add(name, changes, OWNER, None, stores, means=means)
        return told.trunk, await is_running(settings)

    _told(*with_stores(work), as_json=as_json, is_new=True)


@app.command("set")
@with_knobs(KNOBS)
def change(name: Name, *, version: Seen = None, as_json: AsJson = False, given: Mapping[str, Any]) -> None:
    """Change what is named; Asterisk gets it within a second."""
    if not given:
        raise BadValue(said("say what to change: `dialer trunk set --help` lists it"))

    async def work(settings: Settings, stores: Stores) -> tuple[Trunk, bool]:
        changes, means = _changes(settings, given), _means(settings)
        seen = version or (await office.one(TrunkId(name), OWNER, stores)).edition.version
        told = await office.change(TrunkId(name), changes, OWNER, None, stores, means=means, version=seen)
        return told.trunk, await is_running(settings)

    _told(*with_stores(work), as_json=as_json, is_new=False)


def _changes(settings: Settings, given: Mapping[str, Any]) -> dict[str, Any]:
    """By the fields of a trunk."""
    changes = dict(given)
    changes |= {name: tuple(value) for name, value in given.items() if isinstance(value, list)}
    if "caller_ids" in changes:
        changes["caller_ids"] = tuple(phone("--caller-ids", text, settings) for text in changes["caller_ids"])
    if "password_file" in changes:
        changes["password_file"] = str(changes["password_file"].absolute())
    return changes


def _means(settings: Settings) -> office.Means:
    async def asked(trunk: Trunk) -> Abilities | None:
        return await _abilities(settings)

    rules = dial_rules(settings)
    return office.Means(
        checker(rules), asked, lambda prefixes: check_prefixes(prefixes, rules), check_whole=_check_whole
    )


def _check_whole(trunk: Trunk) -> None:
    """BadValue says what Asterisk would not take."""
    if trunk.user and not trunk.password_file:
        raise BadValue(
            said(
                "the account {user!r} needs its password: put it into a file (mode 0600) and"
                " name it with --password-file",
                user=trunk.user,
            )
        )
    trunk_objects(trunk, read_secret(Path(trunk.password_file)) if trunk.password_file else "")


async def _abilities(settings: Settings) -> Abilities | None:
    """What Asterisk can do; one that cannot be asked checks it when it gets the trunk."""
    if settings.ari_password_file is None:
        return None
    try:
        password = read_secret(Path(settings.ari_password_file))
        return await abilities(settings.ari_http_url, settings.ari_user, password, timeout_s=PROBE_S)
    except (NetworkTrouble, BadValue):
        return None


def _told(trunk: Trunk, is_pushed: bool, *, as_json: bool, is_new: bool) -> None:
    if as_json:
        print_json(trunk)
    else:
        place = f"{trunk.host}:{trunk.port} ({trunk.transport})"
        if is_new:
            say(said("trunk {trunk} is added: {place}", trunk=trunk.id, place=place))
        else:
            say(said("trunk {trunk} is changed: {place}", trunk=trunk.id, place=place))
    if readable := why_readable(trunk):
        remark(readable)
    if not is_pushed:
        remark(LATER)


def plain(trunk: Trunk) -> dict[str, Any]:
    """The trunk for programs, without secrets."""
    return {name: value for name, value in loosen(trunk).items() if name != OWN} | {
        "version": trunk.edition.version
    }


@app.command("list")
def show_all(as_json: AsJson = False) -> None:
    """List the trunks."""
    found, used, aside = with_stores(_with_use)
    if as_json:
        print_json([plain(one) | {"fault": aside.get(one.id, "")} for one in found])
        return
    names = titled(
        "name",
        "host",
        "port",
        "transport",
        "register",
        "user",
        "numbers",
        "lines",
        "calls/s",
        "prefixes",
        "on",
        "used today",
    )
    print_table(
        names,
        [
            (
                one.id,
                one.host,
                one.port,
                one.transport,
                one.register,
                one.user,
                one.number_format,
                one.lines,
                one.calls_per_s,
                one.prefixes,
                one.enabled,
                _use(one, used.get(one.id, NOTHING)),
            )
            for one in found
        ],
        empty=said("There is no trunk: `dialer trunk add NAME --host HOST` makes one."),
    )
    tell_aside(aside)


async def faults(settings: Settings, path: str) -> Mapping[str, str]:
    """What the running service has set aside of these, and why."""
    page = await ask(settings, "GET", path, query={"limit": "1000"})
    return {one["id"]: one["fault"] for one in page["items"] if one["fault"]}


def tell_aside(aside: Mapping[str, str]) -> None:
    for name, why in aside.items():
        remark(said("{name} is set aside, nothing goes by it: {why}", name=name, why=why))


async def _with_use(
    settings: Settings, stores: Stores
) -> tuple[Sequence[Trunk], Mapping[TrunkId, Spent], Mapping[str, str]]:
    """The trunks, what each has used today by the records, and why some are set aside."""
    zone = office_zone(settings)
    used = await office.used(OWNER, stores, span=span_of(day_of(utc_now(), zone), zone))
    found, unread = await office.every(OWNER, stores)
    live = await faults(settings, "/v1/trunks") if await is_running(settings) else {}
    return found, used, {**unread, **live}


def _use(trunk: Trunk, spent: Spent) -> str:
    """`12.5 of 600 min`, `80.00 of 1,000 RUB`, and that it is closed."""
    minutes = spent.seconds / MINUTE_S
    told = [said("{used:,.1f} min", used=minutes)]
    if trunk.minutes_per_day:
        told = [said("{used:,.1f} of {most:,g} min", used=minutes, most=trunk.minutes_per_day)]
    if trunk.money_per_day:
        paid, most = money(trunk, spent), trunk.money_per_day
        told.append(
            said("{used:,.2f} of {most:,g} {currency}", used=paid, most=most, currency=trunk.currency)
        )
    if why_full(trunk, spent):
        told.append(said("CLOSED until midnight"))
    return listed(told)


@app.command("calls")
def side_calls(
    name: Annotated[
        str, typer.Argument(metavar="[NAME]", help="Of this trunk alone.", show_default=False)
    ] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Most rows.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List calls of no campaign, the newest first: tests and operators' outside phones."""
    trunk = TrunkId(name) if name else None
    found = with_stores(lambda _, stores: office.side_calls(OWNER, stores, trunk=trunk, limit=limit))
    if as_json:
        print_json(found)
        return
    names = titled(
        "begun at", "kind", "trunk", "number", "who", "answered", "ended", "outcome", "cause", "SIP"
    )
    print_table(
        names,
        [
            (
                one.begun_at,
                word(one.kind),
                one.trunk,
                one.number,
                one.who,
                one.answer_at,
                one.end_at if one.is_over else "",
                word(Outcome(one.outcome)) if one.outcome in set(Outcome) else one.outcome,
                one.cause,
                one.sip_code,
            )
            for one in found
        ],
        empty=said("There is none yet: `dialer trunk test NAME NUMBER` makes one."),
    )


@app.command("remove")
def remove(name: Name) -> None:
    """Remove a trunk that no campaign and no operator's phone uses."""

    with_stores(lambda _, stores: office.remove(TrunkId(name), OWNER, None, stores))
    say(said("trunk {name} is removed", name=name))


@app.command("push")
def push(name: Name) -> None:
    """Give the trunk to Asterisk again."""
    ask_now(load_settings(), "POST", f"/v1/trunks/{name}/push")
    say(said("Asterisk has trunk {name}", name=name))


@app.command("test")
def try_number(
    name: Name,
    to: Annotated[
        str, typer.Argument(metavar="NUMBER", help="A phone that you can hear.", show_default=False)
    ],
    as_json: AsJson = False,
) -> None:
    """Make one call by this trunk and say what happened at each step."""
    settings = load_settings()
    target = one_number(to, settings.country)
    tell_trial(ask_now(settings, "POST", f"/v1/trunks/{name}/test", body={"number": target}), as_json=as_json)


def tell_trial(answer: Mapping[str, Any], *, as_json: bool) -> None:
    """The steps of a trial call; a failed one ends with exit code 1."""
    result = answer["result"]
    if as_json:
        print_json(loosen(result))
    else:
        for step in result["steps"]:
            say(step)
    if not result["ok"]:
        raise Mistake(said("nobody answered"))
