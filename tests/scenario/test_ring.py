"""Records come through a ring in shared memory as they do by socket, and a client's death loses none.

The client is one by hand, made from lib/wire/README.md, section 4.2, alone.
"""

import contextlib
import mmap
import os
import signal
import socket
import struct

import pytest

from tests.support import wire
from tests.support.daemon import target
from tests.support.waiting import wait_for

HEADER_BYTES = 4096
RING_BYTES = HEADER_BYTES + 262144
RECORDS = 500


class Ring:
    """A connection whose frames go through a ring; has none when the daemon made none."""

    def __init__(self, daemon):
        self.client = wire.Client(daemon.client_path, greet=False)
        self.client.send(wire.hello(b"ring", features=wire.RING))
        packet, fds, _, _ = socket.recv_fds(self.client.socket, wire.PACKET_MAX, 4)
        self.features = struct.unpack("<HII", next(wire.frames_of(packet)).body)[1]
        self.memory = None
        self.produced = 0
        for fd in fds:
            self.memory = mmap.mmap(fd, os.fstat(fd).st_size)
            os.close(fd)

    def put(self, *frames):
        """Committed at once; the ring must have room."""
        for byte_string in frames:
            at = self.produced % (len(self.memory) - HEADER_BYTES)
            first = min(len(byte_string), len(self.memory) - HEADER_BYTES - at)
            self.memory[HEADER_BYTES + at : HEADER_BYTES + at + first] = byte_string[:first]
            rest = byte_string[first:]
            self.memory[HEADER_BYTES : HEADER_BYTES + len(rest)] = rest
            self.produced += len(byte_string)
        struct.pack_into("=Q", self.memory, 0, self.produced)

    def wake(self):
        self.client.send(wire.frame(wire.USE_RING))

    def is_taken(self):
        return struct.unpack_from("=Q", self.memory, 64) == (self.produced,)

    def close(self):
        self.client.close()
        self.memory.close()


def rings(daemon):
    return daemon.stats()["clients"]["rings"]


def config(collector, count):
    """Rings for so many clients of one user."""
    limits = f"limits {{ ring-bytes = {count * RING_BYTES}  uid-share = 100 }}\n"
    return limits + target("central", collector)


@pytest.fixture
def with_rings(start_daemon, collector):
    """A daemon that has rings for three clients."""
    return start_daemon(config(collector, 3))


def numbered(count):
    return [b"record %d" % number for number in range(count)]


def test_records_come_in_order_over_socket_and_ring(with_rings, collector):
    with contextlib.closing(Ring(with_rings)) as ring:
        texts = numbered(RECORDS)
        ring.client.open(1, b"app")
        ring.client.log(1, *texts[:100])
        for text in texts[100:]:
            ring.put(wire.record(1, text))
        ring.wake()
        assert collector.texts(RECORDS) == texts
        assert rings(with_rings)["live"] == 1
        assert rings(with_rings)["bytes"] == RING_BYTES
    with_rings.wait_for_stats(lambda stats: stats["clients"]["rings"]["bytes"] == 0, "its end")


def test_a_killed_client_has_said_what_it_committed(with_rings, collector):
    """It never wakes the daemon for it: only its death tells that it was there."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            ring = Ring(with_rings)
            ring.client.send(wire.open_logger(1, b"app"))
            ring.wake()
            for text in numbered(RECORDS):
                ring.put(wire.record(1, text))
            os.write(writer, b"x")
            signal.pause()
        os._exit(1)
    os.close(writer)
    assert os.read(reader, 1) == b"x"
    os.close(reader)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert collector.texts(RECORDS) == numbered(RECORDS)
    with_rings.wait_for_stats(lambda stats: stats["clients"]["rings"]["live"] == 0, "its end")


def test_without_room_the_socket_serves(with_rings, collector):
    with contextlib.ExitStack() as stack:
        for _ in range(3):
            assert stack.enter_context(contextlib.closing(Ring(with_rings))).features == wire.RING
        fourth = Ring(with_rings)
        assert (fourth.features, fourth.memory) == (0, None)
        fourth.client.open(1, b"app")
        fourth.client.log(1, b"by socket")
        assert collector.texts(1) == [b"by socket"]
        fourth.client.close()
        assert rings(with_rings)["refused"] == 1


def test_a_reload_decides_for_those_who_come(with_rings, collector):
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(contextlib.closing(Ring(with_rings)))
        first.put(wire.open_logger(1, b"app"))
        first.wake()
        for count, features in (1, 0), (0, 0), (2, wire.RING):
            with_rings.write_config(config(collector, count))
            with_rings.reload()
            other = Ring(with_rings)
            stack.callback(other.client.close)
            assert other.features == features
            first.put(wire.record(1, b"with %d" % count))
            first.wake()
        assert collector.texts(3) == [b"with 1", b"with 0", b"with 2"]
        assert rings(with_rings)["bytes"] == 2 * RING_BYTES


def test_a_breach_harms_nobody_else(with_rings, collector):
    with contextlib.closing(Ring(with_rings)) as good, contextlib.closing(Ring(with_rings)) as bad:
        bad.wake()
        struct.pack_into("=Q", bad.memory, 0, 1 << 40)
        bad.wake()
        assert bad.client.expect_end().code == wire.ERROR_PROTOCOL
        good.put(wire.open_logger(1, b"app"), wire.record(1, b"good"))
        good.wake()
        assert collector.texts(1) == [b"good"]


def test_what_a_stopping_daemon_finds_in_a_ring_is_sent(with_rings, collector):
    with contextlib.closing(Ring(with_rings)) as ring:
        ring.put(wire.open_logger(1, b"app"))
        ring.wake()
        wait_for(ring.is_taken, "the daemon's first look")
        ring.put(*[wire.record(1, text) for text in numbered(RECORDS)])
        with_rings.terminate()
        assert collector.texts(RECORDS) == numbered(RECORDS)
