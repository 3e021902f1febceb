package translator

import (
	"fmt"
	"strings"
	"testing"
)

// What embeddings cost beside the passing on: a request of the most texts that
// Cohere takes, and its reply of 1536 numbers for each.
func BenchmarkEmbeddings(b *testing.B) {
	texts := strings.TrimSuffix(strings.Repeat(`"a sentence of some eight words or so",`, 96), ",")
	vector := strings.TrimSuffix(strings.Repeat("-0.0123456,", 1536), ",")
	reply := []byte(`{"embeddings":{"float":[` + strings.TrimSuffix(strings.Repeat("["+vector+"],", 96), ",") + `]},"meta":{"billed_units":{"input_tokens":768}}}`)
	backend := Backend{Schema: Cohere, Prefix: "/v2"}
	for _, format := range []string{"float", "base64"} {
		b.Run(format, func(b *testing.B) {
			body := []byte(fmt.Sprintf(`{"model":"embed-v4.0","input":[%s],"encoding_format":%q}`, texts, format))
			var fields Fields
			if err := Scan(Embeddings, "application/json", body, &fields); err != nil {
				b.Fatal(err)
			}
			var request, head Edit
			var out []byte
			b.SetBytes(int64(len(reply)))
			b.ReportAllocs()
			for b.Loop() {
				x, err := New(OpenAI, Embeddings, &backend)
				if err != nil {
					b.Fatal(err)
				}
				request = Edit{Body: request.Body[:0]}
				if err := x.Request(&request, &Call{Model: fields.Model, Fields: &fields, Body: body, Header: headers{}}); err != nil {
					b.Fatal(err)
				}
				head = Edit{Set: head.Set[:0]}
				if err := x.Head(&head, 200, headers{}); err != nil {
					b.Fatal(err)
				}
				if out, _, err = x.Body(out[:0], reply, true); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
