package extproc

import (
	"fmt"
	"strconv"
	"strings"

	"llmroute/telemetry"
	"llmroute/translator"
)

// isLocal reports whether Envoy itself made the response. Without the
// attribute, which only a foreign envoy.yaml fails to send, nothing is taken
// for local.
func (a *attributes) isLocal() bool {
	return a.details != "" && !strings.HasPrefix(a.details, "via_upstream")
}

// localReply gives Envoy's own answer, plain text or nothing, the shape of the
// client's errors. Envoy may send one at any time: also before we have seen a
// body, or when we have decided nothing yet.
func (x *stream) localReply(status int) error {
	r := x.envoyRefusal(status)
	body := errorBody(r, x.record.RequestID)
	x.record.Outcome, x.record.ErrorType, x.record.ResponseBytes = telemetry.Local, r.Code, len(body)
	x.out.replace, x.out.replaced, x.out.body = true, true, body
	x.out.setHeader("content-type", "application/json")
	x.out.setHeader("content-length", itoa(len(body)))
	x.out.setHeader("x-should-retry", strconv.FormatBool(status >= 500))
	if x.record.RequestID != "" {
		x.out.setHeader("x-llmroute-request-id", x.record.RequestID)
	}
	if x.plan.Backend != nil {
		x.out.setHeader("x-llmroute-backend", x.plan.Backend.ID)
	}
	return x.end()
}

// envoyRefusal says in our words what Envoy's status and its code details mean.
func (x *stream) envoyRefusal(status int) *translator.Refusal {
	backend := "the backend"
	if b := x.plan.Backend; b != nil {
		backend = "backend " + b.ID
	}
	r := &translator.Refusal{Status: status}
	switch {
	case status == 413:
		return tooLarge(x.srv.maxBody)
	case x.in.attrs.details == "cluster_not_found":
		x.srv.clusterNotFound(&x.plan)
		r.Code = "upstream_unreachable"
		r.Message = fmt.Sprintf("Envoy does not know the cluster of %s.", backend)
	case status == 504 || status == 408:
		r.Code = "upstream_timeout"
		r.Message = fmt.Sprintf("No answer from %s in time.", backend)
	case status == 503 || status == 502:
		r.Code = "upstream_unreachable"
		r.Message = fmt.Sprintf("No connection to %s, or it was lost before an answer came.", backend)
	default:
		r.Code = "gateway_error"
		r.Message = fmt.Sprintf("Envoy ended the request with status %d.", status)
	}
	return r
}
