package control

import (
	"context"
	"io"
	"net/http"
	"time"

	"lockerd/daemon/bank"
)

// bundleTime is what the making of a support bundle may take; whoever makes it
// keeps to less, and to one at a time.
const bundleTime = 30 * time.Second

// Bundle lets support bundles be asked for. It is to be called before Serve.
func (s *Server) Bundle(do func(context.Context) ([]byte, error)) { s.bundle = do }

// sendBundle answers with a support bundle as it is.
func (s *Server) sendBundle(w http.ResponseWriter, r *http.Request) {
	if _, err := query(r); err != nil {
		s.refuse(w, r, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), bundleTime)
	defer cancel()
	b, err := s.makeBundle(ctx)
	if err != nil {
		s.refuse(w, r, s.late(ctx, err, bundleTime))
		return
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(bundleTime)) // unsupported only in tests
	w.Header().Set("Content-Type", "application/gzip")
	_, _ = w.Write(b) // a client that has gone needs no answer
}

func (s *Server) makeBundle(ctx context.Context) ([]byte, error) {
	if s.bundle == nil {
		return nil, &bank.Error{Code: CodeUnavailable, Text: "cannot make a support bundle: this lockerd was built into another program", Cure: "use the lockerd of the package"}
	}
	return s.bundle(ctx)
}

// Bundle asks for a support bundle, which is not encrypted.
func (c *Client) Bundle(ctx context.Context) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, bundleTime+patience)
	defer cancel()
	resp, err := c.do(ctx, http.MethodGet, "/v1/bundle", nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, c.unreachable(err)
	}
	return b, nil
}
