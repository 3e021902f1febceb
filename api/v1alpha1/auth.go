package v1alpha1

// BackendAuthType is a way to authenticate to a backend.
//
// +kubebuilder:validation:Enum=None;Passthrough;APIKey;AWSSigV4;GCP;AzureEntra
type BackendAuthType string

const (
	// BackendAuthNone takes the client's credentials off and sends none.
	BackendAuthNone BackendAuthType = "None"
	// BackendAuthPassthrough sends the client's own credentials on.
	BackendAuthPassthrough BackendAuthType = "Passthrough"
	// BackendAuthAPIKey sets one header to a key.
	BackendAuthAPIKey BackendAuthType = "APIKey"
	// BackendAuthAWSSigV4 signs each request with keys of AWS's.
	BackendAuthAWSSigV4 BackendAuthType = "AWSSigV4"
	// BackendAuthGCP sends an access token of Google Cloud.
	BackendAuthGCP BackendAuthType = "GCP"
	// BackendAuthAzureEntra sends an access token of Microsoft Entra ID.
	BackendAuthAzureEntra BackendAuthType = "AzureEntra"
)

// BackendAuth is how a backend wants to be authenticated to. The secret, where
// the type has one, comes from one of key, env, file and secretRef: the key of
// APIKey; for AWSSigV4, which needs none where the environment has keys, the text
// of a credentials file of AWS's; for GCP, which needs none where the environment has credentials, the
// JSON document of a service account, a user or a federated workload; for
// AzureEntra, which needs none with a federated token or a managed identity, the
// client secret of an application. What lasts only for a while is fetched and
// renewed in the background.
//
// +kubebuilder:validation:XValidation:rule="self.type != 'APIKey' || [has(self.key), has(self.env), has(self.file), has(self.secretRef)].filter(x, x).size() == 1",message="type APIKey needs exactly one of key, env, file and secretRef"
// +kubebuilder:validation:XValidation:rule="self.type == 'APIKey' || !(has(self.header) || has(self.prefix) || has(self.key))",message="header, prefix and key are for type APIKey"
// +kubebuilder:validation:XValidation:rule="!(self.type in ['None', 'Passthrough']) || !(has(self.env) || has(self.file) || has(self.secretRef))",message="env, file and secretRef are for a type that has a secret"
// +kubebuilder:validation:XValidation:rule="self.type == 'APIKey' || [has(self.env), has(self.file), has(self.secretRef)].filter(x, x).size() < 2",message="only one of env, file and secretRef may be given"
// +kubebuilder:validation:XValidation:rule="self.type == 'AWSSigV4' || !(has(self.region) || has(self.service) || has(self.profile) || has(self.assumeRoleArn))",message="region, service, profile and assumeRoleArn are for type AWSSigV4"
// +kubebuilder:validation:XValidation:rule="!has(self.externalID) || has(self.assumeRoleArn)",message="externalID is for a role to assume: it needs assumeRoleArn"
// +kubebuilder:validation:XValidation:rule="!has(self.scope) || self.type in ['GCP', 'AzureEntra']",message="scope is for the types GCP and AzureEntra"
// +kubebuilder:validation:XValidation:rule="self.type == 'AzureEntra' || !(has(self.tenantID) || has(self.clientID) || has(self.federatedTokenFile))",message="tenantID, clientID and federatedTokenFile are for type AzureEntra"
// +kubebuilder:validation:XValidation:rule="!has(self.federatedTokenFile) || !(has(self.env) || has(self.file) || has(self.secretRef))",message="only one of a client secret and a federatedTokenFile may be given"
// +kubebuilder:validation:XValidation:rule="self.type != 'AzureEntra' || !(has(self.env) || has(self.file) || has(self.secretRef) || has(self.federatedTokenFile)) || (has(self.tenantID) && has(self.clientID))",message="a client secret and a federatedTokenFile need tenantID and clientID"
// +kubebuilder:validation:XValidation:rule="!has(self.tenantID) || has(self.env) || has(self.file) || has(self.secretRef) || has(self.federatedTokenFile)",message="tenantID is for a client secret or a federatedTokenFile: a managed identity knows its own"
type BackendAuth struct {
	// Type is None, Passthrough (the client's own credentials go on), APIKey,
	// AWSSigV4, GCP or AzureEntra.
	//
	// +kubebuilder:default=None
	// +optional
	Type BackendAuthType `json:"type,omitempty"`

	// Header is the header that carries the key. The default is Authorization, for
	// the schema AzureOpenAI api-key and for Anthropic x-api-key.
	//
	// +optional
	Header HeaderName `json:"header,omitempty"`

	// Prefix stands before the key. The default is "Bearer " in the header
	// Authorization and nothing in another.
	//
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^[ -~]*$`
	// +optional
	Prefix *string `json:"prefix,omitempty"`

	// Key is the key itself, readable by whoever reads this document: for trying
	// things out.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=4096
	// +kubebuilder:validation:Pattern=`^[!-~]+$`
	// +optional
	Key string `json:"key,omitempty"`

	// Env is the environment variable of the gateway that holds the secret.
	//
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:Pattern=`^[A-Za-z_][A-Za-z0-9_]*$`
	// +optional
	Env string `json:"env,omitempty"`

	// File is a file on the gateway's host that holds the secret; white space
	// around it does not count. What is changed there is read again.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=4096
	// +optional
	File string `json:"file,omitempty"`

	// SecretRef is a Secret that holds the secret.
	//
	// +optional
	SecretRef *SecretKeyRef `json:"secretRef,omitempty"`

	// Region is the region of AWS that requests are signed for. The default is what
	// the endpoint's host says, where that is one of Bedrock's.
	//
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^[a-z]+(-[a-z0-9]+)+$`
	// +optional
	Region string `json:"region,omitempty"`

	// Service is the service of AWS that requests are signed for. The default is
	// bedrock, and bedrock-mantle where the endpoint's host begins so.
	//
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^[a-z0-9]+(-[a-z0-9]+)*$`
	// +optional
	Service string `json:"service,omitempty"`

	// Profile is the section of the credentials file; without one, of the shared
	// files of AWS's own clients. The default is "default" in the former, and what
	// the environment says in the latter.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:Pattern=`^[^\[\]\r\n]+$`
	// +optional
	Profile string `json:"profile,omitempty"`

	// AssumeRoleARN is a role to assume: with the keys that were found, requests
	// are then signed with the role's.
	//
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:Pattern=`^arn:[a-z0-9-]+:iam::[0-9]{12}:role/[!-~]+$`
	// +optional
	AssumeRoleARN string `json:"assumeRoleArn,omitempty"`

	// ExternalID is what the owner of the role to assume wants to be told, where
	// its trust policy has a condition on sts:ExternalId.
	//
	// +kubebuilder:validation:MinLength=2
	// +kubebuilder:validation:MaxLength=1224
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9_+=,.@:/-]+$`
	// +optional
	ExternalID string `json:"externalID,omitempty"`

	// Scope is what a token is to be good for. The default for GCP is
	// https://www.googleapis.com/auth/cloud-platform, for AzureEntra
	// https://cognitiveservices.azure.com/.default.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:Pattern=`^[!-~]+$`
	// +optional
	Scope string `json:"scope,omitempty"`

	// TenantID is the Entra tenant of the application.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9]([-.A-Za-z0-9]*[A-Za-z0-9])?$`
	// +optional
	TenantID string `json:"tenantID,omitempty"`

	// ClientID is the application's, or that of a managed identity where the
	// machine has several. Without a client secret and a federated token AzureEntra
	// takes what Azure's workload identity put into the environment, else the
	// machine's managed identity.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[-A-Za-z0-9]+$`
	// +optional
	ClientID string `json:"clientID,omitempty"`

	// FederatedTokenFile is a file on the gateway's host with a token of another
	// identity provider, such as a Kubernetes service account's, that the
	// application trusts. It is read again for each token.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=4096
	// +optional
	FederatedTokenFile string `json:"federatedTokenFile,omitempty"`
}

// SecretKeyRef names one entry of a Secret in the same namespace.
type SecretKeyRef struct {
	// Name is the name of the Secret.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name"`

	// Key is the entry of the Secret.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:default=apiKey
	// +optional
	Key string `json:"key,omitempty"`
}
