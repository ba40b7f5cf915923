"""Two people at two terminals: whoever says which version was seen takes back nothing of the other's."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Dialer


def version_of(shop: Dialer, *verb: str) -> int:
    told = shop(*verb, "--json").json
    return int((told if isinstance(told, dict) else told[0])["version"])


@pytest.mark.parametrize(
    ("show", "change", "first", "second", "differs"),
    [
        (("campaign", "show", "demo"), ("campaign", "set", "demo"), ("--cap", "5"), ("--cap", "7"),
         "cap: is now 5"),
        (("operator", "list"), ("operator", "set", "101"), ("--name", "Anna"), ("--language", "en"),
         'name: is now "Anna"'),
        (("trunk", "list"), ("trunk", "set", "main"), ("--lines", "3"), ("--lines", "4"), "lines: is now 3"),
    ],
)  # fmt: skip
def test_a_change_of_what_somebody_else_has_changed_is_refused_with_what_differs(
    shop: Dialer,
    show: tuple[str, ...],
    change: tuple[str, ...],
    first: tuple[str, ...],
    second: tuple[str, ...],
    differs: str,
) -> None:
    seen = version_of(shop, *show)
    assert shop(*change, *first, "--version", str(seen)).code == 0
    late = shop(*change, *second, "--version", str(seen))
    assert (late.code, late.out) == (1, "")
    assert f"you saw version {seen}, it is version {seen + 1} now" in late.err
    assert differs in late.err
    assert version_of(shop, *show) == seen + 1
    assert shop(*change, *second, "--version", str(seen + 1)).code == 0
    assert shop(*change, *first).code == 0  # who does not say is asked nothing


def test_a_pin_that_somebody_else_has_set_is_not_shown(
    shop: Dialer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    pin = tmp_path_factory.mktemp("pins") / "pin"
    pin.write_text("481516")
    pin.chmod(0o600)
    seen = version_of(shop, "operator", "list")
    assert shop("operator", "set", "101", "--pin-file", str(pin)).code == 0
    late = shop("operator", "set", "101", "--name", "Anna", "--version", str(seen))
    assert (late.code, "pin_hash: is another one now" in late.err, "argon" in late.err) == (1, True, False)


def test_one_version_is_not_that_of_several_operators(shop: Dialer) -> None:
    told = shop("operator", "set", "101-102", "--name", "Anna", "--version", "1")
    assert (told.code, "one version is of one operator" in told.err) == (1, True)
