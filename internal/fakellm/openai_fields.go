package fakellm

// The fields of OpenAI's requests that need no more than a table. What must be
// seen together with other fields stands in the files of the endpoints.

var (
	serviceTier = oneOf("auto", "default", "flex", "scale", "priority", "fast")
	effort      = oneOf("none", "minimal", "low", "medium", "high", "xhigh", "max")
	verbosity   = oneOf("low", "medium", "high")
	retention   = oneOf("in_memory", "24h")
	stops       = rule{kinds: isString | isArray, size: 4, each: &text}
	streamUsage = object(fields{"include_usage": boolean, "include_obfuscation": boolean})
)

var chatFields = fields{
	"model":    text.needed(),
	"messages": aList.needed().notEmpty().atMost(2048).of(message),

	"frequency_penalty": decimal(-2, 2), "presence_penalty": decimal(-2, 2),
	"logprobs": boolean, "top_logprobs": integer(0, 20), "logit_bias": anObject,
	"max_completion_tokens": positive, "max_tokens": positive,
	"n": integer(1, 128), "seed": count64, "stop": stops,
	"temperature": decimal(0, 2), "top_p": decimal(0, 1),
	"stream": boolean, "stream_options": streamUsage,
	"store": boolean, "metadata": anObject, "user": text,
	"safety_identifier": text.atMost(128), "prompt_cache_key": text,
	"prompt_cache_retention": retention, "prompt_cache_options": anObject,
	"service_tier": serviceTier, "moderation": anObject,
	"modalities": aList.of(oneOf("text")), // this model has no voice
	"audio":      anObject, "reasoning_effort": effort, "verbosity": verbosity,
	"response_format": responseFormat,
	"tools":           aList.atMost(128).of(chatTool), "tool_choice": chatChoice,
	"parallel_tool_calls": boolean, "prediction": anObject, "web_search_options": anObject,
	"functions": aList.notEmpty().atMost(128).of(function), "function_call": text.or(isObject),
}

var completionFields = fields{
	"model": text.needed(), "prompt": prompts.needed(),
	"best_of": integer(0, 20), "echo": boolean,
	"frequency_penalty": decimal(-2, 2), "presence_penalty": decimal(-2, 2),
	"logit_bias": anObject, "logprobs": integer(0, 5), "max_tokens": positive,
	"n": integer(1, 128), "seed": count64, "stop": stops, "stream": boolean, "stream_options": streamUsage,
	"suffix": text, "temperature": decimal(0, 2), "top_p": decimal(0, 1), "user": text,
}

var embeddingFields = fields{
	"model": text.needed(), "input": prompts.atMost(2048).notEmpty().needed(),
	"dimensions": integer(1, maxDimensions), "encoding_format": oneOf("float", "base64"), "user": text,
}

var moderationFields = fields{
	"model": text,
	"input": rule{kinds: isString | isArray, need: true, filled: true, each: &rule{
		kinds: isString | isObject,
		also: tagged("type", map[string]fields{
			"text":      {"type": text, "text": text.needed()},
			"image_url": {"type": text, "image_url": object(fields{"url": text.needed()}).needed()},
		}),
	}},
}

var rerankFields = fields{
	"model": text, "query": text.needed(), "documents": aList.needed().notEmpty().atMost(10_000).of(rule{kinds: isString | isObject}),
	"top_n": integer(0, 1<<31), "return_documents": boolean, "max_tokens_per_doc": positive, "user": text,
	"truncate_prompt_tokens": integer(-1, 1<<31), "priority": count64, "use_activation": boolean, "instruction": text,
	"top_k": positive, "truncation": boolean, // Voyage's
}

var imageFields = fields{
	"prompt": text.needed().atMost(32_000), "model": text, "n": integer(1, 10), "size": text,
	"quality":    oneOf("low", "medium", "high", "xhigh", "max", "auto", "standard", "hd"),
	"background": oneOf("transparent", "opaque", "auto"), "moderation": oneOf("low", "auto"),
	"output_format": oneOf("png", "jpeg", "webp", "gif", "svg"), "output_compression": integer(0, 100),
	"partial_images": integer(0, 3), "stream": boolean, "style": oneOf("vivid", "natural"),
	"response_format": oneOf("url", "b64_json"), "safety_identifier": text, "user": text,
	"complexity": verbosity, "frame_count": integer(2, 16), "frame_duration_ms": positive, "svg": anObject,
}

var imageEditFields = formFields{
	"prompt": {need: true, rule: text.atMost(32_000)}, "image": {need: true, file: true},
	"mask": {file: true}, "markup": {file: true},
	"model": {rule: text}, "n": {rule: integer(1, 10)}, "size": {rule: text},
	"quality":        {rule: oneOf("low", "medium", "high", "xhigh", "max", "auto", "standard", "hd")},
	"background":     {rule: oneOf("transparent", "opaque", "auto")},
	"output_format":  {rule: oneOf("png", "jpeg", "webp", "gif", "svg")},
	"input_fidelity": {rule: oneOf("high", "low")}, "output_compression": {rule: integer(0, 100)},
	"partial_images": {rule: integer(0, 3)}, "stream": {rule: boolean},
	"response_format":   {rule: oneOf("url", "b64_json")},
	"safety_identifier": {rule: text}, "user": {rule: text},
}

var imageVariationFields = formFields{
	"image": {need: true, file: true}, "model": {rule: text}, "n": {rule: integer(1, 10)},
	"response_format": {rule: oneOf("url", "b64_json")}, "size": {rule: text}, "user": {rule: text},
}

var speechFields = fields{
	"model": text.needed(), "input": text.needed().atMost(4096), "voice": text.needed().or(isObject),
	"instructions": text, "response_format": oneOf("mp3", "opus", "aac", "flac", "wav", "pcm"),
	"speed": decimal(0.25, 4), "stream_format": oneOf("audio", "sse"),
}

var transcriptionFields = formFields{
	"file": {need: true, file: true}, "model": {need: true, rule: text},
	"language": {rule: text}, "languages[]": {rule: text}, "prompt": {rule: text},
	"temperature":           {rule: decimal(0, 1)},
	"response_format":       {rule: oneOf("json", "text", "srt", "verbose_json", "vtt", "diarized_json")},
	"include[]":             {rule: oneOf("logprobs")},
	"chunking_strategy":     {rule: oneOf("auto")},
	"chunking_strategy[":    {rule: text},
	"keywords[]":            {rule: text},
	"stream":                {rule: boolean},
	"known_speaker_names[]": {rule: text}, "known_speaker_references[]": {rule: text},
	"timestamp_granularities[]": {rule: oneOf("word", "segment")},
}

var translationFields = formFields{
	"file": {need: true, file: true}, "model": {need: true, rule: text}, "prompt": {rule: text},
	"temperature": {rule: decimal(0, 1)}, "response_format": {rule: oneOf("json", "text", "srt", "verbose_json", "vtt")},
}
