"""A daemon that does not run keeps no caller, and hears afterwards of every record that was given up.

Stopped by SIGSTOP while a program logs: each call returns, what finds no room is dropped and counted.
Once the daemon runs again the rest arrives in order, the count is in its stats, and a notice with the
same number and with the program's name and pid is at the collector.
"""

import json
import re
import signal

import pytest

from tests.support.daemon import AUDIBLE, target
from tests.support.python_program import start_python

RECORDS = 30000  # more than socket or ring and a buffer of 100 kB hold
WAIT_S = 0.2
TICK_S = 0.001  # the library counts whole milliseconds, and rather waits less than it may
HANGS_AFTER_S = 10

PROGRAM = """
    import json, sys, time, logfwd
    client = logfwd.Client(buffer_bytes=100_000, wait_ms={wait_ms}, app_name="shop")
    log = logfwd.getLogger("app", client=client)
    log.info("before")
    assert client.flush(30)
    print("ready", flush=True)
    sys.stdin.readline()
    longest = 0
    for number in range({records}):
        began = time.monotonic()
        log.info("%d", number)
        longest = max(longest, time.monotonic() - began)
        if client.stats()["dropped"] == {enough}:
            break
    print(json.dumps(client.stats() | {{"longest": longest}}), flush=True)
    sys.stdin.readline()
    assert client.flush(30)
    log.info("after")
    assert client.flush(30)
    client.close()
"""


@pytest.fixture
def daemon(start_daemon, collector, limits):
    return start_daemon(
        limits + AUDIBLE + target("central", collector) + "handler default { target = central }\n"
        + "logger root { level = info  handlers = {default} }\n")


def stop_and_log(daemon, wait_ms=0, enough=RECORDS):
    """The program, and its counts after the daemon was stopped and before it runs again.

    enough: ends the log when so many were dropped.
    """
    program = start_python(
        daemon, PROGRAM.format(wait_ms=wait_ms, enough=enough, records=RECORDS))
    assert program.stdout.readline() == "ready\n"
    daemon.process.send_signal(signal.SIGSTOP)
    try:
        program.stdin.write("log\n")
        program.stdin.flush()
        return program, json.loads(program.stdout.readline())
    finally:
        daemon.process.send_signal(signal.SIGCONT)


def end(program):
    program.stdin.write("end\n")
    program.stdin.flush()
    assert program.wait(60) == 0


def test_what_was_dropped_is_reported(daemon, collector):
    program, counts = stop_and_log(daemon)
    dropped = counts["dropped"]
    assert 0 < dropped < RECORDS
    end(program)
    stats = daemon.wait_for_stats(lambda stats: stats["clients"]["live"] == 0, "it has left")
    assert stats["clients"]["client_dropped"] == dropped
    assert stats["records"]["received"] == RECORDS + 2 - dropped
    messages = collector.messages(stats["targets"]["central"]["sent"])
    said = [each.text.decode() for each in messages if each.logger == "app"]
    assert said[0] == "before" and said[-1] == "after"
    assert [int(text) for text in said[1:-1]] == list(range(RECORDS - dropped))
    [notice] = [each for each in messages if each.logger == "logfwd.clients"]
    words = re.fullmatch(
        r"client lost records: pid=(\d+) uid=\d+ user=\S+ program=shop records=(\d+); "
        r"first \S+, last \S+", notice.text.decode())
    assert words is not None, notice
    assert int(words[1]) == program.pid and int(words[2]) == dropped


def test_a_call_waits_as_long_as_it_may(daemon):
    program, counts = stop_and_log(daemon, wait_ms=round(WAIT_S * 1000), enough=3)
    assert counts["dropped"] == 3
    assert WAIT_S - TICK_S <= counts["longest"] < WAIT_S + HANGS_AFTER_S
    end(program)
