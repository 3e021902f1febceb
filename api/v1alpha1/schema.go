package v1alpha1

// APISchema names the API that one side of a request speaks.
type APISchema string

// The APIs there are names for. Whether a backend of that API can be reached is
// for the gateway to say when it loads the document.
const (
	APISchemaOpenAI         APISchema = "OpenAI"
	APISchemaAzureOpenAI    APISchema = "AzureOpenAI"
	APISchemaAnthropic      APISchema = "Anthropic"
	APISchemaAWSBedrock     APISchema = "AWSBedrock"
	APISchemaAWSAnthropic   APISchema = "AWSAnthropic"
	APISchemaGCPVertexAI    APISchema = "GCPVertexAI"
	APISchemaGCPAnthropic   APISchema = "GCPAnthropic"
	APISchemaGoogleAIStudio APISchema = "GoogleAIStudio"
	APISchemaCohere         APISchema = "Cohere"
	APISchemaMistral        APISchema = "Mistral"
)

// InputSchema names the API that clients speak.
type InputSchema struct {
	// Schema is the API. Only OpenAI is supported.
	//
	// +kubebuilder:validation:Enum=OpenAI;AWSBedrock
	// +required
	Schema APISchema `json:"schema"`

	// Version is the version of the API; it is informative.
	//
	// +kubebuilder:validation:MaxLength=64
	// +optional
	Version string `json:"version,omitempty"`
}

// OutputSchema names the API that a backend speaks.
type OutputSchema struct {
	// Schema is the API.
	//
	// +kubebuilder:validation:Enum=OpenAI;AzureOpenAI;Anthropic;AWSBedrock;AWSAnthropic;GCPVertexAI;GCPAnthropic;GoogleAIStudio;Cohere;Mistral
	// +required
	Schema APISchema `json:"schema"`

	// Version is the vendor's version of the API, where it has one. For AzureOpenAI
	// it is the api-version: a date such as 2024-10-21 or 2025-04-01-preview speaks
	// to deployments by their paths; without one, or with v1 or preview, to Azure's
	// v1 API.
	//
	// +kubebuilder:validation:MaxLength=64
	// +optional
	Version string `json:"version,omitempty"`

	// Prefix stands before the API's own paths, such as "/openai/v1". The default
	// is the schema's: "/v1" for OpenAI, "/openai/v1" for AzureOpenAI, "/openai" for
	// it in a dated version. A path in the endpoint says the same, so
	// only one of the two may be given.
	//
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="self.matches('^/[^?#[:space:][:cntrl:]]*$')",message="must start with a slash and have neither query nor fragment"
	// +optional
	Prefix string `json:"prefix,omitempty"`
}
