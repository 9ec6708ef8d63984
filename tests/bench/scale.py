"""What many loggers, many clients and their ends cost the daemon, against the goals.

Not a test: figures of one machine at one time, to be read beside those of the same run. The
daemon is the real one; the client speaks the protocol itself, since only the daemon is charged.
"""

import argparse
import os
import random
import socket
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

MILLION = 1_000_000
DYING = 100_000
CLIENTS = 1000
IDLE = 10_000
TARGETS, MIRRORS = 128, 3
TOGGLES = 2000  # of one lease's level
RECORDS = 400_000  # of one measurement
ROUNDS = 9
CONFIG = (
    "limits { loggers = 4000000  clients = 12000  uid-share = 100 }\n"
    "logger logfwd.clients { level = 100 }\n"
    "logger recorded { level = warning  recorder = 2000 }\n"
)
RECORDED = 2000


def row(what, figure, goal=""):
    print(f"{what:<70} {figure:>12}  {goal}", flush=True)


def resident(pid):
    """Bytes of the daemon's own memory that are in RAM."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Anonymous:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("no smaps_rollup")


def cpu_seconds(pid):
    """Time on a CPU so far."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def name_of(number):
    return b"Connection.%06d" % number


def in_packets(frames, count=500):
    for first in range(0, len(frames), count):
        yield b"".join(frames[first : first + count])


def open_loggers(client, wire, count):
    for packet in in_packets([wire.open_logger(n, name_of(n)) for n in range(count)]):
        client.send(packet)
    client.flush()


def memory(daemon, wire):
    before = resident(daemon.pid)
    with daemon.client() as client:
        client.on_flushed = None
        begin = cpu_seconds(daemon.pid)
        open_loggers(client, wire, MILLION)
        row("CPU of an open, us", f"{(cpu_seconds(daemon.pid) - begin) / MILLION * 1e6:.2f}",
            "with its close at most 2")
        each = (resident(daemon.pid) - before) / MILLION - len(name_of(0))
        row("resident bytes of a live logger beside its name", f"{each:.0f}", "at most 128")
    daemon.wait_for_stats(lambda stats: stats["loggers"]["leased"] == 0, "the end of all", 60)
    time.sleep(1)  # housekeeping gives memory back
    row("resident MiB before a million loggers", f"{before / 2**20:.1f}")
    row("resident MiB after them", f"{resident(daemon.pid) / 2**20:.1f}")


def churn(daemon, wire):
    """Opens and closes of a client that does nothing else, as a service with a logger per connection."""
    with daemon.client() as client:
        client.on_flushed = None
        pairs = [wire.open_logger(n % 64, name_of(n)) + wire.close_logger(n % 64)
                 for n in range(MILLION)]
        packets = list(in_packets(pairs, 250))
        begin = time.monotonic()
        for packet in packets:
            client.send(packet)
        client.flush()
        row("opens with their closes a second", f"{MILLION / (time.monotonic() - begin):,.0f}")


def cost_of(daemon, client, packets):
    """Microseconds of the daemon's CPU for a record of one round."""
    begin = cpu_seconds(daemon.pid)
    for packet in packets:
        client.send(packet)
    client.flush()
    return (cpu_seconds(daemon.pid) - begin) / RECORDS * 1e6


def record_packets(wire, count):
    """RECORDS of a client with so many loggers."""
    draw = random.Random(1)
    frames = [wire.record(draw.randrange(count), b"x" * 100) for _ in range(RECORDS)]
    return list(in_packets(frames, 100))


def record_costs(daemon, wire, counts):
    """Microseconds of the daemon's CPU for a record of a client with so many loggers, each.

    Medians of rounds taken in turn, all clients connected, so that what drifts hits all alike.
    """
    clients, costs = [], [[] for _ in counts]
    for count in counts:
        client = daemon.client()
        client.on_flushed = None
        open_loggers(client, wire, count)
        clients.append((client, record_packets(wire, count)))
    for _ in range(ROUNDS):
        for (client, packets), taken in zip(clients, costs):
            taken.append(cost_of(daemon, client, packets))
    for client, _ in clients:
        client.close()
    daemon.wait_for_stats(lambda stats: stats["loggers"]["leased"] == 0, "the end of all", 60)
    return [statistics.median(taken) for taken in costs]


