from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idenfy_kyc.folding import folded, words_of


class TestFolded:
    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("Šarūnas Petrauskas", "sarunas petrauskas"),
            ("  ŠARŪNAS\tPetrauskas ", "sarunas petrauskas"),
            ("Łukasz Wiśniewski", "lukasz wisniewski"),
            ("Jürgen Müller", "jurgen muller"),
            ("Weiß", "weiss"),
            ("WEISS", "weiss"),
            ("Đức", "duc"),
            ("Søren Ærø", "soren aero"),
            ("Þór", "thor"),
            ("IŞIK İpek ışık", "isik ipek isik"),
            ("ΓΙΏΡΓΟΣ", "γιωργοσ"),
            ("Γιώργος", "γιωργοσ"),
            ("ЩЕРБАКОВА Алёна", "щербакова алена"),
            ("O’Brien", "obrien"),
            ("O'Brien", "obrien"),
            ("Anna-Maria van der Berg, Jr.", "anna maria van der berg jr"),
            ("ﬁnn", "finn"),
            ("김민준", "김민준"),
            ("أحمد", "احمد"),
            ("mi\u200dnd\u00ad", "mind"),
            ("", ""),
            ("–!?", ""),
        ],
    )
    def test_has_no_capitals_accents_or_punctuation(self, name: str, expected: str) -> None:
        assert folded(name) == expected

    @given(st.text())
    def test_changes_nothing_more_the_second_time(self, text: str) -> None:
        assert folded(folded(text)) == folded(text)

    @given(st.text())
    def test_takes_no_notice_of_how_unicode_writes_an_accent(self, text: str) -> None:
        import unicodedata

        assert folded(unicodedata.normalize("NFD", text)) == folded(text)


class TestWordsOf:
    @pytest.mark.parametrize(
        ("search", "expected"),
        [
            ("petrauskas  Šarūnas", [{"petrauskas"}, {"sarunas"}]),
            ("Müller", [{"muller", "mueller"}]),
            ("Mu\u0308ller", [{"muller", "mueller"}]),
            ("mueller", [{"mueller", "muller"}]),
            ("Åse Aasen", [{"ase", "aase"}, {"aasen", "asen"}]),
            ("...", []),
        ],
    )
    def test_are_all_spellings_of_each_word(self, search: str, expected: list[set[str]]) -> None:
        assert words_of(search) == expected

    @given(st.text())
    def test_hold_the_words_as_they_are_folded(self, text: str) -> None:
        assert all(word in spellings for word, spellings in zip(folded(text).split(), words_of(text), strict=True))
