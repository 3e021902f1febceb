package credential

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"llmroute/router/config"
)

// AWS says where keys of AWS's come from. The zero value is the default chain of
// AWS's own clients: the environment, a web identity (IRSA), the shared files, a
// container's or pod's identity, the instance's.
type AWS struct {
	Region  string // where roles are assumed
	Profile string // of the shared files, "" for the environment's choice
	RoleARN string // of the role to assume with what the chain has, "" for none
	Session string // what to call the session in which it is assumed

	// Options are added to those that the keys are loaded with, for tests.
	Options []func(*awsconfig.LoadOptions) error
}

var _ Source = (*AWS)(nil)

// keysRest is how long keys that never expire are used before files and
// environment are looked at again.
const keysRest = time.Hour

// Token gets keys anew: files and environment are read again each time.
func (a *AWS) Token(ctx context.Context) (*Token, error) {
	options := []func(*awsconfig.LoadOptions) error{awsconfig.WithRegion(a.Region)}
	if a.Profile != "" {
		options = append(options, awsconfig.WithSharedConfigProfile(a.Profile))
	}
	cfg, err := awsconfig.LoadDefaultConfig(ctx, append(options, a.Options...)...)
	if err != nil {
		return nil, fmt.Errorf("AWS configuration: %w", err)
	}
	if a.RoleARN != "" {
		cfg.Credentials = stscreds.NewAssumeRoleProvider(sts.NewFromConfig(cfg), a.RoleARN, func(o *stscreds.AssumeRoleOptions) {
			if a.Session != "" {
				o.RoleSessionName = a.Session
			}
		})
	}
	keys, err := cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, fmt.Errorf("AWS keys: %w", err)
	}
	return tokenOf(&keys), nil
}

func tokenOf(keys *aws.Credentials) *Token {
	t := &Token{Value: config.Secret(keys.SecretAccessKey), ID: keys.AccessKeyID, Session: config.Secret(keys.SessionToken),
		Expires: time.Now().Add(keysRest)}
	if keys.CanExpire {
		t.Expires = keys.Expires
	}
	return t
}
