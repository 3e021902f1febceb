package translator

// cuts gathers the edits that take members out of one object, or elements out of
// one array, together with the commas that went with them. It is told of each in
// turn whether it stays.
type cuts struct {
	edits *[]edit
	end   int  // where the last one ended
	kept  bool // some of those so far stay
	front span // those before the first that stays
}

// keep says that what stands at at stays.
func (c *cuts) keep(at span) {
	if c.front != (span{}) {
		*c.edits = append(*c.edits, edit{at: span{c.front.start, at.start}})
		c.front = span{}
	}
	c.kept, c.end = true, at.end
}

// drop says that what stands at at goes.
func (c *cuts) drop(at span) {
	switch {
	case c.kept:
		*c.edits = append(*c.edits, edit{at: span{c.end, at.end}})
	case c.front == (span{}):
		c.front = at
	default:
		c.front.end = at.end
	}
	c.end = at.end
}

// close ends the object or array.
func (c *cuts) close() {
	if c.front != (span{}) {
		*c.edits = append(*c.edits, edit{at: c.front})
	}
}
