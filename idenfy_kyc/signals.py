"""Signals for the host project.

``information_requested``: iDenfy has issued a link. Sent once for each request, after the link is stored, with
``send_robust``: a receiver's exception stops nobody. A receiver looks like this::

    def receiver(sender: type[InformationRequest], *, request_id: int, **kwargs: object) -> None: ...
"""

from __future__ import annotations

from django.dispatch import Signal

information_requested = Signal()
