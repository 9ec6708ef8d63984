"""What every row of the fault matrix has: a network, the daemon in it, numbered records, the sum.

A row makes one fault in a Scene. Scene.finish() then asks the same of all of them: what was
received and what the daemon (or a gap of its sequence numbers) reports as lost are together what
was submitted, the order of each logger is kept, what came twice is marked, the ledgers close,
and the daemon holds no descriptor more than at its start.
"""

import collections
import contextlib
import dataclasses
import itertools
import os
import re
import socket
import threading
import time

from tests.support import rfc5424, wire
from tests.support.daemon import LOGFWDD, Daemon
from tests.support.namespaces import Network
from tests.support.waiting import PATIENCE, wait_for

LOGGERS = 4  # that the numbers go round
RATE = 300  # records a second, unless a row says more
BATCH = 50  # records in a packet, at most
TICK_S = 0.01
SLOWER = PATIENCE / 20  # a machine under sanitizers may take so many times as long

RESOLV_CONF = 'mount --bind "$1" /etc/resolv.conf && mount --bind "$2" /etc/hosts && shift 2 && exec "$@"'
CPUS = itertools.cycle(os.sched_getaffinity(0))
NOTICE = re.compile(rb"\d+ records? lost: .*")


class Flow:
    """Numbered records to the daemon, at a rate, from a thread, for the time of a with-block."""

    def __init__(self, scene, rate):
        self.scene, self.rate = scene, rate
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.error = None

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        if self.error is not None:
            raise self.error

    def _run(self):
        try:
            begin, done = time.monotonic(), 0
            while not self.over.wait(TICK_S):
                due = int((time.monotonic() - begin) * self.rate)
                while done < due:
                    count = min(BATCH, due - done)
                    self.scene.log(count)
                    done += count
        except BaseException as error:  # for the thread that waits for us
            self.error = error


@dataclasses.dataclass
class Outcome:
    """What became of a row's records."""

    submitted: int
    received: int
    reported: int
    duplicates: int
    silent: int
    mirrored: bool  # every record was for more than one collector

    @property
    def missing(self):
        return self.submitted - self.received


