"""What log.info() costs a Python program: logfwd's two ways beside logging's SysLogHandler.

Not a test: figures of one machine at one time, to be read beside those of the same run. The real
daemon takes what is written to a Unix socket; nobody reads the UDP socket, so the kernel drops.
"""

import argparse
import logging
import logging.handlers
import os
import socket
import statistics
import sys
import time
from pathlib import Path

CALLS = 10_000  # of one measurement
ROUNDS = 9
WAIT_MS = 1000  # SysLogHandler waits for room, so logfwd does too: a record dropped is cheap
TEXT = "request %s of %s took %d ms"
ARGUMENTS = ("/index.html", "10.0.0.7:51234", 12)


def through_logging(handler):
    """A logger of logging with this handler and no other."""
    log = logging.Logger("bench", logging.INFO)
    log.addHandler(handler)
    return log


def subjects(syslog_path, udp_port):
    """Loggers by what they are, the cheapest first."""
    import logfwd

    client = logfwd.Client(wait_ms=WAIT_MS)
    syslog = logging.handlers.SysLogHandler
    return client, {
        "logging, NullHandler": through_logging(logging.NullHandler()),
        "logfwd.getLogger": logfwd.getLogger("bench.lease", client=client),
        "logging, logfwd.Handler": through_logging(logfwd.Handler(client=client)),
        "logging, SysLogHandler by Unix socket": through_logging(syslog(syslog_path)),
        "logging, SysLogHandler by UDP": through_logging(syslog(("127.0.0.1", udp_port))),
    }


def mean_ns(call):
    begin = time.perf_counter_ns()
    for _ in range(CALLS):
        call(TEXT, *ARGUMENTS)
    return (time.perf_counter_ns() - begin) / CALLS


def p99_ns(call):
    """With one reading of the clock, about 50 ns."""
    clock, took = time.perf_counter_ns, []
    before = clock()
    for _ in range(CALLS):
        call(TEXT, *ARGUMENTS)
        now = clock()
        took.append(now - before)
        before = now
    return statistics.quantiles(took, n=100)[-1]


def measure(syslog_path, udp_port):
    """All rounds; rows take turns, so that drift of the machine meets all alike."""
    client, logs = subjects(syslog_path, udp_port)
    client.flush(10)  # levels are known after this
    figures = {what: ([], [], []) for what in logs}
    for _ in range(ROUNDS):
        for what, log in logs.items():
            enabled, slowest, disabled = figures[what]
            enabled.append(mean_ns(log.info))
            slowest.append(p99_ns(log.info))
            disabled.append(mean_ns(log.debug))
            client.flush(10)  # so that no row pays for the one before
    show({what: [statistics.median(each) for each in figures[what]] for what in figures})
    print(f"records of the library: {client.stats()['sent']:,} sent, "
          f"{client.stats()['dropped']:,} dropped")


def show(figures):
    base_enabled, _, base_disabled = figures["logfwd.getLogger"]
    print(f"{'median of rounds':<40} {'info, us':>9} {'ratio':>6} {'p99, us':>8} "
          f"{'debug, ns':>10} {'ratio':>6}")
    for what, (enabled, slowest, disabled) in figures.items():
        print(f"{what:<40} {enabled / 1e3:9.2f} {enabled / base_enabled:6.2f} "
              f"{slowest / 1e3:8.1f} {disabled:10.0f} {disabled / base_disabled:6.2f}")


def measure_beside_daemon():
    """Starts the daemon and, with what it needs to find the library, this program again."""
    from tests.support.daemon import Daemon, run, target
    from tests.support.python_program import PYTHON, environment

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
        sink.bind(("127.0.0.1", 0))
        address, port = sink.getsockname()
        daemon = Daemon(target("central", f"{address}:{port}"))
        try:
            daemon.start()
            done = run(PYTHON, "-B", __file__, "--syslog", daemon.syslog_path, "--udp", port,
                       env=environment(daemon), timeout=300, stdout=None, stderr=None)
            daemon.stop()
        finally:
            daemon.discard()
    return done.returncode


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build-dir", type=Path, default=Path("build"))
    parser.add_argument("--syslog", help="of a daemon that runs already; with --udp")
    parser.add_argument("--udp", type=int)
    options = parser.parse_args()
    if options.syslog is not None:
        measure(options.syslog, options.udp)
        return 0
    os.environ["LOGFWD_BUILD"] = str(options.build_dir.resolve())
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    return measure_beside_daemon()


if __name__ == "__main__":
    sys.exit(main())
