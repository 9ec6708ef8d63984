"""A client that breaks the protocol is closed with a reason, alone, and harms nobody else.

Each case of a broken frame is sent by a client of its own while a well-behaved one is
connected: the first is told why in a BYE and loses its connection, the second does not
notice, no descriptor stays, and the accounts close. What is merely refused (a bad name, a
bad key, an unknown logger) costs that request only. Limits on clients and loggers, and a
user's share of them, hold and are counted.
"""

import array
import os
import random
import re
import socket
import struct
import subprocess
import sys

import pytest

from tests.support import wire
from tests.support.daemon import LOGFWDD, SOURCE, Daemon, target
from tests.support.length import steps
from tests.support.waiting import wait_for

OPEN_APP = wire.open_logger(1, b"app")

# What is sent behind a correct greeting; each breaks the protocol.
BROKEN = {
    "header torn": b"\x04\0\0\0",
    "one byte": b"\0",
    "header reserves bits": struct.pack("<HHI", wire.FLUSH, 1, 4) + b"\0\0\0\0",
    "body longer than the packet": struct.pack("<HHI", wire.FLUSH, 0, 5) + b"\0\0\0\0",
    "body of 4 GiB": struct.pack("<HHI", wire.RECORD, 0, 0xFFFFFFFF),
    "bytes behind the last frame": wire.flush(1) + b"x",
    "unknown type": wire.frame(99, b"?"),
    "type zero": wire.frame(0),
    "a frame of the daemon's": wire.frame(wire.WELCOME, b"\0" * 10),
    "hello twice": wire.hello(),
    "open without a name": wire.frame(wire.OPEN, b"\0\0\0\0"),
    "open with less than its name": wire.frame(wire.OPEN, struct.pack("<IH", 1, 10) + b"short"),
    "open with more than its name": wire.frame(wire.OPEN, struct.pack("<IH", 1, 1) + b"long"),
    "an id that is in use": OPEN_APP + OPEN_APP,
    "record without a body": wire.frame(wire.RECORD),
    "record of level 0": OPEN_APP + wire.record(1, b"x", level=0),
    "record of level 101": OPEN_APP + wire.record(1, b"x", level=101),
    "record of level 255": OPEN_APP + wire.record(1, b"x", level=255),
    "record with unknown flags": OPEN_APP
    + wire.frame(wire.RECORD, struct.pack("<IqBB", 1, 0, 20, 2)),
    "record shorter before it was cut": OPEN_APP + wire.record(1, b"long", original_length=3),
    "record beyond every limit": OPEN_APP + wire.record(1, b"x" * (wire.RECORD_MAX + 1)),
    "level 101 set": OPEN_APP + wire.set_level(1, 101),
    "context with unknown flags": OPEN_APP + wire.frame(wire.CONTEXT, b"\1\0\0\0\2\0"),
    "context torn": OPEN_APP + wire.frame(wire.CONTEXT, b"\1\0\0\0\1\4ke"),
    "dropped torn": wire.frame(wire.DROPPED, b"\0" * 23),
    "flush too long": wire.frame(wire.FLUSH, b"\0" * 5),
    "a good one, then a broken one": OPEN_APP + wire.record(1, b"counted") + wire.frame(wire.FLUSH),
}

# Instead of a greeting.
BAD_GREETINGS = {
    "no hello": wire.flush(1),
    "a record first": wire.record(1, b"x"),
    "version 0": wire.hello(version=0),
    "hello torn": wire.frame(wire.HELLO, b"\1\0\0"),
    "hello too long": wire.frame(wire.HELLO, struct.pack("<HIB", 1, 0, 0) + b"x"),
    "not a frame": b"GET / HTTP/1.1\r\n\r\n",
    "a larger packet than any": b"\1" * (wire.PACKET_MAX + 1),
}


