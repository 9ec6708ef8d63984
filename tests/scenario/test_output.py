"""Records find their way out: in order, over few sockets, around servers that are away.

When the first of two servers closes its port, the kernel's refusal is heard and all goes to
the second; what was handed over just before is counted as refused, and nothing else is
missing. A pool of one socket serves many targets, one socket at a time, by the kernel's own
count. When nobody can be reached the queue holds what it may, gives up records by the
policy of its target, counts them, and says so in one record once there is room again.
"""

import re
import time

import pytest

from tests.support import wire
from tests.support.daemon import target
from tests.support.procfs import UdpSampler
from tests.support.waiting import wait_for

NOTICE = re.compile(
    rb"(\d+) records? lost: queue_full (\d+); first (\S+Z), last (\S+Z)"
    rb"; most affected (\S+), at least (\d+)"
)


def numbered(count, start=0):
    return [b"%d" % number for number in range(start, start + count)]


def numbers_at(collector):
    """The numbers that arrived there, without what the daemon says itself."""
    return [int(text) for text in collector.texts() if text.isdigit()]


def log_paced(client, collector, texts, batch=50):
    """Records in small batches, so that no socket buffer runs over on a loaded machine."""
    for start in range(0, len(texts), batch):
        client.log(1, *texts[start : start + batch])
        client.flush()


def drained(daemon, name="central"):
    """Stats once nothing waits for the target any more."""
    return daemon.wait_for_stats(
        lambda stats: not stats["targets"][name]["queued"], f"nothing waits for {name}", 60
    )


def test_failover_when_the_first_server_closes_its_port(start_daemon, collectors):
    first, second = collectors(), collectors()
    daemon = start_daemon(target("central", first, second))
    with daemon.client() as client:
        client.open(1, b"app")
        log_paced(client, first, numbered(500))
        first.received(500)
        assert second.datagrams == []
        first.stop()
        log_paced(client, second, numbered(1500, start=500))
        daemon.check()
        central = drained(daemon)["targets"]["central"]
    assert numbers_at(first) == list(range(500))
    second.received(central["sent"] - 500 - central["refused"])
    arrived = numbers_at(second)
    assert arrived == sorted(set(arrived)), "in order, none twice"
    missing = set(range(500, 2000)) - set(arrived)
    assert 1 <= len(missing) == central["refused"]
    # Lost are those handed over before the refusal, and a probe of the closed port now and then.
    assert len(missing) <= 10
    assert central["enqueued"] == central["sent"] == 2000
    assert central["servers"][first.address]["state"] in ("down", "probing")
    assert central["servers"][second.address]["state"] == "up"
    assert central["servers"][first.address]["errors"].get("ECONNREFUSED", 0) >= 1


def test_the_first_server_is_used_again_once_it_is_back(start_daemon, collectors):
    first, second = collectors(), collectors()
    daemon = start_daemon(target("central", first, second))
    first.stop()
    sent = 0
    with daemon.client() as client:
        client.open(1, b"app")
        log_paced(client, second, numbered(20))
        second.received(1)
        first.start()

        def first_serves():
            nonlocal sent
            client.log(1, b"%d" % (20 + sent))
            client.flush()
            sent += 1
            return daemon.stats()["targets"]["central"]["servers"][first.address]["state"] == "up"

        wait_for(first_serves, "the first server serves again", 60, pause=0.05)
        before = len(second.datagrams)
        client.log(1, b"to the first")
        client.flush()
        first.wait_for_text(b"to the first")
        assert len(second.datagrams) == before
    central = drained(daemon)["targets"]["central"]
    total = 20 + sent + 1
    assert central["sent"] == total
    assert len(first.datagrams) + len(second.datagrams) + central["refused"] == total


