package fakellm

import (
	"regexp"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
)

// What the requests of generateContent are made of. Google knows its fields by a
// schema of its own and refuses all others.

// geminiData are the members of a part of which it has exactly one.
var geminiData = []string{"text", "inlineData", "fileData", "functionCall", "functionResponse", "executableCode", "codeExecutionResult", "toolCall", "toolResponse"}

// partOf returns the rule of a part of a content.
func partOf(vertex bool) rule {
	blob := fields{"mimeType": rule{kinds: isString, need: true, also: pictureType}, "data": base64Blob}
	address := fields{"fileUri": text.needed(), "mimeType": text}
	if vertex {
		blob["displayName"], address["displayName"] = text, text
		address["mimeType"] = text.needed()
	}
	inResult := fields{"mimeType": text.needed(), "data": base64Blob, "displayName": text}
	members := fields{
		"text": text, "inlineData": object(blob), "fileData": rule{kinds: isObject, only: address, also: addressAt(vertex)},
		"functionCall": object(fields{"id": text, "name": text.needed(), "args": anObject}),
		"functionResponse": object(fields{"id": text, "name": text.needed(), "response": anObject.needed(),
			"parts": aList.of(object(fields{"inlineData": object(inResult), "fileData": object(address)}))}),
		"executableCode":      object(fields{"language": oneOf("PYTHON").needed(), "code": text.needed(), "id": text}),
		"codeExecutionResult": object(fields{"outcome": text.needed(), "output": text, "id": text}),
		"thought":             boolean, "thoughtSignature": text,
		"videoMetadata":   object(fields{"startOffset": text, "endOffset": text, "fps": decimal(0, 24)}),
		"mediaResolution": object(fields{"level": oneOf("MEDIA_RESOLUTION_LOW", "MEDIA_RESOLUTION_MEDIUM", "MEDIA_RESOLUTION_HIGH", "MEDIA_RESOLUTION_ULTRA_HIGH")}),
	}
	if !vertex {
		members["toolCall"], members["toolResponse"], members["partMetadata"] = anObject, anObject, anObject
	}
	return rule{kinds: isObject, only: members, also: func(_ *validation, at string, part gjson.Result) *refusal {
		n := 0
		for _, name := range geminiData {
			if part.Get(name).Exists() {
				n++
			}
		}
		if n == 1 {
			return nil
		}
		return wrong("* GenerateContentRequest.%s: required oneof field 'data' must have one initialized field", at)
	}}
}

// pictureType refuses the pictures that Gemini cannot look at.
func pictureType(_ *validation, _ string, v gjson.Result) *refusal {
	if v.Str == "image/gif" || v.Str == "image/svg+xml" || v.Str == "image/jpg" || strings.Contains(v.Str, ";") || !strings.Contains(v.Str, "/") {
		return wrong("Unsupported MIME type: %s", v.Str)
	}
	return nil
}

// addressAt refuses the addresses that a home cannot fetch.
func addressAt(vertex bool) func(*validation, string, gjson.Result) *refusal {
	return func(_ *validation, _ string, v gjson.Result) *refusal {
		scheme, _, _ := strings.Cut(v.Get("fileUri").Str, "://")
		if scheme == "https" || vertex && scheme == "gs" {
			return nil
		}
		return wrong("Invalid or unsupported file uri: %s", v.Get("fileUri").Str)
	}
}

