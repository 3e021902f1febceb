package raw

import "strconv"

// Writer writes JSON by appending it to Dst, which is the caller's before and
// after. It keeps no account of what is open: whether a comma is due shows in the
// last byte. So whatever has no method here is appended to Dst by hand, and what
// one function opens another may close.
//
// It checks nothing: values, and what is spelled out, go in as they are. The zero
// value is ready and makes memory of its own.
type Writer struct{ Dst []byte }

// Next begins an element of an array or a member of an object: with a comma,
// unless it is the first.
func (w *Writer) Next() {
	if n := len(w.Dst); n > 0 && w.Dst[n-1] != '{' && w.Dst[n-1] != '[' {
		w.Dst = append(w.Dst, ',')
	}
}

// Put appends JSON that is spelled out, as the brackets that close.
func (w *Writer) Put(json string) { w.Dst = append(w.Dst, json...) }

// Key begins a member. Its name needs no escapes, or has them.
func (w *Writer) Key(name string) {
	w.Next()
	w.Dst = append(append(append(w.Dst, '"'), name...), '"', ':')
}

// AppendKey is [Writer.Key] for who writes but a member or two.
func AppendKey(dst []byte, name string) []byte {
	w := Writer{dst}
	w.Key(name)
	return w.Dst
}

// Open begins a member whose value is spelled out, or how it begins, as "[".
func (w *Writer) Open(name, value string) {
	w.Key(name)
	w.Put(value)
}

// Member writes a member, and nothing where there is no value.
func (w *Writer) Member(name string, v Value) {
	if len(v) > 0 {
		w.Key(name)
		w.Dst = append(w.Dst, v...)
	}
}

// Text writes a member that is a string, as it stood in another text.
func (w *Writer) Text(name string, t Text) {
	w.Key(name)
	w.Dst = AppendText(w.Dst, t)
}

// String writes a member that is a string.
func (w *Writer) String(name, s string) {
	w.Key(name)
	w.Dst = AppendString(w.Dst, s)
}

// Int writes a member that is a whole number.
func (w *Writer) Int(name string, n int64) {
	w.Key(name)
	w.Dst = strconv.AppendInt(w.Dst, n, 10)
}

// Bool writes a member that is true or false.
func (w *Writer) Bool(name string, b bool) {
	w.Key(name)
	w.Dst = strconv.AppendBool(w.Dst, b)
}

// Texts writes a member that is a list of strings, and nothing where there are
// none.
func (w *Writer) Texts(name string, list []Text) {
	if len(list) == 0 {
		return
	}
	w.Open(name, "[")
	for _, t := range list {
		w.Next()
		w.Dst = AppendText(w.Dst, t)
	}
	w.Put("]")
}
