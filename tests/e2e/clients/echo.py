"""Holds conversations with a model that thinks and calls tools by OpenAI's own
client, which sends each answer back as it got it: argument 1 is the gateway's
base URL. Reads a list of {name, headers, model, stream} and prints, by name, what
came of each answer."""

import json
import sys

import openai

headers = {}
client = openai.OpenAI(
    base_url=sys.argv[1],
    api_key="sk-client",
    max_retries=0,
    timeout=20,
    http_client=openai.DefaultHttpxClient(event_hooks={"response": [lambda r: headers.update(last=r.headers)]}),
)

CITY = {"type": "object", "properties": {"city": {"type": "string"}}}
RESULTS = {"clock": "noon", "weather": "rain; and the stock?", "stock": "up"}
TOOLS = [{"type": "function", "function": {"name": name, "parameters": CITY}} for name in RESULTS]


def ask(t, messages):
    request = {
        "model": t["model"],
        "messages": messages,
        "extra_headers": t["headers"],
        "extra_body": {"reasoning_effort": "high", "tools": TOOLS},
    }
    if not t["stream"]:
        return client.chat.completions.create(**request)
    with client.chat.completions.stream(**request, stream_options={"include_usage": True}) as stream:
        return stream.get_final_completion()


def seen(answer):
    message = answer.choices[0].message
    return {
        "message": message.model_dump(),
        "warnings": headers["last"].get("x-llmroute-warnings", ""),
        "text": message.content or "",
        "reasoning": getattr(message, "reasoning_content", ""),
        "calls": ["%s(%s)" % (c.function.name, c.function.arguments) for c in message.tool_calls or []],
        "finish": answer.choices[0].finish_reason,
        "usage": [answer.usage.prompt_tokens, answer.usage.completion_tokens],
    }


def hold(t):
    messages, rounds = [{"role": "user", "content": "The weather and the clock?"}], []
    for _ in range(5):
        try:
            answer = ask(t, messages)
        except openai.APIError as e:
            return rounds + [{"error": "%s: %s" % (type(e).__name__, e)}]
        rounds.append(seen(answer))
        message = answer.choices[0].message
        messages.append(message.model_dump())
        for call in message.tool_calls or []:
            messages.append({"role": "tool", "tool_call_id": call.id, "content": RESULTS[call.function.name]})
        if not message.tool_calls:
            messages.append({"role": "user", "content": "And the weather tomorrow?"})
    return rounds


print(json.dumps({t["name"]: hold(t) for t in json.load(sys.stdin)}))
