package fakellm

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"io"
	"slices"
	"strconv"

	"github.com/tidwall/gjson"
)

// seal is what the signature of a thought proves besides its text.
type seal struct {
	place  byte    // parts before it in its turn that are no thoughts
	prefix [8]byte // the conversation it was thought in
}

// thoughtKey is no secret. It only has to be one that no gateway computes with.
var thoughtKey = []byte("a thought of the embedded provider")

// sealLength is a seal's length: place, prefix, and what tells one answer's
// signatures from another's.
const sealLength = 1 + 8 + 8

// sign returns the signature of a thought as it is shown, or the data of one that
// is hidden. salt tells the thoughts of one answer apart.
func (s seal) sign(c *call, kind partKind, shown string, salt byte) string {
	raw := append([]byte{s.place}, s.prefix[:]...)
	raw = append(raw, c.id("", 8, 't', salt)...)
	return base64.StdEncoding.EncodeToString(append(raw, proof(raw, kind, shown)...))
}

// opened reads a signature, and reports whether it is the provider's own for this
// very text.
func opened(kind partKind, shown, signature string) (s seal, ok bool) {
	raw, err := base64.StdEncoding.Strict().DecodeString(signature)
	if err != nil || len(raw) != sealLength+sha256.Size {
		return s, false
	}
	s.place = raw[0]
	copy(s.prefix[:], raw[1:])
	return s, hmac.Equal(raw[sealLength:], proof(raw[:sealLength], kind, shown))
}

func proof(raw []byte, kind partKind, shown string) []byte {
	h := hmac.New(sha256.New, thoughtKey)
	_, _ = h.Write(raw)
	_, _ = io.WriteString(h, string(rune('a'+kind))+shown)
	return h.Sum(nil)
}

// fingerprint tells conversations apart by their values: not by how their JSON is
// written, nor by where they are to be cached.
func fingerprint(parts ...gjson.Result) (sum [8]byte) {
	h := sha256.New()
	for _, p := range parts {
		if p.IsArray() && len(p.Array()) == 0 {
			p = gjson.Result{} // an empty list says no more than none
		}
		canonical(h, p)
	}
	copy(sum[:], h.Sum(nil))
	return sum
}

func canonical(h hash.Hash, v gjson.Result) {
	write := func(s string) { _, _ = io.WriteString(h, s) }
	switch {
	case v.Type == gjson.String:
		write("s" + strconv.Itoa(len(v.Str)) + ":" + v.Str)
	case v.Type == gjson.Number:
		write("n" + strconv.FormatFloat(v.Num, 'g', -1, 64) + ";")
	case v.IsArray():
		write("[")
		v.ForEach(func(_, e gjson.Result) bool {
			if !e.Get("cachePoint").Exists() {
				canonical(h, e)
			}
			return true
		})
		write("]")
	case v.IsObject():
		members := v.Map()
		names := make([]string, 0, len(members))
		for name := range members {
			if name != "cache_control" {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		write("{")
		for _, name := range names {
			write(strconv.Quote(name))
			value := members[name]
			if name == "content" && value.Type == gjson.String {
				value = textBlocks(value.Str) // the two spellings mean the same
			}
			canonical(h, value)
		}
		write("}")
	default:
		write(v.Type.String())
	}
}

// textBlocks spells a text as the list of blocks that it stands for.
func textBlocks(text string) gjson.Result {
	return gjson.ParseBytes(encode([]map[string]string{{"type": "text", "text": text}}))
}
