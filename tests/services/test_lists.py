from __future__ import annotations

import io
import tracemalloc
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from idenfy_kyc.services.lists import MAX_BYTES, UNREADABLE, ClientList, Line, list_from_file, list_from_text

SAMPLES = Path(__file__).parents[1] / "samples"
REFERENCES = ("3f2d0e6a-0a37-11ec-a45b-025ad99a18e1", "3f2d0e6a-0a37-11ec-a45b-025ad99a18e2")


def read(text: str, most: int = 10_000) -> ClientList:
    return list_from_text(text, most=most)


def identifiers(text: str) -> list[str]:
    return [line.identifier for line in read(text).lines]


def from_bytes(data: bytes, most: int = 10_000) -> ClientList:
    return list_from_file(io.BytesIO(data), most=most)


def refusal_of(source: str | bytes, most: int = 10_000) -> str:
    """The one sentence that a list is refused with."""
    with pytest.raises(ValidationError) as refused:
        read(source, most) if isinstance(source, str) else from_bytes(source, most)
    (sentence,) = refused.value.messages
    return sentence


class TestSamples:
    @pytest.mark.parametrize("name", ["excel_utf8.csv", "excel_unicode_text.txt", "libreoffice.csv"])
    def test_are_read_as_the_same_list(self, name: str) -> None:
        with (SAMPLES / name).open("rb") as file:
            found = list_from_file(file, most=10_000)

        assert found.lines == (
            Line(2, "", REFERENCES[0], "C-1042", "Žukauskas, Šarūnas", "APPROVED"),
            Line(3, "", REFERENCES[1], "C-1043", 'UAB "Saulė"', "DENIED"),
            Line(5, "", "", "c-1044", "Rasa", ""),
        )

    def test_of_an_unnamed_code_page_give_ids_and_no_guessed_name(self) -> None:
        with (SAMPLES / "excel_cp1257.csv").open("rb") as file:
            found = list_from_file(file, most=10_000)

        assert [line.client_id for line in found.lines] == ["C-1042", "C-1043", "c-1044"]
        assert [line.name for line in found.lines] == [
            f"{UNREADABLE}ukauskas, {UNREADABLE}ar{UNREADABLE}nas",
            f'UAB "Saul{UNREADABLE}"',
            "Rasa",
        ]

    def test_of_a_workbook_are_refused_with_the_way_to_a_list(self) -> None:
        assert "“CSV UTF-8 (Comma delimited)”" in refusal_of((SAMPLES / "excel.xlsx").read_bytes())

    def test_of_a_picture_are_refused(self) -> None:
        assert refusal_of((SAMPLES / "picture.png").read_bytes()).startswith("This is no text, but a picture")


