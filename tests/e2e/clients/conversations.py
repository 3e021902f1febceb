"""Holds conversations with a gateway by OpenAI's own client for Python: argument
1 is its base URL. Reads a list of {name, headers, body} and prints what it saw of
each answer, by name."""

import json
import sys

import openai

client = openai.OpenAI(base_url=sys.argv[1], api_key="sk-client", max_retries=0, timeout=20)


def whole(body, headers):
    answer = client.chat.completions.with_raw_response.create(
        model=body["model"], messages=body["messages"], extra_body=body, extra_headers=headers
    ).parse()
    return [(c.message.content, c.message.refusal, c.message.tool_calls or [], c.finish_reason) for c in answer.choices]


def streamed(body, headers):
    rest = {k: v for k, v in body.items() if k not in ("model", "messages", "stream")}
    choices = {}
    for chunk in client.chat.completions.create(
        model=body["model"], messages=body["messages"], stream=True, extra_body=rest, extra_headers=headers
    ):
        for c in chunk.choices:
            if not c.delta:
                continue  # a verdict of Azure's
            seen = choices.setdefault(c.index, {"text": "", "refusal": "", "calls": {}, "finish": None})
            seen["text"] += c.delta.content or ""
            seen["refusal"] += c.delta.refusal or ""
            seen["finish"] = c.finish_reason or seen["finish"]
            for call in c.delta.tool_calls or []:
                known = seen["calls"].setdefault(call.index, call)
                if known is not call and call.function:
                    known.function.arguments += call.function.arguments
                elif known is not call:
                    known.custom["input"] += call.custom["input"]
    return [(s["text"], s["refusal"], list(s["calls"].values()), s["finish"]) for _, s in sorted(choices.items())]


def spell(content, refusal, calls, finish):
    parts = [content or ""]
    if refusal:
        parts.append("refused: " + refusal)
    for call in calls:
        if call.type == "custom":
            custom = call.custom if isinstance(call.custom, dict) else call.custom.to_dict()
            parts.append("%s(%s)" % (custom["name"], custom["input"]))
        else:
            parts.append("%s(%s)" % (call.function.name, call.function.arguments))
    return "|".join(parts + [finish])


saw = {}
for talk in json.load(sys.stdin):
    hold = streamed if talk["body"].get("stream") else whole
    try:
        saw[talk["name"]] = "\n".join(spell(*c) for c in hold(talk["body"], talk["headers"]))
    except openai.APIError as e:
        saw[talk["name"]] = "%s: %s" % (type(e).__name__, e)
print(json.dumps(saw))