def test_all_waits_while_both_servers_are_away(start_daemon, collectors):
    first, second = collectors(), collectors()
    first.stop()
    second.stop()
    daemon = start_daemon(target("central", first, second))
    with daemon.client() as client:
        client.open(1, b"app")
        log_paced(client, second, numbered(300))
        assert daemon.stats()["targets"]["central"]["queued"] > 250
        second.start()
        central = drained(daemon)["targets"]["central"]
    second.received(central["sent"] - central["refused"])
    arrived = numbers_at(second)
    assert arrived == sorted(set(arrived))
    assert len(arrived) == 300 - central["refused"]
    assert not any(central["dropped"].values())


def test_a_pool_of_one_serves_many_targets(start_daemon, collectors):
    """Each record needs another target's socket than the one before; never two are open."""
    names = ["one", "two", "three", "four"]
    by_name = {name: collectors() for name in names}
    config = "pool { sockets = 1 }\n"
    for name in names:
        config += target(name, by_name[name])
        config += f"handler {name} {{ target = {name} }}\n"
        config += f"logger {name} {{ handlers = {{{name}}} propagate = false }}\n"
    daemon = start_daemon(config + "logger root { level = info }\n")
    with UdpSampler(daemon.pid) as sampler, daemon.client() as client:
        for number, name in enumerate(names):
            client.open(number, name.encode())
        rounds = 0
        while rounds < 100 or sampler.samples < 20:
            for number in range(len(names)):
                client.log(number, b"%d" % rounds)
            client.flush()
            rounds += 1
        for name in names:
            assert by_name[name].texts(rounds) == numbered(rounds)
    assert sampler.most == 1
    sockets = daemon.stats()["sockets"]
    assert (sockets["open"], sockets["limit"], sockets["peak"]) == (1, 1, 1)
    assert sockets["evicted"] >= 3


def test_idle_sockets_are_closed(start_daemon, collector):
    daemon = start_daemon("pool { idle-timeout = 1 }\n" + target("central", collector))
    with daemon.client() as client:
        client.open(1, b"app")
        client.log(1, b"one")
        collector.received(1)
        assert daemon.udp_sockets() == 1
        wait_for(lambda: daemon.udp_sockets() == 0, "the idle socket is closed")
        assert daemon.stats()["sockets"]["open"] == 0
        client.log(1, b"two")
        assert collector.texts(2) == [b"one", b"two"]


# 480 bytes a datagram and what the queue adds: 8 KiB hold a dozen or so.
PADDING = b" " + b"." * 300


@pytest.mark.parametrize("policy", ["drop-oldest", "drop-newest", "drop-lowest"])
def test_a_full_queue_gives_up_records_by_policy(start_daemon, collector, policy):
    collector.stop()
    daemon = start_daemon(target("central", collector, queue_bytes=8192, when_full=policy))
    # One goes out and is refused, by which the server is known to be down.
    with daemon.client() as client:
        client.open(1, b"app")
        client.log(1, b"gone")
        client.flush()
        severe = {number for number in range(60) if number % 10 == 5}
        for number in range(60):
            client.log(1, b"%d" % number + PADDING, level=50 if number in severe else 20)
        client.flush()
        stats = daemon.stats()["targets"]["central"]
        assert stats["queued"] >= 8 and stats["queued_bytes"] <= 8192
        lost = stats["dropped"]["queue_full"]
        assert lost >= 30
    collector.start()
    notice = collector.wait_for_text(b"lost")
    stats = drained(daemon)["targets"]["central"]
    assert stats["dropped"]["queue_full"] == lost, "nothing was given up after that"
    assert stats["notices"] == 1
    told = NOTICE.fullmatch(notice.text)
    assert told is not None, notice.text
    assert int(told[1]) == int(told[2]) == int(told[6]) == lost
    assert told[5] == b"app"
    assert told[3] <= told[4]
    assert (notice.app, notice.severity) == ("logfwdd", 4)
    assert notice.procid == str(daemon.pid)
    check_who_was_given_up(policy, collector, stats, severe)


