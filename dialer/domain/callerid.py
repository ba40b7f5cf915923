"""Who sees whom: the person one of the trunk's numbers, the operator the person, unless that is hidden."""

from __future__ import annotations

from collections.abc import Iterable

from dialer.domain.call import Call
from dialer.domain.campaign import Campaign
from dialer.domain.errors import BadValue
from dialer.domain.lead import Lead
from dialer.domain.said import said
from dialer.domain.trunk import Trunk


def caller_id_of(campaign: Campaign, trunk: Trunk) -> str:
    """The campaign's if it is one of the trunk's, or the trunk has none set; else the trunk's first."""
    if campaign.caller_id and (not trunk.caller_ids or _is_one_of(campaign.caller_id, trunk)):
        return campaign.caller_id
    return trunk.caller_ids[0] if trunk.caller_ids else ""


def check_caller_id(campaign: Campaign, trunks: Iterable[Trunk]) -> None:
    """Raises BadValue where one of the campaign's trunks may not show its number."""
    if not campaign.caller_id:
        return
    for trunk in trunks:
        if trunk.id in campaign.trunks and not _is_one_of(campaign.caller_id, trunk):
            raise BadValue(
                said(
                    "caller id {number} is none of trunk {trunk}'s ({known}): take one of them, or let the"
                    " carrier confirm it and add it by `dialer trunk set {trunk} --caller-ids`",
                    number=campaign.caller_id,
                    trunk=trunk.id,
                    known=", ".join(trunk.caller_ids[:5]) or "-",
                )
            )


def person_of(lead: Lead) -> str:
    """Who is called, as a display shows it: before the name the extension, where there is one."""
    extension = lead.extensions.get(lead.number, "")
    return f"#{extension} {lead.name}".strip() if extension else lead.name


NOBODY = ("Obzvon", "0000")  # name and number that an operator's phone shows when nobody is on the line
LONGEST_NAME = 60


def shown_to_operator(call: Call) -> tuple[str, str]:
    """Name and number for the display of a phone; what could end a header is taken out."""
    if not call.rules.shows_person:
        return NOBODY
    name = "".join(sign for sign in call.rules.person if sign.isprintable() and sign not in '"<>\\')
    return name.strip()[:LONGEST_NAME], call.number


def display_of(call: Call) -> str:
    """The same as a caller id, for a phone that rings for this call."""
    name, number = shown_to_operator(call)
    return " ".join(filter(None, (name, f"<{number}>")))


def _is_one_of(number: str, trunk: Trunk) -> bool:
    return number.lstrip("+") in {each.lstrip("+") for each in trunk.caller_ids}
