"""One measurement: a sink, a forwarder, and generators that write to it; what each of them says."""

import json
import select
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from forwarders import CLIENT_SOCKET, SYSLOG_SOCKET, Row

START_SECONDS = 15
STOP_SECONDS = 5
RATE_PACED = 20000  # records a second of the latency measurement


class Failed(Exception):
    """A measurement could not be made; the text says why."""


@dataclass(frozen=True)
class Load:
    writers: int
    rate: int = 0  # records a second; 0: full speed
    loggers: bool = False  # each record from a logger of its own, opened and closed around it


LOADS = {
    "one": Load(writers=1),
    "two": Load(writers=2),
    "paced": Load(writers=1, rate=RATE_PACED),
    "loggers": Load(writers=1, loggers=True),
}


def cpu_ns(pid: int) -> int:
    """CPU time of a process, user and system, all threads, also those that ended.

    The number of a process's CPU clock is what clock_getcpuclockid(3) computes; it counts
    nanoseconds, where /proc/PID/stat counts ticks of 10 ms.
    """
    return time.clock_gettime_ns((~pid << 3) | 2)


def memory_kib(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1])
    raise Failed(f"/proc/{pid}/status has no {name}")


class Sink:
    """The receiver of tests/bench/sink.c; it listens from the start."""

    def __init__(self, build: Path):
        # Unbuffered, so that select() sees all that waits.
        self.process = subprocess.Popen([build / "tests/bench/sink"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, bufsize=0)
        self.port = int(self.line(START_SECONDS).split()[1])

    def line(self, seconds: float) -> bytes:
        """The next line, or an empty one when none came within the time."""
        ready, _, _ = select.select([self.process.stdout], [], [], seconds)
        return self.process.stdout.readline() if ready else b""

    def result(self, sent: int) -> dict:
        out, _ = self.process.communicate(b"%d\n" % sent)
        return json.loads(out)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


class Running:
    """A forwarder that runs and was seen to forward."""

    def __init__(self, row: Row, folder: Path, sink: Sink):
        self.row, self.folder, self.sink = row, folder, sink
        launch = row.forwarder(folder, sink.port)
        with open(folder / "output", "wb") as output:
            self.process = subprocess.Popen(launch.command, env=launch.environment,
                                            stdin=subprocess.DEVNULL, stdout=output, stderr=output)

    def wait_until_forwarding(self) -> None:
        """Sends probes until one arrives; the sink counts them apart."""
        deadline = time.monotonic() + START_SECONDS
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as probe:
            while time.monotonic() < deadline and self.process.poll() is None:
                try:
                    probe.sendto(b"<134>Jan  1 00:00:00 bench: probe",
                                 str(self.folder / SYSLOG_SOCKET))
                except OSError:
                    pass  # it does not listen yet
                if self.sink.line(0.05) == b"first\n":
                    return
        raise Failed(f"{self.row.label} does not forward: {self.last_words()}")

    def last_words(self) -> str:
        lines = (self.folder / "output").read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    def close(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def generate(build: Path, row: Row, load: Load, folder: Path, seconds: float,
             record_bytes: int) -> list[dict]:
    """Runs the writers side by side; what each of them says."""
    commands = []
    for writer in range(load.writers):
        options = ["--writer", str(writer), "--rate", str(load.rate),
                   "--seconds", str(seconds), "--bytes", str(record_bytes)]
        if row.client:
            command = ["client_generator", *options, str(folder / CLIENT_SOCKET),
                       "loggers" if load.loggers else "records"]
        else:
            command = ["syslog_generator", *options, str(folder / SYSLOG_SOCKET)]
        commands.append([str(build / "tests/bench" / command[0]), *command[1:]])
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
               for command in commands]
    try:
        return [outcome(process, row, seconds * 10 + 30) for process in running]
    finally:
        for process in running:
            process.kill()  # nothing to an ended one
            process.wait()


def outcome(process: subprocess.Popen, row: Row, patience_seconds: float) -> dict:
    """What a generator says at its end."""
    try:
        out, error = process.communicate(timeout=patience_seconds)
    except subprocess.TimeoutExpired:
        raise Failed(f"{row.label}: a generator does not come to its end") from None
    if process.returncode != 0:
        raise Failed(f"{row.label}: {error.strip()}")
    return json.loads(out)


def measure(build: Path, row: Row, load_name: str, seconds: float, record_bytes: int) -> dict:
    """Starts everything afresh, measures one load, ends everything. Units are in the names."""
    with tempfile.TemporaryDirectory(prefix="logfwd-bench-") as name:
        folder, sink, forwarder = Path(name), Sink(build), None
        try:
            forwarder = Running(row, folder, sink)
            forwarder.wait_until_forwarding()
            pid = forwarder.process.pid
            cpu_before = cpu_ns(pid)
            clients = generate(build, row, LOADS[load_name], folder, seconds, record_bytes)
            sent = sum(client["records"] for client in clients)
            seen = sink.result(sent)
            if forwarder.process.poll() is not None:
                raise Failed(f"{row.label} ended: {forwarder.last_words()}")
            cpu = cpu_ns(pid) - cpu_before
            return summary_of(clients, seen, cpu) | {
                "row": row.key,
                "load": load_name,
                "memory_peak_kib": memory_kib(pid, "VmHWM"),
            }
        finally:
            sink.close()
            if forwarder is not None:
                forwarder.close()


def summary_of(clients: list[dict], seen: dict, cpu: int) -> dict:
    """The figures of one measurement from what generators, sink and the CPU clock say."""
    sent = sum(client["records"] for client in clients)
    received = max(seen["records"], 1)
    return {
        "sent": sent,
        "received": seen["records"],
        "lost": sent - seen["records"] - seen["sink_dropped"],
        "duplicates": seen["duplicates"],
        "reordered": seen["reordered"],
        "sink_dropped": seen["sink_dropped"],
        "datagram_bytes": seen["bytes"] / received,
        "records_per_second": seen["records"] / max(seen["seconds"], 1e-9),
        "cpu_us": cpu / 1e3 / received,
        "client_cpu_us": sum(client["cpu_us"] for client in clients) / max(sent, 1),
        "latency_p50_us": seen["latency_p50_us"],
        "latency_p99_us": seen["latency_p99_us"],
        "call_p50_ns": max(client["call_p50_ns"] for client in clients),
        "call_p99_ns": max(client["call_p99_ns"] for client in clients),
        "call_p999_ns": max(client["call_p999_ns"] for client in clients),
    }
