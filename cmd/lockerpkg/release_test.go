package main

import (
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestReleases(t *testing.T) {
	// In the order of age: each format must see it so.
	tests := []struct{ describe, debian, alpine string }{
		{"0df4db4", "0.0.0+20261126043000.g0df4db4", "0.0.0_git20261126043000"},
		{"v1.2.0-rc.1", "1.2.0~rc1", "1.2.0_rc1"},
		{"v1.2.0-rc2", "1.2.0~rc2", "1.2.0_rc2"},
		{"v1.2.0", "1.2.0", "1.2.0"},
		{"v1.2.0-5-gabcdef0", "1.2.0+5.gabcdef0", "1.2.0_p5"},
		{"v1.2.0-12-gabcdef1-dirty", "1.2.0+12.gabcdef1+dirty", "1.2.0_p12"},
		{"1.10.0", "1.10.0", "1.10.0"},
	}
	older := ""
	for _, tt := range tests {
		r, err := parseRelease(tt.describe, commit)
		if err != nil || r.debian() != tt.debian || r.alpine() != tt.alpine {
			t.Errorf("%s: %s and %s, %v; want %s and %s", tt.describe, r.debian(), r.alpine(), err, tt.debian, tt.alpine)
		}
		newer(t, older, r.debian())
		older = r.debian()
	}
	for _, bad := range []string{"", "1.2", "v1.2.0 ", "v1.2.0-", "main", "v1.2.0-rc1; reboot", "HEAD-dirty"} {
		if r, err := parseRelease(bad, commit); err == nil {
			t.Errorf("%q is taken as %s", bad, r.debian())
		}
	}
}

func newer(t *testing.T, older, v string) {
	t.Helper()
	if _, err := exec.LookPath("dpkg"); err != nil || older == "" {
		return
	}
	if err := exec.Command("dpkg", "--compare-versions", older, "lt", v).Run(); err != nil {
		t.Errorf("dpkg takes %s not for newer than %s", v, older)
	}
}

func TestSourceDate(t *testing.T) {
	at, err := sourceDate("1795667400")
	if err != nil || !at.Equal(time.Unix(1795667400, 0)) {
		t.Errorf("got %s, %v", at, err)
	}
	for _, bad := range []string{"", "0", "-1", "today"} {
		if _, err := sourceDate(bad); err == nil || !strings.Contains(err.Error(), "git log") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
