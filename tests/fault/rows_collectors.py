"""Faults of collectors: ports that close, hosts that die, several of them, queues that fill."""

import contextlib

from tests.fault.rows import row
from tests.fault.scene import numbers_in
from tests.support.daemon import target
from tests.support.length import seconds
from tests.support.waiting import wait_for

OUTAGE_S = 2
RESEND = 2000
QUICK_NEIGHBOURS = {  # the kernel's own take 42 s to notice that a host is dead
    "base_reachable_time_ms": 500, "delay_first_probe_time": 1, "retrans_time_ms": 200,
    "ucast_solicit": 2, "mcast_solicit": 2,
}


def quick_neighbours(scene, device="to0"):
    for name, value in QUICK_NEIGHBOURS.items():
        scene.near.sysctl(f"ipv4/neigh/{device}/{name}", value)


@contextlib.contextmanager
def closed(*collectors):
    """The time of a with-block in which their ports are closed."""
    for collector in collectors:
        collector.stop()
    yield
    for collector in collectors:
        collector.start()


def close_and_open(scene, collector):
    with scene.flow():
        scene.healthy(collector)
        with closed(collector):
            scene.waits_for_state(collector, "down")
            scene.lasts(OUTAGE_S)
        scene.resumes(collector)


@row("port closed on loopback", "ECONNREFUSED")
def port_closed_on_loopback(scene):
    collector = scene.network.collector_in(scene.near, "127.0.0.1")
    scene.start(target("central", collector))
    close_and_open(scene, collector)


@row("port closed on another host", "ECONNREFUSED")
def port_closed(scene):
    (collector,) = scene.far()
    scene.start(target("central", collector))
    close_and_open(scene, collector)


@row("port closed on another host, resend", "resent")
def port_closed_resend(scene):
    (collector,) = scene.far()
    scene.start(target("central", collector, resend=RESEND))
    close_and_open(scene, collector)


@row("port closed, IPv6", "ECONNREFUSED")
def port_closed_ipv6(scene):
    number = scene.network.add_far()
    collector = scene.network.collector(number, f"fd09:{number}::2")
    scene.start(target("central", collector, resend=RESEND))
    close_and_open(scene, collector)


@row("port closed, two source ports", "ECONNREFUSED")
def port_closed_two_sockets(scene):
    (collector,) = scene.far()
    scene.start(target("central", collector, sockets=2, resend=RESEND))
    close_and_open(scene, collector)


@row("port closed and opened every 3 s", "resent")
def flap(scene):
    (collector,) = scene.far()
    scene.start(target("central", collector, resend=RESEND))
    rounds = int(seconds(6, 60)) // 6
    with scene.flow(5000):
        scene.healthy(collector)
        for _ in range(rounds):
            with closed(collector):
                scene.lasts(3)
            scene.lasts(3)
        scene.resumes(collector)


@row("port closed, 10 ms away, resend", "resent")
def port_closed_distant_resend(scene):
    collector = scene.distant()
    scene.start(target("central", collector, resend=RESEND))
    close_and_open(scene, collector)


@row("five ports of a host close, 10 ms away, resend", "resent")
def ports_closed_distant(scene):
    first = scene.distant()
    collectors = [first, *(scene.network.collector() for _ in range(4))]
    scene.mirrored = True
    scene.start(target("central", *collectors, policy="mirror", resend=RESEND))
    with scene.flow():
        for collector in collectors:
            scene.healthy(collector)
        with closed(*collectors):
            for collector in collectors:
                scene.waits_for_state(collector, "down")
            scene.lasts(OUTAGE_S)
        for collector in collectors:
            scene.resumes(collector)
    scene.settles()
    for collector in collectors:
        wait_for(
            lambda: len(set(numbers_in(collector.datagrams))) == scene.submitted,
            lambda: f"all at {collector.address}: {scene.server(collector)}",
        )


@row("first of two ports closed, failover", "ECONNREFUSED")
def failover(scene):
    first, second = scene.far(2)
    scene.start(target("central", first, second, resend=RESEND))
    with scene.flow():
        scene.healthy(first)
        with closed(first):
            scene.resumes(second)
            scene.lasts(OUTAGE_S)
        scene.arrives(first)


@row("one of two ports closed, balance", "ECONNREFUSED")
def balance(scene):
    first, second = scene.far(2)
    scene.start(target("central", first, second, policy="balance", resend=RESEND))
    with scene.flow():
        scene.healthy(first)
        with closed(first):
            scene.resumes(second)
            scene.lasts(OUTAGE_S)
        scene.arrives(first)


@row("one of two ports closed, sticky", "ECONNREFUSED")
def sticky(scene):
    collectors = scene.far(2)
    scene.loggers = 32  # four of them may all have the same collector, now and then
    scene.start(target("central", *collectors, policy="sticky", resend=RESEND))
    with scene.flow():
        scene.healthy(collectors[0])
        with closed(collectors[0]):
            scene.waits_for("ECONNREFUSED")
            scene.resumes(collectors[1])
            scene.lasts(OUTAGE_S)
        scene.arrives(collectors[0])


@row("both ports closed", "ECONNREFUSED")
def both_closed(scene):
    first, second = scene.far(2)
    scene.start(target("central", first, second, resend=RESEND))
    with scene.flow():
        scene.healthy(first)
        with closed(first, second):
            scene.waits_for_state(second, "down")
            scene.lasts(OUTAGE_S)
        scene.arrives(first)


@row("queue full, drop-oldest", "dropped:queue_full")
def queue_full_oldest(scene):
    queue_full(scene, "drop-oldest")


@row("queue full, drop-newest", "dropped:queue_full")
def queue_full_newest(scene):
    queue_full(scene, "drop-newest")


