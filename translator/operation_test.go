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
	for _, path := range []string{"", "/v1", "/v1/", "/chat/completions", "/v1/chat/completions/", "/v1/chat", "/v2/chat/completions", "/v1/models"} {
		if got := OperationOf(path); got != None {
			t.Errorf("%q is %v", path, got)
		}
	}
}
