"""Faults of names: no answer, wrong answers, other answers, several addresses."""

import contextlib

from tests.fault.rows import row
from tests.support.daemon import target, temporary_folder
from tests.support.name_server import NXDOMAIN, SERVFAIL, NameServer
from tests.support.waiting import wait_for

INTERVAL_S = 1
NAME = "logs.example"
OTHER_NAME = "spare.example"


def named(scene, count=1, port=5514, ipv6=False, **options):
    """Collectors and a daemon that knows them by one name; the name server, which knows nothing yet."""
    collectors = [
        scene.network.collector(number, port=port)
        for number in (scene.network.add_far() for _ in range(count))
    ]
    if ipv6:
        collectors.append(scene.network.collector(0, "fd09:0::2", port))
    server = scene.near.call(NameServer)
    scene.at_end(server.close)
    folder = temporary_folder()
    scene.at_end(lambda: [each.unlink() for each in folder.iterdir()] and folder.rmdir())
    files = folder / "resolv.conf", folder / "hosts"
    files[0].write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:2\n")
    files[1].write_text("127.0.0.1 localhost\n")
    scene.hosts = files[1]
    scene.resolver = files
    scene.options = {"resend": 2000, "resolve_interval": INTERVAL_S} | options
    scene.name_server = server
    return collectors


def start(scene, port=5514):
    scene.start(target("central", f"{NAME}:{port}", **scene.options), resolver=scene.resolver)


def asked_again(scene, times=2):
    """Waits for further questions: the last answers are known by then."""
    before = scene.name_server.questions
    wait_for(lambda: scene.name_server.questions >= before + times, "the name is asked for again")


@row("name unknown at start", "sent")
def unknown_at_start(scene):
    (collector,) = named(scene)
    start(scene)
    with scene.flow():
        asked_again(scene)
        scene.name_server.names[NAME] = ["10.9.0.2"]
        scene.resumes(collector)


@row("name server silent at start", "sent")
def silent_at_start(scene):
    (collector,) = named(scene)
    scene.name_server.names[NAME] = None
    start(scene)
    with scene.flow():
        asked_again(scene)
        scene.name_server.names[NAME] = ["10.9.0.2"]
        scene.resumes(collector)


def bad_answer(scene, answer):
    (collector,) = named(scene)
    scene.name_server.names[NAME] = ["10.9.0.2"]
    start(scene)
    with scene.flow():
        scene.healthy(collector)
        scene.name_server.names[NAME] = answer
        asked_again(scene)
        scene.resumes(collector)


@row("SERVFAIL: the last address holds", "sent")
def servfail(scene):
    bad_answer(scene, SERVFAIL)


@row("NXDOMAIN: the last address holds", "sent")
def nxdomain(scene):
    bad_answer(scene, NXDOMAIN)


@row("no answer: the last address holds", "sent")
def silence(scene):
    bad_answer(scene, None)


@contextlib.contextmanager
def moved(scene, address="10.9.1.2", **options):
    """Records flow to the first collector of a name, which then has another address; where that is."""
    first, second = named(scene, **options)
    scene.name_server.names[NAME] = ["10.9.0.2"]
    start(scene)
    with scene.flow():
        scene.healthy(first)
        scene.name_server.names[NAME] = [address]
        yield second


@row("name has another address", "sockets:opened")
def switched(scene):
    with moved(scene, count=2) as second:
        scene.resumes(second, 2 * INTERVAL_S)


@row("name moves from IPv4 to IPv6", "sockets:opened")
def to_ipv6(scene):
    with moved(scene, "fd09:0::2", ipv6=True) as second:
        scene.resumes(second, 2 * INTERVAL_S)


@row("name moves when there is no way", "ENETUNREACH")
def moves_before_the_interval(scene):
    with moved(scene, count=2, resolve_interval=86400) as second:
        scene.near.ip("link set to0 down")
        scene.resumes(second)


@row("name without an address for bind-address", "sent")
def other_family(scene):
    (collector,) = named(scene, bind_address='"10.9.0.1"')
    scene.name_server.names[NAME] = ["fd09:0::2"]
    start(scene)
    with scene.flow():
        asked_again(scene)
        assert "no address of the family of bind-address" in scene.daemon.stderr()
        scene.name_server.names[NAME] = ["fd09:0::2", "10.9.0.2"]
        scene.resumes(collector)


@row("nameservers change while names fail", "sent")
def other_nameserver(scene):
    (collector,) = named(scene)
    scene.name_server.names.update({NAME: None, OTHER_NAME: None})
    scene.resolver[0].write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:5\n")
    other = scene.near.call(lambda: NameServer("127.0.0.2"))
    scene.at_end(other.close)
    other.names[NAME] = ["10.9.0.2"]
    start(scene)
    with scene.flow():
        scene.lasts(3)  # from now on a question for one of the names is open at any time
        servers = f"{NAME}:5514", f"{OTHER_NAME}:5514"
        scene.reload(target("central", *servers, **scene.options))
        asked_again(scene)
        scene.resolver[0].write_text("nameserver 127.0.0.2\n")
        scene.resumes(collector)


@row("reload with a shorter resolve-interval", "sockets:opened")
def shorter_interval(scene):
    with moved(scene, count=2, resolve_interval=86400) as second:
        scene.options["resolve_interval"] = INTERVAL_S
        scene.reload(target("central", f"{NAME}:5514", **scene.options))
        scene.resumes(second)


@row("first of two addresses refuses", "ECONNREFUSED")
def next_address(scene):
    first, second = named(scene, 2)
    scene.name_server.names[NAME] = ["10.9.0.2", "10.9.1.2"]
    start(scene)
    with scene.flow():
        wait_for(lambda: first.datagrams or second.datagrams, "records arrive")
        used, other = (first, second) if first.datagrams else (second, first)
        scene.healthy(used)
        used.stop()
        scene.resumes(other)


@row("name in hosts, no name server", "sent")
def from_hosts(scene):
    (collector,) = named(scene)
    scene.name_server.names[NAME] = None
    scene.hosts.write_text(f"10.9.0.2 {NAME}\n")
    start(scene)
    with scene.flow():
        scene.resumes(collector)
