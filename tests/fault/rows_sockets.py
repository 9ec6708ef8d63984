"""Faults of sockets: none left to open, ports used up, more servers than sockets, options."""

import resource

from tests.fault.rows import row
from tests.support.daemon import target
from tests.support.procfs import UdpSampler
from tests.support.waiting import PATIENCE, wait_for

RESEND = 2000
TARGETS, POOL = 100, 16


@row("200 servers in 100 targets, 16 sockets", "sockets:evicted")
def many_servers(scene):
    firsts, seconds = zip(*(scene.far_pair(number) for number in range(TARGETS)))
    config = "".join(
        target(f"t{number}", firsts[number], seconds[number], policy="balance")
        + f"handler h{number} {{ target = t{number} }}\n"
        + f"logger many.{number} {{ level = info handlers = {{h{number}}} propagate = false }}\n"
        for number in range(TARGETS)
    ) + "logger root { level = info handlers = {h0} }\n"
    scene.start(config, sockets=POOL)
    with UdpSampler(scene.daemon.pid) as sampler:
        for number in range(TARGETS):
            scene.open(b"many.%d" % number)

        def all_have_some():
            scene.log_to_each()
            return sampler.samples >= 100 and all(each.datagrams for each in (*firsts, *seconds))

        # records that wait for a socket go as one batch, to one of the two
        wait_for(all_have_some, "a record at each collector", 3 * PATIENCE, pause=0)
        scene.settles()
    assert 0 < sampler.most <= POOL, sampler.most


@row("no descriptor left for a socket", "sockets:failed")
def no_descriptor(scene):
    (collector,) = scene.far()
    scene.start(target("central", collector, resend=RESEND))
    limits = resource.prlimit(scene.daemon.pid, resource.RLIMIT_NOFILE)
    used = max(scene.daemon.links()) + 1
    resource.prlimit(scene.daemon.pid, resource.RLIMIT_NOFILE, (used, limits[1]))
    with scene.flow():
        scene.lasts(2)
        resource.prlimit(scene.daemon.pid, resource.RLIMIT_NOFILE, limits)
        scene.resumes(collector)


@row("no source port left", "EAGAIN")
def no_port(scene):
    (collector,) = scene.far()
    scene.near.sysctl("ipv4/ip_local_port_range", "40000 40001")
    taken = [scene.near.call(scene.bound_socket) for _ in range(2)]
    scene.start(target("central", collector, resend=RESEND))
    with scene.flow():
        scene.lasts(2)
        for each in taken:
            each.close()
        scene.resumes(collector)


@row("bind-device that is not there yet", "ENODEV")
def no_device(scene):
    (collector,) = scene.far()
    scene.near.ip("link set to0 down", "link set to0 name later")
    scene.start(target("central", collector, resend=RESEND, bind_device='"to0"'))
    with scene.flow():
        scene.waits_for_state(collector, "down")
        scene.lasts(2)
        scene.near.ip("link set later name to0", "link set to0 up")
        scene.resumes(collector)


@row("bind-address that is not there yet", "EADDRNOTAVAIL")
def no_address(scene):
    (collector,) = scene.far()
    scene.start(target("central", collector, resend=RESEND, bind_address='"10.9.0.9"'))
    with scene.flow():
        scene.waits_for_state(collector, "down")
        scene.lasts(2)
        scene.near.ip("addr add 10.9.0.9/24 dev to0")
        scene.resumes(collector)
    assert collector.sources[-1][0] == "10.9.0.9"