class TestAList:
    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\n\n", "\r\n \r\n"])
    @pytest.mark.parametrize("mark", ["", "\ufeff"])
    def test_may_end_its_lines_in_any_way(self, end: str, mark: str) -> None:
        assert identifiers(mark + end.join(["C-1", "C-2", "C-3"]) + end) == ["C-1", "C-2", "C-3"]

    @pytest.mark.parametrize(
        "cell",
        [" C-1 ", "\u00a0C-1", "C-1\u2007\u202f", '"C-1"', '"C-1 "', "\u200bC-1\ufeff", "C-1;", "C-1,,", "C-1\t"],
    )
    def test_may_have_blanks_of_every_kind_around_its_ids(self, cell: str) -> None:
        assert identifiers(f"C-0\n{cell}\n") == ["C-0", "C-1"]

    @pytest.mark.parametrize("mark", [",", ";", "\t"])
    def test_may_have_columns_in_any_order(self, mark: str) -> None:
        text = f'"Name"{mark}Client ID{mark}Risk\nRasa{mark}C-1{mark}high\n"Ona{mark} Dr"{mark}C-2'

        lines = read(text).lines

        assert [(line.client_id, line.name) for line in lines] == [("C-1", "Rasa"), ("C-2", f"Ona{mark.strip()} Dr")]

    @pytest.mark.parametrize(
        ("heading", "column"),
        [
            ("scan_ref", "scan_ref"),
            ("scanRef", "scan_ref"),
            ("Scan reference", "scan_ref"),
            ("SCAN-REF.", "scan_ref"),
            ("client_id", "client_id"),
            ("clientId", "client_id"),
            ("Client ID", "client_id"),
            (" client id: ", "client_id"),
            ("Customer number", "client_id"),
        ],
    )
    def test_knows_its_columns_by_name_in_any_spelling(self, heading: str, column: str) -> None:
        assert read(f"{heading}\nx-1").lines == (Line(2, **{column: "x-1"}),)

    def test_knows_its_columns_in_the_readers_language(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(translation._trans, "gettext", {"client ID": "Kliento Nr."}.get)  # type: ignore[attr-defined]

        assert identifiers("Kliento nr\nC-1") == ["C-1"]

    def test_has_a_first_line_that_is_data_unless_it_names_an_id(self) -> None:
        assert identifiers("C-1\nC-2") == ["C-1", "C-2"]
        assert identifiers("Name;Status\nRasa;APPROVED") == ["Name", "Rasa"]

    def test_may_begin_with_blank_lines_before_the_names_of_its_columns(self) -> None:
        assert read("\n;;\nRisk;client_id\nhigh;C-1").lines == (Line(4, client_id="C-1"),)

    def test_may_have_a_title_beside_its_ids_before_the_names_of_its_columns(self) -> None:
        listed = read(";Annual review\nclient_id;Risk\nC-1;high")

        assert listed == ClientList((Line(3, client_id="C-1"),))
        assert read(listed.as_text()) == listed

    def test_without_names_of_columns_is_its_first_column_and_counts_the_rest(self) -> None:
        several, one = read("C-1;Rasa\n;Ona\nC-2;"), read("C-1;\nC-2;")

        assert [(line.number, line.reference) for line in several.lines] == [(1, "C-1"), (3, "C-2")]
        assert (several.aside, one.aside) == (2, 0)

    @pytest.mark.parametrize("text", ["C-1, C-2\nC-3", "C-1\tC-2\n\tC-3", "C-1;C-2;;C-3"])
    def test_can_be_read_one_by_one_if_it_has_several_ids_on_a_line(self, text: str) -> None:
        listed = read(text)

        assert listed.aside > 0
        assert identifiers(listed.one_by_one) == ["C-1", "C-2", "C-3"]
        assert read(listed.one_by_one).aside == 0

    def test_keeps_each_entry_whole_when_it_is_read_one_by_one(self) -> None:
        assert identifiers(read('"Jonaitis, Jonas";"a ""b"" c"').one_by_one) == ["Jonaitis, Jonas", 'a "b" c']

    def test_cannot_be_read_one_by_one_if_that_is_more_than_can_be_asked(self) -> None:
        assert list_from_text("C-1,C-2", most=2).one_by_one
        assert not list_from_text("C-1,C-2", most=1).one_by_one

    def test_counts_what_stands_beside_the_named_columns_and_not_what_another_name_stands_above(self) -> None:
        listed = read("client_id;Risk;\nC-1;high;C-2\nC-3;;C-4;C-5")

        assert [line.identifier for line in listed.lines] == ["C-1", "C-3"]
        assert (listed.aside, listed.one_by_one) == (3, "")

    def test_is_looked_up_by_the_scan_reference_where_a_line_has_both(self) -> None:
        assert identifiers("client_id,scan_ref\nC-1,s-1\nC-2,\n,s-3") == ["s-1", "C-2", "s-3"]

    def test_does_not_count_lines_that_say_nothing_in_a_column_that_counts(self) -> None:
        assert identifiers("client_id;Risk\nC-1;high\n;low\n;;\nTotal;2") == ["C-1", "Total"]

    def test_may_have_short_lines_and_cells_of_several_lines(self) -> None:
        lines = read('client_id,name\nC-1\nC-2,"Ona\nOnaitė"\nC-3,x').lines

        assert [(line.number, line.client_id, line.name) for line in lines] == [
            (2, "C-1", ""),
            (3, "C-2", "Ona Onaitė"),
            (4, "C-3", "x"),
        ]

    def test_of_utf_16_may_be_of_either_order(self) -> None:
        for encoding, mark in (("utf-16-le", b"\xff\xfe"), ("utf-16-be", b"\xfe\xff")):
            lines = from_bytes(mark + "client_id\tname\r\nC-1\tŽivilė".encode(encoding)).lines

            assert [(line.client_id, line.name) for line in lines] == [("C-1", "Živilė")]

    def test_of_a_code_page_loses_its_no_break_spaces(self) -> None:
        assert from_bytes("client_id;name\nC-1\u00a0;ė".encode("cp1257")).lines[0].client_id == "C-1"

    def test_is_written_with_no_more_than_was_read(self) -> None:
        listed = read('\n"Client ID";Risk;Name\nC-1;high;"a,b"\n\nC-2;low;"say ""x"""')

        assert listed.as_text() == 'client_id\tname\n\nC-1\t"a,b"\n\nC-2\t"say ""x"""'
        assert read("C-1\n\nC-2;Ona").as_text() == "C-1\n\nC-2"


class TestARefusal:
    @pytest.mark.parametrize(
        "source", ["", " \n\t\n", "\ufeff", "client_id\n", "client_id,name\n,Ona", b"\n", b"\xff\xfe"]
    )
    def test_is_for_a_list_with_nobody_in_it(self, source: str | bytes) -> None:
        assert (
            refusal_of(source)
            == refusal_of(b"")
            == "There is no client ID and no scan reference in this list. Is it the right one?"
        )

    @pytest.mark.parametrize(
        "data", [b"\x00\x01\x02", b"C-1\n\x00", b"\xff\xd8\xff\xe0\x00\x10JFIF", b"GIF89a\x01\x00"]
    )
    def test_is_for_what_is_no_text(self, data: bytes) -> None:
        assert refusal_of(data).endswith("Save the list as “CSV UTF-8”, and choose that.")

    def test_is_for_the_old_kind_of_workbook_too(self) -> None:
        assert refusal_of(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512)).startswith("This is a workbook")

    @pytest.mark.parametrize(
        ("text", "line"),
        [('C-1\n"C-2\nC-3\n', 2), ('C-1\n\n"C-2" x\n', 3), ("C-1\n" + "x" * 200_000, 2), ('"', 1)],
    )
    def test_names_the_line_that_cannot_be_read(self, text: str, line: int) -> None:
        assert refusal_of(text).startswith(f"Line {line} cannot be read: ")

    def test_is_for_two_columns_of_one_name(self) -> None:
        assert refusal_of("Client ID;client_id\nC-1;C-2") == (
            "Two columns of this list are called client_id. Keep the one that counts."
        )

    def test_is_for_more_lines_than_can_be_asked(self) -> None:
        text = "\n".join(f"C-{number}" for number in range(100_000))

        assert refusal_of(text) == ("The list has more than 10,000 lines, and no more can be asked at once. Divide it.")
        assert len(read("C-1\n\nC-2\n", most=2).lines) == 2

    def test_is_for_a_file_that_is_too_large_and_comes_before_it_is_read(self) -> None:
        endless = Endless(b"C-1042;Rasa Rasaite\n")

        with pytest.raises(ValidationError, match="larger than 5 MB"):
            list_from_file(endless, most=10_000)

        assert endless.given == MAX_BYTES + 1

    def test_takes_no_more_memory_for_a_larger_file(self) -> None:
        peaks = []
        for size in (10_000_000, 50_000_000):
            file = Endless(b"C-1042;Rasa Rasaite\n", size=size)
            tracemalloc.start()
            with pytest.raises(ValidationError):
                list_from_file(file, most=10_000)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()

        assert abs(peaks[1] - peaks[0]) < 1_000_000
        assert max(peaks) < 8 * MAX_BYTES


