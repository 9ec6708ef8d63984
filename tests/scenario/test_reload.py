"""A reload takes effect at once and as a whole, and what stays configured is not disturbed.

New levels, handlers and targets work from the next record on, and clients hear of new
levels without asking. A target that is named again keeps its socket and what it has queued;
one that is gone takes its queue with it, counted. A storm of SIGHUPs is a few reloads, not
thousands, and a thousand reloads, half of them refused, cost neither a record nor memory. What
fails is told to whoever asked.
"""

import signal

import pytest

from tests.support import wire
from tests.support.daemon import target
from tests.support.length import steps
from tests.support.procfs import MemoryWatch
from tests.support.waiting import wait_for


def level_of_root(level):
    return (
        "handler default { target = central }\n"
        f"logger root {{ level = {level} handlers = {{default}} }}\n"
    )


def test_a_new_level_takes_effect_and_clients_hear_of_it(start_daemon, collector):
    daemon = start_daemon(target("central", collector) + level_of_root("info"))
    with daemon.client() as client:
        client.open(1, b"app.part")
        client.log(1, b"one", level=20)
        client.flush()
        daemon.write_config(
            target("central", collector)
            + level_of_root("warning")
            + "logger app { level = error }\n"
        )
        daemon.reload()
        pushed = wire.level_map(client.expect(wire.LEVEL_MAP).body)
        assert pushed.levels == {"": 30, "app": 40}
        client.log(1, b"filtered", level=30)
        client.log(1, b"two", level=40)
        client.flush()
    assert collector.texts(2) == [b"one", b"two"]
    assert daemon.stats()["records"]["filtered"] == 1


def test_new_handlers_and_targets_work_from_the_next_record_on(start_daemon, collector, collectors):
    second = collectors()
    daemon = start_daemon(target("central", collector) + level_of_root("info"))
    with daemon.client() as client:
        client.open(1, b"app")
        client.log(1, b"one")
        client.flush()
        daemon.write_include(
            "10-audit.conf",
            target("audit", second)
            + "handler audit { target = audit facility = local7"
            + ' template = "<{logger}> {message}" }\n'
            + "logger app { handlers = {audit} }\n",
        )
        daemon.reload()
        client.log(1, b"two")
        client.flush()
        daemon.write_include("10-audit.conf", None)
        daemon.reload()
        client.log(1, b"three")
        client.flush()
    assert collector.texts(3) == [b"one", b"two", b"three"]
    (audit,) = second.messages(1)
    assert (audit.text, audit.facility) == (b"<app> two", 23)
    stats = daemon.stats()
    assert stats["targets"].keys() == {"central"}
    assert stats["removed"]["enqueued"] == stats["removed"]["sent"] == 1


def test_a_kept_target_keeps_its_socket(start_daemon, collector):
    daemon = start_daemon(target("central", collector))
    with daemon.client() as client:
        client.open(1, b"app")
        for number in range(5):
            client.log(1, b"%d" % number)
            client.flush()
            collector.received(number + 1)
            daemon.write_config(
                target("central", collector, datagram_bytes=2048 + number)
                + f"logger app.n{number} {{ level = info }}\n"
            )
            daemon.reload()
    assert len(set(collector.sources)) == 1, "one source port, so one socket"
    assert daemon.stats()["sockets"]["opened"] == 1


def test_a_kept_target_keeps_its_queue(start_daemon, collector):
    """What waits for a collector that is away waits on across reloads, in order."""
    collector.stop()
    daemon = start_daemon(target("central", collector))
    texts = [b"%d" % number for number in range(200)]
    with daemon.client() as client:
        client.open(1, b"app")
        for start in range(0, 200, 50):
            client.log(1, *texts[start : start + 50])
            client.flush()
            before = daemon.stats()["targets"]["central"]
            daemon.write_config(
                target("central", collector) + f"logger other.n{start} {{ level = info }}\n"
            )
            daemon.reload()
            after = daemon.stats()["targets"]["central"]
            assert after["enqueued"] == before["enqueued"] == start + 50
            assert after["queued"] > 0
    collector.start()
    stats = daemon.wait_for_stats(
        lambda stats: not stats["targets"]["central"]["queued"], "the queue goes out", 60
    )
    central = stats["targets"]["central"]
    # Some were handed to the kernel and refused by the closed port: those are told apart.
    received = collector.texts(central["sent"] - central["refused"])
    assert len(received) >= 150
    numbers = [int(text) for text in received]
    assert numbers == sorted(set(numbers)), "in order, none twice"
    assert numbers[-1] == 199


