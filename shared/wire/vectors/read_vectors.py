#!/usr/bin/env python3
"""Reads the test vectors of docs/wire.md with nothing but the Python standard library.

A second implementation of the envelope, written from the document and sharing no code with the first: it decodes every
vector and compares, and it must refuse every vector of invalid.json. Run it beside the vectors; exit code 1 means a
difference.
"""
import json
import pathlib
import re
import struct
import sys

FIELD_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")
FIELD_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
REQUEST = {"method": str, "path": str, "route": str, "id": str, "deadline": int}
OPTIONAL = {"params": {}, "query": "", "headers": [], "body": b"", "identity": None, "client": "", "trace": ""}


class Refused(Exception):
    pass


class Reader:
    """MessagePack without extension types (https://github.com/msgpack/msgpack/blob/master/spec.md)."""

    WIDTHS = {0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q", 0xD0: ">b", 0xD1: ">h", 0xD2: ">i", 0xD3: ">q",
              0xCA: ">f", 0xCB: ">d"}
    LENGTHS = {0xD9: (str, ">B"), 0xDA: (str, ">H"), 0xDB: (str, ">I"), 0xC4: (bytes, ">B"), 0xC5: (bytes, ">H"),
               0xC6: (bytes, ">I"), 0xDC: (list, ">H"), 0xDD: (list, ">I"), 0xDE: (dict, ">H"), 0xDF: (dict, ">I")}

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        if self.at + count > len(self.data):
            raise Refused("ends too early")
        self.at += count
        return self.data[self.at - count:self.at]

    def number(self, form):
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def value(self, depth=0):
        if depth > 18:
            raise Refused("nested too deeply")
        tag = self.number(">B")
        if tag <= 0x7F:
            return tag
        if tag >= 0xE0:
            return tag - 0x100
        if tag in (0xC0, 0xC2, 0xC3):
            return {0xC0: None, 0xC2: False, 0xC3: True}[tag]
        if tag in self.WIDTHS:
            return self.number(self.WIDTHS[tag])
        if tag in self.LENGTHS:
            kind, form = self.LENGTHS[tag]
            return self.sized(kind, self.number(form), depth)
        if tag <= 0x8F:
            return self.sized(dict, tag & 0x0F, depth)
        if tag <= 0x9F:
            return self.sized(list, tag & 0x0F, depth)
        if tag <= 0xBF:
            return self.sized(str, tag & 0x1F, depth)
        raise Refused(f"byte 0x{tag:02x} begins nothing")

    def sized(self, kind, size, depth):
        if kind is bytes:
            return self.take(size)
        if kind is str:
            return self.take(size).decode("utf-8", "replace")
        if kind is list:
            return [self.value(depth + 1) for _ in range(size)]
        entries = {}
        for _ in range(size):
            key = self.value(depth + 1)
            if not isinstance(key, str) or key in entries:
                raise Refused(f"key {key!r} is no text or comes twice")
            entries[key] = self.value(depth + 1)
        return entries


def envelope(data):
    reader = Reader(data)
    value = reader.value()
    if reader.at != len(data):
        raise Refused("bytes follow the envelope")
    require(isinstance(value, dict), "no map")
    require(integer(value.get("v")) == 1, "another version")
    return value


def decode_request(data):
    value = envelope(data)
    request = {}
    for name, kind in REQUEST.items():
        request[name] = integer(value.get(name)) if kind is int else value.get(name)
        require(isinstance(request[name], kind), f"{name} is missing or of another type")
    for name, default in OPTIONAL.items():
        request[name] = default if value.get(name) is None else value[name]
        if default is not None:
            require(isinstance(request[name], type(default)), f"{name} is of another type")
    require(len(request["params"]) <= 32, "too many parameters")
    require(all(isinstance(text, str) for text in request["params"].values()), "a parameter is no text")
    if request["identity"] is not None:
        request["identity"] = identity(request["identity"])
    return with_headers(request)


def decode_response(data):
    value = envelope(data)
    status = integer(value.get("status"))
    require(isinstance(status, int) and 200 <= status <= 599, "no valid status")
    response = {"status": status, "headers": value.get("headers") or [], "body": value.get("body") or b""}
    require(isinstance(response["headers"], list) and isinstance(response["body"], bytes), "headers or body")
    with_headers(response)
    for name, text in zip(response["headers"][::2], response["headers"][1::2]):
        require(FIELD_NAME.fullmatch(name) and FIELD_VALUE.fullmatch(text), f"field {name!r}")
    return response


def with_headers(message):
    headers = message["headers"]
    require(len(headers) % 2 == 0 and len(headers) <= 1024, "headers are no list of names and values")
    require(all(isinstance(item, str) for item in headers), "a header is no text")
    return message


def identity(value):
    require(isinstance(value, dict), "identity is no map")
    known = {name: value.get(name) for name in ("subject", "kind", "tenant")}
    require(isinstance(known["subject"], str) and isinstance(known["kind"], str), "identity lacks subject or kind")
    return {**known, "roles": value.get("roles") or [], "scopes": value.get("scopes") or []}


def integer(value):
    """Writers choose among integer and float encodings: the value counts."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != int(value):
        return None
    return int(value) if abs(value) < 2**53 else None


def require(condition, message):
    if not condition:
        raise Refused(message)


def expected(value):
    return {**value, "body": bytes.fromhex(value["body"])}


def main():
    folder = pathlib.Path(__file__).parent
    load = lambda name: json.loads((folder / name).read_text("utf-8"))
    checked, faults = 0, []
    for kind, decode in (("request", decode_request), ("response", decode_response)):
        vectors = load(f"{kind}s.json")
        for vector in vectors["canonical"] + vectors["variants"]:
            checked += 1
            try:
                found = decode(bytes.fromhex(vector["hex"]))
                if found != expected(vector[kind]):
                    faults.append(f"{kind} {vector['name']!r}: read {found}")
            except Refused as error:
                faults.append(f"{kind} {vector['name']!r}: refused, {error}")
    for vector in load("invalid.json")["invalid"]:
        checked += 1
        decode = decode_request if vector["kind"] == "request" else decode_response
        try:
            decode(bytes.fromhex(vector["hex"]))
            faults.append(f"invalid {vector['name']!r}: was accepted")
        except Refused:
            pass
    print(json.dumps({"checked": checked, "faults": faults}))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
