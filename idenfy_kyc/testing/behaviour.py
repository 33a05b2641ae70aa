"""How a fake behaves: the switches and faults that stand in its file, for every process that has it open."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from idenfy_kyc.testing.faults import DEFAULT_VALUES, DeliveryFault, Fault
from idenfy_kyc.testing.journal import Journal


class Behaviour:
    """The part of a fake that is steered."""

    def __init__(self, journal: Journal, clock: Callable[[], float]) -> None:
        self._journal = journal
        self._clock = clock

    @property
    def latency(self) -> float:
        """Seconds before every answer of the API; 0 at first."""
        return float(self._journal.switch("latency", 0.0))

    @latency.setter
    def latency(self, seconds: float) -> None:
        self._journal.set_switch("latency", seconds)

    @property
    def expired_blocks(self) -> bool:
        """Whether a link that nobody used and that has expired still bars a new one.

        At first yes, to the letter of iDenfy's documentation: only a new approval frees the verification.
        """
        return bool(self._journal.switch("expired_blocks", True))

    @expired_blocks.setter
    def expired_blocks(self, blocks: bool) -> None:
        self._journal.set_switch("expired_blocks", blocks)

    @property
    def questionnaires(self) -> frozenset[str] | None:
        """The questionnaires that exist; None, at first, takes any key."""
        keys = self._journal.switch("questionnaires", None)
        return None if keys is None else frozenset(keys)

    @questionnaires.setter
    def questionnaires(self, keys: Iterable[str] | None) -> None:
        self._journal.set_switch("questionnaires", None if keys is None else sorted(keys))

    def misbehave(
        self,
        fault: Fault | DeliveryFault,
        *,
        times: int | None = None,
        seconds: float | None = None,
        scan_ref: str | None = None,
        prefix: str | None = None,
        value: float | None = None,
    ) -> None:
        """Answer, or deliver, with ``fault`` from now on: ``times`` times, for ``seconds``, or until ``behave``.

        ``scan_ref`` or ``prefix`` narrow it to one verification, or to those whose reference begins so. What ``value``
        means depends on the fault. An outage is a fault with ``seconds``.
        """
        self._journal.add_fault(
            fault,
            value=DEFAULT_VALUES.get(fault, 0.0) if value is None else value,
            scan_ref=scan_ref,
            prefix=prefix,
            times=times,
            ends_at=None if seconds is None else self._clock() + seconds,
        )

    def behave(self) -> None:
        """End all faults."""
        self._journal.clear_faults()

    @property
    def webhook_url(self) -> str:
        """Where deliveries go. While it is empty, as at first, they wait."""
        return str(self._journal.switch("webhook_url", ""))

    @webhook_url.setter
    def webhook_url(self, url: str) -> None:
        self._journal.set_switch("webhook_url", url)
