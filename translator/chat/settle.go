package chat

import (
	"encoding/json"
	"fmt"
	"slices"

	"llmroute/translator/raw"
)

// Settle brings the conversation into the order that dialects other than
// OpenAI's want: calls and their results matched, their ids and names made fit,
// late system messages where the backend takes them, neighbours of one role
// made one turn.
//
// What becomes of a turn depends on the turns up to it alone. Providers cache,
// and some sign, what stands in front: a conversation that grows must not
// change where it has been.
func (t *Trip) Settle(h Habits) error {
	t.keepReasoning(&h)
	t.nameTools(h.LetterFirst)
	if err := t.chooseAmong(&h); err != nil {
		return err
	}
	if err := t.matchResults(); err != nil {
		return err
	}
	t.identify(h.IDs)
	if err := t.placeSystem(&h); err != nil {
		return err
	}
	t.mergeTurns()
	if err := t.checkLast(&h); err != nil {
		return err
	}
	if err := t.holdForm(&h); err != nil {
		return err
	}
	return t.checkArguments()
}

func wellFormedObject(v raw.Value) bool { return v.IsObject() && json.Valid(v) }

// keepReasoning leaves of the reasoning in earlier answers, and of the signatures
// on their other parts, what the backend can read.
func (t *Trip) keepReasoning(h *Habits) {
	for i := range t.Request.Turns {
		turn := &t.Request.Turns[i]
		assistant := turn.Role == Assistant
		turn.Blocks = without(turn.Blocks, func(b *Block) bool {
			b.Blocks = without(b.Blocks, isReasoning)
			signed := assistant && len(b.Sig) > 0 && slices.Contains(h.Signed, b.For)
			if isReasoning(b) {
				inWords := assistant && h.BareReasoning && b.What == Thinking && !b.Text.Blank()
				return !signed && !inWords
			}
			if !signed {
				b.Sig, b.For = nil, ""
			}
			return b.What == Text && len(b.Text) == 0 && !signed // there was but the signature
		})
		if len(turn.Replay) > 0 && (!turn.Replay.IsArray() || h.Exact == nil || !h.Exact(turn)) {
			turn.Replay = nil
		}
	}
}

func isReasoning(b *Block) bool { return b.What == Thinking || b.What == Redacted }

// matchResults puts each call's result into the turn behind it, in the order of
// the calls.
func (t *Trip) matchResults() error {
	turns := t.Request.Turns
	for i := range turns {
		turn := &turns[i]
		if turn.Role == System {
			continue
		}
		calls := callsOf(turn)
		if turn.Role == User || len(calls) == 0 {
			if err := strayResult(turns, i); err != nil {
				return err
			}
			continue
		}
		if err := answerCalls(turns, i, calls); err != nil {
			return err
		}
	}
	return nil
}

// callsOf returns the ids of the calls in an assistant's turn.
func callsOf(turn *Turn) (ids []string) {
	if turn.Role != Assistant {
		return nil
	}
	for _, b := range turn.Blocks {
		if b.What == Call || b.What == Custom {
			ids = append(ids, b.ID)
		}
	}
	return ids
}

// strayResult refuses results that answer no call of the turn before i.
func strayResult(turns []Turn, i int) error {
	isResult := func(b Block) bool { return b.What == Result }
	if !slices.ContainsFunc(turns[i].Blocks, isResult) {
		return nil
	}
	before := i - 1
	for before >= 0 && turns[before].Role == System {
		before--
	}
	called := make(map[string]bool)
	if before >= 0 {
		for _, id := range callsOf(&turns[before]) {
			called[id] = true
		}
	}
	for j := range turns[i].Blocks {
		if b := &turns[i].Blocks[j]; isResult(*b) && !called[b.ID] {
			return Invalid(invalidValue, fmt.Sprintf("messages[%d].tool_call_id", b.Message),
				fmt.Sprintf("Invalid value: the tool message's id '%s' answers no call of the assistant message before it.", b.ID))
		}
	}
	return nil
}

// answerCalls sorts the results behind turn i into the order of its calls, and
// refuses a call without one. The results go to the front of their turn.
func answerCalls(turns []Turn, i int, calls []string) error {
	next := i + 1
	for next < len(turns) && turns[next].Role == System {
		next++ // a late system message between a call and its result moves behind it
	}
	if next == len(turns) || turns[next].Role != User {
		return missingResult(&turns[i], calls[0])
	}
	blocks := turns[next].Blocks
	answers := make(map[string][]int, len(calls)) // where they stand, by the call's id
	for j := range blocks {
		if b := &blocks[j]; b.What == Result {
			answers[b.ID] = append(answers[b.ID], j)
		}
	}
	found, used := make([]Block, 0, len(blocks)), make([]bool, len(blocks))
	for _, id := range calls {
		at := answers[id]
		if len(at) == 0 {
			return missingResult(&turns[i], id)
		}
		answers[id], used[at[0]] = at[1:], true
		found = append(found, blocks[at[0]])
	}
	for j, b := range blocks {
		if !used[j] {
			found = append(found, b)
		}
	}
	turns[next].Blocks = found
	if next > i+1 {
		user := turns[next]
		copy(turns[i+2:next+1], turns[i+1:next])
		turns[i+1] = user
	}
	return nil
}

func missingResult(turn *Turn, id string) error {
	return Invalid(invalidValue, fmt.Sprintf("messages[%d].tool_calls", turn.Blocks[len(turn.Blocks)-1].Message),
		fmt.Sprintf("Invalid value: an assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. No message answers '%s'.", id))
}

