"""The use cases, and the only code that changes state: admin, commands and views make one call each here.

These are for a project's own code, too, and stay as they are::

    request_information                           ask one client
    plan, leave_out, take_back, discard           the same for many: from a selection to a plan
    confirm, needs_second_person                  from a plan to a queue
    send, stop, resume                            what is queued
    work                                          the same, in a worker: a minute of it
    unfinished, progress_of, progress_of_each, Progress, quota_left    where it stands
    ask_again, mark_answered, withdraw            what was asked
    record_verifications, Recorded                bring the verifications
    start_verification, StartedVerification       or let them begin here
    receive                                       what iDenfy tells an address of the project's own

The others serve our own pages and commands, and change with them.
"""

from .again import ask_again
from .asking import request_information
from .blocking import has_open_request
from .closing import look_at
from .confirming import check_asks, confirm, needs_second_person, save_plan
from .ending import cancel_ineligible, mark_answered, withdraw, write_down_time
from .erasing import Pruned, erase, of_clients, prune
from .finding import Addable, Found, Missing, addable, find_listed
from .gaps import Gap, Standing, count_missed, mark_missed, standing
from .holdings import Holdings, holdings_of
from .importing import Recorded, add_verifications, record_verifications
from .links import is_web_address, open_link, record_download, reveal
from .lists import ClientList, list_from_file, list_from_text
from .pacing import quota_left, unfinished
from .planning import discard, leave_out, plan, take_back
from .receiving import handle, handle_again, handle_due, receive, set_aside
from .reconciling import reconcile
from .refreshing import AT_ONCE as REFRESHED_AT_ONCE
from .refreshing import Refreshing, refresh
from .sending import PAGE_PATIENCE, send
from .shown import digest_of
from .starting import StartedVerification, start_verification
from .steering import Progress, progress_of, progress_of_each, resume, stop
from .workers import has_worker, is_late, work

__all__ = [
    "PAGE_PATIENCE",
    "REFRESHED_AT_ONCE",
    "Addable",
    "ClientList",
    "Found",
    "Gap",
    "Holdings",
    "Missing",
    "Progress",
    "Pruned",
    "Recorded",
    "Refreshing",
    "Standing",
    "StartedVerification",
    "add_verifications",
    "addable",
    "ask_again",
    "cancel_ineligible",
    "check_asks",
    "confirm",
    "count_missed",
    "digest_of",
    "discard",
    "erase",
    "find_listed",
    "handle",
    "handle_again",
    "handle_due",
    "has_open_request",
    "has_worker",
    "holdings_of",
    "is_late",
    "is_web_address",
    "leave_out",
    "list_from_file",
    "list_from_text",
    "look_at",
    "mark_answered",
    "mark_missed",
    "needs_second_person",
    "of_clients",
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
    "save_plan",
    "send",
    "set_aside",
    "standing",
    "start_verification",
    "stop",
    "take_back",
    "unfinished",
    "withdraw",
    "work",
    "write_down_time",
]
