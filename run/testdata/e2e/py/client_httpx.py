import os

import httpx

with httpx.Client(http2=True, timeout=30) as client:
    for method in "GET", "DELETE":
        answer = client.request(
            method,
            "https://api.echo.test/v1/things/7",
            headers={"Authorization": "Bearer " + os.environ["ECHO_TOKEN"]},
        )
        print(answer.http_version, answer.status_code, answer.headers, answer.text)
