"""List files of every form: read whole, or refused with the line and the way out."""

from __future__ import annotations

import csv
import gc
import io
import itertools
import os
import signal
import stat
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
import xlsxwriter  # type: ignore[import-untyped]  # it has no type stubs

from dialer.adapters.files import outside
from dialer.adapters.files.lists import ListFile, open_content, open_path
from dialer.adapters.files.rejects import RejectsFile, safe
from dialer.adapters.phones import reading
from dialer.domain.columns import Field, ReadOptions
from dialer.domain.errors import BadValue
from dialer.domain.intake import Counts
from dialer.domain.lead import Lead
from dialer.domain.listing import Flaw, Kind, Taken

READING = reading("RU")
MOBILE, OTHER = "+79161234567", "+79031112233"


def opened(content: str | bytes, **options: object) -> ListFile:
    raw = content.encode() if isinstance(content, str) else content
    return open_content("list.csv", raw, READING, ReadOptions(**options))  # type: ignore[arg-type]  # as there


def leads(content: str | bytes, encoding: str = "utf-8", **options: object) -> list[Lead]:
    raw = content.encode(encoding) if isinstance(content, str) else content
    return list(opened(raw, **options).leads(Taken()))


def flaws(content: str | bytes) -> list[Flaw]:
    found: list[Flaw] = []
    list(opened(content).leads(Taken(), found.extend))
    return found


def sheet(*rows: Sequence[object], hidden_first: bool = False, start: int = 0) -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    if hidden_first:
        secret = book.add_worksheet("secret")
        secret.write(0, 0, "phone")
        secret.hide()
    page = book.add_worksheet("list")
    page.activate()
    if hidden_first:
        page.set_first_sheet()
    for number, cells in enumerate(rows, start):
        page.write_row(number, 0, cells)
    book.close()
    return out.getvalue()


