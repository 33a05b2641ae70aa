"""The use cases, and the only code that changes state: admin, commands and views make one call each here.

These are for a project's own code, too, and stay as they are::

    request_information                           ask one client
    plan, leave_out, confirm, discard             the same for many: from a selection to a queue
    send, stop, resume                            what is queued
    unfinished, progress_of, progress_of_each, Progress, quota_left    where it stands
    withdraw                                      what is open
    record_verifications, Recorded                bring the verifications

The others serve our own pages and commands, and change with them.
"""

from .asking import request_information
from .closing import look_at
from .confirming import check_asks, confirm
from .ending import cancel_ineligible, withdraw, write_down_time
from .erasing import Pruned, erase, of_client, prune
from .gaps import Gap, Standing, count_missed, mark_missed, standing
from .importing import Recorded, record_verifications
from .links import is_web_address, open_link, record_download, reveal
from .pacing import quota_left, unfinished
from .planning import discard, leave_out, plan
from .receiving import handle, handle_again, handle_due, receive
from .reconciling import reconcile
from .refreshing import AT_ONCE as REFRESHED_AT_ONCE
from .refreshing import Refreshing, refresh
from .sending import PAGE_PATIENCE, send
from .steering import Progress, progress_of, progress_of_each, resume, stop

__all__ = [
    "PAGE_PATIENCE",
    "REFRESHED_AT_ONCE",
    "Gap",
    "Progress",
    "Pruned",
    "Recorded",
    "Refreshing",
    "Standing",
    "cancel_ineligible",
    "check_asks",
    "confirm",
    "count_missed",
    "discard",
    "erase",
    "handle",
    "handle_again",
    "handle_due",
    "is_web_address",
    "leave_out",
    "look_at",
    "mark_missed",
    "of_client",
    "open_link",
    "plan",
    "progress_of",
    "progress_of_each",
    "prune",
    "quota_left",
    "receive",
    "reconcile",
    "record_download",
    "record_verifications",
    "refresh",
    "request_information",
    "resume",
    "reveal",
    "send",
    "standing",
    "stop",
    "unfinished",
    "withdraw",
    "write_down_time",
]
