"""Names as they are searched: without capitals, accents and punctuation, in any script.

Pure, and the only place that knows. What is stored was folded by the code of its day: whoever changes :func:`folded`
adds a migration that folds the names again.
"""

from __future__ import annotations

import re
import unicodedata

_PLAIN = str.maketrans("łøđðħŧŋ\u0131", "loddhtni") | str.maketrans({"æ": "ae", "œ": "oe", "þ": "th"})
"""Letters that Unicode does not take apart into a plain one and an accent; the last of the eight is Turkish."""
_WITHIN = dict.fromkeys(map(ord, "'’`\u2018\u201b\u02b9\u02bb\u02bc\u00b4\u00b7\u0640"))
"""Apostrophes of all kinds, and what else stands within a word and may be left out: O’Brien, Obrien."""
_WRITTEN_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"})
"""As passports write what their machine-readable lines lack."""
_MAYBE_WRITTEN_OUT = re.compile("(?<=[aou])e|(?<=a)a")


def folded(text: str) -> str:
    """The words of ``text`` as they are compared, with single spaces between them. Folding twice changes nothing."""
    apart = unicodedata.normalize("NFKD", text.translate(_WITHIN)).casefold()
    letters = unicodedata.normalize("NFKD", apart).translate(_PLAIN)
    return unicodedata.normalize("NFC", " ".join("".join(map(_kept, letters)).split()))


def words_of(search: str) -> list[set[str]]:
    """The words to look for in a folded name, each with its other spellings.

    “Müller” may stand there as “mueller”, and who types “Mueller” may mean “muller”.
    """
    composed = unicodedata.normalize("NFC", search).casefold()
    words, written_out = folded(composed).split(), folded(composed.translate(_WRITTEN_OUT)).split()
    return [{word, long, _MAYBE_WRITTEN_OUT.sub("", word)} for word, long in zip(words, written_out, strict=True)]


def _kept(character: str) -> str:
    """A letter, a digit or a vowel sign as it is; no accent, nothing invisible; a space for anything else."""
    category = unicodedata.category(character)
    if unicodedata.combining(character) or category == "Cf":
        return ""
    return character if category[0] in "LMN" else " "
