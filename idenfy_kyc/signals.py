"""Signals for the host project.

``information_requested``: iDenfy has issued a link. Sent after the link is committed, at most once for each request (a
process may die in between: what must not miss one, looks for ``issued_at``). Receivers run in the sender, between two
calls: keep them quick, or let them queue the work. A link that comes after its request was given up is kept, without a
signal. A receiver looks like this::

    def receiver(sender: type[InformationRequest], *, request_id: int, **kwargs: object) -> None: ...

``information_received``: iDenfy has told that a client answered. Sent after the commit, once for each request; a review
may still follow. A receiver looks the same.

``verification_updated``: iDenfy has told something new of a verification; ``changed`` names its columns. Sent after the
commit::

    def receiver(sender: type[Verification], *, verification_id: int, changed: list[str], **kwargs: object) -> None: ...

These two run in the request that iDenfy's delivery came with, and iDenfy waits ten seconds at most: let them queue the
work.

All are called with ``send_robust``: what a receiver raises stops nobody. Django logs that as ``django.dispatch``, with
the words of the exception; so let none of yours have a link in them.
"""

from __future__ import annotations

from django.dispatch import Signal

information_requested = Signal()
information_received = Signal()
verification_updated = Signal()
