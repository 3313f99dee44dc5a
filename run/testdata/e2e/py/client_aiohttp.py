import asyncio
import os

import aiohttp


async def main():
    async with aiohttp.ClientSession(trust_env=True) as session:
        for method in "GET", "DELETE":
            async with session.request(
                method,
                "https://api.echo.test/v1/things/7",
                headers={"Authorization": "Bearer " + os.environ["ECHO_TOKEN"]},
            ) as answer:
                print(answer.status, answer.headers, await answer.text())


asyncio.run(main())