var googleFunction = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}$`)

func geminiFields(vertex bool) fields {
	part := partOf(vertex)
	function := fields{"name": rule{kinds: isString, need: true, also: matching(googleFunction)}, "description": text.needed(),
		"parameters": anObject, "parametersJsonSchema": anObject, "response": anObject, "responseJsonSchema": anObject}
	tools := fields{"functionDeclarations": aList.atMost(512).of(object(function)), "googleSearch": object(fields{"searchTypes": anObject}), "urlContext": anObject, "codeExecution": anObject, "googleMaps": anObject}
	config := fields{
		"temperature": decimal(0, 2), "topP": decimal(0, 1), "topK": rule{kinds: isNumber}, "candidateCount": integer(1, 8), "maxOutputTokens": positive,
		"stopSequences": aList.atMost(5).of(filledText), "seed": integer(-1<<31, 1<<31-1),
		"presencePenalty": decimal(-2, 1.999999), "frequencyPenalty": decimal(-2, 1.999999), "responseLogprobs": boolean, "logprobs": integer(0, 20),
		"responseMimeType": oneOf("text/plain", "application/json", "text/x.enum"), "responseSchema": anObject, "responseJsonSchema": anObject,
		"thinkingConfig": object(fields{"includeThoughts": boolean, "thinkingBudget": integer(-1, 1<<31-1),
			"thinkingLevel": oneOf("MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH")}),
		"responseModalities": aList.of(oneOf("TEXT", "IMAGE", "AUDIO", "VIDEO")),
		"mediaResolution":    oneOf("MEDIA_RESOLUTION_LOW", "MEDIA_RESOLUTION_MEDIUM", "MEDIA_RESOLUTION_HIGH"),
		"speechConfig":       anObject, "imageConfig": anObject,
	}
	calling := object(fields{"mode": oneOf("AUTO", "ANY", "NONE", "VALIDATED"), "allowedFunctionNames": aList.of(text)})
	toolConfig := fields{"functionCallingConfig": calling, "retrievalConfig": anObject}
	known := fields{
		"contents":          aList.needed().notEmpty().of(object(fields{"role": oneOf("user", "model").needed(), "parts": aList.needed().notEmpty().of(part)})),
		"systemInstruction": object(fields{"role": text, "parts": aList.needed().notEmpty().of(object(fields{"text": filledText.needed()}))}),
		"tools":             aList.of(object(tools)), "toolConfig": object(toolConfig), "generationConfig": object(config),
		"safetySettings": aList.of(object(fields{"category": text.needed(), "threshold": text.needed()})),
		"cachedContent":  text, "labels": anObject, "continuationToken": rule{kinds: isString, also: encoded},
	}
	if vertex {
		known["modelArmorConfig"] = anObject
		return known
	}
	known["serviceTier"], known["store"] = oneOf("standard", "flex", "priority"), boolean
	toolConfig["includeServerSideToolInvocations"] = boolean
	return known
}

// knownWords are those of Google's own kind of schema.
var knownWords = []string{
	"type", "format", "title", "description", "nullable", "enum", "items", "minItems", "maxItems", "properties", "required", "minProperties",
	"maxProperties", "minimum", "maximum", "minLength", "maxLength", "pattern", "example", "anyOf", "propertyOrdering", "default",
}

// checkOwnSchema refuses what Google's own kind of schema cannot say.
func checkOwnSchema(at string, s gjson.Result, depth int) (err *refusal) {
	kind := s.Get("type")
	switch {
	case depth > maxDepth:
		return wrong("%s: too deep", at)
	case kind.IsArray():
		return wrong("Invalid value at '%s.type': Proto field is not repeating, cannot start list.", at)
	case kind.Exists() && !slices.Contains([]string{"STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL"}, kind.Str):
		return wrong("Invalid value at '%s.type'", at)
	case kind.Str == "OBJECT" && len(s.Get("properties").Map()) == 0:
		return wrong("%s.properties: should be non-empty for OBJECT type", at)
	case kind.Str == "ARRAY" && !s.Get("items").Exists():
		return wrong("%s.items: missing field", at)
	}
	s.ForEach(func(name, v gjson.Result) bool {
		here := at + "." + name.Str
		switch {
		case !slices.Contains(knownWords, name.Str):
			err = invalid("unknown_parameter", here, "unknown")
		case name.Str == "properties":
			v.ForEach(func(property, sub gjson.Result) bool {
				err = checkOwnSchema(here+"."+property.Str, sub, depth+1)
				return err == nil
			})
		case name.Str == "items":
			err = checkOwnSchema(here, v, depth+1)
		case name.Str == "anyOf":
			for _, sub := range v.Array() {
				if err == nil {
					err = checkOwnSchema(here, sub, depth+1)
				}
			}
		case name.Str == "required":
			for _, want := range v.Array() {
				if err == nil && !s.Get("properties").Get(gjson.Escape(want.Str)).Exists() {
					err = wrong("%s: property is not defined", here)
				}
			}
		case name.Str == "enum":
			for _, value := range v.Array() {
				if value.Type != gjson.String || value.Str == "" {
					err = wrong("%s: cannot be empty", here)
				}
			}
		}
		return err == nil
	})
	return err
}

// checkJSONSchema refuses what Google's subset of JSON Schema cannot hold.
func checkJSONSchema(at string, s gjson.Result, depth int) (err *refusal) {
	if depth > maxDepth {
		return wrong("%s: too deep", at)
	}
	ref := s.Get("$ref").Exists()
	s.ForEach(func(name, v gjson.Result) bool {
		here := at + "." + name.Str
		switch {
		case name.Str == "const", name.Str == "allOf", name.Str == "not":
			err = wrong("%s: not supported", here)
		case ref && !strings.HasPrefix(name.Str, "$"):
			err = wrong("%s: nothing may stand beside a reference", here)
		case name.Str == "properties" || name.Str == "$defs":
			v.ForEach(func(property, sub gjson.Result) bool {
				err = checkJSONSchema(here+"."+property.Str, sub, depth+1)
				return err == nil
			})
		case name.Str == "items", name.Str == "additionalProperties" && v.IsObject():
			err = checkJSONSchema(here, v, depth+1)
		case name.Str == "anyOf" || name.Str == "prefixItems":
			for _, sub := range v.Array() {
				if err == nil {
					err = checkJSONSchema(here, sub, depth+1)
				}
			}
		case name.Str == "enum":
			for _, value := range v.Array() {
				if value.Type != gjson.String && value.Type != gjson.Number {
					err = wrong("%s: a text or a number is wanted", here)
				}
			}
		}
		return err == nil
	})
	return err
}
