"""Loggers as leases over one connection to the local logfwd daemon. See logfwd(7).

    import logging, logfwd

    with logfwd.getLogger("Connection.140230", context={"peer": "10.0.0.7:51234"}) as log:
        log.info("hello %s", name)

    logging.getLogger().addHandler(logfwd.Handler())  # an existing program, otherwise unchanged
"""

from ._client import DROP_NEWEST, DROP_OLDEST, Client
from ._handler import Handler
from ._logger import Logger, getLogger

__all__ = ["Client", "DROP_NEWEST", "DROP_OLDEST", "Handler", "Logger", "getLogger"]