def check_who_was_given_up(policy, collector, stats, severe):
    arrived = [int(text.split()[0]) for text in collector.texts() if text.endswith(PADDING)]
    assert arrived == sorted(set(arrived)), "in order, none twice"
    # Of those that were kept, one may have been a probe that the closed port refused.
    missing_probes = stats["refused"]
    kept = 60 - stats["dropped"]["queue_full"]
    assert kept - missing_probes <= len(arrived) <= kept
    if policy == "drop-oldest":
        assert arrived == list(range(60 - len(arrived), 60))
    elif policy == "drop-newest":
        assert set(arrived) <= set(range(kept))
    else:
        assert len(severe - set(arrived)) <= missing_probes


def test_a_notice_names_who_lost_most(start_daemon, collector):
    """A logger for each connection: what they have in common, and not the one of the other."""
    daemon = start_daemon(
        target("central", collector, rate=1000, queue_bytes=65536, when_full="drop-newest")
    )
    with daemon.client() as client:
        client.open(1, b"other.part")
        for number in range(2, 402):
            client.open(number, b'edge.Connection "].%d' % number)
        for number in range(2, 402):
            client.log(number, *[b"x" * 200] * 5)
            client.log(1, b"x" * 200)
        client.flush()
        lost = daemon.stats()["targets"]["central"]["dropped"]["queue_full"]
        assert lost > 1000
        notice = collector.wait_for_text(b"lost")
    told = re.search(rb"most affected (.+), at least (\d+)$", notice.text)
    assert told[1] == rb'edge.Connection \"\]'
    assert lost // 2 <= int(told[2]) <= lost


def test_a_loss_is_announced_once_for_each_time(start_daemon, collector):
    """Two outages, two notices, each with its own number."""
    collector.stop()
    daemon = start_daemon(target("central", collector, queue_bytes=4096))
    told = []
    with daemon.client() as client:
        client.open(1, b"app")
        for outage in range(2):
            client.log(1, b"gone", b"gone")
            client.flush()
            client.log(1, *[b"%d" % number + PADDING for number in range(40)])
            client.log(1, b"as long as several of them" + PADDING * 5)
            client.flush()
            collector.forget()
            collector.start()
            told.append(int(NOTICE.fullmatch(collector.wait_for_text(b"lost").text)[1]))
            stats = drained(daemon)["targets"]["central"]
            assert stats["notices"] == outage + 1
            assert sum(told) == stats["dropped"]["queue_full"]
            collector.stop()


def test_a_name_that_does_not_resolve_holds_up_nobody_else(start_daemon, collector):
    config = (
        target("central", collector)
        + target("nowhere", "collector.invalid:514", queue_bytes=8192)
        + "handler default { target = central }\nhandler nowhere { target = nowhere }\n"
        + "logger root { level = info handlers = {default, nowhere} }\n"
    )
    daemon = start_daemon(config)
    with daemon.client() as client:
        client.open(1, b"app")
        log_paced(client, collector, numbered(200))
        assert collector.texts(200) == numbered(200)
    nowhere = daemon.stats()["targets"]["nowhere"]
    assert nowhere["enqueued"] == 200
    assert nowhere["sent"] == 0
    assert nowhere["servers"]["collector.invalid:514"]["state"] == "unresolved"


def test_what_a_collector_says_is_not_listened_to(daemon, client, collector):
    """Replies to the daemon's port, and many of them, change nothing."""
    client.open(1, b"app")
    for number in range(20):
        client.log(1, b"%d" % number)
        client.flush()
        collector.received(number + 1)
        for _ in range(500):
            collector.socket.sendto(b"<0>1 - - - - - - forged" * 10, collector.sources[-1])
    assert collector.texts(20) == numbered(20)
    assert daemon.stats()["records"]["received"] == 20
    assert daemon.stats()["sockets"]["opened"] == 1