def idle(daemon, wire):
    """What clients that do nothing cost: the daemon's memory, and the records of one that works."""
    with daemon.client() as client:
        client.on_flushed = None
        open_loggers(client, wire, 10)
        packets = record_packets(wire, 10)
        alone = [cost_of(daemon, client, packets) for _ in range(ROUNDS)]
        before = resident(daemon.pid)
        others = [daemon.client() for _ in range(IDLE)]
        for number, other in enumerate(others):
            other.send(wire.open_logger(1, name_of(number)))
        daemon.wait_for_stats(lambda stats: stats["loggers"]["leases"] == 10 + IDLE, "all leases")
        each = (resident(daemon.pid) - before) / IDLE
        among = [cost_of(daemon, client, packets) for _ in range(ROUNDS)]
        answer(daemon, "clients", of=f", {IDLE} clients")
        for other in others:
            other.close()
    row(f"resident bytes of each of {IDLE} idle clients", f"{each:.0f}", "at most 4096, its logger included")
    few, many = statistics.median(alone), statistics.median(among)
    row("CPU of a record beside them, us", f"{many:.3f}", f"alone {few:.3f}")
    row("ratio", f"{many / few:.2f}", "at most 1.1")
    daemon.wait_for_stats(lambda stats: stats["clients"]["live"] == 0, "the end of all", 60)


def hurry(pid):
    """Lets a process, or this thread (0), run before what else the machine does, where that is allowed."""
    try:
        os.sched_setscheduler(pid, os.SCHED_FIFO, os.sched_param(1))
    except PermissionError:
        print("scale: without the right to real-time priority others' work is in the turns", file=sys.stderr)


class Bystander:
    """A client that does nothing but ask, and how long its longest round trip took: the longest turn.

    It and the daemon wait for nobody else on this machine, so that what is seen is the daemon's.
    """

    def __init__(self, daemon):
        self.client = daemon.client()
        self.client.on_flushed = None
        self.client.socket.settimeout(60)
        self.longest = 0.0
        self.ended = threading.Event()
        hurry(daemon.pid)
        sys.setswitchinterval(0.0001)  # the other thread of this process does not hold it up
        self.thread = threading.Thread(target=self._ask)
        self.thread.start()
        time.sleep(0.1)
        self.at_rest, self.longest = self.longest, 0.0

    def _ask(self):
        hurry(0)
        while not self.ended.is_set():
            begin = time.monotonic()
            self.client.flush()
            self.longest = max(self.longest, time.monotonic() - begin)
            time.sleep(0.0002)

    def leave(self, what):
        """Prints what it saw."""
        self.ended.set()
        self.thread.join()
        self.client.close()
        row(f"longest turn at {what}, ms", f"{self.longest * 1000:.2f}",
            f"below 5 (at rest {self.at_rest * 1000:.2f})")


def death(daemon, wire, frames_of, what):
    client = daemon.client()
    client.on_flushed = None
    open_loggers(client, wire, DYING)
    for packet in in_packets([frames_of(n) for n in range(DYING)] if frames_of else []):
        client.send(packet)
    client.flush()
    bystander = Bystander(daemon)
    client.close()
    time.sleep(1)  # this process must not hold up the bystander; the reclaim takes a tenth of it
    bystander.leave(f"the death of {DYING} loggers {what}".strip())
    assert daemon.request("stats")["loggers"]["leased"] == 0


def playback(daemon, wire, length):
    """A full flight recorder is sent: what was below the level, and then what was at the trigger."""
    debug, error = 10, 40
    with daemon.client() as client:
        client.on_flushed = None
        client.send(wire.open_logger(1, b"recorded"))
        bystander = Bystander(daemon)
        for _ in range(ROUNDS):
            frames = [wire.record(1, b"x" * length, level=debug) for _ in range(RECORDED)]
            for packet in in_packets(frames, 30):
                client.send(packet)
            client.flush()
            client.send(wire.record(1, b"x", level=error))
            client.flush()
        bystander.leave(f"sending the {RECORDED} of a recorder, {length} bytes each")
    recorder = daemon.request("stats")["recorder"]
    assert recorder["kept"] == recorder["sent"] and recorder["held"] == 0, recorder


def answer(daemon, *command, of=""):
    """A verb of logfwdctl, from the side of others."""
    from tests.support.daemon import LOGFWDCTL, run

    bystander = Bystander(daemon)
    begin, cpu = time.monotonic(), cpu_seconds(daemon.pid)
    run(LOGFWDCTL, "-s", daemon.control_path, *command, stdout=subprocess.DEVNULL, timeout=120)
    took, cpu = time.monotonic() - begin, cpu_seconds(daemon.pid) - cpu
    what = f"`{' '.join(command)}`{of}"
    bystander.leave(what)
    row(f"seconds of {what}", f"{took:.2f}", f"CPU of the daemon {cpu:.2f}")


