"""The Python package against the real daemon.

A program leases loggers with contexts of their own over one connection; a lease ends when it
is closed, when `with` ends, or when nobody holds it any more, and nothing of it stays. An
existing program that logs through logging needs one more handler and nothing else. Levels,
exceptions and odd text arrive as logging would have them.
"""

import collections

import pytest

from tests.support.python_program import run_python, start_python


Seen = collections.namedtuple("Seen", "logger text context severity procid")


def seen(collector, count):
    """That many messages, their text as str."""
    return [
        Seen(each.logger, each.text.decode(), each.context, each.severity, each.procid)
        for each in collector.messages(count)
    ]


def test_a_logger_carries_its_context(daemon, collector):
    run_python(daemon, """
        import logfwd
        log = logfwd.getLogger("Connection.140230", context={"peer": "10.0.0.7:51234", "n": 7})
        log.info("hello %s", "world")
        log.set_context("n", None)
        log.warning("bye")
    """)
    first, second = seen(collector, 2)
    assert first.logger == "Connection.140230"
    assert first.context == {"peer": "10.0.0.7:51234", "n": "7"}
    assert (first.text, first.severity) == ("hello world", 6)
    assert second.context == {"peer": "10.0.0.7:51234"}
    assert (second.text, second.severity) == ("bye", 4)


def test_every_way_to_end_a_lease_ends_it(daemon):
    program = start_python(daemon, """
        import gc, logfwd
        from logfwd._client import default_client

        def step(what):
            default_client().flush(10)
            print(what, flush=True)
            input()

        closed, dropped = logfwd.getLogger("a.closed"), logfwd.getLogger("a.dropped")
        with logfwd.getLogger("a.with"):
            step("three")
        step("two")
        closed.close()
        closed.close()
        closed.error("goes nowhere")
        step("one")
        del dropped
        gc.collect()
        step("none")
        kept = logfwd.getLogger("a.kept")
        step("one again")
    """)
    for expected, count in [("three", 3), ("two", 2), ("one", 1), ("none", 0), ("one again", 1)]:
        assert program.stdout.readline().strip() == expected
        daemon.wait_for_stats(lambda stats: stats["loggers"]["leased"] == count, f"{count} leases")
        program.stdin.write("\n")
        program.stdin.flush()
    assert program.wait(30) == 0
    daemon.wait_for_stats(
        lambda stats: stats["loggers"]["leased"] == stats["loggers"]["placeholders"] == 0,
        "nothing is left")


def test_many_loggers_are_one_connection_and_a_kill_reclaims_them(daemon):
    program = start_python(daemon, """
        import logfwd
        from logfwd._client import default_client
        loggers = [logfwd.getLogger(f"Connection.{i}") for i in range(5000)]
        print(default_client().flush(20), flush=True)
        input()
    """)
    assert program.stdout.readline().strip() == "True"
    stats = daemon.stats()
    assert (stats["loggers"]["leased"], stats["clients"]["live"]) == (5000, 1)
    program.kill()
    program.wait()
    stats = daemon.wait_for_stats(lambda stats: stats["loggers"]["leased"] == 0, "none", seconds=1)
    assert stats["loggers"]["placeholders"] == 0


def test_levels_are_the_daemons_and_the_lease_may_set_its_own(start_daemon, collector):
    daemon = start_daemon(f"""
        target central {{ servers = {{"{collector.address}"}} }}
        handler default {{ target = central }}
        logger root {{ level = warning handlers = {{default}} }}
        logger noisy {{ level = error }}
    """)
    said = run_python(daemon, """
        import logging, logfwd
        from logfwd._client import default_client
        log = logfwd.getLogger("app")
        noisy = logfwd.getLogger("noisy.part")
        default_client().flush(10)
        log.info("below")
        log.warning("passes")
        noisy.warning("below too")
        log.setLevel("DEBUG")
        log.debug("lowered")
        log.log(35, "between")
        log.setLevel(logging.NOTSET)
        log.info("below again")
        print(log.isEnabledFor(20), log.isEnabledFor(30), noisy.isEnabledFor(30),
              log.getEffectiveLevel())
    """)
    assert said.split() == ["False", "True", "False", "30"]
    assert [(each.text, each.severity) for each in seen(collector, 3)] == [
        ("passes", 4), ("lowered", 7), ("between", 3)]
    assert daemon.stats()["records"]["received"] == 3  # the library filtered the rest


