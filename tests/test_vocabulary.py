from __future__ import annotations

from collections.abc import Callable

import pytest

from idenfy_kyc import vocabulary

# The lists of iDenfy's API.
FACES = """
FACE_MATCH FACE_NOT_CHECKED FACE_MISMATCH NO_FACE_FOUND TOO_MANY_FACES FACE_TOO_BLURRY FACE_GLARED FACE_UNCERTAIN
FACE_NOT_ANALYSED FACE_ERROR AUTO_UNVERIFIABLE FAKE_FACE
"""
DOCUMENTS = """
DOC_VALIDATED DOC_INFO_MISMATCH DOC_NOT_FOUND DOC_NOT_FULLY_VISIBLE DOC_FACE_NOT_FOUND DOC_TOO_BLURRY DOC_GLARED
DOC_FACE_GLARED MRZ_NOT_FOUND MRZ_OCR_READING_ERROR BARCODE_NOT_FOUND DOC_EXPIRED DOC_NOT_SUPPORTED
COUNTRY_NOT_SUPPORTED COUNTRY_MISMATCH DOC_TYPE_MISMATCH DOC_SUBTYPE_MISMATCH DOC_SIDE_MISMATCH DOC_DAMAGED DOC_FAKE
DOC_PERSONAL_CODE_INVALID DOC_NOT_ALLOWED DOC_NAME_ERROR DOC_SURNAME_ERROR DOC_EXPIRY_ERROR DOC_DOB_ERROR
DOC_PERSONAL_NUMBER_ERROR DOC_NUMBER_ERROR DOC_DATE_OF_ISSUE_ERROR DOC_SEX_ERROR DOC_NATIONALITY_ERROR
DOC_NOT_ANALYSED DOC_ERROR AUTO_UNVERIFIABLE DOC_SPOOF_DETECTED MRZ_INVALID EID_FAILED NFC_INIT_FAILED NFC_FAILED
NFC_TIMEOUT
"""
FRAUD = """
FACE_IN_BLACKLIST DOC_FACE_IN_BLACKLIST DATA_BLACKLISTED DATA_IN_BLACKLIST DUPLICATE_FACE DUPLICATE_DOC_FACE
DUPLICATE_PERSONAL_DATA VIRTUAL_CAMERA ADDRESS_UNVERIFIED PORTRAIT_SUBSTITUTION FACE_SUSPECTED FACE_BLACKLISTED
DOC_FACE_BLACKLISTED DOC_MOBILE_PHOTO DEV_TOOLS_OPENED DOC_PRINT_SPOOFED FAKE_PHOTO AML_SUSPECTION AML_FAILED
LID_SUSPECTION LID_FAILED SANCTIONS_SUSPECTION SANCTIONS_FAILED CRIMINAL_SUSPECTED CRIMINAL_CHECK_FAILED RC_FAILED
DL_FAILED AUTO_UNVERIFIABLE
"""
DIFFERENCES = """
NAME SURNAME DOCUMENT_NUMBER PERSONAL_CODE EXPIRY_DATE DATE_OF_BIRTH DATE_OF_ISSUE NATIONALITY SEX FULL_NAME
DOC_INFO_MISMATCH UNDER_AGE OVER_AGE UNKNOWN_AGE UTILITY_ADDRESS UTILITY_NAME EXPIRED_UTILITY_BILL
INVALID_ADDITIONAL_STEP ADDITIONAL_STEP_NOT_FOUND ADDITIONAL_STEP_INFORMATION_MISMATCH
EXPIRED_ADDITIONAL_STEP_INFORMATION REGISTRY_CENTER_INFO_MISMATCH DRIVER_LICENSE_INFO_MISMATCH
NOT_SUPPORTED_POA_DOCUMENT_TYPE NOT_SUPPORTED_POA_DOCUMENT_COUNTRY POA_COUNTRIES_MISMATCH POA_SCREENSHOT_DETECTED
"""
WRITTEN_OUT = {"FACE_SUSPECTED", "EXPIRED_UTILITY_BILL", "VIRTUAL_CAMERA", "FAKE_PHOTO"}
"""Whose words are those of the code, or nearly so."""
SAID: set[tuple[Callable[[str], str], str]] = {
    *((vocabulary.check_text, code) for code in (FACES + DOCUMENTS).split()),
    *((vocabulary.tag_text, code) for code in (FRAUD + DIFFERENCES).split()),
    *((vocabulary.step_text, code) for code in ("VALID", "INVALID", "NOT_FOUND")),
}


class TestTheVocabulary:
    @pytest.mark.parametrize(
        ("text_of", "code"), sorted((said for said in SAID if said[1] not in WRITTEN_OUT), key=str)
    )
    def test_has_words_for_every_code_of_the_api(self, text_of: Callable[[str], str], code: str) -> None:
        assert text_of(code) != text_of(f"{code}_2").removesuffix(" 2")

    @pytest.mark.parametrize(("text_of", "code"), sorted(SAID, key=str))
    def test_shows_no_code(self, text_of: Callable[[str], str], code: str) -> None:
        assert "_" not in text_of(code)

    @pytest.mark.parametrize(
        "text_of",
        [vocabulary.check_text, vocabulary.tag_text, vocabulary.step_text, vocabulary.risk_level_text],
    )
    def test_writes_out_what_is_new_and_makes_nothing_of_it(self, text_of: Callable[[str], str]) -> None:
        assert text_of("DOC_HELD_UPSIDE_DOWN") == "doc held upside down"

    @pytest.mark.parametrize(
        ("status", "words"), [("MATCH", "The bank card is the one expected."), ("NEW", "New"), ("", "")]
    )
    def test_speaks_of_a_bank_card_in_a_sentence(self, status: str, words: str) -> None:
        assert vocabulary.bank_card_text(status) == words
