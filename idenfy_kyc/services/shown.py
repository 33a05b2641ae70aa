"""What a person was shown before he pressed a button."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable


def digest_of(keys: Iterable[int]) -> str:
    """A short text that stands for exactly these rows, for a page to carry along.

    Their number alone would not do: where one has gone and another one has come, it is the same.
    """
    return hashlib.sha256(",".join(map(str, sorted(keys))).encode()).hexdigest()[:16]
