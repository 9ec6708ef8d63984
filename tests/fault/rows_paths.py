"""Faults of the way there: links, addresses, routes, firewalls, buffers, sizes."""

from tests.fault.rows import row
from tests.support.daemon import target
from tests.support.namespaces import Namespace
from tests.support.waiting import wait_for

OUTAGE_S = 2
RESEND = 2000
BACK_S = 2  # seconds after which records flow again, as promised


def broken(scene, break_it, mend_it, within=None, state="down"):
    """The shape of most rows: records flow, the way breaks, some wait, it is mended, they flow."""
    collector = scene.network.collectors[0]
    with scene.flow():
        scene.healthy(collector)
        break_it()
        scene.waits_for_state(collector, state)
        scene.lasts(OUTAGE_S)
        mend_it()
        scene.resumes(collector, within)


def one_collector(scene, **options):
    (collector,) = scene.far()
    scene.start(target("central", collector, resend=RESEND, **options))
    return collector


@row("no route at start", "ENETUNREACH")
def no_route_at_start(scene):
    (collector,) = scene.far(addressed=False)
    scene.start(target("central", collector))
    with scene.flow():
        scene.waits_for_state(collector, "down")
        scene.lasts(OUTAGE_S)
        scene.network.add_near_addresses(0)
        scene.resumes(collector)


@row("own link down and up", "ENETUNREACH")
def link_down(scene):
    one_collector(scene)
    broken(scene, lambda: scene.near.ip("link set to0 down"), lambda: scene.near.ip("link set to0 up"))


@row("far link down and up, the gap shows", "sent")
def far_link_down(scene):
    (collector,) = scene.far()
    scene.by_sequence = True
    # Linux lets go what waited for ARP one by one, while what is sent meanwhile passes it.
    scene.reordered = True
    scene.start(target("central", collector, sequence="true"))
    with scene.flow():
        scene.healthy(collector)
        scene.network.far[0].ip("link set eth0 down")
        scene.lasts(OUTAGE_S)
        scene.network.far[0].ip("link set eth0 up", "route add default via 10.9.0.1")
        scene.resumes(collector)


@row("own address changes", "sockets:opened")
def address_changes(scene):
    collector = one_collector(scene)
    with scene.flow():
        scene.healthy(collector)
        scene.near.ip("addr del 10.9.0.1/24 dev to0", "addr add 10.9.0.77/24 dev to0")
        scene.resumes(collector, BACK_S)
    assert collector.sources[-1][0] == "10.9.0.77"


@row("own address changes, IPv6", "sockets:opened")
def address_changes_ipv6(scene):
    scene.network.add_far()
    collector = scene.network.collector(0, "fd09:0::2")
    scene.start(target("central", collector, resend=RESEND))
    with scene.flow():
        scene.healthy(collector)
        scene.near.ip("addr del fd09:0::1/64 dev to0", "addr add fd09:0::77/64 dev to0 nodad")
        scene.resumes(collector, BACK_S)
        wait_for(
            lambda: any(source[0] == "fd09::77" for source in collector.sources[-10:]),
            lambda: f"records from the new address: {collector.sources[-3:]}",
        )


@row("own address away for a while", "ENETUNREACH")
def address_away(scene):
    one_collector(scene)
    broken(
        scene, lambda: scene.near.ip("addr del 10.9.0.1/24 dev to0"),
        lambda: scene.near.ip("addr add 10.9.0.1/24 dev to0"),
    )


@row("interface deleted and made again", "sockets:opened")
def interface_deleted(scene):
    collector = one_collector(scene)
    with scene.flow():
        scene.healthy(collector)
        scene.near.ip("link del to0")
        scene.network.add_link(0)
        scene.network.add_near_addresses(0)
        scene.resumes(collector, BACK_S)


@row("route unreachable", "EHOSTUNREACH")
def route_unreachable(scene):
    bad_route(scene, "unreachable")


@row("route prohibited", "EACCES")
def route_prohibit(scene):
    bad_route(scene, "prohibit")


@row("route to a black hole", "EINVAL")
def route_blackhole(scene):
    bad_route(scene, "blackhole")


@row("route thrown", "ENETUNREACH")
def route_throw(scene):
    bad_route(scene, "throw")


def bad_route(scene, kind):
    one_collector(scene)
    broken(
        scene, lambda: scene.near.ip(f"route add {kind} 10.9.0.2/32"),
        lambda: scene.near.ip(f"route del {kind} 10.9.0.2/32"),
    )


