// Package box holds what the tools at the bank and for a fleet do alike with
// support bundles and other files that they make: keys read, bundles opened,
// verified and unpacked, files written whole and never over others. Its errors are
// *bank.Error, with a cure.
package box

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"lockerd/cmd/lockerctl/ui"
	"lockerd/daemon/bank"
	"lockerd/daemon/bundle"
	"lockerd/daemon/control"
	"lockerd/daemon/support"
)

// Recipient reads a recipient, or the file that holds it.
func Recipient(to string) (string, error) {
	if to == "" {
		return "", nil
	}
	if !strings.HasPrefix(to, "lockerd-bundle-") {
		b, err := ReadKey(to)
		if err != nil {
			return "", err
		}
		to = strings.TrimSpace(b)
	}
	if _, err := bundle.Seal(to, nil); err != nil { // before anybody is asked
		return "", &bank.Error{Code: control.CodeInvalid, Text: fmt.Sprintf("cannot encrypt: %v", err), Cure: "give the recipient that lockerctl bundle key has printed, or a file with it"}
	}
	return to, nil
}

// ReadKey reads a file with a key.
func ReadKey(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", &bank.Error{Code: control.CodeInvalid, Text: fmt.Sprintf("cannot read the key: %v", err), Cure: "lockerctl bundle key makes one; the recipient goes to --to, the secret file to --key"}
	}
	defer f.Close() //nolint:errcheck // only read
	b, err := io.ReadAll(io.LimitReader(f, 4<<10))
	if err != nil {
		return "", fmt.Errorf("cannot read the key: %w", err)
	}
	return string(b), nil
}

// Writable refuses a file that this user can't make, or replace: for who asks before that
// which goes into it is done, and can't be undone or takes long.
func Writable(path string) error {
	var why error
	if st, err := os.Stat(path); err == nil && st.IsDir() {
		why = errors.New("it is a directory")
	} else {
		why = unix.Faccessat(unix.AT_FDCWD, filepath.Dir(path), unix.W_OK|unix.X_OK, unix.AT_EACCESS)
	}
	if why == nil {
		return nil
	}
	return &bank.Error{Code: control.CodeFailed, Text: fmt.Sprintf("cannot write %q: %v", path, why), Cure: "name a file where you may write"}
}

// Free refuses also a name that is taken, as WriteNew does.
func Free(path string) error {
	if _, err := os.Lstat(path); err == nil {
		return taken(path)
	}
	return Writable(path)
}

func taken(path string) error {
	return &bank.Error{Code: control.CodeRefused, Text: fmt.Sprintf("cannot write %q: it is there already", path), Cure: "name another file"}
}

// WriteNew makes a file that nobody else reads, whole or not at all, and never
// over another.
func WriteNew(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return taken(path)
	}
	if err != nil {
		return &bank.Error{Code: control.CodeFailed, Text: fmt.Sprintf("cannot write: %v", err), Cure: "name a file where you may write"}
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		_ = os.Remove(path) // it is not whole
		return &bank.Error{Code: control.CodeFailed, Text: fmt.Sprintf("cannot write %q: %v", path, err), Cure: "free space there, or name a file on another disk"}
	}
	return nil
}

// Entries lists the parts of a bundle.
func Entries(all []bundle.Entry) *ui.Table {
	t := &ui.Table{Indent: "  "}
	for _, e := range all {
		cut := ""
		if e.Cut > 0 {
			cut = fmt.Sprintf("%d bytes in front left out", e.Cut)
		}
		t.Row(ui.Plain(e.Name), ui.Plain(fmt.Sprintf("%d", e.Bytes)), ui.Plain(cut))
	}
	return t
}

// Opened is the document of bundle open.
type Opened struct {
	Bank    string            `json:"bank"`
	At      time.Time         `json:"at"`
	Running bool              `json:"running"`
	Dir     string            `json:"dir"`
	Parts   []bundle.Entry    `json:"parts"`
	Missing map[string]string `json:"missing,omitempty"`
}

// ReadBundle returns the plain bytes of a bundle's file.
func ReadBundle(path, key string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, &bank.Error{Code: control.CodeNotFound, Text: fmt.Sprintf("cannot open the bundle: %v", err), Cure: "name a file that lockerctl bundle has made"}
	}
	defer f.Close() //nolint:errcheck // only read
	b, err := io.ReadAll(io.LimitReader(f, 2*bundle.TotalMax))
	if err != nil || !bundle.IsSealed(b) {
		return b, err
	}
	secret, err := ReadKey(key)
	if err != nil {
		return nil, err
	}
	plain, err := bundle.Unseal(secret, b)
	if err != nil {
		return nil, &bank.Error{Code: control.CodeRefused, Text: fmt.Sprintf("cannot open the bundle: %v", err), Cure: "name the secret of the recipient it was made for: --key FILE; or have it sent again"}
	}
	return plain, nil
}

// Unpack verifies a bundle and writes its parts into a directory of their own.
func Unpack(b []byte, dir string) (Opened, error) {
	m, parts, err := bundle.Read(bytes.NewReader(b))
	if err != nil {
		return Opened{}, &bank.Error{Code: control.CodeFailed, Text: fmt.Sprintf("cannot open the bundle: %v", err), Cure: "have it sent again; only what lockerctl bundle has made can be opened"}
	}
	about, _, err := support.Open(parts)
	if err != nil {
		return Opened{}, err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return Opened{}, &bank.Error{Code: control.CodeRefused, Text: fmt.Sprintf("cannot make the directory: %v", err), Cure: "name another: -d DIR"}
	}
	for _, p := range parts {
		if err := WriteNew(filepath.Join(dir, p.Name), p.Body); err != nil {
			return Opened{}, err
		}
	}
	return Opened{Bank: m.Bank, At: m.At, Running: about.Running, Dir: dir, Parts: m.Parts, Missing: about.Missing}, nil
}

// Page tells what a bundle holds.
func Page(p *ui.Page, o *Opened) {
	p.Line("bundle of bank %s, made %s, whole", ui.Clean(o.Bank), o.At.Format(time.RFC3339))
	if !o.Running {
		p.Line("lockerd did not run: it holds what lay on the disk")
	}
	p.Line("in %s:", o.Dir)
	p.Table(Entries(o.Parts))
	p.Table(Missing(o.Missing))
}

// Missing lists what is not in a bundle, and why.
func Missing(parts map[string]string) *ui.Table {
	t := &ui.Table{Indent: "  "}
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		t.Row(ui.Tinted(name+" is missing", ui.Notice), ui.Plain(strings.ReplaceAll(parts[name], "\n", "; ")))
	}
	return t
}
