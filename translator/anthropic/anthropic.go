// Package anthropic is the dialect of Anthropic's Messages API as backends speak
// it: at Anthropic's own, at Bedrock's InvokeModel and at Vertex AI.
package anthropic

import (
	"net/url"
	"slices"
	"strings"

	"llmroute/translator/aws"
	"llmroute/translator/chat"
)

// home is where Claude is spoken to.
type home uint8

const (
	direct home = iota
	bedrock
	vertex
)

// Dialect is Anthropic's dialect at one home.
type Dialect struct {
	home   home
	fields chat.Rules
}

// The homes.
var (
	Direct  = newDialect(direct)
	Bedrock = newDialect(bedrock)
	Vertex  = newDialect(vertex)
)

func newDialect(h home) *Dialect {
	d := &Dialect{home: h}
	d.fields = d.rules()
	return d
}

// Rules are the verdicts of this home.
func (d *Dialect) Rules() chat.Rules { return d.fields }

// Framing says how the stream of a reply is framed.
func (d *Dialect) Framing() chat.Framing {
	if d.home == bedrock {
		return chat.EventStream
	}
	return chat.SSE
}

const provider = "anthropic"

// address fills in path and headers: which model and version, and whether a
// stream is wanted, each home has its own place for.
func (d *Dialect) address(out *chat.Outgoing, t *chat.Trip, betas []string) (err error) {
	o := &t.Options
	out.Remove = append(out.Remove, "anthropic-version", "anthropic-beta")
	switch d.home {
	case direct:
		out.Path = o.Prefix + "/messages"
		version := o.Version
		if version == "" {
			version = "2023-06-01"
		}
		set(out, "anthropic-version", version)
	case bedrock:
		operation := "invoke"
		if t.Request.Stream {
			operation = "invoke-with-response-stream"
		}
		out.Path, err = aws.ModelPath(o.Prefix, o.Model, operation)
	case vertex:
		out.Path = o.Prefix + "/projects/" + segment(o.Project) + "/locations/" + segment(o.Location) +
			"/publishers/anthropic/models/" + segment(o.Model)
		if t.Request.Stream {
			out.Path += ":streamRawPredict"
		} else {
			out.Path += ":rawPredict"
		}
	}
	if len(betas) > 0 && d.home != bedrock {
		set(out, "anthropic-beta", strings.Join(betas, ","))
	}
	return err
}

func set(out *chat.Outgoing, name, value string) {
	out.Remove = slices.DeleteFunc(out.Remove, func(n string) bool { return n == name })
	out.Set = append(out.Set, chat.Header{Name: name, Value: value})
}

// segment encodes s as one segment of a path of Google's, with the ':' that
// url.PathEscape leaves alone: a verb stands behind one.
func segment(s string) string { return strings.ReplaceAll(url.PathEscape(s), ":", "%3A") }

var _ chat.Backend = (*Dialect)(nil)
