package config

import (
	"fmt"
	"strings"
)

// lineIndex tells on which line the keys of a TOML text stand. The decoder
// keeps that to itself, so the text is skimmed once more: headers, keys, and
// the inline tables of a list. On a text the decoder refuses it may be wrong,
// never worse.
type lineIndex struct {
	line map[string]int // by path: bus[0].baud
	key  map[int]string // path of the key that begins on a line
}

// of returns the line of a path, or of the nearest table around it.
func (x lineIndex) of(path string) int {
	for path != "" {
		if n, ok := x.line[path]; ok {
			return n
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	return 0
}

func indexLines(text string) lineIndex {
	s := skimmer{
		index:  lineIndex{line: map[string]int{}, key: map[int]string{}},
		counts: map[string]int{},
	}
	for i, line := range strings.Split(text, "\n") {
		s.number = i + 1
		if s.quote == "" && s.depth == 0 {
			line = s.head(strings.TrimSpace(line))
		}
		s.value(line)
	}
	return s.index
}

// skimmer is where the skimming of a text stands.
type skimmer struct {
	index  lineIndex
	counts map[string]int // elements seen of each [[list]]
	number int            // of the current line
	table  string         // path of the current table
	path   string         // of the value that is open
	quote  string         // what ends the multi-line text that is open
	depth  int            // brackets open in the value
	item   int            // inline tables seen in the value
}

// head takes a header or a key from the start of a line and returns the rest.
func (s *skimmer) head(line string) string {
	switch {
	case strings.HasPrefix(line, "[["):
		name, _, _ := strings.Cut(line[2:], "]]")
		path := s.resolve(name)
		s.table = fmt.Sprintf("%s[%d]", path, s.counts[path])
		s.counts[path]++
		s.mark(s.table)
	case strings.HasPrefix(line, "["):
		name, _, _ := strings.Cut(line[1:], "]")
		s.table = s.resolve(name)
		s.mark(s.table)
	case line != "" && line[0] != '#':
		return s.begin(line)
	}
	return ""
}

// begin takes "key =" and returns the value.
func (s *skimmer) begin(line string) string {
	key, value, ok := strings.Cut(line, "=")
	if !ok {
		return ""
	}
	s.path = joinPath(s.table, strings.Join(splitKey(key), "."))
	s.item = 0
	s.mark(s.path)
	s.index.key[s.number] = s.path
	return value
}

// mark notes where a path begins; the first place counts.
func (s *skimmer) mark(path string) {
	if _, ok := s.index.line[path]; !ok {
		s.index.line[path] = s.number
	}
}

// resolve turns the name in a header into a path: below a list it means the
// list's last element.
func (s *skimmer) resolve(name string) string {
	path := ""
	for i, part := range splitKey(name) {
		if n := s.counts[path]; i > 0 && n > 0 {
			path = fmt.Sprintf("%s[%d]", path, n-1)
		}
		path = joinPath(path, part)
	}
	return path
}

// value skims what stands on one line of a value.
func (s *skimmer) value(line string) {
	for line != "" {
		if s.quote != "" {
			_, rest, ok := strings.Cut(line, s.quote)
			if !ok {
				return
			}
			line, s.quote = rest, ""
			continue
		}
		line = s.token(line)
	}
}

// token takes one token of a value and returns the rest of the line.
func (s *skimmer) token(line string) string {
	switch c := line[0]; c {
	case '#':
		return ""
	case '"', '\'':
		if triple := strings.Repeat(string(c), 3); strings.HasPrefix(line, triple) {
			s.quote = triple
			return line[3:]
		}
		return afterText(line)
	case '[', '{':
		s.depth++
		if c == '{' && s.depth == 2 {
			s.mark(fmt.Sprintf("%s[%d]", s.path, s.item))
			s.item++
		}
	case ']', '}':
		s.depth = max(s.depth-1, 0)
	}
	return line[1:]
}

// afterText returns what follows the one-line text at the start of line.
func afterText(line string) string {
	for i := 1; i < len(line); i++ {
		switch {
		case line[i] == line[0]:
			return line[i+1:]
		case line[i] == '\\' && line[0] == '"':
			i++
		}
	}
	return ""
}

// splitKey splits a dotted key; a dot inside quotes is not expected in ours.
func splitKey(key string) []string {
	parts := strings.Split(key, ".")
	for i, p := range parts {
		parts[i] = strings.Trim(strings.TrimSpace(p), `"'`)
	}
	return parts
}

func joinPath(table, key string) string {
	if table == "" {
		return key
	}
	return table + "." + key
}
