#!/usr/bin/env python3
"""A backend without the SDK: a micro service as ADR-32 describes it, whose endpoints name their HTTP routes.

    NATS_URL=nats://127.0.0.1:4222 python3 examples/backends/python-micro/main.py
"""
import json
import os
import signal
import sys
import time
import uuid
from datetime import datetime, timezone
from urllib.parse import parse_qs, unquote

from nats_client import Client

NAME, VERSION, DESCRIPTION = "orders-python", "1.0.0", "Orders of an imaginary shop, in Python without dependencies"
ID = uuid.uuid4().hex
STARTED = datetime.now(timezone.utc).isoformat()
ORDERS = {"1": {"item": "book", "count": 2}}


class Problem(Exception):
    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


def get_order(message):
    order_id = unquote(message.header("Sluice-Param-id"))
    if order_id not in ORDERS:
        raise Problem(404, f"There is no order {order_id}.")
    fields = parse_qs(message.header("Sluice-Query")).get("fields", list(ORDERS[order_id]))
    shown = {name: value for name, value in ORDERS[order_id].items() if name in fields}
    body = json.dumps({"id": order_id, **shown, "instance": os.getpid()}).encode()
    language = message.header("Sluice-Header-accept-language", "en")
    return body, [("Content-Type", "application/json"), ("Sluice-Header-content-language", language)]


def echo(message):
    status = parse_qs(message.header("Sluice-Query")).get("status", ["200"])[0]
    fields = [("Sluice-Header-x-echo", "one"), ("Sluice-Header-x-echo", "two")]
    return message.data, [("Sluice-Status", status), ("Content-Type", "application/octet-stream"), *fields]


ENDPOINTS = [
    {
        "name": "get",
        "subject": "orders-python.get",
        "handler": get_order,
        "metadata": {
            "sluice.route": "GET /v1/python/orders/{id}",
            "sluice.auth": "public",
            "sluice.headers": "accept-language",
            "sluice.timeout": "2s",
            "sluice.summary": "One order",
        },
    },
    {
        "name": "echo",
        "subject": "orders-python.echo",
        "handler": echo,
        "metadata": {
            "sluice.route": "POST /v1/python/echo",
            "sluice.auth": "public",
            "sluice.summary": "The body as it came",
        },
    },
]
for each in ENDPOINTS:
    each["stats"] = {"num_requests": 0, "num_errors": 0, "last_error": "", "processing_time": 0,
                     "average_processing_time": 0}


def serve(endpoint):
    stats = endpoint["stats"]

    def handle(message):
        began = time.perf_counter_ns()
        try:
            deadline = int(message.header("Sluice-Deadline", "0"))
            if deadline and deadline <= time.time() * 1000:
                raise Problem(504, "The deadline has passed.")
            message.respond(*endpoint["handler"](message))
        except Exception as error:  # pylint: disable=broad-except; whatever goes wrong, the caller gets an answer
            status = error.status if isinstance(error, Problem) else 500
            stats["num_errors"] += 1
            stats["last_error"] = f"{status}:{error}"
            text = " ".join(str(error).split())
            message.respond(b"", [("Nats-Service-Error", text), ("Nats-Service-Error-Code", str(status))])
        stats["num_requests"] += 1
        stats["processing_time"] += time.perf_counter_ns() - began
        stats["average_processing_time"] = stats["processing_time"] // stats["num_requests"]

    return handle


def documents():
    identity = {"name": NAME, "id": ID, "version": VERSION, "metadata": {}}
    shared = [{"name": each["name"], "subject": each["subject"], "queue_group": "q"} for each in ENDPOINTS]
    return {
        "PING": lambda: identity,
        "INFO": lambda: {**identity, "description": DESCRIPTION, "endpoints": [
            {**known, "metadata": each["metadata"]} for known, each in zip(shared, ENDPOINTS)]},
        "STATS": lambda: {**identity, "started": STARTED, "endpoints": [
            {**known, **each["stats"]} for known, each in zip(shared, ENDPOINTS)]},
    }


def start(client):
    for each in ENDPOINTS:
        client.subscribe(each["subject"], serve(each), queue="q")
    for verb, document in documents().items():
        kind = f"io.nats.micro.v1.{verb.lower()}_response"
        answer = lambda message, kind=kind, document=document: message.respond(
            json.dumps({"type": kind, **document()}).encode())
        for subject in (f"$SRV.{verb}", f"$SRV.{verb}.{NAME}", f"$SRV.{verb}.{NAME}.{ID}"):
            client.subscribe(subject, answer)
    client.flush()
    print(f"ready: {NAME} {ID}", flush=True)


def main():
    stop = []
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.append(True))
    while not stop:
        try:
            client = Client(os.environ.get("NATS_URL", "nats://127.0.0.1:4222"))
            start(client)
            client.run(lambda: stop)
        except OSError as error:
            print(f"no connection ({error}), trying again", file=sys.stderr, flush=True)
            time.sleep(1)


if __name__ == "__main__":
    main()
