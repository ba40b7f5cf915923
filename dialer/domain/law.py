"""The law as data: rule packs per country and purpose, and what they say to the start of a campaign.

Not legal advice.  A rule kind that is added later is one dataclass here and one place that asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import time, timedelta
from math import isfinite

from dialer.domain.campaign import Campaign
from dialer.domain.said import either, said, values, word
from dialer.domain.schedule import Window, every_day, narrow
from dialer.domain.types import Mode, Outcome, Purpose
from dialer.domain.verdict import Gate, Verdict, refuse

LAWFUL_RING_S = 15.0
LONGEST_RING_S = 120.0
HIGHEST_RATIO = 10.0
HEAVIEST = 100  # a campaign among those of its priority
LOWEST_CEILING, HIGHEST_CEILING = 0.001, 0.05  # the law names 3 % where it names a figure
AUTOMATIC = frozenset({Mode.PROGRESSIVE, Mode.POWER, Mode.PREDICTIVE})
RESERVED_FIRST = frozenset({Mode.MANUAL, Mode.PREVIEW, Mode.PROGRESSIVE})  # an operator is guaranteed
NOT_YET = frozenset({Mode.MANUAL, Mode.PREVIEW})
VERSION = "2026.1"  # of the packs below, as this product reads the sources


@dataclass(frozen=True, slots=True)
class Rule:
    """Where it is written, and which reading of it this is."""

    id: str
    source: str
    version: str


@dataclass(frozen=True, slots=True)
class ForbidModes(Rule):
    """These modes may not be used for the purpose."""

    modes: frozenset[Mode]


@dataclass(frozen=True, slots=True)
class RingAtLeast(Rule):
    """No unanswered call is ended before this."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Hours(Rule):
    """Calls in these hours only, on the called person's clock."""

    windows: tuple[Window, ...]


@dataclass(frozen=True, slots=True)
class RestAfter(Rule):
    """After this outcome the number rests, except in modes that guarantee an operator."""

    outcome: Outcome
    rest: timedelta
    except_modes: frozenset[Mode] = frozenset()


@dataclass(frozen=True, slots=True)
class GiveUpNever(Rule):
    """Pacing ends no ringing call before its ring time is over."""


AnyRule = ForbidModes | RingAtLeast | Hours | RestAfter | GiveUpNever


@dataclass(frozen=True, slots=True)
class Pack:
    """The rules of one country and purpose; `left_to_you` are duties that nothing here checks."""

    name: str
    rules: tuple[AnyRule, ...]
    left_to_you: tuple[str, ...] = ()


def choose(country: str, purpose: Purpose) -> Pack:
    """The pack of country and purpose, else the country's, else the general one."""
    return PACKS.get((country, purpose)) or PACKS.get((country, None)) or GENERAL


def forbidding(pack: Pack, mode: Mode) -> ForbidModes | None:
    """The rule that forbids this mode."""
    return next((rule for rule in pack.rules if isinstance(rule, ForbidModes) and mode in rule.modes), None)


def hours_of(pack: Pack) -> Hours | None:
    """The rule that limits the hours; a pack has one at most."""
    return next((rule for rule in pack.rules if isinstance(rule, Hours)), None)


def rests_of(pack: Pack, mode: Mode) -> Iterator[RestAfter]:
    """The rests that hold for this mode."""
    return (rule for rule in pack.rules if isinstance(rule, RestAfter) and mode not in rule.except_modes)


def may_give_up(pack: Pack) -> bool:
    """Whether pacing may end a ringing call before its ring time is over; `RingAtLeast` holds too."""
    return not any(isinstance(rule, GiveUpNever) for rule in pack.rules)


# --- the start of a campaign ------------------------------------------------------------------------------


def check_start(campaign: Campaign, lab: bool = False) -> list[Verdict]:
    """Everything that keeps this campaign from starting; empty: it may start."""
    if campaign.archived:
        return [_setting("the campaign is archived: `dialer campaign unarchive` brings it back")]
    return [*_law_problems(campaign, lab), *_setting_problems(campaign)]


