"""``python -m example_project.demo``: the example project, filled with made-up clients, beside a fake iDenfy.

The fake is a process of its own with a file of its own: a web server that called itself would wait for itself.
Running the demo again keeps what is there. In a second terminal, ``--outage 60`` lets the fake fail for a minute.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from idenfy_kyc.testing import FakeIdenfy, Fault
from idenfy_kyc.testing.server import spawn_fake

if TYPE_CHECKING:
    from django.core.servers.basehttp import ThreadedWSGIServer

HOST = "127.0.0.1"
PASSWORD = "demo"
LATENCY = "0.3"
QUESTIONNAIRES = ("annual-review", "source-of-funds")
ROOT = Path(__file__).resolve().parent.parent
FAKE_PORT = 8001
"""Where ``manage.py`` looks for the fake, too, unless ``FAKE_IDENFY_URL`` says otherwise."""

LOOK = ("view_verification", "view_requestbatch", "view_informationrequest")
ROLES = {
    "officer": ("May ask", (*LOOK, "add_verification", "change_verification", "request_information")),
    "viewer": ("May look", LOOK),
    "links": ("May see links", (*LOOK, "reveal_link")),
}
SUPERUSER = "admin"


def main(arguments: Sequence[str] | None = None) -> int:
    """Fill, serve, and tidy up when told to stop; the exit status."""
    options = _parser().parse_args(arguments)
    if options.outage is not None:
        return _outage(options.fake_path, options.outage)
    fake_port = options.fake_port
    _set_up(fake_port)
    if _is_busy(options.port):
        return _complain(f"Port {options.port} is taken. Choose another one: make demo PORT={options.port + 100}")
    if fake_port == options.port or _is_busy(fake_port):
        command = f"{_python()} -m example_project.demo --port {options.port} --fake-port {fake_port + 100}"
        return _complain(f"Port {fake_port}, for the fake iDenfy, is taken. Choose another one: {command}")
    signal.signal(signal.SIGTERM, _interrupt)
    with suppress(KeyboardInterrupt):
        _prepare(options.clients, options.fake_path)
        from django.urls import reverse

        fake_options = ["--latency", LATENCY, *(f"--questionnaire={key}" for key in QUESTIONNAIRES)]
        fake_options += ["--webhook-url", f"http://{HOST}:{options.port}{reverse('idenfy_kyc:webhook')}"]
        with spawn_fake(options.fake_path, port=fake_port, options=fake_options), _server(options.port) as server:
            _say(_welcome(options.port, fake_port))
            server.serve_forever()
    _say("\nStopped. What is there stays for the next time.")
    return 0


def fill(clients: int) -> int:
    """Add the logins and what is missing of the ``clients`` made-up clients; return how many verifications that was."""
    from django.utils import timezone

    from example_project import demo_data
    from idenfy_kyc import services
    from idenfy_kyc.models import Verification

    _make_users()
    known = set(Verification.objects.values_list("scan_ref", flat=True))
    rows = demo_data.rows(clients, now=timezone.now())
    return services.record_verifications(row for row in rows if row["scan_ref"] not in known).added


def teach(fake: FakeIdenfy, clients: int) -> None:
    """Let the fake misbehave as the clients' names say."""
    from django.utils import timezone

    from example_project import demo_data

    fake.behave()
    for scan_ref, mishap in demo_data.mishaps(clients, now=timezone.now()):
        fake.misbehave(mishap.fault, scan_ref=scan_ref, value=mishap.value, times=mishap.times)


def _set_up(fake_port: int) -> None:
    """Django, on the fake: keys that happen to be in the environment would ask people who do not exist."""
    os.environ["FAKE_IDENFY_URL"] = f"http://{HOST}:{fake_port}"
    for name in ("IDENFY_API_KEY", "IDENFY_API_SECRET", "IDENFY_BASE_URL", "IDENFY_WEBHOOK_SIGNING_KEYS"):
        os.environ.pop(name, None)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_project.settings")
    import django

    django.setup()


def _prepare(clients: int, fake_path: Path) -> None:
    from django.core.management import call_command

    from idenfy_kyc.models import InformationRequest

    call_command("migrate", verbosity=0, interactive=False)
    started = time.monotonic()
    if added := fill(clients):
        _say(f"Made {added} verifications in {time.monotonic() - started:.1f} s.")
    if not InformationRequest.objects.exists():
        # A new database and an old fake: it would refuse everybody whom the old database had asked.
        fake_path.unlink(missing_ok=True)
    with FakeIdenfy(fake_path) as fake:
        teach(fake, clients)


