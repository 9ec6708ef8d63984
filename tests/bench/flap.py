"""A collector that comes and goes: what logfwd, rsyslog and syslog-ng lose, and what of it they tell.

Numbered syslog(3) datagrams go to each forwarder in a network namespace, and on to a collector in
another one, whose port is closed and opened every few seconds: over a veth pair, by which a refusal
comes back within the system call that sends, and over a link that takes time, as most do. What was
neither received nor counted as lost or failed by the forwarder itself is silent loss.
"""

import argparse
import itertools
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

from forwarders import SYSLOG_SOCKET, Launch, logfwd, rsyslog, syslog_ng
from programs import Programs, Unavailable

from tests.support.daemon import BUILD, control_request, run, temporary_folder
from tests.support.namespaces import Network, unavailable
from tests.support.waiting import wait_for

PERIOD_S = 3  # closed, then open
QUIET_S = 10  # without a datagram: nothing comes any more
ROUND_TRIPS_MS = (0, 10)  # of the links
NUMBER = re.compile(rb"number=(\d+)")


def logfwd_config(config: str, _) -> str:
    return config.replace("target sink {", "target sink { resend = 2000 ")


def rsyslog_config(config: str, folder: Path) -> str:
    return (f'module(load="impstats" interval="1" format="json" log.syslog="off"'
            f' log.file="{folder}/stats")\n' + config)


def syslog_ng_config(config: str, _) -> str:
    """Without flow control, as by default, or it would hold up who logs; and it tries again soon."""
    return config.replace("flags(flow-control); ", "") + "options { time-reopen(1); };\n"


def reported_by_logfwd(folder: Path, _) -> int:
    sink = control_request(folder / "control.sock", verb="stats")["result"]["targets"]["sink"]
    return sum(sink["dropped"].values()) + sink["refused"]


def reported_by_rsyslog(folder: Path, _) -> int:
    """What impstats says of failed messages of the action, and of those that queues discarded."""
    wait_for((folder / "stats").exists, "impstats has written")
    last: dict[tuple[str, str], int] = {}
    for line in (folder / "stats").read_text().splitlines():
        name = re.search(r'"name": "([^"]*)"', line)
        for key, value in re.findall(r'"(failed|discarded\.full|discarded\.nf)": (\d+)', line):
            last[name[1] if name else "", key] = int(value)
    assert last, "impstats has no count of failed messages"
    return sum(last.values())


def reported_by_syslog_ng(folder: Path, launch: Launch) -> int:
    """What syslog-ng-ctl says of dropped messages of the destination."""
    control = Path(launch.command[0]).with_name("syslog-ng-ctl")
    done = run(control, "stats", "-c", folder / "ctl", env=launch.environment)
    assert done.returncode == 0 and "dst." in done.stdout, done
    said = done.stdout
    return sum(int(line.rsplit(";", 1)[1]) for line in said.splitlines()
               if line.startswith("dst.") and ";dropped;" in line)


def flap(launcher, rewrite, reported, link_ms: int, arguments) -> tuple[int, int, int, int]:
    """One forwarder; how many were submitted, received, reported lost, and received again."""
    folder = temporary_folder()
    with Network() as network:
        far = network.add_distant(link_ms / 2000) if link_ms > 0 else network.add_far()
        collector = network.collector(far)
        launch = launcher(folder, collector.port, collector.host)
        (config,) = folder.glob("*.conf")
        config.write_text(rewrite(config.read_text(), folder))
        with open(folder / "log", "w", encoding="utf-8") as log:
            process = subprocess.Popen(network.near.command(*launch.command), env=launch.environment,
                                       stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            wait_for((folder / SYSLOG_SOCKET).exists, lambda: (folder / "log").read_text())
            submitted = submit(folder / SYSLOG_SOCKET, collector, arguments.seconds, arguments.rate)
            wait_until_quiet(collector)
            lost = reported(folder, launch)
        finally:
            process.terminate()
            process.wait(20)
            shutil.rmtree(folder, ignore_errors=True)
    numbers = [int(found[1]) for found in map(NUMBER.search, collector.datagrams) if found]
    return submitted, len(set(numbers)), lost, len(numbers) - len(set(numbers))


def submit(path: Path, collector, seconds: int, rate: int) -> int:
    """Numbered datagrams at a rate, while the port closes and opens; it is open in the end."""
    begin, done, is_open = time.monotonic(), 0, True
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.connect(str(path))
        while (elapsed := time.monotonic() - begin) < seconds:
            if is_open != (int(elapsed / PERIOD_S) % 2 == 0):
                is_open = not is_open
                collector.start() if is_open else collector.stop()
            while done < elapsed * rate:
                sender.send(b"<14>flap[1]: number=%d" % done)
                done += 1
            time.sleep(0.005)
    if not is_open:
        collector.start()
    return done


def wait_until_quiet(collector) -> None:
    count, since = -1, time.monotonic()
    while time.monotonic() - since < QUIET_S:
        if len(collector.datagrams) != count:
            count, since = len(collector.datagrams), time.monotonic()
        time.sleep(0.1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--rate", type=int, default=5000, help="records a second")
    parser.add_argument("--only", default="", help="forwarders whose names begin so")
    parser.add_argument("--no-fetch", action="store_true", help="only what is installed")
    arguments = parser.parse_args()
    reason = unavailable()
    if reason is not None:
        print(f"flap: {reason}", file=sys.stderr)
        return 1
    programs = Programs(BUILD / "bench-peers", not arguments.no_fetch)
    print("| round trip | forwarder | submitted | received | reported lost | silent loss | twice |\n"
          + "| --- " * 7 + "|")
    for link_ms, (name, make, rewrite, reported) in itertools.product(ROUND_TRIPS_MS, (
        ("logfwd, resend = 2000", lambda: logfwd(BUILD), logfwd_config, reported_by_logfwd),
        ("rsyslog", lambda: rsyslog(programs), rsyslog_config, reported_by_rsyslog),
        ("syslog-ng", lambda: syslog_ng(programs), syslog_ng_config, reported_by_syslog_ng),
    )):
        if not name.startswith(arguments.only):
            continue
        try:
            submitted, received, lost, twice = flap(make(), rewrite, reported, link_ms, arguments)
        except Unavailable as error:
            print(f"{name}: {error}", file=sys.stderr)
            continue
        silent = max(0, submitted - received - lost)
        print(f"| {link_ms} ms | {name} | {submitted} | {received} | {lost} | {silent} | {twice} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
