"""Real processes for the tests of races and crashes, all in the test's database.

``with workers("confirm", [{...}, {...}]) as crew`` starts one process for each set of options; they get ready, and
begin together when ``crew.go()`` says so. What a task returns, or the error that it saw, comes back.

They are forked from a process that has imported Django and does nothing else: it has no connection and no thread that
they could share. So one starts in a moment, where a Python of its own would first be busy for most of a second.
"""

from __future__ import annotations

import json
import multiprocessing
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["__main__", "tests.processes_ready"])


@dataclass(frozen=True)
class Crew:
    """The running processes, and our end of the pipe to each."""

    processes: list[BaseProcess]
    pipes: list[Connection]

    def go(self) -> None:
        """Let them begin, once all are ready."""
        for pipe in self.pipes:
            assert pipe.recv() == "ready"
        for pipe in self.pipes:
            pipe.send("go")

    def results(self) -> list[dict[str, Any]]:
        """What each of them returned, when all have ended."""
        return [_result(pipe) for pipe in self.pipes]


def _result(pipe: Connection) -> dict[str, Any]:
    try:
        result: dict[str, Any] = pipe.recv()
    except EOFError:
        return {"error": "it died"}
    return result


@contextmanager
def workers(task: str, options: list[dict[str, Any]], **kyc: Any) -> Iterator[Crew]:
    """One process for each of ``options``; ``kyc`` are keys of ``IDENFY_KYC``, times in seconds."""
    from django.db import connection

    crew = Crew([], [])
    process: BaseProcess
    try:
        for given in options:
            ours, theirs = PROCESSES.Pipe()
            database = connection.settings_dict["NAME"]
            process = PROCESSES.Process(target=_work, args=(theirs, task, database, kyc, given), daemon=True)
            process.start()
            theirs.close()
            crew.processes.append(process)
            crew.pipes.append(ours)
        yield crew
    finally:
        for process, pipe in zip(crew.processes, crew.pipes, strict=True):
            process.kill()
            process.join()
            process.close()
            pipe.close()


def confirm(batch: int) -> dict[str, Any]:
    """Press the button, and again with the number that is left, as an officer would."""
    from idenfy_kyc import services
    from idenfy_kyc.choices import State
    from idenfy_kyc.exceptions import PlanChanged
    from idenfy_kyc.models import RequestBatch

    plan = RequestBatch.objects.get(pk=batch)
    expected = plan.rows_in(State.DRAFT).count()
    presses, longest = 0, 0.0
    while expected:
        presses, began = presses + 1, time.monotonic()
        try:
            confirmed = services.confirm(plan, by=None, expected=expected)
        except PlanChanged as changed:
            expected = changed.actual
        else:
            return {"confirmed": confirmed, "presses": presses, "longest": _longest(longest, began)}
        longest = _longest(longest, began)
    return {"confirmed": False, "presses": presses, "longest": longest}


