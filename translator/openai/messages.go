package openai

import (
	"bytes"
	"fmt"
	"strings"

	"llmroute/translator/chat"
	"llmroute/translator/raw"
)

func (r *reader) messages(v raw.Value) error {
	if !v.IsArray() {
		return invalidType("messages", "an array of messages")
	}
	for e := v.Elements(); e.Next(); r.message++ {
		if err := r.read(e.Value()); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) at(member string) string { return fmt.Sprintf("messages[%d]%s", r.message, member) }

// fields are the members of a message; those that are null are empty.
type fields struct {
	role, content, name, refusal, calls, call, callID, audio, failed raw.Value
	details, blocks, text, short, extra                              raw.Value // of reasoning
}

func fieldsOf(message raw.Value) (f fields) {
	for m := message.Members(); m.Next(); {
		v := m.Value()
		if !v.Is() {
			continue
		}
		switch string(m.Name()) {
		case "role":
			f.role = v
		case "content":
			f.content = v
		case "name":
			f.name = v
		case "refusal":
			f.refusal = v
		case "tool_calls":
			f.calls = v
		case "function_call":
			f.call = v
		case "tool_call_id":
			f.callID = v
		case "audio":
			f.audio = v
		case "is_error":
			f.failed = v
		case "reasoning_details":
			f.details = v
		case "thinking_blocks":
			f.blocks = v
		case "reasoning_content":
			f.text = v
		case "reasoning":
			f.short = v
		case "extra_content":
			f.extra = v
		}
	}
	return f
}

// read reads one message. Results of tools join the user's turn behind the call.
func (r *reader) read(message raw.Value) error {
	f := fieldsOf(message)
	role := f.role.String()
	if len(f.name) > 0 && role != "tool" && role != "function" {
		r.req.Use(chat.MessageName, r.at(".name"))
	}
	switch role {
	case "system", "developer":
		turn := r.turn(chat.System)
		return r.content(&turn.Blocks, f.content)
	case "user":
		turn := r.last(chat.User)
		return r.content(&turn.Blocks, f.content)
	case "assistant":
		return r.assistant(r.turn(chat.Assistant), &f)
	case "tool", "function":
		return r.result(&f, role == "function")
	case "":
		return chat.Invalid("missing_required_parameter", r.at(".role"), "Missing required parameter: '"+r.at(".role")+"'.")
	}
	return chat.Invalid("invalid_value", r.at(".role"),
		"Invalid value for '"+r.at(".role")+"': expected 'system', 'developer', 'user', 'assistant', 'tool' or 'function'.")
}

// turn begins a turn.
func (r *reader) turn(role chat.Role) *chat.Turn {
	r.req.Turns = append(r.req.Turns, chat.Turn{Role: role, At: r.message})
	return &r.req.Turns[len(r.req.Turns)-1]
}

// last returns the last turn if it is role's, else a new one.
func (r *reader) last(role chat.Role) *chat.Turn {
	if n := len(r.req.Turns); n > 0 && r.req.Turns[n-1].Role == role {
		return &r.req.Turns[n-1]
	}
	return r.turn(role)
}

// content reads a string or a list of parts.
func (r *reader) content(to *[]chat.Block, v raw.Value) error {
	switch {
	case v.IsText():
		if text := v.Text(); !text.Blank() {
			*to = append(*to, chat.Block{What: chat.Text, Text: text, Message: r.message, Part: -1})
		}
	case v.IsArray():
		i := 0
		for e := v.Elements(); e.Next(); i++ {
			if err := r.part(to, e.Value(), i); err != nil {
				return err
			}
		}
	case len(v) > 0:
		return invalidType(r.at(".content"), "a string or an array of content parts")
	}
	return nil
}

func (r *reader) part(to *[]chat.Block, part raw.Value, i int) error {
	b := chat.Block{Message: r.message, Part: i}
	at := b.Place()
	switch kind := part.Get("type").String(); kind {
	case "text", "refusal", "input_text", "output_text":
		name := "text"
		if kind == "refusal" {
			name = kind
		}
		text := part.Get(name)
		if text.Is() && !text.IsText() {
			return invalidType(at+"."+name, "a string")
		}
		if b.What, b.Text = chat.Text, text.Text(); b.Text.Blank() {
			return nil
		}
	case "image_url":
		if err := r.image(&b, part.Get("image_url"), at); err != nil {
			return err
		}
	case "input_audio":
		a := part.Get("input_audio")
		b.What = chat.Audio
		b.Media = &chat.Media{Format: a.Get("format").String(), Param: at + ".input_audio"}
		if err := encoded(b.Media, a.Get("data").Text().Plain()); err != nil {
			return err
		}
		r.req.Use(chat.InputAudio, b.Media.Param)
	case "file":
		if err := r.file(&b, part.Get("file"), at); err != nil {
			return err
		}
	case "thinking", "redacted_thinking":
		thought(&b, part)
	default:
		return chat.Invalid("invalid_value", at+".type", "Invalid value for '"+at+".type': '"+kind+"' is no kind of content part.")
	}
	if b.Cache = cacheMark(part); b.Cache != "" {
		r.req.Use(chat.CacheMarks, at+".prompt_cache_breakpoint")
	}
	*to = append(*to, b)
	return nil
}

func (r *reader) image(b *chat.Block, v raw.Value, at string) error {
	url := v.Text()
	m := &chat.Media{Param: at + ".image_url"}
	if v.IsObject() {
		url = v.Get("url").Text()
		if m.Detail = v.Get("detail").String(); m.Detail == "auto" {
			m.Detail = ""
		}
	}
	if len(url) == 0 {
		return chat.Invalid("missing_required_parameter", at+".image_url.url", "Missing required parameter: '"+at+".image_url.url'.")
	}
	if err := located(m, url.Plain()); err != nil {
		return err
	}
	b.What, b.Media = chat.Image, m
	r.req.Use(chat.ImageURL, m.Param)
	if len(m.URL) > 0 {
		r.req.Use(chat.RemoteImage, m.Param)
	}
	if m.Detail != "" {
		r.req.Use(chat.ImageDetail, at+".image_url.detail")
	}
	return nil
}

func (r *reader) file(b *chat.Block, v raw.Value, at string) (err error) {
	m := &chat.Media{Name: v.Get("filename").String(), FileID: v.Get("file_id").String(), Param: at + ".file"}
	if data := v.Get("file_data").Text().Plain(); bytes.HasPrefix(data, []byte(dataScheme)) {
		err = located(m, data)
	} else {
		err = encoded(m, data) // as some clients send it
	}
	b.What, b.Media = chat.File, m
	r.req.Use(chat.FilePart, m.Param)
	return err
}

const dataScheme = "data:"

// located reads an address, be it the data itself. It is plain, because nobody
// who looks at base64 expects escapes in it.
func located(m *chat.Media, url raw.Text) error {
	if !bytes.HasPrefix(url, []byte(dataScheme)) {
		m.URL = url
		return nil
	}
	head, data, ok := bytes.Cut(url[len(dataScheme):], []byte(","))
	kind, params, _ := strings.Cut(string(head), ";")
	if !ok || params != "base64" && !strings.HasSuffix(params, ";base64") {
		return chat.Invalid("invalid_value", m.Param, "Invalid value for '"+m.Param+"': a data URL must look like 'data:image/png;base64,…'.")
	}
	m.Type = strings.ToLower(strings.TrimSpace(kind))
	return encoded(m, data)
}

// encoded takes data that came along. What must be escaped is not in base64; more
// than that is for providers to find out, who decode it.
func encoded(m *chat.Media, data raw.Text) error {
	if bytes.IndexByte(data, '\\') >= 0 {
		return chat.Invalid("invalid_value", m.Param, "Invalid value for '"+m.Param+"': the data is not base64.")
	}
	m.Base64 = data
	return nil
}

// assistant reads an earlier answer: its reasoning, its text, its calls, and what
// signs them.
func (r *reader) assistant(turn *chat.Turn, f *fields) error {
	if len(f.audio) > 0 {
		r.req.Use(chat.InputAudio, r.at(".audio"))
	}
	r.reasoning(turn, f)
	beside := len(turn.Blocks)
	if err := r.content(&turn.Blocks, f.content); err != nil {
		return err
	}
	turn.Blocks = once(turn.Blocks, beside)
	if text := f.refusal.Text(); !text.Blank() {
		turn.Blocks = append(turn.Blocks, chat.Block{What: chat.Text, Text: text, Message: r.message, Part: -1})
	}
	if len(f.calls) > 0 && !f.calls.IsArray() {
		return invalidType(r.at(".tool_calls"), "an array of calls")
	}
	i := 0
	for e := f.calls.Elements(); e.Next(); i++ {
		call := e.Value()
		b := chat.Block{What: chat.Call, ID: call.Get("id").String(), Message: r.message, Part: -1}
		if c := call.Get("custom"); c.IsObject() {
			b.What, b.Name, b.Text = chat.Custom, c.Get("name").String(), c.Get("input").Text()
		} else {
			fn := call.Get("function")
			b.Name, b.Args = fn.Get("name").String(), fn.Get("arguments").Text()
			if args := fn.Get("arguments"); args.IsObject() {
				b.Args = raw.AppendEscaped(nil, args) // Mistral's way
			}
		}
		if b.Name == "" || b.ID == "" {
			at := r.at(fmt.Sprintf(".tool_calls[%d]", i))
			return chat.Invalid("missing_required_parameter", at, "Missing required parameter: '"+at+"' needs an id and a name.")
		}
		if b.Sig = signatureOf(call); len(b.Sig) > 0 {
			b.For = forGemini
		}
		turn.Blocks = append(turn.Blocks, b)
	}
	if f.call.IsObject() {
		b := chat.Block{What: chat.Call, ID: fmt.Sprintf("call_%d", r.message), Name: f.call.Get("name").String(),
			Args: f.call.Get("arguments").Text(), Message: r.message, Part: -1}
		if b.Name == "" {
			at := r.at(".function_call.name")
			return chat.Invalid("missing_required_parameter", at, "Missing required parameter: '"+at+"'.")
		}
		turn.Blocks = append(turn.Blocks, b)
		if r.waiting == nil {
			r.waiting = make(map[string][]string)
		}
		r.waiting[b.Name] = append(r.waiting[b.Name], b.ID)
	}
	r.sign(turn, f)
	return nil
}

// result reads what a tool, or a function of old, has answered.
func (r *reader) result(f *fields, legacy bool) error {
	b := chat.Block{What: chat.Result, ID: f.callID.String(), Failed: f.failed.IsTrue(), Message: r.message, Part: -1}
	if name := f.name.String(); legacy {
		ids := r.waiting[name]
		if len(ids) == 0 {
			return chat.Invalid("invalid_value", r.at(".name"), "Invalid value for '"+r.at(".name")+"': no 'function_call' before it calls '"+name+"'.")
		}
		b.ID, r.waiting[name] = ids[0], ids[1:]
	}
	if b.ID == "" {
		return chat.Invalid("missing_required_parameter", r.at(".tool_call_id"), "Missing required parameter: '"+r.at(".tool_call_id")+"'.")
	}
	if err := r.content(&b.Blocks, f.content); err != nil {
		return err
	}
	turn := r.last(chat.User)
	turn.Blocks = append(turn.Blocks, b)
	return nil
}
