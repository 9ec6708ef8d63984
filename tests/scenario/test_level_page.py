"""An idle process hears of a level at its very next call: also after its daemon was killed.

The daemon shows every client in a page of memory that there is news in its socket, and the kernel
marks that page when the daemon dies. A process that logs nothing looks nowhere else.
"""

import os
import re
import socket
import struct

from tests.support import wire
from tests.support.python_program import start_python
from tests.support.waiting import wait_for

IDLE = """
    import logfwd
    from logfwd._client import default_client
    log = logfwd.getLogger("app")
    default_client().flush(20)
    while input():
        print(log.isEnabledFor(10), flush=True)
"""


def enabled(program):
    """One call of the idle process."""
    program.stdin.write("?\n")
    program.stdin.flush()
    return program.stdout.readline().strip() == "True"


def set_level(daemon, level):
    daemon.ctl("level", "app", level)
    daemon.stats()  # answered behind what the change has sent to clients


def check_next_calls(daemon, program):
    """Each change is there at the first call after it."""
    for _ in range(20):
        set_level(daemon, "debug")
        assert enabled(program)
        set_level(daemon, "unset")
        assert not enabled(program)


def pages(pid):
    """The access rights of all level pages of a process."""
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
        return re.findall(r"^\S+ (\S+) .*/memfd:logfwd-levels", maps.read(), re.M)


def end(program):
    program.stdin.write("\n")
    program.stdin.close()
    assert program.wait(30) == 0


def test_a_level_is_there_at_the_next_call(daemon):
    program = start_python(daemon, IDLE)
    assert not enabled(program)
    assert pages(program.pid) == ["r--s"], "one, and it cannot be written"
    assert not [link for link in os.listdir(f"/proc/{program.pid}/fd")
                if "memfd" in os.readlink(f"/proc/{program.pid}/fd/{link}")]
    check_next_calls(daemon, program)
    end(program)


def test_a_killed_daemon_is_noticed_and_the_next_one_heard(daemon):
    program = start_python(daemon, IDLE)
    assert not enabled(program)
    set_level(daemon, "debug")
    assert enabled(program)
    daemon.process.kill()
    daemon.process.wait()
    daemon.start()
    wait_for(lambda: not enabled(program), "the level of the next daemon")
    check_next_calls(daemon, program)
    assert pages(program.pid) == ["r--s"]
    end(program)


def test_only_who_can_use_the_page_gets_it(daemon):
    every = wire.FEATURES
    for offered, agreed in [(0, 0), (wire.CAN_LEAVE, wire.CAN_LEAVE), (0xFFFFFFFF, every)]:
        with wire.Client(daemon.client_path, greet=False) as client:
            client.send(wire.hello(features=offered))
            packet, descriptors, _, _ = socket.recv_fds(client.socket, wire.PACKET_MAX, 4)
            welcome = next(wire.frames_of(packet))
            assert struct.unpack("<HII", welcome.body)[1] == agreed
            assert len(descriptors) == (agreed & wire.LEVEL_PAGE != 0) + (agreed & wire.RING != 0)
            for descriptor in descriptors:
                os.close(descriptor)
