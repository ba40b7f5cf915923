"""docs/lists.md, what comes out of each list: written by `python -m tests.parts.adapters.files.page`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dialer.domain.errors import BadValue
from dialer.domain.lead import Lead
from dialer.domain.listing import Flaw, Taken
from tests.parts.adapters.files.test_cases import ASKED, CASES, Case, opened

PAGE = Path(__file__).parents[4] / "docs" / "lists.md"
HEAD = """# Lists that people really have

What comes out of each, in the reader's own words: `python -m tests.parts.adapters.files.page` writes it,
a test compares. How a list is imported: [howto/import-a-list.md](howto/import-a-list.md).

| list | it holds | what comes out |
|---|---|---|
"""
LONGEST = 90  # characters of what is shown of a list


def page() -> str:
    """The whole page."""
    return HEAD + "".join(f"{line}\n" for line in _lines())


def _lines() -> Iterator[str]:
    for name, case in CASES.items():
        yield f"| {name} | {_shown(case.content)} | {_cell(_comes_out(case))} |"
    for name, (content, _) in ASKED.items():
        yield f"| {name} | {_shown(content)} | {_cell(_question(content))} |"


def _comes_out(case: Case) -> str:
    flaws: list[Flaw] = []
    leads = list(opened(case).leads(Taken(), flaws.extend))
    told = [_lead(lead) for lead in leads[:3]]
    more = [f"{len(leads) - 3} more"] if len(leads) > 3 else []
    rows = [f"line {flaw.line}: {flaw.reason} ({flaw.kind})" for flaw in flaws]
    return "; ".join([*told, *more, *rows])


def _lead(lead: Lead) -> str:
    numbers = [f"{number}#{lead.extensions[number]}" if number in lead.extensions else number
               for number in lead.numbers[:2]]  # fmt: skip
    return " ".join(filter(None, [*numbers, lead.name, lead.company]))


def _question(content: str | bytes) -> str:
    try:
        opened(Case(content, []))
    except BadValue as question:
        return f"asked: {question}"
    raise AssertionError(content)


def _shown(content: str | bytes) -> str:
    if not isinstance(content, str):
        return "a spreadsheet" if content.startswith(b"PK") else "two encodings in one file"
    text = content.replace("\n", " ⏎ ").strip()
    return f"`{_cell(text if len(text) <= LONGEST else text[:LONGEST] + '…')}`"


def _cell(text: str) -> str:
    printed = "".join(sign if sign.isprintable() else "·" for sign in text)
    return printed.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
