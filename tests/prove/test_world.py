"""What the proof reads of a process before it kills it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from prove.world import _lives, connections_of

pytestmark = pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="the proof needs Linux")


class TestTheConnectionsOfAProcess:
    def test_are_its_own_ends_of_those_to_a_port(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            with (
                socket.create_connection(("127.0.0.1", port)) as one,
                socket.create_connection(("127.0.0.1", port)) as two,
            ):
                found = connections_of(os.getpid(), to_port=port)

                assert found == {f"127.0.0.1:{end.getsockname()[1]}" for end in (one, two)}
            assert connections_of(os.getpid(), to_port=port) == frozenset()


class TestAProcess:
    def test_lives_until_it_is_killed_also_while_nobody_has_asked_for_its_end(self) -> None:
        with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
            assert _lives(process.pid)

            process.kill()
            while _lives(process.pid):
                pass

            assert process.wait() == -9
        assert not _lives(process.pid)
