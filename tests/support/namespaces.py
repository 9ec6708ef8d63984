"""Networks of a test's own: namespaces joined by veth pairs.

Only a descriptor of this process holds a namespace: nothing is named, so tests cannot meet, and
even a killed test leaves nothing. What lives in a namespace, links, addresses, routes and
firewalls, goes with it.
"""

import collections
import contextlib
import ctypes
import fcntl
import itertools
import os
import pathlib
import select
import stat
import struct
import subprocess
import tempfile
import threading
import time

from tests.support.collector import Collector
from tests.support.waiting import wait_for

CLONE_NEWNET = 0x40000000  # sched.h
TUN_DEVICE = os.makedev(10, 200)  # Documentation/admin-guide/devices.txt
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000  # linux/if_tun.h

_libc = ctypes.CDLL(None, use_errno=True)


class Unavailable(Exception):
    """This machine does not let us make namespaces; its text says why."""


def _checked(result):
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def _in_thread(function):
    """The result of function, called by a thread that lives only for it."""
    outcome = []

    def call():
        try:
            outcome.append((function(), None))
        except BaseException as error:  # for the caller, whatever it is
            outcome.append((None, error))

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    result, error = outcome[0]
    if error is not None:
        raise error
    return result


class Namespace:
    """A network namespace with its loopback up; it goes with close()."""

    def __init__(self):
        self.descriptor = _in_thread(self._make)
        self.ip("link set lo up")

    @staticmethod
    def _make():
        try:
            _checked(_libc.unshare(CLONE_NEWNET))
        except OSError as error:
            raise Unavailable(f"no network namespace can be made: {error.strerror}") from error
        return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)

    def close(self):
        os.close(self.descriptor)

    @property
    def path(self):
        return f"/proc/{os.getpid()}/fd/{self.descriptor}"

    def command(self, *words):
        """What runs words in here."""
        return ["nsenter", f"--net={self.path}", *map(str, words)]

    def run(self, *words, text=None):
        """Runs a program in here that must work, with text as its input."""
        done = subprocess.run(
            self.command(*words), input=text, capture_output=True, text=True, timeout=20, check=False
        )
        assert done.returncode == 0, f"{' '.join(map(str, words))}: {done.stderr.strip()}"
        return done.stdout

    def ip(self, *lines):
        """Lines for ip(8), done one after the other."""
        self.run("ip", "-batch", "-", text="\n".join(lines) + "\n")

    def nft(self, rules):
        self.run("nft", "-f", "-", text=rules)

    def sysctl(self, path, value):
        """Sets net/PATH of this namespace."""

        def write():
            self._enter()
            pathlib.Path("/proc/sys/net", path).write_text(str(value), encoding="ascii")

        _in_thread(write)

    def call(self, function):
        """The result of function, called in here: sockets and threads that it makes stay here."""

        def entered():
            self._enter()
            return function()

        return _in_thread(entered)

    def _enter(self):
        _checked(_libc.setns(self.descriptor, CLONE_NEWNET))


def open_tun():
    """/dev/net/tun, which a container's /dev may lack."""
    flags = os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC
    with contextlib.suppress(FileNotFoundError):
        return os.open("/dev/net/tun", flags)
    with tempfile.TemporaryDirectory() as folder:
        os.mknod(f"{folder}/tun", stat.S_IFCHR | 0o600, TUN_DEVICE)
        return os.open(f"{folder}/tun", flags)


