"""The Python package in programs of many processes, and of many tasks.

A handler from dictConfig() serves a program that forks, that uses multiprocessing (fork, spawn)
or that is a pre-fork server whose workers are killed: every record comes once, with the pid
of the process that logged it. Tasks of asyncio each have a logger with a context of its own.
"""

import collections
import signal

import pytest

from tests.support.daemon import run
from tests.support.python_program import PYTHON, environment, run_python, start_python

CONFIGURE = """
import logging, logging.config, os
logging.config.dictConfig({
    "version": 1,
    "formatters": {"plain": {"format": "%(levelname)s %(message)s %(process)d"}},
    "handlers": {"logfwd": {"class": "logfwd.Handler", "formatter": "plain", "level": "INFO",
                            "max_leases": 16}},
    "root": {"level": "DEBUG", "handlers": ["logfwd"]},
})
"""


def seen(collector, count):
    """Logger and words of that many records; the last word of each is who it says it is of."""
    messages = collector.messages(count)
    assert all(each.text.decode().split()[-1] == each.procid for each in messages)
    return sorted((each.logger, *each.text.decode().split()[:-1]) for each in messages)


def run_file(daemon, text):
    """The same as run_python(), for what multiprocessing must be able to import."""
    path = daemon.folder / "program.py"
    path.write_text(text)
    done = run(PYTHON, path, env=environment(daemon))
    assert (done.returncode, done.stderr) == (0, "")


def test_dict_config_sets_level_and_formatter(daemon, collector):
    run_file(daemon, CONFIGURE + """
logging.getLogger("app.part").info("one")
logging.getLogger("app").debug("below the handler's level")
logging.getLogger().error("two")
logging.config.dictConfig({"version": 1, "incremental": True, "handlers": {"logfwd": {"level": 40}}})
logging.getLogger("app").warning("below the new one")
logging.getLogger("app").error("three")
""")
    assert seen(collector, 3) == [
        ("app", "ERROR", "three"), ("app.part", "INFO", "one"), ("root", "ERROR", "two")]
    assert daemon.stats()["records"]["received"] == 3


def test_a_handler_goes_on_in_children_while_other_threads_log(daemon, collector):
    run_file(daemon, CONFIGURE + """
import threading
log = logging.getLogger("app")
stop = threading.Event()

def talk():
    while not stop.is_set():
        log.info("thread")

threads = [threading.Thread(target=talk) for _ in range(2)]
for each in threads:
    each.start()
children = []
for number in range(20):
    child = os.fork()
    if child == 0:
        log.info("child %d", number)
        logging.getLogger(f"app.{number}").info("grown")
        os._exit(0)
    children.append(child)
assert all(os.waitpid(child, 0)[1] == 0 for child in children)
stop.set()
for each in threads:
    each.join()
""")
    daemon.wait_for_stats(lambda stats: stats["clients"]["live"] == 0, "all are gone")
    told = seen(collector, daemon.stats()["records"]["received"])
    counted = collections.Counter(words for words in told if words[2] != "thread")
    expected = [("app", "INFO", "child", str(number)) for number in range(20)]
    expected += [(f"app.{number}", "INFO", "grown") for number in range(20)]
    assert counted == collections.Counter(expected)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_processes_of_multiprocessing_log(daemon, collector, method):
    run_file(daemon, CONFIGURE + f"""
import multiprocessing

def work(number):
    logging.getLogger(f"pool.{{number}}").warning("work")

if __name__ == "__main__":
    logging.getLogger("pool").info("before")
    with multiprocessing.get_context("{method}").Pool(2) as pool:
        pool.map(work, range(10))
        pool.close()
        pool.join()
    logging.getLogger("pool").info("after")
""")
    assert seen(collector, 12) == sorted(
        [("pool", "INFO", "before"), ("pool", "INFO", "after")]
        + [(f"pool.{number}", "WARNING", "work") for number in range(10)])


def test_a_pre_fork_server_whose_workers_are_killed(daemon, collector):
    """As gunicorn does: configured and used before the workers are forked, who share a socket."""
    run_file(daemon, CONFIGURE + """
import signal, socket
import logfwd

listener = socket.create_server(("127.0.0.1", 0))
access = logfwd.getLogger("access", context={"server": "played"})
logging.getLogger("server").info("up")

def serve():
    while True:
        connection, peer = listener.accept()
        with connection, logfwd.getLogger("access.one", context={"port": peer[1]}) as log:
            if not connection.recv(1):
                os._exit(0)
            log.info("request %d", os.getpid())
            access.info("served %d", os.getpid())
            logging.getLogger("worker").info("done")
            connection.sendall(b"%d" % os.getpid())

def start_worker():
    worker = os.fork()
    if worker == 0:
        serve()
    return worker

def request():
    with socket.create_connection(listener.getsockname()) as connection:
        connection.sendall(b"x")
        return int(connection.recv(100))

workers = {start_worker() for _ in range(3)}
for _ in range(10):
    worker = request()
    os.kill(worker, signal.SIGKILL)
    os.waitpid(worker, 0)
    workers.remove(worker)
    workers.add(start_worker())
for worker in workers:
    os.kill(worker, signal.SIGTERM)
    os.waitpid(worker, 0)
logging.getLogger("server").info("down")
""")
    assert collections.Counter(seen(collector, 32)) == {
        ("server", "INFO", "up"): 1, ("server", "INFO", "down"): 1,
        ("access.one", "request"): 10, ("access", "served"): 10, ("worker", "INFO", "done"): 10}
    contexts = [each.context for each in collector.messages(32) if each.logger == "access.one"]
    assert all(each["server"] == "played" and each["port"].isdigit() for each in contexts)
    daemon.wait_for_stats(lambda stats: stats["loggers"]["leased"] == 0, "nothing is left")


def test_tasks_of_asyncio_have_contexts_of_their_own(daemon, collector):
    run_python(daemon, """
        import asyncio
        import logfwd

        async def serve(number):
            with logfwd.getLogger(f"task.{number}", context={"number": number}) as log:
                for step in range(3):
                    log.info("step %d of %d", step, number)
                    await asyncio.sleep(0)

        async def main():
            await asyncio.gather(*(serve(number) for number in range(100)))

        asyncio.run(main())
    """)
    messages = collector.messages(300)
    assert all(each.logger == f"task.{each.context['number']}" for each in messages)
    by_task = collections.defaultdict(list)
    for each in messages:
        by_task[each.logger].append(each.text.decode())
    assert by_task == {f"task.{number}": [f"step {step} of {number}" for step in range(3)]
                       for number in range(100)}


def test_what_a_stopped_daemon_has_not_taken_is_flushed_at_the_end(daemon, collector):
    """Loggers need no handler of logging for that; they are more records than a socket holds."""
    daemon.process.send_signal(signal.SIGSTOP)
    program = start_python(daemon, """
        import logfwd
        log = logfwd.getLogger("app")
        for number in range(3000):
            log.info("%d", number)
        print("the end", flush=True)
    """)
    assert program.stdout.readline() == "the end\n"
    daemon.process.send_signal(signal.SIGCONT)
    assert program.wait(30) == 0
    assert [int(each.text) for each in collector.messages(3000)] == list(range(3000))
