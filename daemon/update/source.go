package update

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// Bounds of a fetch.
const (
	fetchTime  = 30 * time.Minute // of a program over the slowest modem: 15 MiB at 10 KiB/s
	headerTime = 30 * time.Second
)

// Source is where files of a repository come from. A file that is not there is
// fs.ErrNotExist.
type Source interface {
	Open(ctx context.Context, name string) (io.ReadCloser, error)
}

// NewSource takes a directory, https:// or http://.
func NewSource(from string) (Source, error) {
	if filepath.IsAbs(from) {
		return directory(from), nil
	}
	u, err := url.Parse(from)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return nil, &Error{
			Code: CodeInvalid, Text: fmt.Sprintf("cannot take updates from %.100q", from),
			Cure: "give an address, https://HOST/PATH, or the full path of a directory, /media/stick/lockerd",
		}
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.ResponseHeaderTimeout = headerTime
	return &web{base: u, http: &http.Client{Transport: t, Timeout: fetchTime}}, nil
}

// directory is a repository on a stick.
type directory string

// Open implements Source.
func (d directory) Open(_ context.Context, name string) (io.ReadCloser, error) {
	if !fs.ValidPath(name) {
		return nil, fmt.Errorf("no name of a file: %q", name)
	}
	if _, err := os.Stat(string(d)); err != nil {
		return nil, &Error{Code: CodeUnavailable, Text: fmt.Sprintf("cannot read the updates: %v", err), Cure: "plug the stick in and mount it: lsblk, mount"}
	}
	return os.Open(filepath.Join(string(d), filepath.FromSlash(name)))
}

type web struct {
	base *url.URL
	http *http.Client
}

// Open implements Source.
func (w *web) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	u := *w.base
	u.Path = path.Join("/", u.Path, name)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := w.http.Do(req)
	if err != nil {
		return nil, &Error{
			Code: CodeUnavailable, Text: "cannot reach the updates: " + strings.TrimPrefix(err.Error(), "Get "),
			Cure: "check the board's network and clock (lockerctl clock show), then order it again; or bring it on a stick: --from /media/stick/lockerd",
		}
	}
	switch resp.StatusCode {
	case http.StatusOK:
		return resp.Body, nil
	case http.StatusNotFound, http.StatusForbidden, http.StatusGone: // some buckets answer 403 for what is not there
		err = fs.ErrNotExist
	default:
		err = &Error{Code: CodeUnavailable, Text: fmt.Sprintf("cannot fetch %s: the server answers %s", u.Redacted(), resp.Status), Cure: "look at the web server of the updates"}
	}
	_ = resp.Body.Close()
	return nil, err
}
