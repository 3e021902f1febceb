package fakellm

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"iter"
	"strings"
)

// speechTypes are the content types of speech, and what such a file begins with.
// Only wav and pcm can be played.
var speechTypes = map[string]struct{ contentType, magic string }{
	"mp3": {"audio/mpeg", "ID3"}, "opus": {"audio/opus", "OggS"}, "aac": {"audio/aac", "\xff\xf1"},
	"flac": {"audio/flac", "fLaC"}, "wav": {"audio/wav", ""}, "pcm": {"audio/pcm", ""},
}

// Speech is 16 bits a sample, mono, and so long for each word.
const (
	sampleRate     = 24_000
	samplesPerWord = 480
)

func answerSpeech(c *call) (*reply, *refusal) {
	format := c.json.Get("response_format").Str
	if format == "" {
		format = "mp3"
	}
	input := c.json.Get("input").Str
	sound := tone(CountTokens(input))
	kind := speechTypes[format]
	data := append([]byte(kind.magic), sound...)
	if format == "wav" {
		data = append(wavHeader(len(sound)), sound...)
	}
	if c.json.Get("stream_format").Str != "sse" {
		return &reply{contentType: kind.contentType, body: data}, nil
	}
	return sse(speechEvents(c, data, CountTokens(input))), nil
}

// tone returns the sound of n words: a buzz at 100 Hz.
func tone(n int) []byte {
	b := make([]byte, 0, 2*n*samplesPerWord)
	for i := range n * samplesPerWord {
		level := int16(i%240) * 64
		b = binary.LittleEndian.AppendUint16(b, uint16(level))
	}
	return b
}

func wavHeader(size int) []byte {
	b := []byte("RIFF")
	b = binary.LittleEndian.AppendUint32(b, uint32(36+size))
	b = append(b, "WAVEfmt "...)
	b = binary.LittleEndian.AppendUint32(b, 16)
	b = binary.LittleEndian.AppendUint16(b, 1) // PCM
	b = binary.LittleEndian.AppendUint16(b, 1) // one channel
	b = binary.LittleEndian.AppendUint32(b, sampleRate)
	b = binary.LittleEndian.AppendUint32(b, 2*sampleRate)
	b = binary.LittleEndian.AppendUint16(b, 2)
	b = binary.LittleEndian.AppendUint16(b, 16)
	b = append(b, "data"...)
	return binary.LittleEndian.AppendUint32(b, uint32(size))
}

type audioUsage struct {
	Type   string `json:"type,omitempty"`
	Input  int    `json:"input_tokens"`
	Output int    `json:"output_tokens"`
	Total  int    `json:"total_tokens"`
}

func speechEvents(c *call, data []byte, words int) iter.Seq[event] {
	type delta struct {
		Type  string `json:"type"`
		Audio string `json:"audio"`
	}
	type done struct {
		Type  string          `json:"type"`
		Usage json.RawMessage `json:"usage,omitempty"`
	}
	return func(yield func(event) bool) {
		const size = 2 * samplesPerWord
		for start := 0; start < len(data); start += size {
			piece := data[start:min(start+size, len(data))]
			e := delta{"speech.audio.delta", base64.StdEncoding.EncodeToString(piece)}
			if !yield(event{data: encode(e), word: true}) {
				return
			}
		}
		u := audioUsage{Input: words, Output: words, Total: 2 * words}
		yield(event{data: encode(done{"speech.audio.done", c.raw(u)}), last: true})
	}
}

// heard is what a transcription makes of a file. Nobody listens: the file's name
// and size are all there is to say.
type heard struct {
	*call
	text  string
	file  part
	usage audioUsage
}

func answerTranscription(c *call) (*reply, *refusal) {
	files := c.form.files("file")
	file := files[0] // there is one: the rules say so
	if len(file.data) == 0 {
		return nil, invalid("invalid_value", "file", "The audio file could not be decoded or its format is not supported.")
	}
	h := &heard{call: c, file: file, text: fmt.Sprintf("I heard %d bytes of “%s”.", len(file.data), excerpt(file.filename))}
	if c.faults.size > 0 {
		h.text = filler(c.faults.size)
	}
	h.usage = audioUsage{Type: "tokens", Input: mediaTokens + CountTokens(c.form.value("prompt")), Output: CountTokens(h.text)}
	h.usage.Total = h.usage.Input + h.usage.Output
	if c.form.value("stream") == "true" {
		return sse(h.events()), nil
	}
	return h.plain(c.form.value("response_format")), nil
}

// seconds is how long a file plays, if a second takes so many bytes.
func (h *heard) seconds() float64 { return float64(len(h.file.data)) / (2 * sampleRate) }

func (h *heard) plain(format string) *reply {
	type segment struct {
		ID    int     `json:"id"`
		Start float64 `json:"start"`
		End   float64 `json:"end"`
		Text  string  `json:"text"`
	}
	type verbose struct {
		Task     string          `json:"task"`
		Language string          `json:"language"`
		Duration float64         `json:"duration"`
		Text     string          `json:"text"`
		Segments []segment       `json:"segments"`
		Usage    json.RawMessage `json:"usage,omitempty"`
	}
	type short struct {
		Text  string          `json:"text"`
		Usage json.RawMessage `json:"usage,omitempty"`
	}
	end := h.stamp()
	switch format {
	case "text":
		return &reply{contentType: "text/plain; charset=utf-8", body: []byte(h.text + "\n")}
	case "srt":
		return &reply{contentType: "text/plain; charset=utf-8",
			body: []byte("1\n00:00:00,000 --> " + strings.Replace(end, ".", ",", 1) + "\n" + h.text + "\n\n")}
	case "vtt":
		return &reply{contentType: "text/plain; charset=utf-8", body: []byte("WEBVTT\n\n00:00:00.000 --> " + end + "\n" + h.text + "\n\n")}
	case "verbose_json", "diarized_json":
		return whole(verbose{Task: "transcribe", Language: "english", Duration: h.seconds(), Text: h.text,
			Segments: []segment{{0, 0, h.seconds(), h.text}},
			Usage:    h.raw(map[string]any{"type": "duration", "seconds": h.seconds()})})
	}
	return whole(short{h.text, h.raw(h.usage)})
}

// stamp is the file's end as subtitles spell it.
func (h *heard) stamp() string {
	ms := int(h.seconds() * 1000)
	return fmt.Sprintf("%02d:%02d:%02d.%03d", ms/3_600_000, ms/60_000%60, ms/1000%60, ms%1000)
}

func (h *heard) events() iter.Seq[event] {
	type delta struct {
		Type  string `json:"type"`
		Delta string `json:"delta"`
	}
	type done struct {
		Type  string          `json:"type"`
		Text  string          `json:"text"`
		Usage json.RawMessage `json:"usage,omitempty"`
	}
	return func(yield func(event) bool) {
		for _, word := range words(h.text) {
			if !yield(event{data: encode(delta{"transcript.text.delta", word}), word: true}) {
				return
			}
		}
		yield(event{data: encode(done{"transcript.text.done", h.text, h.raw(h.usage)}), last: true})
	}
}