def test_handler_serves_a_program_that_logs_through_logging(daemon, collector):
    run_python(daemon, """
        import logging, logfwd
        handler = logfwd.Handler(max_leases=2)
        logging.basicConfig(level=logging.INFO, handlers=[handler], format="%(name)s: %(message)s")
        for name in ("a.b", "root", "c", "a.b", "d"):
            logging.getLogger(name).warning("from %s", name)
        logging.getLogger("a").debug("not wanted")
        try:
            1 / 0
        except ZeroDivisionError:
            logging.getLogger("a").exception("oops")
    """)
    messages = seen(collector, 6)
    assert [each.logger for each in messages] == ["a.b", "root", "c", "a.b", "d", "a"]
    assert messages[0].text == "a.b: from a.b"
    assert messages[5].text.startswith("a: oops#012Traceback (most recent call last):#012")
    assert messages[5].text.endswith("ZeroDivisionError: division by zero")
    stats = daemon.wait_for_stats(lambda stats: stats["clients"]["live"] == 0, "it is gone")
    assert stats["loggers"]["peak"] <= 2  # however many names it used


def test_methods_of_logging_loggers_work(daemon, collector):
    run_python(daemon, """
        import logging, logfwd
        log = logfwd.getLogger("app")
        try:
            raise ValueError("why")
        except ValueError:
            log.exception("failed")
        log.critical("%s and %d", "text", 5)
        def nothing(record):
            return False
        log.addFilter(nothing)
        log.error("filtered away")
        log.removeFilter(nothing)
        child = log.getChild("part.x")
        child.error("below")
        assert child.name == "app.part.x" and log.hasHandlers()
        logging.disable(logging.ERROR)
        log.error("disabled")
        log.critical("not disabled")
    """)
    messages = seen(collector, 4)
    assert messages[0].text.startswith("failed#012Traceback")
    assert messages[0].text.endswith("ValueError: why")
    assert (messages[1].text, messages[1].severity) == ("text and 5", 2)
    assert (messages[2].logger, messages[2].text) == ("app.part.x", "below")
    assert messages[3].text == "not disabled"


def test_a_record_that_cannot_be_formatted_ends_no_program(daemon, collector):
    run_python(daemon, """
        import contextlib, io, logfwd
        log = logfwd.getLogger("app")
        with contextlib.redirect_stderr(io.StringIO()) as said:
            log.error("one argument: %d", "text")
        for each in ("--- Logging error ---", "TypeError", 'File "<string>", line 5',
                     "Message: 'one argument: %d'", "Arguments: ('text',)"):
            assert each in said.getvalue(), said.getvalue()
        assert "another exception" not in said.getvalue()
        log.error("next")
    """)
    assert [each.text for each in seen(collector, 1)] == ["next"]


def test_texts_are_those_of_loggings_records(daemon, collector):
    """Where nobody sees a LogRecord there is none; a logger of a class of its own has one."""
    run_python(daemon, """
        import collections, logfwd

        class Seen(logfwd.Logger):
            pass

        class Text(str):
            def __str__(self):
                return "its own %s"

        short, long = logfwd.getLogger("a"), Seen("a")
        for message in (
            ("%s of %d",), ("%d%%", 3), ("%s", None), ("%s %s", (1, 2), [3]), ("%s", ()), (4711,),
            ("%(a)s", {"a": 1}), ("%s", {"a": 1}), ("%s", {}), (b"%s", b"bytes"), ("%5.2f", 1.5),
            ("%(a)s", collections.ChainMap({"a": 2})), (Text("given"), "one"), (ValueError("why"),),
        ):
            short.error(*message)
            long.error(*message)
    """)
    texts = [each.text for each in seen(collector, 28)]
    assert texts[::2] == texts[1::2] == [
        "%s of %d", "3%", "None", "(1, 2) [3]", "()", "4711", "1", "{'a': 1}", "{}", "b'b'bytes''",
        " 1.50", "2", "its own one", "why"]