def queue_full(scene, when_full):
    (collector,) = scene.far()
    scene.start(target("central", collector, queue_bytes=65536, when_full=when_full, resend=100))
    with scene.flow(2000):
        scene.healthy(collector)
        with closed(collector):
            scene.waits_for("dropped:queue_full")
        scene.resumes(collector)
        collector.wait_for_text(b" lost: queue_full ")


@row("reload removes a target that waits", "removed:dropped")
def reload_removes(scene):
    kept, gone = scene.far(2)
    scene.start(
        target("central", kept) + target("gone", gone)
        + "handler gone { target = gone }\nhandler central { target = central }\n"
        + "logger root { level = info handlers = {central} }\n"
        + 'logger flow { handlers = {gone} propagate = false }\n'
    )
    with scene.flow():
        scene.healthy(gone)
        gone.stop()
        scene.waits_for_state(gone, "down", "gone")
        scene.lasts(1)
        scene.reload(target("central", kept))
        scene.resumes(kept)


@row("host never answers ARP", "EHOSTUNREACH")
def never_answers(scene):
    (collector,) = scene.far()
    scene.network.far[0].ip("link set eth0 arp off")
    quick_neighbours(scene)
    scene.start(target("central", collector, resend=RESEND))
    with scene.flow():
        scene.waits_for("EHOSTUNREACH")
        scene.lasts(OUTAGE_S)
        scene.network.far[0].ip("link set eth0 arp on")
        scene.resumes(collector)


@row("host never answers ARP: down in 5 s", "EHOSTUNREACH")
def never_answers_down(scene):
    (collector,) = scene.far()
    scene.network.far[0].ip("link set eth0 arp off")
    scene.start(target("central", collector, resend=RESEND))
    with scene.flow():
        scene.waits_for("EHOSTUNREACH")
        scene.stays_down(collector, 5)
        scene.network.far[0].ip("link set eth0 arp on")
        scene.resumes(collector)


@row("host dies and comes back", "EHOSTUNREACH")
def host_dies(scene):
    (collector,) = scene.far()
    quick_neighbours(scene)
    scene.by_sequence = True
    scene.start(target("central", collector, sequence="true"))
    with scene.flow():
        scene.healthy(collector)
        scene.network.far[0].ip("link set eth0 arp off", "addr flush dev eth0")
        scene.waits_for("EHOSTUNREACH")
        scene.network.far[0].ip(
            "addr add 10.9.0.2/24 dev eth0", "link set eth0 arp on", "route add default via 10.9.0.1"
        )
        scene.resumes(collector)


@row("collector swallows all, the gap shows", "sent")
def black_hole(scene):
    (collector,) = scene.far()
    scene.by_sequence = True
    scene.start(target("central", collector, sequence="true"))
    with scene.flow():
        scene.healthy(collector)
        swallow(scene.network.far[0])
        scene.lasts(OUTAGE_S)
        scene.network.far[0].nft("delete table inet fault\n")
        scene.resumes(collector)


@row("one of two swallows all, mirror", "sent")
def black_hole_mirror(scene):
    first, second = scene.far(2)
    scene.mirrored = True
    scene.start(target("central", first, second, policy="mirror"))
    with scene.flow():
        scene.healthy(first)
        swallow(scene.network.far[0])
        scene.lasts(OUTAGE_S)
        scene.network.far[0].nft("delete table inet fault\n")
        scene.resumes(first)
        scene.arrives(second)


def swallow(namespace):
    namespace.nft(
        "table inet fault {\nchain records {\ntype filter hook input priority 0;\n"
        "meta l4proto udp drop\n}\n}\n"
    )


@row("far firewall rejects, port unreachable", "ECONNREFUSED")
def far_rejects(scene):
    far_firewall(scene, "icmp type port-unreachable")


@row("far firewall rejects, host prohibited", "EHOSTUNREACH")
def far_prohibits(scene):
    far_firewall(scene, "icmp type admin-prohibited")


def far_firewall(scene, answer):
    (collector,) = scene.far()
    scene.start(target("central", collector, resend=RESEND))
    far = scene.network.far[0]
    with scene.flow():
        scene.healthy(collector)
        far.nft(
            "table ip fault {\nchain records {\ntype filter hook input priority 0;\n"
            f"ip protocol udp reject with {answer}\n}}\n}}\n"
        )
        scene.waits_for_state(collector, "down")
        scene.lasts(OUTAGE_S)
        far.nft("delete table ip fault\n")
        scene.resumes(collector)


def few_are_claimed(scene, collector):
    with scene.flow(1000):
        scene.healthy(collector)
        collector.stop()
        sent = scene.daemon.stats()["targets"]["central"]["sent"]
        submitted = scene.submitted
        scene.waits_for_state(collector, "down", seconds=1)
        scene.lasts(seconds(5, 60))
        claims = scene.daemon.stats()["targets"]["central"]["sent"] - sent
        offered = scene.submitted - submitted
        assert claims <= offered / 100, f"{claims} of {offered} claimed as sent to a closed port"
        collector.start()
        scene.resumes(collector, 10)  # it is tried every 5 s, and trusted little by little


@row("port closed: down in 1 s, 1 % claimed", "ECONNREFUSED")
def claimed(scene):
    (collector,) = scene.far()
    scene.start(target("central", collector))
    few_are_claimed(scene, collector)


@row("port closed, 10 ms away: down in 1 s, the gap shows", "ECONNREFUSED")
def claimed_distant(scene):
    """Of what was on its way the host refuses little, so that most of it is lost without a word."""
    collector = scene.distant()
    scene.by_sequence = True
    scene.start(target("central", collector, sequence=True))
    few_are_claimed(scene, collector)
