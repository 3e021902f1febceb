package extproc

import (
	"encoding/json"
	"net/url"
	"strings"

	"llmroute/router"
	"llmroute/telemetry"
	"llmroute/translator"
)

const modelsPath = "/v1/models"

func isModels(path string) bool {
	return path == modelsPath || strings.HasPrefix(path, modelsPath+"/")
}

// wireModel is OpenAI's model object.
type wireModel struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"`
	OwnedBy string `json:"owned_by"`
}

// models answers GET /v1/models and GET /v1/models/{id} from the configuration.
func (x *stream) models(snap *router.Snapshot) error {
	h := &x.head.headers
	method := h.Get(":method")
	x.record.Operation = "models"
	if method != "GET" && method != "HEAD" {
		x.out.setHeader("allow", "GET, HEAD")
		return x.refuse(&translator.Refusal{Status: 405, Code: "method_not_allowed",
			Message: x.path + " takes GET requests only, not " + printable(method) + "."})
	}
	list := snap.Models(&router.Ask{Host: h.Get(":authority"), Method: method, Path: x.path, Query: x.query, Headers: h})
	var answer any
	if x.path == modelsPath {
		data := make([]wireModel, 0, len(list))
		for _, m := range list {
			data = append(data, wireModel{ID: m.ID, Object: "model", OwnedBy: m.OwnedBy})
		}
		answer = struct {
			Object string      `json:"object"`
			Data   []wireModel `json:"data"`
		}{"list", data}
	} else {
		id, err := url.PathUnescape(x.path[len(modelsPath)+1:])
		if err != nil {
			return x.refuse(translator.Invalid("invalid_value", "model", "The model id in the path is not well-formed percent-encoding."))
		}
		found := false
		for _, m := range list {
			if m.ID == id {
				answer, found = wireModel{ID: m.ID, Object: "model", OwnedBy: m.OwnedBy}, true
				break
			}
		}
		if !found {
			return x.refuse(&translator.Refusal{Status: 404, Code: "model_not_found", Param: "model",
				Message: "The model '" + printable(id) + "' does not exist. GET /v1/models lists those that do."})
		}
	}
	body, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	x.record.Outcome = telemetry.Complete
	return x.answer(200, "llmroute_models", body)
}
