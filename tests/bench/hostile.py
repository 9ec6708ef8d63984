"""What a client that writes over its ring costs the others: their throughput beside it.

Not a test: figures of one machine at one time. The daemon has one processor, all clients share the
other, so that what differs between the rows is what the daemon does with them. Each peer has two
threads that never pause: one that commits records, and one that rewrites indices, flags and records
(attack), or does nothing to them (calm); flood has one thread that tells the daemon to look.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

SECONDS = 3  # of one measurement
ROUNDS = 5
GOAL = 0.9  # of the throughput beside a calm peer
DAEMON_CPU, CLIENTS_CPU = 0, 1
ROWS = "nobody", "calm", "attack", "flood"


def on(cpu):
    """For a child to run on that processor only."""
    return lambda: os.sched_setaffinity(0, {cpu})


@contextlib.contextmanager
def peer(build, daemon, what):
    if what == "nobody":
        yield
        return
    with subprocess.Popen([build / "tests/hostile_ring", daemon.client_path, what, "1"],
                          stdout=subprocess.DEVNULL, preexec_fn=on(CLIENTS_CPU)) as process:
        try:
            yield
        finally:
            process.kill()


def throughput(build, what):
    """Records a second of one honest client at full speed."""
    from tests.support.daemon import Daemon, target

    config = ("limits { uid-share = 100 }\n" + target("central", "127.0.0.1:9")
              + "handler default { target = central }\n"
              + "logger root { level = info  handlers = {default} }\n")
    daemon = Daemon(config)
    try:
        daemon.start()
        os.sched_setaffinity(daemon.process.pid, {DAEMON_CPU})
        with peer(build, daemon, what):
            done = subprocess.run(
                [build / "tests/bench/client_generator", "--seconds", str(SECONDS),
                 daemon.client_path, "records"],
                check=True, stdout=subprocess.PIPE, preexec_fn=on(CLIENTS_CPU))
        said = json.loads(done.stdout)
        return said["records"] / said["seconds"], daemon.stats()["clients"]["violations"]
    finally:
        daemon.process.kill()
        daemon.discard()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build-dir", type=Path, default=Path("build"))
    build = parser.parse_args().build_dir.resolve()
    os.environ["LOGFWD_BUILD"] = str(build)
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    if os.cpu_count() < 2:
        print("needs two processors", file=sys.stderr)
        return 2
    rounds = [{what: throughput(build, what) for what in ROWS} for _ in range(ROUNDS)]
    medians = {what: statistics.median(each[what][0] for each in rounds) for what in ROWS}
    print(f"{'beside':<8} {'records/s':>10} {'of calm':>8} {'violations':>11}   goal: {GOAL}")
    for what in ROWS:
        violations = sum(each[what][1] for each in rounds)
        print(f"{what:<8} {medians[what]:>10,.0f} {medians[what] / medians['calm']:>8.2f} "
              f"{violations:>11,}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
