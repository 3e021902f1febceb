package admin_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"llmroute/admin"
)

func ExampleNew() {
	h := admin.New(admin.Options{
		Listen: "127.0.0.1:1064",
		Ready:  func() error { return errors.New("draining") },
	})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://127.0.0.1:1064/readyz", nil))
	fmt.Print(w.Code, " ", w.Body)
	// Output: 503 not ready: draining
}
