"""A process that forks while its threads log loses, doubles and merges no line, and never hangs.

Every line arrives with the pid that the kernel knows of the process that logged it: the parent's
threads, thousands of children that never exec(), and children of these. A process that closes all
its descriptors and opens a data file under the number of the library's socket finds in the file
what it wrote, and its lines at the collector.
"""

import collections
import os
import re

import pytest

from tests.support.daemon import BUILD, run, target
from tests.support.length import LONG
from tests.support.procfs import udp_overrun

HANGS_AFTER_S = 600 if LONG else 90
PROGRAMS = BUILD / "tests"
FORKS = 5000 if LONG else 1000
LINES_OF_A_CHILD = 5
GENERATIONS_EACH = 10

LINE = re.compile(rb"(thread|child|grandchild) (\d+) (\d+) (\d+)")


def run_program(daemon, name, *arguments):
    """One of tests/programs to its good end; what it printed."""
    environment = os.environ | {"LOGFWD_SOCKET": str(daemon.client_path)}
    done = run(PROGRAMS / name, *arguments, env=environment, timeout=HANGS_AFTER_S)
    assert done.returncode == 0, done
    return done.stdout


def lines_by_process(messages):
    """The numbers of the lines of each thread and child, in the order of their arrival."""
    lines = collections.defaultdict(list)
    for message in messages:
        who, number, line, pid = LINE.fullmatch(message.text).groups()
        assert pid.decode() == message.procid, message
        lines[who.decode(), int(number), message.procid].append((message.logger, int(line)))
    return lines


def in_order(lines):
    """Whether the lines of each logger, of whom the order is promised, are in order."""
    by_logger = collections.defaultdict(list)
    for logger, line in lines:
        by_logger[logger].append(line)
    return all(each == sorted(each) for each in by_logger.values())


@pytest.mark.long
def test_a_storm_of_forks(start_daemon, collector, limits):
    daemon = start_daemon(limits + target("central", collector))
    printed = [int(count) for count in run_program(daemon, "fork_storm", FORKS).split()]
    expected = {("thread", number): count for number, count in enumerate(printed)}
    expected |= {("child", number): LINES_OF_A_CHILD for number in range(FORKS)}
    expected |= {("grandchild", number): LINES_OF_A_CHILD
                 for number in range(0, FORKS, GENERATIONS_EACH)}
    messages = collector.messages(sum(expected.values()))
    lines = lines_by_process(messages)
    assert {each[:2]: len(found) for each, found in lines.items()} == expected
    for found in lines.values():
        assert in_order(found) and {line for _, line in found} == set(range(len(found)))
    assert len({pid for who, _, pid in lines if who == "thread"}) == 1
    stats = daemon.wait_for_stats(lambda stats: stats["clients"]["live"] == 0, "all are gone")
    assert stats["records"]["received"] == stats["records"]["accepted"] == len(messages)
    assert stats["clients"]["client_dropped"] == 0
    assert stats["loggers"]["live"] == stats["clients"]["rings"]["live"] == 0
    assert (stats["clients"]["rings"]["wakings"] > 0) == ("ring-bytes = 0" not in limits)
    assert udp_overrun(collector.socket) == 0


def test_a_daemon_of_the_old_books(start_daemon, collector, limits):
    daemon = start_daemon(limits + target("central", collector))
    data = daemon.folder / "data"
    run_program(daemon, "daemonize", data)
    assert data.read_text() == 5 * "data\n"
    said = [message.text.decode().rsplit(" ", 1) for message in collector.messages(5)]
    assert [pid for _, pid in said] == [message.procid for message in collector.messages()]
    assert collections.Counter(what for what, _ in said) == collections.Counter(
        ["parent", "child", "grandchild", "grandchild again", "parent again"])
    assert len({pid for _, pid in said}) == 3
