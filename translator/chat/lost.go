package chat

import "slices"

// ReasoningLost reports whether the model is in the middle of a round of tools,
// and what it thought before it called them has not come back: it has to go on
// without. It is asked of a settled request.
func (r *Request) ReasoningLost() bool {
	i := len(r.Turns) - 1
	for i >= 0 && r.Turns[i].Role == System {
		i--
	}
	if i < 1 || r.Turns[i].Role != User || len(r.Turns[i].Blocks) == 0 || r.Turns[i].Blocks[0].What != Result {
		return false
	}
	answer := &r.Turns[i-1]
	return len(answer.Replay) == 0 && len(answer.Blocks) > 0 && !signedReasoning(&answer.Blocks[0])
}

// MissReasoning warns where a model that is asked to reason goes on without what
// it reasoned. If other answers have brought theirs back the client keeps it, and
// there was none.
func (t *Trip) MissReasoning() {
	if !t.Request.ReasoningLost() {
		return
	}
	for i := range t.Request.Turns {
		turn := &t.Request.Turns[i]
		if len(turn.Replay) > 0 || slices.ContainsFunc(turn.Blocks, func(b Block) bool { return signedReasoning(&b) }) {
			return
		}
	}
	t.Warn(fieldNames[History].name, "missing")
}

func signedReasoning(b *Block) bool { return isReasoning(b) && len(b.Sig) > 0 }