def test_whoever_sees_records_sees_them_whole(daemon, collector):
    run_python(daemon, """
        import logging, logfwd
        records = []

        def see(record):
            records.append((record.funcName, record.lineno - here, record.getMessage()))
            return True

        def call(**options):
            log.error("%d", 1, **options)

        class Loud(logging.LogRecord):
            def getMessage(self):
                return super().getMessage().upper()

        log = logfwd.getLogger("app")
        here = call.__code__.co_firstlineno
        log.addFilter(see)
        call()
        call(stacklevel=2, stack_info=True)
        log.removeFilter(see)
        assert records == [("call", 1, "1"), ("<module>", 11, "1")], records
        logging.setLogRecordFactory(Loud)
        log.error("from a factory")
        logging.setLogRecordFactory(logging.LogRecord)
        try:
            log.error("nothing", extra={"message": 1})
        except KeyError:
            log.error("no such extra", extra={"own": 1})
    """)
    first, second, *others = [each.text for each in seen(collector, 4)]
    assert first == "1" and second.startswith("1#012Stack (most recent call last):")
    assert others == ["FROM A FACTORY", "no such extra"]


def test_odd_text_arrives_escaped_and_whole(daemon, collector):
    run_python(daemon, """
        import logfwd
        log = logfwd.getLogger("odd")
        for text in ("", "nul\\0inside", "line\\nbreak", "\\u00fc\\u20ac\\U0001f600", "\\udc80"):
            log.error(text)
            log.error("%s", text)
    """)
    texts = [each.text for each in seen(collector, 10)]
    expected = ["", "nul#000inside", "line#012break", "ü€😀", "\\udc80"]
    assert texts == [text for text in expected for _ in range(2)]


@pytest.mark.parametrize("call, error", [
    ('logfwd.getLogger("x" * 256)', "OSError"),
    ('logfwd.getLogger(".".join("x" * 33))', "OSError"),
    ('logfwd.getLogger("a\\0b")', "ValueError"),
    ("logfwd.getLogger(5)", "TypeError"),
    ("logfwd.Client(wait_ms=-1)", "ValueError"),
    ("logfwd.Client(buffer_bytes=-1)", "ValueError"),
    ('logfwd.Client(when_full="drop-oldest")', "TypeError"),
    ('logfwd.getLogger("a", context={"two words": "x"})', "OSError"),
    ('logfwd.getLogger("a", context={"k": "x" * 1025})', "OSError"),
    ('logfwd.getLogger("a", level="LOUD")', "ValueError"),
    ('logfwd.getLogger("a").addHandler(None)', "TypeError"),
    ('__import__("pickle").dumps(logfwd.getLogger("a"))', "TypeError"),
    ('logfwd.Client(wait_ms=0, when_full=9)', "OSError"),
])
def test_mistakes_raise_and_leave_nothing_open(daemon, call, error):
    run_python(daemon, f"""
        import logfwd
        try:
            {call}
        except {error} as wrong:
            assert str(wrong)
        else:
            raise SystemExit("nothing was raised")
    """)
    daemon.wait_for_stats(lambda stats: stats["loggers"]["leased"] == 0, "nothing is open")


def test_a_forked_child_logs_over_its_own_connection(daemon, collector):
    run_python(daemon, """
        import os, logfwd
        log = logfwd.getLogger("app")
        log.error("parent %d", os.getpid())
        child = os.fork()
        log.error("%s %d", "child" if child == 0 else "parent", os.getpid())
        if child == 0:
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    """)
    messages = seen(collector, 3)
    assert all(each.text.split()[1] == each.procid for each in messages)
    assert sorted(each.text.split()[0] for each in messages) == ["child", "parent", "parent"]
    assert daemon.stats()["clients"]["connected"] == 2
