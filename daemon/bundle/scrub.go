package bundle

import (
	"bytes"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// hidden stands where a secret stood.
const hidden = "[hidden]"

// secretLeast is how long a value must be to be looked for: a shorter one would
// be found everywhere, and protects nothing.
const secretLeast = 4

// codes are the texts that open doors: 26 digits, or the 100 and more of a
// ticket (contract 4). lockerd writes none anywhere; this is the second net.
var codes = regexp.MustCompile(`\b(?:[0-9]{26}|[0-9]{100,})\b`)

// Secrets lists the values of a configuration that Redact leaves out, to look
// for them elsewhere: what the kernel or a library has logged, say. Values that
// are shown under another key are none.
func Secrets(conf []byte) []string {
	var doc map[string]any
	if _, err := toml.Decode(string(conf), &doc); err != nil {
		return nil
	}
	all, open := map[string]bool{}, map[string]bool{}
	left := 0
	texts(doc, all)
	texts(prune("", doc, &left), open)
	out := map[string]bool{}
	for s := range all {
		if open[s] {
			continue
		}
		out[s] = true
		if scheme, rest, ok := strings.Cut(s, "://"); ok && scheme != "" { // its parts, too
			for _, part := range strings.FieldsFunc(rest, func(r rune) bool { return strings.ContainsRune(":@?&=#", r) }) {
				if !openPart(open, part) {
					out[part] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(out))
}

// openPart tells whether a part of an address is in one that is shown.
func openPart(open map[string]bool, part string) bool {
	for s := range open {
		if strings.Contains(s, part) {
			return true
		}
	}
	return false
}

func texts(v any, into map[string]bool) {
	switch v := v.(type) {
	case string:
		into[v] = true
	case map[string]any:
		for _, x := range v {
			texts(x, into)
		}
	case []map[string]any:
		for _, x := range v {
			texts(x, into)
		}
	case []any:
		for _, x := range v {
			texts(x, into)
		}
	}
}

// Scrub takes secrets, and what has the form of a code or ticket, out of a
// text; in JSON, too.
func Scrub(body []byte, secrets []string) []byte {
	body = codes.ReplaceAll(body, []byte(hidden))
	for _, s := range secrets {
		if s = strings.TrimSpace(s); len(s) < secretLeast {
			continue
		}
		body = bytes.ReplaceAll(body, []byte(s), []byte(hidden))
		if q, err := json.Marshal(s); err == nil {
			body = bytes.ReplaceAll(body, q[1:len(q)-1], []byte(hidden))
		}
	}
	return body
}
