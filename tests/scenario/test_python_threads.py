"""What one thread ends while others use it ends after them, without a crash.

Most of the library's calls run without the interpreter's lock: a logger, or its client, is closed
in the middle of other threads' calls. Every record that a live logger took arrives whole. Calls that
log keep the lock where they cannot wait, so that they take no longer beside a thread that computes.
"""

import pytest

from tests.support.length import seconds
from tests.support.python_program import run_python

THREADS = 4

# All threads use whatever logger there is at the moment, and the first one replaces it.
PROGRAM = """
    import errno, itertools, sys, threading, time
    import logfwd
    sys.setswitchinterval(1e-6)
    client = log = None
    waits_ms = itertools.cycle((0, 1000))
    used, wrong = 0, []

    def replace():
        global client, log
        client = logfwd.Client(wait_ms=next(waits_ms))
        log = logfwd.getLogger("a.b", client=client, context={{"k": "v"}})

    def use():
        global used
        while not wrong:
            one = log
            if one is None:
                return
            try:
                one.isEnabledFor(20)
                one.error("a record of a thread")
                one.setLevel("INFO")
                one.set_context("key", "value")
            except ValueError as error:  # it is closed
                assert "closed" in str(error)
            except OSError as error:
                assert error.errno == errno.ENOBUFS  # the daemon is slower, and this client does not wait
            except BaseException as error:
                wrong.append(error)
                raise
            used += 1

    replace()
    threads = [threading.Thread(target=use) for _ in range({threads})]
    for each in threads:
        each.start()
    end = time.monotonic() + {seconds}
    while time.monotonic() < end:
        old_client, old_log, before = client, log, used
        replace()
        {ends}
        del old_client, old_log
        while used == before and not wrong:
            pass
    log = None
    for each in threads:
        each.join()
    assert not wrong, wrong
"""


@pytest.mark.long
@pytest.mark.parametrize("ends", ["old_log.close()", "old_client.close(); old_log.close()",
                                  "old_log.close(); old_client.close()"])
def test_what_is_closed_in_the_middle_of_calls_ends_after_them(daemon, collector, ends):
    run_python(daemon, PROGRAM.format(threads=THREADS, seconds=seconds(1, 30), ends=ends),
               timeout=60)
    daemon.wait_for_stats(lambda stats: stats["loggers"]["leased"] == 0, "nothing is left")
    received = daemon.stats()["records"]["received"]
    assert received > 0
    assert {each.text for each in collector.messages(received)} == {b"a record of a thread"}


def test_calls_that_cannot_wait_give_no_turn_away(daemon):
    run_python(daemon, """
        import sys, threading, time, logfwd
        turns, ended = 0, False

        def count():
            global turns
            while not ended:
                turns += 1
                time.sleep(0)

        hasty, patient = (
            logfwd.getLogger("a", client=logfwd.Client(wait_ms=wait_ms)) for wait_ms in (0, 1000))
        sys.setswitchinterval(1000)  # who does not give the lock away keeps it
        thread = threading.Thread(target=count, daemon=True)
        thread.start()
        while turns == 0:
            time.sleep(0)
        before = turns
        for _ in range(2000):
            hasty.error("a record")
            hasty.debug("none, as soon as levels are known")
        assert turns == before, "another thread was let in"
        while turns == before:
            patient.error("a record that waits for room, once there is none: " + "x" * 10000)
        ended = True
        thread.join()
    """, timeout=60)


def test_what_is_collected_as_a_cycle_ends_in_order(daemon, collector):
    """Of a cycle, Python runs the finalizers in any order."""
    run_python(daemon, """
        import gc, logfwd

        class Connection:
            def __init__(self):
                self.client = logfwd.Client()
                self.log = logfwd.getLogger("a.b", client=self.client)
                self.child = self.log.getChild("c")
                self.myself = [self.client, self.log, self.child, self]

            def __del__(self):
                self.log.error("a last record")

        for _ in range(100):
            Connection()
            gc.collect()
        last = Connection()  # is collected when the program ends
    """)
    daemon.wait_for_stats(lambda stats: stats["loggers"]["leased"] == 0, "nothing is left")
    assert len(collector.messages(100)) >= 100
