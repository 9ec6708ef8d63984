"""What one thread ends while others use it ends after them, without a crash.

The library's calls run without the interpreter's lock: a logger, or its client, is closed in
the middle of other threads' calls. Every record that a live logger took arrives whole.
"""

import pytest

from tests.support.length import seconds
from tests.support.python_program import run_python

THREADS = 4

# All threads use whatever logger there is at the moment, and the first one replaces it.
PROGRAM = """
    import sys, threading, time
    import logfwd
    sys.setswitchinterval(1e-6)
    client = log = None
    used, wrong = 0, []

    def replace():
        global client, log
        client = logfwd.Client()
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
