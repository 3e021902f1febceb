package fakellm

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"iter"
	"strconv"
)

type images struct {
	Created    int64           `json:"created"`
	Data       []imageData     `json:"data"`
	Background string          `json:"background,omitempty"`
	Format     string          `json:"output_format,omitempty"`
	Quality    string          `json:"quality,omitempty"`
	Size       string          `json:"size,omitempty"`
	Usage      json.RawMessage `json:"usage,omitempty"`
}

type imageData struct {
	Base64 string `json:"b64_json,omitempty"`
	URL    string `json:"url,omitempty"`
}

type imageUsage struct {
	Input        int               `json:"input_tokens"`
	InputDetails imageUsageDetails `json:"input_tokens_details"`
	Output       int               `json:"output_tokens"`
	Total        int               `json:"total_tokens"`
}

type imageUsageDetails struct {
	Image int `json:"image_tokens"`
	Text  int `json:"text_tokens"`
}

type imageEvent struct {
	Type       string          `json:"type"`
	Base64     string          `json:"b64_json"`
	Created    int64           `json:"created_at"`
	Background string          `json:"background"`
	Format     string          `json:"output_format"`
	Quality    string          `json:"quality"`
	Size       string          `json:"size"`
	Index      *int            `json:"partial_image_index,omitempty"`
	Usage      json.RawMessage `json:"usage,omitempty"`
}

// picture is an image request, whichever endpoint it came to.
type picture struct {
	*call
	event      string // what the events of its stream begin with
	prompt     string
	n, partial int
	stream     bool
	links      bool // the answer holds URLs, not images
	size       string
	quality    string
	background string
	inputs     int // images that came with the prompt
}

func answerImages(c *call) (*reply, *refusal) {
	get := func(name string) string { return c.json.Get(name).String() }
	return (&picture{
		call: c, event: "image_generation", prompt: get("prompt"),
		n: int(max(c.json.Get("n").Int(), 1)), partial: int(c.json.Get("partial_images").Int()),
		stream: c.json.Get("stream").Bool(), links: get("response_format") == "url",
		size: get("size"), quality: get("quality"), background: get("background"),
	}).answer()
}

// answerImageEdit answers edits and variations: an image that came is looked at
// only to count it.
func answerImageEdit(c *call) (*reply, *refusal) {
	return (&picture{
		call: c, event: "image_edit", prompt: c.form.value("prompt"),
		n: c.form.number("n", 1), partial: c.form.number("partial_images", 0),
		stream: c.form.value("stream") == "true", links: c.form.value("response_format") == "url",
		size: c.form.value("size"), quality: c.form.value("quality"), background: c.form.value("background"),
		inputs: len(c.form.files("image")),
	}).answer()
}

func (p *picture) answer() (*reply, *refusal) {
	p.size, p.quality, p.background = cmp.Or(p.size, "1024x1024"), cmp.Or(p.quality, "auto"), cmp.Or(p.background, "auto")
	if p.stream {
		return sse(p.events()), nil
	}
	out := images{Created: p.created(), Background: p.background, Format: "png", Quality: p.quality, Size: p.size, Usage: p.usage()}
	for i := range p.n {
		d := imageData{Base64: p.png(i)}
		if p.links {
			d = imageData{URL: "https://images.fakellm.invalid/" + p.id("", 24, byte(i)) + ".png"}
		}
		out.Data = append(out.Data, d)
	}
	return whole(out), nil
}

// imageTokens is what an image counts that was made.
const imageTokens = 64

func (p *picture) usage() json.RawMessage {
	details := imageUsageDetails{Image: p.inputs * mediaTokens, Text: CountTokens(p.prompt)}
	in, out := details.Image+details.Text, p.n*imageTokens
	return p.raw(imageUsage{Input: in, InputDetails: details, Output: out, Total: in + out})
}

// events stream the partial images and then the whole one. There is no [DONE].
func (p *picture) events() iter.Seq[event] {
	return func(yield func(event) bool) {
		for i := range p.partial + 1 {
			e := imageEvent{
				Type: p.event + ".partial_image", Base64: p.png(i), Created: p.created(),
				Background: p.background, Format: "png", Quality: p.quality, Size: p.size, Index: &i,
			}
			last := i == p.partial
			if last {
				e.Type, e.Index, e.Usage = p.event+".completed", nil, p.usage()
			}
			if !yield(event{name: e.Type, data: encode(e), word: true, last: last}) {
				return
			}
		}
	}
}

// side is the length of a picture's sides, whatever size was asked for: small
// answers are quick answers.
const side = 16

// png returns a picture in one colour, which the request and i decide.
func (p *picture) png(i int) string {
	shade, _ := strconv.ParseUint(p.id("", 6, byte(i)), 16, 24)
	img := image.NewPaletted(image.Rect(0, 0, side, side),
		color.Palette{color.RGBA{R: byte(shade >> 16), G: byte(shade >> 8), B: byte(shade), A: 255}})
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic("fakellm: picture: " + err.Error()) // a buffer takes everything
	}
	return base64.StdEncoding.EncodeToString(b.Bytes())
}