def _law_problems(campaign: Campaign, lab: bool) -> Iterator[Verdict]:
    pack = choose(campaign.country, campaign.purpose)
    if rule := forbidding(pack, campaign.mode):
        yield forbidden(campaign, rule)
    for ring in pack.rules:
        if isinstance(ring, RingAtLeast) and campaign.ring_s < ring.seconds and not lab:
            yield refuse(
                Gate.LAW,
                "the ring time is {ring:g} s, the law asks for at least {least:g} s ({source}): raise ring_s",
                ring=campaign.ring_s,
                least=ring.seconds,
                source=ring.source,
                rule=ring.id,
                version=ring.version,
            )
    law = hours_of(pack)
    if law and campaign.schedule and not narrow(campaign.schedule, law.windows):
        yield refuse(
            Gate.LAW,
            "no hour of the schedule is lawful ({source}): add hours that the law allows",
            source=law.source,
            rule=law.id,
            version=law.version,
        )


def forbidden(campaign: Campaign, rule: ForbidModes) -> Verdict:
    """The sentence for a mode that the purpose does not allow."""
    return refuse(
        Gate.LAW,
        "{purpose} in {country} may not be dialled in {mode} mode ({source}): choose {allowed}",
        purpose=word(campaign.purpose),
        country=campaign.country,
        mode=word(campaign.mode),
        source=rule.source,
        allowed=either([word(mode) for mode in Mode if mode not in rule.modes]),
        rule=rule.id,
        version=rule.version,
    )


def _setting_problems(campaign: Campaign) -> Iterator[Verdict]:
    if campaign.mode in NOT_YET:
        yield _setting(
            "{mode} mode is not available yet: choose progressive, power or predictive",
            mode=word(campaign.mode),
        )
    if not campaign.message:
        yield _setting("there is no message for people who get no operator: give the campaign one")
    if not campaign.trunks:
        yield _setting("the campaign has no trunk: give it at least one")
    if not campaign.operators:
        yield _setting("the campaign has no operators: give it at least one")
    if not campaign.schedule:
        yield _setting("the schedule is empty: add the days and hours in which people may be called")
    if not campaign.ring_s <= LONGEST_RING_S:
        yield _setting(
            "the ring time is {ring:g} s, at most {most:g} s make sense: lower ring_s",
            ring=campaign.ring_s,
            most=LONGEST_RING_S,
        )
    if campaign.mode is Mode.POWER and not (isfinite(campaign.ratio) and 0 < campaign.ratio <= HIGHEST_RATIO):
        yield _setting(
            "the ratio is {ratio:g} lines per free operator: set it above 0 and to at most {most:g}",
            ratio=campaign.ratio,
            most=HIGHEST_RATIO,
        )
    if campaign.mode is Mode.PREDICTIVE and not LOWEST_CEILING <= campaign.ceiling <= HIGHEST_CEILING:
        yield _setting(
            "the ceiling of abandoned calls is {ceiling:.2%} of live answers:"
            " set it from {least:.1%} to {most:.1%}",
            ceiling=campaign.ceiling,
            least=LOWEST_CEILING,
            most=HIGHEST_CEILING,
        )
    if not 1 <= campaign.weight <= HEAVIEST:
        yield _setting(
            "the weight is {weight}: set it from 1 to {most}", weight=campaign.weight, most=HEAVIEST
        )
    if campaign.max_attempts < 1:
        yield _setting(
            "max_attempts is {n}, so no lead is ever called: set it to 1 or more", n=campaign.max_attempts
        )
    if campaign.cap < 0:
        yield _setting(
            "the cap is {n} calls in flight: set it to 1 or more, or to 0 for none", n=campaign.cap
        )


