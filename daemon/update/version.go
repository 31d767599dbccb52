package update

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"
)

// described is what git describe adds behind a tag: commits since, and the last one.
var described = regexp.MustCompile(`-[0-9]+-g[0-9a-f]+(-dirty)?$|-dirty$`)

// version is 1.2.3 or 1.2.3-rc1; what is none counts as the oldest there is.
type version struct {
	number [3]uint64
	pre    string // "": a release, above its candidates
}

func parseVersion(s string) (v version) {
	s, v.pre, _ = strings.Cut(described.ReplaceAllString(strings.TrimPrefix(s, "v"), ""), "-")
	parts := strings.Split(s, ".")
	if len(parts) != len(v.number) {
		return version{}
	}
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 10, 32)
		if err != nil {
			return version{}
		}
		v.number[i] = n
	}
	return v
}

// compare orders versions as semver.org does (2.0.0, 11).
func (v version) compare(o version) int {
	for i := range v.number {
		if c := cmp.Compare(v.number[i], o.number[i]); c != 0 {
			return c
		}
	}
	switch {
	case v.pre == o.pre:
		return 0
	case v.pre == "":
		return 1
	case o.pre == "":
		return -1
	}
	return comparePre(strings.Split(v.pre, "."), strings.Split(o.pre, "."))
}

func comparePre(a, b []string) int {
	for i := range min(len(a), len(b)) {
		n, aerr := strconv.ParseUint(a[i], 10, 32)
		m, berr := strconv.ParseUint(b[i], 10, 32)
		var c int
		switch {
		case aerr == nil && berr == nil:
			c = cmp.Compare(n, m)
		case aerr == nil:
			c = -1
		case berr == nil:
			c = 1
		default:
			c = cmp.Compare(a[i], b[i])
		}
		if c != 0 {
			return c
		}
	}
	return cmp.Compare(len(a), len(b))
}
