"""The pages say nothing that is not there: links, files, targets, verbs, settings, routes, metrics."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from dialer.adapters.metrics_table import TABLE
from dialer.cli.main import app
from dialer.settings import Settings

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
FRONT = [ROOT / name for name in ("README.md", "README.ru.md", "CHANGELOG.md", "CONTRIBUTING.md")]
MADE = DOCS / "reference"  # from the code: other tests compare it
PAGES = [*FRONT, ROOT / "asterisk_conf/README.md", ROOT / "systemd/README.md", *sorted(DOCS.rglob("*.md"))]
WRITTEN = [page for page in PAGES if MADE not in page.parents]

FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
BLOCK_LINE = re.compile(r"^ {4,}(\S.*)$", re.MULTILINE)
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
written = pytest.mark.parametrize("page", WRITTEN, ids=lambda page: str(page.relative_to(ROOT)))


@cache
def text_of(page: Path) -> str:
    return page.read_text("utf-8")


def prose(page: Path) -> str:
    """Without blocks of code."""
    return BLOCK_LINE.sub("", FENCE.sub("", text_of(page)))


def inline(page: Path) -> list[str]:
    return INLINE.findall(prose(page))


def block_lines(page: Path) -> list[str]:
    """Lines of indented blocks; a line that ends in a backslash goes on in the next."""
    joined = re.sub(r"\\\n\s*", "", FENCE.sub("", text_of(page)))
    return [line.split(" # ")[0].strip() for line in BLOCK_LINE.findall(joined)]


def code(page: Path) -> list[str]:
    return [*inline(page), *block_lines(page)]


# --- links ------------------------------------------------------------------------------------------------


def anchor(heading: str) -> str:
    """As the usual viewers of Markdown make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


@pages
def test_every_relative_link_leads_to_a_file_and_to_a_heading_in_it(page: Path) -> None:
    for target in LINK.findall(INLINE.sub("", prose(page))):
        if "://" in target:
            continue
        path, _, section = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), f"{page.name} links to {target}"
        if section:
            headings = {anchor(each) for each in HEADING.findall(text_of(there))}
            assert section in headings, f"{page.name} links to {target}; there are {sorted(headings)}"


def test_the_map_of_the_documentation_names_every_page() -> None:
    linked = {(DOCS / target).resolve() for target in LINK.findall(text_of(DOCS / "README.md"))}
    missing = [str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md") if page not in linked]
    assert set(missing) == {"README.md"}


# --- files, targets, settings, metrics, routes --------------------------------------------------------------

TOP = {each.name for each in ROOT.iterdir()}
FIRST_MADE_BY_A_START = ("docker/.env", "docker/secrets/")
PATH = re.compile(r"[\w.-]+(?:/[\w.-]+)*/?")


@written
def test_every_file_that_is_named_exists(page: Path) -> None:
    named = [each for each in inline(page) if "/" in each and PATH.fullmatch(each)]
    for path in named:
        if path.split("/")[0] in TOP and not path.startswith(FIRST_MADE_BY_A_START):
            assert (ROOT / path).exists(), f"{page.name} names {path}"


@written
def test_every_make_target_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", text_of(ROOT / "Makefile"), re.MULTILINE))
    named = {words.split()[1] for words in code(page) if words.startswith("make ")}
    assert named <= targets


@written
def test_every_setting_exists(page: Path) -> None:
    known = {f"DIALER_{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(r"DIALER_[A-Z][A-Z_]+", text_of(page))) <= known


@written
def test_every_metric_exists(page: Path) -> None:
    known = {row.name for row in TABLE}
    assert {each for each in inline(page) if re.fullmatch(r"dialer_[a-z_]+", each)} <= known


@written
def test_every_route_exists(page: Path) -> None:
    listed = re.findall(r"^### ([A-Z]+) (\S+)$", text_of(MADE / "api.md"), re.MULTILINE)
    known = [re.compile(f"{method} {re.sub(r'{[^}]+}', '[^/ ]+', path)}") for method, path in listed]
    for route in re.findall(r"\b(?:GET|POST|PATCH|PUT|DELETE) /v1/[\w/{}-]+", text_of(page)):
        assert any(each.fullmatch(route) for each in known), f"{page.name}: no {route}"


# --- the command line -------------------------------------------------------------------------------------

TREE: Any = typer.main.get_command(app)


def commands(page: Path) -> Iterator[list[str]]:
    """Every use of `dialer`, as words."""
    for text in code(page):
        plain = text.removeprefix("$ ").removeprefix(".venv/bin/")
        if plain.startswith("dialer "):
            yield shlex.split(plain)[1:]


def options_of(command: Any) -> set[str]:
    flags = {flag for each in command.params for flag in (*each.opts, *each.secondary_opts)}
    return {flag for flag in flags if flag.startswith("-")} | {"--help"}


def verb_of(words: list[str]) -> tuple[str, Any]:
    """The verb that the words name; fails when there is none."""
    command, path = TREE, []
    for word in words:
        if not hasattr(command, "commands") or word.startswith("-"):
            break
        assert word in command.commands, f"no verb `dialer {' '.join([*path, word])}`"
        command = command.commands[word]
        path.append(word)
    return " ".join(path), command


def every_option() -> set[str]:
    def below(command: Any) -> Iterator[str]:
        yield from options_of(command)
        for each in getattr(command, "commands", {}).values():
            yield from below(each)

    return set(below(TREE))


@written
def test_every_verb_and_option_exists(page: Path) -> None:
    for words in commands(page):
        path, command = verb_of(words)
        given = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
        unknown = given - options_of(command)
        assert not unknown, f"{page.name}: dialer {path} has no {unknown}"


@written
def test_every_option_named_alone_exists(page: Path) -> None:
    alone = {each.split()[0] for each in inline(page) if each.startswith("--")}
    assert alone <= every_option()


def test_both_readmes_give_the_same_commands() -> None:
    english, russian = ([(verb_of(words)[0], len(words)) for words in commands(page)] for page in FRONT[:2])
    assert english == russian
    assert len(english) > 10


# --- length -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", FRONT[:2], ids=lambda page: page.name)
def test_the_readme_is_short(page: Path) -> None:
    assert len(text_of(page).splitlines()) < 200


@pytest.mark.parametrize("page", sorted((DOCS / "why").glob("*.md")), ids=lambda page: page.name)
def test_a_decision_takes_a_page_and_names_its_price(page: Path) -> None:
    assert len(text_of(page).splitlines()) < 60
    assert {"Context", "Decision", "Price"} <= set(HEADING.findall(text_of(page)))
