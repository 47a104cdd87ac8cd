"""A NATS client in a hundred lines: enough to subscribe, answer, and stop without losing a message.

Standard library only. Use nats-py in earnest; this one shows that nothing is hidden.
Protocol: https://docs.nats.io/reference/reference-protocols/nats-protocol
"""
import json
import os
import select
import socket
from urllib.parse import urlsplit


class Message:
    def __init__(self, client, subject, reply, headers, data):
        self.client, self.subject, self.reply, self.headers, self.data = client, subject, reply, headers, data

    def header(self, name, default=""):
        return self.headers.get(name, [default])[0]

    def respond(self, data=b"", headers=()):
        if self.reply:
            self.client.publish(self.reply, data, headers)


class Client:
    """One connection, one thread. `run` reads and calls handlers until `stop` is true and everything received is answered."""

    def __init__(self, url):
        parts = urlsplit(url)
        self.socket = socket.create_connection((parts.hostname, parts.port or 4222), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.handlers = {}
        self.pongs = 0
        options = {"verbose": False, "pedantic": False, "headers": True, "no_responders": True, "lang": "python",
                   "version": "1", "name": "example: python-micro", "protocol": 1}
        user = parts.username or os.environ.get("NATS_USER")
        if user:
            options.update({"user": user, "pass": parts.password or os.environ.get("NATS_PASSWORD", "")})
        self.line()  # INFO
        self.send(b"CONNECT " + json.dumps(options).encode() + b"\r\n")
        self.flush()

    def send(self, data):
        self.socket.sendall(data)

    def publish(self, subject, data, headers=()):
        if not headers:
            return self.send(b"PUB %s %d\r\n%s\r\n" % (subject.encode(), len(data), data))
        block = b"NATS/1.0\r\n" + b"".join(f"{name}: {value}\r\n".encode() for name, value in headers) + b"\r\n"
        total = len(block) + len(data)
        self.send(b"HPUB %s %d %d\r\n%s%s\r\n" % (subject.encode(), len(block), total, block, data))

    def subscribe(self, subject, handler, queue=""):
        sid = str(len(self.handlers) + 1)
        self.handlers[sid] = handler
        self.send(f"SUB {subject} {queue} {sid}\r\n".encode())

    def flush(self):
        """Returns when the server has seen everything sent so far; answers what arrives meanwhile."""
        wanted = self.pongs + 1
        self.send(b"PING\r\n")
        while self.pongs < wanted:
            self.step()

    def run(self, stopping):
        """`stopping()` is asked twice a second. Then: no new messages, answer those on their way, let the answers leave."""
        while not stopping():
            if self.readable(0.5):
                self.step()
        for sid in self.handlers:
            self.send(f"UNSUB {sid}\r\n".encode())
        self.flush()
        self.flush()
        self.socket.close()

    def readable(self, seconds):
        return b"\r\n" in self.buffer or bool(select.select([self.socket], [], [], seconds)[0])

    def step(self):
        verb, *words = self.line().split()
        if verb == "PING":
            self.send(b"PONG\r\n")
        elif verb == "PONG":
            self.pongs += 1
        elif verb == "MSG":
            data = self.exactly(int(words[-1]))
            self.handle(words[0], words[1], words[2] if len(words) == 4 else "", {}, data)
        elif verb == "HMSG":
            size, total = int(words[-2]), int(words[-1])
            block = self.exactly(total)
            self.handle(words[0], words[1], words[2] if len(words) == 5 else "", parse(block[:size]), block[size:])
        elif verb == "-ERR":
            raise ConnectionError(" ".join(words))

    def handle(self, subject, sid, reply, headers, data):
        self.handlers[sid](Message(self, subject, reply, headers, data))

    def line(self):
        while b"\r\n" not in self.buffer:
            self.more()
        line, _, self.buffer = self.buffer.partition(b"\r\n")
        return line.decode()

    def exactly(self, size):
        """A payload, and the line end behind it."""
        while len(self.buffer) < size + 2:
            self.more()
        data, self.buffer = self.buffer[:size], self.buffer[size + 2:]
        return data

    def more(self):
        piece = self.socket.recv(1 << 18)
        if not piece:
            raise ConnectionError("the server closed the connection")
        self.buffer += piece


def parse(block):
    headers = {}
    for line in block.decode().split("\r\n")[1:]:
        name, colon, value = line.partition(":")
        if colon:
            headers.setdefault(name, []).append(value.strip())
    return headers
