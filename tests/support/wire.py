"""A client by hand: the frames of lib/wire/frame.h over SOCK_SEQPACKET, by struct.

It says exactly what a test wants said, also what the library never would.
"""

import collections
import itertools
import socket
import struct
import time

VERSION = 1
PACKET_MAX = 128 * 1024
RECORD_MAX = 65536

HELLO, OPEN, CLOSE, RECORD, SET_LEVEL, CONTEXT, DROPPED, FLUSH, LEAVE, USE_RING = range(1, 11)
WELCOME, LEVEL_MAP, FLUSHED, ERROR, BYE = range(65, 70)
ERROR_NAME, ERROR_LIMIT, ERROR_CONTEXT, ERROR_MEMORY = 1, 2, 3, 4
ERROR_PROTOCOL, ERROR_CLIENTS, ERROR_SHUTDOWN = 5, 6, 7
RING, LEVEL_PAGE, CAN_LEAVE = 1, 2, 4  # features
FEATURES = RING | LEVEL_PAGE | CAN_LEAVE  # that the daemon agrees to
CONFIGURED, OVERRIDE, OVERRIDE_PREFIX, RECORDER = range(4)  # kinds of entries of a LEVEL_MAP

Frame = collections.namedtuple("Frame", "type body")
Refusal = collections.namedtuple("Refusal", "code logger_id reason")
# levels: the configured ones by logger name; others: by (name, kind)
LevelMap = collections.namedtuple("LevelMap", "lease_floor levels others")


def frame(kind, body=b""):
    return struct.pack("<HHI", kind, 0, len(body)) + body


def string8(value):
    return struct.pack("<B", len(value)) + value


def string16(value):
    return struct.pack("<H", len(value)) + value


def hello(app_name=b"wire", version=VERSION, features=0):
    return frame(HELLO, struct.pack("<HI", version, features) + string8(app_name))


def open_logger(logger_id, name):
    return frame(OPEN, struct.pack("<I", logger_id) + string16(name))


def close_logger(logger_id):
    return frame(CLOSE, struct.pack("<I", logger_id))


def record(logger_id, text, level=20, time_us=None, original_length=None):
    if time_us is None:
        time_us = time.time_ns() // 1000
    head = struct.pack("<IqBB", logger_id, time_us, level, original_length is not None)
    if original_length is not None:
        head += struct.pack("<I", original_length)
    return frame(RECORD, head + text)


def set_level(logger_id, level):
    return frame(SET_LEVEL, struct.pack("<IB", logger_id, level))


def set_context(logger_id, key, value):
    """value None: the key is unset."""
    head = struct.pack("<IB", logger_id, value is not None) + string8(key)
    return frame(CONTEXT, head if value is None else head + string16(value))


def dropped(records, first_us, last_us):
    return frame(DROPPED, struct.pack("<Qqq", records, first_us, last_us))


def leave():
    return frame(LEAVE)


def flush(token):
    return frame(FLUSH, struct.pack("<I", token))


def frames_of(packet):
    """The frames of one packet that the daemon sent; asserts that they are whole."""
    while packet:
        kind, zero, length = struct.unpack_from("<HHI", packet)
        assert zero == 0 and length <= len(packet) - 8, packet
        yield Frame(kind, packet[8 : 8 + length])
        packet = packet[8 + length :]


def refusal(body):
    """The body of ERROR or BYE."""
    code, logger_id, length = struct.unpack_from("<HIB", body)
    assert len(body) == 7 + length
    return Refusal(code, logger_id, body[7:].decode())


def level_map(body):
    floor, count = struct.unpack_from("<BI", body)
    levels, others, at = {}, {}, 5
    for _ in range(count):
        end = at + 1 + body[at]
        name, kind, level = body[at + 1 : end].decode(), body[end], body[end + 1]
        if kind == CONFIGURED:
            levels[name] = level
        else:
            others[name, kind] = level
        at = end + 2
    assert at == len(body)
    return LevelMap(floor, levels, others)


class Client:
    """One connection. Frames that come are kept in `frames` until somebody asks for them."""

    def __init__(self, path, app_name=b"wire", greet=True, timeout=10, on_flushed=None):
        """on_flushed: called after each flush(), when the daemon stands still."""
        self.on_flushed = on_flushed
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(timeout)
        self.frames = []
        self.ended = False  # the daemon has closed the connection
        self.tokens = itertools.count(1)
        try:
            self.socket.connect(str(path))
            if greet:
                self.send(hello(app_name))
                self.welcome = struct.unpack("<HII", self.expect(WELCOME).body)
                self.levels = level_map(self.expect(LEVEL_MAP).body)
        except BaseException:
            self.socket.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, *frames):
        """All frames in one packet."""
        self.socket.send(b"".join(frames))

    def expect(self, *kinds):
        """The next frame of one of the kinds; others that came before it stay."""
        while True:
            for i, got in enumerate(self.frames):
                if got.type in kinds:
                    return self.frames.pop(i)
            if self.ended:
                raise AssertionError(f"the connection ended without frame {kinds}")
            self._receive()

    def _receive(self):
        try:
            packet = self.socket.recv(PACKET_MAX)
        except ConnectionResetError:  # it closed with something of ours unread; its words follow
            packet = self.socket.recv(PACKET_MAX)
        if not packet:
            self.ended = True
        self.frames.extend(frames_of(packet))

    def expect_end(self):
        """Waits until the daemon has closed; the reason it gave, or None."""
        while not self.ended:
            self._receive()
        byes = [refusal(got.body) for got in self.frames if got.type == BYE]
        return byes[-1] if byes else None

    def flush(self):
        """Waits until the daemon has taken all that was sent before."""
        token = next(self.tokens)
        self.send(flush(token))
        assert struct.unpack("<I", self.expect(FLUSHED).body) == (token,)
        if self.on_flushed is not None:
            self.on_flushed()

    def open(self, logger_id, name):
        self.send(open_logger(logger_id, name))

    def log(self, logger_id, *texts, level=20):
        """Texts as records, as many a packet as fit."""
        packet = b""
        for text in texts:
            one = record(logger_id, text, level)
            if packet and len(packet) + len(one) > 32768:
                self.socket.send(packet)
                packet = b""
            packet += one
        self.socket.send(packet)
