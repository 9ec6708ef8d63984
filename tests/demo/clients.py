"""The origin's service on logfwd: the same Connection, with one connection to the daemon for all.

usage: clients.py COUNT
"""

import sys

import logfwd
from stage import peer, report

# A burst of all connections at once may have to wait for the daemon; by default no call does.
CLIENT = logfwd.Client(wait_ms=1000)
FLUSH_S = 30


class Connection:
    def __init__(self, number):
        facts = {"peer": peer(number)}
        self.log = logfwd.getLogger(
            "Connection.{}".format(id(self)), context=facts, client=CLIENT
        )
        self.log.info("connection %d is open", number)

    def close(self):
        self.log.close()


def main(count):
    connections = [Connection(number) for number in range(int(count))]
    CLIENT.flush(FLUSH_S)
    report("open", connections=len(connections))
    for connection in connections:
        connection.close()
    connections.clear()
    CLIENT.flush(FLUSH_S)
    report("closed", connections=0)


if __name__ == "__main__":
    main(*sys.argv[1:])
