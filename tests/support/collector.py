"""A syslog collector by UDP that keeps every datagram, with the source it came from."""

import contextlib
import itertools
import os
import select
import socket
import threading

from tests.support import rfc5424
from tests.support.waiting import wait_for

DISCARD_PORT = 9  # RFC 863; nobody sends from it
SO_RCVBUFFORCE = 33  # Linux; for root, beyond net.core.rmem_max
RECEIVE_BUFFER = 128 * 1024 * 1024  # a queue that waited for a minute comes at once

_addresses = itertools.count(1)


def own_address():
    """A loopback address that no other test uses: a closed port of it stays closed."""
    number = (os.getpid() * 251 + next(_addresses)) % (254 * 254 * 254)
    return f"127.{number // 64516 % 254 + 1}.{number // 254 % 254 + 1}.{number % 254 + 1}"


class Collector:
    """Listens from the start; stop() closes the port, start() opens the same one again."""

    def __init__(self):
        self.host, self.port = own_address(), 0
        self.datagrams = []  # bytes, in the order of arrival
        self.sources = []  # the address and port that each came from
        self.start()

    @property
    def address(self):
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def start(self):
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        try:
            self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER)
        except PermissionError:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        self.socket.bind((self.host, self.port))
        self.port = self.socket.getsockname()[1]
        self.socket.setblocking(False)
        self.wake_read, self.wake_write = os.pipe()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def stop(self):
        """Takes what is there already, then closes the port."""
        if self.socket is None:
            return
        os.write(self.wake_write, b"x")
        self.thread.join()
        with contextlib.suppress(OSError):  # no way there any more, so nothing comes
            # From now on it takes nothing, so that nothing comes between the last look and the end.
            self.socket.connect((self.host, DISCARD_PORT))
        self._drain()
        self.socket.close()
        self.socket = None
        os.close(self.wake_read)
        os.close(self.wake_write)

    def _run(self):
        while self.wake_read not in select.select([self.socket, self.wake_read], [], [])[0]:
            self._drain()

    def _drain(self):
        while True:
            try:
                datagram, source = self.socket.recvfrom(65536)
            except BlockingIOError:
                return
            self.sources.append(source)
            self.datagrams.append(datagram)

    def received(self, count, timeout=None):
        """Waits until at least count datagrams are there and returns all."""
        seconds = {} if timeout is None else {"seconds": timeout}
        wait_for(
            lambda: len(self.datagrams) >= count,
            lambda: f"{count} datagrams at {self.address}, there are {len(self.datagrams)}, "
            f"the last {self.datagrams[-1:]}",
            **seconds,
        )
        return list(self.datagrams)

    def messages(self, count=0):
        """The same, parsed strictly as RFC 5424."""
        return [rfc5424.strict(datagram) for datagram in self.received(count)]

    def texts(self, count=0):
        return [message.text for message in self.messages(count)]

    def wait_for_text(self, part):
        """Waits for a message whose text holds part, and returns the first."""
        wait_for(
            lambda: any(part in datagram for datagram in list(self.datagrams)),
            lambda: f"{part!r} at {self.address}, the last is {self.datagrams[-1:]}",
        )
        return next(message for message in self.messages() if part in message.text)

    def take(self):
        """The datagrams so far, which are then forgotten; what comes meanwhile stays."""
        count = len(self.datagrams)
        taken = self.datagrams[:count]
        del self.datagrams[:count], self.sources[:count]
        return taken

    def forget(self):
        self.datagrams, self.sources = [], []