def test_a_removed_target_takes_its_queue_with_it(start_daemon, collector, collectors):
    away = collectors()
    away.stop()
    config = (
        target("central", collector)
        + target("away", away)
        + "handler default { target = central }\nhandler away { target = away }\n"
    )
    daemon = start_daemon(config + "logger root { level = info handlers = {default, away} }\n")
    with daemon.client() as client:
        client.open(1, b"app")
        client.log(1, *[b"%d" % number for number in range(100)])
        client.flush()
        before = daemon.stats()["targets"]["away"]
        assert before["queued"] > 0
        daemon.write_config(target("central", collector))
        daemon.reload()
        client.log(1, b"100")
        client.flush()
    removed = daemon.stats()["removed"]
    assert removed["enqueued"] >= 100
    assert "away" not in daemon.stats()["targets"]
    assert collector.texts(101) == [b"%d" % number for number in range(101)]


@pytest.mark.long
def test_a_storm_of_signals_is_a_few_reloads(start_daemon, collector):
    daemon = start_daemon(target("central", collector))
    descriptors = daemon.links().keys()
    with daemon.client() as client:
        client.open(1, b"app")
        logged = []
        for number in steps(500, 50000):
            daemon.process.send_signal(signal.SIGHUP)
            if number % 50 == 0:
                logged.append(b"%d" % number)
                client.log(1, logged[-1])
                daemon.check()
        daemon.write_config(target("central", collector) + "logger last { level = debug }\n")
        daemon.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "last" in daemon.loggers(), "the last configuration is in force")
        client.flush()
    assert collector.texts(len(logged)) == logged
    assert daemon.stderr().count(": reloaded") < number / 2
    daemon.wait_for_descriptors()
    assert descriptors <= daemon.links().keys()


# What central is in a good configuration, beside what a good one may have, and what spoils it.
CENTRALS = [{}, {"datagram_bytes": 1024, "sequence": "true"}, {"queue_bytes": 100000}]
ADDITIONS = [
    "",
    "logger app { level = debug context = {\"site=a\"} }\nlogger b.c { propagate = false }\n",
    "".join(f"logger n{number} {{ level = error }}\n" for number in range(200)),
]
MISTAKES = [
    "target central { }\n",
    "logger app { level = loud }\n",
    "handler x { target = nowhere }\n",
    "handler x { target = central template = \"{nothing}\" }\n",
    "logger a {",
    "\"",
    "\0",
]


@pytest.mark.long
def test_reloads_without_end_cost_nothing(start_daemon, collector, collectors):
    """Under traffic: each record arrives in order, memory and descriptors stay as they are."""
    second = collectors()
    daemon = start_daemon(target("central", collector))
    descriptors = daemon.descriptors_at_start + 1  # the client's
    watch = MemoryWatch(daemon.pid)
    with daemon.client() as client:
        client.open(1, b"app.part")
        for number in steps(20, 1000):
            good, turn = number % 2 == 0, number // 2
            central = target("central", collector, **CENTRALS[turn % len(CENTRALS)])
            other = target("other", second) if turn % 4 == 0 else ""
            addition = (ADDITIONS if good else MISTAKES)[turn % len(ADDITIONS if good else MISTAKES)]
            client.log(1, b"%d" % (2 * number))  # still on its way when the reload comes
            daemon.write_config(central + other + addition)
            daemon.reload() if good else daemon.refused_reload()
            client.log(1, b"%d" % (2 * number + 1))
            client.flush()
            assert daemon.descriptors() <= descriptors, daemon.links()
            watch.look()
    count = 2 * (number + 1)
    assert collector.texts(count) == [b"%d" % number for number in range(count)]
    watch.check()


def test_the_tool_tells_what_a_reload_refused(start_daemon, collector):
    daemon = start_daemon(target("central", collector))
    daemon.config_path.write_text(
        daemon.whole_config('target central { servers = {"127.0.0.1:0"} }\n')
    )
    said = daemon.refused_reload()
    assert f"{daemon.config_path}:2: " in said
    assert said in daemon.stderr() or "127.0.0.1:0" in said


@pytest.mark.parametrize("order", ["10 after 20", "20 after 10"])
def test_conf_d_is_read_in_sorted_order(start_daemon, collector, order):
    """Which name comes first does not depend on which file was written first."""
    daemon = start_daemon(target("central", collector))
    files = {
        "10-a.conf": 'logger app { level = error }\n',
        "20-b.conf": 'logger app { level = debug }\n',
    }
    for name in sorted(files, reverse=order.startswith("10")):
        daemon.write_include(name, files[name])
    said = daemon.refused_reload()
    assert "20-b.conf:1: " in said, "the second definition is the duplicate"
    assert "app" in said
