package translator

// Fields is what one scan over a request body finds: all that routing needs,
// and where it stands, so that a later splice need not look again. Its strings
// are copies; its offsets are good for the body that was scanned.
type Fields struct {
	Operation    Operation
	Model        string // unescaped; "" when the body names none
	Stream       bool   // "stream": true
	IncludeUsage bool   // the client asked for "stream_options": {"include_usage": true}
	Boundary     string // of a multipart body, else ""
}
