package klingsim

import (
	"net/http"
	"testing"
	"time"
)

// TestSignatureVector is the check vector of Kling's page on callbacks.
func TestSignatureVector(t *testing.T) {
	h := http.Header{}
	err := sign(h, "whsec_dGVzdHNlY3JldHRlc3RzZWNyZXR0ZXN0c2VjcmV0MTI=", "9876543210", time.Unix(1781080794, 0),
		[]byte(`{"id":"1234567890","status":"succeeded","message":"","create_time":1781080778802,"update_time":1781080794151}`))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"webhook-id":        "9876543210",
		"webhook-timestamp": "1781080794",
		"webhook-signature": "v1,UsKlJP00XoQyOn410NM9xv34sP+Gl0jnOO9Lcpr7NJ4=",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func TestDecimal(t *testing.T) {
	for millionths, want := range map[int64]string{
		0: "0", 2_400_000: "2.4", 10_000_000: "10", 1: "0.000001", -3_500_000: "-3.5", 280_000: "0.28",
	} {
		if got := decimal(millionths); got != want {
			t.Errorf("%d: got %q, want %q", millionths, got, want)
		}
	}
}
