package translator

import (
	"bytes"
	"io"
	"mime/multipart"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const formType = "multipart/form-data; boundary=b"

func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

func TestScanForm(t *testing.T) {
	const model = "--b\nContent-Disposition: form-data; name=\"model\"\n\nwhisper\n"
	tests := []struct {
		name, contentType, body string
		want                    Fields
	}{
		{"model", formType, model + "--b--", Fields{Model: "whisper", Boundary: "b"}},
		{"with an epilogue", formType, model + "--b--\nbye\n", Fields{Model: "whisper", Boundary: "b"}},
		{"with a preamble", formType, "hello\n" + model + "--b--", Fields{Model: "whisper", Boundary: "b"}},
		{"quoted boundary", `Multipart/Form-Data; charset=x; boundary="b b:b"`, strings.ReplaceAll(model+"--b--", "--b", "--b b:b"), Fields{Model: "whisper", Boundary: "b b:b"}},
		{"padded boundary", formType, strings.Replace(model, "--b", "--b \t", 1) + "--b--", Fields{Model: "whisper", Boundary: "b"}},
		{"unquoted name", formType, "--b\ncontent-disposition:form-data;name=model\n\nw\n--b--", Fields{Model: "w", Boundary: "b"}},
		{"other headers", formType, "--b\nContent-Type: text/plain\nContent-Transfer-Encoding: 8bit\nContent-Disposition: form-data; name=\"model\"\n\nw\n--b--", Fields{Model: "w", Boundary: "b"}},
		{"behind a file", formType, "--b\nContent-Disposition: form-data; name=\"file\"; filename=\"a\\\"b; name=model\"\n\n\x00\xff-- b\n\n\n" + model + "--b--", Fields{Model: "whisper", Boundary: "b"}},
		{"encoded file name", formType, "--b\nContent-Disposition: form-data; name=\"file\"; filename=\"x\"; filename*=UTF-8''%e2%82%ac\n\n\n" + model + "--b--", Fields{Model: "whisper", Boundary: "b"}},
		{"stream", formType, "--b\nContent-Disposition: form-data; name=\"stream\"\n\nTrue\n" + model + "--b--", Fields{Model: "whisper", Stream: true, Boundary: "b"}},
		{"no stream", formType, "--b\nContent-Disposition: form-data; name=\"stream\"\n\nfalse\n" + model + "--b--", Fields{Model: "whisper", Boundary: "b"}},
		{"no model", formType, "--b\nContent-Disposition: form-data; name=\"models\"\n\nx\n--b--", Fields{Boundary: "b"}},
		{"empty model", formType, "--b\nContent-Disposition: form-data; name=\"model\"\n\n\n--b--", Fields{Boundary: "b"}},
		{"nothing", formType, "--b--", Fields{Boundary: "b"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got Fields
			if err := Scan(AudioTranscriptions, tt.contentType, []byte(crlf(tt.body)), &got); err != nil {
				t.Fatal(err)
			}
			tt.want.Operation = AudioTranscriptions
			if diff := cmp.Diff(got, tt.want, cmpopts.IgnoreUnexported(Fields{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestScanFormRefuses(t *testing.T) {
	const model = "--b\nContent-Disposition: form-data; name=\"model\"\n\nwhisper\n"
	part := func(header string) string { return crlf("--b\n" + header + "\n\nx\n--b--") }
	broken := func(what string) error {
		return Invalid("", "", "We could not parse the multipart body of your request: "+what+".")
	}
	unreadable := broken("the headers of the part at byte 5 cannot be read")
	tests := []struct {
		name, contentType, body string
		want                    error
	}{
		{"no boundary", "multipart/form-data", "", broken("the content type names no usable boundary")},
		{"two boundaries", "multipart/form-data; boundary=a; boundary=b", "", broken("the content type names no usable boundary")},
		{"long boundary", "multipart/form-data; boundary=" + strings.Repeat("b", 71), "", broken("the content type names no usable boundary")},
		{"empty", formType, "", broken("the closing boundary is missing")},
		{"not closed", formType, crlf(model), broken("the closing boundary is missing")},
		{"two models", formType, crlf(model + model + "--b--"), duplicate("model")},
		{"two streams", formType, strings.ReplaceAll(crlf(model+model+"--b--"), "model", "stream"), Invalid("invalid_type", "stream", "Invalid type for 'stream': expected a boolean.")},
		{"a model behind the end", formType, crlf(model + "--b--\n" + model + "--b--"), broken("a boundary stands behind the closing one at byte 69")},
		{"a boundary within a line", formType, crlf("--b\nContent-Disposition: form-data; name=\"file\"\n\nx--b--"), broken("the boundary at byte 53 does not start a line")},
		{"a boundary behind a bare LF", formType, crlf(model) + "x\n--b--", broken("the boundary at byte 64 does not start a line")},
		{"a longer boundary", formType, crlf(model + "--bb\n--b--"), broken("the boundary at byte 62 does not end its line")},
		{"LF alone", formType, model + "--b--", broken("the boundary at byte 0 does not end its line")},
		{"no header end", formType, crlf("--b\nContent-Disposition: form-data\n--b--"), broken("the headers of the part at byte 5 do not end")},
		{"no disposition", formType, part("Content-Type: text/plain"), unreadable},
		{"two dispositions", formType, part("Content-Disposition: form-data; name=a\nContent-Disposition: form-data; name=model"), unreadable},
		{"two names", formType, part("Content-Disposition: form-data; name=a; name=model"), unreadable},
		{"an encoded name", formType, part("Content-Disposition: form-data; name=a; name*=utf-8''model"), unreadable},
		{"an escaped name", formType, part(`Content-Disposition: form-data; name="mod\el"`), unreadable},
		{"a torn name", formType, part(`Content-Disposition: form-data; name="model`), unreadable},
		{"garbage behind a name", formType, part(`Content-Disposition: form-data; name="a"model`), unreadable},
		{"a folded header", formType, part("Content-Disposition: form-data;\n name=model"), unreadable},
		{"a space in a header's name", formType, part("Content-Disposition : form-data; name=model"), unreadable},
		{"a parameter without a name", formType, part("Content-Disposition: form-data; name=model; =0"), unreadable},
		{"a parameter twice", formType, part("Content-Disposition: form-data; name=model; filename=a; filename=b"), unreadable},
		{"another kind", formType, part("Content-Disposition: attachment; name=model"), unreadable},
		{"encoded model", formType, part("Content-Disposition: form-data; name=model\nContent-Transfer-Encoding: base64"), broken("the part 'model' has a content-transfer-encoding")},
		{"newline in the model", formType, part("Content-Disposition: form-data; name=model\n\na"), Invalid("invalid_value", "model", "Invalid value for 'model': it contains control characters.")},
		{"long model", formType, strings.Replace(crlf(model+"--b--"), "whisper", strings.Repeat("w", 257), 1), longModel()},
		{"no UTF-8", formType, strings.Replace(crlf(model+"--b--"), "whisper", "\xff", 1), Invalid("invalid_value", "model", "Invalid value for 'model': it is not valid UTF-8.")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var f Fields
			if diff := cmp.Diff(Scan(AudioTranscriptions, tt.contentType, []byte(tt.body), &f), tt.want); diff != "" {
				t.Error(diff)
			}
		})
	}
	var f Fields
	err := Scan(ChatCompletions, formType, []byte(crlf(model+"--b--")), &f)
	if diff := cmp.Diff(err, error(Invalid("", "", "This endpoint reads a JSON body, not multipart/form-data."))); diff != "" {
		t.Error(diff)
	}
}

// What Scan takes, the standard library reads alike: the model, and after a
// splice the other model and the same other parts.
func FuzzForm(f *testing.F) {
	for _, c := range goldenCases(f) {
		if c.fields.Boundary != "" {
			f.Add(bytes.ReplaceAll(c.call.Body, []byte("--"+c.fields.Boundary), []byte("--b")))
		}
	}
	f.Add([]byte("--b\r\nContent-Disposition: form-data; name=model; filename=\"\\\\\"\r\n\r\n\r\n--b--"))
	f.Fuzz(func(t *testing.T, body []byte) {
		var got Fields
		if Scan(AudioTranscriptions, formType, body, &got) != nil {
			return
		}
		before, ok := formParts(body)
		if !ok {
			return // stricter than we are
		}
		if n := len(before["model"]); n > 1 || n == 1 && before["model"][0] != got.Model || n == 0 && got.Model != "" {
			t.Fatalf("model %q, but the form has %q", got.Model, before["model"])
		}
		after, ok := formParts(splice(nil, body, got.edits(nil, "other")))
		if !ok {
			t.Fatal("the spliced form cannot be read")
		}
		before["model"] = []string{"other"}
		if diff := cmp.Diff(after, before); diff != "" {
			t.Fatal(diff)
		}
	})
}

// formParts returns the contents of a form's parts by name.
func formParts(body []byte) (map[string][]string, bool) {
	parts := map[string][]string{}
	r := multipart.NewReader(bytes.NewReader(body), "b")
	for {
		p, err := r.NextRawPart()
		if err != nil {
			return parts, err == io.EOF //nolint:errorlint // a wrapped EOF is a form that stops short
		}
		content, err := io.ReadAll(p)
		if err != nil {
			return parts, false
		}
		parts[p.FormName()] = append(parts[p.FormName()], string(content))
	}
}
