"""Several collectors, and what a target's policy makes of them.

Balance gives each its share; sticky gives each logger a collector of its own and moves only
those whose collector is away; a mirror gives all of it to all, and one that is away loses its
own copies only, under its own count. Several source ports let a collector see several senders,
of which a logger is always the same one. Records that a collector refused too late are sent
again, marked. The pool's bound and the ledgers hold all the time.
"""

import collections

import pytest

from tests.support import wire
from tests.support.daemon import target
from tests.support.procfs import UdpSampler
from tests.support.waiting import wait_for

LOGGERS = 12


@pytest.fixture
def loggers(start_daemon):
    """Starts a daemon and returns it with a function that logs one record to each of a dozen loggers."""
    clients = []

    def start(config):
        daemon = start_daemon(config)
        client = daemon.client()
        clients.append(client)
        for number in range(LOGGERS):
            client.open(number, b"Connection.%d" % number)
        return daemon, lambda text: log(client, text)

    def log(client, text):
        client.send(*[wire.record(number, text) for number in range(LOGGERS)])
        client.flush()

    yield start
    for client in clients:
        client.close()


def central_of(daemon):
    """The target's account, once nothing waits for it any more."""
    stats = daemon.wait_for_stats(
        lambda stats: not stats["targets"]["central"]["queued"]
        and not stats["targets"]["central"]["resending"],
        "nothing waits", 60,
    )
    return stats["targets"]["central"]


def by_logger(collector):
    """The texts that came there, by logger and in their order."""
    texts = collections.defaultdict(list)
    for message in collector.messages():
        texts[message.logger].append(int(message.text))
    return texts


def test_balance_gives_each_its_share(loggers, collectors):
    three = [collectors() for _ in range(3)]
    daemon, log = loggers(target("central", *three, policy="balance"))
    for number in range(60):
        log(b"%d" % number)
    central = central_of(daemon)
    assert central["sent"] == 60 * LOGGERS
    shares = [central["servers"][each.address]["sent"] for each in three]
    for each, share in zip(three, shares):
        each.received(share)
        for texts in by_logger(each).values():
            assert texts == sorted(texts)
    assert sum(shares) == central["sent"]
    assert min(shares) > central["sent"] / 6


def test_sticky_moves_only_the_loggers_of_a_collector_that_is_away(loggers, collectors):
    three = [collectors() for _ in range(3)]
    daemon, log = loggers(target("central", *three, policy="sticky", resend=64))
    log(b"0")
    wait_for(lambda: sum(len(each.datagrams) for each in three) == LOGGERS, "all are there")
    homes = {logger: each for each in three for logger in by_logger(each)}
    assert len(homes) == LOGGERS
    away = max(three, key=lambda each: len(each.datagrams))
    away.stop()
    for number in range(1, 20):
        log(b"%d" % number)
    assert central_of(daemon)["refused"] == 0
    for logger, home in homes.items():
        if home is not away:
            wait_for(lambda: by_logger(home)[logger] == list(range(20)), f"{logger} stays")
    moved = [by_logger(each)[logger] for logger, home in homes.items() if home is away
             for each in three if each is not away and logger in by_logger(each)]
    assert moved == [list(range(1, 20))] * len(away.datagrams)
    away.start()

    def is_home():
        log(b"99")
        return daemon.stats()["targets"]["central"]["servers"][away.address]["state"] == "up"

    wait_for(is_home, "the collector is used again", 30, pause=0.1)
    for each in three:
        each.forget()
    log(b"100")
    wait_for(lambda: sum(len(each.datagrams) for each in three) >= LOGGERS, "all are there")
    assert {logger: each for each in three for logger in by_logger(each)} == homes


def test_a_mirror_that_is_away_loses_its_own_copies_only(loggers, collectors):
    here, away = collectors(), collectors()
    away.stop()
    daemon, log = loggers(target("central", here, away, policy="mirror", queue_bytes=8192))
    for number in range(50):
        log(b"%d" % number)
    here.received(50 * LOGGERS)
    for texts in by_logger(here).values():
        assert texts == list(range(50))
    central = daemon.stats()["targets"]["central"]
    accounts = [central["servers"][each.address] for each in (here, away)]
    for account in accounts:
        assert account["enqueued"] == 50 * LOGGERS
        assert account["enqueued"] == (
            account["sent"] + sum(account["dropped"].values()) + account["queued"]
        )
    assert accounts[0]["sent"] == 50 * LOGGERS and not any(accounts[0]["dropped"].values())
    assert accounts[1]["dropped"]["queue_full"] > 400
    assert central["enqueued"] == sum(account["enqueued"] for account in accounts)
    assert daemon.stats()["records"]["deliveries"] == 2 * 50 * LOGGERS
    away.start()
    notice = away.wait_for_text(b"lost")
    assert int(notice.text.split()[0]) == accounts[1]["dropped"]["queue_full"]
    assert not any(b" lost: " in datagram for datagram in here.datagrams)
    central_of(daemon)


def test_each_logger_has_one_of_several_source_ports(loggers, collector):
    daemon, log = loggers(target("central", collector, sockets=4))
    with UdpSampler(daemon.pid) as sampler:
        for number in range(20):
            log(b"%d" % number)
        wait_for(lambda: sampler.samples > 3, "it was looked at")
    messages = collector.messages(20 * LOGGERS)
    ports = collections.defaultdict(set)
    for message, source in zip(messages, collector.sources):
        ports[message.logger].add(source)
    assert all(len(own) == 1 for own in ports.values())
    assert 2 <= len(set(collector.sources)) <= 4
    assert sampler.most <= 4
    for texts in by_logger(collector).values():
        assert texts == list(range(20))
    servers = daemon.request("targets")["targets"]["central"]["servers"]
    assert servers[collector.address]["sockets"] == len(set(collector.sources))