def own_firewall(scene, verdict):
    one_collector(scene)
    broken(
        scene,
        lambda: scene.near.nft(
            "table inet fault {\nchain records {\ntype filter hook output priority 0;\n"
            f"meta l4proto udp {verdict}\n}}\n}}\n"
        ),
        lambda: scene.near.nft("delete table inet fault\n"),
    )


@row("own firewall drops", "EPERM")
def own_firewall_drops(scene):
    own_firewall(scene, "drop")


@row("own firewall rejects", "EPERM")
def own_firewall_rejects(scene):
    own_firewall(scene, "reject")


@row("broadcast address as server", "EACCES")
def broadcast(scene):
    (collector,) = scene.far()
    scene.start(
        target("central", f"10.9.0.255:{collector.port}", collector, resend=RESEND)
    )
    with scene.flow():
        scene.resumes(collector)
        scene.lasts(OUTAGE_S)


@row("queue of the link too small", "ENOBUFS")
def small_qdisc(scene):
    collector = one_collector(scene)
    with scene.flow(2000):
        scene.healthy(collector)
        scene.near.run(*"tc qdisc add dev to0 root tbf rate 800kbit burst 3000 limit 3000".split())
        scene.waits_for("ENOBUFS")
        scene.lasts(OUTAGE_S)
        # Deleting it would throw away what it holds.
        scene.near.run(*"tc qdisc change dev to0 root tbf rate 1gbit burst 90000 limit 9000000".split())
        scene.resumes(collector)


@row("link slower than the records", "EAGAIN")
def slow_link(scene):
    collector = one_collector(scene, send_buffer=4096)
    with scene.flow(2000):
        scene.healthy(collector)
        scene.near.run(*"tc qdisc add dev to0 root tbf rate 800kbit burst 5000 limit 9000000".split())
        scene.waits_for("EAGAIN")
        scene.lasts(OUTAGE_S)
        # Deleting it would throw away what it holds.
        scene.near.run(*"tc qdisc change dev to0 root tbf rate 1gbit burst 90000 limit 9000000".split())
        scene.resumes(collector)


@row("64 kB record among others", "truncated")
def too_large(scene):
    collector = one_collector(scene, datagram_bytes=65507)
    with scene.flow():
        scene.healthy(collector)
        for _ in range(5):
            scene.log(20)
            scene.log(1, b"%d " + b"x" * 65500)
            scene.log(20)
        scene.resumes(collector)


@row("path takes less than a record", "sent")
def small_path(scene):
    collector = one_collector(scene, datagram_bytes=8192)
    # A datagram in pieces has arrived with the last of them; one that is sent later may pass it.
    scene.reordered = True
    with scene.flow():
        scene.healthy(collector)
        scene.near.ip("link set to0 mtu 1280")
        for _ in range(20):
            scene.log(1, b"%d " + b"x" * 5000)
        scene.resumes(collector)


def behind_a_router(scene, mtu):
    """A collector two links away; the first is of the usual size, the second takes only mtu bytes."""
    scene.network.add_far()
    router, beyond = scene.network.far[0], Namespace()
    scene.network.far.append(beyond)
    router.sysctl("ipv4/ip_forward", 1)
    router.ip(
        f"link add name out mtu {mtu} type veth peer name eth0 mtu {mtu} netns {beyond.path}",
        "addr add 10.8.0.1/24 dev out",
        "link set out up",
    )
    beyond.ip("addr add 10.8.0.2/24 dev eth0", "link set eth0 up", "route add default via 10.8.0.1")
    scene.near.ip("route add 10.8.0.0/24 via 10.9.0.2")
    return scene.network.collector_in(beyond, "10.8.0.2")


def too_large_for_the_router(scene, **options):
    collector = behind_a_router(scene, 1280)
    scene.start(target("central", collector, **options))
    with scene.flow():
        scene.healthy(collector)
        scene.log(1, b"%d " + b"x" * 1250)
        scene.waits_for("EMSGSIZE")
        scene.resumes(collector)


@row("router takes less than a record", "refused")
def small_router(scene):
    too_large_for_the_router(scene)


@row("router takes less than a record, resend", "resent")
def small_router_resend(scene):
    too_large_for_the_router(scene, resend=RESEND)


@row("IPv6 link with too small an MTU", "ENETUNREACH")
def small_mtu_ipv6(scene):
    scene.network.add_far()
    collector = scene.network.collector(0, "fd09:0::2")
    scene.start(target("central", collector, resend=RESEND))
    with scene.flow():
        scene.healthy(collector)
        scene.near.ip("link set to0 mtu 1000")
        scene.waits_for_state(collector, "down")
        scene.lasts(OUTAGE_S)
        scene.near.ip("link set to0 mtu 1500", "addr add fd09:0::1/64 dev to0 nodad")
        scene.resumes(collector)
