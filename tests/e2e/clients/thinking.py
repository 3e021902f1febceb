"""Holds conversations with a model that thinks and calls tools, in which the
history is what a client made of the answers: argument 1 is the gateway's base
URL. Reads a list of {name, headers, model, stream, keeps} and prints, by name,
what came of each round: the message, the warnings, or an error.

What clients keep is written down from their sources: @openrouter/ai-sdk-provider
2.10.0, langchain-openai 1.7.3 and @ai-sdk/openai-compatible 2.0.87."""

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
TOOLS = [{"type": "function", "function": {"name": name, "parameters": CITY}} for name in ("weather", "clock", "stock")]
RESULTS = {"weather": "rain; and the stock?", "clock": "noon", "stock": "up"}


def whole(request, extra):
    return client.chat.completions.create(**request, **extra).choices[0].message.model_dump()


def helped(request, extra):
    """What the client's own helper makes of a stream."""
    with client.chat.completions.stream(**request, **extra) as stream:
        return stream.get_final_completion().choices[0].message.model_dump()


def pieced(request, extra):
    """What clients that put the pieces together by themselves make of one."""
    message = {"content": "", "reasoning_content": "", "reasoning_details": [], "tool_calls": []}
    for chunk in client.chat.completions.create(**request, **extra, stream=True):
        for choice in chunk.choices:
            delta = choice.delta.model_dump(exclude_unset=True)
            message["content"] += delta.get("content") or ""
            message["reasoning_content"] += delta.get("reasoning_content") or ""
            message["reasoning_details"] += delta.get("reasoning_details") or []
            for call in delta.get("tool_calls") or []:
                if call["index"] == len(message["tool_calls"]):
                    message["tool_calls"].append(call)
                else:
                    known = message["tool_calls"][call["index"]]
                    known["function"]["arguments"] += call["function"]["arguments"]
    return message


def calls_of(message, **dumps):
    return [
        {
            "id": c["id"],
            "type": "function",
            "function": {
                "name": c["function"]["name"],
                "arguments": json.dumps(json.loads(c["function"]["arguments"]), **dumps),
            },
        }
        for c in message.get("tool_calls") or []
    ]


def openrouter(message, history):
    known = [e for m in history for e in m.get("reasoning_details") or []]
    details = []
    for e in message.get("reasoning_details") or []:
        if e.get("format") not in ("unknown", "openai-responses-v1", "xai-responses-v1", "anthropic-claude-v1", "google-gemini-v1"):
            continue
        if e["type"] == "reasoning.encrypted" and e.get("id") and e["id"] in [k.get("id") for k in known]:
            continue
        if e["type"] == "reasoning.text" and details and details[-1]["type"] == "reasoning.text":
            details[-1] = {**details[-1], **e, "text": details[-1]["text"] + e["text"]}
        else:
            details.append(e)
    kept = {"role": "assistant", "content": message.get("content") or "", "tool_calls": calls_of(message, separators=(",", ":"))}
    if message.get("reasoning_content"):
        kept["reasoning"] = message["reasoning_content"]
    if details:
        kept["reasoning_details"] = details
    return kept if kept["tool_calls"] else {k: v for k, v in kept.items() if k != "tool_calls"}


def langchain(message, history):
    kept = {"content": message.get("content") or None, "role": "assistant", "tool_calls": calls_of(message, ensure_ascii=False)}
    return kept if kept["tool_calls"] else {"content": message["content"], "role": "assistant"}


def vercel(message, history):
    kept = {"role": "assistant", "content": message.get("content") or ""}
    if message.get("reasoning_content"):
        kept["reasoning_content"] = message["reasoning_content"]
    calls = calls_of(message, separators=(",", ":"))
    return {**kept, "tool_calls": calls} if calls else kept


KEEPS = {
    "dict": (lambda message, history: message, helped),
    "openrouter": (openrouter, pieced),
    "langchain": (langchain, pieced),
    "vercel": (vercel, pieced),
}


def talk(t):
    keep, streamed = KEEPS[t["keeps"]]
    history, rounds = [{"role": "user", "content": "The weather and the clock?"}], []
    extra = {"extra_headers": t["headers"], "extra_body": {"reasoning_effort": "high", "tools": TOOLS}}
    for _ in range(5):
        request = {"model": t["model"], "messages": history}
        try:
            message = streamed(request, extra) if t["stream"] else whole(request, extra)
        except openai.APIError as e:
            return rounds + [{"error": "%s: %s" % (type(e).__name__, e)}]
        rounds.append({"message": message, "warnings": headers["last"].get("x-llmroute-warnings", "")})
        history = history + [keep(message, history)]
        calls = message.get("tool_calls") or []
        for call in calls:
            history.append({"role": "tool", "tool_call_id": call["id"], "content": RESULTS[call["function"]["name"]]})
        if not calls:
            history.append({"role": "user", "content": "And the weather tomorrow?"})
    return rounds


print(json.dumps({t["name"]: talk(t) for t in json.load(sys.stdin)}))