class TestText:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1251", "utf-16"])
    @pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
    @pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
    def test_encodings_delimiters_and_line_ends_are_found(
        self, encoding: str, delimiter: str, line_end: str
    ) -> None:
        rows = [
            ["Телефон", "Имя", "Город"],
            ["89161234567", "Пётр", "Тверь"],
            ["89031112233", "Юлия", "Омск"],
        ]
        text = line_end.join(delimiter.join(row) for row in rows)
        found = leads(text, encoding)
        assert [(lead.numbers, lead.name, lead.extra) for lead in found] == [
            ((MOBILE,), "Пётр", {"Город": "Тверь"}),
            ((OTHER,), "Юлия", {"Город": "Омск"}),
        ]

    def test_one_column_needs_no_delimiter(self) -> None:
        assert [lead.numbers for lead in leads("89161234567\n89031112233\n")] == [(MOBILE,), (OTHER,)]

    def test_commas_of_a_title_cut_no_list_of_one_column(self) -> None:
        text = "Отдел продаж, база № 7\nТелефон\n+7 911 123-45-67\n+7 921 111-22-33\n"
        assert [lead.numbers for lead in leads(text)] == [("+79111234567",), ("+79211112233",)]

    @pytest.mark.parametrize("header", ["тел/факс", "Контакты"])
    def test_a_title_of_one_column_is_no_header(self, header: str) -> None:
        text = f"Список клиентов\n{header}\n+7 911 123-45-67\n+7 921 111-22-33\nнет\n"
        assert len(leads(text)) == 2
        assert [(flaw.line, flaw.kind) for flaw in flaws(text)] == [(1, Kind.SKIPPED), (5, Kind.REFUSED)]

    def test_a_value_over_two_lines_is_one_though_half_of_the_lines_are_halves(self) -> None:
        rows = "".join(f'"К{n}";"8 911 123-45-{n}1\n8 921 123-45-{n}2";"Омск"\n' for n in range(1, 6))
        text = f'"Клиент";"Телефон";"Город"\n"К0";"8 911 123-45-00";"Тверь"\n{rows}'
        assert [len(lead.numbers) for lead in leads(text)] == [1, 2, 2, 2, 2, 2]

    @pytest.mark.parametrize("encoding", ["cp1251", "cp866", "koi8-r", "mac-cyrillic"])
    def test_a_word_of_three_letters_tells_the_encoding(self, encoding: str) -> None:
        text = "8 495 406 59 11 доб. 8363;7707083893\n8 495 430 72 34 ext 77;7707083893\n"
        assert [[*lead.extensions.values()] for lead in leads(text, encoding)] == [["8363"], ["77"]]

    def test_quoted_values_hold_delimiters_quotes_and_new_lines(self) -> None:
        text = 'phone;company;note\n"8 916 123-45-67\n8 903 111-22-33";"ООО ""Ромашка; и Ко""";"a\nb"\nx;;\n'
        (lead,) = leads(text)
        assert (lead.numbers, lead.company, lead.extra) == (
            (MOBILE, OTHER),
            'ООО "Ромашка; и Ко"',
            {"note": "a b"},
        )
        assert [flaw.line for flaw in flaws(text)] == [5]

    def test_empty_lines_before_and_between_do_not_shift_line_numbers(self) -> None:
        text = "\n\nphone,name\n\n12,Иван\n89161234567,Ольга\n"
        assert [(flaw.line, flaw.value) for flaw in flaws(text)] == [(5, "12")]
        assert len(leads(text)) == 1

    def test_commas_within_values_do_not_win_over_semicolons(self) -> None:
        text = "phone;address\n" + "\n".join(f"8916123456{i};Тверь, ул. Мира, {i}, кв. 1" for i in range(8))
        assert len(leads(text)) == 8

    @pytest.mark.parametrize(
        ("text", "companies"),
        [
            ('a;b\n"Рога;89161234567\nКопыта;89031112233\n', ["Рога", "Копыта"]),
            ('a;b\nООО "Рога";89161234567\n"Копыта" ООО;89031112233\n', ['ООО "Рога"', "Копыта ООО"]),
            ('a;b\nООО "Рога;89161234567\nКопыта;89031112233\n', ['ООО "Рога', "Копыта"]),
            ('a;b\n"Рога\nи Копыта";89161234567\nЛютик;89031112233\n', ["Рога и Копыта", "Лютик"]),
        ],
    )
    def test_a_mark_that_nobody_closed_costs_no_other_row(self, text: str, companies: list[str]) -> None:
        found = leads(text.replace("a;b", "Компания;Телефон"))
        assert [lead.company for lead in found] == companies

    @pytest.mark.parametrize("line", ["sep=;", '"sep=;"', "SEP=;", "\ufeffsep=;"])
    def test_a_line_that_names_the_delimiter_is_obeyed_and_no_row(self, line: str) -> None:
        (lead,) = leads(f"{line}\r\nphone;address\r\n89161234567;a, b, c, d\r\n")
        assert lead.extra == {"address": "a, b, c, d"}

    def test_a_bad_byte_costs_its_line_alone(self) -> None:
        text = "Телефон;Имя\n89161234567;Пётр\n".encode() + "89031112233;Юлия\n".encode("cp1251")
        assert [lead.name for lead in leads(text)] == ["Пётр"]
        (flaw,) = [each for each in flaws(text) if each.reason.startswith("the line is no UTF-8")]
        assert (flaw.line, flaw.kind) == (3, Kind.REFUSED)

    @pytest.mark.parametrize(
        "encoding", ["utf-16-le", "utf-16-be", "cp866", "koi8-r", "mac-cyrillic", "cp1251"]
    )
    def test_an_encoding_without_a_mark_is_known_by_its_letters(self, encoding: str) -> None:
        text = "ФИО;Телефон\nИванов Пётр;8 916 123-45-67\nЮлия Щукина;8 903 111-22-33\n"
        found = opened(text.encode(encoding))
        assert encoding in found.form
        assert [lead.name for lead in found.leads(Taken())] == ["Иванов Пётр", "Юлия Щукина"]

    def test_western_letters_are_read_where_the_country_has_them(self) -> None:
        content = "Name;Telefon\nMüller;030 123456\nWeiß;030 123457\n".encode("latin-1")
        found = open_content("a.csv", content, reading("DE"))
        assert [lead.name for lead in found.leads(Taken())] == ["Müller", "Weiß"]


