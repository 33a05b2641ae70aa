"""The use cases, and the only code that changes state: admin, commands and views make one call each here."""

from .asking import request_information
from .confirming import check_asks, confirm, needs_second_person, save_plan
from .ending import cancel_ineligible, withdraw, write_down_time
from .importing import Recorded, record_verifications
from .links import is_web_address, open_link, record_download, reveal
from .pacing import quota_left, unfinished
from .planning import discard, has_open_request, leave_out, plan, take_back
from .sending import PAGE_PATIENCE, send
from .steering import Progress, progress_of, progress_of_each, resume, stop

__all__ = [
    "PAGE_PATIENCE",
    "Progress",
    "Recorded",
    "cancel_ineligible",
    "check_asks",
    "confirm",
    "discard",
    "has_open_request",
    "is_web_address",
    "leave_out",
    "needs_second_person",
    "open_link",
    "plan",
    "progress_of",
    "progress_of_each",
    "quota_left",
    "record_download",
    "record_verifications",
    "request_information",
    "resume",
    "reveal",
    "save_plan",
    "send",
    "stop",
    "take_back",
    "unfinished",
    "withdraw",
    "write_down_time",
]