class Scene:
    """A network with one far namespace, a collector in it, and soon the daemon."""

    def __init__(self):
        self.network = Network()
        self.near = self.network.near
        self.daemon, self.client, self.before = None, None, None
        self.endings = []
        self.numbers, self.submitted = itertools.count(), 0
        self.logging = threading.Lock()  # rows log while a flow does
        self.config, self.resumed_s = "", None
        self.others = []
        self.by_sequence, self.mirrored = False, False  # set by rows that need it
        self.loggers = LOGGERS
        self.reordered = False  # by the kernel: nobody could keep the order

    def close(self):
        if self.client is not None:
            self.client.close()
        if self.daemon is not None:
            self.daemon.discard()
        self.network.close()
        for function in self.endings:
            function()

    def at_end(self, function):
        """Calls function when all is over."""
        self.endings.append(function)

    # the cast

    def far(self, count=1, addressed=True):
        """So many far namespaces with a collector in each; the collectors."""
        return [
            self.network.collector(self.network.add_far(addressed)) for _ in range(count)
        ]

    def distant(self):
        """A collector in a far namespace to which a packet takes 5 ms, and as long back."""
        return self.network.collector(self.network.add_distant(0.005))

    def far_pair(self, number):
        """Two collectors in the first far namespace, at addresses of their own."""
        if not self.network.far:
            self.network.add_far()
        pair = [f"10.9.0.{2 + number}", f"10.9.0.{102 + number}"]
        self.network.far[0].ip(*(f"addr replace {host}/24 dev eth0" for host in pair))
        return [self.network.collector(0, host) for host in pair]

    @staticmethod
    def bound_socket():
        """A UDP socket that takes a source port away."""
        taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        taken.bind(("", 0))
        return taken

    def start(self, config, resolver=None, idle_timeout=60, sockets=16):
        """The daemon, in the near namespace. resolver: files for /etc/resolv.conf and /etc/hosts."""
        self.config, self.sockets = config, sockets
        self.daemon = Daemon(self.whole_config(idle_timeout))
        command = [LOGFWDD, "-f", self.daemon.config_path]
        if resolver is not None:
            command = ["unshare", "--mount", "sh", "-c", RESOLV_CONF, "sh", *resolver, *command]
        self.daemon.start(self.near.command(*command))
        # Packets wait for the other end in a queue of the CPU that sent them: a daemon that moves to
        # another one in the middle of a batch would have the kernel change the order.
        os.sched_setaffinity(self.daemon.pid, {next(CPUS)})
        self.links_at_start = len(self.daemon.links()) - self.daemon.udp_sockets()
        self.client = wire.Client(self.daemon.client_path, b"flow", timeout=PATIENCE)
        for logger in range(self.loggers):
            self.client.open(logger + 1, b"flow.%d" % logger)
        self.before = self.daemon.stats()
        return self.daemon

    def whole_config(self, idle_timeout):
        return f"pool {{ sockets = {self.sockets} idle-timeout = {idle_timeout} }}\n{self.config}"

    def reload(self, config):
        """Another configuration."""
        self.config = config
        self.daemon.write_config(self.whole_config(idle_timeout=60))
        self.daemon.reload()

    # what happens

    def log(self, count, text=b"%d"):
        """The next numbers, to the loggers by turns; returns the last of them."""
        with self.logging:
            numbers = [next(self.numbers) for _ in range(count)]
            self.client.send(*(wire.record(1 + n % self.loggers, text % n) for n in numbers))
            self.submitted += count
        return numbers[-1]

    def open(self, name):
        """Another logger for log_to_each()."""
        self.others.append(name)
        self.client.open(self.loggers + len(self.others), name)

    def log_to_each(self):
        """The next numbers, one to each of the other loggers, which are as many as make the order hold."""
        with self.logging:
            for logger in range(len(self.others)):
                number = next(self.numbers)
                self.client.send(wire.record(1 + self.loggers + logger, b"%d" % number))
                self.submitted += 1
        self.client.flush()

    def flow(self, rate=RATE):
        return Flow(self, rate)

    def lasts(self, seconds):
        """The duration of a fault, which is no wait for anything."""
        time.sleep(seconds)

    def arrives(self, collector, within=None):
        """Waits until something submitted after this moment is received; how long that took.

        within: the most seconds that this may take, as promised.
        """
        begin, after = time.monotonic(), self.submitted
        limit = PATIENCE if within is None else within * SLOWER
        wait_for(
            lambda: any(number >= after for number in numbers_in(collector.datagrams[-200:])),
            lambda: f"a record after number {after} at {collector.address}: "
            f"{self.daemon.request('targets')}",
            limit, pause=0.01,
        )
        return time.monotonic() - begin

    def resumes(self, collector, within=None):
        """arrives(), remembered for the table."""
        self.resumed_s = self.arrives(collector, within)

    def healthy(self, collector):
        """Records arrive before the fault; the counters that the fault must move start here."""
        self.arrives(collector)
        self.before = self.daemon.stats()

    def server(self, collector, name="central"):
        """What stats say of a collector."""
        return self.daemon.stats()["targets"][name]["servers"][collector.address]

    def waits_for_state(self, collector, state, name="central", seconds=None):
        """seconds: the most that this may take, as promised."""
        wait_for(
            lambda: self.server(collector, name)["state"] == state,
            lambda: f"{collector.address} is {state}: {self.server(collector, name)}",
            PATIENCE if seconds is None else seconds * SLOWER, pause=0.02,
        )

    def stays_down(self, collector, seconds):
        """It takes nothing for so long, but for a record now and then that tries it."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert self.server(collector)["state"] != "up", self.server(collector)
            time.sleep(0.02)

    def waits_for(self, counter):
        """Until a counter (see counted()) has moved since the fault."""
        wait_for(
            lambda: self.moved(counter),
            lambda: f"{counter} has moved: {self.daemon.request('targets')}", pause=0.02,
        )

    def moved(self, counter):
        return counted(self.daemon.stats(), counter) > counted(self.before, counter)

    def settles(self):
        """Waits until the daemon holds nothing any more."""
        self.client.flush()
        wait_for(
            lambda: not any(
                target["queued"] + target["resending"]
                for target in self.daemon.stats()["targets"].values()
            ),
            lambda: f"nothing waits: {self.daemon.request('targets')}", 60,
        )

    # the sum

    def finish(self):
        """The equation and all else that a row is asked for; its Outcome."""
        self.settles()
        with contextlib.suppress(AssertionError):  # else the outcome says what is missing
            wait_for(lambda: self._outcome().silent <= 0, "all is received or reported", 2 * SLOWER, 0.1)
        outcome = self._outcome()
        self._check_order()
        self._check_descriptors()
        return outcome

    def _outcome(self):
        arrivals = [arrival for each in self.network.collectors for arrival in parsed(each)]
        received = {number for number, _, _ in arrivals}
        assert not received - set(range(self.submitted)), "nobody submitted that"
        unmarked = collections.Counter(number for number, is_resent, _ in arrivals if not is_resent)
        twice = [number for number, times in unmarked.items() if times > 1]
        assert self.mirrored or not twice, f"came twice without a mark: {twice[:10]}"
        reported = self._reported()
        missing = self.submitted - len(received)
        return Outcome(
            self.submitted, len(received), reported, len(arrivals) - len(received),
            max(0, missing - reported), self.mirrored,
        )

    def _reported(self):
        """What the daemon counts as lost, and in some rows what gaps in the sequence show."""
        stats = self.daemon.stats()
        targets = [*stats["targets"].values()]
        lost = sum(sum(target["dropped"].values()) + target["refused"] for target in targets)
        lost += stats["removed"]["dropped"] + stats["removed"]["refused"]
        if self.by_sequence:
            lost = max(lost, self._sequence_gaps())
        return lost

    def _sequence_gaps(self):
        seen = {
            sequence for each in self.network.collectors for _, _, sequence in parsed(each, notices=True)
        }
        return max(seen, default=0) - len(seen)

    def _check_order(self):
        if self.reordered:
            return
        for collector in self.network.collectors:
            newest = {}
            for number, is_resent, _ in parsed(collector):
                if is_resent:
                    continue
                logger = number % self.loggers
                assert number > newest.get(logger, -1), f"{number} after {newest[logger]}"
                newest[logger] = number

    def _check_descriptors(self):
        """With the client gone and idle sockets closed nothing is open that was not at the start."""
        self.client.close()
        self.daemon.write_config(self.whole_config(idle_timeout=1))
        self.daemon.reload()
        wait_for(
            lambda: len(self.daemon.links()) <= self.links_at_start,
            lambda: f"{self.links_at_start} descriptors again: {self.daemon.links()}",
        )
        self.daemon.stop()


def numbers_in(datagrams):
    return [number for number, _, _ in map(_arrival, datagrams) if number is not None]


def parsed(collector, notices=False):
    """The number, whether it is marked as sent again, and the sequence number of each datagram."""
    arrivals = [_arrival(datagram) for datagram in list(collector.datagrams)]
    return [arrival for arrival in arrivals if notices or arrival[0] is not None]


def _arrival(datagram):
    message = rfc5424.strict(datagram)
    first = message.text.split(b" ", 1)[0]
    if not first.isdigit() or message.logger is None or not message.logger.startswith(("flow.", "many.")):
        assert message.app == "logfwd" or NOTICE.fullmatch(message.text), message
        number = None
    else:
        number = int(first)
    sequence = int(message.sd.get("meta", {}).get("sequenceId", 0))
    return number, message.sd["logfwd@32473"].get("resent") == "true", sequence


def counted(stats, counter):
    """The value of a counter, summed over targets: "refused", 
    "dropped:REASON", "ERRNO", "sockets:NAME", "removed:NAME"."""
    kind, _, name = counter.partition(":")
    if kind in ("sockets", "removed"):
        return stats[kind][name]
    targets = stats["targets"].values()
    if kind == "dropped":
        return sum(target["dropped"][name] for target in targets)
    servers = [server for target in targets for server in target["servers"].values()]
    if kind.startswith("E"):
        return sum(server["errors"].get(kind, 0) for server in servers)
    if kind in ("too_large", "evicted"):
        return sum(server[kind] for server in servers)
    return sum(target[kind] for target in targets)