def listing(daemon, wire, *arguments):
    with daemon.client() as client:
        client.on_flushed = None
        open_loggers(client, wire, MILLION)
        answer(daemon, "loggers", *arguments, of=", a million")
    daemon.wait_for_stats(lambda stats: stats["loggers"]["leased"] == 0, "the end of all", 60)


def snapshots():
    """What is answered in one turn, of the most targets that there may be, each a mirror."""
    from tests.support.daemon import Daemon

    names = [f"t{number}" for number in range(TARGETS)]
    sections = [
        "target %s { policy = mirror  servers = {%s} }\n" % (
            name, ", ".join(f'"127.{server}.0.{number + 1}:9"' for server in range(1, MIRRORS + 1)))
        for number, name in enumerate(names)
    ]
    daemon = Daemon("".join(sections) + "handler default { target = t0 }\n")
    try:
        daemon.start()
        of = f", {TARGETS} mirrors of {MIRRORS}"
        answer(daemon, "stats", of=of)
        answer(daemon, "stats", "--format", "prometheus", of=of)
        answer(daemon, "targets", of=of)
        answer(daemon, "healthcheck", of=of)
        daemon.stop()
    finally:
        daemon.discard()


def broadcast(daemon, wire):
    """From the start of logfwdctl until the last of the clients has the new map."""
    clients = [daemon.client() for _ in range(CLIENTS)]
    took = []
    for number in range(ROUNDS):
        begin = time.monotonic()
        daemon.ctl("level", "app", "debug" if number % 2 == 0 else "unset")
        for client in clients:
            client.expect(wire.LEVEL_MAP)
        took.append(time.monotonic() - begin)
    row(f"a level reaches {CLIENTS} clients, ms, median", f"{statistics.median(took) * 1000:.1f}",
        "below 100, with logfwdctl's own start")
    row(f"a level reaches {CLIENTS} clients, ms, longest", f"{max(took) * 1000:.1f}")
    toggle(daemon, wire)
    for client in clients:
        client.close()


def toggle(daemon, wire):
    """One client sets and unsets its own level all the time, which moves everybody's floor."""
    with daemon.client() as toggler, daemon.client() as other:
        toggler.open(1, b"toggled")
        toggler.flush()
        begin, cpu = time.monotonic(), cpu_seconds(daemon.pid)
        for number in range(TOGGLES):
            toggler.send(wire.set_level(1, 5 if number % 2 == 0 else 0))
            time.sleep(0.001)
        toggler.flush()
        took, cpu = time.monotonic() - begin, cpu_seconds(daemon.pid) - cpu
        other.flush()
        maps = sum(frame.type == wire.LEVEL_MAP for frame in other.frames)
    row(f"{TOGGLES / took:.0f} levels/s of one lease, CPU of the daemon, %", f"{cpu / took * 100:.1f}",
        f"{maps / took:.1f} maps/s to each client")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build-dir", type=Path, default=Path("build"))
    options = parser.parse_args()
    os.environ["LOGFWD_BUILD"] = str(options.build_dir.resolve())
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from tests.support import wire
    from tests.support.daemon import Daemon, target

    sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)  # nobody reads it: the kernel drops
    sink.bind(("127.0.0.1", 0))
    daemon = Daemon(target("central", "%s:%d" % sink.getsockname()) + CONFIG)
    try:
        daemon.start()
        memory(daemon, wire)
        churn(daemon, wire)
        few, many = record_costs(daemon, wire, [10, MILLION])
        row("CPU of a record, us, 10 loggers", f"{few:.3f}")
        row("CPU of a record, us, a million loggers", f"{many:.3f}")
        row("ratio", f"{many / few:.2f}", "at most 1.1")
        idle(daemon, wire)
        death(daemon, wire, None, "")
        death(daemon, wire, lambda n: wire.set_level(n, 30), "(levels)")
        death(daemon, wire, lambda n: wire.set_context(n, b"peer", b"10.0.0.7:51234"),
              "(contexts)")
        playback(daemon, wire, 100)
        playback(daemon, wire, 1900)
        listing(daemon, wire)
        listing(daemon, wire, "--all")
        broadcast(daemon, wire)
        daemon.stop()
    finally:
        daemon.discard()
        sink.close()
    snapshots()
    return 0


if __name__ == "__main__":
    sys.exit(main())
