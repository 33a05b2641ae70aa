"""Signals for the host project.

``information_requested``: iDenfy has issued a link. Sent after the link is committed, at most once for each request (a
process may die in between: what must not miss one, looks for ``issued_at``). Receivers run in the sender, between two
calls: keep them quick, or let them queue the work. A link that comes after its request was given up is kept, without a
signal. A receiver looks like this::

    def receiver(sender: type[InformationRequest], *, request_id: int, **kwargs: object) -> None: ...

It is called with ``send_robust``: what it raises stops nobody. Django logs that as ``django.dispatch``, with the words
of the exception; so let none of yours have a link in them.
"""

from __future__ import annotations

from django.dispatch import Signal

information_requested = Signal()