class TestSpreadsheets:
    def test_numbers_kept_as_numbers_are_read_whole(self) -> None:
        content = sheet(
            ["Телефон", "ИНН", "Приоритет", "Сумма"], [79161234567, 7707083893, 5, 1.5], ["89031112233"]
        )
        first, second = leads(content)
        assert (first.numbers, first.inn, first.priority) == ((MOBILE,), "7707083893", 5)
        assert first.extra == {"Сумма": "1.5"}
        assert second.numbers == (OTHER,)

    def test_line_numbers_are_those_beside_the_rows(self) -> None:
        content = sheet(["phone"], [12], [], ["нет"], start=3)
        assert [(flaw.line, flaw.value) for flaw in flaws(content)] == [(5, "12"), (7, "нет")]

    def test_a_hidden_sheet_is_passed_over(self) -> None:
        assert len(leads(sheet(["phone"], [79161234567], hidden_first=True))) == 1

    def test_the_form_is_known_by_contents_not_by_name(self) -> None:
        found = opened(sheet(["phone"], [79161234567]))
        assert found.form == "spreadsheet"


class TestReading:
    TEXT = "phone;name\n89161234567;Иван\n12;Пётр\n8 916 123-45-67;Иван снова\n89031112233;Юлия\n"

    def test_a_preview_shows_columns_and_rows_and_keeps_nothing(self) -> None:
        found = opened(self.TEXT)
        preview = found.preview()
        assert preview.form == 'CSV, utf-8, ";"'
        assert preview.columns == {"phone": Field.PHONE, "name": Field.NAME}
        assert [row.line for row, lead, _ in preview.rows if lead is None] == [3, 4]
        assert found.counts == Counts()
        assert len(list(found.leads(Taken()))) == 2

    def test_a_preview_ends_after_ten_rows(self) -> None:
        text = "phone\n" + "\n".join(f"891612345{i:02}" for i in range(30))
        assert len(opened(text).preview().rows) == 10

    def test_counts_say_what_became_of_every_row(self) -> None:
        found = opened(self.TEXT)
        list(found.leads(Taken()))
        assert found.counts == Counts(rows=4, leads=2, duplicates=1, refused=1)

    def test_numbers_of_the_campaign_are_not_imported_again(self) -> None:
        found = opened(self.TEXT)
        taken = Taken.by_campaign([lead.number for lead in leads(self.TEXT)])
        assert list(found.leads(taken)) == []
        assert found.counts.duplicates == 3

    def test_progress_is_told_while_reading_and_at_the_end(self) -> None:
        text = "phone\n" + "\n".join(f"8916{i:07}" for i in range(2500))
        told: list[int] = []
        list(opened(text).leads(Taken(), on_progress=lambda counts: told.append(counts.rows)))
        assert told == [1000, 2000, 2500]

    def test_a_mapping_and_no_header_are_obeyed(self) -> None:
        (lead,) = leads("Иван;89161234567;89031112233\n", mapping={"phone": "3", "name": "1"}, header=False)
        assert (lead.name, lead.numbers, lead.extra) == ("Иван", (OTHER,), {"column 2": "89161234567"})


