"""One connection of this process to the daemon, and the leases on it."""

from __future__ import annotations

import atexit
import ctypes
import os
import sys

from ._library import (
    Options, Stats, c_levels, check, check_range, encode, encode_string, is_enabled, library,
    write_at_once,
)

DROP_NEWEST, DROP_OLDEST = 0, 1


class Client:
    """A connection to the local logfwd daemon; it needs none to open.

    app_name:     APP-NAME of the records; default: the script's name.
    socket_path:  default: $LOGFWD_SOCKET, else /run/logfwd/client.sock.
    wait_ms:      how long a call may wait for room in the buffer.
    buffer_bytes: of records that wait for the daemon; 0 is the library's default.
    when_full:    DROP_NEWEST or DROP_OLDEST.
    Errors: OSError, ValueError (a number out of its range, a NUL in the name).
    """

    def __init__(self, app_name: str | None = None,
                 socket_path: str | os.PathLike[str] | None = None, wait_ms: int = 0,
                 buffer_bytes: int = 0, when_full: int = DROP_NEWEST) -> None:
        if app_name is None:
            app_name = os.path.basename(sys.argv[0]) if sys.argv and sys.argv[0] else "python"
        # ctypes would cut them to the size of their field: -1 ms would be 49 days.
        check_range("wait_ms", wait_ms, ctypes.c_uint)
        check_range("buffer_bytes", buffer_bytes, ctypes.c_size_t)
        options = Options(
            size=ctypes.sizeof(Options),
            socket_path=os.fsencode(socket_path) if socket_path is not None else None,
            app_name=encode_string(app_name, "app_name"),
            when_full=when_full,
            wait_ms=wait_ms,
            buffer_bytes=buffer_bytes,
        )
        self._connection: Connection | None = open_connection(options)

    def open(self, name: str) -> Lease:
        """Leases the logger of that name; returns a Lease."""
        return self._live().open(name)

    def flush(self, timeout: float = 1.0) -> bool:
        """Waits until the daemon has taken all that was logged before; True when it has."""
        return self._live().flush(timeout)

    def stats(self) -> dict[str, int]:
        """The library's counts by name, as logfwd_client_stats() gives them."""
        return self._live().stats()

    def close(self) -> None:
        """Ends the connection, once the last of its leases has ended; there are no new ones."""
        self._connection = None

    def _live(self) -> Connection:
        connection = self._connection
        if connection is None:
            raise ValueError("the logfwd client is closed")
        return connection


# The library must not free what another thread's call uses, and its calls run without the
# interpreter's lock. So nothing below has a close(): it ends when nobody holds it any more, and a
# call holds what it is of. Who raises an error of a Lease is not in it, for tracebacks hold too.


# The collector finalizes all objects of a cycle in any order. It does not know of this one, which
# holds no other: so it ends by its references alone, after the leases of the cycle.
_untrack = ctypes.pythonapi.PyObject_GC_UnTrack
_untrack.restype, _untrack.argtypes = None, [ctypes.py_object]


def open_connection(options: Options) -> Connection:
    pointer = ctypes.c_void_p()
    check(library.logfwd_client_open(ctypes.byref(pointer), ctypes.byref(options)),
          "cannot open a logfwd client")
    assert pointer.value is not None  # for it succeeded
    connection = (PatientConnection if options.wait_ms > 0 else Connection)(pointer.value)
    _untrack(connection)
    return connection


class Connection(int):
    """A client of the library: its address. Ends when neither a Client nor a Lease holds it."""

    __slots__ = ()
    _end = library.logfwd_client_close  # the class's own: globals may be gone at the program's end
    write = write_at_once

    def open(self, name: str) -> Lease:
        lease = Lease(self)
        check(lease.open(name), f"cannot lease logger {name!r}")
        return lease

    def flush(self, timeout: float) -> bool:
        return library.logfwd_flush(self, int(timeout * 1000)) == 0

    def stats(self) -> dict[str, int]:
        stats = Stats(size=ctypes.sizeof(Stats))
        check(library.logfwd_client_stats(self, ctypes.byref(stats)), "no stats")
        return {name: getattr(stats, name) for name, _ in Stats._fields_ if name != "size"}

    def __del__(self) -> None:
        self._end(self)


class PatientConnection(Connection):
    """One whose calls may wait for room: they let other threads run."""

    __slots__ = ()
    write = library.logfwd_write


class Lease(ctypes.c_void_p):
    """A lease on one logger: the library's pointer to it. Ends when nobody holds it any more.

    Methods return what the library does: 0, or an error for check().
    """

    __slots__ = ("connection",)
    _end = library.logfwd_logger_close

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self.connection = connection  # so that it outlives the lease

    def open(self, name: str) -> int:
        return library.logfwd_logger_open(
            self.connection, encode_string(name, "logger name"), ctypes.byref(self))

    def set_level(self, level: int) -> int:
        """level: 0 unsets."""
        return library.logfwd_logger_set_level(self, level)

    def set_context(self, key: bytes, value: bytes | None) -> int:
        """A value of None unsets the key."""
        return library.logfwd_logger_set_context(self, key, value)

    def enabled(self, level: int) -> bool:
        return is_enabled(self, c_levels[level])

    def write(self, level: int, text: str) -> int:
        """Gives a record to the logger. What the buffer cannot hold is dropped and counted there."""
        encoded = encode(text)
        return self.connection.write(self, c_levels[level], encoded, len(encoded))

    def __del__(self) -> None:
        pointer, self.value = self.value, None
        self._end(pointer)  # what a cycle's other finalizers log after this goes nowhere


_default: dict[str, Client] = {}


def default_client() -> Client:
    """The client that all loggers of this process share; a forked child's connects by itself."""
    client = _default.get("client")
    if client is None:
        # Of threads that come here at once, one's stays. No lock: a forked child might find it held.
        client = _default.setdefault("client", Client())
    return client


@atexit.register
def _flush_default() -> None:
    """As logging flushes its handlers: what a busy daemon has not taken yet is not lost at the end."""
    client = _default.get("client")
    if client is not None and client.stats()["buffered"] > 0:
        client.flush()
