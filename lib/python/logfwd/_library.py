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


def check(result: int, what: str) -> None:
    """Raises OSError for a negative result of the library."""
    if result < 0:
        raise OSError(-result, f"{what}: {os.strerror(-result)}")


def encode(text: str) -> bytes:
    """A str as bytes: what UTF-8 cannot hold (lone surrogates) as backslash escapes."""
    return text.encode("utf-8", "backslashreplace")


def encode_string(text: str, what: str) -> bytes:
    """The same for a C string, which ends at its first NUL: one inside is a ValueError."""
    if "\0" in text:
        raise ValueError(f"{what} holds a NUL character: {text!r}")
    return encode(text)
