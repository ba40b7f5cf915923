"""What adds up to whether a phone can be called, and at which address."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dialer.engine.contacts import Contacts, Way
from dialer.ports.asterisk import PhoneNews

T0 = datetime(2026, 3, 2, 9, tzinfo=UTC)
OLD, NEW = "sip:101@192.0.2.1", "sip:101@192.0.2.2"
GONE = Way(is_reachable=False)


def news(story: str) -> list[PhoneNews]:
    """Words such as `+old`, `-old` (no answer), `x old` as `xold` (removed), `@2` (seconds later)."""
    told, at = [], T0
    for word in story.split():
        sign, name = word[0], word[1:]
        if sign == "@":
            at += timedelta(seconds=float(name))
            continue
        contact = {"old": OLD, "new": NEW}[name]
        told.append(PhoneNews("101", sign == "+", at, contact, is_removed=sign == "x"))
    return told


@pytest.mark.parametrize(
    ("story", "way"),
    [
        ("-old", GONE),
        ("+old", Way(is_reachable=True, contact=OLD)),
        ("+old -old", GONE),
        ("+old -old +old", Way(is_reachable=True, contact=OLD)),
        ("+old +new", Way(is_reachable=True, contact=NEW)),
        ("+old +new +old", Way(is_reachable=True, contact=NEW)),
        ("+old +new -new", Way(is_reachable=True, contact=OLD)),
        ("+old +new -old", Way(is_reachable=True, contact=NEW)),
        ("+old +new xold", Way(is_reachable=True, contact=NEW, ousted=OLD)),
        ("+old xold +new", Way(is_reachable=True, contact=NEW, ousted=OLD)),
        ("+old xold @1 +new", Way(is_reachable=True, contact=NEW, ousted=OLD)),
        ("+old xold @1.1 +new", Way(is_reachable=True, contact=NEW)),
        ("+old xold +old", Way(is_reachable=True, contact=OLD)),
        ("+old -old xold +new", Way(is_reachable=True, contact=NEW)),
        ("+old +new xold -new", GONE),
        ("+old xold +new xnew @9 +new", Way(is_reachable=True, contact=NEW)),
    ],
)
def test_the_last_address_that_answers_is_called(story: str, way: Way) -> None:
    contacts = Contacts()
    assert [contacts.heard(one) for one in news(story)][-1] == way


def test_one_phone_says_nothing_of_another() -> None:
    contacts = Contacts()
    contacts.heard(news("+old")[0])
    assert contacts.heard(PhoneNews("102", is_reachable=False, at=T0, contact=NEW)) == GONE
    assert contacts.heard(PhoneNews("102", is_reachable=True, at=T0, contact=NEW)) == Way(
        is_reachable=True, contact=NEW
    )
