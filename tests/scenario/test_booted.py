"""The service as systemd runs it: installed, enabled, sandboxed, restarted, reloaded and watched.

The other scenarios start the daemon by themselves. Here systemd does, in a machine of its own,
with the units as they are installed: what the sandbox forbids would show, and only here.
"""

import json
import os
import re
import signal
import subprocess

import pytest

from tests.support import booted
from tests.support.waiting import wait_for

pytestmark = pytest.mark.skipif(booted.why_not() is not None, reason=str(booted.why_not()))

CONFIG = 'target central { servers = {"127.0.0.1:5514"} }\n'
PATH = "/etc/logfwd/logfwd.conf"
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
SETUP_FAILED = range(200, 250)  # what systemd itself exits with before the daemon (systemd.exec(5))
BURST = "for i in $(seq 20); do logfwdctl send app warning number $i || exit 1; done"


@pytest.fixture(scope="module")
def machine():
    """One for all tests of this file, with the service as README.md starts it."""
    with booted.Machine() as machine:
        machine.write(PATH, CONFIG)
        machine.run("systemd-sysusers")
        machine.run("systemd-tmpfiles", "--create", "logfwd.conf")
        machine.run("systemctl", "enable", "--now", "logfwd.socket", "logfwd.service", check=False)
        if int(show(machine, "ExecMainStatus")) in SETUP_FAILED:
            pytest.skip("this kernel has no sandbox to offer: " + machine.run(
                "journalctl", "--unit", "logfwd.service", "--output", "cat", "--lines", "3"))
        yield machine


@pytest.fixture(autouse=True)
def healthy(machine):
    """Each test begins and ends with a service that forwards, and accounts that close."""
    machine.write(PATH, CONFIG)
    machine.run("systemctl", "reset-failed", "logfwd.service")
    machine.run("systemctl", "start", "logfwd.service")
    yield
    machine.run("logfwdctl", "stats", "--check")


@pytest.fixture
def collector(machine):
    """Lines as they arrive at 127.0.0.1:5514 of the machine."""
    process = subprocess.Popen(
        machine.command("logfwdctl", "receive", "127.0.0.1:5514"),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    assert "listening" in process.stdout.readline()
    yield process.stdout
    os.killpg(process.pid, signal.SIGTERM)  # nsenter, and what it has started
    process.communicate()


def show(machine, name):
    return machine.run("systemctl", "show", "logfwd.service", "--value", "-p", name).strip()


def fed_us(machine):
    """When the daemon fed the watchdog last."""
    return int(show(machine, "WatchdogTimestampMonotonic"))


def stats(machine):
    return json.loads(machine.run("logfwdctl", "stats", "--format", "json"))


def sockets(machine):
    return machine.run("sh", "-c", "stat -c '%n %i' /run/logfwd/*.sock /run/logfwd/dev-log")


def test_it_forwards_what_unprivileged_programs_say(machine, collector):
    """By the library, through a ring, and by syslog(3)'s socket, with the kernel's word for who it is."""
    assert show(machine, "StatusText") == "Forwarding"
    machine.run(*NOBODY, "logfwdctl", "send", "app.db", "warning", "by the library")
    assert 'logger="app.db"' in collector.readline()
    machine.run(*NOBODY, "logger", "--socket", "/run/logfwd/dev-log", "-t", "tag", "by syslog")
    assert re.search(r" tag \d+ .* by syslog$", collector.readline())
    assert stats(machine)["clients"]["rings"]["made"] >= 1
    assert "needs root" in machine.run(
        *NOBODY, "sh", "-c", "logfwdctl level app debug 2>&1 || true")


def test_its_sockets_outlast_it(machine, collector):
    """It is killed in the middle of clients' work, comes back, and nobody notices."""
    before, restarts = sockets(machine), int(show(machine, "NRestarts"))
    machine.run("logfwdctl", "send", "app", "warning", "number 0")
    machine.run("systemctl", "kill", "--kill-who=main", "-s", "KILL", "logfwd.service")
    machine.run("sh", "-c", BURST)
    numbers = [int(collector.readline().split()[-1]) for _ in range(21)]
    assert numbers == list(range(21))
    assert int(show(machine, "NRestarts")) == restarts + 1
    assert sockets(machine) == before


def test_reload_takes_a_good_configuration_and_says_what_is_wrong_with_a_bad_one(machine):
    pid = show(machine, "MainPID")
    machine.write(PATH, CONFIG + "logger app { level = debug }\n")
    machine.run("systemctl", "reload", "logfwd.service")
    assert "debug" in machine.run("logfwdctl", "level", "app")
    machine.write(PATH, CONFIG + "nonsense\n")
    assert "failed" in machine.run("sh", "-c", "systemctl reload logfwd.service || echo failed")
    assert "debug" in machine.run("logfwdctl", "level", "app")
    assert f"{PATH}:2: unknown section 'nonsense'" in machine.run(
        "journalctl", "--unit", "logfwd.service", "--output", "cat")
    assert (show(machine, "ActiveState"), show(machine, "MainPID")) == ("active", pid)


def test_a_configuration_that_does_not_load_is_not_tried_again(machine):
    machine.write(PATH, "nonsense\n")
    machine.run("systemctl", "restart", "logfwd.service", check=False)
    assert show(machine, "ExecMainStatus") == "78"
    assert show(machine, "ActiveState") == "failed" and show(machine, "SubState") == "failed"
    machine.write(PATH, CONFIG)
    machine.run("systemctl", "start", "logfwd.service")


def test_one_that_hangs_is_started_anew(machine):
    drop_in = "/etc/systemd/system/logfwd.service.d/watchdog.conf"
    machine.write(drop_in, "[Service]\nWatchdogSec=500ms\n")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", "logfwd.service")
    pid = show(machine, "MainPID")
    begin = fed_us(machine)
    wait_for(lambda: fed_us(machine) > begin + 1_500_000, "three times as long as the watchdog waits")
    assert show(machine, "MainPID") == pid
    machine.run("systemctl", "kill", "--kill-who=main", "-s", "STOP", "logfwd.service")
    wait_for(lambda: show(machine, "MainPID") not in (pid, "0"), "another one runs")
    wait_for(lambda: show(machine, "ActiveState") == "active", "it forwards")
    assert int(show(machine, "NRestarts")) == 1
    machine.run("rm", drop_in)
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", "logfwd.service")


def test_who_connects_starts_it(machine, collector):
    machine.run("systemctl", "stop", "logfwd.service")
    assert show(machine, "ActiveState") == "inactive" and show(machine, "Result") == "success"
    machine.run("logfwdctl", "send", "app", "error", "the first one")
    assert collector.readline().endswith("the first one\n")
    assert show(machine, "ActiveState") == "active"