def _setting(text: str, **args: object) -> Verdict:
    return replace(refuse(Gate.SETTINGS, text), args=values(args))


# --- the packs --------------------------------------------------------------------------------------------

_TSR_RING = RingAtLeast("us-tsr-ring", "16 CFR 310.4(b)(4)(ii), 47 CFR 64.1200(a)(6)", VERSION, LAWFUL_RING_S)
_TSR_HOURS = Hours("us-tsr-hours", "16 CFR 310.4(c)", VERSION, every_day(time(8), time(21)))
_OWN_RING = RingAtLeast(
    "ring", said("this product's own floor, as in 47 CFR 64.1200(a)(6)"), VERSION, LAWFUL_RING_S
)
_RU_LABEL = said("the contract with the carrier and the labelling of mass calls (41-FZ)")

GENERAL = Pack("general", (_OWN_RING,), (said("the law of the country: no rule pack is known for it"),))

PACKS: Mapping[tuple[str, Purpose | None], Pack] = {
    ("RU", None): Pack("ru", (_OWN_RING,), (_RU_LABEL,)),
    ("RU", Purpose.ADVERTISING): Pack(
        "ru-advertising",
        (
            ForbidModes("ru-no-automatic-advertising", said("38-FZ art. 18 part 2"), VERSION, AUTOMATIC),
            _OWN_RING,
        ),
        (said("prior consent that can be proved (38-FZ art. 18 part 1)"), _RU_LABEL),
    ),
    ("RU", Purpose.DEBT): Pack(
        "ru-debt",
        (
            Hours(
                "ru-debt-hours",
                said("230-FZ art. 7"),
                VERSION,
                tuple(
                    Window(day, time(8), time(22)) if day < 5 else Window(day, time(9), time(20))
                    for day in range(7)
                ),
            ),
            RestAfter(
                "ru-debt-one-talk-a-day", said("230-FZ art. 7"), VERSION, Outcome.CONNECTED, timedelta(days=1)
            ),
            _OWN_RING,
        ),
        (
            said("2 talks a week and 8 a month (230-FZ art. 7)"),
            said("public holidays as days off"),
            _RU_LABEL,
        ),
    ),
    ("US", None): Pack(
        "us-tsr",
        (_TSR_RING, _TSR_HOURS),
        (
            said("the national do-not-call registry"),
            said("stricter state rules, such as Florida's hours and attempts"),
        ),
    ),
    ("US", Purpose.DEBT): Pack(
        "us-debt",
        (
            _TSR_RING,
            _TSR_HOURS,
            RestAfter(
                "us-debt-after-talk", "12 CFR 1006.14(b)(2)", VERSION, Outcome.CONNECTED, timedelta(days=7)
            ),
        ),
        (said("7 calls in 7 days per person and debt (12 CFR 1006.14)"),),
    ),
    ("GB", None): Pack(
        "uk-ofcom",
        (
            RingAtLeast("uk-ring", "Ofcom, persistent misuse statement", VERSION, LAWFUL_RING_S),
            RestAfter(
                "uk-after-abandoned",
                "Ofcom, persistent misuse statement",
                VERSION,
                Outcome.ABANDONED,
                timedelta(hours=72),
                RESERVED_FIRST,
            ),
        ),
        (said("the telephone preference service"),),
    ),
    ("FR", None): Pack(
        "fr",
        (
            Hours(
                "fr-hours",
                "Code de la consommation D223-9",
                VERSION,
                tuple(
                    window
                    for day in range(5)
                    for window in (Window(day, time(10), time(13)), Window(day, time(14), time(20)))
                ),
            ),
            _OWN_RING,
        ),
        (
            said("4 calls a month, 60 days of silence after a refusal"),
            said("no calls on public holidays"),
        ),
    ),
    ("DE", None): Pack(
        "de", (_OWN_RING,), (said("recorded consent of consumers before advertising (UWG 7, 7a)"),)
    ),
}
