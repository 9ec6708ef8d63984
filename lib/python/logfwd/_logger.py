"""Loggers as leases: logging.Logger's methods, the daemon's levels and handlers."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, NoReturn

from ._client import Client, Connection, Lease, default_client
from ._library import LEVEL_MAX, LEVEL_MIN, c_levels, check, clamp, encode_string, is_enabled

_formatter = logging.Formatter()  # the message, then the exception's and the stack's text
_complainer = logging.NullHandler()  # tells of a record that cannot be formatted as handlers do


def message_of(msg: object, args: Any) -> str:
    """What logging.LogRecord.getMessage() makes of them."""
    text = str(msg)
    if not args:
        return text
    if len(args) == 1 and isinstance(args[0], Mapping) and args[0]:
        return text % args[0]
    return text % args


class Logger(logging.Logger):
    """A lease on a logger of the daemon, with the methods of logging.Logger.

    Levels, propagation and handlers are the daemon's: the configuration, logfwdctl and the
    leases of all processes decide. It stands in no table of this process, so closing it, or
    letting go of it, leaves nothing behind.
    """

    # One for all, where logging.Logger has one of each in every instance: 80,000 are small.
    parent = None
    propagate = False
    disabled = False
    handlers = ()  # type: ignore[assignment]
    level = logging.NOTSET

    def __init__(self, name: str | None, client: Client | Connection | None = None,
                 level: int | str | None = None,
                 context: Mapping[str, object] | None = None) -> None:
        self.name = name or "root"
        self._lease: Lease | None = None
        self._lease = (client or default_client()).open(name or "")
        try:
            for key, value in (context or {}).items():
                self.set_context(key, value)
            if level is not None:
                self.setLevel(level)
        except BaseException:
            self.close()
            raise

    @property  # type: ignore[override]
    def filters(self) -> Any:
        """Own filters; the list is made when the first one is added."""
        return self.__dict__.get("_filters", ())

    def addFilter(self, filter: Any) -> None:
        self.__dict__.setdefault("_filters", [])
        super().addFilter(filter)

    def addHandler(self, hdlr: logging.Handler) -> NoReturn:
        raise TypeError("handlers of a logfwd logger are the daemon's: see logfwd.conf(5)")

    def setLevel(self, level: int | str) -> None:
        """The logger's level in every process, as long as this lease is the newest that sets one."""
        number = logging._checkLevel(level)  # type: ignore[attr-defined]
        check(self._live().set_level(number if number == logging.NOTSET else clamp(number)),
              f"cannot set level {level} of logger {self.name!r}")
        self.level = number

    def set_context(self, key: str, value: object) -> None:
        """Sets a key that this logger's records, and those of this process below it, carry.

        value: anything with a str(), or None to unset the key.
        """
        encoded = None if value is None else encode_string(str(value), f"context {key}")
        check(self._live().set_context(encode_string(key, "context key"), encoded),
              f"cannot set context {key!r} of logger {self.name!r}")

    def isEnabledFor(self, level: int) -> bool:
        lease = self._lease  # held by the call
        return (lease is not None and is_enabled(lease, c_levels[level])
                and not self.disabled and self.manager.disable < level)

    def getEffectiveLevel(self) -> int:
        """The lowest level that would be sent now."""
        lease = self._lease
        if lease is not None:
            for level in range(LEVEL_MIN, LEVEL_MAX + 1):
                if lease.enabled(level):
                    return level
        return LEVEL_MAX + 1

    def hasHandlers(self) -> bool:
        return self._lease is not None

    def getChild(self, suffix: str) -> Logger:
        """A lease of its own on the logger below."""
        name = suffix if self.name == "root" else f"{self.name}.{suffix}"
        return Logger(name, client=self._live().connection)

    def _is_plain(self) -> bool:
        """Can nobody see the LogRecord of a call but this class?"""
        return (type(self) is Logger and not self.filters and not self.disabled
                and logging.getLogRecordFactory() is logging.LogRecord)

    def _log(self, level: int, msg: object, args: Any, exc_info: Any = None,
             extra: Mapping[str, object] | None = None, stack_info: bool = False,
             stacklevel: int = 1) -> None:
        """As logging does it, but without a LogRecord that nobody sees: that takes most of the time."""
        lease = self._lease
        if exc_info or extra or stack_info or lease is None or not self._is_plain():
            super()._log(level, msg, args, exc_info, extra, stack_info, stacklevel + 1)
            return
        try:
            lease.write(level, message_of(msg, args))
        except Exception:
            file, line, function, _ = self.findCaller(False, stacklevel + 1)
            _complainer.handleError(self.makeRecord(
                self.name, level, file, line, msg, args, None, function))

    def callHandlers(self, record: logging.LogRecord) -> None:
        lease = self._lease
        if lease is None:
            return
        try:
            lease.write(record.levelno, _formatter.format(record))
        except Exception:  # arguments that do not fit must not end the program that logs them
            _complainer.handleError(record)

    def close(self) -> None:
        """Ends the lease, after the calls that are under way; later records go nowhere."""
        self._lease = None

    def _live(self) -> Lease:
        lease = self._lease
        if lease is None:
            raise ValueError(f"logger {self.name!r} is closed")
        return lease

    def __enter__(self) -> Logger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        raise TypeError("a lease cannot be pickled: lease the logger again where it is needed")


def getLogger(name: str | None = None, *, level: int | str | None = None,
              context: Mapping[str, object] | None = None, client: Client | None = None) -> Logger:
    """Leases the logger of a name: close(), `with`, or garbage collection ends the lease.

    name:    dotted; None, "" and "root" are the root.
    level:   the logger's level while the lease lives; default: the daemon's.
    context: a dict of keys and values that its records carry.
    client:  default: one that all loggers of the process share.
    Errors: OSError (a name or context out of bounds), ValueError (a NUL in it).
    """
    return Logger(name, client=client, level=level, context=context)
