"""Reads streams with the PyPI package `httpx-sse` and prints the data of their events."""

import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
from httpx_sse import connect_sse

client = httpx.Client(base_url=f"{sys.argv[1]}/events/")


def events(scenario, last_event_id=None):
    headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
    with connect_sse(client, "GET", scenario, headers=headers) as source:
        yield from source.iter_sse() if source.response.status_code == 200 else ()


def read(scenario):
    return [event.data for event in events(scenario)]


def resume(scenario):
    """Reconnects with the last event ID, as the package's README shows, until no events come."""
    streams = []
    last_event_id = None
    while not streams or streams[-1]:
        streams.append([])
        for event in events(scenario, last_event_id):
            last_event_id = event.id
            streams[-1].append([event.id, event.data])
    return streams


scenarios = [name + keep_alive for name in ("pauses", "numbers") for keep_alive in ("", ".line", ".quiet")]
scenarios.append("resume.quiet")
with ThreadPoolExecutor() as pool:
    print(json.dumps(dict(zip(scenarios, pool.map(read, scenarios)))))

print(json.dumps(resume("numbers.line")))

# Leaving the block aborts the request. The process keeps running, because exiting would also close
# the connection.
with connect_sse(client, "GET", "close") as source:
    print(json.dumps(next(source.iter_sse()).data))
threading.Event().wait()
