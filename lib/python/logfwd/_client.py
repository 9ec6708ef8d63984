"""One connection of this process to the daemon, and the leases on it."""

import ctypes
import os
import sys
import threading

from ._library import Options, Stats, check, encode, encode_string, library

DROP_NEWEST, DROP_OLDEST = 0, 1


class Client:
    """A connection to the local logfwd daemon; it needs none to open.

    app_name:     APP-NAME of the records; default: the script's name.
    socket_path:  default: $LOGFWD_SOCKET, else /run/logfwd/client.sock.
    wait_ms:      how long a call may wait for room in the buffer.
    buffer_bytes: of records that wait for the daemon; 0 is the library's default.
    when_full:    DROP_NEWEST or DROP_OLDEST.
    """

    def __init__(self, app_name=None, socket_path=None, wait_ms=0, buffer_bytes=0,
                 when_full=DROP_NEWEST):
        if app_name is None:
            app_name = os.path.basename(sys.argv[0]) if sys.argv and sys.argv[0] else "python"
        options = Options(
            size=ctypes.sizeof(Options),
            socket_path=os.fsencode(socket_path) if socket_path is not None else None,
            app_name=encode_string(app_name, "app_name"),
            when_full=when_full,
            wait_ms=wait_ms,
            buffer_bytes=buffer_bytes,
        )
        pointer = ctypes.c_void_p()
        check(library.logfwd_client_open(ctypes.byref(pointer), ctypes.byref(options)),
              "cannot open a logfwd client")
        self._pointer = pointer

    def open(self, name):
        """Leases the logger of that name; returns a Lease."""
        return Lease(self, name)

    def flush(self, timeout=1.0):
        """Waits until the daemon has taken all that was logged before; True when it has."""
        return library.logfwd_flush(self._pointer, int(timeout * 1000)) == 0

    def stats(self):
        """The library's counts by name, as logfwd_client_stats() gives them."""
        stats = Stats(size=ctypes.sizeof(Stats))
        check(library.logfwd_client_stats(self._pointer, ctypes.byref(stats)), "no stats")
        return {name: getattr(stats, name) for name, _ in Stats._fields_ if name != "size"}

    def close(self):
        """Ends the connection and with it every lease; nothing may use them afterwards."""
        pointer, self._pointer = self._pointer, None
        if pointer is not None:
            library.logfwd_client_close(pointer)


class Lease:
    """A lease on one logger; ends with close() or when nobody holds it any more."""

    __slots__ = ("_client", "_pointer")

    def __init__(self, client, name):
        self._pointer = None
        self._client = client  # so that it outlives the lease
        pointer = ctypes.c_void_p()
        check(library.logfwd_logger_open(client._pointer, encode_string(name, "logger name"),
                                         ctypes.byref(pointer)),
              f"cannot lease logger {name!r}")
        self._pointer = pointer.value

    def set_level(self, level):
        check(library.logfwd_logger_set_level(self._pointer, level), f"cannot set level {level}")

    def set_context(self, key, value):
        """value: a str, or None to unset the key."""
        value = None if value is None else encode_string(value, f"context {key}")
        check(library.logfwd_logger_set_context(self._pointer, encode_string(key, "context key"),
                                                value),
              f"cannot set context {key!r}")

    def enabled(self, level):
        return library.logfwd_enabled(self._pointer, level)

    def write(self, level, text):
        """Gives a record to the logger. What the buffer cannot hold is dropped and counted there."""
        encoded = encode(text)
        library.logfwd_write(self._pointer, level, encoded, len(encoded))

    def close(self):
        pointer, self._pointer = self._pointer, None
        # A client that was closed took its leases along.
        if pointer is not None and self._client._pointer is not None:
            library.logfwd_logger_close(pointer)

    def __del__(self):
        if self._pointer is not None:
            self.close()


_default = None
_default_lock = threading.Lock()


def default_client():
    """The client that all loggers of this process share; a forked child's connects by itself."""
    global _default
    with _default_lock:
        if _default is None:
            _default = Client()
        return _default
