# A WebSocket client on bare sockets: CONNECT with the proxy URL's credentials if there is one, TLS, handshake, a few
# messages.
import base64
import os
import socket
import ssl
import struct
from urllib.parse import unquote, urlsplit



def through(proxy):
    raw = socket.create_connection((proxy.hostname, proxy.port), 30)
    head = "CONNECT api.echo.test:443 HTTP/1.1\r\nHost: api.echo.test:443\r\n"
    if proxy.password is not None:
        pair = unquote(proxy.username or "") + ":" + unquote(proxy.password)
        head += "Proxy-Authorization: Basic " + base64.b64encode(pair.encode()).decode() + "\r\n"
    raw.sendall((head + "\r\n").encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += raw.recv(1)
    assert b" 200 " in answer.split(b"\r\n")[0], answer
    return raw


if "HTTPS_PROXY" in os.environ:
    raw = through(urlsplit(os.environ["HTTPS_PROXY"]))
else:
    raw = socket.create_connection(("api.echo.test", 443), 30)
tls = ssl.create_default_context().wrap_socket(raw, server_hostname="api.echo.test")
stream = tls.makefile("rwb")
stream.write(
    (
        "GET /v1/ws HTTP/1.1\r\nHost: api.echo.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\nAuthorization: Bearer %s\r\n\r\n"
        % (base64.b64encode(os.urandom(16)).decode(), os.environ["ECHO_TOKEN"])
    ).encode()
)
stream.flush()
while True:
    line = stream.readline()
    print(line.decode().strip())
    if line in (b"\r\n", b""):
        break


def send(op, message):
    size = bytes([0x80 | len(message)]) if len(message) < 126 else b"\xfe" + struct.pack(">H", len(message))
    mask = os.urandom(4)
    stream.write(bytes([0x80 | op]) + size + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(message)))
    stream.flush()


def receive():
    op, size = stream.read(2)
    if size == 126:
        (size,) = struct.unpack(">H", stream.read(2))
    return op & 15, stream.read(size)


print(receive())
for text in "ping", "x" * 5000:
    send(1, text.encode())
    op, message = receive()
    print("same" if message == text.encode() else "different", op, len(message))
send(8, b"\x03\xe8")
print("closed", receive())
