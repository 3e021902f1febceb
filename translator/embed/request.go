package embed

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"llmroute/translator/chat"
	"llmroute/translator/raw"
)

// request is what a client asks for. Its parts point into the body.
type request struct {
	trip *chat.Trip
	kind *Kind

	texts      []raw.Text
	dimensions int64 // 0 for the model's own
	base64     bool
	extra      []field // of those the kind takes
}

// field is a member of the body that only some vendors know.
type field struct {
	name  string
	value raw.Value
}

// get returns what the client sent in a field of the vendor's own, or otherwise.
func (r *request) get(name, otherwise string) raw.Value {
	for _, f := range r.extra {
		if f.name == name {
			return f.value
		}
	}
	return raw.Value(otherwise)
}

func (r *request) readBody(body []byte) error {
	input := false
	for m := raw.Trim(body).Members(); m.Next(); {
		name, v := string(m.Name()), m.Value()
		var err error
		switch name {
		case "model":
		case "input":
			input = true
			err = r.readInput(v)
		case "dimensions":
			err = r.readDimensions(v)
		case "encoding_format":
			err = r.readFormat(v)
		default:
			r.readExtra(name, v)
		}
		if err != nil {
			return err
		}
	}
	if !input {
		return chat.Invalid("missing_required_parameter", "input", "Missing required parameter: 'input'.")
	}
	return nil
}

func (r *request) readInput(v raw.Value) error {
	switch {
	case v.IsText():
		return r.readText(v, "input")
	case !v.IsArray():
		return chat.Invalid("invalid_type", "input", "Invalid type for 'input': expected a string or an array of strings.")
	}
	for e := v.Elements(); e.Next(); {
		param := "input[" + strconv.Itoa(len(r.texts)) + "]"
		switch one := e.Value(); {
		case one.IsText():
			if err := r.readText(one, param); err != nil {
				return err
			}
		case one.IsNumber(), one.IsArray():
			return chat.Unable(chat.UnsupportedValue, "input",
				"Invalid 'input': this provider reads no tokens, only texts. Send a string or an array of strings.")
		default:
			return chat.Invalid("invalid_type", param, "Invalid type for '"+param+"': expected a string.")
		}
	}
	if len(r.texts) == 0 {
		return chat.Invalid("empty_array", "input", "Invalid 'input': expected at least one text.")
	}
	return nil
}

func (r *request) readText(v raw.Value, param string) error {
	text := v.Text()
	if len(text) == 0 {
		return chat.Invalid("invalid_value", param, "Invalid '"+param+"': input cannot be an empty string.")
	}
	r.texts = append(r.texts, text)
	return nil
}

func (r *request) readDimensions(v raw.Value) error {
	if !v.Is() {
		return nil
	}
	n := v.Int()
	switch sizes := r.kind.Sizes; {
	case n <= 0 || strconv.FormatInt(n, 10) != string(v):
		return chat.Invalid("invalid_value", "dimensions", "Invalid 'dimensions': expected a positive integer.")
	case r.kind.AnySize || slices.Contains(sizes, n):
		r.dimensions = n
		return nil
	case r.trip.Options.Unsupported == chat.DropUnsupported:
		r.trip.Warn("dimensions", "unsupported")
		return nil
	case len(sizes) == 0:
		return chat.Unable(chat.UnsupportedParameter, "dimensions",
			"Unsupported parameter: 'dimensions' is not supported by the model '"+r.trip.Options.Model+"' at this provider. Leave it out.")
	default:
		return chat.Unable(chat.UnsupportedValue, "dimensions",
			fmt.Sprintf("Unsupported value: 'dimensions' of the model '%s' can be %s.", r.trip.Options.Model, listed(sizes)))
	}
}

func (r *request) readFormat(v raw.Value) error {
	switch format := v.String(); {
	case !v.Is(), format == "float":
	case format == "base64":
		r.base64 = true
	default:
		return chat.Invalid("invalid_value", "encoding_format", "Invalid 'encoding_format': expected 'float' or 'base64'.")
	}
	return nil
}

// readExtra keeps what the kind takes, and drops the rest with a warning unless
// it says nothing.
func (r *request) readExtra(name string, v raw.Value) {
	switch {
	case !v.Is():
	case slices.Contains(r.kind.Takes, name):
		r.extra = append(r.extra, field{name, v})
	case !v.Hollow():
		r.trip.Warn(name, "unsupported")
	}
}

// listed joins numbers as a sentence does: "256, 512 or 1024".
func listed(numbers []int64) string {
	words := make([]string, len(numbers))
	for i, n := range numbers {
		words[i] = strconv.FormatInt(n, 10)
	}
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// tooMany refuses what would take more than one call.
func (k *Task) tooMany(r *request) error {
	most := fmt.Sprintf("%d inputs", k.kind.Most)
	if k.kind.Most == 1 {
		most = "1 input"
	}
	return chat.Unable(chat.UnsupportedValue, "input",
		fmt.Sprintf("Invalid 'input': %d inputs, and the model '%s' takes at most %s in one request at this provider. Send them in several requests.",
			len(r.texts), r.trip.Options.Model, most))
}

// unknown refuses a model of which nobody knows how it is asked.
func (k *Task) unknown(model string) error {
	var known []string
	for i := range k.Vendor.Kinds {
		known = append(known, k.Vendor.Kinds[i].Models...)
	}
	return chat.Unable(chat.UnsupportedValue, "model",
		fmt.Sprintf("The model '%s' is not known to embed at this provider. Its embedding models have one of these in their names: %s. "+
			"The backend's option 'modelFamily' tells which one is behind another name.", model, strings.Join(known, ", ")))
}
