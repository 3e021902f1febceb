/*
Holds conversations with a gateway by Vercel's AI SDK and its providers for
servers that copy OpenAI: the third argument is the gateway's base URL. Reads a
list of {name, headers, model, stream, task, client} and prints, by name, what
came of each answer.

A client is the name that @ai-sdk/openai-compatible is given, which decides what
it keeps of an answer, or "openrouter", which is a provider of its own.
*/
"use strict";

const fs = require("node:fs");
const { generateObject, generateText, jsonSchema, stepCountIs, streamObject, streamText, tool } = require("ai");
const { createOpenAICompatible } = require("@ai-sdk/openai-compatible");
const { createOpenRouter } = require("@openrouter/ai-sdk-provider");
const { z } = require("zod");

const baseURL = process.argv[2];
const CITY = { type: "object", properties: { city: { type: "string" } } };
const RESULTS = { clock: "noon", weather: "rain; and the stock?", stock: "up" };
const tools = Object.fromEntries(
  Object.entries(RESULTS).map(([name, result]) => [name, tool({ inputSchema: jsonSchema(CITY), execute: async () => result })]),
);
const FORM = z.object({
  city: z.string().describe("where"),
  kind: z.enum(["rain", "sun"]),
  degrees: z.number().nullable(),
  hours: z.array(z.object({ hour: z.number().int(), note: z.string().optional() })),
});
const PICTURE = "iVBORw0KGgo=";

/** What went over the wire, answer by answer. */
class Wire {
  answers = [];
  fetch = async (url, request) => {
    const response = await fetch(url, request);
    const text = response.clone().text();
    this.answers.push({ text, warnings: response.headers.get("x-llmroute-warnings") ?? "" });
    return response;
  };

  /** The entries of reasoning_details of each answer, as they came. */
  async rounds() {
    return Promise.all(
      this.answers.map(async ({ text, warnings }) => {
        const body = await text;
        const chunks = body.startsWith("data:")
          ? body.split("\n").filter((line) => line.startsWith("data: {")).map((line) => JSON.parse(line.slice(6)))
          : [JSON.parse(body)];
        const details = chunks.flatMap((c) => (c.choices?.[0]?.delta ?? c.choices?.[0]?.message)?.reasoning_details ?? []);
        return { message: { reasoning_details: details }, warnings };
      }),
    );
  }
}

function modelOf(t, wire) {
  const common = { baseURL, apiKey: "sk-client", headers: t.headers, fetch: wire.fetch };
  if (t.client === "openrouter") {
    return createOpenRouter({ ...common, compatibility: "strict", extraBody: t.task === "tools" ? { reasoning_effort: "high" } : {} }).chat(t.model);
  }
  return createOpenAICompatible({ ...common, name: t.client, includeUsage: true, supportsStructuredOutputs: true })(t.model);
}

/** Runs the SDK's own loop of calls and results, or one answer of it. */
async function steps(t, model, messages, count) {
  const request = { model, messages, maxRetries: 0, stopWhen: stepCountIs(count) };
  if (t.task === "tools") {
    request.tools = tools;
    request.providerOptions = { [t.client]: t.client === "openrouter" ? {} : { reasoningEffort: "high" } };
  }
  if (!t.stream) {
    return generateText(request);
  }
  let failure;
  const result = streamText({ ...request, onError: ({ error }) => (failure = error) });
  await result.consumeStream();
  if (failure) {
    throw failure;
  }
  return { steps: await result.steps, response: await result.response };
}

const seen = (step) => ({
  text: step.text,
  reasoning: step.reasoningText ?? "",
  calls: step.toolCalls.map((c) => `${c.toolName}(${JSON.stringify(c.input)})`),
  finish: step.finishReason,
  usage: [step.usage.inputTokens, step.usage.outputTokens],
});

const tasks = {
  /** Two questions: what the SDK made of the first answers goes along with the second. */
  async tools(t, model, rounds) {
    const messages = [{ role: "user", content: "The weather and the clock?" }];
    const first = await steps(t, model, messages, 5);
    rounds.push(...first.steps.map(seen));
    messages.push(...first.response.messages, { role: "user", content: "And the weather tomorrow?" });
    const second = await steps(t, model, messages, 2);
    rounds.push(...second.steps.map(seen));
  },

  async form(t, model, rounds) {
    const request = { model, schema: FORM, prompt: "Fill it in.", maxRetries: 0 };
    if (!t.stream) {
      const { object, finishReason, usage } = await generateObject(request);
      rounds.push({ object, finish: finishReason, usage: [usage.inputTokens, usage.outputTokens] });
      return;
    }
    const result = streamObject({ ...request, onError: () => {} });
    for await (const _ of result.partialObjectStream);
    const usage = await result.usage;
    rounds.push({ object: await result.object, finish: await result.finishReason, usage: [usage.inputTokens, usage.outputTokens] });
  },

  async picture(t, model, rounds) {
    const content = [{ type: "text", text: "What is it?" }, { type: "image", image: Buffer.from(PICTURE, "base64"), mediaType: "image/png" }];
    const result = await steps(t, model, [{ role: "user", content }], 1);
    rounds.push(...result.steps.map(seen));
  },
};

async function hold(t) {
  const wire = new Wire();
  const rounds = [];
  let error = "";
  try {
    await tasks[t.task](t, modelOf(t, wire), rounds);
  } catch (e) {
    error = `${e.name}: ${e.message} ${e.responseBody ?? ""}`;
  }
  const answers = await wire.rounds();
  return answers.map((a, i) => ({ ...a, ...(rounds[i] ?? { error }) }));
}

async function main() {
  globalThis.AI_SDK_LOG_WARNINGS = false;
  const saw = {};
  for (const t of JSON.parse(fs.readFileSync(0, "utf8"))) {
    saw[t.name] = await hold(t);
  }
  process.stdout.write(JSON.stringify(saw));
}

main();