def test_refused_records_are_sent_again_and_marked(loggers, collector):
    daemon, log = loggers(target("central", collector, resend=100))
    for number in range(3):
        log(b"%d" % number)
    collector.received(3 * LOGGERS)
    for outage in range(2):
        collector.stop()
        for number in range(3):
            log(b"%d" % (3 + outage * 3 + number))
        assert daemon.stats()["targets"]["central"]["queued"] > 0
        collector.start()
        central = central_of(daemon)
    assert central["sent"] == 9 * LOGGERS
    assert central["refused"] == 0
    collector.received(9 * LOGGERS)
    for texts in by_logger(collector).values():
        assert texts == list(range(9)), "each once, in order"
    marked = [message for message in collector.messages()
              if message.sd["logfwd@32473"].get("resent") == "true"]
    assert 2 <= len(marked) <= central["resent"]


@pytest.mark.parametrize("format", ["rfc5424", "rfc3164"])
def test_the_mark_fits_into_the_datagram(start_daemon, collector, format):
    collector.stop()
    daemon = start_daemon(
        target("central", collector, resend=10, datagram_bytes=480)
        + f"handler default {{ target = central format = {format} }}\n"
    )
    with daemon.client() as client:
        client.open(1, b"app")
        client.log(1, b"x" * 1000, b"x" * 1000)
        client.flush()
    collector.start()
    assert central_of(daemon)["truncated"] == 2
    datagrams = collector.received(2)
    # There is room for the longer of the two marks.
    marks = {"rfc5424": (480, b' resent="true"]'), "rfc3164": (475, b" [resent] xxx")}
    length, mark = marks[format]
    assert mark in datagrams[0]
    assert max(len(datagram) for datagram in datagrams) == length


def test_two_hundred_servers_share_a_small_pool(start_daemon, collectors):
    """A hundred mirrors of two servers each, by sixteen sockets."""
    collector = collectors()
    collector.stop()
    collector.host = "0.0.0.0"  # all of 127.0.0.0/8
    collector.start()
    names = [f"t{number}" for number in range(100)]
    config = "pool { sockets = 16 }\n"
    for number, name in enumerate(names):
        servers = [f"127.20.{half}.{number + 1}:{collector.port}" for half in range(2)]
        config += target(name, *servers, policy="mirror")
        config += f"handler {name} {{ target = {name} facility = {number % 24} }}\n"
    daemon = start_daemon(config + f"logger root {{ handlers = {{{', '.join(names)}}} }}\n")
    with UdpSampler(daemon.pid) as sampler, daemon.client() as client:
        client.open(1, b"app")
        for number in range(10):
            client.log(1, b"%d" % number)
            client.flush()
            collector.received((number + 1) * 200)
        wait_for(lambda: sampler.samples > 20, "it was looked at")
    assert collections.Counter(collector.texts()) == {b"%d" % number: 200 for number in range(10)}
    stats = daemon.stats()
    assert sampler.most <= 16
    assert stats["sockets"]["peak"] == 16
    evicted = [server["evicted"] for name in names
               for server in stats["targets"][name]["servers"].values()]
    assert len(evicted) == 200
    assert sum(evicted) == stats["sockets"]["evicted"] >= 1000
    assert sum(stats["targets"][name]["sent"] for name in names) == 2000


def test_every_address_of_a_name_is_tried(start_daemon, collectors):
    """In /etc/hosts of every system localhost is 127.0.0.1, and often ::1."""
    here = collectors()
    here.stop()
    here.host, here.port = "127.0.0.1", 0
    here.start()
    daemon = start_daemon(target("central", f"localhost:{here.port}"))
    with daemon.client() as client:
        client.open(1, b"app")
        client.log(1, b"hello")
        here.wait_for_text(b"hello")
    server = daemon.stats()["targets"]["central"]["servers"][f"localhost:{here.port}"]
    assert server["address"] == f"127.0.0.1:{here.port}"
    assert server["addresses"] >= 1


def test_sockets_are_made_as_the_target_says(start_daemon, collector):
    daemon = start_daemon(
        target("central", collector, bind_address='"127.0.0.9"', bind_device="lo", dscp=46)
    )
    with daemon.client() as client:
        client.open(1, b"app")
        client.log(1, b"from there")
        collector.received(1)
        assert collector.sources[0][0] == "127.0.0.9"
        daemon.write_config(target("central", collector, bind_address='"127.0.0.10"'))
        daemon.reload()
        client.log(1, b"from elsewhere")
        collector.received(2)
        assert collector.sources[1][0] == "127.0.0.10"


def test_an_interface_that_is_not_there_is_trouble_of_that_server(start_daemon, collector):
    daemon = start_daemon(target("central", collector, bind_device="nowhere0"))
    with daemon.client() as client:
        client.open(1, b"app")
        client.log(1, b"waits")
        client.flush()
        server = daemon.stats()["targets"]["central"]["servers"][collector.address]
        assert server["state"] == "down"
        assert server["errors"] == {"ENODEV": 2}
        assert f"{collector.address}: bind-device: No such device" in daemon.stderr_path.read_text()
        daemon.write_config(target("central", collector))
        daemon.reload()
        assert collector.texts(1) == [b"waits"]
