"""The forwarders of the comparison: each takes syslog(3) datagrams at a Unix socket and sends UDP.

A forwarder is a function that writes its configuration into a folder and returns how to start it.
Each runs as its package would run it, in the foreground, with limits that would drop records off.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterable

from programs import Programs, Unavailable

SYSLOG_SOCKET = "dev-log"
CLIENT_SOCKET = "client.sock"
CONTROL_SOCKET = "control.sock"


@dataclass(frozen=True)
class Launch:
    command: list[str]
    environment: dict[str, str] | None = None


# The rows of the table, in its order.
ROWS = ("floor", "dev-log", "libclient", "rsyslog", "haproxy", "syslog-ng")

Forwarder = Callable[..., Launch]  # (folder, port, host="127.0.0.1")


@dataclass(frozen=True)
class Row:
    """One line of the table: a forwarder, and the way into it."""

    key: str
    label: str
    forwarder: Forwarder

    @property
    def client(self) -> bool:
        """Whether its records come by liblogfwd, not as syslog(3) datagrams."""
        return self.key == "libclient"

    @property
    def loads(self) -> tuple[str, ...]:
        """Keys of measure.LOADS."""
        return ("one", "two", "paced", "loggers") if self.client else ("one", "two", "paced")


def floor(build: Path) -> Forwarder:
    program = built(build, "tests/bench/floor")

    def launch(folder: Path, port: int) -> Launch:
        return Launch([str(program), str(folder / SYSLOG_SOCKET), str(port)])

    return launch


def logfwd(build: Path) -> Forwarder:
    program = built(build, "daemon/logfwdd")

    def launch(folder: Path, port: int, host: str = "127.0.0.1") -> Launch:
        config = folder / "logfwd.conf"
        config.write_text(f"""
listen {{ client = "{folder / CLIENT_SOCKET}"  syslog = "{folder / SYSLOG_SOCKET}"
         control = "{folder / CONTROL_SOCKET}" }}
target sink {{ servers = {{"{host}:{port}"}} }}
logger logfwd.clients {{ level = 100 }}
""")
        return Launch([str(program), "--config", str(config)])

    return launch


def rsyslog(programs: Programs) -> Forwarder:
    program = programs.find("rsyslogd", "rsyslog")
    modules = program.folder_of("**/imuxsock.so")

    def launch(folder: Path, port: int, host: str = "127.0.0.1") -> Launch:
        config = folder / "rsyslog.conf"
        config.write_text(f"""
global(workDirectory="{folder}")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="{folder / SYSLOG_SOCKET}")
action(type="omfwd" target="{host}" port="{port}" protocol="udp"
       template="RSYSLOG_SyslogProtocol23Format")
""")
        return Launch([str(program.path), "-n", "-f", str(config), "-i", str(folder / "pid"),
                       "-M", str(modules)], program.environment())

    return launch


def haproxy(programs: Programs) -> Forwarder:
    program = programs.find("haproxy", "haproxy")

    def launch(folder: Path, port: int) -> Launch:
        config = folder / "haproxy.cfg"
        config.write_text(f"""
log-forward bench
    dgram-bind uxdg@{folder / SYSLOG_SOCKET}
    log 127.0.0.1:{port} format rfc5424 local0
""")
        return Launch([str(program.path), "-db", "-f", str(config)], program.environment())

    return launch


def syslog_ng(programs: Programs) -> Forwarder:
    program = programs.find("syslog-ng", "syslog-ng-core")
    modules = program.folder_of("**/syslog-ng/*/libafsocket.so")
    version = modules.name

    def launch(folder: Path, port: int, host: str = "127.0.0.1") -> Launch:
        config = folder / "syslog-ng.conf"
        config.write_text(f"""
@version: {version}
source local {{ unix-dgram("{folder / SYSLOG_SOCKET}"); }};
destination sink {{ network("{host}" port({port}) transport(udp)); }};
log {{ source(local); destination(sink); flags(flow-control); }};
""")
        return Launch([str(program.path), "--foreground", "--no-caps", "-f", str(config),
                       "--module-path", str(modules), "-R", str(folder / "persist"),
                       "-p", str(folder / "pid"), "-c", str(folder / "ctl")],
                      program.environment())

    return launch


def built(build: Path, name: str) -> Path:
    program = build / name
    if not program.exists():
        raise Unavailable(f"{program} is not built (meson setup -Dbench=true)")
    return program.resolve()


def rows_of(wanted: Iterable[str], build: Path, programs: Programs) -> tuple[list[Row], list[str]]:
    """Those of the wanted rows (keys of ROWS) that can be had here, and why the others cannot."""
    makers: dict[str, tuple[str, Callable[[], Forwarder]]] = {
        "floor": ("floor: recvmmsg, sendmmsg", lambda: floor(build)),
        "dev-log": ("logfwd by dev-log", lambda: logfwd(build)),
        "libclient": ("logfwd by libclient", lambda: logfwd(build)),
        "rsyslog": ("rsyslog imuxsock, omfwd", lambda: rsyslog(programs)),
        "haproxy": ("HAProxy log-forward", lambda: haproxy(programs)),
        "syslog-ng": ("syslog-ng unix-dgram, udp", lambda: syslog_ng(programs)),
    }
    rows, missing = [], []
    for key in wanted:
        label, make = makers[key]
        try:
            rows.append(Row(key, label, make()))
        except Unavailable as error:
            missing.append(f"{label}: {error}")
    return rows, missing
