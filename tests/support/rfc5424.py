"""A strict parser of RFC 5424 syslog messages, from its ABNF to the letter (section 6).

It is the tests' own oracle and shares nothing with the daemon: what it does not accept, a
collector may refuse. strict() adds what the contract promises beyond the RFC: no byte that
could break, forge or garble a line.
"""

import collections
import datetime
import re

Message = collections.namedtuple("Message", "pri timestamp host app procid msgid sd text")
Message.facility = property(lambda self: self.pri >> 3)
Message.severity = property(lambda self: self.pri & 7)
# The elements of this project: logger and context of a record.
Message.logger = property(lambda self: self.sd["logfwd@32473"].get("logger"))
Message.context = property(lambda self: self.sd.get("ctx@32473", {}))

PRINTUSASCII = rb"[\x21-\x7e]"
SD_NAME = rb"[\x21\x23-\x3c\x3e-\x5c\x5e-\x7e]{1,32}"  # not SP, '"', '=' and ']'
HEADER = re.compile(
    rb"<(?P<pri>0|[1-9][0-9]{0,2})>1"
    rb" (?P<timestamp>-|\S+)"
    rb" (?P<host>-|%(p)s{1,255})"
    rb" (?P<app>-|%(p)s{1,48})"
    rb" (?P<procid>-|%(p)s{1,128})"
    rb" (?P<msgid>-|%(p)s{1,32}) " % {b"p": PRINTUSASCII}
)
TIMESTAMP = re.compile(
    rb"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(Z|[+-]\d\d:\d\d)"
)
SD_ELEMENT = re.compile(
    rb"\[(?P<id>%(name)s)(?P<params>(?: %(name)s=\"(?:[^\"\\\]]|\\[\"\\\]])*\")*)\]"
    % {b"name": SD_NAME},
    re.DOTALL,
)
SD_PARAM = re.compile(
    rb" (?P<name>%b)=\"(?P<value>(?:[^\"\\\]]|\\[\"\\\]])*)\"" % SD_NAME, re.DOTALL
)
# U+0080..9F, U+2028/2029, U+202A..202E, U+2066..2069 and the byte order mark.
HARMFUL = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff]")


def parse(datagram):
    """The message that the bytes of one datagram are; ValueError says why they are none."""
    header = HEADER.match(datagram)
    if header is None:
        raise ValueError(f"no RFC 5424 header: {datagram[:120]!r}")
    pri = int(header["pri"])
    if pri > 191:
        raise ValueError(f"PRI {pri} above 191")
    sd, end = _structured_data(datagram, header.end())
    rest = datagram[end:]
    if rest and not rest.startswith(b" "):
        raise ValueError(f"no space before MSG: {rest[:40]!r}")
    return Message(
        pri,
        _timestamp(header["timestamp"]),
        *(_field(header[name]) for name in ("host", "app", "procid", "msgid")),
        sd,
        rest[1:],
    )


def strict(datagram):
    """As parse(), and nothing in it that the contract keeps from collectors and terminals."""
    message = parse(datagram)
    try:
        text = datagram.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"invalid UTF-8: {error}: {datagram[:200]!r}") from None
    harmful = HARMFUL.search(text)
    if harmful is not None:
        raise ValueError(f"raw {harmful[0]!r} at {harmful.start()}: {text[:200]!r}")
    return message


def _field(value):
    return None if value == b"-" else value.decode("ascii")


def _timestamp(value):
    """RFC 3339 as section 6.2.3 narrows it: 'T' and 'Z' upper case, no leap second."""
    if value == b"-":
        return None
    match = TIMESTAMP.fullmatch(value)
    if match is None:
        raise ValueError(f"no TIMESTAMP: {value!r}")
    *parts, fraction, zone = match.groups()
    offset = datetime.timedelta()
    if zone != b"Z":
        hours, minutes = int(zone[1:3]), int(zone[4:6])
        if hours > 23 or minutes > 59:
            raise ValueError(f"no time zone: {value!r}")
        offset = datetime.timedelta(hours=hours, minutes=minutes) * (-1 if zone[:1] == b"-" else 1)
    microseconds = int((fraction or b"0").ljust(6, b"0"))
    return datetime.datetime(
        *map(int, parts), microseconds, tzinfo=datetime.timezone(offset)
    )  # refuses 24:00:00, second 60 and 30 February


def _structured_data(datagram, at):
    """The elements from offset at, {SD-ID: {name: value}}, and the offset behind them."""
    if datagram[at : at + 1] == b"-":
        return {}, at + 1
    elements = {}
    while (match := SD_ELEMENT.match(datagram, at)) is not None:
        identity = match["id"].decode("ascii")
        if identity in elements:
            raise ValueError(f"SD-ID {identity} twice (6.3.2)")
        elements[identity] = _params(match["params"])
        at = match.end()
    if not elements:
        raise ValueError(f"no STRUCTURED-DATA: {datagram[at:at + 80]!r}")
    return elements, at


def _params(text):
    params = {}
    for match in SD_PARAM.finditer(text):
        value = re.sub(rb"\\([\"\\\]])", rb"\1", match["value"])
        params[match["name"].decode("ascii")] = value.decode()  # UTF-8 by 6.3.3
    return params
