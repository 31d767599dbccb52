package config

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// reader gathers the problems of one file.
type reader struct {
	file     string
	lines    lineIndex
	broken   map[string]bool // paths whose line could not be read: there, not missing
	problems Problems
}

// add notes a problem of a key. A nil value means that none is there.
func (r *reader) add(path string, value any, what, cure string) {
	p := Problem{File: r.file, Key: path, Line: r.lines.of(path), What: what, Cure: cure}
	if value != nil {
		p.Value = show(value)
	}
	r.problems = append(r.problems, p)
}

// section reads one table. Every key that was asked for is a known one; what is
// left over when done is called is refused.
type section struct {
	*reader
	path  string
	table map[string]any
	known map[string]bool
}

func (r *reader) section(path string, table map[string]any) *section {
	return &section{reader: r, path: path, table: table, known: map[string]bool{}}
}

func (s *section) at(key string) string { return joinPath(s.path, key) }

// bad notes a problem of a key of this section, with the value it has.
func (s *section) bad(key, what, cure string) { s.add(s.at(key), s.table[key], what, cure) }

// refused tells whether a problem of a path has been noted.
func (r *reader) refused(path string) bool {
	return slices.ContainsFunc(r.problems, func(p Problem) bool { return p.Key == path })
}

func (s *section) has(key string) bool { _, ok := s.table[key]; return ok }

// require notes every key that is missing.
func (s *section) require(keys ...string) {
	for _, key := range keys {
		s.known[key] = true
		if !s.has(key) && !s.broken[s.at(key)] {
			s.add(s.at(key), nil, "is missing", fmt.Sprintf("add %s = %s", key, exampleOf(key)))
		}
	}
}

// take returns the value of a key if it is there and of type T.
func take[T any](s *section, key, want string) (T, bool) {
	s.known[key] = true
	v, ok := s.table[key]
	if !ok {
		var none T
		return none, false
	}
	t, ok := v.(T)
	if !ok {
		s.bad(key, "is "+kindOf(v), "write "+want)
	}
	return t, ok
}

// text reads a text that check finds nothing wrong with.
func (s *section) text(key, def string, check func(string) (what, cure string)) string {
	v, ok := take[string](s, key, `a text in quotes, as `+key+` = `+exampleOf(key))
	if !ok {
		return def
	}
	what, cure := plainText(v)
	if what == "" && check != nil {
		what, cure = check(v)
	}
	if what != "" {
		s.bad(key, what, cure)
		return def
	}
	return v
}

// choice reads one of a few texts.
func (s *section) choice(key, def string, of ...string) string {
	return s.text(key, def, func(v string) (string, string) {
		if slices.Contains(of, v) {
			return "", ""
		}
		return "is none of the values it can have", "use " + orList(of)
	})
}

// whole reads a whole number between two bounds.
func (s *section) whole(key string, def, low, high int64) int64 {
	v, ok := take[int64](s, key, fmt.Sprintf("a whole number from %d to %d", low, high))
	switch {
	case !ok:
		return def
	case v < low || v > high:
		s.bad(key, "is out of range", fmt.Sprintf("use a number from %d to %d", low, high))
		return def
	}
	return v
}

// span reads a duration between two bounds.
func (s *section) span(key string, def, low, high time.Duration) time.Duration {
	v, ok := take[string](s, key, fmt.Sprintf("a duration with its unit in quotes, as %s = %q", key, shortSpan(def)))
	if !ok {
		return def
	}
	d, err := time.ParseDuration(v)
	switch {
	case err != nil:
		s.bad(key, "is no duration", fmt.Sprintf("write a number with its unit, as %q", shortSpan(def)))
		return def
	case d < low || d > high:
		s.bad(key, "is out of range", fmt.Sprintf("use %q to %q", shortSpan(low), shortSpan(high)))
		return def
	}
	return d
}

// flag reads true or false.
func (s *section) flag(key string, def bool) bool {
	if v, ok := take[bool](s, key, "true or false, without quotes"); ok {
		return v
	}
	return def
}

// sub returns the table under a key, or nil if there is none.
func (s *section) sub(key string) *section {
	v, ok := take[map[string]any](s, key, fmt.Sprintf("a table, headed [%s]", s.at(key)))
	if !ok {
		return nil
	}
	return s.section(s.at(key), v)
}

// list returns the tables of a list of tables.
func (s *section) list(key string) []*section {
	s.known[key] = true
	var out []*section
	switch v := s.table[key].(type) {
	case nil:
	case []map[string]any:
		for i, t := range v {
			out = append(out, s.section(fmt.Sprintf("%s[%d]", s.at(key), i), t))
		}
	case []any:
		for i, e := range v {
			path := fmt.Sprintf("%s[%d]", s.at(key), i)
			if t, ok := e.(map[string]any); ok {
				out = append(out, s.section(path, t))
			} else {
				s.add(path, e, "is "+kindOf(e), "write a table: { ... }")
			}
		}
	default:
		s.bad(key, "is "+kindOf(v), fmt.Sprintf("write a list of tables, each headed [[%s]]", key))
	}
	return out
}

// done refuses the keys that nobody asked for. Keys in owners are known
// elsewhere, and the refusal says where. The value of an unknown key is not shown:
// it may be a mistyped "password", and what is said here stands in the log.
func (s *section) done(owners map[string]string) {
	known := slices.Sorted(maps.Keys(s.known))
	for _, key := range slices.Sorted(maps.Keys(s.table)) {
		if s.known[key] {
			continue
		}
		if owner, ok := owners[key]; ok {
			s.bad(key, "does not belong here: it is a key of "+owner, "remove it")
			continue
		}
		s.add(s.at(key), nil, "is not a known key", "remove it, or use one of "+strings.Join(known, ", "))
	}
}

// show returns a value as it may stand in a message.
func show(v any) string {
	const most = 60
	var s string
	switch v := v.(type) {
	case string:
		if strings.Contains(v, "@") || strings.Contains(v, "://") && strings.Contains(v, "?") {
			return "(not shown: may hold a password)"
		}
		s = strconv.Quote(v)
	case map[string]any, []map[string]any:
		return "{...}"
	case []any:
		return "[...]"
	case time.Time:
		s = v.Format(time.RFC3339)
	default:
		s = fmt.Sprint(v)
	}
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "..."
	}
	return s
}

// kindOf names the type of a decoded value in words.
func kindOf(v any) string {
	switch v.(type) {
	case string:
		return "a text"
	case int64:
		return "a whole number"
	case float64:
		return "a number with a fraction"
	case bool:
		return "true or false"
	case time.Time:
		return "a date or time"
	case map[string]any:
		return "a table"
	}
	return "a list"
}

// orList joins choices as a person would.
func orList(of []string) string {
	quoted := make([]string, len(of))
	for i, s := range of {
		quoted[i] = strconv.Quote(s)
	}
	if len(quoted) < 2 {
		return strings.Join(quoted, "")
	}
	last := len(quoted) - 1
	return strings.Join(quoted[:last], ", ") + " or " + quoted[last]
}
