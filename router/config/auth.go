package config

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"llmroute/api/v1alpha1"
	"llmroute/translator"
)

// auth reads how b, of which schema and endpoint are known, is authenticated to.
func (a *assembly) auth(d *document, spec *v1alpha1.BackendAuth, b *Backend) Auth {
	const path = "spec.auth."
	if spec == nil {
		return Auth{Type: AuthNone}
	}
	auth := Auth{Type: AuthType(spec.Type)}
	switch auth.Type {
	case AuthAPIKey:
	case AuthAWSSigV4:
		return a.awsAuth(d, spec, b.Endpoint)
	case AuthGCP:
		return a.googleAuth(d, spec)
	case AuthAzureEntra:
		return a.entraAuth(d, spec)
	default:
		return auth
	}
	auth.Header = keyHeader(b.Schema.Schema)
	if spec.Header != "" {
		name, err := checkHeaderName(string(spec.Header))
		a.failOn(d, path+"header", err)
		auth.Header = name
	}
	switch {
	case spec.Prefix != nil:
		auth.Prefix = *spec.Prefix
	case auth.Header == "authorization":
		auth.Prefix = "Bearer "
	}
	a.secretOf(d, spec, &auth)
	return auth
}

// keyHeader is the header in which an API expects its key.
func keyHeader(schema translator.Schema) string {
	switch schema {
	case translator.AzureOpenAI:
		return "api-key"
	case translator.Anthropic:
		return "x-api-key"
	case translator.GoogleAIStudio:
		return "x-goog-api-key"
	}
	return "authorization"
}

// secretOf fills in the secret from whichever source is given.
func (a *assembly) secretOf(d *document, spec *v1alpha1.BackendAuth, auth *Auth) {
	const path = "spec.auth."
	switch {
	case spec.Key != "":
		auth.From = path + "key"
		a.warn(d.problem(path+"key", "the key can be read by whoever reads this file: use env, file or secretRef"))
		a.setKey(d, path+"key", spec.Key, auth)
	case spec.Env != "":
		a.keyFromEnv(d, path+"env", spec.Env, auth)
	case spec.File != "":
		a.keyFromFile(d, path+"file", spec.File, auth)
	case spec.SecretRef != nil:
		a.keyFromSecret(d, path+"secretRef", spec.SecretRef.Name, spec.SecretRef.Key, auth)
	}
}

// googleScope is the scope of everything that Google Cloud serves.
const googleScope = "https://www.googleapis.com/auth/cloud-platform"

func (a *assembly) googleAuth(d *document, spec *v1alpha1.BackendAuth) Auth {
	auth := Auth{Type: AuthGCP, Header: "authorization", Prefix: "Bearer ", Scope: cmp.Or(spec.Scope, googleScope)}
	a.secretOf(d, spec, &auth)
	if auth.From == "" {
		// Where the environment names a document, it is watched like any other.
		if name := a.consulted.variable("GOOGLE_APPLICATION_CREDENTIALS"); name != "" {
			a.keyFromFile(d, "spec.auth", name, &auth)
		}
	}
	return auth
}

// entraScope is the scope of Azure's model services.
const entraScope = "https://cognitiveservices.azure.com/.default"

func (a *assembly) entraAuth(d *document, spec *v1alpha1.BackendAuth) Auth {
	auth := Auth{
		Type: AuthAzureEntra, Header: "authorization", Prefix: "Bearer ", Scope: cmp.Or(spec.Scope, entraScope),
		Tenant: spec.TenantID, Client: spec.ClientID, TokenFile: spec.FederatedTokenFile,
	}
	a.secretOf(d, spec, &auth)
	if auth.From != "" || auth.TokenFile != "" {
		return auth
	}
	// What Azure's workload identity puts into the environment of a pod.
	if file := a.consulted.variable("AZURE_FEDERATED_TOKEN_FILE"); file != "" {
		auth.TokenFile = file
		auth.Tenant = a.consulted.variable("AZURE_TENANT_ID")
		auth.Client = cmp.Or(auth.Client, a.consulted.variable("AZURE_CLIENT_ID"))
		if auth.Tenant == "" || auth.Client == "" {
			a.fail(d.problem("spec.auth", "the environment has AZURE_FEDERATED_TOKEN_FILE, but not AZURE_TENANT_ID and AZURE_CLIENT_ID with it"))
		}
	}
	return auth
}

// googleDocuments are the types of credentials that a document may hold.
var googleDocuments = []string{
	"authorized_user", "external_account", "external_account_authorized_user", "impersonated_service_account", "service_account",
}

// checkGoogle returns what is wrong with a document of Google's credentials, or
// "". It repeats nothing of it.
func checkGoogle(document string) string {
	var d struct {
		Type string `json:"type"`
	}
	switch err := json.Unmarshal([]byte(document), &d); {
	case err != nil:
		return "is not the JSON document of Google credentials"
	case !slices.Contains(googleDocuments, d.Type):
		return "is not a document of Google credentials: its type must be one of " + strings.Join(googleDocuments, ", ")
	}
	return ""
}
