"""A name server for tests: answers A and AAAA questions as its table says, over UDP, on port 53."""

import ipaddress
import os
import select
import socket
import struct
import threading

SERVFAIL, NXDOMAIN = 2, 3
TYPES = {1: 4, 28: 6}  # A and AAAA: the version of IP


class NameServer:
    """names: by name a list of addresses, a code such as SERVFAIL, or None for silence."""

    def __init__(self, host="127.0.0.1"):
        """Binds in the namespace of the thread that calls."""
        self.names, self.questions = {}, 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, 53))
        self.wake_read, self.wake_write = os.pipe()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def close(self):
        os.write(self.wake_write, b"x")
        self.thread.join()
        self.socket.close()
        os.close(self.wake_read)
        os.close(self.wake_write)

    def _run(self):
        while self.wake_read not in select.select([self.socket, self.wake_read], [], [])[0]:
            question, source = self.socket.recvfrom(512)
            self.questions += 1
            answer = self._answer(question)
            if answer is not None:
                self.socket.sendto(answer, source)

    def _answer(self, question):
        """RFC 1035 4.1: header, the question again, and an answer for each address."""
        name, end = _name(question, 12)
        kind = struct.unpack_from(">H", question, end)[0]
        known = self.names.get(name.lower(), NXDOMAIN)
        if known is None:
            return None
        code, addresses = (known, []) if isinstance(known, int) else (0, known)
        found = [ipaddress.ip_address(each) for each in addresses]
        found = [each.packed for each in found if each.version == TYPES.get(kind)]
        head = question[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, len(found), 0, 0)
        records = b"".join(
            b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 1, len(packed)) + packed for packed in found
        )
        return head + question[12 : end + 4] + records


def _name(message, offset):
    """The name at an offset, without its last dot, and where it ends."""
    labels = []
    while message[offset]:
        length = message[offset]
        labels.append(message[offset + 1 : offset + 1 + length].decode("ascii"))
        offset += 1 + length
    return ".".join(labels), offset + 1
