"""A parent that holds a daemon's three sockets, as systemd does, whatever becomes of the daemon."""

import os
import socket
import sys

from tests.support.daemon import LOGFWDD, Daemon

SO_PASSCRED = 16  # Linux

# Becomes logfwdd, with the descriptors of its second argument as 3, 4, ... under the given names.
ACTIVATE = """
import os, sys
names, numbers = sys.argv[1], [int(number) for number in sys.argv[2].split(",")]
kept = [os.dup2(number, 100 + place) for place, number in enumerate(numbers)]
for place, number in enumerate(kept):
    os.dup2(number, 3 + place, inheritable=True)
os.closerange(3 + len(kept), 200)
os.environ |= {"LISTEN_FDS": str(len(kept)), "LISTEN_PID": str(os.getpid())}
if names:
    os.environ["LISTEN_FDNAMES"] = names
os.execv(sys.argv[3], sys.argv[3:])
"""

KINDS = {
    "client": socket.SOCK_SEQPACKET,
    "syslog": socket.SOCK_DGRAM,
    "control": socket.SOCK_STREAM,
}


class Manager:
    """The sockets in a daemon's folder, and the place where it reports."""

    def __init__(self, config):
        self.daemon = Daemon(config)
        paths = {
            "client": self.daemon.client_path,
            "syslog": self.daemon.syslog_path,
            "control": self.daemon.control_path,
        }
        self.sockets = {name: socket.socket(socket.AF_UNIX, kind) for name, kind in KINDS.items()}
        for name, path in paths.items():
            self.sockets[name].bind(str(path))
            if name == "syslog":
                self.sockets[name].setsockopt(socket.SOL_SOCKET, SO_PASSCRED, 1)
            else:
                self.sockets[name].listen(100)
        self.notify_path = self.daemon.folder / "notify"
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(str(self.notify_path))
        self.notify.settimeout(20)

    def start(self, names=("client", "syslog", "control"), labels=None, waiting_clients=0,
              environment=None):
        numbers = [self.sockets[name].fileno() for name in names]
        self.daemon.start(
            [
                sys.executable, "-S", "-c", ACTIVATE, ":".join(labels or names),
                ",".join(map(str, numbers)), LOGFWDD, "-f", str(self.daemon.config_path),
            ],
            waiting_clients=waiting_clients,
            pass_fds=numbers,
            env=os.environ | {"NOTIFY_SOCKET": str(self.notify_path)} | (environment or {}),
        )
        return self.daemon

    def wait_for_notice(self, wanted):
        """Reads what the daemon reports until it says so."""
        while wanted not in self.notify.recv(4096).decode().splitlines():
            pass

    def kill(self):
        """The daemon dies in the middle of whatever it does; the sockets stay."""
        self.daemon.process.kill()
        self.daemon.process.wait()

    def close(self):
        for each in (*self.sockets.values(), self.notify):
            each.close()
