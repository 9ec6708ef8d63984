"""Hundreds of kills, of clients and of the daemon, cost no record but those that the manual names.

A client that is killed in the middle of logging has said what its calls had returned 0 for: all
that had left the process arrives, once, whole and in order, and nothing else but the record of the
call that the kill came into. The daemon has nothing left of it then: no logger, no descriptor, no
ring, no memory; how soon is printed, and a second at most where the processors are free.

A daemon that is killed while clients log, and started again on the sockets that its parent holds,
is not noticed by them: no call fails, or waits longer than it may. What is lost is what it had
taken and not sent: for each kill and client no more than a socket holds and a turn takes. What it
had not read of a ring its successor gets.
"""

import collections
import pathlib
import random
import signal
import time

import pytest

from tests.support.daemon import target
from tests.support.length import steps
from tests.support.manager import Manager
from tests.support.numbered import Record, Writer, by_thread, text_length
from tests.support.procfs import MemoryWatch, udp_overrun
from tests.support.waiting import PATIENCE, wait_for

WMEM_DEFAULT = pathlib.Path("/proc/sys/net/core/wmem_default")

WAIT_MS = 30000
DATAGRAM_BYTES = 16384  # so that no text is cut

KILLED_AT_ONCE = 8
BATCHES = 5, 250  # in a short run, in a long one
LIFE_S = 0.02  # at most, of which it takes some until a client logs

ROUNDS = 2, 40
STOPS = 3, 50
STOPPED_WITHIN_S = 0.05
BEHIND_RECORDS = 1000  # that are given to a daemon that is stopped: more than a ring holds
PAUSE_US = 5000
AGES_S = 15 * (0.05,) + (2,)  # what one lives at most since clients have found it
STILLBORN = 1 / 8  # of the daemons end when nobody may have found them yet
NOISE_US = PATIENCE * 1e5  # to tell a call that hangs from one that had to wait for a processor

# For each kill and client: what a socket holds, with the packet that fills it, and what the daemon
# takes in one turn; with a ring what it takes of that in one turn, and the one packet that does not
# wait for it.
LOST_BY_SOCKET = int(WMEM_DEFAULT.read_text()) + (32 + 512) * 1024
LOST_BY_RING = (128 + 32) * 1024


def chance():
    """Another one each time; what it began with is shown when a test fails."""
    seed = random.SystemRandom().randrange(1 << 32)
    print("seed", seed)
    return random.Random(seed)


def records_logged(writers):
    """By all their threads, so far."""
    return sum(notes.logged for writer in writers for notes in writer.notes())


def nothing_is_held(stats):
    """For no client, nor of what clients have said."""
    held = (
        stats["clients"]["live"],
        stats["clients"]["rings"]["bytes"],
        stats["loggers"]["live"],
        stats["targets"]["central"]["queued"],
    )
    return not any(held)


@pytest.fixture
def start_writer():
    """A function that starts the next writer; none is left in the end."""
    started = []

    def start(daemon, **options):
        started.append(Writer(daemon, len(started), **options))
        return started[-1]

    yield start
    for writer in started:
        writer.kill()


# clients

def kill_at_random(writers, dice):
    """Kills them all at some moment each, from when the first of them logs."""
    wait_for(lambda: records_logged(writers) > 0, "a record")
    began = time.monotonic()
    moments = sorted(dice.uniform(0, LIFE_S) for _ in writers)
    for moment, writer in zip(moments, dice.sample(writers, len(writers))):
        time.sleep(max(0, began + moment - time.monotonic()))
        writer.kill()


def wait_until_forgotten(daemon):
    """The daemon holds what it held before; its stats then, and how long that took."""
    began = time.monotonic()
    stats = daemon.wait_for_stats(nothing_is_held, "nothing is left of the dead")
    daemon.wait_for_descriptors()
    took = time.monotonic() - began
    assert daemon.loggers().keys() == {"root"}
    return stats, took


def check_dead(writer, threads):
    """What it knew to have left arrived, and at most the record that it was about to log."""
    for number, notes in enumerate(writer.notes()):
        arrived = {record.number for record in threads[writer.number, number]}
        assert notes.failed == 0
        assert arrived == set(range(len(arrived)))
        assert notes.logged <= len(arrived) <= notes.logged + 1


