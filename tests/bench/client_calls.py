"""What a call costs the program that makes it: the library's by ring and by socket, beside syslog(3).

Not a test: figures of one machine at one time, to be read beside those of the same run. The real
daemon takes what the library says, to a UDP socket that nobody reads; what syslog(3) says is drained
by a program that does nothing else. Both are then stopped, to see what their clients notice.
"""

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

BATCH = 20  # calls back to back, of a paced thread
RATE = 20_000  # calls a second, of all paced threads
PACED_CALLS = 100_000
BURST = 1600  # calls back to back, of all threads: a ring holds them, and nothing is dropped
BURSTS = 50
BURST_PAUSE_US = 100_000
STOPPED_CALLS = 50_000
THREADS = 1, 2, 8
BLOCKED_AFTER_S = 5

KINDS = {  # rows: what is called, and the configuration of the daemon; None: syslog(3)
    "syslog(3)": ("syslog", None),
    "logfwd_write, ring": ("write", ""),
    "logfwd_log, ring": ("log", ""),
    "logfwd_write, socket": ("write", "limits { ring-bytes = 0 }\n"),
    "logfwd_log, socket": ("log", "limits { ring-bytes = 0 }\n"),
}


class Blocked(Exception):
    """The calls did not come back."""


def plan(load, threads):
    """Batches of each thread, calls of a batch, microseconds between two."""
    if load == "paced":
        return PACED_CALLS // threads // BATCH, BATCH, BATCH * threads * 1_000_000 // RATE
    if load == "burst":
        return BURSTS, BURST // threads, BURST_PAUSE_US
    return STOPPED_CALLS // threads, 1, 0


def in_namespace_of(folder, command):
    """The program sees nothing in /dev but what is in the folder: its `log`."""
    bind = 'mount --bind "$0" /dev && exec "$@"'
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", bind, folder, *command]


@contextlib.contextmanager
def drained_socket(program, folder):
    """The process that reads the datagrams at `log` in the folder."""
    with subprocess.Popen([program, "drain", folder / "log"], stdout=subprocess.PIPE) as drain:
        try:
            drain.stdout.readline()
            yield drain
        finally:
            drain.kill()


def calls(command, environment, other, stopped):
    """The figures of one program; other: the process at the far end, stopped meanwhile or not."""
    with subprocess.Popen(command, env=environment, text=True, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as program:
        if program.stdout.readline() != "ready\n":
            raise RuntimeError(f"{command} did not begin")
        try:
            if stopped:
                os.kill(other, signal.SIGSTOP)
            said, _ = program.communicate("go\n", timeout=BLOCKED_AFTER_S if stopped else 120)
        except subprocess.TimeoutExpired:
            program.kill()
            raise Blocked from None
        finally:
            os.kill(other, signal.SIGCONT)
    return [int(word) for word in said.split()]


def syslog_row(program, arguments, stopped):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with drained_socket(program, folder) as drain:
            command = in_namespace_of(folder, [program, "syslog", *arguments])
            return calls(command, os.environ, drain.pid, stopped), ""


def logfwd_row(program, what, config, arguments, stopped):
    from tests.support.daemon import Daemon, target

    daemon = Daemon(config + target("central", "127.0.0.1:9"))  # nobody reads; refusals are borne
    try:
        daemon.start()
        environment = dict(os.environ, LOGFWD_SOCKET=str(daemon.client_path))
        figures = calls([program, what, *arguments], environment, daemon.process.pid, stopped)
        rings = daemon.stats()["clients"]["rings"]["made"]
        return figures, f"{figures.pop():,} dropped" + ("" if rings else ", no ring")
    finally:
        daemon.process.kill()
        daemon.discard()


def measure(program, load, threads, base):
    arguments = [str(each) for each in (threads, *plan(load, threads))]
    for row, (what, config) in KINDS.items():
        try:
            if config is None:
                figures, remark = syslog_row(program, arguments, load == "stopped")
            else:
                figures, remark = logfwd_row(program, what, config, arguments, load == "stopped")
        except Blocked:
            print(f"{load:<8} {threads:>2}  {row:<22} {'blocks':>9}", flush=True)
            continue
        p50, _, p999, _ = figures[:4]
        base = base or figures[:4]
        print(f"{load:<8} {threads:>2}  {row:<22}", *(f"{each:>9,}" for each in figures[:4]),
              f"{base[0] / p50:>7.1f} {p999 / base[0]:>6.2f}  {remark}", flush=True)
    return base


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build-dir", type=Path, default=Path("build"))
    options = parser.parse_args()
    os.environ["LOGFWD_BUILD"] = str(options.build_dir.resolve())
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    if os.geteuid() != 0:
        print("as root only: syslog(3) needs a /dev/log of its own", file=sys.stderr)
        return 2
    program = options.build_dir.resolve() / "tests/bench/client_calls"
    print("ns of a call; ratio: syslog(3)'s p50 of the same load and number of threads to this p50; "
          "p99.9 in its p50s")
    print(f"{'load':<8} {'n':>2}  {'call':<22} {'p50':>9} {'p99':>9} {'p99.9':>9} {'max':>9} "
          f"{'ratio':>7} {'p99.9':>6}")
    paced = {}
    for load in "paced", "burst", "stopped":
        for threads in THREADS:
            # A blocked syslog(3) has no figure of its own: the paced one stands in.
            base = measure(program, load, threads, paced.get(threads) if load == "stopped" else None)
            paced.setdefault(threads, base)
    return 0


if __name__ == "__main__":
    sys.exit(main())
