"""liblogfwd by ctypes: the calls of logfwd.h with their types, and errors as OSError."""

import ctypes
import os

_SONAME = "liblogfwd.so.0"


class Options(ctypes.Structure):
    """struct logfwd_options"""

    _fields_ = [
        ("size", ctypes.c_size_t),
        ("socket_path", ctypes.c_char_p),
        ("app_name", ctypes.c_char_p),
        ("when_full", ctypes.c_int),
        ("wait_ms", ctypes.c_uint),
        ("buffer_bytes", ctypes.c_size_t),
    ]


class Stats(ctypes.Structure):
    """struct logfwd_client_stats"""

    _fields_ = [("size", ctypes.c_size_t)] + [
        (name, ctypes.c_uint64)
        for name in (
            "records", "filtered", "sent", "dropped", "buffered", "refused", "connected", "loggers",
        )
    ]


def _load() -> ctypes.CDLL:
    try:
        library = ctypes.CDLL(_SONAME)
    except OSError as error:
        raise ImportError(
            f"logfwd needs its client library {_SONAME}: {error}; "
            "install it, or name its folder in LD_LIBRARY_PATH"
        ) from error
    pointer, string, integer = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    signatures = {
        "client_open": (integer, [ctypes.POINTER(pointer), ctypes.POINTER(Options)]),
        "client_close": (None, [pointer]),
        "client_stats": (integer, [pointer, ctypes.POINTER(Stats)]),
        "flush": (integer, [pointer, integer]),
        "logger_open": (integer, [pointer, string, ctypes.POINTER(pointer)]),
        "logger_close": (None, [pointer]),
        "logger_set_level": (integer, [pointer, integer]),
        "logger_set_context": (integer, [pointer, string, string]),
        "enabled": (ctypes.c_bool, [pointer, integer]),
        "write": (integer, [pointer, integer, string, ctypes.c_size_t]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, "logfwd_" + name)
        function.restype, function.argtypes = result, arguments
    return library


library = _load()

# Calls that cannot wait keep the interpreter's lock. To give it away takes as long as they do, and
# where another thread computes, to get it back takes milliseconds.
_at_once = ctypes.PyDLL(_SONAME)

# For a Lease and one of c_levels: C's own types are passed as they are, in half the time.
is_enabled = _at_once.logfwd_enabled
is_enabled.restype = ctypes.c_bool

# For a client whose wait_ms is 0; others use library.logfwd_write.
write_at_once = _at_once.logfwd_write
write_at_once.argtypes = library.logfwd_write.argtypes

LEVEL_MIN, LEVEL_MAX = 1, 100


def clamp(level: int) -> int:
    """A level of the daemon's scale for any integer that logging allows."""
    return min(max(level, LEVEL_MIN), LEVEL_MAX)


class Levels(dict[int, ctypes.c_int]):
    """The same as C's int, by a look-up: to make one takes as long as asking the library."""

    def __missing__(self, level: int) -> ctypes.c_int:
        return ctypes.c_int(clamp(level))


c_levels = Levels((level, ctypes.c_int(level)) for level in range(LEVEL_MIN, LEVEL_MAX + 1))


def check(result: int, what: str) -> None:
    """Raises OSError for a negative result of the library."""
    if result < 0:
        raise OSError(-result, f"{what}: {os.strerror(-result)}")


def encode(text: str) -> bytes:
    """A str as bytes: what UTF-8 cannot hold (lone surrogates) as backslash escapes."""
    return text.encode("utf-8", "backslashreplace")


def check_range(what: str, number: int, field: type[ctypes.c_uint] | type[ctypes.c_size_t]) -> None:
    """Raises a ValueError unless the number fits the unsigned field of C."""
    if field(number).value != number:
        raise ValueError(f"{what} is out of its range: {number}")


def encode_string(text: str, what: str) -> bytes:
    """The same for a C string, which ends at its first NUL: one inside is a ValueError."""
    if not isinstance(text, str):
        raise TypeError(f"{what} must be a string: {text!r}")
    if "\0" in text:
        raise ValueError(f"{what} holds a NUL character: {text!r}")
    return encode(text)
