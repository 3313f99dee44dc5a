import os

import requests

session = requests.Session()
session.headers["Authorization"] = "Bearer " + os.environ["ECHO_TOKEN"]
for method in "GET", "DELETE":
    answer = session.request(method, "https://api.echo.test/v1/things/7", timeout=30)
    print(answer.status_code, answer.headers, answer.cookies, answer.text)
