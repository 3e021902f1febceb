package config

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"

	"golang.org/x/net/http/httpguts"

	"llmroute/translator"
)

// The variables that AWS's own clients read.
const (
	envBedrockKey = "AWS_BEARER_TOKEN_BEDROCK"
	envAWSKeyID   = "AWS_ACCESS_KEY_ID"
	envAWSKey     = "AWS_SECRET_ACCESS_KEY"
)

// bedrockModels are how the ids of models at Bedrock begin: with their vendor,
// with where an inference profile may take them, or as an ARN.
var bedrockModels = []string{
	"ai21.", "amazon.", "anthropic.", "cohere.", "deepseek.", "google.", "meta.", "minimax.", "mistral.", "moonshot.", "moonshotai.",
	"nvidia.", "openai.", "qwen.", "writer.", "zai.",
	"amer.", "apac.", "au.", "ca.", "eu.", "global.", "jp.", "sa.", "us-gov.", "us.",
	"arn:aws",
}

var awsRegion = regexp.MustCompile(`^[a-z]+(-[a-z0-9]+)+$`)

// bedrockFromEnvironment returns Bedrock, when the environment has a key of its
// own, which wins, or AWS's keys, and in either case a region; otherwise nil.
func bedrockFromEnvironment(variable func(string) string) (*Backend, error) {
	auth := Auth{Type: AuthAPIKey, Header: "authorization", Prefix: "Bearer ", Key: Secret(variable(envBedrockKey)),
		From: "environment variable " + envBedrockKey}
	if auth.Key == "" {
		auth = Auth{
			Type: AuthAWSSigV4, Header: "authorization", Service: awsBedrock,
			KeyID: variable(envAWSKeyID), Key: Secret(variable(envAWSKey)), Session: Secret(variable("AWS_SESSION_TOKEN")),
			From: "environment variables " + envAWSKeyID + " and " + envAWSKey,
		}
	}
	region := cmp.Or(variable("AWS_REGION"), variable("AWS_DEFAULT_REGION"))
	switch {
	case auth.Key == "" || auth.Type == AuthAWSSigV4 && auth.KeyID == "" || region == "":
		return nil, nil
	case !awsRegion.MatchString(region):
		return nil, fmt.Errorf("environment variable AWS_REGION or AWS_DEFAULT_REGION: %q is not the name of a region", region)
	case !httpguts.ValidHeaderFieldValue(auth.KeyID + auth.Key.Reveal() + auth.Session.Reveal()):
		return nil, fmt.Errorf("%s holds control characters, which no header can carry", auth.From)
	}
	if auth.Type == AuthAWSSigV4 {
		auth.Region = region
	}
	endpoint, base, err := parseEndpoint(cmp.Or(variable("AWS_ENDPOINT_URL_BEDROCK_RUNTIME"), variable("AWS_ENDPOINT_URL"), bedrockURL(region)))
	if err != nil {
		return nil, fmt.Errorf("environment variable AWS_ENDPOINT_URL_BEDROCK_RUNTIME or AWS_ENDPOINT_URL: %w", err)
	}
	b := &Backend{
		ID:            awsBedrock,
		Source:        auth.From,
		Schema:        translator.Backend{Schema: translator.AWSBedrock, Prefix: base},
		Endpoint:      endpoint,
		Auth:          auth,
		Addressable:   true,
		ModelPrefixes: bedrockModels,
		Timeout:       defaultTimeout,
		IdleTimeout:   defaultIdleTimeout,
	}
	b.translation(nil)
	return b, nil
}

// bedrockURL returns where Bedrock's models are served in a region.
func bedrockURL(region string) string {
	domain := "amazonaws.com"
	switch {
	case strings.HasPrefix(region, "cn-"):
		domain = "amazonaws.com.cn"
	case strings.HasPrefix(region, "eusc-"):
		domain = "amazonaws.eu"
	}
	return "https://bedrock-runtime." + region + "." + domain
}
