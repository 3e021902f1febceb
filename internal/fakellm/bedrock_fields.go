package fakellm

import (
	"maps"
	"regexp"
	"slices"

	"github.com/tidwall/gjson"
)

// What the requests of Converse are made of.

// union returns the rule of an object with exactly one of some members.
func union(members fields) rule {
	known := slices.Sorted(maps.Keys(members))
	return rule{kinds: isObject, also: func(v *validation, at string, value gjson.Result) *refusal {
		if err := v.members(at, value, members); err != nil {
			return err
		}
		n := 0
		for _, name := range known {
			if value.Get(name).Type != gjson.Null {
				n++
			}
		}
		if n != 1 {
			return invalid("invalid_value", at, "Member must have exactly one of "+listed(known, "or"))
		}
		return nil
	}}
}

func pattern(text string) rule {
	return rule{kinds: isString, also: matching(regexp.MustCompile(text))}
}

// base64Blob is a blob as JSON spells it.
var base64Blob = rule{kinds: isString, need: true, also: encoded}

func sourceOf(more fields) rule {
	members := fields{
		"bytes":      rule{kinds: isString, also: encoded},
		"s3Location": object(fields{"uri": pattern(`^s3://`).needed(), "bucketOwner": pattern(`^\d{12}$`)}),
	}
	maps.Copy(members, more)
	return union(members).needed()
}

var (
	filledText   = rule{kinds: isString, also: atLeastOne}
	cachePoint   = object(fields{"type": oneOf("default").needed(), "ttl": oneOf("5m", "1h")})
	imagePart    = object(fields{"format": oneOf("png", "jpeg", "gif", "webp").needed(), "source": sourceOf(nil)})
	documentPart = object(fields{
		"format": oneOf("pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md"), "context": text,
		"name":      rule{kinds: isString, need: true, also: documentName}.atMost(200),
		"source":    sourceOf(fields{"text": text, "content": aList.of(union(fields{"text": text}))}),
		"citations": object(fields{"enabled": boolean.needed()}),
	})
	videoPart = object(fields{"format": oneOf("mkv", "mov", "mp4", "webm", "flv", "mpeg", "mpg", "wmv", "three_gp").needed(), "source": sourceOf(nil)})
	audioPart = object(fields{"format": oneOf("mp3", "opus", "wav", "aac", "flac", "mp4", "ogg", "mkv", "mka", "x-aac", "m4a", "mpeg", "mpga", "pcm", "webm").needed(), "source": sourceOf(nil)})
	foundPart = object(fields{"source": text.needed(), "title": text.needed(), "content": aList.needed().of(union(fields{"text": text})),
		"citations": object(fields{"enabled": boolean})})
	guardPart = union(fields{
		"text":  object(fields{"text": text.needed(), "qualifiers": aList.of(oneOf("grounding_source", "query", "guard_content"))}),
		"image": object(fields{"format": oneOf("png", "jpeg").needed(), "source": union(fields{"bytes": base64Blob}).needed()}),
	})
	converseID   = pattern(`^[a-zA-Z0-9_.:-]{1,64}$`).needed()
	converseName = pattern(`^[a-zA-Z0-9_-]{1,64}$`).needed()
)

func atLeastOne(_ *validation, at string, value gjson.Result) *refusal {
	if value.Str == "" {
		return invalid("invalid_value", at, "Member must have length greater than or equal to 1")
	}
	return nil
}

var documentNames = regexp.MustCompile(`^[A-Za-z0-9()\[\] -]+$`)

var manySpaces = regexp.MustCompile(`  |^$`)

func documentName(_ *validation, _ string, value gjson.Result) *refusal {
	if documentNames.MatchString(value.Str) && !manySpaces.MatchString(value.Str) {
		return nil
	}
	return wrong("The document file name can only contain alphanumeric characters, whitespace characters, hyphens, parentheses, and square brackets. The name can't contain more than one consecutive whitespace character.")
}

