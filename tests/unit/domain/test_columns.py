"""What the columns of a list are taken for: whole small files, and what comes out of each column."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest

from dialer.domain.columns import Columns, Field, Plan, ReadOptions, mapping_of, plan
from dialer.domain.errors import BadValue
from dialer.domain.headers import find_header
from dialer.domain.tables import Row

Cells = Sequence[Sequence[str]]
INNS = ("7707083893", "274062111", "0274062111", "500100732259")


def phone(n: int) -> str:
    return f"+7916000{n:04}"


ONE, TWO, THREE, FOUR, FIVE, SIX = map(phone, range(1, 7))


def is_phone(cell: str) -> bool:
    """Eleven digits from 7 or 8: what has fewer lacks its area code."""
    return bool(re.fullmatch(r"[78][0-9]{10}", re.sub(r"[\s()+]", "", cell)))


def planned(cells: Cells, **options: Any) -> Plan:
    rows = [Row(line, each) for line, each in enumerate(cells, start=1)]
    return plan(rows, is_phone, ReadOptions(**options))


def fields(cells: Cells, **options: Any) -> str:
    return " ".join(planned(cells, **options).columns.fields)


def under(*heads: str, **columns: Sequence[str]) -> list[list[str]]:
    """A file by its columns, each as long as the longest."""
    longest = max(map(len, columns.values()))
    padded = [[*cells, *[""] * (longest - len(cells))] for cells in columns.values()]
    return [list(heads), *map(list, zip(*padded, strict=True))]


PEOPLE = ("Иван", "Ольга", "Пётр", "Анна", "Мария")
FULL = (ONE, TWO, THREE, FOUR, FIVE)
FIRMS = ("ООО Ромашка", "ПАО Лютик", "АО Мак", "ООО Астра", "ИП Роза")
OTHERS = ("+74950000001", "+74950000002", "+74950000003", "+74950000004", "+74950000005")
HALF = (ONE, TWO, "занят", "занят", "x")


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        pytest.param(
            under("Телефон", "Регион", "x", a=FULL, b=INNS, c=INNS[:1]),
            "phone inn extra",
            id="two right INNs tell a column of INNs, a single one may be chance",
        ),
        pytest.param(under("Телефон", "x", a=FULL, b=INNS[:1]), "phone extra", id="a single INN"),
        pytest.param(
            under("Телефон", "x", a=FULL, b=["a@b.ru", "c@d.ru", "e@f.ru", "g@h.ru", "занято"]),
            "phone email",
            id="four of five values are addresses",
        ),
        pytest.param(
            under("Телефон", "x", a=FULL, b=["a@b.ru", "c@d.ru", "e@f.ru", "занято"]),
            "phone extra",
            id="three of four values are addresses",
        ),
        pytest.param(
            under("Телефон", "Код клиента", a=FULL, b=INNS), "phone ref", id="INNs as somebody's own code"
        ),
        pytest.param(
            under("Имя", "Email", a=PEOPLE, b=FULL), "name phone", id="numbers under a header of addresses"
        ),
        pytest.param(
            under("Телефон", "Email", a=FULL, b=[]), "phone email", id="an empty column keeps its promise"
        ),
        pytest.param(
            under("Телефон", "Email", "x", a=FULL, b=["a@b.ru", "-", "скажет", "?", "да"], c=["a@b.ru"] * 5),
            "phone email extra",
            id="a header outweighs better contents",
        ),
        pytest.param(
            under("Телефон", "Название", "Организация", a=FULL, b=["Мак", "Роза"], c=FIRMS),
            "phone extra company",
            id="of two names the organisation's",
        ),
        pytest.param(
            under("Телефон", "Часовой пояс", "UTC", a=FULL, b=["+3"], c=["+3"]),
            "phone zone extra",
            id="one zone is enough",
        ),
        pytest.param(under("Телефон", "ID", a=FULL, b=["17"]), "phone ref", id="the customer's own mark"),
        pytest.param(under("Телефон", "Факс", a=FULL, b=OTHERS), "phone skip", id="a fax is not dialled"),
        pytest.param(under("x", "Факс", a=FULL, b=OTHERS), "phone skip", id="nor where no header helps"),
        pytest.param(under("Имя", "Факс", a=PEOPLE, b=FULL), "name phone", id="unless there is nothing else"),
        pytest.param(
            under("Факс", "Часовой пояс", a=FULL, b=OTHERS),
            "skip phone",
            id="numbers under a header of zones go before a fax",
        ),
        # names
        pytest.param(
            under("Фамилия", "Имя", "Телефон", a=["Мак", "Роз"], b=PEOPLE, c=FULL),
            "name name phone",
            id="parts of a name are put together",
        ),
        pytest.param(
            under("Фамилия", "Имя", "ФИО", "Телефон", a=["Мак"], b=PEOPLE, c=PEOPLE, d=FULL),
            "extra extra name phone",
            id="a full name needs no parts",
        ),
        pytest.param(
            under("Фамилия", "Имя", "ФИО", "Телефон", a=["Мак"], b=PEOPLE, c=[], d=FULL),
            "name name extra phone",
            id="an empty full name does",
        ),
        pytest.param(
            under("Имя", "Контакт", "Телефон", a=[], b=PEOPLE, c=FULL),
            "extra name phone",
            id="an empty part is no name beside a filled word for one",
        ),
        pytest.param(
            under("Контакт", "Имя", "Телефон", a=PEOPLE, b=PEOPLE, c=FULL),
            "extra name phone",
            id="a part is more of a name than a word for a person",
        ),
        pytest.param(
            under("Имя", "Телефон", a=["Иван 2", "Ольга 3"], b=FULL), "name phone", id="a name with figures"
        ),
        pytest.param(
            under("Контакт", "Телефон", a=["Иван 2", "Ольга 3"], b=FULL),
            "extra phone",
            id="figures under a word that may mean anything",
        ),
        pytest.param(under("Имя", "Телефон", a=["Иван", "12"], b=FULL), "name phone", id="half are names"),
        pytest.param(
            under("Имя", "Телефон", a=["Иван", "12", "13"], b=FULL), "extra phone", id="a third are names"
        ),
        pytest.param(
            under("Телефон", "", a=FULL, b=["Иван", "Ольга", "Пётр", "стол", "стул"]),
            "phone name",
            id="people under no header",
        ),
        pytest.param(
            under("Телефон", "", a=FULL, b=["Иван", "Ольга", "шкаф", "стол", "стул"]),
            "phone extra",
            id="too few people under no header",
        ),
        pytest.param(
            under("Телефон", "кто", a=FULL, b=PEOPLE), "phone extra", id="people under a header of its own"
        ),
        # phones
        pytest.param(
            under("куда", "или", a=(ONE, TWO, THREE, "занят", "занят"), b=HALF),
            "phone extra",
            id="three of five are numbers, two are not",
        ),
        pytest.param(
            under("Телефон", "Моб", "Имя", a=[ONE] + ["занят"] * 19, b=[TWO] + ["?"] * 19, c=PEOPLE),
            "phone phone name",
            id="a twentieth of numbers under headers that promise them",
        ),
        pytest.param(
            under("x", "y", a=[*FULL[:3], *["занят"] * 7], b=["стол"]),
            "phone extra",
            id="three of ten under a strange header",
        ),
        pytest.param(
            under("Телефон", "Моб", "Имя", a=["12345", "54321"], b=["нет связи", "занят"], c=PEOPLE),
            "phone extra name",
            id="numbers that lack their area code, and words",
        ),
        pytest.param(
            under("Телефон", "Моб", "Имя", a=[], b=["занят", "спит"], c=PEOPLE),
            "phone extra name",
            id="nothing yet is better than words",
        ),
        pytest.param(
            under("Телефон", "Имя", a=["занят", "спит"], b=PEOPLE), "phone name", id="the only promise"
        ),
        pytest.param(
            under("Телефон", "Тел. 2", a=FULL, b=[]), "phone phone", id="later rows may have second numbers"
        ),
        pytest.param(
            under("Телефон", a=[ONE, "занят", "занят", "занят", "занят"]), "phone", id="words that repeat"
        ),
        pytest.param(under("Телефон менеджера", a=FULL), "phone", id="the only numbers, whosever they are"),
        pytest.param(
            under("куда", "или", a=[ONE, TWO, "занят", "занят"], b=["стол"]),
            "phone extra",
            id="half are numbers",
        ),
        pytest.param(
            under("Телефон", "Моб", a=["12345", "54321", "11111", "занят", "занят"], b=["занят", "спит"]),
            "phone extra",
            id="three of five lack their area code",
        ),
        # area codes
        pytest.param(
            under("Код города", "Телефон", a=["", "", "", "8495"], b=[ONE, TWO, THREE, "1234567"]),
            "extra phone",
            id="most numbers are whole",
        ),
        pytest.param(
            under("Телефон", "Код города", "Тел. 2", a=FULL, b=["8495", ""], c=["1234567", OTHERS[0]]),
            "phone code phone",
            id="a code of the second number",
        ),
        pytest.param(
            under("Код города", "Телефон", a=["8495", "(8812)"], b=["1234567", "7654321"]),
            "code phone",
            id="an area code before the number",
        ),
        pytest.param(
            under("x", "y", "Телефон", a=["+7", "7"], b=["916", "917"], c=["1234567", "7654321"]),
            "code code phone",
            id="country and area",
        ),
        pytest.param(
            [["имя", "x", "y", "Телефон"], ["Иван", "7", "916", "1234567"], ["Анна"]],
            "name code code phone",
            id="a row that ends before its number",
        ),
        pytest.param(
            under("Код города", "Телефон", a=["8495", "8495"], b=[ONE, TWO]),
            "extra phone",
            id="numbers that are whole need no code",
        ),
        pytest.param(
            under("x", "Телефон", a=["849500", "881200"], b=["12345", "54321"]),
            "extra phone",
            id="six digits are no area",
        ),
        pytest.param(
            under("x", "Телефон", a=["49", "81"], b=["1234567", "7654321"]),
            "extra phone",
            id="no number even with the code",
        ),
    ],
)
def test_each_column_is_known_by_its_header_and_contents(file: Cells, expected: str) -> None:
    assert fields(file) == expected


REPEATED = r"The number \.\.\.0001 stands in {} of {} rows of {}, so it is hardly the customers' own"
SEVERAL = r"Several columns hold phone numbers \({}\): say which of them to call, for example --map {}=phone;"


@pytest.mark.parametrize(
    ("file", "question"),
    [
        pytest.param(
            under("Телефон", "x", a=FULL, b=OTHERS), SEVERAL.format("Телефон, x", "Телефон"), id="unnamed"
        ),
        pytest.param(
            under("Телефон", "x", a=[ONE, *["занят"] * 4], b=OTHERS),
            SEVERAL.format("Телефон, x", "Телефон"),
            id="a promise that is hardly kept beside numbers",
        ),
        pytest.param(
            under("Телефон", "Часовой пояс", a=FULL, b=OTHERS),
            SEVERAL.format("Телефон, Часовой пояс", "Телефон"),
            id="numbers under a header of zones beside others",
        ),
        pytest.param(
            under("куда", "или", a=FULL, b=OTHERS), SEVERAL.format("куда, или", "куда"), id="no header helps"
        ),
        pytest.param(
            under("Телефон менеджера", "Телефон", a=FULL, b=OTHERS),
            SEVERAL.format("Телефон менеджера, Телефон", "Телефон"),
            id="the manager's stand first",
        ),
        pytest.param(
            under("Телефон менеджера", "Телефон оператора", a=FULL, b=OTHERS),
            SEVERAL.format("Телефон менеджера, Телефон оператора", "'Телефон менеджера'"),
            id="nobody's are the customer's",
        ),
        pytest.param(
            under("Телефон", a=[ONE] * 5), REPEATED.format(5, 5, "Телефон"), id="five times the same"
        ),
        pytest.param(
            under("Телефон", a=[ONE, "89160000001"] * 3),
            REPEATED.format(6, 6, "Телефон"),
            id="the same in two forms",
        ),
        pytest.param(
            under("Телефон", a=[ONE] * 4 + [TWO] * 3), REPEATED.format(4, 7, "Телефон"), id="most rows"
        ),
        pytest.param(
            under("Телефон", "Моб", a=[ONE, ONE, TWO], b=[THREE, FOUR, FIVE]),
            REPEATED.format(2, 3, "Телефон") + ": say which column to call, for example --map Моб=phone",
            id="two rows are enough where another column is left",
        ),
        pytest.param(
            under("Телефон", "Моб", "x", a=["занят"], b=["спит"], c=["занят"]),
            "No column holds phone numbers",
            id="two promises, none kept",
        ),
        pytest.param(
            under("Телефон", "Моб", a=["1234"], b=["4321"]),
            "No column holds phone numbers",
            id="four digits are no number",
        ),
        pytest.param(
            under("x", "y", a=[ONE, TWO, *["занят"] * 5], b=["стол"]),
            "No column holds phone numbers",
            id="too few numbers under a strange header",
        ),
        pytest.param([["x"] * 201, [ONE]], "The list has 201 columns, at most 200 are read", id="too wide"),
    ],
)
def test_what_two_answers_fit_is_asked(file: Cells, question: str) -> None:
    with pytest.raises(BadValue, match=question):
        fields(file)


@pytest.mark.parametrize(
    "numbers",
    [
        pytest.param([ONE] * 4, id="a few rows of one person"),
        pytest.param([ONE] * 3 + [TWO], id="three of four"),
        pytest.param([ONE] * 4 + [TWO, THREE, FOUR, FIVE], id="half of the rows"),
    ],
)
def test_a_number_may_stand_in_several_rows(numbers: Sequence[str]) -> None:
    assert fields(under("Телефон", a=numbers)) == "phone"


def test_one_row_with_two_numbers_asks_nothing() -> None:
    assert fields([["Телефон", "Моб"], [ONE, TWO]]) == "phone phone"


@pytest.mark.parametrize(
    ("mapping", "expected"),
    [
        ({"ref": "x"}, "phone ref extra"),
        ({"extra": "x"}, "phone extra ref"),
        ({"phone": "x"}, "extra phone ref"),
        ({"phone": "x,Телефон"}, "phone phone ref"),
    ],
)
def test_what_the_user_names_is_not_looked_for(mapping: dict[str, str], expected: str) -> None:
    assert fields(under("Телефон", "x", "ID", a=FULL, b=["1"], c=["2"]), mapping=mapping) == expected


@pytest.mark.parametrize(
    ("texts", "mapping"),
    [
        (["Mobile=phone"], {"phone": "Mobile"}),
        (["phone=Mobile"], {"phone": "Mobile"}),
        (["name=phone"], {"phone": "name"}),
        (["a=b=phone"], {"phone": "a=b"}),
        (["Моб=phone", "Раб=phone", "Кто=name"], {"phone": "Моб,Раб", "name": "Кто"}),
        (["Моб = what"], {"what": "Моб"}),
    ],
)
def test_a_mapping_is_written_either_way_round(texts: list[str], mapping: dict[str, str]) -> None:
    assert mapping_of(texts) == mapping


@pytest.mark.parametrize("text", ["phone", "=phone", " = phone", ""])
def test_a_mapping_without_a_column_says_how_one_is_written(text: str) -> None:
    with pytest.raises(BadValue, match=r"maps nothing: write COLUMN=FIELD"):
        mapping_of([text])


def test_the_narrower_of_two_places_is_asked_first_for_a_zone() -> None:
    file = under("Телефон", "Комментарий", "Регион", "Город", a=FULL, b=["x"], c=["y"], d=["z"])
    assert planned(file).columns.places == (3, 2)


def test_codes_of_a_number_stand_right_before_it() -> None:
    code, extra = Field.CODE, Field.EXTRA
    columns = Columns(tuple("abcdef"), (Field.PHONE, code, extra, code, code, Field.PHONE))
    assert (columns.codes(0), columns.codes(5)) == ((), (3, 4))
    assert Columns(("a", "b"), (Field.PHONE, code)).codes(0) == ()


@pytest.mark.parametrize(
    ("file", "width"),
    [
        pytest.param([["Имя", "Телефон"], ["Иван", ONE, "", "", "x"]], 5, id="beyond the header"),
        pytest.param([["Имя", "Телефон"], ["Иван", ONE, *[""] * 9, "x"]], 12, id="ten beyond"),
        pytest.param([["Имя", "Телефон"], ["Иван", ONE, *[""] * 10, "x"]], 2, id="one far cell"),
        pytest.param([["Имя", "Телефон", " ", ""], ["Иван", ONE]], 2, id="empty headers at the end"),
        pytest.param([["Иван", ONE, "x"]] * 2 + [["Иван", TWO, *[""] * 13, "x"]], 16, id="no header"),
        pytest.param(
            [["Иван", ONE, "x"]] * 2 + [["Иван", TWO, *[""] * 14, "x"]], 3, id="no header, one far cell"
        ),
        pytest.param([["Иван", ONE, "", " "], ["Анна", TWO, ""]], 2, id="empty cells at the end"),
        pytest.param([["Телефон", *["x"] * 199], [ONE]], 200, id="as wide as can be"),
    ],
)
def test_a_list_is_as_wide_as_its_header_and_rows_one_far_cell_apart(file: Cells, width: int) -> None:
    assert len(planned(file).columns.names) == width


# --- the header


def header_line(cells: Cells, wanted: bool | None = None) -> int:
    """The line of the header; 0: there is none."""
    row = find_header(
        [Row(line, each) for line, each in enumerate(cells, start=1)], is_phone, wanted=wanted
    ).row
    return row.line if row else 0


LONG = "Имя клиента " + "x" * 68
ROWS = [["Иван", ONE, "x", "y"], ["Анна", TWO, "x", "y"]]


@pytest.mark.parametrize(
    ("file", "line"),
    [
        pytest.param([[ONE], ["ФИО", "Телефон", "Город"], *ROWS], 2, id="a number in a title"),
        pytest.param([["x", ONE], ["ФИО", "Телефон", "Город", "Тип"], *ROWS], 2, id="and a word beside it"),
        pytest.param([["x", "y", ONE], ["ФИО", "Телефон", "Город", "Тип"], *ROWS], 0, id="a row is no title"),
        pytest.param([["Олег", ONE], ["ФИО", "Телефон"], ["Анна", TWO]], 0, id="words below a row"),
        pytest.param(
            [[ONE], [TWO], ["ФИО", "Телефон", "Город"], *ROWS, *ROWS], 0, id="two titles of numbers"
        ),
        pytest.param([["ФИО", "Телефон"], ["ФИО", "Телефон"], ["Анна", TWO]], 1, id="of equals the first"),
        pytest.param([["Клиент 001", "нет"], ["Клиент 002", ONE], ["Клиент 003", TWO]], 0, id="figures"),
        pytest.param([["client@mail.ru", "нет"], ["a@b.ru", ONE], ["c@d.ru", TWO]], 0, id="addresses"),
        pytest.param([[LONG, "нет"], ["Анна", ONE], ["Иван", TWO]], 1, id="a header of 80 signs"),
        pytest.param([[LONG + "x", "нет"], ["Анна", ONE], ["Иван", TWO]], 0, id="81 signs are a sentence"),
        pytest.param([["Организация", "*1"], ["Мак", ONE], ["Роза", TWO]], 1, id="an organisation"),
        pytest.param([["город", "--"], ["Мак", ONE]], 1, id="a place"),
        pytest.param([["ФИО", "--", "--"], ["ФИО", "Телефон", "Город"], *ROWS], 2, id="the better of two"),
        pytest.param(
            [["кому", "куда"], ["ФИО", "Телефон"], ["Анна", ONE], ["Иван", TWO]], 2, id="real headers"
        ),
        pytest.param([["Имя", "1"], ["Мак", ONE], ["Роза", TWO]], 1, id="a word beside a number of a column"),
        pytest.param([["Имя того кому пишут", "1"], ["Мак", ONE]], 1, id="four words"),
        pytest.param([["Имя того кому пишут сегодня", "1"], ["Мак", ONE]], 0, id="five are a sentence"),
        pytest.param([["Ромашка", "--"], ["Мак", ONE], ["Роза", TWO]], 0, id="words that no header has"),
        pytest.param([["город где он сейчас живёт", "--"], ["Мак", ONE]], 1, id="a place in five words"),
        pytest.param([["город где он сейчас живёт теперь", "--"], ["Мак", ONE]], 0, id="in six"),
        pytest.param([["Клиенты"], *ROWS], 0, id="a title"),
        pytest.param([["ФИО", "--"], *ROWS], 1, id="headers of half the columns"),
        pytest.param([["", "Телефон"], *ROWS], 1, id="the one header that matters"),
        pytest.param([["занято", ONE], [TWO, THREE], [FOUR, FIVE]], 0, id="a row with one number of two"),
        pytest.param([["кому"], ["Иван", "x", ONE], ["Пётр", "x", TWO]], 0, id="a short first row"),
        pytest.param([["12", "куда"], ["Иван", ONE], ["Пётр", TWO]], 1, id="a word above numbers"),
        pytest.param([["12", "куда им"], ["Иван", ONE], ["Пётр", TWO]], 1, id="two words"),
        pytest.param([["Иван", "12"], ["Пётр", ONE], ["Анна", TWO]], 0, id="digits above numbers"),
        pytest.param([["Иван", "нет"], ["Пётр", ONE], ["Анна", TWO]], 0, id="no number among numbers"),
        pytest.param([["ааа"], [ONE], [TWO], [THREE], ["бб"], ["вв"]], 1, id="a word above three of five"),
        pytest.param([["ааа"], [ONE], [TWO], ["аа"], ["бб"], ["вв"]], 0, id="above two of five"),
    ],
)
def test_the_header_is_the_row_of_words_above_the_numbers(file: Cells, line: int) -> None:
    assert header_line(file) == line


def test_the_user_knows_whether_there_is_a_header() -> None:
    titled = [["Список"], ["ФИО", "Телефон", "Город"], *ROWS]
    assert header_line(titled, wanted=False) == 0
    assert header_line(titled, wanted=True) == 2
    assert header_line([["Иван", ONE], ["Анна", TWO]], wanted=True) == 1
    second = planned([["ФИО", "Телефон"], ["x", "Телефон"], ["Анна", TWO]], header_row=2)
    assert (second.header and second.header.line, second.columns.names) == (2, ("x", "Телефон"))


@pytest.mark.parametrize(
    ("above", "rows", "skipped"),
    [
        pytest.param([["Список"], ["от мая"], ["всем"]], ROWS, 3, id="titles"),
        pytest.param([["Список", "5 мая"]], ROWS, 0, id="two cells are a row"),
        pytest.param([["Список", "5 мая", "x"]], ROWS, 0, id="three too"),
        pytest.param([["Список"]], [["Иван", ONE, "x"], ["Анна", TWO, "x"]], 1, id="three columns"),
        pytest.param([["Список"]], [["Иван", ONE], ["Анна", TWO]], 0, id="two columns"),
        pytest.param([["Список"], ROWS[0], ["всем"]], ROWS, 1, id="a short row below a row"),
    ],
)
def test_titles_above_a_list_without_header_are_no_people(above: Cells, rows: Cells, skipped: int) -> None:
    found = planned([*above, *rows])
    assert (found.header, len(found.above)) == (None, skipped)


def test_titles_say_nothing_of_what_the_columns_hold() -> None:
    titles = [["Список"], ["от мая"], ["для всех"]]
    assert fields([*titles, *ROWS]) == "name phone extra extra"


def test_a_file_of_broken_rows_says_that_there_are_no_numbers() -> None:
    with pytest.raises(BadValue, match="No column holds phone numbers"):
        plan([Row(1, [ONE], flaw="a quotation mark is not closed")], is_phone)
