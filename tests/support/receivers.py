"""Syslog daemons of others as receivers: rsyslogd, and syslog-ng unpacked aside.

Each listens by UDP on an address of its own and writes one line a message into a file, its
fields separated by tabs: host, program, pid, structured data, text.
"""

import os
import pathlib
import shutil
import subprocess

from tests.support.collector import own_address
from tests.support.daemon import BUILD, run, temporary_folder
from tests.support.waiting import wait_for

RSYSLOG_CONFIG = """
global(workDirectory="{folder}" maxMessageSize="64k")
module(load="imudp")
template(name="fields" type="string"
    string="%HOSTNAME%\\t%APP-NAME%\\t%PROCID%\\t%STRUCTURED-DATA%\\t%msg%\\n")
ruleset(name="all") {{ action(type="omfile" file="{out}" template="fields") }}
input(type="imudp" address="{host}" port="0" ruleset="all")
"""

SYSLOG_NG_CONFIG = """
@version: 3.35
options {{ use-dns(no); keep-hostname(yes); flush-lines(1); stats-freq(0); }};
source udp {{
    network(ip("{host}") port({port}) transport("udp") flags(syslog-protocol)
        so-rcvbuf(1000000) log-msg-size(65535));
}};
destination fields {{
    file("{out}" template("$HOST\\t$PROGRAM\\t$PID\\t$SDATA\\t$MSG\\n"));
}};
log {{ source(udp); destination(fields); }};
"""

# syslog-ng conflicts with rsyslog as a package, so it is unpacked, with what it links to.
SYSLOG_NG_PACKAGES = [
    "syslog-ng-core", "libivykis0", "libnet1", "libwrap0", "libnsl2", "libtirpc3", "libpcre3",
    "libjson-c5", "libglib2.0-0",
]


class Unavailable(Exception):
    """The receiver cannot be had here; its text says why."""


class Receiver:
    """A receiver that runs; the address it listens at, and the lines it has written."""

    def __init__(self, command, config, environment=None, port=0):
        self.folder = temporary_folder()
        self.out = self.folder / "out"
        self.host = own_address()
        config_path = self.folder / "receiver.conf"
        config_path.write_text(
            config.format(folder=self.folder, out=self.out, host=self.host, port=port)
        )
        self.log = open(self.folder / "log", "w+", encoding="utf-8")
        self.process = subprocess.Popen(
            [part.format(folder=self.folder, config=config_path) for part in command],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env=environment,
        )
        self.port = wait_for(self._bound_port, self.said)

    @property
    def address(self):
        return f"{self.host}:{self.port}"

    def said(self):
        self.log.seek(0)
        return f"{self.process.args[0]} listens: {self.log.read()}"

    def _bound_port(self):
        """The UDP port at its address, by the kernel's table."""
        assert self.process.poll() is None, self.said()
        wanted = bytes(reversed([int(part) for part in self.host.split(".")])).hex().upper()
        for line in pathlib.Path("/proc/net/udp").read_text().splitlines()[1:]:
            address, port = line.split()[1].split(":")
            if address == wanted:
                return int(port, 16)
        return None

    def lines(self, count):
        """Waits until it has written count lines; all of them, split into fields."""
        wait_for(lambda: self._count() >= count, lambda: f"{count} lines, not {self._count()}", 60)
        whole = self.out.read_text(encoding="utf-8")
        return [line.split("\t") for line in whole.splitlines()]

    def _count(self):
        return self.out.read_bytes().count(b"\n") if self.out.exists() else 0

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def rsyslogd():
    path = shutil.which("rsyslogd", path=os.environ["PATH"] + ":/usr/sbin")
    if path is None:
        raise Unavailable("rsyslogd (package rsyslog) is not installed")
    return Receiver([path, "-n", "-f", "{config}", "-i", "{folder}/pid"], RSYSLOG_CONFIG)


def syslog_ng():
    root = _unpacked_syslog_ng()
    libraries = [f"{root}/usr/lib/syslog-ng", *map(str, root.glob("usr/lib/*-linux-gnu*")),
                 *map(str, root.glob("lib/*-linux-gnu*"))]
    environment = os.environ | {"LD_LIBRARY_PATH": ":".join(libraries)}
    program = root / "usr/sbin/syslog-ng"
    probe = run(program, "--version", env=environment)
    if probe.returncode != 0:
        raise Unavailable(f"the unpacked syslog-ng does not run: {probe.stderr.strip()}")
    (modules,) = root.glob("usr/lib/syslog-ng/[0-9]*")
    command = [
        str(program), "-F", "--no-caps", "-f", "{config}", "-p", "{folder}/pid",
        "-R", "{folder}/persist", "-c", "{folder}/control", "--module-path", str(modules),
    ]
    return Receiver(command, SYSLOG_NG_CONFIG, environment, port=5514)


def _unpacked_syslog_ng():
    """Downloads and unpacks the packages once for each build folder."""
    root = BUILD / "syslog-ng"
    if (root / "complete").exists():
        return root
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise Unavailable("syslog-ng is unpacked from Debian's packages, and this is no Debian")
    shutil.rmtree(root, ignore_errors=True)
    (root / "packages").mkdir(parents=True)
    done = run("apt-get", "download", *SYSLOG_NG_PACKAGES, cwd=root / "packages", timeout=120)
    if done.returncode != 0:
        raise Unavailable(f"syslog-ng cannot be downloaded: {done.stderr.strip()}")
    for package in (root / "packages").glob("*.deb"):
        run("dpkg-deb", "-x", package, root)
    (root / "complete").touch()
    return root