class TestOptions:
    def test_an_encoding_that_is_named_is_obeyed(self) -> None:
        text = "Телефон;Имя\n89161234567;Пётр\n"
        (lead,) = opened(text.encode("cp866"), encoding="CP866").leads(Taken())
        assert lead.name == "Пётр"
        with pytest.raises(BadValue, match="There is no encoding 'klingon'"):
            opened(text.encode(), encoding="klingon")
        with pytest.raises(BadValue, match="Line 1: the line is no UTF-8 text"):
            opened(text.encode("cp1251"), encoding="utf-8")

    def test_a_row_of_headers_that_is_named_is_obeyed(self) -> None:
        text = "89031112233;на 01.12\n\nТелефон;Имя\n89161234567;Пётр\n"
        (lead,) = leads(text, header_row=3)
        assert (lead.numbers, lead.name) == ((MOBILE,), "Пётр")

    @pytest.mark.parametrize("wanted", ["SECRET", "1"])
    def test_a_sheet_that_is_named_is_read_though_it_is_hidden(self, wanted: str) -> None:
        content = sheet(["phone"], [79161234567], hidden_first=True)
        assert leads(content, sheet=wanted) == []
        assert len(leads(content, sheet="2")) == 1

    def test_a_sheet_that_is_not_there_is_told_with_those_that_are(self) -> None:
        with pytest.raises(BadValue, match="There is no sheet 'Clients': name one of list"):
            leads(sheet(["phone"], [79161234567]), sheet="Clients")

    def test_zone_and_country_hold_for_rows_that_say_nothing_else(self) -> None:
        text = "phone;tz\n020 7946 0958;\n020 7946 0959;Europe/Paris\n"
        found = open_content("a.csv", text.encode(), reading("GB", zone="utc+1"))
        assert [lead.zones for lead in found.leads(Taken())] == [("Etc/GMT-1",), ("Europe/Paris",)]
        with pytest.raises(BadValue, match="there is no time zone 'Mars'"):
            reading("GB", zone="Mars")
        with pytest.raises(BadValue, match="there is no country 'XX'"):
            reading("XX")


class TestBadFiles:
    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"", "The list list.csv is empty"),
            (b"\n\n \n", "The list is empty"),
            (b"\xef\xbb\xbf", "The list is empty"),
            (b"name,city\nIvan,Omsk\n", "No column holds phone numbers .there are name, city."),
            (b"phone\n", None),
            (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n\x00\x01\x02", "The file is a PDF: export the list"),
            (b"\x89PNG\r\n\x1a\n\x00\x00", "The file is a picture"),
            (b"GIF89a\x01\x02\x03\x04", "The file is a picture"),
            (b"\x7fELF\x02\x01\x01\x00", "The file is a program"),
            (b"\x1f\x8b\x08\x00", "The file is an archive: unpack it first"),
            (b"{\\rtf1\\ansi", "The file is a text document"),
            (b"BEGIN:VCARD\r\nVERSION:3.0", "The file is a set of business cards"),
            (b"<!DOCTYPE html>\n<html><body><table>", "The file is a web page .HTML., whatever it is called"),
            (b"\xef\xbb\xbf <table border=1><tr><td>phone", "The file is a web page"),
            (b'<?xml version="1.0"?>\n<Workbook xmlns="urn:x">', "The file is a spreadsheet in XML of 2003"),
            (b'<?xml version="1.0"?><list><row/></list>', "The file is XML"),
            (b'[\n {"phone":"+79161234501"}]', "The file is JSON: save the list as CSV or XLSX, or send it"),
            (b'{"phone":"+79161234501"}\n{"phone":"+79161234502"}\n', "The file is JSON"),
            (bytes(range(1, 32)) * 10, "The file is not text"),
            (b"\xff\xfea", "Line 1: the line is damaged: it is no UTF-16 text"),
            (b"\xef\xbb\xbfphone\n\xff", "Line 2: the line is no UTF-8 text .byte 0xff."),
            (b"phone\n" + b"1" * 1_000_001, "Line 2 has more than 1,000,000 characters"),
            (b"PK\x03\x04 broken", "The spreadsheet cannot be read"),
            (b"PK\x03\x04", "The spreadsheet cannot be read"),
            (b"\xd0\xcf\x11\xe0" + b"\0" * 600, "The spreadsheet cannot be read"),
            (sheet(["phone"], [79161234567])[:900], "The spreadsheet cannot be read"),
            (sheet(), "The spreadsheet has no rows on any visible sheet"),
            (sheet(["city"], ["Омск"]), "No column holds phone numbers"),
            (sheet(["phone"], [*[""] * 1000, 79161234567]), "Cell ALM2 lies far from the list: column 1001"),
            (b",".join([b"phone"] * 300), "The list has 300 columns"),
        ],
    )
    def test_a_file_that_is_no_list_is_refused_with_the_way_out(
        self, content: bytes, message: str | None
    ) -> None:
        if message is None:  # a header alone: no leads, no error
            assert leads(content) == []
            return
        with pytest.raises(BadValue, match=message) as caught:
            leads(content)
        assert str(caught.value).count("\n") == 0

    def test_a_path_that_cannot_be_read_says_why(self, tmp_path: Path) -> None:
        with pytest.raises(BadValue, match=r"gone.csv cannot be read: No such file"):
            open_path(tmp_path / "gone.csv", READING)
        with pytest.raises(BadValue, match=r"cannot be read: Is a directory"):
            open_path(tmp_path, READING)

    def test_a_huge_file_is_refused_unread(self, tmp_path: Path) -> None:
        huge = tmp_path / "huge.csv"
        with huge.open("wb") as file:
            os.truncate(file.fileno(), 201 * 1024 * 1024)
        with pytest.raises(BadValue, match=r"huge.csv has 201 MB, at most 200 are read: split it"):
            open_path(huge, READING)

    def test_a_good_path_is_read(self, tmp_path: Path) -> None:
        (tmp_path / "list.csv").write_text("phone\n89161234567\n")
        assert len(list(open_path(tmp_path / "list.csv", READING).leads(Taken()))) == 1


