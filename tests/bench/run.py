"""The benchmark: logfwd beside the floor and other forwarders, in one run and one table.

Exits 0 when logfwd lost nothing and is no dearer by dev-log than rsyslog, 1 when not, 2 when it
could not be run. README.md says what each row and column is.
"""

import argparse
import contextlib
import json
import os
import platform
import signal
import subprocess
import sys
from pathlib import Path
from typing import Iterator

from forwarders import ROWS, Row, rows_of
from measure import LOADS, Failed, measure
from programs import Programs
from report import Results, loggers_line, table, verdict

QUEUE_LENGTH = Path("/proc/sys/net/unix/max_dgram_qlen")
QUEUE_RECORDS = 512  # what systemd sets at boot


def row_keys(text: str) -> tuple[str, ...]:
    """The rows named in `text`, in the table's order."""
    named = text.split(",")
    if not set(named) <= set(ROWS):
        raise argparse.ArgumentTypeError(f"{text}: the rows are {', '.join(ROWS)}")
    return tuple(key for key in ROWS if key in named)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="run.py", description=__doc__.splitlines()[0])
    parser.add_argument("--build-dir", "--build", type=Path, default=Path("build"),
                        help="meson build folder, configured with -Dbench=true")
    parser.add_argument("--rounds", type=int, help="measurements of each figure (default 5)")
    parser.add_argument("--seconds", type=float, help="length of one measurement (default 2)")
    parser.add_argument("--bytes", type=int, default=120, help="of a record (default 120)")
    parser.add_argument("--only", metavar="ROW,...", type=row_keys, default=ROWS,
                        help=f"of {', '.join(ROWS)}; default: all that can be had")
    parser.add_argument("--quick", action="store_true", help="2 rounds of half a second")
    parser.add_argument("--no-fetch", action="store_true",
                        help="do not fetch packages of peers that are not installed")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there")
    options = parser.parse_args()
    options.rounds = options.rounds or (2 if options.quick else 5)
    options.seconds = options.seconds or (0.5 if options.quick else 2.0)
    options.build_dir = options.build_dir.resolve()
    return options


@contextlib.contextmanager
def long_datagram_queue() -> Iterator[int]:
    """The queue of new Unix datagram sockets as systemd sets it, while this lasts (as root)."""
    before = QUEUE_LENGTH.read_text()
    if os.geteuid() == 0:
        QUEUE_LENGTH.write_text(str(QUEUE_RECORDS))
    try:
        yield int(QUEUE_LENGTH.read_text())
    finally:
        if os.geteuid() == 0:
            QUEUE_LENGTH.write_text(before)


def environment(queue_length: int, options: argparse.Namespace) -> dict:
    return {
        "kernel": platform.release(),
        "cpus": os.cpu_count(),
        "load_average": os.getloadavg()[0],
        "max_dgram_qlen": queue_length,
        "root": os.geteuid() == 0,
        "rounds": options.rounds,
        "seconds": options.seconds,
        "record_bytes": options.bytes,
    }


def measure_all(rows: list[Row], options: argparse.Namespace) -> list[dict]:
    """All rounds. Rows take turns within a load, so that drift of the machine meets all alike."""
    measurements = []
    for number in range(options.rounds):
        for load in LOADS:
            for row in rows:
                if load not in row.loads:
                    continue
                print(f"round {number + 1} of {options.rounds}: {load:8} {row.label}",
                      file=sys.stderr)
                measurements.append(measure(options.build_dir, row, load, options.seconds,
                                            options.bytes) | {"round": number})
    return measurements


def run_micro(build: Path) -> dict[str, float]:
    """Nanoseconds per call by name, of tests/bench/micro.c."""
    done = subprocess.run([build / "tests/bench/micro"], check=True, text=True,
                          stdout=subprocess.PIPE)
    pairs = (line.rsplit(maxsplit=1) for line in done.stdout.splitlines())
    return {name: float(ns) for name, ns in pairs}


def show(machine: dict, results: Results, rows: list[Row], missing: list[str],
         micro: dict[str, float]) -> None:
    print(f"Linux {machine['kernel']}, {machine['cpus']} CPUs, load {machine['load_average']:.1f}, "
          f"net.unix.max_dgram_qlen {machine['max_dgram_qlen']}; {machine['rounds']} rounds of "
          f"{machine['seconds']:g} s; records of {machine['record_bytes']} bytes; medians\n")
    print(table(results, rows))
    print("\n".join(filter(None, ["", loggers_line(results)])))
    for line in missing:
        print(f"not measured: {line}")
    dropped = sum(one["sink_dropped"] for one in results.measurements)
    if dropped:
        print(f"the sink itself had no room for {dropped:,} datagrams (as root it has)")
    print("\nnanoseconds per call, alone in a loop")
    for name, ns in micro.items():
        print(f"  {name:32} {ns:10.1f}")


def run(options: argparse.Namespace) -> int:
    programs = Programs(options.build_dir / "bench-peers", fetch=not options.no_fetch)
    rows, missing = rows_of(options.only, options.build_dir, programs)
    with long_datagram_queue() as queue_length:
        machine = environment(queue_length, options)
        results = Results(measure_all(rows, options))
    micro = run_micro(options.build_dir)
    show(machine, results, rows, missing, micro)
    wrong = verdict(results, options.only)
    print("\nverdict: " + ("; ".join(wrong) or "nothing wrong"))
    if options.json is not None:
        options.json.write_text(json.dumps({
            "machine": machine, "measurements": results.measurements, "micro_ns": micro,
            "missing": missing, "wrong": wrong}, indent=1) + "\n")
    return 1 if wrong else 0


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))  # so that what was changed is put back
    try:
        return run(parse_arguments())
    except KeyboardInterrupt:
        return 2
    except (Failed, OSError, subprocess.CalledProcessError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
