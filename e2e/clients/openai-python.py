"""Reads answers with the PyPI package `openai` and prints their text, followed by the name of the
error if there is one."""

import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from openai import OpenAI

client = OpenAI(base_url=f"{sys.argv[1]}/v1", api_key="none", max_retries=0)


def stream(model):
    messages = [{"role": "user", "content": "Count."}]
    return client.chat.completions.create(model=model, messages=messages, stream=True)


def answer(model):
    text = ""
    try:
        for chunk in stream(model):
            text += chunk.choices[0].delta.content
        return text
    except Exception as error:
        return text + type(error).__name__


models = [model + keep_alive for model in ("chat", "chat-ids") for keep_alive in ("", ".line", ".quiet")]
with ThreadPoolExecutor() as pool:
    print(json.dumps(dict(zip(models, pool.map(answer, models)))))

# Leaving the block aborts the request. The process keeps running, because exiting would also close
# the connection.
with stream("chat-open") as chunks:
    print(json.dumps(next(chunks).choices[0].delta.content))
threading.Event().wait()
