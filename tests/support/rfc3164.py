"""A strict parser of the BSD syslog format as RFC 3164 section 4.1 describes it."""

import collections
import re

Message = collections.namedtuple("Message", "pri timestamp host tag pid text")
Message.facility = property(lambda self: self.pri >> 3)
Message.severity = property(lambda self: self.pri & 7)

PATTERN = re.compile(
    rb"<(?P<pri>0|[1-9]\d{0,2})>"
    rb"(?P<timestamp>(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
    rb" (?: [1-9]|[12]\d|3[01]) (?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)"
    rb" (?P<host>[\x21-\x7e]+)"
    rb" (?P<tag>[\x21-\x39\x3b-\x5a\x5c\x5e-\x7e]+)(?:\[(?P<pid>\d+|-)\])?:"
    rb" (?P<text>[^\x00-\x1f\x7f]*)"
)


def parse(datagram):
    """The message that the bytes of one datagram are; ValueError says why they are none."""
    match = PATTERN.fullmatch(datagram)
    if match is None:
        raise ValueError(f"no RFC 3164 message: {datagram[:200]!r}")
    if int(match["pri"]) > 191 or len(datagram) > 65507:
        raise ValueError(f"out of range: {datagram[:80]!r}")
    pid = match["pid"]
    return Message(
        int(match["pri"]),
        match["timestamp"].decode(),
        match["host"].decode(),
        match["tag"].decode(),
        int(pid) if pid and pid != b"-" else None,
        match["text"],
    )