class Endless(io.BytesIO):
    """A file that is made while it is read, and says how much of it was."""

    def __init__(self, line: bytes, size: int = 50_000_000) -> None:
        super().__init__()
        self.line, self.left, self.given = line, size, 0

    def read(self, size: int | None = -1) -> bytes:
        assert size is not None
        assert size >= 0, "the whole file at once"
        size = min(size, self.left)
        self.left -= size
        self.given += size
        return (self.line * (size // len(self.line) + 1))[:size]


PIECES = ("C-1", "scan_ref", "client_id", "name", '"', ",", ";", "\t", "\n", "\r", " ", "ė", "x,y")
TEXTS = st.text(max_size=200) | st.lists(st.sampled_from(PIECES)).map("".join)


class TestAnything:
    @given(source=TEXTS | st.binary(max_size=200))
    def test_is_read_or_refused_with_a_sentence(self, source: str | bytes) -> None:
        said = []
        try:
            listed = read(source) if isinstance(source, str) else from_bytes(source)
        except ValidationError as error:
            said = error.messages

        assert [sentence[-1] for sentence in said] in (["."], ["?"]) if said else listed.lines

    @given(text=TEXTS)
    def test_that_is_read_reads_the_same_when_it_comes_back(self, text: str) -> None:
        try:
            listed = read(text)
        except ValidationError:
            return

        assert read(listed.as_text()).lines == listed.lines
        assert read(listed.as_text().replace("\n", "\r\n")).lines == listed.lines

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
    @given(names=st.lists(st.text(st.characters(categories=["L", "N"], codec="utf-8"), min_size=1), min_size=1))
    def test_keeps_every_letter_that_its_encoding_has(self, encoding: str, names: list[str]) -> None:
        rows = "".join(f"C-{number};{name}\r\n" for number, name in enumerate(names))

        lines = from_bytes(f"client_id;name\r\n{rows}".encode(encoding)).lines

        assert [line.name for line in lines] == names