// placeSystem deals with system messages behind the first turn.
func (t *Trip) placeSystem(h *Habits) error {
	r := &t.Request
	lead := 0
	for lead < len(r.Turns) && r.Turns[lead].Role == System {
		lead++
	}
	if lead == len(r.Turns) {
		if lead == 0 {
			return Invalid("missing_required_parameter", "messages", "Missing required parameter: 'messages' must hold at least one message.")
		}
		// Nobody has said anything yet: the last of the instructions is the question.
		r.Turns[lead-1].Role = User
		t.Warn("messages", "system_as_user")
		return nil
	}
	late := slices.IndexFunc(r.Turns[lead:], func(turn Turn) bool { return turn.Role == System })
	if late < 0 {
		return nil
	}
	at := fmt.Sprintf("messages[%d].role", r.Turns[lead+late].At)
	how := t.Options.LateSystem
	if how == "" || how == LateNative && h.Late != LateNative {
		how = h.Late
	}
	switch how {
	case LateReject:
		return Unable(UnsupportedValue, at,
			"Unsupported value: this provider takes system messages only before the first user message. Move it there.")
	case LateUser:
		for i := lead; i < len(r.Turns); i++ {
			if r.Turns[i].Role == System {
				r.Turns[i].Role = User
				r.Turns[i].Blocks = tagged(r.Turns[i].Blocks)
			}
		}
		t.Warn(LateSystem.Name(), "system_as_user")
		return nil
	case LateHoist:
		slices.SortStableFunc(r.Turns[lead:], func(a, b Turn) int {
			return first(a.Role) - first(b.Role)
		})
		return t.Lose(Shift, LateSystem, at, "system_moved")
	}
	if h.LateInPlace {
		t.keepLate(lead)
	} else {
		t.delayLate(lead)
	}
	return nil
}

// tagged returns the words of a system message such that the model can tell them
// from the user's, among which they stand.
func tagged(blocks []Block) []Block {
	if len(blocks) == 0 {
		return blocks
	}
	blocks = slices.Clone(blocks)
	first, last := &blocks[0], &blocks[len(blocks)-1]
	first.Text = append(raw.Text("<system>"), first.Text...)
	last.Text = append(slices.Clip(last.Text), "</system>"...)
	return blocks
}

// first orders roles so that System comes first.
func first(r Role) int {
	if r == System {
		return 0
	}
	return 1
}

// delayLate moves late system turns behind the user's turns that follow: that is
// where they are taken. One that follows no words of the user becomes such.
func (t *Trip) delayLate(lead int) {
	turns := t.Request.Turns
	for i := lead; i < len(turns); i++ {
		from := i
		for i < len(turns) && turns[i].Role != Assistant {
			i++
		}
		slices.SortStableFunc(turns[from:i], func(a, b Turn) int { return first(b.Role) - first(a.Role) })
	}
	before := System
	for i := lead; i < len(turns); i++ {
		if turns[i].Role == System && before != User {
			t.userSays(&turns[i])
		}
		if turns[i].Role != System {
			before = turns[i].Role
		}
	}
}

// keepLate leaves late system turns where they are, as far as they may stand
// there.
func (t *Trip) keepLate(lead int) {
	turns := t.Request.Turns
	words := false // the user's, right before
	for i := lead; i < len(turns); i++ {
		turn := &turns[i]
		if turn.Role == System {
			if !words || i == len(turns)-1 {
				t.userSays(turn)
				words = true
			}
			continue
		}
		words = turn.Role == User && slices.ContainsFunc(turn.Blocks, func(b Block) bool { return b.What != Result })
	}
}

// userSays makes a system turn the user's.
func (t *Trip) userSays(turn *Turn) {
	turn.Role, turn.Blocks = User, tagged(turn.Blocks)
	t.Warn(LateSystem.Name(), "system_as_user")
}

// mergeTurns makes neighbours of one role one turn, and leaves out turns that
// say nothing.
func (t *Trip) mergeTurns() {
	turns := t.Request.Turns
	out := turns[:0]
	for _, turn := range turns {
		if len(turn.Blocks) == 0 && len(turn.Replay) == 0 && turn.Role != User {
			continue
		}
		if n := len(out); n > 0 && turn.Role != System && out[n-1].Role == turn.Role && len(out[n-1].Replay) == 0 && len(turn.Replay) == 0 {
			out[n-1].Blocks = append(out[n-1].Blocks, turn.Blocks...)
			continue
		}
		out = append(out, turn)
	}
	t.Request.Turns = out
}

// checkLast looks at how the conversation ends.
func (t *Trip) checkLast(h *Habits) error {
	turns := t.Request.Turns
	if n := len(turns); n > 0 && turns[n-1].Role == Assistant && !h.Prefill {
		if t.Options.Unsupported != DropUnsupported {
			return Unable(UnsupportedValue, fmt.Sprintf("messages[%d]", turns[n-1].At),
				"Unsupported value: the model '"+t.Options.Model+"' cannot go on with an answer that was begun. "+advice[Prefill])
		}
		for n > 0 && turns[n-1].Role == Assistant {
			n--
		}
		turns, t.Request.Turns = turns[:n], turns[:n]
		t.Warn(Prefill.Name(), "answer_begun")
	}
	if !slices.ContainsFunc(turns, func(turn Turn) bool { return turn.Role != System }) {
		return Invalid(invalidValue, "messages", "Invalid value for 'messages': no message says anything.")
	}
	if !h.NoEmpty {
		return nil
	}
	for i := range turns {
		if turns[i].Role == User && len(turns[i].Blocks) == 0 {
			turns[i].Blocks = append(turns[i].Blocks, Block{What: Text, Text: raw.Text("."), Message: turns[i].At, Part: -1})
		}
	}
	return nil
}
