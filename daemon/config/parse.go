package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/BurntSushi/toml"
)

// Load reads the configuration in a file. Its error is always a Problems.
func Load(path string) (*Config, error) {
	data, err := readBounded(path)
	if err != nil {
		return nil, Problems{{
			File: path, What: "cannot be read: " + err.Error(),
			Cure: "name an existing file with --config, readable for the user lockerd runs as",
		}}
	}
	return Parse(data, path)
}

// Blank tells whether a file describes no bank yet: it has nothing but comments and
// its version, as the package installs it.
func Blank(data []byte) bool {
	var tree map[string]any
	if _, err := toml.Decode(string(data), &tree); err != nil {
		return false
	}
	delete(tree, "version")
	return len(tree) == 0
}

// readBounded reads a file, and one byte more than a configuration may have.
func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	return io.ReadAll(io.LimitReader(f, maxFileBytes+1))
}

// Parse reads a configuration; name stands for the file in messages. Its error
// is always a Problems.
func Parse(data []byte, name string) (*Config, error) {
	r := &reader{file: name, lines: indexLines(string(data)), broken: map[string]bool{}}
	if len(data) > maxFileBytes {
		r.add("", nil, "is too long", fmt.Sprintf("a configuration has at most %d bytes", maxFileBytes))
		return nil, r.problems
	}
	tree, ok := r.decode(string(data))
	if !ok {
		return nil, r.problems
	}
	c := r.section("", tree).config()
	if len(r.problems) > 0 {
		r.problems.sort()
		return nil, r.problems
	}
	return c, nil
}

// decode turns the text into a tree. The decoder stops at its first problem, so
// a line "key = value" that it refuses is noted, skipped, and the rest read
// without it.
func (r *reader) decode(text string) (map[string]any, bool) {
	lines := strings.Split(text, "\n")
	for range maxSyntaxLines {
		var tree map[string]any
		_, err := toml.Decode(strings.Join(lines, "\n"), &tree)
		if err == nil {
			return tree, true
		}
		if !r.skip(lines, err) {
			break
		}
	}
	r.problems.sort()
	return nil, false
}

// skip notes a problem of the syntax and blanks its line. It tells whether
// reading on makes sense.
func (r *reader) skip(lines []string, err error) bool {
	p := Problem{File: r.file, What: "cannot be read", Cure: "write it as TOML 1.0 says"}
	var pe toml.ParseError
	if !errors.As(err, &pe) {
		r.problems = append(r.problems, p)
		return false
	}
	n := pe.Position.Line
	p.Line, p.Key, p.What = n, r.lines.key[n], "cannot be read: "+hideQuoted(pe.Message)
	if strings.Contains(pe.Message, "already been defined") {
		p.What, p.Cure = "stands here a second time", "remove one of the two"
	}
	r.problems = append(r.problems, p)
	if p.Key == "" || n < 1 || n > len(lines) || lines[n-1] == "" {
		return false
	}
	r.broken[p.Key] = true
	lines[n-1] = ""
	return true
}

// quoted is what the decoder repeats of a value, which may be a password without its
// quotes: a text, or a number that is too large. Single characters are left.
var quoted = regexp.MustCompile(`"(?:\\.|[^"\\])+"|^\S+ is out of range`)

func hideQuoted(message string) string {
	return quoted.ReplaceAllStringFunc(message, func(s string) string {
		if strings.HasSuffix(s, "is out of range") {
			return "the number is out of range"
		}
		return "something else"
	})
}

// config reads the whole tree.
func (s *section) config() *Config {
	c := Default()
	s.require("version", "bank", "data_dir")
	if v := s.whole("version", Version, -1<<63, 1<<63-1); v != Version {
		s.bad("version", "is a format this lockerd does not know", fmt.Sprintf("write version = %d", Version))
	}
	c.Bank = s.text("bank", "", checkBank)
	c.DataDir = s.text("data_dir", "", checkPath)
	c.Timezone = s.text("timezone", c.Timezone, checkZone)

	c.Identity = s.identity(c.DataDir)
	c.MQTT = s.mqtt(c.Bank, c.Identity)
	c.Trust = s.trust(c.Identity)
	c.Time = s.time()
	c.Open = s.open(c.Open)
	c.Journal = s.journal(c.Journal)
	c.Control = s.control(c.DataDir)
	c.Update = s.update(c.Update)
	c.Kiosk, c.Metrics = s.listeners()
	s.hardware(&c)
	s.done(nil)
	return &c
}
