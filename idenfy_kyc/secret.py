"""Text that whoever holds it may act with: a link or a token of a client."""

from __future__ import annotations


class Secret(str):
    """A string whose ``repr()`` shows nothing: error reports print the variables of every frame by it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'…'" if self else "''"
