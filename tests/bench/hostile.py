"""What clients that write over their rings take from the others, beside what calm ones take.

Not a test: figures of one machine at one time, to be read beside those of the same run. The real
daemon has a processor of its own, and all others share the next one: an honest client at full speed,
which goes first there, and peers (tests/programs/hostile_ring.c) with what it leaves. A calm peer
does what a hostile one does, keeps its ring full and spins in as many threads, but what it writes over
is memory of its own, and it stays. So between the two the daemon's work is all that differs.
"""

import argparse
import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

KINDS = {  # rows: what the peers do; None: there are none
    "alone": None,
    "calm peers": "calm",
    "attackers": "attack",
    "floods": "flood",
    "churn": "churn",
}
COMPARED = "calm peers"
RATE = "records_per_second"
GOAL = 90  # per cent of it
CONFIG = f"limits {{ ring-bytes = {64 << 20}  uid-share = 100 }}\n"
DAEMON_CPU, OTHERS_CPU = 0, 1
WARM_UP_S = 0.3


def measured_on(cpu, pid=0):
    """As root the daemon and the honest client come before what else the machine does."""
    os.sched_setaffinity(pid, {cpu})
    if os.geteuid() == 0:
        os.sched_setscheduler(pid, os.SCHED_FIFO, os.sched_param(1))


def begin_peer():
    os.sched_setaffinity(0, {OTHERS_CPU})
    os.nice(19)


def run(command, begin, output):
    return subprocess.Popen([str(part) for part in command], preexec_fn=begin, stdout=output)


@contextlib.contextmanager
def peers(build, daemon, what, count):
    """So many of them, as long as this lasts."""
    program = build / "tests/hostile_ring"
    started = []
    try:
        for seed in range(count if what else 0):
            command = program, daemon.client_path, what, seed
            started.append(run(command, begin_peer, subprocess.DEVNULL))
        time.sleep(WARM_UP_S)
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


def cpu_ns(pid):
    return time.clock_gettime_ns((~pid << 3) | 2)  # clock_getcpuclockid(3)


def measure(build, what, count, seconds):
    """The honest client's records a second, and how the daemon fared; units are in the names."""
    from tests.support.daemon import Daemon, target

    sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)  # nobody reads it: the kernel drops
    sink.bind(("127.0.0.1", 0))
    daemon = Daemon(CONFIG + target("central", "%s:%d" % sink.getsockname()))
    try:
        daemon.start()
        pid = daemon.process.pid
        measured_on(DAEMON_CPU, pid)
        with peers(build, daemon, what, count):
            before, begin = cpu_ns(pid), time.monotonic()
            command = (build / "tests/bench/client_generator", "--seconds", seconds,
                       daemon.client_path, "records")
            with run(command, lambda: measured_on(OTHERS_CPU), subprocess.PIPE) as generator:
                said = json.loads(generator.stdout.read())
            took = time.monotonic() - begin
            busy = (cpu_ns(pid) - before) / 1e9 / took
        stats = daemon.stats()["clients"]  # its ledgers are checked with it
        daemon.stop()
        return {
            RATE: said["records"] / took,
            "daemon_busy_percent": busy * 100,
            "rings": stats["rings"]["made"] - 1,
            "violations": stats["violations"],
        }
    finally:
        daemon.discard()
        sink.close()


def show(count, rounds):
    """A row for each kind: medians, and the ratio of each round's own figures."""
    print(f"an honest client at full speed beside {count} peers on the same processor, the daemon on "
          f"another; medians of {len(rounds)} rounds")
    print(f"{'':<14}{'records/s':>12}{'of calm':>10}{'of alone':>10}{'daemon busy':>13}"
          f"{'rings':>10}{'breaches':>10}")
    for kind in KINDS:
        median = {name: statistics.median(each[kind][name] for each in rounds)
                  for name in rounds[0][kind]}
        ratio = {base: statistics.median(each[kind][RATE] / each[base][RATE] for each in rounds)
                 for base in (COMPARED, "alone")}
        goal = f"   goal: {GOAL} %" if kind in ("attackers", "floods", "churn") else ""
        print(f"{kind:<14}{median[RATE]:>12,.0f}"
              f"{ratio[COMPARED] * 100:>8.1f} %{ratio['alone'] * 100:>8.1f} %"
              f"{median['daemon_busy_percent']:>11.0f} %"
              f"{median['rings']:>10,.0f}{median['violations']:>10,.0f}{goal}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build-dir", type=Path, default=Path("build"))
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=1.5, help="of one measurement")
    parser.add_argument("--peers", type=int, default=2)
    options = parser.parse_args()
    build = options.build_dir.resolve()
    os.environ["LOGFWD_BUILD"] = str(build)
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    if not {DAEMON_CPU, OTHERS_CPU} <= os.sched_getaffinity(0):
        print("two processors are needed", file=sys.stderr)
        return 2
    rounds = [
        {kind: measure(build, what, options.peers, options.seconds) for kind, what in KINDS.items()}
        for _ in range(options.rounds)
    ]
    show(options.peers, rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
