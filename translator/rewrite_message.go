package translator

import (
	"strconv"

	"llmroute/translator/raw"
)

// The names by which servers know the text of reasoning.
const (
	reasoningContent = "reasoning_content"
	reasoningShort   = "reasoning"
)

func (r *rewrite) messages(at span) error {
	e := raw.ElementsAt(r.body, at.Start)
	for i := 0; e.Next(); i++ {
		if err := r.message(i, e.Place().Start); err != nil {
			return err
		}
	}
	return nil
}

// message looks through the i-th message, which starts at at.
func (r *rewrite) message(i, at int) error {
	b := r.backend
	c := cuts{edits: &r.edits}
	var reasoning [2]span // the keys of reasoningContent and reasoningShort
	assistant := false
	m := raw.MembersAt(r.body, at)
	for m.Next() {
		whole := m.Whole()
		name := string(m.Name())
		if b.StripExtras && isExtra(name) {
			c.drop(whole)
			continue
		}
		c.keep(whole)
		switch name {
		case "role":
			assistant = string(m.Value()) == `"assistant"`
			if b.isDated() && !b.since(azureDeveloper) && string(m.Value()) == `"developer"` {
				r.edits = append(r.edits, edit{m.Place(), []byte(`"system"`)})
			}
		case "content":
			if err := r.parts(i, m.Place()); err != nil {
				return err
			}
		case reasoningContent:
			reasoning[0] = m.Key()
		case reasoningShort:
			reasoning[1] = m.Key()
		case "tool_calls":
			if err := r.calls(i, m.Place()); err != nil {
				return err
			}
		}
	}
	c.close()
	if assistant {
		r.renameReasoning(reasoning[0], reasoning[1])
	}
	return nil
}

// isExtra reports whether a member of an earlier answer is an extension that
// carries what another kind of backend wants back.
func isExtra(name string) bool {
	return name == "reasoning_details" || name == "thinking_blocks" || name == "extra_content"
}

func (r *rewrite) renameReasoning(have, other span) {
	want := r.backend.ReasoningField
	if want == reasoningShort {
		have, other = other, have
	}
	if want != "" && have == (span{}) && other != (span{}) {
		r.edits = append(r.edits, edit{other, []byte(`"` + want + `"`)})
	}
}

// calls takes the extensions off the calls of the i-th message, an earlier
// answer. A call of a custom tool is refused where dated versions are spoken,
// whatever the option says: what follows in the conversation goes on from it.
func (r *rewrite) calls(i int, at span) error {
	dated := r.backend.isDated()
	if !r.backend.StripExtras && !dated {
		return nil
	}
	e := raw.ElementsAt(r.body, at.Start)
	for j := 0; e.Next(); j++ {
		if dated && typeOf(r.body[e.Place().Start:e.Place().End]) == "custom" {
			return r.unknown("messages["+strconv.Itoa(i)+"].tool_calls["+strconv.Itoa(j)+"].custom", "Tell it as a function's.")
		}
		if r.backend.StripExtras {
			r.strip(e.Place().Start)
		}
	}
	return nil
}

// strip takes the extensions off one call.
func (r *rewrite) strip(at int) {
	c := cuts{edits: &r.edits}
	for m := raw.MembersAt(r.body, at); m.Next(); {
		if whole := m.Whole(); isExtra(string(m.Name())) {
			c.drop(whole)
		} else {
			c.keep(whole)
		}
	}
	c.close()
}

// parts looks through the content of the i-th message. Dated versions of Azure
// learned about audio late, and about files and cache marks never; the latter
// other vendors' models do not know either.
func (r *rewrite) parts(i int, at span) error {
	b := r.backend
	dated := b.isDated()
	if !dated && !b.isForeign(r.model) {
		return nil
	}
	c := cuts{edits: &r.edits}
	e := raw.ElementsAt(r.body, at.Start)
	for j := 0; e.Next(); j++ {
		kind := typeOf(r.body[e.Place().Start:e.Place().End])
		if dated && (kind == "file" || kind == "input_audio" && !b.since(azureAudioParts)) {
			param := "messages[" + strconv.Itoa(i) + "].content[" + strconv.Itoa(j) + "]." + kind
			if err := r.lose(refused, kind, param); err != nil {
				return err
			}
			c.drop(e.Place())
			continue
		}
		c.keep(e.Place())
		if err := r.part(e.Place().Start); err != nil {
			return err
		}
	}
	c.close()
	return nil
}

func (r *rewrite) part(at int) error {
	const mark = "prompt_cache_breakpoint"
	c := cuts{edits: &r.edits}
	for m := raw.MembersAt(r.body, at); m.Next(); {
		whole := m.Whole()
		if string(m.Name()) != mark {
			c.keep(whole)
			continue
		}
		if err := r.lose(harmlessOr(dropped, m.Value()), mark, mark); err != nil {
			return err
		}
		c.drop(whole)
	}
	c.close()
	return nil
}
