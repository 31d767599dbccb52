package metrics

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/net/netutil"
)

// Bounds of the server.
const (
	Fresh      = time.Second      // an answer younger than that is given again: the bank is not asked more often
	retry      = 30 * time.Second // between two tries to listen
	gatherTime = 5 * time.Second
	ioTime     = 10 * time.Second
	headBytes  = 8 << 10
	connsMax   = 16
)

// Server answers scrapes.
type Server struct {
	Gather func(ctx context.Context) ([]byte, error) // called by one at a time
	Log    *slog.Logger
	Retry  time.Duration // between two tries to listen; 0: half a minute

	mu   sync.Mutex // held while the bank is asked
	at   time.Time  // of last
	last []byte
}

// Run listens on addr until ctx ends. An address that is not there, or taken, is tried
// again for ever: it is no reason for doors to wait.
func (s *Server) Run(ctx context.Context, addr string) {
	told := false
	for ctx.Err() == nil {
		var c net.ListenConfig
		l, err := c.Listen(ctx, "tcp", addr)
		if err == nil {
			told = false
			s.Log.Info("metrics are served", slog.String("listen", l.Addr().String()))
			err = s.Serve(ctx, l)
		}
		if err == nil {
			return
		}
		if !told {
			told = true
			s.Log.Warn("cannot serve metrics, and tries again: look what else listens on metrics.listen", slog.String("listen", addr), slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
		case <-time.After(cmp.Or(s.Retry, retry)):
		}
	}
}

// Serve answers on l until ctx ends, then it returns nil.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", s.scrape)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("lockerd: what Prometheus scrapes is at /metrics\n")) // the client's loss
	})
	srv := &http.Server{
		Handler: mux, ReadTimeout: ioTime, WriteTimeout: ioTime, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: headBytes,
		ErrorLog: slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug),
	}
	stop := context.AfterFunc(ctx, func() { _ = srv.Close() }) // scrapes under way are worth nothing
	defer stop()
	err := srv.Serve(netutil.LimitListener(l, connsMax))
	if ctx.Err() != nil && errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

func (s *Server) scrape(w http.ResponseWriter, r *http.Request) {
	b, err := s.now(r.Context())
	if err != nil {
		http.Error(w, "cannot ask the bank: "+err.Error(), http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, _ = w.Write(b) // the client's loss
}

// now returns the bank as it is, or was less than Fresh ago.
func (s *Server) now(ctx context.Context) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last != nil && time.Since(s.at) < Fresh {
		return s.last, nil
	}
	ctx, cancel := context.WithTimeout(ctx, gatherTime)
	defer cancel()
	b, err := s.Gather(ctx)
	if err != nil {
		return nil, err
	}
	s.last, s.at = b, time.Now()
	return b, nil
}