def _make_users() -> None:
    from django.contrib.auth import get_user_model
    from django.contrib.auth.models import Group, Permission

    users, login_field = get_user_model().objects, get_user_model().USERNAME_FIELD
    for login, (group_name, codenames) in ROLES.items():
        group, _ = Group.objects.get_or_create(name=group_name)
        group.permissions.add(*Permission.objects.filter(content_type__app_label="idenfy_kyc", codename__in=codenames))
        if not users.filter(**{login_field: login}).exists():
            users.create_user(login, password=PASSWORD, is_staff=True).groups.add(group)
    if not users.filter(**{login_field: SUPERUSER}).exists():
        users.create_superuser(SUPERUSER, password=PASSWORD)


def _server(port: int) -> ThreadedWSGIServer:
    from django.contrib.staticfiles.handlers import StaticFilesHandler
    from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
    from django.core.wsgi import get_wsgi_application

    server = ThreadedWSGIServer((HOST, port), WSGIRequestHandler)
    server.daemon_threads = True
    server.set_app(StaticFilesHandler(get_wsgi_application()))
    # Not a line for each request: the addresses of clients' links are in them.
    logging.getLogger("django.server").setLevel(logging.ERROR)
    return server


def _is_busy(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
    return False


def _outage(fake_path: Path, seconds: float) -> int:
    if not fake_path.exists():
        return _complain("There is no demo to disturb: start it first, with make demo.")
    with FakeIdenfy(fake_path) as fake:
        fake.misbehave(Fault.BAD_GATEWAY_HTML, seconds=seconds)
    _say(f"The fake iDenfy answers 502 to everything for {seconds:g} s.")
    return 0


def _welcome(port: int, fake_port: int) -> str:
    python = _python()
    send = f"{python} manage.py idenfy_send"
    if fake_port != FAKE_PORT:
        send = f"FAKE_IDENFY_URL=http://{HOST}:{fake_port} {send}"
    logins = "\n".join(f"    {login:9} {PASSWORD}    {group.lower()}" for login, (group, _) in ROLES.items())
    return f"""
  http://{HOST}:{port}/admin/

    login     password
{logins}
    {SUPERUSER:9} {PASSWORD}    may do everything

  The fake iDenfy is a second process, at http://{HOST}:{fake_port}. Nobody real is asked.

  What to try
    1. As officer: Verifications, filter Status: Approved, tick some or all, Request information…
       Ask for a document, give a reason, press Ask … clients, and watch.
    2. Press Stop, or close the tab, and come back. Or let a terminal do it: {send}
    3. Ask with the questionnaire no-such-key: after five refusals it stops. These exist: {", ".join(QUESTIONNAIRES)}.
    4. Let iDenfy fail for a minute, from a second terminal: {python} -m example_project.demo --outage 60
    5. As links: open a request, Show link, and open it in a private window as the client would. Continue leads to the
       fake: answer there as the client, decide as iDenfy’s reviewer, and see what the admin makes of it.
       Let a webhook come late, twice, in the wrong order or never.
    6. Begin with a new client: http://{HOST}:{port}/verify/. All links that the fake has made stand at
       http://{HOST}:{fake_port}/session/all/.
    7. Search for “Demo:” to find the clients with whom something goes wrong.
    8. As officer: Verifications, Ask from a list…, and choose example_project/samples/annual_review.csv, or paste what
       is in it: 800 clients. Nearly all of them are here with make demo CLIENTS=5000.

  Ctrl-C stops both.
"""


def _python() -> str:
    """This interpreter, as short as one may write it from the clone."""
    path = Path(sys.executable)
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _say(text: str) -> None:
    print(text, flush=True)


def _complain(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 1


def _clients(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 100_000:
        raise argparse.ArgumentTypeError("choose between 1 and 100000")
    return number


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m example_project.demo", description="The example project with made-up clients and a fake iDenfy."
    )
    parser.add_argument("--clients", type=_clients, default=60, help="how many made-up clients (60)")
    parser.add_argument("--port", type=int, default=8000, help="of the web server (8000)")
    parser.add_argument("--fake-port", type=int, default=FAKE_PORT, help=f"of the fake iDenfy ({FAKE_PORT})")
    parser.add_argument(
        "--fake-path", type=Path, default=ROOT / "demo-fake-idenfy.sqlite3", help="the file of the fake's memory"
    )
    parser.add_argument("--outage", type=float, metavar="SECONDS", help="let the fake of a running demo fail, and end")
    return parser


if __name__ == "__main__":
    sys.exit(main())
