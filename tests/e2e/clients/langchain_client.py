"""Holds conversations with a gateway by LangChain's class for OpenAI: argument 1
is the gateway's base URL. Reads a list of {name, headers, model, stream, task}
and prints, by name, what came of each answer."""

import json
import sys
from typing import Literal, Optional

import openai
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel, Field


@tool
def weather(city: str = "") -> str:
    """Tells the weather."""
    return "rain; and the stock?"


@tool
def clock(city: str = "") -> str:
    """Tells the time."""
    return "noon"


@tool
def stock(city: str = "") -> str:
    """Tells a price."""
    return "up"


TOOLS = {t.name: t for t in (clock, weather, stock)}
PICTURE = "iVBORw0KGgo="

headers = {}
http = openai.DefaultHttpxClient(event_hooks={"response": [lambda r: headers.update(last=r.headers)]})


class Hour(BaseModel):
    hour: int
    note: Optional[str] = None


class Form(BaseModel):
    """The weather of a city."""

    city: str = Field(description="where")
    kind: Literal["rain", "sun"]
    degrees: Optional[float]
    hours: list[Hour]


def model_of(t, **settings):
    return ChatOpenAI(
        model=t["model"],
        base_url=sys.argv[1],
        api_key="sk-client",
        default_headers=t["headers"],
        max_retries=0,
        timeout=20,
        stream_usage=True,
        http_client=http,
        **settings,
    )


def ask(t, runnable, messages):
    if not t["stream"]:
        return runnable.invoke(messages)
    answer = None
    for chunk in runnable.stream(messages):
        answer = chunk if answer is None else answer + chunk
    return answer


def seen(answer):
    usage = answer.usage_metadata
    return {
        "warnings": headers["last"].get("x-llmroute-warnings", ""),
        "text": answer.text,
        "calls": ["%s(%s)" % (c["name"], json.dumps(c["args"], separators=(",", ":"))) for c in answer.tool_calls],
        "finish": answer.response_metadata["finish_reason"],
        "usage": [usage["input_tokens"], usage["output_tokens"]],
    }


def tools(t, rounds):
    model = model_of(t, reasoning_effort="high").bind_tools(list(TOOLS.values()))
    messages = [HumanMessage("The weather and the clock?")]
    for _ in range(5):
        answer = ask(t, model, messages)
        rounds.append(seen(answer))
        messages.append(answer)
        messages += [TOOLS[c["name"]].invoke(c) for c in answer.tool_calls]
        if not answer.tool_calls:
            messages.append(HumanMessage("And the weather tomorrow?"))


def form(t, rounds, method="json_schema"):
    runnable = model_of(t).with_structured_output(Form, method=method, include_raw=True)
    answer = ask(t, runnable, "Fill it in.")
    if answer["parsing_error"]:
        raise answer["parsing_error"]
    parsed = answer["parsed"]
    rounds.append({**seen(answer["raw"]), "text": "", "calls": None, "object": parsed and parsed.model_dump()})


def called(t, rounds):
    form(t, rounds, "function_calling")


def picture(t, rounds):
    parts = [
        {"type": "text", "text": "What is it?"},
        {"type": "image", "base64": PICTURE, "mime_type": "image/png"},
    ]
    rounds.append(seen(ask(t, model_of(t), [HumanMessage(parts)])))


TASKS = {"tools": tools, "form": form, "called": called, "picture": picture}


def hold(t):
    rounds = []
    try:
        TASKS[t["task"]](t, rounds)
    except Exception as e:
        rounds.append({"error": "%s: %s" % (type(e).__name__, e)})
    return rounds


print(json.dumps({t["name"]: hold(t) for t in json.load(sys.stdin)}))
