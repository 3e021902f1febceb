package translator

// cuts gathers the edits that take members out of one object, or elements out of
// one array, together with the commas that went with them. It is told of each in
// turn whether it stays.
type cuts struct {
	edits *[]edit
	till  int  // where the last one ended
	kept  bool // some of those so far stay
	front span // those before the first that stays
}

// keep says that what stands at at stays.
func (c *cuts) keep(at span) {
	if c.front != (span{}) {
		*c.edits = append(*c.edits, edit{at: span{Start: c.front.Start, End: at.Start}})
		c.front = span{}
	}
	c.kept, c.till = true, at.End
}

// drop says that what stands at at goes.
func (c *cuts) drop(at span) {
	switch {
	case c.kept:
		*c.edits = append(*c.edits, edit{at: span{Start: c.till, End: at.End}})
	case c.front == (span{}):
		c.front = at
	default:
		c.front.End = at.End
	}
	c.till = at.End
}

// close ends the object or array.
func (c *cuts) close() {
	if c.front != (span{}) {
		*c.edits = append(*c.edits, edit{at: c.front})
	}
}
