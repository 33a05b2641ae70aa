"""A made-up questionnaire, whatever its key: it stands for the one that a project has in iDenfy's dashboard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from idenfy_kyc.testing.deliveries import FILES

YES = "yes"
MULTIPLE = frozenset({"COUNTRY_MULTI", "LIST", "SELECT_MULTI"})


@dataclass(frozen=True, slots=True)
class Question:
    """One question. ``example`` is what a client answers who is in a hurry; ``choices`` are what there is to choose."""

    key: str
    title: str
    type: str
    example: tuple[str, ...]
    choices: tuple[str, ...] = ()

    def value(self, given: Sequence[str], scan_ref: str, links: str) -> Any:
        """What iDenfy tells for what was ``given``: the texts of a form, or of the example."""
        said = [text for text in given if text.strip()]
        if self.type == "CHECKBOX":
            return bool(said)
        if self.type == "FILE":
            return f"{FILES}{scan_ref}/{self.key}.pdf?Signature={links}" if said else None
        if self.type in MULTIPLE:
            return said or None
        return said[0] if said else None


SECTIONS = (
    (
        "About you",
        (
            Question("occupation", "What do you do for a living?", "TEXT", ("Nurse",)),
            Question(
                "employment",
                "How are you employed?",
                "RADIO",
                ("Employed",),
                ("Employed", "Self-employed", "Retired", "Not employed"),
            ),
            Question("since", "Since when?", "DATE", ("2019-09-01",)),
            Question("residence", "In which country do you pay taxes?", "COUNTRY", ("LT",), ("LT", "LV", "EE", "PL")),
            Question("email", "At which address do we reach you?", "EMAIL", ("client@example.com",)),
            Question("phone", "And by telephone?", "TEL", ("+370 600 00000",)),
        ),
    ),
    (
        "About your money",
        (
            Question(
                "sources",
                "Where does your money come from?",
                "SELECT_MULTI",
                ("Salary", "Savings"),
                ("Salary", "Savings", "Dividends", "Inheritance", "Sale of property"),
            ),
            Question("income", "What do you earn a month, in euros?", "FLOAT", ("2450.50",)),
            Question(
                "expected",
                "How much do you expect to move in a month?",
                "SELECT",
                ("1,000 to 10,000 euros",),
                ("Less than 1,000 euros", "1,000 to 10,000 euros", "More than 10,000 euros"),
            ),
            Question("explained", "Tell us more, if you like.", "TEXT_AREA", ("I save for a flat.\nNothing else.",)),
            Question("proof", "A document that shows it", "FILE", ("statement.pdf",)),
            Question("exposed", "I hold, or have held, a prominent public function", "CHECKBOX", ()),
        ),
    ),
)
EXAMPLE = {question.key: question.example for _, questions in SECTIONS for question in questions}


def answered(title: str, given: Mapping[str, Sequence[str]], *, scan_ref: str, links: str) -> dict[str, Any]:
    """``questionnaireAnswers``, for what was ``given`` by the questions' keys."""
    return {
        "title": title,
        "sections": [
            {
                "title": section,
                "questions": [
                    {
                        "key": question.key,
                        "title": question.title,
                        "type": question.type,
                        "value": question.value(given.get(question.key, ()), scan_ref, links),
                    }
                    for question in questions
                ],
            }
            for section, questions in SECTIONS
        ],
    }
