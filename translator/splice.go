package translator

import (
	"slices"

	"github.com/tidwall/gjson"
)

// edit replaces a span of a body.
type edit struct {
	at   span
	text []byte
}

// splice appends body to dst with edits applied, which must not overlap and
// stand in order. Everything else keeps its bytes.
func splice(dst, body []byte, edits []edit) []byte {
	size := len(body)
	for _, e := range edits {
		size += len(e.text)
	}
	dst = slices.Grow(dst, size)
	at := 0
	for _, e := range edits {
		dst = append(append(dst, body[at:e.at.Start]...), e.text...)
		at = e.at.End
	}
	return append(dst, body[at:]...)
}

// renamed returns the edit that names model in the scanned body.
func (f *Fields) renamed(model string) edit {
	at := f.model
	present := at != span{}
	if !present {
		at = span{Start: f.insert, End: f.insert}
	}
	var text []byte
	switch {
	case f.Boundary != "" && present:
		text = append(text, model...)
	case f.Boundary != "":
		text = append(text, "--"+f.Boundary+"\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n"+model+"\r\n"...)
	case present:
		text = gjson.AppendJSONString(text, model)
	default:
		text = gjson.AppendJSONString(append(text, `"model":`...), model)
		if !f.lone {
			text = append(text, ',')
		}
	}
	return edit{at, text}
}

// edits appends what must change for the backend to read model, when it is not
// the client's own, and to report a stream's usage.
func (f *Fields) edits(dst []edit, model string) []edit {
	if model != "" && model != f.Model {
		dst = append(dst, f.renamed(model))
	}
	if f.usage.text != "" {
		dst = append(dst, edit{f.usage.at, []byte(f.usage.text)})
	}
	if len(dst) == 2 && dst[1].at.Start < dst[0].at.Start {
		dst[0], dst[1] = dst[1], dst[0]
	}
	return dst
}
