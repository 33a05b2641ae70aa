"""iDenfy's vocabulary, put into words for people: its tags, what its checks found, levels of risk.

The lists are those of its API's document. They grow: a code that is not known here is written as words, and nothing is
made of it. Wherever there is room, the code itself stands beside the words, as iDenfy's dashboard has it.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy

_DIFFERENCES: dict[str, Promise] = {
    "NAME": gettext_lazy("another first name than expected"),
    "SURNAME": gettext_lazy("another surname than expected"),
    "FULL_NAME": gettext_lazy("another name than expected"),
    "DOCUMENT_NUMBER": gettext_lazy("another document number than expected"),
    "PERSONAL_CODE": gettext_lazy("another personal code than expected"),
    "EXPIRY_DATE": gettext_lazy("another expiry date than expected"),
    "DATE_OF_BIRTH": gettext_lazy("another date of birth than expected"),
    "DATE_OF_ISSUE": gettext_lazy("another date of issue than expected"),
    "NATIONALITY": gettext_lazy("another nationality than expected"),
    "SEX": gettext_lazy("another sex than expected"),
    "DOC_INFO_MISMATCH": gettext_lazy("the document says something else than expected"),
    "UNDER_AGE": gettext_lazy("too young"),
    "OVER_AGE": gettext_lazy("too old"),
    "UNKNOWN_AGE": gettext_lazy("the age is not known"),
    "UTILITY_ADDRESS": gettext_lazy("another address on the utility bill"),
    "UTILITY_NAME": gettext_lazy("another name on the utility bill"),
    "EXPIRED_UTILITY_BILL": gettext_lazy("expired utility bill"),
    "INVALID_ADDITIONAL_STEP": gettext_lazy("the document is not valid"),
    "ADDITIONAL_STEP_NOT_FOUND": gettext_lazy("no document was found"),
    "ADDITIONAL_STEP_INFORMATION_MISMATCH": gettext_lazy("the document says something else than expected"),
    "EXPIRED_ADDITIONAL_STEP_INFORMATION": gettext_lazy("the document has expired"),
    "REGISTRY_CENTER_INFO_MISMATCH": gettext_lazy("the population register says something else"),
    "DRIVER_LICENSE_INFO_MISMATCH": gettext_lazy("the driving licence says something else"),
    "NOT_SUPPORTED_POA_DOCUMENT_TYPE": gettext_lazy("a kind of proof of address that is not accepted"),
    "NOT_SUPPORTED_POA_DOCUMENT_COUNTRY": gettext_lazy("a proof of address from a country that is not accepted"),
    "POA_COUNTRIES_MISMATCH": gettext_lazy("the proof of address is from another country"),
    "POA_SCREENSHOT_DETECTED": gettext_lazy("the proof of address is a screenshot"),
}

_RISK_LEVELS: dict[str, Promise] = {
    "VERY_LOW": gettext_lazy("very low"),
    "LOW": gettext_lazy("low"),
    "MEDIUM": gettext_lazy("medium"),
    "HIGH": gettext_lazy("high"),
    "VERY_HIGH": gettext_lazy("very high"),
    "NOT_CHECKED": gettext_lazy("not checked"),
}

_BANK_CARD: dict[str, Promise] = {
    "MATCH": gettext_lazy("The bank card is the one expected."),
    "NO_MATCH": gettext_lazy("The bank card is not the one expected."),
    "NOT_COMPARED": gettext_lazy("The bank card was shown; there was nothing to compare it with."),
}

_FACES: dict[str, Promise] = {
    "FACE_MATCH": gettext_lazy("the face is the one on the document"),
    "FACE_NOT_CHECKED": gettext_lazy("the face was not checked"),
    "FACE_MISMATCH": gettext_lazy("the face is not the one on the document"),
    "NO_FACE_FOUND": gettext_lazy("no face was found"),
    "TOO_MANY_FACES": gettext_lazy("more than one face"),
    "FACE_TOO_BLURRY": gettext_lazy("the face is too blurred"),
    "FACE_GLARED": gettext_lazy("the face is glared"),
    "FACE_UNCERTAIN": gettext_lazy("it is uncertain whether the face is the one on the document"),
    "FACE_NOT_ANALYSED": gettext_lazy("the face was not analysed"),
    "FACE_ERROR": gettext_lazy("the check of the face failed"),
    "FAKE_FACE": gettext_lazy("a fake face"),
}

_DOCUMENTS: dict[str, Promise] = {
    "DOC_VALIDATED": gettext_lazy("the document is valid"),
    "DOC_NOT_FOUND": gettext_lazy("no document was found"),
    "DOC_NOT_FULLY_VISIBLE": gettext_lazy("the document is not fully visible"),
    "DOC_FACE_NOT_FOUND": gettext_lazy("no face was found on the document"),
    "DOC_TOO_BLURRY": gettext_lazy("the document is too blurred"),
    "DOC_GLARED": gettext_lazy("the document is glared"),
    "DOC_FACE_GLARED": gettext_lazy("the face on the document is glared"),
    "MRZ_NOT_FOUND": gettext_lazy("the machine-readable lines were not found"),
    "MRZ_OCR_READING_ERROR": gettext_lazy("the machine-readable lines could not be read"),
    "MRZ_INVALID": gettext_lazy("the machine-readable lines are not valid"),
    "BARCODE_NOT_FOUND": gettext_lazy("the barcode was not found"),
    "DOC_EXPIRED": gettext_lazy("the document has expired"),
    "DOC_NOT_SUPPORTED": gettext_lazy("a kind of document that is not accepted"),
    "COUNTRY_NOT_SUPPORTED": gettext_lazy("a document from a country that is not accepted"),
    "COUNTRY_MISMATCH": gettext_lazy("a document from another country than expected"),
    "DOC_TYPE_MISMATCH": gettext_lazy("another kind of document than expected"),
    "DOC_SUBTYPE_MISMATCH": gettext_lazy("another variant of the document than expected"),
    "DOC_SIDE_MISMATCH": gettext_lazy("another side of the document than expected"),
    "DOC_DAMAGED": gettext_lazy("the document is damaged"),
    "DOC_FAKE": gettext_lazy("the document is a fake"),
    "DOC_PERSONAL_CODE_INVALID": gettext_lazy("the personal code is not valid"),
    "DOC_NOT_ALLOWED": gettext_lazy("the document is not allowed"),
    "DOC_NAME_ERROR": gettext_lazy("an error in the first name"),
    "DOC_SURNAME_ERROR": gettext_lazy("an error in the surname"),
    "DOC_EXPIRY_ERROR": gettext_lazy("an error in the expiry date"),
    "DOC_DOB_ERROR": gettext_lazy("an error in the date of birth"),
    "DOC_PERSONAL_NUMBER_ERROR": gettext_lazy("an error in the personal number"),
    "DOC_NUMBER_ERROR": gettext_lazy("an error in the document number"),
    "DOC_DATE_OF_ISSUE_ERROR": gettext_lazy("an error in the date of issue"),
    "DOC_SEX_ERROR": gettext_lazy("an error in the sex"),
    "DOC_NATIONALITY_ERROR": gettext_lazy("an error in the nationality"),
    "DOC_NOT_ANALYSED": gettext_lazy("the document was not analysed"),
    "DOC_ERROR": gettext_lazy("the check of the document failed"),
    "DOC_SPOOF_DETECTED": gettext_lazy("the document seems to be no original"),
    "EID_FAILED": gettext_lazy("the electronic ID failed"),
    "NFC_INIT_FAILED": gettext_lazy("reading the chip could not begin"),
    "NFC_FAILED": gettext_lazy("reading the chip failed"),
    "NFC_TIMEOUT": gettext_lazy("reading the chip took too long"),
    "AUTO_UNVERIFIABLE": gettext_lazy("it could not be checked automatically"),
}

_FRAUD: dict[str, Promise] = {
    "FACE_IN_BLACKLIST": gettext_lazy("the face is on the blocklist"),
    "FACE_BLACKLISTED": gettext_lazy("the face is on the blocklist"),
    "DOC_FACE_IN_BLACKLIST": gettext_lazy("the face on the document is on the blocklist"),
    "DOC_FACE_BLACKLISTED": gettext_lazy("the face on the document is on the blocklist"),
    "DATA_BLACKLISTED": gettext_lazy("the data is on the blocklist"),
    "DATA_IN_BLACKLIST": gettext_lazy("the data is on the blocklist"),
    "DUPLICATE_FACE": gettext_lazy("the face was seen before"),
    "DUPLICATE_DOC_FACE": gettext_lazy("the face on the document was seen before"),
    "DUPLICATE_PERSONAL_DATA": gettext_lazy("the personal data was seen before"),
    "VIRTUAL_CAMERA": gettext_lazy("a virtual camera"),
    "ADDRESS_UNVERIFIED": gettext_lazy("the address is not verified"),
    "PORTRAIT_SUBSTITUTION": gettext_lazy("the portrait was replaced"),
    "FACE_SUSPECTED": gettext_lazy("the face is suspected"),
    "DOC_MOBILE_PHOTO": gettext_lazy("the document was photographed from a phone"),
    "DEV_TOOLS_OPENED": gettext_lazy("the browser’s developer tools were open"),
    "DOC_PRINT_SPOOFED": gettext_lazy("the document seems to be printed"),
    "FAKE_PHOTO": gettext_lazy("a fake photo"),
    "AML_SUSPECTION": gettext_lazy("a possible hit in the anti-money-laundering check"),
    "AML_FAILED": gettext_lazy("the anti-money-laundering check failed"),
    "LID_SUSPECTION": gettext_lazy("a possible hit in the check for lost and invalid documents"),
    "LID_FAILED": gettext_lazy("the check for lost and invalid documents failed"),
    "SANCTIONS_SUSPECTION": gettext_lazy("a possible hit in the sanctions check"),
    "SANCTIONS_FAILED": gettext_lazy("the sanctions check failed"),
    "CRIMINAL_SUSPECTED": gettext_lazy("a possible hit in the criminal record check"),
    "CRIMINAL_CHECK_FAILED": gettext_lazy("the criminal record check failed"),
    "RC_FAILED": gettext_lazy("the check with the population register failed"),
    "DL_FAILED": gettext_lazy("the check of the driving licence failed"),
}

_STEPS: dict[str, Promise] = {
    "VALID": gettext_lazy("accepted"),
    "INVALID": gettext_lazy("rejected"),
    "NOT_FOUND": gettext_lazy("no document was found"),
}


def tag_text(tag: str) -> str:
    """A difference or a suspicion as a part of a sentence: “expired utility bill”."""
    return _text(_DIFFERENCES | _FRAUD | _DOCUMENTS, tag)


def check_text(code: str) -> str:
    """What a check of a face or of a document found, as a part of a sentence."""
    return _text(_FACES | _DOCUMENTS | _DIFFERENCES, code)


def step_text(code: str) -> str:
    """What became of an additional step, as a part of a sentence."""
    return _text(_STEPS, code)


def risk_level_text(code: str) -> str:
    """A level of risk: “medium”."""
    return _text(_RISK_LEVELS, code)


def bank_card_text(code: str) -> str:
    """What came of a bank card check, as a sentence; empty if there was none."""
    return capfirst(_text(_BANK_CARD, code))


def _text(words: Mapping[str, Promise], code: str) -> str:
    return str(words.get(code) or code.replace("_", " ").lower())
