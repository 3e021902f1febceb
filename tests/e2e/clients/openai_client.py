"""OpenAI's own client for Python, unmodified, against a gateway: argument 1 is
its base URL. Prints what it saw as one JSON object per line."""

import json
import sys

import openai


def tell(name, value):
    print(json.dumps({"name": name, "value": value}))


client = openai.OpenAI(base_url=sys.argv[1], api_key="sk-client", max_retries=0, timeout=20)
hello = [{"role": "user", "content": "hello from python"}]

tell("models", [m.id for m in client.models.list()])
tell("model", client.models.retrieve("fake-small").id)

answer = client.chat.completions.create(model="fake-small", messages=hello)
tell("chat", [answer.choices[0].message.content, answer.usage.total_tokens])

text, usage = "", None
for chunk in client.chat.completions.create(
    model="fake-small", messages=hello, stream=True, stream_options={"include_usage": True}
):
    text += "".join(c.delta.content or "" for c in chunk.choices)
    usage = chunk.usage or usage
tell("stream", [text, usage.total_tokens])

for name, model in (("unknown", "unknown"), ("quota", "fake-small+quota"), ("broken", "fake-small+errevent")):
    try:
        for _ in client.chat.completions.create(model=model, messages=hello, stream=name == "broken"):
            pass
        tell(name, "no error")
    except openai.APIError as e:
        tell(name, [type(e).__name__, e.code])

with client.chat.completions.create(model="fake-small+hang2", messages=hello, stream=True) as stream:
    next(iter(stream))
tell("abort", True)