def tun(namespace, name):
    """A descriptor with the packets that a namespace sends by a new device, which takes what is written."""

    def make():
        descriptor = open_tun()
        fcntl.ioctl(descriptor, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
        return descriptor

    return namespace.call(make)


class Distance(threading.Thread):
    """Carries packets between two such descriptors, each of them seconds later, until close()."""

    def __init__(self, ends, seconds):
        super().__init__(daemon=True)
        self.ends, self.seconds = {ends[0]: ends[1], ends[1]: ends[0]}, seconds
        self.over = os.pipe()
        self.start()

    def run(self):
        packets = collections.deque()  # when it arrives, where, and what
        while True:
            wait = max(0, packets[0][0] - time.monotonic()) if packets else None
            ready = select.select([*self.ends, self.over[0]], [], [], wait)[0]
            if self.over[0] in ready:
                return
            for end in ready:
                packets.append((time.monotonic() + self.seconds, self.ends[end], os.read(end, 65536)))
            while packets and packets[0][0] <= time.monotonic():
                _, end, packet = packets.popleft()
                with contextlib.suppress(OSError):  # a device that is not up takes nothing
                    os.write(end, packet)

    def close(self):
        os.write(self.over[1], b"x")
        self.join()
        for descriptor in (*self.ends, *self.over):
            os.close(descriptor)


class FarCollector(Collector):
    """A collector at an address in a namespace."""

    def __init__(self, namespace, host, port=0):
        self.namespace, self.wanted = namespace, (host, port)
        super().__init__()

    def start(self):
        if self.port == 0:
            self.host, self.port = self.wanted
        self.namespace.call(super().start)


class Network:
    """A namespace for the daemon, `near`, and any number of far ones, each behind a veth pair.

    The pair to far number N is `toN` here and `eth0` there; its addresses are 10.9.N.1 and .2,
    fd09:N::1 and ::2. A veth pair answers within the system call that sends; add_distant() has a
    link of the same names and addresses (IPv4) that takes time.
    """

    def __init__(self):
        self.near, self.far, self.collectors, self.distances = Namespace(), [], [], []
        self.numbers = itertools.count()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for collector in self.collectors:
            collector.stop()
        for distance in self.distances:
            distance.close()
        for namespace in (*self.far, self.near):
            namespace.close()
        self.collectors, self.far, self.distances = [], [], []

    def add_far(self, addressed=True):
        """Another namespace behind a link of its own; returns its number."""
        self.far.append(Namespace())
        number = len(self.far) - 1
        self.add_link(number)
        if addressed:
            self.add_near_addresses(number)
        return number

    def add_distant(self, seconds):
        """Another namespace, so many seconds away; returns its number."""
        self.far.append(Namespace())
        number = len(self.far) - 1
        ends = tun(self.near, f"to{number}"), tun(self.far[number], "eth0")
        self.distances.append(Distance(ends, seconds))
        for namespace, device, address in (
            (self.near, f"to{number}", f"10.9.{number}.1"), (self.far[number], "eth0", f"10.9.{number}.2"),
        ):
            namespace.ip(f"link set {device} txqueuelen 100000 up", f"addr add {address}/24 dev {device}")
        return number

    def add_link(self, number):
        """The link to a far namespace, up at both ends; addresses at the far end only."""
        far = self.far[number]
        self.near.ip(
            f"link add name to{number} type veth peer name eth0 netns {far.path}",
            f"link set to{number} up",
        )
        far.ip(
            "link set eth0 up",
            f"addr add 10.9.{number}.2/24 dev eth0",
            f"addr add fd09:{number}::2/64 dev eth0 nodad",
            f"route add default via 10.9.{number}.1",
        )

    def add_near_addresses(self, number):
        self.near.ip(
            f"addr add 10.9.{number}.1/24 dev to{number}",
            f"addr add fd09:{number}::1/64 dev to{number} nodad",
        )

    def collector(self, number=0, host=None, port=0):
        """A collector in a far namespace, at its first address unless host names another one."""
        return self.collector_in(self.far[number], host or f"10.9.{number}.2", port)

    def collector_in(self, namespace, host, port=0):
        self.collectors.append(FarCollector(namespace, host, port))
        return self.collectors[-1]


def unavailable():
    """Why no network can be made here; None when all is there."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    try:
        with Network() as network:
            network.add_far()
            network.add_distant(0)
            network.near.nft("table inet probe { }\n")
    except (Unavailable, AssertionError, OSError) as error:
        return str(error)
    return None


def wait_for_link(namespace, device):
    wait_for(
        lambda: "LOWER_UP" in namespace.run("ip", "-o", "link", "show", "dev", device),
        f"{device} is up",
    )
