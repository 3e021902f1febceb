package config

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"llmroute/api/v1alpha1"
	"llmroute/translator"
	"llmroute/translator/chat"
)

// translation fills in the schema's options. The schema and the endpoint are
// there already: they decide the defaults.
func (b *Backend) translation(spec *v1alpha1.Translation) {
	if spec == nil {
		spec = &v1alpha1.Translation{}
	}
	s := &b.Schema
	s.UnsupportedParameters = translator.Unsupported(spec.UnsupportedParameters)
	s.MaxTokensField = spec.MaxTokensField
	if spec.ReasoningField != "keep" {
		s.ReasoningField = spec.ReasoningField
	}
	s.LateSystem = chat.Late(spec.LateSystem)
	if spec.ReasoningText != "auto" {
		s.ReasoningText = chat.ReasoningText(spec.ReasoningText)
	}
	s.DefaultMaxTokens = int64(spec.DefaultMaxTokens)
	s.ModelFamily = spec.ModelFamily
	s.Rerank = spec.Rerank
	switch spec.HistoryExtras {
	case "strip":
		s.StripExtras = true
	case "":
		s.StripExtras = b.isOpenAI()
	}
}

// checkRerank returns what is wrong with the server that is said to rerank.
func (b *Backend) checkRerank() error {
	want := translator.OpenAI
	switch b.Schema.Rerank {
	case "":
		return nil
	case translator.AgentRuntime:
		want = translator.AWSBedrock
	}
	if b.Schema.Schema != want {
		return fmt.Errorf("%s is for backends of schema %s", b.Schema.Rerank, want)
	}
	return nil
}

// isOpenAI reports whether b is a host of OpenAI's own, or Azure: they do not
// say what they do with members of messages that they do not know.
func (b *Backend) isOpenAI() bool {
	if b.Schema.Schema == translator.AzureOpenAI {
		return true
	}
	return b.Schema.Schema == translator.OpenAI && b.Endpoint != nil && strings.HasSuffix("."+b.Endpoint.Host, ".openai.com")
}

var azureDated = regexp.MustCompile(`^20[0-9]{2}-[0-9]{2}-[0-9]{2}(-preview)?$`)

// azureVersion checks an api-version and reports whether it is a dated one, of
// the API that has deployments in its paths.
func azureVersion(version string) (dated bool, err error) {
	switch {
	case version == "" || version == "v1" || version == "preview":
		return false, nil
	case azureDated.MatchString(version):
		return true, nil
	}
	return false, errors.New("must be an api-version: v1, preview, or a date such as 2024-10-21 or 2025-04-01-preview")
}

// azurePrefix is what stands before the paths of either API.
func azurePrefix(dated bool) string {
	if dated {
		return "/openai"
	}
	return "/openai/v1"
}
