package config

import (
	"fmt"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// secret is a Secret document.
type secret struct {
	APIVersion string            `json:"apiVersion"`
	Kind       string            `json:"kind"`
	Metadata   map[string]any    `json:"metadata"`
	Type       string            `json:"type"`
	Immutable  *bool             `json:"immutable"`
	Data       map[string][]byte `json:"data"`       // base64 in the document
	StringData map[string]string `json:"stringData"` // wins over Data
}

// defaultSecretKey is where a Secret holds an API key unless secretRef says.
const defaultSecretKey = "apiKey"

func (a *assembly) secret(d *document) {
	var s secret
	if problems := d.decodeStrict(d.object, &s); problems != nil {
		a.fail(problems...)
		return
	}
	if d.name == "" {
		a.fail(d.problem("metadata.name", "name is required"))
		return
	}
	name := d.namespace + "/" + d.name
	if first := a.secrets[name]; first != nil {
		a.failTwice(d, first.doc)
		return
	}
	a.secrets[name] = &declared[*secret]{doc: d, value: &s}
}

// value returns what the Secret holds under a key.
func (s *secret) value(key string) (string, bool) {
	if v, ok := s.StringData[key]; ok {
		return v, true
	}
	v, ok := s.Data[key]
	return string(v), ok
}

// keyFromEnv, keyFromFile and keyFromSecret fill in where a backend's key comes
// from, and the key when it is there. One that is not there yet is a warning:
// the other backends work, and this one's requests are told.

func (a *assembly) keyFromEnv(d *document, path, name string, auth *Auth) {
	auth.From = "environment variable " + name
	a.setKey(d, path, a.consulted.variable(name), auth)
}

func (a *assembly) keyFromFile(d *document, path, name string, auth *Auth) {
	auth.From = "file " + name
	data, err := a.consulted.file(name)
	if err != nil {
		a.warn(d.problem(path, fmt.Sprintf("%s cannot be read: %s; requests to this backend get a 401", auth.From, reason(err))))
		return
	}
	a.setKey(d, path, string(data), auth)
}

func (a *assembly) keyFromSecret(d *document, path, name, key string, auth *Auth) {
	if key == "" {
		key = defaultSecretKey
	}
	auth.From = fmt.Sprintf("key %s of Secret %s/%s", key, d.namespace, name)
	s := a.secrets[d.namespace+"/"+name]
	if s == nil {
		a.failMissing(d, path, fmt.Sprintf("%s %s/%s", kindSecret, d.namespace, name))
		return
	}
	s.used = true
	value, ok := s.value.value(key)
	if !ok {
		a.fail(d.problem(path, fmt.Sprintf("Secret %s/%s has no key %s", d.namespace, name, key)))
		return
	}
	a.setKey(d, path, value, auth)
}

// setKey trims the line end that echo and editors leave.
func (a *assembly) setKey(d *document, path, value string, auth *Auth) {
	value = strings.TrimRight(value, "\r\n")
	switch {
	case value == "":
		a.warn(d.problem(path, auth.From+" is empty or not set; requests to this backend get a 401"))
	case auth.Type == AuthAWSSigV4:
		if wrong := setAWSKeys(auth, value); wrong != "" {
			a.fail(d.problem(path, auth.From+" "+wrong))
		}
	case auth.Type == AuthGCP:
		if wrong := checkGoogle(value); wrong != "" {
			a.fail(d.problem(path, auth.From+" "+wrong))
			return
		}
		auth.Key = Secret(value)
	case !httpguts.ValidHeaderFieldValue(value):
		a.fail(d.problem(path, auth.From+" holds control characters, which no header can carry"))
	default:
		auth.Key = Secret(value)
	}
}

func (a *assembly) failTwice(d, first *document) {
	a.fail(d.problem("metadata.name", fmt.Sprintf("%s is declared already at %s", d.label, first.source())))
}
