"""Mistral's own client against a provider: argv[1] is its URL.

It prints a line of JSON for each thing that it saw.
"""

import json
import sys

from mistralai.client import Mistral
from mistralai.client.errors import HTTPValidationError, MistralError

client = Mistral(api_key="mistral-key", server_url=sys.argv[1])
HELLO = [{"role": "user", "content": "hello there"}]
TOOLS = [
    {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}},
    {"type": "function", "function": {"name": "clock", "parameters": {"type": "object", "properties": {}}}},
]


def tell(name, value):
    print(json.dumps({"name": name, "value": value}, ensure_ascii=False))


def parts(content):
    """Spells a content: words as they are, thoughts in brackets."""
    if not isinstance(content, list):
        return content or ""
    said = ""
    for part in content:
        if part.type == "thinking":
            said += "[" + "".join(p.text for p in part.thinking) + "]"
        elif part.type == "text":
            said += part.text
    return said.replace("][", "")


def whole(**request):
    answer = client.chat.complete(**request)
    spelled = []
    for choice in answer.choices:
        calls = [f"{c.function.name}({c.function.arguments})" for c in choice.message.tool_calls or []]
        spelled.append([parts(choice.message.content), calls, choice.finish_reason])
    return spelled, [answer.usage.prompt_tokens, answer.usage.completion_tokens]


def streamed(**request):
    choices, usage = {}, None
    for event in client.chat.stream(**request):
        for choice in event.data.choices:
            said = choices.setdefault(choice.index, ["", [], None])
            said[0] = (said[0] + parts(choice.delta.content)).replace("][", "").replace("[]", "")
            said[1] += [f"{c.function.name}({c.function.arguments})" for c in choice.delta.tool_calls or []]
            said[2] = choice.finish_reason or said[2]
        if event.data.usage and event.data.usage.total_tokens:
            usage = [event.data.usage.prompt_tokens, event.data.usage.completion_tokens]
    return [choices[i] for i in sorted(choices)], usage


def both(name, **request):
    tell(name, whole(**request))
    tell(name + ", streamed", streamed(**request))


both("words", model="fake-small", messages=HELLO)
both("thoughts", model="fake-small", messages=HELLO, reasoning_effort="high", max_tokens=40)
both("two answers", model="fake-small", messages=HELLO, n=2)
both("calls", model="fake-small", messages=[{"role": "user", "content": "clock and weather?"}], tools=TOOLS, tool_choice="any")

# Two rounds of tools, with the thoughts as they came.
messages = [{"role": "user", "content": "clock and weather?"}]
for said in ("now the clock alone", "enough"):
    message = client.chat.complete(model="fake-small", messages=messages, tools=TOOLS, reasoning_effort="high").choices[0].message
    messages.append(message)
    messages += [{"role": "tool", "tool_call_id": c.id, "content": said} for c in message.tool_calls]
last = client.chat.complete(model="fake-small", messages=messages, tools=TOOLS, reasoning_effort="high").choices[0]
tell("rounds", [parts(last.message.content).partition("]")[2], last.finish_reason])


def failing(name, **request):
    try:
        tell(name, streamed(**request) if name.endswith("streamed") else whole(**request))
    except HTTPValidationError as e:
        tell(name, [e.status_code, [".".join(map(str, d.loc)) + ": " + d.msg for d in e.data.detail]])
    except MistralError as e:
        tell(name, [e.status_code, json.loads(e.body).get("message")])


failing("out of range", model="m", messages=HELLO, temperature=1.6)
failing("an id of another maker", model="m", messages=HELLO + [
    {"role": "assistant", "tool_calls": [{"id": "call_1", "function": {"name": "clock", "arguments": "{}"}}]},
    {"role": "tool", "tool_call_id": "call_1", "content": "noon"}])
failing("an answer at the end", model="m", messages=HELLO + [{"role": "assistant", "content": "You"}])
failing("too many", model="m+429", messages=HELLO)
failing("too long", model="m+context", messages=HELLO)
failing("too many, streamed", model="m+429", messages=HELLO)