MANY = b"phone\n" + b"".join(b"+7916%07d\n" % n for n in range(200_000))  # more than a pipe holds


def packed(content: bytes, **parts: Callable[[IO[bytes]], object]) -> bytes:
    """The same spreadsheet with these parts written anew; a name is that of the file alone."""
    out = io.BytesIO()
    with ZipFile(io.BytesIO(content)) as old, ZipFile(out, "w", ZIP_DEFLATED, compresslevel=1) as new:
        for name in old.namelist():
            with new.open(name, "w", force_zip64=True) as part:
                if write := parts.get(Path(name).stem):
                    write(part)
                else:
                    part.write(old.read(name))
    return out.getvalue()


def endless(begin: bytes, filling: bytes, mb: int) -> Callable[[IO[bytes]], object]:
    def write(part: IO[bytes]) -> None:
        part.write(begin)
        for _ in range(mb):
            part.write(filling * (2**20 // len(filling)))

    return write


class TestLimits:
    """The reader is a process of its own: whatever a file does to it is told, and nothing else is harmed."""

    def test_a_small_file_that_unpacks_to_a_very_large_one(self) -> None:
        bomb = packed(sheet(["phone"], ["x"]), sheet1=endless(b"<worksheet><sheetData>", b" ", 1025))
        assert len(bomb) < 8_000_000
        with pytest.raises(BadValue, match="unpacks to more than 1024 MB"):
            leads(bomb)

    def test_a_small_file_that_takes_all_memory(self) -> None:
        bomb = packed(sheet(["phone"], ["x"]), sharedStrings=endless(b"<sst><si><t>", b"abcdefgh", 600))
        with pytest.raises(BadValue, match="took more than 512 MB of memory to read"):
            leads(bomb)

    def test_entities_that_grow_are_not_unpacked(self) -> None:
        lol = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><sst><si><t>&b;'
        with pytest.raises(BadValue, match=r"cannot be read \(DOCTYPE"):
            leads(packed(sheet(["phone"], ["x"]), sharedStrings=lambda part: part.write(lol)))

    @pytest.mark.parametrize(
        ("number", "what"),
        [
            (signal.SIGXCPU, "120 s of computing"),
            (signal.SIGSEGV, "512 MB of memory"),
            (signal.SIGTERM, "-15"),
        ],
    )
    def test_a_reader_that_dies_is_told_as_what_it_took(self, number: int, what: str) -> None:
        file = opened(MANY)
        rows = file.leads(Taken())
        next(rows)
        os.kill(child_of_ours(), number)
        with pytest.raises(BadValue, match=f"took more than .*{what}"):
            list(rows)

    def test_a_reader_that_says_nothing_is_ended(self, monkeypatch: pytest.MonkeyPatch) -> None:
        file = opened(MANY)
        rows, reader = file.leads(Taken()), child_of_ours()
        os.kill(reader, signal.SIGSTOP)
        monkeypatch.setattr(outside, "LONGEST_SILENCE_S", 0.2)
        with pytest.raises(BadValue, match="took more than 0 s without an answer"):
            list(rows)
        assert not Path(f"/proc/{reader}").exists()

    def test_a_reader_that_computes_is_waited_for_however_little_of_the_machine_it_gets(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = opened(MANY)
        rows, reader = file.leads(Taken()), child_of_ours()
        os.kill(reader, signal.SIGSTOP)
        ticks = itertools.count()

        def computing(pid: int) -> str:
            if (n := next(ticks)) == 5:
                os.kill(pid, signal.SIGCONT)
            return str(n)

        monkeypatch.setattr(outside, "LONGEST_SILENCE_S", 0.05)
        monkeypatch.setattr(outside, "_cpu_of", computing)
        assert len(list(rows)) == len(list(opened(MANY).leads(Taken())))

    def test_a_reader_whose_rows_nobody_wants_ends_with_its_list(self) -> None:
        file = opened(MANY)
        reader = child_of_ours()
        del file
        gc.collect()
        assert not Path(f"/proc/{reader}").exists()

    def test_a_damaged_value_inside_is_the_files_fault_and_told(self) -> None:
        styles = b'<styleSheet><cellXfs><xf numFmtId="abc"/></cellXfs></styleSheet>'
        with pytest.raises(BadValue, match="The spreadsheet cannot be read"):
            leads(packed(sheet(["phone"], [79161234567]), styles=lambda part: part.write(styles)))


def child_of_ours() -> int:
    """The reader that runs."""
    return int(Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split()[-1])


class TestRejects:
    def test_the_file_says_line_column_value_and_reason(self, tmp_path: Path) -> None:
        path = tmp_path / "rejects.csv"
        with RejectsFile(path) as rejects:
            list(opened(TestReading.TEXT).leads(Taken(), rejects.write))
        rows = list(csv.reader(path.read_text("utf-8-sig").splitlines(), delimiter=";"))
        assert rows == [
            ["line", "column", "value", "reason", "what"],
            [
                "3",
                "phone",
                "12",
                "2 digits are too few for a number of RU: the area code may be missing",
                "row refused",
            ],
            [
                "4",
                "phone",
                f"'{MOBILE}",
                "the number is in line 2 of this file, with other values: join the two lines to keep both",
                "duplicate",
            ],
        ]
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def test_nothing_to_say_leaves_no_file(self, tmp_path: Path) -> None:
        with RejectsFile(tmp_path / "rejects.csv") as rejects:
            assert rejects.lines == 0
        assert not list(tmp_path.iterdir())

    @pytest.mark.parametrize("value", ["=1+1", "+7", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "\n@x"])
    def test_no_value_is_calculated_by_a_spreadsheet(self, value: str) -> None:
        assert safe(value) == f"'{value}"

    @pytest.mark.parametrize("value", ["", "12", "Иван", "a=b", "'x"])
    def test_ordinary_values_stay_as_they_are(self, value: str) -> None:
        assert safe(value) == value

    def test_a_place_that_cannot_be_written_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(BadValue, match=r"cannot be written \(No such file"):
            RejectsFile(tmp_path / "no" / "rejects.csv")


def test_the_reader_of_a_file_gives_way_to_calls_in_a_session_of_its_own_too() -> None:
    rows = b"phone\n" + b"+79161234567\n" * 400_000  # more than a pipe takes: it waits for us
    with TemporaryFile() as file:
        file.write(rows)
        file.seek(0)
        reader = outside.Outside("list.csv", file)
        pid = reader._process.pid
        ours = os.getpriority(os.PRIO_PROCESS, 0)
        assert os.getpriority(os.PRIO_PROCESS, pid) == min(ours + 10, 19)
        group = Path(f"/proc/{pid}/autogroup")
        if group.exists():
            assert group.read_text().split()[-1] == str(min(ours + 10, 19))
        reader.close()