def test_order_is_kept_for_each_logger(start_daemon, collector):
    daemon = start_daemon(target("central", collector, sequence="true"))
    with daemon.client(b"one") as one, daemon.client(b"two") as two:
        for client in (one, two):
            for number in range(10):
                client.open(number, b"Connection.%d" % number)
        for text in numbered(50):
            for client in (one, two):
                client.send(*[wire.record(number, text) for number in range(10)])
            one.flush()
        messages = collector.messages(1000)
    for app in ("one", "two"):
        for number in range(10):
            own = [
                message.text for message in messages
                if (message.app, message.logger) == (app, f"Connection.{number}")
            ]
            assert own == numbered(50)
    sequence = [int(message.sd["meta"]["sequenceId"]) for message in messages]
    assert sequence == list(range(1, 1001))


def test_dev_log_never_blocks_its_senders_while_the_collector_is_away(start_daemon, collector):
    collector.stop()
    daemon = start_daemon(target("central", collector, queue_bytes=4096))
    daemon.syslog(*[b"<13>tag: %d" % number for number in range(2000)])  # or it would time out
    stats = daemon.wait_for_stats(lambda stats: stats["records"]["received"] == 2000, "all taken")
    assert stats["targets"]["central"]["dropped"]["queue_full"] > 1900
    collector.start()  # so that the daemon has little to wait for in the end


def arrivals(collector, count):
    """When each datagram of the first count came, as the test saw it."""
    seen = []

    def all_there():
        now = time.monotonic()
        seen.extend([now] * (len(collector.datagrams) - len(seen)))
        return len(seen) >= count

    wait_for(all_there, f"{count} datagrams")
    return seen


def test_a_rate_paces_and_loses_nothing(start_daemon, collector):
    """400 at once, 200 a second: a tenth of a second's worth at once, the others evenly."""
    daemon = start_daemon(target("central", collector, rate=200))
    texts = [b"%d" % number for number in range(400)]
    with daemon.client() as client:
        client.open(1, b"app")
        begin = time.monotonic()
        client.log(1, *texts)
        client.flush()
        assert daemon.stats()["targets"]["central"]["queued"] > 0
        arrived = arrivals(collector, 400)
    assert collector.texts() == texts
    # Never sooner than the rate allows, whatever else the machine does; later is no fault.
    for number, at in enumerate(arrived):
        assert number <= 20 + 200 * (at - begin) + 3, f"{number} after {at - begin} s"
    central = drained(daemon)["targets"]["central"]
    assert (central["sent"], sum(central["dropped"].values())) == (400, 0)


def test_what_a_rate_holds_back_is_bounded_by_the_queue(start_daemon, collector):
    """Nothing is lost but by the bound of the queue, and that is announced."""
    daemon = start_daemon(target("central", collector, rate=100, queue_bytes=4096))
    with daemon.client() as client:
        client.open(1, b"app")
        client.log(1, *[b"%d" % number for number in range(300)])
        client.flush()
    told = NOTICE.fullmatch(collector.wait_for_text(b"lost").text)
    central = drained(daemon)["targets"]["central"]
    assert int(told[1]) == int(told[2]) == central["dropped"]["queue_full"] > 200
    assert len(collector.received(central["sent"])) == 301 - central["dropped"]["queue_full"]


def test_a_rate_holds_at_the_end_too(start_daemon, collector):
    """The daemon waits its time, sends what the rate allows, and counts the rest as lost."""
    daemon = start_daemon(target("central", collector, rate=10))
    with daemon.client() as client:
        client.open(1, b"app")
        client.log(1, *[b"%d" % number for number in range(1000)])
        client.flush()
        begin = time.monotonic()
        daemon.terminate()
        elapsed = time.monotonic() - begin
    daemon.assert_clean_exit()
    assert 1 <= len(collector.datagrams) <= 10 * elapsed + 30
    assert collector.texts() == [b"%d" % number for number in range(len(collector.datagrams))]
