"""Which phones and trunks Asterisk can reach: one may be known by several addresses at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from dialer.ports.asterisk import PhoneNews


@dataclass(frozen=True, slots=True)
class Way:
    """How a phone stands after the last news of it."""

    is_reachable: bool
    contact: str = ""  # the address that is called; the last one that answered
    ousted: str = ""  # an address that still answered when `contact` took its place


AT_ONCE = timedelta(seconds=1)  # the end of one registration and the beginning of the next are one act


class Contacts:
    """Adds up the news. A new registration is told just before, or just after, the end of the one before."""

    def __init__(self) -> None:
        self._answering: dict[str, list[str]] = {}  # the latest last
        self._removed: dict[str, PhoneNews] = {}  # the last that still answered then
        self._ousted: dict[str, str] = {}

    def heard(self, news: PhoneNews) -> Way:
        name, contact = news.endpoint, news.contact
        answering = self._answering.setdefault(name, [])
        if news.is_reachable and contact not in answering:
            if not answering:
                self._ousted[name] = self._just_removed(news)
            answering.append(contact)
        elif not news.is_reachable and contact in answering:
            answering.remove(contact)
            if news.is_removed and answering:
                self._ousted[name] = contact
            elif news.is_removed:
                self._removed[name] = news
        latest = answering[-1] if answering else ""
        return Way(bool(answering), latest, self._ousted.get(name, "") if answering else "")

    def _just_removed(self, news: PhoneNews) -> str:
        """Another address of the same phone, that went at this moment."""
        last = self._removed.pop(news.endpoint, None)
        if last is None or last.contact == news.contact or news.at - last.at > AT_ONCE:
            return ""
        return last.contact
