package fakellm

import (
	"cmp"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
)

// endpoint is one POST of OpenAI's API.
type endpoint struct {
	fields fields     // of a JSON body
	form   formFields // of a multipart body; nil when the body is JSON
	answer answerer
	// model is what answers when the request names none; "" makes that an error.
	model string
	// newer says that unknown fields are refused in the newer of two wordings.
	newer bool
}

// endpoints are OpenAI's paths, behind the version.
var endpoints map[string]endpoint

// The table cannot be the variable's initial value: what answers reads it again.
func init() {
	endpoints = map[string]endpoint{
		"/chat/completions":     {fields: chatFields, answer: answerChat},
		"/completions":          {fields: completionFields, answer: answerCompletion},
		"/embeddings":           {fields: embeddingFields, answer: answerEmbeddings},
		"/responses":            {fields: responsesFields, answer: answerResponses, newer: true},
		"/moderations":          {fields: moderationFields, answer: answerModeration, model: Small},
		"/images/generations":   {fields: imageFields, answer: answerImages, model: Small, newer: true},
		"/images/edits":         {form: imageEditFields, answer: answerImageEdit, model: Small},
		"/images/variations":    {form: imageVariationFields, answer: answerImageEdit, model: Small},
		"/audio/speech":         {fields: speechFields, answer: answerSpeech, newer: true},
		"/audio/transcriptions": {form: transcriptionFields, answer: answerTranscription},
		"/audio/translations":   {form: translationFields, answer: answerTranscription},
		"/rerank":               {fields: rerankFields, answer: answerRerank, model: Small},
	}
}

// findOpenAI finds who answers a call to OpenAI's API, and checks what all its
// endpoints check alike.
func findOpenAI(c *call) (answerer, *refusal) {
	if c.path == "/models" || strings.HasPrefix(c.path, "/models/") {
		if c.Method != http.MethodGet && c.Method != http.MethodHead {
			return nil, notAllowed(c)
		}
		return answerModels, nil
	}
	e, ok := endpoints[c.path]
	switch {
	case !ok:
		return nil, &refusal{status: http.StatusNotFound, kind: invalidRequest,
			message: fmt.Sprintf("Invalid URL (%s %s)", c.Method, c.Path)}
	case c.Method != http.MethodPost:
		return nil, notAllowed(c)
	case c.tooLarge():
		return nil, refusalOf(http.StatusRequestEntityTooLarge)
	}
	if err := e.check(c); err != nil {
		return nil, err
	}
	if strings.HasPrefix(c.model, "missing-") {
		return nil, missingModel(c.Model)
	}
	return e.answer, nil
}

func notAllowed(c *call) *refusal {
	return &refusal{status: http.StatusMethodNotAllowed, kind: invalidRequest, code: "method_not_supported",
		message: fmt.Sprintf("Not allowed to %s on %s.", c.Method, c.Path)}
}

func noModel() *refusal { return invalid("", "", "you must provide a model parameter") }

// check refuses a body that OpenAI would not read.
func (e *endpoint) check(c *call) *refusal {
	if c.Header.Get("Content-Encoding") != "" {
		return &refusal{status: http.StatusUnsupportedMediaType, kind: invalidRequest, message: "Content-Encoding is not supported."}
	}
	sent, _, _ := mime.ParseMediaType(c.Header.Get("Content-Type"))
	want := "application/json"
	if e.form != nil {
		want = "multipart/form-data"
	}
	if sent != want {
		return invalid("unsupported_content_type", "", fmt.Sprintf(
			"Unsupported content type: '%s'. This API method only accepts '%s' requests.", c.Header.Get("Content-Type"), want))
	}
	c.model = cmp.Or(c.model, e.model)
	if e.form != nil {
		return c.form.check(e.form, c.faults.lax)
	}
	// gjson reads anything; its reader of nested values is bounded by what the
	// standard library's scanner lets through.
	if !json.Valid(c.Body) {
		return invalid("", "", "We could not parse the JSON body of your request.")
	}
	c.json = gjson.ParseBytes(c.Body)
	if !c.json.IsObject() {
		return invalid("", "", "We could not parse the JSON body of your request: it is not an object.")
	}
	if c.model == "" && !c.json.Get("model").Exists() {
		return noModel()
	}
	v := validation{lax: c.faults.lax, unrecognized: !e.newer}
	return v.members("", c.json, e.fields)
}

type modelObject struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"`
	OwnedBy string `json:"owned_by"`
}

// modelsSince is when the provider's models were made, in seconds.
const modelsSince = 1_750_000_000

func answerModels(c *call) (*reply, *refusal) {
	id, one := strings.CutPrefix(c.path, "/models/")
	if one {
		id, err := url.PathUnescape(id)
		if err != nil || id == "" || strings.HasPrefix(id, "missing-") {
			return nil, missingModel(id)
		}
		return whole(modelObject{id, "model", modelsSince, "fakellm"}), nil
	}
	list := struct {
		Object string        `json:"object"`
		Data   []modelObject `json:"data"`
	}{Object: "list"}
	for _, id := range slices.Sorted(slices.Values([]string{Small, Large})) {
		list.Data = append(list.Data, modelObject{id, "model", modelsSince, "fakellm"})
	}
	return whole(list), nil
}

// usage counts as OpenAI's usage object does.
type usage struct {
	Prompt            int                `json:"prompt_tokens"`
	Completion        int                `json:"completion_tokens"`
	Total             int                `json:"total_tokens"`
	PromptDetails     *promptDetails     `json:"prompt_tokens_details,omitempty"`
	CompletionDetails *completionDetails `json:"completion_tokens_details,omitempty"`
}

type promptDetails struct {
	Cached int `json:"cached_tokens"`
	Audio  int `json:"audio_tokens"`
}

type completionDetails struct {
	Reasoning int `json:"reasoning_tokens"`
	Audio     int `json:"audio_tokens"`
	Accepted  int `json:"accepted_prediction_tokens"`
	Rejected  int `json:"rejected_prediction_tokens"`
}

// raw spells the usage, unless the call's faults leave it out.
func (c *call) raw(u any) json.RawMessage {
	if c.faults.noUsage {
		return nil
	}
	return encode(u)
}
