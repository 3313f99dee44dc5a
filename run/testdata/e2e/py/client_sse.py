# Reads one event, acknowledges it over another connection, and only then gets the second: a proxy that holds a stream
# back ends in "never acknowledged".
import os
import sys
import time
import urllib.request

auth = {"Authorization": "Bearer " + os.environ["ECHO_TOKEN"]}
stream = urllib.request.urlopen(
    urllib.request.Request("https://api.echo.test/v1/sse/s1", headers=auth), timeout=30
)
print(stream.readline().decode().strip())
began = time.monotonic()
urllib.request.urlopen(
    urllib.request.Request("https://api.echo.test/v1/ack/s1", method="POST", data=b"", headers=auth), timeout=30
).read()
print(stream.read().decode().strip())
print("waited %.2f s" % (time.monotonic() - began), file=sys.stderr)
