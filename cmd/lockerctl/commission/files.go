package commission

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"lockerd/daemon/commission"
	"lockerd/daemon/config"
	"lockerd/store/durable"
)

const fileMode = 0o644 // nothing in them is secret

// Files are where a walk is written down: beside the configuration.
type Files struct{ Config string }

func (f Files) beside(suffix string) string {
	return strings.TrimSuffix(f.Config, ".toml") + ".commission" + suffix
}

// State is where the walk is kept while it is under way, and for --door.
func (f Files) State() string { return f.beside(".state") }

// Report returns the paths of the report: for people and for machines.
func (f Files) Report() (html, json string) { return f.beside(".html"), f.beside(".json") }

// Load returns the walk that was kept; nil: there is none.
func (f Files) Load() (*commission.State, error) {
	b, err := os.ReadFile(f.State())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("cannot read the state of the walk: %w", err)
	}
	return commission.Decode(b)
}

// Keep writes the walk down, on disk when it returns.
func (f Files) Keep(s *commission.State) error {
	b, err := s.Encode()
	if err == nil {
		err = durable.WriteFile(f.State(), b, fileMode)
	}
	return err
}

// KeepReport writes both forms of the report.
func (f Files) KeepReport(r *commission.Report) error {
	html, machine := f.Report()
	for path, write := range map[string]func(io.Writer) error{html: r.HTML, machine: r.JSON} {
		var b bytes.Buffer
		err := write(&b)
		if err == nil {
			err = durable.WriteFile(path, b.Bytes(), fileMode)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Write puts the configuration in place. What is there and differs is replaced
// by force only, and kept with .bak behind its name.
func (f Files) Write(text []byte, force bool) error {
	old, err := os.ReadFile(f.Config)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fmt.Errorf("cannot read %s: %w", f.Config, err)
	case bytes.Equal(old, text):
		return nil
	case config.Blank(old): // the package's: it says that nothing has been described
	case !force:
		return fmt.Errorf("cannot write %s: it is there and says something else; --force replaces it and keeps it as %s.bak", f.Config, filepath.Base(f.Config))
	default:
		if err := durable.WriteFile(f.Config+".bak", old, fileMode); err != nil {
			return err
		}
	}
	return durable.WriteFile(f.Config, text, fileMode)
}