@pytest.fixture
def bystander(daemon, collector):
    """A well-behaved client; in the end it is asked whether it has noticed anything."""
    with daemon.client(b"bystander") as client:
        client.open(1, b"bystander")
        yield client
        client.log(1, b"as if nothing had happened")
        client.flush()
        # Levels that others lease are all it may have heard of.
        assert {frame.type for frame in client.frames} <= {wire.LEVEL_MAP}
        collector.wait_for_text(b"as if nothing had happened")


def one_client_less(daemon, seconds=5):
    """Only the bystander is left, and nothing of the other."""
    wait_for(lambda: daemon.stats()["clients"]["live"] == 1, "the hostile client is gone", seconds)
    assert daemon.loggers().keys() == {"root", "bystander"}
    daemon.check()
    assert daemon.descriptors() == daemon.descriptors_at_start + 1


@pytest.mark.parametrize("packet", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_frame_closes_that_client_with_a_reason(daemon, bystander, packet):
    with daemon.client(b"hostile") as hostile:
        hostile.send(packet)
        bye = hostile.expect_end()
    assert bye is not None and bye.code == wire.ERROR_PROTOCOL
    assert bye.reason and bye.reason.isprintable()
    one_client_less(daemon)


@pytest.mark.parametrize("packet", BAD_GREETINGS.values(), ids=BAD_GREETINGS.keys())
def test_a_bad_greeting_is_refused(daemon, bystander, packet):
    with wire.Client(daemon.client_path, greet=False) as hostile:
        hostile.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        hostile.send(packet)
        bye = hostile.expect_end()
    assert bye is not None and bye.code == wire.ERROR_PROTOCOL
    assert bye.reason and bye.reason.isprintable()
    one_client_less(daemon)


@pytest.mark.parametrize("version", [2, 65535])
def test_a_later_version_is_answered_with_ours(daemon, bystander, version):
    """What it says beyond ours is skipped; then it is for the client to go on or not."""
    with wire.Client(daemon.client_path, greet=False) as later:
        body = struct.pack("<HI", version, 0xFFFFFFFF) + wire.string8(b"later") + b"and more"
        later.send(wire.frame(wire.HELLO, body))
        welcome = struct.unpack("<HII", later.expect(wire.WELCOME).body)
        assert welcome == (wire.VERSION, wire.FEATURES, wire.RECORD_MAX)
        later.flush()
    one_client_less(daemon)


def test_what_came_before_the_broken_frame_counts(daemon, bystander, collector):
    with daemon.client(b"hostile") as hostile:
        hostile.send(OPEN_APP, wire.record(1, b"first"), wire.record(1, b"second"), b"broken")
        hostile.expect_end()
    assert collector.texts(2) == [b"first", b"second"]
    one_client_less(daemon)


def test_every_cut_of_a_packet_is_survived(daemon, bystander):
    """All prefixes of a packet with every kind of frame, each from a client of its own."""
    whole = b"".join([
        OPEN_APP, wire.set_level(1, 30), wire.set_context(1, b"k", b"v"),
        wire.record(1, b"text", level=40, original_length=9), wire.dropped(1, 2, 3),
        wire.flush(1), wire.close_logger(1),
    ])
    ends = {len(whole)}
    at = 0
    while at < len(whole):
        at += 8 + struct.unpack_from("<I", whole, at + 4)[0]
        ends.add(at)
    for length in range(1, len(whole)):
        with daemon.client(b"hostile") as hostile:
            hostile.send(whole[:length])
            if length in ends:
                hostile.flush()
            else:
                assert hostile.expect_end().code == wire.ERROR_PROTOCOL
    one_client_less(daemon)


# What a byte is changed by: the three that tell most, then all others.
CHANGES = [0x01, 0x80, 0xFF, *set(range(1, 256)) - {0x01, 0x80, 0xFF}]


@pytest.mark.long
def test_every_changed_byte_of_a_packet_is_survived(daemon, bystander):
    whole = wire.set_context(1, b"k", b"v") + wire.record(1, b"text") + wire.close_logger(1)
    for number in steps(3 * len(whole), len(CHANGES) * len(whole)):
        packet = bytearray(OPEN_APP + whole)
        packet[len(OPEN_APP) + number % len(whole)] ^= CHANGES[number // len(whole)]
        survives(daemon, bytes(packet))
    one_client_less(daemon)


def survives(daemon, *packets):
    """Whatever a client says behind its greeting: it is served, or closed with a reason."""
    last = wire.flush(0xFEDCBA98)
    with daemon.client(b"hostile") as hostile:
        try:
            for packet in (*packets, last):
                hostile.send(packet)
            while hostile.expect(wire.FLUSHED).body != last[8:]:
                pass  # it was the answer to one of the packets
        except (AssertionError, BrokenPipeError, ConnectionResetError):
            assert hostile.expect_end().code == wire.ERROR_PROTOCOL
    daemon.step()


@pytest.mark.long
def test_random_packets_are_survived(daemon, bystander):
    """Good frames and broken ones in any order, whole, cut, and with bytes changed."""
    seed = random.SystemRandom().randrange(1 << 32)
    print("seed", seed)  # shown when the test fails
    chance = random.Random(seed)
    known = [*BROKEN.values(), wire.set_level(1, 30), wire.set_context(1, b"k", b"v"),
             wire.record(1, b"text"), wire.close_logger(1), wire.open_logger(2, b"app.part")]
    for _ in steps(100, 20000):
        survives(daemon, *(spoilt(chance, known) for _ in range(chance.randint(1, 5))))
    one_client_less(daemon)


def spoilt(chance, known):
    """A packet of a few known frames, perhaps cut or changed; never empty, which is an end."""
    packet = bytearray(OPEN_APP + b"".join(chance.choices(known, k=chance.randint(0, 3))))
    if chance.random() < 0.5:
        packet[chance.randrange(len(packet))] = chance.randrange(256)
    if chance.random() < 0.2:
        del packet[chance.randrange(1, len(packet)) :]
    return bytes(packet[: wire.PACKET_MAX])


def test_a_refused_request_costs_nothing_else(daemon, bystander, collector):
    bad_names = [b"n" * 256, b"n" * 65535, b"nul\0inside", b".".join([b"x"] * 33)]
    bad_contexts = [(b"", b"v"), (b"k" * 33, b"v"), (b"a b", b"v"), (b"k", b"v" * 1025)]
    with daemon.client(b"clumsy") as clumsy:
        for number, name in enumerate(bad_names, 100):
            clumsy.open(number, name)
            refused = wire.refusal(clumsy.expect(wire.ERROR).body)
            assert (refused.code, refused.logger_id) == (wire.ERROR_NAME, number)
            assert refused.reason and refused.reason.isprintable()
            clumsy.log(number, b"to a logger that was refused")
        clumsy.open(1, b"clumsy")
        for key, value in bad_contexts:
            clumsy.send(wire.set_context(1, key, value))
            refused = wire.refusal(clumsy.expect(wire.ERROR).body)
            assert (refused.code, refused.logger_id) == (wire.ERROR_CONTEXT, 1)
        for number in range(33):
            clumsy.send(wire.set_context(1, b"key%d" % number, b"v"))
        assert wire.refusal(clumsy.expect(wire.ERROR).body).code == wire.ERROR_CONTEXT
        clumsy.log(7777, b"to a logger that never was")
        clumsy.log(1, b"and to a good one")
        clumsy.flush()
        clumsy.send(wire.close_logger(1))
        clumsy.log(1, b"to a logger that is closed")
        clumsy.flush()
    (message,) = collector.messages(1)
    assert message.text == b"and to a good one"
    assert len(message.context) == 32
    records = daemon.stats()["records"]
    assert records["rejected_by"]["unknown_logger"] == records["rejected"] == len(bad_names) + 2
    one_client_less(daemon)


def test_the_longest_names_and_texts_pass(daemon, bystander, collector):
    with daemon.client(b"a" * 255) as client:
        client.open(0xFFFFFFFF, b"n" * 255)
        client.open(0, b".".join([b"x"] * 32))
        client.log(0xFFFFFFFF, b"y" * wire.RECORD_MAX)
        client.log(0, b"")
        client.flush()
        longest, empty = collector.messages(2)
    assert longest.app == "a" * 48
    assert longest.sd["logfwd@32473"]["truncated"] == str(wire.RECORD_MAX)
    assert len(collector.datagrams[0]) <= 2048
    assert empty.text == b""
    assert daemon.stats()["targets"]["central"]["truncated"] == 1
    one_client_less(daemon)


def test_passed_descriptors_do_not_stay(daemon, bystander):
    """Descriptors sent along with frames are refused or closed; the daemon keeps none."""
    read_end, write_end = os.pipe()
    try:
        with daemon.client(b"hostile") as hostile:
            for count in (1, 10, 253):
                rights = array.array("i", [write_end] * count)
                control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)]
                try:
                    hostile.socket.sendmsg([wire.flush(count)], control)
                    hostile.expect(wire.FLUSHED)
                except (OSError, AssertionError):
                    break  # refused by the kernel, or by the daemon: both are well
                assert daemon.descriptors() == daemon.descriptors_at_start + 2
        one_client_less(daemon)
    finally:
        os.close(write_end)
        assert os.read(read_end, 1) == b"", "no copy of the write end is left anywhere"
        os.close(read_end)


