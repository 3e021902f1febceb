package gemini

import (
	"net/url"
	"path"
	"strings"

	"llmroute/translator/chat"
)

// inResults are the media types that may stand in the result of a tool.
var inResults = map[string]bool{
	"image/png": true, "image/jpeg": true, "image/webp": true, "application/pdf": true, "text/plain": true,
}

// byEnding are media types by the endings of files.
var byEnding = map[string]string{
	".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp", ".heic": "image/heic", ".heif": "image/heif",
	".bmp": "image/bmp", ".pdf": "application/pdf", ".txt": "text/plain", ".md": "text/markdown", ".csv": "text/csv", ".html": "text/html",
	".json": "application/json", ".xml": "text/xml", ".mp4": "video/mp4", ".mov": "video/quicktime", ".mpeg": "video/mpeg", ".webm": "video/webm",
	".wav": "audio/wav", ".mp3": "audio/mp3", ".flac": "audio/flac", ".ogg": "audio/ogg", ".aac": "audio/aac",
}

// mediaType returns the type of a part in Google's words, "" when it is unknown.
func mediaType(b *chat.Block) string {
	m := b.Media
	kind := m.Type
	switch {
	case kind == "image/jpg":
		kind = "image/jpeg"
	case kind == "" && m.Format != "":
		kind = "audio/" + strings.ToLower(m.Format)
	case kind == "" && m.Name != "":
		kind = byEnding[strings.ToLower(path.Ext(m.Name))]
	}
	if kind == "" && len(m.URL) > 0 {
		if u, err := url.Parse(m.URL.String()); err == nil {
			kind = byEnding[strings.ToLower(path.Ext(u.Path))]
		}
	}
	return kind
}

// fields are those that judge media.
var fields = map[chat.What]chat.Field{chat.Image: chat.ImageURL, chat.Audio: chat.InputAudio, chat.File: chat.FilePart}

// files begin the addresses of files that were given to the Gemini API before.
const files = "https://generativelanguage.googleapis.com/"

// media writes a picture, sound, film or document.
func (w *writer) media(b *chat.Block) error {
	m, kind := b.Media, mediaType(b)
	address := m.URL.String()
	if m.FileID != "" {
		address = m.FileID
		if w.home == vertex || !strings.HasPrefix(address, files) {
			return w.t.Lose(chat.Refuse, chat.FilePart, m.Param+".file_id", "not_here")
		}
	}
	switch {
	case kind == "image/gif", kind == "image/svg+xml":
		return w.t.Lose(chat.Refuse, fields[b.What], m.Param, "format")
	case address != "":
		if !w.fetches(address, kind) {
			field := fields[b.What]
			if field == chat.ImageURL {
				field = chat.RemoteImage
			}
			return w.t.Lose(chat.Refuse, field, m.Param, "not_sent_along")
		}
		w.Next()
		w.Put(`{"fileData":{`)
		if kind != "" {
			w.String("mimeType", kind)
		}
		w.String("fileUri", address)
		w.Put("}")
	case kind == "":
		return w.t.Lose(chat.Refuse, fields[b.What], m.Param, "format")
	default:
		w.Next()
		w.Put("{")
		w.inline(kind, m, true)
	}
	w.detail(m)
	w.Put("}")
	return nil
}

// fetches reports whether the home gets what stands at an address by itself.
// Vertex wants to be told what it is.
func (w *writer) fetches(address, kind string) bool {
	scheme, _, _ := strings.Cut(address, "://")
	switch {
	case w.home == studio:
		return scheme == "https"
	case strings.HasPrefix(address, files):
		return false
	}
	return kind != "" && (scheme == "https" || scheme == "gs")
}

// inline writes data that came along. Only Vertex takes its name.
func (w *writer) inline(kind string, m *chat.Media, named bool) {
	w.Open("inlineData", "{")
	w.String("mimeType", kind)
	w.Text("data", m.Base64)
	if named && w.home == vertex && m.Name != "" {
		w.String("displayName", m.Name)
	}
	w.Put("}")
}

// looks are how closely to look, from far to near.
var looks = []string{"low", "high", "original"}

var levels = map[string]string{"low": "MEDIA_RESOLUTION_LOW", "high": "MEDIA_RESOLUTION_HIGH", "original": "MEDIA_RESOLUTION_ULTRA_HIGH"}

// detail says how closely to look at a picture. Older models look at all alike.
func (w *writer) detail(m *chat.Media) {
	switch level := levels[m.Detail]; {
	case m.Detail == "":
	case level == "":
		w.t.Warn("image_url.detail", "unsupported")
	case w.m.gen >= 30:
		w.Open("mediaResolution", "{")
		w.String("level", level)
		w.Put("}")
	default:
		for _, look := range looks {
			if look == m.Detail || look == w.look {
				w.look = look
			}
		}
	}
}
