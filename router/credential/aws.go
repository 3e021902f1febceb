package credential

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"llmroute/router/config"
)

// awsSource gets keys of AWS's: those that are configured, or else from the
// default chain of AWS's own clients: the environment, a web identity (IRSA), the
// shared files, a container's or pod's identity, the instance's. Where a role is
// to be assumed, it gets the role's keys with them.
//
// The library reads files and environment once for each configuration, so each
// Token starts from them again.
type awsSource struct {
	auth config.Auth

	// options are added to those that the chain is loaded with, for tests.
	options []func(*awsconfig.LoadOptions) error
}

func newAWS(a config.Auth) *awsSource { return &awsSource{auth: a} }

// keysRest is how long keys that never expire are used before files and
// environment are looked at again.
const keysRest = time.Hour

// roleSession is what AWS's logs call the sessions in which roles are assumed.
const roleSession = "llmroute"

func (s *awsSource) Token(ctx context.Context) (*Token, error) {
	keys, err := s.fetch(ctx)
	if err != nil {
		err = fmt.Errorf("aws keys: %w", err)
		if code, refused := awsRefusal(err); refused {
			err = &refusedError{code: code, err: err}
		}
		return nil, err
	}
	t := &Token{Value: config.Secret(keys.SecretAccessKey), ID: keys.AccessKeyID, Session: config.Secret(keys.SessionToken),
		Expires: time.Now().Add(keysRest)}
	if keys.CanExpire {
		t.Expires = keys.Expires
	}
	return t, nil
}

func (s *awsSource) fetch(ctx context.Context) (aws.Credentials, error) {
	a := &s.auth
	options := append([]func(*awsconfig.LoadOptions) error{awsconfig.WithRegion(a.Region)}, s.options...)
	switch {
	case a.Key != "":
		static := credentials.NewStaticCredentialsProvider(a.KeyID, a.Key.Reveal(), a.Session.Reveal())
		if a.Role == "" {
			return static.Value, nil
		}
		options = append(options, awsconfig.WithCredentialsProvider(static))
	case a.Profile != "":
		options = append(options, awsconfig.WithSharedConfigProfile(a.Profile))
	}
	cfg, err := awsconfig.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return aws.Credentials{}, err
	}
	if a.Role != "" {
		cfg.Credentials = stscreds.NewAssumeRoleProvider(sts.NewFromConfig(cfg), a.Role, func(o *stscreds.AssumeRoleOptions) {
			o.RoleSessionName = roleSession
			if a.RoleID != "" {
				o.ExternalID = aws.String(a.RoleID)
			}
		})
	}
	return cfg.Credentials.Retrieve(ctx)
}

// awsRefusal tells whether err is AWS's no, which waiting does not mend, and its
// code.
func awsRefusal(err error) (code string, refused bool) {
	answer, ok := errors.AsType[interface {
		error
		HTTPStatusCode() int
	}](err)
	if !ok || !isRefusal(answer.HTTPStatusCode()) || answer.HTTPStatusCode() == http.StatusNotFound {
		return "", false // nothing is found where there is no identity to be had
	}
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		code = e.ErrorCode()
	}
	return code, true
}
