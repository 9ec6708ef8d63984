"""The control socket answers its operators whatever others do, and others only what they may see.

Who may connect may look; only root, the daemon's user and the socket's group may change
anything, by the kernel's word. Requests that are torn, huge, half or no JSON at all are
refused one by one, and a user who opens connection after connection cannot lock the operator
out.
"""

import json
import os
import socket
import subprocess
import sys

import pytest

from tests.support.daemon import LOGFWDCTL, control_request, run, target
from tests.support.waiting import wait_for

NOBODY = {"user": 65534, "group": 65534, "extra_groups": []}
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may act as two users")


def ask(daemon, request):
    """The raw answer to raw bytes, up to its end; empty when there was none."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(20)
        connection.connect(str(daemon.control_path))
        answer = b""
        try:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            while part := connection.recv(65536):
                answer += part
        except (BrokenPipeError, ConnectionResetError):
            pass
        return answer


BAD_REQUESTS = {
    "nothing": b"",
    "an empty line": b"\n",
    "no JSON": b"stats\n",
    "not an object": b'["stats"]\n',
    "a number": b"1\n",
    "half an object": b'{"verb":\n',
    "no newline": b'{"verb":"stats"',
    "no verb": b"{}\n",
    "a verb that is no text": b'{"verb":1}\n',
    "an unknown verb": b'{"verb":"shutdown"}\n',
    "an unknown key": b'{"verb":"stats","colour":"red"}\n',
    "a key of the wrong type": b'{"verb":"loggers","all":"yes"}\n',
    "a NUL": b'{"verb":"sta\0ts"}\n',
    "invalid UTF-8": b'{"verb":"\xff"}\n',
    "deep nesting": b'{"verb":' + b"[" * 4000 + b"\n",
    "too long": b'{"verb":"' + b"x" * 100000 + b'"}\n',
    "two at once": b'{"verb":"nonsense"}\n{"verb":"stats"}\n',
}


@pytest.mark.parametrize("request_", BAD_REQUESTS.values(), ids=BAD_REQUESTS.keys())
def test_a_bad_request_is_refused(daemon, request_):
    answer = ask(daemon, request_)
    if answer:  # one line, and it is an error
        (line,) = answer.splitlines()
        told = json.loads(line)
        assert told["status"] == "error" and told["code"] == "usage" and told["error"]
    daemon.check()


def test_half_requests_disturb_nobody(daemon):
    half = []
    try:
        for _ in range(20):
            half.append(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            half[-1].connect(str(daemon.control_path))
            half[-1].sendall(b'{"verb":')
        daemon.check()
    finally:
        for connection in half:
            connection.close()
    daemon.wait_for_descriptors()


def test_an_answer_that_nobody_reads_holds_up_nobody(daemon, client):
    for number in range(20000):
        client.open(number, b"Connection.%d" % number)
    client.flush()
    lazy = []
    try:
        for _ in range(5):
            lazy.append(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            lazy[-1].connect(str(daemon.control_path))
            lazy[-1].sendall(b'{"verb":"loggers","all":true}\n')
        daemon.check()
        client.flush()
    finally:
        for connection in lazy:
            connection.close()


@needs_root
def test_others_may_look_but_not_touch(start_daemon, collector):
    daemon = start_daemon(target("central", collector), listen="control-mode = 0666")
    for verb in (["stats", "--check"], ["loggers"], ["clients"], ["targets"], ["healthcheck"]):
        done = run(LOGFWDCTL, "-s", daemon.control_path, *verb, **NOBODY)
        assert done.returncode == 0, done
    for verb in (["reload"], ["reload", "--dry-run"]):
        done = run(LOGFWDCTL, "-s", daemon.control_path, *verb, **NOBODY)
        assert done.returncode == 1, done
        assert "root" in done.stderr, "it says who may"
    wait_for(lambda: "uid 65534" in daemon.stderr(), "the attempt is in the daemon's own log")


@needs_root
def test_the_default_mode_keeps_others_out(daemon):
    done = run(LOGFWDCTL, "-s", daemon.control_path, "stats", **NOBODY)
    assert done.returncode == 1
    assert str(daemon.control_path) in done.stderr


@needs_root
def test_others_cannot_lock_the_operator_out(start_daemon, collector):
    daemon = start_daemon(target("central", collector), listen="control-mode = 0666")
    script = (
        "import socket, sys\n"
        "held = []\n"
        "for _ in range(100):\n"
        "    held.append(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))\n"
        "    held[-1].connect(sys.argv[1])\n"
        "print('held', flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-S", "-c", script, str(daemon.control_path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **NOBODY,
    ) as holder:
        assert holder.stdout.readline() == "held\n"
        for _ in range(20):
            assert control_request(daemon.control_path, verb="stats")["status"] == "ok"
        daemon.check()
        holder.stdin.close()
    daemon.wait_for_descriptors()
