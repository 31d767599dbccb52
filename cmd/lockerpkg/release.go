package main

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// release is the version of a package: what git says of the commit, in the
// words of each format, so that later commits are newer everywhere.
type release struct {
	base       string // 1.2.0
	pre        string // rc1
	commits    string // since the tag
	hash       string
	dirty      bool
	tagged     bool
	at         time.Time
	maintainer string
}

// described matches git describe --tags --always --dirty.
var described = regexp.MustCompile(`^v?(\d+\.\d+\.\d+)(?:-((?:alpha|beta|rc)\.?\d+))?(?:-(\d+)-g([0-9a-f]+))?(-dirty)?$`)

// untagged matches it where no tag is in reach, and what the Makefile says
// without git.
var untagged = regexp.MustCompile(`^([0-9a-f]{7,40}|dev)(-dirty)?$`)

func parseRelease(describe string, at time.Time) (release, error) {
	if m := described.FindStringSubmatch(describe); m != nil {
		return release{
			base: m[1], pre: regexp.MustCompile(`\.`).ReplaceAllString(m[2], ""), commits: m[3], hash: m[4],
			dirty: m[5] != "", tagged: true, at: at,
		}, nil
	}
	if m := untagged.FindStringSubmatch(describe); m != nil {
		return release{base: "0.0.0", hash: m[1], dirty: m[2] != "", at: at}, nil
	}
	return release{}, fmt.Errorf("cannot make a version of %q: it must look like v1.2.0, v1.2.0-rc1 or v1.2.0-5-g0df4db4", describe)
}

// stamp orders commits that no tag orders, by the time they were made.
func (r release) stamp() string { return r.at.UTC().Format("20060102150405") }

// debian returns the version in dpkg's order, which is rpm's too: ~ sorts
// before the end, + after it.
func (r release) debian() string {
	v := r.base
	if r.pre != "" {
		v += "~" + r.pre
	}
	switch {
	case !r.tagged:
		v += "+" + r.stamp() + ".g" + r.hash
	case r.commits != "":
		v += "+" + r.commits + ".g" + r.hash
	}
	if r.dirty {
		v += "+dirty"
	}
	return v
}

// alpine returns the version in apk's order, which knows no free text: that a
// tree was dirty is not told.
func (r release) alpine() string {
	v := r.base
	if r.pre != "" {
		v += "_" + r.pre
	}
	switch {
	case !r.tagged:
		v += "_git" + r.stamp()
	case r.commits != "":
		v += "_p" + r.commits
	}
	return v
}

// sourceDate reads SOURCE_DATE_EPOCH, the time that all files get.
func sourceDate(epoch string) (time.Time, error) {
	s, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil || s <= 0 {
		return time.Time{}, fmt.Errorf("cannot read SOURCE_DATE_EPOCH=%q: set it to the commit's time, git log -1 --format=%%ct", epoch)
	}
	return time.Unix(s, 0).UTC(), nil
}

// origin tells which commit a release is of.
func (r release) origin() string {
	switch {
	case r.hash != "":
		return "commit " + r.hash
	default:
		return "tag v" + r.base + orNone("-", r.pre)
	}
}
