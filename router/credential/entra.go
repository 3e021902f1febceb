package credential

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"llmroute/router/config"
)

// entraSource gets access tokens of Microsoft Entra ID: for an application that
// has a client secret, for one that shows the token of another identity
// provider, or for the managed identity of the machine.
//
// The library keeps tokens until they have nearly expired, so each Token starts
// anew; the one of a managed identity is kept by the machine all the same.
type entraSource struct {
	auth    config.Auth
	options azcore.ClientOptions
}

func newEntra(a config.Auth, client *http.Client) Source {
	return &entraSource{auth: a, options: azcore.ClientOptions{Transport: client}}
}

func (s *entraSource) Token(ctx context.Context) (*Token, error) {
	c, err := s.credential()
	if err != nil {
		return nil, fmt.Errorf("entra credential: %w", err)
	}
	t, err := c.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{s.auth.Scope}})
	if err != nil {
		err = fmt.Errorf("entra token: %w", err)
		if isEntraRefusal(err) {
			err = &refusedError{code: entraCode.FindString(err.Error()), err: err}
		}
		return nil, err
	}
	return &Token{Value: config.Secret(t.Token), Expires: t.ExpiresOn}, nil
}

func (s *entraSource) credential() (azcore.TokenCredential, error) {
	a := &s.auth
	switch {
	case a.Key != "":
		return azidentity.NewClientSecretCredential(a.Tenant, a.Client, a.Key.Reveal(),
			&azidentity.ClientSecretCredentialOptions{ClientOptions: s.options})
	case a.TokenFile != "":
		return azidentity.NewClientAssertionCredential(a.Tenant, a.Client, s.assertion,
			&azidentity.ClientAssertionCredentialOptions{ClientOptions: s.options})
	}
	o := &azidentity.ManagedIdentityCredentialOptions{ClientOptions: s.options}
	if a.Client != "" {
		o.ID = azidentity.ClientID(a.Client)
	}
	return azidentity.NewManagedIdentityCredential(o)
}

// assertion reads the token to show, which its issuer replaces now and then.
func (s *entraSource) assertion(context.Context) (string, error) {
	token, err := os.ReadFile(s.auth.TokenFile)
	if err != nil {
		return "", fmt.Errorf("federated token: %w", err)
	}
	return strings.TrimSpace(string(token)), nil
}

// entraCode is what Entra calls its errors, AADSTS7000215 for a wrong secret.
var entraCode = regexp.MustCompile(`AADSTS[0-9]+`)

func isEntraRefusal(err error) bool {
	e, ok := errors.AsType[*azidentity.AuthenticationFailedError](err)
	if !ok || e.RawResponse == nil {
		return false
	}
	return isRefusal(e.RawResponse.StatusCode)
}
