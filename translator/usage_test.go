package translator

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadUsage(t *testing.T) {
	tests := []struct {
		name, raw string
		want      Usage
	}{
		{"null", `null`, Usage{}},
		{"empty", `{}`, Usage{}},
		{"zeros", `{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}`, Usage{}},
		{"no total", `{"prompt_tokens":3,"completion_tokens":4}`, Usage{Input: 3, Output: 4, Total: 7}},
		{"total alone", `{"total_tokens":9}`, Usage{Input: 9, Total: 9}},
		{"total too small", `{"prompt_tokens":3,"completion_tokens":4,"total_tokens":1}`, Usage{Input: 3, Output: 4, Total: 7}},
		{"total too large", `{"prompt_tokens":3,"completion_tokens":4,"total_tokens":100}`, Usage{Input: 3, Output: 4, Total: 7}},
		{"reasoning beside the output", `{"prompt_tokens":3,"completion_tokens":4,"total_tokens":17,"completion_tokens_details":{"reasoning_tokens":10}}`, Usage{Input: 3, Output: 14, Reasoning: 10, Total: 17}},
		{"no details", `{"prompt_tokens":3,"prompt_tokens_details":null,"completion_tokens":1,"completion_tokens_details":null}`, Usage{Input: 3, Output: 1, Total: 4}},
		{"DeepSeek", `{"prompt_tokens":10,"completion_tokens":1,"prompt_cache_hit_tokens":7,"prompt_cache_miss_tokens":3}`, Usage{Input: 10, Cached: 7, Output: 1, Total: 11}},
		{"SGLang", `{"prompt_tokens":10,"completion_tokens":9,"total_tokens":19,"reasoning_tokens":5,"prompt_tokens_details":null}`, Usage{Input: 10, Output: 9, Reasoning: 5, Total: 19}},
		{"fractions", `{"prompt_tokens":10.0,"completion_tokens":9.9}`, Usage{Input: 10, Output: 9, Total: 19}},
		{"exponents", `{"prompt_tokens":1.5e3,"completion_tokens":2e1}`, Usage{Input: 1500, Output: 20, Total: 1520}},
		{"no counts", `{"prompt_tokens":-1,"completion_tokens":"7","total_tokens":true}`, Usage{}},
		{"an escaped name", `{"prompt\u005ftokens":3,"completion_tokens":4}`, Usage{Input: 3, Output: 4, Total: 7}},
		{"beyond reason", `{"prompt_tokens":99999999999999999999,"completion_tokens":1}`, Usage{Output: 1, Total: 1}},
		{"seconds of audio", `{"type":"duration","seconds":12}`, Usage{}},
		{"torn", `{"prompt_tokens":3,"completion_tokens":4,"total`, Usage{Input: 3, Output: 4, Total: 7}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := readUsage([]byte(tt.raw))
			if diff := cmp.Diff(got, tt.want); diff != "" || ok != (tt.want != Usage{}) {
				t.Errorf("ok %v\n%s", ok, diff)
			}
		})
	}
}