def test_a_client_that_never_reads_harms_nobody(daemon, bystander):
    """Its answers pile up to a bound; the daemon neither waits for it nor grows with it."""
    with daemon.client(b"hostile") as hostile:
        hostile.socket.settimeout(0.5)
        try:
            for token in range(20000):
                hostile.send(*[wire.flush(token)] * 20)
        except (BlockingIOError, TimeoutError, BrokenPipeError, ConnectionResetError):
            pass
        bystander.flush()
        assert resident_bytes(daemon) < 256 << 20
    one_client_less(daemon)


def resident_bytes(daemon):
    with open(f"/proc/{daemon.pid}/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_a_crowd_does_not_take_the_descriptors_that_others_need(collector):
    """The process may have 200 descriptors, and 300 clients want one each and say nothing.

    Most are turned away with the reason; the client that was there first is served on, and
    for its first record a socket is opened although the crowd is still there.
    """
    daemon = Daemon("limits { uid-share = 100 }\n" + target("central", collector))
    crowd = []
    try:
        daemon.start(["prlimit", "--nofile=200:200", LOGFWDD, "-f", str(daemon.config_path)])
        with daemon.client() as first:
            first.open(1, b"app")
            for _ in range(300):
                crowd.append(wire.Client(daemon.client_path, greet=False))
            first.log(1, *[b"%d" % number for number in range(50)])
            first.flush()
            assert collector.texts(50) == [b"%d" % number for number in range(50)]
            assert crowd[-1].expect_end().code == wire.ERROR_CLIENTS
            for each in crowd:
                each.close()
            wait_for(lambda: daemon.stats()["clients"]["live"] == 1, "the crowd is gone")
            with daemon.client() as late:
                late.open(1, b"late")
                late.flush()
        daemon.stop()
    finally:
        for each in crowd:
            each.close()
        daemon.discard()


@pytest.mark.parametrize("clients, said", [
    (10000, "42 clients at most, 14 of them with a ring"),
    (40, "40 clients at most, 16 of them with a ring"),
    (20, None),
])  # fmt: skip
def test_too_few_descriptors_are_told_of(collector, clients, said):
    """Of 200, 16 are the pool's and 128 kept for all else; rings give way before clients do."""
    daemon = Daemon(f"limits {{ clients = {clients} }}\n" + target("central", collector))
    try:
        daemon.start(["prlimit", "--nofile=200:200", LOGFWDD, "-f", str(daemon.config_path)])
        warnings = re.findall(r"may have 200 descriptors: (.*);", daemon.stderr())
        assert warnings == ([] if said is None else [said])
        daemon.stop()
    finally:
        daemon.discard()


def test_the_limit_of_clients_holds(start_daemon, collector):
    daemon = start_daemon(
        "limits { clients = 4 uid-share = 100 }\n" + target("central", collector)
    )
    clients = [daemon.client() for _ in range(4)]
    try:
        for _ in range(3):
            with wire.Client(daemon.client_path, greet=False) as refused:
                bye = refused.expect_end()
            assert bye is not None and bye.code == wire.ERROR_CLIENTS
            assert bye.reason.isprintable()
        assert daemon.stats()["clients"]["live"] == 4
        counts = daemon.stats()["clients"]
        assert counts["refused"] == counts["refused_by"]["limit"] == 3
        clients.pop().close()
        wait_for(lambda: daemon.stats()["clients"]["live"] == 3, "a place is free")
        clients.append(daemon.client())
        clients[-1].open(1, b"app")
        clients[-1].log(1, b"in the place that became free")
        collector.received(1)
    finally:
        for client in clients:
            client.close()


def test_the_limit_of_loggers_holds(start_daemon, collector):
    daemon = start_daemon(
        "limits { loggers = 10 uid-share = 100 }\n" + target("central", collector)
    )
    with daemon.client() as client:
        for number in range(13):
            client.open(number, b"Connection.%d" % number)
        client.flush()
        refused = [wire.refusal(client.expect(wire.ERROR).body) for _ in range(3)]
        assert [each.code for each in refused] == [wire.ERROR_LIMIT] * 3
        assert [each.logger_id for each in refused] == [10, 11, 12]
        assert daemon.stats()["loggers"]["leased"] == 10
        loggers = daemon.stats()["loggers"]
        assert loggers["refused"] == loggers["refused_by"]["limit"] == 3
        text = daemon.ctl("stats")
        reasons = re.findall(r"refused_by\n((?: {4}\S+ +\d+\n)+)", text)
        assert [each.split() for each in reasons] == [["limit", "3"]], text
        client.send(wire.close_logger(0))
        client.open(13, b"Connection.13")
        client.log(13, b"in the place that became free")
        client.flush()
        assert client.frames == []
        collector.received(1)
    wait_for(lambda: daemon.stats()["loggers"]["leased"] == 0, "all are given back")
    with daemon.client() as client:
        for number in range(10):
            client.open(number, b"again.%d" % number)
        client.flush()
        assert client.frames == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may act as two users")
def test_one_user_cannot_take_it_all(start_daemon, collector):
    daemon = start_daemon(
        "limits { clients = 8 loggers = 40 uid-share = 25 }\n" + target("central", collector)
    )
    script = (
        "import sys\n"
        "from tests.support import wire\n"
        "clients = [wire.Client(sys.argv[1]) for _ in range(2)]\n"
        "refused = wire.Client(sys.argv[1], greet=False)\n"
        "assert refused.expect_end().code == wire.ERROR_CLIENTS\n"
        "for number in range(11):\n"
        "    clients[number // 6].open(number, b'greedy.%d' % number)\n"
        "    clients[number // 6].flush()\n"
        "told = wire.refusal(clients[1].expect(wire.ERROR).body)\n"
        "assert (told.code, told.logger_id) == (wire.ERROR_LIMIT, 10), told\n"
        "print('full', flush=True)\n"
        "sys.stdin.read()\n"
    )
    greedy = subprocess.Popen(
        [sys.executable, "-c", script, str(daemon.client_path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=SOURCE, user=65534,
    )
    try:
        assert greedy.stdout.readline() == "full\n"
        stats = daemon.stats()
        assert (stats["clients"]["live"], stats["loggers"]["leased"]) == (2, 10)
        with daemon.client() as other:  # root's share is untouched
            for number in range(10):
                other.open(number, b"modest.%d" % number)
            other.flush()
            assert other.frames == []
            assert daemon.stats()["loggers"]["leased"] == 20
    finally:
        greedy.stdin.close()
        assert greedy.wait(20) == 0
        greedy.stdout.close()
    wait_for(lambda: daemon.stats()["loggers"]["leased"] == 0, "all are given back")
