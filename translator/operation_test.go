package translator

import "testing"

func TestOperationOf(t *testing.T) {
	for op := ChatCompletions; op <= Rerank; op++ {
		if got := OperationOf("/v1" + op.Path()); got != op {
			t.Errorf("%s is %v, want %v", op.Path(), got, op)
		}
		if op.String() == "" {
			t.Errorf("%s has no name", op.Path())
		}
	}
	for _, path := range []string{"/rerank", "/v1/rerank", "/v2/rerank"} {
		if got := OperationOf(path); got != Rerank {
			t.Errorf("%q is %v", path, got)
		}
	}
	for _, path := range []string{"/v2", "/v3/rerank", "/rerank/", "", "/v1", "/v1/", "/chat/completions", "/v1/chat/completions/", "/v1/chat", "/v2/chat/completions", "/v1/models"} {
		if got := OperationOf(path); got != None {
			t.Errorf("%q is %v", path, got)
		}
	}
}
