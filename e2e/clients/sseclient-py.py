"""Reads streams with the PyPI package `sseclient-py` and prints the data of their events."""

import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import requests
from sseclient import SSEClient


def connect(scenario):
    return SSEClient(requests.get(f"{sys.argv[1]}/events/{scenario}", stream=True))


def read(scenario):
    return [event.data for event in connect(scenario).events()]


scenarios = [name + keep_alive for name in ("pauses", "numbers") for keep_alive in ("", ".line", ".quiet")]
scenarios.append("resume.quiet")
with ThreadPoolExecutor() as pool:
    print(json.dumps(dict(zip(scenarios, pool.map(read, scenarios)))))

print(json.dumps([event.data for event in islice(connect("fields").events(), 8)]))

# Closing the client aborts the request. The process keeps running, because exiting would also close
# the connection.
client = connect("close")
print(json.dumps(next(client.events()).data))
client.close()
threading.Event().wait()
