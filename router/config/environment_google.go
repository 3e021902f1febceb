package config

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"

	"llmroute/translator"
)

// geminiModels are how the names of Google's models begin.
var geminiModels = []string{"gemini-", "gemma-"}

// The variables by which Google's own clients choose Vertex AI.
const (
	envUseVertex     = "GOOGLE_GENAI_USE_VERTEXAI"
	envUseEnterprise = "GOOGLE_GENAI_USE_ENTERPRISE" // the newer name, which wins
	envProject       = "GOOGLE_CLOUD_PROJECT"
	envLocation      = "GOOGLE_CLOUD_LOCATION"
	envRegion        = "GOOGLE_CLOUD_REGION"
)

// googleLocation is what a location of Google Cloud looks like. It becomes part of
// a host's name.
var googleLocation = regexp.MustCompile(`^[a-z]+(-[a-z]+[0-9]+)?$`)

// usesVertex reports whether Google's own clients would speak to Vertex AI, and not
// to the Gemini API.
func usesVertex(variable func(string) string) bool {
	switch strings.ToLower(cmp.Or(variable(envUseEnterprise), variable(envUseVertex))) {
	case "1", "true":
		return true
	}
	return false
}

// vertexFromEnvironment configures Gemini on Vertex AI where the environment asks
// for it and names a project. Tokens are got for whoever the environment says.
func vertexFromEnvironment(variable func(string) string) (*Backend, error) {
	project := variable(envProject)
	if !usesVertex(variable) || project == "" {
		return nil, nil
	}
	location := cmp.Or(variable(envLocation), variable(envRegion), "global")
	if !googleLocation.MatchString(location) {
		return nil, fmt.Errorf("environment variable %s or %s: %q is not the name of a location", envLocation, envRegion, location)
	}
	endpoint, base, err := parseEndpoint(cmp.Or(variable("GOOGLE_VERTEX_BASE_URL"), vertexURL(location)))
	if err != nil {
		return nil, fmt.Errorf("environment variable GOOGLE_VERTEX_BASE_URL: %w", err)
	}
	b := &Backend{
		ID:     "vertex",
		Source: "environment variable " + envProject,
		Schema: translator.Backend{Schema: translator.GCPVertexAI, Prefix: base + defaultPrefixes[translator.GCPVertexAI],
			Project: project, Location: location},
		Endpoint:      endpoint,
		Auth:          Auth{Type: AuthGCP, Header: "authorization", Prefix: "Bearer ", Scope: googleScope},
		Addressable:   true,
		ModelPrefixes: geminiModels,
		Timeout:       defaultTimeout,
		IdleTimeout:   defaultIdleTimeout,
	}
	b.translation(nil)
	return b, nil
}

// vertexURL returns where the models of a location are served.
func vertexURL(location string) string {
	switch location {
	case "global":
		return "https://aiplatform.googleapis.com"
	case "us", "eu":
		return "https://aiplatform." + location + ".rep.googleapis.com"
	}
	return "https://" + location + "-aiplatform.googleapis.com"
}
