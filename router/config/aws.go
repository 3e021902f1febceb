package config

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"llmroute/api/v1alpha1"
)

// The services of AWS's that serve models, as signatures call them.
const (
	awsBedrock = "bedrock"
	awsMantle  = "bedrock-mantle"
)

// awsAuth reads auth of type AWSSigV4. endpoint may be nil.
func (a *assembly) awsAuth(d *document, spec *v1alpha1.BackendAuth, endpoint *Endpoint) Auth {
	auth := Auth{Type: AuthAWSSigV4, Header: "authorization", Region: spec.Region, Service: spec.Service,
		Profile: spec.Profile, Role: spec.AssumeRoleARN, RoleID: spec.ExternalID}
	if endpoint != nil {
		region, service := awsPlace(endpoint.Host)
		auth.Region, auth.Service = cmp.Or(auth.Region, region), cmp.Or(auth.Service, service)
	}
	auth.Service = cmp.Or(auth.Service, awsBedrock)
	if auth.Region == "" {
		a.fail(d.problem("spec.auth.region", "required: the endpoint's host does not tell the region of AWS"))
	}
	a.secretOf(d, spec, &auth)
	if auth.From == "" {
		auth.Shared = a.awsShared()
	}
	return auth
}

// awsDomains are what follows the region in the names of AWS's hosts: amazonaws.com,
// .com.cn and .eu, of endpoints in a private network, and of dual stack.
var awsDomains = []string{"amazonaws.", "vpce.amazonaws.", "api.aws.", "api.amazonwebservices."}

// awsPlace returns the region that an endpoint of Bedrock's is in, and the
// service there; "" for another host. They are two labels of the name, as in
// bedrock-runtime-fips.us-gov-west-1.amazonaws.com.
func awsPlace(host string) (region, service string) {
	labels := strings.Split(strings.ToLower(host), ".")
	for i, l := range labels[:len(labels)-1] {
		if !strings.HasPrefix(l, awsBedrock) {
			continue
		}
		rest := strings.Join(labels[i+2:], ".") + "."
		if !slices.ContainsFunc(awsDomains, func(domain string) bool { return strings.HasPrefix(rest, domain) }) {
			continue
		}
		if strings.HasPrefix(l, awsMantle) {
			return labels[i+1], awsMantle
		}
		return labels[i+1], awsBedrock
	}
	return "", ""
}

// awsShared digests the shared files of AWS's clients, where the default chain
// looks: with other files it is another credential, and fetched at once. It
// returns "" where there are none.
func (a *assembly) awsShared() string {
	sum, some := sha256.New(), false
	for _, f := range []struct{ variable, name string }{{"AWS_CONFIG_FILE", "config"}, {"AWS_SHARED_CREDENTIALS_FILE", "credentials"}} {
		name := a.consulted.variable(f.variable)
		if home := a.consulted.variable("HOME"); name == "" && home != "" {
			name = filepath.Join(home, ".aws", f.name)
		}
		if name == "" {
			continue
		}
		data, err := a.consulted.file(name)
		if err == nil {
			some = true
		}
		fmt.Fprintf(sum, "%q %q ", name, data)
	}
	if !some {
		return ""
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}

// awsDefaultProfile is the section of a credentials file that counts unless
// another is named.
const awsDefaultProfile = "default"

// setAWSKeys fills in the keys that a credentials file of AWS's has, and returns
// what is wrong with it, or "". It repeats nothing of it.
//
// https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
func setAWSKeys(auth *Auth, text string) (wrong string) {
	section := cmp.Or(auth.Profile, awsDefaultProfile)
	in, found := false, false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		if line[0] == '[' {
			name, _, ok := strings.Cut(line[1:], "]")
			if !ok {
				return "has a line that begins like a section and does not end like one"
			}
			// The config file's spelling is taken as well.
			in = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(name), "profile ")) == section
			found = found || in
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if !ok {
			return "is not a credentials file of AWS's: a line is neither a section nor NAME = VALUE"
		}
		if !in {
			continue
		}
		switch value = strings.TrimSpace(value); strings.ToLower(strings.TrimSpace(name)) {
		case "aws_access_key_id":
			auth.KeyID = value
		case "aws_secret_access_key":
			auth.Key = Secret(value)
		case "aws_session_token":
			auth.Session = Secret(value)
		}
	}
	switch {
	case !found:
		return fmt.Sprintf("has no section [%s]", section)
	case auth.KeyID == "" || auth.Key == "":
		return fmt.Sprintf("lacks aws_access_key_id or aws_secret_access_key in its section [%s]", section)
	case !httpguts.ValidHeaderFieldValue(auth.KeyID + auth.Session.Reveal()):
		return fmt.Sprintf("holds control characters in its section [%s], which no header can carry", section)
	}
	return ""
}
