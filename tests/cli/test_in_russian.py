"""The command line in Russian: results, refusals, tables; JSON stays as it is for programs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import typer

from dialer.cli.main import app
from dialer.cli.verbs import VERBS
from dialer.domain.types import Outcome
from tests.cli.conftest import Dialer
from tools.reference import verbs

LIST = "Телефон;Контакт\n8 916 123-45-67;Иван\n+7 916 123-45-67;Пётр\n12;Анна\n"


@pytest.fixture(autouse=True)
def _russian(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIALER_LANGUAGE", "ru")


def test_a_start_is_refused_with_every_reason(shop: Dialer) -> None:
    told = shop("campaign", "set", "demo", "--purpose", "advertising", "--operators", "none")
    assert told.out == "кампания 1 «demo» изменена; она не запущена\n"
    told = shop("campaign", "start", "demo")
    assert told.code == 1
    assert told.err.splitlines() == [
        "сообщение задаёт `dialer campaign message demo FILE.wav`",
        "кампания «demo» не может начаться:",
        "- реклама (RU): режим прогрессивный (progressive) запрещён (38-ФЗ, ст. 18 ч. 2), выберите ручной"
        " (manual) или предпросмотр (preview)",
        "- нет сообщения для тех, кому не хватило оператора: добавьте его кампании",
        "- у кампании нет операторов: назначьте хотя бы одного",
    ]


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("campaign", "start", "весна"), "нет кампании «весна»: есть «demo»"),
        (("trunk", "set", "spare", "--lines", "5"), "нет транка spare"),
        (("operator", "set", "999", "--name", "x"), "нет оператора 999"),
        (("operator", "login", "101"), "служба не запущена (искали "),
        (
            ("campaign", "set", "demo", "--schedule", "вчера"),
            "--schedule «вчера»: «вчера» — не день: пишите пн, вт",
        ),
        (("campaign", "set", "demo", "--operators", "101,777"), "--operators «101,777»: нет оператора 777"),
        (("explain", "demo"), "служба не запущена"),
        (("dnc", "add", "+7abc"), "«+7abc» не подходит для стоп-листа"),
        (("import", "/nowhere.csv", "--campaign", "demo"), "Список /nowhere.csv не читается"),
    ],
)
def test_what_cannot_be_done_is_said_in_russian(shop: Dialer, args: tuple[str, ...], told: str) -> None:
    said = shop(*args)
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith(told)


def test_a_list_is_imported_and_what_is_refused_is_said(shop: Dialer, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text(LIST, encoding="utf-8")
    said = shop("import", path, "--campaign", "demo")
    assert (
        "загрузка 1: лидов 1, изменено 0, повторов 1, не принято строк 1, не взято строк 0,"
        " пропущено значений 0"
    ) in said.out.splitlines()
    assert "из 1 лидов" in said.out
    rejects = path.with_name("list.rejects.csv").read_text(encoding="utf-8-sig")
    assert rejects.splitlines()[0] == "строка;столбец;значение;причина;что со строкой"
    assert "номер уже есть в строке 2 этого файла с другими значениями" in rejects
    assert shop("import", "--undo", 1).out == "загрузка 1 отменена, убрано лидов: 1\n"


def test_tables_have_russian_headings(shop: Dialer) -> None:
    assert shop("operator", "list").out.splitlines()[0].split()[:3] == ["номер", "имя", "состояние"]
    assert "не запущена" in shop("campaign", "list").out
    assert shop("dnc", "list").out == "Список пуст.\n"


def test_what_is_wrong_with_another_setting_is_told_in_russian_too(
    shop: Dialer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIALER_ARI_PORT", "99999")
    assert shop("config").err == (
        "DIALER_ARI_PORT — «99999», а нужно целое число не меньше 1 и не больше 65535.\n"
    )


def test_json_is_the_same_in_every_language(shop: Dialer, monkeypatch: pytest.MonkeyPatch) -> None:
    russian = {verb: shop(*verb, "--json").out for verb in (("campaign", "show", "demo"), ("trunk", "list"))}
    monkeypatch.setenv("DIALER_LANGUAGE", "en")
    assert russian == {verb: shop(*verb, "--json").out for verb in russian}
    assert json.loads(russian["campaign", "show", "demo"])["cannot_start"][0].startswith(
        "there is no message"
    )


# --- help -------------------------------------------------------------------------------------------------

COMMAND: Any = typer.main.get_command(app)
PATHS = ["", *VERBS, *(path for path, _ in verbs(COMMAND) if " " in path)]
WORDS = """
dialer Asterisk API REST FastAGI AGI SIP PIN CSV XLSX JSON DNC PCM PostgreSQL Excel From OPTIONS Ctrl KNOB
stdout stderr world toml asterisk_conf README md DIALER_COUNTRY DIALER_CELL RUB alaw ulaw wav csv ref id name
phone company inn email zone priority code extra skip pin leg trunk language none next never main spare busy
no_answer yes no YES NO ru en udp tcp tls rfc inband info auto message reject engine web agi lunch training
progressive power predictive Predictive Power manual preview advertising service survey quality loyalty debt
new retry leased done exhausted excluded requeue reset exclude include delete move nailed_up on_demand sip
outside viewer supervisor admin operator campaign calls find go-on end take utf cp koi XX int float path str
text range list help None go on number other Ctrl-C asterisk etc Europe Moscow UTC DE-BY zone now
records leads dnc operators hours today update add RU TOML json
"""
TERMS = frozenset(WORDS.split()) | set(Outcome)  # fmt: skip


def english(text: str) -> set[str]:
    """Words of English that are no terms; flags, and verbs where they are named, are none."""
    bare = re.sub(r"--[a-z-]+|`[^`]*`", " ", text)
    bare = re.sub(r"^  [a-z-]+  ", "  ", bare, flags=re.MULTILINE)  # the list of verbs
    usage = [line for line in bare.splitlines() if not line.startswith("Как писать:")]
    return set(re.findall(r"[A-Za-z][A-Za-z_-]*[A-Za-z]", "\n".join(usage))) - TERMS


@pytest.mark.parametrize("path", PATHS)
def test_the_help_of_each_verb_is_russian(dialer: Dialer, path: str) -> None:
    told = dialer(*path.split(), "--help")
    assert (told.code, told.err) == (0, "")
    assert english(told.out) == set()
    assert "Показать эту справку." in " ".join(told.out.split())


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("campaign", "list", "--nope"), "Ошибка: Нет параметра --nope"),
        (("campaign", "nope"), "Ошибка: Нет команды «nope»."),
        (("campaign", "show"), "Ошибка: Не задан аргумент 'ИМЯ'."),
        (("token", "add", "crm"), "Ошибка: Не задан параметр '--role'."),
        (
            ("token", "add", "crm", "--role", "viewer", "--days", "x"),
            "Ошибка: Недопустимое значение '--days': нужно целое число",
        ),
        (("campaign", "show", "a", "b"), "Ошибка: Лишние аргументы (b)"),
        (("campaign", "set", "demo", "--ratio"), "Ошибка: Параметру --ratio нужно значение."),
    ],
)
def test_what_is_not_understood_is_refused_in_russian(
    dialer: Dialer, args: tuple[str, ...], told: str
) -> None:
    said = dialer(*args)
    assert (said.code, said.out) == (2, "")
    lines = said.err.splitlines()
    if len(lines) > 1:
        assert lines[0].startswith("Как писать: dialer ")
        assert lines[1] == f"Справка: dialer {' '.join(args[: 1 if args[1] == 'nope' else 2])} --help."
    assert lines[-1].startswith(told)
    assert english("\n".join(lines[2:])) - {"nope"} == set()


# --- hours and days ---------------------------------------------------------------------------------------


def test_hours_are_typed_and_shown_in_russian(shop: Dialer) -> None:
    assert shop("campaign", "set", "demo", "--schedule", "будни 9–20, Сб 10-16").code == 0
    shown = shop("campaign", "show", "demo").out
    assert "пн-пт 09:00-20:00, сб 10:00-16:00" in shown


def test_days_are_typed_and_shown_as_russians_write_them(shop: Dialer) -> None:
    assert shop("today", "--day", "3.02.2026").out.startswith("03.02.2026: ")
    assert shop("today", "--day", "2026-02-03").out.startswith("03.02.2026: ")
    assert shop("cdr", "list", "--since", "03.02.2026 10:00").code == 0
    assert "— не день" in shop("today", "--day", "31.02.2026").err
    assert shop("dnc", "add", "+79161234567").code == 0
    assert re.search(r" \d\d\.\d\d\.\d{4} \d\d:\d\d:\d\d ", shop("dnc", "list").out)
