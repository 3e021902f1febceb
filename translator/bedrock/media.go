package bedrock

import (
	"bytes"
	"path"
	"slices"
	"strconv"
	"strings"

	"llmroute/translator/chat"
)

// formats is what Bedrock calls the formats of each kind of block, by media
// type and by the endings of files.
var formats = map[string]struct{ block, format string }{
	"image/png": {"image", "png"}, "image/jpeg": {"image", "jpeg"}, "image/jpg": {"image", "jpeg"},
	"image/gif": {"image", "gif"}, "image/webp": {"image", "webp"},
	".png": {"image", "png"}, ".jpeg": {"image", "jpeg"}, ".jpg": {"image", "jpeg"},
	".gif": {"image", "gif"}, ".webp": {"image", "webp"},

	"application/pdf": {"document", "pdf"}, "text/csv": {"document", "csv"},
	"application/msword": {"document", "doc"}, "application/vnd.ms-excel": {"document", "xls"},
	"application/vnd.openxmlformats-officedocument.wordprocessingml.document": {"document", "docx"},
	"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet":       {"document", "xlsx"},
	"text/html": {"document", "html"}, "text/plain": {"document", "txt"}, "text/markdown": {"document", "md"},
	".pdf": {"document", "pdf"}, ".csv": {"document", "csv"}, ".doc": {"document", "doc"},
	".docx": {"document", "docx"}, ".xls": {"document", "xls"}, ".xlsx": {"document", "xlsx"},
	".html": {"document", "html"}, ".htm": {"document", "html"}, ".txt": {"document", "txt"},
	".md": {"document", "md"},

	"video/mp4": {"video", "mp4"}, "video/quicktime": {"video", "mov"}, "video/webm": {"video", "webm"},
	"video/x-matroska": {"video", "mkv"}, "video/x-flv": {"video", "flv"}, "video/mpeg": {"video", "mpeg"},
	"video/x-ms-wmv": {"video", "wmv"}, "video/3gpp": {"video", "three_gp"},
	".mp4": {"video", "mp4"}, ".mov": {"video", "mov"}, ".webm": {"video", "webm"}, ".mkv": {"video", "mkv"},
}

// fields are those that judge media.
var fields = map[chat.What]chat.Field{chat.Image: chat.ImageURL, chat.Audio: chat.InputAudio, chat.File: chat.FilePart}

// bucket begins the addresses that Bedrock fetches itself.
const bucket = "s3://"

// media writes a picture, sound, film or document.
func (w *writer) media(b *chat.Block) error {
	m := b.Media
	block, format := "audio", m.Format
	if b.What != chat.Audio {
		kind := m.Type
		if b.What == chat.Image {
			kind = m.Picture()
		}
		f, ok := formats[kind]
		if !ok {
			f, ok = formats[strings.ToLower(path.Ext(m.Name))]
		}
		if !ok && b.What == chat.Image && len(m.URL) > 0 {
			f, ok = formats[strings.ToLower(path.Ext(m.URL.String()))]
		}
		if !ok && len(m.URL) == 0 && m.FileID == "" || b.What == chat.Image && ok && f.block != "image" {
			return w.t.Lose(chat.Refuse, fields[b.What], m.Param, "format")
		}
		block, format = f.block, f.format
	}
	inBucket := bytes.HasPrefix(m.URL, []byte(bucket)) && format != ""
	if m.FileID != "" || len(m.URL) > 0 && !inBucket {
		return w.t.Lose(chat.Refuse, fields[b.What], m.Param, "not_sent_along") // nothing is fetched for the client
	}
	if !inBucket && !isBase64(m.Base64) {
		return chat.Invalid("invalid_value", m.Param, "Invalid value for '"+m.Param+"': the data is not base64.")
	}
	w.Next()
	w.Put("{")
	w.Open(block, "{")
	w.String("format", format)
	if block == "document" {
		name := w.documentName(m.Name)
		w.String("name", name)
		if w.papers != "" {
			w.papers += ", "
		}
		w.papers += name
	}
	w.Open("source", "{")
	if inBucket {
		w.Open("s3Location", "{")
		w.Text("uri", m.URL)
		w.Put("}")
	} else {
		w.Text("bytes", m.Base64)
	}
	w.Put("}}}")
	return nil
}

const maxDocumentName = 200

// documentName returns a name that Bedrock takes: few characters are allowed,
// and no two documents of a request may share one.
func (w *writer) documentName(file string) string {
	file = strings.TrimSuffix(file, path.Ext(file))
	name := strings.Join(strings.FieldsFunc(file, func(r rune) bool {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return false
		}
		return !strings.ContainsRune("-()[]", r)
	}), " ")
	name = strings.TrimSpace(name[:min(len(name), maxDocumentName)])
	if name == "" {
		name = "document"
	}
	base := name
	for n := 2; slices.Contains(w.names, name); n++ {
		tail := " " + strconv.Itoa(n)
		name = base[:min(len(base), maxDocumentName-len(tail))] + tail
	}
	w.names = append(w.names, name)
	return name
}
