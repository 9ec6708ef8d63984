"""Where logfwd comes from: a service that wants each connection's facts in each of its lines.

So every Connection has a logger of its own, with a syslog handler and a formatter of its own.
That makes one UDP socket for each connection, and loggers that logging keeps for ever.
usage: origin.py HOST PORT COUNT
"""

import errno
import logging
import logging.handlers
import os
import sys

from stage import peer, report

TABLE = logging.Logger.manager.loggerDict


class Handler(logging.handlers.SysLogHandler):
    """logging prints what went wrong with a record and goes on; here the connection fails."""

    def handleError(self, record):
        raise


class Connection:
    def __init__(self, number, collector):
        handler = Handler(address=collector)
        handler.setFormatter(logging.Formatter(f"%(name)s peer={peer(number)} %(message)s"))
        self.log = logging.getLogger("Connection.{}".format(id(self)))
        self.log.addHandler(handler)
        try:
            self.log.info("connection %d is open", number)
        except OSError:
            self.close()
            raise

    def close(self):
        """The known work-around, since logging itself never lets go of a logger."""
        for handler in self.log.handlers[:]:
            self.log.removeHandler(handler)
            handler.close()
        TABLE.pop(self.log.name)


def connect(collector, count):
    """Makes up to count connections; returns them and what put an end to it."""
    connections = []
    try:
        for number in range(count):
            connections.append(Connection(number, collector))
    except OSError as error:
        ended = {errno.EMFILE: "descriptors", errno.EAGAIN: "UDP ports"}
        return connections, ended.get(error.errno, os.strerror(error.errno))
    return connections, "all made"


def main(host, port, count):
    logging.getLogger().setLevel(logging.INFO)
    connections, ended = connect((host, int(port)), int(count))
    live = sum(isinstance(entry, logging.Logger) for entry in TABLE.values())
    report("open", connections=len(connections), ended=ended, loggers=live,
           placeholders=len(TABLE) - live)
    for connection in connections:
        connection.close()
    connections.clear()
    # The table has none of them now, but the placeholder of the dotted name's parent has them all.
    report("closed", loggers=len(TABLE["Connection"].loggerMap), placeholders=len(TABLE))


if __name__ == "__main__":
    main(*sys.argv[1:])
