"""Embeds texts with OpenAI's own client for Python: argument 1 is the gateway's
base URL. Reads how many texts, and prints what it saw as one JSON object."""

import hashlib
import json
import sys

import openai

client = openai.OpenAI(base_url=sys.argv[1], api_key="sk-client", max_retries=0, timeout=60, default_headers={"x-home": "OpenAI"})
texts = ["text %d" % i for i in range(json.load(sys.stdin))]

raw = client.embeddings.with_raw_response.create(model="text-embedding-3-small", input=texts)
answer = raw.parse()
print(
    json.dumps(
        {
            "vectors": len(answer.data),
            "ordered": [e.index for e in answer.data] == list(range(len(texts))),
            "last": answer.data[-1].embedding,
            "tokens": answer.usage.prompt_tokens,
            "sum": hashlib.sha256(raw.content).hexdigest(),
        }
    )
)