var converseBlock = union(fields{
	"text": text, "image": imagePart, "document": documentPart, "video": videoPart, "audio": audioPart, "searchResult": foundPart,
	"toolUse": object(fields{"toolUseId": converseID, "name": converseName, "input": anObject.needed(), "type": oneOf("server_tool_use")}),
	"toolResult": object(fields{"toolUseId": converseID, "status": oneOf("success", "error"), "type": text,
		"content": aList.needed().of(union(fields{
			"text": filledText, "json": anObject, "image": imagePart, "document": documentPart, "video": videoPart, "searchResult": foundPart,
		}))}),
	"reasoningContent": union(fields{
		"reasoningText":   object(fields{"text": text.needed(), "signature": text}),
		"redactedContent": rule{kinds: isString, also: encoded},
	}),
	"guardContent": guardPart, "cachePoint": cachePoint,
	"citationsContent": object(fields{"content": aList, "citations": aList}),
})

// schemaObject is the schema of what a tool takes.
var schemaObject = rule{kinds: isObject, need: true, also: func(_ *validation, at string, schema gjson.Result) *refusal {
	if schema.Get("type").Str != "object" {
		return wrong("The value at %s.type must be one of the following: object.", dotted(at))
	}
	return nil
}}

// metadataText is what keys and values of a request's metadata may be.
var metadataText = regexp.MustCompile(`^[a-zA-Z0-9\s:_@$#=/+,.-]{0,256}$`)

func requestMetadata(_ *validation, at string, value gjson.Result) (err *refusal) {
	n := 0
	value.ForEach(func(name, v gjson.Result) bool {
		if n++; v.Type != gjson.String || name.Str == "" || !metadataText.MatchString(name.Str) || !metadataText.MatchString(v.Str) {
			err = invalid("invalid_value", at, "Map must satisfy constraint: keys and values are texts of up to 256 plain characters")
		}
		return err == nil
	})
	if err == nil && (n == 0 || n > 16) {
		err = invalid("invalid_value", at, "Member must have length from 1 to 16")
	}
	return err
}

var converseFields = fields{
	"messages": aList.needed().notEmpty().of(object(fields{
		"role": oneOf("user", "assistant").needed(), "content": aList.needed().of(converseBlock)})),
	"system": aList.of(union(fields{"text": filledText, "cachePoint": cachePoint, "guardContent": guardPart})),
	"inferenceConfig": object(fields{"maxTokens": positive, "temperature": decimal(0, 1), "topP": decimal(0, 1),
		"stopSequences": aList.atMost(2500).of(filledText)}),
	"toolConfig": object(fields{
		"tools": aList.needed().notEmpty().of(union(fields{
			"toolSpec": object(fields{"name": converseName, "description": filledText, "strict": boolean,
				"inputSchema": union(fields{"json": schemaObject}).needed()}),
			"systemTool": object(fields{"name": oneOf("nova_grounding", "nova_code_interpreter").needed()}),
			"cachePoint": cachePoint,
		})),
		"toolChoice": union(fields{"auto": object(fields{}), "any": object(fields{}), "tool": object(fields{"name": converseName})}),
	}),
	"outputConfig": object(fields{
		"textFormat": object(fields{"type": oneOf("json_schema").needed(), "structure": union(fields{
			"jsonSchema": object(fields{"schema": text.needed(), "name": text, "description": text})}).needed()}),
		"effort": oneOf("low", "medium", "high", "xhigh", "max"),
	}),
	"guardrailConfig": object(fields{"guardrailIdentifier": text.needed(), "guardrailVersion": text.needed(),
		"trace": oneOf("enabled", "disabled", "enabled_full"), "streamProcessingMode": oneOf("sync", "async")}),
	"additionalModelRequestFields":      anObject,
	"additionalModelResponseFieldPaths": aList.atMost(10).of(pattern("^/.{0,255}$")),
	"performanceConfig":                 object(fields{"latency": oneOf("standard", "optimized").needed()}),
	"serviceTier":                       object(fields{"type": oneOf("default", "priority", "flex", "reserved").needed()}),
	"requestMetadata":                   {kinds: isObject, also: requestMetadata},
	"promptVariables":                   anObject,
}
