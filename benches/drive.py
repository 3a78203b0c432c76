"""One connection to a WebDAV server that costs next to nothing itself: requests are bytes, answers are read and dropped."""

import base64
import socket
import ssl
from urllib.parse import quote


class Unexpected(Exception):
    """A server answered something else than the measurement is about."""


def url(path):
    return quote(path)


class Connection:
    """HTTP/1.1 over TLS 1.3, kept alive; the login goes with every request."""

    def __init__(self, dir, port, login, password):
        context = ssl.create_default_context(cafile=dir / "certs" / "ca.pem")
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        plain = socket.create_connection(("127.0.0.1", port))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = context.wrap_socket(plain, server_hostname="127.0.0.1")
        self.input = bytearray()
        token = base64.b64encode(f"{login}:{password}".encode()).decode()
        self.always = f"Host: 127.0.0.1:{port}\r\nAuthorization: Basic {token}\r\n"

    def more(self):
        some = self.socket.recv(1 << 18)
        if not some:
            raise Unexpected("the server closed the connection")
        self.input += some

    def until(self, mark):
        while (at := self.input.find(mark)) < 0:
            self.more()
        return self.take(at + len(mark))

    def take(self, count):
        while len(self.input) < count:
            self.more()
        taken = bytes(self.input[:count])
        del self.input[:count]
        return taken

    def status(self, method, where, header="", body=b""):
        """Sends a request, reads the whole answer, gives its status."""
        head = f"{method} {where} HTTP/1.1\r\n{self.always}{header}Content-Length: {len(body)}\r\n\r\n"
        self.socket.sendall(head.encode() + body)
        answer = self.until(b"\r\n\r\n").decode().lower()
        status = int(answer.split()[1])
        fields = dict(line.split(": ", 1) for line in answer.splitlines()[1:] if ": " in line)
        if "content-length" in fields:
            self.take(int(fields["content-length"]))
        elif fields.get("transfer-encoding") == "chunked":
            while size := int(self.until(b"\r\n"), 16):
                self.take(size + 2)
            self.take(2)
        return status

    def expect(self, wanted, method, where, header="", body=b""):
        status = self.status(method, where, header, body)
        if status != wanted:
            raise Unexpected(f"{method} {where}: {status} instead of {wanted}")

    def begin_upload(self, where, length, some):
        """Sends the head of an upload and its beginning, and no more."""
        head = f"PUT {where} HTTP/1.1\r\n{self.always}Content-Length: {length}\r\n\r\n"
        self.socket.sendall(head.encode() + some)
