"""`logfwdctl receive --verify` tells exactly what a network did to a stream of numbered records.

A proxy of this test's own stands between a real daemon and the receiver, and loses, doubles and
delays datagrams by a random choice that it writes down; a restart of the daemon is told from a
loss, and the exit status says whether anything is missing.
"""

import contextlib
import random
import re
import signal
import socket
import subprocess
import threading

from tests.support.daemon import LOGFWDCTL, run, target
from tests.support.waiting import PATIENCE

COUNTS = re.compile(
    r"(\d+) numbered, (\d+) lost, (\d+) gaps, (\d+) late, (\d+) duplicates, "
    r"(\d+) sent again \((\d+) of them copies\), (\d+) restarts"
)
NAMES = ["numbered", "lost", "gaps", "late", "duplicates", "resent", "copies", "restarts"]


@contextlib.contextmanager
def verifier(*arguments):
    command = [LOGFWDCTL, "receive", "127.0.0.1:0", "--quiet", "--verify", *map(str, arguments)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            process.port = int(process.stderr.readline().rpartition(":")[2])
            yield process
        finally:
            process.kill()


def ending(process):
    """Exit status, the counts of all sources, and all that it said."""
    errors = process.communicate(timeout=PATIENCE)[1]
    found = COUNTS.search(next(line for line in errors.splitlines() if "verified: " in line))
    return process.returncode, dict(zip(NAMES, map(int, found.groups()), strict=True)), errors


class LossyProxy:
    """Passes datagrams on; fate(number, datagram) returns those to send for the one that came."""

    def __init__(self, port, fate):
        self.to = ("127.0.0.1", port)
        self.fate = fate
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.socket.bind(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def stop(self):
        """All that came before is passed on."""
        self.socket.sendto(b"", self.socket.getsockname())
        self.thread.join()
        self.socket.close()

    def _run(self):
        number = 0
        while datagram := self.socket.recv(65536):
            for each in self.fate(number, datagram):
                self.socket.sendto(each, self.to)
            number += 1


class Network:
    """What it does to every datagram, and what that comes to."""

    def __init__(self, seed, last):
        self.chance = random.Random(seed)
        self.last = last
        self.held = None
        self.did = dict.fromkeys(NAMES, 0)

    def fate(self, number, datagram):
        """One at a time is held back, behind the next that passes. Both ends pass."""
        if self.held is None and 0 < number < self.last - 1:
            what = self.chance.randrange(40)
            if what == 0:
                self.did["lost"] += 1
                return []
            if what == 1:
                self.did["duplicates"] += 1
                self.did["numbered"] += 2
                return [datagram, datagram]
            if what == 2:
                self.held = datagram
                self.did["late"] += 1
                return []
        passed = [datagram] if self.held is None else [datagram, self.held]
        self.held = None
        self.did["numbered"] += len(passed)
        return passed


def test_losses_copies_and_delays_are_told_exactly(start_daemon):
    records = 4000
    seed = random.SystemRandom().randrange(1 << 32)
    print("seed", seed)  # shown when the test fails
    network = Network(seed, records - 1)
    with verifier() as receiver:
        proxy = LossyProxy(receiver.port, network.fate)
        daemon = start_daemon(target("central", proxy.address, sequence="true"))
        with daemon.client() as client:
            client.open(1, b"app")
            for start in range(0, records, 50):
                client.log(1, *[b"%d" % number for number in range(start, start + 50)])
                client.flush()
        daemon.wait_for_stats(
            lambda stats: stats["targets"]["central"]["sent"] == records, "all is sent"
        )
        proxy.stop()  # all that was sent has passed
        receiver.send_signal(signal.SIGINT)
        status, counts, errors = ending(receiver)
    assert network.did["lost"] > 0 and network.did["late"] > 0
    gaps = counts.pop("gaps")
    assert gaps <= network.did["lost"] + network.did["late"]
    assert counts == {name: network.did[name] for name in counts}
    assert status == 1
    assert f"{socket.gethostname()} at 127.0.0.1: " in errors


def test_a_restart_of_the_daemon_is_no_loss(start_daemon):
    with verifier("--count", 30, "--timeout", PATIENCE) as receiver:
        daemon = start_daemon(target("central", f"127.0.0.1:{receiver.port}", sequence="true"))
        for number in range(3):
            with daemon.client() as client:
                client.open(1, b"app")
                client.log(1, *[b"%d of run %d" % (each, number) for each in range(10)])
                client.flush()
            if number < 2:
                daemon.terminate()
                daemon.assert_clean_exit()
                daemon.start()
        status, counts, _ = ending(receiver)
    assert status == 0
    assert counts == dict.fromkeys(NAMES, 0) | {"numbered": 30, "restarts": 2}


def test_what_the_daemon_dropped_is_missing(start_daemon):
    """From the queue: its numbers never come. What its notice says is what is lost here."""
    with verifier() as receiver:
        config = target(
            "central", f"127.0.0.1:{receiver.port}", sequence="true", rate=100, queue_bytes=4096
        )
        daemon = start_daemon(config)
        with daemon.client() as client:
            client.open(1, b"app")
            client.log(1, *[b"%d" % number for number in range(300)])
            client.flush()
        stats = daemon.wait_for_stats(
            lambda stats: stats["notices"] == 1 and not stats["targets"]["central"]["queued"],
            "the notice is sent",
        )
        receiver.send_signal(signal.SIGTERM)
        status, counts, _ = ending(receiver)
    assert (status, counts["lost"]) == (1, stats["targets"]["central"]["dropped"]["queue_full"])


def test_unnumbered_records_cannot_be_verified(start_daemon):
    with verifier("--count", 2, "--timeout", PATIENCE) as receiver:
        daemon = start_daemon(target("central", f"127.0.0.1:{receiver.port}"))
        with daemon.client() as client:
            client.open(1, b"app")
            client.log(1, b'[meta sequenceId="7"]', b"two")
        status, counts, errors = ending(receiver)
    assert (status, counts["numbered"]) == (1, 0)
    assert "2 could not be verified" in errors and "sequence = true" in errors


def test_help_names_it():
    assert "--verify" in run(LOGFWDCTL, "receive", "--help").stdout
