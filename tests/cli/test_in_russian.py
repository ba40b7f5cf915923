"""The command line in Russian: results, refusals, tables; JSON stays as it is for programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Dialer

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
        (("campaign", "set", "demo", "--schedule", "вчера"), "--schedule «вчера»: «вчера» — не дни и часы"),
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
        "загрузка 1: лидов 1, повторов 1, не принято строк 1, не взято строк 0, пропущено значений 0"
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
