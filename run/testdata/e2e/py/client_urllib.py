import os
import urllib.error
import urllib.request


def ask(method):
    request = urllib.request.Request(
        "https://api.echo.test/v1/things/7",
        method=method,
        headers={"Authorization": "Bearer " + os.environ["ECHO_TOKEN"]},
    )
    try:
        answer = urllib.request.urlopen(request, timeout=30)
    except urllib.error.HTTPError as refused:
        answer = refused
    print(answer.status, answer.headers, answer.read().decode())


ask("GET")
ask("DELETE")
