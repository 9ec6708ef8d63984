"""The JSON of every verb has the shape that tests/scenario/schemas says, whatever the daemon is at.

The schemas allow no key that they do not name, so that none is added without a word of it here;
what an empty daemon says, and one with leases, levels, losses and folded siblings, holds to them.
"""

import json
import pathlib

import jsonschema
import pytest

from tests.support import wire
from tests.support.collector import own_address
from tests.support.daemon import AUDIBLE, target

SCHEMAS = pathlib.Path(__file__).parent / "schemas"
QUESTIONS = [
    ["stats"], ["targets"], ["clients"], ["loggers"], ["loggers", "--all"], ["loggers", "app*"],
    ["level"], ["level", "app"], ["level", "nobody.here"], ["level", "new*", "debug", "--for", "9m"],
    ["level", "new*", "unset"], ["explain", "app", "info"], ["explain", "app", "trace"],
    ["explain", "Connection.3", "error", "text \x01"], ["explain", "silent", "error"],
]  # fmt: skip


def check_all(daemon):
    for question in QUESTIONS:
        answer = json.loads(daemon.ctl(*question, "--format", "json"))
        schema = json.loads((SCHEMAS / f"{question[0]}.json").read_text())
        jsonschema.Draft7Validator.check_schema(schema)
        jsonschema.validate(answer, schema)


@pytest.fixture
def busy(start_daemon, collector):
    return start_daemon(
        target("central", collector) + target("away", f"{own_address()}:9")
        + "handler default { target = central  level = info }\n"
        + "handler away { target = away  rate-limit = 1 }\n"
        + "logger app { level = debug  handlers = {away}  recorder = 5 }\n"
        + 'logger silent { propagate = false  context = {"a=b"} }\n' + AUDIBLE
    )


def test_an_idle_daemon_answers_by_the_schemas(daemon):
    check_all(daemon)


def test_a_busy_daemon_answers_by_the_schemas(busy):
    busy.ctl("level", "app.x*", "trace", "--for", "1h")
    busy.ctl("level", "app.y", "error")
    with busy.client(b"\xff odd") as client:
        client.send(*[wire.open_logger(n, b"Connection.%d" % n) for n in range(1, 40)])
        client.open(50, b"app.db")
        client.open(51, b"app.odd\xff\x01")
        client.send(wire.set_level(50, 15), wire.set_context(50, b"peer", b"10.0.0.7"))
        client.log(50, *[b"text"] * 5, level=40)
        client.log(50, b"kept", level=5)
        client.log(99, b"for nobody")
        client.flush()
        check_all(busy)


@pytest.mark.parametrize("verb", sorted(path.stem for path in SCHEMAS.glob("*.json")))
def test_a_schema_can_fail(verb, daemon):
    schema = json.loads((SCHEMAS / f"{verb}.json").read_text())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"unheard": "of"}, schema)
