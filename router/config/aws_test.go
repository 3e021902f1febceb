package config

import "testing"

func TestAWSPlace(t *testing.T) {
	for host, want := range map[string][2]string{
		"bedrock-runtime.us-east-1.amazonaws.com":                     {"us-east-1", "bedrock"},
		"bedrock-runtime-fips.us-gov-west-1.amazonaws.com":            {"us-gov-west-1", "bedrock"},
		"bedrock-runtime.eu-central-1.api.aws":                        {"eu-central-1", "bedrock"},
		"bedrock-runtime.cn-north-1.amazonaws.com.cn":                 {"cn-north-1", "bedrock"},
		"bedrock-runtime.cn-north-1.api.amazonwebservices.com.cn":     {"cn-north-1", "bedrock"},
		"bedrock-runtime.eusc-de-east-1.amazonaws.eu":                 {"eusc-de-east-1", "bedrock"},
		"bedrock-agent-runtime.us-east-1.amazonaws.com":               {"us-east-1", "bedrock"},
		"vpce-0a-b.bedrock-runtime.us-west-2.vpce.amazonaws.com":      {"us-west-2", "bedrock"},
		"Bedrock-Mantle.us-east-2.api.aws":                            {"us-east-2", "bedrock-mantle"},
		"bedrock-runtime.example.com":                                 {},
		"bedrock-runtime.us-east-1.api.example.com":                   {},
		"bedrock-runtime.us-east-1.amazonaws.com.proxy.example.local": {"us-east-1", "bedrock"},
		"localhost": {},
		"bedrock":   {},
		"":          {},
	} {
		if region, service := awsPlace(host); region != want[0] || service != want[1] {
			t.Errorf("%s: region %q, service %q, want %q", host, region, service, want)
		}
	}
}