def change_mind(batch: int) -> dict[str, Any]:
    """Take everybody back whom somebody left out and leave them out again, until the plan is none any more."""
    from idenfy_kyc import services
    from idenfy_kyc.models import RequestBatch

    plan, moved = RequestBatch.objects.get(pk=batch), 0
    keys = list(plan.requests.values_list("pk", flat=True))
    while taken_back := services.take_back(plan, keys, by=None):
        moved += taken_back + services.leave_out(plan, keys[: len(keys) // 2], by=None)
    return {"moved": moved}


def _longest(longest: float, began: float) -> float:
    return round(max(longest, time.monotonic() - began), 2)


def send(batch: int, *, rounds: int = 1) -> dict[str, Any]:
    """Send one batch, as several open pages would."""
    from idenfy_kyc import services
    from idenfy_kyc.models import RequestBatch

    calls = 0
    for _ in range(rounds):
        calls += services.send(RequestBatch.objects.get(pk=batch))
    return {"calls": calls}


def send_all(*, step: float | None) -> dict[str, Any]:
    """Send whatever there is, until all of it is done: in steps, as a page does, or on and on, as a command."""
    from idenfy_kyc import services

    while services.unfinished().exists():
        for batch in services.unfinished():
            services.send(batch, seconds=step, gives_way=step is not None)
        time.sleep(0.02)
    services.write_down_time()
    return {}


def web_server(*, batch: int, session: str) -> dict[str, Any]:
    """A web server, and an open page of a batch that drives it, until the batch is done."""
    import threading

    import requests
    from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
    from django.core.wsgi import get_wsgi_application
    from django.urls import reverse

    server = ThreadedWSGIServer(("127.0.0.1", 0), WSGIRequestHandler)
    server.set_app(get_wsgi_application())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}{reverse('admin:idenfy_kyc_requestbatch_send', args=[batch])}"
    token = "x" * 32
    while True:
        answer = requests.post(
            url,
            cookies={"sessionid": session, "csrftoken": token},
            headers={"Accept": "application/json", "X-CSRFToken": token},
            timeout=30,
        )
        if answer.json()["state"] == "done":
            return {}
        time.sleep(min(answer.json()["retry_after_ms"] / 1000, 0.05))


def command(*, arguments: list[str]) -> dict[str, Any]:
    """A management command."""
    from django.core.management import call_command

    call_command(*arguments)
    return {}


def ask(verification: int) -> dict[str, Any]:
    """One client from Python; says which error it saw, since that is an answer here."""
    from idenfy_kyc import services
    from idenfy_kyc.exceptions import RequestError
    from idenfy_kyc.models import Verification

    try:
        request = services.request_information(
            Verification.objects.get(pk=verification), requested_by=None, note="n", questionnaire="q"
        )
    except RequestError as refused:
        return {"refused": type(refused).__name__}
    return {"state": request.state}


def record(*, count: int, seed: int) -> dict[str, Any]:
    """The same verifications, in an order of its own."""
    from idenfy_kyc import services

    rows = [{"scan_ref": f"scan-{number}", "client_id": f"C-{number}", "status": "APPROVED"} for number in range(count)]
    random.Random(seed).shuffle(rows)
    recorded = services.record_verifications(rows)
    return {"added": recorded.added, "unchanged": recorded.unchanged}


def receive(*, deliveries: list[list[Any]], seed: int) -> dict[str, Any]:
    """The same deliveries (event and payload), in an order of its own; how many were not handled at once."""
    from idenfy_kyc import services
    from idenfy_kyc.testing import signed_headers

    random.Random(seed).shuffle(deliveries)
    left = 0
    for event, payload in deliveries:
        body = json.dumps(payload).encode()
        signature = signed_headers(event, body)["Idenfy-Signature"]
        left += not services.receive(event_type=event, body=body, signature=signature).is_handled
    return {"left": left}


TASKS: dict[str, Callable[..., dict[str, Any]]] = {
    task.__name__: task for task in (confirm, change_mind, send, send_all, web_server, command, ask, record, receive)
}
_TIMES = {"CLAIM_TIMEOUT", "DEFAULT_LIFETIME"}


def _decoded(kyc: dict[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = dict(kyc)
    values |= {name: timedelta(seconds=kyc[name]) for name in _TIMES & set(kyc)}
    if "RETRY_WAITS" in values:
        values["RETRY_WAITS"] = tuple(timedelta(seconds=seconds) for seconds in values["RETRY_WAITS"])
    return values


def _work(pipe: Connection, task: str, database: str, kyc: dict[str, Any], options: dict[str, Any]) -> None:
    """One process: get ready, wait for the word, do the task, say what came of it."""
    from django.conf import settings
    from django.db import connection

    connection.settings_dict["NAME"] = database
    settings.IDENFY_KYC = {**settings.IDENFY_KYC, **_decoded(kyc)}
    connection.ensure_connection()
    pipe.send("ready")
    pipe.recv()
    began = time.monotonic()
    try:
        result = TASKS[task](**options)
    except Exception as error:  # noqa: BLE001 - the test wants to know of any
        result = {"error": f"{type(error).__name__}: {error}"}
    pipe.send(result | {"seconds": round(time.monotonic() - began, 2)})