@pytest.mark.long
def test_killed_clients_have_said_what_they_said(start_daemon, collector, limits, start_writer):
    daemon = start_daemon(limits + target("central", collector, datagram_bytes=DATAGRAM_BYTES))
    dice, memory = chance(), MemoryWatch(daemon.pid)
    killed = arrived = waits = longest = 0
    for _ in steps(*BATCHES):
        writers = [start_writer(daemon, wait_ms=WAIT_MS) for _ in range(KILLED_AT_ONCE)]
        kill_at_random(writers, dice)
        stats, took = wait_until_forgotten(daemon)
        longest = max(longest, took)
        sent = stats["targets"]["central"]["sent"]
        pids = {writer.number: writer.pid for writer in writers}
        collector.received(sent - arrived)
        threads = by_thread(Record.of(datagram, pids) for datagram in collector.take())
        for writer in writers:
            check_dead(writer, threads)
        killed += len(writers)
        arrived += sum(map(len, threads.values()))
        assert arrived == sent and udp_overrun(collector.socket) == 0
        waits += sum(notes.waits for writer in writers for notes in writer.notes())
        memory.look()
    print(f"{killed} killed, {arrived} records, {waits} of them waited for; "
          f"forgotten after {longest:.3f} s at most")
    assert arrived > killed, "none of them was killed while it logged"
    assert (stats["clients"]["rings"]["wakings"] > 0) == ("ring-bytes = 0" not in limits)
    memory.check()


# the daemon

def losses(records, total, first_life):
    """Bytes of text that are missing of a thread's records, by the lives that they are between.

    records: in the order of their numbers; total: how many there were.
    """
    lost, last_number, last_life = collections.Counter(), -1, first_life
    for record in records:
        life = int(record.context["life"])
        missing = range(last_number + 1, record.number)
        assert life >= last_life and (life > last_life or not missing), (record, missing)
        if missing:
            lost[last_life, life] += sum(map(text_length, missing))
        last_number, last_life = record.number, life
    assert last_number == total - 1, "what came after the storm did not arrive"
    return lost


