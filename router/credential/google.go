package credential

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"golang.org/x/net/http/httpguts"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"

	"llmroute/router/config"
)

// googleSource gets access tokens of Google Cloud: for a service account's key,
// a user's own credentials or a workload of another identity provider, as its
// JSON document says, and without a document for whom the environment says.
//
// The library keeps tokens until they have nearly expired, so each Token starts
// from the document again. A subject token that the document names by file is
// read anew at each exchange.
type googleSource struct {
	document []byte
	kind     google.CredentialsType
	scope    string
	client   *http.Client
}

func newGoogle(a config.Auth, client *http.Client) (Source, error) {
	s := &googleSource{document: []byte(a.Key.Reveal()), scope: a.Scope, client: client}
	if len(s.document) == 0 {
		return s, nil
	}
	var d struct {
		Type google.CredentialsType `json:"type"`
	}
	if err := json.Unmarshal(s.document, &d); err != nil {
		return nil, errors.New("not a JSON document") // what is wrong with it might show it
	}
	s.kind = d.Type
	return s, nil
}

func (s *googleSource) Token(ctx context.Context) (*Token, error) {
	// The library tells a refusal from a broken line only now and then.
	answered := &lastAnswer{next: s.client.Transport}
	client := *s.client
	client.Transport = answered
	t, project, err := s.fetch(context.WithValue(ctx, oauth2.HTTPClient, &client))
	if err != nil {
		err = fmt.Errorf("google token: %w", err)
		if isRefusal(answered.status) {
			err = &refusedError{code: googleCode(err), err: err}
		}
		return nil, err
	}
	return &Token{Value: config.Secret(t.AccessToken), Expires: t.Expiry, QuotaProject: project}, nil
}

func (s *googleSource) fetch(ctx context.Context) (t *oauth2.Token, project string, err error) {
	var c *google.Credentials
	if len(s.document) == 0 {
		c, err = google.FindDefaultCredentials(ctx, s.scope)
	} else {
		c, err = google.CredentialsFromJSONWithType(ctx, s.document, s.kind, s.scope)
	}
	if err != nil {
		return nil, "", err
	}
	t, err = c.TokenSource.Token()
	return t, quotaProject(c.JSON), err
}

// quotaProject returns the project that a credentials document names for quotas,
// "" for none, and for a name that is none.
func quotaProject(document []byte) string {
	var d struct {
		Project string `json:"quota_project_id"`
	}
	_ = json.Unmarshal(document, &d) // there is none on Google's own machines
	if !httpguts.ValidHeaderFieldValue(d.Project) {
		return ""
	}
	return d.Project
}

// googleCode returns the OAuth code of a refusal, where the library shows it.
func googleCode(err error) string {
	e, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok {
		return ""
	}
	var body struct {
		Error string `json:"error"`
	}
	_ = json.Unmarshal(e.Body, &body) // without a body there is no code
	return cmp.Or(e.ErrorCode, body.Error)
}

// lastAnswer is a transport that remembers how it was answered last. One
// goroutine uses it.
type lastAnswer struct {
	next   http.RoundTripper // nil is the usual one
	status int
}

func (l *lastAnswer) RoundTrip(r *http.Request) (*http.Response, error) {
	l.status = 0
	resp, err := cmp.Or(l.next, http.DefaultTransport).RoundTrip(r)
	if err == nil {
		l.status = resp.StatusCode
	}
	return resp, err
}
