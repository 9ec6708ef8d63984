"""What the contract makes of a client's bytes, written a second time for comparison.

A byte that could end, forge or garble a record becomes '#' and three octal digits
(daemon/format/escape.h says which); header fields take '_' instead.
"""

from tests.support.rfc5424 import HARMFUL


def text(raw):
    """Bytes as they arrive in MSG, or in a PARAM-VALUE whose backslashes are resolved."""
    out = []
    for character in raw.decode("utf-8", "surrogateescape"):  # invalid bytes: one surrogate each
        if "\udc80" <= character <= "\udcff":
            out.append("#%03o" % (ord(character) - 0xDC00))
        elif HARMFUL.match(character):
            out.extend("#%03o" % byte for byte in character.encode())
        else:
            out.append(character)
    return "".join(out)


def header_field(raw, limit):
    """Bytes as they arrive in HOSTNAME or APP-NAME; None is the NILVALUE."""
    return "".join(chr(byte) if 0x21 <= byte <= 0x7E else "_" for byte in raw[:limit]) or None
