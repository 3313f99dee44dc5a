"""Programs that take no proxy from their environment. Usage: direct.py KIND"""

import asyncio
import http.client
import os
import ssl
import sys

HOST, PATH = "api.echo.test", "/v1/things/7"
BEARER = {"Authorization": "Bearer " + os.environ["ECHO_TOKEN"]}


async def with_aiohttp():
    import aiohttp

    async with aiohttp.ClientSession() as session:
        for method in "GET", "DELETE":
            async with session.request(method, "https://" + HOST + PATH, headers=BEARER) as answer:
                print(answer.status, answer.headers, await answer.text())


async def with_websockets():
    import websockets

    try:  # its newer client has another name for it
        opened = websockets.connect("wss://" + HOST + "/v1/ws", extra_headers=BEARER)
        talk = await opened
    except TypeError:
        talk = await websockets.connect("wss://" + HOST + "/v1/ws", additional_headers=BEARER)
    print(await talk.recv())
    await talk.send("four")
    print("same", len(await talk.recv()))
    await talk.close()


async def with_streams():
    for method in "GET", "DELETE":
        reader, writer = await asyncio.open_connection(HOST, 443, ssl=ssl.create_default_context())
        head = f"{method} {PATH} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\nAuthorization: {BEARER['Authorization']}\r\n\r\n"
        writer.write(head.encode())
        print((await reader.read()).decode())
        writer.close()


def with_http_client(**roots):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(**roots)
    for method in "GET", "DELETE":
        connection = http.client.HTTPSConnection(HOST, context=context, timeout=30)
        connection.request(method, PATH, headers=BEARER)
        answer = connection.getresponse()
        print(answer.status, answer.getheaders(), answer.read().decode())


def with_httpx():
    import httpx

    with httpx.Client(trust_env=False, http2=True, timeout=30) as client:
        for method in "GET", "DELETE":
            answer = client.request(method, "https://" + HOST + PATH, headers=BEARER)
            print(answer.status_code, answer.headers, answer.text)


{
    "aiohttp": lambda: asyncio.run(with_aiohttp()),
    "websockets": lambda: asyncio.run(with_websockets()),
    "streams": lambda: asyncio.run(with_streams()),
    "http.client": lambda: with_http_client(cafile="/etc/ssl/certs/ca-certificates.crt"),
    "directory": lambda: with_http_client(capath="/etc/ssl/certs"),
    "httpx": with_httpx,
}[sys.argv[1]]()
