package embed

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"net/http"
	"strconv"

	"llmroute/translator/chat"
	"llmroute/translator/raw"
)

// reply is what a vendor has answered.
type reply struct {
	header  chat.Headers
	vectors []raw.Value // in the order of the inputs
	tokens  int64       // of all inputs; 0 when the vendor does not say
	model   string      // that answered; "" when the vendor does not say
	fault   string      // what went wrong although the status says otherwise; "" for nothing
}

// each takes the vectors of the list v: its elements, or a member of each.
func (r *reply) each(v raw.Value, member string) {
	for e := v.Elements(); e.Next(); {
		one := e.Value()
		if member != "" {
			one = one.Get(member)
		}
		r.vectors = append(r.vectors, one)
	}
}

// Headers are the names of the reply's headers that Reply reads.
func (k *Task) Headers() []string { return []string{countHeader} }

// Reply appends to dst, in OpenAI's words, what the vendor has answered. A reply
// that has not one vector for each input is an error, and dst is as it was.
func (k *Task) Reply(dst []byte, t *chat.Trip, h chat.Headers, body []byte) ([]byte, chat.Told, *chat.Error) {
	r := reply{header: h, vectors: make([]raw.Value, 0, k.inputs)}
	k.kind.read(&r, raw.Trim(body))
	if r.tokens == 0 {
		r.tokens = k.estimated
	}
	told := chat.Told{Model: r.model, Usage: chat.Usage{Input: r.tokens, Total: r.tokens}}
	before := len(dst)
	ok := len(r.vectors) == k.inputs
	dst = append(dst, `{"object":"list","data":[`...)
	var scratch []byte
	for i := 0; ok && i < len(r.vectors); i++ {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(strconv.AppendInt(append(dst, `{"object":"embedding","index":`...), int64(i), 10), `,"embedding":`...)
		switch v := r.vectors[i]; {
		case !k.base64:
			dst, ok = appendNumbers(dst, v)
		case v.IsText(): // packed already
			dst = append(dst, v...)
		default:
			if scratch, ok = pack(scratch[:0], v); ok {
				dst = append(base64.StdEncoding.AppendEncode(append(dst, '"'), scratch), '"')
			}
		}
		dst = append(dst, '}')
	}
	switch {
	case !ok && r.fault != "":
		return dst[:before], told, &chat.Error{Status: http.StatusBadGateway, Type: "server_error", Code: "model_error", Provider: k.Vendor.Name, Message: r.fault}
	case !ok:
		return dst[:before], told, chat.Malformed(k.Vendor.Name)
	}
	dst = raw.AppendString(append(dst, `],"model":`...), t.Options.Asked)
	dst = strconv.AppendInt(append(dst, `,"usage":{"prompt_tokens":`...), r.tokens, 10)
	dst = strconv.AppendInt(append(dst, `,"total_tokens":`...), r.tokens, 10)
	return append(dst, "}}"...), told, nil
}

// appendNumbers appends a list of numbers as it is written. It is not ok when v is
// anything else. It trusts a reply to be JSON, but for what JSON has not: there
// are servers that have written NaN.
func appendNumbers(dst []byte, v raw.Value) (out []byte, ok bool) {
	if !v.IsArray() || v.Hollow() {
		return dst, false
	}
	for _, c := range v[1 : len(v)-1] {
		if !numeric[c] {
			return dst, false
		}
	}
	return append(dst, v...), true
}

// pack appends a list of numbers as OpenAI packs them for base64.
func pack(dst []byte, v raw.Value) (out []byte, ok bool) {
	for e := v.Elements(); e.Next(); {
		one := e.Value()
		x, err := strconv.ParseFloat(string(one), 32)
		if err != nil || !one.IsNumber() { // ParseFloat reads NaN, too
			return dst, false
		}
		dst, ok = binary.LittleEndian.AppendUint32(dst, math.Float32bits(float32(x))), true
	}
	return dst, ok
}

// numeric are the letters of numbers, and what stands between them.
var numeric = [256]bool{
	'0': true, '1': true, '2': true, '3': true, '4': true, '5': true, '6': true, '7': true, '8': true, '9': true,
	'-': true, '+': true, '.': true, 'e': true, 'E': true, ',': true, ' ': true, '\n': true, '\r': true, '\t': true,
}
