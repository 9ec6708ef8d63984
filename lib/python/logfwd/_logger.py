"""Loggers as leases: logging.Logger's methods, the daemon's levels and handlers."""

import logging

from ._client import default_client
from ._library import check, encode_string

LEVEL_MIN, LEVEL_MAX = 1, 100

_formatter = logging.Formatter()  # the message, then the exception's and the stack's text
_complainer = logging.NullHandler()  # tells of a record that cannot be formatted as handlers do


def clamp(level):
    """A level of the daemon's scale for any integer that logging allows."""
    return max(LEVEL_MIN, min(LEVEL_MAX, level))


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
    handlers = ()
    level = logging.NOTSET

    def __init__(self, name, client=None, level=None, context=None):
        self.name = name or "root"
        self._lease = None
        self._lease = (client or default_client()).open(name or "")
        try:
            for key, value in (context or {}).items():
                self.set_context(key, value)
            if level is not None:
                self.setLevel(level)
        except BaseException:
            self.close()
            raise

    @property
    def filters(self):
        """Own filters; the list is made when the first one is added."""
        return self.__dict__.get("_filters", ())

    def addFilter(self, filter):
        self.__dict__.setdefault("_filters", [])
        super().addFilter(filter)

    def addHandler(self, hdlr):
        raise TypeError("handlers of a logfwd logger are the daemon's: see logfwd.conf(5)")

    def setLevel(self, level):
        """The logger's level in every process, as long as this lease is the newest that sets one."""
        level = logging._checkLevel(level)
        check(self._live().set_level(level if level == logging.NOTSET else clamp(level)),
              f"cannot set level {level} of logger {self.name!r}")
        self.level = level

    def set_context(self, key, value):
        """Sets a key that this logger's records, and those of this process below it, carry.

        value: anything with a str(), or None to unset the key.
        """
        value = None if value is None else encode_string(str(value), f"context {key}")
        check(self._live().set_context(encode_string(key, "context key"), value),
              f"cannot set context {key!r} of logger {self.name!r}")

    def isEnabledFor(self, level):
        lease = self._lease
        if lease is None or self.disabled or self.manager.disable >= level:
            return False
        return lease.enabled(clamp(level))

    def getEffectiveLevel(self):
        """The lowest level that would be sent now."""
        lease = self._lease
        if lease is not None:
            for level in range(LEVEL_MIN, LEVEL_MAX + 1):
                if lease.enabled(level):
                    return level
        return LEVEL_MAX + 1

    def hasHandlers(self):
        return self._lease is not None

    def getChild(self, suffix):
        """A lease of its own on the logger below."""
        name = suffix if self.name == "root" else f"{self.name}.{suffix}"
        return Logger(name, client=self._live().connection)

    def callHandlers(self, record):
        lease = self._lease
        if lease is None:
            return
        try:
            lease.write(clamp(record.levelno), _formatter.format(record))
        except Exception:  # arguments that do not fit must not end the program that logs them
            _complainer.handleError(record)

    def close(self):
        """Ends the lease, after the calls that are under way; later records go nowhere."""
        self._lease = None

    def _live(self):
        lease = self._lease
        if lease is None:
            raise ValueError(f"logger {self.name!r} is closed")
        return lease

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __reduce__(self):
        raise TypeError("a lease cannot be pickled: lease the logger again where it is needed")


def getLogger(name=None, *, level=None, context=None, client=None):
    """Leases the logger of a name: close(), `with`, or garbage collection ends the lease.

    name:    dotted; None, "" and "root" are the root.
    level:   the logger's level while the lease lives; default: the daemon's.
    context: a dict of keys and values that its records carry.
    client:  default: one that all loggers of the process share.
    Errors: OSError (a name or context out of bounds), ValueError (a NUL in it).
    """
    return Logger(name, client=client, level=level, context=context)
