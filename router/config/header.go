package config

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// ownedHeaders are set from the message itself or belong to one connection. A
// configuration that sets them breaks the request or splits it in two.
var ownedHeaders = map[string]bool{
	"host": true, "content-length": true, "transfer-encoding": true,
	"connection": true, "keep-alive": true, "proxy-connection": true, "te": true, "trailer": true, "upgrade": true,
}

// ownedPrefixes are the names by which Envoy and this gateway speak to each
// other: writing one could move a request to another backend.
var ownedPrefixes = []string{"x-envoy-", "x-llmroute-"}

// checkHeaderName returns the name in lower case, or why it may not be written.
func checkHeaderName(name string) (string, error) {
	lower := strings.ToLower(name)
	switch {
	case strings.HasPrefix(name, ":"):
		return "", fmt.Errorf("%s is a pseudo-header and cannot be changed", lower)
	case !httpguts.ValidHeaderFieldName(name):
		return "", errors.New("not a header name")
	case ownedHeaders[lower]:
		return "", fmt.Errorf("%s is set from the message and cannot be changed", lower)
	}
	for _, p := range ownedPrefixes {
		if strings.HasPrefix(lower, p) {
			return "", fmt.Errorf("%s belongs to the gateway and cannot be changed", lower)
		}
	}
	return lower, nil
}

// checkHeaderValue refuses what would end the header early.
func checkHeaderValue(value string) error {
	if !httpguts.ValidHeaderFieldValue(value) {
		return errors.New("a header's value must not hold control characters")
	}
	return nil
}

// maxModelBytes bounds a model's name: it travels in a header.
const maxModelBytes = 256

func checkModel(name string) error {
	switch {
	case name == "":
		return errors.New("a model's name must not be empty")
	case len(name) > maxModelBytes:
		return fmt.Errorf("a model's name must not be longer than %d bytes", maxModelBytes)
	case !httpguts.ValidHeaderFieldValue(name):
		return errors.New("a model's name must not hold control characters")
	}
	return nil
}
