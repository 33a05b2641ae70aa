"""The use cases, and the only code that changes state: admin, commands and views make one call each here."""

from .asking import request_information
from .confirming import check_asks, confirm
from .ending import cancel_ineligible, withdraw, write_down_time
from .finding import Addable, Found, Missing, addable, find_listed
from .importing import Recorded, add_verifications, record_verifications
from .links import is_web_address, open_link, record_download, reveal
from .lists import ClientList, list_from_file, list_from_text
from .pacing import quota_left, unfinished
from .planning import discard, leave_out, plan
from .sending import PAGE_PATIENCE, send
from .steering import Progress, progress_of, progress_of_each, resume, stop

__all__ = [
    "PAGE_PATIENCE",
    "Addable",
    "ClientList",
    "Found",
    "Missing",
    "Progress",
    "Recorded",
    "add_verifications",
    "addable",
    "cancel_ineligible",
    "check_asks",
    "confirm",
    "discard",
    "find_listed",
    "is_web_address",
    "leave_out",
    "list_from_file",
    "list_from_text",
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
    "send",
    "stop",
    "unfinished",
    "withdraw",
    "write_down_time",
]
