package update

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lockerd/daemon/slots"
	"lockerd/daemon/update/release"
)

const board = "lockerd-linux-arm64"

// rig is a repository, its keys, and a bank that knows its first root.
type rig struct {
	t      *testing.T
	now    time.Time // of both
	repo   *release.Repo
	client *Client
}

func newRig(t *testing.T, root, targets release.Threshold) *rig {
	t.Helper()
	dir := t.TempDir()
	r := &rig{t: t, now: time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)}
	r.repo = &release.Repo{Dir: filepath.Join(dir, "repo"), Keys: filepath.Join(dir, "keys"), Now: func() time.Time { return r.now }}
	r.must(r.repo.Init(root, targets))
	first := filepath.Join(dir, "root.json")
	r.copy(first, filepath.Join(r.repo.Dir, "metadata", "1.root.json"))
	r.client = &Client{
		RootFile: first, Dir: filepath.Join(dir, "bank", "tuf"), Now: func() time.Time { return r.now }, Board: board,
		Log: func(s string) { t.Log(s) },
	}
	return r
}

func one(t *testing.T) *rig {
	t.Helper()
	return newRig(t, release.Threshold{Keys: 1, Need: 1}, release.Threshold{Keys: 1, Need: 1})
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) copy(to, from string) {
	r.t.Helper()
	b, err := os.ReadFile(from)
	r.must(err)
	r.must(os.WriteFile(to, b, 0o600))
}

func programText(version string) []byte {
	return append([]byte(version+"\n"), bytes.Repeat([]byte("program of "+version+"\n"), 20000)...)
}

// add releases a version into stable.
func (r *rig) add(version string) error {
	r.t.Helper()
	path := filepath.Join(r.t.TempDir(), board)
	r.must(os.WriteFile(path, programText(version), 0o600))
	return r.repo.Add("stable", version, []string{path})
}

func (r *rig) find() (*Found, error) {
	return r.client.Find(context.Background(), directory(r.repo.Dir), "stable")
}

// finds wants a version to be believed.
func (r *rig) finds(version string) *Found {
	r.t.Helper()
	f, err := r.find()
	if err != nil {
		r.t.Fatalf("version %s is not believed: %v", version, err)
	}
	if f.Program.Version != version {
		r.t.Fatalf("found %s, want %s", f.Program.Version, version)
	}
	return f
}

// refuses wants a refusal with words and with a cure.
func refuses(t *testing.T, err error, want, cure string) {
	t.Helper()
	e, ok := errors.AsType[*Error](err)
	if !ok || !strings.Contains(e.Text, want) || !strings.Contains(e.Cure, cure) {
		t.Fatalf("got %v; want %q and to do %q", err, want, cure)
	}
}

// stage copies the repository as it is now: what somebody in between can show later.
func (r *rig) copyRepo() string {
	r.t.Helper()
	to := filepath.Join(r.t.TempDir(), "copy")
	r.must(os.CopyFS(to, os.DirFS(r.repo.Dir)))
	return to
}

// edit changes a file of the repository.
func (r *rig) edit(name string, change func([]byte) []byte) {
	r.t.Helper()
	all, err := filepath.Glob(filepath.Join(r.repo.Dir, name))
	r.must(err)
	if len(all) == 0 {
		r.t.Fatalf("there is no %s", name)
	}
	path := all[len(all)-1]
	b, err := os.ReadFile(path)
	r.must(err)
	r.must(os.WriteFile(path, change(b), 0o600))
}

// put stages what was found into slots of its own.
func (r *rig) put(src Source, f *Found) error {
	r.t.Helper()
	body, err := r.client.Open(context.Background(), src, f)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	d := &slots.Dir{Path: filepath.Join(r.t.TempDir(), "update")}
	if err := d.Put(f.Program, body, r.now); err != nil {
		return err
	}
	got, err := os.ReadFile(d.Program(slots.A))
	r.must(err)
	if !bytes.Equal(got, programText(f.Program.Version)) {
		r.t.Fatal("another program lies in the slot")
	}
	return nil
}

// serve serves the repository over HTTP.
func (r *rig) serve() Source {
	r.t.Helper()
	s := httptest.NewServer(http.FileServer(http.Dir(r.repo.Dir)))
	r.t.Cleanup(s.Close)
	src, err := NewSource(s.URL)
	r.must(err)
	return src
}

type broken struct{ Source }

// Open implements Source: the connection breaks in the middle of a program.
func (b broken) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	r, err := b.Source.Open(ctx, name)
	if err != nil || !strings.HasPrefix(name, "targets/") {
		return r, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(io.LimitReader(r, 1000), &cut{}), r}, nil
}

type cut struct{}

func (*cut) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
