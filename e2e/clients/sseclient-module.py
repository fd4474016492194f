"""Reads streams with the PyPI package `sseclient` and prints the data of their events."""

import json
import runpy
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from importlib.metadata import distribution

# `import sseclient` finds the package of the same name that belongs to `sseclient-py`.
SSEClient = runpy.run_path(str(distribution("sseclient").locate_file("sseclient.py")))["SSEClient"]


def connect(scenario, **options):
    return SSEClient(f"{sys.argv[1]}/events/{scenario}", **options)


def until(last, events):
    """Reads up to this data, since iteration never ends on its own."""
    seen = []
    while last not in seen:
        seen.append(next(events).data)
    return seen


def read(scenario):
    return until("3", connect(scenario))


scenarios = [name + keep_alive for name in ("pauses", "numbers") for keep_alive in ("", ".line", ".quiet")]
scenarios.append("resume.quiet")
with ThreadPoolExecutor() as pool:
    print(json.dumps(dict(zip(scenarios, pool.map(read, scenarios)))))

print(json.dumps(until("x", connect("fields.quiet"))))

# The package prints to the standard output when it reconnects.
output = sys.stdout
with redirect_stdout(sys.stderr):
    # On a persistent connection, it waits for more after the end of the stream.
    client = connect("numbers.line")
    seen = until("", client)
    reader = threading.Thread(target=next, args=(client,), daemon=True)
    reader.start()
    reader.join(2)
    print(json.dumps([seen, "waits" if reader.is_alive() else "ends"]), file=output)

    seen = until("5", connect("numbers.line", headers={"Connection": "close"}))
    print(json.dumps(seen), file=output)
    for event in connect("stop", headers={"Connection": "close"}):
        pass
