"""Subscribes to a hub with the PyPI package `httpx-sse`, parses the data of each event as JSON, and prints what it sees."""

import json
import sys
import time

import httpx
from httpx_sse import connect_sse

client = httpx.Client(base_url=sys.argv[1])


def post(command):
    client.post("/report", content=json.dumps(command)).raise_for_status()


def publish(topic, n):
    post({"publish": [topic, json.dumps({"n": n})]})


def subscribe(topics, last_event_id=None):
    headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
    with connect_sse(client, "GET", f"/events/hub-{topics}.line", headers=headers) as source:
        for event in source.iter_sse():
            data = event.json()
            data.pop("wait_ms", None)
            yield event, data


# The hub says hello, and ends the stream.
seen = []
for event, data in subscribe("a,b"):
    seen.append([event.event, data])
    if event.event == "hub:hello":
        publish("a", 1)
    elif data.get("n") == 1:
        post({"disconnect": "a,b"})
    elif event.event == "hub:end":
        retry = event.retry
        last_event_id = event.id
print(json.dumps(seen))

# Events that come before the client is back.
publish("a", 2)
publish("b", 3)
time.sleep(retry / 1000)
seen = []
for event, data in subscribe("a,b", last_event_id):
    seen.append([event.event, data])
    if event.event == "hub:at":
        break
print(json.dumps(seen))

# An ID of another hub.
event, data = next(subscribe("a", "1:1"))
print(json.dumps([event.event, data]))