class Storm:
    """A daemon that is killed and started again, and what arrives of each of its lives."""

    CLIENTS = 0, 0, WAIT_MS  # of a round: what each may wait for room
    KILLS_OF_A_ROUND = 5

    def __init__(self, collector, limits, start_writer):
        self.collector, self.limits, self.start_writer = collector, limits, start_writer
        self.dice = chance()
        self.life = -1  # number of the one that runs
        self.manager = Manager(self.config())
        self.daemon = self.manager.daemon
        self.has_rings = "ring-bytes = 0" not in limits
        self.arrived = self.wakings = 0
        self.lost = []  # bytes, by each client that lost any with a daemon, or with some in a row
        self.longest_us = collections.Counter()  # call, by how long it may wait

    def config(self):
        """Each record says which life of the daemon it went through."""
        return (
            self.limits
            + target("central", self.collector, datagram_bytes=DATAGRAM_BYTES)
            + "handler default { target = central }\n"
            + "logger root { level = info  handlers = {default}"
            + f' context = {{"life={self.life}"}} }}\n'
        )

    def start(self):
        self.life += 1
        self.daemon.write_config(self.config())
        nobody_there = self.daemon.descriptors_at_start
        self.manager.start()
        self.manager.wait_for_notice("READY=1")
        self.daemon.descriptors_at_start = nobody_there or self.daemon.descriptors_at_start

    def wait_for_load(self):
        """Clients have found the daemon that runs."""
        self.collector.received(len(self.collector.datagrams) + 1)

    def let_it_live(self, _writers):
        """Mostly until soon after clients have found it: then they send most."""
        if self.dice.random() < STILLBORN:
            return
        self.wait_for_load()
        time.sleep(self.dice.choice(AGES_S) * self.dice.random())

    def round(self):
        """New clients, some kills, and the good end of all who logged."""
        first_life = self.life
        writers = [
            self.start_writer(self.daemon, wait_ms=wait_ms, pause_us=PAUSE_US)
            for wait_ms in self.CLIENTS
        ]
        for _ in range(self.KILLS_OF_A_ROUND):
            self.let_it_live(writers)
            self.manager.kill()
            self.start()
        self.wait_for_load()
        for writer in writers:
            writer.end()
        self.check(writers, first_life)

    def check(self, writers, first_life):
        """All has arrived in its order but what was lost with one of the lives since the first."""
        pids = {writer.number: writer.pid for writer in writers}
        threads = by_thread(Record.of(datagram, pids) for datagram in self.all_that_came())
        for writer in writers:
            lost = collections.Counter()
            for number, notes in enumerate(writer.notes()):
                assert notes.failed == 0
                records = sorted(threads[writer.number, number], key=lambda each: each.number)
                lost += losses(records, notes.logged, first_life)
                self.arrived += len(records)
                self.longest_us[writer.wait_ms] = max(
                    self.longest_us[writer.wait_ms], notes.longest_us)
            for (life, later), lost_bytes in lost.items():
                ends = range(max(life, first_life), later)
                assert lost_bytes <= sum(self.lost_at_most(each, first_life) for each in ends), lost
                self.lost.append(lost_bytes)

    def lost_at_most(self, life, first_life):
        """By the end of a life, of a client; in its first one it does not know yet of a ring."""
        return LOST_BY_RING if self.has_rings and life > first_life else LOST_BY_SOCKET

    def all_that_came(self):
        """Behind what the writers have flushed comes what is sent now."""
        end = b"the end of life %d" % self.life
        self.daemon.syslog(b"<13>tag: " + end)
        wait_for(lambda: end in self.collector.datagrams[-1], "the end of a round")
        assert udp_overrun(self.collector.socket) == 0
        stats = self.daemon.wait_for_stats(nothing_is_held, "all have left")
        assert stats["clients"]["client_dropped"] == 0
        self.wakings += stats["clients"]["rings"]["wakings"]
        return self.collector.take()[:-1]

    def report(self):
        print(f"{self.life} kills, {self.arrived} records")
        print(f"{sum(self.lost)} bytes lost, {len(self.lost)} times, {sorted(self.lost)[-5:]}")
        print(f"longest calls {dict(self.longest_us)} us")
        assert (self.wakings > 0) == self.has_rings

    def end(self):
        try:
            self.daemon.stop()
        finally:
            self.daemon.discard()
            self.manager.close()


class Stops(Storm):
    """The same, of a daemon that was stopped first: what its only client logs then is unread."""

    CLIENTS = (0,)
    KILLS_OF_A_ROUND = 1

    def let_it_live(self, writers):
        """Until it was stopped for so long that neither socket nor ring takes any more."""
        self.wait_for_load()
        if self.has_rings:
            self.daemon.wait_for_stats(
                lambda stats: stats["clients"]["rings"]["wakings"] > 0, "the ring is in use")
        time.sleep(STOPPED_WITHIN_S * self.dice.random())
        self.daemon.process.send_signal(signal.SIGSTOP)
        before = records_logged(writers)
        wait_for(lambda: records_logged(writers) > before + BEHIND_RECORDS, "what it cannot read")

    def lost_at_most(self, life, first_life):
        return LOST_BY_RING if self.has_rings else LOST_BY_SOCKET


@pytest.fixture
def start_storm(collector, limits, start_writer):
    """A function that makes a storm, of that class, and its first daemon."""
    storms = []

    def start(kind):
        storms.append(kind(collector, limits, start_writer))
        storms[-1].start()
        return storms[-1]

    yield start
    for storm in storms:
        storm.end()


@pytest.mark.long
def test_a_killed_daemon_costs_only_what_it_had_taken(start_storm):
    storm = start_storm(Storm)
    for _ in steps(*ROUNDS):
        storm.round()
    storm.report()
    for wait_ms, longest_us in storm.longest_us.items():
        assert longest_us < 1000 * wait_ms + NOISE_US


@pytest.mark.long
def test_what_a_stopped_daemon_had_not_read_of_a_ring_is_not_lost(start_storm):
    storm = start_storm(Stops)
    for _ in steps(*STOPS):
        storm.round()
    storm.report()
    assert storm.has_rings or sum(storm.lost) > 0
