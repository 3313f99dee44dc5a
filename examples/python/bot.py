"""Summarizes what is on standard input. It knows nothing of agentguard; the openai package would do as well."""
import json, os, sys, urllib.request

request = urllib.request.Request(
    "https://api.openai.com/v1/chat/completions",
    headers={"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"], "Content-Type": "application/json"},
    data=json.dumps({
        "model": "gpt-4o-mini",
        "messages": [{"role": "user", "content": "Summarize in one sentence:\n" + sys.stdin.read()}],
    }).encode(),
)
with urllib.request.urlopen(request) as answer:
    print(json.load(answer)["choices"][0]["message"]["content"])
