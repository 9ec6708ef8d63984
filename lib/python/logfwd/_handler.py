"""A handler for programs that log through logging: their records, through the daemon."""

from __future__ import annotations

import collections
import logging

from ._client import Client, Lease, default_client


class Handler(logging.Handler):
    """Gives each record to the daemon's logger of the same name.

    max_leases: of loggers that this handler keeps leased; the one that was used longest ago
    gives way, so that a program that names a logger per connection leaks nothing here either.
    """

    def __init__(self, level: int | str = logging.NOTSET, client: Client | None = None,
                 max_leases: int = 1024) -> None:
        super().__init__(level)
        self._client = client
        self._max_leases = max_leases
        self._leases: collections.OrderedDict[str, Lease] = collections.OrderedDict()

    def _lease(self, name: str) -> Lease:
        lease = self._leases.get(name)
        if lease is not None:
            self._leases.move_to_end(name)
            return lease
        if self._client is None:
            self._client = default_client()
        while len(self._leases) >= self._max_leases:
            self._leases.popitem(last=False)
        lease = self._leases[name] = self._client.open("" if name == "root" else name)
        return lease

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._lease(record.name).write(record.levelno, self.format(record))
        except Exception:
            self.handleError(record)

    def flush(self) -> None:
        """Waits up to a second until the daemon has taken what was logged before."""
        if self._client is not None:
            self._client.flush(1.0)

    def close(self) -> None:
        self.acquire()
        try:
            self._leases.clear()
        finally:
            self.release()
        super().close()
