"""Calls tools with the PyPI package `mcp` and prints their progress and their results."""

import json
import sys

import anyio
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client


async def main():
    async with streamable_http_client(f"{sys.argv[1]}/mcp") as streams, ClientSession(*streams) as session:
        server = (await session.initialize()).server_info.name
        tools = [tool.name for tool in (await session.list_tools()).tools]
        print(json.dumps([server, tools]))

        for tool in ("count", "cut"):
            seen = []

            async def progress(done, total, message):
                seen.append(done)

            result = await session.call_tool(tool, progress_callback=progress)
            print(json.dumps([*seen, result.content[0].text]))

        async with anyio.create_task_group() as tasks:

            async def leave(done, total, message):
                tasks.cancel_scope.cancel()

            await session.call_tool("hang", progress_callback=leave)
    print(json.dumps("left"))
    # Leaving the session aborts the request. The process keeps running, because exiting would also
    # close the connection.
    await anyio.sleep_forever()


anyio.run(main)
