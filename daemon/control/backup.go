package control

import (
	"context"
	"io"
	"net/http"
	"time"

	"lockerd/daemon/bank"
)

// writeStall is how long a backup's client may take nothing: the files are held open
// for it.
const writeStall = time.Minute

// Backup lets backups be asked for: do writes one, and ends when a write fails. It is
// to be called before Serve.
func (s *Server) Backup(do func(ctx context.Context, w io.Writer) error) { s.backup = do }

// sendBackup streams a backup. One that breaks off says why in the trailer.
func (s *Server) sendBackup(w http.ResponseWriter, r *http.Request) {
	if _, err := query(r); err != nil {
		s.refuse(w, r, err)
		return
	}
	if s.backup == nil {
		s.refuse(w, r, &bank.Error{Code: CodeUnavailable, Text: "cannot back up: this lockerd was built into another program", Cure: "use the lockerd of the package"})
		return
	}
	ctx, cancel := s.untilStop(r.Context())
	defer cancel()
	out := &patient{ctx: ctx, w: w, rc: http.NewResponseController(w)}
	w.Header().Set("Content-Type", "application/gzip")
	w.Header().Set("Trailer", errorTrailer)
	err := s.backup(ctx, out)
	switch {
	case err == nil:
	case out.begun:
		w.Header().Set(errorTrailer, trailer(s.late(ctx, err, 0)))
	default: // it can still be told plainly
		w.Header().Del("Trailer")
		s.refuse(w, r, s.late(ctx, err, 0))
	}
}

// patient is a client that may take its time, but not stop.
type patient struct {
	ctx   context.Context //nolint:containedctx // of the request, which this is the end of
	w     io.Writer
	rc    *http.ResponseController
	begun bool
}

// Write implements io.Writer.
func (p *patient) Write(b []byte) (int, error) {
	if err := p.ctx.Err(); err != nil {
		return 0, err
	}
	p.begun = true
	_ = p.rc.SetWriteDeadline(time.Now().Add(writeStall)) // unsupported only in tests
	return p.w.Write(b)
}

// BackupBody is a backup as it comes. Err tells, at its end, why it broke off.
type BackupBody struct {
	io.ReadCloser
	resp *http.Response
}

// Err is known when Read has returned io.EOF.
func (b *BackupBody) Err() error { return errorOf(b.resp.Trailer.Get(errorTrailer)) }

// Backup asks for a backup: see package backup.
func (c *Client) Backup(ctx context.Context) (*BackupBody, error) {
	resp, err := c.do(ctx, http.MethodGet, "/v1/backup", nil)
	if err != nil {
		return nil, err
	}
	return &BackupBody{resp.Body, resp}, nil
}
